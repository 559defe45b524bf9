/* Training in the reference engine: what it holds beside forward, and which of the two has
 * scratch. */
#include "models/engine_reference_private.h"

#include <assert.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/model.h"

static int begin(struct reference *r, const struct train_options *o, struct err *e)
{
    const struct model *m = r->model;
    struct bit_net net;
    size_t bytes = reference_weight_bytes(m) + trainer_bytes(m, o), limit = mem_limit();
    if (limit && bytes > limit) {
        char want[16], have[16];
        return err_set(e, ERR_LIMIT,
                       "%s: its weights, gradient and velocity need %s, the memory limit is %s",
                       m->subject, str_bytes(want, bytes), str_bytes(have, limit));
    }
    if (trainer_open(r->train, m, o, r->kernels, r->pool, e)) {
        return -1;
    }
    if (bit_net_init(&net, &m->arch, &m->table, m->n_classes, r->train->params, r->kernels, e)) {
        trainer_close(r->train);
        return -1;
    }
    bit_net_release(&r->net);
    r->net = net;
    r->train->net = &r->net;
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
    size_t weights = reference_weight_bytes(r->model);
    int rc = trainer_step(r->train, x, features, labels, lr, weights, out, e);
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
    out.once += trainer_bytes(m, o);
    if (!o->head_only) {
        size_t none = bit_pass_bytes(&m->arch, TRAIN_GROUP, h, w, 0);
        out.once += none;
        out.per_thread = bit_pass_bytes(&m->arch, TRAIN_GROUP, h, w, 1) - none;
    }
    return out;
}
