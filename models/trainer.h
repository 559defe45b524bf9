/* Training, whatever the engine: parameters, gradient and velocity, the head and the loss, the
 * update. How images go through the trunk, forward and backward, is the engine's. */
#ifndef BITBENCH_MODELS_TRAINER_H
#define BITBENCH_MODELS_TRAINER_H

#include "models/bit.h"
#include "models/engine.h"
#include "models/kernels/backward.h"

struct model;
struct pool;
struct trainer;

/* An engine's way through the trunk. */
struct trunk {
    /* Makes ready for images as those of x; held: bytes of all that is planned beside. Sets
     * t->micro, a multiple of TRAIN_GROUP, and t->features and t->d_features [micro, features].
     * ERR_LIMIT when not even TRAIN_GROUP images with one thread fit mem_limit(). */
    int (*plan)(struct trainer *t, const struct tensor *x, size_t held, struct err *e);
    /* images [n,h,w,3], n at most micro -> t->features. */
    void (*forward)(struct trainer *t, const float *images, size_t n);
    /* After a forward pass of the same images: adds to t->gradient what t->d_features makes of the
     * trunk's tensors, of kernels in their standardised form. The images are whole groups of
     * TRAIN_GROUP, of which the batch's last may be short; the bits do not depend on how many
     * groups there are. Both passes may stop early where note_interrupted is set. */
    void (*backward)(struct trainer *t, const float *images, size_t n);
    /* The trunk's parameters are others now. */
    void (*changed)(struct trainer *t);
};

/* A piece of a tensor: columns first..first+n-1 of its rows, or as many of its floats. */
struct train_piece {
    const struct param *p;
    size_t first, n;
};
struct train_pieces {
    struct train_piece *at; /* owned */
    size_t n;
};

struct trainer {
    const struct model *model;
    struct train_options options;
    struct pool *pool;
    const struct trunk *trunk;
    void *engine;                 /* the trunk's own */
    struct train_kernels kernels; /* those of models/kernels unless the engine has faster ones */
    const struct bit_net *net;    /* into params */
    float *params;                /* the whole block */
    size_t live, base;            /* first tensor that is trained, and its offset */
    size_t n_floats;              /* from base on: of gradient and velocity */
    float *gradient, *velocity;
    struct train_pieces columns, chunks; /* of the live tensors */
    double *squares;                     /* [columns.n] */
    size_t step;
    size_t micro;
    float *features, *d_features;
    float *logits, *d_logits; /* [TRAIN_GROUP, n_classes] */
};

/* Bytes of all but the trunk. */
size_t trainer_bytes(const struct model *m, const struct train_options *o);
/* Takes a copy of the parameters. The caller then sets t->net, whose parameters are t->params, and
 * what belongs to its trunk. On failure nothing is held. */
int trainer_open(struct trainer *t, const struct model *m, const struct train_options *o,
                 const struct trunk *trunk, void *engine, struct pool *pool, struct err *e);
void trainer_close(struct trainer *t);
/* features: with head_only those of x, else NULL. held: bytes that the engine holds beside. */
int trainer_step(struct trainer *t, const struct tensor *x, const float *features,
                 const float *labels, double lr, size_t held, struct train_result *out,
                 struct err *e);
void trainer_get(const struct trainer *t, enum train_block which, float *block);
void trainer_set(struct trainer *t, enum train_block which, const float *block);

#endif
