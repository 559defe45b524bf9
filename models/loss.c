/* Cross-entropies and their gradients in double, the largest logit taken off before exp. */
#include "models/loss.h"

#include <math.h>

static double softmax(const float *logits, const float *labels, size_t n, double scale, float *d)
{
    double most = -HUGE_VAL, sum = 0, weight = 0, loss = 0;
    for (size_t k = 0; k < n; k++) {
        most = (double)logits[k] > most ? (double)logits[k] : most;
    }
    for (size_t k = 0; k < n; k++) {
        sum += exp((double)logits[k] - most);
        weight += (double)labels[k];
    }
    double log_sum = most + log(sum);
    for (size_t k = 0; k < n; k++) {
        double log_p = (double)logits[k] - log_sum;
        loss -= (double)labels[k] * log_p;
        if (d) {
            d[k] = (float)(scale * (exp(log_p) * weight - (double)labels[k]));
        }
    }
    return loss;
}

static double sigmoid(const float *logits, const float *labels, size_t n, double scale, float *d)
{
    double loss = 0;
    for (size_t k = 0; k < n; k++) {
        double z = (double)logits[k], small = exp(-fabs(z));
        double p = z >= 0 ? 1 / (1 + small) : small / (1 + small);
        /* -y log p - (1 - y) log(1 - p) */
        loss += log1p(small) + (z >= 0 ? z : 0) - z * (double)labels[k];
        if (d) {
            d[k] = (float)(scale * (p - (double)labels[k]));
        }
    }
    return loss;
}

double loss_row(enum loss_kind kind, const float *logits, const float *labels, size_t n,
                double scale, float *d)
{
    return kind == LOSS_SOFTMAX ? softmax(logits, labels, n, scale, d)
                                : sigmoid(logits, labels, n, scale, d);
}
