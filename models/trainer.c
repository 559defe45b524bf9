/* One step of training: for every group of 8 images the forward pass, the loss, the head's gradient
 * and the backward pass, each group adding to the gradient; then, tensor by tensor, the way back
 * through weight standardisation, the norm, and SGD. Groups follow one another, so that a
 * micro-batch of more than 8 images would need more memory and do nothing else. */
#include "models/trainer.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/kernels/backward.h"
#include "models/model.h"

/* --- memory --- */
static size_t first_live(const struct model *m, const struct train_options *o)
{
    return o->head_only ? m->table.n - 2 : 0; /* the head's kernel and bias are last */
}

size_t trainer_bytes(const struct model *m, const struct train_options *o)
{
    size_t live = m->table.n_floats - m->table.params[first_live(m, o)].offset;
    size_t rows = 2 * TRAIN_GROUP * (arch_features(&m->arch) + m->n_classes);
    return (m->table.n_floats + 2 * live + rows) * sizeof(float);
}

int trainer_open(struct trainer *t, const struct model *m,
                 const struct train_options *o, float *kernels, struct pool *pool,
                 struct err *e)
{
    const struct param_table *table = &m->table;
    size_t dim = arch_features(&m->arch);
    *t = (struct trainer){
        .model = m, .options = *o, .kernels = kernels, .pool = pool, .live = first_live(m, o)};
    t->base = table->params[t->live].offset;
    t->n_floats = table->n_floats - t->base;
    t->params = mem_take_raw(table->n_floats, sizeof *t->params, e);
    t->gradient = t->params ? mem_take_raw(t->n_floats, sizeof *t->gradient, e) : NULL;
    t->velocity = t->gradient ? mem_take(t->n_floats, sizeof *t->velocity, e) : NULL;
    t->squares = t->velocity ? mem_take(table->n, sizeof *t->squares, e) : NULL;
    t->features =
        t->squares ? mem_take(2 * TRAIN_GROUP * (dim + m->n_classes), sizeof *t->features, e)
                   : NULL;
    if (!t->features) {
        trainer_close(t);
        return -1;
    }
    t->d_features = t->features + TRAIN_GROUP * dim;
    t->logits = t->d_features + TRAIN_GROUP * dim;
    t->d_logits = t->logits + TRAIN_GROUP * m->n_classes;
    memcpy(t->params, m->params, table->n_floats * sizeof *t->params);
    return 0;
}

void trainer_close(struct trainer *t)
{
    bit_pass_close(&t->pass);
    free(t->params);
    free(t->gradient);
    free(t->velocity);
    free(t->squares);
    free(t->features);
    *t = (struct trainer){0};
}

/* As many workers as have work and memory, at least one. */
static int open_pass(struct trainer *t, const struct tensor *x, size_t weight_bytes,
                     struct err *e)
{
    const struct arch *a = &t->model->arch;
    size_t n = x->n < TRAIN_GROUP ? x->n : TRAIN_GROUP, limit = mem_limit();
    size_t held = weight_bytes + trainer_bytes(t->model, &t->options);
    if (t->pass.max_n >= n && t->pass.h == x->h && t->pass.w == x->w) {
        return 0;
    }
    bit_pass_close(&t->pass);
    size_t one = bit_pass_bytes(a, n, x->h, x->w, 1), left = limit > held ? limit - held : 0;
    size_t each = bit_pass_bytes(a, n, x->h, x->w, 2) - one, workers = pool_size(t->pool);
    if (limit && one > left) {
        char need[16], have[16], all[16];
        return err_set(e, ERR_LIMIT,
                       "%s: training at %zu x %zu pixels, %zu images at a time, needs %s; the "
                       "memory limit of %s leaves %s beside weights, gradient and velocity",
                       t->model->subject, x->h, x->w, n, str_bytes(need, one),
                       str_bytes(all, limit), str_bytes(have, left));
    }
    if (limit && 1 + (left - one) / each < workers) {
        workers = 1 + (left - one) / each;
    }
    return bit_pass_open(&t->pass, a, n, x->h, x->w, workers, e);
}

/* --- the head --- */
enum { HEAD_TILE = 64 };

struct head_job {
    const struct trainer *t;
    size_t n;
    const float *features;
};

static float *gradient_of(const struct trainer *t, const float *param)
{
    return t->gradient + (param - t->params - t->base);
}

static struct head_part tile_of(const struct head_job *j, size_t tile, size_t n)
{
    size_t first = tile * HEAD_TILE;
    return (struct head_part){.n = j->n,
                              .c = arch_features(&j->t->model->arch),
                              .n_classes = j->t->model->n_classes,
                              .first = first,
                              .end = n - first < HEAD_TILE ? n : first + HEAD_TILE};
}

static void logits_item(void *ctx, size_t item, size_t worker)
{
    const struct head_job *j = ctx;
    const struct bit_net *net = j->t->net;
    struct head_part p = tile_of(j, item, net->n_classes);
    (void)worker;
    cpu_flush_denormals();
    kernel_head(&p, j->features, net->head, net->bias, j->t->logits);
}

static void head_item(void *ctx, size_t item, size_t worker)
{
    const struct head_job *j = ctx;
    const struct trainer *t = j->t;
    struct head_part p = tile_of(j, item, arch_features(&t->model->arch));
    (void)worker;
    cpu_flush_denormals();
    kernel_head_backward_weights(&p, j->features, t->d_logits, gradient_of(t, t->net->head));
    if (!t->options.head_only) {
        kernel_head_backward_data(&p, t->d_logits, t->net->head, t->d_features);
    }
}

/* A group's share of the loss: its labels are [n, n_classes], the batch has n_batch images. */
static double head_step(struct trainer *t, size_t n, size_t n_batch, const float *features,
                        const float *labels)
{
    struct head_job j = {.t = t, .n = n, .features = features};
    size_t k = t->model->n_classes, dim = arch_features(&t->model->arch);
    double loss = 0;
    pool_run(t->pool, (k + HEAD_TILE - 1) / HEAD_TILE, logits_item, &j);
    for (size_t i = 0; i < n; i++) {
        loss += loss_row(t->options.loss, t->logits + i * k, labels + i * k, k,
                         1 / (double)n_batch, t->d_logits + i * k);
    }
    pool_run(t->pool, (dim + HEAD_TILE - 1) / HEAD_TILE, head_item, &j);
    struct head_part all = tile_of(&j, 0, dim);
    kernel_head_backward_bias(&all, t->d_logits, gradient_of(t, t->net->bias));
    return loss;
}

/* --- the step --- */
static int run_groups(struct trainer *t, const struct tensor *x, const float *features,
                      const float *labels, double *loss, struct err *e)
{
    size_t floats = x->h * x->w * 3, dim = arch_features(&t->model->arch);
    *loss = 0;
    for (size_t first = 0; first < x->n; first += TRAIN_GROUP) {
        size_t n = x->n - first < TRAIN_GROUP ? x->n - first : TRAIN_GROUP;
        const float *images = x->data + first * floats, *f = t->features;
        if (atomic_load(&note_interrupted)) {
            return err_set(e, ERR_INTERRUPTED, "interrupted");
        }
        if (features) {
            f = features + first * dim;
        } else {
            bit_pass_forward(&t->pass, t->net, t->pool, images, n, t->features);
        }
        *loss += head_step(t, n, x->n, f, labels + first * t->model->n_classes);
        if (!features) {
            bit_pass_backward(&t->pass, t->net, t->pool, images, n, t->d_features, t->gradient,
                              NULL);
        }
    }
    *loss /= (double)x->n;
    return 0;
}

struct update_job {
    struct trainer *t;
    double lr, scale;
};

static void finish_item(void *ctx, size_t item, size_t worker)
{
    struct trainer *t = ctx;
    const struct param *p = &t->model->table.params[t->live + item];
    float *g = t->gradient + p->offset - t->base;
    (void)worker;
    cpu_flush_denormals();
    if (p->kind == PARAM_KERNEL) {
        size_t cout = p->dims[3];
        kernel_standardize_backward(t->params + p->offset, p->n / cout, cout, t->model->ws_eps, g);
    }
    t->squares[item] = sgd_squares(g, p->n);
}

static void update_item(void *ctx, size_t item, size_t worker)
{
    const struct update_job *j = ctx;
    struct trainer *t = j->t;
    const struct param *p = &t->model->table.params[t->live + item];
    const struct sgd_tensor tensor = {.p = p,
                                      .gradient = t->gradient + p->offset - t->base,
                                      .start = t->model->params + p->offset,
                                      .velocity = t->velocity + p->offset - t->base,
                                      .w = t->params + p->offset};
    (void)worker;
    cpu_flush_denormals();
    sgd_update(&t->options.sgd, &tensor, j->lr, j->scale);
    if (p->kind == PARAM_KERNEL) {
        bit_standardize(p, t->model->ws_eps, t->params, t->kernels);
    }
}

static int check_finite(const struct trainer *t, const char *what, double v, struct err *e)
{
    if (isfinite(v)) {
        return 0;
    }
    return err_set(e, ERR_NUMERIC, "%s: step %zu: the %s is %g", t->model->subject, t->step, what,
                   v);
}

int trainer_step(struct trainer *t, const struct tensor *x, const float *features,
                 const float *labels, double lr, size_t weight_bytes,
                 struct train_result *out, struct err *e)
{
    size_t n_live = t->model->table.n - t->live;
    double squares = 0;
    if (!features && open_pass(t, x, weight_bytes, e)) {
        return -1;
    }
    memset(t->gradient, 0, t->n_floats * sizeof *t->gradient);
    if (run_groups(t, x, features, labels, &out->loss, e) ||
        check_finite(t, "loss", out->loss, e)) {
        return -1;
    }
    pool_run(t->pool, n_live, finish_item, t);
    for (size_t i = 0; i < n_live; i++) {
        squares += t->squares[i];
    }
    out->norm = sqrt(squares);
    if (check_finite(t, "gradient's norm", out->norm, e)) {
        return -1;
    }
    struct update_job j = {.t = t, .lr = lr, .scale = sgd_scale(&t->options.sgd, out->norm)};
    pool_run(t->pool, n_live, update_item, &j);
    t->step++;
    return 0;
}

/* --- parameters out and in --- */
void trainer_get(const struct trainer *t, enum train_block which, float *block)
{
    if (which == TRAIN_WEIGHTS) {
        memcpy(block, t->params, (t->base + t->n_floats) * sizeof *block);
        return;
    }
    memset(block, 0, t->base * sizeof *block);
    memcpy(block + t->base, t->velocity, t->n_floats * sizeof *block);
}

void trainer_set(struct trainer *t, enum train_block which, const float *block)
{
    float *to = which == TRAIN_WEIGHTS ? t->params + t->base : t->velocity;
    const struct param_table *table = &t->model->table;
    memcpy(to, block + t->base, t->n_floats * sizeof *block);
    for (size_t i = t->live; which == TRAIN_WEIGHTS && i < table->n; i++) {
        if (table->params[i].kind == PARAM_KERNEL) {
            bit_standardize(&table->params[i], t->model->ws_eps, t->params, t->kernels);
        }
    }
}
