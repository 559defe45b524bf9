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

/* Sum of squares, in order. */
double sgd_squares(const float *gradient, size_t n);
/* What clipping multiplies the gradient with, whose norm over all tensors is norm. */
double sgd_scale(const struct sgd *s, double norm);

/* p says which tensor it is and its size; all arrays [p->n]. start: what SGD_DECAY_TO_INIT draws
 * to, else unused. */
struct sgd_tensor {
    const struct param *p;
    const float *gradient, *start;
    float *velocity, *w;
};
void sgd_update(const struct sgd *s, const struct sgd_tensor *t, double lr, double scale);

#endif
