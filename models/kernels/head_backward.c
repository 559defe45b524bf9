/* The classifier backward, tiles of classes at a time; sums over images in order. */
#include "models/kernels/backward.h"

enum { TILE = 64 };

/* Adds sum over i of f[i] * d[i, first..first+n) to row; f is one feature of each image. */
static void add_tile(const struct head_part *p, const float *f, size_t first, size_t n,
                     const float *d, float *row)
{
    double sum[TILE] = {0};
    for (size_t i = 0; i < p->n; i++) {
        double v = f ? (double)f[i * p->c] : 1;
        for (size_t j = 0; j < n; j++) {
            sum[j] += v * (double)d[i * p->n_classes + first + j];
        }
    }
    for (size_t j = 0; j < n; j++) {
        row[first + j] += (float)sum[j];
    }
}

static void add_row(const struct head_part *p, const float *f, const float *d, float *row)
{
    for (size_t j = 0; j < p->n_classes; j += TILE) {
        add_tile(p, f, j, p->n_classes - j < TILE ? p->n_classes - j : TILE, d, row);
    }
}

void kernel_head_backward_weights(const struct head_part *p, const float *features,
                                  const float *d_logits, float *dw)
{
    for (size_t k = p->first; k < p->end; k++) {
        add_row(p, features + k, d_logits, dw + k * p->n_classes);
    }
}

void kernel_head_backward_bias(const struct head_part *p, const float *d_logits, float *d_bias)
{
    add_row(p, NULL, d_logits, d_bias);
}

/* Element j goes to sum j % LANES, so that the additions do not wait for one another. */
static double dot(const float *a, const float *b, size_t n)
{
    enum { LANES = 16 };
    double sums[LANES] = {0}, total = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            sums[j] += (double)a[i + j] * (double)b[i + j];
        }
    }
    for (; i < n; i++) {
        sums[i % LANES] += (double)a[i] * (double)b[i];
    }
    for (size_t j = 0; j < LANES; j++) {
        total += sums[j];
    }
    return total;
}

void kernel_head_backward_data(const struct head_part *p, const float *d_logits, const float *w,
                               float *d_features)
{
    for (size_t k = p->first; k < p->end; k++) {
        const float *row = w + k * p->n_classes;
        for (size_t i = 0; i < p->n; i++) {
            d_features[i * p->c + k] =
                (float)dot(d_logits + i * p->n_classes, row, p->n_classes);
        }
    }
}
