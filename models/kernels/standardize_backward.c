/* Weight standardisation backward. With h = (w - mean) * s, s = 1 / sqrt(variance + eps), over one
 * output channel: d_w = s * (d_h - mean(d_h) - h * mean(d_h * h)); eps enters through s alone. */
#include "models/kernels/backward.h"

#include <math.h>

enum { TILE = 64 }; /* output channels at a time */

struct sums {
    double mean[TILE], scale[TILE];
    double d[TILE], dh[TILE]; /* means of d and of d * h */
};

static void measure(const float *w, size_t rows, size_t cout, size_t n, double eps, struct sums *s)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < n; j++) {
            s->mean[j] += (double)w[r * cout + j];
        }
    }
    for (size_t j = 0; j < n; j++) {
        s->mean[j] /= (double)rows;
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < n; j++) {
            double v = (double)w[r * cout + j] - s->mean[j];
            s->scale[j] += v * v;
        }
    }
    for (size_t j = 0; j < n; j++) {
        s->scale[j] = 1 / sqrt(s->scale[j] / (double)rows + eps);
    }
}

static void tile(const float *w, size_t rows, size_t cout, size_t n, double eps, float *d)
{
    struct sums s = {0};
    measure(w, rows, cout, n, eps, &s);
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < n; j++) {
            double g = (double)d[r * cout + j];
            s.d[j] += g;
            s.dh[j] += g * ((double)w[r * cout + j] - s.mean[j]) * s.scale[j];
        }
    }
    for (size_t j = 0; j < n; j++) {
        s.d[j] /= (double)rows;
        s.dh[j] /= (double)rows;
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < n; j++) {
            double h = ((double)w[r * cout + j] - s.mean[j]) * s.scale[j];
            double g = (double)d[r * cout + j] - s.d[j] - h * s.dh[j];
            d[r * cout + j] = (float)(s.scale[j] * g);
        }
    }
}

void kernel_standardize_backward(const float *w, size_t rows, size_t cols, size_t ld, double eps,
                                 float *d)
{
    for (size_t j = 0; j < cols; j += TILE) {
        tile(w + j, rows, ld, cols - j < TILE ? cols - j : TILE, eps, d + j);
    }
}
