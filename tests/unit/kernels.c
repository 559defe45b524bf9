/* Each kernel against a naive twin in double, over small shapes of every kind: one pixel, odd and
 * even sides, strides, groups of images, sums on top of what is there. Inputs come from a fixed
 * seed; bounds are a few roundings of float32 of the largest value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/blas.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/arch.h"
#include "models/kernels/kernels.h"

enum { SEED = 11 };

static void *take(size_t n, size_t size)
{
    void *p = calloc(n + !n, size);
    assert_non_null(p);
    return p;
}

/* n values in [-1, 1) + offset that differ with what. */
static float *draw(size_t n, uint64_t what, double offset)
{
    float *v = take(n, sizeof *v);
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)(2 * rng_unit(rng_at(SEED, what, i)) - 1 + offset);
    }
    return v;
}

static void near_enough(const char *what, const float *have, const double *want, size_t n,
                        double bound)
{
    double worst = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)have[i] - want[i]);
        worst = d <= worst ? worst : d;
        size = fmax(size, fabs(want[i]));
    }
    if (!(worst <= bound * fmax(size, 1e-30))) {
        fail_msg("%s: error %g of %g, bound %g, seed %d", what, worst, size, bound * size, SEED);
    }
}

/* Value of a padded image. */
static double at(const float *x, const struct conv_shape *s, size_t image, long y, long col,
                 size_t c)
{
    if (y < 0 || col < 0 || y >= (long)s->h || col >= (long)s->w) {
        return 0;
    }
    return (double)x[((image * s->h + (size_t)y) * s->w + (size_t)col) * s->cin + c];
}

static double naive_conv(const float *x, const float *w, const struct conv_shape *s, size_t image,
                         size_t oy, size_t ox, size_t o)
{
    double sum = 0;
    long pad = (long)s->k / 2;
    for (size_t i = 0; i < s->k; i++) {
        for (size_t j = 0; j < s->k; j++) {
            for (size_t c = 0; c < s->cin; c++) {
                sum += at(x, s, image, (long)(oy * s->stride + i) - pad,
                          (long)(ox * s->stride + j) - pad, c) *
                       (double)w[((i * s->k + j) * s->cin + c) * s->cout + o];
            }
        }
    }
    return sum;
}

static void one_conv(const struct conv_shape *s)
{
    size_t oh = arch_conv_out(s->h, s->k, s->stride), ow = arch_conv_out(s->w, s->k, s->stride);
    size_t n_out = s->n * oh * ow * s->cout;
    float *x = draw(s->n * s->h * s->w * s->cin, 1, 0),
          *w = draw(s->k * s->k * s->cin * s->cout, 2, 0);
    float *col = take(conv_col_floats(s), sizeof *col);
    double *want = take(n_out, sizeof *want);
    for (size_t add = 0; add < 2; add++) {
        float *y = draw(n_out, 3, 0);
        for (size_t i = 0; i < n_out; i++) {
            size_t o = i % s->cout, p = i / s->cout % (oh * ow), image = i / s->cout / (oh * ow);
            want[i] = naive_conv(x, w, s, image, p / ow, p % ow, o) + (add ? (double)y[i] : 0);
        }
        kernel_conv(s, x, w, col, add, y);
        near_enough("conv", y, want, n_out, 2e-6);
        free(y);
    }
    free(x);
    free(w);
    free(col);
    free(want);
}

static void test_conv(void **state)
{
    (void)state;
    static const size_t kernels[] = {1, 3, 7},
                        sides[][2] = {{1, 1}, {1, 5}, {2, 2}, {4, 3}, {9, 8}};
    for (size_t i = 0; i < 3 * 2 * ARRAY_LEN(sides) * 2; i++) {
        const size_t *side = sides[i / 6 % ARRAY_LEN(sides)];
        struct conv_shape s = {i < 30 ? 1 : 3, side[0], side[1], 5, 6,
                               kernels[i % 3], 1 + i / 3 % 2};
        assert_int_equal(conv_stacked(&s), s.n > 1 && conv_out_pixels(&s) < 64);
        one_conv(&s);
    }
}

static void test_standardize(void **state)
{
    (void)state;
    static const size_t couts[] = {1, 64, 70, 130};
    for (size_t i = 0; i < ARRAY_LEN(couts); i++) {
        size_t rows = 27, cout = couts[i];
        float *w = draw(rows * cout, 4, 0.5), *out = take(rows * cout, sizeof *out);
        double *want = take(rows * cout, sizeof *want), eps = 1e-3;
        for (size_t o = 0; o < cout; o++) {
            double mean = 0, var = 0;
            for (size_t r = 0; r < rows; r++) {
                mean += (double)w[r * cout + o] / (double)rows;
            }
            for (size_t r = 0; r < rows; r++) {
                var += pow((double)w[r * cout + o] - mean, 2) / (double)rows;
            }
            for (size_t r = 0; r < rows; r++) {
                want[r * cout + o] = ((double)w[r * cout + o] - mean) / sqrt(var + eps);
            }
        }
        kernel_standardize(w, rows, cout, eps, out);
        near_enough("standardize", out, want, rows * cout, 1e-7);
        free(w);
        free(out);
        free(want);
    }
}

static void naive_norm(const float *x, size_t pixels, size_t c, const float *gamma,
                       const float *beta, double *y)
{
    size_t per = c / 32;
    for (size_t g = 0; g < 32; g++) {
        double mean = 0, var = 0, count = (double)(per * pixels);
        for (size_t i = 0; i < per * pixels; i++) {
            mean += (double)x[i / per * c + g * per + i % per] / count;
        }
        for (size_t i = 0; i < per * pixels; i++) {
            var += pow((double)x[i / per * c + g * per + i % per] - mean, 2) / count;
        }
        for (size_t i = 0; i < per * pixels; i++) {
            size_t j = g * per + i % per, k = i / per * c + j;
            y[k] = fmax(0, ((double)x[k] - mean) / sqrt(var + 1e-5) * (double)gamma[j] +
                               (double)beta[j]);
        }
    }
}

static void test_norm(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{1, 1, 32}, {2, 1, 64}, {3, 6, 96}, {1, 35, 32}};
    for (size_t i = 0; i < 2 * ARRAY_LEN(shapes); i++) {
        size_t n = shapes[i / 2][0], px = shapes[i / 2][1], c = shapes[i / 2][2], all = n * px * c;
        float *x = draw(all, 5, i % 2 ? 1000 : 0), *gamma = draw(c, 6, 1), *beta = draw(c, 7, 0);
        float *y = take(all, sizeof *y);
        double *want = take(all, sizeof *want), *sums = take(2 * c, sizeof *sums);
        float *three = take(3 * c, sizeof *three);
        struct norm_scratch s = {sums, sums + c, three, three + c, three + 2 * c};
        for (size_t k = 0; k < n; k++) {
            naive_norm(x + k * px * c, px, c, gamma, beta, want + k * px * c);
        }
        kernel_norm_relu(x, n, px, c, gamma, beta, &s, y);
        near_enough("norm", y, want, all, 1e-6);
        free(x);
        free(gamma);
        free(beta);
        free(y);
        free(want);
        free(sums);
        free(three);
    }
}

static void test_max_pool(void **state)
{
    (void)state;
    static const size_t sides[][2] = {{1, 1}, {2, 3}, {5, 4}, {8, 8}, {7, 1}};
    for (size_t i = 0; i < 2 * ARRAY_LEN(sides); i++) {
        struct conv_shape s = {2, sides[i / 2][0], sides[i / 2][1], 5, 5, 3, 2};
        size_t oh = arch_conv_out(s.h, 3, 2), ow = arch_conv_out(s.w, 3, 2), all = 2 * oh * ow * 5;
        float *x = draw(2 * s.h * s.w * 5, 8, i % 2 ? -2 : 0), *y = take(all, sizeof *y);
        double *want = take(all, sizeof *want);
        for (size_t k = 0; k < all; k++) {
            size_t c = k % 5, ox = k / 5 % ow, oy = k / 5 / ow % oh, image = k / 5 / ow / oh;
            want[k] = -HUGE_VAL;
            for (size_t t = 0; t < 9; t++) {
                want[k] = fmax(want[k], at(x, &s, image, (long)(oy * 2 + t / 3) - 1,
                                           (long)(ox * 2 + t % 3) - 1, c));
            }
        }
        kernel_max_pool(x, 2, s.h, s.w, 5, y);
        near_enough("max pool", y, want, all, 0);
        free(x);
        free(y);
        free(want);
    }
}

static void test_average_and_head(void **state)
{
    (void)state;
    enum { N = 3,
           PX = 6,
           C = 37,
           K = 150 };
    float *x = draw(N * PX * C, 9, 0.3), *w = draw(C * K, 10, 0), *bias = draw(K, 11, 0);
    float features[N * C], logits[N * K];
    double sum[C], want_features[N * C], want[N * K];
    for (size_t i = 0; i < N * C; i++) {
        want_features[i] = 0;
        for (size_t p = 0; p < PX; p++) {
            want_features[i] += (double)x[(i / C * PX + p) * C + i % C] / PX;
        }
    }
    kernel_average_pool(x, N, PX, C, sum, features);
    near_enough("average pool", features, want_features, N * C, 1e-7);
    for (size_t i = 0; i < N * K; i++) {
        want[i] = (double)bias[i % K];
        for (size_t c = 0; c < C; c++) {
            want[i] += (double)features[i / K * C + c] * (double)w[c * K + i % K];
        }
    }
    for (size_t first = 0; first < K; first += 60) {
        struct head_part part = {N, C, K, first, first + 60 < K ? first + 60 : K};
        kernel_head(&part, features, w, bias, logits);
    }
    near_enough("head", logits, want, N * K, 1e-7);
    free(x);
    free(w);
    free(bias);
}

/* A NaN anywhere comes through the pool and the normalisation. */
static void test_nan(void **state)
{
    (void)state;
    for (size_t i = 0; i < 16; i++) {
        float x[16] = {0}, y[4], z[32], gamma[32], beta[32], three[3 * 32];
        double sums[2 * 32];
        x[i] = NAN;
        kernel_max_pool(x, 1, 4, 4, 1, y);
        assert_true(isnan(y[0]) || isnan(y[1]) || isnan(y[2]) || isnan(y[3]));
        for (size_t k = 0; k < 32; k++) {
            z[k] = k == i ? NAN : 1;
            gamma[k] = 1;
            beta[k] = 1;
        }
        struct norm_scratch s = {sums, sums + 32, three, three + 32, three + 64};
        kernel_norm_relu(z, 1, 1, 32, gamma, beta, &s, z);
        assert_true(isnan(z[i]));
    }
}

int main(void)
{
    blas_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_standardize),
        cmocka_unit_test(test_norm),
        cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_average_and_head),
        cmocka_unit_test(test_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
