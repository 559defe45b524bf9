/* results: stored cells looked at closely: what is damaged, metrics again from outcomes, aggregates
 * with their standard errors. */
#include "harness/command.h"
#include "harness/results_tables.h"
#include "harness/base/err.h"
#include "harness/base/near.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/pack.h"
#include "results/store.h"
#include "results/table.h"
#include <stdlib.h>
#include <string.h>

static const struct opt opts[] = {
    {"as-leaderboard", 0, OPT_FLAG, offsetof(struct results_args, as_leaderboard), NULL,
     "metrics, aggregate: only the test images that VTAB's\npublished numbers count", 0, 0},
    {"top", 0, OPT_INT, offsetof(struct results_args, top), "K",
     "metrics: the label among the K best (5)", 1, 65534},
    {"per-class", 0, OPT_FLAG, offsetof(struct results_args, per_class), NULL,
     "metrics: a row for every class", 0, 0},
    {"confusion", 0, OPT_FLAG, offsetof(struct results_args, confusion), NULL,
     "metrics: a row for every pair of classes that occurs", 0, 0},
    {"bins", 0, OPT_FLAG, offsetof(struct results_args, bins), NULL,
     "metrics: the calibration bins, of equal width and of equal mass", 0, 0},
    {"cell", 0, OPT_TEXT, offsetof(struct results_args, cell), "RUN_ID",
     "metrics: only the cells whose id begins so", 0, 0},
    {"set-aside", 0, OPT_FLAG, offsetof(struct results_args, set_aside), NULL,
     "check: rename damaged cells to .stale, so that the next run\ncomputes them again", 0, 0},
};

/* ---- check ---- */

struct checking {
    struct plan_list plan;
    struct cell_list cells;
    struct table t;
    size_t n_damaged, n_failed, n_missing;
};

static const char *planned_spec(const struct plan_list *plan, const char *run_id)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (strcmp(plan->entries[i].run_id, run_id) == 0) {
            return plan->entries[i].spec;
        }
    }
    return "";
}

static int list_fault(struct checking *k, const char *state, const char *run_id, const char *spec,
                      const char *why, struct err *e)
{
    size_t row = k->t.n_rows;
    return table_row(&k->t, e) || table_set(&k->t, row, 0, state, e) ||
                   table_set(&k->t, row, 1, run_id, e) || table_set(&k->t, row, 2, spec, e) ||
                   table_set(&k->t, row, 3, why, e)
               ? -1
               : 0;
}

/* Reads a whole cell. */
static int check_cell(struct checking *k, const struct cell_head *h, const char *dir,
                      bool set_aside, struct err *e)
{
    struct record r = {0};
    struct made made;
    struct err why = {0};
    int rc = 0;
    if (h->damaged) {
        err_set(&why, ERR_FORMAT, "%s", h->message);
    } else if (store_read(&r, &made, h->path, &why) == 0 && r.status == CELL_FAILED) {
        k->n_failed++;
        rc = list_fault(k, "failed", h->run_id, r.spec ? r.spec : "", r.message, e);
    }
    record_release(&r);
    if (why.code == ERR_LIMIT) {
        return err_set(e, why.code, "%s", why.text);
    }
    if (why.code != ERR_NONE) {
        k->n_damaged++;
        rc = list_fault(k, "damaged", h->run_id, planned_spec(&k->plan, h->run_id), why.text, e);
        rc = rc || (set_aside && store_retire(dir, h->run_id, e)) ? -1 : 0;
    }
    return rc;
}

static int by_id(const void *key, const void *head)
{
    return strcmp(key, ((const struct cell_head *)head)->run_id);
}

static int check_dir(struct checking *k, const char *dir, bool set_aside, struct err *e)
{
    if (store_plan_read(&k->plan, dir, e) || store_list(&k->cells, dir, false, e)) {
        return -1;
    }
    bool pack = pack_is(dir); /* read whole by store_list */
    for (size_t i = 0; i < k->cells.n; i++) {
        if (!pack && check_cell(k, &k->cells.heads[i], dir, set_aside, e)) {
            return -1;
        }
        note_progress("cells", i + 1, k->cells.n);
    }
    for (size_t i = 0; i < k->plan.n; i++) {
        const struct plan_entry *p = &k->plan.entries[i];
        if (!bsearch(p->run_id, k->cells.heads, k->cells.n, sizeof *k->cells.heads, by_id)) {
            k->n_missing++;
            if (list_fault(k, "missing", p->run_id, p->spec, "", e)) {
                return -1;
            }
        }
    }
    return 0;
}

static int run_check(struct ctx *c, const struct results_args *a, char **dirs, size_t n_dirs,
                     struct err *e)
{
    static const char *const heads[] = {"state", "run_id", "spec", "why"};
    size_t n_damaged = 0;
    int rc = 0;
    for (size_t i = 0; i < n_dirs && rc == 0; i++) {
        struct checking k = {0};
        rc = table_heads(&k.t, heads, ARRAY_LEN(heads), e) ||
                     check_dir(&k, dirs[i], a->set_aside, e) ||
                     ((k.t.n_rows || c->g.json) && context_print(c, &k.t, e))
                 ? -1
                 : 0;
        if (rc == 0) {
            note(NOTE_INFO, "%s: %zu cells: %zu damaged, %zu failed; %zu planned ones missing%s",
                 dirs[i], k.cells.n, k.n_damaged, k.n_failed, k.n_missing,
                 k.n_damaged && !a->set_aside
                     ? "; --set-aside, and the next run computes the damaged ones again"
                     : "");
        }
        n_damaged += k.n_damaged;
        table_release(&k.t);
        cell_list_release(&k.cells);
        plan_list_release(&k.plan);
    }
    return rc ? -1 : n_damaged ? EXIT_FOUND
                               : EXIT_DONE;
}

/* ---- the command ---- */

static int run_loaded(struct ctx *c, const struct results_args *a, char **dirs, size_t n_dirs,
                      int (*run)(struct ctx *c, const struct results_args *a,
                                 const struct record_list *l, struct err *e),
                      bool outcomes, struct err *e)
{
    struct record_list l;
    size_t n_damaged;
    if (store_load(&l, (const char *const *)dirs, n_dirs, outcomes, &n_damaged, e)) {
        return -1;
    }
    int rc = run(c, a, &l, e);
    record_list_release(&l);
    return rc ? -1 : n_damaged ? EXIT_FOUND
                               : EXIT_DONE;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    static const char *const names[] = {"check", "metrics", "aggregate"};
    struct results_args *a = args;
    a->top = a->top ? a->top : 5;
    if (a->per_class + a->confusion + a->bins > 1) {
        return err_set(e, ERR_USAGE, "--per-class, --confusion, --bins: give one");
    }
    if (strcmp(words[0], "check") == 0) {
        return run_check(c, a, words + 1, n_words - 1, e);
    }
    if (strcmp(words[0], "metrics") == 0) {
        return run_loaded(c, a, words + 1, n_words - 1, results_metrics, true, e);
    }
    if (strcmp(words[0], "aggregate") == 0) {
        return run_loaded(c, a, words + 1, n_words - 1, results_aggregate, a->as_leaderboard, e);
    }
    struct near near;
    near_init(&near, words[0]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        near_add(&near, names[i]);
    }
    return err_set(e, ERR_USAGE, "results: '%s' is not one of check, metrics, aggregate%s",
                   words[0], near_text(&near));
}

const struct command command_results = {
    .name = "results",
    .args = "check|metrics|aggregate DIR... [OPTION...]",
    .help = "stored cells: what is damaged, metrics from outcomes, aggregates",
    .details =
        "check reads every cell and lists what is damaged, failed or missing, with what to run\n"
        "again; exit status 1 where something is damaged.\n"
        "metrics scores stored outcomes again, without the model: accuracy with Wilson intervals\n"
        "(95 %), by class, by pair of classes, calibration. What needs probabilities is left out\n"
        "where there are none.\n"
        "aggregate: replicates as median, range, mean with t interval and all points; VTAB as "
        "mean\n"
        "of 19 tasks and of 3 groups, each with its standard error over test images and over\n"
        "replicates; and which share of the variance draws, seeds and test images have. A grid\n"
        "that is not whole has no mean.",
    .example = "results check runs/sweep\nresults metrics runs/sweep --per-class --cell 0123\n"
               "results aggregate runs/vtab --as-leaderboard",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct results_args),
    .min_words = 2,
    .max_words = 10000,
    .run = run,
};
