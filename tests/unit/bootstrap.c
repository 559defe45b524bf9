/* The bootstrap: draws of counts against drawing every image, two-way resamples against the
 * analytic variance, and that nothing depends on threads. Index draws and intervals are held
 * against NumPy in tests/parity/stats.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "results/binomial.h"
#include "results/bootstrap.h"

static struct err e;

#define OK(call) assert_int_equal(call, 0)

static void near(const char *what, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound)) {
        fail_msg("%s: %.17g, expected %.17g, error %.3g, bound %.3g", what, got, want,
                 fabs(got - want), bound);
    }
}

/* Chi-squared of draws against the distribution: within 5 standard deviations of its mean. */
static void test_binomial_draw(void **state)
{
    (void)state;
    enum { DRAWS = 200000,
           MOST = 500 };
    static const struct {
        size_t n;
        double p;
    } cases[] = {{1, 0.3}, {10, 0.5}, {400, 0.01}, {400, 0.4}, {20, 0.999}, {100000, 2e-5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = cases[i].n, count[MOST] = {0};
        for (uint64_t d = 0; d < DRAWS; d++) {
            size_t k = binomial_draw(n, cases[i].p, rng_unit(rng_at(5, i, d)));
            assert_true(k <= n && k < MOST);
            count[k]++;
        }
        double chi2 = 0, rest = DRAWS, rest_seen = DRAWS, df = 0;
        for (size_t k = 0; k <= n && k < MOST; k++) {
            double want = DRAWS * exp(binomial_log_pmf(k, n, cases[i].p)), got = (double)count[k];
            if (want >= 10) {
                chi2 += (got - want) * (got - want) / want;
                rest -= want;
                rest_seen -= got;
                df++;
            }
        }
        if (rest > 1) { /* what is left over, in one cell */
            chi2 += (rest_seen - rest) * (rest_seen - rest) / rest;
        }
        near("chi-squared", chi2, df, 5 * sqrt(2 * df) + 2);
    }
    assert_int_equal(binomial_draw(0, 0.5, 0.1), 0);
    assert_int_equal(binomial_draw(7, 0, 0.9), 0);
    assert_int_equal(binomial_draw(7, 1, 0.9), 7);
    assert_in_range(binomial_draw(7, 0.5, 1 - 0x1p-53), 0, 7); /* rounding leaves a remainder */
}

/* n images in blocks rows; each changes with probability share, with equal chance for either sign;
 * a fifth of those change in the same way in every block. */
static int32_t *make(size_t n_blocks, size_t n, double share, uint64_t seed)
{
    int32_t *x = calloc(n_blocks * n, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        bool common = rng_unit(rng_at(seed, 0, i)) < share / 5;
        for (size_t r = 0; r < n_blocks; r++) {
            uint64_t word = rng_at(seed, 1 + (common ? 0 : r), i);
            if (common || rng_unit(word) < share) {
                x[r * n + i] = word & 1 ? 1 : -1;
            }
        }
    }
    return x;
}

static void moments(const double *v, size_t n, double *mean, double *var)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += v[i];
    }
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        squares += (v[i] - *mean) * (v[i] - *mean);
    }
    *var = squares / (double)(n - 1);
}

/* What resampling rows and columns independently gives (Owen, The pigeonhole bootstrap, 2007,
 * formula for a full matrix): with row means, column means and all cells around the grand mean. */
static double two_way_variance(const int32_t *x, size_t rows, size_t n)
{
    double mean = 0, by_row = 0, by_column = 0, cells = 0, a = (double)rows, b = (double)n;
    for (size_t i = 0; i < rows * n; i++) {
        mean += x[i] / (a * b);
    }
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += x[r * n + i] - mean;
            cells += (x[r * n + i] - mean) * (x[r * n + i] - mean);
        }
        by_row += sum / b * (sum / b);
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t r = 0; r < rows; r++) {
            sum += x[r * n + i] - mean;
        }
        by_column += sum / a * (sum / a);
    }
    double row = by_row / a, column = by_column / b, rest = cells / (a * b) - row - column;
    /* multinomial weights: E[w w'] = 1 - 1/m off the diagonal, 2 - 1/m on it */
    return row / a + column / b + rest / (a * b);
}

static void test_moments(void **state)
{
    (void)state;
    enum { B = 50000 };
    static const struct {
        size_t n_blocks, n;
        double share;
    } cases[] = {{1, 711, 0.1}, {1, 20000, 0.3}, {5, 2000, 0.1}, {3, 40, 0.9}, {12, 500, 0.05}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t rows = cases[i].n_blocks, n = cases[i].n;
        int32_t *x = make(rows, n, cases[i].share, 11 + i);
        double *means = calloc(B, sizeof *means), mean, var;
        struct boot_set s;
        OK(boot_set_init(&s, x, rows, n, 1, &e));
        OK(bootstrap_add(&s, 3, i, 1, means, B, NULL, &e));
        moments(means, B, &mean, &var);
        double want = two_way_variance(x, rows, n);
        near("mean", mean, boot_set_mean(&s), 3 * sqrt(want / B));
        /* a few blocks make heavy tails: kurtosis up to that of two rows */
        near("variance", var, want, 3 * want * sqrt((rows == 1 ? 2.0 : 6.0) / B));
        boot_set_release(&s);
        free(means);
        free(x);
    }
}

/* The sums of drawing each image have the same distribution as those of drawing counts: compared by
 * their distribution functions (Kolmogorov-Smirnov, 99.9 %; the lattice makes it conservative). */
static void test_counts_are_draws(void **state)
{
    (void)state;
    enum { B = 4000,
           N = 300,
           ROWS = 3 };
    int32_t *x = make(ROWS, N, 0.2, 23);
    double *counts = calloc(B, sizeof *counts), *draws = calloc(B, sizeof *draws), most = 0;
    struct boot_set s;
    struct boot_interval ignored;
    OK(boot_set_init(&s, x, ROWS, N, 1, &e));
    OK(bootstrap_add(&s, 3, 0, 1, counts, B, NULL, &e));
    for (size_t b = 0; b < B; b++) {
        for (size_t r = 0; r < ROWS; r++) {
            const int32_t *row = x + N * bootstrap_index(9, 0, b, r, ROWS);
            for (size_t i = 0; i < N; i++) {
                draws[b] += row[bootstrap_index(9, 1, b, i, N)] / (double)(N * ROWS);
            }
        }
    }
    bootstrap_interval(counts, B, 0, (double)NAN, 0.9, &ignored); /* sorts */
    bootstrap_interval(draws, B, 0, (double)NAN, 0.9, &ignored);
    for (size_t i = 0, k = 0; i < B; i++) {
        while (k < B && draws[k] <= counts[i] + 1e-9) {
            k++;
        }
        if (i + 1 == B || counts[i + 1] > counts[i] + 1e-9) {
            most = fmax(most, fabs((double)(i + 1) - (double)k) / B);
        }
    }
    near("distance of distribution functions", most, 0, 1.95 * sqrt(2.0 / B));
    boot_set_release(&s);
    free(counts);
    free(draws);
    free(x);
}

static void test_same_bits(void **state)
{
    (void)state;
    enum { B = 3001 };
    int32_t *x = make(4, 1000, 0.2, 5);
    double once[B] = {0}, again[B] = {0};
    struct boot_set s;
    struct pool *pool;
    OK(boot_set_init(&s, x, 4, 1000, 1, &e));
    OK(bootstrap_add(&s, 8, 2, 0.5, once, B, NULL, &e));
    for (size_t threads = 1; threads <= 3; threads++) {
        OK(pool_open(&pool, threads, &e));
        memset(again, 0, sizeof again);
        OK(bootstrap_add(&s, 8, 2, 0.5, again, B, pool, &e));
        assert_memory_equal(once, again, sizeof once);
        pool_close(pool);
    }
    /* fewer resamples are the first of more */
    memset(again, 0, sizeof again);
    OK(bootstrap_add(&s, 8, 2, 0.5, again, 10, NULL, &e));
    assert_memory_equal(once, again, 10 * sizeof *once);
    boot_set_release(&s);
    free(x);
}

static void test_degenerate(void **state)
{
    (void)state;
    int32_t zero[6] = {0}, one[6] = {1, 1, 1, 1, 1, 1};
    double means[100] = {0};
    struct boot_set s;
    struct boot_interval b;
    double squares = 0, cubes = 0;
    OK(boot_set_init(&s, zero, 2, 3, 1, &e));
    assert_int_equal(s.n_patterns, 0);
    OK(bootstrap_add(&s, 1, 0, 1, means, 100, NULL, &e));
    boot_set_moments(&s, 1, &squares, &cubes);
    assert_true(isnan(bootstrap_acceleration(squares, cubes)));
    bootstrap_interval(means, 100, 0, (double)NAN, 0.95, &b);
    assert_true(b.sd == 0 && b.low == 0 && b.high == 0 && !b.has_bca);
    boot_set_release(&s);
    OK(boot_set_init(&s, one, 3, 2, 2, &e));
    assert_true(boot_set_mean(&s) == 0.5);
    OK(bootstrap_add(&s, 1, 0, 1, means, 100, NULL, &e));
    assert_true(means[0] == 0.5 && means[99] == 0.5);
    boot_set_release(&s);
}

/* The size that counts: 10,000 resamples of 19 tasks with 387,904 images. The time is printed, and
 * only bounded where a fault of order would show: machines differ. */
static void test_speed(void **state)
{
    (void)state;
    enum { B = 10000,
           TASKS = 19 };
    static const size_t sizes[TASKS] = {10000, 6084, 32768, 15000, 15000, 22735, 1880,
                                        5400, 6149, 711, 3669, 6300, 42670, 26032,
                                        21750, 73728, 73728, 12150, 12150};
    for (size_t rows = 1; rows <= 5; rows += 4) {
        double *means = calloc(B, sizeof *means);
        double seconds = 0;
        for (size_t t = 0; t < TASKS; t++) {
            int32_t *x = make(rows, sizes[t], 0.1, t);
            double start = clock_now_s();
            struct boot_set s;
            OK(boot_set_init(&s, x, rows, sizes[t], 1, &e));
            OK(bootstrap_add(&s, 1, t, 1.0 / TASKS, means, B, NULL, &e));
            boot_set_release(&s);
            seconds += clock_now_s() - start;
            free(x);
        }
        print_message("# %d resamples of 19 tasks, %zu draws, 1 thread: %.3f s\n", B, rows,
                      seconds);
        assert_true(seconds < 60);
        free(means);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binomial_draw),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_counts_are_draws),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
