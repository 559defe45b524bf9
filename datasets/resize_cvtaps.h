/* OpenCV's resizing of 8-bit images with a fixed number of integer taps, along x and then along y.
 */
#ifndef BITBENCH_DATASETS_RESIZE_CVTAPS_H
#define BITBENCH_DATASETS_RESIZE_CVTAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "datasets/resize.h"

enum { CV_TAPS = 4 };

/* Source pixels, consecutive but for those clamped into the image, and their weights. */
struct cv_tap {
    uint32_t at[CV_TAPS];
    int32_t w[CV_TAPS];
};

struct cvtaps_how {
    size_t n_taps; /* 2 or 4 */
    /* along_x: the columns, else the rows, which OpenCV treats otherwise at the border. */
    struct cv_tap (*tap)(size_t i, size_t n_in, size_t n_out, bool along_x);
    /* n values from n_taps rows that are summed along x; 0..255. */
    void (*combine)(int32_t *const row[CV_TAPS], const int32_t w[CV_TAPS], size_t n, float *out);
};

struct cvtaps_plan;
/* Lays a plan out; NULL in a dry run. */
struct cvtaps_plan *cvtaps_plan(struct arena *a, const struct cvtaps_how *how,
                                const struct resize_dims *d);
void cvtaps_run(const struct cvtaps_plan *p, const struct image *in, float *out);

/* Linear interpolation's last step, which the area kernel shares when it enlarges. */
void cvtaps_linear(int32_t *const row[CV_TAPS], const int32_t w[CV_TAPS], size_t n, float *out);
/* Weights of a position between pixel s and the next, in 1 / 2048. */
struct cv_tap cvtaps_between(ptrdiff_t s, float share, size_t n_in);

#endif
