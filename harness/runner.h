/* Runs what is missing of a sweep in a run directory, one (model, data set) after another. */
#ifndef BITBENCH_RUNNER_H
#define BITBENCH_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include "harness/options.h"
#include "protocols/protocol.h"

struct ctx;
struct err;
struct made;
struct run_spec;

struct run_order {
    const struct run_spec *specs;
    size_t n;
    const char *dir;
    const char *run_yaml;       /* kept in DIR */
    const struct texts *labels; /* "KEY=VALUE" */
    bool keep_old;              /* a result from other code, weights or data counts as done */
};

struct run_totals {
    size_t before, computed, failed, absent, retired; /* cells; computed includes failed */
    /* computed cells with a class that has fewer images than are to be drawn */
    size_t n_short;
    struct group_counters counters;
    char absent_why[512]; /* of the first absent group */
};

/* 0 also when cells failed or were absent (see totals); -1 with e set when nothing could be done,
 * when writing failed or on an interruption: what was finished is stored. */
int runner_run(struct ctx *c, const struct run_order *o, struct run_totals *t, struct err *e);

/* What the numbers of a spec depend on now: code, instruction set, BLAS core, weights, data. The
 * last two are "" where the group's model or data set was not opened. */
int runner_made(const struct run_spec *s, const struct group *g, struct made *m, struct err *e);

#endif
