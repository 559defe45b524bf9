/* BiT's ResNet-v2 family: which tensors a network has, how much work and memory it takes.
 * After arXiv 1912.11370 and google-research/big_transfer bit_pytorch/models.py. */
#ifndef BITBENCH_MODELS_ARCH_H
#define BITBENCH_MODELS_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
    ARCH_BLOCKS = 4,
    ARCH_GROUPS = 32, /* of every GroupNorm */
    ARCH_MAX_DEPTH = 1000,
    ARCH_MAX_WIDTH2 = 32,
    ARCH_NAME = 64,
    PARAM_NAME = 96,
};

/* Bottleneck widths are 32 * width2 * {1,2,4,8}, outputs four times that; the root has
 * 32 * width2 channels, the features 1024 * width2. */
struct arch {
    size_t depth[ARCH_BLOCKS]; /* units in each block, each in 1..ARCH_MAX_DEPTH */
    size_t width2;             /* width in halves: R50x1 has 2; in 1..ARCH_MAX_WIDTH2 */
};

/* "R50x1", "R101x3", "R152x4", "R26x0.5"= (2,2,2,2), or "R(3,4,6,3)x0.5". ERR_USAGE says what is
 * wrong: an unknown depth (naming the known ones), a width that is no multiple of 0.5 (32 groups
 * must divide 64 * width), a depth of 0. Widths up to 16. */
int arch_parse(struct arch *a, const char *text, struct err *e);
/* The canonical text, short where the depths have a name: parses back to the same. */
void arch_name(const struct arch *a, char name[ARCH_NAME]);

size_t arch_root_channels(const struct arch *a);
size_t arch_features(const struct arch *a);

/* Bottleneck unit u (from 0) of block b (from 0): 1x1 cin -> mid, 3x3 mid -> mid with the stride,
 * 1x1 mid -> cout. proj: the shortcut is a 1x1 convolution with the stride, else the input. */
struct arch_unit {
    size_t cin, mid, cout, stride;
    bool proj;
};
struct arch_unit arch_unit_at(const struct arch *a, size_t b, size_t u);
/* Output length along one side: kernel k (odd), padding k / 2; the root's pool is k 3, stride 2. */
size_t arch_conv_out(size_t n, size_t k, size_t stride);
/* How many of the kernel's k places along one side see the input for some output: k but for inputs
 * smaller than the kernel. */
size_t arch_conv_taps(size_t n, size_t k, size_t stride);

/* One tensor, under the name of the released .npz files; kernels are HWIO. */
enum param_kind { PARAM_KERNEL,
                  PARAM_GAMMA,
                  PARAM_BETA,
                  PARAM_HEAD_KERNEL,
                  PARAM_HEAD_BIAS };
struct param {
    char name[PARAM_NAME];
    enum param_kind kind;
    size_t n_dims, dims[4];
    size_t n;      /* elements */
    size_t offset; /* in floats from the start of the parameter block; a multiple of 16 */
};
struct param_table {
    struct param *params; /* network order, head last; freed by param_table_release */
    size_t n;
    size_t n_floats; /* of the block, gaps included */
    size_t n_values; /* sum of n: the number of parameters */
};
/* n_classes 0: no head. ERR_LIMIT for a head beyond 100 million classes. */
int param_table_init(struct param_table *t, const struct arch *a, size_t n_classes, struct err *e);
void param_table_release(struct param_table *t);
const struct param *param_find(const struct param_table *t, const char *name); /* or NULL */

/* Multiply-adds of the convolutions and the head for one image of h x w pixels; those with padding
 * count, too, but for places of the kernel that see nothing else. */
uint64_t arch_macs(const struct arch *a, size_t n_classes, size_t h, size_t w);

#endif
