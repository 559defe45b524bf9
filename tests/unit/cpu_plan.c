/* What the cpu engine plans under a memory limit: it is kept, and no more threads and images are
 * given up than it asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "models/cpu/net.h"
#include "models/cpu/train.h"
#include "models/engine.h"
#include "models/model.h"

enum { THREADS = 4,
       STEPS = 40, /* limits that are tried */
       HELD = 1000003 };

struct fixture {
    struct model model;
    struct pool *pool;
};

static int setup(void **state)
{
    static struct fixture f;
    struct arch a;
    *state = &f;
    return arch_parse(&a, "R(1,2,1,1)x0.5", NULL) ||
           model_init_random(&f.model, &a, 10, 3, NULL) || pool_open(&f.pool, THREADS, NULL);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mem_set_limit(0);
    pool_close(f->pool);
    model_release(&f->model);
    return 0;
}

/* What a plan chose, and what each choice and the next larger one needs. */
struct outcome {
    size_t threads, images;
    size_t bytes, one_thread_more, images_more; /* the latter two 0: all there are are at work */
};

/* Limits from the least to ample: with each one fewer may work, but no fewer than need be. */
static void check(const struct outcome *o, const struct outcome *before, size_t limit)
{
    if (o->bytes > limit || (o->one_thread_more && o->one_thread_more <= limit) ||
        (o->images_more && o->images_more <= limit)) {
        fail_msg("limit %zu: %zu threads and %zu images need %zu; one thread more %zu, more images "
                 "%zu",
                 limit, o->threads, o->images, o->bytes, o->one_thread_more, o->images_more);
    }
    assert_true(o->threads >= before->threads);
}

/* --- forward --- */
enum { IMAGES = 12,
       SIDE = 96 };

static size_t forward_bytes(const struct cpu_net *net, size_t n, size_t threads)
{
    return cpu_net_model_bytes(net) + net->held + cpu_net_weight_bytes(net) +
           cpu_net_buffer_bytes(net, n, threads);
}

static void test_forward(void **state)
{
    const struct fixture *f = *state;
    struct outcome before = {0};
    struct cpu_net net;
    struct err e = {0};
    assert_int_equal(cpu_net_init(&net, &f->model, f->pool, false, &e), 0);
    net.held = HELD;
    cpu_net_choose(&net, SIDE, SIDE);
    size_t least = forward_bytes(&net, 1, 1), most = forward_bytes(&net, IMAGES, THREADS);
    bool threads_first = false, some_images = false;
    for (size_t i = 0; i <= STEPS; i++) {
        size_t limit = least + (most - least) * i / STEPS;
        mem_set_limit(limit);
        assert_int_equal(cpu_net_plan(&net, IMAGES, SIDE, SIDE, &e), 0);
        struct outcome o = {.threads = net.crew.size, .images = net.group};
        o.bytes = forward_bytes(&net, o.images, o.threads);
        o.one_thread_more = o.threads < THREADS ? forward_bytes(&net, 1, o.threads + 1) : 0;
        o.images_more = o.images < IMAGES ? forward_bytes(&net, o.images + 1, o.threads) : 0;
        check(&o, &before, limit);
        threads_first |= o.threads < THREADS;
        some_images |= o.threads == THREADS && o.images < IMAGES;
        before = o;
        cpu_net_forget(&net);
    }
    assert_true(threads_first && some_images); /* both choices were made */
    assert_true(before.threads == THREADS && before.images == IMAGES);
    mem_set_limit(least - 1);
    assert_int_equal(cpu_net_plan(&net, IMAGES, SIDE, SIDE, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    cpu_net_release(&net);
}

/* --- training --- */
enum { MICRO = 32,
       TRAIN_SIDE = 64 };

static size_t train_bytes(struct cpu_train *t, size_t micro, size_t threads)
{
    return HELD + cpu_train_weight_bytes(t) +
           cpu_train_buffer_bytes(t, micro, TRAIN_SIDE, TRAIN_SIDE, threads);
}

static void test_train(void **state)
{
    const struct fixture *f = *state;
    struct outcome before = {0};
    struct cpu_train t;
    struct err e = {0};
    assert_int_equal(cpu_train_init(&t, &f->model, f->pool, false, &e), 0);
    size_t least = train_bytes(&t, TRAIN_GROUP, 1), most = train_bytes(&t, MICRO, THREADS);
    bool threads_first = false, some_images = false;
    for (size_t i = 0; i <= STEPS; i++) {
        size_t limit = least + (most - least) * i / STEPS;
        mem_set_limit(limit);
        if (cpu_train_plan(&t, MICRO, TRAIN_SIDE, TRAIN_SIDE, MICRO, HELD, &e)) {
            fail_msg("%s", e.text);
        }
        struct outcome o = {.threads = t.net.crew.size, .images = t.micro};
        size_t more = o.images + TRAIN_GROUP;
        cpu_train_forget(&t);
        o.bytes = train_bytes(&t, o.images, o.threads);
        o.one_thread_more =
            o.threads < THREADS ? train_bytes(&t, TRAIN_GROUP, o.threads + 1) : 0;
        o.images_more = o.images < MICRO ? train_bytes(&t, more, o.threads) : 0;
        check(&o, &before, limit);
        threads_first |= o.threads < THREADS;
        some_images |= o.threads == THREADS && o.images < MICRO;
        before = o;
    }
    assert_true(threads_first && some_images);
    assert_true(before.threads == THREADS && before.images == MICRO);
    mem_set_limit(least - 1);
    assert_int_equal(cpu_train_plan(&t, MICRO, TRAIN_SIDE, TRAIN_SIDE, MICRO, HELD, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    cpu_train_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_train),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
