/* Cells: anything may be refused, nothing may crash, and what is read is written to bytes that
 * read back as themselves. An input that begins with 'F' is not a cell but says how to make one:
 * sound as HDF5, with the right length and hash, but with parts left out, of other types and
 * lengths, and with any values. (The bytes themselves are not changed behind the hash: libhdf5
 * 1.10.8 crashes on such files, which is why the hash is checked first.) */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/h5.h"
#include "harness/base/hash.h"
#include "results/cell.h"
#include "results/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* ---- cells after a recipe ---- */

struct recipe {
    const uint8_t *data;
    size_t n;
};

static uint8_t next(struct recipe *r)
{
    uint8_t byte = r->n ? *r->data : 0;
    r->data += r->n > 0;
    r->n -= r->n > 0;
    return byte;
}

enum kind { GROUP,
            TEXT,
            TEXT_SET,
            WHOLE,
            REAL,
            ARRAY,
            TEXTS };
struct part {
    enum kind kind;
    const char *path, *name; /* of an attribute */
    const char *text;        /* the sound one */
    enum h5_type type;       /* the sound one */
};
#define ID "0123456789abcdef0123456789abcdef"
static const struct made made = {"0123456789abcdef", "avx2", "HASWELL", "fedcba9876543210", "0"};
static const struct part parts[] = {
    {WHOLE, "/", "format", NULL, 0},
    {TEXT, "/", "run_id", ID, 0},
    {TEXT, "/", "status", "ok", 0},
    {TEXT, "/", "message", "", 0},
    {TEXT, "/", "signature", "d|v1;m;draw:0", 0},
    {TEXT, "/", "made",
     "numeric=0123456789abcdef isa=avx2 blas=HASWELL model=fedcba9876543210 data=0", 0},
    {TEXT, "/", "spec_order", "model\nadapt.l2", 0},
    {TEXT, "/", "provenance_order", "seconds", 0},
    {TEXT, "/", "labels_order", "", 0},
    {TEXT, "/", "metrics_order", "n\ntop1", 0},
    {TEXT_SET, "/spec", NULL, "model=m", 0},
    {TEXT, "/spec", "model", "m", 0},
    {REAL, "/spec", "adapt.l2", NULL, 0},
    {TEXT, "/spec", "outcomes", "full", 0},
    {GROUP, "/provenance", NULL, NULL, 0},
    {REAL, "/provenance", "seconds", NULL, 0},
    {GROUP, "/labels", NULL, NULL, 0},
    {TEXT, "/labels", "commit", "0123", 0},
    {GROUP, "/metrics", NULL, NULL, 0},
    {REAL, "/metrics", "top1", NULL, 0},
    {WHOLE, "/metrics", "n_train", NULL, 0},
    {TEXT, "/metrics", "selected_on", "loo", 0},
    {GROUP, "/outcomes", NULL, NULL, 0},
    {TEXTS, "/outcomes/id", NULL, "t/1.png", 0},
    {ARRAY, "/outcomes/label", NULL, NULL, H5_I32},
    {ARRAY, "/outcomes/pred", NULL, NULL, H5_I32},
    {ARRAY, "/outcomes/rank", NULL, NULL, H5_U16},
    {ARRAY, "/outcomes/margin", NULL, NULL, H5_F32},
    {TEXT, "/outcomes/margin", "margin_unit", "logit", 0},
    {ARRAY, "/outcomes/logp_label", NULL, NULL, H5_F32},
    {ARRAY, "/outcomes/p_pred", NULL, NULL, H5_F32},
    {ARRAY, "/outcomes/p_sq", NULL, NULL, H5_F32},
    {ARRAY, "/draw", NULL, NULL, H5_I64},
    {GROUP, "/selection", NULL, NULL, 0},
    {ARRAY, "/selection/tried", NULL, NULL, H5_F64},
    {ARRAY, "/selection/value", NULL, NULL, H5_F64},
    {TEXT, "/selection", "knob", "adapt.l2", 0},
    {TEXT, "/selection", "on", "loo", 0},
    {TEXT, "/selection", "measure", "loo_mse", 0},
    {WHOLE, "/selection", "picked", NULL, 0},
};

/* Items of a few bytes that are 0 or 1 in their type, unless the recipe says otherwise. */
static void put_array(struct h5 *h, const char *path, enum h5_type type, size_t n, bool odd,
                      struct recipe *r)
{
    unsigned char data[8 * 8] = {0};
    size_t item = h5_item_bytes(type), dims[2] = {n, 1};
    for (size_t i = 0; i < n; i++) {
        float one = next(r) & 1;
        double real = (double)one;
        switch (type) {
        case H5_F32:
            memcpy(data + i * item, &one, item);
            break;
        case H5_F64:
            memcpy(data + i * item, &real, item);
            break;
        default:
            data[i * item] = one > 0;
        }
    }
    for (size_t i = 0; odd && i < n * item; i++) {
        data[i] = next(r);
    }
    h5_array(h, path, type, odd && next(r) % 4 == 0 ? 2 : 1, dims, data, next(r) & 1, NULL);
}

static const char *any_text(struct recipe *r, char text[600])
{
    size_t n = next(r) & 1 ? next(r) % 8 : 2u * next(r);
    memset(text, 0, 600);
    for (size_t i = 0; i < n; i++) {
        text[i] = (char)next(r);
    }
    return text;
}

/* Choices of the recipe: 0 leave out, 1 any values, 2 another kind, 3 another length; all others
 * the sound part. */
static void put_part(struct h5 *h, const struct part *p, struct recipe *r)
{
    uint8_t choice = next(r) % 16;
    char text[600];
    const char *const texts[] = {p->text, "b", "c"};
    enum kind kind = choice == 2 ? (enum kind)(next(r) % (TEXTS + 1)) : p->kind;
    const char *said = choice == 1 ? any_text(r, text) : p->text ? p->text
                                                                 : "any";
    enum h5_type type = choice == 2 ? (enum h5_type)(next(r) % (H5_U8 + 1)) : p->type;
    size_t n = choice == 3 ? next(r) % 8 : 3;
    int64_t whole = 1;
    double real = 0.5;
    for (size_t i = 0; choice == 1 && i < sizeof whole; i++) {
        ((unsigned char *)&whole)[i] = ((unsigned char *)&real)[i] = next(r);
    }
    const char *name = p->name ? p->name : "name";
    if (choice == 0) {
        return;
    }
    switch (kind) {
    case GROUP:
        h5_group(h, p->path, NULL);
        break;
    case TEXT:
        h5_attr_text(h, p->path, name, said, NULL);
        break;
    case TEXT_SET:
        h5_text(h, p->path, said, NULL);
        break;
    case WHOLE:
        h5_attr_i64(h, p->path, name, whole, NULL);
        break;
    case REAL:
        h5_attr_f64(h, p->path, name, real, NULL);
        break;
    case ARRAY:
        put_array(h, p->path, type, n, choice == 1, r);
        break;
    case TEXTS:
        h5_texts(h, p->path, n < 3 ? n : 3, (const char *const[]){said, texts[1], texts[2]},
                 false, NULL);
        break;
    }
}

static void make_cell(struct recipe r, unsigned char **bytes, size_t *n)
{
    struct h5 *h;
    struct cell_block b = {.run_id = ID, .signature = "d|v1;m;draw:0", .made = made};
    assert(h5_create(&h, CELL_BLOCK, NULL) == 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        put_part(h, &parts[i], &r);
    }
    assert(h5_finish(h, bytes, n, NULL) == 0);
    b.n_bytes = *n;
    sha256_hex(*bytes + CELL_BLOCK, *n - CELL_BLOCK, b.sha256);
    cell_block_print(&b, *bytes);
}

/* ---- reading ---- */

static void write_again(const struct record *r, const struct made *m)
{
    struct record back;
    struct made m_back;
    struct err e = {0};
    unsigned char *once = NULL, *twice = NULL;
    size_t n_once = 0, n_twice = 0;
    assert(cell_encode(r, m, &once, &n_once, &e) == 0);
    assert(cell_decode(&back, &m_back, once, n_once, "again", &e) == 0);
    assert(cell_encode(&back, &m_back, &twice, &n_twice, &e) == 0);
    assert(n_once == n_twice && memcmp(once, twice, n_once) == 0);
    record_release(&back);
    free(once);
    free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct record r;
    struct made m;
    struct err e = {0};
    unsigned char *bytes;
    size_t n_bytes = n;
    if (n && data[0] == 'F') {
        make_cell((struct recipe){data + 1, n - 1}, &bytes, &n_bytes);
    } else {
        /* a copy of the exact length, so that reads behind it are seen */
        bytes = malloc(n ? n : 1);
        memcpy(bytes, data, n);
    }
    if (cell_decode(&r, &m, bytes, n_bytes, "input", &e) == 0) {
        write_again(&r, &m);
        record_release(&r);
    } else {
        assert((e.code == ERR_FORMAT || e.code == ERR_LIMIT) && e.text[0]);
    }
    free(bytes);
    return 0;
}
