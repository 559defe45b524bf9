/* Series of replicates, and VTAB's means over them. The variance of a score is divided by a nested
 * analysis (seeds within draws); what the choice of test images adds is binomial. */
#include "results/aggregate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/pairing.h"
#include "results/record.h"
#include "results/rescore.h"
#include "results/store.h"
#include "results/variance.h"
#include "results/view.h"

/* ---- series ---- */

static int by_replicate(const void *a, const void *b)
{
    const struct record *const *p = a, *const *q = b;
    int order = strcmp((*p)->subject, (*q)->subject);
    order = order ? order : strcmp((*p)->protocol, (*q)->protocol);
    return order ? order : view_compare((*p)->replicate, (*q)->replicate);
}

static bool same_series(const struct record *a, const struct record *b)
{
    return strcmp(a->protocol, b->protocol) == 0 && strcmp(a->subject, b->subject) == 0;
}

/* The score of a cell and on how many images. */
static int score(const struct record *r, bool as_leaderboard, double *value, size_t *n_test,
                 struct err *e)
{
    double n = 0;
    struct record scores = {0};
    if (!as_leaderboard) {
        record_get_metric(r, "top1", value);
        record_get_metric(r, "n", &n);
    } else if (rescore(r, true, 5, &scores, e)) {
        return -1;
    } else {
        record_get_metric(&scores, "top1", value);
        record_get_metric(&scores, "n", &n);
        record_release(&scores);
    }
    *n_test = (size_t)n;
    return 0;
}

static bool same_draw(const struct record *a, const struct record *b)
{
    size_t n = strcspn(a->replicate, "|");
    return n == strcspn(b->replicate, "|") && memcmp(a->replicate, b->replicate, n) == 0;
}

/* values [n] belong to members, which stand draw by draw; sampling: the variance that the choice of
 * test images gives one of them. */
static int divide(const struct record *const *members, const double *values, size_t n,
                  double sampling, struct aggregate_shares *shares, struct err *e)
{
    struct variance_nested v;
    size_t *n_seeds = mem_take(n, sizeof *n_seeds, e), n_draws = 0;
    if (!n_seeds) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        n_draws += i == 0 || !same_draw(members[i - 1], members[i]);
        n_seeds[n_draws - 1]++;
    }
    variance_nested(values, n_seeds, n_draws, &v);
    free(n_seeds);
    /* with one seed a draw, or one draw, what varies is all there is */
    double draw = n_draws < 2 ? 0 : isnan(v.seed) ? v.ms_between
                                                  : v.draw;
    double seed = isnan(v.seed) ? 0 : v.seed, sum = draw + seed + sampling;
    bool known = n > 1 && sum > 0;
    *shares = (struct aggregate_shares){known ? draw / sum : (double)NAN,
                                        known ? seed / sum : (double)NAN,
                                        known ? sampling / sum : (double)NAN};
    return 0;
}

/* members [n], sorted, equal in protocol and subject; a replicate twice counts once. */
static int fill_series(struct aggregate_series *s, const struct record *const *members, size_t n,
                       bool as_leaderboard, struct err *e)
{
    *s = (struct aggregate_series){.first = members[0]};
    s->members = mem_take(n, sizeof *s->members, e);
    s->values = mem_take(n, sizeof *s->values, e);
    if (!s->members || !s->values) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (i && strcmp(members[i - 1]->replicate, members[i]->replicate) == 0) {
            continue;
        }
        if (score(members[i], as_leaderboard, &s->values[s->n], &s->n_test, e)) {
            return -1;
        }
        s->members[s->n++] = members[i];
    }
    stats_summary(s->values, s->n, &s->summary);
    double p = s->summary.mean, sampling = p * (1 - p) / (double)s->n_test;
    s->sampling_se = sqrt(sampling);
    return divide(s->members, s->values, s->n, sampling, &s->shares, e);
}

/* ---- VTAB ---- */

/* "train:... ridge:... MODEL": what the tasks of one mean have in common. */
static void series_name(const struct record *r, struct str *out)
{
    pairing_field(r->protocol, 1, out);
    str_add(out, ", ");
    pairing_field(r->protocol, 2, out);
    str_addf(out, ", %.*s", (int)strcspn(r->subject, "|"), r->subject);
}

static const char *dataset_of(const struct record *r)
{
    const char *name = pairs_get(&r->knobs, "dataset");
    return name ? name : "";
}

/* The value of a replicate in a series; nan where it has none. */
static double value_of(const struct aggregate_series *s, const char *replicate)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->members[i]->replicate, replicate) == 0) {
            return s->values[i];
        }
    }
    return (double)NAN;
}

struct tasks {
    const struct aggregate_series *of[VTAB_TASKS]; /* NULL: not there */
};

/* Means of each replicate that all tasks have: their spread. */
static int add_replicates(struct aggregate_vtab *v, const struct tasks *t, struct err *e)
{
    const struct aggregate_series *any = t->of[0];
    size_t n_test[VTAB_TASKS], n = 0;
    double *tasks = mem_take(any->n, 2 * sizeof *tasks, e), *groups = tasks + any->n;
    const struct record **members = mem_take(any->n, sizeof *members, e);
    int rc = tasks && members ? 0 : -1;
    for (size_t i = 0; i < any->n && rc == 0; i++) {
        double p[VTAB_TASKS];
        struct vtab_mean m;
        for (size_t k = 0; k < VTAB_TASKS; k++) {
            p[k] = value_of(t->of[k], any->members[i]->replicate);
            n_test[k] = t->of[k]->n_test;
        }
        vtab_mean(p, n_test, &m);
        if (m.n_tasks == VTAB_TASKS) {
            tasks[n] = m.tasks;
            groups[n] = m.groups;
            members[n++] = any->members[i];
        }
    }
    v->n_replicates = n;
    if (rc == 0 && n) {
        struct summary a, b;
        stats_summary(tasks, n, &a);
        stats_summary(groups, n, &b);
        v->tasks_replicate_se = a.sd / sqrt((double)n);
        v->groups_replicate_se = b.sd / sqrt((double)n);
        double se = v->mean.tasks_se;
        rc = divide(members, tasks, n, se * se, &v->shares, e);
    }
    free(tasks);
    free(members);
    return rc;
}

static int fill_vtab(struct aggregate_vtab *v, const struct tasks *t, char *name, struct err *e)
{
    double p[VTAB_TASKS], nan = (double)NAN;
    size_t n[VTAB_TASKS], n_most = 0;
    for (size_t k = 0; k < VTAB_TASKS; k++) {
        p[k] = t->of[k] ? t->of[k]->summary.mean : nan;
        n[k] = t->of[k] ? t->of[k]->n_test : 1;
        n_most = t->of[k] && t->of[k]->n > n_most ? t->of[k]->n : n_most;
    }
    *v = (struct aggregate_vtab){.name = name,
                                 .n_most = n_most,
                                 .tasks_replicate_se = nan,
                                 .groups_replicate_se = nan,
                                 .shares = {nan, nan, nan}};
    vtab_mean(p, n, &v->mean);
    return v->mean.n_tasks == VTAB_TASKS ? add_replicates(v, t, e) : 0;
}

/* All series named like number i, unless an earlier one was; a task twice is no mean. Under another
 * name than VTAB's regimes only the whole grid is one. */
static int add_vtab(struct aggregate *a, size_t i, struct err *e)
{
    struct tasks t = {{0}};
    struct str name = {0};
    size_t n_tasks = 0;
    bool ours = true, named = strstr(a->series[i].first->protocol, "|train:vtab-") != NULL;
    series_name(a->series[i].first, &name);
    for (size_t k = 0; k < a->n_series && ours; k++) {
        const struct aggregate_series *s = &a->series[k];
        size_t task = vtab_find(dataset_of(s->first));
        struct str other = {0};
        series_name(s->first, &other);
        if (strcmp(str_text(&name), str_text(&other)) == 0 && task < VTAB_TASKS) {
            ours = k >= i && !t.of[task];
            t.of[task] = s;
            n_tasks++;
        }
        str_release(&other);
    }
    int rc = str_check(&name, e);
    if (rc || !ours || !n_tasks || !(named || n_tasks == VTAB_TASKS)) {
        str_release(&name);
        return rc;
    }
    return fill_vtab(&a->vtab[a->n_vtab++], &t, name.data, e);
}

/* ---- the whole ---- */

static int fill(struct aggregate *a, const struct record *const *sorted, size_t n,
                bool as_leaderboard, struct err *e)
{
    a->series = mem_take(n, sizeof *a->series, e);
    a->vtab = mem_take(n, sizeof *a->vtab, e);
    if (!a->series || !a->vtab) {
        return -1;
    }
    for (size_t i = 0, m; i < n; i += m) {
        m = 1;
        while (i + m < n && same_series(sorted[i], sorted[i + m])) {
            m++;
        }
        if (fill_series(&a->series[a->n_series++], sorted + i, m, as_leaderboard, e)) {
            return -1;
        }
    }
    for (size_t i = 0; i < a->n_series; i++) {
        if (add_vtab(a, i, e)) {
            return -1;
        }
    }
    return 0;
}

int aggregate_init(struct aggregate *a, const struct record_list *l, bool as_leaderboard,
                   struct err *e)
{
    *a = (struct aggregate){0};
    const struct record **sorted = mem_take(l->n, sizeof *sorted, e);
    size_t n = 0;
    if (!sorted) {
        return -1;
    }
    for (size_t i = 0; i < l->n; i++) {
        double ignored;
        if (l->records[i].status == CELL_OK &&
            record_get_metric(&l->records[i], "top1", &ignored)) {
            sorted[n++] = &l->records[i];
        }
    }
    qsort(sorted, n, sizeof *sorted, by_replicate);
    int rc = fill(a, sorted, n, as_leaderboard, e);
    free(sorted);
    if (rc) {
        aggregate_release(a);
    }
    return rc;
}

void aggregate_release(struct aggregate *a)
{
    for (size_t i = 0; i < a->n_series; i++) {
        free(a->series[i].members);
        free(a->series[i].values);
    }
    for (size_t i = 0; i < a->n_vtab; i++) {
        free(a->vtab[i].name);
    }
    free(a->series);
    free(a->vtab);
    *a = (struct aggregate){0};
}
