/* GroupNorm's element-wise part with ReLU, its sums, and the mean over pixels behind it. Each loop
 * takes two vectors of channels through all rows, so that what belongs to a channel stays in
 * registers. */
#include "models/cpu/simd_private.h"

#include <string.h>

static void copy_rows(const struct simd_norm *a)
{
    for (size_t i = 0; i < a->rows; i++) {
        memcpy(a->y + i * a->ldy, a->x + i * a->ldx, a->c * sizeof *a->y);
    }
}

void simd_norm_x(const struct simd_norm *a)
{
    if (!a->affine.centre) {
        copy_rows(a);
        return;
    }
    for (size_t k = 0; k < a->c; k += PANEL) {
        vf centre0 = load(a->affine.centre + k), centre1 = load(a->affine.centre + k + VL);
        vf scale0 = load(a->affine.scale + k), scale1 = load(a->affine.scale + k + VL);
        vf shift0 = load(a->affine.shift + k), shift1 = load(a->affine.shift + k + VL);
        const float *x = a->x + k;
        float *y = a->y + k;
        for (size_t i = 0; i < a->rows; i++, x += a->ldx, y += a->ldy) {
            store(y, affine_relu(load(x), centre0, scale0, shift0));
            store(y + VL, affine_relu(load(x + VL), centre1, scale1, shift1));
        }
    }
}

/* Sums of what rows of a vector of channels differ from the first of them. */
struct pivot_sums {
    vf pivot, sum, square;
};

SIMD_ALWAYS void pivot_add(struct pivot_sums *s, vf x)
{
    vf d = x - s->pivot;
    s->sum += d;
    s->square += d * d;
}

/* With d = x - p: sum x = sum d + n p, sum x^2 = sum d^2 + 2 p sum d + n p^2, in double. */
static void pivot_finish(const struct pivot_sums *s, size_t n, double *sum, double *square)
{
    for (size_t i = 0; i < VL; i++) {
        double pivot = (double)s->pivot[i], d = (double)s->sum[i], all = (double)n * pivot;
        double cross = pivot * (2 * d + all);
        sum[i] += d + all;
        square[i] += cross + (double)s->square[i];
    }
}

/* Rows of one channel group of PANEL. */
static void sum_rows(const float *x, size_t rows, size_t ldx, double *sum, double *square)
{
    struct pivot_sums s0 = {.pivot = load(x)}, s1 = {.pivot = load(x + VL)};
    for (size_t i = 1; i < rows; i++) {
        pivot_add(&s0, load(x + i * ldx));
        pivot_add(&s1, load(x + i * ldx + VL));
    }
    pivot_finish(&s0, rows, sum, square);
    pivot_finish(&s1, rows, sum + VL, square + VL);
}

void simd_sums_x(const struct simd_sums *a)
{
    enum { ROWS = 64 };
    for (size_t k = 0; k < a->c; k += PANEL) {
        for (size_t i = 0; i < a->rows; i += ROWS) {
            size_t n = a->rows - i < ROWS ? a->rows - i : ROWS;
            sum_rows(a->x + i * a->ldx + k, n, a->ldx, a->sum + k, a->square + k);
        }
    }
}

void simd_average_x(const struct simd_average *a)
{
    for (size_t k = 0; k < a->c; k += VL) {
        vf centre = load(a->affine.centre + k), scale = load(a->affine.scale + k);
        vf shift = load(a->affine.shift + k);
        vd lo = {0}, hi = {0};
        for (size_t i = 0; i < a->rows; i++) {
            float row[VL];
            store(row, affine_relu(load(a->x + i * a->c + k), centre, scale, shift));
            lo += __builtin_convertvector(*(const vh *)row, vd);
            hi += __builtin_convertvector(*(const vh *)(row + VL / 2), vd);
        }
        for (size_t i = 0; i < VL / 2; i++) {
            a->y[k + i] = (float)(lo[i] / (double)a->rows);
            a->y[k + VL / 2 + i] = (float)(hi[i] / (double)a->rows);
        }
    }
}
