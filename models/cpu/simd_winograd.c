/* Winograd F(4x4,3x3): 6x6 inputs -> 36 points, 3x3 kernels -> 36 points, 36 points -> 4x4 outputs.
 * The Toom-Cook interpolation points are 0, 1, -1, 1/2, -2 and infinity, in this order; they round
 * less than the usual 0, 1, -1, 2, -2 (Barabasz, Anderson, Soodhalter, Gregg, arXiv 1803.10986).
 * With M(x) the product of all x - point, row j of the input matrix holds the coefficients of
 * M(x) / (x - point j), the last row those of M(x). */
#include "models/cpu/simd_private.h"

SIMD_ALWAYS void input_rows(const vf d[6], vf o[6])
{
    const vf half = spread(0.5F), two = spread(2), x1_5 = spread(1.5F), x2_5 = spread(2.5F);
    vf r = d[3] - d[1], u = d[4] - d[2];
    o[0] = (d[0] + d[4]) - d[2] * two;
    o[0] = o[0] + r * x1_5;
    o[1] = (d[4] - d[1]) + d[2] * half;
    o[1] = o[1] + d[3] * x2_5;
    o[2] = (d[4] + d[1]) - d[2] * x2_5;
    o[2] = o[2] + d[3] * half;
    o[3] = u + r * two;
    o[4] = u - r * half;
    o[5] = (d[5] + d[1]) - d[3] * two;
    o[5] = o[5] + u * x1_5;
}

SIMD_ALWAYS void output_rows(const vf m[6], vf o[4])
{
    vf s = m[1] + m[2], d = m[1] - m[2];
    o[0] = (m[0] + s) + (m[3] + m[4]);
    o[1] = d + m[3] * spread(0.5F);
    o[1] = o[1] - m[4] * spread(2);
    o[2] = s + m[3] * spread(0.25F);
    o[2] = o[2] + m[4] * spread(4);
    o[3] = (d + m[5]) + m[3] * spread(0.125F);
    o[3] = o[3] - m[4] * spread(8);
}

/* The part of a tile inside the image: rows top.. < bottom of the tile, columns left.. < right. */
struct inside {
    size_t top, bottom, left, right;
};

SIMD_ALWAYS vf input_pixel(const struct simd_tiles_in *a, const float *p, const vf affine[3])
{
    return a->affine.centre ? affine_relu(load(p), affine[0], affine[1], affine[2]) : load(p);
}

/* One tile; corner: input pixel (0, 0) of the tile, which may lie outside the image. whole, a
 * constant in every call: the tile lies in the image. */
SIMD_ALWAYS void tile_in(const struct simd_tiles_in *a, const float *corner, bool whole,
                         struct inside in, float *v)
{
    const size_t ldx = a->t.ldx, row = a->t.w * ldx, plane = a->t.plane;
    for (size_t k = 0; k < a->t.c; k += VL) {
        vf affine[3] = {{0}}, t[WINO_INPUT_TILE][WINO_INPUT_TILE];
        if (a->affine.centre) {
            affine[0] = load(a->affine.centre + k);
            affine[1] = load(a->affine.scale + k);
            affine[2] = load(a->affine.shift + k);
        }
        for (size_t j = 0; j < WINO_INPUT_TILE; j++) {
            vf d[WINO_INPUT_TILE], o[WINO_INPUT_TILE];
            SIMD_UNROLL
            for (size_t i = 0; i < WINO_INPUT_TILE; i++) {
                d[i] = (vf){0};
                if (whole || (i >= in.top && i < in.bottom && j >= in.left && j < in.right)) {
                    d[i] = input_pixel(a, corner + i * row + j * ldx + k, affine);
                }
            }
            input_rows(d, o);
            SIMD_UNROLL
            for (size_t i = 0; i < WINO_INPUT_TILE; i++) {
                t[i][j] = o[i];
            }
        }
        for (size_t i = 0; i < WINO_INPUT_TILE; i++) {
            vf o[WINO_INPUT_TILE];
            input_rows(t[i], o);
            SIMD_UNROLL
            for (size_t j = 0; j < WINO_INPUT_TILE; j++) {
                store(v + (i * WINO_INPUT_TILE + j) * plane + k, o[j]);
            }
        }
    }
}

void simd_tiles_in_x(const struct simd_tiles_in *a)
{
    const size_t across = (a->t.w + WINO_TILE - 1) / WINO_TILE;
    for (size_t t = 0; t < a->t.n; t++) {
        /* The tile's corner is one pixel up and left of its first output. */
        size_t y0 = (a->t.first + t) / across * WINO_TILE;
        size_t x0 = (a->t.first + t) % across * WINO_TILE;
        struct inside in = {.top = y0 == 0,
                            .left = x0 == 0,
                            .bottom = at_most(a->t.h + 1 - y0, WINO_INPUT_TILE),
                            .right = at_most(a->t.w + 1 - x0, WINO_INPUT_TILE)};
        const float *corner = a->x + (y0 * a->t.w + x0) * a->t.ldx - (a->t.w + 1) * a->t.ldx;
        float *v = a->v + t * a->t.ldv;
        if (!in.top && !in.left && in.bottom == WINO_INPUT_TILE && in.right == WINO_INPUT_TILE) {
            tile_in(a, corner, true, in, v);
        } else {
            tile_in(a, corner, false, in, v);
        }
    }
}

/* One tile; y: its first output pixel; whole, a constant in every call: all rows x cols = 4 x 4
 * outputs lie in the image. */
SIMD_ALWAYS void tile_out(const struct simd_tiles_out *a, const float *v, float *y, bool whole,
                          size_t rows, size_t cols)
{
    const size_t ldx = a->t.ldx, row = a->t.w * ldx, plane = a->t.plane;
    for (size_t k = 0; k < a->t.c; k += VL) {
        vf t[WINO_TILE][WINO_INPUT_TILE];
        for (size_t j = 0; j < WINO_INPUT_TILE; j++) {
            vf m[WINO_INPUT_TILE], o[WINO_TILE];
            SIMD_UNROLL
            for (size_t i = 0; i < WINO_INPUT_TILE; i++) {
                m[i] = load(v + (i * WINO_INPUT_TILE + j) * plane + k);
            }
            output_rows(m, o);
            SIMD_UNROLL
            for (size_t i = 0; i < WINO_TILE; i++) {
                t[i][j] = o[i];
            }
        }
        struct lane_sums sums;
        lane_load(&sums, a->sum + k, a->square + k);
        for (size_t i = 0; i < (whole ? WINO_TILE : rows); i++) {
            vf o[WINO_TILE];
            output_rows(t[i], o);
            SIMD_UNROLL
            for (size_t j = 0; j < WINO_TILE; j++) {
                float *p = y + i * row + j * ldx + k;
                if (whole || j < cols) {
                    store(p, o[j]);
                    lane_add(&sums, p);
                }
            }
        }
        lane_store(&sums, a->sum + k, a->square + k);
    }
}

void simd_tiles_out_x(const struct simd_tiles_out *a)
{
    const size_t across = (a->t.w + WINO_TILE - 1) / WINO_TILE;
    for (size_t t = 0; t < a->t.n; t++) {
        size_t y0 = (a->t.first + t) / across * WINO_TILE;
        size_t x0 = (a->t.first + t) % across * WINO_TILE;
        size_t rows = at_most(a->t.h - y0, WINO_TILE), cols = at_most(a->t.w - x0, WINO_TILE);
        float *y = a->y + (y0 * a->t.w + x0) * a->t.ldx;
        if (rows == WINO_TILE && cols == WINO_TILE) {
            tile_out(a, a->v + t * a->t.ldv, y, true, rows, cols);
        } else {
            tile_out(a, a->v + t * a->t.ldv, y, false, rows, cols);
        }
    }
}

/* --- kernels --- */
enum { SIZE = 3 };

/* G times a column of three, but for the factors in kernel_scale; all products here are exact. Row
 * j of G holds 1, point, point^2 over the product of (point - other points); the last one is the
 * point at infinity. */
SIMD_ALWAYS void kernel_rows(const vf g[3], vf o[6])
{
    const vf two = spread(2), four = spread(4);
    vf ends = g[0] + g[2];
    o[0] = g[0];
    o[1] = ends + g[1];
    o[2] = g[1] - ends;
    o[3] = (g[2] + g[0] * four) + g[1] * two;
    o[4] = (g[0] + g[2] * four) - g[1] * two;
    o[5] = g[2];
}

/* Products of 1, 1/3, 1/3, -4/15, 1/15, 1. */
static const float kernel_scale[WINO_INPUT_TILE][WINO_INPUT_TILE] = {
    {1, 1.0F / 3, 1.0F / 3, -4.0F / 15, 1.0F / 15, 1},
    {1.0F / 3, 1.0F / 9, 1.0F / 9, -4.0F / 45, 1.0F / 45, 1.0F / 3},
    {1.0F / 3, 1.0F / 9, 1.0F / 9, -4.0F / 45, 1.0F / 45, 1.0F / 3},
    {-4.0F / 15, -4.0F / 45, -4.0F / 45, 16.0F / 225, -4.0F / 225, -4.0F / 15},
    {1.0F / 15, 1.0F / 45, 1.0F / 45, -4.0F / 225, 1.0F / 225, 1.0F / 15},
    {1, 1.0F / 3, 1.0F / 3, -4.0F / 15, 1.0F / 15, 1},
};

void simd_kernel_tiles_x(const struct simd_kernel_tiles *a)
{
    const size_t n = a->n, tap = a->tap, point = a->point;
    for (size_t i = 0; i < n; i += VL) {
        const float *from = a->g + i;
        float *to = a->u + i;
        vf t[WINO_INPUT_TILE][SIZE];
        SIMD_UNROLL
        for (size_t x = 0; x < SIZE; x++) {
            vf g[SIZE], o[WINO_INPUT_TILE];
            SIMD_UNROLL
            for (size_t y = 0; y < SIZE; y++) {
                g[y] = load(from + (y * SIZE + x) * tap);
            }
            kernel_rows(g, o);
            SIMD_UNROLL
            for (size_t k = 0; k < WINO_INPUT_TILE; k++) {
                t[k][x] = o[k];
            }
        }
        SIMD_UNROLL
        for (size_t k = 0; k < WINO_INPUT_TILE; k++) {
            vf o[WINO_INPUT_TILE];
            kernel_rows(t[k], o);
            SIMD_UNROLL
            for (size_t j = 0; j < WINO_INPUT_TILE; j++, to += point) {
                store(to, o[j] * spread(kernel_scale[k][j]));
            }
        }
    }
}
