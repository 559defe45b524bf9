/* Weight standardisation, tile by tile of output channels. */
#include "models/kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { TILE = 64 }; /* output channels at a time: 1 KiB of sums */

/* One tile: w and out point at its first channel, n <= TILE channels. */
static void tile(const float *w, size_t rows, size_t cout, size_t n, double eps, float *out)
{
    double mean[TILE] = {0}, scale[TILE] = {0};
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < n; j++) {
            mean[j] += (double)w[r * cout + j];
        }
    }
    for (size_t j = 0; j < n; j++) {
        mean[j] /= (double)rows;
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < n; j++) {
            double d = (double)w[r * cout + j] - mean[j];
            scale[j] += d * d;
        }
    }
    for (size_t j = 0; j < n; j++) {
        scale[j] = 1 / sqrt(scale[j] / (double)rows + eps);
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < n; j++) {
            out[r * cout + j] = (float)(((double)w[r * cout + j] - mean[j]) * scale[j]);
        }
    }
}

void kernel_standardize(const float *w, size_t rows, size_t cout, double eps, float *out)
{
    for (size_t j = 0; j < cout; j += TILE) {
        tile(w + j, rows, cout, cout - j < TILE ? cout - j : TILE, eps, out + j);
    }
}
