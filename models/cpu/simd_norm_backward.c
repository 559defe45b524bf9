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

/* One vector of channels: the norm, the gradient behind its ReLU. */
struct column {
    vf centre, scale, shift;
};

SIMD_ALWAYS struct column column_at(const struct simd_affine *a, size_t k)
{
    return (struct column){load(a->centre + k), load(a->scale + k), load(a->shift + k)};
}

SIMD_ALWAYS vf behind_relu(const struct column *c, vf d, vf away)
{
    return where_positive(d, away * c->scale + c->shift);
}

/* Channels k.. of at most SUM_ROWS rows, whose sums stay in float; vectors, at most WIDE, is a
 * constant in every call, here and below. */
SIMD_ALWAYS void sum_columns(const struct simd_norm_sums *a, size_t row, size_t k, size_t vectors)
{
    const size_t rows = at_most(a->rows - row, SUM_ROWS);
    const float *x = a->x + row * a->ldx + k, *d = a->d + row * a->ldx + k;
    struct column c[WIDE];
    vf sum[WIDE], cross[WIDE];
    SIMD_UNROLL
    for (size_t j = 0; j < vectors; j++) {
        c[j] = column_at(&a->affine, k + j * VL);
        sum[j] = cross[j] = (vf){0};
    }
    for (size_t i = 0; i < rows; i++, x += a->ldx, d += a->ldx) {
        SIMD_UNROLL
        for (size_t j = 0; j < vectors; j++) {
            vf away = load(x + j * VL) - c[j].centre;
            vf g = behind_relu(&c[j], load(d + j * VL), away);
            sum[j] += g;
            cross[j] += g * away;
        }
    }
    SIMD_UNROLL
    for (size_t j = 0; j < vectors; j++) {
        for (size_t i = 0; i < VL; i++) {
            a->sum[k + j * VL + i] += (double)sum[j][i];
            a->cross[k + j * VL + i] += (double)cross[j][i];
        }
    }
}

void simd_norm_sums_x(const struct simd_norm_sums *a)
{
    for (size_t row = 0; row < a->rows; row += SUM_ROWS) {
        size_t k = 0;
        for (; k + WIDE * VL <= a->c; k += WIDE * VL) {
            sum_columns(a, row, k, WIDE);
        }
        for (; k < a->c; k += PANEL) {
            sum_columns(a, row, k, 2);
        }
    }
}

SIMD_ALWAYS void back_columns(const struct simd_norm_back *a, size_t k, size_t vectors)
{
    const float *x = a->x + k, *plus = a->plus ? a->plus + k : NULL;
    float *d = a->d + k;
    struct column c[WIDE];
    vf slope[WIDE], bend[WIDE], rest[WIDE];
    SIMD_UNROLL
    for (size_t j = 0; j < vectors; j++) {
        c[j] = column_at(&a->affine, k + j * VL);
        slope[j] = load(a->slope + k + j * VL);
        bend[j] = load(a->bend + k + j * VL);
        rest[j] = load(a->rest + k + j * VL);
    }
    for (size_t i = 0; i < a->rows; i++) {
        SIMD_UNROLL
        for (size_t j = 0; j < vectors; j++) {
            size_t at = i * a->ldx + j * VL;
            vf away = load(x + at) - c[j].centre;
            vf y = behind_relu(&c[j], load(d + at), away) * slope[j] + (away * bend[j] + rest[j]);
            if (plus) {
                y += load(plus + at);
            }
            store(d + at, y);
        }
    }
}

void simd_norm_back_x(const struct simd_norm_back *a)
{
    size_t k = 0;
    for (; k + WIDE * VL <= a->c; k += WIDE * VL) {
        back_columns(a, k, WIDE);
    }
    for (; k < a->c; k += PANEL) {
        back_columns(a, k, 2);
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
