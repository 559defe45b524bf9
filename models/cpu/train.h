/* The network on the cpu engine, forward and backward for training.
 *
 * Kept between the two passes are each unit's input, the raw outputs of its first and second
 * convolution, the norms that go with them, and where the root's pool took its values; normalised
 * values are made again while packing. */
#ifndef BITBENCH_MODELS_CPU_TRAIN_H
#define BITBENCH_MODELS_CPU_TRAIN_H

#include "models/cpu/net.h"

/* GroupNorm of a tensor of n images. */
struct train_norm {
    float *affine;   /* [n, 3, c] */
    double *moments; /* [n, NORM_STATS] */
};

struct train_unit {
    size_t layer;     /* of its first convolution; the projection's comes before */
    float *x, *a, *b; /* [n,h,w,cin], [n,h,w,mid], [n,oh,ow,mid] */
    struct train_norm norm_x, norm_a, norm_b;
};

/* For all images in flight. */
struct train_buffers {
    struct arena arena;
    float *root; /* the root's convolution, then its gradient */
    unsigned char *pool_index;
    float *last; /* output of the last unit */
    struct train_norm last_norm;
    float *d_out, *d_in; /* of a unit's output and input; swapped after each unit */
    float *d_a, *d_b;    /* of its a and b */
    double *sums;
    float *slopes;
    atomic_size_t *left;
    float *spectrum, *scratch;
    size_t scratch_floats; /* of each thread */
    float *features, *d_features;
};

struct cpu_train {
    struct cpu_net net;       /* its layers' weights lie in the arena */
    float **back;             /* [n_layers]: packed for the way back; owned */
    struct arena packed;      /* weights */
    bool stale;               /* the packed weights are not those of the parameters */
    struct train_unit *units; /* owned */
    size_t n_units;
    struct train_buffers buffers;
    size_t micro;  /* images in flight; 0: nothing is planned */
    size_t wanted; /* as many as there would be with memory */
};

/* The model's parameters may change later (cpu_train_changed), not move. */
int cpu_train_init(struct cpu_train *t, const struct model *m, struct pool *pool,
                   bool no_winograd, struct err *e);
void cpu_train_release(struct cpu_train *t); /* also of {0} */
/* Gives back all memory that planning took. */
void cpu_train_forget(struct cpu_train *t);
void cpu_train_changed(struct cpu_train *t);

/* Bytes of packed weights; of all else for so many images of h x w and threads. */
size_t cpu_train_weight_bytes(struct cpu_train *t);
size_t cpu_train_buffer_bytes(struct cpu_train *t, size_t micro, size_t h, size_t w,
                              size_t threads);
/* Makes ready for n images of h x w, micro at a time (0: as many as are fast), fewer where
 * mem_limit() asks for it, held bytes being in use already. ERR_LIMIT when it does not hold
 * TRAIN_GROUP images with one thread. */
int cpu_train_plan(struct cpu_train *t, size_t n, size_t h, size_t w, size_t micro, size_t held,
                   struct err *e);

/* images [n,h,w,3], n at most micro -> features of the buffers. An image with a value that is not
 * finite somewhere gives features that are not. */
void cpu_train_forward(struct cpu_train *t, const float *images, size_t n);
/* d_features of the buffers, after a forward pass of the same images: adds to gradient, which lies
 * as the parameters from params on do; of kernels in their standardised form. */
void cpu_train_backward(struct cpu_train *t, const float *images, size_t n, const float *params,
                        float *gradient);

#endif
