/* Every cell of several run directories in one list, duplicates merged. */
#include "results/store.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "results/cell.h"
#include "results/pack.h"

struct loader {
    struct record_list *l;
    size_t records_cap, paths_cap;
    bool with_outcomes;
    size_t n_damaged;
};

void record_list_release(struct record_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        record_release(&l->records[i]);
        free(l->paths[i]);
    }
    free(l->records);
    free(l->paths);
    *l = (struct record_list){0};
}

/* ---- one directory or file ---- */

/* Room for n more. */
static int grow(struct loader *in, size_t n, struct err *e)
{
    struct record_list *l = in->l;
    void *records = l->records, *paths = l->paths;
    if (mem_grow(&records, &in->records_cap, l->n + n, sizeof *l->records, e)) {
        return -1;
    }
    l->records = records;
    if (mem_grow(&paths, &in->paths_cap, l->n + n, sizeof *l->paths, e)) {
        return -1;
    }
    l->paths = paths;
    return 0;
}

/* All cells of a pack, in its order. */
static int load_pack(struct loader *in, const char *path, struct err *e)
{
    struct record_list *l = in->l;
    struct pack p;
    if (pack_read(&p, path, in->with_outcomes, e)) {
        return -1;
    }
    int rc = grow(in, p.n, e);
    for (size_t i = 0; i < p.n && rc == 0; i++) {
        struct str name = {0};
        str_addf(&name, "%s:%s", path, p.records[i].run_id);
        rc = str_check(&name, e);
        if (rc) {
            str_release(&name);
            break;
        }
        l->paths[l->n] = name.data;
        l->records[l->n++] = p.records[i];
        p.records[i] = (struct record){0};
    }
    pack_release(&p);
    return rc;
}

static int load_file(struct loader *in, const char *path, struct err *e)
{
    struct record_list *l = in->l;
    struct made made;
    if (pack_is(path)) {
        return load_pack(in, path, e);
    }
    if (grow(in, 1, e)) {
        return -1;
    }
    if (store_read_part(&l->records[l->n], &made, path, in->with_outcomes, e)) {
        return -1;
    }
    l->paths[l->n] = mem_strdup(path, e);
    if (!l->paths[l->n]) {
        record_release(&l->records[l->n]);
        return -1;
    }
    l->n++;
    return 0;
}

/* A head with its place in the plan. */
struct placed {
    const struct cell_head *head;
    size_t place;
};

static int by_place(const void *a, const void *b)
{
    const struct placed *p = a, *q = b;
    if (p->place != q->place) {
        return p->place < q->place ? -1 : 1;
    }
    return strcmp(p->head->run_id, q->head->run_id);
}

static int entry_by_id(const void *a, const void *b)
{
    const struct plan_entry *const *p = a, *const *q = b;
    return strcmp((*p)->run_id, (*q)->run_id);
}

static int head_to_entry(const void *key, const void *item)
{
    const struct plan_entry *const *p = item;
    return strcmp(key, (*p)->run_id);
}

/* cells [cells->n] in the order of the plan. */
static int place_cells(struct placed *out, const struct cell_list *cells,
                       const struct plan_list *plan, struct err *e)
{
    const struct plan_entry **sorted = mem_take(plan->n, sizeof *sorted, e);
    if (!sorted) {
        return -1;
    }
    for (size_t i = 0; i < plan->n; i++) {
        sorted[i] = &plan->entries[i];
    }
    qsort(sorted, plan->n, sizeof *sorted, entry_by_id);
    for (size_t i = 0; i < cells->n; i++) {
        const struct plan_entry **found = bsearch(cells->heads[i].run_id, sorted, plan->n,
                                                  sizeof *sorted, head_to_entry);
        out[i] = (struct placed){.head = &cells->heads[i],
                                 .place = found ? (size_t)(*found - plan->entries) : plan->n};
    }
    qsort(out, cells->n, sizeof *out, by_place);
    free(sorted);
    return 0;
}

static int load_cells(struct loader *in, const struct placed *cells, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const struct cell_head *head = cells[i].head;
        struct err why = {0};
        int rc = head->damaged
                     ? err_set(&why, ERR_FORMAT, "%s: %s", head->path, head->message)
                     : load_file(in, head->path, &why);
        if (rc && why.code != ERR_FORMAT && why.code != ERR_IO && why.code != ERR_ABSENT) {
            return err_set(e, why.code, "%s", why.text);
        }
        if (rc) {
            in->n_damaged++;
            note(NOTE_WARNING, "skipped a cell: %s", why.text);
        }
    }
    return 0;
}

static int load_dir(struct loader *in, const char *dir, struct err *e)
{
    struct cell_list cells = {0};
    struct plan_list plan = {0};
    struct placed *placed = NULL;
    int rc = store_list(&cells, dir, false, e) || store_plan_read(&plan, dir, e) ? -1 : 0;
    if (rc == 0) {
        placed = mem_take(cells.n, sizeof *placed, e);
        rc = !placed || place_cells(placed, &cells, &plan, e) ||
                     load_cells(in, placed, cells.n, e)
                 ? -1
                 : 0;
    }
    free(placed);
    plan_list_release(&plan);
    cell_list_release(&cells);
    return rc;
}

/* ---- duplicates ---- */

/* What only one side stores does not count: a pack may have less of a cell. */
static bool same_bytes(const void *a, const void *b, size_t n)
{
    return !a || !b || memcmp(a, b, n) == 0;
}

static bool same_ids(const struct outcomes *a, const struct outcomes *b)
{
    if (a->numeric_ids != b->numeric_ids) {
        return false;
    }
    if (a->numeric_ids) {
        return same_bytes(a->id_number, b->id_number, a->n * sizeof *a->id_number);
    }
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->id_text + i * a->id_stride, b->id_text + i * b->id_stride) != 0) {
            return false;
        }
    }
    return true;
}

static bool same_outcomes(const struct outcomes *a, const struct outcomes *b)
{
    size_t n = a->n;
    return n == b->n && same_ids(a, b) && same_bytes(a->label, b->label, n * sizeof *a->label) &&
           same_bytes(a->pred, b->pred, n * sizeof *a->pred) &&
           same_bytes(a->rank, b->rank, n * sizeof *a->rank) &&
           same_bytes(a->margin, b->margin, n * sizeof *a->margin) &&
           same_bytes(a->logp_label, b->logp_label, n * sizeof *a->logp_label) &&
           same_bytes(a->p_pred, b->p_pred, n * sizeof *a->p_pred) &&
           same_bytes(a->p_sq, b->p_sq, n * sizeof *a->p_sq);
}

static bool same_metrics(const struct record *a, const struct record *b)
{
    bool same = a->n_metrics == b->n_metrics;
    for (size_t i = 0; i < a->n_metrics && same; i++) {
        same = strcmp(a->metrics[i].name, b->metrics[i].name) == 0 &&
               memcmp(&a->metrics[i].value, &b->metrics[i].value, sizeof(double)) == 0;
    }
    return same;
}

/* Compares two stored cells in full, whatever was loaded of them. */
static int compare_files(const char *path_a, const char *path_b, struct err *e)
{
    struct record a = {0}, b = {0};
    struct made made;
    int rc = store_read(&a, &made, path_a, e) || store_read(&b, &made, path_b, e) ? -1 : 0;
    if (rc == 0) {
        const char *what = a.status != b.status                       ? "status"
                           : !same_metrics(&a, &b)                    ? "metrics"
                           : !same_outcomes(&a.outcomes, &b.outcomes) ? "outcomes"
                                                                      : NULL;
        rc = what ? err_set(e, ERR_FORMAT, "%s and %s are the same cell with different %s", path_a,
                            path_b, what)
                  : 0;
    }
    record_release(&a);
    record_release(&b);
    return rc;
}

static void drop(struct record_list *l, size_t i)
{
    record_release(&l->records[i]);
    free(l->paths[i]);
    l->paths[i] = NULL;
}

static void move(struct record_list *l, size_t to, size_t from)
{
    l->records[to] = l->records[from];
    l->paths[to] = l->paths[from];
    l->records[from] = (struct record){0};
    l->paths[from] = NULL;
}

/* b repeats a, which comes first: leaves the one to keep at a. */
static int merge(struct record_list *l, size_t a, size_t b, struct err *e)
{
    bool a_failed = l->records[a].status == CELL_FAILED;
    bool b_failed = l->records[b].status == CELL_FAILED;
    if (a_failed && !b_failed) {
        drop(l, a);
        move(l, a, b);
        return 0;
    }
    if (!b_failed && compare_files(l->paths[a], l->paths[b], e)) {
        return -1;
    }
    drop(l, b);
    return 0;
}

static int record_by_id(const void *a, const void *b)
{
    const struct record *const *p = a, *const *q = b;
    int order = strcmp((*p)->run_id, (*q)->run_id);
    return order ? order : (*p > *q) - (*p < *q);
}

static int merge_sorted(struct record_list *l, struct record *const *sorted, struct err *e)
{
    for (size_t i = 1, first = 0; i < l->n; i++) {
        size_t a = (size_t)(sorted[first] - l->records), b = (size_t)(sorted[i] - l->records);
        if (strcmp(l->records[a].run_id, l->records[b].run_id) != 0) {
            first = i;
        } else if (merge(l, a, b, e)) {
            return -1;
        }
    }
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (!l->paths[i]) {
            continue;
        }
        if (n != i) {
            move(l, n, i);
        }
        n++;
    }
    l->n = n;
    return 0;
}

static int merge_all(struct record_list *l, struct err *e)
{
    struct record **sorted = mem_take(l->n, sizeof *sorted, e);
    if (!sorted) {
        return -1;
    }
    for (size_t i = 0; i < l->n; i++) {
        sorted[i] = &l->records[i];
    }
    qsort(sorted, l->n, sizeof *sorted, record_by_id);
    int rc = merge_sorted(l, sorted, e);
    free(sorted);
    return rc;
}

int store_load(struct record_list *l, const char *const *dirs, size_t n_dirs, bool with_outcomes,
               size_t *n_damaged, struct err *e)
{
    struct loader in = {.l = l, .with_outcomes = with_outcomes};
    *l = (struct record_list){0};
    int rc = 0;
    for (size_t i = 0; i < n_dirs && rc == 0; i++) {
        rc = file_exists(dirs[i]) && !file_is_dir(dirs[i]) ? load_file(&in, dirs[i], e)
                                                           : load_dir(&in, dirs[i], e);
    }
    if (rc == 0) {
        rc = merge_all(l, e);
    }
    if (rc) {
        record_list_release(l);
    }
    *n_damaged = in.n_damaged;
    return rc;
}
