/* Writing packs. Cells with the same ids and labels share them; everything else that is text goes
 * into columns, where deflate finds what repeats from cell to cell. */
#include "results/pack_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/h5.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/record.h"
#include "results/signature.h"

const char *const pack_columns[PACK_COLUMNS] = {
    [PACK_RUN_ID] = "/cells/run_id",
    [PACK_STATUS] = "/cells/status",
    [PACK_MESSAGE] = "/cells/message",
    [PACK_SIGNATURE] = "/cells/signature",
    [PACK_MADE] = "/cells/made",
    [PACK_SPEC] = "/cells/spec",
    [PACK_MARGIN_UNIT] = "/cells/margin_unit",
    [PACK_KNOBS] = "/cells/knobs",
    [PACK_PROVENANCE] = "/cells/provenance",
    [PACK_LABELS] = "/cells/labels",
    [PACK_METRICS] = "/cells/metrics",
};

void pack_release(struct pack *p)
{
    for (size_t i = 0; i < p->n; i++) {
        record_release(&p->records[i]);
    }
    free(p->records);
    free(p->made);
    plan_list_release(&p->plan);
    free(p->run_yaml);
    *p = (struct pack){0};
}

/* ---- texts ---- */

/* Tabs, line breaks and backslashes would end a field: \t, \n, \\. */
static void add_escaped(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\t' || *text == '\n' || *text == '\\') {
            str_add_char(out, '\\');
            str_add_char(out, *text == '\t' ? 't' : *text == '\n' ? 'n'
                                                                  : '\\');
        } else {
            str_add_char(out, *text);
        }
    }
}

static void add_pairs(struct str *out, const struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        add_escaped(out, p->items[i].key);
        str_add_char(out, '\t');
        add_escaped(out, p->items[i].value);
        str_add_char(out, '\n');
    }
}

/* Counts as whole numbers, others never: "12" against "12.0". */
static void add_metrics(struct str *out, const struct record *r)
{
    for (size_t i = 0; i < r->n_metrics; i++) {
        const struct metric *m = &r->metrics[i];
        add_escaped(out, m->name);
        str_add_char(out, '\t');
        size_t start = out->len;
        if (m->whole) {
            str_addf(out, "%.0f", m->value);
        } else {
            str_add_double(out, m->value);
            bool digits = out->data && !out->data[start + strspn(out->data + start, "-0123456789")];
            str_add(out, digits ? ".0" : "");
        }
        str_add_char(out, '\n');
    }
}

static void add_cell(struct str *out, const struct record *r, const struct made *made,
                     enum pack_column column)
{
    char text[CELL_MADE];
    switch (column) {
    case PACK_RUN_ID:
        str_add(out, r->run_id);
        break;
    case PACK_STATUS:
        str_add(out, cell_status_text(r->status));
        break;
    case PACK_MESSAGE:
        str_add(out, r->message);
        break;
    case PACK_SIGNATURE:
        signature_text(r, out);
        break;
    case PACK_MADE:
        cell_made_text(made, text);
        str_add(out, text);
        break;
    case PACK_SPEC:
        str_add(out, r->spec ? r->spec : "");
        break;
    case PACK_MARGIN_UNIT:
        str_add(out, r->outcomes.margin_unit);
        break;
    case PACK_KNOBS:
        add_pairs(out, &r->knobs);
        break;
    case PACK_PROVENANCE:
        add_pairs(out, &r->provenance);
        break;
    case PACK_LABELS:
        add_pairs(out, &r->labels);
        break;
    case PACK_METRICS:
        add_metrics(out, r);
        break;
    case PACK_COLUMNS:
        assert(false);
    }
}

static int put_column(struct h5 *h, const struct pack *p, enum pack_column column, struct err *e)
{
    struct str all = {0};
    const char **texts = mem_take(p->n, sizeof *texts, e);
    size_t *starts = mem_take(p->n, sizeof *starts, e);
    int rc = texts && starts ? 0 : -1;
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        starts[i] = all.len;
        add_cell(&all, &p->records[i], &p->made[i], column);
        str_add_char(&all, '\0');
    }
    if (rc == 0) {
        rc = str_check(&all, e);
    }
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        texts[i] = all.data + starts[i];
    }
    if (rc == 0) {
        rc = h5_texts(h, pack_columns[column], p->n, texts, true, e);
    }
    free(starts);
    free(texts);
    str_release(&all);
    return rc;
}

/* ---- outcomes ---- */

/* Cells on the same test images, with the same columns. */
struct test_set {
    size_t *cells, n; /* indices */
};

static bool same_columns(const struct outcomes *a, const struct outcomes *b)
{
    return !a->rank == !b->rank && a->has_prob == b->has_prob;
}

static bool same_images(const struct outcomes *a, const struct outcomes *b)
{
    if (a->n != b->n || a->numeric_ids != b->numeric_ids ||
        memcmp(a->label, b->label, a->n * sizeof *a->label) != 0) {
        return false;
    }
    if (a->numeric_ids) {
        return memcmp(a->id_number, b->id_number, a->n * sizeof *a->id_number) == 0;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->id_text + i * a->id_stride, b->id_text + i * b->id_stride) != 0) {
            return false;
        }
    }
    return true;
}

static int put_ids(struct h5 *h, const char *path, const struct outcomes *o, struct err *e)
{
    if (o->numeric_ids) {
        return h5_array(h, path, H5_U64, 1, &o->n, o->id_number, true, e);
    }
    const char **ids = mem_take(o->n, sizeof *ids, e);
    if (!ids) {
        return -1;
    }
    for (size_t i = 0; i < o->n; i++) {
        ids[i] = o->id_text + i * o->id_stride;
    }
    int rc = h5_texts(h, path, o->n, ids, true, e);
    free(ids);
    return rc;
}

static const void *column_of(const struct outcomes *o, size_t column)
{
    const void *const columns[] = {o->pred, o->rank, o->margin, o->logp_label, o->p_pred, o->p_sq};
    return columns[column];
}

static const struct {
    const char *name;
    enum h5_type type;
} outcome_columns[] = {
    {"pred", H5_I32},
    {"rank", H5_U16},
    {"margin", H5_F32},
    {"logp_label", H5_F32},
    {"p_pred", H5_F32},
    {"p_sq", H5_F32},
};
enum { N_OUTCOME_COLUMNS = sizeof outcome_columns / sizeof *outcome_columns };

static int put_matrix(struct h5 *h, const struct pack *p, const struct test_set *s, size_t column,
                      const char *path, struct err *e)
{
    size_t item = h5_item_bytes(outcome_columns[column].type);
    size_t dims[2] = {s->n, p->records[s->cells[0]].outcomes.n}, row = dims[1] * item;
    unsigned char *data = mem_take_raw(s->n, row, e);
    if (!data) {
        return -1;
    }
    for (size_t i = 0; i < s->n; i++) {
        memcpy(data + i * row, column_of(&p->records[s->cells[i]].outcomes, column), row);
    }
    int rc = h5_array(h, path, outcome_columns[column].type, 2, dims, data, true, e);
    free(data);
    return rc;
}

static int put_set(struct h5 *h, const struct pack *p, const struct test_set *s, size_t index,
                   struct err *e)
{
    char group[32], path[64];
    const struct outcomes *o = &p->records[s->cells[0]].outcomes;
    uint64_t *cells = mem_take(s->n, sizeof *cells, e);
    if (!cells) {
        return -1;
    }
    for (size_t i = 0; i < s->n; i++) {
        cells[i] = s->cells[i];
    }
    snprintf(group, sizeof group, "/sets/%zu", index);
    int rc = h5_group(h, group, e);
    snprintf(path, sizeof path, "%s/cell", group);
    rc = rc || h5_array(h, path, H5_U64, 1, &s->n, cells, true, e) ? -1 : 0;
    snprintf(path, sizeof path, "%s/id", group);
    rc = rc || put_ids(h, path, o, e) ? -1 : 0;
    snprintf(path, sizeof path, "%s/label", group);
    rc = rc || h5_array(h, path, H5_I32, 1, &o->n, o->label, true, e) ? -1 : 0;
    for (size_t k = 0; k < N_OUTCOME_COLUMNS && rc == 0; k++) {
        snprintf(path, sizeof path, "%s/%s", group, outcome_columns[k].name);
        if (column_of(o, k) && (k == 0 || p->full)) {
            rc = put_matrix(h, p, s, k, path, e);
        }
    }
    free(cells);
    return rc;
}

/* The cells from index first on that share its test images and are not in a set yet. */
static void gather(const struct pack *p, size_t first, bool *taken, struct test_set *s)
{
    const struct outcomes *o = &p->records[first].outcomes;
    s->n = 0;
    for (size_t i = first; i < p->n; i++) {
        const struct outcomes *other = &p->records[i].outcomes;
        if (!taken[i] && other->n && same_images(o, other) &&
            (!p->full || same_columns(o, other))) {
            taken[i] = true;
            s->cells[s->n++] = i;
        }
    }
}

static int put_sets(struct h5 *h, const struct pack *p, struct err *e)
{
    struct test_set s = {.cells = mem_take(p->n, sizeof *s.cells, e)};
    bool *taken = mem_take(p->n, sizeof *taken, e);
    int rc = s.cells && taken ? h5_group(h, "/sets", e) : -1;
    for (size_t i = 0, index = 0; i < p->n && rc == 0; i++) {
        if (!taken[i] && p->records[i].outcomes.n) {
            gather(p, i, taken, &s);
            rc = put_set(h, p, &s, index++, e);
        }
    }
    free(taken);
    free(s.cells);
    return rc;
}

/* ---- draws and selections: lists of different lengths, one after another ---- */

struct joined {
    uint64_t *cell, *n;
    size_t n_lists, n_values;
};

static int join(struct joined *j, const struct pack *p, bool draws, struct err *e)
{
    *j = (struct joined){.cell = mem_take(p->n, sizeof *j->cell, e)};
    j->n = mem_take(p->n, sizeof *j->n, e);
    for (size_t i = 0; i < p->n && j->cell && j->n; i++) {
        size_t n = draws ? p->records[i].n_draw : p->records[i].selection.n;
        if (n) {
            j->cell[j->n_lists] = i;
            j->n[j->n_lists++] = n;
            j->n_values += n;
        }
    }
    return j->cell && j->n ? 0 : -1;
}

static void joined_release(struct joined *j)
{
    free(j->cell);
    free(j->n);
}

static int put_joined(struct h5 *h, const char *group, const struct joined *j, struct err *e)
{
    char path[32];
    snprintf(path, sizeof path, "%s/cell", group);
    if (h5_group(h, group, e) || h5_array(h, path, H5_U64, 1, &j->n_lists, j->cell, true, e)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/n", group);
    return h5_array(h, path, H5_U64, 1, &j->n_lists, j->n, true, e);
}

static int put_draws(struct h5 *h, const struct pack *p, struct err *e)
{
    struct joined j;
    int64_t *values = NULL;
    int rc = join(&j, p, true, e);
    if (rc == 0 && j.n_lists) {
        values = mem_take(j.n_values, sizeof *values, e);
        rc = values ? put_joined(h, "/draws", &j, e) : -1;
    }
    if (rc == 0 && j.n_lists) {
        size_t at = 0;
        for (size_t i = 0; i < j.n_lists; i++) {
            const struct record *r = &p->records[j.cell[i]];
            memcpy(values + at, r->draw, r->n_draw * sizeof *values);
            at += r->n_draw;
        }
        rc = h5_array(h, "/draws/value", H5_I64, 1, &j.n_values, values, true, e);
    }
    free(values);
    joined_release(&j);
    return rc;
}

static int put_selection_texts(struct h5 *h, const struct pack *p, const struct joined *j,
                               struct err *e)
{
    static const char *const paths[] = {"/selection/knob", "/selection/on", "/selection/measure"};
    const char **texts = mem_take(j->n_lists, sizeof *texts, e);
    uint64_t *picked = mem_take(j->n_lists, sizeof *picked, e);
    int rc = texts && picked ? 0 : -1;
    for (size_t k = 0; k < 3 && rc == 0; k++) {
        for (size_t i = 0; i < j->n_lists; i++) {
            const struct selection *s = &p->records[j->cell[i]].selection;
            texts[i] = k == 0 ? s->knob : k == 1 ? s->on
                                                 : s->measure;
            picked[i] = s->picked;
        }
        rc = h5_texts(h, paths[k], j->n_lists, texts, true, e);
    }
    if (rc == 0) {
        rc = h5_array(h, "/selection/picked", H5_U64, 1, &j->n_lists, picked, true, e);
    }
    free(picked);
    free(texts);
    return rc;
}

static int put_selections(struct h5 *h, const struct pack *p, struct err *e)
{
    struct joined j;
    double *values = NULL;
    int rc = join(&j, p, false, e);
    if (rc == 0 && j.n_lists) {
        values = mem_take(j.n_values, 2 * sizeof *values, e);
        rc = !values || put_joined(h, "/selection", &j, e) || put_selection_texts(h, p, &j, e) ? -1
                                                                                               : 0;
    }
    if (rc == 0 && j.n_lists) {
        size_t at = 0;
        for (size_t i = 0; i < j.n_lists; i++) {
            const struct selection *s = &p->records[j.cell[i]].selection;
            memcpy(values + at, s->tried, s->n * sizeof *values);
            memcpy(values + j.n_values + at, s->value, s->n * sizeof *values);
            at += s->n;
        }
        rc = h5_array(h, "/selection/tried", H5_F64, 1, &j.n_values, values, true, e) ||
                     h5_array(h, "/selection/value", H5_F64, 1, &j.n_values, values + j.n_values,
                              true, e)
                 ? -1
                 : 0;
    }
    free(values);
    joined_release(&j);
    return rc;
}

/* ---- the whole ---- */

static int put_plan(struct h5 *h, const struct plan_list *plan, struct err *e)
{
    const char **texts = mem_take(plan->n, sizeof *texts, e);
    int rc = texts ? h5_group(h, "/plan", e) : -1;
    for (size_t k = 0; k < 2 && rc == 0 && plan->n; k++) {
        for (size_t i = 0; i < plan->n; i++) {
            texts[i] = k ? plan->entries[i].spec : plan->entries[i].run_id;
        }
        rc = h5_texts(h, k ? "/plan/spec" : "/plan/run_id", plan->n, texts, true, e);
    }
    free(texts);
    return rc;
}

static int put_pack(struct h5 *h, const struct pack *p, struct err *e)
{
    if (h5_attr_i64(h, "/", "format", PACK_FORMAT, e) ||
        h5_attr_text(h, "/", "outcomes", p->full ? "full" : "pred", e) ||
        h5_group(h, "/cells", e)) {
        return -1;
    }
    for (size_t k = 0; k < PACK_COLUMNS; k++) {
        if (put_column(h, p, (enum pack_column)k, e)) {
            return -1;
        }
    }
    if (put_sets(h, p, e) || put_plan(h, &p->plan, e) ||
        (p->run_yaml && h5_text(h, "/run_yaml", p->run_yaml, e))) {
        return -1;
    }
    return (p->full && put_draws(h, p, e)) || put_selections(h, p, e) ? -1 : 0;
}

int pack_encode(const struct pack *p, unsigned char **bytes, size_t *n, struct err *e)
{
    struct h5 *h;
    if (p->n == 0) {
        return err_set(e, ERR_USAGE, "no cells to pack");
    }
    if (h5_create(&h, CELL_BLOCK, e)) {
        return -1;
    }
    if (put_pack(h, p, e)) {
        h5_close(h, NULL);
        return err_wrap(e, "pack");
    }
    if (h5_finish(h, bytes, n, e)) {
        return err_wrap(e, "pack");
    }
    struct pack_block b = {.full = p->full, .n_cells = p->n, .n_bytes = *n};
    sha256_hex(*bytes + CELL_BLOCK, *n - CELL_BLOCK, b.sha256);
    pack_block_print(&b, *bytes);
    return 0;
}
