/* The bytes of a cell to a record. Block, length and hash are checked before libhdf5 sees a byte;
 * then every array against the others, and the attributes of the root against the block. What a
 * later program of the same format adds (attributes, groups) is read as far as the record has a
 * place for it, and otherwise passed over. */
#include "results/cell.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/h5.h"
#include "harness/base/mem.h"
#include "results/record.h"
#include "results/signature.h"

#define EXACT (INT64_C(1) << 53) /* whole numbers that a double holds */

struct reader {
    struct h5 *h;
    const char *name;
    struct record *r;
    bool with_outcomes;
};

/* ---- lists of attributes ---- */

static int add_pair(void *ctx, const char *name, const char *text, struct err *e)
{
    return pairs_set(ctx, name, text, e);
}

/* Into the order of `order` (keys, a line each); what is not named there stays behind. */
static void sort_pairs(struct pairs *p, const char *order)
{
    size_t done = 0, len;
    for (const char *at = order; done < p->n; at += len + 1) {
        len = strcspn(at, "\n");
        for (size_t i = done; i < p->n; i++) {
            struct pair found = p->items[i];
            if (strncmp(found.key, at, len) == 0 && !found.key[len]) {
                memmove(&p->items[done + 1], &p->items[done], (i - done) * sizeof found);
                p->items[done++] = found;
                break;
            }
        }
        if (!at[len]) {
            break;
        }
    }
}

static int get_pairs(struct reader *in, const char *path, const char *order_attr, struct pairs *p,
                     struct err *e)
{
    char *order = NULL;
    if (h5_attrs(in->h, path, add_pair, p, e) || h5_read_text(in->h, order_attr, &order, e)) {
        return -1;
    }
    sort_pairs(p, order);
    free(order);
    return 0;
}

/* Integers become counts, floats metrics; texts have no place in a record. */
static int add_metric(struct reader *in, const char *name, struct err *e)
{
    int64_t whole;
    double real;
    if (strlen(name) >= sizeof in->r->metrics->name) {
        return err_set(e, ERR_FORMAT, "%s: metric %.64s...: the name is too long", in->name, name);
    }
    if (h5_read_attr_i64(in->h, "/metrics", name, &whole, NULL) == 0) {
        if (whole > EXACT || whole < -EXACT) {
            return err_set(e, ERR_FORMAT, "%s: metric %s: %lld is out of range", in->name, name,
                           (long long)whole);
        }
        return record_metric(in->r, name, (double)whole, true, e);
    }
    if (h5_read_attr_f64(in->h, "/metrics", name, &real, NULL) == 0) {
        return record_metric(in->r, name, real, false, e);
    }
    return 0;
}

static int get_metrics(struct reader *in, struct err *e)
{
    struct pairs found = {0};
    int rc = get_pairs(in, "/metrics", "/@metrics_order", &found, e);
    for (size_t i = 0; i < found.n && rc == 0; i++) {
        rc = add_metric(in, found.items[i].key, e);
    }
    pairs_release(&found);
    return rc;
}

/* A text attribute into out, which is large enough or the file is wrong. */
static int get_text(struct reader *in, const char *path, char *out, size_t cap, struct err *e)
{
    char *text;
    if (h5_read_text(in->h, path, &text, e)) {
        return -1;
    }
    int rc = 0;
    if (strlen(text) >= cap) {
        rc = err_set(e, ERR_FORMAT, "%s: %s: %zu bytes, the limit is %zu", in->name, path,
                     strlen(text), cap - 1);
    } else {
        memset(out, 0, cap);
        memcpy(out, text, strlen(text));
    }
    free(text);
    return rc;
}

/* ---- arrays ---- */

/* The length of a list that is not empty; its neighbours are then held against it. */
static int get_length(struct reader *in, const char *path, size_t *n, struct err *e)
{
    size_t n_dims, dims[H5_MAX_DIMS];
    if (h5_shape(in->h, path, &n_dims, dims, e)) {
        return -1;
    }
    if (n_dims != 1 || dims[0] == 0) {
        return err_set(e, ERR_FORMAT, "%s: %s: not a list, or an empty one", in->name, path);
    }
    *n = dims[0];
    return 0;
}

static int expect_length(struct reader *in, const char *path, size_t n, struct err *e)
{
    size_t found = 0;
    if (get_length(in, path, &found, e)) {
        return -1;
    }
    if (found != n) {
        return err_set(e, ERR_FORMAT, "%s: %s: %zu rows, expected %zu", in->name, path, found, n);
    }
    return 0;
}

/* A list of exactly n numbers, converted to t; NULL with e set. The caller owns it. */
static void *get_column(struct reader *in, const char *path, enum h5_type t, size_t n,
                        struct err *e)
{
    void *data;
    size_t n_read;
    if (expect_length(in, path, n, e) || h5_read(in->h, path, t, &data, &n_read, e)) {
        return NULL;
    }
    return data;
}

static int get_ids(struct reader *in, struct outcomes *o, struct err *e)
{
    static const char path[] = "/outcomes/id";
    o->numeric_ids = !h5_is_text(in->h, path);
    if (o->numeric_ids) {
        o->id_number = get_column(in, path, H5_U64, o->n, e);
        return o->id_number ? 0 : -1;
    }
    size_t n_read;
    return expect_length(in, path, o->n, e) ||
                   h5_read_texts(in->h, path, &o->id_text, &o->id_stride, &n_read, e)
               ? -1
               : 0;
}

static int get_outcomes(struct reader *in, struct err *e)
{
    struct outcomes *o = &in->r->outcomes;
    if (get_length(in, "/outcomes/label", &o->n, e) || get_ids(in, o, e) ||
        !(o->label = get_column(in, "/outcomes/label", H5_I32, o->n, e)) ||
        !(o->pred = get_column(in, "/outcomes/pred", H5_I32, o->n, e))) {
        return -1;
    }
    if (!h5_has(in->h, "/outcomes/rank")) {
        return 0;
    }
    if (!(o->rank = get_column(in, "/outcomes/rank", H5_U16, o->n, e)) ||
        !(o->margin = get_column(in, "/outcomes/margin", H5_F32, o->n, e)) ||
        get_text(in, "/outcomes/margin@margin_unit", o->margin_unit, sizeof o->margin_unit, e)) {
        return -1;
    }
    o->has_prob = h5_has(in->h, "/outcomes/logp_label");
    if (!o->has_prob) {
        return 0;
    }
    o->logp_label = get_column(in, "/outcomes/logp_label", H5_F32, o->n, e);
    o->p_pred = o->logp_label ? get_column(in, "/outcomes/p_pred", H5_F32, o->n, e) : NULL;
    o->p_sq = o->p_pred ? get_column(in, "/outcomes/p_sq", H5_F32, o->n, e) : NULL;
    return o->p_sq ? 0 : -1;
}

static int get_selection(struct reader *in, struct err *e)
{
    struct selection *s = &in->r->selection;
    int64_t picked;
    if (get_length(in, "/selection/tried", &s->n, e) ||
        !(s->tried = get_column(in, "/selection/tried", H5_F64, s->n, e)) ||
        !(s->value = get_column(in, "/selection/value", H5_F64, s->n, e)) ||
        get_text(in, "/selection@knob", s->knob, sizeof s->knob, e) ||
        get_text(in, "/selection@on", s->on, sizeof s->on, e) ||
        get_text(in, "/selection@measure", s->measure, sizeof s->measure, e) ||
        h5_read_attr_i64(in->h, "/selection", "picked", &picked, e)) {
        return -1;
    }
    s->picked = picked < 0 ? SIZE_MAX : (size_t)picked; /* cell_check looks at the range */
    return 0;
}

/* ---- the whole ---- */

/* The root's attributes must make up the very block that stands in front. */
static int get_root(struct reader *in, const struct cell_block *block, const unsigned char *bytes,
                    struct err *e)
{
    struct record *r = in->r;
    struct cell_block b = *block;
    int64_t format;
    char status[16], made[CELL_MADE], made_said[CELL_MADE];
    if (h5_read_attr_i64(in->h, "/", "format", &format, e)) {
        return -1;
    }
    if (format != CELL_FORMAT) {
        return err_set(e, ERR_FORMAT, "%s: cell format %lld: this program reads %d", in->name,
                       (long long)format, CELL_FORMAT);
    }
    if (get_text(in, "/@run_id", r->run_id, sizeof r->run_id, e) ||
        get_text(in, "/@status", status, sizeof status, e) ||
        get_text(in, "/@message", r->message, sizeof r->message, e) ||
        get_text(in, "/@signature", b.signature, sizeof b.signature, e) ||
        get_text(in, "/@made", made_said, sizeof made_said, e)) {
        return -1;
    }
    unsigned char again[CELL_BLOCK];
    cell_made_text(&b.made, made);
    bool same = strcmp(made, made_said) == 0 && cell_status_parse(status, &b.status) &&
                cell_is_run_id(r->run_id);
    if (same) {
        memcpy(b.run_id, r->run_id, sizeof b.run_id);
        cell_block_print(&b, again);
        same = memcmp(again, bytes, CELL_BLOCK) == 0;
    }
    if (!same) {
        return err_set(e, ERR_FORMAT, "%s: the text block (first %d bytes) contradicts the rest",
                       in->name, CELL_BLOCK);
    }
    r->status = b.status;
    return signature_parse(r, b.signature, e) ? err_wrap(e, "%s", in->name) : 0;
}

static int get_record(struct reader *in, struct err *e)
{
    struct record *r = in->r;
    if (h5_read_text(in->h, "/spec", &r->spec, e) ||
        get_pairs(in, "/spec", "/@spec_order", &r->knobs, e) ||
        get_pairs(in, "/provenance", "/@provenance_order", &r->provenance, e) ||
        get_pairs(in, "/labels", "/@labels_order", &r->labels, e) || get_metrics(in, e)) {
        return -1;
    }
    if (in->with_outcomes && h5_has(in->h, "/outcomes") && get_outcomes(in, e)) {
        return -1;
    }
    if (h5_has(in->h, "/draw") &&
        (get_length(in, "/draw", &r->n_draw, e) ||
         !(r->draw = get_column(in, "/draw", H5_I64, r->n_draw, e)))) {
        return -1;
    }
    if (h5_has(in->h, "/selection") && get_selection(in, e)) {
        return -1;
    }
    return cell_check(r, e) ? err_wrap(e, "%s", in->name) : 0;
}

/* Block, length and hash: what can be told without libhdf5. */
static int check_bytes(struct cell_block *b, const unsigned char *bytes, size_t n,
                       const char *name, struct err *e)
{
    if (cell_block_parse(b, bytes, n, e)) {
        return err_wrap(e, "%s", name);
    }
    char sha[HASH_SHA256_HEX];
    sha256_hex(bytes + CELL_BLOCK, n - CELL_BLOCK, sha);
    if (strcmp(sha, b->sha256) != 0) {
        return err_set(e, ERR_FORMAT,
                       "%s: damaged: SHA-256 of the bytes behind the text block is %.16s..., the "
                       "block says %.16s...",
                       name, sha, b->sha256);
    }
    return 0;
}

int cell_decode_part(struct record *r, struct made *m, const unsigned char *bytes, size_t n,
                     const char *name, bool with_outcomes, struct err *e)
{
    struct cell_block block;
    struct reader in = {.name = name, .r = r, .with_outcomes = with_outcomes};
    *r = (struct record){0};
    if (check_bytes(&block, bytes, n, name, e) || h5_open(&in.h, bytes, n, name, e)) {
        return -1;
    }
    int rc = get_root(&in, &block, bytes, e) || get_record(&in, e) ? -1 : 0;
    if (h5_close(in.h, rc ? NULL : e)) {
        rc = -1;
    }
    if (rc) {
        record_release(r);
        return -1;
    }
    *m = block.made;
    return 0;
}

int cell_decode(struct record *r, struct made *m, const unsigned char *bytes, size_t n,
                const char *name, struct err *e)
{
    return cell_decode_part(r, m, bytes, n, name, true, e);
}
