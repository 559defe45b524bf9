/* The classifier of a group of at most TRAIN_GROUP images, forward and backward, in double as
 * models/kernels/head.c and head_backward.c have it. What is read of the weights is widened once
 * for all images. */
#include "models/cpu/simd_private.h"

#include "models/engine.h"

enum { WIDTH = VL / 2 }; /* floats that make a vector of doubles */

SIMD_ALWAYS vh narrow(vd v)
{
    return __builtin_convertvector(v, vh);
}

/* images, here and below, is the constant TRAIN_GROUP or fewer. */
SIMD_ALWAYS void logits_of(const struct head_part *p, size_t images, const float *f,
                           const float *w, const float *bias, float *logits)
{
    size_t j = p->first, n = p->n_classes;
    for (; j + WIDTH <= p->end; j += WIDTH) {
        vd sum[TRAIN_GROUP] = {0};
        for (size_t i = 0; i < images; i++) {
            sum[i] = widen(bias + j);
        }
        for (size_t k = 0; k < p->c; k++) {
            vd row = widen(w + k * n + j);
            for (size_t i = 0; i < images; i++) {
                sum[i] += (double)f[i * p->c + k] * row;
            }
        }
        for (size_t i = 0; i < images; i++) {
            *(vh *)(logits + i * n + j) = narrow(sum[i]);
        }
    }
    for (; j < p->end; j++) {
        for (size_t i = 0; i < images; i++) {
            double sum = (double)bias[j];
            for (size_t k = 0; k < p->c; k++) {
                sum += (double)f[i * p->c + k] * (double)w[k * n + j];
            }
            logits[i * n + j] = (float)sum;
        }
    }
}

void simd_head_x(const struct head_part *p, const float *features, const float *w,
                 const float *bias, float *logits)
{
    if (p->n == TRAIN_GROUP) {
        logits_of(p, TRAIN_GROUP, features, w, bias, logits);
    } else {
        logits_of(p, p->n, features, w, bias, logits);
    }
}

/* Adds to rows of dw. */
SIMD_ALWAYS void add_rows(const struct head_part *p, size_t images, const float *f, const float *d,
                          float *dw)
{
    size_t n = p->n_classes;
    for (size_t k = p->first; k < p->end; k++) {
        float *row = dw + k * n;
        double feature[TRAIN_GROUP] = {0};
        size_t j = 0;
        for (size_t i = 0; i < images; i++) {
            feature[i] = (double)f[i * p->c + k];
        }
        for (; j + WIDTH <= n; j += WIDTH) {
            vd sum = {0};
            for (size_t i = 0; i < images; i++) {
                sum += feature[i] * widen(d + i * n + j);
            }
            *(vh *)(row + j) += narrow(sum);
        }
        for (; j < n; j++) {
            double sum = 0;
            for (size_t i = 0; i < images; i++) {
                sum += feature[i] * (double)d[i * n + j];
            }
            row[j] += (float)sum;
        }
    }
}

void simd_head_weights_x(const struct head_part *p, const float *features, const float *d_logits,
                         float *dw)
{
    if (p->n == TRAIN_GROUP) {
        add_rows(p, TRAIN_GROUP, features, d_logits, dw);
    } else {
        add_rows(p, p->n, features, d_logits, dw);
    }
}

SIMD_ALWAYS void data_of(const struct head_part *p, size_t images, const float *d, const float *w,
                         float *d_features)
{
    size_t n = p->n_classes;
    for (size_t k = p->first; k < p->end; k++) {
        const float *row = w + k * n;
        vd sum[TRAIN_GROUP] = {0};
        size_t j = 0;
        for (; j + WIDTH <= n; j += WIDTH) {
            vd v = widen(row + j);
            for (size_t i = 0; i < images; i++) {
                sum[i] += widen(d + i * n + j) * v;
            }
        }
        for (size_t i = 0; i < images; i++) {
            double total = 0;
            for (size_t lane = 0; lane < WIDTH; lane++) {
                total += sum[i][lane];
            }
            for (size_t rest = j; rest < n; rest++) {
                total += (double)d[i * n + rest] * (double)row[rest];
            }
            d_features[i * p->c + k] = (float)total;
        }
    }
}

void simd_head_data_x(const struct head_part *p, const float *d_logits, const float *w,
                      float *d_features)
{
    if (p->n == TRAIN_GROUP) {
        data_of(p, TRAIN_GROUP, d_logits, w, d_features);
    } else {
        data_of(p, p->n, d_logits, w, d_features);
    }
}
