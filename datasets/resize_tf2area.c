/* Area mean as tf.image.resize(method="area") of TensorFlow 2: output i covers the source from
 * i * s to (i + 1) * s with s = in / out in fp32, pixels cut by an edge weigh their covered part.
 * Summed in fp32 in TensorFlow's order, which decides whole grey levels once the result is
 * truncated: along a row first to last, rows added with their weights, times 1 / (sy * sx). The
 * same formula when enlarging. Bit exact to TensorFlow 2.21. What big_vision's small resize
 * calls. */
#include "datasets/resize.h"

#include <math.h>
#include <stdint.h>

struct area_span {
    size_t first; /* source pixel */
    size_t n;     /* pixels covered */
};

struct area_axis {
    struct area_span *span; /* [n] */
    float *w;               /* [n, max] weights */
    size_t n, max;          /* outputs; pixels that one can touch */
};

struct area_plan {
    struct area_axis y, x;
    float share; /* 1 / area of a cell */
    float *row;  /* [x.n * c] one source row, summed along x */
};

/* Weight of pixel v in the cell from lo to hi. */
static float weight(float v, float lo, float hi, float scale)
{
    if (v < lo) {
        return v + 1.0f > hi ? scale : v + 1.0f - lo;
    }
    return v + 1.0f > hi ? hi - v : 1.0f;
}

static struct area_span span(size_t i, float scale)
{
    float lo = (float)i * scale, hi = (float)(i + 1) * scale;
    size_t first = (size_t)floorf(lo), end = (size_t)ceilf(hi);
    return (struct area_span){.first = first, .n = end - first};
}

static struct area_axis axis_take(struct arena *a, const struct resize_axis *d)
{
    float scale = (float)d->in / (float)d->out;
    size_t max = 0;
    for (size_t i = 0; i < d->n; i++) {
        size_t n = span(d->first + i, scale).n;
        max = n > max ? n : max;
    }
    return (struct area_axis){
        .span = arena_take(a, d->n * sizeof(struct area_span)),
        .w = arena_take(a, d->n * max * sizeof(float)),
        .n = d->n,
        .max = max,
    };
}

static void axis_fill(struct area_axis *x, const struct resize_axis *d)
{
    float scale = (float)d->in / (float)d->out;
    for (size_t i = 0; i < d->n; i++) {
        size_t at = d->first + i;
        float lo = (float)at * scale, hi = (float)(at + 1) * scale;
        struct area_span s = span(at, scale);
        x->span[i] = s;
        for (size_t j = 0; j < s.n; j++) {
            x->w[i * x->max + j] = weight((float)(s.first + j), lo, hi, scale);
        }
    }
}

static void prepare(struct arena *a, const struct resize_kernel *k, const struct resize_dims *d)
{
    (void)k;
    struct area_plan *plan = arena_take(a, sizeof *plan);
    struct area_plan p = {.y = axis_take(a, &d->y), .x = axis_take(a, &d->x)};
    p.row = arena_take(a, d->x.n * d->c * sizeof *p.row);
    if (!plan) {
        return;
    }
    float sy = (float)d->y.in / (float)d->y.out, sx = (float)d->x.in / (float)d->x.out;
    p.share = 1.0f / (sy * sx);
    axis_fill(&p.y, &d->y);
    axis_fill(&p.x, &d->x);
    *plan = p;
}

/* A cell's last pixel can lie one past the image, by rounding: then it is the last one again. */
static size_t inside(size_t v, size_t n)
{
    return v < n ? v : n - 1;
}

static void along_x(const struct area_axis *x, const uint8_t *src, const struct image *in,
                    float *row)
{
    size_t c = in->c;
    for (size_t i = 0; i < x->n; i++) {
        const struct area_span *s = &x->span[i];
        const float *w = x->w + i * x->max;
        for (size_t k = 0; k < c; k++) {
            float sum = (float)src[inside(s->first, in->w) * c + k] * w[0];
            for (size_t j = 1; j < s->n; j++) {
                sum += (float)src[inside(s->first + j, in->w) * c + k] * w[j];
            }
            row[i * c + k] = sum;
        }
    }
}

static void run(const void *plan, const struct image *in, float *out)
{
    const struct area_plan *p = plan;
    size_t n = p->x.n * in->c, held = SIZE_MAX;
    for (size_t i = 0; i < p->y.n; i++) {
        float *sum = out + i * n;
        for (size_t k = 0; k < n; k++) {
            sum[k] = 0.0f;
        }
        for (size_t j = 0; j < p->y.span[i].n; j++) {
            size_t y = inside(p->y.span[i].first + j, in->h);
            if (y != held) {
                along_x(&p->x, in->data + y * in->w * in->c, in, p->row);
                held = y;
            }
            float wy = p->y.w[i * p->y.max + j];
            for (size_t k = 0; k < n; k++) {
                sum[k] += p->row[k] * wy;
            }
        }
        for (size_t k = 0; k < n; k++) {
            sum[k] *= p->share;
        }
    }
}

const struct resize_kernel resize_tf2_area = {
    .name = "tf2area",
    .sources = "datasets/resize_tf2area.c",
    .help = "TensorFlow 2, area mean",
    .prepare = prepare,
    .run = run,
};
