/* What the property tests of training share: a small net, made-up images and labels, an engine at
 * work. A test program is one source file, so the functions are here. */
#ifndef BITBENCH_TESTS_PROPERTY_TRAINING_H
#define BITBENCH_TESTS_PROPERTY_TRAINING_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/blas.h"
#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "models/model.h"

enum { CLASSES = 70, /* more than one tile of the head */
       SEED = 23 };

static struct model net;

static inline int setup(void **state)
{
    (void)state;
    struct arch a;
    blas_init();
    return arch_parse(&a, "R(1,2,1,1)x0.5", NULL) ||
           model_init_random(&net, &a, CLASSES, SEED, NULL);
}

static inline int teardown(void **state)
{
    (void)state;
    model_release(&net);
    return 0;
}

static inline void *take(size_t n, size_t size)
{
    void *p = calloc(n + !n, size);
    assert_non_null(p);
    return p;
}

/* Images and labels. */
struct data {
    struct tensor x;
    float *labels;
};

static inline struct data draw(size_t n, size_t h, size_t w)
{
    struct data d = {.x = {.n = n, .h = h, .w = w, .c = 3}};
    d.x.data = take(n * h * w * 3, sizeof *d.x.data);
    d.labels = take(n * CLASSES, sizeof *d.labels);
    for (size_t i = 0; i < n * h * w * 3; i++) {
        d.x.data[i] = (float)(2 * rng_unit(rng_at(SEED, 1, i)) - 1);
    }
    for (size_t i = 0; i < n; i++) { /* two classes share an image */
        d.labels[i * CLASSES + i % CLASSES] = 0.75f;
        d.labels[i * CLASSES + (i * 7 + 3) % CLASSES] += 0.25f;
    }
    return d;
}

static inline void data_free(struct data *d)
{
    free(d->x.data);
    free(d->labels);
}

struct trained {
    const struct engine *engine;
    struct pool *pool;
    void *state;
};

static inline struct trained begin(const struct engine *engine, size_t threads,
                                   const struct train_options *o)
{
    struct trained t = {.engine = engine};
    struct err e = {0};
    if ((threads && pool_open(&t.pool, threads, &e)) ||
        engine->open(&t.state, &net, t.pool, &e) || engine->train_begin(t.state, o, &e)) {
        fail_msg("%s", e.text);
    }
    return t;
}

static inline void end(struct trained *t)
{
    t->engine->close(t->state);
    pool_close(t->pool);
}

static inline struct train_result step(struct trained *t, const struct data *d, double lr)
{
    struct train_result r = {0};
    struct err e = {0};
    if (t->engine->train_step(t->state, &d->x, d->labels, lr, &r, &e)) {
        fail_msg("%s", e.text);
    }
    assert_true(isfinite(r.loss) && isfinite(r.norm));
    return r;
}

/* Weights, then velocity; the caller frees. */
static inline float *blocks(struct trained *t)
{
    float *out = take(2 * net.table.n_floats, sizeof *out);
    t->engine->get_params(t->state, TRAIN_WEIGHTS, out);
    t->engine->get_params(t->state, TRAIN_VELOCITY, out + net.table.n_floats);
    return out;
}

/* Of tensors first.. alone: gaps between them hold anything. */
static inline bool same_from(size_t first, const float *a, const float *b)
{
    for (size_t i = first; i < net.table.n; i++) {
        const struct param *p = &net.table.params[i];
        if (memcmp(a + p->offset, b + p->offset, p->n * sizeof *a)) {
            return false;
        }
    }
    return true;
}

static inline bool same(const float *a, const float *b)
{
    size_t n = net.table.n_floats;
    return same_from(0, a, b) && same_from(0, a + n, b + n);
}

static const struct train_options plain = {.sgd = {.momentum = 0.9}};

#endif
