/* Metrics of stored outcomes, by cell, class or bin; aggregates over replicates and tasks. Per cent
 * and short names for people, shares and whole signatures for programs (--json). */
#include "harness/results_tables.h"
#include "harness/context.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/aggregate.h"
#include "results/calibration.h"
#include "results/record.h"
#include "results/rescore.h"
#include "results/store.h"
#include "results/table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tables ---- */

/* A share: per cent for people, itself for programs; nothing where it is not known. */
static int put_share(const struct ctx *c, struct table *t, size_t col, double v, struct err *e)
{
    if (isnan(v)) {
        return 0;
    }
    return c->g.json ? table_setf(t, t->n_rows - 1, col, e, "%.17g", v)
                     : table_setf(t, t->n_rows - 1, col, e, "%.2f", 100 * v);
}

static int put_number(const struct ctx *c, struct table *t, size_t col, double v, struct err *e)
{
    if (isnan(v)) {
        return 0;
    }
    return table_setf(t, t->n_rows - 1, col, e, c->g.json ? "%.17g" : "%.4f", v);
}

static int put_count(struct table *t, size_t col, size_t n, struct err *e)
{
    return table_setf(t, t->n_rows - 1, col, e, "%zu", n);
}

static int put_text(struct table *t, size_t col, const char *text, struct err *e)
{
    return table_set(t, t->n_rows - 1, col, text, e);
}

/* ---- metrics ---- */

/* A part of a signature; for people its first fields only. */
static int put_part(const struct ctx *c, struct table *t, size_t col, const char *part,
                    size_t n_fields, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < n_fields && part[n]; i++) {
        n += (part[n] == '|') + strcspn(part + n + (part[n] == '|'), "|");
    }
    return table_setf(t, t->n_rows - 1, col, e, "%.*s", c->g.json ? -1 : (int)n, part);
}
enum { PROTOCOL_SHORT = 3,
       SUBJECT_SHORT = 1 };

static int begin_row(const struct ctx *c, struct table *t, const struct record *r, struct err *e)
{
    return table_row(t, e) ||
                   table_setf(t, t->n_rows - 1, 0, e, "%.*s", c->g.json ? -1 : 8, r->run_id) ||
                   put_part(c, t, 1, r->protocol, PROTOCOL_SHORT, e) ||
                   put_part(c, t, 2, r->subject, SUBJECT_SHORT, e) ||
                   put_text(t, 3, r->replicate, e)
               ? -1
               : 0;
}
#define CELL_HEADS "cell", "protocol", "subject", "replicate"

static double metric(const struct record *r, const char *name)
{
    double v = (double)NAN;
    record_get_metric(r, name, &v);
    return v;
}

static int add_scores(const struct ctx *c, const struct results_args *a, const struct record *r,
                      struct table *t, struct err *e)
{
    struct record s = {0};
    char top[16];
    double low, high;
    snprintf(top, sizeof top, "top%lld", (long long)a->top);
    if (rescore(r, a->as_leaderboard, (size_t)a->top, &s, e)) {
        return -1;
    }
    stats_wilson((size_t)metric(&s, "n_correct"), (size_t)metric(&s, "n"), 0.95, &low, &high);
    int rc = begin_row(c, t, r, e) || put_count(t, 4, (size_t)metric(&s, "n"), e) ||
                     put_share(c, t, 5, metric(&s, "top1"), e) || put_share(c, t, 6, low, e) ||
                     put_share(c, t, 7, high, e) || put_share(c, t, 8, metric(&s, top), e) ||
                     put_share(c, t, 9, metric(&s, "mean_per_class"), e) ||
                     put_number(c, t, 10, metric(&s, "nll"), e) ||
                     put_number(c, t, 11, metric(&s, "brier"), e) ||
                     put_number(c, t, 12, metric(&s, "brier_top"), e) ||
                     put_number(c, t, 13, metric(&s, "ece"), e) ||
                     put_number(c, t, 14, metric(&s, "ece_mass"), e)
                 ? -1
                 : 0;
    record_release(&s);
    return rc;
}

static int add_class(const struct ctx *c, const struct record *r, size_t k, size_t n, size_t right,
                     struct table *t, struct err *e)
{
    double low, high;
    stats_wilson(right, n, 0.95, &low, &high);
    return begin_row(c, t, r, e) || put_count(t, 4, k, e) || put_count(t, 5, n, e) ||
                   put_count(t, 6, right, e) || put_share(c, t, 7, (double)right / (double)n, e) ||
                   put_share(c, t, 8, low, e) || put_share(c, t, 9, high, e)
               ? -1
               : 0;
}

/* Rows by class, or by pair of classes; classes without test images have no row. */
static int add_classes(const struct ctx *c, const struct results_args *a, const struct record *r,
                       struct table *t, struct err *e)
{
    struct outcomes o;
    rescore_view(r, a->as_leaderboard, &o);
    size_t n_classes = classes_seen(&o);
    if (n_classes > 20000) {
        return err_set(e, ERR_LIMIT, "%zu classes are too many for a table of pairs", n_classes);
    }
    uint64_t *counts = mem_take(n_classes * n_classes, sizeof *counts, e);
    if (!counts) {
        return -1;
    }
    confusion_add(&o, n_classes, counts);
    int rc = 0;
    for (size_t k = 0; k < n_classes && rc == 0; k++) {
        size_t n = 0;
        for (size_t j = 0; j < n_classes && rc == 0; j++) {
            size_t count = (size_t)counts[k * n_classes + j];
            n += count;
            if (a->confusion && count) {
                rc = begin_row(c, t, r, e) || put_count(t, 4, k, e) || put_count(t, 5, j, e) ||
                             put_count(t, 6, count, e)
                         ? -1
                         : 0;
            }
        }
        if (!a->confusion && n && rc == 0) {
            rc = add_class(c, r, k, n, (size_t)counts[k * n_classes + k], t, e);
        }
    }
    free(counts);
    return rc;
}

static int add_bins(const struct ctx *c, const struct results_args *a, const struct record *r,
                    struct table *t, struct err *e)
{
    struct outcomes o;
    rescore_view(r, a->as_leaderboard, &o);
    for (size_t kind = 0; kind < 2 && o.has_prob; kind++) {
        struct calibration cal;
        calibration_width(&o, &cal);
        if (kind == 1 && calibration_mass(&o, &cal, e)) {
            return -1;
        }
        for (size_t b = 0; b < CALIBRATION_BINS; b++) {
            const struct calibration_bin *bin = &cal.bins[b];
            double n = (double)bin->n;
            if (begin_row(c, t, r, e) || put_text(t, 4, kind ? "mass" : "width", e) ||
                put_count(t, 5, b, e) || put_count(t, 6, bin->n, e) ||
                put_count(t, 7, bin->n_correct, e) ||
                (bin->n && (put_share(c, t, 8, (double)bin->n_correct / n, e) ||
                            put_share(c, t, 9, bin->confidence, e)))) {
                return -1;
            }
        }
    }
    return 0;
}

static int begin_metrics(const struct results_args *a, struct table *t, struct err *e)
{
    char top[16];
    snprintf(top, sizeof top, ">top%lld", (long long)a->top);
    const char *const scores[] = {CELL_HEADS, ">n", ">top1", ">low", ">high", top,
                                  ">mean_per_class", ">nll", ">brier", ">brier_top", ">ece",
                                  ">ece_mass"};
    static const char *const classes[] = {CELL_HEADS, ">class", ">n", ">n_correct", ">recall",
                                          ">low", ">high"};
    static const char *const pairs[] = {CELL_HEADS, ">label", ">prediction", ">n"};
    static const char *const bins[] = {CELL_HEADS, "kind", ">bin", ">n", ">n_correct",
                                       ">accuracy", ">confidence"};
    return a->per_class   ? table_heads(t, classes, ARRAY_LEN(classes), e)
           : a->confusion ? table_heads(t, pairs, ARRAY_LEN(pairs), e)
           : a->bins      ? table_heads(t, bins, ARRAY_LEN(bins), e)
                          : table_heads(t, scores, ARRAY_LEN(scores), e);
}

int results_metrics(struct ctx *c, const struct results_args *a, const struct record_list *l,
                    struct err *e)
{
    struct table t = {0};
    size_t n = 0;
    int rc = begin_metrics(a, &t, e);
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        const struct record *r = &l->records[i];
        if (r->status != CELL_OK || (a->cell && !str_starts(r->run_id, a->cell))) {
            continue;
        }
        n++;
        rc = a->per_class || a->confusion ? add_classes(c, a, r, &t, e)
             : a->bins                    ? add_bins(c, a, r, &t, e)
                                          : add_scores(c, a, r, &t, e);
    }
    if (rc == 0 && n == 0) {
        rc = err_set(e, ERR_USAGE,
                     a->cell ? "no finished cell's id begins with %s" : "no finished cells%s",
                     a->cell ? a->cell : "");
    }
    rc = rc || context_print(c, &t, e) ? -1 : 0;
    table_release(&t);
    return rc;
}

/* ---- aggregate ---- */

static int add_series(const struct ctx *c, const struct aggregate_series *s, struct table *t,
                      struct err *e)
{
    struct str points = {0};
    const struct summary *m = &s->summary;
    for (size_t i = 0; i < s->n; i++) {
        str_addf(&points, c->g.json ? "%s%.17g" : "%s%.2f", i ? " " : "",
                 (c->g.json ? 1 : 100) * s->values[i]);
    }
    int rc = str_check(&points, e) || table_row(t, e) ||
                     put_part(c, t, 0, s->first->protocol, PROTOCOL_SHORT, e) ||
                     put_part(c, t, 1, s->first->subject, SUBJECT_SHORT, e) ||
                     put_text(t, 2, str_text(&points), e) || put_count(t, 3, s->n, e) ||
                     put_share(c, t, 4, m->median, e) || put_share(c, t, 5, m->min, e) ||
                     put_share(c, t, 6, m->max, e) || put_share(c, t, 7, m->mean, e) ||
                     put_share(c, t, 8, m->low, e) || put_share(c, t, 9, m->high, e) ||
                     put_share(c, t, 10, s->sampling_se, e) ||
                     put_share(c, t, 11, s->shares.draw, e) ||
                     put_share(c, t, 12, s->shares.seed, e) ||
                     put_share(c, t, 13, s->shares.sampling, e)
                 ? -1
                 : 0;
    str_release(&points);
    return rc;
}

/* Two rows: both averages. An incomplete grid has no mean. */
static int add_vtab(const struct ctx *c, const struct aggregate_vtab *v, struct table *t,
                    struct err *e)
{
    for (size_t k = 0; k < 2; k++) {
        if (table_row(t, e) || put_text(t, 0, v->name, e) ||
            put_text(t, 1, k ? "mean of groups" : "mean of 19", e) ||
            table_setf(t, t->n_rows - 1, 2, e, "%zu/%d", v->mean.n_tasks, VTAB_TASKS) ||
            put_count(t, 3, v->n_replicates, e) ||
            put_share(c, t, 4, k ? v->mean.groups : v->mean.tasks, e) ||
            put_share(c, t, 5, k ? v->mean.groups_se : v->mean.tasks_se, e) ||
            put_share(c, t, 6, k ? v->groups_replicate_se : v->tasks_replicate_se, e)) {
            return -1;
        }
        for (size_t g = 0; g < VTAB_GROUPS; g++) {
            if (put_share(c, t, 7 + g, v->mean.group[g], e)) {
                return -1;
            }
        }
        if (k == 0 && (put_share(c, t, 10, v->shares.draw, e) ||
                       put_share(c, t, 11, v->shares.seed, e) ||
                       put_share(c, t, 12, v->shares.sampling, e))) {
            return -1;
        }
    }
    return 0;
}

/* Said aloud: a replicate that some task lacks. */
static void note_replicates(const struct aggregate_vtab *v)
{
    if (v->mean.n_tasks < VTAB_TASKS) {
        note(NOTE_WARNING, "%s: %zu of %d tasks are there: no mean", v->name, v->mean.n_tasks,
             VTAB_TASKS);
    } else if (v->n_replicates < v->n_most) {
        note(NOTE_WARNING,
             "%s: %zu of %zu replicates have all tasks; replicate_se and the shares are theirs, "
             "the means those of all that is there",
             v->name, v->n_replicates, v->n_most);
    }
}

int results_aggregate(struct ctx *c, const struct results_args *a, const struct record_list *l,
                      struct err *e)
{
    static const char *const heads[] = {"protocol", "subject", "points", ">n", ">median",
                                        ">min", ">max", ">mean", ">low", ">high",
                                        ">sampling_se", ">draw_share", ">seed_share",
                                        ">sampling_share"};
    static const char *const vtab_heads[] = {"series", "average", "tasks", ">replicates",
                                             ">mean", ">sampling_se", ">replicate_se",
                                             ">natural", ">specialized", ">structured",
                                             ">draw_share", ">seed_share", ">sampling_share"};
    struct aggregate g;
    struct table t = {0}, vtab = {0};
    if (aggregate_init(&g, l, a->as_leaderboard, e)) {
        return -1;
    }
    int rc = table_heads(&t, heads, ARRAY_LEN(heads), e) ||
                     table_heads(&vtab, vtab_heads, ARRAY_LEN(vtab_heads), e)
                 ? -1
                 : 0;
    for (size_t i = 0; i < g.n_series && rc == 0; i++) {
        rc = add_series(c, &g.series[i], &t, e);
    }
    for (size_t i = 0; i < g.n_vtab && rc == 0; i++) {
        rc = add_vtab(c, &g.vtab[i], &vtab, e);
    }
    if (rc == 0 && c->g.json) {
        fputs("{\"series\":\n", stdout);
        rc = context_print(c, &t, e);
        fputs(", \"vtab\":\n", stdout);
        rc = rc || context_print(c, &vtab, e) ? -1 : 0;
        fputs("}\n", stdout);
    } else if (rc == 0) {
        rc = context_print(c, &t, e);
        if (rc == 0 && vtab.n_rows) {
            fputs("\n", stdout);
            rc = context_print(c, &vtab, e);
        }
    }
    for (size_t i = 0; i < g.n_vtab && rc == 0; i++) {
        note_replicates(&g.vtab[i]);
    }
    table_release(&t);
    table_release(&vtab);
    aggregate_release(&g);
    return rc;
}
