/* Quantiles against closed forms and values with 20 digits (mpmath 1.3.0: the incomplete beta
 * function and erfc solved with 40 digits); intervals and summaries by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "results/stats.h"

static void near(const char *what, double p, double df, double got, double want, double relative)
{
    if (!(fabs(got - want) <= fabs(want) * relative)) {
        fail_msg("%s, p %.17g, df %g: %.17g, expected %.17g, error %.3g, bound %.3g", what, p, df,
                 got, want, fabs(got / want - 1), relative);
    }
}

static const double ps[] = {1e-12, 1e-6, 0.025, 0.1, 0.2499, 0.25, 0.3, 0.45, 0.49999};

static void test_t_closed_forms(void **state)
{
    (void)state;
    double pi = 4 * atan(1);
    for (size_t i = 0; i < sizeof ps / sizeof *ps; i++) {
        double p = ps[i], q = 1 - 2 * p;
        /* one degree of freedom: -cot(pi p); two: (2p - 1) / sqrt(2 p (1 - p)). The forms
         * themselves lose some ulp, more near p = 1/2. */
        double slack = 4 * DBL_EPSILON * (1 + 1 / q);
        near("t", p, 1, stats_t_quantile(p, 1), -1 / tan(pi * p), slack);
        near("t", p, 2, stats_t_quantile(p, 2), -q / sqrt(2 * p * (1 - p)), slack);
    }
}

static void test_t_table(void **state)
{
    (void)state;
    static const struct {
        double p, df, t;
    } table[] = {
        {0.6, 5, 0.26718086570414506569},
        {0.7500001, 30, 0.6827560143194893581},
        {0.975, 199, 1.9719565442517534484},
        {0.975, 200, 1.9718962236339089963},
        {0.999999, 7, 14.24146965192115339},
        {0.9, 2.5, 1.730250928807176833},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        double p = table[i].p, df = table[i].df;
        near("t", p, df, stats_t_quantile(p, df), table[i].t, 1e-14);
    }
}

static void test_t_shape(void **state)
{
    (void)state;
    for (double df = 0.5; df < 1e9; df *= 3) {
        assert_true(stats_t_quantile(0.5, df) == 0);
        double last = 0;
        for (double q = 0.48; q > 1e-9; q *= 0.7) {
            double t = stats_t_quantile(q, df);
            assert_true(t < last); /* also across the switch of methods at 1/4 */
            last = t;
        }
        /* exact complements give exact negatives */
        assert_true(stats_t_quantile(0.125, df) == -stats_t_quantile(0.875, df));
    }
    /* t - z = z (z^2 + 1) / (4 df) + O(df^-2) */
    double z = stats_normal_quantile(0.975), df = 1e7;
    near("t", 0.975, df, stats_t_quantile(0.975, df), z + z * (z * z + 1) / (4 * df), 1e-13);
}

static void test_normal(void **state)
{
    (void)state;
    static const double table[][2] = {
        {1e-300, -37.047096299361199237},
        {1e-12, -7.0344838253011319326},
        {1e-6, -4.7534243088228989573},
        {0.025, -1.9599639845400542118},
        {0.2499, -0.67480447011060998732},
        {0.25, -0.6744897501960817432},
        {0.3, -0.52440051270804081597},
        {0.5 + DBL_EPSILON, 5.5658328493435338445e-16},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        near("normal", table[i][0], 0, stats_normal_quantile(table[i][0]), table[i][1], 2e-15);
    }
    assert_true(stats_normal_quantile(0.5) == 0);
    assert_true(stats_normal_quantile(0.75) == -stats_normal_quantile(0.25));
}

static void test_wilson(void **state)
{
    (void)state;
    double low, high, other_low, other_high, z = stats_normal_quantile(0.975);
    stats_wilson(0, 0, 0.95, &low, &high);
    assert_true(low == 0 && high == 1);
    stats_wilson(0, 10, 0.95, &low, &high);
    assert_true(low == 0);
    near("wilson", 0, 10, high, z * z / (10 + z * z), 4 * DBL_EPSILON);
    stats_wilson(10, 10, 0.95, &low, &high);
    assert_true(high == 1);
    near("wilson", 1, 10, low, 10 / (10 + z * z), 4 * DBL_EPSILON);
    /* both ends solve (p - x)^2 = z^2 x (1 - x) / n */
    stats_wilson(7, 20, 0.95, &low, &high);
    near("wilson", 0.35, 20, (0.35 - low) * (0.35 - low), z * z * low * (1 - low) / 20, 1e-14);
    near("wilson", 0.35, 20, (0.35 - high) * (0.35 - high), z * z * high * (1 - high) / 20, 1e-14);
    stats_wilson(13, 20, 0.95, &other_low, &other_high);
    near("wilson", 0.65, 20, other_low, 1 - high, 4 * DBL_EPSILON);
}

static void test_summary(void **state)
{
    (void)state;
    struct summary s;
    stats_summary((double[]){4, 1, 3}, 3, &s);
    assert_true(s.n == 3 && s.median == 3 && s.min == 1 && s.max == 4);
    near("mean", 0, 0, s.mean, 8 / 3.0, DBL_EPSILON);
    near("sd", 0, 0, s.sd, sqrt(7 / 3.0), 2 * DBL_EPSILON);
    /* the quantile for p = 0.975, df = 2 in closed form */
    double half = 0.95 / sqrt(2 * 0.025 * 0.975) * sqrt(7 / 3.0) / sqrt(3);
    near("low", 0, 0, s.low, 8 / 3.0 - half, 1e-14);
    near("high", 0, 0, s.high, 8 / 3.0 + half, 1e-14);
    stats_summary((double[]){2, 7, 7, 1}, 4, &s);
    assert_true(s.median == 4.5 && s.min == 1 && s.max == 7);
    stats_summary((double[]){5}, 1, &s);
    assert_true(s.median == 5 && s.min == 5 && s.max == 5 && s.mean == 5);
    assert_true(isnan(s.sd) && isnan(s.low) && isnan(s.high));
    stats_summary((double[]){0.1, 0.1, 0.1}, 3, &s);
    assert_true(s.median == 0.1);
    assert_true(s.sd < 1e-16);
    stats_summary((double[]){1, (double)NAN, 2}, 3, &s);
    assert_true(s.n == 3 && isnan(s.median) && isnan(s.min) && isnan(s.mean) && isnan(s.high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_t_closed_forms),
        cmocka_unit_test(test_t_table),
        cmocka_unit_test(test_t_shape),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_summary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
