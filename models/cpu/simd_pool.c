/* The root's max pool. */
#include "models/cpu/simd_private.h"

#include <stdbool.h>
#include <string.h>

enum { SIZE = 3,
       STRIDE = 2,
       PAD = 1 };

/* y = max(y, x) over c channels; a NaN of either stays. */
static void take_max(const float *x, size_t c, float *y)
{
    for (size_t k = 0; k < c; k++) {
        y[k] = x[k] > y[k] || x[k] != x[k] ? x[k] : y[k];
    }
}

void simd_max_pool_x(const struct simd_max_pool *a)
{
    size_t ow = (a->w + STRIDE - 1) / STRIDE;
    for (size_t p = 0; p < a->n; p++) {
        size_t y0 = (a->first + p) / ow * STRIDE, x0 = (a->first + p) % ow * STRIDE;
        bool inside = y0 >= PAD && x0 >= PAD && y0 + PAD < a->h && x0 + PAD < a->w;
        float *y = a->y + p * a->c;
        if (inside) {
            memcpy(y, a->x + ((y0 - PAD) * a->w + x0 - PAD) * a->c, a->c * sizeof *y);
        } else {
            memset(y, 0, a->c * sizeof *y); /* the padding takes part */
        }
        for (size_t i = y0; i < y0 + SIZE; i++) {
            for (size_t j = x0; j < x0 + SIZE; j++) {
                if (i >= PAD && i < a->h + PAD && j >= PAD && j < a->w + PAD) {
                    take_max(a->x + ((i - PAD) * a->w + j - PAD) * a->c, a->c, y);
                }
            }
        }
    }
}
