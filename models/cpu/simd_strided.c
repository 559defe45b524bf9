/* Winograd for 3x3 convolutions with stride 2, on tiles of 3 or 4 outputs a side. Along a side, the
 * inputs under the middle tap are apart from those under the outer taps: two convolutions with
 * stride 1, of one tap and of two, with their sum as outputs. The outer one is Toom-Cook's F(3,2)
 * or F(4,2) with the points 0, 1, -1, infinity and, for 4 outputs, 1/2; the middle one takes as
 * many of these points as there are outputs, in the same order but without infinity for 3, so that
 * products of one point are added before the output's transform. The factors that a point leaves
 * free are in the weights. */
#include "models/cpu/simd_private.h"

enum {
    LINE_IN = STRIDED_INPUT_POINTS,
    LINE_OUT = STRIDED_OUTPUT_POINTS,
    MIDDLE = LINE_OUT,     /* of an input line's points the first of the middle tap */
    INFINITE = MIDDLE + 3, /* its point infinity */
    HALF = 4,              /* the outer taps' point 1/2 */
    TAPS = 3,
    MOST = STRIDED_TILE,
};

/* Whether a line for 4 outputs (or for 3) has this point of input or output. */
SIMD_ALWAYS bool has_point(bool four, size_t point)
{
    return four || (point != HALF && point != INFINITE);
}

/* Inputs of a line -> its points: 9 for 4 outputs, 7 for 3. */
SIMD_ALWAYS void input_line(bool four, const vf d[LINE_IN], vf o[LINE_IN])
{
    const vf half = spread(0.5F), two = spread(2);
    vf a = d[6] - d[2], q = d[4] - d[2];
    if (four) {
        o[0] = (d[0] - d[4]) + a * two;
        o[1] = d[6] + q * half;
        o[2] = q + (d[4] - d[6]) * two;
        o[3] = (d[8] - d[4]) - a * half;
        o[HALF] = a;
        o[INFINITE] = d[7] - d[3];
    } else {
        o[0] = d[0] - d[4];
        o[1] = d[2] + q * half;
        o[2] = q + q * two;
        o[3] = a;
    }
    o[MIDDLE] = d[1] - d[5];
    o[MIDDLE + 1] = d[3] + (d[5] - d[3]) * half;
    o[MIDDLE + 2] = d[5] - o[MIDDLE + 1];
}

SIMD_ALWAYS void output_line(bool four, const vf m[LINE_OUT], vf o[MOST])
{
    vf s = m[1] + m[2], d = m[1] - m[2];
    if (four) {
        o[0] = (m[0] + s) + m[HALF];
        o[1] = d + m[HALF] * spread(0.5F);
        o[2] = s + m[HALF] * spread(0.25F);
        o[3] = (d + m[3]) + m[HALF] * spread(0.125F);
    } else {
        o[0] = m[0] + s;
        o[1] = d;
        o[2] = s + m[3];
    }
}

/* Where a tile lies, as constants in every call: 4 rows (or 3), 4 columns (or 3), wholly in the
 * image (else rows top.. < bottom, columns left.. < right of it do). */
struct shape {
    bool tall, wide, whole;
};
struct inside {
    size_t top, bottom, left, right;
};

SIMD_ALWAYS vf input_pixel(const struct simd_strided_in *a, const float *p, const vf affine[3])
{
    return a->affine.centre ? affine_relu(load(p), affine[0], affine[1], affine[2]) : load(p);
}

/* One tile; corner: its input pixel (0, 0), which may lie outside the image. */
SIMD_ALWAYS void tile_in(const struct simd_strided_in *a, const float *corner, struct shape s,
                         struct inside in, float *v)
{
    const size_t ldx = a->t.ldx, row = a->t.w * ldx;
    const size_t rows = s.tall ? LINE_IN : LINE_IN - 2, cols = s.wide ? LINE_IN : LINE_IN - 2;
    for (size_t k = 0; k < a->t.c; k += VL) {
        vf affine[3] = {{0}}, t[LINE_IN][LINE_IN];
        if (a->affine.centre) {
            affine[0] = load(a->affine.centre + k);
            affine[1] = load(a->affine.scale + k);
            affine[2] = load(a->affine.shift + k);
        }
        for (size_t j = 0; j < cols; j++) {
            vf d[LINE_IN], o[LINE_IN];
            SIMD_UNROLL
            for (size_t i = 0; i < rows; i++) {
                d[i] = (vf){0};
                if (s.whole || (i >= in.top && i < in.bottom && j >= in.left && j < in.right)) {
                    d[i] = input_pixel(a, corner + i * row + j * ldx + k, affine);
                }
            }
            input_line(s.tall, d, o);
            SIMD_UNROLL
            for (size_t i = 0; i < LINE_IN; i++) {
                if (has_point(s.tall, i)) {
                    t[i][j] = o[i];
                }
            }
        }
        for (size_t i = 0; i < LINE_IN; i++) {
            vf o[LINE_IN];
            if (!has_point(s.tall, i)) {
                continue;
            }
            input_line(s.wide, t[i], o);
            SIMD_UNROLL
            for (size_t j = 0; j < LINE_IN; j++) {
                if (has_point(s.wide, j)) {
                    store(v + (i * LINE_IN + j) * a->t.plane + k, o[j]);
                }
            }
        }
    }
}

SIMD_ALWAYS void tiles_in(const struct simd_strided_in *a, bool tall, bool wide)
{
    const size_t rows = tall ? LINE_IN : LINE_IN - 2, cols = wide ? LINE_IN : LINE_IN - 2;
    for (size_t t = 0; t < a->t.n; t++) {
        /* The tile's corner is one pixel up and left of the centre of its first output. */
        size_t y = 2 * (a->t.y + (a->t.first + t) / a->t.across * a->t.rows);
        size_t x = 2 * (a->t.x + (a->t.first + t) % a->t.across * a->t.cols);
        struct inside in = {.top = y == 0,
                            .left = x == 0,
                            .bottom = at_most(a->t.h + 1 - y, rows),
                            .right = at_most(a->t.w + 1 - x, cols)};
        const float *corner = a->x + (y * a->t.w + x) * a->t.ldx - (a->t.w + 1) * a->t.ldx;
        float *v = a->v + t * a->t.ldv;
        if (!in.top && !in.left && in.bottom == rows && in.right == cols) {
            tile_in(a, corner, (struct shape){tall, wide, true}, in, v);
        } else {
            tile_in(a, corner, (struct shape){tall, wide, false}, in, v);
        }
    }
}

void simd_strided_in_x(const struct simd_strided_in *a)
{
    bool wide = a->t.cols == MOST;
    if (a->t.rows == MOST) {
        wide ? tiles_in(a, true, true) : tiles_in(a, true, false);
    } else {
        wide ? tiles_in(a, false, true) : tiles_in(a, false, false);
    }
}

/* One tile; y: its first output pixel, of which rows x cols lie in the image. */
SIMD_ALWAYS void tile_out(const struct simd_strided_out *a, const float *v, float *y,
                          struct shape s, size_t rows, size_t cols)
{
    const size_t ldx = a->t.ldx, row = a->t.w * ldx;
    const size_t points = s.wide ? LINE_OUT : LINE_OUT - 1;
    const size_t tall = s.tall ? MOST : MOST - 1, wide = s.wide ? MOST : MOST - 1;
    for (size_t k = 0; k < a->t.c; k += VL) {
        vf t[MOST][LINE_OUT];
        for (size_t j = 0; j < points; j++) {
            vf m[LINE_OUT], o[MOST];
            SIMD_UNROLL
            for (size_t i = 0; i < LINE_OUT; i++) {
                if (has_point(s.tall, i)) {
                    m[i] = load(v + (i * LINE_OUT + j) * a->t.plane + k);
                }
            }
            output_line(s.tall, m, o);
            SIMD_UNROLL
            for (size_t i = 0; i < tall; i++) {
                t[i][j] = o[i];
            }
        }
        struct lane_sums sums;
        lane_load(&sums, a->sum + k, a->square + k);
        for (size_t i = 0; i < rows; i++) {
            vf o[MOST];
            output_line(s.wide, t[i], o);
            SIMD_UNROLL
            for (size_t j = 0; j < wide; j++) {
                float *p = y + i * row + j * ldx + k;
                if (s.whole || j < cols) {
                    store(p, o[j]);
                    lane_add(&sums, p);
                }
            }
        }
        lane_store(&sums, a->sum + k, a->square + k);
    }
}

SIMD_ALWAYS void tiles_out(const struct simd_strided_out *a, bool tall, bool wide)
{
    const size_t most_rows = tall ? MOST : MOST - 1, most_cols = wide ? MOST : MOST - 1;
    for (size_t t = 0; t < a->t.n; t++) {
        size_t y0 = a->t.y + (a->t.first + t) / a->t.across * most_rows;
        size_t x0 = a->t.x + (a->t.first + t) % a->t.across * most_cols;
        size_t rows = at_most(a->t.h - y0, most_rows), cols = at_most(a->t.w - x0, most_cols);
        const float *v = a->v + t * a->t.ldv;
        float *y = a->y + (y0 * a->t.w + x0) * a->t.ldx;
        if (rows == most_rows && cols == most_cols) {
            tile_out(a, v, y, (struct shape){tall, wide, true}, most_rows, most_cols);
        } else {
            tile_out(a, v, y, (struct shape){tall, wide, false}, rows, cols);
        }
    }
}

void simd_strided_out_x(const struct simd_strided_out *a)
{
    bool wide = a->t.cols == MOST;
    if (a->t.rows == MOST) {
        wide ? tiles_out(a, true, true) : tiles_out(a, true, false);
    } else {
        wide ? tiles_out(a, false, true) : tiles_out(a, false, false);
    }
}

/* --- weights --- */
SIMD_ALWAYS void kernel_line(const vf w[TAPS], vf o[STRIDED_KERNEL_POINTS])
{
    o[0] = w[0];
    o[1] = w[0] + w[2];
    o[2] = w[0] - w[2];
    o[3] = w[2];
    o[HALF] = w[2] + w[0] * spread(2);
    o[MIDDLE] = w[1];
}

void simd_strided_kernel_x(const struct simd_strided_kernel *a)
{
    static const float factor[STRIDED_KERNEL_POINTS] = {1, 1, 1.0F / 6, 1, -4.0F / 3, 1};
    static const bool tap[STRIDED_KERNEL_POINTS] = {true, false, false, true, false, true};
    for (size_t k = 0; k < a->n; k += VL) {
        vf t[STRIDED_KERNEL_POINTS][TAPS];
        SIMD_UNROLL
        for (size_t x = 0; x < TAPS; x++) {
            vf w[TAPS], o[STRIDED_KERNEL_POINTS];
            SIMD_UNROLL
            for (size_t y = 0; y < TAPS; y++) {
                w[y] = load(a->g + (y * TAPS + x) * a->tap + k);
            }
            kernel_line(w, o);
            SIMD_UNROLL
            for (size_t i = 0; i < STRIDED_KERNEL_POINTS; i++) {
                t[i][x] = o[i];
            }
        }
        SIMD_UNROLL
        for (size_t i = 0; i < STRIDED_KERNEL_POINTS; i++) {
            vf o[STRIDED_KERNEL_POINTS];
            kernel_line(t[i], o);
            SIMD_UNROLL
            for (size_t j = 0; j < STRIDED_KERNEL_POINTS; j++) {
                if (!tap[i] || !tap[j]) {
                    store(a->u + (i * STRIDED_KERNEL_POINTS + j) * a->point + k,
                          o[j] * spread(factor[i] * factor[j]));
                }
            }
        }
    }
}
