/* Cross-entropy with soft labels, one image at a time. */
#ifndef BITBENCH_MODELS_LOSS_H
#define BITBENCH_MODELS_LOSS_H

#include <stddef.h>

/* Softmax: -sum_k labels_k log softmax_k. Sigmoid: the sum over classes of the binary
 * cross-entropies (big_vision utils.py, sigmoid_xent). */
enum loss_kind { LOSS_SOFTMAX,
                 LOSS_SIGMOID };

/* logits, labels [n] -> the loss in nats, not finite where a logit or label is not; d [n] becomes
 * scale times its gradient by the logits. d may be NULL. */
double loss_row(enum loss_kind kind, const float *logits, const float *labels, size_t n,
                double scale, float *d);

#endif
