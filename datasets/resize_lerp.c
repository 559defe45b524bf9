/* Two-tap interpolation, along x and then along y, every operation rounded to fp32. A source row
 * is interpolated along x once and kept while the next output row may need it. */
#include "datasets/resize_lerp.h"

#include <stdint.h>

#include "datasets/resize.h"
#include "harness/base/arena.h"

void lerp_prepare(struct arena *a, const struct resize_dims *d, lerp_tap_fn *tap)
{
    size_t n = d->x.n * d->c;
    struct lerp_plan *plan = arena_take(a, sizeof *plan);
    struct lerp_plan p = {
        .n_y = d->y.n,
        .n_x = n,
        .y = arena_take(a, d->y.n * sizeof *p.y),
        .lo = arena_take(a, n * sizeof *p.lo),
        .hi = arena_take(a, n * sizeof *p.hi),
        .f = arena_take(a, n * sizeof *p.f),
    };
    p.rows[0] = arena_take(a, n * sizeof(float));
    p.rows[1] = arena_take(a, n * sizeof(float));
    if (!plan) {
        return;
    }
    *plan = p;
    for (size_t i = 0; i < d->y.n; i++) {
        p.y[i] = tap(d->y.first + i, d->y.in, d->y.out);
    }
    for (size_t i = 0; i < n; i++) {
        struct lerp_tap t = tap(d->x.first + i / d->c, d->x.in, d->x.out);
        uint32_t channel = (uint32_t)(i % d->c);
        p.lo[i] = t.lo * (uint32_t)d->c + channel;
        p.hi[i] = t.hi * (uint32_t)d->c + channel;
        p.f[i] = t.f;
    }
}

static void along_x(const struct lerp_plan *p, const uint8_t *src, float *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float lo = src[p->lo[i]], hi = src[p->hi[i]];
        row[i] = lo + (hi - lo) * p->f[i];
    }
}

void lerp_run(const void *plan, const struct image *in, float *out)
{
    const struct lerp_plan *p = plan;
    size_t n = p->n_x;
    size_t held[2] = {SIZE_MAX, SIZE_MAX}; /* source row y lives in rows[y % 2] */
    for (size_t i = 0; i < p->n_y; i++) {
        const struct lerp_tap *t = &p->y[i];
        for (size_t y = t->lo; y <= t->hi; y++) {
            if (held[y % 2] != y) {
                along_x(p, in->data + y * in->w * in->c, p->rows[y % 2], n);
                held[y % 2] = y;
            }
        }
        const float *top = p->rows[t->lo % 2], *bottom = p->rows[t->hi % 2];
        float *row = out + i * n;
        for (size_t j = 0; j < n; j++) {
            row[j] = top[j] + (bottom[j] - top[j]) * t->f;
        }
    }
}
