/* SGD's update; each new value is computed in double and rounded once. */
#include "models/sgd.h"

#include <stdbool.h>

double sgd_squares(const float *gradient, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)gradient[i] * (double)gradient[i];
    }
    return sum;
}

double sgd_scale(const struct sgd *s, double norm)
{
    /* 1e-6 as in torch.nn.utils.clip_grad_norm_. */
    double scale = s->clip > 0 ? s->clip / (norm + 1e-6) : 1;
    return scale < 1 ? scale : 1;
}

static bool decays(const struct sgd *s, enum param_kind kind)
{
    bool kernel = kind == PARAM_KERNEL || kind == PARAM_HEAD_KERNEL;
    return s->decay == SGD_DECAY_ALL || s->decay == SGD_DECAY_TO_INIT ||
           (s->decay == SGD_DECAY_KERNELS && kernel);
}

void sgd_update(const struct sgd *s, const struct sgd_tensor *t, double lr, double scale)
{
    double decay = decays(s, t->p->kind) ? s->weight_decay : 0;
    bool to_init = s->decay == SGD_DECAY_TO_INIT;
    for (size_t i = 0; i < t->p->n; i++) {
        double w = (double)t->w[i], g = (double)t->gradient[i] * scale;
        g += decay * (to_init ? w - (double)t->start[i] : w);
        t->velocity[i] = (float)(s->momentum * (double)t->velocity[i] + g);
        t->w[i] = (float)(w - lr * (double)t->velocity[i]);
    }
}
