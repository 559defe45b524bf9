/* An approximate inverse Hessian of multinomial logistic regression: the diagonal plus the few
 * thousand terms that matter most, exactly. For L-BFGS to start from (adr/0004).
 *
 * The Hessian is I (0 for the bias) + C sum_i (diag(p_i) - p_i p_i^T) x z_i z_i^T. For each row the
 * K x K matrix is a sum of K - 1 rank-one terms in closed form; the terms with the greatest weight
 * stay as they are, the rest goes into a diagonal. The inverse of "diagonal + terms" is applied by
 * the Woodbury formula through one Cholesky factor. */
#ifndef BITBENCH_PROTOCOLS_CURVATURE_H
#define BITBENCH_PROTOCOLS_CURVATURE_H

#include <stddef.h>
#include "protocols/linear.h"

struct err;
struct pool;

struct curvature {
    struct linear_rows rows;                /* z, the last value 1 */
    size_t n_classes, width, panels, limit; /* limit: terms at most */
    struct pool *pool;
    double *diagonal;        /* [width] D */
    size_t n_terms, n_rows;  /* terms kept, and the rows they come from */
    size_t *row;             /* [n_terms] index in the kept rows */
    double *side;            /* [n_terms, panels * 4] b_j: term j is (b_j z)(b_j z)^T */
    double *kept;            /* [tiles * TILE_ROWS, width] the rows z */
    double *factor;          /* [n_terms, n_terms] L of I + B D^-1 B^T, lower */
    double *at_rows, *terms; /* scratch: [tiles * TILE_ROWS, panels * 4], [n_terms] */
    double *buffer, *sum;    /* scratch of sums over tiles */
    double *tile;            /* scratch: a tile for every worker */
};

/* Takes the memory for up to `limit` terms. */
int curvature_init(struct curvature *v, const struct linear_rows *rows, size_t n_classes,
                   size_t limit, struct pool *pool, struct err *e);
void curvature_release(struct curvature *v);

/* Prepares for probabilities p [n, panels * 4] of the rows and the factor C, with `limit` terms at
 * most (and never more than there is memory for). */
int curvature_build(struct curvature *v, const double *p, double c, size_t limit, struct err *e);

/* r [panels][width][4] = (D + B^T B)^-1 r */
void curvature_apply(struct curvature *v, double *r);

#endif
