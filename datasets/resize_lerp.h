/* Two-tap interpolation in fp32, the part that TensorFlow's two bilinear kernels share. */
#ifndef BITBENCH_DATASETS_RESIZE_LERP_H
#define BITBENCH_DATASETS_RESIZE_LERP_H

#include <stddef.h>
#include <stdint.h>
#include "harness/base/tensor.h"

struct arena;
struct resize_dims;

struct lerp_tap {
    uint32_t lo, hi; /* source pixels */
    float f;         /* share of hi */
};

/* out = top + (bottom - top) * fy with top = a[lo] + (a[hi] - a[lo]) * fx, bottom likewise. */
struct lerp_plan {
    size_t n_y, n_x;    /* output rows, values in one */
    struct lerp_tap *y; /* [n_y] */
    uint32_t *lo, *hi;  /* [n_x] offsets in a source row, one a value */
    float *f;           /* [n_x] */
    float *rows[2];     /* [n_x] source rows, interpolated along x */
};

/* The tap of output i: n_in pixels become n_out. */
typedef struct lerp_tap lerp_tap_fn(size_t i, size_t n_in, size_t n_out);

void lerp_prepare(struct arena *a, const struct resize_dims *d, lerp_tap_fn *tap);
/* A resize_run_fn. The taps of an axis must have hi == lo or hi == lo + 1. */
void lerp_run(const void *plan, const struct image *in, float *out);

#endif
