/* Weight standardisation forward and backward, a vector of output channels at a time, in double as
 * models/kernels/standardize.c has it. */
#include "models/cpu/simd_private.h"

#include <math.h>

/* Two half vectors of doubles: the channels of one vector. */
struct wide {
    vd lo, hi;
};

SIMD_ALWAYS struct wide widen(const float *p)
{
    return (struct wide){__builtin_convertvector(*(const vh *)p, vd),
                         __builtin_convertvector(*(const vh *)(p + VL / 2), vd)};
}

SIMD_ALWAYS void narrow(float *p, struct wide v)
{
    *(vh *)p = __builtin_convertvector(v.lo, vh);
    *(vh *)(p + VL / 2) = __builtin_convertvector(v.hi, vh);
}

struct moments {
    struct wide mean, scale;
};

static struct moments measure(const float *w, size_t rows, size_t ld, double eps)
{
    struct moments m = {0};
    struct wide sum = {0};
    for (size_t r = 0; r < rows; r++) {
        struct wide v = widen(w + r * ld);
        m.mean.lo += v.lo;
        m.mean.hi += v.hi;
    }
    m.mean.lo /= (double)rows;
    m.mean.hi /= (double)rows;
    for (size_t r = 0; r < rows; r++) {
        struct wide v = widen(w + r * ld);
        v.lo -= m.mean.lo;
        v.hi -= m.mean.hi;
        sum.lo += v.lo * v.lo;
        sum.hi += v.hi * v.hi;
    }
    for (size_t i = 0; i < VL / 2; i++) {
        m.scale.lo[i] = 1 / sqrt(sum.lo[i] / (double)rows + eps);
        m.scale.hi[i] = 1 / sqrt(sum.hi[i] / (double)rows + eps);
    }
    return m;
}

void simd_standardize_x(const struct simd_standardize *a)
{
    for (size_t k = 0; k < a->c; k += VL) {
        const float *w = a->w + k;
        struct moments m = measure(w, a->rows, a->ldw, a->eps);
        for (size_t r = 0; r < a->rows; r++) {
            struct wide v = widen(w + r * a->ldw);
            v.lo = (v.lo - m.mean.lo) * m.scale.lo;
            v.hi = (v.hi - m.mean.hi) * m.scale.hi;
            narrow(a->out + r * a->ldout + k, v);
        }
    }
}

/* With h = (w - mean) * scale: d becomes scale * (d - mean(d) - h * mean(d * h)). */
static void back(const float *w, size_t rows, size_t ld, double eps, float *d)
{
    struct moments m = measure(w, rows, ld, eps);
    struct wide sum = {0}, cross = {0};
    for (size_t r = 0; r < rows; r++) {
        struct wide v = widen(w + r * ld), g = widen(d + r * ld);
        sum.lo += g.lo;
        sum.hi += g.hi;
        cross.lo += g.lo * (v.lo - m.mean.lo);
        cross.hi += g.hi * (v.hi - m.mean.hi);
    }
    sum.lo /= (double)rows;
    sum.hi /= (double)rows;
    cross.lo = cross.lo * m.scale.lo * m.scale.lo / (double)rows;
    cross.hi = cross.hi * m.scale.hi * m.scale.hi / (double)rows;
    for (size_t r = 0; r < rows; r++) {
        struct wide v = widen(w + r * ld), g = widen(d + r * ld);
        v.lo -= m.mean.lo;
        v.hi -= m.mean.hi;
        g.lo = (g.lo - sum.lo) - v.lo * cross.lo;
        g.hi = (g.hi - sum.hi) - v.hi * cross.hi;
        g.lo *= m.scale.lo;
        g.hi *= m.scale.hi;
        narrow(d + r * ld, g);
    }
}

void simd_standardize_back_x(const float *w, size_t rows, size_t cols, size_t ld, double eps,
                             float *d)
{
    for (size_t k = 0; k < cols; k += VL) {
        back(w + k, rows, ld, eps, d + k);
    }
}
