/* Weight standardisation forward and backward, a panel of output channels at a time, in double as
 * models/kernels/standardize.c has it. */
#include "models/cpu/simd_private.h"

#include <math.h>

/* The channels of a panel as half vectors of doubles. */
enum { HALVES = 4 };
struct wide {
    vd v[HALVES];
};

SIMD_ALWAYS struct wide widen(const float *p)
{
    struct wide w;
    SIMD_UNROLL
    for (size_t i = 0; i < HALVES; i++) {
        w.v[i] = __builtin_convertvector(*(const vh *)(p + i * (VL / 2)), vd);
    }
    return w;
}

struct moments {
    struct wide mean, scale;
};

static struct moments measure(const float *w, size_t rows, size_t ld, double eps)
{
    struct moments m = {0};
    struct wide sum = {0};
    for (size_t r = 0; r < rows; r++) {
        struct wide x = widen(w + r * ld);
        SIMD_UNROLL
        for (size_t i = 0; i < HALVES; i++) {
            m.mean.v[i] += x.v[i];
        }
    }
    for (size_t i = 0; i < HALVES; i++) {
        m.mean.v[i] /= (double)rows;
    }
    for (size_t r = 0; r < rows; r++) {
        struct wide x = widen(w + r * ld);
        SIMD_UNROLL
        for (size_t i = 0; i < HALVES; i++) {
            vd away = x.v[i] - m.mean.v[i];
            sum.v[i] += away * away;
        }
    }
    for (size_t i = 0; i < HALVES; i++) {
        for (size_t k = 0; k < VL / 2; k++) {
            m.scale.v[i][k] = 1 / sqrt(sum.v[i][k] / (double)rows + eps);
        }
    }
    return m;
}

void simd_standardize_x(const struct simd_standardize *a)
{
    for (size_t k = 0; k < a->c; k += PANEL) {
        const float *w = a->w + k;
        struct moments m = measure(w, a->rows, a->ldw, a->eps);
        for (size_t r = 0; r < a->rows; r++) {
            struct wide x = widen(w + r * a->ldw);
            float *out = a->out + r * a->ldout + k;
            SIMD_UNROLL
            for (size_t i = 0; i < HALVES; i++) {
                vd h = (x.v[i] - m.mean.v[i]) * m.scale.v[i];
                *(vh *)(out + i * (VL / 2)) = __builtin_convertvector(h, vh);
            }
        }
    }
}

/* With h = (w - mean) * scale: d becomes scale * (d - mean(d) - h * mean(d * h)). */
static void back(const float *w, size_t rows, size_t ld, double eps, float *d)
{
    struct moments m = measure(w, rows, ld, eps);
    struct wide sum = {0}, cross = {0};
    for (size_t r = 0; r < rows; r++) {
        struct wide x = widen(w + r * ld), g = widen(d + r * ld);
        SIMD_UNROLL
        for (size_t i = 0; i < HALVES; i++) {
            sum.v[i] += g.v[i];
            cross.v[i] += g.v[i] * (x.v[i] - m.mean.v[i]);
        }
    }
    for (size_t i = 0; i < HALVES; i++) {
        sum.v[i] /= (double)rows;
        cross.v[i] = cross.v[i] * m.scale.v[i] * m.scale.v[i] / (double)rows;
    }
    for (size_t r = 0; r < rows; r++) {
        struct wide x = widen(w + r * ld), g = widen(d + r * ld);
        SIMD_UNROLL
        for (size_t i = 0; i < HALVES; i++) {
            vd v = (g.v[i] - sum.v[i]) - (x.v[i] - m.mean.v[i]) * cross.v[i];
            v *= m.scale.v[i];
            *(vh *)(d + r * ld + i * (VL / 2)) = __builtin_convertvector(v, vh);
        }
    }
}

void simd_standardize_back_x(const float *w, size_t rows, size_t cols, size_t ld, double eps,
                             float *d)
{
    for (size_t k = 0; k < cols; k += PANEL) {
        back(w + k, rows, ld, eps, d + k);
    }
}
