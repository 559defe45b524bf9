/* Outcomes, metrics, intervals and quantiles against numpy, scipy and mpmath (README.md beside
 * the data). Usage: stats [DIR]; what of the form is in DIR is checked. TAP; every line says the
 * greatest error and its bound. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"
#include "results/metrics.h"
#include "results/record.h"
#include "results/stats.h"

static size_t n_tests, n_bad;

static void report(bool good, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void report(bool good, const char *what, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("%sok %zu - %s: ", good ? "" : "not ", ++n_tests, what);
    vprintf(fmt, ap);
    puts("");
    va_end(ap);
    n_bad += !good;
}

/* The greatest error in units of its bound, with both. */
struct worst {
    double share, error, bound;
};

static void see(struct worst *w, double got, double want, double bound)
{
    double error = got == want ? 0 : fabs(got - want); /* both may be infinite */
    double share = error <= bound ? (error > 0 ? error / bound : 0) : HUGE_VAL;
    if (share >= w->share) {
        *w = (struct worst){share, error, bound};
    }
}

static void report_worst(const char *what, const char *part, size_t n, const struct worst *w)
{
    char text[300];
    snprintf(text, sizeof text, "%s %s", what, part);
    report(w->share <= 1, text, "%zu values, greatest error %.3g, bound %.3g", n, w->error,
           w->bound);
}

/* ---- tables of numbers ---- */

struct table {
    double *v; /* [n_rows, n_cols]; a cell that is no number is nan */
    size_t n_rows, n_cols;
};

/* False when there is no such file. */
static bool read_table(struct table *t, const char *dir, const char *name)
{
    char path[4096];
    unsigned char *text;
    size_t n;
    struct err e = {0};
    *t = (struct table){0};
    if (file_join(path, sizeof path, dir, name, &e) || file_read(path, 0, &text, &n, &e)) {
        if (e.code != ERR_ABSENT) {
            report(false, name, "%s", e.text);
        }
        return false;
    }
    char *lines = NULL, *line = strtok_r((char *)text, "\n", &lines);
    for (const char *p = line ? line : ""; *p; p++) {
        t->n_cols += *p == '\t';
    }
    t->n_cols++;
    t->v = calloc(n + 1, sizeof *t->v);
    while ((line = strtok_r(NULL, "\n", &lines))) {
        char *field;
        for (size_t c = 0; c < t->n_cols && (field = strsep(&line, "\t")); c++) {
            double *v = &t->v[t->n_rows * t->n_cols + c];
            if (!str_to_double(field, v)) {
                *v = (double)NAN;
            }
        }
        t->n_rows++;
    }
    free(text);
    return true;
}

static void check_wilson(const char *dir)
{
    enum { K,
           N,
           LEVEL,
           Z,
           LOW,
           HIGH };
    struct table t;
    struct worst ends = {0}, z = {0};
    if (!read_table(&t, dir, "wilson.tsv")) {
        return;
    }
    for (size_t i = 0; i < t.n_rows; i++) {
        const double *row = t.v + i * t.n_cols;
        double low, high, q = (1 - row[LEVEL]) / 2, was = row[Z];
        stats_wilson((size_t)row[K], (size_t)row[N], row[LEVEL], &low, &high);
        see(&ends, low, row[LOW], 1e-15);
        see(&ends, high, row[HIGH], 1e-15);
        /* theirs is the quantile of 0.5 + level / 2, rounded to half an ulp of 1 */
        double density = exp(-was * was / 2) / sqrt(8 * atan(1));
        see(&z, -stats_normal_quantile(q), was, 0x1p-54 / density + was * 0x1p-51);
    }
    report_worst("wilson", "ends", 2 * t.n_rows, &ends);
    report_worst("wilson", "z", t.n_rows, &z);
    free(t.v);
}

static void check_t_quantiles(const char *dir)
{
    static const double p[] = {0.95, 0.975, 0.995};
    struct table t;
    struct worst w = {0};
    if (!read_table(&t, dir, "t_quantiles.tsv")) {
        return;
    }
    for (size_t i = 0; i < t.n_rows; i++) {
        const double *row = t.v + i * t.n_cols;
        for (size_t k = 0; k < 3; k++) {
            see(&w, stats_t_quantile(p[k], row[0]), row[1 + k], 1e-13 * row[1 + k]);
        }
    }
    report_worst("t", "quantiles", 3 * t.n_rows, &w);
    free(t.v);
}

static struct json *read_json(const char *dir, const char *name)
{
    char path[4096];
    unsigned char *text;
    size_t n;
    struct err e = {0};
    if (file_join(path, sizeof path, dir, name, &e) || file_read(path, 0, &text, &n, &e)) {
        return NULL;
    }
    struct json *root = json_parse((const char *)text, n, path, &e);
    if (!root) {
        report(false, name, "%s", e.text);
    }
    free(text);
    return root;
}

static void check_t_interval(const char *dir)
{
    enum { LIST,
           N,
           MEDIAN,
           MIN,
           MAX,
           MEAN,
           SD,
           T,
           LOW,
           HIGH };
    struct table t;
    struct worst w = {0};
    if (!read_table(&t, dir, "t_interval.tsv")) {
        return;
    }
    struct json *lists = read_json(dir, "t_values.json");
    for (size_t i = 0; i < t.n_rows; i++) {
        const double *row = t.v + i * t.n_cols;
        const struct json *list = json_at(lists, (size_t)row[LIST]);
        double v[64] = {0};
        struct summary s;
        size_t n = json_len(list) < 64 ? json_len(list) : 64;
        for (size_t k = 0; k < n; k++) {
            json_double(json_at(list, k), &v[k]);
        }
        stats_summary(v, n ? n : 1, &s);
        see(&w, (double)n, row[N], 0);
        see(&w, s.median, row[MEDIAN], 1e-14);
        see(&w, s.min, row[MIN], 0);
        see(&w, s.max, row[MAX], 0);
        see(&w, s.mean, row[MEAN], 1e-14);
        see(&w, s.sd, row[SD], 1e-14);
        see(&w, s.low, row[LOW], 1e-14);
        see(&w, s.high, row[HIGH], 1e-14);
    }
    report_worst("t", "intervals", 8 * t.n_rows, &w);
    json_close(lists);
    free(t.v);
}

/* ---- calibration bins ---- */

/* The error of two images, of which one has confidence p and the other the middle of a bin, is
 * |1 - p - middle| / 2 exactly when they are in one bin, one of them right and one wrong. */
static void check_edges(const char *dir)
{
    enum { BIN = 3,
           CONFIDENCE = 2 };
    struct table t;
    struct worst w = {0};
    struct err e = {0};
    if (!read_table(&t, dir, "ece_edges.tsv")) {
        return;
    }
    for (size_t i = 0; i < t.n_rows; i++) {
        double p = t.v[i * t.n_cols + CONFIDENCE], got = (double)NAN;
        double middle = (double)(float)((t.v[i * t.n_cols + BIN] + 0.5) / 15);
        struct record r = {0};
        if (outcomes_init(&r.outcomes, 2, 0, true, &e) == 0) {
            r.outcomes.p_pred[0] = (float)p;
            r.outcomes.p_pred[1] = (float)middle;
            r.outcomes.label[p > 0.5 ? 0 : 1] = 1; /* wrong: every prediction is 0 */
            metrics_add(&r, 2, &e);
            record_get_metric(&r, "ece", &got);
        }
        see(&w, got, fabs(1 - p - middle) / 2, 1e-15);
        record_release(&r);
    }
    report_worst("ece", "edges", t.n_rows, &w);
    free(t.v);
}

/* ---- outcomes ---- */

enum column { LABEL,
              PRED,
              RANK,
              P_LABEL,
              P_PRED,
              MARGIN,
              P_SQ,
              N_COLUMNS };
static const char *const columns[] = {"label", "pred", "rank", "p_label", "p_pred", "margin",
                                      "p_sq"};

struct outcome_case {
    double *scores, *v[N_COLUMNS]; /* [n, n_classes], [n] */
    size_t n, n_classes;
};

static double *read_array(const char *dir, const char *name, size_t *n, size_t *n_cols,
                          struct err *e)
{
    char path[4096];
    struct npy a;
    snprintf(path, sizeof path, "%s/%s.npy", dir, name);
    if (npy_read(&a, path, e)) {
        return NULL;
    }
    double *v = calloc(a.n + 1, sizeof *v);
    *n = a.dims[0];
    *n_cols = a.n_dims > 1 ? a.dims[1] : 1;
    if (npy_to_f64(&a, v, path, e)) {
        free(v);
        v = NULL;
    }
    npy_release(&a);
    return v;
}

static void release_case(struct outcome_case *c)
{
    free(c->scores);
    for (size_t k = 0; k < N_COLUMNS; k++) {
        free(c->v[k]);
    }
}

static bool read_case(struct outcome_case *c, const char *dir, struct err *e)
{
    c->scores = read_array(dir, "score", &c->n, &c->n_classes, e);
    bool good = c->scores != NULL;
    for (size_t k = 0; k < N_COLUMNS && good; k++) {
        size_t n, n_cols;
        c->v[k] = read_array(dir, columns[k], &n, &n_cols, e);
        good = c->v[k] && n == c->n;
    }
    return good;
}

/* Prediction, rank and margin exactly; probabilities where the scores are logits. Both sides were
 * computed in double and rounded to float, so that they differ by one step at most; ln p of their
 * rounded p by half an ulp of p and half an ulp of ours. */
static void check_set(const char *name, const struct outcome_case *c)
{
    struct outcomes o = {0};
    struct err e = {0};
    struct worst ranks = {0}, probs = {0};
    bool logits = false;
    if (outcomes_init(&o, c->n, 0, true, &e)) {
        report(false, name, "%s", e.text);
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        logits |= c->scores[i * c->n_classes + (size_t)c->v[LABEL][i]] != c->v[P_LABEL][i];
    }
    for (size_t i = 0; i < c->n; i++) {
        outcomes_set(&o, i, (int32_t)c->v[LABEL][i], c->scores + i * c->n_classes, c->n_classes);
        see(&ranks, o.pred[i], c->v[PRED][i], 0);
        see(&ranks, o.rank[i], c->v[RANK][i] + 1, 0);
        see(&ranks, (double)o.margin[i], c->v[MARGIN][i], 0);
        if (logits) {
            double logp = log(c->v[P_LABEL][i]);
            see(&probs, (double)o.logp_label[i], logp, (1 - logp) * 0x1p-24 + 1e-15);
            see(&probs, (double)o.p_pred[i], c->v[P_PRED][i], c->v[P_PRED][i] * 0x1p-23);
            /* theirs is a sum over probabilities that were rounded first */
            see(&probs, (double)o.p_sq[i], c->v[P_SQ][i], c->v[P_SQ][i] * 3 * 0x1p-24);
        }
    }
    report_worst(name, "prediction, rank, margin", 3 * c->n, &ranks);
    if (logits) {
        report_worst(name, "probabilities", 3 * c->n, &probs);
    }
    outcomes_release(&o);
}

static double expected(const struct json *metrics, const char *name)
{
    double v = (double)NAN;
    const struct json *value = json_get(metrics, name);
    const char *text = json_text(value);
    if (text && strcmp(text, "inf") == 0) {
        return HUGE_VAL;
    }
    json_double(value, &v);
    return v;
}

/* The metrics of their outcomes. What the record rounds to float (ln p, p_sq) moves each term of
 * nll and Brier's sum by half an ulp, whose mean is added to the bound. */
static void check_metrics(const char *name, const char *dir, const struct outcome_case *c)
{
    struct record r = {0};
    struct err e = {0};
    struct outcomes *o = &r.outcomes;
    struct json *json = read_json(dir, "metrics.json");
    if (!json || outcomes_init(o, c->n, 0, true, &e)) {
        report(false, name, "metrics.json: %s", e.text);
        json_close(json);
        return;
    }
    double nll = 0, brier = 0;
    for (size_t i = 0; i < c->n; i++) {
        double p = c->v[P_LABEL][i];
        o->label[i] = (int32_t)c->v[LABEL][i];
        o->pred[i] = (int32_t)c->v[PRED][i];
        o->rank[i] = (uint16_t)(c->v[RANK][i] + 1);
        o->logp_label[i] = (float)log(p);
        o->p_pred[i] = (float)c->v[P_PRED][i];
        o->p_sq[i] = (float)c->v[P_SQ][i];
        double logp = p > 0 ? -log(p) : 0;
        nll += logp * 0x1p-24 / (double)c->n;
        brier += (2 * p * logp + c->v[P_SQ][i]) * 0x1p-24 / (double)c->n;
    }
    const struct {
        const char *ours, *theirs;
        double bound;
    } rows[] = {
        {"n", "n", 0},
        {"n_correct", "n_correct", 0},
        {"top1", "top1", 1e-15},
        {"top5", "top5", 1e-15},
        {"mean_per_class", "mean_per_class", 1e-15},
        {"nll", "nll", 1e-12 + nll},
        {"brier", "brier", 1e-12 + brier},
        {"ece", "ece_equal_width", 1e-12},
    };
    struct worst w = {0};
    int rc = metrics_add(&r, c->n_classes, &e);
    for (size_t i = 0; i < sizeof rows / sizeof *rows && rc == 0; i++) {
        double got = (double)NAN;
        record_get_metric(&r, rows[i].ours, &got);
        see(&w, got, expected(json, rows[i].theirs), rows[i].bound);
        if (w.share > 1) {
            report(false, name, "%s is %.17g, expected %.17g", rows[i].ours, got,
                   expected(json, rows[i].theirs));
            break;
        }
    }
    if (rc) {
        report(false, name, "%s", e.text);
    }
    report_worst(name, "metrics", sizeof rows / sizeof *rows, &w);
    record_release(&r);
    json_close(json);
}

static void check_outcomes(const char *dir)
{
    char cases[4096], path[4096];
    struct file_list l;
    struct err e = {0};
    if (file_join(cases, sizeof cases, dir, "outcomes", &e) || file_list_read(&l, cases, &e)) {
        return;
    }
    for (size_t i = 0; i < l.n; i++) {
        struct outcome_case c = {0};
        if (file_join(path, sizeof path, cases, l.names[i], &e) == 0 && read_case(&c, path, &e)) {
            check_set(l.names[i], &c);
            check_metrics(l.names[i], path, &c);
        } else {
            report(false, l.names[i], "%s", e.text);
        }
        release_case(&c);
    }
    file_list_release(&l);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "tests/parity/stats";
    check_outcomes(dir);
    check_edges(dir);
    check_wilson(dir);
    check_t_quantiles(dir);
    check_t_interval(dir);
    if (n_tests == 0) {
        report(false, dir, "nothing to check there");
    }
    return n_bad != 0;
}
