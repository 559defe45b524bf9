/* IDX files as the MNIST family uses them (yann.lecun.com/exdb/mnist): two zero bytes, a type, a
 * number of dimensions, big-endian 32-bit dimensions, then the bytes. A split is one file of
 * images [n,h,w] and one of labels [n], plain or gzip-compressed; both are read into memory. */
#include "datasets/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/codec/gzip.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

struct idx {
    char where[SOURCE_PATH];
    size_t h, w;
    size_t n[2];        /* of train, test */
    uint8_t *images[2]; /* [n, h, w] */
    uint8_t *labels[2]; /* [n] */
};

struct opening {
    const struct dataset_desc *d;
    struct idx *x;
};

static const char *const stems[2] = {"train", "t10k"};

/* Path of a file in `place`, first the .gz, whose CRC tells damage. False: neither is there. */
static bool find_file(char path[SOURCE_PATH], const char *place, size_t split, const char *kind)
{
    for (int plain = 0; plain < 2; plain++) {
        int n = snprintf(path, SOURCE_PATH, "%s/%s-%s-ubyte%s", place, stems[split], kind,
                         plain ? "" : ".gz");
        if (n > 0 && n < SOURCE_PATH && file_exists(path)) {
            return true;
        }
    }
    return false;
}

static int read_exact(struct gzip *g, const char *path, void *out, size_t n, size_t at,
                      struct err *e)
{
    size_t got;
    if (gzip_read(g, out, n, &got, e)) {
        return -1;
    }
    if (got != n) {
        return err_set(e, ERR_FORMAT, "%s: truncated: %zu bytes of data, %zu expected", path,
                       at + got, at + n);
    }
    return 0;
}

/* Reads the header: bytes in n_dims dimensions. */
static int read_header(struct gzip *g, const char *path, size_t n_dims, size_t *dims,
                       struct err *e)
{
    uint8_t head[16];
    if (read_exact(g, path, head, 4, 0, e)) {
        return -1;
    }
    if (head[0] || head[1]) {
        return err_set(e, ERR_FORMAT, "%s: offset 0: not an IDX file", path);
    }
    if (head[2] != 8) {
        return err_set(e, ERR_FORMAT, "%s: offset 2: type 0x%02x, 0x08 (unsigned bytes) expected",
                       path, head[2]);
    }
    if (head[3] != n_dims) {
        return err_set(e, ERR_FORMAT, "%s: offset 3: %u dimensions, %zu expected", path, head[3],
                       n_dims);
    }
    if (read_exact(g, path, head + 4, 4 * n_dims, 4, e)) {
        return -1;
    }
    for (size_t i = 0; i < n_dims; i++) {
        const uint8_t *b = head + 4 + 4 * i;
        dims[i] = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
    }
    return 0;
}

/* Reads an array whose items have item_bytes each into fresh memory. */
static int read_array(struct gzip *g, const char *path, size_t n_dims, size_t n, size_t item_bytes,
                      uint8_t **out, struct err *e)
{
    size_t bytes = n * item_bytes; /* n < 2^32, item_bytes < 2^20 */
    if (bytes > gzip_most_bytes(g)) {
        return err_set(e, ERR_FORMAT, "%s: offset 4: the dimensions announce more than it holds",
                       path);
    }
    *out = mem_take(bytes, 1, e);
    if (!*out || read_exact(g, path, *out, bytes, 4 + 4 * n_dims, e)) {
        return -1;
    }
    uint8_t more;
    size_t got;
    if (gzip_read(g, &more, 1, &got, e)) {
        return -1;
    }
    if (got) {
        return err_set(e, ERR_FORMAT, "%s: bytes behind the %zu that its header announces", path,
                       4 + 4 * n_dims + bytes);
    }
    return 0;
}

static int read_images(struct opening *o, size_t split, const char *path, struct err *e)
{
    struct idx *x = o->x;
    struct gzip *g;
    size_t dims[3] = {0}, official = o->d->official[split];
    if (gzip_open(&g, path, e)) {
        return -1;
    }
    int rc = read_header(g, path, 3, dims, e);
    if (!rc && (dims[1] != x->h || dims[2] != x->w)) {
        rc = err_set(e, ERR_FORMAT, "%s: offset 8: dimensions %zu x %zu, %zu x %zu expected", path,
                     dims[1], dims[2], x->h, x->w);
    }
    if (!rc && official && dims[0] > official) {
        rc = err_set(e, ERR_FORMAT, "%s: offset 4: %zu images, official number %zu", path, dims[0],
                     official);
    }
    if (!rc) {
        x->n[split] = dims[0];
        rc = read_array(g, path, 3, dims[0], x->h * x->w, &x->images[split], e);
    }
    gzip_close(g);
    return rc;
}

static int read_labels(struct opening *o, size_t split, const char *path, const char *images,
                       struct err *e)
{
    struct idx *x = o->x;
    struct gzip *g;
    size_t n = 0;
    if (gzip_open(&g, path, e)) {
        return -1;
    }
    int rc = read_header(g, path, 1, &n, e);
    if (!rc && n != x->n[split]) {
        rc = err_set(e, ERR_FORMAT, "%s: %zu images, %zu labels in %s", images, x->n[split], n,
                     path);
    }
    rc = rc ? rc : read_array(g, path, 1, n, 1, &x->labels[split], e);
    for (size_t i = 0; !rc && i < n; i++) {
        if (x->labels[split][i] >= o->d->n_classes) {
            rc = err_set(e, ERR_FORMAT, "%s: item %zu: label %u not in 0..%zu", path, i,
                         x->labels[split][i], o->d->n_classes - 1);
        }
    }
    gzip_close(g);
    return rc;
}

/* 1 when any of the files is in this place and all could be read. */
static int visit(void *ctx, const char *place, struct err *e)
{
    struct opening *o = ctx;
    char images[2][SOURCE_PATH], labels[2][SOURCE_PATH];
    bool any = false, all = true;
    for (size_t s = 0; s < 2; s++) {
        bool i = find_file(images[s], place, s, "images-idx3");
        bool l = find_file(labels[s], place, s, "labels-idx1");
        any = any || i || l;
        if (all && any && !(i && l)) {
            all = false;
            err_set(e, ERR_FORMAT, "%s-%s-ubyte[.gz] missing in %s", stems[s],
                    i ? "labels-idx1" : "images-idx3", place);
        }
    }
    if (!any || !all) {
        return any ? -1 : 0;
    }
    snprintf(o->x->where, sizeof o->x->where, "%s", place);
    for (size_t s = 0; s < 2; s++) {
        if (read_images(o, s, images[s], e) || read_labels(o, s, labels[s], images[s], e)) {
            return -1;
        }
    }
    return 1;
}

static void idx_close(void *state)
{
    struct idx *x = state;
    for (size_t s = 0; s < 2; s++) {
        free(x->images[s]);
        free(x->labels[s]);
    }
    free(x);
}

static int idx_open(void **state, const struct dataset_desc *d, const char *path,
                    const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows of this source take none */
    assert(d->h && d->w && d->h < 1024 && d->w < 1024 && d->n_source_splits == 2);
    struct idx *x = mem_take(1, sizeof *x, e);
    if (!x) {
        return -1;
    }
    x->h = d->h;
    x->w = d->w;
    struct opening o = {d, x};
    int rc = source_visit(d, where, visit, &o, e);
    if (!rc) {
        rc = source_absent(d, "train-images-idx3-ubyte[.gz]", where, e);
    }
    if (rc < 0) {
        idx_close(x);
        return -1;
    }
    *state = x;
    return 0;
}

static size_t idx_count(const void *state, size_t source_split)
{
    return ((const struct idx *)state)->n[source_split];
}

static int32_t idx_label(const void *state, size_t source_split, size_t i)
{
    return ((const struct idx *)state)->labels[source_split][i];
}

static size_t idx_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    const struct idx *x = state;
    (void)source_split, (void)i; /* all are equal */
    return x->h * x->w;
}

static int idx_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                    struct sample *out, struct err *e)
{
    const struct idx *x = state;
    (void)buf, (void)e; /* a view of memory */
    size_t n = x->h * x->w;
    *out = (struct sample){x->images[source_split] + i * n, n, SAMPLE_GREY, x->h, x->w};
    return 0;
}

static const char *idx_where(const void *state)
{
    return ((const struct idx *)state)->where;
}

const struct source_ops source_idx = {
    .name = "idx",
    .sources = "datasets/idx.c datasets/codec/gzip.c",
    .open = idx_open,
    .close = idx_close,
    .count = idx_count,
    .label = idx_label,
    .encoded_bytes = idx_encoded_bytes,
    .read = idx_read,
    .where = idx_where,
};
