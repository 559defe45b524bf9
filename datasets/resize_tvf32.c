/* torchvision's resize of float tensors: with antialias Pillow's taps with positions and weights in
 * fp32, without it two (bilinear) or four (bicubic, A = -0.75) taps, the border repeated, the
 * position rounded to fp32 once. Not clamped. Within 1e-3 of 0..255 (four times what was measured
 * between a twin with sums in double and torch's own order of sums). */
#include "datasets/resize_weighted.h"

#include <math.h>

static size_t aa_taps(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out, float *w,
                      size_t *first)
{
    float scale = (float)n_in / (float)n_out, radius = (float)f->radius;
    float support = scale >= 1.0f ? radius * scale : radius;
    float inverse = scale >= 1.0f ? 1.0f / scale : 1.0f;
    float centre = scale * ((float)i + 0.5f);
    float low = centre - support + 0.5f;
    size_t from = low > 0.0f ? (size_t)low : 0, end = (size_t)(centre + support + 0.5f);
    size_t n = (end < n_in ? end : n_in) - from;
    float total = 0.0f;
    for (size_t j = 0; j < n; j++) {
        float x = ((float)(from + j) - centre + 0.5f) * inverse;
        w[j] = (float)f->at((double)x);
        total += w[j];
    }
    for (size_t j = 0; j < n; j++) {
        w[j] /= total;
    }
    *first = from;
    return n;
}

static size_t plain_max(const struct resize_filter *f, size_t n_in, size_t n_out)
{
    (void)n_in;
    (void)n_out;
    return (size_t)(2.0 * f->radius);
}

/* The position of output i, in double and rounded to fp32 at the end, as a fused multiply-add
 * gives. */
static float position(size_t i, size_t n_in, size_t n_out)
{
    float scale = (float)n_in / (float)n_out;
    return (float)(((double)i + 0.5) * (double)scale - 0.5);
}

/* A tap of the plain kernels; those that fall on one border pixel are added up. */
static void add_tap(float *w, size_t *first, size_t *n, ptrdiff_t at, size_t n_in, double weight)
{
    size_t last = n_in - 1, pixel = at < 0 ? 0 : (size_t)at < last ? (size_t)at
                                                                   : last;
    if (*n == 0) {
        *first = pixel;
    }
    if (*n == 0 || pixel != *first + *n - 1) {
        w[(*n)++] = 0.0f;
    }
    w[*n - 1] += (float)weight;
}

static size_t bilinear_taps(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out,
                            float *w, size_t *first)
{
    (void)f;
    float src = fmaxf(position(i, n_in, n_out), 0.0f);
    float lo = fminf(floorf(src), (float)(n_in - 1)), share = fminf(src - lo, 1.0f);
    size_t n = 0;
    add_tap(w, first, &n, (ptrdiff_t)lo, n_in, (double)(1.0f - share));
    add_tap(w, first, &n, (ptrdiff_t)lo + 1, n_in, (double)share);
    return n;
}

static size_t bicubic_taps(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out,
                           float *w, size_t *first)
{
    (void)f;
    const double A = -0.75;
    float src = position(i, n_in, n_out), low = floorf(src);
    double t = (double)(src - low);
    ptrdiff_t lo = (ptrdiff_t)low;
    size_t n = 0;
    add_tap(w, first, &n, lo - 1, n_in, filter_keys(A, t + 1.0));
    add_tap(w, first, &n, lo, n_in, filter_keys(A, t));
    add_tap(w, first, &n, lo + 1, n_in, filter_keys(A, 1.0 - t));
    add_tap(w, first, &n, lo + 2, n_in, filter_keys(A, 2.0 - t));
    return n;
}

static const struct weighted_how bilinear_aa = {&filter_bilinear, aa_taps, filter_max_taps},
                                 bicubic_aa = {&filter_bicubic, aa_taps, filter_max_taps},
                                 bilinear = {&filter_bilinear, bilinear_taps, plain_max},
                                 bicubic = {&filter_bicubic, bicubic_taps, plain_max};

const struct resize_kernel resize_tvf32_bilinear_aa = {
    .name = "tvf32bilinearaa",
    .sources = "datasets/resize_tvf32.c datasets/resize_weighted.c datasets/resize_filter.c",
    .help = "torchvision on float tensors, bilinear, antialias",
    .prepare = weighted_prepare,
    .run = weighted_run,
    .how = &bilinear_aa,
};
const struct resize_kernel resize_tvf32_bicubic_aa = {
    .name = "tvf32bicubicaa",
    .sources = "datasets/resize_tvf32.c datasets/resize_weighted.c datasets/resize_filter.c",
    .help = "torchvision on float tensors, bicubic, antialias",
    .prepare = weighted_prepare,
    .run = weighted_run,
    .how = &bicubic_aa,
};
const struct resize_kernel resize_tvf32_bilinear = {
    .name = "tvf32bilinear",
    .sources = "datasets/resize_tvf32.c datasets/resize_weighted.c datasets/resize_filter.c",
    .help = "torchvision on float tensors, bilinear, no antialias",
    .prepare = weighted_prepare,
    .run = weighted_run,
    .how = &bilinear,
};
const struct resize_kernel resize_tvf32_bicubic = {
    .name = "tvf32bicubic",
    .sources = "datasets/resize_tvf32.c datasets/resize_weighted.c datasets/resize_filter.c",
    .help = "torchvision on float tensors, bicubic, no antialias",
    .prepare = weighted_prepare,
    .run = weighted_run,
    .how = &bicubic,
};
