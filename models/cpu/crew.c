/* Fewer workers than threads: each is an item of the pool and takes the next item of the work. */
#include "models/cpu/crew.h"

#include <stdatomic.h>

struct shift {
    size_t n_items;
    pool_fn *fn;
    void *ctx;
    atomic_size_t next;
};

static void member(void *ctx, size_t index, size_t worker)
{
    struct shift *s = ctx;
    (void)worker;
    for (size_t item; (item = atomic_fetch_add(&s->next, 1)) < s->n_items;) {
        s->fn(s->ctx, item, index);
    }
}

void crew_run(const struct crew *c, size_t n_items, pool_fn *fn, void *ctx)
{
    if (c->size == pool_size(c->pool)) {
        pool_run(c->pool, n_items, fn, ctx);
        return;
    }
    struct shift s = {.n_items = n_items, .fn = fn, .ctx = ctx};
    atomic_init(&s.next, 0);
    pool_run(c->pool, c->size, member, &s);
}
