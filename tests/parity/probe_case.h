/* What the checks of ridge and logistic regression share: the case at hand, runs of an adaptation
 * along a column of a table, agreement with reference predictions. */
#ifndef BITBENCH_TESTS_PARITY_PROBE_CASE_H
#define BITBENCH_TESTS_PARITY_PROBE_CASE_H

#include "harness/base/json.h"
#include "harness/base/pool.h"
#include "protocols/adapt.h"
#include "tests/parity/golden.h"

static const char *dir, *name; /* name: of the case */
static struct pool *pool;
static struct probe_data data;

static inline const char *path_of(const char *file)
{
    static char path[PATH];
    snprintf(path, sizeof path, "%s/%s/%s", dir, name, file);
    return path;
}

static inline int32_t *labels(const char *file, size_t n)
{
    struct array a = array_read(path_of(file));
    int32_t *v = take(n, sizeof *v);
    need(a.head.n == n, file);
    for (size_t i = 0; i < n; i++) {
        v[i] = (int32_t)a.f64[i];
    }
    array_free(&a);
    return v;
}

static inline size_t best(const double *v, size_t n)
{
    size_t b = 0;
    for (size_t i = 1; i < n; i++) {
        b = v[i] > v[b] ? i : b;
    }
    return b;
}

/* What a run emitted, spec by spec. */
struct outcome {
    double *scores; /* [n_specs, n_test, n_classes] */
    size_t n_done, picked, n_tried, unconverged;
    double residual; /* the worst */
    double *value;   /* of the last */
};

static inline int keep(void *ctx, const struct adapt_result *r, struct err *err)
{
    (void)err;
    struct outcome *o = ctx;
    size_t size = data.n_test * data.n_classes;
    memcpy(o->scores + r->spec * size, r->scores, size * sizeof *o->scores);
    o->n_done++;
    o->unconverged += !r->converged;
    o->residual = fmax(o->residual, isnan(r->residual) ? 0 : r->residual);
    o->picked = r->picked;
    o->n_tried = r->n_tried;
    if (r->n_tried) {
        free(o->value);
        o->value = take(r->n_tried, sizeof *o->value);
        memcpy(o->value, r->value, r->n_tried * sizeof *o->value);
    }
    return 0;
}

/* One spec for every value of the knob in a column of t, on the same training set. */
static inline struct outcome run_path(const struct adapt *a, const struct table *t,
                                      const char *column)
{
    struct run_spec *s = take(t->n_rows, sizeof *s);
    const struct run_spec **all = take(t->n_rows, sizeof *all);
    struct outcome o = {.scores = take(t->n_rows * data.n_test * data.n_classes, sizeof *o.scores)};
    struct adapt_counters c = {0};
    for (size_t i = 0; i < t->n_rows; i++) {
        spec_init(&s[i]);
        snprintf(s[i].adapt.name, sizeof s[i].adapt.name, "%s", a->name);
        *(a == &adapt_ridge ? &s[i].adapt.l2 : &s[i].adapt.c) = number(t, i, column);
        all[i] = &s[i];
    }
    need(!a->run(&data, all, t->n_rows, pool, &c, keep, &o, &e), a->name);
    if (a == &adapt_ridge) {
        check(c.eigendecompositions == 1, "%s/ridge: %zu eigendecompositions for %zu values of l2",
              name, c.eigendecompositions, t->n_rows);
    }
    free(all);
    free(s);
    return o;
}

/* The grid that has exactly the values of a column. */
static inline void grid_of(const struct table *t, const char *column, char *text, size_t cap)
{
    double first = number(t, 0, column), last = number(t, t->n_rows - 1, column), *v;
    size_t n;
    for (int ways = 0; ways < 3; ways++) {
        if (ways == 0) {
            snprintf(text, cap, "log2:%.0f:%.0f", log2(first), log2(last));
        } else if (ways == 1) {
            snprintf(text, cap, "log10:%.0f:%.0f:%zu", log10(first), log10(last), t->n_rows);
        } else {
            size_t at = (size_t)snprintf(text, cap, "list:");
            for (size_t i = 0; i < t->n_rows && at < cap; i++) {
                at += (size_t)snprintf(text + at, cap - at, "%s%.17g", i ? "," : "",
                                       number(t, i, column));
            }
        }
        if (grid_parse(text, &v, &n, &e)) {
            continue;
        }
        double off = n == t->n_rows ? 0 : (double)INFINITY;
        for (size_t i = 0; i < n && i < t->n_rows; i++) {
            off = fmax(off, fabs(v[i] / number(t, i, column) - 1));
        }
        free(v);
        if (off < 1e-14) {
            return;
        }
    }
    snprintf(e.text, sizeof e.text, "no grid has the values of column %s", column);
    need(false, name);
}

static inline struct outcome run_select(const struct adapt *a, const struct table *t,
                                        const char *column, const char *on)
{
    struct outcome o = {.scores = take(data.n_test * data.n_classes, sizeof *o.scores)};
    struct adapt_counters c = {0};
    struct run_spec s;
    const struct run_spec *all = &s;
    char grid[SPEC_GRID];
    spec_init(&s);
    snprintf(s.adapt.name, sizeof s.adapt.name, "%s", a->name);
    snprintf(s.select.on, sizeof s.select.on, "%s", on);
    grid_of(t, column, grid, sizeof grid - 16);
    snprintf(s.select.grid, sizeof s.select.grid, "%s=%.200s", a->knob, grid);
    need(!a->run(&data, &all, 1, pool, &c, keep, &o, &e), a->name);
    return o;
}

/* Predictions of every row of t against pred and margin, and hits against n_correct. */
struct agreement {
    size_t wrong, close, hits_off;
    double gap; /* largest margin of the reference where a prediction differs */
};

static inline void compare_pred(struct agreement *a, const double *scores, const struct array *pred,
                                const struct array *margin, size_t row, size_t n,
                                const int32_t *truth, double bound, size_t want)
{
    size_t hits = 0, near = 0;
    need(pred->head.n >= (row + 1) * n && margin->head.n >= (row + 1) * n, "pred and margin");
    for (size_t i = 0; i < n; i++) {
        size_t got = best(scores + i * data.n_classes, data.n_classes);
        double m = margin->f64[row * n + i];
        hits += got == (size_t)truth[i];
        near += m <= bound;
        if ((double)got != pred->f64[row * n + i]) {
            a->gap = fmax(a->gap, m);
            a->wrong += m > bound;
            a->close += m <= bound;
        }
    }
    a->hits_off += (hits > want ? hits - want : want - hits) > near;
}

static inline void report(const struct agreement *a, const char *what, size_t n, double bound)
{
    check(a->wrong == 0,
          "%s/%s: %zu predictions, %zu differ above the margin %.0e (largest margin there %.2g), "
          "%zu below",
          name, what, n, a->wrong, bound, a->gap, a->close);
    check(a->hits_off == 0, "%s/%s: hits, %zu settings differ", name, what, a->hits_off);
}

static inline double worst_of(const double *have, const double *truth, size_t n, double *size)
{
    double off = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs(have[i] - truth[i]);
        off = isnan(d) ? (double)INFINITY : fmax(off, d);
        *size = fmax(*size, fabs(truth[i]));
    }
    return off;
}

static inline void check_share(const char *what, double error, double bound)
{
    char text[KEY];
    snprintf(text, sizeof text, "%s/%s", name, what);
    check_error(text, error, bound);
}

static inline struct json *read_json(const char *file)
{
    unsigned char *text;
    size_t n;
    need(!file_read(path_of(file), 0, &text, &n, &e), file);
    struct json *j = json_parse((char *)text, n, file, &e);
    need(j, file);
    free(text);
    return j;
}

static inline double json_number(const struct json *j, const char *key)
{
    double v = 0;
    snprintf(e.text, sizeof e.text, "no number %s", key);
    need(json_double(json_get(j, key), &v), name);
    return v;
}

#endif
