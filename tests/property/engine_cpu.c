/* The cpu engine against the reference on random networks, sizes and batches, on every instruction
 * set that this CPU runs; and its own promise at sizes where the layers are cut into blocks: the
 * bits of an image do not depend on threads, batch or place, nor on a memory limit that leaves the
 * form of the weights as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/blas.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "models/model.h"

enum { SEED = 21,
       CLASSES = 10 };

static const char *const isas[] = {"avx512", "avx2", "base"};

static void open_net(struct model *m, const char *text)
{
    struct arch a;
    *m = (struct model){.subject = "net"};
    assert_int_equal(arch_parse(&a, text, NULL), 0);
    assert_int_equal(model_init_random(m, &a, CLASSES, SEED, NULL), 0);
    for (size_t i = 0; i < m->table.n; i++) {
        const struct param *p = &m->table.params[i];
        for (size_t j = 0; j < p->n && p->kind != PARAM_KERNEL; j++) {
            m->params[p->offset + j] += (float)(rng_unit(rng_at(SEED, i, j)) - 0.5) / 2;
        }
    }
}

static struct tensor images(size_t n, size_t h, size_t w)
{
    struct tensor x = {.n = n, .h = h, .w = w, .c = 3};
    x.data = malloc(n * h * w * 3 * sizeof *x.data);
    assert_non_null(x.data);
    for (size_t i = 0; i < n * h * w * 3; i++) {
        x.data[i] = (float)(2 * rng_unit(rng_at(SEED, 999, i)) - 1);
    }
    return x;
}

/* Features of x, `piece` images at a time; the caller frees them. */
static float *run(const struct engine *engine, const struct model *m, const struct tensor *x,
                  size_t threads, size_t piece)
{
    size_t dim = model_feature_dim(m, x->h, x->w);
    float *f = calloc(x->n * dim, sizeof *f);
    struct pool *pool;
    struct err e = {0};
    void *state;
    assert_non_null(f);
    assert_int_equal(pool_open(&pool, threads, &e), 0);
    assert_int_equal(engine->open(&state, m, pool, &e), 0);
    for (size_t i = 0; i < x->n; i += piece) {
        struct tensor part = *x;
        part.data += i * x->h * x->w * 3;
        part.n = x->n - i < piece ? x->n - i : piece;
        if (engine->forward(state, &part, f + i * dim, NULL, &e)) {
            fail_msg("%s", e.text);
        }
    }
    engine->close(state);
    pool_close(pool);
    return f;
}

static double distance(const float *a, const float *b, size_t n)
{
    double mean = 0, variance = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        mean += (double)b[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double d = (double)b[i] - mean;
        variance += d * d / (double)n;
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        most = isnan(a[i]) ? HUGE_VAL : most;
    }
    return variance > 0 ? most / sqrt(variance) : most;
}

/* The largest difference in standard deviations of the features. Two float32 ways through such a
 * net were seen to differ by 4e-5, and by 3e-4 where a group is a few values; five times that is
 * allowed, as in the parity suite. */
static void against_reference(const struct model *m, size_t n_images, size_t h, size_t w)
{
    struct tensor x = images(n_images, h, w);
    size_t n = x.n * model_feature_dim(m, h, w);
    float *want = run(&engine_reference, m, &x, 2, x.n);
    float *cpu = run(&engine_cpu, m, &x, 2, x.n);
    float *direct = run(&engine_cpu_direct, m, &x, 2, x.n);
    double bound = h * w < 32 * 32 ? 1.5e-3 : 2e-4;
    double a = distance(cpu, want, n), b = distance(direct, want, n);
    if (!(a <= bound) || !(b <= bound)) {
        fail_msg("%s %s, %zu images of %zu x %zu: cpu %.2g, cpu-direct %.2g, bound %.2g, seed %d",
                 cpu_isa(), m->arch_text, x.n, h, w, a, b, bound, SEED);
    }
    free(want);
    free(cpu);
    free(direct);
    free(x.data);
}

static void test_against_reference(void **state)
{
    (void)state;
    static const char *const nets[] = {"R(1,2,1,2)x0.5", "R(2,1,1,1)x1", "R(1,1,1,1)x1.5"};
    enum { SIDES = 9 };
    static const size_t heights[SIDES] = {1, 2, 1, 8, 31, 32, 47, 64, 97};
    static const size_t widths[SIDES] = {1, 2, 40, 8, 17, 32, 33, 96, 65};
    for (size_t net = 0; net < ARRAY_LEN(nets); net++) {
        struct model m;
        open_net(&m, nets[net]);
        for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
            if (!cpu_has(isas[i])) {
                continue;
            }
            assert_int_equal(cpu_force_isa(isas[i], NULL), 0);
            for (size_t j = 0; j < SIDES; j++) {
                if ((i + j) % ARRAY_LEN(nets) == net || !net) { /* all on the smallest net */
                    against_reference(&m, 1 + (i + j) % 5, heights[j], widths[j]);
                }
            }
        }
        model_release(&m);
    }
}

/* A random number below n. */
static size_t below(size_t n, size_t *key)
{
    return (size_t)(rng_at(SEED, 1000, (*key)++) % n);
}

/* Sides that are equally likely in each octave. Of images of less than 64 pixels a group may have
 * two values, of which rounding leaves little where they are nearly equal: no bound would hold. */
static void draw_sides(size_t *key, size_t side[2])
{
    enum { OCTAVES = 7 };
    do {
        for (size_t k = 0; k < 2; k++) {
            size_t octave = (size_t)1 << below(OCTAVES, key);
            side[k] = octave + below(octave, key);
        }
    } while (side[0] * side[1] < 64);
}

static void test_random_networks(void **state)
{
    (void)state;
    enum { CASES = 12,
           PIXELS = 20000, /* about, in all images of a case */
           IMAGES = 20 };
    size_t key = 0;
    for (size_t i = 0; i < CASES; i++) {
        const char *isa = isas[below(ARRAY_LEN(isas), &key)];
        size_t side[2], depth[ARCH_BLOCKS];
        char text[ARCH_NAME];
        struct model m;
        draw_sides(&key, side);
        size_t most = 1 + PIXELS / (side[0] * side[1]);
        size_t n = 1 + below(most < IMAGES ? most : IMAGES, &key);
        for (size_t k = 0; k < ARCH_BLOCKS; k++) {
            depth[k] = 1 + below(2, &key);
        }
        snprintf(text, sizeof text, "R(%zu,%zu,%zu,%zu)x%s", depth[0], depth[1], depth[2],
                 depth[3], below(3, &key) ? "0.5" : "1");
        if (!cpu_has(isa)) {
            continue;
        }
        assert_int_equal(cpu_force_isa(isa, NULL), 0);
        open_net(&m, text);
        against_reference(&m, n, side[0], side[1]);
        model_release(&m);
    }
}

/* Of a net with one unit a block, the kernels of 3x3 layers with this stride become constant:
 * standardised they are 0, and so is what such a layer makes, directly and by Winograd. */
static void silence(struct model *m, size_t stride)
{
    size_t at = 0; /* 3x3 layers so far, one for each block */
    for (size_t i = 0; i < m->table.n; i++) {
        const struct param *p = &m->table.params[i];
        if (p->kind != PARAM_KERNEL || p->dims[0] != 3) {
            continue;
        }
        if (stride == (at++ ? 2 : 1)) { /* the first block's has stride 1, the others' 2 */
            for (size_t j = 0; j < p->n; j++) {
                m->params[p->offset + j] = 1;
            }
        }
    }
    assert_int_equal(at, ARCH_BLOCKS);
}

/* Whether cpu's features have other bits than cpu-direct's; they must be close. */
static bool differs(const struct model *m, size_t side)
{
    struct tensor x = images(2, side, side);
    size_t n = x.n * model_feature_dim(m, side, side);
    float *cpu = run(&engine_cpu, m, &x, 2, x.n), *direct = run(&engine_cpu_direct, m, &x, 2, x.n);
    double error = distance(cpu, direct, n);
    bool other = memcmp(cpu, direct, n * sizeof *cpu) != 0;
    if (!(error <= 2e-4)) { /* as against the reference */
        fail_msg("%s, %zu pixels a side: %.2g", cpu_isa(), side, error);
    }
    free(cpu);
    free(direct);
    free(x.data);
    return other;
}

/* With the layers of the other stride silent, only Winograd's way through a layer of this one
 * rounds differently from cpu-direct: from the size on from which it saves work. */
static void test_winograd_at_work(void **state)
{
    (void)state;
    static const struct {
        size_t silent, small, large; /* stride; pixels of a side, below and from the size on */
    } cases[] = {{2, 8, 32}, {1, 32, 64}};
    for (size_t i = 0; i < ARRAY_LEN(isas) * ARRAY_LEN(cases); i++) {
        size_t k = i % ARRAY_LEN(cases);
        struct model m;
        if (!cpu_has(isas[i / ARRAY_LEN(cases)])) {
            continue;
        }
        assert_int_equal(cpu_force_isa(isas[i / ARRAY_LEN(cases)], NULL), 0);
        open_net(&m, "R(1,1,1,1)x0.5");
        silence(&m, cases[k].silent);
        assert_false(differs(&m, cases[k].small));
        assert_true(differs(&m, cases[k].large));
        model_release(&m);
    }
}

static void same(const char *what, const struct tensor *x, const float *a, const float *b, size_t n)
{
    if (memcmp(a, b, n * sizeof *a)) {
        fail_msg("%s, %s at %zu x %zu: other bits", cpu_isa(), what, x->h, x->w);
    }
}

/* 150 x 131: parts of images, 20 x 24: groups of images; every third image equals the first. */
static void test_bits(void **state)
{
    (void)state;
    static const size_t sides[][2] = {{150, 131}, {20, 24}, {64, 64}};
    struct model m;
    open_net(&m, "R(1,1,1,1)x0.5");
    for (size_t i = 0; i < ARRAY_LEN(isas) * ARRAY_LEN(sides); i++) {
        size_t h = sides[i % ARRAY_LEN(sides)][0], w = sides[i % ARRAY_LEN(sides)][1];
        if (!cpu_has(isas[i / ARRAY_LEN(sides)])) {
            continue;
        }
        assert_int_equal(cpu_force_isa(isas[i / ARRAY_LEN(sides)], NULL), 0);
        struct tensor x = images(22, h, w);
        size_t floats = h * w * 3, dim = model_feature_dim(&m, h, w), n = x.n * dim;
        for (size_t j = 3; j < x.n; j += 3) {
            memcpy(x.data + j * floats, x.data, floats * sizeof *x.data);
        }
        float *whole = run(&engine_cpu, &m, &x, 1, x.n);
        for (size_t j = 3; j < x.n; j += 3) {
            same("another place", &x, whole + j * dim, whole, dim);
        }
        static const size_t ways[][2] = {{2, 22}, {3, 22}, {1, 1}, {3, 1}, {2, 5}, {2, 17}};
        for (size_t j = 0; j < ARRAY_LEN(ways); j++) {
            float *f = run(&engine_cpu, &m, &x, ways[j][0], ways[j][1]);
            same("other threads or batches", &x, f, whole, n);
            free(f);
        }
        free(whole);
        free(x.data);
    }
    model_release(&m);
}

/* Sets with fused multiply-add differ in how many channels they take at a time, not in what they do
 * to each. */
static void test_isas(void **state)
{
    (void)state;
    if (!cpu_has("avx512") || !cpu_has("avx2")) {
        skip();
    }
    struct model m;
    open_net(&m, "R(1,1,1,2)x1");
    struct tensor x = images(3, 97, 65);
    assert_int_equal(cpu_force_isa("avx2", NULL), 0);
    float *half = run(&engine_cpu, &m, &x, 2, 3);
    assert_int_equal(cpu_force_isa("avx512", NULL), 0);
    float *whole = run(&engine_cpu, &m, &x, 2, 3);
    same("other vectors", &x, half, whole, x.n * model_feature_dim(&m, x.h, x.w));
    free(half);
    free(whole);
    free(x.data);
    model_release(&m);
}

/* An image whose sums overflow is named by its place in the batch also where the first block takes
 * one image at a time. */
static void test_overflow(void **state)
{
    (void)state;
    struct model m;
    struct err e = {0};
    void *engine;
    open_net(&m, "R(1,1,1,1)x0.5");
    struct tensor x = images(4, 300, 280);
    size_t floats = x.h * x.w * 3;
    float *f = calloc(x.n, model_feature_dim(&m, x.h, x.w) * sizeof *f);
    assert_non_null(f);
    for (size_t i = 2 * floats; i < x.n * floats; i++) {
        x.data[i] = 3e38F;
    }
    assert_int_equal(engine_cpu.open(&engine, &m, NULL, &e), 0);
    assert_int_equal(engine_cpu.forward(engine, &x, f, NULL, &e), -1);
    assert_int_equal(e.code, ERR_NUMERIC);
    if (!strstr(e.text, "image 2 of the batch")) {
        fail_msg("'%s'", e.text);
    }
    engine_cpu.close(engine);
    free(f);
    free(x.data);
    model_release(&m);
}

static int setup(void **state)
{
    (void)state;
    blas_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_random_networks),
        cmocka_unit_test(test_winograd_at_work),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_isas),
        cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
