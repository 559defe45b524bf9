/* Resampling filters in double, and Pillow's way of sampling them, which torchvision shares. */
#ifndef BITBENCH_DATASETS_RESIZE_FILTER_H
#define BITBENCH_DATASETS_RESIZE_FILTER_H

#include <stddef.h>

struct resize_filter {
    double radius;          /* 0 beyond */
    double (*at)(double x); /* symmetric but for the ends of the box */
};
extern const struct resize_filter filter_box, filter_bilinear, filter_hamming, filter_bicubic;
extern const struct resize_filter filter_lanczos, filter_mks2013, filter_mks2021;

/* Keys' cubic convolution with parameter a (-0.5 and -0.75 are in use). */
double filter_keys(double a, double x);

/* The most taps an output can have when n_in pixels become n_out. */
size_t filter_max_taps(const struct resize_filter *f, size_t n_in, size_t n_out);
/* Weights of output i, of sum 1, into w; gives their number, *first the first source pixel. The
 * filter is stretched when shrinking; taps outside the image are dropped. As Pillow's
 * precompute_coeffs. */
size_t filter_taps(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out, double *w,
                   size_t *first);

#endif
