/* Cholesky factor of a symmetric positive definite matrix, in blocks over the pool. */
#ifndef BITBENCH_PROTOCOLS_CHOLESKY_H
#define BITBENCH_PROTOCOLS_CHOLESKY_H

#include <stddef.h>

struct err;
struct pool;

/* a [n, n] -> L in its lower triangle, L L^T = a; above the diagonal is scratch. ERR_NUMERIC where
 * a pivot is not positive. */
int cholesky_factor(size_t n, double *a, struct pool *pool, struct err *e);
/* b [n] = (L L^T)^-1 b */
void cholesky_solve(size_t n, const double *l, double *b);

#endif
