/* OpenCV's cv2.resize on 8-bit images, without antialias. INTER_LINEAR: two taps in 11 bits, along
 * y shifted by 4, 16 and 2; beyond the border the share is 0 along x, while along y the row is
 * repeated and keeps its two weights. INTER_LINEAR_EXACT: shares in 1/256, one rounding at the end.
 * Both exact. INTER_CUBIC: A = -0.75 in 11 bits, the border repeated; OpenCV's vector code and
 * Intel's library differ from it in single values by 1. */
#include "datasets/resize_cvtaps.h"

#include <math.h>

static float position(size_t i, size_t n_in, size_t n_out)
{
    double scale = 1.0 / ((double)n_out / (double)n_in);
    return (float)(((double)i + 0.5) * scale - 0.5);
}

static struct cv_tap linear_tap(size_t i, size_t n_in, size_t n_out, bool along_x)
{
    float at = position(i, n_in, n_out), low = floorf(at), share = at - low;
    ptrdiff_t s = (ptrdiff_t)low;
    if (along_x && (s < 0 || s >= (ptrdiff_t)n_in - 1)) {
        share = 0.0f;
    }
    return cvtaps_between(s, share, n_in);
}

static struct cv_tap exact_tap(size_t i, size_t n_in, size_t n_out, bool along_x)
{
    (void)along_x;
    double at = ((double)i + 0.5) * ((double)n_in / (double)n_out) - 0.5, low = floor(at);
    ptrdiff_t s = (ptrdiff_t)low, last = (ptrdiff_t)n_in - 1;
    int32_t share = s < 0 || s >= last ? 0 : (int32_t)rint((at - low) * 256.0);
    s = s < 0 ? 0 : s > last ? last
                             : s;
    return (struct cv_tap){
        .at = {(uint32_t)s, (uint32_t)(s < last ? s + 1 : last)},
        .w = {256 - share, share},
    };
}

static void exact_combine(int32_t *const row[CV_TAPS], const int32_t w[CV_TAPS], size_t n,
                          float *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (float)((row[0][i] * w[0] + row[1][i] * w[1] + (1 << 15)) >> 16);
    }
}

static struct cv_tap cubic_tap(size_t i, size_t n_in, size_t n_out, bool along_x)
{
    (void)along_x;
    const float A = -0.75f;
    float at = position(i, n_in, n_out), low = floorf(at), t = at - low, u = 1.0f - t, v = t + 1.0f;
    float w[CV_TAPS] = {
        ((A * v - 5.0f * A) * v + 8.0f * A) * v - 4.0f * A,
        ((A + 2.0f) * t - (A + 3.0f)) * t * t + 1.0f,
        ((A + 2.0f) * u - (A + 3.0f)) * u * u + 1.0f,
    };
    w[3] = 1.0f - w[0] - w[1] - w[2];
    struct cv_tap tap;
    for (int k = 0; k < CV_TAPS; k++) {
        ptrdiff_t s = (ptrdiff_t)low - 1 + k, last = (ptrdiff_t)n_in - 1;
        tap.at[k] = (uint32_t)(s < 0 ? 0 : s > last ? last
                                                    : s);
        tap.w[k] = (int32_t)rintf(w[k] * 2048.0f);
    }
    return tap;
}

static void cubic_combine(int32_t *const row[CV_TAPS], const int32_t w[CV_TAPS], size_t n,
                          float *out)
{
    for (size_t i = 0; i < n; i++) {
        int64_t sum = 1 << 21;
        for (int k = 0; k < CV_TAPS; k++) {
            sum += (int64_t)row[k][i] * w[k];
        }
        sum >>= 22;
        out[i] = (float)(sum < 0 ? 0 : sum > 255 ? 255
                                                 : sum);
    }
}

static const struct cvtaps_how linear = {2, linear_tap, cvtaps_linear},
                               exact = {2, exact_tap, exact_combine},
                               cubic = {4, cubic_tap, cubic_combine};

static void prepare(struct arena *a, const struct resize_kernel *k, const struct resize_dims *d)
{
    cvtaps_plan(a, k->how, d);
}

static void run(const void *plan, const struct image *in, float *out)
{
    cvtaps_run(plan, in, out);
}

const struct resize_kernel resize_cv_linear = {
    .name = "cvlinear",
    .sources = "datasets/resize_cv.c datasets/resize_cvtaps.c",
    .help = "OpenCV, INTER_LINEAR, no antialias",
    .prepare = prepare,
    .run = run,
    .how = &linear,
};
const struct resize_kernel resize_cv_linear_exact = {
    .name = "cvlinearexact",
    .sources = "datasets/resize_cv.c datasets/resize_cvtaps.c",
    .help = "OpenCV, INTER_LINEAR_EXACT, no antialias",
    .prepare = prepare,
    .run = run,
    .how = &exact,
};
const struct resize_kernel resize_cv_cubic = {
    .name = "cvcubic",
    .sources = "datasets/resize_cv.c datasets/resize_cvtaps.c",
    .help = "OpenCV, INTER_CUBIC, no antialias; single values off by 1",
    .prepare = prepare,
    .run = run,
    .how = &cubic,
};
