/* tf.image.resize of TensorFlow 2 with antialias, and Lanczos with and without: its "scale and
 * translate" kernel. 1 / (out / in) in fp32; taps within the radius of the pixel centre, stretched
 * by the scale when shrinking with antialias; weights divided by their sum. Within 1e-3 of 0..255
 * (four times the measured rounding of fp32 sums). */
#include "datasets/resize_weighted.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

static size_t taps(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out,
                   bool antialias, float *w, size_t *first)
{
    float inverse = 1.0f / ((float)n_out / (float)n_in), radius = (float)f->radius;
    float stretch = antialias ? fmaxf(inverse, 1.0f) : 1.0f, share = 1.0f / stretch;
    float centre = ((float)i + 0.5f) * inverse;
    float low = ceilf(centre - radius * stretch - 0.5f);
    float high = floorf(centre + radius * stretch - 0.5f);
    size_t from = low > 0.0f ? (size_t)low : 0;
    size_t end = high < (float)(n_in - 1) ? (size_t)(high + 1.0f) : n_in;
    float total = 0.0f;
    for (size_t j = from; j < end; j++) {
        float x = fabsf((float)j + 0.5f - centre) * share;
        w[j - from] = (float)f->at((double)x);
        total += w[j - from];
    }
    for (size_t j = 0; fabsf(total) >= 1000.0f * FLT_MIN && j < end - from; j++) {
        w[j] *= 1.0f / total;
    }
    *first = from;
    return end - from;
}

static size_t aa_taps(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out, float *w,
                      size_t *first)
{
    return taps(f, i, n_in, n_out, true, w, first);
}

static size_t plain_taps(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out,
                         float *w, size_t *first)
{
    return taps(f, i, n_in, n_out, false, w, first);
}

static const struct weighted_how bilinear_aa = {&filter_bilinear, aa_taps, filter_max_taps},
                                 bicubic_aa = {&filter_bicubic, aa_taps, filter_max_taps},
                                 lanczos_aa = {&filter_lanczos, aa_taps, filter_max_taps},
                                 lanczos = {&filter_lanczos, plain_taps, filter_max_taps};

const struct resize_kernel resize_tf2_bilinear_aa = {
    .name = "tf2bilinearaa",
    .sources = "datasets/resize_tf2aa.c datasets/resize_weighted.c datasets/resize_filter.c",
    .help = "TensorFlow 2, bilinear, antialias",
    .prepare = weighted_prepare,
    .run = weighted_run,
    .how = &bilinear_aa,
};
const struct resize_kernel resize_tf2_bicubic_aa = {
    .name = "tf2bicubicaa",
    .sources = "datasets/resize_tf2aa.c datasets/resize_weighted.c datasets/resize_filter.c",
    .help = "TensorFlow 2, bicubic, antialias; may overshoot 0..255",
    .prepare = weighted_prepare,
    .run = weighted_run,
    .how = &bicubic_aa,
};
const struct resize_kernel resize_tf2_lanczos3_aa = {
    .name = "tf2lanczos3aa",
    .sources = "datasets/resize_tf2aa.c datasets/resize_weighted.c datasets/resize_filter.c",
    .help = "TensorFlow 2, Lanczos with three lobes, antialias",
    .prepare = weighted_prepare,
    .run = weighted_run,
    .how = &lanczos_aa,
};
const struct resize_kernel resize_tf2_lanczos3 = {
    .name = "tf2lanczos3",
    .sources = "datasets/resize_tf2aa.c datasets/resize_weighted.c datasets/resize_filter.c",
    .help = "TensorFlow 2, Lanczos with three lobes, no antialias",
    .prepare = weighted_prepare,
    .run = weighted_run,
    .how = &lanczos,
};
