/* The crew: every item is done once, by a worker that has scratch memory, whatever the numbers of
 * items, threads and members; a thread alone takes them in order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>

#include "harness/base/err.h"
#include "harness/base/tensor.h"
#include "models/cpu/crew.h"

enum { MOST = 300 };

struct seen {
    atomic_int times[MOST];
    atomic_size_t greatest; /* worker */
    size_t order[MOST], n;  /* one thread only */
};

static void count(void *ctx, size_t item, size_t worker)
{
    struct seen *s = ctx;
    atomic_fetch_add(&s->times[item], 1);
    size_t g = atomic_load(&s->greatest);
    while (worker > g && !atomic_compare_exchange_weak(&s->greatest, &g, worker)) {
    }
}

static void test_each_item_once(void **state)
{
    static const struct {
        size_t threads, size, items;
    } cases[] = {
        {1, 1, 7},
        {2, 2, 0},
        {2, 2, 1},
        {2, 2, 299},
        {3, 3, 2},
        {4, 2, 100},
        {4, 1, 50},
        {70, 70, 300},
        {70, 66, 30},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct crew c = {.size = cases[i].size};
        struct err e;
        assert_int_equal(pool_open(&c.pool, cases[i].threads, &e), 0);
        for (int again = 0; again < 50; again++) {
            static struct seen s;
            s = (struct seen){0};
            crew_run(&c, cases[i].items, count, &s);
            for (size_t item = 0; item < MOST; item++) {
                if (atomic_load(&s.times[item]) != (item < cases[i].items)) {
                    fail_msg("%zu threads, %zu of them, %zu items: item %zu was done %d times",
                             cases[i].threads, cases[i].size, cases[i].items, item,
                             atomic_load(&s.times[item]));
                }
            }
            assert_true(atomic_load(&s.greatest) < cases[i].size);
        }
        pool_close(c.pool);
    }
}

static void note_order(void *ctx, size_t item, size_t worker)
{
    struct seen *s = ctx;
    (void)worker;
    s->order[s->n++] = item;
}

static void test_alone_in_order(void **state)
{
    static struct seen s;
    struct crew c = {.size = 1};
    (void)state;
    crew_run(&c, 9, note_order, &s);
    assert_int_equal(s.n, 9);
    for (size_t i = 0; i < s.n; i++) {
        assert_int_equal(s.order[i], i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_item_once),
        cmocka_unit_test(test_alone_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
