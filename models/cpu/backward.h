/* Layers of the cpu engine backward. Gradients of weights are split by tiles of the weights, each
 * of which adds up all images in order: whole chunks of pixels, none of which goes beyond a group
 * of TRAIN_GROUP images, so that neither threads nor the number of groups show in the bits. */
#ifndef BITBENCH_MODELS_CPU_BACKWARD_H
#define BITBENCH_MODELS_CPU_BACKWARD_H

#include "models/cpu/conv.h"

struct crew;
struct pool;

/* --- data --- */
/* The gradient of a layer's input. forward: its shape. The weights are packed by pack_backward_run.
 * dy [n,oh,ow,cout] -> dx [n,h,w,cin], which is added to where add is set. */
struct conv_data {
    const struct simd *simd;
    struct conv_shape forward;
    bool winograd; /* of a 3x3 kernel with stride 1 */
    bool add;      /* only with 1x1 kernels */
    const float *weights, *dy;
    float *dx;
    float *scratch; /* conv_data_scratch floats for each thread */
    size_t scratch_floats;
    float *spectrum; /* conv_data_spectrum floats */
};
size_t conv_data_scratch(const struct conv_data *d);
size_t conv_data_spectrum(const struct conv_data *d);
void conv_data_run(const struct conv_data *d, const struct crew *crew);

/* --- weights --- */
/* Adds the gradient of a layer's weights to dw [k,k,cin,cout]. conv: the layer as it was run, of
 * which simd, shape, oh, ow, winograd, x, affine and scratch count. dy [n,oh,ow,cout]. */
struct conv_weights {
    struct conv conv;
    const float *dy;
    float *dw;
    float *spectrum; /* winograd: conv_weights_spectrum floats */
};
size_t conv_weights_scratch(const struct conv_weights *w);
size_t conv_weights_spectrum(const struct conv_weights *w);
void conv_weights_run(const struct conv_weights *w, const struct crew *crew);
/* The part of conv_weights_run that is Winograd's. */
size_t conv_winograd_weights_scratch(const struct conv_weights *w);
size_t conv_winograd_weights_spectrum(const struct conv_weights *w);
void conv_winograd_weights_run(const struct conv_weights *w, const struct crew *crew);

/* --- GroupNorm with ReLU --- */
/* d [n, pixels, c], the gradient of its output, becomes that of its input x, on top of plus (NULL:
 * nothing); d_gamma and d_beta [c] are added to. */
struct norm_data {
    const struct simd *simd;
    size_t n, pixels, c;
    const float *x, *affine;     /* [n, 3, c] */
    const double *moments;       /* [n, NORM_STATS] */
    const float *gamma;          /* [c] */
    const float *plus;           /* [n, pixels, c] */
    float *d, *d_gamma, *d_beta; /* d_gamma, d_beta [c] */
    double *sums;                /* norm_data_sums */
    float *slopes;               /* [n, 3, c] */
    atomic_size_t *left;         /* [n] */
};
size_t norm_data_sums(size_t n, size_t pixels, size_t c);
void norm_data_run(const struct norm_data *b, const struct crew *crew);

/* --- packing --- */
/* A layer's weights, standardised, packed for the way forward (pack.h) and back: the latter as
 * [cin / panel][k * k * cout][panel], taps turned round with stride 1. */
struct pack_pair {
    const struct simd *simd;
    const float *w; /* [k,k,cin,cout], not standardised */
    size_t k, stride, cin, cout;
    double ws_eps;
    float *forward, *back; /* back NULL: not wanted */
};
size_t pack_pair_floats(const struct pack_pair *p); /* of forward, and of back */
/* A piece of the work: of pack_pair_items, which are independent of one another. */
size_t pack_pair_items(const struct pack_pair *p);
void pack_pair_item(const struct pack_pair *p, size_t item);

#endif
