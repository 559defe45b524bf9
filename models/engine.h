/* Engines: implementations of the network's arithmetic behind one table.
 *
 * To add an engine: one file engine_x.c with a const struct engine, one line in engines[]
 * (engine.c). tests/conformance walks the table. */
#ifndef BITBENCH_MODELS_ENGINE_H
#define BITBENCH_MODELS_ENGINE_H

#include <stddef.h>

struct err;
struct model;
struct pool;
struct tensor;

struct engine {
    const char *name, *help;
    const char *sources; /* source files only this engine uses, space separated, for numeric_id */
    /* The model stays valid and unchanged while the engine is open. pool may be NULL. */
    int (*open)(void **state, const struct model *m, struct pool *pool, struct err *e);
    /* x [n,h,w,3] as the preprocessing made it -> features [n, model_feature_dim] and, when logits
     * is not NULL, logits [n, n_classes] of the checkpoint's own head. The bits of a row depend on
     * that image alone: not on n, its place, or the number of threads. ERR_NUMERIC when a value is
     * not finite, naming the image's place in the batch. */
    int (*forward)(void *state, const struct tensor *x, float *features, float *logits,
                   struct err *e);
    void (*close)(void *state);
};

extern const struct engine *const engines[];
extern const size_t engines_n;
/* By name (NULL = the default, the first row); NULL with e set and near matches. */
const struct engine *engine_find(const char *name, struct err *e);

#endif
