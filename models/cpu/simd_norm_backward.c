/* The way back through ReLU and GroupNorm, and through the root's pool, which keeps where its
 * values came from. */
#include "models/cpu/simd_private.h"

#include <stdbool.h>
#include <string.h>

typedef int vi __attribute__((vector_size(VL * 4), aligned(4), may_alias));

/* v where x is above 0, else 0. */
SIMD_ALWAYS vf where_positive(vf v, vf x)
{
    return (vf)((vi)v & (x > (vf){0}));
}

/* At most 64 rows of one vector of channels: the sums stay in float. */
static void mask_rows(const struct simd_mask *a, size_t first, size_t rows, size_t k)
{
    const vf centre = load(a->affine.centre + k), scale = load(a->affine.scale + k);
    const vf shift = load(a->affine.shift + k);
    const float *x = a->x + first * a->ldx + k;
    float *d = a->d + first * a->ldx + k;
    vf sum = {0}, cross = {0};
    for (size_t i = 0; i < rows; i++, x += a->ldx, d += a->ldx) {
        vf away = load(x) - centre;
        vf g = where_positive(load(d), away * scale + shift);
        store(d, g);
        sum += g;
        cross += g * away;
    }
    for (size_t i = 0; i < VL; i++) {
        a->sum[k + i] += (double)sum[i];
        a->cross[k + i] += (double)cross[i];
    }
}

void simd_mask_x(const struct simd_mask *a)
{
    enum { ROWS = 64 };
    for (size_t i = 0; i < a->rows; i += ROWS) {
        size_t n = a->rows - i < ROWS ? a->rows - i : ROWS;
        for (size_t k = 0; k < a->c; k += VL) {
            mask_rows(a, i, n, k);
        }
    }
}

void simd_slope_x(const struct simd_slope *a)
{
    for (size_t k = 0; k < a->c; k += VL) {
        const vf centre = load(a->centre + k), slope = load(a->slope + k);
        const vf bend = load(a->bend + k), rest = load(a->rest + k);
        for (size_t i = 0; i < a->rows; i++) {
            size_t at = i * a->ldx + k;
            vf y = load(a->d + at) * slope + ((load(a->x + at) - centre) * bend + rest);
            if (a->plus) {
                y += load(a->plus + at);
            }
            store(a->y + at, y);
        }
    }
}

/* --- the root's pool --- */
enum { SIZE = 3,
       STRIDE = 2,
       PAD = 1 };

/* One vector of channels of the window at y0, x0 (in the padded image). */
static void window_max(const struct simd_pool_index *a, size_t y0, size_t x0, size_t k, float *y,
                       unsigned char *index)
{
    vf best = spread(-__builtin_inff());
    vi from = {0};
    for (size_t i = 0; i < SIZE; i++) {
        for (size_t j = 0; j < SIZE; j++) {
            size_t row = y0 + i, col = x0 + j;
            bool inside = row >= PAD && row < a->h + PAD && col >= PAD && col < a->w + PAD;
            vf v = {0};
            if (inside) {
                v = load(a->x + ((row - PAD) * a->w + col - PAD) * a->c + k);
            }
            vi take = (v > best) | (v != v), code = {0};
            code += inside ? (int)(i * SIZE + j) : SIZE * SIZE;
            best = (vf)(((vi)v & take) | ((vi)best & ~take));
            from = (code & take) | (from & ~take);
        }
    }
    store(y, best);
    for (size_t i = 0; i < VL; i++) {
        index[i] = (unsigned char)from[i];
    }
}

void simd_pool_index_x(const struct simd_pool_index *a)
{
    size_t ow = (a->w + STRIDE - 1) / STRIDE;
    for (size_t p = 0; p < a->n; p++) {
        size_t y0 = (a->first + p) / ow * STRIDE, x0 = (a->first + p) % ow * STRIDE;
        for (size_t k = 0; k < a->c; k += VL) {
            window_max(a, y0, x0, k, a->y + p * a->c + k, a->index + p * a->c + k);
        }
    }
}

/* Input pixel (y, x), one vector of channels: what the windows that chose it give, in order. */
static vf gather(const struct simd_pool_back *a, size_t y, size_t x, size_t k)
{
    size_t oh = (a->h + STRIDE - 1) / STRIDE, ow = (a->w + STRIDE - 1) / STRIDE;
    vf sum = {0};
    /* Windows at rows 2 * i - 1 .. 2 * i + 1. */
    for (size_t i = y / STRIDE; i <= (y + PAD) / STRIDE && i < oh; i++) {
        for (size_t j = x / STRIDE; j <= (x + PAD) / STRIDE && j < ow; j++) {
            size_t at = (i * ow + j) * a->c + k;
            int code = (int)((y + PAD - i * STRIDE) * SIZE + x + PAD - j * STRIDE);
            vi from;
            for (size_t l = 0; l < VL; l++) {
                from[l] = a->index[at + l];
            }
            sum += (vf)((vi)load(a->dy + at) & (from == code));
        }
    }
    return sum;
}

void simd_pool_back_x(const struct simd_pool_back *a)
{
    for (size_t y = a->first; y < a->first + a->n; y++) {
        for (size_t x = 0; x < a->w; x++) {
            for (size_t k = 0; k < a->c; k += VL) {
                store(a->dx + (y * a->w + x) * a->c + k, gather(a, y, x, k));
            }
        }
    }
}
