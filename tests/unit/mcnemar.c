/* Paired tests on counts: closed forms, published intervals, and the score statistic with the
 * constrained likelihood maximised by search instead of by formula. The exact p values are held
 * against big integers in tests/parity/stats.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "results/binomial.h"
#include "results/holm.h"
#include "results/binomial.h"
#include "results/mcnemar.h"
#include "results/stats.h"

static void near(const char *what, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound)) {
        fail_msg("%s: %.17g, expected %.17g, error %.3g, bound %.3g", what, got, want,
                 fabs(got - want), bound);
    }
}

static void test_binomial(void **state)
{
    (void)state;
    /* by Pascal's triangle, exact in double up to n = 50. Below 16 a factorial's remainder is a
     * difference of numbers up to 28, so three of them are good to some 1e-14. */
    static const double ps[] = {0.5, 0.25, 0.03125, 0.9375};
    double row[52] = {1};
    for (size_t n = 0; n <= 50; n++) {
        for (size_t i = 0; i < sizeof ps / sizeof *ps; i++) {
            double sum = 0;
            for (size_t k = 0; k <= n; k++) {
                double want = row[k] * pow(ps[i], (double)k) * pow(1 - ps[i], (double)(n - k));
                double got = exp(binomial_log_pmf(k, n, ps[i]));
                near("pmf", got, want, 1e-14 * want * (1 - log(want)));
                sum += got;
            }
            near("sum", sum, 1, 1e-14);
        }
        for (size_t k = n + 1; k > 0; k--) {
            row[k] += row[k - 1];
        }
    }
    assert_true(binomial_log_pmf(0, 5, 0) == 0 && binomial_log_pmf(5, 5, 1) == 0);
    assert_true(isinf(binomial_log_pmf(1, 5, 0)) && isinf(binomial_log_pmf(1, 5, 1)));
}

static void test_by_hand(void **state)
{
    (void)state;
    struct mcnemar m;
    mcnemar_test(1, 4, &m); /* 2 (1 + 5) / 32, and 5 / 32 less */
    near("exact", m.exact, 0.375, DBL_EPSILON);
    near("mid-p", m.mid, 0.21875, DBL_EPSILON);
    near("log10", m.log10_exact, log10(0.375), 4 * DBL_EPSILON);
    mcnemar_test(0, 0, &m);
    assert_true(m.exact == 1 && m.mid == 1);
    mcnemar_test(400, 0, &m); /* 2^-399 */
    near("exact", m.exact, ldexp(1, -399), ldexp(1, -439));
    mcnemar_test(100000, 0, &m);
    assert_true(m.exact == 0);
    near("log10", m.log10_exact, -99999 * log10(2), 1e-10);
    for (size_t n = 0; n < 30; n++) {
        mcnemar_test(n, 0, &m);
        near("least p", mcnemar_least_p(n), m.exact, 1e-14 * m.exact);
    }
    assert_true(mcnemar_least_p(1000000) == 0);
}

/* The likelihood's maximum over the share of images that only the base has right, by golden
 * section; then the score statistic. */
static double score_by_search(double b, double c, double n, double d)
{
    double low = fmax(0, -d), high = (1 - d) / 2, golden = (sqrt(5) - 1) / 2;
    for (int i = 0; i < 200; i++) {
        double x[2] = {high - golden * (high - low), low + golden * (high - low)}, l[2];
        for (int k = 0; k < 2; k++) {
            l[k] = (b > 0 ? b * log(x[k]) : 0) + (c > 0 ? c * log(x[k] + d) : 0) +
                   (n - b - c) * log(1 - 2 * x[k] - d);
        }
        if (l[0] < l[1]) {
            low = x[0];
        } else {
            high = x[1];
        }
    }
    double q = (low + high) / 2;
    return (c - b - n * d) / sqrt(n * (2 * q + d - d * d));
}

static void test_interval(void **state)
{
    (void)state;
    double low, high, z = stats_normal_quantile(0.975);
    /* R's PropCIs 0.3: scoreci.mp(25, 28, 618) at 90 %, to 4 digits */
    mcnemar_interval(25, 28, 618, stats_normal_quantile(0.95), &low, &high);
    near("low", low, -0.0148, 5.1e-5);
    near("high", high, 0.0247, 5.1e-5);
    /* Fagerland, Lydersen, Laake, Statistics in Medicine 33 (2014): 1 and 7 of 21, to 3 digits */
    mcnemar_interval(7, 1, 21, z, &low, &high);
    near("low", low, -0.517, 5.1e-4);
    near("high", high, -0.026, 5.1e-4);
    static const size_t counts[][3] = {
        {0, 1, 50}, {12, 30, 711}, {3, 0, 10}, {900, 800, 10000}, {5, 5, 10}, {1, 0, 73728}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t b = counts[i][0], c = counts[i][1], n = counts[i][2];
        mcnemar_interval(b, c, n, z, &low, &high);
        /* the search finds a maximum to about the root of an ulp; the statistic is flat there */
        near("score", score_by_search((double)b, (double)c, (double)n, low), z, 1e-6);
        near("score", score_by_search((double)b, (double)c, (double)n, high), -z, 1e-6);
        double other_low, other_high;
        mcnemar_interval(c, b, n, z, &other_low, &other_high);
        near("mirrored", other_low, -high, 1e-14);
    }
    mcnemar_interval(0, 0, 1000, z, &low, &high); /* z^2 / (n + z^2) */
    near("no change", high, z * z / (1000 + z * z), 1e-15);
    near("no change", low, -high, 1e-15);
    mcnemar_interval(10, 0, 10, z, &low, &high);
    assert_true(low == -1 && high < 0);
}

static void test_detectable(void **state)
{
    (void)state;
    /* six of n in one direction are the fewest with p < 0.05, and a Poisson mean of 7.9060 has six or
     * more with probability 0.8 (half the 0.8 quantile of chi-squared with 12 degrees) */
    near("nothing changed", mcnemar_detectable_one_way(100000000, 0.05, 0.8), 7.9060e-8, 1e-12);
    double least = mcnemar_detectable_one_way(20, 0.05, 0.8), missed = 0;
    for (size_t k = 0; k < 6; k++) {
        missed += exp(binomial_log_pmf(k, 20, least));
    }
    near("missed by 20 images", missed, 0.2, 1e-12);
    assert_true(isnan(mcnemar_detectable_one_way(5, 0.05, 0.8)));
    double za = stats_normal_quantile(0.975), zb = stats_normal_quantile(0.8);
    double d = mcnemar_detectable(10000, 0.1, za, zb);
    assert_true(d < (za + zb) * sqrt(0.1 / 10000) && d > za * sqrt(0.1 / 10000));
    near("exact test", mcnemar_detectable_exact(10000, 0.1, za, zb), d + 1e-4, 1e-15);
    assert_true(isnan(mcnemar_detectable_exact(100, 0.02, za, zb))); /* 2 images cannot show it */
    /* about 79,000 images for 0.1 points when 1 % change */
    near("images", mcnemar_images(0.01, 0.001, za, zb), ceil(1e4 * (za + zb) * (za + zb)), 0);
}

static void test_holm(void **state)
{
    (void)state;
    double p[] = {0.04, 0.01, 0.03}, a[3];
    holm_adjust(p, 3, a);
    near("first", a[1], 0.03, DBL_EPSILON);
    near("second", a[2], 0.06, DBL_EPSILON);
    near("third", a[0], 0.06, DBL_EPSILON); /* not below the one before */
}

static void test_t_two_sided(void **state)
{
    (void)state;
    double pi = 4 * atan(1);
    for (double t = -30; t < 30; t += 0.37) { /* one degree of freedom: 1 - 2 atan |t| / pi */
        near("t", stats_t_two_sided(t, 1), 1 - 2 * atan(fabs(t)) / pi, 4 * DBL_EPSILON);
    }
    for (double df = 1; df < 1000; df *= 1.7) {
        near("t", stats_t_two_sided(stats_t_quantile(0.975, df), df), 0.05, 1e-15);
    }
    assert_true(stats_t_two_sided(0, 4) == 1);
    assert_true(stats_t_two_sided(HUGE_VAL, 4) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binomial),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_interval),
        cmocka_unit_test(test_detectable),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_t_two_sided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
