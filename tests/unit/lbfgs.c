/* L-BFGS on functions whose minimum is known, the Cholesky factor, and the sketched inverse Hessian
 * of logistic regression against the Hessian written out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "protocols/cholesky.h"
#include "protocols/curvature.h"
#include "protocols/lbfgs.h"

enum { N = 50 };

static double normal(uint64_t seed, uint64_t i)
{
    return rng_normal(rng_at(seed, 1, 2 * i), rng_at(seed, 1, 2 * i + 1));
}

/* sum_i size_i (cosh(x_i - at_i) - 1), without cancellation, or the quadratic of the same curvature
 * at the minimum. */
struct bowl {
    double at[N], size[N], limit; /* limit: largest gradient to stop at */
    bool quadratic;
    size_t renew_every, calls, renewals;
    double weaken; /* of the scaling, in powers of the size */
};

static double bowl_value(void *ctx, const double *x, double *gradient)
{
    const struct bowl *b = ctx;
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        double off = x[i] - b->at[i];
        gradient[i] = b->size[i] * (b->quadratic ? off : sinh(off));
        sum += b->size[i] * (b->quadratic ? off * off / 2 : 2 * sinh(off / 2) * sinh(off / 2));
    }
    return sum;
}

static enum lbfgs_next bowl_next(void *ctx, const double *x, double value, const double *gradient)
{
    (void)x;
    (void)value;
    struct bowl *b = ctx;
    double worst = 0;
    for (size_t i = 0; i < N; i++) {
        worst = fmax(worst, fabs(gradient[i]));
    }
    if (worst <= b->limit) {
        return LBFGS_STOP;
    }
    if (b->renew_every && ++b->calls % b->renew_every == 0) {
        b->renewals++;
        b->weaken /= 2;
        return LBFGS_RENEWED;
    }
    return LBFGS_GO;
}

static void bowl_scale(void *ctx, double *r)
{
    const struct bowl *b = ctx;
    for (size_t i = 0; i < N; i++) {
        r[i] /= pow(b->size[i], 1 - b->weaken);
    }
}

static void bowl_init(struct bowl *b, uint64_t seed, double decades)
{
    *b = (struct bowl){.limit = 1e-8};
    for (size_t i = 0; i < N; i++) {
        b->at[i] = normal(seed, i);
        b->size[i] = pow(10, decades * (rng_unit(rng_at(seed, 2, i)) - 0.5));
    }
}

static void run_bowl(struct bowl *b, bool scaled, size_t max_steps, enum lbfgs_end want,
                     size_t *steps)
{
    struct lbfgs p = {.n = N,
                      .memory = 10,
                      .max_steps = max_steps,
                      .value = bowl_value,
                      .scale = scaled ? bowl_scale : NULL,
                      .next = bowl_next,
                      .ctx = b};
    double x[N] = {0}, worst = 0;
    enum lbfgs_end end;
    struct err e = {0};
    assert_int_equal(lbfgs_run(&p, x, &end, steps, &e), 0);
    if (end != want) {
        fail_msg("ended with %d after %zu steps, scaled %d", end, *steps, scaled);
    }
    for (size_t i = 0; i < N; i++) {
        worst = fmax(worst, fabs(x[i] - b->at[i]) * b->size[i]);
    }
    if (end == LBFGS_DONE && worst > 2 * b->limit) { /* sinh t >= t: the gradient bounds it */
        fail_msg("off by %g, bound %g, after %zu steps", worst, 2 * b->limit, *steps);
    }
}

static void finds_known_minima(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct bowl b;
        size_t steps;
        bowl_init(&b, seed, 3);
        run_bowl(&b, false, 1000, LBFGS_DONE, &steps);
        bowl_init(&b, seed, 6);
        run_bowl(&b, true, 60, LBFGS_DONE, &steps);
        b.quadratic = true; /* the scaling is then the exact inverse Hessian */
        run_bowl(&b, true, 2, LBFGS_DONE, &steps);
    }
}

static void takes_a_better_scaling(void **state)
{
    (void)state;
    struct bowl b;
    size_t steps;
    bowl_init(&b, 7, 6);
    b.weaken = 1;
    b.renew_every = 5;
    run_bowl(&b, true, 200, LBFGS_DONE, &steps);
    assert_true(b.renewals > 1);
}

static void says_how_it_ended(void **state)
{
    (void)state;
    struct bowl b;
    size_t steps;
    bowl_init(&b, 3, 6);
    run_bowl(&b, false, 3, LBFGS_LIMIT, &steps);
    assert_int_equal(steps, 3);
    memset(b.at, 0, sizeof b.at); /* at the minimum from the start, and never content */
    b.limit = -1;
    run_bowl(&b, false, 100, LBFGS_STUCK, &steps);
    assert_int_equal(steps, 0);
    bowl_init(&b, 3, 6);
    b.limit = -1; /* to the floor of rounding: ends by itself */
    run_bowl(&b, true, 1000, LBFGS_STUCK, &steps);
}

/* -ln(1 - x^2) + 3 x: infinite outside, minimum at (1 - sqrt(10)) / 3. */
static double barrier_value(void *ctx, const double *x, double *gradient)
{
    (void)ctx;
    gradient[0] = 2 * x[0] / (1 - x[0] * x[0]) + 3;
    return fabs(x[0]) < 1 ? -log(1 - x[0] * x[0]) + 3 * x[0] : (double)NAN;
}

static enum lbfgs_next barrier_next(void *ctx, const double *x, double v, const double *gradient)
{
    (void)ctx;
    (void)x;
    (void)v;
    return fabs(gradient[0]) < 1e-10 ? LBFGS_STOP : LBFGS_GO;
}

static void keeps_inside_a_barrier(void **state)
{
    (void)state;
    struct lbfgs p = {.n = 1,
                      .memory = 3,
                      .max_steps = 100,
                      .value = barrier_value,
                      .next = barrier_next};
    double x = 0.9;
    enum lbfgs_end end;
    size_t steps;
    struct err e = {0};
    assert_int_equal(lbfgs_run(&p, &x, &end, &steps, &e), 0);
    assert_int_equal(end, LBFGS_DONE);
    assert_true(fabs(x - (1 - sqrt(10)) / 3) < 1e-10);
    x = 2;
    assert_int_equal(lbfgs_run(&p, &x, &end, &steps, &e), -1);
    assert_int_equal(e.code, ERR_NUMERIC);
}

/* ---- the Cholesky factor ---- */

/* The factor l of a [n, n], the same for any number of threads. */
static void factor(const double *a, double *l, size_t n)
{
    double *first = calloc(n * n, sizeof *first);
    for (size_t threads = 1; threads <= 3; threads++) {
        struct pool *pool;
        struct err e = {0};
        assert_int_equal(pool_open(&pool, threads, &e), 0);
        memcpy(l, a, n * n * sizeof *l);
        assert_int_equal(cholesky_factor(n, l, pool, &e), 0);
        pool_close(pool);
        for (size_t i = 0; i < n; i++) { /* above the diagonal is scratch */
            memset(l + i * n + i + 1, 0, (n - i - 1) * sizeof *l);
        }
        if (threads == 1) {
            memcpy(first, l, n * n * sizeof *l);
        }
        assert_memory_equal(first, l, n * n * sizeof *l);
    }
    free(first);
}

/* L L^T is a but for the rounding of n products. */
static void check_factor(const double *a, const double *l, size_t n)
{
    double worst = 0, size = 0;
    for (size_t i = 0; i < n * n; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) {
            sum += l[i / n * n + k] * l[i % n * n + k];
        }
        worst = fmax(worst, fabs(sum - a[i]));
        size = fmax(size, fabs(a[i]));
    }
    if (!(worst <= (double)n * 0x1p-52 * size)) {
        fail_msg("n %zu: off by %g, bound %g", n, worst, (double)n * 0x1p-52 * size);
    }
}

static void solves_with_its_factor(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 95, 96, 97, 250};
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        size_t n = sizes[s], m = n + 5;
        double *a = calloc(n * n, sizeof *a), *l = calloc(n * n, sizeof *l);
        double *b = calloc(n, sizeof *b), worst = 0;
        struct err e = {0};
        for (size_t i = 0; i < n * n; i++) {
            for (size_t k = 0; k < m; k++) {
                a[i] += normal(11, i / n * m + k) * normal(11, i % n * m + k);
            }
        }
        factor(a, l, n);
        check_factor(a, l, n);
        for (size_t i = 0; i < n * n; i++) {
            b[i / n] += a[i] * normal(12, i % n);
        }
        cholesky_solve(n, l, b);
        for (size_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs(b[i] - normal(12, i)));
        }
        if (worst > 1e-7) { /* condition below 1e7 */
            fail_msg("n %zu: off by %g, bound 1e-7", n, worst);
        }
        a[n * n - 1] = -1;
        assert_int_equal(cholesky_factor(n, a, NULL, &e), -1);
        assert_int_equal(e.code, ERR_NUMERIC);
        free(b);
        free(l);
        free(a);
    }
}

/* ---- the curvature ---- */

enum { ROWS = 9,
       FEATURES = 4,
       CLASSES = 5,
       UNKNOWNS = (FEATURES + 1) * CLASSES };

/* h[a * CLASSES + c][b * CLASSES + d] of the centred features and the constant. */
static void full_hessian(const double *z, const double *p, size_t ld, double c_value, double *h)
{
    for (size_t i = 0; i < UNKNOWNS * UNKNOWNS; i++) {
        size_t a = i / UNKNOWNS / CLASSES, c = i / UNKNOWNS % CLASSES;
        size_t b = i % UNKNOWNS / CLASSES, d = i % CLASSES;
        h[i] = a == b && c == d && a < FEATURES ? 1 : 0;
        for (size_t r = 0; r < ROWS; r++) {
            const double *q = p + r * ld, *x = z + r * (FEATURES + 1);
            h[i] += c_value * x[a] * x[b] * q[c] * ((c == d ? 1 : 0) - q[d]);
        }
    }
}

/* With every term kept, the operator inverts the Hessian plus the share that the bias gets. */
static void inverts_the_hessian(void **state)
{
    (void)state;
    float x[ROWS * FEATURES];
    double z[ROWS * (FEATURES + 1)], mean[FEATURES] = {0.1, -0.2, 0.3, 0}, p[ROWS * 8] = {0};
    double weight = 0, c = 50, h[UNKNOWNS * UNKNOWNS], flat[UNKNOWNS];
    size_t ld = linear_panels(CLASSES) * PANEL, width = linear_width(FEATURES);
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (size_t k = 0; k < FEATURES; k++) {
            x[r * FEATURES + k] = (float)normal(21, r * FEATURES + k);
            z[r * (FEATURES + 1) + k] = (double)x[r * FEATURES + k] - mean[k];
        }
        z[r * (FEATURES + 1) + FEATURES] = 1;
        for (size_t k = 0; k < CLASSES; k++) {
            sum += p[r * ld + k] = 0.05 + rng_unit(rng_at(22, r, k));
        }
        for (size_t k = 0; k < CLASSES; k++) {
            p[r * ld + k] /= sum;
            weight += p[r * ld + k] * (1 - p[r * ld + k]) / (CLASSES - 1);
        }
    }
    struct linear_rows rows = {
        .x = x, .n = ROWS, .d = FEATURES, .stride = FEATURES, .mean = mean, .last = 1};
    struct curvature v;
    struct err e = {0};
    assert_int_equal(curvature_init(&v, &rows, CLASSES, 1000, NULL, &e), 0);
    assert_int_equal(curvature_build(&v, p, c, 1000, &e), 0);
    assert_int_equal(v.n_terms, ROWS * (CLASSES - 1));
    full_hessian(z, p, ld, c, h);
    for (size_t i = FEATURES * CLASSES; i < UNKNOWNS; i++) {
        h[i * UNKNOWNS + i] += c * 1e-3 * weight;
    }
    double r[UNKNOWNS], panels[2 * 24 * PANEL], worst = 0;
    assert_true(2 * width * PANEL <= ARRAY_LEN(panels));
    for (size_t i = 0; i < UNKNOWNS; i++) {
        r[i] = normal(23, i);
    }
    linear_to_panels(r, FEATURES + 1, CLASSES, width, panels);
    curvature_apply(&v, panels);
    linear_from_panels(panels, FEATURES + 1, CLASSES, width, flat);
    for (size_t i = 0; i < UNKNOWNS; i++) {
        double back = 0;
        for (size_t k = 0; k < UNKNOWNS; k++) {
            back += h[i * UNKNOWNS + k] * flat[k];
        }
        worst = fmax(worst, fabs(back - r[i]));
    }
    if (worst > 1e-9) { /* condition below 1e5 */
        fail_msg("H H^-1 r is off by %g, bound 1e-9", worst);
    }
    curvature_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_known_minima),
        cmocka_unit_test(takes_a_better_scaling),
        cmocka_unit_test(says_how_it_ended),
        cmocka_unit_test(keeps_inside_a_barrier),
        cmocka_unit_test(solves_with_its_factor),
        cmocka_unit_test(inverts_the_hessian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
