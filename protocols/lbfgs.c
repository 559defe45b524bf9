/* L-BFGS by the two-loop recursion (Nocedal, "Updating quasi-Newton matrices with limited storage",
 * 1980), started from the caller's inverse Hessian times a factor, which the first pair after each
 * renewal fixes as s.y / y.Hy. The line search asks for a sufficient decrease and for a slope of at
 * most 0.9 of the first; on a convex function the slope along a line only grows, so the bracket is
 * narrowed by the slope's secant. */
#include "protocols/lbfgs.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/blas.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"

enum { MAX_TRIALS = 40 };
static const double decrease = 1e-4; /* of what the first slope promises */
static const double curvature = 0.9; /* slope left, as a share of the first */
static const double slack = 1e-12;   /* rounding of the value, relative */

struct state {
    const struct lbfgs *p;
    double *x, *gradient, *x_new, *gradient_new, *direction;
    double *s, *y;       /* [memory, n] steps and changes of the gradient, the oldest at `at` */
    double *rho, *alpha; /* [memory] 1 / s.y; of the recursion */
    size_t at, kept;
    double value, value_new, factor;
};

static double *pair(double *block, const struct state *t, size_t age)
{
    return block + (t->at + age) % t->p->memory * t->p->n;
}

/* direction = -(approximate inverse Hessian) gradient */
static void find_direction(struct state *t)
{
    size_t n = t->p->n;
    double *d = t->direction;
    for (size_t i = 0; i < n; i++) {
        d[i] = -t->gradient[i];
    }
    for (size_t k = t->kept; k-- > 0;) {
        t->alpha[k] = t->rho[(t->at + k) % t->p->memory] * blas_ddot(n, pair(t->s, t, k), d);
        blas_daxpy(n, -t->alpha[k], pair(t->y, t, k), d);
    }
    if (t->p->scale) {
        t->p->scale(t->p->ctx, d);
    }
    for (size_t i = 0; i < n; i++) {
        d[i] *= t->factor;
    }
    for (size_t k = 0; k < t->kept; k++) {
        double beta = t->rho[(t->at + k) % t->p->memory] * blas_ddot(n, pair(t->y, t, k), d);
        blas_daxpy(n, t->alpha[k] - beta, pair(t->s, t, k), d);
    }
}

/* A step length inside (low, high) where the line between the slopes there crosses 0, at least a
 * tenth of the bracket away from its ends. */
static double between(double low, double slope_low, double high, double slope_high)
{
    double share = 0.5;
    if (slope_low < 0 && slope_high > 0 && isfinite(slope_high)) {
        share = slope_low / (slope_low - slope_high);
    }
    return low + (high - low) * fmin(fmax(share, 0.1), 0.9);
}

/* Finds x_new, gradient_new and value_new along the direction. False when there is none. */
static bool search_line(struct state *t)
{
    size_t n = t->p->n;
    double first = blas_ddot(n, t->gradient, t->direction);
    double low = 0, slope_low = first, high = (double)INFINITY, slope_high = 0, step = 1;
    if (!(first < 0)) {
        return false;
    }
    for (int i = 0; i < MAX_TRIALS; i++) {
        for (size_t k = 0; k < n; k++) {
            t->x_new[k] = t->x[k] + step * t->direction[k];
        }
        t->value_new = t->p->value(t->p->ctx, t->x_new, t->gradient_new);
        double slope = blas_ddot(n, t->gradient_new, t->direction);
        bool sane = isfinite(t->value_new) && isfinite(slope);
        if (sane && slope < curvature * first) { /* still steep: further */
            low = step;
            slope_low = slope;
        } else if (sane && slope <= -curvature * first &&
                   t->value_new <=
                       t->value + decrease * step * first + slack * fabs(t->value)) {
            return true;
        } else {
            high = step;
            slope_high = sane ? slope : (double)INFINITY;
        }
        step = isinf(high) ? 4 * step : between(low, slope_low, high, slope_high);
    }
    return false;
}

/* Keeps the step just found as the youngest pair and moves there. */
static void take_step(struct state *t, bool renewed)
{
    size_t n = t->p->n;
    if (t->kept == t->p->memory) {
        t->at = (t->at + 1) % t->p->memory;
        t->kept--;
    }
    double *s = pair(t->s, t, t->kept), *y = pair(t->y, t, t->kept);
    for (size_t k = 0; k < n; k++) {
        s[k] = t->x_new[k] - t->x[k];
        y[k] = t->gradient_new[k] - t->gradient[k];
    }
    double sy = blas_ddot(n, s, y);
    memcpy(t->x, t->x_new, n * sizeof *t->x);
    memcpy(t->gradient, t->gradient_new, n * sizeof *t->gradient);
    t->value = t->value_new;
    if (!(sy > 0)) { /* rounding took the curvature: the pair says nothing */
        return;
    }
    t->rho[(t->at + t->kept) % t->p->memory] = 1 / sy;
    t->kept++;
    if (renewed || !t->p->scale) {
        double *hy = t->x_new;
        memcpy(hy, y, n * sizeof *hy);
        if (t->p->scale) {
            t->p->scale(t->p->ctx, hy);
        }
        t->factor = sy / blas_ddot(n, y, hy);
    }
}

static enum lbfgs_end iterate(struct state *t, size_t *steps)
{
    const struct lbfgs *p = t->p;
    bool renewed = true;
    for (*steps = 0;; ++*steps) {
        enum lbfgs_next next = p->next(p->ctx, t->x, t->value, t->gradient);
        if (next == LBFGS_STOP) {
            return LBFGS_DONE;
        }
        if (*steps == p->max_steps) {
            return LBFGS_LIMIT;
        }
        if (next == LBFGS_RENEWED) {
            renewed = true;
            t->factor = 1;
        }
        find_direction(t);
        if (!search_line(t)) {
            return LBFGS_STUCK;
        }
        take_step(t, renewed);
        renewed = false;
    }
}

int lbfgs_run(const struct lbfgs *p, double *x, enum lbfgs_end *end, size_t *steps, struct err *e)
{
    struct state t = {.p = p, .x = x, .factor = 1};
    size_t n = p->n;
    double *block = mem_take_raw((4 + 2 * p->memory), n * sizeof *block, e);
    t.rho = mem_take(2 * p->memory, sizeof *t.rho, e);
    int rc = block && t.rho ? 0 : -1;
    if (rc == 0) {
        t.gradient = block;
        t.x_new = block + n;
        t.gradient_new = block + 2 * n;
        t.direction = block + 3 * n;
        t.s = block + 4 * n;
        t.y = t.s + p->memory * n;
        t.alpha = t.rho + p->memory;
        t.value = p->value(p->ctx, x, t.gradient);
        if (!isfinite(t.value)) {
            rc = err_set(e, ERR_NUMERIC, "the value to minimise is not finite at the start");
        } else {
            *end = iterate(&t, steps);
        }
    }
    free(t.rho);
    free(block);
    return rc;
}
