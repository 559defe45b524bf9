/* Training in the reference engine: what it holds beside forward, and which of the two has
 * scratch. */
#include "models/engine_reference_private.h"

#include <assert.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/model.h"

/* --- the trunk --- */
/* As many workers as have work and memory, at least one. Groups follow one another, so that a
 * micro-batch of more than one would need more memory and do nothing else. */
static int plan(struct trainer *t, const struct tensor *x, size_t held, struct err *e)
{
    struct reference *r = t->engine;
    const struct arch *a = &r->model->arch;
    size_t n = x->n < TRAIN_GROUP ? x->n : TRAIN_GROUP, limit = mem_limit();
    bit_warn_blind(a, r->model->subject, x->h, x->w, &r->said_blind);
    if (r->pass.max_n >= n && r->pass.h == x->h && r->pass.w == x->w) {
        return 0;
    }
    bit_pass_close(&r->pass);
    size_t one = bit_pass_bytes(a, n, x->h, x->w, 1), left = limit > held ? limit - held : 0;
    size_t each = bit_pass_bytes(a, n, x->h, x->w, 2) - one, workers = pool_size(r->pool);
    if (limit && one > left) {
        char need[16], have[16], all[16];
        return err_set(e, ERR_LIMIT,
                       "%s: training at %zu x %zu pixels, %zu images at a time, needs %s; the "
                       "memory limit of %s leaves %s beside weights, gradient and velocity",
                       r->model->subject, x->h, x->w, n, str_bytes(need, one),
                       str_bytes(all, limit), str_bytes(have, left));
    }
    if (limit && 1 + (left - one) / each < workers) {
        workers = 1 + (left - one) / each;
    }
    return bit_pass_open(&r->pass, a, n, x->h, x->w, workers, e);
}

static void forward(struct trainer *t, const float *images, size_t n)
{
    struct reference *r = t->engine;
    bit_pass_forward(&r->pass, &r->net, r->pool, images, n, t->features);
}

static void backward(struct trainer *t, const float *images, size_t n)
{
    struct reference *r = t->engine;
    bit_pass_backward(&r->pass, &r->net, r->pool, images, n, t->d_features, t->gradient, NULL);
}

static void changed(struct trainer *t)
{
    reference_standardize(t->engine, t->params);
}

static const struct trunk trunk = {plan, forward, backward, changed};

/* --- beginning --- */
static size_t row_floats(const struct model *m)
{
    return 2 * TRAIN_GROUP * arch_features(&m->arch);
}

size_t reference_train_bytes(const struct model *m, const struct train_options *o)
{
    return trainer_bytes(m, o) + row_floats(m) * sizeof(float);
}

static int begin(struct reference *r, const struct train_options *o, struct err *e)
{
    const struct model *m = r->model;
    struct trainer *t = r->train;
    struct bit_net net;
    size_t bytes = reference_weight_bytes(m) + reference_train_bytes(m, o), limit = mem_limit();
    if (limit && bytes > limit) {
        char want[16], have[16];
        return err_set(e, ERR_LIMIT,
                       "%s: its weights, gradient and velocity need %s, the memory limit is %s",
                       m->subject, str_bytes(want, bytes), str_bytes(have, limit));
    }
    if (trainer_open(t, m, o, &trunk, r, r->pool, e)) {
        return -1;
    }
    r->rows = mem_take_raw(row_floats(m), sizeof *r->rows, e);
    if (!r->rows ||
        bit_net_init(&net, &m->arch, &m->table, m->n_classes, t->params, r->kernels, e)) {
        trainer_close(t);
        free(r->rows);
        r->rows = NULL;
        return -1;
    }
    bit_net_release(&r->net);
    r->net = net;
    t->net = &r->net;
    t->micro = TRAIN_GROUP;
    t->features = r->rows;
    t->d_features = r->rows + row_floats(m) / 2;
    return 0;
}

int reference_train_begin(void *state, const struct train_options *o, struct err *e)
{
    struct reference *r = state;
    assert(!r->train && o->micro_batch % TRAIN_GROUP == 0);
    if (r->model->kind != MODEL_BIT || !r->model->n_classes) {
        return err_set(e, ERR_USAGE, "%s: %s cannot be trained", r->model->subject,
                       r->model->kind == MODEL_BIT ? "a network without a head" : "pixels");
    }
    r->train = mem_take(1, sizeof *r->train, e);
    if (!r->train) {
        return -1;
    }
    if (begin(r, o, e)) {
        free(r->train);
        r->train = NULL;
        return -1;
    }
    return 0;
}

int reference_train_step(void *state, const struct tensor *x, const float *labels, double lr,
                         struct train_result *out, struct err *e)
{
    struct reference *r = state;
    float *features = NULL;
    assert(r->train && x->c == 3 && x->n && x->h && x->w);
    if (r->train->options.head_only) {
        features = mem_take_raw(x->n * arch_features(&r->model->arch), sizeof *features, e);
        if (!features || reference_forward(r, x, features, NULL, e)) {
            free(features);
            return -1;
        }
    } else {
        reference_close_slots(r);
    }
    size_t held = reference_weight_bytes(r->model) + row_floats(r->model) * sizeof(float);
    int rc = trainer_step(r->train, x, features, labels, lr, held, out, e);
    free(features);
    return rc;
}

void reference_get_params(void *state, enum train_block which, float *block)
{
    const struct reference *r = state;
    trainer_get(r->train, which, block);
}

void reference_set_params(void *state, enum train_block which, const float *block)
{
    struct reference *r = state;
    trainer_set(r->train, which, block);
}

struct engine_memory reference_train_memory(const struct model *m,
                                            const struct train_options *o, size_t h,
                                            size_t w)
{
    struct engine_memory out = reference_memory(m, h, w);
    out.once += reference_train_bytes(m, o);
    if (!o->head_only) {
        size_t none = bit_pass_bytes(&m->arch, TRAIN_GROUP, h, w, 0);
        out.once += none;
        out.per_thread = bit_pass_bytes(&m->arch, TRAIN_GROUP, h, w, 1) - none;
    }
    return out;
}
