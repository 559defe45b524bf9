/* torchvision's resize of 8-bit tensors on CPUs with AVX2: with antialias Pillow's taps, without
 * it two (bilinear) or four (bicubic, A = -0.75) taps at the border repeated; along x always first;
 * weights in 16 bits with as many fraction bits as the largest weight of the axis leaves. Exact. */
#include "datasets/resize_fixed.h"

#include <math.h>

static size_t plain_max(const struct resize_filter *f, size_t n_in, size_t n_out)
{
    (void)n_in;
    (void)n_out;
    return (size_t)(2.0 * f->radius);
}

/* A tap of the plain kernels; those that fall on one border pixel are added up. */
static void add_tap(double *w, size_t *first, size_t *n, ptrdiff_t at, size_t n_in, double weight)
{
    size_t last = n_in - 1, pixel = at < 0 ? 0 : (size_t)at < last ? (size_t)at
                                                                   : last;
    if (*n == 0) {
        *first = pixel;
    }
    if (*n == 0 || pixel != *first + *n - 1) {
        w[(*n)++] = 0.0;
    }
    w[*n - 1] += weight;
}

static size_t plain_bilinear(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out,
                             double *w, size_t *first)
{
    (void)f;
    double src = ((double)i + 0.5) * ((double)n_in / (double)n_out) - 0.5;
    src = src > 0.0 ? src : 0.0;
    ptrdiff_t lo = (ptrdiff_t)fmin(floor(src), (double)(n_in - 1));
    double share = fmin(src - (double)lo, 1.0);
    size_t n = 0;
    add_tap(w, first, &n, lo, n_in, 1.0 - share);
    add_tap(w, first, &n, lo + 1, n_in, share);
    return n;
}

static size_t plain_bicubic(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out,
                            double *w, size_t *first)
{
    (void)f;
    const double A = -0.75;
    double src = ((double)i + 0.5) * ((double)n_in / (double)n_out) - 0.5;
    ptrdiff_t lo = (ptrdiff_t)floor(src);
    double t = src - (double)lo;
    size_t n = 0;
    add_tap(w, first, &n, lo - 1, n_in, filter_keys(A, t + 1.0));
    add_tap(w, first, &n, lo, n_in, filter_keys(A, t));
    add_tap(w, first, &n, lo + 1, n_in, filter_keys(A, 1.0 - t));
    add_tap(w, first, &n, lo + 2, n_in, filter_keys(A, 2.0 - t));
    return n;
}

static const struct fixed_how bilinear_aa = {.filter = &filter_bilinear,
                                             .taps = filter_taps,
                                             .max_taps = filter_max_taps},
                              bicubic_aa = {.filter = &filter_bicubic,
                                            .taps = filter_taps,
                                            .max_taps = filter_max_taps},
                              bilinear = {.filter = &filter_bilinear,
                                          .taps = plain_bilinear,
                                          .max_taps = plain_max},
                              bicubic = {.filter = &filter_bicubic,
                                         .taps = plain_bicubic,
                                         .max_taps = plain_max};

const struct resize_kernel resize_tvu8_bilinear_aa = {
    .name = "tvu8bilinearaa",
    .sources = "datasets/resize_tvu8.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "torchvision on 8-bit tensors (AVX2), bilinear, antialias",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &bilinear_aa,
};
const struct resize_kernel resize_tvu8_bicubic_aa = {
    .name = "tvu8bicubicaa",
    .sources = "datasets/resize_tvu8.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "torchvision on 8-bit tensors (AVX2), bicubic, antialias",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &bicubic_aa,
};
const struct resize_kernel resize_tvu8_bilinear = {
    .name = "tvu8bilinear",
    .sources = "datasets/resize_tvu8.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "torchvision on 8-bit tensors (AVX2), bilinear, no antialias",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &bilinear,
};
const struct resize_kernel resize_tvu8_bicubic = {
    .name = "tvu8bicubic",
    .sources = "datasets/resize_tvu8.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "torchvision on 8-bit tensors (AVX2), bicubic, no antialias",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &bicubic,
};
