/* Limited-memory BFGS for a smooth convex function, with an optional approximate inverse Hessian
 * that the caller may renew on the way. Deterministic: one thread, fixed order of sums. */
#ifndef BITBENCH_PROTOCOLS_LBFGS_H
#define BITBENCH_PROTOCOLS_LBFGS_H

#include <stddef.h>

struct err;

enum lbfgs_next { LBFGS_GO,      /* take another step */
                  LBFGS_RENEWED, /* the same, and `scale` is another operator from now on */
                  LBFGS_STOP };

struct lbfgs {
    size_t n, memory; /* variables; pairs that are kept, at least 1 */
    size_t max_steps;
    /* The value at x, and its gradient [n]. Not finite is taken as "too far". */
    double (*value)(void *ctx, const double *x, double *gradient);
    /* r = H r for a symmetric positive definite H near the inverse Hessian. NULL: the identity. */
    void (*scale)(void *ctx, double *r);
    /* Called at the start and after every step. */
    enum lbfgs_next (*next)(void *ctx, const double *x, double value, const double *gradient);
    void *ctx;
};

enum lbfgs_end { LBFGS_DONE,    /* `next` said stop */
                 LBFGS_LIMIT,   /* max_steps taken */
                 LBFGS_STUCK }; /* no step along the direction lowers the value: rounding */

/* From x [n], which gets the last point reached. *steps: how many were taken. -1 with e set when
 * memory is short or the value at the start is not finite. */
int lbfgs_run(const struct lbfgs *p, double *x, enum lbfgs_end *end, size_t *steps, struct err *e);

#endif
