/* What the two halves of the reference engine share: engine_reference.c has forward,
 * engine_reference_train.c training. */
#ifndef BITBENCH_MODELS_ENGINE_REFERENCE_PRIVATE_H
#define BITBENCH_MODELS_ENGINE_REFERENCE_PRIVATE_H

#include "harness/base/arena.h"
#include "models/bit_backward.h"
#include "models/engine.h"
#include "models/trainer.h"

struct slot {
    struct arena arena;
    struct bit_scratch scratch;
    float *images, *features; /* of one group: [group,h,w,3] and [group, features] */
};

struct reference {
    const struct model *model;
    struct pool *pool;
    float *kernels; /* standardised, laid out as the model's block */
    struct bit_net net;
    struct slot *slots; /* [pool_size] */
    size_t n_slots;     /* open ones, planned for groups of images of h x w */
    size_t group, h, w;
    bool said_blind;       /* bit_warn_blind */
    struct trainer *train; /* once train_begin was called, with what follows */
    struct bit_pass pass;
    float *rows; /* features of a group and their gradient */
};

size_t reference_weight_bytes(const struct model *m);
/* Beside those, from train_begin on. */
size_t reference_train_bytes(const struct model *m, const struct train_options *o);
void reference_standardize(struct reference *r, const float *params);
void reference_close_slots(struct reference *r);
int reference_forward(void *state, const struct tensor *x, float *features, float *logits,
                      struct err *e);
struct engine_memory reference_memory(const struct model *m, size_t h, size_t w);

/* As in struct engine. */
int reference_train_begin(void *state, const struct train_options *o, struct err *e);
int reference_train_step(void *state, const struct tensor *x, const float *labels, double lr,
                         struct train_result *out, struct err *e);
void reference_get_params(void *state, enum train_block which, float *block);
void reference_set_params(void *state, enum train_block which, const float *block);
struct engine_memory reference_train_memory(const struct model *m, const struct train_options *o,
                                            size_t h, size_t w);

#endif
