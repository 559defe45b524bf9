/* What `datasets prepare` unpacks of which data set.
 *
 * To add one: a row in prepare.c, and a source that prefers the unpacked form. */
#ifndef BITBENCH_PREPARE_H
#define BITBENCH_PREPARE_H

#include <stdbool.h>

struct dataset_desc;
struct err;

bool prepare_has_steps(const char *dataset);

/* Unpacks what lies in `place` into `dir`, which may be the same; else the small files that the set
 * needs beside it are copied there. dry_run: only says what. *n gets the number of packed files
 * that were found there; 0 is no error. */
int prepare_place(const char *dataset, const char *place, const char *dir, bool dry_run,
                  unsigned *n, struct err *e);

#endif
