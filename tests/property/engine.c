/* What every row of engines[] promises: an image's features and logits do not depend on the batch,
 * its place in it, or the number of threads, bit for bit; any size from one pixel; values that are
 * not finite and sizes beyond the memory limit are errors; pixels pass through. */
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
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "models/model.h"

enum { N = 32,
       CLASSES = 70,
       SEED = 5 };

static struct model net; /* R(1,2,1,1)x0.5 with a head that is not zero */

static int setup(void **state)
{
    (void)state;
    struct arch a;
    blas_init();
    if (arch_parse(&a, "R(1,2,1,1)x0.5", NULL) ||
        model_init_random(&net, &a, CLASSES, SEED, NULL)) {
        return -1;
    }
    const struct param *p = param_find(&net.table, "resnet/head/conv2d/kernel");
    for (size_t i = 0; i < p->n; i++) {
        net.params[p->offset + i] = (float)(rng_unit(rng_at(SEED, 1, i)) - 0.5);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    model_release(&net);
    return 0;
}

static struct tensor images(size_t n, size_t h, size_t w)
{
    struct tensor x = {.n = n, .h = h, .w = w, .c = 3};
    x.data = malloc((n * h * w * 3 + 1) * sizeof *x.data);
    assert_non_null(x.data);
    for (size_t i = 0; i < n * h * w * 3; i++) {
        x.data[i] = (float)(2 * rng_unit(rng_at(SEED, 2, i)) - 1);
    }
    return x;
}

static struct tensor part_of(const struct tensor *x, size_t first, size_t n)
{
    struct tensor t = *x;
    t.data += first * x->h * x->w * 3;
    t.n = n;
    return t;
}

struct output {
    float *features, *logits;
};

static struct output output_for(const struct model *m, const struct tensor *x)
{
    struct output o = {.features =
                           calloc(x->n * model_feature_dim(m, x->h, x->w) + 1, sizeof(float)),
                       .logits = calloc(x->n * m->n_classes + 1, sizeof(float))};
    assert_non_null(o.features);
    assert_non_null(o.logits);
    return o;
}

static void output_free(struct output *o)
{
    free(o->features);
    free(o->logits);
}

/* Runs x in pieces of `piece` images. */
static struct output run(const struct engine *engine, size_t threads, const struct tensor *x,
                         size_t piece)
{
    struct output o = output_for(&net, x);
    struct pool *pool = NULL;
    struct err e = {0};
    void *state;
    size_t dim = model_feature_dim(&net, x->h, x->w);
    assert_int_equal(threads ? pool_open(&pool, threads, &e) : 0, 0);
    assert_int_equal(engine->open(&state, &net, pool, &e), 0);
    for (size_t i = 0; i < x->n; i += piece) {
        struct tensor t = part_of(x, i, x->n - i < piece ? x->n - i : piece);
        if (engine->forward(state, &t, o.features + i * dim, o.logits + i * CLASSES, &e)) {
            fail_msg("%s", e.text);
        }
    }
    engine->close(state);
    pool_close(pool);
    return o;
}

static void same_bits(const char *what, const struct tensor *x, const struct output *a,
                      const struct output *b)
{
    size_t dim = model_feature_dim(&net, x->h, x->w);
    if (memcmp(a->features, b->features, x->n * dim * sizeof(float)) ||
        memcmp(a->logits, b->logits, x->n * CLASSES * sizeof(float))) {
        fail_msg("%s at %zu x %zu: other bits, seed %d", what, x->h, x->w, SEED);
    }
}

static const size_t sides[][2] = {{1, 1}, {1, 9}, {8, 8}, {17, 33}, {32, 32}, {64, 40}, {129, 65}};

static void test_batch_and_threads(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 3, 16, 31};
    for (size_t k = 0; k < engines_n; k++) {
        for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
            struct tensor x = images(N, sides[i][0], sides[i][1]);
            struct output whole = run(engines[k], 1, &x, N);
            for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
                struct output o = run(engines[k], 1, &x, pieces[p]);
                same_bits("another batch size", &x, &whole, &o);
                output_free(&o);
            }
            for (size_t threads = 0; threads < 4; threads += 1 + !threads) {
                struct output o = run(engines[k], threads, &x, N);
                same_bits("another number of threads", &x, &whole, &o);
                output_free(&o);
            }
            output_free(&whole);
            free(x.data);
        }
    }
}

/* An image's row is the same wherever it stands, and rows of different images differ. */
static void test_places(void **state)
{
    (void)state;
    for (size_t k = 0; k < engines_n; k++) {
        for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
            struct tensor x = images(N, sides[i][0], sides[i][1]), y = images(N, x.h, x.w);
            size_t floats = x.h * x.w * 3, dim = model_feature_dim(&net, x.h, x.w);
            for (size_t j = 0; j < N; j++) {
                memcpy(y.data + j * floats, x.data + (j * 7 + 3) % N * floats,
                       floats * sizeof(float));
            }
            struct output a = run(engines[k], 2, &x, N), b = run(engines[k], 2, &y, N);
            for (size_t j = 0; j < N; j++) {
                size_t from = (j * 7 + 3) % N;
                assert_memory_equal(b.features + j * dim, a.features + from * dim,
                                    dim * sizeof(float));
                assert_memory_equal(b.logits + j * CLASSES, a.logits + from * CLASSES,
                                    CLASSES * sizeof(float));
            }
            /* With one pixel a group is one value, and nothing of the image is left. */
            if (floats > 3) {
                assert_memory_not_equal(a.features, a.features + dim, dim * sizeof(float));
            }
            output_free(&a);
            output_free(&b);
            free(x.data);
            free(y.data);
        }
    }
}

static void test_not_finite(void **state)
{
    (void)state;
    for (size_t k = 0; k < engines_n; k++) {
        static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
            struct tensor x = images(20, 16, 16);
            struct output o = output_for(&net, &x);
            struct err e = {0};
            void *s;
            for (size_t j = 0; j < 16 * 16 * 3; j++) { /* 3e38: the sums overflow */
                x.data[17 * 16 * 16 * 3 + j] = bad[i];
            }
            x.data[19 * 16 * 16 * 3 + 5] = NAN;
            assert_int_equal(engines[k]->open(&s, &net, NULL, &e), 0);
            assert_int_equal(engines[k]->forward(s, &x, o.features, NULL, &e), -1);
            assert_int_equal(e.code, ERR_NUMERIC);
            if (!strstr(e.text, "image 17 of the batch")) {
                fail_msg("%g: '%s'", (double)bad[i], e.text);
            }
            struct tensor good = part_of(&x, 0, 17);
            assert_int_equal(engines[k]->forward(s, &good, o.features, o.logits, &e), 0);
            engines[k]->close(s);
            output_free(&o);
            free(x.data);
        }
    }
}

/* An infinity that nothing after the root shows: of one pixel, all of the root's channels are minus
 * infinity, and the pool takes the padding's 0. */
static void test_hidden_infinity(void **state)
{
    (void)state;
    const struct param *root = &net.table.params[0];
    size_t bytes = net.table.n_floats * sizeof *net.params, tap = 3 * root->dims[3];
    struct model m = net;
    struct tensor x = images(1, 1, 1);
    struct output o = output_for(&net, &x);
    m.params = malloc(bytes);
    assert_non_null(m.params);
    memcpy(m.params, net.params, bytes);
    for (size_t i = 0; i < root->n; i++) { /* standardised, only the middle tap is above 0 */
        m.params[root->offset + i] = i / tap == 7 * 7 / 2 ? 1 : -1;
    }
    x.data[1] = -INFINITY;
    for (size_t k = 0; k < engines_n; k++) {
        struct err e = {0};
        void *s;
        assert_int_equal(engines[k]->open(&s, &m, NULL, &e), 0);
        assert_int_equal(engines[k]->forward(s, &x, o.features, NULL, &e), -1);
        assert_int_equal(e.code, ERR_NUMERIC);
        assert_non_null(strstr(e.text, "image 0 of the batch: an input value is not finite"));
        engines[k]->close(s);
    }
    output_free(&o);
    free(m.params);
    free(x.data);
}

/* Forward under a limit that is too low for it says so; tells whether it did. */
static bool refuses(const struct engine *engine, const struct tensor *x, size_t limit, float *out)
{
    struct err e = {0};
    void *s;
    mem_set_limit(limit);
    assert_int_equal(engine->open(&s, &net, NULL, &e), 0);
    bool refused = engine->forward(s, x, out, NULL, &e) != 0;
    if (refused) {
        assert_int_equal(e.code, ERR_LIMIT);
        assert_non_null(strstr(e.text, "96 x 200"));
    }
    engine->close(s);
    mem_set_limit(0);
    return refused;
}

/* With what memory() says for one thread fewer threads work, with the same bits. With less it may
 * still work, with the same bits, but at some point it must be too little; so is what does not hold
 * the weights. */
static void test_memory_limit(void **state)
{
    (void)state;
    for (size_t k = 0; k < engines_n; k++) {
        struct tensor x = images(4, 96, 200);
        struct engine_memory need = engines[k]->memory(&net, x.h, x.w);
        size_t params = net.table.n_floats * sizeof(float), weights = params + need.once;
        struct output whole = run(engines[k], 4, &x, 4);
        assert_true(need.per_thread > x.h * x.w * sizeof(float));
        mem_set_limit(weights + need.per_thread + need.per_thread / 2);
        struct output o = run(engines[k], 4, &x, 4);
        same_bits("a memory limit", &x, &whole, &o);
        size_t limit = weights + need.per_thread;
        assert_false(refuses(engines[k], &x, limit, o.features));
        while (!refuses(engines[k], &x, limit, o.features)) {
            same_bits("a smaller limit", &x, &whole, &o);
            limit -= need.per_thread / 8;
        }
        struct err e = {0};
        void *s;
        mem_set_limit(params);
        assert_int_equal(engines[k]->open(&s, &net, NULL, &e), -1);
        assert_int_equal(e.code, ERR_LIMIT);
        mem_set_limit(0);
        output_free(&whole);
        output_free(&o);
        free(x.data);
    }
}

/* An engine that has taken a model's kernels over gives the same bits, at one size after another,
 * within less memory than the model and packed weights side by side; it is not opened again. */
static void test_open_forward(void **state)
{
    (void)state;
    size_t bytes = net.table.n_floats * sizeof *net.params;
    for (size_t k = 0; k < engines_n; k++) {
        struct model m = net;
        struct err e = {0};
        void *s;
        m.params = malloc(bytes);
        assert_non_null(m.params);
        memcpy(m.params, net.params, bytes);
        if (engines[k]->open_forward) {
            mem_set_limit(bytes + bytes / 2);
            assert_int_equal(engines[k]->open(&s, &m, NULL, &e), -1);
        }
        assert_int_equal(engine_open_forward(engines[k], &s, &m, NULL, &e), 0);
        mem_set_limit(0);
        for (size_t i = 3; i < ARRAY_LEN(sides); i++) {
            struct tensor x = images(2, sides[i][0], sides[i][1]);
            struct output whole = run(engines[k], 0, &x, 2), o = output_for(&net, &x);
            assert_int_equal(engines[k]->forward(s, &x, o.features, o.logits, &e), 0);
            same_bits("kernels taken over", &x, &whole, &o);
            output_free(&whole);
            output_free(&o);
            free(x.data);
        }
        engines[k]->close(s);
        assert_int_equal(m.spent, engines[k]->open_forward != NULL);
        if (m.spent) {
            assert_int_equal(engine_open_forward(engines[k], &s, &m, NULL, &e), -1);
            assert_int_equal(e.code, ERR_LIMIT);
        }
        free(m.params);
    }
}

static void test_small_cases(void **state)
{
    (void)state;
    for (size_t k = 0; k < engines_n; k++) {
        struct model *pixels, *headless;
        struct tensor x = images(3, 5, 4);
        struct err e = {0};
        void *s;
        float out[3 * 5 * 4 * 3];
        assert_int_equal(model_open(&pixels, "pixels", NULL, true, &e), 0);
        assert_int_equal(engines[k]->open(&s, pixels, NULL, &e), 0);
        assert_int_equal(engines[k]->forward(s, &x, out, NULL, &e), 0);
        assert_memory_equal(out, x.data, sizeof out);
        assert_int_equal(engines[k]->forward(s, &x, out, out, &e), -1);
        assert_int_equal(e.code, ERR_USAGE);
        x.data[70] = NAN;
        assert_int_equal(engines[k]->forward(s, &x, out, NULL, &e), -1);
        assert_non_null(strstr(e.text, "image 1"));
        x.n = 0;
        assert_int_equal(engines[k]->forward(s, &x, out, NULL, &e), 0);
        engines[k]->close(s);
        model_close(pixels);
        assert_int_equal(model_open(&headless, "random:R(1,1,1,1)x0.5", NULL, true, &e), 0);
        assert_int_equal(engines[k]->open(&s, headless, NULL, &e), 0);
        assert_int_equal(engines[k]->forward(s, &x, out, out, &e), -1);
        assert_non_null(strstr(e.text, "no head"));
        assert_int_equal(engines[k]->forward(s, &x, out, NULL, &e), 0);
        engines[k]->close(s);
        model_close(headless);
        free(x.data);
    }
}

static size_t warnings;

static void count_warning(enum note_level level, const char *text)
{
    warnings += level == NOTE_WARNING && strstr(text, "do not depend on the image") &&
                strstr(text, "resnet/block1/unit01/a/group_norm/gamma") &&
                strstr(text, "a side has 5 pixels or more");
}

static void ignore_progress(const char *what, size_t done, size_t total)
{
    (void)what;
    (void)done;
    (void)total;
}

/* Where a group of GroupNorm is one value (4 pixels a side at this width, not 5), two images give
 * the same logits, and that is said, once, with the norm's name and the least size. */
static void test_blind(void **state)
{
    (void)state;
    static const struct note_sink sink = {count_warning, ignore_progress};
    note_set_sink(&sink);
    for (size_t k = 0; k < engines_n; k++) {
        for (size_t side = 4; side < 6; side++) {
            struct tensor x = images(2, side, 4);
            struct output o = output_for(&net, &x);
            const struct train_options options = {.sgd.momentum = 0.9};
            struct train_result result;
            struct err e = {0};
            float labels[2 * CLASSES] = {1};
            void *s;
            warnings = 0;
            assert_int_equal(engines[k]->open(&s, &net, NULL, &e), 0);
            for (size_t i = 0; i < 2; i++) {
                assert_int_equal(engines[k]->forward(s, &x, o.features, o.logits, &e), 0);
            }
            assert_int_equal(engines[k]->train_begin(s, &options, &e), 0);
            assert_int_equal(engines[k]->train_step(s, &x, labels, 0.1, &result, &e), 0);
            assert_int_equal(warnings, side == 4);
            bool same = !memcmp(o.logits, o.logits + CLASSES, CLASSES * sizeof *o.logits);
            assert_int_equal(same, side == 4);
            engines[k]->close(s);
            output_free(&o);
            free(x.data);
        }
    }
    note_set_sink(NULL);
}

static void test_interrupt(void **state)
{
    (void)state;
    for (size_t k = 0; k < engines_n; k++) {
        struct tensor x = images(2, 8, 8);
        struct output o = output_for(&net, &x);
        struct err e = {0};
        void *s;
        assert_int_equal(engines[k]->open(&s, &net, NULL, &e), 0);
        atomic_store(&note_interrupted, 1);
        assert_int_equal(engines[k]->forward(s, &x, o.features, NULL, &e), -1);
        atomic_store(&note_interrupted, 0);
        assert_int_equal(e.code, ERR_INTERRUPTED);
        assert_int_equal(engines[k]->forward(s, &x, o.features, NULL, &e), 0);
        engines[k]->close(s);
        output_free(&o);
        free(x.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_and_threads),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_hidden_infinity),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_open_forward),
        cmocka_unit_test(test_small_cases),
        cmocka_unit_test(test_blind),
        cmocka_unit_test(test_interrupt),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
