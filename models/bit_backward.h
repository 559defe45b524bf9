/* The network forward and backward for training: a group of images in flight, what is kept between
 * the two passes, and the gradient of every parameter.
 *
 * Kept are each unit's input, the raw outputs of its first and second convolution, what GroupNorm
 * divided by, and where the root's pool took its values; normalised values are computed again. */
#ifndef BITBENCH_MODELS_BIT_BACKWARD_H
#define BITBENCH_MODELS_BIT_BACKWARD_H

#include "harness/base/arena.h"
#include "models/bit.h"

struct pool;

/* Of one unit, for all images of the group. */
struct bit_kept_unit {
    struct bit_size size;                /* of its input */
    float *x;                            /* [n,h,w,cin] */
    float *inner_a, *inner_b;            /* raw: [n,h,w,mid] and [n,oh,ow,mid] */
    double *stats_a, *stats_b, *stats_c; /* [n, NORM_STATS] each */
};

/* What the backward pass of one unit makes, for all images; units share it in turn. */
struct bit_work {
    float *normed_a, *normed_b, *normed_c; /* inputs of its convolutions, recomputed */
    float *d_inner_a, *d_inner_b;          /* gradients of the raw outputs */
    double *sums_a, *sums_b, *sums_c;      /* [n,2,c]: of beta and gamma, for each image */
    float *d_out, *d_in;                   /* of its output and input; swapped after each unit */
};

/* Scratch of one thread. */
struct bit_worker {
    float *normed, *col;
    struct norm_scratch norm;
};

/* Images of one size, at most max_n at a time. Work is split by image, or by bunches of images
 * where few pixels are left in the last block, and by tiles of the kernels: never by thread. */
struct bit_pass {
    struct arch arch;
    size_t max_n, h, w;
    struct arena arena;
    struct bit_kept_unit *units; /* owned */
    struct bit_size last_size;
    float *last; /* output of the last unit */
    double *last_stats;
    unsigned char *pool_index;
    struct bit_work work;
    struct bit_worker *workers; /* owned, [n_workers] */
    size_t n_workers;
};

/* Bytes that bit_pass_open takes. */
size_t bit_pass_bytes(const struct arch *a, size_t max_n, size_t h, size_t w, size_t n_workers);
/* Plans and allocates. On failure nothing is held. */
int bit_pass_open(struct bit_pass *p, const struct arch *a, size_t max_n, size_t h, size_t w,
                  size_t n_workers, struct err *e);
void bit_pass_close(struct bit_pass *p); /* {0} is fine */

/* images [n,h,w,3], n <= max_n -> features [n, arch_features]. Bits depend on the images and on n,
 * not on the number of workers or threads. pool may be NULL. */
void bit_pass_forward(struct bit_pass *p, const struct bit_net *net, struct pool *pool,
                      const float *images, size_t n, float *features);
/* After a forward pass of the same images: adds the group's gradient to `gradient`, a block laid
 * out as the net's parameters: of standardised kernels (kernel_standardize_backward takes it to the
 * kernels themselves, once a step), of the vectors, not of the head. d_images [n,h,w,3] may be
 * NULL. */
void bit_pass_backward(struct bit_pass *p, const struct bit_net *net, struct pool *pool,
                       const float *images, size_t n, const float *d_features, float *gradient,
                       float *d_images);

#endif
