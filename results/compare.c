/* Putting a comparison together: sets, their tests, and means over those that belong together. */
#include "results/compare.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/vtab.h"

/* ---- texts ---- */

int lines_addf(struct lines *l, struct err *e, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    void *items = l->items;
    char *text = mem_take((size_t)n + 1, 1, e);
    int rc = !text || mem_grow(&items, &l->cap, l->n + 1, sizeof *l->items, e) ? -1 : 0;
    if (rc == 0) {
        vsnprintf(text, (size_t)n + 1, fmt, again);
        l->items = items;
        l->items[l->n++] = text;
    } else {
        free(text);
    }
    va_end(again);
    return rc;
}

void lines_release(struct lines *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i]);
    }
    free(l->items);
    *l = (struct lines){0};
}

void comparison_release(struct comparison *c)
{
    for (size_t i = 0; i < c->n; i++) {
        paired_set_release(&c->sets[i]);
    }
    for (size_t i = 0; i < c->n_means; i++) {
        free(c->means[i].name);
    }
    for (size_t i = 0; i < c->n_changes; i++) {
        free(c->changes[i].replicate);
        free(c->changes[i].id);
    }
    free(c->sets);
    free(c->effects);
    free(c->means);
    free(c->changes);
    lines_release(&c->datasets);
    lines_release(&c->series);
    lines_release(&c->protocols);
    lines_release(&c->remarks);
    lines_release(&c->missing);
    *c = (struct comparison){0};
}

/* ---- sets ---- */

int comparison_add(struct comparison *c, struct paired_set *set, const char *dataset,
                   const char *series, const char *protocol, struct err *e)
{
    void *sets = c->sets;
    if (mem_grow(&sets, &c->cap, c->n + 1, sizeof *c->sets, e)) {
        paired_set_release(set);
        return -1;
    }
    c->sets = sets;
    c->sets[c->n++] = *set;
    *set = (struct paired_set){0};
    return lines_addf(&c->datasets, e, "%s", dataset) || lines_addf(&c->series, e, "%s", series) ||
                   lines_addf(&c->protocols, e, "%s", protocol)
               ? -1
               : 0;
}

/* ---- means ---- */

/* The sets of one series: members [n_sets], and which VTAB tasks they are. */
struct series {
    const struct comparison *c;
    bool *member;
    double *weights;
    size_t n_sets, n_tasks;
    bool distinct; /* no data set twice */
};

static void look_at_series(struct series *s, const char *name)
{
    const struct comparison *c = s->c;
    s->n_sets = s->n_tasks = 0;
    s->distinct = true;
    for (size_t i = 0; i < c->n; i++) {
        s->member[i] = strcmp(c->series.items[i], name) == 0;
        if (!s->member[i]) {
            continue;
        }
        for (size_t k = 0; k < i; k++) {
            s->distinct &=
                !s->member[k] || strcmp(c->datasets.items[k], c->datasets.items[i]) != 0;
        }
        s->n_sets++;
        s->n_tasks += vtab_find(c->datasets.items[i]) < VTAB_TASKS;
    }
}

static int add_mean(struct comparison *c, const struct series *s, const char *what, size_t of,
                    bool averaged, const char *series, struct pool *pool, struct err *e)
{
    struct str name = {0};
    str_addf(&name, "%s%s%s", what, *series ? ", " : "", series);
    struct compare_mean *m = &c->means[c->n_means];
    *m = (struct compare_mean){.name = name.data, .n_sets = s->n_sets, .n_expected = of};
    m->averaged = averaged;
    c->n_means += name.data != NULL;
    if (str_check(&name, e)) {
        return -1;
    }
    return averaged ? paired_mean_of(c->sets, c->n, s->weights, &c->rule, &m->mean, pool, e) : 0;
}

static void weigh_equally(const struct series *s)
{
    for (size_t i = 0; i < s->c->n; i++) {
        s->weights[i] = s->member[i] ? 1 / (double)s->n_sets : 0;
    }
}

static void weigh_groups(const struct series *s)
{
    double size[VTAB_GROUPS] = {0};
    for (size_t t = 0; t < VTAB_TASKS; t++) {
        size[vtab_tasks[t].group]++;
    }
    for (size_t i = 0; i < s->c->n; i++) {
        size_t t = s->member[i] ? vtab_find(s->c->datasets.items[i]) : VTAB_TASKS;
        s->weights[i] = t < VTAB_TASKS ? 1 / (VTAB_GROUPS * size[vtab_tasks[t].group]) : 0;
    }
}

/* single: the only series, which needs no name. */
static int add_means(struct comparison *c, struct series *s, const char *series, bool single,
                     struct pool *pool, struct err *e)
{
    const char *name = single ? "" : series;
    look_at_series(s, series);
    if (s->n_sets < 2 || !s->distinct) {
        return 0;
    }
    weigh_equally(s);
    bool vtab = strstr(series, "train:vtab-") != NULL || s->n_tasks == VTAB_TASKS;
    if (!vtab || s->n_tasks < s->n_sets) {
        return add_mean(c, s, "mean of the data sets", s->n_sets, true, name, pool, e);
    }
    bool whole = s->n_tasks == VTAB_TASKS;
    if (add_mean(c, s, "VTAB, mean of 19 tasks", VTAB_TASKS, whole, name, pool, e)) {
        return -1;
    }
    weigh_groups(s);
    return add_mean(c, s, "VTAB, mean of the 3 groups", VTAB_TASKS, whole, name, pool, e);
}

static bool is_new_series(const struct comparison *c, size_t i)
{
    bool is_new = true;
    for (size_t k = 0; k < i && is_new; k++) {
        is_new = strcmp(c->series.items[k], c->series.items[i]) != 0;
    }
    return is_new;
}

static int all_means(struct comparison *c, struct pool *pool, struct err *e)
{
    struct series s = {.c = c};
    size_t n_series = 0;
    for (size_t i = 0; i < c->n; i++) {
        n_series += is_new_series(c, i);
    }
    c->means = mem_take(2 * c->n, sizeof *c->means, e);
    s.member = mem_take(c->n, sizeof *s.member, e);
    s.weights = mem_take(c->n, sizeof *s.weights, e);
    int rc = c->means && s.member && s.weights ? 0 : -1;
    for (size_t i = 0; i < c->n && rc == 0; i++) {
        rc = is_new_series(c, i)
                 ? add_means(c, &s, c->series.items[i], n_series == 1, pool, e)
                 : 0;
    }
    free(s.member);
    free(s.weights);
    return rc;
}

int comparison_finish(struct comparison *c, struct pool *pool, struct err *e)
{
    if (c->n == 0) {
        return err_set(e, ERR_USAGE, "nothing to compare");
    }
    c->effects = mem_take(c->n, sizeof *c->effects, e);
    if (!c->effects ||
        paired_analyse(c->sets, c->n, &c->rule, c->effects, pool, e)) {
        return -1;
    }
    return all_means(c, pool, e);
}

bool comparison_fails(const struct comparison *c)
{
    bool fails = c->missing.n > 0;
    for (size_t i = 0; i < c->n; i++) {
        fails = fails || c->effects[i].fails;
    }
    return fails;
}
