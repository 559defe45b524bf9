/* A source row is summed along x once, in integers, and kept while output rows need it. */
#include "datasets/resize_cvtaps.h"

#include <math.h>

struct cvtaps_plan {
    const struct cvtaps_how *how;
    size_t n_y, n_x, c;
    struct cv_tap *y, *x;   /* [n_y], [n_x] */
    int32_t *rows[CV_TAPS]; /* [n_x * c]: source row r is in rows[r % CV_TAPS] */
};

struct cvtaps_plan *cvtaps_plan(struct arena *a, const struct cvtaps_how *how,
                                const struct resize_dims *d)
{
    struct cvtaps_plan *plan = arena_take(a, sizeof *plan);
    struct cvtaps_plan p = {
        .how = how,
        .n_y = d->y.n,
        .n_x = d->x.n,
        .c = d->c,
        .y = arena_take(a, d->y.n * sizeof *p.y),
        .x = arena_take(a, d->x.n * sizeof *p.x),
    };
    for (size_t t = 0; t < CV_TAPS; t++) {
        p.rows[t] = arena_take(a, d->x.n * d->c * sizeof(int32_t));
    }
    if (!plan) {
        return NULL;
    }
    for (size_t i = 0; i < d->y.n; i++) {
        p.y[i] = how->tap(d->y.first + i, d->y.in, d->y.out, false);
    }
    for (size_t i = 0; i < d->x.n; i++) {
        p.x[i] = how->tap(d->x.first + i, d->x.in, d->x.out, true);
    }
    *plan = p;
    return plan;
}

static void along_x(const struct cvtaps_plan *p, const uint8_t *src, int32_t *row)
{
    for (size_t i = 0; i < p->n_x; i++) {
        const struct cv_tap *t = &p->x[i];
        for (size_t k = 0; k < p->c; k++) {
            int32_t sum = 0;
            for (size_t j = 0; j < p->how->n_taps; j++) {
                sum += src[t->at[j] * p->c + k] * t->w[j];
            }
            *row++ = sum;
        }
    }
}

void cvtaps_run(const struct cvtaps_plan *p, const struct image *in, float *out)
{
    size_t held[CV_TAPS] = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
    for (size_t i = 0; i < p->n_y; i++) {
        const struct cv_tap *t = &p->y[i];
        int32_t *row[CV_TAPS] = {0};
        for (size_t j = 0; j < p->how->n_taps; j++) {
            size_t y = t->at[j], slot = y % CV_TAPS;
            row[j] = p->rows[slot];
            if (held[slot] != y) {
                along_x(p, in->data + y * in->w * in->c, row[j]);
                held[slot] = y;
            }
        }
        p->how->combine(row, t->w, p->n_x * p->c, out + i * p->n_x * p->c);
    }
}

void cvtaps_linear(int32_t *const row[CV_TAPS], const int32_t w[CV_TAPS], size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        int32_t top = (w[0] * (row[0][i] >> 4)) >> 16, bottom = (w[1] * (row[1][i] >> 4)) >> 16;
        int32_t v = (top + bottom + 2) >> 2;
        out[i] = (float)(v > 255 ? 255 : v);
    }
}

static uint32_t clamped(ptrdiff_t at, size_t n_in)
{
    return (uint32_t)(at < 0 ? 0 : (size_t)at < n_in ? (size_t)at
                                                     : n_in - 1);
}

struct cv_tap cvtaps_between(ptrdiff_t s, float share, size_t n_in)
{
    return (struct cv_tap){
        .at = {clamped(s, n_in), clamped(s + 1, n_in)},
        .w = {(int32_t)rintf((1.0f - share) * 2048.0f), (int32_t)rintf(share * 2048.0f)},
    };
}
