/* Reading a history: paths to points, cells to series, and where the levels of a series change. */
#include "results/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/changes.h"
#include "results/pack.h"
#include "results/pairing.h"
#include "results/record.h"
#include "results/stats.h"
#include "results/store.h"

enum { PATH_BYTES = 4096 };

/* ---- points ---- */

/* "2026-01-31T12:34:56+01:00" or with Z as seconds since 1970; nan for anything else. */
static double parse_time(const char *text)
{
    int year, month, day, hour, minute, second, zone_hour = 0, zone_minute = 0, n = 0;
    char sign = 'Z';
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%c%n", &year, &month, &day, &hour, &minute, &second,
               &sign, &n) != 7 ||
        month < 1 || month > 12) {
        return (double)NAN;
    }
    if (sign != 'Z' && sscanf(text + n, "%2d:%2d", &zone_hour, &zone_minute) != 2) {
        return (double)NAN;
    }
    /* days from March, so that leap days come last (Fliegel and Van Flandern 1968) */
    long y = year - (month <= 2), m = month + (month <= 2 ? 9 : -3);
    long days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
    double zone = (sign == '-' ? -1 : 1) * (zone_hour * 3600.0 + zone_minute * 60.0);
    return (double)days * 86400 + hour * 3600.0 + minute * 60.0 + second - zone;
}

static char *label_of(const struct record_list *l, const char *key, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *value = pairs_get(&l->records[i].labels, key);
        if (value && *value) {
            return mem_strdup(value, e);
        }
    }
    return mem_strdup("", e);
}

static int fill_point(struct history_point *p, const char *path, const struct record_list *l,
                      struct err *e)
{
    *p = (struct history_point){.path = mem_strdup(path, e), .seconds = (double)NAN};
    p->commit = label_of(l, "commit", e);
    p->branch = label_of(l, "branch", e);
    p->time = label_of(l, "time", e);
    if (!p->path || !p->commit || !p->branch || !p->time) {
        return -1;
    }
    p->seconds = parse_time(p->time);
    return 0;
}

static void point_release(struct history_point *p)
{
    free(p->path);
    free(p->commit);
    free(p->branch);
    free(p->time);
}

/* ---- paths ---- */

struct paths {
    char **items;
    size_t n, cap;
};

static int add_path(struct paths *p, const char *path, struct err *e)
{
    void *items = p->items;
    if (mem_grow(&items, &p->cap, p->n + 1, sizeof *p->items, e)) {
        return -1;
    }
    p->items = items;
    p->items[p->n] = mem_strdup(path, e);
    p->n += p->items[p->n] != NULL;
    return p->n && p->items[p->n - 1] ? 0 : -1;
}

static bool is_run(const char *path)
{
    struct err ignored = {0};
    return pack_is(path) || (file_is_dir(path) && store_open(path, false, &ignored) == 0);
}

/* A run directory or pack, or a folder of some, which are taken by name. */
static int expand(struct paths *p, const char *path, struct err *e)
{
    struct file_list names;
    if (is_run(path) || !file_is_dir(path)) {
        return add_path(p, path, e);
    }
    if (file_list_read(&names, path, e)) {
        return -1;
    }
    size_t before = p->n;
    int rc = 0;
    for (size_t i = 0; i < names.n && rc == 0; i++) {
        char inside[PATH_BYTES];
        rc = file_join(inside, sizeof inside, path, names.names[i], e);
        if (rc == 0 && is_run(inside)) {
            rc = add_path(p, inside, e);
        }
    }
    file_list_release(&names);
    if (rc == 0 && p->n == before) {
        rc = err_set(e, ERR_USAGE, "%s: neither a run directory nor a folder of packs", path);
    }
    return rc;
}

/* ---- series ---- */

static const char *model_end(const char *subject)
{
    return subject + strcspn(subject, "|");
}

static bool is_series_of(const struct history_series *s, const struct record *r)
{
    size_t n = (size_t)(model_end(r->subject) - r->subject);
    return strcmp(s->protocol, r->protocol) == 0 && strlen(s->model) == n &&
           memcmp(s->model, r->subject, n) == 0;
}

/* The series of a record; a new one where there is none. NULL for want of memory. */
static struct history_series *series_of(struct history *h, const struct record *r, struct err *e)
{
    for (size_t i = 0; i < h->n_series; i++) {
        if (is_series_of(&h->series[i], r)) {
            return &h->series[i];
        }
    }
    void *series = h->series;
    if (mem_grow(&series, &h->cap, h->n_series + 1, sizeof *h->series, e)) {
        return NULL;
    }
    h->series = series;
    struct history_series *s = &h->series[h->n_series];
    *s = (struct history_series){.protocol = mem_strdup(r->protocol, e)};
    s->model = mem_strndup(r->subject, (size_t)(model_end(r->subject) - r->subject), e);
    s->values = mem_take(h->n_points, sizeof *s->values, e);
    h->n_series++;
    return s->protocol && s->model && s->values ? s : NULL;
}

/* The mean of a series' replicates at one point, with its interval. */
static int fill_value(const struct history *h, const struct history_series *s,
                      const struct record_list *l, struct history_value *out, struct err *e)
{
    double *v = mem_take(l->n, sizeof *v, e), n_images = 0, n_correct = 0;
    if (!v) {
        return -1;
    }
    *out = (struct history_value){.value = (double)NAN, .low = (double)NAN, .high = (double)NAN};
    for (size_t i = 0; i < l->n; i++) {
        const struct record *r = &l->records[i];
        if (r->status == CELL_OK && is_series_of(s, r) &&
            record_get_metric(r, h->metric, &v[out->n])) {
            out->n++;
            record_get_metric(r, "n", &n_images);
            record_get_metric(r, "n_correct", &n_correct);
        }
    }
    if (out->n) {
        struct summary sum;
        stats_summary(v, out->n, &sum);
        out->value = sum.mean;
        out->low = sum.low;
        out->high = sum.high;
        if (out->n == 1 && strcmp(h->metric, "top1") == 0) {
            stats_wilson((size_t)n_correct, (size_t)n_images, 0.95, &out->low, &out->high);
        }
    }
    free(v);
    return 0;
}

static int add_point(struct history *h, size_t i, const char *path, struct err *e)
{
    struct record_list l;
    size_t n_damaged;
    if (store_load(&l, &path, 1, false, &n_damaged, e)) {
        return -1;
    }
    h->n_damaged += n_damaged;
    int rc = fill_point(&h->points[i], path, &l, e);
    for (size_t k = 0; k < l.n && rc == 0; k++) {
        double ignored;
        if (l.records[k].status != CELL_OK ||
            !record_get_metric(&l.records[k], h->metric, &ignored)) {
            continue;
        }
        struct history_series *s = series_of(h, &l.records[k], e);
        if (!s) {
            rc = -1;
        } else if (s->values[i].n == 0) {
            rc = fill_value(h, s, &l, &s->values[i], e);
        }
    }
    record_list_release(&l);
    return rc;
}

/* ---- order ---- */

struct place {
    size_t index;
    double seconds;
};

static int by_time(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    if (p->seconds < q->seconds || p->seconds > q->seconds) {
        return p->seconds < q->seconds ? -1 : 1;
    }
    return p->index < q->index ? -1 : 1;
}

static int sort_points(struct history *h, struct err *e)
{
    size_t n = h->n_points;
    struct place *places = mem_take(n, sizeof *places, e);
    struct history_point *points = mem_take(n, sizeof *points, e);
    struct history_value *values = mem_take(n, sizeof *values, e);
    bool timed = true;
    int rc = places && points && values ? 0 : -1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        places[i] = (struct place){i, h->points[i].seconds};
        timed = timed && !isnan(h->points[i].seconds);
    }
    if (rc == 0 && timed) {
        qsort(places, n, sizeof *places, by_time);
        memcpy(points, h->points, n * sizeof *points);
        for (size_t i = 0; i < n; i++) {
            h->points[i] = points[places[i].index];
        }
        for (size_t s = 0; s < h->n_series; s++) {
            memcpy(values, h->series[s].values, n * sizeof *values);
            for (size_t i = 0; i < n; i++) {
                h->series[s].values[i] = values[places[i].index];
            }
        }
    }
    free(places);
    free(points);
    free(values);
    return rc;
}

/* ---- names and changes ---- */

/* The first three fields (data set, training images, adaptation) and the model; the whole protocol
 * where that does not tell it from another series. */
static int name_series(struct history *h, struct err *e)
{
    for (size_t i = 0; i < h->n_series; i++) {
        struct str name = {0};
        for (size_t f = 0; f < 3; f++) {
            str_add(&name, f ? " " : "");
            pairing_field(h->series[i].protocol, f, &name);
        }
        str_addf(&name, " %s", h->series[i].model);
        h->series[i].name = name.data;
        if (str_check(&name, e)) {
            return -1;
        }
    }
    for (size_t i = 0; i < h->n_series; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(h->series[i].name, h->series[k].name) == 0) {
                struct str name = {0};
                str_addf(&name, "%s %s", h->series[i].protocol, h->series[i].model);
                free(h->series[i].name);
                h->series[i].name = name.data;
                if (str_check(&name, e)) {
                    return -1;
                }
            }
        }
    }
    return 0;
}

static double mean_between(const double *v, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        sum += v[i];
    }
    return sum / (double)(to - from);
}

/* Among the points that have a value. */
static int mark_changes(struct history *h, struct history_series *s, struct err *e)
{
    double *v = mem_take(h->n_points, sizeof *v, e);
    size_t *at = mem_take(h->n_points, sizeof *at, e), n = 0;
    struct changes c = {0};
    int rc = v && at ? 0 : -1;
    for (size_t i = 0; i < h->n_points && rc == 0; i++) {
        if (s->values[i].n && isfinite(s->values[i].value)) {
            v[n] = s->values[i].value;
            at[n++] = i;
        }
    }
    if (rc == 0 && n) {
        rc = changes_find(&c, v, n, e);
    }
    for (size_t k = 0; k < c.n && rc == 0; k++) {
        size_t before = k ? c.at[k - 1] : 0, end = k + 1 < c.n ? c.at[k + 1] : n;
        struct history_value *value = &s->values[at[c.at[k]]];
        value->change = true;
        value->step = mean_between(v, c.at[k], end) - mean_between(v, before, c.at[k]);
    }
    changes_release(&c);
    free(v);
    free(at);
    return rc;
}

static int fill(struct history *h, const struct paths *p, struct err *e)
{
    h->points = mem_take(p->n, sizeof *h->points, e);
    if (!h->points) {
        return -1;
    }
    h->n_points = p->n;
    for (size_t i = 0; i < p->n; i++) {
        if (add_point(h, i, p->items[i], e)) {
            return -1;
        }
    }
    if (h->n_series == 0) {
        return err_set(e, ERR_USAGE, "no finished cell has a metric %s", h->metric);
    }
    if (sort_points(h, e) || name_series(h, e)) {
        return -1;
    }
    for (size_t i = 0; i < h->n_series; i++) {
        if (mark_changes(h, &h->series[i], e)) {
            return -1;
        }
    }
    return 0;
}

int history_init(struct history *h, const char *const *paths, size_t n, const char *metric,
                 struct err *e)
{
    struct paths p = {0};
    int rc = 0;
    *h = (struct history){0};
    snprintf(h->metric, sizeof h->metric, "%s", metric);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = expand(&p, paths[i], e);
    }
    if (rc == 0) {
        rc = fill(h, &p, e);
    }
    for (size_t i = 0; i < p.n; i++) {
        free(p.items[i]);
    }
    free(p.items);
    if (rc) {
        history_release(h);
    }
    return rc;
}

void history_release(struct history *h)
{
    for (size_t i = 0; i < h->n_points; i++) {
        point_release(&h->points[i]);
    }
    for (size_t i = 0; i < h->n_series; i++) {
        free(h->series[i].name);
        free(h->series[i].protocol);
        free(h->series[i].model);
        free(h->series[i].values);
    }
    free(h->points);
    free(h->series);
    *h = (struct history){0};
}
