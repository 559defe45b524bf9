/* One step of training: for every micro-batch the trunk forward, for each of its groups of 8 images
 * the loss and the head's gradient, the trunk backward, each adding to the gradient; then, piece by
 * piece, the way back through weight standardisation, the norm, and SGD. */
#include "models/trainer.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
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
    size_t rows = 2 * TRAIN_GROUP * m->n_classes;
    return (m->table.n_floats + 2 * live + rows) * sizeof(float);
}

/* Pieces of all live tensors, of at most n_columns columns of kernels and n_floats floats of other
 * tensors, the last tensors, which are the largest, first. */
static int cut_pieces(struct train_pieces *out, const struct trainer *t, size_t n_columns,
                      size_t n_floats, struct err *e)
{
    const struct param_table *table = &t->model->table;
    for (int fill = 0; fill < 2; fill++) {
        size_t n = 0;
        for (size_t i = table->n; i-- > t->live;) {
            const struct param *p = &table->params[i];
            bool columns = n_columns && p->kind == PARAM_KERNEL;
            size_t all = columns ? p->dims[3] : p->n, most = columns ? n_columns : n_floats;
            for (size_t first = 0; first < all; first += most, n++) {
                size_t rest = all - first;
                if (fill) {
                    out->at[n] = (struct train_piece){p, first, rest < most ? rest : most};
                }
            }
        }
        out->n = n;
        if (!fill && !(out->at = mem_take(n, sizeof *out->at, e))) {
            return -1;
        }
    }
    return 0;
}

/* 64 columns are what the way back through standardisation takes at a time. */
enum { PIECE_COLUMNS = 64,
       PIECE_FLOATS = 1 << 16 };

int trainer_open(struct trainer *t, const struct model *m, const struct train_options *o,
                 const struct trunk *trunk, void *engine, struct pool *pool, struct err *e)
{
    const struct param_table *table = &m->table;
    *t = (struct trainer){.model = m,
                          .options = *o,
                          .pool = pool,
                          .trunk = trunk,
                          .engine = engine,
                          .kernels = {.standardize_backward = kernel_standardize_backward,
                                      .head = kernel_head,
                                      .head_weights = kernel_head_backward_weights,
                                      .head_data = kernel_head_backward_data},
                          .live = first_live(m, o)};
    t->base = table->params[t->live].offset;
    t->n_floats = table->n_floats - t->base;
    t->params = mem_take_raw(table->n_floats, sizeof *t->params, e);
    t->gradient = t->params ? mem_take_raw(t->n_floats, sizeof *t->gradient, e) : NULL;
    t->velocity = t->gradient ? mem_take(t->n_floats, sizeof *t->velocity, e) : NULL;
    t->logits =
        t->velocity ? mem_take(2 * TRAIN_GROUP * m->n_classes, sizeof *t->logits, e) : NULL;
    if (!t->logits || cut_pieces(&t->columns, t, PIECE_COLUMNS, PIECE_FLOATS, e) ||
        cut_pieces(&t->chunks, t, 0, PIECE_FLOATS, e) ||
        !(t->squares = mem_take(t->columns.n, sizeof *t->squares, e))) {
        trainer_close(t);
        return -1;
    }
    t->d_logits = t->logits + TRAIN_GROUP * m->n_classes;
    memcpy(t->params, m->params, table->n_floats * sizeof *t->params);
    return 0;
}

void trainer_close(struct trainer *t)
{
    void *owned[] = {t->params, t->gradient, t->velocity, t->logits, t->columns.at,
                     t->chunks.at, t->squares};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(owned[i]);
    }
    *t = (struct trainer){0};
}

/* --- the head --- */
enum { HEAD_TILE = 64 };

struct head_job {
    const struct trainer *t;
    size_t n;
    const float *features;
    float *d_features;
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
    j->t->kernels.head(&p, j->features, net->head, net->bias, j->t->logits);
}

static void head_item(void *ctx, size_t item, size_t worker)
{
    const struct head_job *j = ctx;
    const struct trainer *t = j->t;
    struct head_part p = tile_of(j, item, arch_features(&t->model->arch));
    (void)worker;
    cpu_flush_denormals();
    t->kernels.head_weights(&p, j->features, t->d_logits, gradient_of(t, t->net->head));
    if (!t->options.head_only) {
        t->kernels.head_data(&p, t->d_logits, t->net->head, j->d_features);
    }
}

/* A group's share of the loss: its labels are [n, n_classes], the batch has n_batch images. */
static double head_step(struct trainer *t, size_t n, size_t n_batch, const float *features,
                        const float *labels, float *d_features)
{
    struct head_job j = {.t = t, .n = n, .features = features, .d_features = d_features};
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
static int interrupted(struct err *e)
{
    return atomic_load(&note_interrupted) ? err_set(e, ERR_INTERRUPTED, "interrupted") : 0;
}

/* n images whose features are there, group by group, each of which adds to *loss. */
static void head_groups(struct trainer *t, size_t n, size_t n_batch, const float *features,
                        const float *labels, double *loss)
{
    size_t dim = arch_features(&t->model->arch), k = t->model->n_classes;
    for (size_t i = 0; i < n; i += TRAIN_GROUP) {
        size_t group = n - i < TRAIN_GROUP ? n - i : TRAIN_GROUP;
        float *d = t->options.head_only ? NULL : t->d_features + i * dim;
        *loss += head_step(t, group, n_batch, features + i * dim, labels + i * k, d);
    }
}

static int run_groups(struct trainer *t, const struct tensor *x, const float *features,
                      const float *labels, double *loss, struct err *e)
{
    size_t floats = x->h * x->w * 3, dim = arch_features(&t->model->arch);
    size_t micro = features ? TRAIN_GROUP : t->micro;
    *loss = 0;
    for (size_t first = 0; first < x->n; first += micro) {
        size_t n = x->n - first < micro ? x->n - first : micro;
        const float *images = x->data + first * floats;
        if (interrupted(e)) {
            return -1;
        }
        if (!features) {
            t->trunk->forward(t, images, n);
        }
        head_groups(t, n, x->n, features ? features + first * dim : t->features,
                    labels + first * t->model->n_classes, loss);
        if (!features) {
            t->trunk->backward(t, images, n);
        }
    }
    *loss /= (double)x->n;
    return interrupted(e);
}

struct update_job {
    struct trainer *t;
    double lr, scale;
};

static void finish_item(void *ctx, size_t item, size_t worker)
{
    struct trainer *t = ctx;
    const struct train_piece *a = &t->columns.at[item];
    bool kernel = a->p->kind == PARAM_KERNEL;
    size_t ld = kernel ? a->p->dims[3] : a->n, rows = kernel ? a->p->n / ld : 1;
    size_t at = a->p->offset + a->first;
    float *g = t->gradient + at - t->base;
    (void)worker;
    cpu_flush_denormals();
    if (kernel) {
        t->kernels.standardize_backward(t->params + at, rows, a->n, ld, t->model->ws_eps, g);
    }
    t->squares[item] = sgd_squares(g, rows, a->n, ld);
}

static void update_item(void *ctx, size_t item, size_t worker)
{
    const struct update_job *j = ctx;
    struct trainer *t = j->t;
    const struct train_piece *a = &t->chunks.at[item];
    size_t at = a->p->offset + a->first;
    const struct sgd_tensor tensor = {.kind = a->p->kind,
                                      .n = a->n,
                                      .gradient = t->gradient + at - t->base,
                                      .start = t->model->params + at,
                                      .velocity = t->velocity + at - t->base,
                                      .w = t->params + at};
    (void)worker;
    cpu_flush_denormals();
    sgd_update(&t->options.sgd, &tensor, j->lr, j->scale);
}

/* --- values that are not finite --- */
/* Index of the first one, or n. */
static size_t first_bad(const float *v, size_t n)
{
    size_t i = 0;
    while (i < n && isfinite(v[i])) {
        i++;
    }
    return i;
}

/* The first trained tensor with one in block, which begins where the first of them does. */
static const struct param *bad_tensor(const struct trainer *t, const float *block)
{
    size_t i = first_bad(block, t->n_floats);
    const struct param *p = &t->model->table.params[t->live];
    while (i < t->n_floats && p->offset + p->n <= t->base + i) {
        p++;
    }
    return i < t->n_floats ? p : NULL;
}

static int bad_loss(const struct trainer *t, const struct tensor *x, const float *labels,
                    double loss, struct err *e)
{
    const struct param *p = bad_tensor(t, t->params + t->base);
    size_t floats = x->h * x->w * x->c, k = t->model->n_classes;
    size_t image = first_bad(x->data, x->n * floats) / floats;
    size_t row = first_bad(labels, x->n * k) / k;
    char why[PARAM_NAME + 64] = "weights, images and labels are finite, what is made of them not";
    if (p) {
        snprintf(why, sizeof why, "tensor %s is not finite", p->name);
    } else if (image < x->n) {
        snprintf(why, sizeof why, "image %zu of the batch is not finite", image);
    } else if (row < x->n) {
        snprintf(why, sizeof why, "the labels of image %zu of the batch are not finite", row);
    }
    return err_set(e, ERR_NUMERIC, "%s: step %zu: the loss is %s: %s", t->model->subject, t->step,
                   str_not_finite(loss), why);
}

static int bad_norm(const struct trainer *t, double norm, struct err *e)
{
    const struct param *weights = bad_tensor(t, t->params + t->base);
    const struct param *gradient = bad_tensor(t, t->gradient);
    char why[PARAM_NAME + 64] = "too large";
    if (weights) {
        snprintf(why, sizeof why, "tensor %s is not finite", weights->name);
    } else if (gradient) {
        snprintf(why, sizeof why, "not finite is that of tensor %s", gradient->name);
    }
    return err_set(e, ERR_NUMERIC, "%s: step %zu: the gradient's norm is %s: %s",
                   t->model->subject, t->step, str_not_finite(norm), why);
}

int trainer_step(struct trainer *t, const struct tensor *x, const float *features,
                 const float *labels, double lr, size_t held, struct train_result *out,
                 struct err *e)
{
    double squares = 0;
    held += trainer_bytes(t->model, &t->options);
    if (!features && t->trunk->plan(t, x, held, e)) {
        return -1;
    }
    memset(t->gradient, 0, t->n_floats * sizeof *t->gradient);
    if (run_groups(t, x, features, labels, &out->loss, e)) {
        return -1;
    }
    if (!isfinite(out->loss)) {
        return bad_loss(t, x, labels, out->loss, e);
    }
    pool_run(t->pool, t->columns.n, finish_item, t);
    for (size_t i = 0; i < t->columns.n; i++) {
        squares += t->squares[i];
    }
    out->norm = sqrt(squares);
    if (!isfinite(out->norm)) {
        return bad_norm(t, out->norm, e);
    }
    struct update_job j = {.t = t, .lr = lr, .scale = sgd_scale(&t->options.sgd, out->norm)};
    pool_run(t->pool, t->chunks.n, update_item, &j);
    if (!t->options.head_only) {
        t->trunk->changed(t);
    }
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
    memcpy(to, block + t->base, t->n_floats * sizeof *block);
    if (which == TRAIN_WEIGHTS && !t->options.head_only) {
        t->trunk->changed(t);
    }
}
