/* The two pools backward. */
#include "models/kernels/backward.h"

#include <string.h>

#include "models/arch.h"

enum { SIZE = 3,
       STRIDE = 2,
       PAD = 1 };

void kernel_max_pool_backward(const float *dy, const unsigned char *index, size_t n, size_t h,
                              size_t w, size_t c, float *dx)
{
    size_t oh = arch_conv_out(h, SIZE, STRIDE), ow = arch_conv_out(w, SIZE, STRIDE);
    memset(dx, 0, n * h * w * c * sizeof *dx);
    for (size_t image = 0; image < n; image++, dx += h * w * c) {
        for (size_t p = 0; p < oh * ow; p++, dy += c, index += c) {
            for (size_t j = 0; j < c; j++) {
                if (index[j] != POOL_PADDING) {
                    size_t y = p / ow * STRIDE + index[j] / SIZE - PAD;
                    size_t x = p % ow * STRIDE + index[j] % SIZE - PAD;
                    dx[(y * w + x) * c + j] += dy[j];
                }
            }
        }
    }
}

void kernel_average_pool_backward(const float *dy, size_t n, size_t pixels, size_t c, float *dx)
{
    for (size_t i = 0; i < n; i++, dy += c) {
        for (size_t p = 0; p < pixels; p++, dx += c) {
            for (size_t j = 0; j < c; j++) {
                dx[j] = dy[j] / (float)pixels;
            }
        }
    }
}
