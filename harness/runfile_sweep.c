/* The cells of a draft: the product of its axes less what exclude matches. Knobs stand in one axis
 * each, so two cells are equal exactly when an axis holds two equal entries. */
#include "harness/runfile_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

/* ---- axes ---- */

static int by_kind(const struct axis *a, const struct axis *b)
{
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* Stable: few axes, so by insertion. */
static void sort_axes(struct draft *d)
{
    for (size_t i = 1; i < d->n_axes; i++) {
        for (size_t j = i; j > 0 && by_kind(&d->axes[j - 1], &d->axes[j]) > 0; j--) {
            struct axis swap = d->axes[j - 1];
            d->axes[j - 1] = d->axes[j];
            d->axes[j] = swap;
        }
    }
}

struct entry {
    char *const *values;
    size_t n, row;
};

static int compare_values(const struct entry *x, const struct entry *y)
{
    for (size_t i = 0; i < x->n; i++) {
        int order = strcmp(x->values[i], y->values[i]);
        if (order) {
            return order;
        }
    }
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = compare_values(x, y);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* Appends "regime.k 5" or "resize 160, crop 128". */
static void add_entry(const struct axis *a, size_t row, struct str *out)
{
    for (size_t c = 0; c < a->n_knobs; c++) {
        str_addf(out, "%s%s %.60s", c ? ", " : "", knob_key(a->ks[c]),
                 a->values[row * a->n_knobs + c]);
    }
}

/* No entry twice. */
static int check_axis(const struct axis *a, struct err *e)
{
    struct entry *sorted = mem_take(a->n, sizeof *sorted, e);
    if (!sorted) {
        return -1;
    }
    for (size_t i = 0; i < a->n; i++) {
        sorted[i] = (struct entry){a->values + i * a->n_knobs, a->n_knobs, i};
    }
    qsort(sorted, a->n, sizeof *sorted, compare_entries);
    int rc = 0;
    for (size_t i = 1; i < a->n && rc == 0; i++) {
        if (compare_values(&sorted[i - 1], &sorted[i]) == 0) {
            struct str text = {0};
            add_entry(a, sorted[i].row, &text);
            rc = place_fail(e, &a->at[sorted[i].row],
                            "%s stands in the list twice: the same cells again", str_text(&text));
            str_release(&text);
        }
    }
    free(sorted);
    return rc;
}

static bool column_varies(const struct axis *a, size_t col)
{
    for (size_t i = 1; i < a->n; i++) {
        if (strcmp(a->values[col], a->values[i * a->n_knobs + col]) != 0) {
            return true;
        }
    }
    return false;
}

static int list_axes(const struct draft *d, struct run_plan *p, struct err *e)
{
    p->axes = mem_take(knobs_n, sizeof *p->axes, e);
    for (size_t i = 0; p->axes && i < d->n_axes; i++) {
        for (size_t c = 0; c < d->axes[i].n_knobs; c++) {
            if (column_varies(&d->axes[i], c)) {
                p->axes[p->n_axes++] = d->axes[i].ks[c]->key;
            }
        }
    }
    return p->axes ? 0 : -1;
}

static int count_cells(const struct draft *d, size_t *n, const struct place *whole, struct err *e)
{
    *n = 1;
    for (size_t i = 0; i < d->n_axes; i++) {
        if (d->axes[i].n > RUNFILE_MAX_CELLS / *n) {
            return place_fail(e, whole, "more than %d cells", RUNFILE_MAX_CELLS);
        }
        *n *= d->axes[i].n;
    }
    return 0;
}

/* ---- cells ---- */

/* A condition of an exclude entry: a column of an axis, or a base value that holds or not. */
struct condition {
    const char *value;
    size_t axis, col; /* axis == n_axes: none */
    bool holds;
};

struct expansion {
    struct draft *d;
    struct run_plan *p;
    size_t *at;                   /* [n_axes] the entry of each axis: the cell in hand */
    struct condition *conditions; /* of all entries of exclude, one after another */
    bool *matched;                /* [n_excludes] */
};

static int resolve_condition(struct draft *d, const struct knob *k, const char *value,
                             struct condition *c, struct err *e)
{
    *c = (struct condition){.value = value, .axis = d->n_axes};
    for (size_t a = 0; a < d->n_axes; a++) {
        for (size_t col = 0; col < d->axes[a].n_knobs; col++) {
            if (d->axes[a].ks[col] == k) {
                c->axis = a;
                c->col = col;
            }
        }
    }
    struct str base = {0};
    spec_get(&d->base, k, &base);
    c->holds = strcmp(str_text(&base), value) == 0;
    int rc = str_check(&base, e);
    str_release(&base);
    return rc;
}

static int resolve_excludes(struct expansion *x, struct err *e)
{
    struct draft *d = x->d;
    size_t n = 0;
    for (size_t i = 0; i < d->n_excludes; i++) {
        n += d->excludes[i].n;
    }
    x->conditions = mem_take(n, sizeof *x->conditions, e);
    x->matched = mem_take(d->n_excludes, sizeof *x->matched, e);
    if (!x->conditions || !x->matched) {
        return -1;
    }
    n = 0;
    for (size_t i = 0; i < d->n_excludes; i++) {
        const struct exclude *ex = &d->excludes[i];
        for (size_t c = 0; c < ex->n; c++) {
            if (resolve_condition(d, ex->ks[c], ex->values[c], &x->conditions[n++], e)) {
                return -1;
            }
        }
    }
    return 0;
}

static bool condition_holds(const struct expansion *x, const struct condition *c)
{
    if (c->axis == x->d->n_axes) {
        return c->holds;
    }
    const struct axis *a = &x->d->axes[c->axis];
    return strcmp(a->values[x->at[c->axis] * a->n_knobs + c->col], c->value) == 0;
}

/* Does an entry of exclude match the cell in hand? Notes every one that does. */
static bool excluded(struct expansion *x)
{
    bool any = false;
    const struct condition *c = x->conditions;
    for (size_t i = 0; i < x->d->n_excludes; i++) {
        bool all = true;
        for (size_t j = 0; j < x->d->excludes[i].n; j++) {
            bool holds = condition_holds(x, c++);
            all = all && holds;
        }
        x->matched[i] = x->matched[i] || all;
        any = any || all;
    }
    return any;
}

/* Where the knob got its value in the cell in hand. */
static const struct place *place_of(const struct expansion *x, const struct knob *k)
{
    for (size_t i = 0; i < x->d->n_axes; i++) {
        const struct axis *a = &x->d->axes[i];
        for (size_t c = 0; c < a->n_knobs; c++) {
            if (a->ks[c] == k) {
                return &a->at[x->at[i]];
            }
        }
    }
    assert(x->d->claims[k - knobs] == CLAIM_BASE);
    return &x->d->claimed[k - knobs];
}

static int add_cell(struct expansion *x, struct err *e)
{
    struct run_spec *s = &x->p->specs[x->p->n];
    *s = x->d->base;
    for (size_t i = 0; i < x->d->n_axes; i++) {
        const struct axis *a = &x->d->axes[i];
        for (size_t c = 0; c < a->n_knobs; c++) {
            if (spec_set(s, a->ks[c]->key, a->values[x->at[i] * a->n_knobs + c], e)) {
                return place_wrap(e, &a->at[x->at[i]]);
            }
        }
    }
    const struct knob *fault;
    if (spec_check_at(s, &fault, e)) {
        return place_wrap(e, place_of(x, fault));
    }
    x->p->n++;
    return 0;
}

/* The next cell, the last axis fastest. */
static void advance(struct expansion *x)
{
    for (size_t i = x->d->n_axes; i-- > 0;) {
        if (++x->at[i] < x->d->axes[i].n) {
            return;
        }
        x->at[i] = 0;
    }
}

static int expand(struct expansion *x, size_t n, const struct place *whole, struct err *e)
{
    struct draft *d = x->d;
    x->at = mem_take(d->n_axes, sizeof *x->at, e);
    x->p->specs = mem_take_raw(n, sizeof *x->p->specs, e);
    if (!x->at || !x->p->specs || resolve_excludes(x, e)) {
        return -1;
    }
    for (size_t i = 0; i < n; i++, advance(x)) {
        if (!excluded(x) && add_cell(x, e)) {
            return -1;
        }
    }
    for (size_t i = d->n_excludes; i-- > 0;) {
        if (!x->matched[i] && !d->excludes[i].overridden) {
            return place_fail(e, &d->excludes[i].at, "this entry of exclude matches no cell");
        }
        if (!x->matched[i]) {
            draft_drop_exclude(d, i);
        }
    }
    return x->p->n ? 0 : place_fail(e, whole, "exclude leaves no cell");
}

static int check_whole(const struct draft *d, const struct place *whole, struct err *e)
{
    if (!d->name) {
        return place_fail(e, whole, "no name: add `name: WORD`");
    }
    if (d->n_axes < 1 || d->axes[0].kind != AXIS_MODELS) {
        return place_fail(e, whole, "no models: add `models: [NAME]`, or --set models=NAME");
    }
    if (d->n_axes < 2 || d->axes[1].kind != AXIS_DATASETS) {
        return place_fail(e, whole, "no datasets: add `datasets: [NAME]`, or --set datasets=NAME");
    }
    return 0;
}

int draft_expand(struct draft *d, struct run_plan *p, const struct place *whole, struct err *e)
{
    size_t n;
    sort_axes(d);
    if (check_whole(d, whole, e) || count_cells(d, &n, whole, e) || list_axes(d, p, e)) {
        return -1;
    }
    for (size_t i = 0; i < d->n_axes; i++) {
        if (check_axis(&d->axes[i], e)) {
            return -1;
        }
    }
    p->name = mem_strdup(d->name, e);
    if (!p->name) {
        return -1;
    }
    struct expansion x = {.d = d, .p = p};
    int rc = expand(&x, n, whole, e);
    free(x.at);
    free(x.conditions);
    free(x.matched);
    return rc;
}
