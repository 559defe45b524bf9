/* What every engine that trains promises: the same bits for any number of threads and any
 * micro-batch; a frozen trunk that stays; a step that fails and leaves everything as it was; blocks
 * that go out and in; the memory it named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>

#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "tests/property/training.h"

enum { STEPS = 3 };

/* Some steps; returns the blocks. */
static float *run(const struct engine *engine, size_t threads, size_t micro, bool head_only,
                  const struct data *d, struct train_result *last)
{
    struct train_options o = plain;
    o.micro_batch = micro;
    o.head_only = head_only;
    o.sgd.clip = 1;
    struct trained t = begin(engine, threads, &o);
    for (int s = 0; s < STEPS; s++) {
        *last = step(&t, d, 0.01);
    }
    float *out = blocks(&t);
    end(&t);
    return out;
}

static const size_t sizes[][3] = {{1, 8, 8}, {5, 1, 1}, {8, 17, 33}, {19, 32, 24}, {24, 130, 9}};

static void test_threads_and_micro_batch(void **state)
{
    (void)state;
    static const size_t micros[] = {0, 8, 16, 24};
    for (size_t k = 0; k < engines_n; k++) {
        for (size_t i = 0; engines[k]->train_step && i < ARRAY_LEN(sizes); i++) {
            struct data d = draw(sizes[i][0], sizes[i][1], sizes[i][2]);
            for (int frozen = 0; frozen < 2; frozen++) {
                struct train_result a, b;
                float *one = run(engines[k], 0, 0, frozen, &d, &a);
                for (size_t threads = 1; threads < 4; threads++) {
                    size_t micro = micros[(i + threads) % ARRAY_LEN(micros)];
                    float *other = run(engines[k], threads, micro, frozen, &d, &b);
                    if (!same(one, other) || memcmp(&a, &b, sizeof a)) {
                        fail_msg("%s at %zu x %zux%zu: %zu threads, micro-batch %zu: other bits",
                                 engines[k]->name, d.x.n, d.x.h, d.x.w, threads, micro);
                    }
                    free(other);
                }
                free(one);
            }
            data_free(&d);
        }
    }
}

/* The gradient of a batch is the sum over its groups of 8, each weighed by its share. */
static void test_groups(void **state)
{
    (void)state;
    struct data d = draw(24, 20, 16);
    size_t n = net.table.n_floats, images = d.x.h * d.x.w * 3;
    for (size_t k = 0; k < engines_n; k++) {
        if (!engines[k]->train_step) {
            continue;
        }
        struct trained t = begin(engines[k], 2, &plain);
        step(&t, &d, 0);
        float *whole = blocks(&t);
        end(&t);
        double *sum = take(n, sizeof *sum), most = 0, worst = 0;
        for (size_t g = 0; g < 24; g += TRAIN_GROUP) {
            struct data part = {.x = d.x, .labels = d.labels + g * CLASSES};
            part.x.n = TRAIN_GROUP;
            part.x.data += g * images;
            t = begin(engines[k], 2, &plain);
            step(&t, &part, 0);
            float *own = blocks(&t);
            end(&t);
            for (size_t i = 0; i < n; i++) {
                sum[i] += (double)own[n + i] / 3;
            }
            free(own);
        }
        for (size_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs(sum[i] - (double)whole[n + i]));
            most = fmax(most, fabs(sum[i]));
        }
        if (!(worst <= 1e-6 * most)) { /* a few roundings of float32 */
            fail_msg("%s: error %g of %g, seed %d", engines[k]->name, worst, most, SEED);
        }
        free(sum);
        free(whole);
    }
    data_free(&d);
}

static void test_frozen_trunk(void **state)
{
    (void)state;
    struct data d = draw(11, 24, 24);
    struct train_options o = plain;
    o.head_only = true;
    o.sgd.decay = SGD_DECAY_ALL;
    o.sgd.weight_decay = 0.1;
    for (size_t k = 0; k < engines_n; k++) {
        if (!engines[k]->train_step) {
            continue;
        }
        struct trained t = begin(engines[k], 2, &o);
        double first = step(&t, &d, 0.1).loss, last = first;
        for (int s = 0; s < 10; s++) {
            last = step(&t, &d, 0.1).loss;
        }
        assert_true(last < first);
        float *b = blocks(&t);
        for (size_t i = 0; i + 2 < net.table.n; i++) {
            const struct param *p = &net.table.params[i];
            assert_memory_equal(b + p->offset, net.params + p->offset, p->n * sizeof *b);
            for (size_t j = 0; j < p->n; j++) {
                assert_true(b[net.table.n_floats + p->offset + j] == 0);
            }
        }
        free(b);
        end(&t);
    }
    data_free(&d);
}

static void fails(struct trained *t, const struct data *d, enum err_code code, const char *text)
{
    struct train_result r;
    struct err e = {0};
    float *before = blocks(t);
    assert_int_equal(t->engine->train_step(t->state, &d->x, d->labels, 0.1, &r, &e), -1);
    float *after = blocks(t);
    assert_int_equal(e.code, code);
    if (!strstr(e.text, text)) {
        fail_msg("'%s' does not say '%s'", e.text, text);
    }
    assert_true(same(before, after));
    free(before);
    free(after);
}

/* Of a failed step nothing is left: the next one is as if it had not been. */
static void test_failures(void **state)
{
    (void)state;
    struct data d = draw(9, 16, 16), bad = draw(9, 16, 16), label = draw(9, 16, 16);
    bad.x.data[8 * 16 * 16 * 3 + 5] = NAN;
    label.labels[3] = INFINITY;
    for (size_t k = 0; k < engines_n; k++) {
        for (int frozen = 0; engines[k]->train_step && frozen < 2; frozen++) {
            struct train_options o = plain;
            o.head_only = frozen;
            struct trained t = begin(engines[k], 2, &o), other = begin(engines[k], 2, &o);
            step(&t, &d, 0.01);
            step(&other, &d, 0.01);
            fails(&t, &bad, ERR_NUMERIC,
                  frozen ? "image 8" : "step 1: the loss is nan: image 8 of the batch is not finite");
            fails(&t, &label, ERR_NUMERIC, ": the labels of image 0 of the batch are not finite");
            atomic_store(&note_interrupted, 1);
            fails(&t, &d, ERR_INTERRUPTED, "interrupted");
            atomic_store(&note_interrupted, 0);
            step(&t, &d, 0.01);
            step(&other, &d, 0.01);
            float *a = blocks(&t), *b = blocks(&other);
            assert_true(same(a, b));
            free(a);
            free(b);
            end(&t);
            end(&other);
        }
    }
    data_free(&d);
    data_free(&bad);
    data_free(&label);
}

/* An infinite value in whichever tensor, at its beginning or end, is found there. */
static void test_bad_tensor(void **state)
{
    (void)state;
    struct data d = draw(1, 8, 8);
    size_t n = net.table.n_floats;
    float *params = take(n, sizeof *params);
    for (size_t k = 0; k < engines_n; k++) {
        for (int frozen = 0; engines[k]->train_step && frozen < 2; frozen++) {
            struct train_options o = plain;
            o.head_only = frozen;
            struct trained t = begin(engines[k], 2, &o);
            for (size_t i = frozen ? net.table.n - 2 : 0; i < net.table.n; i++) {
                const struct param *p = &net.table.params[i];
                char text[PARAM_NAME + 32];
                memcpy(params, net.params, n * sizeof *params);
                params[p->offset + (i % 2 ? p->n - 1 : 0)] = INFINITY;
                t.engine->set_params(t.state, TRAIN_WEIGHTS, params);
                snprintf(text, sizeof text, "tensor %s is not finite", p->name);
                fails(&t, &d, ERR_NUMERIC, text);
            }
            end(&t);
        }
    }
    free(params);
    data_free(&d);
}

/* Labels this large leave the loss finite in double, but the gradient of the head's kernel
 * overflows; no other does, since the head is zero. */
static void test_bad_gradient(void **state)
{
    (void)state;
    struct data d = draw(1, 8, 8);
    for (size_t i = 0; i < CLASSES; i++) {
        d.labels[i] = d.labels[i] > 0 ? 3e38f : 0;
    }
    for (size_t k = 0; k < engines_n; k++) {
        for (int frozen = 0; engines[k]->train_step && frozen < 2; frozen++) {
            struct train_options o = plain;
            o.head_only = frozen;
            struct trained t = begin(engines[k], 2, &o);
            fails(&t, &d, ERR_NUMERIC,
                  "the gradient's norm is inf: not finite is that of tensor "
                  "resnet/head/conv2d/kernel");
            end(&t);
        }
    }
    data_free(&d);
}

/* What went out of one and into another goes on with the same bits; forward uses it too. */
static void test_params(void **state)
{
    (void)state;
    struct data d = draw(10, 33, 20), two = draw(5, 16, 48);
    size_t n = net.table.n_floats, dim = model_feature_dim(&net, 33, 20);
    for (size_t k = 0; k < engines_n; k++) {
        for (int frozen = 0; engines[k]->train_step && frozen < 2; frozen++) {
            struct train_options o = plain;
            struct err e = {0};
            o.head_only = frozen;
            struct trained t = begin(engines[k], 2, &o), other = begin(engines[k], 1, &o);
            step(&t, &d, 0.01);
            step(&t, &two, 0.01); /* another size and back */
            float *mid = blocks(&t);
            t.engine->set_params(other.state, TRAIN_WEIGHTS, mid);
            t.engine->set_params(other.state, TRAIN_VELOCITY, mid + n);
            float *f = take(2 * 10 * dim, sizeof *f), *z = take(2 * 10 * CLASSES, sizeof *z);
            assert_int_equal(t.engine->forward(t.state, &d.x, f, z, &e), 0);
            float *f2 = f + 10 * dim, *z2 = z + 10 * CLASSES;
            assert_int_equal(t.engine->forward(other.state, &d.x, f2, z2, &e), 0);
            assert_memory_equal(f, f2, 10 * dim * sizeof *f);
            assert_memory_equal(z, z2, 10 * CLASSES * sizeof *z);
            struct train_result a = step(&t, &d, 0.01), b = step(&other, &d, 0.01);
            assert_memory_equal(&a, &b, sizeof a);
            float *after = blocks(&t), *resumed = blocks(&other);
            assert_true(same(after, resumed));
            assert_false(same(after, mid));
            free(f);
            free(z);
            free(mid);
            free(after);
            free(resumed);
            end(&t);
            end(&other);
        }
    }
    data_free(&d);
    data_free(&two);
}

/* Features of d's images; the caller frees. */
static float *features(struct trained *t, const struct data *d)
{
    float *f = take(d->x.n * model_feature_dim(&net, d->x.h, d->x.w), sizeof *f);
    struct err e = {0};
    if (t->engine->forward(t->state, &d->x, f, NULL, &e)) {
        fail_msg("%s", e.text);
    }
    return f;
}

/* Forward on an engine that has run forward before follows the parameters: after steps it is that
 * of a fresh engine, after setting them back what it was at first. */
static void test_forward_follows(void **state)
{
    (void)state;
    struct data d = draw(3, 33, 20);
    size_t bytes = d.x.n * model_feature_dim(&net, d.x.h, d.x.w) * sizeof(float);
    for (size_t k = 0; k < engines_n; k++) {
        if (!engines[k]->train_step) {
            continue;
        }
        struct trained t = begin(engines[k], 2, &plain), fresh = begin(engines[k], 2, &plain);
        float *first = features(&t, &d);
        step(&t, &d, 0.01); /* of the head alone, which was zero */
        step(&t, &d, 0.01);
        float *params = blocks(&t), *stepped = features(&t, &d);
        fresh.engine->set_params(fresh.state, TRAIN_WEIGHTS, params);
        float *want = features(&fresh, &d);
        assert_memory_equal(stepped, want, bytes);
        assert_memory_not_equal(stepped, first, bytes);
        t.engine->set_params(t.state, TRAIN_WEIGHTS, net.params);
        float *back = features(&t, &d);
        assert_memory_equal(back, first, bytes);
        float *owned[] = {first, params, stepped, want, back};
        for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
            free(owned[i]);
        }
        end(&t);
        end(&fresh);
    }
    data_free(&d);
}

/* The model itself is never written, and a network without a head, or pixels, is refused. */
static void test_refusals(void **state)
{
    (void)state;
    static const char *const names[] = {"random:R(1,1,1,1)x0.5", "pixels"};
    for (size_t k = 0; k < engines_n; k++) {
        for (size_t i = 0; engines[k]->train_step && i < ARRAY_LEN(names); i++) {
            struct model *m;
            struct err e = {0};
            void *s;
            assert_int_equal(model_open(&m, names[i], NULL, true, &e), 0);
            assert_int_equal(engines[k]->open(&s, m, NULL, &e), 0);
            assert_int_equal(engines[k]->train_begin(s, &plain, &e), -1);
            assert_int_equal(e.code, ERR_USAGE);
            engines[k]->close(s);
            model_close(m);
        }
    }
}

/* With what train_memory says fewer threads work, with the same bits; with less a step is
 * refused, below the blocks the beginning. */
static void test_memory_limit(void **state)
{
    (void)state;
    struct data d = draw(16, 96, 64);
    size_t params = net.table.n_floats * sizeof(float);
    for (size_t k = 0; k < engines_n; k++) {
        if (!engines[k]->train_step) {
            continue;
        }
        struct engine_memory need = engines[k]->train_memory(&net, &plain, d.x.h, d.x.w);
        size_t least = params + need.once + need.per_thread;
        struct train_result a, b;
        struct err e = {0};
        void *s;
        float *free_run = run(engines[k], 3, 0, false, &d, &a);
        mem_set_limit(least);
        float *held = run(engines[k], 3, 0, false, &d, &b);
        assert_true(same(free_run, held));
        assert_memory_equal(&a, &b, sizeof a);
        struct trained t = begin(engines[k], 3, &plain);
        mem_set_limit(least - need.per_thread / 2);
        fails(&t, &d, ERR_LIMIT, "96 x 64");
        end(&t);
        mem_set_limit(3 * params);
        assert_int_equal(engines[k]->open(&s, &net, NULL, &e), 0);
        assert_int_equal(engines[k]->train_begin(s, &plain, &e), -1);
        assert_int_equal(e.code, ERR_LIMIT);
        engines[k]->close(s);
        mem_set_limit(0);
        free(free_run);
        free(held);
    }
    data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_micro_batch),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_frozen_trunk),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_bad_tensor),
        cmocka_unit_test(test_bad_gradient),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_forward_follows),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
