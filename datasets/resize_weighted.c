/* Weighted sums in fp32: a source row is made of the rows that an output row needs, then its pixels
 * are summed along x. Agrees with libraries that sum in another order to a few roundings. */
#include "datasets/resize_weighted.h"

#include <stdint.h>

struct weighted_axis {
    uint32_t *first, *n; /* [n_out] */
    float *w;            /* [n_out, max] */
    size_t n_out, max;
};

struct weighted_plan {
    struct weighted_axis y, x;
    float *row; /* [w * c] summed along y */
};

static struct weighted_axis axis_take(struct arena *a, const struct weighted_how *how,
                                      const struct resize_axis *d)
{
    size_t max = how->max_taps(how->filter, d->in, d->out);
    return (struct weighted_axis){
        .first = arena_take(a, d->n * sizeof(uint32_t)),
        .n = arena_take(a, d->n * sizeof(uint32_t)),
        .w = arena_take(a, d->n * max * sizeof(float)),
        .n_out = d->n,
        .max = max,
    };
}

static void axis_fill(struct weighted_axis *x, const struct weighted_how *how,
                      const struct resize_axis *d)
{
    for (size_t i = 0; i < d->n; i++) {
        size_t first = 0;
        x->n[i] = (uint32_t)how->taps(how->filter, d->first + i, d->in, d->out, x->w + i * x->max,
                                      &first);
        x->first[i] = (uint32_t)first;
    }
}

void weighted_prepare(struct arena *a, const struct resize_kernel *k, const struct resize_dims *d)
{
    const struct weighted_how *how = k->how;
    struct weighted_plan *plan = arena_take(a, sizeof *plan);
    struct weighted_plan p = {.y = axis_take(a, how, &d->y), .x = axis_take(a, how, &d->x)};
    p.row = arena_take(a, d->x.in * d->c * sizeof *p.row);
    if (!plan) {
        return;
    }
    axis_fill(&p.y, how, &d->y);
    axis_fill(&p.x, how, &d->x);
    *plan = p;
}

static void along_y(const struct weighted_axis *y, size_t i, const struct image *in, float *row)
{
    size_t n = in->w * in->c;
    const uint8_t *src = in->data + y->first[i] * n;
    for (size_t k = 0; k < n; k++) {
        row[k] = 0.0f;
    }
    for (size_t j = 0; j < y->n[i]; j++) {
        float w = y->w[i * y->max + j];
        for (size_t k = 0; k < n; k++) {
            row[k] += (float)src[j * n + k] * w;
        }
    }
}

static void along_x(const struct weighted_axis *x, const float *row, size_t c, float *out)
{
    for (size_t i = 0; i < x->n_out; i++) {
        const float *w = x->w + i * x->max, *src = row + x->first[i] * c;
        for (size_t k = 0; k < c; k++) {
            float sum = 0.0f;
            for (size_t j = 0; j < x->n[i]; j++) {
                sum += src[j * c + k] * w[j];
            }
            out[i * c + k] = sum;
        }
    }
}

void weighted_run(const void *plan, const struct image *in, float *out)
{
    const struct weighted_plan *p = plan;
    for (size_t i = 0; i < p->y.n_out; i++) {
        along_y(&p->y, i, in, p->row);
        along_x(&p->x, p->row, in->c, out + i * p->x.n_out * in->c);
    }
}
