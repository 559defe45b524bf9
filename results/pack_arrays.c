/* The arrays of a pack: outcomes by test set, draws, selections. Each is held against the others
 * before it goes into a record. */
#include "results/pack_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/h5.h"
#include "harness/base/mem.h"
#include "results/record.h"

/* ---- arrays ---- */

int pack_wrong(const struct pack_reader *in, const char *path, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: %s: %s", in->name, path, what);
}

/* A list of exactly n texts. */
int pack_texts(struct pack_reader *in, const char *path, size_t n, char **block, size_t *stride,
               struct err *e)
{
    size_t n_dims, dims[H5_MAX_DIMS], n_read;
    *block = NULL;
    if (h5_shape(in->h, path, &n_dims, dims, e)) {
        return -1;
    }
    if (n_dims != 1 || dims[0] != n) {
        return pack_wrong(in, path, "not a text for each", e);
    }
    return h5_read_texts(in->h, path, block, stride, &n_read, e);
}

/* An array of exactly these dimensions (n_cols 0: a list), converted to t. */
void *pack_array(struct pack_reader *in, const char *path, enum h5_type t, size_t n_rows,
                 size_t n_cols, struct err *e)
{
    size_t n_dims, dims[H5_MAX_DIMS], n;
    void *data;
    if (h5_shape(in->h, path, &n_dims, dims, e)) {
        return NULL;
    }
    if (n_dims != (n_cols ? 2 : 1) || dims[0] != n_rows || (n_cols && dims[1] != n_cols)) {
        pack_wrong(in, path, "not of the length that others have", e);
        return NULL;
    }
    return h5_read(in->h, path, t, &data, &n, e) ? NULL : data;
}

/* The length of a list that is not empty. */
int pack_length(struct pack_reader *in, const char *path, size_t *n, struct err *e)
{
    size_t n_dims, dims[H5_MAX_DIMS];
    if (h5_shape(in->h, path, &n_dims, dims, e)) {
        return -1;
    }
    *n = dims[0];
    return n_dims == 1 && *n ? 0 : pack_wrong(in, path, "not a list, or an empty one", e);
}

/* Indices of cells [n], each below the number of cells. */
uint64_t *pack_cells(struct pack_reader *in, const char *path, size_t n, struct err *e)
{
    uint64_t *cells = pack_array(in, path, H5_U64, n, 0, e);
    for (size_t i = 0; cells && i < n; i++) {
        if (cells[i] >= in->p->n) {
            pack_wrong(in, path, "an index beyond the cells", e);
            free(cells);
            return NULL;
        }
    }
    return cells;
}

/* ---- outcomes ---- */

static bool has(struct pack_reader *in, const char *group, const char *column)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", group, column);
    return h5_has(in->h, path);
}

/* A set's outcomes, one row of arrays a cell, as they are in the file. */
struct set_arrays {
    size_t n, n_cells, id_stride;
    uint64_t *cells, *id_number;
    char *id_text;
    int32_t *label, *pred;
    uint16_t *rank;
    float *margin, *logp_label, *p_pred, *p_sq;
};

static void *get_member(struct pack_reader *in, const char *group, const char *column,
                        enum h5_type t, size_t n_rows, size_t n_cols, struct err *e)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", group, column);
    return pack_array(in, path, t, n_rows, n_cols, e);
}

static int get_set(struct pack_reader *in, const char *group, struct set_arrays *a, struct err *e)
{
    char path[64];
    snprintf(path, sizeof path, "%s/cell", group);
    if (pack_length(in, path, &a->n_cells, e) ||
        !(a->cells = pack_cells(in, path, a->n_cells, e))) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/label", group);
    size_t m = a->n_cells, n;
    if (pack_length(in, path, &a->n, e) ||
        !(a->label = get_member(in, group, "label", H5_I32, a->n, 0, e)) ||
        !(a->pred = get_member(in, group, "pred", H5_I32, m, a->n, e))) {
        return -1;
    }
    n = a->n;
    snprintf(path, sizeof path, "%s/id", group);
    if (h5_is_text(in->h, path)) {
        if (pack_texts(in, path, n, &a->id_text, &a->id_stride, e)) {
            return -1;
        }
    } else if (!(a->id_number = pack_array(in, path, H5_U64, n, 0, e))) {
        return -1;
    }
    if (!has(in, group, "rank")) {
        return 0;
    }
    if (!(a->rank = get_member(in, group, "rank", H5_U16, m, n, e)) ||
        !(a->margin = get_member(in, group, "margin", H5_F32, m, n, e))) {
        return -1;
    }
    if (!has(in, group, "logp_label")) {
        return 0;
    }
    a->logp_label = get_member(in, group, "logp_label", H5_F32, m, n, e);
    a->p_pred = a->logp_label ? get_member(in, group, "p_pred", H5_F32, m, n, e) : NULL;
    a->p_sq = a->p_pred ? get_member(in, group, "p_sq", H5_F32, m, n, e) : NULL;
    return a->p_sq ? 0 : -1;
}

static void set_arrays_release(struct set_arrays *a)
{
    void *const all[] = {a->cells, a->id_number, a->id_text, a->label, a->pred,
                         a->rank, a->margin, a->logp_label, a->p_pred, a->p_sq};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(all[i]);
    }
}

/* Row k of the set into a record, which has no outcomes yet. */
static int give_row(const struct set_arrays *a, size_t k, struct outcomes *o, struct err *e)
{
    char unit[sizeof o->margin_unit];
    size_t n = a->n, at = k * n;
    memcpy(unit, o->margin_unit, sizeof unit);
    if (outcomes_init(o, n, a->id_stride, a->logp_label != NULL, e)) {
        return -1;
    }
    memcpy(o->margin_unit, unit, sizeof unit);
    if (a->id_text) {
        memcpy(o->id_text, a->id_text, n * a->id_stride);
    } else {
        memcpy(o->id_number, a->id_number, n * sizeof *o->id_number);
    }
    memcpy(o->label, a->label, n * sizeof *o->label);
    memcpy(o->pred, a->pred + at, n * sizeof *o->pred);
    if (!a->rank) {
        free(o->rank);
        free(o->margin);
        o->rank = NULL;
        o->margin = NULL;
        return 0;
    }
    memcpy(o->rank, a->rank + at, n * sizeof *o->rank);
    memcpy(o->margin, a->margin + at, n * sizeof *o->margin);
    if (o->has_prob) {
        memcpy(o->logp_label, a->logp_label + at, n * sizeof *o->logp_label);
        memcpy(o->p_pred, a->p_pred + at, n * sizeof *o->p_pred);
        memcpy(o->p_sq, a->p_sq + at, n * sizeof *o->p_sq);
    }
    return 0;
}

int pack_get_sets(struct pack_reader *in, struct err *e)
{
    int rc = 0;
    for (size_t s = 0; rc == 0; s++) {
        char group[32];
        struct set_arrays a = {0};
        snprintf(group, sizeof group, "/sets/%zu", s);
        if (!h5_has(in->h, group)) {
            break;
        }
        rc = get_set(in, group, &a, e);
        for (size_t k = 0; k < a.n_cells && rc == 0; k++) {
            struct outcomes *o = &in->p->records[a.cells[k]].outcomes;
            rc = o->n ? pack_wrong(in, group, "a cell is in two sets", e) : give_row(&a, k, o, e);
        }
        set_arrays_release(&a);
    }
    return rc;
}

/* ---- draws and selections ---- */

/* Lists of several cells, one after another. */
struct joined {
    uint64_t *cell, *n;
    size_t n_lists, n_values;
};

static void joined_release(struct joined *j)
{
    free(j->cell);
    free(j->n);
}

/* values: the path of the values, whose number must be the sum of the lengths. */
static int get_joined(struct pack_reader *in, const char *group, const char *values,
                      struct joined *j, struct err *e)
{
    char path[64];
    size_t sum = 0;
    snprintf(path, sizeof path, "%s/cell", group);
    if (pack_length(in, path, &j->n_lists, e) ||
        !(j->cell = pack_cells(in, path, j->n_lists, e))) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/n", group);
    if (!(j->n = pack_array(in, path, H5_U64, j->n_lists, 0, e)) ||
        pack_length(in, values, &j->n_values, e)) {
        return -1;
    }
    for (size_t i = 0; i < j->n_lists; i++) {
        if (j->n[i] == 0 || j->n[i] > j->n_values - sum) {
            return pack_wrong(in, path, "lengths that do not go with the values", e);
        }
        sum += j->n[i];
    }
    return sum == j->n_values ? 0 : pack_wrong(in, path, "fewer than there are values", e);
}

static int get_draws(struct pack_reader *in, struct err *e)
{
    struct joined j = {0};
    int64_t *values = NULL;
    int rc = get_joined(in, "/draws", "/draws/value", &j, e);
    if (rc == 0) {
        values = pack_array(in, "/draws/value", H5_I64, j.n_values, 0, e);
        rc = values ? 0 : -1;
    }
    for (size_t i = 0, at = 0; i < j.n_lists && rc == 0; at += j.n[i++]) {
        struct record *r = &in->p->records[j.cell[i]];
        free(r->draw);
        r->n_draw = 0;
        r->draw = mem_take(j.n[i], sizeof *r->draw, e);
        rc = r->draw ? 0 : -1;
        if (rc == 0) {
            memcpy(r->draw, values + at, j.n[i] * sizeof *r->draw);
            r->n_draw = j.n[i];
        }
    }
    free(values);
    joined_release(&j);
    return rc;
}

static int get_selection_texts(struct pack_reader *in, const struct joined *j, struct err *e)
{
    static const char *const paths[] = {"/selection/knob", "/selection/on", "/selection/measure"};
    int rc = 0;
    for (size_t k = 0; k < 3 && rc == 0; k++) {
        char *block;
        size_t stride = 0;
        rc = pack_texts(in, paths[k], j->n_lists, &block, &stride, e);
        for (size_t i = 0; i < j->n_lists && rc == 0; i++) {
            struct selection *s = &in->p->records[j->cell[i]].selection;
            char *const fields[] = {s->knob, s->on, s->measure};
            rc = pack_copy_text(fields[k], sizeof s->knob, block + i * stride, e);
        }
        free(block);
    }
    return rc;
}

static int give_selection(struct selection *s, const double *tried, const double *value, size_t n,
                          uint64_t picked, struct err *e)
{
    free(s->tried);
    free(s->value);
    s->n = 0;
    s->tried = mem_take(n, sizeof *s->tried, e);
    s->value = mem_take(n, sizeof *s->value, e);
    if (!s->tried || !s->value) {
        return -1;
    }
    memcpy(s->tried, tried, n * sizeof *tried);
    memcpy(s->value, value, n * sizeof *value);
    s->n = n;
    s->picked = (size_t)picked; /* cell_check_as looks at the range */
    return 0;
}

static int get_selections(struct pack_reader *in, struct err *e)
{
    struct joined j = {0};
    double *tried = NULL, *value = NULL;
    uint64_t *picked = NULL;
    int rc = get_joined(in, "/selection", "/selection/tried", &j, e);
    if (rc == 0) {
        tried = pack_array(in, "/selection/tried", H5_F64, j.n_values, 0, e);
        value = tried ? pack_array(in, "/selection/value", H5_F64, j.n_values, 0, e) : NULL;
        picked = value ? pack_array(in, "/selection/picked", H5_U64, j.n_lists, 0, e) : NULL;
        rc = picked ? get_selection_texts(in, &j, e) : -1;
    }
    for (size_t i = 0, at = 0; i < j.n_lists && rc == 0; at += j.n[i++]) {
        rc = give_selection(&in->p->records[j.cell[i]].selection, tried + at, value + at, j.n[i],
                            picked[i], e);
    }
    free(tried);
    free(value);
    free(picked);
    joined_release(&j);
    return rc;
}

int pack_get_lists(struct pack_reader *in, struct err *e)
{
    if (h5_has(in->h, "/draws") && get_draws(in, e)) {
        return -1;
    }
    return h5_has(in->h, "/selection") ? get_selections(in, e) : 0;
}
