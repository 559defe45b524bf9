/* dSprites (github.com/deepmind/dsprites-dataset): one file with imgs, bytes [N, 64, 64] of 0 and
 * 1, and the latent classes of each [N, 6]: colour, shape, scale, orientation, x, y. The .hdf5 that
 * TFDS reads, or the .npz with the same arrays in the same order. As in VTAB the pixels are
 * multiplied by 255. The key is the index. */
#include "datasets/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "datasets/codec/spool.h"
#include "datasets/h5_array.h"
#include "datasets/label_rule.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/npy.h"
#include "harness/base/zip.h"

#define STEM "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"
enum { SIDE = 64,
       PIXELS = SIDE * SIDE,
       LATENTS = 6 };

struct dsprites {
    char where[SOURCE_PATH];
    const struct dataset_desc *desc;
    struct h5_array *images; /* .hdf5 */
    struct spool *npy;       /* .npz: imgs.npy */
    size_t npy_offset;       /* of the first pixel */
    int8_t *labels;
    size_t n;
};

/* v [n, LATENTS]; name is of the array. */
static int take_labels(struct dsprites *d, const int64_t *v, const char *name, struct err *e)
{
    const struct label_rule *rule = d->desc->rule;
    d->labels = mem_take(d->n, 1, e);
    int rc = d->labels ? 0 : -1;
    for (size_t i = 0; !rc && i < d->n; i++) {
        int64_t raw = v[i * LATENTS + rule->column];
        int32_t label = rule->label(&(float){(float)raw}, 1);
        if (label < 0) {
            rc = err_set(e, ERR_FORMAT, "%s: %s: row %zu: %s %lld not in %s", d->where, name, i,
                         rule->what, (long long)raw, rule->range);
        }
        d->labels[i] = (int8_t)label;
    }
    return rc;
}

/* Whether the shapes are those of images and of latents; sets n. */
static int check_shapes(struct dsprites *d, size_t n_dims, const size_t *dims, bool bytes,
                        size_t n_latents, const size_t *latents, struct err *e)
{
    size_t most = d->desc->official[0];
    if (n_dims != 3 || dims[1] != SIDE || dims[2] != SIDE || !bytes || dims[0] > most) {
        return err_set(e, ERR_FORMAT, "%s: shape of imgs is not [N, %d, %d] in bytes with N at "
                                      "most %zu",
                       d->where, SIDE, SIDE, most);
    }
    d->n = dims[0];
    if (n_latents != 2 || latents[0] != d->n || latents[1] != LATENTS) {
        return err_set(e, ERR_FORMAT, "%s: shape of the latent classes is not [%zu, %d]", d->where,
                       d->n, LATENTS);
    }
    return 0;
}

static int open_hdf5(struct dsprites *d, struct err *e)
{
    uint64_t bytes;
    struct h5_array classes, *x = mem_take(1, sizeof *x, e);
    int fd = x ? file_open(d->where, &bytes, e) : -1;
    if (fd < 0 || h5_array_open(x, fd, bytes, "imgs", d->where, e)) {
        free(x);
        x = NULL;
    }
    d->images = x;
    int rc = x ? h5_array_open(&classes, fd, bytes, "latents/classes", d->where, e) : -1;
    if (!rc) {
        rc = check_shapes(d, x->map.n_dims, x->map.dims, x->map.item_bytes == 1 && !x->map.is_float,
                          classes.map.n_dims, classes.map.dims, e);
        int64_t *v = rc ? NULL : h5_array_integers(&classes, e);
        rc = v ? take_labels(d, v, "latents/classes", e) : -1;
        free(v);
        h5_array_close(&classes);
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

static const struct zip_member *find_member(const struct dsprites *d, const struct zip *z,
                                            const char *name, struct err *e)
{
    const struct zip_member *m = zip_find(z, name);
    if (!m) {
        err_set(e, ERR_FORMAT, "%s missing in %s", name, d->where);
    }
    return m;
}

/* The head of imgs.npy. */
static int open_images(struct dsprites *d, const struct zip *z, struct npy *head, struct err *e)
{
    char name[SOURCE_PATH + 16];
    unsigned char *first = mem_take(NPY_MAX_HEADER, 1, e);
    const struct zip_member *m = first ? find_member(d, z, "imgs.npy", e) : NULL;
    struct spool_part part = {.fd = z->fd, .name = name};
    snprintf(name, sizeof name, "%s: imgs.npy", d->where);
    int rc = m ? zip_locate(z, m, &part.offset, e) : -1;
    if (!rc) {
        size_t n;
        part.packed = m->packed_bytes;
        part.bytes = m->bytes;
        part.window_bits = m->method ? -15 : 0;
        part.check_crc = true;
        part.crc32 = m->crc32;
        rc = spool_open_part(&d->npy, &part, e) ||
                     spool_head(d->npy, first, NPY_MAX_HEADER, &n, e) ||
                     npy_parse_header(head, first, n, name, e)
                 ? -1
                 : 0;
    }
    if (!rc && head->data_offset + head->n * npy_item_bytes(head->type) != m->bytes) {
        rc = err_set(e, ERR_FORMAT, "%s: truncated: %llu bytes do not hold the array", name,
                     (unsigned long long)m->bytes);
    }
    d->npy_offset = rc ? 0 : head->data_offset;
    free(first);
    return rc;
}

static int open_npz(struct dsprites *d, struct err *e)
{
    char name[SOURCE_PATH + 32];
    struct zip z;
    if (zip_open(&z, d->where, e)) {
        return -1;
    }
    snprintf(name, sizeof name, "%s: latents_classes.npy", d->where);
    size_t most = d->desc->official[0] * LATENTS * 8 + NPY_MAX_HEADER;
    struct npy head, classes;
    unsigned char *bytes = NULL;
    int64_t *v = NULL;
    const struct zip_member *m = find_member(d, &z, "latents_classes.npy", e);
    int rc = !m || open_images(d, &z, &head, e) || zip_read_alloc(&z, m, most, &bytes, e) ||
                     npy_parse(&classes, bytes, (size_t)m->bytes, name, e) ||
                     check_shapes(d, head.n_dims, head.dims, head.type == NPY_U8, classes.n_dims,
                                  classes.dims, e)
                 ? -1
                 : 0;
    if (!rc) {
        v = mem_take_raw(classes.n, sizeof *v, e);
        rc = !v || npy_to_i64(&classes, v, name, e) ||
                     take_labels(d, v, "latents_classes.npy", e)
                 ? -1
                 : 0;
    }
    free(v);
    free(bytes);
    zip_close(&z);
    return rc;
}

/* 1 when one of the two files is in this place and could be read. */
static int visit(void *ctx, const char *place, struct err *e)
{
    struct dsprites *d = ctx;
    static const char *const files[] = {STEM ".hdf5", STEM ".npz"};
    for (size_t i = 0; i < 2; i++) {
        if (file_join(d->where, sizeof d->where, place, files[i], e)) {
            return -1;
        }
        if (file_exists(d->where)) {
            return (i ? open_npz(d, e) : open_hdf5(d, e)) ? -1 : 1;
        }
    }
    return 0;
}

static void dsprites_close(void *state)
{
    struct dsprites *d = state;
    if (d->images) {
        h5_array_close(d->images);
    }
    free(d->images);
    spool_close(d->npy);
    free(d->labels);
    free(d);
}

static int dsprites_open(void **state, const struct dataset_desc *desc, const char *path,
                         const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows of this source take none */
    assert(desc->rule && desc->n_source_splits == 1);
    struct dsprites *d = mem_take(1, sizeof *d, e);
    if (!d) {
        return -1;
    }
    d->desc = desc;
    int rc = source_visit(desc, where, visit, d, e);
    if (!rc) {
        rc = source_absent(desc, STEM ".hdf5", where, e);
    }
    if (rc < 0) {
        dsprites_close(d);
        return -1;
    }
    *state = d;
    return 0;
}

static size_t dsprites_count(const void *state, size_t source_split)
{
    (void)source_split; /* there is one */
    return ((const struct dsprites *)state)->n;
}

static int32_t dsprites_label(const void *state, size_t source_split, size_t i)
{
    (void)source_split;
    return ((const struct dsprites *)state)->labels[i];
}

static size_t dsprites_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    (void)state, (void)source_split, (void)i; /* all are equal */
    return PIXELS;
}

static int dsprites_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                         struct sample *out, struct err *e)
{
    const struct dsprites *d = state;
    (void)source_split;
    if (d->images) {
        if (h5_array_read(d->images, i, buf, e)) {
            return -1;
        }
    } else if (sample_buf_reserve(buf, PIXELS, e) ||
               spool_read(d->npy, buf->data, PIXELS, d->npy_offset + (uint64_t)i * PIXELS, e)) {
        return -1;
    }
    for (size_t k = 0; k < PIXELS; k++) {
        if (buf->data[k] > 1) {
            return err_set(e, ERR_FORMAT, "%s: image %zu: pixel %zu is %u, not 0 or 1", d->where, i,
                           k, buf->data[k]);
        }
        buf->data[k] = buf->data[k] ? 255 : 0;
    }
    *out = (struct sample){buf->data, PIXELS, SAMPLE_GREY, SIDE, SIDE};
    return 0;
}

static const char *dsprites_where(const void *state)
{
    return ((const struct dsprites *)state)->where;
}

const struct source_ops source_dsprites = {
    .name = "dsprites",
    .sources = "datasets/dsprites.c datasets/h5_array.c datasets/label_rule.c "
               "datasets/codec/spool.c harness/base/h5_map.c",
    .open = dsprites_open,
    .close = dsprites_close,
    .count = dsprites_count,
    .label = dsprites_label,
    .encoded_bytes = dsprites_encoded_bytes,
    .read = dsprites_read,
    .where = dsprites_where,
};
