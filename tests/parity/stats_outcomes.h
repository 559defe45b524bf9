/* Outcomes, their metrics and calibration bins against reference values. */
#ifndef BITBENCH_TESTS_PARITY_STATS_OUTCOMES_H
#define BITBENCH_TESTS_PARITY_STATS_OUTCOMES_H

#include <stdint.h>

#include "results/calibration.h"
#include "results/metrics.h"
#include "results/record.h"
#include "tests/parity/stats_read.h"

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

/* The confusion matrix and the table by class, where they are; how many values there were. */
static size_t see_confusion(struct worst *w, const char *dir, const struct outcomes *o,
                            size_t n_classes)
{
    enum { N = 1,
           CORRECT };
    struct err e = {0};
    size_t n = 0, n_cols = 0, n_seen;
    double *want = read_array(dir, "confusion", &n, &n_cols, &e);
    uint64_t *counts = calloc(n_classes * n_classes, sizeof *counts);
    struct table per_class;
    confusion_add(o, n_classes, counts);
    for (n_seen = 0; want && n_seen < n * n_cols; n_seen++) {
        see(w, (double)counts[n_seen], want[n_seen], 0);
    }
    if (read_table(&per_class, dir, "per_class.tsv")) {
        for (size_t k = 0; k < n_classes; k++, n_seen += 2) {
            uint64_t sum = 0;
            for (size_t j = 0; j < n_classes; j++) {
                sum += counts[k * n_classes + j];
            }
            const double *row = per_class.v + k * per_class.n_cols;
            see(w, (double)sum, row[N], 0);
            see(w, (double)counts[k * n_classes + k], row[CORRECT], 0);
        }
        free(per_class.v);
    }
    free(counts);
    free(want);
    return n_seen;
}

/* The tables by class and by confidence. */
static void check_tables(const char *name, const char *dir, const struct outcome_case *c)
{
    enum { N = 1,
           CORRECT,
           CONFIDENCE };
    static const char *const bins[] = {"bins_equal_width.tsv", "bins_equal_mass.tsv"};
    static const char *const errors[] = {"ece_equal_width", "ece_equal_mass"};
    struct outcomes o = {0};
    struct err e = {0};
    struct worst w = {0};
    struct json *json = read_json(dir, "metrics.json");
    if (outcomes_init(&o, c->n, 0, true, &e)) {
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        o.label[i] = (int32_t)c->v[LABEL][i];
        o.pred[i] = (int32_t)c->v[PRED][i];
        o.p_pred[i] = (float)c->v[P_PRED][i];
    }
    size_t n_seen = 1 + see_confusion(&w, dir, &o, c->n_classes);
    see(&w, calibration_brier_top(&o), number(json, "brier_top_label"), 1e-12);
    for (size_t k = 0; k < 2; k++) {
        struct calibration cal;
        struct table t;
        calibration_width(&o, &cal);
        if ((k == 1 && calibration_mass(&o, &cal, &e)) || !read_table(&t, dir, bins[k])) {
            continue;
        }
        for (size_t b = 0; b < CALIBRATION_BINS; b++, n_seen += 3) {
            const double *row = t.v + b * t.n_cols;
            see(&w, (double)cal.bins[b].n, row[N], 0);
            see(&w, (double)cal.bins[b].n_correct, row[CORRECT], 0);
            see(&w, cal.bins[b].confidence, row[CONFIDENCE], 1e-12);
        }
        see(&w, cal.ece, number(json, errors[k]), 1e-12);
        n_seen++;
        free(t.v);
    }
    report_worst(name, "by class and by confidence", n_seen, &w);
    outcomes_release(&o);
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
            check_tables(l.names[i], path, &c);
        } else {
            report(false, l.names[i], "%s", e.text);
        }
        release_case(&c);
    }
    file_list_release(&l);
}

#endif
