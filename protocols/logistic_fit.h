/* Multinomial logistic regression on one training set: the W and b that minimise
 *   J = |W|^2 / 2 + C sum_i -ln p_i(y_i),  p = softmax(x W + b) over all classes,
 * b free, on raw features. They are centred inside, which changes nothing but b. */
#ifndef BITBENCH_PROTOCOLS_LOGISTIC_FIT_H
#define BITBENCH_PROTOCOLS_LOGISTIC_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "protocols/curvature.h"
#include "protocols/linear.h"

struct adapt_counters;
struct err;
struct pool;
struct probe_data;

struct logistic_fit {
    size_t n, d, n_classes, width, panels;
    const int32_t *y;
    struct pool *pool;
    double *mean;            /* [d] */
    struct linear_rows rows; /* centred, with a constant 1 */
    double *w;               /* [panels][width][4], of the centred features */
    /* of the last solution */
    double c, j, residual; /* residual: |grad J|^2 / (2 J) for the raw features, W and b */
    bool converged;
    size_t steps;
    /* while solving */
    struct curvature curvature;
    double *p, *loss, *buffer, *scratch;
    bool *present; /* [n_classes] has a training row */
    double tolerance;
    size_t since, builds; /* steps since the curvature was built, times it was */
    bool interrupted;
    struct err *e;
    bool failed;
};

/* W = 0, b = 0. p must outlive the fit. */
int logistic_fit_init(struct logistic_fit *f, const struct probe_data *p, struct pool *pool,
                      struct err *e);
void logistic_fit_release(struct logistic_fit *f);

/* Moves on from where the fit is to the minimum for C, until |grad J|^2 / 2 < tolerance * min(J,
 * |W|^2): J and W are right to about tolerance and its root. converged: residual is less than
 * logistic_tolerance, and the gradient of classes without a row is small beside J.
 * -1: interrupted, not finite, memory. */
int logistic_fit_solve(struct logistic_fit *f, double c, double tolerance,
                       struct adapt_counters *counters, struct err *e);
extern const double logistic_tolerance; /* 1e-9: J is within 1e-9 J of its minimum */

/* scores [n, n_classes] of other rows with the same features: the logits. */
int logistic_fit_scores(const struct logistic_fit *f, const float *x, const size_t *rows, size_t n,
                        const char *what, double *scores, struct err *e);

/* w [d, n_classes] and b [n_classes] for raw features, sum of b = 0. */
void logistic_fit_weights(const struct logistic_fit *f, double *w, double *b);

#endif
