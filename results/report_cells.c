/* The table of all cells for programs: knobs, metrics and labels become columns by name. */
#include "results/report.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/record.h"
#include "results/view.h"

enum kind {
    COL_FIELD, /* one of fields[] */
    COL_KNOB,
    COL_METRIC,
    COL_LABEL,
    COL_PROVENANCE,
};
struct column {
    enum kind kind;
    const char *key; /* borrowed */
};
struct columns {
    struct column *items;
    size_t n, cap;
};

static bool has(const struct columns *c, enum kind kind, const char *key)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->items[i].kind == kind && strcmp(c->items[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static int add(struct columns *c, enum kind kind, const char *key, struct err *e)
{
    if (has(c, kind, key)) {
        return 0;
    }
    void *items = c->items;
    if (mem_grow(&items, &c->cap, c->n + 1, sizeof *c->items, e)) {
        return -1;
    }
    c->items = items;
    c->items[c->n++] = (struct column){kind, key};
    return 0;
}

static int add_pairs(struct columns *c, enum kind kind, const struct pairs *p, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        if (add(c, kind, p->items[i].key, e)) {
            return -1;
        }
    }
    return 0;
}

/* Every cell's names, in order of appearance within each kind. */
static int find_columns(struct columns *c, const struct report *r, struct err *e)
{
    /* Nothing here may depend on when or where a cell was computed. */
    static const struct column first[] = {
        {COL_FIELD, "run_id"}, {COL_FIELD, "status"}, {COL_KNOB, "dataset"}, {COL_KNOB, "model"}};
    static const struct column last[] = {{COL_FIELD, "protocol"},
                                         {COL_FIELD, "subject"},
                                         {COL_FIELD, "replicate"},
                                         {COL_PROVENANCE, "model_sha256"},
                                         {COL_PROVENANCE, "data_fingerprint"},
                                         {COL_PROVENANCE, "numeric_id"},
                                         {COL_FIELD, "message"}};
    for (size_t i = 0; i < ARRAY_LEN(first); i++) {
        if (add(c, first[i].kind, first[i].key, e)) {
            return -1;
        }
    }
    for (size_t i = 0; i < r->n_cells; i++) {
        if (add_pairs(c, COL_KNOB, &r->cells[i]->knobs, e)) {
            return -1;
        }
    }
    for (size_t i = 0; i < r->n_cells; i++) {
        for (size_t m = 0; m < r->cells[i]->n_metrics; m++) {
            const char *name = r->cells[i]->metrics[m].name;
            if (!has(c, COL_KNOB, name) && add(c, COL_METRIC, name, e)) {
                return -1;
            }
        }
    }
    for (size_t i = 0; i < r->n_cells; i++) {
        if (add_pairs(c, COL_LABEL, &r->cells[i]->labels, e)) {
            return -1;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(last); i++) {
        if (add(c, last[i].kind, last[i].key, e)) {
            return -1;
        }
    }
    return 0;
}

static const char *field(const struct record *r, const char *key)
{
    const struct {
        const char *key, *value;
    } fields[] = {
        {"run_id", r->run_id},
        {"status", cell_status_text(r->status)},
        {"protocol", r->protocol},
        {"subject", r->subject},
        {"replicate", r->replicate},
        {"message", r->message},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (strcmp(fields[i].key, key) == 0) {
            return fields[i].value;
        }
    }
    return NULL;
}

static void add_text(struct str *out, const char *text)
{
    str_add(out, text ? text : "");
}

/* A knob's value in force: what was picked where it was selected inside the cell (some adaptations
 * store that as a metric of the knob's name); nothing where it does not apply. */
static void add_knob(const struct record *r, const char *key, struct str *out)
{
    const struct selection *s = &r->selection;
    double picked;
    if (record_get_metric(r, key, &picked)) {
        str_add_double(out, picked);
    } else if (s->n && strcmp(s->knob, key) == 0) {
        str_add_double(out, s->tried[s->picked]);
    } else if (view_applies(r, key)) {
        add_text(out, pairs_get(&r->knobs, key));
    }
}

static void add_value(const struct record *r, const struct column *c, struct str *out)
{
    double v;
    switch (c->kind) {
    case COL_FIELD:
        add_text(out, field(r, c->key));
        break;
    case COL_KNOB:
        add_knob(r, c->key, out);
        break;
    case COL_METRIC:
        if (record_get_metric(r, c->key, &v)) {
            str_add_double(out, v);
        }
        break;
    case COL_LABEL:
        add_text(out, pairs_get(&r->labels, c->key));
        break;
    case COL_PROVENANCE:
        add_text(out, pairs_get(&r->provenance, c->key));
        break;
    }
}

static int put_rows(const struct columns *c, const struct report *r, struct table *t, struct err *e)
{
    struct str text = {0};
    int status = 0;
    for (size_t i = 0; i < r->n_cells && status == 0; i++) {
        status = table_row(t, e);
        for (size_t k = 0; k < c->n && status == 0; k++) {
            str_clear(&text);
            add_value(r->cells[i], &c->items[k], &text);
            status = str_check(&text, e) || table_set(t, i, k, str_text(&text), e) ? -1 : 0;
        }
    }
    str_release(&text);
    return status;
}

/* Right-aligned, which also makes JSON numbers of them: metrics, and knobs that are numbers. */
static int put_heads(const struct columns *c, struct table *t, struct err *e)
{
    struct str head = {0};
    int status = 0;
    for (size_t k = 0; k < c->n && status == 0; k++) {
        bool number = c->items[k].kind == COL_METRIC;
        size_t n_numbers = 0, n_filled = 0;
        for (size_t i = 0; i < t->n_rows && c->items[k].kind == COL_KNOB; i++) {
            double v;
            n_filled += *table_get(t, i, k) != '\0';
            n_numbers += str_to_double(table_get(t, i, k), &v);
        }
        number = number || (c->items[k].kind == COL_KNOB && n_numbers == n_filled);
        str_clear(&head);
        str_addf(&head, "%s%s", c->items[k].kind == COL_LABEL ? "label." : "", c->items[k].key);
        status = str_check(&head, e) || table_head(t, k, str_text(&head), number, e) ? -1 : 0;
    }
    str_release(&head);
    return status;
}

int report_cells(const struct report *r, struct table *t, struct err *e)
{
    struct columns c = {0};
    *t = (struct table){0};
    int status = find_columns(&c, r, e) || table_init(t, c.n, e) || put_rows(&c, r, t, e) ||
                         put_heads(&c, t, e)
                     ? -1
                     : 0;
    if (status) {
        table_release(t);
    }
    free(c.items);
    return status;
}
