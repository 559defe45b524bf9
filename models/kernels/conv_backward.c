/* Convolution backward as matrix products. Data: dy times the kernel's transpose gives, for every
 * output pixel, what its k*k*cin inputs get; these are added up where windows overlap. Weights: a
 * tile of the kernel's rows is (inputs of those rows, for all output pixels) transposed, times
 * dy. */
#include "models/kernels/backward.h"

#include <string.h>

#include "harness/base/blas.h"
#include "models/arch.h"

static bool direct(const struct conv_shape *s)
{
    return s->k == 1 && s->stride == 1;
}

static size_t kernel_rows(const struct conv_shape *s)
{
    return s->k * s->k * s->cin;
}

/* Images whose pixels are the rows of one product. */
static size_t images_together(const struct conv_shape *s)
{
    return conv_stacked(s) ? s->n : 1;
}

/* --- data --- */
/* One image: adds col [pixels, k*k*cin] to dx; returns col's end. */
static const float *scatter(const struct conv_shape *s, const float *col, float *dx)
{
    size_t oh = arch_conv_out(s->h, s->k, s->stride), ow = arch_conv_out(s->w, s->k, s->stride);
    size_t pad = s->k / 2;
    for (size_t p = 0; p < oh * ow; p++) {
        size_t x0 = p % ow * s->stride;
        size_t before = x0 < pad ? pad - x0 : 0, first = x0 < pad ? 0 : x0 - pad;
        size_t n = s->w - first < s->k - before ? s->w - first : s->k - before;
        for (size_t ky = 0; ky < s->k; ky++, col += s->k * s->cin) {
            size_t y = p / ow * s->stride + ky; /* pad rows below the first */
            if (y < pad || y >= s->h + pad) {
                continue;
            }
            const float *from = col + before * s->cin;
            float *to = dx + ((y - pad) * s->w + first) * s->cin;
            for (size_t j = 0; j < n * s->cin; j++) {
                to[j] += from[j];
            }
        }
    }
    return col;
}

static void product_data(const struct conv_shape *s, size_t rows, const float *dy, const float *w,
                         bool add, float *out)
{
    size_t k = kernel_rows(s);
    const struct blas_gemm g = {.tb = true,
                                .m = rows,
                                .n = k,
                                .k = s->cout,
                                .lda = s->cout,
                                .ldb = s->cout,
                                .ldc = k};
    blas_sgemm(&g, 1, dy, w, add ? 1 : 0, out);
}

void kernel_conv_backward_data(const struct conv_shape *s, const float *dy, const float *w,
                               float *col, bool add, float *dx)
{
    size_t together = images_together(s), pixels = conv_out_pixels(s), in = s->h * s->w * s->cin;
    if (!direct(s) && !add) {
        memset(dx, 0, s->n * in * sizeof *dx);
    }
    for (size_t i = 0; i < s->n; i += together) {
        const float *rows = dy + i * pixels * s->cout;
        if (direct(s)) {
            product_data(s, together * pixels, rows, w, add, dx + i * in);
            continue;
        }
        product_data(s, together * pixels, rows, w, false, col);
        const float *at = col;
        for (size_t j = i; j < i + together; j++) {
            at = scatter(s, at, dx + j * in);
        }
    }
}

/* --- weights --- */
size_t conv_tiles(const struct conv_shape *s)
{
    return (kernel_rows(s) + CONV_TILE - 1) / CONV_TILE;
}

size_t conv_gather_floats(const struct conv_shape *s)
{
    size_t k = kernel_rows(s), tile = k < CONV_TILE ? k : CONV_TILE;
    return direct(s) ? 0 : images_together(s) * conv_out_pixels(s) * tile;
}

/* Inputs of the kernel's rows first..end-1 at the output pixel whose window starts at y0 - pad,
 * x0 - pad; returns the end of what was written. */
static float *gather_pixel(const struct conv_shape *s, size_t first, size_t end, const float *x,
                           size_t y0, size_t x0, float *to)
{
    size_t pad = s->k / 2;
    for (size_t r = first, n; r < end; r += n, to += n) {
        size_t tap = r / s->cin, c = r % s->cin;
        size_t y = y0 + tap / s->k, col = x0 + tap % s->k;
        n = s->cin - c < end - r ? s->cin - c : end - r;
        if (y < pad || y >= s->h + pad || col < pad || col >= s->w + pad) {
            memset(to, 0, n * sizeof *to);
        } else {
            memcpy(to, x + ((y - pad) * s->w + col - pad) * s->cin + c, n * sizeof *to);
        }
    }
    return to;
}

static void gather(const struct conv_shape *s, size_t n, size_t first, size_t end, const float *x,
                   float *to)
{
    size_t ow = arch_conv_out(s->w, s->k, s->stride), pixels = conv_out_pixels(s);
    for (size_t i = 0; i < n; i++, x += s->h * s->w * s->cin) {
        for (size_t p = 0; p < pixels; p++) {
            to = gather_pixel(s, first, end, x, p / ow * s->stride, p % ow * s->stride, to);
        }
    }
}

void kernel_conv_backward_weights(const struct conv_shape *s, size_t tile, const float *x,
                                  const float *dy, float *col, float *dw)
{
    size_t together = images_together(s), pixels = conv_out_pixels(s), k = kernel_rows(s);
    size_t first = tile * CONV_TILE, end = k - first < CONV_TILE ? k : first + CONV_TILE;
    const struct blas_gemm g = {.ta = true,
                                .m = end - first,
                                .n = s->cout,
                                .k = together * pixels,
                                .lda = direct(s) ? k : end - first,
                                .ldb = s->cout,
                                .ldc = s->cout};
    for (size_t i = 0; i < s->n; i += together) {
        const float *images = x + i * s->h * s->w * s->cin, *rows = images + first;
        if (!direct(s)) {
            gather(s, together, first, end, images, col);
            rows = col;
        }
        blas_sgemm(&g, 1, rows, dy + i * pixels * s->cout, 1, dw + first * s->cout);
    }
}
