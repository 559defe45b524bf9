/* Ridge on frozen features: one training set, many cells. Cells that differ in l2 or in how it is
 * selected share one eigendecomposition (and one more for the training part of a validation split);
 * test rows are converted once for a batch of cells. */
#include "protocols/adapt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "protocols/linear.h"
#include "protocols/ridge_fit.h"

enum { COLUMNS = 512 }; /* of weights that go over the test rows together, where classes allow */

/* A training set as one combination of knobs sees it. */
struct setting {
    bool standardize;
    double bias;
    struct ridge_fit all, part; /* of all rows; of the training part. n = 0: not made yet */
};

/* What a cell will be scored with. */
struct choice {
    struct setting *setting;
    double l2;
    double *tried, *value;
    size_t n_tried, picked;
    const char *measure;
};

struct job {
    const struct probe_data *p;
    const struct run_spec *const *specs;
    size_t n_specs;
    struct pool *pool;
    struct adapt_counters *counters;
    struct adapt_holdout holdout; /* train.n = 0: not made yet */
    struct setting *settings;
    size_t n_settings;
    struct choice *choices; /* [n_specs] */
};

static struct setting *find_setting(struct job *j, const struct run_spec *s)
{
    for (size_t i = 0; i < j->n_settings; i++) {
        struct setting *t = &j->settings[i];
        if (t->standardize == s->adapt.standardize && t->bias == s->adapt.bias) {
            return t;
        }
    }
    struct setting *t = &j->settings[j->n_settings++];
    *t = (struct setting){.standardize = s->adapt.standardize, .bias = s->adapt.bias};
    return t;
}

static int need_fit(struct job *j, struct setting *t, struct ridge_fit *f,
                    const struct probe_data *p, struct err *e)
{
    if (f->n) {
        return 0;
    }
    return ridge_fit_init(f, p, t->standardize, t->bias, j->pool, j->counters, e);
}

/* How many values of l2 go over the rows together; it does not show in the bits. */
static size_t batch_size(const struct job *j)
{
    return j->p->n_classes < COLUMNS ? COLUMNS / j->p->n_classes : 1;
}

/* scores [n_l2][rows->n][n_classes]; at most batch_size values. */
static int score(struct job *j, const struct ridge_fit *f, const struct linear_rows *rows,
                 const double *l2, size_t n_l2, const char *what, double *scores, struct err *e)
{
    size_t n = j->p->n_classes, width = linear_width(f->n_kept), height = f->n_kept + 1;
    size_t columns = n_l2 * n;
    double *one = mem_take_raw(height * n, sizeof *one, e);
    double *all = mem_take_raw(height * columns, sizeof *all, e);
    double *w = mem_take_raw(linear_panels(columns) * PANEL * width, sizeof *w, e);
    int rc = one && all && w ? 0 : -1;
    for (size_t i = 0; i < n_l2 && rc == 0; i++) {
        rc = ridge_fit_weights(f, l2[i], j->pool, one, e);
        for (size_t k = 0; k < height && rc == 0; k++) {
            memcpy(all + k * columns + i * n, one + k * n, n * sizeof *one);
        }
    }
    if (rc == 0) {
        linear_to_panels(all, height, columns, width, w);
        rc = linear_scores(rows, w, n_l2, n, j->pool, what, scores, e);
    }
    free(w);
    free(all);
    free(one);
    return rc;
}

/* value [n] = mean square of the leave-one-out residuals, for each l2. */
static int value_by_loo(struct job *j, struct setting *t, const double *l2, size_t n, double *value,
                        struct err *e)
{
    double *scores = mem_take_raw(j->p->n * j->p->n_classes, sizeof *scores, e);
    int rc = scores ? need_fit(j, t, &t->all, j->p, e) : -1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = ridge_fit_loo(&t->all, l2[i], j->pool, scores, &value[i], NULL, e);
    }
    free(scores);
    return rc;
}

/* value [n] = share of the validation rows that the fit to the others gets right. */
static int value_by_val(struct job *j, struct setting *t, const double *l2, size_t n, double *value,
                        struct err *e)
{
    struct adapt_holdout *h = &j->holdout;
    if ((!h->train.n && adapt_holdout_init(h, j->p, e)) ||
        need_fit(j, t, &t->part, &h->train, e)) {
        return -1;
    }
    size_t step = batch_size(j) < n ? batch_size(j) : n, size = h->val.n * j->p->n_classes;
    double *scores = mem_take_raw(step * size, sizeof *scores, e);
    struct linear_rows rows = ridge_rows(&t->part, &h->val);
    int rc = scores ? 0 : -1;
    for (size_t i = 0; i < n && rc == 0; i += step) {
        size_t m = n - i < step ? n - i : step;
        rc = score(j, &t->part, &rows, l2 + i, m, "validation", scores, e);
        for (size_t k = 0; k < m && rc == 0; k++) {
            size_t hits = adapt_hits(scores + k * size, h->val.y, h->val.n, j->p->n_classes);
            value[i + k] = (double)hits / (double)h->val.n;
        }
    }
    free(scores);
    return rc;
}

/* The l2 in force of a cell. Least error, most hits; of equal ones the largest l2. */
static int choose(struct job *j, const struct run_spec *s, struct choice *c, struct err *e)
{
    c->setting = find_setting(j, s);
    c->l2 = s->adapt.l2;
    if (adapt_ladder(s, "adapt.l2", &c->tried, &c->n_tried, e)) {
        return -1;
    }
    if (!c->n_tried) {
        return 0;
    }
    c->value = mem_take(c->n_tried, sizeof *c->value, e);
    bool loo = strcmp(s->select.on, "loo") == 0;
    if (!c->value ||
        (loo ? value_by_loo : value_by_val)(j, c->setting, c->tried, c->n_tried, c->value, e)) {
        return -1;
    }
    c->measure = loo ? "loo_mse" : "val_top1";
    for (size_t i = 1; i < c->n_tried; i++) {
        double gain = loo ? c->value[c->picked] - c->value[i] : c->value[i] - c->value[c->picked];
        if (gain > 0 || (gain == 0 && c->tried[i] > c->tried[c->picked])) {
            c->picked = i;
        }
    }
    c->l2 = c->tried[c->picked];
    return 0;
}

/* Scores the cells first.. that share a setting, as many as go together; *n of them. */
static int emit_batch(struct job *j, size_t first, size_t *n, adapt_emit *emit, void *ctx,
                      struct err *e)
{
    struct choice *c = j->choices + first;
    const struct probe_data *p = j->p;
    size_t left = j->n_specs - first, limit = batch_size(j) < left ? batch_size(j) : left;
    for (*n = 1; *n < limit && c[*n].setting == c->setting;) {
        ++*n;
    }
    double *l2 = mem_take(*n, sizeof *l2, e);
    double *scores = mem_take_raw(*n * p->n_test * p->n_classes, sizeof *scores, e);
    int rc = l2 && scores ? need_fit(j, c->setting, &c->setting->all, p, e) : -1;
    if (rc == 0) {
        struct linear_rows rows = ridge_rows(&c->setting->all, p);
        rows.x = p->x_test;
        rows.rows = NULL;
        rows.n = p->n_test;
        for (size_t i = 0; i < *n; i++) {
            l2[i] = c[i].l2;
        }
        rc = score(j, &c->setting->all, &rows, l2, *n, "test", scores, e);
    }
    for (size_t i = 0; i < *n && rc == 0; i++) {
        struct adapt_result r = {.spec = first + i,
                                 .scores = scores + i * p->n_test * p->n_classes,
                                 .unit = "score",
                                 .chosen = c[i].l2,
                                 .residual = (double)NAN,
                                 .converged = true,
                                 .tried = c[i].tried,
                                 .value = c[i].value,
                                 .n_tried = c[i].n_tried,
                                 .picked = c[i].picked,
                                 .measure = c[i].measure};
        rc = emit(ctx, &r, e);
    }
    free(scores);
    free(l2);
    return rc;
}

static void release(struct job *j)
{
    for (size_t i = 0; j->choices && i < j->n_specs; i++) {
        free(j->choices[i].tried);
        free(j->choices[i].value);
    }
    for (size_t i = 0; i < j->n_settings; i++) {
        ridge_fit_release(&j->settings[i].all);
        ridge_fit_release(&j->settings[i].part);
    }
    adapt_holdout_release(&j->holdout);
    free(j->choices);
    free(j->settings);
}

static int ridge_run(const struct probe_data *p, const struct run_spec *const *specs,
                     size_t n_specs, struct pool *pool, struct adapt_counters *c, adapt_emit *emit,
                     void *ctx, struct err *e)
{
    struct job j = {.p = p, .specs = specs, .n_specs = n_specs, .pool = pool, .counters = c};
    j.settings = mem_take(n_specs, sizeof *j.settings, e);
    j.choices = mem_take(n_specs, sizeof *j.choices, e);
    int rc = j.settings && j.choices ? adapt_check(p, pool, e) : -1;
    for (size_t i = 0; i < n_specs && rc == 0; i++) {
        rc = choose(&j, specs[i], &j.choices[i], e);
        if (rc) {
            adapt_name_spec(specs[i], e);
        }
    }
    for (size_t i = 0, n = 0; i < n_specs && rc == 0; i += n) {
        if (atomic_load(&note_interrupted)) {
            rc = err_set(e, ERR_INTERRUPTED, "interrupted");
        } else {
            rc = emit_batch(&j, i, &n, emit, ctx, e);
        }
    }
    release(&j);
    return rc;
}

static void ridge_signature(const struct run_spec *s, struct str *out)
{
    str_add(out, "ridge:");
    adapt_sign_knob(s, "l2", s->adapt.l2, "log2:-10:20", out);
    str_add(out, ",bias=");
    str_add_double(out, s->adapt.bias);
    str_add(out, s->adapt.standardize ? ",std" : ",raw");
}

const struct adapt adapt_ridge = {
    .name = "ridge",
    .help = "ridge regression to +1/-1 targets (big_vision's few-shot rule)",
    .sources = "protocols/ridge.c protocols/ridge_fit.c protocols/ridge_fit.h protocols/adapt.c "
               "protocols/linear.c protocols/linear.h",
    .knob = "adapt.l2",
    .run = ridge_run,
    .signature = ridge_signature,
};
