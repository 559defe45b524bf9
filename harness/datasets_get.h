/* Getting data sets: `datasets fetch` and `datasets prepare`. */
#ifndef BITBENCH_DATASETS_GET_H
#define BITBENCH_DATASETS_GET_H

#include <stdbool.h>
#include <stdint.h>

struct ctx;
struct err;

struct datasets_get_args {
    const char *to;     /* folder instead of the data folder, or NULL */
    const char *mirror; /* fetch: address instead of the official ones, or NULL */
    int64_t stall_s;    /* fetch; 0: 60 */
    int64_t tries;      /* fetch; 0: 5 */
    bool dry_run;       /* say what would be done */
};

/* Each returns an exit status of command.h, or -1 with e set. */

/* Fetches the official files of a data set, or says what a person has to do (exit 1). */
int datasets_fetch(struct ctx *c, const char *name, const struct datasets_get_args *a,
                   struct err *e);
/* Unpacks once what cannot be read in place quickly. */
int datasets_prepare(struct ctx *c, const char *name, const struct datasets_get_args *a,
                     struct err *e);

#endif
