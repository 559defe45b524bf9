/* Adaptations on frozen features. For all cells of a group: the union of the images that any of
 * them needs goes through the network once; then the cells that share a training set go to their
 * adaptation together, which factorises once. */
#include "protocols/cells.h"
#include "protocols/drivers.h"
#include "protocols/features.h"
#include "protocols/protocol.h"
#include "protocols/regime.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "models/model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One cell on its way through the driver. */
struct cell {
    const struct run_spec *spec;
    size_t index;                  /* in the specs given */
    char inputs[384];              /* preprocessing and splits: equal = shared features */
    char train_set[192];           /* regime and draw: equal = shared training set */
    size_t *rows, n_rows, n_short; /* positions in the training split */
    bool done;
};

/* Cells with equal inputs, and what they share. */
struct bucket {
    struct group *group;
    const struct adapt *adapt;
    const struct run_spec *const *specs;
    emit_fn *emit;
    void *ctx;
    bool stopped; /* emit said stop */
    struct split train, test;
    float *x_test, *x_train; /* x_train: rows of the union, in ascending position */
    size_t d;
    size_t *place;     /* [train.n] position -> row of x_train, SIZE_MAX where not needed */
    struct cell **set; /* the cells being adapted now */
    int32_t *y;
};

static int describe_cell(struct group *g, struct cell *c, struct err *e)
{
    struct preprocess p;
    struct str t = {0};
    const struct run_spec *s = c->spec;
    if (spec_preprocess(s, g->model, g->dataset, &p, e)) {
        return -1;
    }
    preprocess_text(&p, &t);
    snprintf(c->inputs, sizeof c->inputs, "%s %s %s", str_text(&t), regime_split(s), s->test);
    str_release(&t);
    snprintf(c->train_set, sizeof c->train_set, "%s %s %lld %lld %lld", s->regime.name,
             s->regime.rule, (long long)s->regime.k, (long long)s->regime.n,
             (long long)s->regime.draw);
    return 0;
}

/* What was tried, copied into the record. */
static int copy_selection(struct record *r, const struct adapt_result *a, const char *knob,
                          const char *on, struct err *e)
{
    struct selection *s = &r->selection;
    s->tried = mem_take(a->n_tried, sizeof *s->tried, e);
    s->value = mem_take(a->n_tried, sizeof *s->value, e);
    if (!s->tried || !s->value) {
        return -1;
    }
    memcpy(s->tried, a->tried, a->n_tried * sizeof *s->tried);
    memcpy(s->value, a->value, a->n_tried * sizeof *s->value);
    s->n = a->n_tried;
    s->picked = a->picked;
    snprintf(s->knob, sizeof s->knob, "%s", knob);
    snprintf(s->on, sizeof s->on, "%s", on);
    snprintf(s->measure, sizeof s->measure, "%s", a->measure);
    return 0;
}

/* One result of the adaptation as a record. */
static int make_record(const struct bucket *b, const struct cell *c, const struct adapt_result *a,
                       struct record *r, struct err *e)
{
    size_t official = b->test.whole ? b->test.official_n : 0;
    if (spec_describe(c->spec, b->group, b->test.n, official, r, e) ||
        cell_outcomes(b->group, &b->test, a->scores, a->has_prob, a->unit, r, e) ||
        record_metric(r, "n_train", (double)c->n_rows, true, e) ||
        record_metric(r, "n_classes_short", (double)c->n_short, true, e) ||
        record_metric(r, "n_configs_tried", a->n_tried ? (double)a->n_tried : 1, true, e) ||
        record_metric(r, b->adapt->knob, a->chosen, false, e) ||
        (!isnan(a->residual) && (record_metric(r, "kkt_residual", a->residual, false, e) ||
                                 record_metric(r, "converged", a->converged, true, e)))) {
        return -1;
    }
    r->draw = mem_take(c->n_rows, sizeof *r->draw, e);
    if (!r->draw) {
        return -1;
    }
    r->n_draw = c->n_rows;
    for (size_t i = 0; i < c->n_rows; i++) {
        r->draw[i] = (int64_t)c->rows[i];
    }
    return a->n_tried ? copy_selection(r, a, b->adapt->knob, c->spec->select.on, e) : 0;
}

/* A result on its way to the runner. One that makes no record is a failed cell; the others go on.
 */
static int emit_result(void *ctx, const struct adapt_result *a, struct err *e)
{
    struct bucket *b = ctx;
    struct cell *c = b->set[a->spec];
    struct record r = {.status = CELL_OK};
    struct err why = {0};
    int status;
    c->done = true;
    if (make_record(b, c, a, &r, &why)) {
        record_release(&r);
        status = cell_failed(b->group, b->specs, c->index, &why, b->emit, b->ctx, e);
    } else {
        status = b->emit(b->ctx, c->index, &r, e);
    }
    b->stopped = status != 0;
    return status;
}

/* All cells of one training set. Returns -1 only for what stops the run. */
static int run_set(struct bucket *b, struct cell **set, size_t n, struct err *e)
{
    struct group *g = b->group;
    const struct cell *first = set[0];
    const struct run_spec **specs = mem_take(n, sizeof *specs, e);
    size_t *rows = mem_take(first->n_rows, sizeof *rows, e);
    int32_t *y = mem_take(first->n_rows, sizeof *y, e);
    int status = -1;
    if (!specs || !rows || !y) {
        goto out;
    }
    for (size_t i = 0; i < first->n_rows; i++) {
        rows[i] = b->place[first->rows[i]];
        y[i] = b->train.label[first->rows[i]];
    }
    for (size_t i = 0; i < n; i++) {
        specs[i] = set[i]->spec;
    }
    struct probe_data data = {.x = b->x_train,
                              .rows = rows,
                              .y = y,
                              .n = first->n_rows,
                              .d = b->d,
                              .n_classes = g->dataset->n_classes,
                              .x_test = b->x_test,
                              .n_test = b->test.n};
    b->set = set;
    struct err why = {0};
    status = 0;
    if (b->adapt->run(&data, specs, n, g->pool, &g->counters.adapt, emit_result, b, &why)) {
        if (b->stopped || why.code == ERR_INTERRUPTED) {
            *e = why;
            status = -1;
        }
        for (size_t i = 0; i < n && status == 0; i++) {
            if (!set[i]->done) {
                set[i]->done = true;
                status = cell_failed(g, b->specs, set[i]->index, &why, b->emit, b->ctx, e);
            }
        }
    }
out:
    free(y);
    free(rows);
    free(specs);
    return status;
}

/* Training rows of every cell, and the union of them in b->place. */
static int collect_rows(struct bucket *b, struct cell **cells, size_t n, size_t *n_union,
                        struct err *e)
{
    b->place = mem_take(b->train.n, sizeof *b->place, e);
    if (!b->place) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        struct err why = {0};
        if (regime_rows(cells[i]->spec, &b->train, b->group->dataset->n_classes, &cells[i]->rows,
                        &cells[i]->n_rows, &cells[i]->n_short, &why)) {
            cells[i]->done = true;
            if (cell_failed(b->group, b->specs, cells[i]->index, &why, b->emit, b->ctx, e)) {
                return -1;
            }
            continue;
        }
        for (size_t k = 0; k < cells[i]->n_rows; k++) {
            b->place[cells[i]->rows[k]] = 1;
        }
    }
    *n_union = 0;
    for (size_t i = 0; i < b->train.n; i++) {
        b->place[i] = b->place[i] ? (*n_union)++ : SIZE_MAX;
    }
    return 0;
}

static int bucket_features(struct bucket *b, size_t n_union, const struct preprocess *p,
                           struct err *e)
{
    size_t *rows = mem_take(n_union, sizeof *rows, e);
    if (!rows) {
        return -1;
    }
    for (size_t i = 0, k = 0; i < b->train.n; i++) {
        if (b->place[i] != SIZE_MAX) {
            rows[k++] = i;
        }
    }
    int status = features_get(b->group, &b->test, NULL, 0, p, &b->x_test, &b->d, NULL, e);
    if (status == 0) {
        status = features_get(b->group, &b->train, rows, n_union, p, &b->x_train, &b->d, NULL, e);
    }
    free(rows);
    return status;
}

/* Cells with equal inputs: features once, then set by set. */
static int run_bucket(struct bucket *b, struct cell **cells, size_t n, struct err *e)
{
    const struct run_spec *first = cells[0]->spec;
    struct preprocess p;
    struct err why = {0};
    size_t n_union = 0;
    int status = -1;
    if (split_open(&b->train, b->group->dataset, regime_split(first), &why) ||
        split_open(&b->test, b->group->dataset, first->test, &why) ||
        spec_preprocess(first, b->group->model, b->group->dataset, &p, &why)) {
        goto failed;
    }
    if (collect_rows(b, cells, n, &n_union, e)) {
        goto out;
    }
    if (bucket_features(b, n_union, &p, &why)) {
        goto failed;
    }
    struct cell **set = mem_take(n, sizeof *set, e);
    status = set ? 0 : -1;
    for (size_t i = 0; i < n && status == 0; i++) {
        if (cells[i]->done) {
            continue;
        }
        size_t n_set = 0;
        for (size_t k = i; k < n; k++) {
            if (!cells[k]->done && !strcmp(cells[k]->train_set, cells[i]->train_set)) {
                set[n_set++] = cells[k];
            }
        }
        status = run_set(b, set, n_set, e);
    }
    free(set);
    goto out;
failed:
    if (why.code == ERR_INTERRUPTED) {
        *e = why;
        goto out;
    }
    status = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        if (!cells[i]->done) {
            cells[i]->done = true;
            status = cell_failed(b->group, b->specs, cells[i]->index, &why, b->emit, b->ctx, e);
        }
    }
out:
    free(b->place);
    free(b->x_train);
    free(b->x_test);
    split_close(&b->test);
    split_close(&b->train);
    return status;
}

static int frozen_run(const struct adapt *adapt, struct group *g,
                      const struct run_spec *const *specs, size_t n_specs, emit_fn *emit, void *ctx,
                      struct err *e)
{
    struct cell *cells = mem_take(n_specs, sizeof *cells, e);
    struct cell **same = mem_take(n_specs, sizeof *same, e);
    bool *taken = mem_take(n_specs, sizeof *taken, e);
    int status = cells && same && taken ? 0 : -1;
    for (size_t i = 0; i < n_specs && status == 0; i++) {
        struct err why = {0};
        cells[i] = (struct cell){.spec = specs[i], .index = i};
        if (describe_cell(g, &cells[i], &why)) {
            taken[i] = true;
            status = cell_failed(g, specs, i, &why, emit, ctx, e);
        }
    }
    for (size_t i = 0; i < n_specs && status == 0; i++) {
        size_t n = 0;
        for (size_t k = i; k < n_specs && !taken[i]; k++) {
            if (!taken[k] && !strcmp(cells[k].inputs, cells[i].inputs)) {
                same[n++] = &cells[k];
            }
        }
        for (size_t k = 0; k < n; k++) {
            taken[same[k]->index] = true;
        }
        if (n) {
            struct bucket b = {
                .group = g, .adapt = adapt, .specs = specs, .emit = emit, .ctx = ctx};
            status = run_bucket(&b, same, n, e);
        }
    }
    for (size_t i = 0; cells && i < n_specs; i++) {
        free(cells[i].rows);
    }
    free(taken);
    free(same);
    free(cells);
    return status;
}

static int run_ridge(struct group *g, const struct run_spec *const *specs, size_t n, emit_fn *emit,
                     void *ctx, struct err *e)
{
    return frozen_run(&adapt_ridge, g, specs, n, emit, ctx, e);
}

static int run_logistic(struct group *g, const struct run_spec *const *specs, size_t n,
                        emit_fn *emit, void *ctx, struct err *e)
{
    return frozen_run(&adapt_logistic, g, specs, n, emit, ctx, e);
}

const struct protocol protocol_ridge = {
    .name = "ridge",
    .help = "ridge regression to +1/-1 targets on frozen features (big_vision's few-shot rule)",
    .adapt = &adapt_ridge,
    .run = run_ridge,
};
const struct protocol protocol_logistic = {
    .name = "logistic",
    .help = "multinomial logistic regression on frozen features (linear probe)",
    .adapt = &adapt_logistic,
    .run = run_logistic,
};
