/* McNemar's exact test from binomial probabilities at 1/2: the largest term of the tail by Loader's
 * formula, the others by their ratios, downwards. The interval is T. Tango, Equivalence test and
 * confidence interval for the difference in proportions for the paired-sample design, Statistics in
 * Medicine 17 (1998): the differences that the score test does not reject. The detectable
 * difference is R. J. Connor, Sample size for testing differences in proportions for the
 * paired-sample design, Biometrics 43 (1987). */
#include "results/mcnemar.h"

#include <assert.h>
#include <float.h>
#include <math.h>

#include "results/binomial.h"

void mcnemar_test(size_t b, size_t c, struct mcnemar *m)
{
    *m = (struct mcnemar){.exact = 1, .mid = 1};
    if (b == c) {
        return;
    }
    size_t n = b + c, least = b < c ? b : c;
    double log_term = binomial_log_pmf(least, n, 0.5), ratio = 1, sum = 1;
    for (size_t i = least; i > 0 && ratio > sum * DBL_EPSILON / 16; i--) {
        ratio *= (double)i / (double)(n - i + 1);
        sum += ratio;
    }
    double log_exact = log_term + log(2 * sum), log_mid = log_term + log(2 * sum - 1);
    m->exact = fmin(1, exp(log_term) * 2 * sum);
    m->mid = fmin(1, exp(log_term) * (2 * sum - 1));
    m->log10_exact = fmin(0, log_exact / log(10));
    m->log10_mid = fmin(0, log_mid / log(10));
}

double mcnemar_least_p(size_t n_changed)
{
    return n_changed == 0 ? 1 : n_changed > 2000 ? 0
                                                 : ldexp(1, 1 - (int)n_changed);
}

/* The score statistic for a difference d in -1..1; falls as d grows. */
static double score(size_t b, size_t c, size_t n, double d)
{
    double db = (double)b, dc = (double)c, dn = (double)n;
    double q = -(db + dc) + (2 * dn - dc + db) * d, r = -db * d * (1 - d);
    double root = sqrt(fmax(0, q * q - 8 * dn * r));
    /* the share of images that only the base has right, given d: the root without cancellation */
    double share = q > 0 ? -2 * r / (root + q) : (root - q) / (4 * dn);
    double variance = dn * (2 * share + d * (1 - d)), excess = dc - db - dn * d;
    if (variance <= 0) {
        return excess > 0 ? HUGE_VAL : excess < 0 ? -HUGE_VAL
                                                  : 0;
    }
    return excess / sqrt(variance);
}

/* Where the score crosses z between from (score above) and to (score below). */
static double crossing(size_t b, size_t c, size_t n, double z, double from, double to)
{
    for (int i = 0; i < 100; i++) {
        double middle = from + (to - from) / 2;
        if (score(b, c, n, middle) > z) {
            from = middle;
        } else {
            to = middle;
        }
    }
    return from + (to - from) / 2;
}

void mcnemar_interval(size_t b, size_t c, size_t n, double z, double *low, double *high)
{
    assert(n > 0 && b + c <= n && z > 0);
    double d = ((double)c - (double)b) / (double)n;
    *low = b == n ? -1 : crossing(b, c, n, z, -1, d);
    *high = c == n ? 1 : crossing(b, c, n, -z, d, 1);
}

double mcnemar_detectable(double n, double changed, double z_alpha, double z_power)
{
    double d = (z_alpha + z_power) * sqrt(changed / n);
    for (int i = 0; i < 200; i++) {
        d = (z_alpha * sqrt(changed) + z_power * sqrt(fmax(changed - d * d, 0))) / sqrt(n);
    }
    return d;
}

double mcnemar_detectable_exact(double n, double changed, double z_alpha, double z_power)
{
    double d = mcnemar_detectable(n, changed, z_alpha, z_power) + 1 / n;
    return d <= changed ? d : (double)NAN;
}

/* P(X >= k), X binomial. */
static double at_least(size_t k, size_t n, double p)
{
    double below = 0;
    for (size_t i = 0; i < k; i++) {
        below += exp(binomial_log_pmf(i, n, p));
    }
    return 1 - below;
}

double mcnemar_detectable_one_way(size_t n, double alpha, double power)
{
    size_t k = 1;
    while (mcnemar_least_p(k) >= alpha) {
        k++;
    }
    if (k > n) {
        return (double)NAN;
    }
    double low = 0, high = 1;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (at_least(k, n, middle) < power) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

double mcnemar_images(double changed, double d, double z_alpha, double z_power)
{
    double z = z_alpha + z_power;
    return ceil(z * z * changed / (d * d));
}
