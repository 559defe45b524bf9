/* SGD's update; each new value is computed in double and rounded once. */
#include "models/sgd.h"

#include <stdbool.h>

/* Column j goes to sum j % LANES, so that the additions do not wait for one another. */
double sgd_squares(const float *gradient, size_t rows, size_t cols, size_t ld)
{
    enum { LANES = 16 };
    double sums[LANES] = {0}, total = 0;
    for (size_t r = 0; r < rows; r++, gradient += ld) {
        size_t i = 0;
        for (; i + LANES <= cols; i += LANES) {
            for (size_t j = 0; j < LANES; j++) {
                sums[j] += (double)gradient[i + j] * (double)gradient[i + j];
            }
        }
        for (; i < cols; i++) {
            sums[i % LANES] += (double)gradient[i] * (double)gradient[i];
        }
    }
    for (size_t j = 0; j < LANES; j++) {
        total += sums[j];
    }
    return total;
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
    double decay = decays(s, t->kind) ? s->weight_decay : 0;
    bool to_init = s->decay == SGD_DECAY_TO_INIT;
    for (size_t i = 0; i < t->n; i++) {
        double w = (double)t->w[i], g = (double)t->gradient[i] * scale;
        g += decay * (to_init ? w - (double)t->start[i] : w);
        t->velocity[i] = (float)(s->momentum * (double)t->velocity[i] + g);
        t->w[i] = (float)(w - lr * (double)t->velocity[i]);
    }
}
