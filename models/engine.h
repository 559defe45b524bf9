/* Engines: implementations of the network's arithmetic behind one table.
 *
 * To add an engine: one file engine_x.c with a const struct engine, one line in engines[]
 * (engine.c). tests/property/engine.c walks the table. */
#ifndef BITBENCH_MODELS_ENGINE_H
#define BITBENCH_MODELS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include "models/loss.h"
#include "models/sgd.h"

struct err;
struct model;
struct pool;
struct tensor;

/* Bytes that an engine needs beside the model's own parameters. */
struct engine_memory {
    size_t once;       /* while it is open */
    size_t per_thread; /* for each thread at work */
};

/* How a model is trained. */
struct train_options {
    enum loss_kind loss;
    struct sgd sgd;
    bool head_only;     /* the trunk stays as it is */
    size_t micro_batch; /* most images in flight at once, a multiple of 8; 0: what mem_limit()
                           allows. Never shows in the bits. */
};
/* Of one step, before its update. */
struct train_result {
    double loss; /* mean over the batch, in nats */
    double norm; /* of the whole gradient, before clipping and decay */
};
enum { TRAIN_GROUP = 8 }; /* the gradient is the sum over groups of 8 images, in index order */
enum train_block { TRAIN_WEIGHTS,
                   TRAIN_VELOCITY };

struct engine {
    const char *name, *help;
    /* Source files only this engine uses, space separated, for numeric_id; train_sources: what
     * training uses beside those, which counts for no cell as long as no protocol trains with it.
     */
    const char *sources, *train_sources;
    /* The model (with parameters) stays valid and unchanged while the engine is open. pool may be
     * NULL. ERR_LIMIT when the weights alone exceed mem_limit(). Here and in forward the calling
     * thread gets flush-to-zero and denormals-are-zero. */
    int (*open)(void **state, const struct model *m, struct pool *pool, struct err *e);
    /* For a model that nobody but this engine, which only runs forward, uses from now on: its
     * kernels move into the engine's form a layer at a time and their memory goes back to the
     * system; the model is spent, on failure, too. NULL: the same as open. */
    int (*open_forward)(void **state, struct model *m, struct pool *pool, struct err *e);
    /* x [n,h,w,3] as the preprocessing made it, any h and w from 1 -> features [n,
     * model_feature_dim] and, when logits is not NULL, logits [n, n_classes] of the checkpoint's
     * own head (ERR_USAGE when it has none). The bits of a row depend on that image alone: not on
     * n, its place, or the number of threads. ERR_NUMERIC when a value is not finite, naming the
     * image's place in the batch; ERR_LIMIT when one thread needs more than mem_limit() leaves
     * (before that, fewer threads work); ERR_INTERRUPTED between images. */
    int (*forward)(void *state, const struct tensor *x, float *features, float *logits,
                   struct err *e);
    void (*close)(void *state);
    /* For images of h x w; the model may be without parameters. */
    struct engine_memory (*memory)(const struct model *m, size_t h, size_t w);

    /* Training; all of these NULL in an engine that cannot. */
    /* Makes an open engine train: it takes a copy of the model's parameters, which from now on
     * forward uses too; velocity is 0, the next step is step 0. Once for an open engine. The model
     * must be a network (ERR_USAGE) with a head, also where that is still zero; its parameters,
     * unchanged, are what SGD_DECAY_TO_INIT draws to. ERR_LIMIT when the blocks alone exceed
     * mem_limit(). On failure the engine is as before. */
    int (*train_begin)(void *state, const struct train_options *o, struct err *e);
    /* One step on x [n,h,w,3], n >= 1, with soft labels [n, n_classes] and rate lr. The updated
     * parameters, loss and norm are the same bits for any number of threads and any micro_batch.
     * On failure the parameters, the velocity and the count of steps are unchanged: ERR_NUMERIC
     * when the loss or the norm is not finite, naming step and value; ERR_LIMIT when 8 images at a
     * time with one thread are too much for mem_limit(); ERR_INTERRUPTED between groups. */
    int (*train_step)(void *state, const struct tensor *x, const float *labels, double lr,
                      struct train_result *out, struct err *e);
    /* A whole block [table.n_floats] laid out by the model's table, out and in: all that training
     * goes on from, beside the count of steps that only messages use. With head_only the velocity
     * of the trunk is 0 and is not taken in, nor are its weights. */
    void (*get_params)(void *state, enum train_block which, float *block);
    void (*set_params)(void *state, enum train_block which, const float *block);
    /* Of a network, beside its own parameters, with at most 8 images at a time; once covers what is
     * shared by the threads. */
    struct engine_memory (*train_memory)(const struct model *m, const struct train_options *o,
                                         size_t h, size_t w);
};

extern const struct engine engine_reference, engine_cpu, engine_cpu_direct;
extern const struct engine *const engines[];
extern const size_t engines_n;
/* open_forward, or open where there is none. */
int engine_open_forward(const struct engine *engine, void **state, struct model *m,
                        struct pool *pool, struct err *e);
/* By name (NULL = the default, the first row); NULL with e set, all names and near matches. */
const struct engine *engine_find(const char *name, struct err *e);

#endif
