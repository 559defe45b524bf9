/* compare: the regression gate. Pairs the cells of two sides image by image; the exit status says
 * whether the candidate holds. */
#include "harness/command.h"
#include "harness/compare_args.h"
#include "harness/contact_sheet.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/compare.h"
#include "results/store.h"
#include <stdio.h>
#include <stdlib.h>

struct compare_args {
    struct rule_args rule;
    struct texts vary, base, cand; /* base, cand: more of either side */
    const char *contact_sheet;
    bool as_leaderboard, changed;
};
static const struct opt opts[] = {
    RULE_OPTS(compare_args, rule),
    {"base", 0, OPT_REPEAT, offsetof(struct compare_args, base), "DIR",
     "another directory, pack or cell of the base; may be repeated", 0, 0},
    {"cand", 0, OPT_REPEAT, offsetof(struct compare_args, cand), "DIR",
     "the same for the candidate", 0, 0},
    {"vary", 0, OPT_LIST, offsetof(struct compare_args, vary), "FIELD[,FIELD...]",
     "pair across a field of the protocol: dataset, adapt, train,\nrs, range, decode ...", 0, 0},
    {"changed", 0, OPT_FLAG, offsetof(struct compare_args, changed), NULL,
     "list the predictions that differ instead, tab separated", 0, 0},
    {"contact-sheet", 0, OPT_TEXT, offsetof(struct compare_args, contact_sheet), "F.html",
     "also write a page with the images lost; the data must be here", 0, 0},
    {"as-leaderboard", 0, OPT_FLAG, offsetof(struct compare_args, as_leaderboard), NULL,
     "only the test images that VTAB's published numbers count", 0, 0},
};

struct side {
    struct record_list cells;
    struct str name;
};

static void side_release(struct side *s)
{
    record_list_release(&s->cells);
    str_release(&s->name);
}

/* One side: path and what else belongs to it. Damage is an error, since a verdict on what happens
 * to be left would mislead. */
static int load(struct side *s, const char *path, const struct texts *more, struct err *e)
{
    size_t n_damaged;
    const char **paths = mem_take(1 + more->n, sizeof *paths, e);
    if (!paths) {
        return -1;
    }
    for (size_t i = 0; i <= more->n; i++) {
        paths[i] = i ? more->items[i - 1] : path;
        str_addf(&s->name, "%s%s", i ? " + " : "", paths[i]);
    }
    int rc = str_check(&s->name, e) ||
                     store_load(&s->cells, paths, 1 + more->n, true, &n_damaged, e)
                 ? -1
                 : 0;
    free(paths);
    if (rc == 0 && n_damaged) {
        return err_set(e, ERR_FORMAT, "%s: %zu damaged cells (see `bitbench results check`)",
                       str_text(&s->name), n_damaged);
    }
    return rc == 0 && s->cells.n == 0 ? err_set(e, ERR_USAGE, "%s: no cells", str_text(&s->name))
                                      : rc;
}

static int print_changes(const struct rule_args *a, const struct comparison *found, struct err *e)
{
    struct str out = {0};
    int rc = comparison_changes(found, &out, e) || compare_junit(a, found, e) ? -1 : 0;
    if (rc == 0) {
        fputs(str_text(&out), stdout);
    }
    str_release(&out);
    return rc ? -1 : comparison_fails(found) ? EXIT_FOUND
                                             : EXIT_DONE;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)n_words;
    const struct compare_args *a = args;
    struct comparison found = {0};
    struct side base = {0}, cand = {0};
    struct pool *pool = NULL;
    struct compare_opts o = {.vary = a->vary.items,
                             .n_vary = a->vary.n,
                             .as_leaderboard = a->as_leaderboard,
                             .changes = a->changed || a->contact_sheet};
    int status = -1;
    if (rule_from_args(&a->rule, &o.rule, e) == 0 &&
        output_check(a->contact_sheet, a->rule.force, e) == 0 &&
        load(&base, words[0], &a->base, e) == 0 && load(&cand, words[1], &a->cand, e) == 0 &&
        compare_pool(c, &pool, e) == 0) {
        o.base = str_text(&base.name);
        o.cand = str_text(&cand.name);
        status = compare_records(&found, &base.cells, &cand.cells, &o, pool, e);
    }
    if (status == 0 && a->contact_sheet) {
        status = contact_sheet_write(c, &found, &base.cells, a->contact_sheet, e);
    }
    if (status == 0) {
        status = a->changed && !c->g.json ? print_changes(&a->rule, &found, e)
                                          : compare_output(c, &a->rule, &found, e);
    }
    comparison_release(&found);
    side_release(&base);
    side_release(&cand);
    pool_close(pool);
    return status;
}

const struct command command_compare = {
    .name = "compare",
    .args = "BASE CAND [--max-drop PP] [--alpha A] [--exact] [--vary FIELD] [--junit F] [--force]",
    .help = "is the candidate worse than the base? the regression gate",
    .details =
        "Each side is a run directory, a pack or a cell, or several with --base and --cand. Cells\n"
        "pair when protocol and replicate are equal, images by their id; the model or the\n"
        "program's commit may differ.\n"
        "One draw: McNemar's exact test for each test set; several: paired t over draws, with a\n"
        "two-way bootstrap as second opinion. p values are adjusted over test sets after Holm.\n"
        "Exit status 1: a test set is worse at alpha; with --max-drop, a drop of more than that\n"
        "cannot be excluded; with --exact, any prediction differs; or a cell is missing in CAND.\n"
        "Exit status 2: the sides cannot be compared; the message names the field that differs.\n"
        "JUnit file and page are written before anything is printed.",
    .example = "compare baseline.h5 runs/now\n"
               "compare baseline.h5 runs/now --max-drop 0.5 --junit compare.xml\n"
               "compare baseline.h5 runs/now --exact\n"
               "compare fewshot.h5 runs/fewshot --base linear.h5 --cand runs/linear",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct compare_args),
    .min_words = 2,
    .max_words = 2,
    .run = run,
};
