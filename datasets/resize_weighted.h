/* Resizing by weighted sums in fp32, any number of taps, along y and then along x. */
#ifndef BITBENCH_DATASETS_RESIZE_WEIGHTED_H
#define BITBENCH_DATASETS_RESIZE_WEIGHTED_H

#include <stddef.h>
#include "datasets/resize.h"
#include "datasets/resize_filter.h"

/* resize_kernel.how of such a kernel. */
struct weighted_how {
    const struct resize_filter *filter;
    /* Weights of output i into w (room for max_taps), those outside the image dropped or put on
     * the border; gives their number (may be 0), *first the first source pixel. */
    size_t (*taps)(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out, float *w,
                   size_t *first);
    size_t (*max_taps)(const struct resize_filter *f, size_t n_in, size_t n_out);
};

resize_prepare_fn weighted_prepare;
resize_run_fn weighted_run;

#endif
