/* The runner: groups a sweep by (model, data set), opens each once, computes ids, leaves out what
 * is stored and still true, and stores each record as it comes. */
#include "harness/runner.h"
#include "harness/context.h"
#include "harness/base/blas.h"
#include "harness/base/build_info.h"
#include "harness/base/clock.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "models/engine.h"
#include "models/model.h"
#include "protocols/regime.h"
#include "results/metrics.h"
#include "results/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_BATCH = 64 };

int runner_made(const struct run_spec *s, const struct group *g, struct made *m, struct err *e)
{
    char hex[HASH_SHA256_HEX];
    if (spec_numeric_id(s, g, hex, e)) {
        return -1;
    }
    *m = (struct made){0};
    snprintf(m->numeric_id, sizeof m->numeric_id, "%.16s", hex);
    snprintf(m->isa, sizeof m->isa, "%.16s", cpu_isa());
    snprintf(m->blas_core, sizeof m->blas_core, "%.24s", blas_core());
    snprintf(m->model, sizeof m->model, "%.16s", g->model->sha256);
    snprintf(m->data, sizeof m->data, "%.16s", g->dataset->fingerprint);
    return 0;
}

/* One cell to be computed. */
struct todo {
    const struct run_spec *spec;
    char id[SPEC_ID];
    struct made made;
};

struct run {
    struct ctx *c;
    const struct run_order *o;
    struct run_totals *t;
    struct group group;
    struct todo *todo;
    size_t n_todo;
    const size_t *subset; /* of the protocol that runs: index -> index in todo */
    char started[CLOCK_TEXT];
    double last_s; /* when the last cell was done */
    size_t n_done;
    struct str left_out; /* what could not be opened, a line each */
};

static int fill_provenance(struct run *run, const struct todo *todo, struct record *r,
                           struct err *e)
{
    struct pairs *p = &r->provenance;
    char finished[CLOCK_TEXT], hex[HASH_SHA256_HEX];
    double now = clock_now_s();
    clock_utc(finished);
    if (spec_numeric_id(todo->spec, &run->group, hex, e)) {
        snprintf(hex, sizeof hex,
                 "unknown"); /* a spec without valid preprocessing: its record says so */
        *e = (struct err){0};
    }
    int bad =
        pairs_set(p, "version", build_version, e) || pairs_set(p, "commit", build_commit, e) ||
        pairs_set(p, "dirty", build_dirty ? "1" : "0", e) ||
        pairs_set(p, "compiler", build_compiler, e) || pairs_set(p, "flags", build_flags, e) ||
        pairs_set(p, "numeric_id", hex, e) || pairs_set(p, "engine", run->group.engine->name, e) ||
        pairs_set(p, "isa", cpu_isa(), e) || pairs_set(p, "cpu", cpu_name(), e) ||
        pairs_set(p, "blas", blas_config(), e) || pairs_set(p, "blas_core", blas_core(), e) ||
        pairs_setf(p, e, "threads", "%zu", pool_size(run->group.pool)) ||
        pairs_set(p, "started", run->started, e) || pairs_set(p, "finished", finished, e) ||
        pairs_setf(p, e, "seconds", "%.3f", now - run->last_s) ||
        pairs_setf(p, e, "peak_rss_bytes", "%zu", clock_peak_rss_bytes()) ||
        pairs_set(p, "model_sha256", run->group.model->sha256, e) ||
        pairs_set(p, "data_fingerprint", run->group.dataset->fingerprint, e);
    run->last_s = now;
    snprintf(run->started, sizeof run->started, "%s", finished);
    return bad ? -1 : 0;
}

static int fill_labels(const struct texts *labels, struct record *r, struct err *e)
{
    for (size_t i = 0; labels && i < labels->n; i++) {
        char key[64];
        const char *equals = strchr(labels->items[i], '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - labels->items[i]), labels->items[i]);
        if (pairs_set(&r->labels, key, equals + 1, e)) {
            return -1;
        }
    }
    return 0;
}

/* Drops what the outcomes knob does not want kept. */
static void trim_outcomes(const char *keep, struct outcomes *o)
{
    if (!strcmp(keep, "none")) {
        outcomes_release(o);
    }
}

/* A cell that failed before it could be described still says what was asked; its message does not
 * repeat it. */
static int fill_spec(const struct run_spec *spec, struct record *r, struct err *e)
{
    struct str text = {0};
    if (r->spec && *r->spec) {
        size_t n = strlen(r->spec);
        if (str_starts(r->message, r->spec) && str_starts(r->message + n, ": ")) {
            memmove(r->message, r->message + n + 2, strlen(r->message + n + 2) + 1);
        }
        return 0;
    }
    spec_text(spec, &text);
    if (str_check(&text, e)) {
        str_release(&text);
        return -1;
    }
    free(r->spec);
    r->spec = text.data; /* the record owns it now */
    return 0;
}

static int on_record(void *ctx, size_t spec, struct record *r, struct err *e)
{
    struct run *run = ctx;
    const struct todo *todo = &run->todo[run->subset[spec]];
    double n_short;
    int status = -1;
    snprintf(r->run_id, sizeof r->run_id, "%s", todo->id);
    outcomes_round(&r->outcomes);
    if (r->status == CELL_OK && metrics_add(r, run->group.dataset->n_classes, e)) {
        goto out;
    }
    trim_outcomes(todo->spec->outcomes, &r->outcomes);
    if (fill_spec(todo->spec, r, e) || fill_provenance(run, todo, r, e) ||
        fill_labels(run->o->labels, r, e) || store_write(run->o->dir, r, &todo->made, e)) {
        goto out;
    }
    run->t->computed++;
    run->t->n_short += record_get_metric(r, "n_classes_short", &n_short) && n_short > 0;
    if (r->status != CELL_OK) {
        run->t->failed++;
        note(NOTE_WARNING, "run %s: %s", r->spec, r->message);
    }
    note_progress("cells", ++run->n_done, run->n_todo);
    status = 0;
out:
    record_release(r);
    if (status == 0 && note_interrupted) {
        return err_set(e, ERR_INTERRUPTED, "interrupted");
    }
    return status;
}

/* Is the stored cell still what this program would compute? */
static bool same_made(const struct made *a, const struct made *b)
{
    return !strcmp(a->numeric_id, b->numeric_id) && !strcmp(a->isa, b->isa) &&
           !strcmp(a->blas_core, b->blas_core) && !strcmp(a->model, b->model) &&
           !strcmp(a->data, b->data);
}

/* Decides whether a cell has to be computed; retires a stale one. */
static int examine(struct run *run, const struct todo *todo, bool *needed, struct err *e)
{
    struct cell_head head = {0};
    bool found;
    *needed = true;
    if (store_head(&head, run->o->dir, todo->id, &found, e)) {
        return -1;
    }
    if (!found) {
        return 0;
    }
    int status = 0;
    if (head.damaged) {
        note(NOTE_WARNING, "%s: %s; computing it again", head.path, head.message);
    } else if (head.status == CELL_FAILED) {
        note(NOTE_DETAIL, "%s failed before; trying again", todo->id);
    } else if (same_made(&head.made, &todo->made) || run->o->keep_old) {
        *needed = false;
        run->t->before++;
    } else {
        run->t->retired++;
        status = store_retire(run->o->dir, todo->id, e);
    }
    cell_head_release(&head);
    return status;
}

/* Ids of the group's specs into the plan; those to compute into run->todo. */
static int plan_group(struct run *run, const struct run_spec *const *specs, size_t n, struct err *e)
{
    const struct group *g = &run->group;
    struct plan_entry *entries = mem_take(n, sizeof *entries, e);
    run->todo = mem_take(n, sizeof *run->todo, e);
    int status = entries && run->todo ? 0 : -1;
    run->n_todo = run->n_done = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        struct todo *todo = &run->todo[run->n_todo];
        struct run_spec pinned = *specs[i];
        struct str text = {0};
        bool needed = false;
        struct err ignored = {0};
        todo->spec = specs[i];
        if (spec_pin(&pinned, e) ||
            spec_id(&pinned, g->model->subject, g->dataset->subject, todo->id, e)) {
            status = -1;
            break;
        }
        if (runner_made(specs[i], g, &todo->made, &ignored)) {
            todo->made =
                (struct made){0}; /* cannot be prepared: the protocol's record will say why */
        }
        spec_text(specs[i], &text);
        snprintf(entries[i].run_id, sizeof entries[i].run_id, "%s", todo->id);
        entries[i].spec = text.data;
        status = str_check(&text, e) || examine(run, todo, &needed, e) ? -1 : 0;
        run->n_todo += needed;
    }
    if (status == 0) {
        status = store_plan_add(run->o->dir, entries, n, e);
    }
    for (size_t i = 0; entries && i < n; i++) {
        free(entries[i].spec);
    }
    free(entries);
    return status;
}

/* Runs the cells of one protocol among todo. */
static int run_protocol(struct run *run, const struct protocol *p, struct err *e)
{
    const struct run_spec **specs = mem_take(run->n_todo, sizeof *specs, e);
    size_t *subset = mem_take(run->n_todo, sizeof *subset, e), n = 0;
    int status = specs && subset ? 0 : -1;
    for (size_t i = 0; i < run->n_todo && status == 0; i++) {
        if (!strcmp(run->todo[i].spec->adapt.name, p->name)) {
            specs[n] = run->todo[i].spec;
            subset[n++] = i;
        }
    }
    if (status == 0 && n) {
        run->subset = subset;
        status = p->run(&run->group, specs, n, on_record, run, e);
    }
    free(subset);
    free(specs);
    return status;
}

/* Says what will be done and how images are prepared. */
static void announce(const struct run *run, size_t n)
{
    struct preprocess p;
    struct str text = {0};
    struct err ignored = {0};
    if (run->n_todo && spec_preprocess(run->todo[0].spec, run->group.model, run->group.dataset, &p,
                                       &ignored) == 0) {
        str_addf(&text, "; preprocess %s = ", run->todo[0].spec->preprocess.preset);
        preprocess_text(&p, &text);
    }
    note(NOTE_INFO, "%s on %s: %zu of %zu cells to compute%s", run->group.model->subject,
         run->group.dataset->subject, run->n_todo, n, str_text(&text));
    str_release(&text);
}

static int run_opened(struct run *run, const struct run_spec *const *specs, size_t n, struct err *e)
{
    int status = plan_group(run, specs, n, e);
    if (status == 0) {
        announce(run, n);
        clock_utc(run->started);
        run->last_s = clock_now_s();
    }
    for (size_t i = 0; i < protocols_n && status == 0 && run->n_todo; i++) {
        status = run_protocol(run, protocols[i], e);
    }
    free(run->todo);
    run->todo = NULL;
    return status;
}

static void add_counters(struct group_counters *to, const struct group_counters *from)
{
    to->images_forwarded += from->images_forwarded;
    to->cache_rows_read += from->cache_rows_read;
    to->adapt.eigendecompositions += from->adapt.eigendecompositions;
    to->adapt.logistic_fits += from->adapt.logistic_fits;
    to->adapt.logistic_iterations += from->adapt.logistic_iterations;
}

/* Cells whose model or data set cannot be opened stay in the plan, are said at the end and not
 * stored. */
static void leave_out(struct run *run, size_t n, const struct err *why)
{
    if (!run->t->absent) {
        snprintf(run->t->absent_why, sizeof run->t->absent_why, "%.500s", why->text);
    }
    run->t->absent += n;
    str_addf(&run->left_out, "%s%zu cells left out: %s", run->left_out.len ? "\n" : "", n,
             why->text);
}

/* The whole sweep into the plan before anything is opened, under ids by name; ids of things given
 * by path are renewed when these were read. */
static int plan_all(const struct run_order *o, struct err *e)
{
    struct plan_entry *entries = mem_take(o->n, sizeof *entries, e);
    int status = entries ? 0 : -1;
    for (size_t i = 0; i < o->n && status == 0; i++) {
        const struct run_spec *s = &o->specs[i];
        const struct zoo_row *row = zoo_find(s->model);
        struct run_spec pinned = *s;
        struct str text = {0};
        spec_text(s, &text);
        entries[i].spec = text.data;
        status =
            str_check(&text, e) || spec_pin(&pinned, e) ||
                    spec_id(&pinned, row ? row->name : s->model, s->dataset, entries[i].run_id, e)
                ? -1
                : 0;
    }
    if (status == 0) {
        status = store_plan_add(o->dir, entries, o->n, e);
    }
    for (size_t i = 0; entries && i < o->n; i++) {
        free(entries[i].spec);
    }
    free(entries);
    return status;
}

/* All cells of one model on an opened data set. */
static int run_group(struct run *run, struct dataset *dataset, const struct run_spec *const *specs,
                     size_t n, struct err *e)
{
    struct model *model = NULL;
    struct model_dirs where = context_model_dirs(run->c);
    struct err why = {0};
    int status;
    if (model_open(&model, specs[0]->model, &where, true, &why)) {
        leave_out(run, n, &why);
        status = 0;
    } else {
        run->group = (struct group){.model = model,
                                    .dataset = dataset,
                                    .engine = run->c->engine,
                                    .pool = run->c->pool,
                                    .batch = RUN_BATCH,
                                    .cache_dir = run->c->cache_dir[0] ? run->c->cache_dir : NULL};
        status = run_opened(run, specs, n, e);
        add_counters(&run->t->counters, &run->group.counters);
        group_release(&run->group);
    }
    model_close(model);
    return status;
}

/* Do the splits of a spec exist, and is no test image among those that training may draw from? */
static int check_split_pair(const struct dataset *d, const char *train_text, const char *test_text,
                            struct err *e)
{
    struct split train = {0}, test = {0};
    bool *is_test[DATASET_MAX_SOURCE_SPLITS] = {NULL};
    int status = split_open(&test, d, test_text, e);
    if (status == 0 && train_text) {
        status = split_open(&train, d, train_text, e);
    }
    for (size_t i = 0; i < DATASET_MAX_SOURCE_SPLITS && status == 0; i++) {
        is_test[i] = mem_take(d->n[i], sizeof *is_test[i], e);
        status = is_test[i] ? 0 : -1;
    }
    for (size_t i = 0; i < test.n && status == 0; i++) {
        is_test[test.source_split[i]][test.row[i]] = true;
    }
    for (size_t i = 0; i < train.n && status == 0; i++) {
        if (is_test[train.source_split[i]][train.row[i]]) {
            status = err_set(
                e, ERR_USAGE,
                "%s: split '%s' is scored, but images of it are in '%s', which training "
                "draws from: set regime.split (for example to train) or score another split",
                d->name, test_text, train_text);
        }
    }
    for (size_t i = 0; i < DATASET_MAX_SOURCE_SPLITS; i++) {
        free(is_test[i]);
    }
    split_close(&train);
    split_close(&test);
    return status;
}

/* Each pair of splits of the specs once. */
static int check_splits(const struct dataset *d, const struct run_spec *const *specs, size_t n,
                        struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const char *train = regime_split(specs[i]);
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++) {
            const char *other = regime_split(specs[k]);
            seen = !strcmp(specs[k]->test, specs[i]->test) &&
                   (train ? other && !strcmp(train, other) : !other);
        }
        if (!seen && check_split_pair(d, train, specs[i]->test, e)) {
            return -1;
        }
    }
    return 0;
}

/* All cells of one data set: opened once, then model by model. */
static int run_dataset(struct run *run, const struct run_spec **specs, size_t n, struct err *e)
{
    struct dataset *dataset = NULL;
    struct dataset_dirs data = context_dataset_dirs(run->c);
    struct err why = {0};
    if (dataset_open(&dataset, specs[0]->dataset, &data, &why)) {
        leave_out(run, n, &why);
        return 0;
    }
    const struct run_spec **group = mem_take(n, sizeof *group, e);
    int status = group ? check_splits(dataset, specs, n, e) : -1;
    for (size_t i = 0; i < n && status == 0; i++) {
        size_t n_group = 0;
        for (size_t k = i; k < n && specs[i]; k++) {
            if (specs[k] && (k == i || !strcmp(specs[k]->model, group[0]->model))) {
                group[n_group++] = specs[k];
                specs[k] = k == i ? specs[k] : NULL;
            }
        }
        status = n_group ? run_group(run, dataset, group, n_group, e) : 0;
    }
    free(group);
    dataset_close(dataset);
    return status;
}

static int check_labels(const struct texts *labels, struct err *e)
{
    for (size_t i = 0; labels && i < labels->n; i++) {
        const char *equals = strchr(labels->items[i], '=');
        if (!equals || equals == labels->items[i] || equals - labels->items[i] > 60) {
            return err_set(e, ERR_USAGE, "--label '%s': expected KEY=VALUE", labels->items[i]);
        }
    }
    return 0;
}

int runner_run(struct ctx *c, const struct run_order *o, struct run_totals *t, struct err *e)
{
    struct run run = {.c = c, .o = o, .t = t};
    *t = (struct run_totals){0};
    if (context_compute(c, e) || check_labels(o->labels, e) || store_open(o->dir, true, e) ||
        store_run_file_keep(o->dir, o->run_yaml, e) || plan_all(o, e)) {
        return -1;
    }
    const struct run_spec **specs = mem_take(o->n, sizeof *specs, e);
    bool *taken = mem_take(o->n, sizeof *taken, e);
    int status = specs && taken ? 0 : -1;
    for (size_t i = 0; i < o->n && status == 0; i++) {
        size_t n = 0;
        for (size_t k = i; k < o->n && !taken[i]; k++) {
            if (!taken[k] && !strcmp(o->specs[k].dataset, o->specs[i].dataset)) {
                specs[n++] = &o->specs[k];
            }
        }
        for (size_t k = 0; k < n; k++) {
            taken[specs[k] - o->specs] = true;
        }
        status = n ? run_dataset(&run, specs, n, e) : 0;
    }
    free(taken);
    free(specs);
    if (status == 0 && o->n && t->absent == o->n) {
        status = err_set(e, ERR_ABSENT, "%s", t->absent_why);
    } else if (run.left_out.len) {
        note(NOTE_WARNING, "%s", str_text(&run.left_out));
    }
    str_release(&run.left_out);
    return status;
}
