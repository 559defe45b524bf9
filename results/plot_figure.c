/* The figure: every group on the x axis becomes a point of the line that its other knobs make, full
 * training sets become references, and what is constant becomes the title. */
#include "results/plot_private.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "results/record.h"
#include "results/report_private.h"
#include "results/signature.h"
#include "results/view.h"

int text_list_add(struct text_list *l, const char *text, size_t *index, struct err *e)
{
    for (*index = 0; *index < l->n; ++*index) {
        if (strcmp(l->items[*index], text) == 0) {
            return 0;
        }
    }
    void *items = l->items;
    if (mem_grow(&items, &l->cap, l->n + 1, sizeof *l->items, e)) {
        return -1;
    }
    l->items = items;
    l->items[l->n] = mem_strdup(text, e);
    if (!l->items[l->n]) {
        return -1;
    }
    l->n++;
    return 0;
}

void text_list_release(struct text_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i]);
    }
    free(l->items);
    *l = (struct text_list){0};
}

/* ---- what makes lines ---- */

/* The samples on the axis, and the knobs whose values name a line. */
struct drawing {
    struct figure *f;
    const struct selection_axes *a;
    const struct series_group **groups; /* [n] on the axis, owned */
    const struct sample **samples;      /* [n] theirs, owned */
    size_t n;
    char **varying; /* [n_varying] knobs that differ among them (report_varying), owned */
    size_t n_varying;
    const char *keys[64]; /* [n_keys] borrowed */
    size_t n_keys;
};

static bool differs(const struct drawing *d, const char *key)
{
    struct str first = {0}, other = {0};
    bool found = false;
    axes_value(d->samples[0], key, &first);
    for (size_t i = 1; i < d->n && !found; i++) {
        str_clear(&other);
        axes_value(d->samples[i], key, &other);
        found = strcmp(str_text(&first), str_text(&other)) != 0;
    }
    str_release(&first);
    str_release(&other);
    return found;
}

/* Is it shown by an axis or a panel already? */
static bool is_placed(const struct selection_axes *a, const char *key)
{
    return strcmp(key, a->x) == 0 || (a->facet && strcmp(key, a->facet) == 0);
}

/* Adds a knob that makes lines. */
static void add_key(struct drawing *d, const char *key)
{
    bool there = is_placed(d->a, key);
    for (size_t k = 0; k < d->n_keys && !there; k++) {
        there = strcmp(d->keys[k], key) == 0;
    }
    if (!there && d->n_keys < sizeof d->keys / sizeof d->keys[0]) {
        d->keys[d->n_keys++] = key;
    }
}

/* A number on the x axis explains what follows from it only where both are ways of preparing
 * images, as the two sizes that a sweep zips: of others the reader must see that they change, too.
 */
static bool x_explains(const struct selection_axes *a, const char *key)
{
    return !a->x_is_number ||
           (!a->x_is_metric && str_starts(a->x, "preprocess.") && str_starts(key, "preprocess."));
}

/* `by` first, then the model, the data set and all else that varies. A knob that follows from what
 * is shown already (the panel, the knobs before it and what the x axis explains) tells nothing
 * more. */
static int find_keys(struct drawing *d, struct err *e)
{
    const struct selection_axes *a = d->a;
    if (report_varying(d->groups, d->n, &d->varying, &d->n_varying, e)) {
        return -1;
    }
    if (a->by && differs(d, a->by)) {
        add_key(d, a->by);
    }
    if (differs(d, "model")) {
        add_key(d, "model");
    }
    if (differs(d, "dataset")) {
        add_key(d, "dataset");
    }
    for (size_t k = 0; k < d->n_varying; k++) {
        const char *given[66];
        size_t n = 0;
        bool follows;
        for (size_t i = 0; i < d->n_keys; i++) {
            given[n++] = d->keys[i];
        }
        if (a->facet) {
            given[n++] = a->facet;
        }
        if (x_explains(a, d->varying[k])) {
            given[n++] = a->x;
        }
        if (report_follows(d->groups, d->n, given, n, d->varying[k], &follows, e)) {
            return -1;
        }
        if (!follows) {
            add_key(d, d->varying[k]);
        }
    }
    return 0;
}

/* "pixels", "l2 10": names stand alone, numbers and what stands in for them with their knob. */
static void add_named(const struct sample *s, const char *key, struct str *out)
{
    struct str value = {0};
    double number;
    axes_value(s, key, &value);
    bool bare = value.len && !str_to_double(str_text(&value), &number) &&
                !str_starts(str_text(&value), "by ") && strcmp(str_text(&value), "all") != 0;
    str_addf(out, "%s%s%s", bare ? "" : view_head(key), bare ? "" : " ",
             value.len ? str_text(&value) : "none");
    out->failed = out->failed || value.failed;
    str_release(&value);
}

static void line_label(const struct drawing *d, const struct sample *s, struct str *out)
{
    for (size_t k = 0; k < d->n_keys; k++) {
        str_add(out, k ? ", " : "");
        add_named(s, d->keys[k], out);
    }
}

/* ---- lines and their points ---- */

static struct figure_line *find_line(struct figure *f, size_t panel, size_t label, struct err *e)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->lines[i].panel == panel && f->lines[i].label == label) {
            return &f->lines[i];
        }
    }
    void *lines = f->lines;
    if (mem_grow(&lines, &f->cap, f->n + 1, sizeof *f->lines, e)) {
        return NULL;
    }
    f->lines = lines;
    f->lines[f->n] = (struct figure_line){.panel = panel, .label = label};
    return &f->lines[f->n++];
}

static int two_protocols(const struct series_group *a, const struct series_group *b, struct err *e)
{
    struct str what = {0};
    if (!signature_difference(a->first->protocol, b->first->protocol, &what)) {
        signature_difference(a->first->subject, b->first->subject, &what);
    }
    err_set(
        e, ERR_FORMAT,
        "cells of different signature would fall on one point of the plot (%s); plot them apart",
        str_text(&what));
    str_release(&what);
    return -1;
}

static int add_point(struct figure_line *line, const struct sample *s, double x, struct err *e)
{
    void *points = line->points;
    size_t at = line->n;
    while (at > 0 && line->points[at - 1].x > x) {
        at--;
    }
    if (at > 0 && !(line->points[at - 1].x < x)) {
        return two_protocols(line->points[at - 1].group, s->group, e);
    }
    if (mem_grow(&points, &line->cap, line->n + 1, sizeof *line->points, e)) {
        return -1;
    }
    line->points = points;
    memmove(line->points + at + 1, line->points + at, (line->n - at) * sizeof *line->points);
    line->points[at] = (struct figure_point){x, s->values, s->n_finite, s->median, s->group};
    line->n++;
    return 0;
}

static int add_sample(struct drawing *d, const struct sample *s, struct err *e)
{
    struct figure *f = d->f;
    struct str panel = {0}, label = {0}, category = {0};
    size_t panel_at, label_at, x_at = 0;
    int status = -1;
    if (d->a->facet) {
        add_named(s, d->a->facet, &panel);
    }
    line_label(d, s, &label);
    if (!d->a->x_is_number) {
        axes_value(s, d->a->x, &category);
    }
    if (str_check(&panel, e) || str_check(&label, e) || str_check(&category, e) ||
        text_list_add(&f->panels, str_text(&panel), &panel_at, e) ||
        text_list_add(&f->labels, str_text(&label), &label_at, e) ||
        (!d->a->x_is_number && text_list_add(&f->categories, str_text(&category), &x_at, e))) {
        goto out;
    }
    struct figure_line *line = find_line(f, panel_at, label_at, e);
    f->n_not_finite += s->n - s->n_finite;
    status = line ? add_point(line, s, d->a->x_is_number ? s->x : (double)x_at, e) : -1;
out:
    str_release(&panel);
    str_release(&label);
    str_release(&category);
    return status;
}

static int by_text(const void *a, const void *b)
{
    return view_compare(*(char *const *)a, *(char *const *)b);
}

/* Categories and panels are put in order before any point asks for its place. */
static int add_names(struct drawing *d, struct err *e)
{
    struct figure *f = d->f;
    int status = 0;
    for (size_t i = 0; i < d->n && status == 0; i++) {
        struct str panel = {0}, category = {0};
        size_t at;
        if (d->a->facet) {
            add_named(d->samples[i], d->a->facet, &panel);
        }
        axes_value(d->samples[i], d->a->x_is_number ? "model" : d->a->x, &category);
        status = str_check(&panel, e) || str_check(&category, e) ||
                         text_list_add(&f->panels, str_text(&panel), &at, e) ||
                         (!d->a->x_is_number &&
                          text_list_add(&f->categories, str_text(&category), &at, e))
                     ? -1
                     : 0;
        str_release(&panel);
        str_release(&category);
    }
    qsort(f->panels.items, f->panels.n, sizeof(char *), by_text);
    if (f->categories.n) {
        qsort(f->categories.items, f->categories.n, sizeof(char *), by_text);
    }
    return status;
}

/* ---- references: groups without a place on the axis of shots ---- */

/* Equal in all that is neither regime nor adaptation. */
static bool stands_beside(const struct series_group *a, const struct series_group *b)
{
    static const char *const apart[] = {"regime.", "adapt.", "select.",
                                        "outcomes", "seed", "preprocess.preset"};
    if (strcmp(a->first->subject, b->first->subject) != 0) {
        return false;
    }
    for (size_t k = 0; k < a->first->knobs.n; k++) {
        const char *key = a->first->knobs.items[k].key, *other = pairs_get(&b->first->knobs, key);
        bool skip = false;
        for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++) {
            skip = skip || str_starts(key, apart[i]);
        }
        if (!skip && (!other || strcmp(other, a->first->knobs.items[k].value) != 0)) {
            return false;
        }
    }
    return true;
}

/* "logistic regression on all training images". */
static void reference_text(const struct record *r, struct str *out)
{
    struct str n = {0};
    view_knob(r, "regime.n", &n);
    const char *regime = pairs_get(&r->knobs, "regime.name");
    str_add(out, view_adapt(r));
    if (n.len) {
        str_addf(out, " on the first %s training images", str_text(&n));
    } else if (regime && strcmp(regime, "full") == 0) {
        str_add(out, " on all training images");
    } else if (regime && strcmp(regime, "none") != 0) {
        str_addf(out, ", %s", view_regime(r));
    }
    str_release(&n);
}

/* The one sample that stands beside a line, if there is just one and it is not taken. */
static const struct sample *find_reference(const struct selection_axes *a,
                                           const struct figure_line *line, const bool *taken)
{
    const struct sample *found = NULL;
    for (size_t i = 0; i < a->n; i++) {
        if (!a->samples[i].on_axis && stands_beside(line->points[0].group, a->samples[i].group)) {
            if (found) {
                return NULL;
            }
            found = &a->samples[i];
        }
    }
    return found && !taken[found - a->samples] && isfinite(found->median) ? found : NULL;
}

static int add_references(struct drawing *d, struct err *e)
{
    const struct selection_axes *a = d->a;
    struct text_list names = {0};
    bool *taken = mem_take(a->n, sizeof *taken, e);
    int status = taken ? 0 : -1;
    bool shots = strcmp(a->x, "regime.k") == 0 || strcmp(a->x, "regime.n") == 0;
    for (size_t i = 0; i < d->f->n && shots && status == 0; i++) {
        struct figure_line *line = &d->f->lines[i];
        const struct sample *s = find_reference(a, line, taken);
        if (s) {
            struct str name = {0};
            size_t at;
            taken[s - a->samples] = true;
            line->has_reference = true;
            line->reference = s->median;
            reference_text(s->group->first, &name);
            status = str_check(&name, e) || text_list_add(&names, str_text(&name), &at, e) ? -1 : 0;
            str_release(&name);
        }
    }
    for (size_t i = 0; i < names.n; i++) {
        str_addf(&d->f->reference_title, "%s%s", i ? "; " : "", names.items[i]);
    }
    for (size_t i = 0; i < a->n && status == 0; i++) {
        d->f->n_left_out += !a->samples[i].on_axis && !taken[i];
    }
    text_list_release(&names);
    free(taken);
    return status;
}

/* ---- titles ---- */

static void add_constant(const struct drawing *d, const char *key, const char *text,
                         const char *before, struct str *out)
{
    if (*text && !differs(d, key) && strcmp(key, d->a->x) != 0) {
        str_addf(out, "%s%s", out->len ? before : "", text);
    }
}

static void add_titles(struct drawing *d, const char *given)
{
    struct figure *f = d->f;
    const struct record *first = d->groups[0]->first;
    const struct view_metric metric = view_metric(d->a->metric);
    str_addf(&f->y_title, "%s%s%s%s", metric.title, *metric.unit ? " (" : "", metric.unit,
             *metric.unit ? ")" : "");
    str_add(&f->x_title, d->a->x_is_metric ? view_metric(d->a->x).title : view_axis(d->a->x));
    if (given) {
        str_add(&f->title, given);
        return;
    }
    const char *dataset = pairs_get(&first->knobs, "dataset");
    add_constant(d, "dataset", dataset ? dataset : "", "", &f->title);
    add_constant(d, "model", d->groups[0]->model, ", ", &f->title);
    bool named = f->title.len != 0;
    const char *colon = ": ";
    if (strcmp(d->a->x, "regime.name") != 0 &&
        strcmp(view_adapt(first), "the checkpoint's own head") != 0) {
        size_t before = f->title.len;
        add_constant(d, "regime.name", view_regime(first), colon, &f->title);
        colon = f->title.len > before ? ", " : colon;
    }
    add_constant(d, "adapt.name", view_adapt(first), colon, &f->title);
    if (f->title.len && !named) { /* it begins with a word of ours */
        f->title.data[0] = (char)toupper((unsigned char)f->title.data[0]);
    }
    if (!f->title.len) {
        str_addf(&f->title, "%s by %s", metric.title, view_head(d->a->x));
    }
    const struct report_section all = {
        .groups = d->groups, .n = d->n, .varying = d->varying, .n_varying = d->n_varying};
    report_section_constants(&all, &f->subtitle);
    size_t fewest = d->samples[0]->n, most = fewest;
    for (size_t i = 1; i < d->n; i++) {
        fewest = d->samples[i]->n < fewest ? d->samples[i]->n : fewest;
        most = d->samples[i]->n > most ? d->samples[i]->n : most;
    }
    if (most > 1) {
        str_add(&f->subtitle, f->subtitle.len ? "; " : "");
        if (fewest < most) {
            str_addf(&f->subtitle, "%zu to ", fewest);
        }
        str_addf(&f->subtitle, "%zu replicates and median", most);
    }
}

/* ---- all of it ---- */

static int draw(struct drawing *d, const char *title, struct err *e)
{
    const struct selection_axes *a = d->a;
    d->groups = mem_take(a->n, sizeof(void *), e);
    d->samples = mem_take(a->n, sizeof(void *), e);
    if (!d->groups || !d->samples) {
        return -1;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (a->samples[i].on_axis) {
            d->samples[d->n] = &a->samples[i];
            d->groups[d->n++] = a->samples[i].group;
        }
    }
    if (find_keys(d, e) || add_names(d, e)) {
        return -1;
    }
    for (size_t i = 0; i < d->n; i++) {
        if (add_sample(d, d->samples[i], e)) {
            return -1;
        }
    }
    if (add_references(d, e)) {
        return -1;
    }
    add_titles(d, title);
    return str_check(&d->f->title, e) || str_check(&d->f->subtitle, e) ||
                   str_check(&d->f->reference_title, e)
               ? -1
               : 0;
}

int figure_init(struct figure *f, const struct selection_axes *a, const char *title, struct err *e)
{
    const struct view_metric metric = view_metric(a->metric);
    *f = (struct figure){.scale = metric.scale};
    struct drawing d = {.f = f, .a = a};
    int status = draw(&d, title, e);
    for (size_t k = 0; k < d.n_varying; k++) {
        free(d.varying[k]);
    }
    free(d.varying);
    free(d.groups);
    free(d.samples);
    if (status) {
        figure_release(f);
    }
    return status;
}

void figure_release(struct figure *f)
{
    struct str *const texts[] = {&f->title, &f->subtitle, &f->x_title, &f->y_title,
                                 &f->reference_title};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        str_release(texts[i]);
    }
    text_list_release(&f->panels);
    text_list_release(&f->labels);
    text_list_release(&f->categories);
    for (size_t i = 0; i < f->n; i++) {
        free(f->lines[i].points);
    }
    free(f->lines);
    *f = (struct figure){0};
}
