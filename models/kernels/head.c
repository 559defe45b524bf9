/* The classifier: a 1x1 convolution with bias on the pooled features. Tiles of classes stay in the
 * cache while all images pass. */
#include "models/kernels/kernels.h"

enum { TILE = 64 };

static void tile(const struct head_part *p, size_t first, size_t n, const float *f, const float *w,
                 const float *bias, float *logits)
{
    double sum[TILE];
    for (size_t j = 0; j < n; j++) {
        sum[j] = (double)bias[first + j];
    }
    for (size_t k = 0; k < p->c; k++) {
        const float *row = w + k * p->n_classes + first;
        for (size_t j = 0; j < n; j++) {
            sum[j] += (double)f[k] * (double)row[j];
        }
    }
    for (size_t j = 0; j < n; j++) {
        logits[first + j] = (float)sum[j];
    }
}

void kernel_head(const struct head_part *p, const float *features, const float *w,
                 const float *bias, float *logits)
{
    for (size_t first = p->first; first < p->end; first += TILE) {
        size_t n = p->end - first < TILE ? p->end - first : TILE;
        for (size_t i = 0; i < p->n; i++) {
            tile(p, first, n, features + i * p->c, w, bias, logits + i * p->n_classes);
        }
    }
}
