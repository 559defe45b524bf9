/* Bicubic as tf.image.resize of TensorFlow 2 without antialias: Keys' cubic with A = -0.5 whose
 * fraction is rounded to 1/1024 (half to even), source position (i + 0.5) * in / out - 0.5; taps
 * outside the image weigh nothing and the others are scaled up to a sum of 1. Along y, then along
 * x, every operation rounded to fp32, the result not clamped. Bit exact to TensorFlow 2.21. */
#include "datasets/resize.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

enum { TAPS = 4 };

struct cubic_tap {
    uint32_t at[TAPS]; /* source pixels, clamped into the image */
    float w[TAPS];
};

struct cubic_plan {
    size_t n_y, n_x;     /* output rows, values in one */
    struct cubic_tap *y; /* [n_y] */
    uint32_t *at[TAPS];  /* [n_x] offsets in a source row, one a value */
    float *w[TAPS];      /* [n_x] */
    float *row;          /* [w * c] interpolated along y */
};

/* Keys' cubic at distance t, within one pixel and beyond. */
static float inner(double t)
{
    const double A = -0.5;
    return (float)(((A + 2) * t - (A + 3)) * t * t + 1);
}

static float outer(double t)
{
    const double A = -0.5;
    return (float)(((A * t - 5 * A) * t + 8 * A) * t - 4 * A);
}

static struct cubic_tap tap(size_t i, size_t n_in, size_t n_out)
{
    float scale = (float)n_in / (float)n_out;
    float src = ((float)i + 0.5f) * scale - 0.5f, low = floorf(src);
    double f = (double)rintf((src - low) * 1024.0f) / 1024.0;
    struct cubic_tap t = {.w = {outer(1 + f), inner(f), inner(1 - f), outer(2 - f)}};
    for (int k = 0; k < TAPS; k++) {
        int64_t at = (int64_t)low - 1 + k, last = (int64_t)n_in - 1;
        t.at[k] = (uint32_t)(at < 0 ? 0 : at > last ? last
                                                    : at);
        if (at < 0 || at > last) {
            t.w[k] = 0.0f;
        }
    }
    float sum = t.w[0] + t.w[1] + t.w[2] + t.w[3];
    if (fabsf(sum) >= 1000.0f * FLT_MIN) {
        float inverse = 1.0f / sum;
        for (int k = 0; k < TAPS; k++) {
            t.w[k] *= inverse;
        }
    }
    return t;
}

static void prepare(struct arena *a, const struct resize_kernel *kernel,
                    const struct resize_dims *d)
{
    (void)kernel;
    size_t n = d->x.n * d->c;
    struct cubic_plan *plan = arena_take(a, sizeof *plan);
    struct cubic_plan p = {
        .n_y = d->y.n, .n_x = n, .y = arena_take(a, d->y.n * sizeof *p.y)};
    for (int k = 0; k < TAPS; k++) {
        p.at[k] = arena_take(a, n * sizeof *p.at[k]);
        p.w[k] = arena_take(a, n * sizeof *p.w[k]);
    }
    p.row = arena_take(a, d->x.in * d->c * sizeof *p.row);
    if (!plan) {
        return;
    }
    *plan = p;
    for (size_t i = 0; i < d->y.n; i++) {
        p.y[i] = tap(d->y.first + i, d->y.in, d->y.out);
    }
    for (size_t i = 0; i < n; i++) {
        struct cubic_tap t = tap(d->x.first + i / d->c, d->x.in, d->x.out);
        for (int k = 0; k < TAPS; k++) {
            p.at[k][i] = t.at[k] * (uint32_t)d->c + (uint32_t)(i % d->c);
            p.w[k][i] = t.w[k];
        }
    }
}

static void along_y(const struct image *in, const struct cubic_tap *t, float *row)
{
    size_t n = in->w * in->c;
    const uint8_t *s0 = in->data + t->at[0] * n, *s1 = in->data + t->at[1] * n;
    const uint8_t *s2 = in->data + t->at[2] * n, *s3 = in->data + t->at[3] * n;
    for (size_t i = 0; i < n; i++) {
        row[i] = (float)s0[i] * t->w[0] + (float)s1[i] * t->w[1] + (float)s2[i] * t->w[2] +
                 (float)s3[i] * t->w[3];
    }
}

static void along_x(const struct cubic_plan *p, float *out, size_t n)
{
    const float *row = p->row;
    for (size_t i = 0; i < n; i++) {
        out[i] = row[p->at[0][i]] * p->w[0][i] + row[p->at[1][i]] * p->w[1][i] +
                 row[p->at[2][i]] * p->w[2][i] + row[p->at[3][i]] * p->w[3][i];
    }
}

static void run(const void *plan, const struct image *in, float *out)
{
    const struct cubic_plan *p = plan;
    for (size_t i = 0; i < p->n_y; i++) {
        along_y(in, &p->y[i], p->row);
        along_x(p, out + i * p->n_x, p->n_x);
    }
}

const struct resize_kernel resize_tf2_bicubic = {
    .name = "tf2bicubic",
    .sources = "datasets/resize_tf2cubic.c",
    .help = "TensorFlow 2, bicubic, no antialias; may overshoot 0..255",
    .prepare = prepare,
    .run = run,
};
