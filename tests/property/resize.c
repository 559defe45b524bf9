/* Properties of the resize kernels at random sizes, odd and 1 included: a constant image stays
 * constant, a ramp stays a ramp away from the borders, noise agrees with a plain twin in double, a
 * part is the part of the whole, instruction sets agree, and a plan kept from another size leaves
 * no trace. Images and outputs fill their blocks exactly, so that a sanitizer sees any step
 * outside. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/resize.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/rng.h"

enum { SEED = 20191224,
       ROUNDS = 60 };

struct geometry {
    size_t h, w, c, oh, ow;
};

static struct geometry draw(uint64_t purpose, uint64_t i)
{
    uint64_t k = i * 5;
    struct geometry g = {
        .h = 1 + (size_t)rng_below(rng_at(SEED, purpose, k), 70),
        .w = 1 + (size_t)rng_below(rng_at(SEED, purpose, k + 1), 70),
        .c = i % 2 ? 1 : 3,
        .oh = 1 + (size_t)rng_below(rng_at(SEED, purpose, k + 3), 90),
        .ow = 1 + (size_t)rng_below(rng_at(SEED, purpose, k + 4), 90),
    };
    return g;
}

static float *resized(const struct resize_kernel *k, struct geometry g, const uint8_t *px,
                      struct resize_work *w)
{
    struct image in = {px, g.h, g.w, g.c};
    struct err e = {0};
    float *out = malloc(g.oh * g.ow * g.c * sizeof *out);
    struct resize_dims d = resize_whole(&in, g.oh, g.ow);
    if (!out || resize_run(k, &in, &d, out, w, &e)) {
        fail_msg("%s: %s", k->name, e.text);
    }
    return out;
}

static void close_to(const struct resize_kernel *k, struct geometry g, size_t at, double got,
                     double want, double bound)
{
    if (!(fabs(got - want) <= bound)) {
        fail_msg("%s, seed %d, %zu x %zu x %zu to %zu x %zu, value %zu: %.9g should be %.9g, "
                 "|error| %g, bound %g",
                 k->name, SEED, g.h, g.w, g.c, g.oh, g.ow, at, got, want, fabs(got - want), bound);
    }
}

static bool begins(const struct resize_kernel *k, const char *text)
{
    return strncmp(k->name, text, strlen(text)) == 0;
}

static bool is_pil(const struct resize_kernel *k)
{
    return begins(k, "pil");
}

static bool is_integer(const struct resize_kernel *k)
{
    return is_pil(k) || begins(k, "tvu8") || begins(k, "cv");
}

/* Integer kernels exactly, but for OpenCV's cubic, whose four weights of 11 bits need not sum to
 * one exactly; fp32 weights of a sum of 1 up to their rounding: 70 taps in each direction are below
 * 140 * 2^-24 * 255 = 2.1e-3. */
static void constant(void **state)
{
    (void)state;
    for (size_t i = 0; i < resize_kernels_n * ROUNDS; i++) {
        const struct resize_kernel *k = resize_kernels[i % resize_kernels_n];
        struct geometry g = draw(1, i);
        struct resize_work w = {0};
        uint8_t *px = malloc(g.h * g.w * g.c);
        int v = (int)rng_below(rng_at(SEED, 2, i), 256);
        memset(px, v, g.h * g.w * g.c);
        float *out = resized(k, g, px, &w);
        for (size_t j = 0; j < g.oh * g.ow * g.c; j++) {
            close_to(k, g, j, (double)out[j], v,
                     k == &resize_cv_cubic ? 1.0 : is_integer(k) ? 0.0
                                                                 : 2.1e-3);
        }
        free(out);
        free(px);
        resize_work_release(&w);
    }
}

/* Where a kernel puts output i of n in the source, pixel centres at whole numbers. */
static double position(const struct resize_kernel *k, size_t i, size_t n_in, size_t n_out)
{
    double scale = (double)n_in / (double)n_out;
    return strncmp(k->name, "tf1", 3) == 0 ? (double)i * scale : ((double)i + 0.5) * scale - 0.5;
}

/* Kernels that interpolate linearly, and cubic ones with A = -0.5: others bend a ramp. A stretched
 * filter, sampled at whole pixels, is not centred, and bends it, too. */
static bool keeps_ramps(const struct resize_kernel *k, struct geometry g)
{
    bool antialias = is_pil(k) || strstr(k->name, "aa");
    bool linear = strstr(k->name, "linear") != NULL;
    bool half = strstr(k->name, "bicubic") && (antialias || begins(k, "tf2"));
    return (linear || half) && !(antialias && g.ow < g.w);
}

/* Pixel x has the value 3 x + 20. Rounding to 8 bits moves by a half; bicubic of TensorFlow
 * rounds its position to 1/1024; weights of 15 bits move 255 by 0.03; OpenCV's of 11 and its three
 * shifts by half a level more; the rest is fp32. */
static void ramp(void **state)
{
    (void)state;
    for (size_t i = 0; i < resize_kernels_n * ROUNDS; i++) {
        const struct resize_kernel *k = resize_kernels[i % resize_kernels_n];
        struct geometry g = draw(3, i);
        struct resize_work w = {0};
        uint8_t *px = malloc(g.h * g.w * g.c);
        for (size_t j = 0; j < g.h * g.w * g.c; j++) {
            px[j] = (uint8_t)(20 + 3 * (j / g.c % g.w));
        }
        float *out = resized(k, g, px, &w);
        double stretch = fmax(1.0, (double)g.w / (double)g.ow), support = 2.0 * stretch + 1.0;
        for (size_t j = 0; j < g.oh * g.ow * g.c; j++) {
            double x = position(k, j / g.c % g.ow, g.w, g.ow);
            if (x < support || x > (double)g.w - 1.0 - support || !keeps_ramps(k, g)) {
                continue;
            }
            double bound = is_pil(k)           ? 0.5 + 1e-3
                           : begins(k, "tvu8") ? 0.5 + 0.03
                           : begins(k, "cv")   ? 1.0
                                               : 3.0 * 0.5 / 1024 + 2.1e-3;
            close_to(k, g, j, (double)out[j], 20.0 + 3.0 * x, bound);
        }
        free(out);
        free(px);
        resize_work_release(&w);
    }
}

/* An area mean shares every pixel out among the outputs, so the image's mean stays. */
static void area_keeps_the_mean(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROUNDS; i++) {
        struct geometry g = draw(6, i);
        struct resize_work w = {0};
        size_t n = g.h * g.w * g.c, n_out = g.oh * g.ow * g.c;
        uint8_t *px = malloc(n);
        double before = 0.0, after = 0.0;
        for (size_t j = 0; j < n; j++) {
            px[j] = (uint8_t)rng_below(rng_at(SEED, 1000 + i, j), 256);
            before += px[j];
        }
        float *out = resized(&resize_tf2_area, g, px, &w);
        for (size_t j = 0; j < n_out; j++) {
            after += (double)out[j];
        }
        close_to(&resize_tf2_area, g, 0, after / (double)n_out, before / (double)n, 2.1e-3);
        free(out);
        free(px);
        resize_work_release(&w);
    }
}

static double triangle_weight(double x)
{
    return fmax(0.0, 1.0 - fabs(x));
}

/* Share of source pixel j in output i: two-tap bilinear, or Pillow's stretched triangle. */
static double share(bool pil, size_t i, size_t j, size_t n_in, size_t n_out)
{
    double scale = (double)n_in / (double)n_out, stretch = pil && scale > 1.0 ? scale : 1.0;
    double x = ((double)i + 0.5) * scale - 0.5, total = 0.0;
    if (!pil) {
        x = fmin(fmax(x, 0.0), (double)n_in - 1.0);
    }
    for (size_t m = 0; m < n_in; m++) {
        total += triangle_weight(((double)m - x) / stretch);
    }
    return triangle_weight(((double)j - x) / stretch) / total;
}

/* Bilinear of noise against the definition in double. fp32 positions up to 70 are off by
 * 70 * 2^-23, times a slope of 255: 2.2e-3 an axis. Pillow rounds twice, half a level each. */
static void bilinear_twin(void **state)
{
    (void)state;
    const struct resize_kernel *const kernels[] = {
        &resize_tf2_bilinear,
        &resize_pil_bilinear,
        &resize_pil13_bilinear,
    };
    for (size_t i = 0; i < ARRAY_LEN(kernels) * 12; i++) {
        const struct resize_kernel *k = kernels[i % ARRAY_LEN(kernels)];
        struct geometry g = draw(4, i);
        struct resize_work w = {0};
        uint8_t *px = malloc(g.h * g.w * g.c);
        for (size_t j = 0; j < g.h * g.w * g.c; j++) {
            px[j] = (uint8_t)rng_below(rng_at(SEED, 5 + i, j), 256);
        }
        float *out = resized(k, g, px, &w);
        double *fx = malloc(g.ow * g.w * sizeof *fx);
        for (size_t j = 0; j < g.ow * g.w; j++) {
            fx[j] = share(is_pil(k), j / g.w, j % g.w, g.w, g.ow);
        }
        for (size_t oy = 0; oy < g.oh; oy++) {
            double fy[70];
            for (size_t y = 0; y < g.h; y++) {
                fy[y] = share(is_pil(k), oy, y, g.h, g.oh);
            }
            for (size_t ox = 0; ox < g.ow; ox++) {
                double sum = 0.0;
                for (size_t y = 0; y < g.h; y++) {
                    for (size_t x = 0; x < g.w; x++) {
                        sum += fy[y] * fx[ox * g.w + x] * px[(y * g.w + x) * g.c];
                    }
                }
                size_t at = (oy * g.ow + ox) * g.c;
                close_to(k, g, at, (double)out[at], sum, is_pil(k) ? 1.0 + 1e-3 : 5e-3);
            }
        }
        free(fx);
        free(out);
        free(px);
        resize_work_release(&w);
    }
}

/* Any part of the result is what a crop of the whole gives, by every bit. */
static void parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < resize_kernels_n * ROUNDS; i++) {
        const struct resize_kernel *k = resize_kernels[i % resize_kernels_n];
        struct geometry g = draw(30, i);
        struct resize_work w = {0};
        uint8_t *px = malloc(g.h * g.w * g.c);
        for (size_t j = 0; j < g.h * g.w * g.c; j++) {
            px[j] = (uint8_t)rng_below(rng_at(SEED, 31 + i, j), 256);
        }
        struct image in = {px, g.h, g.w, g.c};
        struct resize_dims d = resize_whole(&in, g.oh, g.ow);
        d.y.first = (size_t)rng_below(rng_at(SEED, 32, i), g.oh);
        d.x.first = (size_t)rng_below(rng_at(SEED, 33, i), g.ow);
        d.y.n = 1 + (size_t)rng_below(rng_at(SEED, 34, i), g.oh - d.y.first);
        d.x.n = 1 + (size_t)rng_below(rng_at(SEED, 35, i), g.ow - d.x.first);
        float *whole = resized(k, g, px, &w), *part = malloc(d.y.n * d.x.n * g.c * sizeof *part);
        assert_int_equal(resize_run(k, &in, &d, part, &w, NULL), 0);
        for (size_t y = 0; y < d.y.n; y++) {
            assert_memory_equal(part + y * d.x.n * g.c,
                                whole + ((d.y.first + y) * g.ow + d.x.first) * g.c,
                                d.x.n * g.c * sizeof *part);
        }
        free(whole);
        free(part);
        free(px);
        resize_work_release(&w);
    }
}

/* The loops for any processor and those for this one give the same bits. */
static void instruction_sets(void **state)
{
    (void)state;
    const char *best = cpu_isa();
    for (size_t i = 0; i < resize_kernels_n * ROUNDS; i++) {
        const struct resize_kernel *k = resize_kernels[i % resize_kernels_n];
        struct geometry g = draw(40, i);
        struct resize_work w = {0};
        uint8_t *px = malloc(g.h * g.w * g.c);
        for (size_t j = 0; j < g.h * g.w * g.c; j++) {
            px[j] = (uint8_t)rng_below(rng_at(SEED, 41 + i, j), 256);
        }
        float *ours = resized(k, g, px, &w);
        assert_int_equal(cpu_force_isa("base", NULL), 0);
        float *base = resized(k, g, px, &w);
        assert_int_equal(cpu_force_isa(best, NULL), 0);
        assert_memory_equal(ours, base, g.oh * g.ow * g.c * sizeof *ours);
        free(ours);
        free(base);
        free(px);
        resize_work_release(&w);
    }
}

/* One scratch through all kernels and sizes gives what a fresh one gives, by every bit. */
static void kept_plans(void **state)
{
    (void)state;
    struct resize_work kept = {0};
    for (size_t i = 0; i < resize_kernels_n * ROUNDS; i++) {
        uint64_t pick = rng_below(rng_at(SEED, 90, i), resize_kernels_n);
        const struct resize_kernel *k = resize_kernels[pick];
        struct geometry g = draw(91, i / 3);
        struct resize_work fresh = {0};
        uint8_t *px = malloc(g.h * g.w * g.c);
        for (size_t j = 0; j < g.h * g.w * g.c; j++) {
            px[j] = (uint8_t)rng_below(rng_at(SEED, 92 + i, j), 256);
        }
        float *a = resized(k, g, px, &kept), *b = resized(k, g, px, &fresh);
        assert_memory_equal(a, b, g.oh * g.ow * g.c * sizeof *a);
        free(a);
        free(b);
        free(px);
        resize_work_release(&fresh);
    }
    resize_work_release(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant),
        cmocka_unit_test(ramp),
        cmocka_unit_test(area_keeps_the_mean),
        cmocka_unit_test(bilinear_twin),
        cmocka_unit_test(parts),
        cmocka_unit_test(instruction_sets),
        cmocka_unit_test(kept_plans),
    };
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
