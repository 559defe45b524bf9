/* The network's arithmetic on a few images of one size, NHWC float32: plain loops, long sums in
 * double and in a fixed order, convolutions by GEMM. Nothing here allocates; NaN goes through, so
 * that a bad value is seen at the end. Definitions: google-research/big_transfer
 * bit_pytorch/models.py. */
#ifndef BITBENCH_MODELS_KERNELS_KERNELS_H
#define BITBENCH_MODELS_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* Weight standardisation over all but the output channel: w [rows, cout] -> out [rows, cout],
 * (w - mean) / sqrt(variance + eps), rows = kh*kw*cin, variance of the population, two passes. */
void kernel_standardize(const float *w, size_t rows, size_t cout, double eps, float *out);

/* A convolution of n images with padding k / 2; k odd. */
struct conv_shape {
    size_t n, h, w, cin, cout, k, stride;
};
size_t conv_out_pixels(const struct conv_shape *s); /* of one image */
/* Whether the images' pixels are the rows of one product, where one image's alone would be too few
 * to pay for reading the kernel; else every image has a product of its own. */
bool conv_stacked(const struct conv_shape *s);
/* Floats that kernel_conv needs at col: 0 where the input itself serves. */
size_t conv_col_floats(const struct conv_shape *s);
/* x [n,h,w,cin], w [k,k,cin,cout] -> y [n,oh,ow,cout]; add: on top of what y holds. */
void kernel_conv(const struct conv_shape *s, const float *x, const float *w, float *col, bool add,
                 float *y);

/* GroupNorm with 32 groups, then ReLU: x [n, pixels, c] -> y [n, pixels, c]; gamma,
 * beta [c]. */
struct norm_scratch {
    double *sum, *mean;            /* [c] each */
    float *centre, *scale, *shift; /* [c] each */
};
void kernel_norm_relu(const float *x, size_t n, size_t pixels, size_t c, const float *gamma,
                      const float *beta, const struct norm_scratch *s, float *y);
/* The same in two steps; between them stays, for each image, what it was normalised with: the 32
 * groups' means, then their 1 / sqrt(variance + eps): stats [n, NORM_STATS]. */
enum { NORM_STATS = 64 };
void kernel_norm_stats(const float *x, size_t n, size_t pixels, size_t c,
                       const struct norm_scratch *s, double *stats);
void kernel_norm_apply(const float *x, size_t n, size_t pixels, size_t c, const float *gamma,
                       const float *beta, const double *stats, const struct norm_scratch *s,
                       float *y);

/* The root's pool, 3x3 stride 2: x [n,h,w,c] -> y [n,oh,ow,c]. Padded with zeros, then pooled:
 * there is no ReLU before it, so padding with -inf gives other values. */
void kernel_max_pool(const float *x, size_t n, size_t h, size_t w, size_t c, float *y);
/* The same values, and where each came from: index [n,oh,ow,c] = 3 * row + column in the window,
 * the first of equal ones, or POOL_PADDING. */
enum { POOL_PADDING = 9 };
void kernel_max_pool_index(const float *x, size_t n, size_t h, size_t w, size_t c, float *y,
                           unsigned char *index);

/* Mean over the pixels: x [n, pixels, c] -> y [n, c]; sum [c] is scratch. */
void kernel_average_pool(const float *x, size_t n, size_t pixels, size_t c, double *sum, float *y);

/* Classes first..end-1 of the head for n images: features [n, c], w [c, n_classes],
 * bias [n_classes] -> logits [n, n_classes]. A logit is summed over c in order, whatever n and
 * the range of classes are. */
struct head_part {
    size_t n, c, n_classes, first, end;
};
void kernel_head(const struct head_part *p, const float *features, const float *w,
                 const float *bias, float *logits);

#endif
