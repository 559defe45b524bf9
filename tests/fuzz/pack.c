/* Packs: anything may be refused, nothing may crash, and what is read packs again to bytes that
 * read back. An input that begins with 'F' says how to make a pack: sound as HDF5, with the right
 * length and hash, but with parts left out, of other kinds and lengths, and with any values. (Bytes
 * behind the hash are not changed: libhdf5 may crash on such files, which is why the hash is
 * checked.) */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/h5.h"
#include "harness/base/hash.h"
#include "results/pack_private.h"
#include "results/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

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

/* ---- packs after a recipe: two cells on three images ---- */

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210"
#define MADE "numeric=0 isa=avx2 blas= model= data=1"

enum kind { GROUP,
            TEXTS,
            LIST,
            MATRIX };
struct part {
    enum kind kind;
    const char *path;
    const char *a, *b; /* texts */
    enum h5_type type;
    size_t n;
};
static const struct part parts[] = {
    {GROUP, "/cells", NULL, NULL, 0, 0},
    {TEXTS, "/cells/run_id", ID_A, ID_B, 0, 2},
    {TEXTS, "/cells/status", "ok", "failed", 0, 2},
    {TEXTS, "/cells/message", "", "why", 0, 2},
    {TEXTS, "/cells/signature", "d|v1;m;draw:0", "d|v1;m;draw:1", 0, 2},
    {TEXTS, "/cells/made", MADE, MADE, 0, 2},
    {TEXTS, "/cells/spec", "model=m", "", 0, 2},
    {TEXTS, "/cells/margin_unit", "logit", "", 0, 2},
    {TEXTS, "/cells/knobs", "model\tm\nk\t\\n\n", "", 0, 2},
    {TEXTS, "/cells/provenance", "isa\tavx2\n", "", 0, 2},
    {TEXTS, "/cells/labels", "", "commit\t0\n", 0, 2},
    {TEXTS, "/cells/metrics", "top1\t1.0\nn_train\t5\n", "nll\tinf\n", 0, 2},
    {GROUP, "/sets", NULL, NULL, 0, 0},
    {GROUP, "/sets/0", NULL, NULL, 0, 0},
    {LIST, "/sets/0/cell", NULL, NULL, H5_U64, 1},
    {LIST, "/sets/0/id", NULL, NULL, H5_U64, 3},
    {LIST, "/sets/0/label", NULL, NULL, H5_I32, 3},
    {MATRIX, "/sets/0/pred", NULL, NULL, H5_I32, 3},
    {MATRIX, "/sets/0/rank", NULL, NULL, H5_U16, 3},
    {MATRIX, "/sets/0/margin", NULL, NULL, H5_F32, 3},
    {GROUP, "/draws", NULL, NULL, 0, 0},
    {LIST, "/draws/cell", NULL, NULL, H5_U64, 1},
    {LIST, "/draws/n", NULL, NULL, H5_U64, 1},
    {LIST, "/draws/value", NULL, NULL, H5_I64, 1},
    {GROUP, "/selection", NULL, NULL, 0, 0},
    {LIST, "/selection/cell", NULL, NULL, H5_U64, 1},
    {LIST, "/selection/n", NULL, NULL, H5_U64, 1},
    {LIST, "/selection/picked", NULL, NULL, H5_U64, 1},
    {TEXTS, "/selection/knob", "adapt.l2", "", 0, 1},
    {TEXTS, "/selection/on", "loo", "", 0, 1},
    {TEXTS, "/selection/measure", "loo_mse", "", 0, 1},
    {LIST, "/selection/tried", NULL, NULL, H5_F64, 1},
    {LIST, "/selection/value", NULL, NULL, H5_F64, 1},
    {GROUP, "/plan", NULL, NULL, 0, 0},
    {TEXTS, "/plan/run_id", ID_A, ID_B, 0, 2},
    {TEXTS, "/plan/spec", "model=m", "", 0, 2},
};

/* The sound values: zeros but for ranks and lengths, which are ones. */
static void put_array(struct h5 *h, const struct part *p, enum h5_type type, size_t n, bool any,
                      struct recipe *r)
{
    unsigned char data[8 * 16] = {0};
    size_t item = h5_item_bytes(type), dims[2] = {n, 1};
    bool ones = strstr(p->path, "/rank") || strstr(p->path, "/n");
    for (size_t i = 0; i < n && i < 16; i++) {
        data[i * item] = ones;
    }
    for (size_t i = 0; any && i < n * item; i++) {
        data[i] = next(r);
    }
    if (p->kind == MATRIX) {
        dims[0] = 1;
        dims[1] = n;
    }
    h5_array(h, p->path, type, p->kind == MATRIX ? 2 : 1, dims, data, next(r) & 1, NULL);
}

static void put_part(struct h5 *h, const struct part *p, struct recipe *r)
{
    uint8_t choice = next(r) % 16;
    char text[300] = {0};
    struct part now = *p;
    if (choice == 0) {
        return;
    }
    if (choice == 1 && p->kind == TEXTS) {
        size_t n = next(r);
        for (size_t i = 0; i < n; i++) {
            text[i] = (char)next(r);
        }
        now.a = text;
    }
    if (choice == 2) {
        now.kind = (enum kind)(next(r) % (MATRIX + 1));
        now.type = (enum h5_type)(next(r) % (H5_U8 + 1));
    }
    if (choice == 3) {
        now.n = next(r) % 8;
    }
    const char *const texts[] = {now.a ? now.a : "", now.b ? now.b : "", "", "", "", "", "", ""};
    switch (now.kind) {
    case GROUP:
        h5_group(h, now.path, NULL);
        break;
    case TEXTS:
        h5_texts(h, now.path, now.n, texts, false, NULL);
        break;
    case LIST:
    case MATRIX:
        put_array(h, &now, now.type, now.n, choice == 1, r);
        break;
    }
}

static void make_pack(struct recipe r, unsigned char **bytes, size_t *n)
{
    struct h5 *h;
    struct pack_block b = {.full = next(&r) & 1, .n_cells = 2};
    assert(h5_create(&h, CELL_BLOCK, NULL) == 0);
    h5_attr_i64(h, "/", "format", next(&r) % 16 ? 1 : 2, NULL);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        put_part(h, &parts[i], &r);
    }
    assert(h5_finish(h, bytes, n, NULL) == 0);
    b.n_bytes = *n;
    sha256_hex(*bytes + CELL_BLOCK, *n - CELL_BLOCK, b.sha256);
    pack_block_print(&b, *bytes);
}

/* ---- reading ---- */

static void pack_again(const struct pack *p)
{
    struct pack back;
    struct err e = {0};
    unsigned char *bytes = NULL;
    size_t n = 0;
    assert(pack_encode(p, &bytes, &n, &e) == 0);
    assert(pack_decode(&back, bytes, n, "again", true, &e) == 0);
    assert(back.n == p->n);
    pack_release(&back);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct pack p;
    struct err e = {0};
    unsigned char *bytes;
    size_t n_bytes = n;
    if (n && data[0] == 'F') {
        make_pack((struct recipe){data + 1, n - 1}, &bytes, &n_bytes);
    } else {
        bytes = malloc(n ? n : 1); /* of the exact length, so that reads behind it are seen */
        memcpy(bytes, data, n);
    }
    if (pack_decode(&p, bytes, n_bytes, "input", true, &e) == 0) {
        pack_again(&p);
        pack_release(&p);
    } else {
        assert((e.code == ERR_FORMAT || e.code == ERR_LIMIT) && e.text[0]);
    }
    free(bytes);
    return 0;
}
