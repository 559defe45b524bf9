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

void simd_sums_x(const struct simd_sums *a)
{
    for (size_t k = 0; k < a->c; k += PANEL) {
        struct lane_sums s0, s1;
        lane_load(&s0, a->sum + k, a->square + k);
        lane_load(&s1, a->sum + k + VL, a->square + k + VL);
        const float *x = a->x + k;
        for (size_t i = 0; i < a->rows; i++, x += a->ldx) {
            lane_add(&s0, x);
            lane_add(&s1, x + VL);
        }
        lane_store(&s0, a->sum + k, a->square + k);
        lane_store(&s1, a->sum + k + VL, a->square + k + VL);
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
