/* What the kinds of `bench` share. */
#ifndef BITBENCH_BENCH_H
#define BITBENCH_BENCH_H

#include <stdint.h>
#include "harness/images.h"

struct ctx;
struct err;

struct bench_args {
    struct preprocess_args pp;
    const char *model, *dataset;
    int64_t runs, batch, images;
};

/* One line of the output: so many units a run; peak: what the machine could do of them in a second,
 * 0 = not known. */
struct bench_line {
    const char *what, *shape, *unit;
    double units, peak;
};
/* Calls fn once for warm-up and then runs times; prints the line. */
int bench_measure(const struct ctx *c, const struct bench_args *a, const struct bench_line *line,
                  int (*fn)(void *ctx, struct err *e), void *ctx, struct err *e);

/* Images a second from files to batches. */
int bench_decode(struct ctx *c, const struct bench_args *a, struct err *e);

/* Every layer shape of a network on the cpu engine, in GFLOP/s of the direct convolution. */
int bench_kernels(struct ctx *c, const struct bench_args *a, struct err *e);

#endif
