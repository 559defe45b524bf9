/* Writing groups, attributes and arrays into an HDF5 file. Arrays are contiguous, or chunked
 * with shuffle and deflate level 1: shuffling puts bytes of equal weight side by side, after
 * which level 1 packs nearly as well as higher levels at several times their speed. */
#include "harness/base/h5.h"

#include "harness/base/err.h"
#include "harness/base/h5_private.h"
#include "harness/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_ELEMENTS = 1 << 20,
    PLAIN_BYTES = 1024, /* a chunk and its index add some 300 bytes: small arrays stay contiguous */
};

struct new_set {
    const char *path;
    hid_t type; /* in the file and in memory */
    size_t n_dims;
    const size_t *dims;
    const void *data; /* NULL: create only */
    bool compress;
};

int h5_group(struct h5 *h, const char *path, struct err *e)
{
    hid_t gcpl = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(gcpl, 0);
    hid_t group = H5Gcreate2(h->file, path, H5P_DEFAULT, gcpl, H5P_DEFAULT);
    int rc = group < 0 ? h5_fail(h, path, "cannot make group", e) : 0;
    H5Pclose(gcpl);
    if (group >= 0) {
        H5Gclose(group);
    }
    return rc;
}

/* Fixed length, NUL-padded; HDF5 has no texts of length 0, so an empty one is one NUL. Of text [n]
 * the character set is ASCII where that will do, since Octave cannot read UTF-8, else UTF-8. */
static hid_t text_type(size_t n_bytes, const char *text, size_t n)
{
    bool ascii = true;
    for (size_t i = 0; i < n && ascii; i++) {
        ascii = (unsigned char)text[i] < 0x80;
    }
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, n_bytes ? n_bytes : 1);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, ascii ? H5T_CSET_ASCII : H5T_CSET_UTF8);
    return type;
}

static int write_attr(struct h5 *h, const char *path, const char *name, hid_t type,
                      const void *v, struct err *e)
{
    int rc = 0;
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate_by_name(h->file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT,
                                   H5P_DEFAULT);
    if (attr < 0 || H5Awrite(attr, type, v) < 0) {
        rc = h5_fail(h, path, "cannot write attribute", e);
        err_wrap(e, "attribute %s", name);
    }
    if (attr >= 0) {
        H5Aclose(attr);
    }
    H5Sclose(space);
    return rc;
}

int h5_attr_text(struct h5 *h, const char *path, const char *name, const char *v, struct err *e)
{
    hid_t type = text_type(strlen(v), v, strlen(v));
    int rc = write_attr(h, path, name, type, v, e);
    H5Tclose(type);
    return rc;
}

int h5_attr_i64(struct h5 *h, const char *path, const char *name, int64_t v, struct err *e)
{
    return write_attr(h, path, name, h5_type_id(H5_I64), &v, e);
}

int h5_attr_f64(struct h5 *h, const char *path, const char *name, double v, struct err *e)
{
    return write_attr(h, path, name, h5_type_id(H5_F64), &v, e);
}

/* Chunks of whole trailing dimensions, CHUNK_ELEMENTS at most. */
static void set_compression(hid_t dcpl, size_t n_dims, const hsize_t *dims)
{
    hsize_t chunk[H5_MAX_DIMS];
    hsize_t left = CHUNK_ELEMENTS;
    for (size_t i = n_dims; i-- > 0;) {
        chunk[i] = dims[i] < left ? dims[i] : left;
        left /= chunk[i];
    }
    H5Pset_chunk(dcpl, (int)n_dims, chunk);
    H5Pset_shuffle(dcpl);
    H5Pset_deflate(dcpl, 1);
}

static int write_new(struct h5 *h, const struct new_set *s, struct err *e)
{
    assert(s->n_dims <= H5_MAX_DIMS);
    hsize_t dims[H5_MAX_DIMS];
    size_t n_bytes = H5Tget_size(s->type);
    for (size_t i = 0; i < s->n_dims; i++) {
        dims[i] = s->dims[i];
        n_bytes *= s->dims[i];
    }
    int rc = 0;
    hid_t space = s->n_dims ? H5Screate_simple((int)s->n_dims, dims, NULL) : H5Screate(H5S_SCALAR);
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(dcpl, 0);
    if (s->compress && s->n_dims && n_bytes >= PLAIN_BYTES) {
        set_compression(dcpl, s->n_dims, dims);
    }
    hid_t set = H5Dcreate2(h->file, s->path, s->type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    if (set < 0) {
        rc = h5_fail(h, s->path, "cannot make data set", e);
    } else if (s->data && n_bytes &&
               H5Dwrite(set, s->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, s->data) < 0) {
        rc = h5_fail(h, s->path, "cannot write", e);
    }
    /* Closing flushes a chunk through the filters. */
    if (set >= 0 && H5Dclose(set) < 0 && rc == 0) {
        rc = h5_fail(h, s->path, "cannot write", e);
    }
    H5Pclose(dcpl);
    H5Sclose(space);
    return rc;
}

int h5_array(struct h5 *h, const char *path, enum h5_type t, size_t n_dims, const size_t *dims,
             const void *data, bool compress, struct err *e)
{
    struct new_set s = {
        .path = path,
        .type = h5_type_id(t),
        .n_dims = n_dims,
        .dims = dims,
        .data = data,
        .compress = compress,
    };
    return write_new(h, &s, e);
}

int h5_text(struct h5 *h, const char *path, const char *v, struct err *e)
{
    hid_t type = text_type(strlen(v), v, strlen(v));
    int rc = write_new(h, &(struct new_set){.path = path, .type = type, .data = v}, e);
    H5Tclose(type);
    return rc;
}

int h5_texts(struct h5 *h, const char *path, size_t n, const char *const *texts, bool compress,
             struct err *e)
{
    size_t width = 1;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(texts[i]);
        width = len > width ? len : width;
    }
    char *block = mem_take(n, width, e);
    if (!block) {
        return err_wrap(e, "%s: %s", h->name, path);
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(block + i * width, texts[i], strlen(texts[i]));
    }
    hid_t type = text_type(width, block, n * width);
    struct new_set s = {
        .path = path,
        .type = type,
        .n_dims = 1,
        .dims = &n,
        .data = block,
        .compress = compress,
    };
    int rc = write_new(h, &s, e);
    H5Tclose(type);
    free(block);
    return rc;
}

int h5_matrix(struct h5 *h, const char *path, enum h5_type t, size_t n_rows, size_t n_cols,
              struct err *e)
{
    size_t dims[2] = {n_rows, n_cols};
    return h5_array(h, path, t, 2, dims, NULL, false, e);
}

static int write_rows(struct h5 *h, hid_t set, const char *path, hsize_t first, hsize_t n_rows,
                      const void *data, struct err *e)
{
    hid_t space = H5Dget_space(set), type = H5Dget_type(set);
    hsize_t dims[2] = {0, 0};
    assert(H5Sget_simple_extent_ndims(space) == 2);
    H5Sget_simple_extent_dims(space, dims, NULL);
    assert(first <= dims[0] && n_rows <= dims[0] - first);
    hsize_t start[2] = {first, 0}, count[2] = {n_rows, dims[1]};
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    hid_t memory = H5Screate_simple(2, count, NULL);
    int rc = 0;
    if (n_rows && dims[1] && H5Dwrite(set, type, memory, space, H5P_DEFAULT, data) < 0) {
        rc = h5_fail(h, path, "cannot write rows", e);
    }
    H5Sclose(memory);
    H5Tclose(type);
    H5Sclose(space);
    return rc;
}

int h5_rows(struct h5 *h, const char *path, size_t first_row, size_t n_rows, const void *data,
            struct err *e)
{
    hid_t set = H5Dopen2(h->file, path, H5P_DEFAULT);
    if (set < 0) {
        return h5_fail(h, path, "cannot open", e);
    }
    int rc = write_rows(h, set, path, first_row, n_rows, data, e);
    H5Dclose(set);
    return rc;
}
