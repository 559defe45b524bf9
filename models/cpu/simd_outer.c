/* The matrix product of backward-weights: a sum of outer products. Register tiles as in
 * simd_gemm.c, but the rows of a tile are neighbours in memory and a step of the sum goes to the
 * next row of a and b. */
#include "models/cpu/simd_private.h"

/* rows is a constant in every call. */
SIMD_ALWAYS void tile(size_t rows, const struct simd_outer *g, size_t first)
{
    const float *a = g->a + first, *b = g->b;
    const size_t lda = g->lda, ldb = g->ldb, ldc = g->ldc, n = g->n;
    const bool start = g->start;
    float *c = g->c + first * ldc;
    vf sum[TILE_ROWS][2];
    SIMD_UNROLL
    for (size_t i = 0; i < rows; i++) {
        sum[i][0] = (vf){0};
        sum[i][1] = (vf){0};
    }
    for (size_t k = 0; k < n; k++) {
        vf b0 = load(b), b1 = load(b + VL);
        b += ldb;
        SIMD_UNROLL
        for (size_t i = 0; i < rows; i++) {
            vf v = spread(a[i]);
            sum[i][0] += v * b0;
            sum[i][1] += v * b1;
        }
        a += lda;
    }
    SIMD_UNROLL
    for (size_t i = 0; i < rows; i++) {
        float *to = c + i * ldc;
        if (!start) {
            sum[i][0] += load(to);
            sum[i][1] += load(to + VL);
        }
        store(to, sum[i][0]);
        store(to + VL, sum[i][1]);
    }
}

/* Sizes beyond TILE_ROWS do not occur and are left out by the compiler. */
SIMD_ALWAYS void tile_if(size_t rows, const struct simd_outer *g, size_t first)
{
    if (rows <= TILE_ROWS) {
        tile(rows, g, first);
    }
}

static void any_tile(size_t rows, const struct simd_outer *g, size_t first)
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

void simd_outer_x(const struct simd_outer *g)
{
    size_t tiles = (g->rows + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t i = 0; i < tiles; i++) {
        size_t first = g->rows * i / tiles, end = g->rows * (i + 1) / tiles;
        any_tile(end - first, g, first);
    }
}
