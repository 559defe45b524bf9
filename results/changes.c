/* Optimal partitioning (Jackson et al. 2005; Killick's PELT gives the same segments) of a series
 * into levels, with the penalty 2 sigma^2 ln n. sigma is robust: the median absolute first
 * difference, scaled for a normal distribution; where more than half of these are 0, as with
 * deterministic programs, their root mean square. */
#include "results/changes.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"

enum { LEAST_POINTS = 2 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* scratch [n] */
static double noise(const double *x, size_t n, double *scratch)
{
    if (n < 2) {
        return 0;
    }
    size_t m = n - 1;
    double squares = 0;
    for (size_t i = 0; i < m; i++) {
        scratch[i] = fabs(x[i + 1] - x[i]);
        squares += scratch[i] * scratch[i];
    }
    qsort(scratch, m, sizeof *scratch, by_value);
    double median = (scratch[(m - 1) / 2] + scratch[m / 2]) / 2;
    /* 0.6744897501960817: third quartile of the normal distribution */
    return median > 0 ? median / (0.6744897501960817 * sqrt(2)) : sqrt(squares / (2 * (double)m));
}

/* scratch[s] = squares of x[s..t) around their mean, for s < t: Welford's update, from the end. */
static void segment_costs(const double *x, size_t t, double *scratch)
{
    double mean = 0, squares = 0;
    for (size_t s = t; s-- > 0;) {
        double d = x[s] - mean;
        mean += d / (double)(t - s);
        squares += d * (x[s] - mean);
        scratch[s] = squares;
    }
}

/* best[t] = least cost of the first t points, last[t] = where its last segment begins. */
static void partition(const double *x, size_t n, double penalty, double *best, size_t *last,
                      double *scratch)
{
    best[0] = -penalty;
    for (size_t t = 1; t <= n; t++) {
        best[t] = HUGE_VAL;
        segment_costs(x, t, scratch);
        for (size_t s = 0; s + LEAST_POINTS <= t; s++) {
            double cost = best[s] + scratch[s] + penalty;
            if (isfinite(cost) && (isinf(best[t]) || cost < best[t] - 1e-12 * fabs(cost))) {
                best[t] = cost;
                last[t] = s;
            }
        }
    }
}

static void collect(struct changes *c, const size_t *last, size_t n)
{
    for (size_t t = last[n]; t; t = last[t]) {
        c->n++;
    }
    size_t i = c->n;
    for (size_t t = last[n]; t; t = last[t]) {
        c->at[--i] = t;
    }
}

int changes_find(struct changes *c, const double *x, size_t n, struct err *e)
{
    assert(n > 0);
    *c = (struct changes){0};
    double *best = mem_take(n + 1, 2 * sizeof *best, e);
    size_t *last = mem_take(n + 1, sizeof *last, e);
    c->at = mem_take(n, sizeof *c->at, e);
    int rc = best && last && c->at ? 0 : -1;
    if (rc == 0) {
        double *scratch = best + n + 1;
        c->sigma = noise(x, n, scratch);
        c->penalty = 2 * c->sigma * c->sigma * log((double)n);
        if (c->sigma > 0) {
            partition(x, n, c->penalty, best, last, scratch);
            c->cost = best[n];
            collect(c, last, n);
        }
    } else {
        changes_release(c);
    }
    free(best);
    free(last);
    return rc;
}

void changes_release(struct changes *c)
{
    free(c->at);
    *c = (struct changes){0};
}
