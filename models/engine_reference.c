/* The reference engine: plain kernels, a GEMM an image and layer. Kernels are standardised once at
 * open. Images are handed out to as many slots as there are threads, work and memory for; each
 * slot has its own scratch, so what one does never meets another.
 *
 * Small images leave few pixels in the last layers, and reading the kernels would cost more than
 * the arithmetic; so they go through in groups, whose pixels are the rows of one GEMM (conv.c).
 * The size of a group depends on the image size alone, and a short group is filled up with zeros:
 * the products have the same shapes, hence each row the same rounding, whatever the batch is. That
 * a row's bits do not depend on its place either is not promised by OpenBLAS, so it is tried for
 * every image size: equal images must give equal features, else groups are of one. */
#include "models/engine.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arena.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/bit.h"
#include "models/engine_reference_private.h"
#include "models/model.h"

/* Images in a group: as many as give 32 pixels in the last block, at most 16. */
static size_t group_size(size_t h, size_t w)
{
    size_t last = ((h + 31) / 32) * ((w + 31) / 32);
    size_t group = last < 32 ? 32 / last : 1;
    return group < 16 ? group : 16;
}

static void take_slot(struct slot *s, const struct arch *a, size_t group, size_t h, size_t w)
{
    s->images = arena_take(&s->arena, group * h * w * 3 * sizeof *s->images);
    s->features = arena_take(&s->arena, group * arch_features(a) * sizeof *s->features);
    bit_scratch_take(&s->scratch, &s->arena, a, group, h, w);
}

static size_t slot_bytes(const struct arch *a, size_t group, size_t h, size_t w)
{
    struct slot plan;
    arena_plan(&plan.arena);
    take_slot(&plan, a, group, h, w);
    return plan.arena.peak;
}

struct engine_memory reference_memory(const struct model *m, size_t h, size_t w)
{
    if (m->kind == MODEL_PIXELS) {
        return (struct engine_memory){0};
    }
    return (struct engine_memory){.once = bit_kernel_floats(&m->table) * sizeof(float),
                                  .per_thread = slot_bytes(&m->arch, group_size(h, w), h, w)};
}

/* --- open --- */
struct standardize_job {
    const struct reference *r;
    const float *params;
};

static void standardize_item(void *ctx, size_t item, size_t worker)
{
    const struct standardize_job *j = ctx;
    const struct model *m = j->r->model;
    const struct param *p = &m->table.params[m->table.n - 1 - item]; /* the largest first */
    (void)worker;
    cpu_flush_denormals(); /* also where there is no pool to do it */
    if (p->kind == PARAM_KERNEL) {
        bit_standardize(p, m->ws_eps, j->params, j->r->kernels);
    }
}

void reference_standardize(struct reference *r, const float *params)
{
    struct standardize_job j = {.r = r, .params = params};
    pool_run(r->pool, r->model->table.n, standardize_item, &j);
}

/* What is planned beside scratch and training: the parameters and the standardised kernels. */
size_t reference_weight_bytes(const struct model *m)
{
    return (m->table.n_floats + bit_kernel_floats(&m->table)) * sizeof(float);
}

static int check_weights(const struct model *m, struct err *e)
{
    size_t bytes = reference_weight_bytes(m), limit = mem_limit();
    if (limit && bytes > limit) {
        char want[16], have[16];
        return err_set(e, ERR_LIMIT, "%s: its weights need %s, the memory limit is %s", m->subject,
                       str_bytes(want, bytes), str_bytes(have, limit));
    }
    return 0;
}

static int open_weights(struct reference *r, struct err *e)
{
    const struct model *m = r->model;
    assert(m->params);
    if (check_weights(m, e)) {
        return -1;
    }
    r->kernels = mem_take_raw(bit_kernel_floats(&m->table), sizeof *r->kernels, e);
    r->slots = mem_take(pool_size(r->pool), sizeof *r->slots, e);
    if (!r->kernels || !r->slots ||
        bit_net_init(&r->net, &m->arch, &m->table, m->n_classes, m->params, r->kernels, e)) {
        return -1;
    }
    reference_standardize(r, m->params);
    return 0;
}

void reference_close_slots(struct reference *r)
{
    for (size_t i = 0; i < r->n_slots; i++) {
        arena_close(&r->slots[i].arena);
    }
    r->n_slots = 0;
}

static void reference_close(void *state)
{
    struct reference *r = state;
    reference_close_slots(r);
    bit_pass_close(&r->pass);
    if (r->train) {
        trainer_close(r->train);
        free(r->train);
    }
    free(r->rows);
    bit_net_release(&r->net);
    free(r->slots);
    free(r->kernels);
    free(r);
}

static int reference_open(void **state, const struct model *m, struct pool *pool, struct err *e)
{
    struct reference *r = mem_take(1, sizeof *r, e);
    if (!r) {
        return -1;
    }
    r->model = m;
    r->pool = pool;
    if (m->kind == MODEL_BIT && open_weights(r, e)) {
        reference_close(r);
        return -1;
    }
    *state = r;
    return 0;
}

/* --- forward --- */
/* As many slots as are wanted or as the memory limit allows, at least one. */
static int plan_slots(const struct reference *r, size_t wanted, size_t bytes, size_t *n,
                      struct err *e)
{
    size_t limit = mem_limit(), used = reference_weight_bytes(r->model);
    used += r->train ? reference_train_bytes(r->model, &r->train->options) : 0;
    *n = wanted;
    if (!limit) {
        return 0;
    }
    size_t left = limit > used ? limit - used : 0;
    if (bytes > left) {
        char need[16], have[16], all[16];
        return err_set(e, ERR_LIMIT,
                       "%s at %zu x %zu pixels: one thread needs %s, the memory limit of %s "
                       "leaves %s beside the weights",
                       r->model->subject, r->h, r->w, str_bytes(need, bytes), str_bytes(all, limit),
                       str_bytes(have, left));
    }
    *n = left / bytes < wanted ? left / bytes : wanted;
    return 0;
}

static int open_group(struct reference *r, size_t wanted, size_t group, struct err *e)
{
    const struct arch *a = &r->model->arch;
    size_t bytes = slot_bytes(a, group, r->h, r->w), n;
    r->group = group;
    if (plan_slots(r, wanted, bytes, &n, e)) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (arena_open(&r->slots[i].arena, bytes, e)) {
            return -1;
        }
        r->n_slots++;
        take_slot(&r->slots[i], a, group, r->h, r->w);
    }
    return 0;
}

static void run_group(const struct reference *r, struct slot *s)
{
    cpu_flush_denormals();
    bit_forward(&r->net, s->images, (struct bit_size){r->group, r->h, r->w}, &s->scratch, NULL,
                s->features);
}

/* Whether equal images give equal features at every place of a group. */
static bool rows_alike(const struct reference *r, struct slot *s)
{
    size_t n = r->h * r->w * 3, dim = arch_features(&r->model->arch);
    for (size_t i = 0; i < r->group * n; i++) {
        s->images[i] = (float)(2 * rng_unit(rng_splitmix(0, i % n)) - 1);
    }
    run_group(r, s);
    for (size_t i = 1; i < r->group; i++) {
        if (memcmp(s->features, s->features + i * dim, dim * sizeof *s->features)) {
            return false;
        }
    }
    return true;
}

/* Opens slots for the images of x. */
static int open_slots(struct reference *r, const struct tensor *x, struct err *e)
{
    bool same = r->h == x->h && r->w == x->w && r->n_slots;
    size_t group = same ? r->group : group_size(x->h, x->w);
    size_t groups = (x->n + group - 1) / group, threads = pool_size(r->pool);
    size_t wanted = groups < threads ? groups : threads;
    if (same && r->n_slots >= wanted) {
        return 0;
    }
    reference_close_slots(r);
    r->h = x->h;
    r->w = x->w;
    if (open_group(r, wanted, group, e)) {
        return -1;
    }
    if (group > 1 && !same && !rows_alike(r, &r->slots[0])) {
        reference_close_slots(r);
        return open_group(r, x->n < threads ? x->n : threads, 1, e);
    }
    return 0;
}

struct job {
    struct reference *r;
    const struct tensor *x;
    float *features, *logits;
    atomic_size_t next; /* group to be handed out */
    atomic_size_t bad;  /* the first image with a value that is not finite, or n */
};

static bool all_finite(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) {
            return false;
        }
    }
    return true;
}

static void report_bad(struct job *j, size_t image)
{
    size_t seen = atomic_load(&j->bad);
    while (image < seen && !atomic_compare_exchange_weak(&j->bad, &seen, image)) {
    }
}

/* Images first.. of the batch through one slot. */
static void group_forward(struct job *j, struct slot *s, size_t first)
{
    const struct reference *r = j->r;
    size_t dim = arch_features(&r->model->arch), floats = r->h * r->w * 3;
    size_t n = j->x->n - first < r->group ? j->x->n - first : r->group;
    memcpy(s->images, j->x->data + first * floats, n * floats * sizeof *s->images);
    memset(s->images + n * floats, 0, (r->group - n) * floats * sizeof *s->images);
    run_group(r, s);
    memcpy(j->features + first * dim, s->features, n * dim * sizeof *s->features);
    for (size_t i = 0; i < n; i++) {
        if (!all_finite(s->images + i * floats, floats) ||
            !all_finite(s->features + i * dim, dim)) {
            report_bad(j, first + i);
        }
    }
}

static void slot_item(void *ctx, size_t item, size_t worker)
{
    struct job *j = ctx;
    (void)worker;
    for (;;) {
        size_t first = atomic_fetch_add(&j->next, 1) * j->r->group;
        if (first >= j->x->n || atomic_load(&note_interrupted)) {
            return;
        }
        group_forward(j, &j->r->slots[item], first);
    }
}

enum { HEAD_TILE = 64 };

static void head_item(void *ctx, size_t item, size_t worker)
{
    struct job *j = ctx;
    const struct bit_net *net = &j->r->net;
    size_t first = item * HEAD_TILE, rest = net->n_classes - first;
    struct head_part part = {.n = j->x->n,
                             .c = arch_features(&net->arch),
                             .n_classes = net->n_classes,
                             .first = first,
                             .end = first + (rest < HEAD_TILE ? rest : HEAD_TILE)};
    (void)worker;
    cpu_flush_denormals();
    kernel_head(&part, j->features, net->head, net->bias, j->logits);
}

static int not_finite(const struct reference *r, size_t image, const char *what, struct err *e)
{
    return err_set(e, ERR_NUMERIC, "%s: image %zu of the batch: %s not finite", r->model->subject,
                   image, what);
}

static int run_network(struct reference *r, struct job *j, struct err *e)
{
    const struct tensor *x = j->x;
    bit_pass_close(&r->pass); /* one or the other */
    bit_warn_blind(&r->model->arch, r->model->subject, x->h, x->w, &r->said_blind);
    if (open_slots(r, x, e)) {
        return -1;
    }
    atomic_init(&j->next, 0);
    atomic_init(&j->bad, x->n);
    pool_run(r->pool, r->n_slots, slot_item, j);
    if (atomic_load(&note_interrupted)) {
        return err_set(e, ERR_INTERRUPTED, "interrupted");
    }
    size_t bad = atomic_load(&j->bad);
    if (bad < x->n) {
        size_t n = x->h * x->w * 3;
        bool input = !all_finite(x->data + bad * n, n);
        return not_finite(r, bad, input ? "an input value is" : "its features are", e);
    }
    return 0;
}

static int run_head(struct reference *r, struct job *j, struct err *e)
{
    size_t k = r->net.n_classes;
    pool_run(r->pool, (k + HEAD_TILE - 1) / HEAD_TILE, head_item, j);
    for (size_t i = 0; i < j->x->n; i++) {
        if (!all_finite(j->logits + i * k, k)) {
            return not_finite(r, i, "its logits are", e);
        }
    }
    return 0;
}

static int pixels_forward(const struct reference *r, const struct tensor *x, float *features,
                          struct err *e)
{
    size_t dim = x->h * x->w * 3;
    for (size_t i = 0; i < x->n; i++) {
        if (!all_finite(x->data + i * dim, dim)) {
            return not_finite(r, i, "an input value is", e);
        }
    }
    memcpy(features, x->data, x->n * dim * sizeof *features);
    return 0;
}

int reference_forward(void *state, const struct tensor *x, float *features, float *logits,
                      struct err *e)
{
    struct reference *r = state;
    assert(x->c == 3 && x->h && x->w);
    if (logits && !r->model->n_classes) {
        return err_set(e, ERR_USAGE, "%s has no head of its own: no logits", r->model->subject);
    }
    if (!x->n) {
        return 0;
    }
    if (r->model->kind == MODEL_PIXELS) {
        return pixels_forward(r, x, features, e);
    }
    struct job j = {.r = r, .x = x, .features = features, .logits = logits};
    if (run_network(r, &j, e)) {
        return -1;
    }
    return logits ? run_head(r, &j, e) : 0;
}

const struct engine engine_reference = {
    .name = "reference",
    .help = "plain and exact: one GEMM an image and layer",
    .sources = "models/bit.c models/engine_reference.c models/kernels/conv.c "
               "models/kernels/head.c models/kernels/norm.c models/kernels/pool.c "
               "models/kernels/standardize.c",
    .train_sources = "models/bit_backward.c models/bit_kept.c models/engine_reference_train.c "
                     "models/kernels/conv_backward.c models/kernels/head_backward.c "
                     "models/kernels/norm_backward.c models/kernels/pool_backward.c "
                     "models/kernels/standardize_backward.c models/loss.c models/sgd.c "
                     "models/trainer.c",
    .open = reference_open,
    .forward = reference_forward,
    .close = reference_close,
    .memory = reference_memory,
    .train_begin = reference_train_begin,
    .train_step = reference_train_step,
    .get_params = reference_get_params,
    .set_params = reference_set_params,
    .train_memory = reference_train_memory,
};
