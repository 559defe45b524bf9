/* A record to the bytes of a cell: an HDF5 image built in memory, and in front of it, as the
 * image's user block, the text block. Attributes read back in the order of their names, so the
 * order in which lists are shown is kept beside them as attributes of the root. Equal records
 * are equal bytes. */
#include "results/cell.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/h5.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/record.h"
#include "results/signature.h"

/* Provenance that is a number; everything else there is text, whatever it looks like. */
static const char *const number_keys[] = {"threads", "seconds", "peak_rss_bytes"};

static bool is_number_key(const char *key)
{
    for (size_t i = 0; i < sizeof number_keys / sizeof *number_keys; i++) {
        if (strcmp(key, number_keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int put_number(struct h5 *h, const char *path, const char *name, const char *text,
                      bool *done, struct err *e)
{
    int64_t whole;
    double real;
    *done = true;
    if (str_to_i64(text, &whole)) {
        return h5_attr_i64(h, path, name, whole, e);
    }
    if (str_to_double(text, &real)) {
        return h5_attr_f64(h, path, name, real, e);
    }
    *done = false;
    return 0;
}

/* Is text what its number prints as? Then the number says as much as the text. */
static bool is_canonical(const char *text)
{
    struct str again = {0};
    int64_t whole;
    double real;
    if (str_to_i64(text, &whole)) {
        str_addf(&again, "%lld", (long long)whole);
    } else if (str_to_double(text, &real)) {
        str_add_double(&again, real);
    }
    bool same = strcmp(str_text(&again), text) == 0;
    str_release(&again);
    return same;
}

enum values { KNOB_VALUES,
              PROVENANCE_VALUES,
              TEXT_VALUES };

static int put_pairs(struct h5 *h, const char *path, const struct pairs *p, enum values kind,
                     struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const char *key = p->items[i].key, *value = p->items[i].value;
        bool number = kind == KNOB_VALUES ? is_canonical(value)
                                          : kind == PROVENANCE_VALUES && is_number_key(key);
        bool done = false;
        if (number && put_number(h, path, key, value, &done, e)) {
            return -1;
        }
        if (!done && h5_attr_text(h, path, key, value, e)) {
            return -1;
        }
    }
    return 0;
}

/* "/"'s attribute `name`: the keys of p, a line each. */
static int put_order(struct h5 *h, const char *name, const struct pairs *p, struct err *e)
{
    struct str keys = {0};
    for (size_t i = 0; i < p->n; i++) {
        str_addf(&keys, "%s%s", i ? "\n" : "", p->items[i].key);
    }
    int rc = str_check(&keys, e);
    if (rc == 0) {
        rc = h5_attr_text(h, "/", name, str_text(&keys), e);
    }
    str_release(&keys);
    return rc;
}

static int put_metrics(struct h5 *h, const struct record *r, struct err *e)
{
    struct str keys = {0};
    int rc = h5_group(h, "/metrics", e);
    for (size_t i = 0; i < r->n_metrics && rc == 0; i++) {
        const struct metric *m = &r->metrics[i];
        rc = m->whole ? h5_attr_i64(h, "/metrics", m->name, (int64_t)m->value, e)
                      : h5_attr_f64(h, "/metrics", m->name, m->value, e);
        str_addf(&keys, "%s%s", i ? "\n" : "", m->name);
    }
    if (rc == 0 && r->selection.n) {
        rc = h5_attr_text(h, "/metrics", "selected_on", r->selection.on, e);
    }
    if (rc == 0) {
        rc = str_check(&keys, e);
    }
    if (rc == 0) {
        rc = h5_attr_text(h, "/", "metrics_order", str_text(&keys), e);
    }
    str_release(&keys);
    return rc;
}

static int put_ids(struct h5 *h, const struct outcomes *o, struct err *e)
{
    if (o->numeric_ids) {
        return h5_array(h, "/outcomes/id", H5_U64, 1, &o->n, o->id_number, true, e);
    }
    const char **ids = mem_take(o->n, sizeof *ids, e);
    if (!ids) {
        return -1;
    }
    for (size_t i = 0; i < o->n; i++) {
        ids[i] = o->id_text + i * o->id_stride;
    }
    int rc = h5_texts(h, "/outcomes/id", o->n, ids, true, e);
    free(ids);
    return rc;
}

static int put_outcomes(struct h5 *h, const struct outcomes *o, bool full, struct err *e)
{
    if (h5_group(h, "/outcomes", e) || put_ids(h, o, e) ||
        h5_array(h, "/outcomes/label", H5_I32, 1, &o->n, o->label, true, e) ||
        h5_array(h, "/outcomes/pred", H5_I32, 1, &o->n, o->pred, true, e)) {
        return -1;
    }
    if (!full) {
        return 0;
    }
    if (h5_array(h, "/outcomes/rank", H5_U16, 1, &o->n, o->rank, true, e) ||
        h5_array(h, "/outcomes/margin", H5_F32, 1, &o->n, o->margin, true, e) ||
        h5_attr_text(h, "/outcomes/margin", "margin_unit", o->margin_unit, e)) {
        return -1;
    }
    if (o->has_prob &&
        (h5_array(h, "/outcomes/logp_label", H5_F32, 1, &o->n, o->logp_label, true, e) ||
         h5_array(h, "/outcomes/p_pred", H5_F32, 1, &o->n, o->p_pred, true, e) ||
         h5_array(h, "/outcomes/p_sq", H5_F32, 1, &o->n, o->p_sq, true, e))) {
        return -1;
    }
    return 0;
}

static int put_selection(struct h5 *h, const struct selection *s, struct err *e)
{
    if (h5_group(h, "/selection", e) ||
        h5_array(h, "/selection/tried", H5_F64, 1, &s->n, s->tried, false, e) ||
        h5_array(h, "/selection/value", H5_F64, 1, &s->n, s->value, false, e) ||
        h5_attr_text(h, "/selection", "knob", s->knob, e) ||
        h5_attr_text(h, "/selection", "on", s->on, e) ||
        h5_attr_text(h, "/selection", "measure", s->measure, e) ||
        h5_attr_i64(h, "/selection", "picked", (int64_t)s->picked, e)) {
        return -1;
    }
    return 0;
}

/* What the block says, as attributes, so that a reader can hold one against the other. */
static int put_root(struct h5 *h, const struct record *r, const struct cell_block *b,
                    struct err *e)
{
    char made[CELL_MADE];
    cell_made_text(&b->made, made);
    if (h5_attr_i64(h, "/", "format", CELL_FORMAT, e) ||
        h5_attr_text(h, "/", "run_id", r->run_id, e) ||
        h5_attr_text(h, "/", "signature", b->signature, e) ||
        h5_attr_text(h, "/", "status", cell_status_text(r->status), e) ||
        h5_attr_text(h, "/", "message", r->message, e) ||
        h5_attr_text(h, "/", "made", made, e)) {
        return -1;
    }
    return 0;
}

static int put_record(struct h5 *h, const struct record *r, enum cell_outcomes kind,
                      struct err *e)
{
    if (h5_text(h, "/spec", r->spec ? r->spec : "", e) ||
        put_pairs(h, "/spec", &r->knobs, KNOB_VALUES, e) ||
        put_order(h, "spec_order", &r->knobs, e) ||
        h5_group(h, "/provenance", e) ||
        put_pairs(h, "/provenance", &r->provenance, PROVENANCE_VALUES, e) ||
        put_order(h, "provenance_order", &r->provenance, e) ||
        h5_group(h, "/labels", e) || put_pairs(h, "/labels", &r->labels, TEXT_VALUES, e) ||
        put_order(h, "labels_order", &r->labels, e) || put_metrics(h, r, e)) {
        return -1;
    }
    bool outcomes = r->outcomes.n && kind != CELL_NONE && r->status != CELL_FAILED;
    if (outcomes && put_outcomes(h, &r->outcomes, kind == CELL_FULL, e)) {
        return -1;
    }
    if (r->n_draw && h5_array(h, "/draw", H5_I64, 1, &r->n_draw, r->draw, true, e)) {
        return -1;
    }
    return r->selection.n ? put_selection(h, &r->selection, e) : 0;
}

/* Texts of the block's second line: printable, without spaces. */
static int check_made(const struct made *m, struct err *e)
{
    const char *const texts[] = {m->numeric_id, m->isa, m->blas_core, m->model, m->data};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (const char *p = texts[i]; *p; p++) {
            if (*p <= ' ' || *p > '~') {
                return err_set(e, ERR_FORMAT, "\"%s\" cannot stand in a cell's text block",
                               texts[i]);
            }
        }
    }
    return 0;
}

/* Checks what goes into a cell and fills all of the block but hash and length. */
static int prepare(struct cell_block *b, const struct record *r, const struct made *m,
                   enum cell_outcomes *kind, struct err *e)
{
    *b = (struct cell_block){.status = r->status, .made = *m};
    memcpy(b->run_id, r->run_id, sizeof b->run_id);
    struct str signature = {0};
    struct record scratch = {0};
    signature_text(r, &signature);
    int rc = str_check(&signature, e);
    if (rc == 0) {
        rc = signature_parse(&scratch, str_text(&signature), e);
    }
    if (rc == 0) {
        memcpy(b->signature, str_text(&signature), signature.len + 1);
        rc = check_made(m, e) || cell_check(r, e) || cell_outcomes_kind(r, kind, e) ? -1 : 0;
    }
    str_release(&signature);
    return rc;
}

int cell_encode(const struct record *r, const struct made *m, unsigned char **bytes, size_t *n,
                struct err *e)
{
    struct cell_block block;
    enum cell_outcomes kind;
    struct h5 *h;
    if (prepare(&block, r, m, &kind, e) || h5_create(&h, CELL_BLOCK, e)) {
        return err_wrap(e, "cell %s", r->run_id);
    }
    if (put_root(h, r, &block, e) || put_record(h, r, kind, e)) {
        h5_close(h, NULL);
        return err_wrap(e, "cell %s", r->run_id);
    }
    if (h5_finish(h, bytes, n, e)) {
        return err_wrap(e, "cell %s", r->run_id);
    }
    sha256_hex(*bytes + CELL_BLOCK, *n - CELL_BLOCK, block.sha256);
    block.n_bytes = *n;
    cell_block_print(&block, *bytes);
    return 0;
}
