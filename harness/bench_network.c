/* bench forward, bench train: a network as a whole on made-up images. Training is cross-entropy and
 * SGD with momentum 0.9 at rate 0.003, image i being of class i modulo the number of classes. The
 * numbers behind the images are a formula, so that others can be given the same (tests/peers). */
#include "harness/bench.h"
#include "harness/context.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "models/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEW_CLASSES = 10,
       LOSSES = 4 };
static const double RATE = 0.003; /* BiT's base rate */

struct network {
    const struct engine *engine;
    const struct model *model;
    void *state;
    struct tensor x;
    float *features, *labels; /* one of them */
    double losses[LOSSES];    /* of the first steps */
    size_t n_steps;
    size_t held, limit; /* bytes of the blocks above; mem_limit() before they were taken */
    char shape[BENCH_POINT];
};

void bench_point(char text[BENCH_POINT], const struct ctx *c, const struct model *m, size_t px,
                 size_t batch)
{
    snprintf(text, BENCH_POINT, "%.40s %zux%zu batch %zu %s", m->arch_text, px, px, batch,
             c->engine->name);
}

/* A block for images, features or labels; the engine gets what it leaves of the limit. */
static float *take(struct network *n, size_t rows, size_t floats, const char *what, struct err *e)
{
    size_t bytes = rows * floats * sizeof(float), params = n->model->table.n_floats * sizeof(float);
    if (n->limit && params + n->held + bytes > n->limit) {
        char want[16], used[16], have[16];
        err_set(e, ERR_LIMIT, "%s take %s, with %s in use more than the memory limit of %s", what,
                str_bytes(want, bytes), str_bytes(used, params + n->held),
                str_bytes(have, n->limit));
        return NULL;
    }
    float *block = mem_take(rows, floats * sizeof *block, e);
    if (!block) {
        err_wrap(e, "%s", what);
        return NULL;
    }
    n->held += bytes;
    if (n->limit) {
        mem_set_limit(n->limit > n->held ? n->limit - n->held : 1);
    }
    return block;
}

/* Model, size and batch of the point; no engine yet. */
static int open_network(struct network *n, struct ctx *c, struct bench_args *a,
                        const struct model *m, struct err *e)
{
    size_t px = (size_t)(a->pp.crop ? a->pp.crop : BENCH_SIZE);
    size_t batch = a->batch ? a->batch : BENCH_BATCH;
    char what[96];
    *n = (struct network){.engine = c->engine,
                          .model = m,
                          .x = {.n = batch, .h = px, .w = px, .c = 3},
                          .limit = mem_limit()};
    bench_point(n->shape, c, m, px, batch);
    snprintf(what, sizeof what, "images [%zu, %zu, %zu, 3]", batch, px, px);
    n->x.data = take(n, batch, px * px * 3, what, e);
    if (!n->x.data) {
        return -1;
    }
    for (size_t i = 0; i < batch * px * px * 3; i++) {
        n->x.data[i] = (float)(2 * rng_unit(rng_at(0, 1, i)) - 1);
    }
    return 0;
}

/* -1: the engine's failure, with what is held here where its limit is without that. */
static int beside(const struct network *n, struct err *e)
{
    char held[16];
    return n->limit && e->code == ERR_LIMIT
               ? err_wrap(e, "beside %s of images and results", str_bytes(held, n->held))
               : -1;
}

static void close_network(struct network *n)
{
    if (n->state) {
        n->engine->close(n->state);
    }
    free(n->features);
    free(n->labels);
    free(n->x.data);
    if (n->limit) {
        mem_set_limit(n->limit);
    }
}

/* Of one pass over the batch. */
static double flop(const struct network *n)
{
    const struct model *m = n->model;
    if (m->kind != MODEL_BIT) {
        return 0;
    }
    return 2.0 * (double)n->x.n * (double)arch_macs(&m->arch, 0, n->x.h, n->x.w);
}

/* --- forward --- */
static int forward_once(void *ctx, struct err *e)
{
    const struct network *n = ctx;
    return n->engine->forward(n->state, &n->x, n->features, NULL, e);
}

int bench_forward(struct ctx *c, struct bench_args *a, struct err *e)
{
    struct model *m = NULL;
    struct model_dirs where = context_model_dirs(c);
    struct network n = {0};
    int status = -1;
    if (model_open(&m, a->model ? a->model : "random:R50x1", &where, true, e) ||
        open_network(&n, c, a, m, e) ||
        !(n.features = take(&n, n.x.n, model_feature_dim(m, n.x.h, n.x.w), "features", e))) {
        goto out;
    }
    struct bench_line line = {.what = "forward",
                              .shape = n.shape,
                              .unit = "images",
                              .units = (double)n.x.n,
                              .flop = flop(&n),
                              .peak = bench_peak(c->pool)};
    status = engine_open_forward(c->engine, &n.state, m, c->pool, e) ||
                     bench_measure(c, a, &line, forward_once, &n, e)
                 ? beside(&n, e)
                 : 0;
out:
    close_network(&n);
    model_close(m);
    return status;
}

/* --- train --- */
static int train_once(void *ctx, struct err *e)
{
    struct network *n = ctx;
    struct train_result r;
    if (n->engine->train_step(n->state, &n->x, n->labels, RATE, &r, e)) {
        return -1;
    }
    if (n->n_steps < LOSSES) {
        n->losses[n->n_steps] = r.loss;
    }
    n->n_steps++;
    return 0;
}

/* Image i is of class i modulo their number. */
static int take_labels(struct network *n, struct err *e)
{
    size_t classes = n->model->n_classes;
    n->labels = take(n, n->x.n, classes, "labels", e);
    for (size_t i = 0; n->labels && i < n->x.n; i++) {
        n->labels[i * classes + i % classes] = 1;
    }
    return n->labels ? 0 : -1;
}

static int start_training(struct network *n, struct pool *pool, struct err *e)
{
    struct train_options o = {.loss = LOSS_SOFTMAX, .sgd.momentum = 0.9};
    return n->engine->open(&n->state, n->model, pool, e) ||
                   n->engine->train_begin(n->state, &o, e)
               ? -1
               : 0;
}

/* The network asked for in *m; for one without a head (random:...) a random one with a head in
 * *fresh, and *m is NULL. */
static int open_trainable(struct model **m, struct model *fresh, const char *name,
                          const struct model_dirs *where, struct err *e)
{
    if (model_open(m, name, where, false, e)) {
        return -1;
    }
    if ((*m)->kind != MODEL_BIT) {
        return err_set(e, ERR_USAGE, "%s cannot be trained", (*m)->subject);
    }
    bool head = (*m)->n_classes > 0;
    if (!head && model_init_random(fresh, &(*m)->arch, NEW_CLASSES, 0, e)) {
        return -1;
    }
    memcpy(fresh->subject, (*m)->subject, sizeof fresh->subject);
    model_close(*m);
    *m = NULL;
    return head ? model_open(m, name, where, true, e) : 0;
}

int bench_train(struct ctx *c, struct bench_args *a, struct err *e)
{
    struct model *m = NULL, fresh = {0};
    struct model_dirs where = context_model_dirs(c);
    struct network n = {0};
    int status = -1;
    if (!c->engine->train_begin) {
        return err_set(e, ERR_USAGE, "engine %s does not train", c->engine->name);
    }
    if (open_trainable(&m, &fresh, a->model ? a->model : "random:R50x1", &where, e) ||
        open_network(&n, c, a, m ? m : &fresh, e) || take_labels(&n, e)) {
        goto out;
    }
    struct bench_line line = {.what = "train",
                              .shape = n.shape,
                              .unit = "images",
                              .units = (double)n.x.n,
                              .flop = 3 * flop(&n), /* forward, and backward twice as much */
                              .peak = bench_peak(c->pool)};
    status = start_training(&n, c->pool, e) || bench_measure(c, a, &line, train_once, &n, e)
                 ? beside(&n, e)
                 : 0;
    if (status == 0 && a->each) {
        printf("# losses:");
        for (size_t i = 0; i < n.n_steps && i < LOSSES; i++) {
            printf(" %.9g", n.losses[i]);
        }
        printf("\n");
    }
out:
    close_network(&n);
    model_release(&fresh);
    model_close(m);
    return status;
}
