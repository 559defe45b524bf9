/* Packing, a panel of output channels at a time: gather, and standardise with the kernel that the
 * reference engine uses. */
#include "models/cpu/pack.h"

#include "harness/base/pool.h"
#include "models/cpu/simd.h"
#include "models/kernels/kernels.h"

static size_t rows_of(const struct pack *p)
{
    return p->k * p->k * p->cin;
}

size_t pack_floats(const struct pack *p)
{
    return rows_of(p) * p->cout;
}

struct job {
    const struct pack *p;
    float *out;
};

static void pack_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    const struct pack *p = j->p;
    size_t panel = p->simd->panel, rows = rows_of(p);
    float *w = j->out + item * rows * panel;
    (void)worker;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < panel; i++) {
            w[r * panel + i] = p->w[r * p->cout + item * panel + i];
        }
    }
    kernel_standardize(w, rows, panel, p->ws_eps, w);
}

void pack_run(const struct pack *p, float *out, struct pool *pool)
{
    struct job j = {.p = p, .out = out};
    pool_run(pool, p->cout / p->simd->panel, pack_item, &j);
}
