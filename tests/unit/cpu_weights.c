/* The gradient of a convolution's weights on the cpu engine has the same bits for any number of
 * threads and of groups of images at a time: as blocks of weights, as parts of few weights, by
 * Winograd, and of the root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "harness/base/cpu.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/cpu/backward.h"
#include "models/cpu/crew.h"
#include "models/engine.h"

enum { SEED = 29,
       MOST_THREADS = 4,
       TIMES = 8 }; /* threads finish in another order each time */

static void *take(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);
    assert_non_null(p);
    return p;
}

static float *values(size_t n, uint64_t purpose)
{
    float *v = take(n, sizeof *v);
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)(2 * rng_unit(rng_at(SEED, purpose, i)) - 1);
    }
    return v;
}

/* A layer that was run forward; its images can be taken a few at a time. */
struct fixture {
    struct conv_weights w;
    size_t n, n_weights;
    float *start; /* what the gradient is added to */
};

static void run(const struct fixture *f, const struct crew *crew, size_t images, float *dw)
{
    memcpy(dw, f->start, f->n_weights * sizeof *dw);
    for (size_t i = 0; i < f->n; i += images) {
        struct conv_weights w = f->w;
        struct conv_shape *z = &w.conv.shape;
        z->n = at_most(f->n - i, images);
        w.conv.x += i * z->h * z->w * z->cin;
        w.dy += i * w.conv.oh * w.conv.ow * z->cout;
        w.dw = dw;
        conv_weights_run(&w, crew);
    }
}

static void check(const struct fixture *f)
{
    float *one = take(f->n_weights, sizeof *one), *other = take(f->n_weights, sizeof *one);
    const struct conv_shape *z = &f->w.conv.shape;
    run(f, &(struct crew){.size = 1}, f->n, one);
    assert_memory_not_equal(one, f->start, f->n_weights * sizeof *one);
    for (size_t i = 0; i < TIMES * MOST_THREADS; i++) {
        struct crew crew = {.size = 1 + i % MOST_THREADS};
        size_t images = i % 3 ? f->n : (1 + i % 2) * TRAIN_GROUP;
        assert_int_equal(pool_open(&crew.pool, crew.size, NULL), 0);
        run(f, &crew, images, other);
        pool_close(crew.pool);
        if (memcmp(one, other, f->n_weights * sizeof *one)) {
            fail_msg("%s %zux%zu%s, %zu -> %zu: %zu threads, %zu images at a time: other bits",
                     f->w.conv.simd->isa, z->k, z->k, f->w.conv.winograd ? ", Winograd" : "",
                     z->cin, z->cout, crew.size, images);
        }
    }
    free(one);
    free(other);
}

static void one_shape(const struct conv_shape *z, bool winograd)
{
    struct fixture f = {.n = z->n, .n_weights = z->k * z->k * z->cin * z->cout};
    struct conv *c = &f.w.conv;
    *c = (struct conv){.simd = simd_choose(), .shape = *z, .winograd = winograd};
    conv_size(c);
    float *x = values(z->n * z->h * z->w * z->cin, 1);
    float *dy = values(z->n * c->oh * c->ow * z->cout, 2);
    f.start = values(f.n_weights, 3);
    f.w.dy = dy;
    c->x = x;
    c->scratch_floats = conv_weights_scratch(&f.w);
    c->scratch = take(MOST_THREADS * c->scratch_floats, sizeof(float));
    f.w.spectrum = take(conv_weights_spectrum(&f.w), sizeof(float));
    check(&f);
    float *owned[] = {x, dy, f.start, c->scratch, f.w.spectrum};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(owned[i]);
    }
}

static void test_threads_and_groups(void **state)
{
    (void)state;
    static const struct conv_shape shapes[] = {
        {17, 20, 22, 64, 128, 1, 1}, /* few weights */
        {9, 3, 3, 32, 64, 1, 2},     /* fewer chunks of pixels than parts */
        {17, 6, 6, 256, 544, 1, 1},
        {17, 12, 11, 64, 96, 3, 1},
        {17, 12, 11, 64, 96, 3, 2},
        {17, 15, 18, 3, 64, 7, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        one_shape(&shapes[i], false);
        if (shapes[i].k == 3 && shapes[i].stride == 1) {
            one_shape(&shapes[i], true);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
