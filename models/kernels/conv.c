/* Convolution as a matrix product: row p of col holds the k*k*cin inputs of output pixel p, in the
 * order of the kernel's rows, zeros where the window leaves the image. */
#include "models/kernels/kernels.h"

#include <string.h>

#include "harness/base/blas.h"
#include "models/arch.h"

size_t conv_out_pixels(const struct conv_shape *s)
{
    return arch_conv_out(s->h, s->k, s->stride) * arch_conv_out(s->w, s->k, s->stride);
}

bool conv_stacked(const struct conv_shape *s)
{
    enum { ENOUGH_ROWS = 64 }; /* from here on OpenBLAS spends little on packing the kernel */
    return s->n > 1 && conv_out_pixels(s) < ENOUGH_ROWS;
}

static bool direct(const struct conv_shape *s)
{
    return s->k == 1 && s->stride == 1;
}

size_t conv_col_floats(const struct conv_shape *s)
{
    size_t images = conv_stacked(s) ? s->n : 1;
    return direct(s) ? 0 : images * conv_out_pixels(s) * s->k * s->k * s->cin;
}

static float *zeros(float *to, size_t n)
{
    memset(to, 0, n * sizeof *to);
    return to + n;
}

/* k pixels of one input row, the first at x0 - pad, into to [k, cin]. */
static float *copy_row(const struct conv_shape *s, const float *row, size_t x0, float *to)
{
    size_t pad = s->k / 2;
    size_t before = x0 < pad ? pad - x0 : 0;
    size_t first = x0 < pad ? 0 : x0 - pad;
    size_t n = s->w - first < s->k - before ? s->w - first : s->k - before;
    to = zeros(to, before * s->cin);
    memcpy(to, row + first * s->cin, n * s->cin * sizeof *to);
    return zeros(to + n * s->cin, (s->k - before - n) * s->cin);
}

/* One image; returns the end of what was written. */
static float *fill_col(const struct conv_shape *s, const float *x, float *col)
{
    size_t oh = arch_conv_out(s->h, s->k, s->stride), ow = arch_conv_out(s->w, s->k, s->stride);
    size_t pad = s->k / 2;
    for (size_t oy = 0; oy < oh; oy++) {
        for (size_t ox = 0; ox < ow; ox++) {
            for (size_t ky = 0; ky < s->k; ky++) {
                size_t y = oy * s->stride + ky; /* pad rows below the first */
                if (y < pad || y >= s->h + pad) {
                    col = zeros(col, s->k * s->cin);
                } else {
                    col = copy_row(s, x + (y - pad) * s->w * s->cin, ox * s->stride, col);
                }
            }
        }
    }
    return col;
}

static void product(const struct conv_shape *s, size_t rows, const float *x, const float *w,
                    bool add, float *y)
{
    size_t k = s->k * s->k * s->cin;
    const struct blas_gemm g = {
        .m = rows, .n = s->cout, .k = k, .lda = k, .ldb = s->cout, .ldc = s->cout};
    blas_sgemm(&g, 1, x, w, add ? 1 : 0, y);
}

void kernel_conv(const struct conv_shape *s, const float *x, const float *w, float *col, bool add,
                 float *y)
{
    size_t in = s->h * s->w * s->cin, pixels = conv_out_pixels(s);
    if (conv_stacked(s)) {
        float *end = col;
        for (size_t i = 0; i < s->n && !direct(s); i++) {
            end = fill_col(s, x + i * in, end);
        }
        product(s, s->n * pixels, direct(s) ? x : col, w, add, y);
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        const float *rows = x + i * in;
        if (!direct(s)) {
            fill_col(s, rows, col);
            rows = col;
        }
        product(s, pixels, rows, w, add, y + i * pixels * s->cout);
    }
}
