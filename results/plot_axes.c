/* From groups of replicates to what is drawn where: conditions, the metric's values, and the choice
 * of axes. */
#include "results/plot_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "results/plot.h"
#include "results/record.h"
#include "results/report_private.h"
#include "results/view.h"

/* ---- names ---- */

static bool any_has_knob(const struct report *r, const char *key)
{
    for (size_t i = 0; i < r->n_cells; i++) {
        if (pairs_get(&r->cells[i]->knobs, key)) {
            return true;
        }
    }
    return false;
}

static bool any_has_metric(const struct report *r, const char *name)
{
    double v;
    for (size_t i = 0; i < r->n_cells; i++) {
        if (record_get_metric(r->cells[i], name, &v)) {
            return true;
        }
    }
    return false;
}

static int unknown(const struct report *r, const char *what, const char *name, bool with_metrics,
                   struct err *e)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < r->n_cells; i++) {
        const struct record *cell = r->cells[i];
        for (size_t k = 0; k < cell->knobs.n; k++) {
            near_add(&near, cell->knobs.items[k].key);
            near_add(&near, view_head(cell->knobs.items[k].key));
        }
        for (size_t m = 0; m < cell->n_metrics && with_metrics; m++) {
            near_add(&near, cell->metrics[m].name);
        }
    }
    return err_set(e, ERR_USAGE, "%s: the cells have no knob%s '%.80s'%s", what,
                   with_metrics ? " or metric" : "", name, near_text(&near));
}

/* The key of a knob under either name. */
static int find_knob(const struct report *r, const char *what, const char *name, const char **key,
                     struct err *e)
{
    *key = name;
    if (name && !any_has_knob(r, name)) {
        *key = view_key(name);
        if (!any_has_knob(r, *key)) {
            return unknown(r, what, name, false, e);
        }
    }
    return 0;
}

/* ---- conditions: values of one knob are alternatives, knobs must all hold ---- */

struct condition {
    char *text; /* the knob as given, owned; value points behind it */
    const char *key, *value;
};

static bool same_value(const struct record *cell, const struct condition *c)
{
    struct str shown = {0};
    const char *raw = pairs_get(&cell->knobs, c->key);
    double x, y;
    view_knob(cell, c->key, &shown);
    bool same = strcmp(str_text(&shown), c->value) == 0 ||
                (raw && view_applies(cell, c->key) && strcmp(raw, c->value) == 0) ||
                (str_to_double(str_text(&shown), &x) && str_to_double(c->value, &y) && !(x < y) &&
                 !(x > y));
    str_release(&shown);
    return same;
}

static bool passes(const struct record *cell, const struct condition *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool holds = false;
        for (size_t j = 0; j < n && !holds; j++) {
            holds = strcmp(list[i].key, list[j].key) == 0 && same_value(cell, &list[j]);
        }
        if (!holds) {
            return false;
        }
    }
    return true;
}

static int parse_conditions(const struct report *r, const struct plot_opts *o,
                            struct condition *list, struct err *e)
{
    for (size_t i = 0; i < o->n_where; i++) {
        list[i].text = mem_strdup(o->where[i], e);
        char *equals = list[i].text ? strchr(list[i].text, '=') : NULL;
        if (!list[i].text) {
            return -1;
        }
        if (!equals) {
            return err_set(e, ERR_USAGE, "where '%.80s': write KNOB=VALUE", o->where[i]);
        }
        *equals = '\0';
        list[i].value = equals + 1;
        if (find_knob(r, "where", list[i].text, &list[i].key, e)) {
            return -1;
        }
    }
    return 0;
}

/* ---- values ---- */

/* The sample of a group; n == 0 when nothing of it is left. */
static int take_sample(struct sample *s, const struct series_group *g, const char *metric,
                       const struct condition *where, size_t n_where, struct err *e)
{
    *s = (struct sample){.group = g, .values = mem_take(g->n, sizeof *s->values, e)};
    if (!s->values) {
        return -1;
    }
    for (size_t i = 0; i < g->n; i++) {
        if (passes(g->members[i], where, n_where)) {
            s->n += record_get_metric(g->members[i], metric, &s->values[s->n]);
        }
    }
    if (s->n) {
        struct summary sum;
        stats_summary(s->values, s->n, &sum);
        s->median = sum.median;
        for (size_t i = 0; i < s->n; i++) {
            if (isfinite(s->values[i])) {
                s->values[s->n_finite++] = s->values[i];
            }
        }
    }
    return 0;
}

static int nothing_left(const struct selection_axes *a, const struct plot_opts *o, struct err *e)
{
    struct str where = {0};
    for (size_t i = 0; i < o->n_where; i++) {
        str_addf(&where, "%s%s", i ? ", " : " and ", o->where[i]);
    }
    int status = err_set(e, ERR_USAGE, "nothing to plot: no finished cell has %s%s", a->metric,
                         str_text(&where));
    str_release(&where);
    return status;
}

static int take_samples(struct selection_axes *a, const struct report *r, const struct plot_opts *o,
                        struct err *e)
{
    int status = -1;
    struct condition *where = mem_take(o->n_where, sizeof *where, e);
    a->samples = mem_take(r->n, sizeof *a->samples, e);
    if (!where || !a->samples || parse_conditions(r, o, where, e)) {
        goto out;
    }
    for (size_t g = 0; g < r->n; g++) {
        struct sample *s = &a->samples[a->n];
        if (take_sample(s, &r->groups[g], a->metric, where, o->n_where, e)) {
            goto out;
        }
        if (s->n) {
            a->n++;
        } else {
            free(s->values);
            *s = (struct sample){0};
        }
    }
    status = a->n ? 0 : nothing_left(a, o, e);
out:
    for (size_t i = 0; i < o->n_where && where; i++) {
        free(where[i].text);
    }
    free(where);
    return status;
}

/* ---- axes ---- */

void axes_value(const struct sample *s, const char *key, struct str *out)
{
    report_group_value(s->group, key, out);
}

/* A word that stands in for a number of which there is none: full data, or chosen inside the cell.
 */
static bool is_stand_in(const char *text)
{
    return !*text || strcmp(text, "all") == 0 || str_starts(text, "by ");
}

enum { MANY = 13 };

/* Is the knob a number where it applies, and how many different ones are there (at most MANY)? */
static bool is_number(const struct selection_axes *a, const char *key, size_t *n_values)
{
    struct str text = {0};
    bool number = true;
    double found[MANY];
    *n_values = 0;
    for (size_t i = 0; i < a->n && number; i++) {
        double v;
        str_clear(&text);
        axes_value(&a->samples[i], key, &text);
        if (str_to_double(str_text(&text), &v)) {
            size_t k = 0;
            while (k < *n_values && (v < found[k] || v > found[k])) {
                k++;
            }
            if (k == *n_values && k < MANY) {
                found[(*n_values)++] = v;
            }
        } else {
            number = is_stand_in(str_text(&text));
        }
    }
    str_release(&text);
    return number && *n_values;
}

static bool varies(const struct selection_axes *a, const char *key)
{
    struct str first = {0}, other = {0};
    bool differs = false;
    axes_value(&a->samples[0], key, &first);
    for (size_t i = 1; i < a->n && !differs; i++) {
        str_clear(&other);
        axes_value(&a->samples[i], key, &other);
        differs = strcmp(str_text(&first), str_text(&other)) != 0;
    }
    str_release(&first);
    str_release(&other);
    return differs;
}

/* Shots, unless another number takes MANY values and shots do not: so many lines nobody can read.
 */
static void choose_x(struct selection_axes *a)
{
    const struct pairs *knobs = &a->samples[0].group->first->knobs;
    size_t n_shots, n, least = 2;
    a->x = "model";
    if (is_number(a, "regime.k", &n_shots) && n_shots > 1) {
        a->x = "regime.k";
        least = MANY > n_shots ? MANY : SIZE_MAX;
    }
    for (size_t k = 0; k < knobs->n; k++) {
        const char *key = knobs->items[k].key;
        enum view_role role = view_role(key);
        if ((role == VIEW_MAIN || role == VIEW_MINOR) && is_number(a, key, &n) && n >= least) {
            bool size = strcmp(key, "preprocess.resize") == 0;
            a->x = size && varies(a, "preprocess.crop") ? "preprocess.crop" : key;
            return;
        }
    }
}

/* The median of a metric that serves as x, over the members. */
static int metric_at(struct sample *s, const char *metric, struct err *e)
{
    double *v;
    size_t n;
    if (report_values(s->group, metric, &v, &n, e)) {
        return -1;
    }
    if (n) {
        struct summary sum;
        stats_summary(v, n, &sum);
        s->x = sum.median;
        s->on_axis = isfinite(s->x);
    }
    free(v);
    return 0;
}

static int place_samples(struct selection_axes *a, struct err *e)
{
    struct str text = {0};
    int status = 0;
    for (size_t i = 0; i < a->n && status == 0; i++) {
        struct sample *s = &a->samples[i];
        str_clear(&text);
        if (a->x_is_metric) {
            status = metric_at(s, a->x, e);
        } else {
            axes_value(s, a->x, &text);
            s->on_axis = a->x_is_number ? str_to_double(str_text(&text), &s->x) : text.len > 0;
            status = str_check(&text, e);
        }
    }
    str_release(&text);
    return status;
}

static int find_axes(struct selection_axes *a, const struct report *r, const struct plot_opts *o,
                     struct err *e)
{
    size_t n;
    if (find_knob(r, "by", o->by, &a->by, e) || find_knob(r, "facet", o->facet, &a->facet, e)) {
        return -1;
    }
    a->x = o->x;
    if (!o->x) {
        choose_x(a);
    } else if (!any_has_knob(r, o->x) && any_has_metric(r, o->x)) {
        a->x_is_metric = true;
    } else if (!any_has_knob(r, view_key(o->x))) {
        return unknown(r, "x", o->x, true, e);
    } else {
        a->x = any_has_knob(r, o->x) ? o->x : view_key(o->x);
    }
    a->x_is_number = a->x_is_metric || is_number(a, a->x, &n);
    if (!a->facet && strcmp(a->x, "dataset") != 0 && (!a->by || strcmp(a->by, "dataset") != 0) &&
        varies(a, "dataset")) {
        a->facet = "dataset";
    }
    return 0;
}

int axes_init(struct selection_axes *a, const struct report *r, const struct plot_opts *o,
              struct err *e)
{
    *a = (struct selection_axes){.metric = o->y ? o->y : "top1"};
    if (report_check_metric(r, a->metric, e) || take_samples(a, r, o, e) || find_axes(a, r, o, e) ||
        place_samples(a, e)) {
        axes_release(a);
        return -1;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (a->samples[i].on_axis) {
            return 0;
        }
    }
    err_set(e, ERR_USAGE, "nothing to plot: no finished cell has a value of %s", a->x);
    axes_release(a);
    return -1;
}

void axes_release(struct selection_axes *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->samples[i].values);
    }
    free(a->samples);
    *a = (struct selection_axes){0};
}
