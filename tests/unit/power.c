/* Power of the t test against its definition, by simulation and in closed form for many draws. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "harness/base/rng.h"
#include "results/power.h"
#include "results/stats.h"

static void near(const char *what, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound)) {
        fail_msg("%s: %.10g, expected %.10g, bound %.3g", what, got, want, bound);
    }
}

static void test_noncentrality(void **state)
{
    (void)state;
    enum { TRIALS = 100000 };
    static const size_t draws[] = {2, 3, 5, 10};
    static const double levels[] = {0.025, 0.00625};
    for (size_t k = 0; k < 8; k++) {
        size_t n = draws[k / 2];
        double df = (double)n - 1, d = power_t_noncentrality(df, levels[k % 2], 0.8);
        double critical = -stats_t_quantile(levels[k % 2], df), found = 0;
        for (uint64_t t = 0; t < TRIALS; t++) {
            double x[10], mean = 0, squares = 0;
            for (uint64_t i = 0; i < n; i++) { /* sd 1, mean d standard errors */
                x[i] = rng_normal(rng_at(k, t, 2 * i), rng_at(k, t, 2 * i + 1)) +
                       d / sqrt((double)n);
                mean += x[i] / (double)n;
            }
            for (size_t i = 0; i < n; i++) {
                squares += (x[i] - mean) * (x[i] - mean);
            }
            found += mean > critical * sqrt(squares / df / (double)n);
        }
        /* 4 binomial standard errors */
        near("power", found / TRIALS, 0.8, 4 * sqrt(0.8 * 0.2 / TRIALS));
    }
    double z = stats_normal_quantile(0.975) + stats_normal_quantile(0.8);
    near("many draws", power_t_noncentrality(1e5, 0.025, 0.8), z, 1e-4);
}

static void test_median(void **state)
{
    (void)state;
    /* medians of chi-squared by mpmath: 0.4549364, 3.3566940, 28.3361452 for 1, 4 and 29; Wilson
     * and Hilferty's formula is good to some per cent with one degree of freedom */
    near("df 1", power_sd_median(1), 1 / sqrt(0.4549364), 0.03);
    near("df 4", power_sd_median(4), 1 / sqrt(3.3566940 / 4), 3e-3);
    near("df 29", power_sd_median(29), 1 / sqrt(28.3361452 / 29), 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noncentrality),
        cmocka_unit_test(test_median),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
