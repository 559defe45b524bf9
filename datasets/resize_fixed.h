/* Resizing in integers: two passes, each a weighted sum in fixed point, rounded and clamped to 8
 * bits. What Pillow's kernels and torchvision's on 8-bit tensors share. */
#ifndef BITBENCH_DATASETS_RESIZE_FIXED_H
#define BITBENCH_DATASETS_RESIZE_FIXED_H

#include <stdbool.h>
#include <stddef.h>
#include "datasets/resize.h"
#include "datasets/resize_filter.h"

/* As filter_taps and filter_max_taps. */
typedef size_t fixed_taps_fn(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out,
                             double *w, size_t *first);
typedef size_t fixed_max_fn(const struct resize_filter *f, size_t n_in, size_t n_out);

/* resize_kernel.how of such a kernel. */
struct fixed_how {
    const struct resize_filter *filter;
    fixed_taps_fn *taps;
    fixed_max_fn *max_taps;
    /* Fraction bits of the weights; 0: the most with which every weight of the pass, of the whole
     * axis, stays below 2^15. */
    int bits;
    /* Does the pass along y come first? NULL: never. */
    bool (*y_first)(const struct resize_dims *d);
};

resize_prepare_fn fixed_prepare;
resize_run_fn fixed_run;

#endif
