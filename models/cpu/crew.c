/* A thread begins with a share of its own, about the same part of the images in every layer, and so
 * reads mostly what it wrote itself. One that is through with its share takes items of others. */
#include "models/cpu/crew.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { MAX_SHARES = 64, /* more threads than that begin in the share of another */
       LINE = 64 };

struct share {
    alignas(LINE) atomic_size_t next;
    size_t end;
};

struct shift {
    pool_fn *fn;
    void *ctx;
    size_t n_shares;
    bool by_worker; /* else by index: fewer members than threads */
    struct share shares[MAX_SHARES];
};

static void member(void *ctx, size_t index, size_t worker)
{
    struct shift *s = ctx;
    size_t me = s->by_worker ? worker : index;
    for (size_t i = 0; i < s->n_shares; i++) {
        struct share *share = &s->shares[(me + i) % s->n_shares];
        for (size_t item; (item = atomic_fetch_add(&share->next, 1)) < share->end;) {
            s->fn(s->ctx, item, me);
        }
    }
}

void crew_run(const struct crew *c, size_t n_items, pool_fn *fn, void *ctx)
{
    struct shift s = {.fn = fn,
                      .ctx = ctx,
                      .n_shares = c->size < MAX_SHARES ? c->size : MAX_SHARES,
                      .by_worker = c->size == pool_size(c->pool)};
    for (size_t i = 0; i < s.n_shares; i++) {
        atomic_init(&s.shares[i].next, n_items * i / s.n_shares);
        s.shares[i].end = n_items * (i + 1) / s.n_shares;
    }
    pool_run(c->pool, c->size, member, &s);
}
