/* Scores to outcomes, and failed cells. */
#include "protocols/cells.h"
#include "datasets/dataset.h"
#include "harness/base/err.h"
#include "harness/base/pool.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_CHUNK = 512 };

struct fill {
    struct outcomes *o;
    const struct split *test;
    const double *scores;
    size_t n_classes;
    atomic_bool not_finite;
};

static void fill_chunk(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    struct fill *f = ctx;
    size_t end = (item + 1) * CELL_CHUNK < f->o->n ? (item + 1) * CELL_CHUNK : f->o->n;
    for (size_t i = item * CELL_CHUNK; i < end; i++) {
        if (!outcomes_set(f->o, i, f->test->label[i], f->scores + i * f->n_classes, f->n_classes)) {
            f->not_finite = true;
        }
    }
}

int cell_outcomes(struct group *g, const struct split *test, const double *scores, bool has_prob,
                  const char *unit, struct record *r, struct err *e)
{
    struct outcomes *o = &r->outcomes;
    char id[DATASET_ID];
    size_t stride = 0;
    if (!g->dataset->desc->numeric_ids) {
        for (size_t i = 0; i < test->n; i++) {
            split_id(test, i, id);
            stride = strlen(id) + 1 > stride ? strlen(id) + 1 : stride;
        }
    }
    if (outcomes_init(o, test->n, stride, has_prob, e)) {
        return -1;
    }
    for (size_t i = 0; i < test->n; i++) {
        split_id(test, i, id);
        if (stride) {
            memcpy(o->id_text + i * stride, id, strlen(id) + 1);
        } else {
            o->id_number[i] = strtoull(id, NULL, 10);
        }
    }
    snprintf(o->margin_unit, sizeof o->margin_unit, "%s", unit);
    struct fill f = {o, test, scores, g->dataset->n_classes, false};
    pool_run(g->pool, (o->n + CELL_CHUNK - 1) / CELL_CHUNK, fill_chunk, &f);
    if (f.not_finite) {
        return err_set(e, ERR_NUMERIC, "a score of a test image is not finite");
    }
    return 0;
}

int cell_failed(struct group *g, const struct run_spec *const *specs, size_t spec,
                const struct err *why, emit_fn *emit, void *ctx, struct err *e)
{
    struct record r = {.status = why->code == ERR_NUMERIC ? CELL_DIVERGED : CELL_FAILED};
    struct err ignored = {0};
    snprintf(r.message, sizeof r.message, "%s", why->text);
    if (spec_describe(specs[spec], g, 0, 0, &r, &ignored)) { /* then the message says enough */
        record_release(&r);
        r = (struct record){.status = CELL_FAILED};
        snprintf(r.message, sizeof r.message, "%s", why->text);
    }
    return emit(ctx, spec, &r, e);
}
