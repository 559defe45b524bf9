/* The table of protocols, and what all of them share: the preprocessing in force, the signature,
 * the description of a cell. */
#include "protocols/protocol.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "models/model.h"
#include "protocols/drivers.h"
#include "protocols/numeric.h"
#include "results/signature.h"
#include <stdio.h>
#include <string.h>

const struct protocol *const protocols[] = {&protocol_none, &protocol_ridge, &protocol_logistic};
const size_t protocols_n = ARRAY_LEN(protocols);

const struct protocol *protocol_find(const char *name, struct err *e)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < protocols_n; i++) {
        if (!strcmp(protocols[i]->name, name)) {
            return protocols[i];
        }
        near_add(&near, protocols[i]->name);
    }
    err_set(e, ERR_USAGE, "unknown adaptation '%s'%s", name, near_text(&near));
    return NULL;
}

void group_release(struct group *g)
{
    if (g->engine_state) {
        g->engine->close(g->engine_state);
        g->engine_state = NULL;
    }
}

int spec_preprocess(const struct run_spec *s, const struct model *m, const struct dataset *d,
                    struct preprocess *p, struct err *e)
{
    const char *preset = s->preprocess.preset;
    if (!strcmp(preset, "model")) {
        preset = m->preprocess;
        if (!preset[0]) {
            return err_set(e, ERR_USAGE,
                           "%s: its publisher's preprocessing is not known; name a preset",
                           m->name);
        }
    }
    if (preprocess_preset(p, preset, e)) {
        return -1;
    }
    if (s->preprocess.kernel[0]) {
        snprintf(p->kernel, sizeof p->kernel, "%s", s->preprocess.kernel);
    }
    if (s->preprocess.decode[0]) {
        snprintf(p->decode, sizeof p->decode, "%s", s->preprocess.decode);
    }
    if (s->preprocess.range[0]) {
        snprintf(p->range, sizeof p->range, "%s", s->preprocess.range);
    }
    if (s->preprocess.mode[0] && preprocess_mode_find(s->preprocess.mode, &p->mode, e)) {
        return -1;
    }
    if (s->preprocess.crop) {
        p->crop = (size_t)s->preprocess.crop;
        p->resize = s->preprocess.resize ? (size_t)s->preprocess.resize : p->crop;
    } else if (s->preprocess.resize) {
        return err_set(e, ERR_USAGE, "preprocess.resize without preprocess.crop: give both");
    }
    if (preprocess_resolve(p, d->desc->h, d->desc->w, e)) {
        return -1;
    }
    return preprocess_check(p, e);
}

/* "train:k5,nested" and the like: which training images. */
static void regime_text(const struct run_spec *s, struct str *out)
{
    const char *name = s->regime.name;
    str_add(out, "train:");
    if (!strcmp(name, "kshot")) {
        str_addf(out, "k%lld,%s", (long long)s->regime.k, s->regime.rule);
    } else if (!strcmp(name, "first-n")) {
        str_addf(out, "n%lld", (long long)s->regime.n);
    } else {
        str_add(out, name);
    }
    if (strcmp(s->regime.split, "trainval") != 0 && strcmp(name, "none") != 0) {
        str_add(out, "@");
        signature_add_value(out, s->regime.split);
    }
}

static int protocol_text(const struct run_spec *s, const struct group *g,
                         const struct preprocess *p, size_t n_test, size_t official_test,
                         struct record *r, struct err *e)
{
    const struct protocol *protocol = protocol_find(s->adapt.name, e);
    if (!protocol) {
        return -1;
    }
    struct str t = {0};
    signature_add_value(&t, g->dataset->subject);
    str_add(&t, "|");
    regime_text(s, &t);
    str_add(&t, "|");
    if (protocol->adapt) {
        protocol->adapt->signature(s, &t);
    } else {
        str_add(&t, "own-head");
        if (s->adapt.head_map[0]) {
            struct run_spec pinned = *s;
            if (spec_pin(&pinned, e)) {
                str_release(&t);
                return -1;
            }
            str_addf(&t, ":map-%.12s", strchr(pinned.adapt.head_map, ':') + 1);
        }
    }
    str_add(&t, "|");
    preprocess_text(p, &t);
    str_add(&t, g->dataset->raw_pixels ? "|raw-pixels|" : "|");
    signature_add_value(&t, s->test);
    str_addf(&t, ":%zu/%zu|v1", n_test, official_test ? official_test : n_test);
    int status = str_check(&t, e);
    if (status == 0) {
        snprintf(r->protocol, sizeof r->protocol, "%s", str_text(&t));
    }
    str_release(&t);
    return status;
}

/* Knobs with the values in force: what was left to a preset or rule is filled in. */
static int fill_knobs(const struct run_spec *s, const struct group *g, const struct preprocess *p,
                      struct record *r, struct err *e)
{
    struct str v = {0};
    int status = 0;
    for (size_t i = 0; i < knobs_n && status == 0; i++) {
        str_clear(&v);
        spec_get(s, &knobs[i], &v);
        status = str_check(&v, e) || pairs_set(&r->knobs, knobs[i].key, str_text(&v), e) ? -1 : 0;
    }
    str_release(&v);
    return status || pairs_set(&r->knobs, "model", g->model->subject, e) ||
                   pairs_set(&r->knobs, "dataset", g->dataset->subject, e) ||
                   pairs_set(&r->knobs, "preprocess.kernel", p->kernel, e) ||
                   pairs_set(&r->knobs, "preprocess.decode", p->decode, e) ||
                   pairs_set(&r->knobs, "preprocess.range", p->range, e) ||
                   pairs_set(&r->knobs, "preprocess.mode", preprocess_mode_name(p->mode), e) ||
                   pairs_setf(&r->knobs, e, "preprocess.resize", "%zu", p->resize) ||
                   pairs_setf(&r->knobs, e, "preprocess.crop", "%zu", p->crop)
               ? -1
               : 0;
}

int spec_describe(const struct run_spec *s, const struct group *g, size_t n_test,
                  size_t official_test, struct record *r, struct err *e)
{
    struct preprocess p;
    struct str t = {0};
    if (spec_preprocess(s, g->model, g->dataset, &p, e) ||
        protocol_text(s, g, &p, n_test, official_test, r, e) || fill_knobs(s, g, &p, r, e)) {
        return -1;
    }
    spec_text(s, &t);
    if (str_check(&t, e)) {
        str_release(&t);
        return -1;
    }
    r->spec = t.data; /* the record owns it now */
    struct str subject = {0};
    signature_add_value(&subject, g->model->subject);
    str_addf(&subject, "|%s|w:%.12s", g->model->arch_text, g->model->sha256);
    snprintf(r->subject, sizeof r->subject, "%s", str_text(&subject));
    str_release(&subject);
    snprintf(r->replicate, sizeof r->replicate, "draw:%lld|seed:%lld", (long long)s->regime.draw,
             (long long)s->seed);
    return 0;
}

int spec_numeric_id(const struct run_spec *s, const struct group *g, char hex[65], struct err *e)
{
    struct preprocess p;
    const struct protocol *protocol = protocol_find(s->adapt.name, e);
    if (!protocol || spec_preprocess(s, g->model, g->dataset, &p, e)) {
        return -1;
    }
    return numeric_id_cell(g, &p, protocol->adapt, hex, e);
}
