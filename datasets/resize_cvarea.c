/* OpenCV's INTER_AREA on 8-bit images. Both factors whole: sum of the block times 1 / area in fp32,
 * half to even (2 x 2: (sum + 2) >> 2). Shrinking by other factors: fp32 weights of the covered
 * parts, a part below 1e-3 of a pixel left out, half to even. Enlarging on either axis: linear
 * interpolation at positions of its own. Exact. */
#include "datasets/resize_cvtaps.h"

#include <float.h>
#include <math.h>

struct area_axis {
    uint32_t *first, *n; /* [n_out] */
    float *w;            /* [n_out, max] */
    size_t n_out, max;
};

/* One of: linear; block (by > 0); weights. */
struct area_plan {
    const struct cvtaps_plan *linear;
    size_t by, bx; /* block, y and x */
    struct area_axis y, x;
    struct resize_dims d;
    float *row; /* [x.n * c] a source row, summed along x */
};

static struct cv_tap enlarging_tap(size_t i, size_t n_in, size_t n_out, bool along_x)
{
    (void)along_x;
    double inverse = (double)n_out / (double)n_in, scale = 1.0 / inverse;
    ptrdiff_t s = (ptrdiff_t)floor((double)i * scale);
    float share = (float)(((double)i + 1.0) - ((double)s + 1.0) * inverse);
    share = share <= 0.0f ? 0.0f : share - floorf(share);
    if (s >= (ptrdiff_t)n_in - 1) {
        share = 0.0f;
        s = (ptrdiff_t)n_in - 1;
    }
    return cvtaps_between(s, share, n_in);
}

static const struct cvtaps_how enlarging = {2, enlarging_tap, cvtaps_linear};

static struct area_axis axis_take(struct arena *a, const struct resize_axis *d)
{
    size_t max = d->in / d->out + 3;
    return (struct area_axis){
        .first = arena_take(a, d->n * sizeof(uint32_t)),
        .n = arena_take(a, d->n * sizeof(uint32_t)),
        .w = arena_take(a, d->n * max * sizeof(float)),
        .n_out = d->n,
        .max = max,
    };
}

static void axis_fill(struct area_axis *x, const struct resize_axis *d)
{
    double scale = (double)d->in / (double)d->out;
    for (size_t i = 0; i < d->n; i++) {
        double lo = (double)(d->first + i) * scale, hi = lo + scale;
        double cell = fmin(scale, (double)d->in - lo);
        size_t end = (size_t)fmin(floor(hi), (double)(d->in - 1));
        size_t start = (size_t)fmin(ceil(lo), (double)end), n = 0;
        float *w = x->w + i * x->max;
        x->first[i] = (uint32_t)start;
        if ((double)start - lo > 1e-3) {
            x->first[i]--;
            w[n++] = (float)(((double)start - lo) / cell);
        }
        for (size_t j = start; j < end; j++) {
            w[n++] = (float)(1.0 / cell);
        }
        if (hi - (double)end > 1e-3) {
            w[n++] = (float)(fmin(fmin(hi - (double)end, 1.0), cell) / cell);
        }
        x->n[i] = (uint32_t)n;
    }
}

static size_t whole_factor(const struct resize_axis *d)
{
    return d->in % d->out == 0 ? d->in / d->out : 0;
}

static void prepare(struct arena *a, const struct resize_kernel *k, const struct resize_dims *d)
{
    (void)k;
    struct area_plan *plan = arena_take(a, sizeof *plan);
    struct area_plan p = {.d = *d};
    if (d->y.in < d->y.out || d->x.in < d->x.out) {
        p.linear = cvtaps_plan(a, &enlarging, d);
    } else if (whole_factor(&d->y) && whole_factor(&d->x)) {
        p.by = whole_factor(&d->y);
        p.bx = whole_factor(&d->x);
    } else {
        p.y = axis_take(a, &d->y);
        p.x = axis_take(a, &d->x);
        p.row = arena_take(a, d->x.n * d->c * sizeof *p.row);
        if (plan) {
            axis_fill(&p.y, &d->y);
            axis_fill(&p.x, &d->x);
        }
    }
    if (plan) {
        *plan = p;
    }
}

/* The nearest whole number, half to even, in 0..255. */
static float rounded(float v)
{
    return fminf(fmaxf(rintf(v), 0.0f), 255.0f);
}

static void run_blocks(const struct area_plan *p, const struct image *in, float *out)
{
    size_t c = in->c;
    float share = 1.0f / (float)(p->by * p->bx);
    for (size_t i = 0; i < p->d.y.n; i++) {
        for (size_t j = 0; j < p->d.x.n * c; j++) {
            const uint8_t *src = in->data + (p->d.y.first + i) * p->by * in->w * c +
                                 (p->d.x.first + j / c) * p->bx * c + j % c;
            uint64_t sum = 0;
            for (size_t y = 0; y < p->by; y++) {
                for (size_t x = 0; x < p->bx; x++) {
                    sum += src[(y * in->w + x) * c];
                }
            }
            *out++ = p->by == 2 && p->bx == 2 ? (float)((sum + 2) >> 2)
                                              : rounded((float)sum * share);
        }
    }
}

static void along_x(const struct area_axis *x, const uint8_t *src, size_t c, float *row)
{
    for (size_t i = 0; i < x->n_out; i++) {
        for (size_t k = 0; k < c; k++) {
            float sum = 0.0f;
            for (size_t j = 0; j < x->n[i]; j++) {
                sum += (float)src[(x->first[i] + j) * c + k] * x->w[i * x->max + j];
            }
            *row++ = sum;
        }
    }
}

static void run_weights(const struct area_plan *p, const struct image *in, float *out)
{
    size_t n = p->x.n_out * in->c, held = SIZE_MAX;
    for (size_t i = 0; i < p->y.n_out; i++, out += n) {
        for (size_t k = 0; k < n; k++) {
            out[k] = 0.0f;
        }
        for (size_t j = 0; j < p->y.n[i]; j++) {
            size_t y = p->y.first[i] + j;
            if (y != held) {
                along_x(&p->x, in->data + y * in->w * in->c, in->c, p->row);
                held = y;
            }
            for (size_t k = 0; k < n; k++) {
                out[k] += p->row[k] * p->y.w[i * p->y.max + j];
            }
        }
        for (size_t k = 0; k < n; k++) {
            out[k] = rounded(out[k]);
        }
    }
}

static void run(const void *plan, const struct image *in, float *out)
{
    const struct area_plan *p = plan;
    if (p->linear) {
        cvtaps_run(p->linear, in, out);
    } else if (p->by) {
        run_blocks(p, in, out);
    } else {
        run_weights(p, in, out);
    }
}

const struct resize_kernel resize_cv_area = {
    .name = "cvarea",
    .sources = "datasets/resize_cvarea.c datasets/resize_cvtaps.c",
    .help = "OpenCV, INTER_AREA",
    .prepare = prepare,
    .run = run,
};
