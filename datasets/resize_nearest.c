/* Nearest pixel, three ways of saying which one that is: Pillow adds up the step from half a step
 * on, in double, rounding errors included; torch and OpenCV multiply and take the pixel that the
 * left edge falls on, in fp32 and in double. Exact. */
#include "datasets/resize.h"

#include <math.h>
#include <stdint.h>

/* Source pixels of the outputs that are wanted. */
typedef void positions_fn(const struct resize_axis *d, uint32_t *at);
struct nearest_how {
    positions_fn *positions;
};

struct nearest_plan {
    uint32_t *y, *x;
    size_t n_y, n_x;
};

static uint32_t pixel(double at, size_t n_in)
{
    return (uint32_t)(at < (double)n_in ? (size_t)at : n_in - 1);
}

static void pil_positions(const struct resize_axis *d, uint32_t *at)
{
    double step = (double)d->in / (double)d->out, position = step * 0.5;
    for (size_t i = 0; i < d->first + d->n; i++, position += step) {
        if (i >= d->first) {
            at[i - d->first] = pixel(position, d->in);
        }
    }
}

static void torch_positions(const struct resize_axis *d, uint32_t *at)
{
    float scale = (float)d->in / (float)d->out;
    for (size_t i = 0; i < d->n; i++) {
        at[i] = pixel((double)floorf((float)(d->first + i) * scale), d->in);
    }
}

static void cv_positions(const struct resize_axis *d, uint32_t *at)
{
    double scale = 1.0 / ((double)d->out / (double)d->in);
    for (size_t i = 0; i < d->n; i++) {
        at[i] = pixel(floor((double)(d->first + i) * scale), d->in);
    }
}

static void prepare(struct arena *a, const struct resize_kernel *k, const struct resize_dims *d)
{
    const struct nearest_how *how = k->how;
    struct nearest_plan *plan = arena_take(a, sizeof *plan);
    struct nearest_plan p = {
        .y = arena_take(a, d->y.n * sizeof *p.y),
        .x = arena_take(a, d->x.n * sizeof *p.x),
        .n_y = d->y.n,
        .n_x = d->x.n,
    };
    if (!plan) {
        return;
    }
    how->positions(&d->y, p.y);
    how->positions(&d->x, p.x);
    *plan = p;
}

static void run(const void *plan, const struct image *in, float *out)
{
    const struct nearest_plan *p = plan;
    for (size_t i = 0; i < p->n_y; i++) {
        const uint8_t *row = in->data + p->y[i] * in->w * in->c;
        for (size_t j = 0; j < p->n_x; j++) {
            for (size_t k = 0; k < in->c; k++) {
                *out++ = row[p->x[j] * in->c + k];
            }
        }
    }
}

static const struct nearest_how pil = {pil_positions}, torch = {torch_positions},
                                cv = {cv_positions};

const struct resize_kernel resize_pil_nearest = {
    .name = "pilnearest",
    .sources = "datasets/resize_nearest.c",
    .help = "Pillow, nearest pixel",
    .prepare = prepare,
    .run = run,
    .how = &pil,
};
const struct resize_kernel resize_tvu8_nearest = {
    .name = "tvu8nearest",
    .sources = "datasets/resize_nearest.c",
    .help = "torchvision on 8-bit tensors, nearest pixel",
    .prepare = prepare,
    .run = run,
    .how = &torch,
};
const struct resize_kernel resize_cv_nearest = {
    .name = "cvnearest",
    .sources = "datasets/resize_nearest.c",
    .help = "OpenCV, nearest pixel",
    .prepare = prepare,
    .run = run,
    .how = &cv,
};
