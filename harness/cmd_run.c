/* run, eval, fewshot, linear: from a run file or from flags to a plan, and the plan to the runner.
 * The three shorthands build the same plan that a run file would. */
#include "harness/command.h"
#include "harness/run_labels.h"
#include "harness/runfile.h"
#include "harness/runner.h"
#include "harness/suites.h"
#include "harness/base/err.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/report.h"
#include "results/store.h"
#include "results/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What all four share. */
struct run_args {
    const char *output;
    struct texts labels, sets;
    int64_t test_limit;
    bool keep_old;
};
struct run_cmd_args {
    struct run_args run;
};
#define RUN_OPTS(S, F)                                                     \
    {"output", 'o',                                                        \
     OPT_TEXT, offsetof(struct S, F.output),                               \
     "DIR", "run directory (runs/NAME); running again resumes",            \
     0, 0},                                                                \
        {"set", 0,                                                         \
         OPT_REPEAT, offsetof(struct S, F.sets),                           \
         "KEY=VALUE", "set any knob, in place of what is said elsewhere",  \
         0, 0},                                                            \
        {"label", 0,                                                       \
         OPT_REPEAT, offsetof(struct S, F.labels),                         \
         "KEY=VALUE",                                                      \
         "kept with every cell, outside its id; commit, branch\nand time " \
         "come from git or the CI server by themselves",                   \
         0, 0},                                                            \
        {"test-limit", 0,                                                  \
         OPT_INT, offsetof(struct S, F.test_limit),                        \
         "N", "score only the first N test images, in canonical order",    \
         1, INT64_MAX},                                                    \
    {                                                                      \
        "keep-old", 0, OPT_FLAG, offsetof(struct S, F.keep_old), NULL,     \
            "accept stored results of other code, weights or data", 0, 0   \
    }

/* The tables of the whole run directory. */
static int print_tables(const struct ctx *c, const char *dir, struct err *e)
{
    struct record_list l = {0};
    struct report r = {0};
    struct table t = {0};
    struct str out = {0};
    const struct report_opts o = {.metric = "top1", .format = TABLE_TEXT};
    size_t n_damaged;
    int status = store_load(&l, &dir, 1, false, &n_damaged, e) || report_init(&r, &l, e) ? -1 : 0;
    if (status == 0 && c->g.json) {
        status = report_table(&r, o.metric, &t, e) || context_print(c, &t, e) ? -1 : 0;
    } else if (status == 0) {
        status = report_render(&r, &o, &out, e) || str_check(&out, e) ? -1 : 0;
        fputs(str_text(&out), stdout);
    }
    str_release(&out);
    table_release(&t);
    report_release(&r);
    record_list_release(&l);
    return status;
}

static void print_totals(const struct run_totals *t, const char *dir)
{
    note(NOTE_INFO, "%s: %zu cells computed, %zu were there", dir, t->computed - t->failed,
         t->before);
    if (t->failed) {
        note(NOTE_INFO, "  %zu failed: see `bitbench status %s`", t->failed, dir);
    }
    if (t->n_short) {
        note(NOTE_WARNING,
             "  %zu with fewer training images than asked for in some class: all of them are used "
             "(n_classes_short in `report -f csv`)",
             t->n_short);
    }
    if (t->absent) {
        note(NOTE_INFO, "  %zu left out: data or weights cannot be opened", t->absent);
    }
    if (t->retired) {
        note(NOTE_INFO, "  %zu stale ones (other code, weights or data) computed again",
             t->retired);
    }
    note(NOTE_DETAIL,
         "%zu images through the network, %zu feature rows from the cache, %zu "
         "eigendecompositions, %zu logistic fits (%zu iterations)",
         t->counters.images_forwarded, t->counters.cache_rows_read,
         t->counters.adapt.eigendecompositions, t->counters.adapt.logistic_fits,
         t->counters.adapt.logistic_iterations);
}

static int run_cells(struct ctx *c, const struct run_plan *p, const struct run_args *a,
                     const struct texts *labels, struct err *e)
{
    char dir[4096];
    struct run_totals t;
    int n = a->output ? snprintf(dir, sizeof dir, "%s", a->output)
                      : snprintf(dir, sizeof dir, "runs/%s", p->name);
    if (n < 0 || (size_t)n >= sizeof dir) {
        return err_set(e, ERR_USAGE, "the name of the run directory is too long");
    }
    const struct run_order o = {.specs = p->specs,
                                .n = p->n,
                                .dir = dir,
                                .run_yaml = p->text,
                                .labels = labels,
                                .keep_old = a->keep_old};
    if (runner_run(c, &o, &t, e)) {
        if (e->code == ERR_INTERRUPTED) {
            err_set(e, ERR_INTERRUPTED,
                    "interrupted; what was finished is in %s, run it again to go on", dir);
        }
        return -1;
    }
    print_totals(&t, dir);
    if (print_tables(c, dir, e)) {
        return -1;
    }
    return t.failed || t.absent ? EXIT_FOUND : EXIT_DONE;
}

/* The same plan with the test split cut: test=test[:N]. */
static int limit_test(const struct run_plan *p, int64_t n, struct run_plan *limited, struct err *e)
{
    const char *split = p->specs[0].test;
    struct str set = {0};
    struct texts sets = {0};
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->specs[i].test, split) != 0) {
            return err_set(e, ERR_USAGE,
                           "--test-limit: the test split varies (%s, %s); write the slices there",
                           split, p->specs[i].test);
        }
    }
    if (strpbrk(split, "[+")) {
        return err_set(e, ERR_USAGE, "--test-limit: the test split is cut already: %s", split);
    }
    str_addf(&set, "test=%s[:%lld]", split, (long long)n);
    const struct runfile_opts o = {.name = p->name, .sets = &sets};
    int rc = str_check(&set, e) || texts_add(&sets, str_text(&set), set.len, e) ||
                     runfile_parse(limited, p->text, strlen(p->text), &o, e)
                 ? -1
                 : 0;
    texts_release(&sets);
    str_release(&set);
    return rc;
}

static int run_plan(struct ctx *c, const struct run_plan *p, const struct run_args *a,
                    struct err *e)
{
    struct run_plan limited = {0};
    struct texts labels = {0};
    int status = a->test_limit ? limit_test(p, a->test_limit, &limited, e) : 0;
    if (status == 0 && run_labels(c, &a->labels, &labels, e) == 0) {
        status = run_cells(c, a->test_limit ? &limited : p, a, &labels, e);
    } else {
        status = -1;
    }
    texts_release(&labels);
    run_plan_release(&limited);
    return status;
}

/* --- run --- */

static const struct opt run_opts[] = {RUN_OPTS(run_cmd_args, run)};

static int run_run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)n_words;
    const struct run_cmd_args *a = args;
    struct run_plan p = {0};
    const struct runfile_opts o = {.suites = suites_dir(), .sets = &a->run.sets};
    int status = runfile_read(&p, words[0], &o, e) ? -1 : run_plan(c, &p, &a->run, e);
    run_plan_release(&p);
    return status;
}

const struct command command_run = {
    .name = "run",
    .args = "SPEC.yaml [-o DIR] [--set KEY=VALUE]... [--label KEY=VALUE]...",
    .help = "run what is missing of a sweep; running again resumes",
    .details = "A run file names models, data sets, knobs and how they vary; `man bitbench` "
               "describes it.\n"
               "Each finished cell is one file in DIR/cells, with the outcome of every test image.",
    .example = "run sweep.yaml -o runs/sweep\nrun sweep.yaml --set regime.k=5 --label commit=$(git "
               "rev-parse HEAD)",
    .opts = run_opts,
    .n_opts = ARRAY_LEN(run_opts),
    .opts_bytes = sizeof(struct run_cmd_args),
    .min_words = 1,
    .max_words = 1,
    .computes = true,
    .run = run_run,
};

/* --- shorthands: each option a list of values for one knob; several values make an axis --- */

struct short_args {
    struct run_args run;
    struct texts models, datasets, preset, size, resize, kernel, decode, range, mode, test;
    struct texts shots, rule, adapt, l2, cost, head_map;
    int64_t draws, train_n;
};
#define LIST(name, letter, field, value, help)                                        \
    {                                                                                 \
        name, letter, OPT_LIST, offsetof(struct short_args, field), value, help, 0, 0 \
    }
#define SHORT_OPTS                                                                               \
    LIST("model", 'm', models, "M[,M...]",                                                       \
         "path, zoo name, random:ARCH[:SEED] or pixels (required)"),                             \
        LIST("dataset", 'd', datasets, "D[,D...]",                                               \
             "name, or folder:, tar:, tfds:PATH, list:FILE.csv (required)"),                     \
        LIST("preprocess", 0, preset, "PRESET", "preprocessing preset, or `model` (bit-paper)"), \
        LIST("size", 0, size, "PX", "side of the network's input, overriding the preset's"),     \
        LIST("resize", 0, resize, "PX", "size before the crop (default: that of --size)"),       \
        LIST("kernel", 0, kernel, "NAME", "resize kernel, overriding the preset's"),             \
        LIST("decode", 0, decode, "pil|tf", "JPEG decoding, overriding the preset's"),           \
        LIST("range", 0, range, "NAME", "value range, overriding the preset's"),                 \
        LIST("mode", 0, mode, "NAME", "squash, short, small or none, overriding the preset's"),  \
        LIST("test", 0, test, "SPLIT", "the split that is scored (test)")

static const struct opt eval_opts[] = {
    SHORT_OPTS,
    LIST("head-map", 0, head_map, "F.csv",
         "which head output stands for which class: head_index,class"),
    RUN_OPTS(short_args, run),
};
static const struct opt fewshot_opts[] = {
    SHORT_OPTS,
    LIST("shots", 'k', shots, "K[,K...]", "training images a class (1,5,10,25)"),
    {"draws", 0, OPT_INT, offsetof(struct short_args, draws), "N", "random draws of them (5)", 1,
     100000},
    LIST("rule", 0, rule, "NAME",
         "how they are drawn: nested, big-vision, bit-jax, first-k (nested)"),
    LIST("adapt", 0, adapt, "NAME", "ridge or logistic (ridge)"),
    LIST("l2", 0, l2, "L2[,L2...]",
         "ridge: fixed regularisation instead of choosing it by\nleave-one-out error among "
         "2^-10..2^20"),
    LIST("c", 0, cost, "C[,C...]",
         "logistic: fixed inverse regularisation instead of choosing\nit on a fifth of the "
         "training images"),
    RUN_OPTS(short_args, run),
};
static const struct opt linear_opts[] = {
    SHORT_OPTS,
    {"train-n", 0, OPT_INT, offsetof(struct short_args, train_n), "N",
     "only the first N training images in canonical order (all)", 1, INT64_MAX},
    LIST("c", 0, cost, "C[,C...]",
         "fixed inverse regularisation instead of choosing it among\n10^-6..10^6 on a fifth of the "
         "training images"),
    RUN_OPTS(short_args, run),
};

enum { MAX_FLAGS = 32 };
struct flags {
    struct run_flag items[MAX_FLAGS];
    size_t n;
    struct texts owned[MAX_FLAGS]; /* of flags that no option said */
    size_t n_owned;
};

/* A flag from an option, where the option was given. */
static void add(struct flags *f, const char *origin, const char *key, const struct texts *values)
{
    if (values->n) {
        f->items[f->n++] = (struct run_flag){origin, key, values};
    }
}

/* A flag with values of our own, comma separated. */
static int add_own(struct flags *f, const char *origin, const char *key, const char *values,
                   struct err *e)
{
    struct texts *t = &f->owned[f->n_owned++];
    if (texts_add_list(t, values, e)) {
        return -1;
    }
    add(f, origin, key, t);
    return 0;
}

static void add_common(struct flags *f, const struct short_args *a)
{
    add(f, "--model", "models", &a->models);
    add(f, "--dataset", "datasets", &a->datasets);
    add(f, "--preprocess", "preprocess.preset", &a->preset);
    add(f, "--size", "preprocess.crop", &a->size);
    add(f, "--resize", "preprocess.resize", &a->resize);
    add(f, "--kernel", "preprocess.kernel", &a->kernel);
    add(f, "--decode", "preprocess.decode", &a->decode);
    add(f, "--range", "preprocess.range", &a->range);
    add(f, "--mode", "preprocess.mode", &a->mode);
    add(f, "--test", "test", &a->test);
}

static int add_eval(struct flags *f, const struct short_args *a, struct err *e)
{
    (void)e;
    add(f, "--head-map", "adapt.head_map", &a->head_map);
    return 0;
}

/* Ridge with L2 by leave-one-out or as given; logistic with C by validation or as given. */
static int add_adaptation(struct flags *f, const struct short_args *a, const char *name,
                          struct err *e)
{
    bool ridge = strcmp(name, "ridge") == 0;
    const struct texts *given = ridge ? &a->l2 : &a->cost, *other = ridge ? &a->cost : &a->l2;
    if (other->n) {
        return err_set(e, ERR_USAGE, "%s does not go with --adapt %s", ridge ? "--c" : "--l2",
                       name);
    }
    if (add_own(f, "--adapt", "adapt.name", name, e)) {
        return -1;
    }
    if (given->n) {
        add(f, ridge ? "--l2" : "--c", ridge ? "adapt.l2" : "adapt.c", given);
        return 0;
    }
    return add_own(f, "the default", "select.grid",
                   ridge ? "adapt.l2=log2:-10:20" : "adapt.c=log10:-6:6", e) ||
                   add_own(f, "the default", "select.on", ridge ? "loo" : "val", e)
               ? -1
               : 0;
}

static int add_fewshot(struct flags *f, const struct short_args *a, struct err *e)
{
    const char *name = a->adapt.n ? a->adapt.items[0] : "ridge";
    if (a->adapt.n > 1) {
        return err_set(e, ERR_USAGE, "--adapt takes one name here; a run file can sweep it");
    }
    if (add_own(f, "fewshot", "regime.name", "kshot", e) || add_adaptation(f, a, name, e)) {
        return -1;
    }
    add(f, "--rule", "regime.rule", &a->rule);
    if (a->shots.n) {
        add(f, "--shots", "regime.k", &a->shots);
    } else if (add_own(f, "the default", "regime.k", "1,5,10,25", e)) {
        return -1;
    }
    bool random = !a->rule.n || strcmp(a->rule.items[0], "first-k") != 0;
    if (!random && a->draws) {
        return err_set(e, ERR_USAGE, "--draws: rule first-k has only one draw");
    }
    struct texts *draws = &f->owned[f->n_owned++];
    for (int64_t d = 0; random && d < (a->draws ? a->draws : 5); d++) {
        char text[24];
        int n = snprintf(text, sizeof text, "%lld", (long long)d);
        if (texts_add(draws, text, (size_t)n, e)) {
            return -1;
        }
    }
    add(f, "--draws", "regime.draw", draws);
    return 0;
}

static int add_linear(struct flags *f, const struct short_args *a, struct err *e)
{
    char n[24];
    snprintf(n, sizeof n, "%lld", (long long)a->train_n);
    if (add_own(f, "linear", "regime.name", a->train_n ? "first-n" : "full", e) ||
        (a->train_n && add_own(f, "--train-n", "regime.n", n, e))) {
        return -1;
    }
    return add_adaptation(f, a, "logistic", e);
}

static int run_short(struct ctx *c, const char *name, const struct short_args *a,
                     int (*add_more)(struct flags *f, const struct short_args *a, struct err *e),
                     struct err *e)
{
    struct flags f = {0};
    struct run_plan p = {0};
    const struct runfile_opts o = {.sets = &a->run.sets};
    int status = -1;
    if (!a->models.n || !a->datasets.n) {
        return err_set(e, ERR_USAGE, "%s: -m MODEL and -d DATASET are required", name);
    }
    add_common(&f, a);
    if (add_more(&f, a, e) == 0 && runfile_build(&p, name, f.items, f.n, &o, e) == 0) {
        status = run_plan(c, &p, &a->run, e);
    }
    run_plan_release(&p);
    for (size_t i = 0; i < f.n_owned; i++) {
        texts_release(&f.owned[i]);
    }
    return status;
}

static int run_eval(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)words;
    (void)n_words;
    return run_short(c, "eval", args, add_eval, e);
}

static int run_fewshot(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)words;
    (void)n_words;
    return run_short(c, "fewshot", args, add_fewshot, e);
}

static int run_linear(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)words;
    (void)n_words;
    return run_short(c, "linear", args, add_linear, e);
}

const struct command command_eval = {
    .name = "eval",
    .args = "-m MODEL[,MODEL...] -d DATASET[,DATASET...] [OPTION...]",
    .help = "score a checkpoint's own head on a test set",
    .details = "The head's classes must be the data set's, in its order, or --head-map says which "
               "is which.",
    .example = "eval -m BiT-M-R50x1-ILSVRC2012.npz -d ilsvrc2012 --preprocess model",
    .opts = eval_opts,
    .n_opts = ARRAY_LEN(eval_opts),
    .opts_bytes = sizeof(struct short_args),
    .computes = true,
    .run = run_eval,
};

const struct command command_fewshot = {
    .name = "fewshot",
    .args = "-m MODEL[,MODEL...] -d DATASET[,DATASET...] [OPTION...]",
    .help = "accuracy against training images a class, on frozen features",
    .example = "fewshot -m pixels,random:R50x1 -d fashion-mnist --size 32 --shots 1,5 --draws 3",
    .opts = fewshot_opts,
    .n_opts = ARRAY_LEN(fewshot_opts),
    .opts_bytes = sizeof(struct short_args),
    .computes = true,
    .run = run_fewshot,
};

const struct command command_linear = {
    .name = "linear",
    .args = "-m MODEL[,MODEL...] -d DATASET[,DATASET...] [OPTION...]",
    .help = "linear probe: multinomial logistic regression on frozen features",
    .example = "linear -m random:R50x1 -d fashion-mnist --size 32 --train-n 5000",
    .opts = linear_opts,
    .n_opts = ARRAY_LEN(linear_opts),
    .opts_bytes = sizeof(struct short_args),
    .computes = true,
    .run = run_linear,
};
