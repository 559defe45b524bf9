/* BiT's network on a few images of one size: resolved parameters, scratch, the forward pass. */
#ifndef BITBENCH_MODELS_BIT_H
#define BITBENCH_MODELS_BIT_H

#include <stdbool.h>
#include <stddef.h>
#include "models/arch.h"
#include "models/kernels/kernels.h"

struct arena;
struct err;
struct tensor;

/* Pointers into the parameter block (vectors, head) and the block of standardised kernels, both
 * laid out by one param_table. */
struct bit_unit {
    struct arch_unit shape;
    const float *gamma_a, *beta_a, *proj, *conv_a; /* proj NULL where the shortcut is the input */
    const float *gamma_b, *beta_b, *conv_b;
    const float *gamma_c, *beta_c, *conv_c;
};
struct bit_net {
    struct arch arch;
    const float *params, *kernels; /* the two blocks */
    const float *root;
    struct bit_unit *units; /* owned */
    size_t n_units;
    const float *gamma, *beta;
    const float *head, *bias; /* NULL without a head */
    size_t n_classes;
};
/* params and kernels must outlive net. */
int bit_net_init(struct bit_net *net, const struct arch *a, const struct param_table *t,
                 size_t n_classes, const float *params, const float *kernels, struct err *e);
void bit_net_release(struct bit_net *net);

/* Standardises kernel p of the table: params -> kernels, both whole blocks. */
void bit_standardize(const struct param *p, double ws_eps, const float *params, float *kernels);
/* Floats from the start of the block that hold all kernels: what kernels must have room for. */
size_t bit_kernel_floats(const struct param_table *t);

/* Says once (*said) that for images of h x w some group of a GroupNorm is a single value, hence its
 * own mean, so that nothing of an image is left in what follows. */
void bit_warn_blind(const struct arch *a, const char *subject, size_t h, size_t w, bool *said);

/* What a group of images in flight needs: carved from an arena, for n images of h x w pixels. */
struct bit_scratch {
    float *x, *y;  /* input and output of a unit */
    float *normed; /* after GroupNorm and ReLU */
    float *inner;  /* output of the unit's first and second convolution */
    float *col;
    struct norm_scratch norm;
};
void bit_scratch_take(struct bit_scratch *s, struct arena *arena, const struct arch *a, size_t n,
                      size_t h, size_t w);

/* n images of h x w pixels, wherever they are in the network. */
struct bit_size {
    size_t n, h, w;
};
/* One unit: s->x [n,h,w,cin] -> s->x [n,h,w,cout], size updated; x and y may swap. */
void bit_unit_forward(const struct bit_unit *u, struct bit_size *size, struct bit_scratch *s);

/* Sees intermediate values as they are made: "root_conv", "root_pool", "block1_unit01" ... t is
 * valid during the call only. */
struct bit_watch {
    void (*see)(void *ctx, const char *name, const struct tensor *t);
    void *ctx;
};
/* images [n,h,w,3] -> features [n, arch_features]. watch may be NULL. A row depends on its image
 * and on n; that it does not depend on its place holds if the GEMM treats all rows alike, which the
 * caller checks (engine_reference.c). */
void bit_forward(const struct bit_net *net, const float *images, struct bit_size size,
                 struct bit_scratch *s, const struct bit_watch *watch, float *features);

#endif
