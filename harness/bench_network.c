/* bench forward, bench train: a network as a whole on made-up images. Training is cross-entropy and
 * SGD with momentum 0.9 at rate 0.003, image i being of class i modulo the number of classes. The
 * numbers behind the images are a formula, so that others can be given the same (tests/peers). */
#include "harness/bench.h"
#include "harness/context.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
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
    char shape[BENCH_POINT];
};

void bench_point(char text[BENCH_POINT], const struct ctx *c, const struct model *m, size_t px,
                 size_t batch)
{
    snprintf(text, BENCH_POINT, "%.40s %zux%zu batch %zu %s", m->arch_text, px, px, batch,
             c->engine->name);
}

/* Model, size and batch of the point; no engine yet. */
static int open_network(struct network *n, struct ctx *c, struct bench_args *a,
                        const struct model *m, struct err *e)
{
    size_t px = (size_t)(a->pp.crop ? a->pp.crop : BENCH_SIZE);
    size_t batch = a->batch ? a->batch : BENCH_BATCH;
    *n = (struct network){
        .engine = c->engine, .model = m, .x = {.n = batch, .h = px, .w = px, .c = 3}};
    n->x.data = mem_take(batch * px * px, 3 * sizeof(float), e);
    if (!n->x.data) {
        return -1;
    }
    for (size_t i = 0; i < batch * px * px * 3; i++) {
        n->x.data[i] = (float)(2 * rng_unit(rng_at(0, 1, i)) - 1);
    }
    bench_point(n->shape, c, m, px, batch);
    return 0;
}

static void close_network(struct network *n)
{
    if (n->state) {
        n->engine->close(n->state);
    }
    free(n->features);
    free(n->labels);
    free(n->x.data);
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
        engine_open_forward(c->engine, &n.state, m, c->pool, e)) {
        goto out;
    }
    n.features = mem_take(n.x.n, model_feature_dim(m, n.x.h, n.x.w) * sizeof(float), e);
    if (n.features) {
        struct bench_line line = {.what = "forward",
                                  .shape = n.shape,
                                  .unit = "images",
                                  .units = (double)n.x.n,
                                  .flop = flop(&n),
                                  .peak = bench_peak(c->pool)};
        status = bench_measure(c, a, &line, forward_once, &n, e);
    }
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

static int start_training(struct network *n, struct err *e)
{
    size_t classes = n->model->n_classes;
    struct train_options o = {.loss = LOSS_SOFTMAX, .sgd.momentum = 0.9};
    if (!n->engine->train_begin) {
        return err_set(e, ERR_USAGE, "engine %s does not train", n->engine->name);
    }
    n->labels = mem_take(n->x.n, classes * sizeof *n->labels, e);
    for (size_t i = 0; n->labels && i < n->x.n; i++) {
        n->labels[i * classes + i % classes] = 1;
    }
    return n->labels ? n->engine->train_begin(n->state, &o, e) : -1;
}

/* The model asked for; a network without a head (random:...) becomes a random one with a head. */
static int trainable(struct model *fresh, const struct model *m, const struct model **out,
                     struct err *e)
{
    *out = m;
    if (m->kind != MODEL_BIT) {
        return err_set(e, ERR_USAGE, "%s cannot be trained", m->subject);
    }
    if (!m->n_classes) {
        *out = fresh;
        if (model_init_random(fresh, &m->arch, NEW_CLASSES, 0, e)) {
            return -1;
        }
        memcpy(fresh->subject, m->subject, sizeof fresh->subject);
    }
    return 0;
}

int bench_train(struct ctx *c, struct bench_args *a, struct err *e)
{
    struct model *m = NULL, fresh = {0};
    const struct model *used;
    struct model_dirs where = context_model_dirs(c);
    struct network n = {0};
    int status = -1;
    if (model_open(&m, a->model ? a->model : "random:R50x1", &where, true, e) ||
        trainable(&fresh, m, &used, e) || open_network(&n, c, a, used, e) ||
        c->engine->open(&n.state, used, c->pool, e) || start_training(&n, e)) {
        goto out;
    }
    struct bench_line line = {.what = "train",
                              .shape = n.shape,
                              .unit = "images",
                              .units = (double)n.x.n,
                              .flop = 3 * flop(&n), /* forward, and backward twice as much */
                              .peak = bench_peak(c->pool)};
    status = bench_measure(c, a, &line, train_once, &n, e);
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
