/* Two passes in fixed point over 8-bit pixels: the plan, and the loops for any processor. Sums of
 * 32-bit integers, so neither the width of vectors (resize_fixed_avx2.c) nor the order shows in the
 * result. A pass that changes no size has one tap of weight one, which gives the pixel itself. */
#include "datasets/resize_fixed_pass.h"

#include <string.h>

#include "datasets/resize_fixed.h"
#include "harness/base/cpu.h"

struct fixed_plan {
    struct fixed_axis y, x;
    bool y_first;
    double *w;       /* weights of one output, before rounding */
    uint8_t *middle; /* after the first pass */
    uint8_t *last;   /* after the second */
};

static size_t max_taps(const struct fixed_how *how, const struct resize_axis *d)
{
    return d->in == d->out ? 1 : how->max_taps(how->filter, d->in, d->out);
}

static struct fixed_axis axis_take(struct arena *a, const struct fixed_how *how,
                                   const struct resize_axis *d)
{
    size_t max = max_taps(how, d);
    return (struct fixed_axis){
        .first = arena_take(a, d->n * sizeof(uint32_t)),
        .n = arena_take(a, d->n * sizeof(uint32_t)),
        .w = arena_take(a, d->n * max * sizeof(int32_t)),
        .n_out = d->n,
        .max = max,
    };
}

static size_t taps(const struct fixed_how *how, const struct resize_axis *d, size_t i, double *w,
                   size_t *first)
{
    if (d->in == d->out) {
        w[0] = 1.0;
        *first = i;
        return 1;
    }
    return how->taps(how->filter, i, d->in, d->out, w, first);
}

static int most_bits(const struct fixed_how *how, const struct resize_axis *d, double *w)
{
    double largest = 0.0;
    size_t first;
    for (size_t i = 0; i < d->out; i++) {
        size_t n = taps(how, d, i, w, &first);
        for (size_t j = 0; j < n; j++) {
            largest = w[j] > largest ? w[j] : largest;
        }
    }
    int bits = 0;
    while (bits < 21 && (int)(0.5 + largest * (double)(1 << (bits + 1))) < 1 << 15) {
        bits++;
    }
    return bits;
}

/* The source pixels that outputs need, known before anything is filled. */
static void axis_span(struct fixed_axis *x, const struct fixed_how *how,
                      const struct resize_axis *d)
{
    double scale = (double)d->in / (double)d->out;
    double reach = (double)max_taps(how, d);
    double low = (double)d->first * scale - reach;
    double high = (double)(d->first + d->n) * scale + reach;
    x->from = low > 0.0 ? (size_t)low : 0;
    x->n_in = (high < (double)d->in ? (size_t)high : d->in) - x->from;
}

static void axis_fill(struct fixed_axis *x, double *w, const struct fixed_how *how,
                      const struct resize_axis *d)
{
    x->bits = how->bits ? how->bits : most_bits(how, d, w);
    for (size_t i = 0; i < d->n; i++) {
        size_t first, n = taps(how, d, d->first + i, w, &first);
        for (size_t j = 0; j < n; j++) {
            double fixed = w[j] * (double)(1 << x->bits);
            x->w[i * x->max + j] = (int32_t)(fixed < 0.0 ? fixed - 0.5 : fixed + 0.5);
        }
        x->first[i] = (uint32_t)(first - x->from);
        x->n[i] = (uint32_t)n;
    }
}

void fixed_prepare(struct arena *a, const struct resize_kernel *k, const struct resize_dims *d)
{
    const struct fixed_how *how = k->how;
    struct fixed_plan *plan = arena_take(a, sizeof *plan);
    struct fixed_plan p = {
        .y = axis_take(a, how, &d->y),
        .x = axis_take(a, how, &d->x),
        .y_first = how->y_first && how->y_first(d),
    };
    axis_span(&p.y, how, &d->y);
    axis_span(&p.x, how, &d->x);
    p.w = arena_take(a, (p.y.max > p.x.max ? p.y.max : p.x.max) * sizeof *p.w);
    p.middle = arena_take(a, (p.y_first ? d->y.n * p.x.n_in : p.y.n_in * d->x.n) * d->c);
    p.last = arena_take(a, d->y.n * d->x.n * d->c);
    if (!plan) {
        return;
    }
    axis_fill(&p.y, p.w, how, &d->y);
    axis_fill(&p.x, p.w, how, &d->x);
    *plan = p;
}

static uint8_t rounded(int32_t sum, int bits)
{
    int32_t v = sum >> bits;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255
                                         : v);
}

static void one_row_x(const struct fixed_pass *p, size_t y)
{
    const struct fixed_axis *x = p->axis;
    size_t c = p->c;
    const uint8_t *src = p->src + y * p->src_row;
    uint8_t *dst = p->dst + y * x->n_out * c;
    for (size_t i = 0; i < x->n_out; i++) {
        const int32_t *w = x->w + i * x->max;
        const uint8_t *s = src + x->first[i] * c;
        for (size_t k = 0; k < c; k++) {
            int32_t sum = 1 << (x->bits - 1);
            for (size_t j = 0; j < x->n[i]; j++) {
                sum += s[j * c + k] * w[j];
            }
            dst[i * c + k] = rounded(sum, x->bits);
        }
    }
}

static void along_x(const struct fixed_pass *p, bool vectors)
{
    for (size_t y = vectors ? fixed_x_avx2(p) : 0; y < p->rows; y++) {
        one_row_x(p, y);
    }
}

static void along_y(const struct fixed_pass *p, bool vectors)
{
    const struct fixed_axis *y = p->axis;
    size_t done = vectors ? fixed_y_avx2(p) : 0;
    for (size_t i = 0; i < y->n_out; i++) {
        const int32_t *w = y->w + i * y->max;
        const uint8_t *src = p->src + y->first[i] * p->src_row;
        for (size_t k = done; k < p->values; k++) {
            int32_t sum = 1 << (y->bits - 1);
            for (size_t j = 0; j < y->n[i]; j++) {
                sum += src[j * p->src_row + k] * w[j];
            }
            p->dst[i * p->values + k] = rounded(sum, y->bits);
        }
    }
}

void fixed_run(const void *plan, const struct image *in, float *out)
{
    const struct fixed_plan *p = plan;
    bool vectors = strcmp(cpu_isa(), "base") != 0;
    size_t c = in->c, row = in->w * c, middle_row = (p->y_first ? p->x.n_in : p->x.n_out) * c;
    struct fixed_pass first = {
        .src = in->data + p->y.from * row + p->x.from * c,
        .src_row = row,
        .rows = p->y.n_in,
        .values = p->x.n_in * c,
        .c = c,
        .dst = p->middle,
    };
    struct fixed_pass second = {
        .src = p->middle,
        .src_row = middle_row,
        .rows = p->y_first ? p->y.n_out : p->y.n_in,
        .values = middle_row,
        .c = c,
        .dst = p->last,
    };
    first.axis = p->y_first ? &p->y : &p->x;
    second.axis = p->y_first ? &p->x : &p->y;
    (p->y_first ? along_y : along_x)(&first, vectors);
    (p->y_first ? along_x : along_y)(&second, vectors);
    for (size_t i = 0; i < p->y.n_out * p->x.n_out * c; i++) {
        out[i] = p->last[i];
    }
}
