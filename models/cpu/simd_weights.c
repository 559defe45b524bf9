/* Weight standardisation forward and backward, a panel of output channels at a time, in double as
 * models/kernels/standardize.c has it. */
#include "models/cpu/simd_private.h"

#include <math.h>

/* The channels of a panel as half vectors of doubles. */
enum { HALVES = 4 };
struct wide {
    vd v[HALVES];
};

SIMD_ALWAYS struct wide widen_panel(const float *p)
{
    struct wide w;
    SIMD_UNROLL
    for (size_t i = 0; i < HALVES; i++) {
        w.v[i] = widen(p + i * (VL / 2));
    }
    return w;
}

struct moments {
    struct wide mean, scale;
};

/* Sums over rows of x and x^2, x = w - pivot, become the moments of w. The pivot is one of the
 * values, so that in double nothing is lost however small the variance is beside the mean. */
static struct moments moments_of(struct wide pivot, struct wide sum, struct wide square,
                                 size_t rows, double eps)
{
    struct moments m;
    for (size_t i = 0; i < HALVES; i++) {
        vd mean = sum.v[i] / (double)rows, variance = square.v[i] / (double)rows - mean * mean;
        m.mean.v[i] = pivot.v[i] + mean;
        for (size_t k = 0; k < VL / 2; k++) {
            m.scale.v[i][k] = 1 / sqrt((variance[k] > 0 ? variance[k] : 0) + eps);
        }
    }
    return m;
}

static struct moments measure(const float *w, size_t rows, size_t ld, double eps)
{
    struct wide pivot = widen_panel(w), sum = {0}, square = {0};
    for (size_t r = 0; r < rows; r++) {
        struct wide x = widen_panel(w + r * ld);
        SIMD_UNROLL
        for (size_t i = 0; i < HALVES; i++) {
            vd away = x.v[i] - pivot.v[i];
            sum.v[i] += away;
            square.v[i] += away * away;
        }
    }
    return moments_of(pivot, sum, square, rows, eps);
}

void simd_standardize_x(const struct simd_standardize *a)
{
    for (size_t k = 0; k < a->c; k += PANEL) {
        const float *w = a->w + k;
        struct moments m = measure(w, a->rows, a->ldw, a->eps);
        for (size_t r = 0; r < a->rows; r++) {
            struct wide x = widen_panel(w + r * a->ldw);
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
    struct wide pivot = widen_panel(w), sum = {0}, square = {0}, total = {0}, cross = {0};
    for (size_t r = 0; r < rows; r++) {
        struct wide x = widen_panel(w + r * ld), g = widen_panel(d + r * ld);
        SIMD_UNROLL
        for (size_t i = 0; i < HALVES; i++) {
            vd away = x.v[i] - pivot.v[i];
            sum.v[i] += away;
            square.v[i] += away * away;
            total.v[i] += g.v[i];
            cross.v[i] += g.v[i] * away;
        }
    }
    struct moments m = moments_of(pivot, sum, square, rows, eps);
    for (size_t i = 0; i < HALVES; i++) {
        cross.v[i] -= total.v[i] * (m.mean.v[i] - pivot.v[i]);
        total.v[i] /= (double)rows;
        cross.v[i] = cross.v[i] * m.scale.v[i] * m.scale.v[i] / (double)rows;
    }
    for (size_t r = 0; r < rows; r++) {
        struct wide x = widen_panel(w + r * ld), g = widen_panel(d + r * ld);
        SIMD_UNROLL
        for (size_t i = 0; i < HALVES; i++) {
            vd v = (g.v[i] - total.v[i]) - (x.v[i] - m.mean.v[i]) * cross.v[i];
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
