/* The gradients of kernels.h, for L = sum(y * dy): d_NAME is dL/dNAME in NAME's own shape. NHWC
 * float32, long sums in double and in a fixed order; nothing here allocates. What "adds" says so;
 * the rest is written. Derivations from the forward definitions. */
#ifndef BITBENCH_MODELS_KERNELS_BACKWARD_H
#define BITBENCH_MODELS_KERNELS_BACKWARD_H

#include "models/kernels/kernels.h"

/* Weight standardisation of some output channels: w [rows, cols] as it was before, ld floats from
 * row to row; d, alike, holds the gradient of the standardised kernel and becomes that of w. */
void kernel_standardize_backward(const float *w, size_t rows, size_t cols, size_t ld, double eps,
                                 float *d);

/* Convolution: dy [n,oh,ow,cout], w [k,k,cin,cout] standardised -> dx [n,h,w,cin]; add: on top of
 * what dx holds. col: conv_col_floats. */
void kernel_conv_backward_data(const struct conv_shape *s, const float *dy, const float *w,
                               float *col, bool add, float *dx);
/* Adds to rows of dw [k*k*cin, cout] the sum over all n images: tile t has rows CONV_TILE * t on,
 * of conv_tiles tiles. Tiles are independent of one another. col: conv_gather_floats. */
enum { CONV_TILE = 128 };
size_t conv_tiles(const struct conv_shape *s);
size_t conv_gather_floats(const struct conv_shape *s);
void kernel_conv_backward_weights(const struct conv_shape *s, size_t tile, const float *x,
                                  const float *dy, float *col, float *dw);

/* GroupNorm and ReLU: x the input, y the output (its sign decides where the gradient passes), dy
 * [n, pixels, c] -> dx, on top of plus where that is not NULL (dx may be plus or dy); sums [n,2,c]
 * become each image's gradient of beta, then of gamma. */
struct norm_back {
    size_t n, pixels, c;
    const float *gamma;
    const double *stats; /* [n, NORM_STATS] */
};
void kernel_norm_relu_backward(const struct norm_back *b, const float *x, const float *y,
                               const float *dy, const float *plus, double *sums, float *dx);
/* Adds the images' sums [n,2,c], in order, to d_gamma and d_beta [c]. */
void kernel_norm_gradient(const double *sums, size_t n, size_t c, float *d_gamma, float *d_beta);

/* The root's pool: dy and index [n,oh,ow,c] -> dx [n,h,w,c]. A window whose maximum is padding
 * gives its gradient to no one. */
void kernel_max_pool_backward(const float *dy, const unsigned char *index, size_t n, size_t h,
                              size_t w, size_t c, float *dx);
/* dy [n, c] -> dx [n, pixels, c]. */
void kernel_average_pool_backward(const float *dy, size_t n, size_t pixels, size_t c, float *dx);

/* The head: p as in kernel_head, but first..end-1 are rows (features) of w [c, n_classes]. */
/* Adds to those rows of dw. */
void kernel_head_backward_weights(const struct head_part *p, const float *features,
                                  const float *d_logits, float *dw);
/* Adds to d_bias [n_classes]; first and end do not matter. */
void kernel_head_backward_bias(const struct head_part *p, const float *d_logits, float *d_bias);
/* Those columns of d_features [n, c]. */
void kernel_head_backward_data(const struct head_part *p, const float *d_logits, const float *w,
                               float *d_features);

/* What a step does outside the trunk, as kernel_standardize_backward, kernel_head,
 * kernel_head_backward_weights and kernel_head_backward_data; the head's for at most TRAIN_GROUP
 * images. */
struct train_kernels {
    void (*standardize_backward)(const float *w, size_t rows, size_t cols, size_t ld, double eps,
                                 float *d);
    void (*head)(const struct head_part *p, const float *features, const float *w,
                 const float *bias, float *logits);
    void (*head_weights)(const struct head_part *p, const float *features, const float *d_logits,
                         float *dw);
    void (*head_data)(const struct head_part *p, const float *d_logits, const float *w,
                      float *d_features);
};

#endif
