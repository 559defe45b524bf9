/* The pool: every item once, the same results for any number of threads, many small runs,
 * scratch by worker, denormals flushed everywhere. Meant to run under the thread sanitizer too. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"

enum { N_ITEMS = 1000,
       MAX_THREADS = 9 };

struct job {
    unsigned char done[N_ITEMS]; /* times that fn saw the item */
    double result[N_ITEMS];
    size_t per_worker[MAX_THREADS];
};

/* Plain writes: the pool must order them before pool_run returns. */
static void add_up(void *ctx, size_t item, size_t worker)
{
    struct job *j = ctx;
    double sum = 0;
    for (uint64_t i = 0; i < item % 50; i++) {
        sum += rng_unit(rng_at(1, item, i));
    }
    j->done[item]++;
    j->result[item] = sum;
    j->per_worker[worker]++;
}

static void same_for_any_count(void **state)
{
    (void)state;
    static struct job want, got;
    memset(&want, 0, sizeof want);
    pool_run(NULL, N_ITEMS, add_up, &want);
    assert_int_equal(want.per_worker[0], N_ITEMS);
    for (size_t n = 1; n <= MAX_THREADS; n++) {
        struct err e = {0};
        struct pool *p;
        assert_int_equal(pool_open(&p, n, &e), 0);
        assert_int_equal(pool_size(p), n);
        memset(&got, 0, sizeof got);
        pool_run(p, N_ITEMS, add_up, &got);
        size_t total = 0;
        for (size_t w = 0; w < MAX_THREADS; w++) {
            assert_true(w < n || got.per_worker[w] == 0);
            total += got.per_worker[w];
        }
        assert_int_equal(total, N_ITEMS);
        for (size_t i = 0; i < N_ITEMS; i++) {
            assert_int_equal(got.done[i], 1);
        }
        assert_memory_equal(got.result, want.result, sizeof want.result);
        pool_close(p);
    }
}

static void never(void *ctx, size_t item, size_t worker)
{
    (void)ctx;
    fail_msg("item %zu, worker %zu of none", item, worker);
}

static void none_at_all(void **state)
{
    (void)state;
    struct err e = {0};
    struct pool *p;
    assert_int_equal(pool_size(NULL), 1);
    pool_run(NULL, 0, never, NULL);
    assert_int_equal(pool_open(&p, 3, &e), 0);
    pool_run(p, 0, never, NULL);
    pool_close(p); /* threads that never worked */
    pool_close(NULL);
    assert_true(pool_cpus() >= 1);
}

static void small_runs(void **state)
{
    (void)state;
    struct err e = {0};
    struct pool *p;
    assert_int_equal(pool_open(&p, 4, &e), 0);
    static struct job j;
    for (size_t round = 0; round < 5000; round++) {
        size_t n = 1 + round % 7;
        memset(j.done, 0, n);
        pool_run(p, n, add_up, &j);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(j.done[i], 1);
        }
    }
    pool_close(p);
}

struct gate {
    pthread_barrier_t all_here;
    volatile float tiny, product[4];
    bool takes_signals[4];
};

/* One item a worker: each waits for the others, so each worker gets exactly one. */
static void look_around(void *ctx, size_t item, size_t worker)
{
    (void)item;
    struct gate *g = ctx;
    pthread_barrier_wait(&g->all_here);
    if (worker > 0) {
        usleep(20000); /* the caller is done long before and must wait */
    }
    g->product[worker] = g->tiny * 1e-10f; /* 1e-40: a denormal, if they were kept */
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    g->takes_signals[worker] = !sigismember(&mask, SIGINT);
}

static void threads_at_once(void **state)
{
    (void)state;
    struct err e = {0};
    struct pool *p;
    assert_int_equal(pool_open(&p, 4, &e), 0);
    struct gate g = {.tiny = 1e-30f, .product = {1, 1, 1, 1}};
    pthread_barrier_init(&g.all_here, NULL, 4);
    pool_run(p, 4, look_around, &g); /* hangs unless 4 threads work at once */
    pthread_barrier_destroy(&g.all_here);
    for (size_t i = 0; i < 4; i++) {
#if defined(__x86_64__) || defined(__aarch64__)
        assert_true(g.product[i] == 0);
#endif
        assert_true(g.takes_signals[i] == (i == 0)); /* Ctrl-C goes to the calling thread */
    }
    pool_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_for_any_count),
        cmocka_unit_test(none_at_all),
        cmocka_unit_test(small_runs),
        cmocka_unit_test(threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
