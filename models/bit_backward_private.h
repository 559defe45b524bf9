/* What bit_kept.c and bit_backward.c share, and tests of single units. */
#ifndef BITBENCH_MODELS_BIT_BACKWARD_PRIVATE_H
#define BITBENCH_MODELS_BIT_BACKWARD_PRIVATE_H

#include <stdatomic.h>

#include "harness/base/pool.h"
#include "models/bit_backward.h"
#include "models/kernels/backward.h"

struct bit_size bit_shrink(struct bit_size z, size_t k, size_t stride);

/* A unit's convolutions, and the size of its output. */
struct bit_unit_shapes {
    struct conv_shape a, b, c, proj;
    struct bit_size out;
};
struct bit_unit_shapes bit_unit_shapes(const struct arch_unit *u, struct bit_size z);
struct conv_shape bit_root_shape(const struct arch *a, struct bit_size z);
size_t bit_bunch(size_t h, size_t w);

/* Images first.. of a group. */
struct bit_kept_unit bit_kept_part(const struct bit_kept_unit *k, const struct arch_unit *u,
                                   size_t first, size_t n);
struct bit_work bit_work_part(const struct bit_work *w, const struct arch_unit *u,
                              struct bit_size size, size_t first);

/* One unit on the images that k describes: k->x -> out, filling k; then w->d_out -> w->d_in,
 * filling w. The weights' tiles follow when all images are done: `items` of them, of which each
 * adds to its own part of the gradient. base: what the unit's pointers count from. */
void bit_unit_keep(const struct bit_unit *u, const struct bit_kept_unit *k, struct bit_worker *s,
                   float *out);
void bit_unit_backward(const struct bit_unit *u, const struct bit_kept_unit *k,
                       const struct bit_work *w, struct bit_worker *s);
struct bit_base {
    const float *params, *kernels;
    float *gradient;
};
size_t bit_unit_weight_items(const struct bit_unit *u, struct bit_size z);
void bit_unit_backward_weights(const struct bit_unit *u, struct bit_size z,
                               const struct bit_work *w, const struct bit_base *base, size_t item,
                               float *col);

/* Items handed out to as many workers as the pass has. */
struct bit_job {
    struct bit_pass *pass;
    const struct bit_net *net;
    const float *images;
    size_t n, bunch;
    float *features; /* forward */
    const float *d_features;
    float *gradient, *d_images;
    size_t unit; /* the one that is worked on */
    void (*fn)(const struct bit_job *j, size_t item, struct bit_worker *s);
    size_t n_items;
    atomic_size_t next;
};
void bit_job_run(struct bit_job *j, struct pool *pool, size_t n_items,
                 void (*fn)(const struct bit_job *, size_t, struct bit_worker *));

#endif
