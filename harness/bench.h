/* What the kinds of `bench` share. Each measures one point of the axes model x size x batch. */
#ifndef BITBENCH_BENCH_H
#define BITBENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include "harness/images.h"
#include "harness/options.h"

struct ctx;
struct err;
struct model;
struct pool;

enum { BENCH_HEADER = 1024,
       BENCH_POINT = 128,
       BENCH_SIZE = 224, /* where the command line names none */
       BENCH_BATCH = 8 };

struct bench_args {
    struct preprocess_args pp;           /* crop: the point's side, 0 = the kind's default */
    struct texts models, sizes, batches; /* as given; empty = the kind's default */
    const char *model;                   /* of the point, or NULL */
    size_t batch;                        /* of the point, 0 = BENCH_BATCH */
    const char *dataset;
    int64_t runs, images;
    bool each;
    char header[BENCH_HEADER]; /* printed, and made empty, before the first line */
};

/* One line of the output: so many units a run. */
struct bench_line {
    const char *what, *shape, *unit;
    double units;
    double flop;  /* floating-point operations a run; 0 = not known */
    double peak;  /* of those, what the machine can do in a second; 0 = not known */
    double bytes; /* that have to be read and written; 0 = not known */
};
/* Calls fn once for warm-up and then runs times; prints the line, and before the first one the
 * header: where nothing can be measured nothing is printed. */
int bench_measure(const struct ctx *c, struct bench_args *a, const struct bench_line *line,
                  int (*fn)(void *ctx, struct err *e), void *ctx, struct err *e);

/* How a line names a network's point: architecture, size, batch, engine. */
void bench_point(char text[BENCH_POINT], const struct ctx *c, const struct model *m, size_t px,
                 size_t batch);

/* Fused multiply-adds on registers, on all threads: floating-point operations a second, the best of
 * some tries. Copying memory that no cache holds: bytes read and written a second, 0 where there is
 * no memory for it. */
double bench_peak(struct pool *pool);
double bench_copy(struct pool *pool);

/* Images a second from files to batches. */
int bench_decode(struct ctx *c, struct bench_args *a, struct err *e);
/* Images a second through the network, and through a step of training. */
int bench_forward(struct ctx *c, struct bench_args *a, struct err *e);
int bench_train(struct ctx *c, struct bench_args *a, struct err *e);
/* Every layer shape of a network on the cpu engine, in GFLOP/s of the direct convolution. */
int bench_kernels(struct ctx *c, struct bench_args *a, struct err *e);
/* Adaptations on made-up features. */
int bench_probe(struct ctx *c, struct bench_args *a, struct err *e);

#endif
