/* Adaptation none: the checkpoint's own head on the test images. Classes must fit the data set's,
 * or a head map (csv: head_index,class) says which logits stand for which class; the score of a
 * class is then the greatest of its logits, as common evaluations of re-labelled sets do. */
#include "protocols/cells.h"
#include "protocols/drivers.h"
#include "protocols/features.h"
#include "protocols/protocol.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/csv.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "models/model.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_MAP_MAX_BYTES = 16 << 20 };

/* map [n_head]: class of each head index, -1 where it stands for none. */
static int head_map_read(const char *path, size_t n_head, size_t n_classes, int32_t *map,
                         struct err *e)
{
    struct csv csv = {0};
    int status = -1;
    if (csv_read(&csv, path, HEAD_MAP_MAX_BYTES, e)) {
        return -1;
    }
    for (size_t i = 0; i < n_head; i++) {
        map[i] = -1;
    }
    for (size_t i = 0; i < csv.n_rows; i++) {
        const struct csv_row *r = &csv.rows[i];
        uint64_t head, class;
        if (i == 0 && r->n == 2 && !strcmp(r->fields[0], "head_index")) {
            continue;
        }
        if (r->n != 2 || !str_to_u64(r->fields[0], &head) || !str_to_u64(r->fields[1], &class)) {
            err_set(e, ERR_FORMAT, "%s:%zu: expected head_index,class", path, r->line);
            goto out;
        }
        if (head >= n_head || class >= n_classes) {
            err_set(
                e, ERR_FORMAT,
                "%s:%zu: %llu,%llu is outside the head's %zu outputs or the data set's %zu classes",
                path, r->line, (unsigned long long)head, (unsigned long long)class, n_head,
                n_classes);
            goto out;
        }
        if (map[head] >= 0) {
            err_set(e, ERR_FORMAT, "%s:%zu: head_index %llu is mapped twice", path, r->line,
                    (unsigned long long)head);
            goto out;
        }
        map[head] = (int32_t) class;
    }
    status = 0;
out:
    csv_release(&csv);
    return status;
}

/* Logits [n, n_head] to scores [n, n_classes]. */
static int scores_of(const struct run_spec *s, const struct group *g, const float *logits, size_t n,
                     double *scores, struct err *e)
{
    size_t n_head = g->model->n_classes, n_classes = g->dataset->n_classes;
    if (!s->adapt.head_map[0]) {
        for (size_t i = 0; i < n * n_classes; i++) {
            scores[i] = (double)logits[i];
        }
        return 0;
    }
    int32_t *map = mem_take(n_head, sizeof *map, e);
    int status = map ? head_map_read(s->adapt.head_map, n_head, n_classes, map, e) : -1;
    for (size_t i = 0; i < n * n_classes && status == 0; i++) {
        scores[i] = -DBL_MAX; /* a class without a logit is never predicted */
    }
    for (size_t i = 0; i < n && status == 0; i++) {
        for (size_t h = 0; h < n_head; h++) {
            if (map[h] >= 0) {
                double *score = &scores[i * n_classes + (size_t)map[h]];
                *score = fmax(*score, (double)logits[i * n_head + h]);
            }
        }
    }
    free(map);
    return status;
}

static int check_head(const struct run_spec *s, const struct group *g, struct err *e)
{
    const struct model *m = g->model;
    if (m->n_classes == 0) {
        return err_set(e, ERR_USAGE,
                       "%s has no head of its own to evaluate; choose an adaptation such as ridge",
                       m->name);
    }
    if (!s->adapt.head_map[0] && m->n_classes != g->dataset->n_classes) {
        return err_set(
            e, ERR_USAGE,
            "%s has %zu head outputs, %s has %zu classes: give a head map (--head-map FILE.csv) or "
            "choose an adaptation such as ridge",
            m->name, m->n_classes, g->dataset->name, g->dataset->n_classes);
    }
    return 0;
}

/* One cell; *why says what went wrong. Returns what emit returned, or -1 with *why set. */
static int run_cell(struct group *g, const struct run_spec *s, struct record *r, struct err *why)
{
    struct preprocess p;
    struct split test = {0};
    float *features = NULL, *logits = NULL;
    double *scores = NULL;
    size_t d;
    int status = -1;
    if (check_head(s, g, why) || spec_preprocess(s, g->model, g->dataset, &p, why) ||
        split_open(&test, g->dataset, s->test, why) ||
        features_get(g, &test, NULL, 0, &p, &features, &d, &logits, why)) {
        goto out;
    }
    scores = mem_take(test.n, g->dataset->n_classes * sizeof *scores, why);
    if (!scores || scores_of(s, g, logits, test.n, scores, why) ||
        spec_describe(s, g, test.n, test.whole ? test.official_n : 0, r, why)) {
        goto out;
    }
    status = cell_outcomes(g, &test, scores, !s->adapt.head_map[0], "logit", r, why);
out:
    free(scores);
    free(logits);
    free(features);
    split_close(&test);
    return status;
}

static int run(struct group *g, const struct run_spec *const *specs, size_t n_specs, emit_fn *emit,
               void *ctx, struct err *e)
{
    for (size_t i = 0; i < n_specs; i++) {
        struct record r = {.status = CELL_OK};
        struct err why = {0};
        int status;
        if (run_cell(g, specs[i], &r, &why)) {
            record_release(&r);
            if (why.code == ERR_INTERRUPTED) {
                *e = why;
                return -1;
            }
            status = cell_failed(g, specs, i, &why, emit, ctx, e);
        } else {
            status = emit(ctx, i, &r, e);
        }
        if (status) {
            return -1;
        }
    }
    return 0;
}

const struct protocol protocol_none = {
    .name = "none",
    .help = "no adaptation: the checkpoint's own head",
    .run = run,
};
