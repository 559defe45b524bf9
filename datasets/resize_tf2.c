/* Bilinear as tf.image.resize of TensorFlow 2 without antialias: pixel centres at half pixels,
 * source position (i + 0.5) * in / out - 0.5 in fp32, two taps, the border pixel repeated. Bit
 * exact to TensorFlow 2.21 (no fused multiply-add). What BiT's released code calls. */
#include "datasets/resize.h"

#include <math.h>

#include "datasets/resize_lerp.h"

/* The pixel at a whole position, the border's outside the image. */
static uint32_t pixel(float at, size_t n_in)
{
    size_t i = at > 0.0f ? (size_t)at : 0;
    return (uint32_t)(i < n_in ? i : n_in - 1);
}

static struct lerp_tap tap(size_t i, size_t n_in, size_t n_out)
{
    float scale = (float)n_in / (float)n_out;
    float src = ((float)i + 0.5f) * scale - 0.5f, low = floorf(src);
    return (struct lerp_tap){.lo = pixel(low, n_in), .hi = pixel(ceilf(src), n_in), .f = src - low};
}

static void prepare(struct arena *a, const struct resize_kernel *k, const struct resize_dims *d)
{
    (void)k;
    lerp_prepare(a, d, tap);
}

const struct resize_kernel resize_tf2_bilinear = {
    .name = "tf2bilinear",
    .sources = "datasets/resize_tf2.c datasets/resize_lerp.c",
    .help = "TensorFlow 2, bilinear, no antialias",
    .prepare = prepare,
    .run = lerp_run,
};
