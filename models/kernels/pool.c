/* The root's max pool and the last average pool. */
#include "models/kernels/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "models/arch.h"

enum { SIZE = 3,
       STRIDE = 2,
       PAD = 1 };

/* y = max(y, x) over c channels; a NaN of either stays. */
static void take_max(const float *x, size_t c, float *y)
{
    for (size_t j = 0; j < c; j++) {
        y[j] = x[j] > y[j] || x[j] != x[j] ? x[j] : y[j];
    }
}

static void max_window(const float *x, size_t h, size_t w, size_t c, size_t y0, size_t x0, float *y)
{
    bool inside = y0 >= PAD && x0 >= PAD && y0 + SIZE - PAD <= h && x0 + SIZE - PAD <= w;
    if (inside) {
        memcpy(y, x + ((y0 - PAD) * w + x0 - PAD) * c, c * sizeof *y);
    } else {
        memset(y, 0, c * sizeof *y); /* the padding takes part */
    }
    for (size_t i = y0; i < y0 + SIZE; i++) {
        for (size_t j = x0; j < x0 + SIZE; j++) {
            if (i >= PAD && i < h + PAD && j >= PAD && j < w + PAD) {
                take_max(x + ((i - PAD) * w + j - PAD) * c, c, y);
            }
        }
    }
}

void kernel_max_pool(const float *x, size_t n, size_t h, size_t w, size_t c, float *y)
{
    size_t oh = arch_conv_out(h, SIZE, STRIDE), ow = arch_conv_out(w, SIZE, STRIDE);
    for (size_t image = 0; image < n; image++) {
        for (size_t i = 0; i < oh; i++) {
            for (size_t j = 0; j < ow; j++, y += c) {
                max_window(x + image * h * w * c, h, w, c, i * STRIDE, j * STRIDE, y);
            }
        }
    }
}

/* One channel of the window at y0, x0: its largest value, a NaN if there is one, and its index. */
static float window_max(const float *x, size_t h, size_t w, size_t c, size_t y0, size_t x0,
                        unsigned char *index)
{
    float best = -INFINITY;
    *index = POOL_PADDING;
    for (size_t i = y0; i < y0 + SIZE; i++) {
        for (size_t j = x0; j < x0 + SIZE; j++) {
            bool inside = i >= PAD && i < h + PAD && j >= PAD && j < w + PAD;
            float v = inside ? x[((i - PAD) * w + j - PAD) * c] : 0;
            if (v > best || v != v) {
                best = v;
                *index = (unsigned char)(inside ? (i - y0) * SIZE + j - x0 : POOL_PADDING);
            }
        }
    }
    return best;
}

void kernel_max_pool_index(const float *x, size_t n, size_t h, size_t w, size_t c, float *y,
                           unsigned char *index)
{
    size_t oh = arch_conv_out(h, SIZE, STRIDE), ow = arch_conv_out(w, SIZE, STRIDE);
    for (size_t image = 0; image < n; image++, x += h * w * c) {
        for (size_t p = 0; p < oh * ow; p++, y += c, index += c) {
            for (size_t j = 0; j < c; j++) {
                y[j] = window_max(x + j, h, w, c, p / ow * STRIDE, p % ow * STRIDE, index + j);
            }
        }
    }
}

void kernel_average_pool(const float *x, size_t n, size_t pixels, size_t c, double *sum, float *y)
{
    for (size_t i = 0; i < n; i++, x += pixels * c) {
        memset(sum, 0, c * sizeof *sum);
        for (size_t p = 0; p < pixels; p++) {
            for (size_t j = 0; j < c; j++) {
                sum[j] += (double)x[p * c + j];
            }
        }
        for (size_t j = 0; j < c; j++) {
            y[i * c + j] = (float)(sum[j] / (double)pixels);
        }
    }
}
