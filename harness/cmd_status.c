/* status: what a run directory is meant to hold against what it holds. Weights are not read again:
 * a change in them shows when the sweep is run. */
#include "harness/command.h"
#include "harness/runner.h"
#include "harness/base/blas.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "protocols/protocol.h"
#include "results/store.h"
#include "results/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct status_args {
    bool list;
};
static const struct opt opts[] = {
    {"list", 'l', OPT_FLAG, offsetof(struct status_args, list), NULL,
     "one line for every cell that is not done", 0, 0},
};

enum state { DONE,
             FAILED,
             DIVERGED,
             MISSING,
             STALE,
             DAMAGED,
             ABSENT,
             N_STATES };
static const char *const state_names[N_STATES] = {"done", "failed", "diverged", "missing",
                                                  "stale", "damaged", "absent"};

/* A (model, data set) of the plan, opened once. */
struct opened {
    char model_name[SPEC_NAME], dataset_name[SPEC_NAME];
    struct model *model;
    struct dataset *dataset;
    struct err why; /* code set: it could not be opened */
    /* what the numbers of the spec last asked for depend on now */
    struct run_spec last;
    struct made now;
    bool asked, known;
};

struct status {
    struct ctx *c;
    struct plan_list plan;
    struct cell_list cells;
    struct opened *opened;
    size_t cells_cap, n_opened, n_partial, counts[N_STATES];
    struct table list;
};

static struct opened *open_pair(struct status *s, const struct run_spec *spec)
{
    for (size_t i = 0; i < s->n_opened; i++) {
        if (!strcmp(s->opened[i].model_name, spec->model) &&
            !strcmp(s->opened[i].dataset_name, spec->dataset)) {
            return &s->opened[i];
        }
    }
    struct opened *o = &s->opened[s->n_opened++];
    struct model_dirs models = context_model_dirs(s->c);
    struct dataset_dirs data = context_dataset_dirs(s->c);
    memcpy(o->model_name, spec->model, sizeof o->model_name);
    memcpy(o->dataset_name, spec->dataset, sizeof o->dataset_name);
    data.partial = true;
    if (model_open(&o->model, spec->model, &models, false, &o->why) == 0) {
        dataset_open(&o->dataset, spec->dataset, &data, &o->why);
    }
    return o;
}

static int by_run_id(const void *a, const void *b)
{
    return strcmp(((const struct plan_entry *)a)->run_id, ((const struct plan_entry *)b)->run_id);
}

/* ---- several directories as one ---- */

/* How good it is to have a cell: of the same one in two places the better counts. */
static int worth(const struct cell_head *h)
{
    return h->damaged ? 0 : h->status == CELL_OK   ? 3
                        : h->status == CELL_FAILED ? 1
                                                   : 2;
}

static int by_id_and_worth(const void *a, const void *b)
{
    const struct cell_head *p = a, *q = b;
    int order = strcmp(p->run_id, q->run_id);
    return order ? order : worth(q) - worth(p);
}

static int add_cells(struct status *s, const char *dir, struct err *e)
{
    struct cell_list more;
    void *heads = s->cells.heads;
    if (store_list(&more, dir, false, e)) {
        return -1;
    }
    if (mem_grow(&heads, &s->cells_cap, s->cells.n + more.n, sizeof *more.heads, e)) {
        cell_list_release(&more);
        return -1;
    }
    s->cells.heads = heads;
    for (size_t i = 0; i < more.n; i++) {
        s->cells.heads[s->cells.n++] = more.heads[i];
    }
    free(more.heads);
    return 0;
}

/* Every cell once. */
static void merge_cells(struct cell_list *l)
{
    size_t n = 0;
    qsort(l->heads, l->n, sizeof *l->heads, by_id_and_worth);
    for (size_t i = 0; i < l->n; i++) {
        if (n && strcmp(l->heads[n - 1].run_id, l->heads[i].run_id) == 0) {
            cell_head_release(&l->heads[i]);
        } else {
            l->heads[n++] = l->heads[i];
        }
    }
    l->n = n;
}

static int gather(struct status *s, char **dirs, size_t n_dirs, struct err *e)
{
    for (size_t i = 0; i < n_dirs; i++) {
        if (store_open(dirs[i], false, e) || add_cells(s, dirs[i], e)) {
            return -1;
        }
    }
    merge_cells(&s->cells);
    return store_plan_join(&s->plan, (const char *const *)dirs, n_dirs, e);
}

/* Says how many cells are here that the plan does not name: copied in from another sweep. */
static int note_unplanned(const struct status *s, size_t *n_damaged, struct err *e)
{
    size_t n = 0;
    struct plan_entry key = {0}, *sorted = mem_take(s->plan.n, sizeof *sorted, e);
    *n_damaged = 0;
    if (!sorted) {
        return -1;
    }
    for (size_t i = 0; i < s->plan.n; i++) {
        sorted[i] = s->plan.entries[i];
    }
    qsort(sorted, s->plan.n, sizeof *sorted, by_run_id);
    for (size_t i = 0; i < s->cells.n; i++) {
        memcpy(key.run_id, s->cells.heads[i].run_id, sizeof key.run_id);
        if (!bsearch(&key, sorted, s->plan.n, sizeof *sorted, by_run_id)) {
            n++;
            *n_damaged += s->cells.heads[i].damaged;
        }
    }
    free(sorted);
    if (n) {
        note(*n_damaged ? NOTE_WARNING : NOTE_INFO,
             "%zu cells here are in no plan (%zu of them damaged)", n, *n_damaged);
    }
    return 0;
}

static int by_id(const void *key, const void *head)
{
    return strcmp(key, ((const struct cell_head *)head)->run_id);
}

/* What the numbers of a spec depend on now, into o->now. Only adaptation and preprocessing matter
 * within a pair, and a sweep has few of them in runs: the last answer is kept. */
static void look_up(const struct status *s, struct opened *o, const struct run_spec *spec)
{
    struct group g = {.model = o->model, .dataset = o->dataset, .engine = s->c->engine};
    struct err ignored = {0};
    if (o->asked && strcmp(o->last.adapt.name, spec->adapt.name) == 0 &&
        memcmp(&o->last.preprocess, &spec->preprocess, sizeof spec->preprocess) == 0) {
        return;
    }
    o->asked = true;
    o->last = *spec;
    o->known = runner_made(spec, &g, &o->now, &ignored) == 0;
}

/* Has something that the numbers depend on changed since? What is not known now does not count. */
static bool is_stale(const struct status *s, struct opened *o, const struct run_spec *spec,
                     const struct made *then)
{
    look_up(s, o, spec);
    const struct made *now = &o->now;
    return o->known &&
           (strcmp(now->numeric_id, then->numeric_id) != 0 || strcmp(now->isa, then->isa) != 0 ||
            strcmp(now->blas_core, then->blas_core) != 0 || strcmp(now->data, then->data) != 0 ||
            (now->model[0] && strcmp(now->model, then->model) != 0));
}

static int judge(struct status *s, const struct plan_entry *entry, enum state *state,
                 const char **message, struct err *e)
{
    struct run_spec spec;
    const struct cell_head *head =
        bsearch(entry->run_id, s->cells.heads, s->cells.n, sizeof *head, by_id);
    if (spec_parse(&spec, entry->spec, e)) {
        return err_wrap(e, "plan.tsv: %s", entry->run_id);
    }
    struct opened *o = open_pair(s, &spec);
    *message = "";
    if (head && head->damaged) {
        *state = DAMAGED;
        *message = head->message;
    } else if (head && o->why.code == ERR_NONE && is_stale(s, o, &spec, &head->made)) {
        *state = STALE;
    } else if (head) {
        *state = head->status == CELL_OK ? DONE : head->status == CELL_FAILED ? FAILED
                                                                              : DIVERGED;
    } else {
        *state = o->why.code == ERR_NONE ? MISSING : ABSENT;
        *message = o->why.text;
    }
    s->n_partial += *state == DONE && o->dataset && o->dataset->partial;
    return 0;
}

/* Failed cells carry their message inside. */
static int failure_text(const struct status *s, const char *run_id, struct str *out, struct err *e)
{
    const struct cell_head *head = bsearch(run_id, s->cells.heads, s->cells.n, sizeof *head, by_id);
    struct record r = {0};
    struct made made;
    if (store_read(&r, &made, head->path, e)) {
        return -1;
    }
    str_add(out, r.message);
    record_release(&r);
    return 0;
}

static int list_cell(struct status *s, const struct plan_entry *entry, enum state state,
                     const char *message, struct err *e)
{
    struct str text = {0};
    size_t row = s->list.n_rows;
    str_add(&text, message);
    int status =
        state == FAILED || state == DIVERGED ? failure_text(s, entry->run_id, &text, e) : 0;
    status = status || table_row(&s->list, e) ||
                     table_set(&s->list, row, 0, state_names[state], e) ||
                     table_set(&s->list, row, 1, entry->run_id, e) ||
                     table_set(&s->list, row, 2, entry->spec, e) ||
                     table_set(&s->list, row, 3, str_text(&text), e)
                 ? -1
                 : 0;
    str_release(&text);
    return status;
}

/* Mean seconds a cell, from some stored ones, for the ETA; 0 when none tells. */
enum { ETA_CELLS = 20 };
static double mean_seconds(const struct status *s)
{
    double sum = 0;
    size_t n = 0, most = s->cells.n < ETA_CELLS ? s->cells.n : ETA_CELLS;
    for (size_t i = 0; i < most; i++) {
        const struct cell_head *head = &s->cells.heads[i * s->cells.n / most];
        struct record r = {0};
        struct made made;
        struct err ignored = {0};
        double seconds;
        if (!head->damaged && store_read(&r, &made, head->path, &ignored) == 0) {
            const char *text = pairs_get(&r.provenance, "seconds");
            if (text && str_to_double(text, &seconds)) {
                sum += seconds;
                n++;
            }
            record_release(&r);
        }
    }
    return n ? sum / (double)n : 0;
}

static int print_counts(const struct status *s, struct err *e)
{
    static const char *const heads[] = {"state", ">cells"};
    struct table t;
    int status = table_heads(&t, heads, ARRAY_LEN(heads), e);
    for (size_t i = 0; i < N_STATES && status == 0; i++) {
        status = table_row(&t, e) || table_set(&t, i, 0, state_names[i], e) ||
                         table_setf(&t, i, 1, e, "%zu", s->counts[i])
                     ? -1
                     : 0;
    }
    if (status == 0) {
        status = table_row(&t, e) || table_set(&t, N_STATES, 0, "partial", e) ||
                         table_setf(&t, N_STATES, 1, e, "%zu", s->n_partial)
                     ? -1
                     : 0;
    }
    size_t left = s->counts[MISSING] + s->counts[STALE] + s->counts[DAMAGED] + s->counts[FAILED];
    double seconds = left ? mean_seconds(s) * (double)left : 0;
    if (status == 0 && seconds > 0) {
        status = table_row(&t, e) || table_set(&t, N_STATES + 1, 0, "seconds to go, about", e) ||
                         table_setf(&t, N_STATES + 1, 1, e, "%.0f", seconds)
                     ? -1
                     : 0;
    }
    if (status == 0) {
        status = context_print(s->c, &t, e);
    }
    table_release(&t);
    return status;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    static const char *const heads[] = {"state", "run_id", "spec", "message"};
    const struct status_args *a = args;
    struct status s = {.c = c};
    size_t n_damaged = 0;
    int status = -1;
    c->engine = engine_find(c->g.engine, e);
    if (!c->engine || gather(&s, words, n_words, e) ||
        table_heads(&s.list, heads, ARRAY_LEN(heads), e)) {
        goto out;
    }
    s.opened = mem_take(s.plan.n, sizeof *s.opened, e);
    status = s.opened ? 0 : -1;
    for (size_t i = 0; i < s.plan.n && status == 0; i++) {
        enum state state;
        const char *message;
        status = judge(&s, &s.plan.entries[i], &state, &message, e);
        if (status == 0) {
            s.counts[state]++;
            status =
                a->list && state != DONE ? list_cell(&s, &s.plan.entries[i], state, message, e) : 0;
        }
    }
    if (status == 0) {
        status = (a->list ? context_print(c, &s.list, e) : print_counts(&s, e)) ||
                         note_unplanned(&s, &n_damaged, e)
                     ? -1
                     : 0;
    }
out:
    for (size_t i = 0; i < s.n_opened; i++) {
        model_close(s.opened[i].model);
        dataset_close(s.opened[i].dataset);
    }
    free(s.opened);
    table_release(&s.list);
    cell_list_release(&s.cells);
    plan_list_release(&s.plan);
    if (status) {
        return -1;
    }
    return s.counts[FAILED] || s.counts[DIVERGED] || s.counts[DAMAGED] || n_damaged ? EXIT_FOUND
                                                                                    : EXIT_DONE;
}

const struct command command_status = {
    .name = "status",
    .args = "DIR... [--list]",
    .help = "what of a sweep is done, failed, missing, stale or damaged",
    .details = "Several run directories or packs count as one: a planned cell is done where\n"
               "one of them has it.\n"
               "stale: made by other code or from other data than now; running the sweep computes "
               "it again.\n"
               "absent: the model or the data set is not here or cannot be opened.",
    .example = "status runs/sweep\nstatus runs/shard-1 runs/shard-2 --list",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct status_args),
    .min_words = 1,
    .max_words = 10000,
    .computes = true,
    .run = run,
};
