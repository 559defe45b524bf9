/* The cpu engine's inner loops and convolutions, on every instruction set that this CPU runs,
 * against plain loops in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/cpu.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/arch.h"
#include "models/cpu/conv.h"
#include "models/cpu/crew.h"
#include "models/cpu/pack.h"

enum { SEED = 11 };
static const double EPS = 1.0 / (1 << 24); /* half a unit in the last place of 1 */

static const char *const isas[] = {"avx512", "avx2", "base"};

static const struct simd *usable(size_t i)
{
    return cpu_has(isas[i]) ? simd_find(isas[i]) : NULL;
}

static void *take(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);
    assert_non_null(p);
    return p;
}

static float *values(size_t n, uint64_t purpose, double scale, double offset)
{
    float *v = take(n, sizeof *v);
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)(offset + scale * (2 * rng_unit(rng_at(SEED, purpose, i)) - 1));
    }
    return v;
}

/* --- products --- */
/* All heights of a tile, one and several pieces of a row, with and without something to add. */
static void check_gemm(const struct simd *s, size_t rows, size_t runs, size_t length)
{
    size_t lda = runs * (length + 5) + 3, depth = runs * length, ldc = s->panel + 7;
    float *a = values(rows * lda, 1, 1, 0.1), *b = values(depth * s->panel, 2, 1, 0);
    float *add = values(rows * ldc, 3, 1, 0), *c = values(rows * ldc, 4, 1, 0);
    struct simd_gemm g = {.rows = rows,
                          .runs = runs,
                          .length = length,
                          .step = length + 5,
                          .a = a,
                          .b = b,
                          .add = rows % 2 ? add : NULL,
                          .lda = lda,
                          .ldc = ldc,
                          .c = c};
    float guard = c[s->panel];
    s->gemm(&g);
    assert_true(c[s->panel] == guard);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < s->panel; j++) {
            double sum = 0, size = 0;
            for (size_t k = 0; k < depth; k++) {
                double p = (double)a[i * lda + k / length * g.step + k % length] *
                           (double)b[k * s->panel + j];
                sum += p;
                size += fabs(p);
            }
            sum += g.add ? (double)add[i * ldc + j] : 0;
            size += g.add ? fabs((double)add[i * ldc + j]) : 0;
            double error = fabs((double)c[i * ldc + j] - sum);
            if (!(error <= (double)(depth + 2) * EPS * size)) {
                fail_msg("%s gemm %zu x %zu: error %g of %g", s->isa, rows, depth, error, size);
            }
        }
    }
    free(a);
    free(b);
    free(add);
    free(c);
}

static void test_gemm(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        const struct simd *s = usable(i);
        for (size_t rows = 1; s && rows < 46; rows++) {
            check_gemm(s, rows, 1, 64);
            check_gemm(s, rows, 7, 21);
        }
    }
}

/* --- convolutions --- */
struct fixture {
    struct conv c;
    struct stats stats;
    atomic_size_t bad;
    float *raw, *packed, *x, *affine, *add, *y, *scratch, *spectrum, *gamma, *beta;
    size_t in, out; /* floats of x and y */
};

static void open_buffers(struct fixture *f, const struct conv_shape *z, double offset)
{
    struct conv *c = &f->c;
    f->in = z->n * z->h * z->w * z->cin;
    f->out = z->n * c->oh * c->ow * z->cout;
    c->x = f->x = values(f->in, 6, 1, offset);
    f->y = c->y = take(f->out, sizeof *f->y);
    c->scratch_floats = conv_scratch(c);
    c->scratch = f->scratch = take(3 * c->scratch_floats, sizeof *f->scratch);
    c->spectrum = f->spectrum = take(conv_spectrum(c), sizeof *f->spectrum);
    f->gamma = values(z->cout, 8, 0.5, 1);
    f->beta = values(z->cout, 9, 0.5, 0);
    atomic_init(&f->bad, z->n);
    f->stats = (struct stats){.c = z->cout,
                              .pixels = c->oh * c->ow,
                              .parts = conv_parts(c),
                              .gamma = f->gamma,
                              .beta = f->beta,
                              .bad = &f->bad};
    f->stats.sums = take(stats_sums(z->n, f->stats.parts, z->cout), sizeof *f->stats.sums);
    f->stats.left = take(z->n, sizeof *f->stats.left);
    f->stats.affine = take(stats_affine(z->n, z->cout), sizeof *f->stats.affine);
}

static void open_conv(struct fixture *f, const struct simd *s, const struct conv_shape *z,
                      bool winograd, double offset)
{
    struct pack p = {.simd = s, .k = z->k, .cin = z->cin, .cout = z->cout, .ws_eps = 1e-10};
    *f = (struct fixture){.c = {.simd = s,
                                .shape = *z,
                                .winograd = winograd && z->stride == 1,
                                .strided = winograd && z->stride == 2}};
    conv_size(&f->c);
    p.w = f->raw = values(z->k * z->k * z->cin * z->cout, 5, 1, 0.2);
    f->packed = take(pack_floats(&p), sizeof *f->packed);
    pack_run(&p, f->packed, NULL);
    f->c.weights = f->packed;
    open_buffers(f, z, offset);
    if (z->cin > 3) { /* the root has neither norm nor sums */
        f->affine = values(z->n * 3 * z->cin, 7, 1, 0.3);
        f->c.affine = f->affine;
        f->c.stats = &f->stats;
        f->add = winograd ? NULL : values(f->out, 10, 1, 0);
        f->c.add = f->add;
    }
}

static void close_conv(struct fixture *f)
{
    float *all[] = {f->raw, f->packed, f->x, f->affine, f->add,
                    f->y, f->gamma, f->scratch, f->spectrum, f->beta};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        free(all[i]);
    }
    free(f->stats.sums);
    free(f->stats.left);
    free(f->stats.affine);
}

/* The normalised input pixel, in double from the same float steps. */
static double input(const struct fixture *f, size_t i, size_t y, size_t x, size_t k)
{
    const struct conv_shape *z = &f->c.shape;
    double v = (double)f->x[((i * z->h + y) * z->w + x) * z->cin + k];
    if (f->affine) {
        const float *a = f->affine + i * 3 * z->cin + k;
        v = (v - (double)a[0]) * (double)a[z->cin] + (double)a[2 * z->cin];
        v = v > 0 ? v : 0;
    }
    return v;
}

/* One output, and the sum of the absolute products. */
static double output(const struct fixture *f, const float *w, size_t i, size_t oy, size_t ox,
                     size_t k, double *size)
{
    const struct conv_shape *z = &f->c.shape;
    double sum = 0;
    *size = 0;
    for (size_t t = 0; t < z->k * z->k; t++) {
        size_t y = oy * z->stride + t / z->k - z->k / 2, x = ox * z->stride + t % z->k - z->k / 2;
        for (size_t j = 0; j < z->cin && y < z->h && x < z->w; j++) {
            double p = input(f, i, y, x, j) * (double)w[(t * z->cin + j) * z->cout + k];
            sum += p;
            *size += fabs(p);
        }
    }
    return sum;
}

/* Every 7th output or so; the largest error as a share of the bound, which for direct layers is
 * that of a sum of so many terms, for Winograd 1e-5 of the products' absolute sum: its rounding
 * errors are of the tile, not of the output alone. */
static void check_outputs(const struct fixture *f)
{
    const struct conv_shape *z = &f->c.shape;
    size_t rows = z->k * z->k * z->cin;
    bool winograd = f->c.winograd || f->c.strided;
    float *w = take(rows * z->cout, sizeof *w);
    double worst = 0;
    kernel_standardize(f->raw, rows, z->cout, 1e-10, w);
    for (size_t at = 0; at < f->out; at += 1 + at % 13) {
        size_t k = at % z->cout, pixel = at / z->cout, ox = pixel % f->c.ow;
        size_t oy = pixel / f->c.ow % f->c.oh, i = pixel / f->c.ow / f->c.oh;
        double size, want = output(f, w, i, oy, ox, k, &size);
        want += f->add ? (double)f->add[at] : 0;
        size += f->add ? fabs((double)f->add[at]) : 0;
        double bound = winograd ? 1e-5 * (size + 10) : (double)(rows + 8) * EPS * (size + 1);
        worst = fmax(worst, fabs((double)f->y[at] - want) / bound);
    }
    free(w);
    if (!(worst <= 1)) {
        fail_msg("%s %zux%zu, %zu images %zu x %zu, %zu -> %zu%s: error %g of the bound",
                 f->c.simd->isa, z->k, z->k, z->n, z->h, z->w, z->cin, z->cout,
                 winograd ? ", Winograd" : "", worst);
    }
}

/* The norm that the layer left, against two passes over its output. */
static void check_stats(const struct fixture *f)
{
    size_t c = f->c.shape.cout, pixels = f->stats.pixels, width = c / ARCH_GROUPS;
    for (size_t i = 0; i < f->c.shape.n; i++) {
        for (size_t k = 0; k < c; k++) {
            double mean = 0, variance = 0, n = (double)(pixels * width);
            const float *y = f->y + i * pixels * c + k / width * width;
            for (size_t p = 0; p < pixels * width; p++) {
                mean += (double)y[p / width * c + p % width] / n;
            }
            for (size_t p = 0; p < pixels * width; p++) {
                double d = (double)y[p / width * c + p % width] - mean;
                variance += d * d / n;
            }
            struct simd_affine a = stats_affine_at(f->stats.affine, i, c);
            double scale = (double)f->gamma[k] / sqrt(variance + 1e-5);
            double shift = (double)a.shift[k] - (double)a.centre[k] * (double)a.scale[k];
            double want = (double)f->beta[k] - mean * scale;
            if (!(fabs((double)a.scale[k] - scale) <= 1e-6 * fabs(scale)) ||
                !(fabs(shift - want) <= 1e-6 * (1 + fabs(mean * scale)))) {
                fail_msg("%s: norm of image %zu, channel %zu: %g %g, not %g %g", f->c.simd->isa, i,
                         k, (double)a.scale[k], shift, scale, want);
            }
        }
    }
}

static void check_conv(const struct simd *s, const struct conv_shape *z, bool winograd,
                       double offset)
{
    struct fixture f;
    struct pool *pool;
    open_conv(&f, s, z, winograd, offset);
    assert_int_equal(pool_open(&pool, 2, NULL), 0);
    conv_run(&f.c, &(struct crew){.pool = pool, .size = 2});
    check_outputs(&f);
    if (f.c.stats) {
        check_stats(&f);
        assert_int_equal(atomic_load(&f.bad), z->n);
    }
    pool_close(pool);
    close_conv(&f);
}

static void test_conv(void **state)
{
    (void)state;
    static const struct conv_shape shapes[] = {
        {1, 1, 1, 32, 64, 1, 1},
        {5, 3, 4, 64, 32, 1, 1},
        {2, 17, 13, 32, 96, 1, 1},
        {1, 20, 30, 640, 64, 1, 1},
        {3, 6, 5, 32, 64, 1, 2},
        {2, 15, 30, 64, 32, 1, 2},
        {2, 1, 1, 32, 32, 3, 1},
        {3, 2, 2, 32, 32, 3, 1},
        {2, 1, 7, 32, 32, 3, 1},
        {2, 9, 5, 32, 64, 3, 1},
        {1, 21, 19, 64, 32, 3, 1},
        {2, 1, 1, 32, 32, 3, 2},
        {7, 2, 2, 64, 32, 3, 2},
        {2, 7, 5, 32, 32, 3, 2},
        {1, 30, 29, 32, 32, 3, 2},
        {1, 8, 8, 544, 32, 3, 2},
        {2, 1, 1, 3, 32, 7, 2},
        {2, 15, 11, 3, 32, 7, 2},
        {1, 64, 50, 3, 64, 7, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        for (size_t j = 0; j < ARRAY_LEN(shapes) && usable(i); j++) {
            check_conv(usable(i), &shapes[j], false, 0);
        }
    }
}

/* Few and many blocks (one step and two), tiles cut off at the right and below, several images in a
 * block, weights transformed together, by panel, and by panel in slices. */
static void test_winograd(void **state)
{
    (void)state;
    static const struct conv_shape shapes[] = {
        {1, 4, 4, 32, 32, 3, 1},
        {5, 4, 4, 32, 64, 3, 1},
        {3, 7, 7, 64, 32, 3, 1},
        {2, 9, 14, 32, 32, 3, 1},
        {1, 3, 50, 32, 32, 3, 1},
        {1, 56, 57, 32, 32, 3, 1},
        {2, 120, 99, 32, 32, 3, 1},
        {41, 8, 9, 32, 32, 3, 1},
        {1, 6, 6, 544, 32, 3, 1},
        {1, 12, 13, 224, 96, 3, 1},
        {30, 8, 9, 160, 192, 3, 1},
        {1, 1, 1, 32, 32, 3, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        for (size_t j = 0; j < ARRAY_LEN(shapes) && usable(i); j++) {
            check_conv(usable(i), &shapes[j], true, 0);
        }
    }
}

/* Sides of 1 to 16 outputs: tiles of 3 and 4 alone and together, reaching beyond the image or not;
 * odd and even; one block and several, one slice of input channels and several. */
static void test_strided(void **state)
{
    (void)state;
    static const struct conv_shape shapes[] = {
        {1, 3, 3, 32, 32, 3, 2},
        {3, 4, 5, 32, 64, 3, 2},
        {2, 6, 7, 64, 32, 3, 2},
        {5, 8, 9, 32, 32, 3, 2},
        {1, 10, 11, 160, 32, 3, 2},
        {2, 12, 13, 32, 96, 3, 2},
        {41, 14, 15, 32, 32, 3, 2},
        {1, 1, 7, 32, 32, 3, 2},
        {1, 16, 17, 32, 32, 3, 2},
        {2, 18, 19, 544, 32, 3, 2},
        {1, 20, 21, 32, 32, 3, 2},
        {2, 22, 24, 32, 32, 3, 2},
        {1, 56, 56, 32, 32, 3, 2},
        {2, 120, 99, 32, 32, 3, 2},
        {1, 3, 50, 32, 32, 3, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        for (size_t j = 0; j < ARRAY_LEN(shapes) && usable(i); j++) {
            check_conv(usable(i), &shapes[j], true, 0);
        }
    }
}

/* A mean of 2000 standard deviations must not eat the variance: roundings are those of a sum of 64
 * floats. */
static void test_stats_far_mean(void **state)
{
    (void)state;
    enum { ROWS = 300,
           C = 32 };
    float *x = values(ROWS * C, 12, 0.1, 100);
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        double sum[2 * C] = {0};
        struct simd_sums s = {
            .x = x, .rows = ROWS, .c = C, .ldx = C, .sum = sum, .square = sum + C};
        if (!usable(i)) {
            continue;
        }
        usable(i)->sums(&s);
        for (size_t k = 0; k < C; k++) {
            double mean = sum[k] / ROWS, variance = 0;
            for (size_t r = 0; r < ROWS; r++) {
                double d = (double)x[r * C + k] - mean;
                variance += d * d / ROWS;
            }
            double got = sum[C + k] / ROWS - mean * mean;
            if (!(fabs(got - variance) <= 64 * EPS * variance)) {
                fail_msg("%s: variance %g, not %g", usable(i)->isa, got, variance);
            }
        }
    }
    free(x);
}

/* --- pools --- */
static void test_max_pool(void **state)
{
    (void)state;
    enum { H = 7,
           W = 6,
           C = 32,
           OH = 4,
           OW = 3 };
    float *x = values(H * W * C, 13, 1, -0.8), y[OH * OW * C], want[OH * OW * C];
    x[(3 * W + 2) * C + 5] = NAN;
    kernel_max_pool(x, 1, H, W, C, want);
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        for (size_t first = 0; first < OH * OW && usable(i); first += 5) {
            size_t n = OH * OW - first < 5 ? OH * OW - first : 5;
            struct simd_max_pool p = {
                .x = x, .y = y + first * C, .h = H, .w = W, .c = C, .first = first, .n = n};
            usable(i)->max_pool(&p);
        }
        for (size_t k = 0; k < OH * OW * C && usable(i); k++) {
            assert_true(y[k] == want[k] || (isnan(y[k]) && isnan(want[k])));
        }
    }
    free(x);
}

/* Of equal values, the padding's 0 among them, the first in the window counts. */
static void test_pool_ties(void **state)
{
    (void)state;
    enum { H = 9,
           W = 10,
           C = 32,
           N = 5 * 5 * C };
    float *x = take(H * W * C, sizeof *x), y[N], want[N];
    unsigned char index[N], want_index[N];
    for (size_t i = 0; i < H * W * C; i++) {
        x[i] = (float)(rng_at(SEED, 16, i) % 3) - 1;
    }
    kernel_max_pool_index(x, 1, H, W, C, want, want_index);
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        const struct simd_pool_index p = {
            .x = x, .y = y, .index = index, .h = H, .w = W, .c = C, .n = 25};
        if (usable(i)) {
            usable(i)->pool_index(&p);
            assert_memory_equal(y, want, sizeof y);
            assert_memory_equal(index, want_index, sizeof index);
        }
    }
    free(x);
}

static void test_average(void **state)
{
    (void)state;
    enum { ROWS = 49,
           C = 64 };
    float *x = values(ROWS * C, 14, 1, 0), *a = values(3 * C, 15, 1, 0.2), y[C];
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        struct simd_average s = {
            .x = x, .rows = ROWS, .c = C, .affine = {a, a + C, a + 2 * C}, .y = y};
        if (!usable(i)) {
            continue;
        }
        usable(i)->average(&s);
        for (size_t k = 0; k < C; k++) {
            double want = 0;
            for (size_t r = 0; r < ROWS; r++) {
                double v = ((double)x[r * C + k] - (double)a[k]) * (double)a[C + k];
                v += (double)a[2 * C + k];
                want += v > 0 ? v / ROWS : 0;
            }
            assert_true(fabs((double)y[k] - want) <= 1e-6);
        }
    }
    free(x);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_strided),
        cmocka_unit_test(test_stats_far_mean),
        cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_pool_ties),
        cmocka_unit_test(test_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
