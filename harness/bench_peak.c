/* What the machine can do at most: multiply-adds on registers, copies of memory. */
#include "harness/bench.h"
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "models/cpu/simd.h"
#include <stdlib.h>
#include <string.h>

enum { SHARES = 8, /* items a thread: a thread that is disturbed does fewer */
       PEAK_STEPS = 30000,
       COPY_BYTES = 128 << 20,
       COPY_TRIES = 5 };
static const double PEAK_S = 0.05; /* long enough for clocks to settle */

struct peak {
    const struct simd *simd;
    volatile double sink; /* keeps the work from being left out */
};

static void peak_item(void *ctx, size_t item, size_t worker)
{
    struct peak *p = ctx;
    (void)item;
    (void)worker;
    double v = p->simd->peak(PEAK_STEPS);
    if (v < 0) {
        p->sink = v;
    }
}

double bench_peak(struct pool *pool)
{
    struct peak p = {.simd = simd_choose()};
    size_t items = SHARES * pool_size(pool);
    double best = 0, begun = clock_now_s(), now = begun;
    double flop = 2.0 * (double)(p.simd->rows * p.simd->panel * PEAK_STEPS * items);
    while (now - begun < PEAK_S) {
        double start = now;
        pool_run(pool, items, peak_item, &p);
        now = clock_now_s();
        best = flop / (now - start) > best ? flop / (now - start) : best;
    }
    return best;
}

struct copy {
    unsigned char *from, *to;
    size_t part;
};

static void copy_item(void *ctx, size_t item, size_t worker)
{
    const struct copy *c = ctx;
    (void)worker;
    memcpy(c->to + item * c->part, c->from + item * c->part, c->part);
}

double bench_copy(struct pool *pool)
{
    size_t items = SHARES * pool_size(pool);
    struct copy c = {.from = mem_take(2, COPY_BYTES, NULL), .part = COPY_BYTES / items};
    if (!c.from) {
        return 0;
    }
    c.to = c.from + COPY_BYTES;
    double best = 0;
    for (size_t i = 0; i <= COPY_TRIES; i++) {
        double start = clock_now_s();
        pool_run(pool, items, copy_item, &c);
        double rate = 2.0 * (double)(items * c.part) / (clock_now_s() - start);
        best = i && rate > best ? rate : best; /* the first one has the pages made */
    }
    free(c.from);
    return best;
}
