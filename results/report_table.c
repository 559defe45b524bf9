/* The tables of a report: groups with their statistics, and cells with everything. */
#include "results/report_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/record.h"
#include "results/view.h"

#define PLUS_MINUS "\xc2\xb1"

/* ---- rows of groups ---- */

/* Which columns a table of groups has; places count from 0, those left out are SIZE_MAX. */
struct layout {
    const struct series_group *const *groups;
    size_t n;
    char *const *varying;
    size_t n_varying;
    const char *metric;
    struct view_metric view;
    size_t dataset, model, varying_at, failed, replicates, value, min, max, mean, half, test,
        letter;
    size_t n_cols;
};

static size_t place(struct layout *l, bool there)
{
    return there ? l->n_cols++ : SIZE_MAX;
}

/* single: no group has a second replicate, so the value stands for itself. */
static void lay_out(struct layout *l, bool with_dataset, bool single)
{
    bool any_failed = false;
    for (size_t g = 0; g < l->n; g++) {
        any_failed = any_failed || l->groups[g]->n_failed;
    }
    l->view = view_metric(l->metric);
    l->dataset = place(l, with_dataset);
    l->model = place(l, true);
    l->varying_at = l->n_cols;
    l->n_cols += l->n_varying;
    l->failed = place(l, any_failed);
    l->replicates = place(l, !single);
    l->value = place(l, true);
    l->min = place(l, !single);
    l->max = place(l, !single);
    l->mean = place(l, !single);
    l->half = place(l, !single);
    l->test = place(l, true);
    l->letter = place(l, true);
}

static int head(struct table *t, size_t col, const char *text, bool right, struct err *e)
{
    return col == SIZE_MAX ? 0 : table_head(t, col, text, right, e);
}

/* Are all values of a knob numbers, but for words such as "all"? */
static bool is_number_column(const struct layout *l, const char *key)
{
    size_t n_numbers = 0, n_texts = 0;
    struct str text = {0};
    for (size_t g = 0; g < l->n; g++) {
        double v;
        str_clear(&text);
        view_knob(l->groups[g]->first, key, &text);
        n_numbers += str_to_double(str_text(&text), &v);
        n_texts += text.len && !str_to_double(str_text(&text), &v) &&
                   strcmp(str_text(&text), "all") != 0 && !str_starts(str_text(&text), "by ");
    }
    str_release(&text);
    return n_numbers && !n_texts;
}

static int heads(const struct layout *l, struct table *t, struct err *e)
{
    char value[64];
    const char *unit = l->view.unit, *space = *unit ? " " : "";
    snprintf(value, sizeof value, "%s%.32s%s%s", l->replicates == SIZE_MAX ? "" : "median ",
             l->metric, space, unit);
    if (head(t, l->dataset, "dataset", false, e) || head(t, l->model, "model", false, e) ||
        head(t, l->failed, "failed", true, e) || head(t, l->replicates, "n", true, e) ||
        head(t, l->value, value, true, e) || head(t, l->min, "min", true, e) ||
        head(t, l->max, "max", true, e) || head(t, l->mean, "mean", true, e) ||
        head(t, l->half, PLUS_MINUS "95%", true, e) || head(t, l->test, "test", true, e) ||
        head(t, l->letter, "sig", false, e)) {
        return -1;
    }
    for (size_t k = 0; k < l->n_varying; k++) {
        if (table_head(t, l->varying_at + k, view_head(l->varying[k]),
                       is_number_column(l, l->varying[k]), e)) {
            return -1;
        }
    }
    return 0;
}

static int put_value(const struct layout *l, struct table *t, size_t row, size_t col, double value,
                     struct err *e)
{
    struct str text = {0};
    if (col == SIZE_MAX) {
        return 0;
    }
    view_value(&l->view, value, &text);
    int status = str_check(&text, e) || table_set(t, row, col, str_text(&text), e) ? -1 : 0;
    str_release(&text);
    return status;
}

static int put_statistics(const struct layout *l, struct table *t, size_t row, struct err *e)
{
    const struct series_group *g = l->groups[row];
    double *v;
    size_t n;
    if (report_values(g, l->metric, &v, &n, e)) {
        return -1;
    }
    int status = l->replicates == SIZE_MAX ? 0 : table_setf(t, row, l->replicates, e, "%zu", n);
    if (n && status == 0) {
        struct summary s;
        stats_summary(v, n, &s);
        status = put_value(l, t, row, l->value, s.median, e) ||
                         put_value(l, t, row, l->min, s.min, e) ||
                         put_value(l, t, row, l->max, s.max, e) ||
                         put_value(l, t, row, l->mean, s.mean, e) ||
                         put_value(l, t, row, l->half, (s.high - s.low) / 2, e)
                     ? -1
                     : 0;
    }
    free(v);
    return status;
}

static int put_test(const struct layout *l, struct table *t, size_t row, struct err *e)
{
    size_t n, official;
    if (!view_test(l->groups[row]->first, &n, &official)) {
        return 0;
    }
    return n == official ? table_setf(t, row, l->test, e, "%zu", n)
                         : table_setf(t, row, l->test, e, "%zu/%zu", n, official);
}

static int put_row(const struct layout *l, struct table *t, size_t row, struct err *e)
{
    const struct series_group *g = l->groups[row];
    const char *dataset = pairs_get(&g->first->knobs, "dataset");
    struct str text = {0};
    int status =
        table_row(t, e) || table_set(t, row, l->model, g->model, e) ||
                (l->dataset != SIZE_MAX &&
                 table_set(t, row, l->dataset, dataset ? dataset : "", e)) ||
                (l->failed != SIZE_MAX && table_setf(t, row, l->failed, e, "%zu", g->n_failed)) ||
                put_statistics(l, t, row, e) || put_test(l, t, row, e) ||
                table_set(t, row, l->letter, g->letter, e)
            ? -1
            : 0;
    for (size_t k = 0; k < l->n_varying && status == 0; k++) {
        str_clear(&text);
        view_knob(g->first, l->varying[k], &text);
        status = str_check(&text, e) || table_set(t, row, l->varying_at + k, str_text(&text), e)
                     ? -1
                     : 0;
    }
    str_release(&text);
    return status;
}

static int fill(struct layout *l, struct table *t, struct err *e)
{
    int status = table_init(t, l->n_cols, e) || heads(l, t, e) ? -1 : 0;
    for (size_t g = 0; g < l->n && status == 0; g++) {
        status = put_row(l, t, g, e);
    }
    if (status) {
        table_release(t);
    }
    return status;
}

int report_table(const struct report *r, const char *metric, struct table *t, struct err *e)
{
    *t = (struct table){0};
    if (report_check_metric(r, metric, e)) {
        return -1;
    }
    const struct series_group **groups = mem_take(r->n, sizeof(void *), e);
    if (!groups) {
        return -1;
    }
    for (size_t g = 0; g < r->n; g++) {
        groups[g] = &r->groups[g];
    }
    struct layout l = {.groups = groups,
                       .n = r->n,
                       .varying = r->varying,
                       .n_varying = r->n_varying,
                       .metric = metric};
    lay_out(&l, true, false);
    int status = fill(&l, t, e);
    free(groups);
    return status;
}

int report_section_table(const struct report_section *s, const char *metric, struct table *t,
                         struct err *e)
{
    bool single = true;
    for (size_t g = 0; g < s->n; g++) {
        single = single && s->groups[g]->n <= 1;
    }
    *t = (struct table){0};
    struct layout l = {.groups = s->groups,
                       .n = s->n,
                       .varying = s->varying,
                       .n_varying = s->n_varying,
                       .metric = metric};
    lay_out(&l, false, single);
    return fill(&l, t, e);
}

/* ---- sections ---- */

static bool same_knob(const struct record *a, const struct record *b, const char *key)
{
    const char *x = pairs_get(&a->knobs, key), *y = pairs_get(&b->knobs, key);
    return strcmp(x ? x : "", y ? y : "") == 0;
}

/* The section of a group, a new one where there is none yet. */
static struct report_section *find_section(struct report_sections *s, const struct report *r,
                                           const struct series_group *g, struct err *e)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct record *first = s->items[i].groups[0]->first;
        if (same_knob(first, g->first, "dataset") && same_knob(first, g->first, "adapt.name")) {
            return &s->items[i];
        }
    }
    struct report_section *new = &s->items[s->n];
    new->groups = mem_take(r->n, sizeof(void *), e);
    s->n += new->groups != NULL;
    return new->groups ? new : NULL;
}

int report_sections_init(struct report_sections *s, const struct report *r, struct err *e)
{
    *s = (struct report_sections){.items = mem_take(r->n, sizeof *s->items, e)};
    if (!s->items) {
        return -1;
    }
    for (size_t g = 0; g < r->n; g++) {
        struct report_section *section = find_section(s, r, &r->groups[g], e);
        if (!section) {
            goto fail;
        }
        section->groups[section->n++] = &r->groups[g];
    }
    for (size_t i = 0; i < s->n; i++) {
        struct report_section *section = &s->items[i];
        if (report_varying(section->groups, section->n, &section->varying, &section->n_varying,
                           e)) {
            goto fail;
        }
    }
    return 0;
fail:
    report_sections_release(s);
    return -1;
}

void report_sections_release(struct report_sections *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct report_section *section = &s->items[i];
        for (size_t k = 0; k < section->n_varying; k++) {
            free(section->varying[k]);
        }
        free(section->varying);
        free(section->groups);
    }
    free(s->items);
    *s = (struct report_sections){0};
}

static bool section_shares(const struct report_section *s, const char *key)
{
    for (size_t g = 1; g < s->n; g++) {
        if (!same_knob(s->groups[0]->first, s->groups[g]->first, key)) {
            return false;
        }
    }
    return true;
}

void report_section_title(const struct report_section *s, struct str *out)
{
    const struct record *first = s->groups[0]->first;
    const char *dataset = pairs_get(&first->knobs, "dataset");
    str_addf(out, "%s: ", dataset ? dataset : "");
    if (section_shares(s, "regime.name")) {
        str_addf(out, "%s, ", view_regime(first));
    }
    str_add(out, view_adapt(first));
}

/* "l2 by loo" in words. */
static void add_selected(const struct record *r, const char *key, struct str *out)
{
    bool loo = strcmp(r->selection.on, "loo") == 0;
    str_addf(out, "%s by %s among %zu values", view_head(key), loo ? "leave-one-out" : "validation",
             r->selection.n);
}

void report_section_constants(const struct report_section *s, struct str *out)
{
    /* What a reader wants to know first; the rest is in the signature. */
    static const struct {
        const char *key, *before, *after;
    } list[] = {
        {"regime.k", "", " per class"},
        {"regime.n", "the first ", " training images"},
        {"regime.rule", "", " draws"},
        {"adapt.l2", "l2 ", ""},
        {"adapt.c", "C ", ""},
        {"preprocess.preset", "preset ", ""},
        {"preprocess.crop", "", " px"},
    };
    const struct record *first = s->groups[0]->first;
    struct str value = {0};
    const char *comma = "";
    for (size_t k = 0; k < ARRAY_LEN(list); k++) {
        bool shown = false;
        for (size_t v = 0; v < s->n_varying; v++) {
            shown = shown || strcmp(s->varying[v], list[k].key) == 0;
        }
        str_clear(&value);
        view_knob(first, list[k].key, &value);
        if (shown || !section_shares(s, list[k].key) || !value.len ||
            strcmp(str_text(&value), "all") == 0) {
            continue;
        }
        str_add(out, comma);
        comma = ", ";
        if (first->selection.n && strcmp(first->selection.knob, list[k].key) == 0) {
            add_selected(first, list[k].key, out);
        } else {
            str_addf(out, "%s%s%s", list[k].before, str_text(&value), list[k].after);
        }
    }
    out->failed = out->failed || value.failed;
    str_release(&value);
}
