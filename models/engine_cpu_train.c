/* Training in the cpu engine: beginning, the trunk, and which of forward and training has memory.
 */
#include "models/engine_cpu_private.h"

#include <assert.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

/* --- the trunk --- */
static int plan(struct trainer *t, const struct tensor *x, size_t held, struct err *e)
{
    struct cpu *c = t->engine;
    bit_warn_blind(&c->model->arch, c->model->subject, x->h, x->w, &c->said_blind);
    cpu_net_forget(&c->net); /* one or the other */
    if (cpu_train_plan(&c->train, x->n, x->h, x->w, t->options.micro_batch, held, e)) {
        return -1;
    }
    t->micro = c->train.micro;
    t->features = c->train.buffers.features;
    t->d_features = c->train.buffers.d_features;
    return 0;
}

static void forward(struct trainer *t, const float *images, size_t n)
{
    struct cpu *c = t->engine;
    cpu_train_forward(&c->train, images, n);
}

static void backward(struct trainer *t, const float *images, size_t n)
{
    struct cpu *c = t->engine;
    cpu_train_backward(&c->train, images, n, t->params, t->gradient);
}

static void changed(struct trainer *t)
{
    struct cpu *c = t->engine;
    cpu_train_changed(&c->train);
    cpu_net_forget(&c->net);
}

static const struct trunk trunk = {plan, forward, backward, changed};

/* --- beginning and end --- */
static size_t param_bytes(const struct model *m)
{
    return m->table.n_floats * sizeof(float);
}

static int check_blocks(const struct model *m, const struct train_options *o, struct err *e)
{
    size_t bytes = param_bytes(m) + trainer_bytes(m, o), limit = mem_limit();
    if (limit && bytes > limit) {
        char want[16], have[16];
        return err_set(e, ERR_LIMIT,
                       "%s: its weights, gradient and velocity need %s, the memory limit is %s",
                       m->subject, str_bytes(want, bytes), str_bytes(have, limit));
    }
    return 0;
}

static int begin(struct cpu *c, const struct train_options *o, struct err *e)
{
    struct trainer *t = c->trainer;
    struct cpu_net net;
    if (check_blocks(c->model, o, e) || trainer_open(t, c->model, o, &trunk, c, c->pool, e)) {
        return -1;
    }
    c->trained = *c->model;
    c->trained.params = t->params;
    if (cpu_net_init(&net, &c->trained, c->pool, c->net.no_winograd, e)) {
        trainer_close(t);
        return -1;
    }
    if (cpu_train_init(&c->train, &c->trained, c->pool, net.no_winograd, e)) {
        cpu_net_release(&net);
        trainer_close(t);
        return -1;
    }
    net.held = trainer_bytes(c->model, o);
    cpu_net_release(&c->net);
    c->net = net;
    t->net = &c->net.bit;
    t->kernels = net.simd->train;
    return 0;
}

int cpu_engine_train_begin(void *state, const struct train_options *o, struct err *e)
{
    struct cpu *c = state;
    assert(!c->trainer && !c->model->spent && o->micro_batch % TRAIN_GROUP == 0);
    if (c->model->kind != MODEL_BIT || !c->model->n_classes) {
        return err_set(e, ERR_USAGE, "%s: %s cannot be trained", c->model->subject,
                       c->model->kind == MODEL_BIT ? "a network without a head" : "pixels");
    }
    c->trainer = mem_take(1, sizeof *c->trainer, e);
    if (!c->trainer) {
        return -1;
    }
    if (begin(c, o, e)) {
        free(c->trainer);
        c->trainer = NULL;
        return -1;
    }
    return 0;
}

void cpu_engine_train_close(struct cpu *c)
{
    if (c->trainer) {
        trainer_close(c->trainer);
        free(c->trainer);
    }
    cpu_train_release(&c->train);
}

/* --- the step --- */
int cpu_engine_train_step(void *state, const struct tensor *x, const float *labels, double lr,
                          struct train_result *out, struct err *e)
{
    struct cpu *c = state;
    float *features = NULL;
    assert(c->trainer && x->c == 3 && x->n && x->h && x->w);
    if (c->trainer->options.head_only) {
        features = mem_take_raw(x->n * arch_features(&c->model->arch), sizeof *features, e);
        if (!features || cpu_engine_forward(c, x, features, NULL, e)) {
            free(features);
            return -1;
        }
    }
    int rc = trainer_step(c->trainer, x, features, labels, lr, param_bytes(c->model), out, e);
    free(features);
    return rc;
}

void cpu_engine_get_params(void *state, enum train_block which, float *block)
{
    const struct cpu *c = state;
    trainer_get(c->trainer, which, block);
}

void cpu_engine_set_params(void *state, enum train_block which, const float *block)
{
    struct cpu *c = state;
    trainer_set(c->trainer, which, block);
}

struct engine_memory cpu_engine_train_memory(const struct model *m, const struct train_options *o,
                                             size_t h, size_t w, bool no_winograd)
{
    struct engine_memory out = cpu_engine_memory(m, h, w, no_winograd);
    struct cpu_train t;
    if (!o->head_only && !cpu_train_init(&t, m, NULL, no_winograd, NULL)) {
        size_t none = cpu_train_buffer_bytes(&t, TRAIN_GROUP, h, w, 0);
        size_t one = cpu_train_buffer_bytes(&t, TRAIN_GROUP, h, w, 1);
        out = (struct engine_memory){.once = cpu_train_weight_bytes(&t) + none,
                                     .per_thread = one - none};
        cpu_train_release(&t);
    }
    out.once += trainer_bytes(m, o);
    return out;
}
