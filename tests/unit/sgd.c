/* SGD's update against sums written out, and the cross-entropies against their definitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "harness/base/tensor.h"
#include "models/loss.h"
#include "models/sgd.h"

enum { N = 3 };

static void near_to(double have, double want, double bound)
{
    if (!(fabs(have - want) <= bound)) {
        fail_msg("%.9g, expected %.9g within %g", have, want, bound);
    }
}

/* Two steps of one tensor; w and v are checked against the rule in double. */
static void two_steps(const struct sgd *s, enum param_kind kind, double decay, bool to_init)
{
    static const float start[N] = {1, -2, 0.5f};
    static const float g[2][N] = {{0.25f, 3, -1}, {-4, 0.125f, 2}};
    float w[N], v[N] = {0};
    double w64[N], v64[N] = {0};
    memcpy(w, start, sizeof w);
    for (size_t i = 0; i < N; i++) {
        w64[i] = (double)start[i];
    }
    for (int step = 0; step < 2; step++) {
        double lr = step ? 0.125 : 0.5, scale = step ? 0.5 : 1;
        const struct sgd_tensor t = {kind, N, g[step], start, v, w};
        sgd_update(s, &t, lr, scale);
        for (size_t i = 0; i < N; i++) {
            double towards = to_init ? (double)start[i] : 0;
            v64[i] = s->momentum * v64[i] + (double)g[step][i] * scale +
                     decay * (w64[i] - towards);
            w64[i] -= lr * v64[i];
            near_to((double)v[i], v64[i], 1e-6);
            near_to((double)w[i], w64[i], 1e-6);
        }
    }
}

static void test_update(void **state)
{
    (void)state;
    static const enum param_kind kinds[] = {PARAM_KERNEL, PARAM_GAMMA, PARAM_BETA,
                                            PARAM_HEAD_KERNEL, PARAM_HEAD_BIAS};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        bool kernel = kinds[i] == PARAM_KERNEL || kinds[i] == PARAM_HEAD_KERNEL;
        struct sgd s = {.momentum = 0.9, .weight_decay = 0.25};
        two_steps(&s, kinds[i], 0, false);
        s.decay = SGD_DECAY_ALL;
        two_steps(&s, kinds[i], 0.25, false);
        s.decay = SGD_DECAY_KERNELS;
        two_steps(&s, kinds[i], kernel ? 0.25 : 0, false);
        s.decay = SGD_DECAY_TO_INIT;
        two_steps(&s, kinds[i], 0.25, true);
        s.momentum = 0;
        two_steps(&s, kinds[i], 0.25, true);
    }
}

/* A rate of 0 moves nothing but fills the velocity, on which the next step then draws. */
static void test_rate_zero(void **state)
{
    (void)state;
    const struct sgd s = {.momentum = 0.5};
    const float g = 2, none = 0;
    float w = 1, v = 0;
    const struct sgd_tensor t = {PARAM_KERNEL, 1, &g, NULL, &v, &w};
    const struct sgd_tensor idle = {PARAM_KERNEL, 1, &none, NULL, &v, &w};
    sgd_update(&s, &t, 0, 1);
    near_to((double)w, 1, 0);
    near_to((double)v, 2, 0);
    sgd_update(&s, &idle, 0.25, 1);
    near_to((double)v, 1, 0);
    near_to((double)w, 0.75, 0);
}

static void test_clip(void **state)
{
    (void)state;
    const float g[] = {3, -4, 12};
    struct sgd s = {.clip = 0};
    near_to(sgd_squares(g, 1, 3, 3), 169, 0);
    near_to(sgd_squares(g, 2, 1, 2), 153, 0);
    near_to(sgd_squares(g, 1, 0, 0), 0, 0);
    near_to(sgd_scale(&s, 1e30), 1, 0); /* no clipping */
    s.clip = 13;
    near_to(sgd_scale(&s, 12), 1, 0);
    near_to(sgd_scale(&s, 13), 13 / (13 + 1e-6), 0);
    near_to(sgd_scale(&s, 130), 13 / (130 + 1e-6), 0);
    near_to(sgd_scale(&s, 0), 1, 0);
}

/* The gradient is that of the loss, by central differences. */
static void check_loss_gradient(enum loss_kind kind, const float *z, const float *y, size_t n)
{
    enum { MOST = 8 };
    float d[MOST], moved[MOST];
    const float h = 1.0f / 1024;
    loss_row(kind, z, y, n, 0.5, d);
    for (size_t k = 0; k < n; k++) {
        memcpy(moved, z, n * sizeof *z);
        moved[k] = z[k] + h;
        double above = loss_row(kind, moved, y, n, 1, NULL);
        moved[k] = z[k] - h;
        double below = loss_row(kind, moved, y, n, 1, NULL);
        near_to((double)d[k], 0.5 * (above - below) / (2 * (double)h), 1e-6);
    }
}

static void test_loss(void **state)
{
    (void)state;
    static const float z[] = {0.5f, -1, 2, 0}, y[] = {0.25f, 0, 0.5f, 0.25f};
    static const float high[] = {1, 1, 0.5f, 0}; /* labels need not sum to 1 */
    double sum = 0, softmax = 0, sigmoid = 0;
    for (size_t k = 0; k < 4; k++) {
        sum += exp((double)z[k]);
    }
    for (size_t k = 0; k < 4; k++) {
        double p = 1 / (1 + exp(-(double)z[k]));
        softmax -= (double)y[k] * ((double)z[k] - log(sum));
        sigmoid -= (double)y[k] * log(p) + (1 - (double)y[k]) * log(1 - p);
    }
    near_to(loss_row(LOSS_SOFTMAX, z, y, 4, 1, NULL), softmax, 1e-14);
    near_to(loss_row(LOSS_SIGMOID, z, y, 4, 1, NULL), sigmoid, 1e-14);
    for (int kind = LOSS_SOFTMAX; kind <= LOSS_SIGMOID; kind++) {
        check_loss_gradient((enum loss_kind)kind, z, y, 4);
        check_loss_gradient((enum loss_kind)kind, z, high, 4);
    }
}

/* Nothing overflows before the loss itself does, and what is not finite shows. */
static void test_loss_extremes(void **state)
{
    (void)state;
    static const float z[] = {3e38f, -3e38f}, first[] = {1, 0}, second[] = {0, 1};
    float d[2];
    near_to(loss_row(LOSS_SOFTMAX, z, first, 2, 1, d), 0, 0);
    near_to((double)d[0], 0, 0);
    near_to(loss_row(LOSS_SOFTMAX, z, second, 2, 1, d) / 6e38, 1, 1e-6);
    near_to((double)d[0], 1, 0);
    near_to((double)d[1], -1, 0);
    near_to(loss_row(LOSS_SIGMOID, z, first, 2, 1, d), 0, 0);
    near_to(loss_row(LOSS_SIGMOID, z, second, 2, 1, d) / 6e38, 1, 1e-6);
    for (size_t i = 0; i < 2; i++) {
        for (int kind = LOSS_SOFTMAX; kind <= LOSS_SIGMOID; kind++) {
            float bad[] = {1, 1}, labels[] = {0.5f, 0.5f};
            bad[i] = NAN;
            assert_false(isfinite(loss_row((enum loss_kind)kind, bad, labels, 2, 1, NULL)));
            bad[i] = INFINITY;
            assert_false(isfinite(loss_row((enum loss_kind)kind, bad, labels, 2, 1, NULL)));
            bad[i] = 1;
            labels[i] = NAN;
            assert_false(isfinite(loss_row((enum loss_kind)kind, bad, labels, 2, 1, NULL)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_rate_zero),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_loss_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
