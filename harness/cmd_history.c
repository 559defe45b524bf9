/* history: one metric over commits, with intervals and marked changes. */
#include "harness/command.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/history.h"
#include "results/table.h"
#include "results/view.h"
#include <math.h>
#include <string.h>

struct history_args {
    const char *metric, *output;
    bool force;
};
static const struct opt opts[] = {
    {"metric", 0, OPT_TEXT, offsetof(struct history_args, metric), "NAME",
     "what is followed (top1)", 0, 0},
    {"output", 'o', OPT_TEXT, offsetof(struct history_args, output), "F.svg|png|pdf",
     "also draw it, through gnuplot", 0, 0},
    FORCE_OPT(history_args, force),
};

enum column { SERIES,
              PATH,
              COMMIT,
              TIME,
              N,
              VALUE,
              LOW,
              HIGH,
              CHANGE,
              N_COLUMNS };
static const char *const heads[N_COLUMNS] = {"series", "path", "commit", "time", "n",
                                             "value", "low", "high", "change"};

static int put_value(const struct ctx *c, const struct view_metric *m, struct table *t, size_t col,
                     double v, const char *sign, struct err *e)
{
    struct str text = {0};
    if (isnan(v)) {
        return 0;
    }
    if (c->g.json) {
        str_addf(&text, "%.17g", v);
    } else {
        str_add(&text, v > 0 ? sign : "");
        view_value(m, v, &text);
    }
    int rc = str_check(&text, e) || table_set(t, t->n_rows - 1, col, str_text(&text), e) ? -1 : 0;
    str_release(&text);
    return rc;
}

static int add_row(const struct ctx *c, const struct history *h, size_t s, size_t i,
                   struct table *t, struct err *e)
{
    const struct history_point *p = &h->points[i];
    const struct history_value *v = &h->series[s].values[i];
    struct view_metric m = view_metric(h->metric);
    size_t row = t->n_rows;
    if (table_row(t, e) || table_set(t, row, SERIES, h->series[s].name, e) ||
        table_set(t, row, PATH, p->path, e) ||
        table_setf(t, row, COMMIT, e, "%.*s", c->g.json ? -1 : 12, p->commit) ||
        table_set(t, row, TIME, p->time, e) || table_setf(t, row, N, e, "%zu", v->n)) {
        return -1;
    }
    if (v->n == 0) {
        return 0;
    }
    return put_value(c, &m, t, VALUE, v->value, "", e) || put_value(c, &m, t, LOW, v->low, "", e) ||
                   put_value(c, &m, t, HIGH, v->high, "", e) ||
                   (v->change && put_value(c, &m, t, CHANGE, v->step, "+", e))
               ? -1
               : 0;
}

static int print(const struct ctx *c, const struct history *h, struct err *e)
{
    struct table t;
    size_t n_changes = 0;
    int rc = table_init(&t, N_COLUMNS, e);
    for (size_t k = 0; k < N_COLUMNS && rc == 0; k++) {
        rc = table_head(&t, k, heads[k], k >= N, e);
    }
    for (size_t s = 0; s < h->n_series && rc == 0; s++) {
        for (size_t i = 0; i < h->n_points && rc == 0; i++) {
            rc = add_row(c, h, s, i, &t, e);
            n_changes += h->series[s].values[i].change;
        }
    }
    rc = rc || context_print(c, &t, e) ? -1 : 0;
    table_release(&t);
    if (rc == 0) {
        note(NOTE_INFO, "%zu points, %zu series, %zu changes of level", h->n_points, h->n_series,
             n_changes);
    }
    return rc;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    const struct history_args *a = args;
    struct history h;
    if (output_check(a->output, a->force, e) ||
        history_init(&h, (const char *const *)words, n_words, a->metric ? a->metric : "top1", e)) {
        return -1;
    }
    int rc = a->output ? history_plot(&h, a->output, e) : 0;
    rc = rc || print(c, &h, e) ? -1 : 0;
    size_t n_damaged = h.n_damaged;
    history_release(&h);
    return rc ? -1 : n_damaged ? EXIT_FOUND
                               : EXIT_DONE;
}

const struct command command_history = {
    .name = "history",
    .args = "DIR... [--metric NAME] [-o F.svg] [--force]",
    .help = "one metric over commits, with intervals and changes",
    .details =
        "Each run directory or pack is a point; of a folder, all that it holds: a history is one\n"
        "pack a commit in a folder. Points are in order of their label `time` where all have one,\n"
        "else as given. Cells equal in protocol and model are one series; intervals are 95 %: t\n"
        "over replicates, for one replicate Wilson's over test images.\n"
        "change: the step to a new level, found by least squares with a penalty of 2 sigma^2 ln n\n"
        "for each change (optimal partitioning), sigma from first differences. One outlier counts\n"
        "as two changes; a last point alone cannot be one.",
    .example = "history baselines/\nhistory baselines/ runs/now -o history.svg",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct history_args),
    .min_words = 1,
    .max_words = 100000,
    .run = run,
};
