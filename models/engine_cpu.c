/* The fast engine: all threads work on one layer of a group of images at a time (models/cpu/).
 * `cpu` takes Winograd's way through 3x3 convolutions; `cpu-direct` does not, which rounds less. */
#include "models/engine_cpu_private.h"

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

/* --- open --- */
static void cpu_close(void *state)
{
    struct cpu *c = state;
    cpu_engine_train_close(c);
    cpu_net_release(&c->net);
    free(c);
}

/* Whatever the size of images: the model and so many bytes of packed weights. */
static int check_weights(const struct cpu *c, size_t packed, struct err *e)
{
    size_t limit = mem_limit(), bytes = cpu_net_model_bytes(&c->net) + packed;
    if (limit && bytes > limit) {
        char want[16], have[16];
        return err_set(e, ERR_LIMIT, "%s: its weights need %s, the memory limit is %s",
                       c->model->subject, str_bytes(want, bytes), str_bytes(have, limit));
    }
    return 0;
}

static int open_engine(void **state, const struct model *m, struct pool *pool, bool no_winograd,
                       struct err *e)
{
    struct cpu *c;
    if (m->spent) {
        return err_set(e, ERR_LIMIT, "%s: there was no memory to pack its kernels", m->subject);
    }
    c = mem_take(1, sizeof *c, e);
    if (!c) {
        return -1;
    }
    cpu_flush_denormals(); /* also where there is no pool to do it */
    c->model = m;
    c->pool = pool;
    if (m->kind == MODEL_BIT) {
        assert(m->params);
        if (cpu_net_init(&c->net, m, pool, no_winograd, e)) {
            cpu_close(c);
            return -1;
        }
    }
    *state = c;
    return 0;
}

static int open_model(void **state, const struct model *m, struct pool *pool, bool no_winograd,
                      struct err *e)
{
    if (open_engine(state, m, pool, no_winograd, e)) {
        return -1;
    }
    struct cpu *c = *state;
    if (m->kind == MODEL_BIT && check_weights(c, cpu_net_weight_bytes(&c->net), e)) {
        cpu_close(c);
        *state = NULL;
        return -1;
    }
    return 0;
}

static int open_spending(void **state, struct model *m, struct pool *pool, bool no_winograd,
                         struct err *e)
{
    if (open_engine(state, m, pool, no_winograd, e)) {
        return -1;
    }
    struct cpu *c = *state;
    if (m->kind == MODEL_BIT && (check_weights(c, cpu_net_largest_bytes(&c->net), e) ||
                                 cpu_net_take_kernels(&c->net, m, e))) {
        cpu_close(c);
        *state = NULL;
        return -1;
    }
    return 0;
}

static int cpu_open(void **state, const struct model *m, struct pool *pool, struct err *e)
{
    return open_model(state, m, pool, false, e);
}

static int cpu_direct_open(void **state, const struct model *m, struct pool *pool, struct err *e)
{
    return open_model(state, m, pool, true, e);
}

static int cpu_open_forward(void **state, struct model *m, struct pool *pool, struct err *e)
{
    return open_spending(state, m, pool, false, e);
}

static int cpu_direct_open_forward(void **state, struct model *m, struct pool *pool,
                                   struct err *e)
{
    return open_spending(state, m, pool, true, e);
}

/* --- forward --- */
static bool all_finite(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) {
            return false;
        }
    }
    return true;
}

static int not_finite(const struct cpu *c, size_t image, const char *what, struct err *e)
{
    return err_set(e, ERR_NUMERIC, "%s: image %zu of the batch: %s not finite", c->model->subject,
                   image, what);
}

/* The whole batch in groups of about equal size. */
static int run_network(struct cpu *c, const struct tensor *x, float *features, struct err *e)
{
    struct cpu_net *net = &c->net;
    size_t floats = x->h * x->w * 3, dim = arch_features(&c->model->arch);
    bit_warn_blind(&c->model->arch, c->model->subject, x->h, x->w, &c->said_blind);
    if (c->trainer) {
        cpu_train_forget(&c->train); /* one or the other */
    }
    if (cpu_net_plan(net, x->n, x->h, x->w, e)) {
        return -1;
    }
    size_t groups = (x->n + net->group - 1) / net->group;
    for (size_t i = 0; i < groups; i++) {
        size_t first = x->n * i / groups, n = x->n * (i + 1) / groups - first;
        atomic_size_t bad;
        atomic_init(&bad, n);
        cpu_net_forward(net, x->data + first * floats, n, features + first * dim, &bad);
        if (atomic_load(&note_interrupted)) {
            return err_set(e, ERR_INTERRUPTED, "interrupted");
        }
        size_t image = first + atomic_load(&bad);
        if (image < first + n) {
            bool input = !all_finite(x->data + image * floats, floats);
            return not_finite(c, image, input ? "an input value is" : "its features are", e);
        }
    }
    for (size_t i = 0; i < x->n; i++) {
        if (!all_finite(features + i * dim, dim)) {
            return not_finite(c, i, "its features are", e);
        }
    }
    return 0;
}

struct head_job {
    const struct bit_net *net;
    size_t n;
    const float *features;
    float *logits;
};

enum { HEAD_TILE = 64 };

static void head_item(void *ctx, size_t item, size_t worker)
{
    const struct head_job *j = ctx;
    size_t first = item * HEAD_TILE, rest = j->net->n_classes - first;
    struct head_part part = {.n = j->n,
                             .c = arch_features(&j->net->arch),
                             .n_classes = j->net->n_classes,
                             .first = first,
                             .end = first + (rest < HEAD_TILE ? rest : HEAD_TILE)};
    (void)worker;
    kernel_head(&part, j->features, j->net->head, j->net->bias, j->logits);
}

static int run_head(const struct cpu *c, size_t n, const float *features, float *logits,
                    struct err *e)
{
    size_t k = c->model->n_classes;
    struct head_job j = {.net = &c->net.bit, .n = n, .features = features, .logits = logits};
    pool_run(c->pool, (k + HEAD_TILE - 1) / HEAD_TILE, head_item, &j);
    for (size_t i = 0; i < n; i++) {
        if (!all_finite(logits + i * k, k)) {
            return not_finite(c, i, "its logits are", e);
        }
    }
    return 0;
}

static int pixels_forward(const struct cpu *c, const struct tensor *x, float *features,
                          struct err *e)
{
    size_t dim = x->h * x->w * 3;
    for (size_t i = 0; i < x->n; i++) {
        if (!all_finite(x->data + i * dim, dim)) {
            return not_finite(c, i, "an input value is", e);
        }
    }
    memcpy(features, x->data, x->n * dim * sizeof *features);
    return 0;
}

int cpu_engine_forward(void *state, const struct tensor *x, float *features, float *logits,
                       struct err *e)
{
    struct cpu *c = state;
    assert(x->c == 3 && x->h && x->w);
    if (logits && !c->model->n_classes) {
        return err_set(e, ERR_USAGE, "%s has no head of its own: no logits", c->model->subject);
    }
    if (!x->n) {
        return 0;
    }
    if (c->model->kind == MODEL_PIXELS) {
        return pixels_forward(c, x, features, e);
    }
    if (run_network(c, x, features, e)) {
        return -1;
    }
    return logits ? run_head(c, x->n, features, logits, e) : 0;
}

/* --- memory --- */
struct engine_memory cpu_engine_memory(const struct model *m, size_t h, size_t w,
                                       bool no_winograd)
{
    struct cpu_net net;
    struct engine_memory out = {0};
    if (m->kind == MODEL_PIXELS || cpu_net_init(&net, m, NULL, no_winograd, NULL)) {
        return out;
    }
    cpu_net_choose(&net, h, w);
    size_t none = cpu_net_buffer_bytes(&net, 1, 0), one = cpu_net_buffer_bytes(&net, 1, 1);
    out.once = cpu_net_weight_bytes(&net) + none;
    out.per_thread = one - none;
    cpu_net_release(&net);
    return out;
}

static struct engine_memory cpu_memory(const struct model *m, size_t h, size_t w)
{
    return cpu_engine_memory(m, h, w, false);
}

static struct engine_memory cpu_direct_memory(const struct model *m, size_t h, size_t w)
{
    return cpu_engine_memory(m, h, w, true);
}

static struct engine_memory cpu_train_memory(const struct model *m, const struct train_options *o,
                                             size_t h, size_t w)
{
    return cpu_engine_train_memory(m, o, h, w, false);
}

static struct engine_memory cpu_direct_train_memory(const struct model *m,
                                                    const struct train_options *o, size_t h,
                                                    size_t w)
{
    return cpu_engine_train_memory(m, o, h, w, true);
}

#define SOURCES                                                                                    \
    "models/bit.c models/engine_cpu.c models/kernels/head.c models/kernels/standardize.c "         \
    "models/cpu/conv.c models/cpu/crew.c models/cpu/forward.c models/cpu/net.c models/cpu/pack.c " \
    "models/cpu/simd.h models/cpu/simd_gemm.c models/cpu/simd_norm.c models/cpu/simd_pool.c "      \
    "models/cpu/simd_private.h models/cpu/simd_strided.c models/cpu/simd_winograd.c "              \
    "models/cpu/stats.c models/cpu/strided.c models/cpu/winograd.c"
#define TRAIN_SOURCES                                                               \
    "models/cpu/backward.h models/cpu/conv_data.c models/cpu/conv_weights.c "       \
    "models/cpu/norm_backward.c models/cpu/pack_backward.c models/cpu/simd_head.c " \
    "models/cpu/simd_norm_backward.c models/cpu/simd_weights.c "                    \
    "models/cpu/simd_winograd_backward.c models/cpu/train.c "                       \
    "models/cpu/train.h models/cpu/train_plan.c models/cpu/winograd_backward.c "    \
    "models/engine_cpu_train.c models/kernels/head_backward.c "                     \
    "models/kernels/standardize_backward.c models/loss.c models/sgd.c models/trainer.c"

const struct engine engine_cpu = {
    .name = "cpu",
    .help = "fast: fused layers, Winograd for 3x3 convolutions",
    .sources = SOURCES,
    .train_sources = TRAIN_SOURCES,
    .open = cpu_open,
    .open_forward = cpu_open_forward,
    .forward = cpu_engine_forward,
    .close = cpu_close,
    .memory = cpu_memory,
    .train_begin = cpu_engine_train_begin,
    .train_step = cpu_engine_train_step,
    .get_params = cpu_engine_get_params,
    .set_params = cpu_engine_set_params,
    .train_memory = cpu_train_memory,
};

const struct engine engine_cpu_direct = {
    .name = "cpu-direct",
    .help = "as cpu, without Winograd: rounds as little as reference",
    .sources = SOURCES,
    .train_sources = TRAIN_SOURCES,
    .open = cpu_direct_open,
    .open_forward = cpu_direct_open_forward,
    .forward = cpu_engine_forward,
    .close = cpu_close,
    .memory = cpu_direct_memory,
    .train_begin = cpu_engine_train_begin,
    .train_step = cpu_engine_train_step,
    .get_params = cpu_engine_get_params,
    .set_params = cpu_engine_set_params,
    .train_memory = cpu_direct_train_memory,
};
