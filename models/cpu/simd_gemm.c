/* The matrix products: register tiles of up to TILE_ROWS rows by two vectors, elements of a read by
 * broadcasts where they lie, b in panels. In the inner loop there is nothing but loads, broadcasts
 * and multiply-adds (look at the disassembly after a change of compiler). */
#include "models/cpu/simd_private.h"

/* rows is a constant in every call, here and below. */
SIMD_ALWAYS void gemm_tile(size_t rows, const struct simd_gemm *g, size_t first)
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

/* The product of backward-weights, a sum of outer products: the rows of a tile are neighbours in
 * memory, and a step of the sum goes to the next row of a and b. */
SIMD_ALWAYS void outer_tile(size_t rows, const struct simd_outer *g, size_t first)
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

/* One of the two. */
struct product {
    const struct simd_gemm *gemm;
    const struct simd_outer *outer;
};

/* Sizes beyond TILE_ROWS do not occur and are left out by the compiler. */
SIMD_ALWAYS void tile(size_t rows, const struct product *p, size_t first)
{
    if (rows <= TILE_ROWS && p->gemm) {
        gemm_tile(rows, p->gemm, first);
    } else if (rows <= TILE_ROWS) {
        outer_tile(rows, p->outer, first);
    }
}

static void any_tile(size_t rows, const struct product *p, size_t first)
{
    switch (rows) {
    case 1:
        tile(1, p, first);
        break;
    case 2:
        tile(2, p, first);
        break;
    case 3:
        tile(3, p, first);
        break;
    case 4:
        tile(4, p, first);
        break;
    case 5:
        tile(5, p, first);
        break;
    case 6:
        tile(6, p, first);
        break;
    case 7:
        tile(7, p, first);
        break;
    case 8:
        tile(8, p, first);
        break;
    case 9:
        tile(9, p, first);
        break;
    case 10:
        tile(10, p, first);
        break;
    case 11:
        tile(11, p, first);
        break;
    case 12:
        tile(12, p, first);
        break;
    case 13:
        tile(13, p, first);
        break;
    case 14:
        tile(14, p, first);
        break;
    }
}

/* Rows in as few tiles as hold them, all about equally tall. */
static void all_tiles(size_t rows, const struct product *p)
{
    size_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t i = 0; i < tiles; i++) {
        size_t first = rows * i / tiles, end = rows * (i + 1) / tiles;
        any_tile(end - first, p, first);
    }
}

void simd_gemm_x(const struct simd_gemm *g)
{
    all_tiles(g->rows, &(struct product){.gemm = g});
}

void simd_outer_x(const struct simd_outer *g)
{
    all_tiles(g->rows, &(struct product){.outer = g});
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
