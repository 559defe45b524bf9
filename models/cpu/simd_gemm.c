/* The matrix product: register tiles of up to TILE_ROWS rows by two vectors, rows of a read by
 * broadcasts where they lie, b in panels. In the inner loop there is nothing but loads, broadcasts
 * and multiply-adds (look at the disassembly after a change of compiler). */
#include "models/cpu/simd_private.h"

/* rows is a constant in every call. */
SIMD_ALWAYS void tile(size_t rows, const struct simd_gemm *g, size_t first)
{
    const float *a = g->a + first * g->lda, *b = g->b;
    const size_t lda = g->lda, length = g->length;
    float *c = g->c + first * g->ldc;
    vf sum[TILE_ROWS][2];
    SIMD_UNROLL
    for (size_t i = 0; i < rows; i++) {
        /* The output arrives from memory while the products are made. */
        __builtin_prefetch(c + i * g->ldc, 1);
        __builtin_prefetch(c + i * g->ldc + PANEL - 1, 1);
    }
    SIMD_UNROLL
    for (size_t i = 0; i < rows; i++) {
        sum[i][0] = (vf){0};
        sum[i][1] = (vf){0};
    }
    for (size_t run = 0; run < g->runs; run++) {
        const float *p = a + run * g->step;
        for (size_t k = 0; k < length; k++) {
            vf b0 = load(b), b1 = load(b + VL);
            b += PANEL;
            SIMD_UNROLL
            for (size_t i = 0; i < rows; i++) {
                vf v = spread(p[i * lda]);
                sum[i][0] += v * b0;
                sum[i][1] += v * b1;
            }
            p++;
        }
    }
    if (g->add) {
        const float *add = g->add + first * g->ldc;
        SIMD_UNROLL
        for (size_t i = 0; i < rows; i++) {
            sum[i][0] += load(add + i * g->ldc);
            sum[i][1] += load(add + i * g->ldc + VL);
        }
    }
    SIMD_UNROLL
    for (size_t i = 0; i < rows; i++) {
        store(c + i * g->ldc, sum[i][0]);
        store(c + i * g->ldc + VL, sum[i][1]);
    }
}

/* Sizes beyond TILE_ROWS do not occur and are left out by the compiler. */
SIMD_ALWAYS void tile_if(size_t rows, const struct simd_gemm *g, size_t first)
{
    if (rows <= TILE_ROWS) {
        tile(rows, g, first);
    }
}

static void any_tile(size_t rows, const struct simd_gemm *g, size_t first)
{
    switch (rows) {
    case 1:
        tile(1, g, first);
        break;
    case 2:
        tile(2, g, first);
        break;
    case 3:
        tile(3, g, first);
        break;
    case 4:
        tile(4, g, first);
        break;
    case 5:
        tile(5, g, first);
        break;
    case 6:
        tile(6, g, first);
        break;
    case 7:
        tile_if(7, g, first);
        break;
    case 8:
        tile_if(8, g, first);
        break;
    case 9:
        tile_if(9, g, first);
        break;
    case 10:
        tile_if(10, g, first);
        break;
    case 11:
        tile_if(11, g, first);
        break;
    case 12:
        tile_if(12, g, first);
        break;
    case 13:
        tile_if(13, g, first);
        break;
    case 14:
        tile_if(14, g, first);
        break;
    }
}

/* Rows in as few tiles as hold them, all about equally tall. */
void simd_gemm_x(const struct simd_gemm *g)
{
    size_t tiles = (g->rows + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t i = 0; i < tiles; i++) {
        size_t first = g->rows * i / tiles, end = g->rows * (i + 1) / tiles;
        any_tile(end - first, g, first);
    }
}

/* Independent chains of multiply-adds on registers. */
double simd_peak_x(size_t n)
{
    vf sum[TILE_ROWS][2];
    for (size_t i = 0; i < TILE_ROWS; i++) {
        sum[i][0] = spread((float)(2 * i)); /* all different, or they would be one */
        sum[i][1] = spread((float)(2 * i + 1));
    }
    vf half = spread(0.5F), one = spread(1);
    for (size_t k = 0; k < n; k++) {
        SIMD_UNROLL
        for (size_t i = 0; i < TILE_ROWS; i++) {
            sum[i][0] = sum[i][0] * half + one;
            sum[i][1] = sum[i][1] * half + one;
        }
    }
    double total = 0;
    for (size_t i = 0; i < TILE_ROWS; i++) {
        total += (double)sum[i][0][0] + (double)sum[i][1][0];
    }
    return total;
}
