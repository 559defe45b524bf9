/* Engines: implementations of the network's arithmetic behind one table.
 *
 * To add an engine: one file engine_x.c with a const struct engine, one line in engines[]
 * (engine.c). tests/property/engine.c walks the table. */
#ifndef BITBENCH_MODELS_ENGINE_H
#define BITBENCH_MODELS_ENGINE_H

#include <stddef.h>

struct err;
struct model;
struct pool;
struct tensor;

/* Bytes that an engine needs beside the model's own parameters. */
struct engine_memory {
    size_t once;       /* while it is open */
    size_t per_thread; /* for each thread at work */
};

struct engine {
    const char *name, *help;
    const char *sources; /* source files only this engine uses, space separated, for numeric_id */
    /* The model (with parameters) stays valid and unchanged while the engine is open. pool may be
     * NULL. ERR_LIMIT when the weights alone exceed mem_limit(). Here and in forward the calling
     * thread gets flush-to-zero and denormals-are-zero. */
    int (*open)(void **state, const struct model *m, struct pool *pool, struct err *e);
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
};

extern const struct engine engine_reference, engine_cpu, engine_cpu_direct;
extern const struct engine *const engines[];
extern const size_t engines_n;
/* By name (NULL = the default, the first row); NULL with e set and near matches. */
const struct engine *engine_find(const char *name, struct err *e);

#endif
