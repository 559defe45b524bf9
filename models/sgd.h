/* SGD with momentum, one tensor at a time:
 *   g = gradient * scale (clipping) + decay;  v = momentum * v + g;  w = w - lr * v
 * The rate stands outside the velocity, as in torch.optim.SGD and BiT's PyTorch code. */
#ifndef BITBENCH_MODELS_SGD_H
#define BITBENCH_MODELS_SGD_H

#include <stddef.h>
#include "models/arch.h"

enum sgd_decay { SGD_DECAY_NONE,
                 SGD_DECAY_ALL,     /* weight_decay * w for every tensor */
                 SGD_DECAY_KERNELS, /* for kernels alone, the head's among them */
                 SGD_DECAY_TO_INIT  /* weight_decay * (w - start) for every tensor */
};

struct sgd {
    double momentum; /* 0.9 in BiT */
    enum sgd_decay decay;
    double weight_decay;
    double clip; /* largest norm of the whole gradient; 0 = any */
};

/* Sum of squares of a gradient [rows, cols], ld floats from row to row, in an order that depends on
 * the shape alone. */
double sgd_squares(const float *gradient, size_t rows, size_t cols, size_t ld);
/* What clipping multiplies the gradient with, whose norm over all tensors is norm. */
double sgd_scale(const struct sgd *s, double norm);

/* A tensor or a piece of it; all arrays [n]. start: what SGD_DECAY_TO_INIT draws to, else
 * unused. */
struct sgd_tensor {
    enum param_kind kind;
    size_t n;
    const float *gradient, *start;
    float *velocity, *w;
};
void sgd_update(const struct sgd *s, const struct sgd_tensor *t, double lr, double scale);

#endif
