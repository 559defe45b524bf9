/* Ridge regression to targets of +1 and -1 on one training set, for any number of l2 from one
 * eigendecomposition; with the errors of leaving one row out.
 *
 * Standardised: x = (f - mean) / (std + 1e-5) with mean and std of the training rows. A feature
 * whose training values are all equal is left out: its exact weight is 0, while its scale of 1e-5
 * would spoil the arithmetic as soon as a test value differs. A constant, the bias feature, follows
 * the features and its weight is penalised like the others. */
#ifndef BITBENCH_PROTOCOLS_RIDGE_FIT_H
#define BITBENCH_PROTOCOLS_RIDGE_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include "protocols/linear.h"

struct adapt_counters;
struct err;
struct pool;
struct probe_data;

struct ridge_fit {
    size_t n, n_kept, n_classes; /* rows, features that count, classes */
    size_t *kept;                /* [n_kept] their columns; NULL: all */
    double *mean, *inverse;      /* [n_kept] 1 / (std + 1e-5); NULL: raw features */
    double bias;
    bool gram;       /* decomposed is X X^T (n <= n_kept + 1), else X^T X */
    size_t m, width; /* order of what is decomposed; row stride of x */
    double *x;       /* [n, width] */
    double *y;       /* [n, n_classes] targets */
    double *values;  /* [m] eigenvalues, ascending */
    double *vectors; /* [m, m] rows are eigenvectors */
    double *basis;   /* [m, n]: vectors, or vectors X^T (made when first needed) */
    double *right;   /* [m, n_classes] basis Y */
};

/* Row i of the training set as the fit sees it (a view into p and f). For other rows with the same
 * features put them in place of x, rows and n. */
struct linear_rows ridge_rows(const struct ridge_fit *f, const struct probe_data *p);

int ridge_fit_init(struct ridge_fit *f, const struct probe_data *p, bool standardize, double bias,
                   struct pool *pool, struct adapt_counters *c, struct err *e);
void ridge_fit_release(struct ridge_fit *f);

/* w [n_kept + 1, n_classes]: W = (X^T X + l2 I)^-1 X^T Y, the bias weight last. */
int ridge_fit_weights(const struct ridge_fit *f, double l2, struct pool *pool, double *w,
                      struct err *e);

/* What the rows' scores would be without their row (scores [n, n_classes]; mean and std stay those
 * of all rows). *mse: mean square of target - score over n x n_classes. *trace (unless NULL): of
 * the hat matrix X (X^T X + l2 I)^-1 X^T. */
int ridge_fit_loo(struct ridge_fit *f, double l2, struct pool *pool, double *scores, double *mse,
                  double *trace, struct err *e);

#endif
