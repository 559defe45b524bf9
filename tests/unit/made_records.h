/* Records made by hand for the tests of reports and plots, as a run would leave them: few-shot
 * ridge and a linear probe of several models. One test program is one file, so these functions are
 * here, in full. */
#ifndef BITBENCH_TESTS_UNIT_MADE_RECORDS_H
#define BITBENCH_TESTS_UNIT_MADE_RECORDS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/record.h"
#include "results/signature.h"
#include "results/store.h"

/* What differs between cells; the rest is as a run file's defaults. */
struct made_cell {
    const char *dataset, *model;
    const char *weights; /* hash in the subject; NULL = abcdefabcdef */
    int k;               /* 0: the full training set, logistic regression */
    int draw;
    const char *l2; /* NULL: selected by leave-one-out */
    int size;       /* 0 = 32 */
    int resize;     /* before the crop to size; 0 = size */
    size_t n_test;  /* of 10000; 0 = all */
    double top1;
};

static inline void made_check(int status, const struct err *e)
{
    if (status) {
        fail_msg("%s", e->text);
    }
}

static inline void made_knobs(struct record *r, const struct made_cell *c, struct err *e)
{
    struct pairs *p = &r->knobs;
    bool few = c->k > 0, selected = !c->l2;
    int bad =
        pairs_set(p, "model", c->model, e) || pairs_set(p, "dataset", c->dataset, e) ||
        pairs_set(p, "regime.name", few ? "kshot" : "full", e) ||
        pairs_set(p, "regime.split", "trainval", e) || pairs_set(p, "regime.rule", "nested", e) ||
        pairs_setf(p, e, "regime.k", "%d", c->k) || pairs_set(p, "regime.n", "0", e) ||
        pairs_setf(p, e, "regime.draw", "%d", c->draw) ||
        pairs_set(p, "adapt.name", few ? "ridge" : "logistic", e) ||
        pairs_set(p, "adapt.l2", few && c->l2 ? c->l2 : "1024", e) ||
        pairs_set(p, "adapt.c", "1", e) || pairs_set(p, "adapt.bias", "100", e) ||
        pairs_set(p, "adapt.standardize", "true", e) || pairs_set(p, "adapt.head_map", "", e) ||
        pairs_set(p, "preprocess.preset", "bit-paper", e) ||
        pairs_set(p, "preprocess.kernel", "tf2bilinear", e) ||
        pairs_set(p, "preprocess.decode", "tf", e) ||
        pairs_set(p, "preprocess.mode", "squash", e) ||
        pairs_set(p, "preprocess.range", "-1..1", e) ||
        pairs_setf(p, e, "preprocess.resize", "%d",
                   c->resize ? c->resize
                   : c->size ? c->size
                             : 32) ||
        pairs_setf(p, e, "preprocess.crop", "%d", c->size ? c->size : 32) ||
        pairs_set(p, "select.grid",
                  !selected ? ""
                  : few     ? "adapt.l2=log2:-10:20"
                            : "adapt.c=log10:-6:6",
                  e) ||
        pairs_set(p, "select.on", few ? "loo" : "val", e) || pairs_set(p, "test", "test", e) ||
        pairs_set(p, "outcomes", "full", e) || pairs_set(p, "seed", "0", e);
    made_check(bad, e);
}

static inline void made_signature(struct record *r, const struct made_cell *c)
{
    struct str p = {0}, s = {0};
    int size = c->size ? c->size : 32;
    signature_add_value(&p, c->dataset);
    if (c->k) {
        str_addf(&p, "|train:k%d,nested|ridge:l2=%s,bias=100,std", c->k, c->l2 ? c->l2 : "loo");
    } else {
        str_add(&p, "|train:full|logistic:c=val");
    }
    str_addf(&p, "|rs:%d-%d-squash-tf2bilinear|range:-1..1|test:%zu/10000|v1",
             c->resize ? c->resize : size, size,
             c->n_test ? c->n_test : 10000);
    signature_add_value(&s, c->model);
    str_addf(&s, "|R50x1|w:%s", c->weights ? c->weights : "abcdefabcdef");
    assert_true(p.len < sizeof r->protocol && s.len < sizeof r->subject);
    snprintf(r->protocol, sizeof r->protocol, "%s", str_text(&p));
    snprintf(r->subject, sizeof r->subject, "%s", str_text(&s));
    snprintf(r->replicate, sizeof r->replicate, "draw:%d|seed:0", c->draw);
    str_release(&p);
    str_release(&s);
}

static inline void made_metrics(struct record *r, const struct made_cell *c, struct err *e)
{
    double n = (double)(c->n_test ? c->n_test : 10000);
    int bad = record_metric(r, "n", n, true, e) || record_metric(r, "top1", c->top1, false, e) ||
              record_metric(r, "top5", c->top1 + (1 - c->top1) * 0.8, false, e) ||
              (!c->k && record_metric(r, "nll", 2.3 * (1 - c->top1), false, e));
    made_check(bad, e);
    if (!c->l2) {
        size_t n_tried = c->k ? 31 : 13;
        struct selection *s = &r->selection;
        s->tried = mem_take(n_tried, sizeof *s->tried, e);
        s->value = mem_take(n_tried, sizeof *s->value, e);
        assert_true(s->tried && s->value);
        s->n = n_tried;
        s->picked = 3;
        s->tried[3] = 0.125;
        snprintf(s->knob, sizeof s->knob, "%s", c->k ? "adapt.l2" : "adapt.c");
        snprintf(s->on, sizeof s->on, "%s", c->k ? "loo" : "val");
    }
}

static inline void made_record(struct record *r, const struct made_cell *c)
{
    struct err e = {0};
    *r = (struct record){.status = CELL_OK};
    made_knobs(r, c, &e);
    made_signature(r, c);
    made_metrics(r, c, &e);
    struct pairs *p = &r->provenance;
    int bad = pairs_set(p, "version", "0.1.0", &e) || pairs_set(p, "commit", "61a3ac9", &e) ||
              pairs_set(p, "dirty", "1", &e) || pairs_set(p, "compiler", "gcc 12.2.0", &e) ||
              pairs_set(p, "isa", "avx2", &e) || pairs_set(p, "cpu", "A Processor", &e) ||
              pairs_set(p, "threads", "2", &e) ||
              pairs_set(p, "finished", "2026-01-01T00:00:00Z", &e) ||
              pairs_set(p, "model_sha256", c->weights ? c->weights : "abcdefabcdef", &e) ||
              pairs_set(p, "data_fingerprint", "0123456789abcdef", &e);
    made_check(bad, &e);
    char spec[512];
    snprintf(spec, sizeof spec, "model=%s dataset=%s k=%d l2=%s draw=%d size=%d-%d", c->model,
             c->dataset, c->k, c->l2 ? c->l2 : "", c->draw, c->resize, c->size);
    r->spec = mem_strdup(spec, &e);
    assert_non_null(r->spec);
    char hex[HASH_SHA256_HEX];
    sha256_hex(spec, strlen(spec), hex);
    snprintf(r->run_id, sizeof r->run_id, "%.32s", hex);
}

/* Takes the metrics away and leaves a message. */
static inline void made_failed(struct record *r, const char *message)
{
    r->status = CELL_FAILED;
    r->n_metrics = 0;
    snprintf(r->message, sizeof r->message, "%s", message);
}

static inline struct record *made_add(struct record_list *l, const struct made_cell *c)
{
    struct record *grown = realloc(l->records, (l->n + 1) * sizeof *grown);
    assert_non_null(grown);
    l->records = grown;
    made_record(&l->records[l->n], c);
    return &l->records[l->n++];
}

static inline void made_release(struct record_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        record_release(&l->records[i]);
    }
    free(l->records);
    *l = (struct record_list){0};
}

/* Models x shots 1, 5, 10, 25 x 5 draws, and their linear probes, on one data set. */
static inline void made_sweep(struct record_list *l, const char *dataset, const char *const *models,
                              size_t n_models, bool with_probe)
{
    static const int shots[] = {1, 5, 10, 25};
    for (size_t m = 0; m < n_models; m++) {
        for (size_t k = 0; k < 4; k++) {
            for (int d = 0; d < 5; d++) {
                unsigned noise =
                    (unsigned)(m * 31 + k * 17 + (size_t)d * 7 + strlen(dataset)) * 2654435761u >>
                    16;
                double top1 = 0.45 + 0.06 * (double)m + 0.11 * (double)k - 0.015 * (double)(k * k) +
                              ((double)(noise % 1000) / 1000 - 0.5) * 0.12 / (double)(k + 1);
                made_add(l, &(struct made_cell){.dataset = dataset,
                                                .model = models[m],
                                                .k = shots[k],
                                                .draw = d,
                                                .top1 = round(top1 * 10000) / 10000});
            }
        }
        if (with_probe) {
            made_add(l, &(struct made_cell){.dataset = dataset,
                                            .model = models[m],
                                            .top1 = 0.82 + 0.03 * (double)m});
        }
    }
}

#endif
