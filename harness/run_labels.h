/* The labels that a run gets without being told: which commit it measures. */
#ifndef BITBENCH_RUN_LABELS_H
#define BITBENCH_RUN_LABELS_H

#include "harness/options.h"

struct ctx;
struct err;

/* all (empty) gets copies of the given "KEY=VALUE" labels and, unless they are given, commit,
 * branch and time: from the variables of usual CI servers, else from git where the working folder
 * is in a repository ("HASH-dirty" with changes). None where there is neither. */
int run_labels(const struct ctx *c, const struct texts *given, struct texts *all, struct err *e);

#endif
