/* Winograd F(4x4,3x3) for training, with the matrices A (output), B (input) and G (kernel) of
 * simd_winograd.c: the kernel's gradient is G' [(A dy A') * (B' x B)] G. */
#include "models/cpu/simd_private.h"

/* A times a column of four. */
SIMD_ALWAYS void output_back(const vf d[4], vf o[6])
{
    vf even = d[0] + d[2], odd = d[1] + d[3];
    o[0] = d[0];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = d[0] + d[1] * spread(0.5F);
    o[3] = o[3] + d[2] * spread(0.25F);
    o[3] = o[3] + d[3] * spread(0.125F);
    o[4] = d[0] - d[1] * spread(2);
    o[4] = o[4] + d[2] * spread(4);
    o[4] = o[4] - d[3] * spread(8);
    o[5] = d[3];
}

/* One tile; y: its first output pixel, of which rows x cols lie in the image; whole, a constant in
 * every call: all 4 x 4 do. */
SIMD_ALWAYS void tile_back(const struct simd_tiles_back *a, const float *y, bool whole,
                           size_t rows, size_t cols, float *v)
{
    const size_t ldx = a->t.ldx, row = a->t.w * ldx, plane = a->t.plane;
    for (size_t k = 0; k < a->t.c; k += VL) {
        vf t[WINO_INPUT_TILE][WINO_TILE];
        for (size_t j = 0; j < WINO_TILE; j++) {
            vf d[WINO_TILE], o[WINO_INPUT_TILE];
            SIMD_UNROLL
            for (size_t i = 0; i < WINO_TILE; i++) {
                d[i] = (vf){0};
                if (whole || (i < rows && j < cols)) {
                    d[i] = load(y + i * row + j * ldx + k);
                }
            }
            output_back(d, o);
            SIMD_UNROLL
            for (size_t i = 0; i < WINO_INPUT_TILE; i++) {
                t[i][j] = o[i];
            }
        }
        for (size_t i = 0; i < WINO_INPUT_TILE; i++) {
            vf o[WINO_INPUT_TILE];
            output_back(t[i], o);
            SIMD_UNROLL
            for (size_t j = 0; j < WINO_INPUT_TILE; j++) {
                store(v + (i * WINO_INPUT_TILE + j) * plane + k, o[j]);
            }
        }
    }
}

void simd_tiles_back_x(const struct simd_tiles_back *a)
{
    const size_t across = (a->t.w + WINO_TILE - 1) / WINO_TILE;
    for (size_t t = 0; t < a->t.n; t++) {
        size_t y0 = (a->t.first + t) / across * WINO_TILE;
        size_t x0 = (a->t.first + t) % across * WINO_TILE;
        size_t rows = at_most(a->t.h - y0, WINO_TILE), cols = at_most(a->t.w - x0, WINO_TILE);
        const float *y = a->dy + (y0 * a->t.w + x0) * a->t.ldx;
        float *v = a->v + t * a->t.ldv;
        if (rows == WINO_TILE && cols == WINO_TILE) {
            tile_back(a, y, true, rows, cols, v);
        } else {
            tile_back(a, y, false, rows, cols, v);
        }
    }
}

/* --- kernels --- */
enum { SIZE = 3 };

/* G' times a column of six. */
SIMD_ALWAYS void kernel_back(const vf m[6], vf o[3])
{
    const vf third = spread(1.0F / 3);
    vf sum = m[1] + m[2], d = m[1] - m[2];
    o[0] = m[0] + d * third;
    o[0] = o[0] - m[3] * spread(16.0F / 15);
    o[0] = o[0] + m[4] * spread(1.0F / 15);
    o[1] = sum * third - m[3] * spread(8.0F / 15);
    o[1] = o[1] - m[4] * spread(2.0F / 15);
    o[2] = m[5] + d * third;
    o[2] = o[2] - m[3] * spread(4.0F / 15);
    o[2] = o[2] + m[4] * spread(4.0F / 15);
}

void simd_kernel_back_x(const struct simd_kernel_back *a)
{
    const size_t point = a->rows * PANEL;
    for (size_t i = 0; i < point; i += VL) {
        const float *m = a->m + i;
        float *dw = a->dw + i / PANEL * a->ldw + i % PANEL;
        vf t[SIZE][WINO_INPUT_TILE];
        for (size_t j = 0; j < WINO_INPUT_TILE; j++) {
            vf c[WINO_INPUT_TILE], o[SIZE];
            SIMD_UNROLL
            for (size_t k = 0; k < WINO_INPUT_TILE; k++) {
                c[k] = load(m + (k * WINO_INPUT_TILE + j) * point);
            }
            kernel_back(c, o);
            SIMD_UNROLL
            for (size_t k = 0; k < SIZE; k++) {
                t[k][j] = o[k];
            }
        }
        for (size_t y = 0; y < SIZE; y++) {
            vf o[SIZE];
            kernel_back(t[y], o);
            SIMD_UNROLL
            for (size_t x = 0; x < SIZE; x++) {
                float *to = dw + (y * SIZE + x) * a->tap;
                store(to, load(to) + o[x]);
            }
        }
    }
}
