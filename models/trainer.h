/* Training in the reference engine: parameters, gradient, velocity, and the pass of 8 images. */
#ifndef BITBENCH_MODELS_TRAINER_H
#define BITBENCH_MODELS_TRAINER_H

#include "models/bit_backward.h"
#include "models/engine.h"

struct model;

struct trainer {
    const struct model *model;
    struct train_options options;
    struct pool *pool;
    const struct bit_net *net; /* into params and kernels */
    float *kernels;            /* standardised; not owned */
    float *params;             /* the whole block */
    size_t live, base;         /* first tensor that is trained, and its offset */
    size_t n_floats;           /* from base on: of gradient and velocity */
    float *gradient, *velocity;
    double *squares; /* [table.n] */
    struct bit_pass pass;
    size_t step;
    float *features, *logits; /* [8, features], [8, n_classes], then their gradients */
    float *d_features, *d_logits;
};

/* Bytes of all but the pass. */
size_t trainer_bytes(const struct model *m, const struct train_options *o);
/* The caller then sets t->net, whose parameters are t->params. On failure nothing is held. */
int trainer_open(struct trainer *t, const struct model *m,
                 const struct train_options *o, float *kernels, struct pool *pool,
                 struct err *e);
void trainer_close(struct trainer *t);
/* features: with head_only those of x, else NULL. weight_bytes: what the engine holds beside. */
int trainer_step(struct trainer *t, const struct tensor *x, const float *features,
                 const float *labels, double lr, size_t weight_bytes,
                 struct train_result *out, struct err *e);
void trainer_get(const struct trainer *t, enum train_block which, float *block);
void trainer_set(struct trainer *t, enum train_block which, const float *block);

#endif
