/* What the two halves of the cpu engine share: engine_cpu.c has forward, engine_cpu_train.c
 * training. */
#ifndef BITBENCH_MODELS_ENGINE_CPU_PRIVATE_H
#define BITBENCH_MODELS_ENGINE_CPU_PRIVATE_H

#include "models/cpu/net.h"
#include "models/cpu/train.h"
#include "models/engine.h"
#include "models/model.h"
#include "models/trainer.h"

struct cpu {
    const struct model *model;
    struct pool *pool;
    struct cpu_net net; /* {0} for pixels */
    bool said_blind;    /* bit_warn_blind */
    /* From train_begin on, when net is that of `trained`. Either net or train has memory for
     * images. */
    struct trainer *trainer;
    struct model trained; /* the model with the trainer's parameters; not to be released */
    struct cpu_train train;
};

int cpu_engine_forward(void *state, const struct tensor *x, float *features, float *logits,
                       struct err *e);
/* For one image at a time; with more memory it takes more. */
struct engine_memory cpu_engine_memory(const struct model *m, size_t h, size_t w,
                                       bool no_winograd);

/* As in struct engine. */
int cpu_engine_train_begin(void *state, const struct train_options *o, struct err *e);
int cpu_engine_train_step(void *state, const struct tensor *x, const float *labels, double lr,
                          struct train_result *out, struct err *e);
void cpu_engine_get_params(void *state, enum train_block which, float *block);
void cpu_engine_set_params(void *state, enum train_block which, const float *block);
struct engine_memory cpu_engine_train_memory(const struct model *m, const struct train_options *o,
                                             size_t h, size_t w, bool no_winograd);
void cpu_engine_train_close(struct cpu *c);

#endif
