/* Bilinear as tf.image.resize of TensorFlow 1 (tf.compat.v1): source position i * in / out in
 * fp32, without half pixels, so the image shifts to the top left. Bit exact. What VTAB's
 * reference code calls. */
#include "datasets/resize.h"

#include "datasets/resize_lerp.h"

static struct lerp_tap tap(size_t i, size_t n_in, size_t n_out)
{
    float scale = (float)n_in / (float)n_out;
    float src = (float)i * scale;
    size_t lo = (size_t)src, hi = lo + 1, last = n_in - 1;
    return (struct lerp_tap){
        .lo = (uint32_t)(lo < last ? lo : last),
        .hi = (uint32_t)(hi < last ? hi : last),
        .f = src - (float)lo,
    };
}

static void prepare(struct arena *a, const struct resize_kernel *k, const struct resize_dims *d)
{
    (void)k;
    lerp_prepare(a, d, tap);
}

const struct resize_kernel resize_tf1_bilinear = {
    .name = "tf1bilinear",
    .sources = "datasets/resize_tf1.c datasets/resize_lerp.c",
    .help = "TensorFlow 1 (tf.compat.v1), bilinear, no half-pixel centres",
    .prepare = prepare,
    .run = lerp_run,
};
