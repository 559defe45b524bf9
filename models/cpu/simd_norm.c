/* GroupNorm's element-wise part with ReLU, its sums, and the mean over pixels behind it. Each loop
 * takes a few vectors of channels through all rows, so that what belongs to a channel stays in
 * registers. */
#include "models/cpu/simd_private.h"

#include <string.h>

static void copy_rows(const struct simd_norm *a)
{
    for (size_t i = 0; i < a->rows; i++) {
        memcpy(a->y + i * a->ldy, a->x + i * a->ldx, a->c * sizeof *a->y);
    }
}

/* Channels k.. of all rows; vectors, at most WIDE, is a constant in every call. */
SIMD_ALWAYS void norm_columns(const struct simd_norm *a, size_t k, size_t vectors)
{
    vf centre[WIDE], scale[WIDE], shift[WIDE];
    const float *x = a->x + k;
    float *y = a->y + k;
    SIMD_UNROLL
    for (size_t j = 0; j < vectors; j++) {
        centre[j] = load(a->affine.centre + k + j * VL);
        scale[j] = load(a->affine.scale + k + j * VL);
        shift[j] = load(a->affine.shift + k + j * VL);
    }
    for (size_t i = 0; i < a->rows; i++, x += a->ldx, y += a->ldy) {
        SIMD_UNROLL
        for (size_t j = 0; j < vectors; j++) {
            store(y + j * VL, affine_relu(load(x + j * VL), centre[j], scale[j], shift[j]));
        }
    }
}

void simd_norm_x(const struct simd_norm *a)
{
    size_t k = 0;
    if (!a->affine.centre) {
        copy_rows(a);
        return;
    }
    for (; k + WIDE * VL <= a->c; k += WIDE * VL) {
        norm_columns(a, k, WIDE);
    }
    for (; k < a->c; k += PANEL) {
        norm_columns(a, k, 2);
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
SIMD_ALWAYS void pivot_finish(const struct pivot_sums *s, size_t n, double *sum, double *square)
{
    float part[3][VL];
    store(part[0], s->pivot);
    store(part[1], s->sum);
    store(part[2], s->square);
    for (size_t i = 0; i < VL; i += VL / 2) {
        vd pivot = widen(part[0] + i), d = widen(part[1] + i), all = pivot * (double)n;
        vd cross = pivot * (d + d + all);
        *(vd *)(sum + i) += d + all;
        *(vd *)(square + i) += cross + widen(part[2] + i);
    }
}

/* Channels k.. of at most SUM_ROWS rows. */
SIMD_ALWAYS void sum_columns(const struct simd_sums *a, size_t row, size_t k, size_t vectors)
{
    const size_t rows = at_most(a->rows - row, SUM_ROWS);
    const float *x = a->x + row * a->ldx + k;
    struct pivot_sums s[WIDE];
    SIMD_UNROLL
    for (size_t j = 0; j < vectors; j++) {
        s[j] = (struct pivot_sums){.pivot = load(x + j * VL)};
    }
    for (size_t i = 1; i < rows; i++) {
        SIMD_UNROLL
        for (size_t j = 0; j < vectors; j++) {
            pivot_add(&s[j], load(x + i * a->ldx + j * VL));
        }
    }
    SIMD_UNROLL
    for (size_t j = 0; j < vectors; j++) {
        pivot_finish(&s[j], rows, a->sum + k + j * VL, a->square + k + j * VL);
    }
}

void simd_sums_x(const struct simd_sums *a)
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

void simd_average_x(const struct simd_average *a)
{
    for (size_t k = 0; k < a->c; k += VL) {
        vf centre = load(a->affine.centre + k), scale = load(a->affine.scale + k);
        vf shift = load(a->affine.shift + k);
        vd lo = {0}, hi = {0};
        for (size_t i = 0; i < a->rows; i++) {
            float row[VL];
            store(row, affine_relu(load(a->x + i * a->c + k), centre, scale, shift));
            lo += widen(row);
            hi += widen(row + VL / 2);
        }
        for (size_t i = 0; i < VL / 2; i++) {
            a->y[k + i] = (float)(lo[i] / (double)a->rows);
            a->y[k + VL / 2 + i] = (float)(hi[i] / (double)a->rows);
        }
    }
}
