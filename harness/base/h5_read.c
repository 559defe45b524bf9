/* Reading groups, attributes and arrays from an HDF5 image. What a file claims is checked
 * before anything is allocated: the rank, the product of the dimensions, for plain arrays the
 * length of the image, for packed ones PACKED_LIMIT. */
#include "harness/base/h5.h"

#include "harness/base/err.h"
#include "harness/base/h5_private.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

#include <stdlib.h>
#include <string.h>

/* A chunked array may claim any size; this is the most that is believed. */
#define PACKED_LIMIT ((size_t)4 << 30)
enum { ATTR_LIMIT = 1 << 20 };

/* An open data set or attribute with what its header says. */
struct object {
    hid_t id, type; /* type: of the file */
    H5T_class_t class;
    size_t item_bytes; /* in the file */
    size_t n_dims, dims[H5_MAX_DIMS];
    size_t n;      /* elements */
    bool packed;   /* chunked: its length in the file says little */
    bool variable; /* variable-length text */
};

/* Fills dims and n from a dataspace. */
static int read_extent(struct h5 *h, const char *path, hid_t space, struct object *o,
                       struct err *e)
{
    H5S_class_t kind = H5Sget_simple_extent_type(space);
    int n_dims = H5Sget_simple_extent_ndims(space);
    if ((kind != H5S_SCALAR && kind != H5S_SIMPLE) || n_dims < 0 || n_dims > H5_MAX_DIMS) {
        return err_set(e, ERR_FORMAT, "%s: %s: no array of at most %d dimensions", h->name, path,
                       H5_MAX_DIMS);
    }
    hsize_t dims[H5_MAX_DIMS];
    H5Sget_simple_extent_dims(space, dims, NULL);
    o->n_dims = (size_t)n_dims;
    o->n = 1;
    for (size_t i = 0; i < o->n_dims; i++) {
        o->dims[i] = dims[i];
        if (__builtin_mul_overflow(o->n, dims[i], &o->n)) {
            return err_set(e, ERR_FORMAT, "%s: %s: dimensions overflow", h->name, path);
        }
    }
    return 0;
}

static int read_header(struct h5 *h, const char *path, hid_t space, struct object *o,
                       struct err *e)
{
    if (o->type < 0 || space < 0) {
        return h5_fail(h, path, "cannot read header", e);
    }
    o->class = H5Tget_class(o->type);
    o->item_bytes = H5Tget_size(o->type);
    o->variable = o->class == H5T_STRING && H5Tis_variable_str(o->type) > 0;
    if (o->class < 0 || o->item_bytes == 0) {
        return h5_fail(h, path, "cannot read type", e);
    }
    return read_extent(h, path, space, o, e);
}

static void close_set(struct object *o)
{
    if (o->type >= 0) {
        H5Tclose(o->type);
    }
    if (o->id >= 0) {
        H5Dclose(o->id);
    }
}

/* Refuses layouts that reach outside the image; fills packed. */
static int check_layout(struct h5 *h, const char *path, struct object *o, struct err *e)
{
    hid_t dcpl = H5Dget_create_plist(o->id);
    if (dcpl < 0) {
        return h5_fail(h, path, "cannot read layout", e);
    }
    H5D_layout_t layout = H5Pget_layout(dcpl);
    int n_external = H5Pget_external_count(dcpl);
    H5Pclose(dcpl);
    if (n_external != 0 ||
        (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)) {
        return err_set(e, ERR_FORMAT, "%s: %s: data kept outside the file", h->name, path);
    }
    o->packed = layout == H5D_CHUNKED;
    return 0;
}

/* On success the caller ends with close_set. */
static int open_set(struct h5 *h, const char *path, struct object *o, struct err *e)
{
    *o = (struct object){.type = H5I_INVALID_HID};
    o->id = H5Dopen2(h->file, path, H5P_DEFAULT);
    if (o->id < 0) {
        return h5_fail(h, path, "cannot open", e);
    }
    int rc = check_layout(h, path, o, e);
    if (rc == 0) {
        hid_t space = H5Dget_space(o->id);
        o->type = H5Dget_type(o->id);
        rc = read_header(h, path, space, o, e);
        if (space >= 0) {
            H5Sclose(space);
        }
    }
    if (rc) {
        close_set(o);
    }
    return rc;
}

/* Whether the elements can be there and fit in memory at memory_bytes each. */
static int check_size(struct h5 *h, const char *path, const struct object *o,
                      size_t memory_bytes, struct err *e)
{
    size_t stored, wanted;
    if (__builtin_mul_overflow(o->n, o->item_bytes, &stored) ||
        __builtin_mul_overflow(o->n, memory_bytes, &wanted)) {
        return err_set(e, ERR_FORMAT, "%s: %s: size overflows", h->name, path);
    }
    if (!o->packed && stored > h->image_bytes) {
        return err_set(e, ERR_FORMAT, "%s: %s: claims %zu bytes in a file of %zu", h->name, path,
                       stored, h->image_bytes);
    }
    if (o->packed && wanted > PACKED_LIMIT) {
        return err_set(e, ERR_LIMIT, "%s: %s: claims %zu elements of %zu bytes, the limit is %zu",
                       h->name, path, o->n, memory_bytes, PACKED_LIMIT);
    }
    return 0;
}

bool h5_has(struct h5 *h, const char *path)
{
    hid_t id = H5Oopen(h->file, path, H5P_DEFAULT);
    if (id >= 0) {
        H5Oclose(id);
    }
    return id >= 0;
}

bool h5_is_text(struct h5 *h, const char *path)
{
    struct object o;
    if (open_set(h, path, &o, NULL)) {
        return false;
    }
    bool text = o.class == H5T_STRING;
    close_set(&o);
    return text;
}

int h5_shape(struct h5 *h, const char *path, size_t *n_dims, size_t dims[H5_MAX_DIMS],
             struct err *e)
{
    struct object o;
    if (open_set(h, path, &o, e)) {
        return -1;
    }
    *n_dims = o.n_dims;
    memcpy(dims, o.dims, sizeof o.dims);
    close_set(&o);
    return 0;
}

/* A value that the wanted type cannot hold ends the read. */
static H5T_conv_ret_t refuse_inexact(H5T_conv_except_t what, hid_t from, hid_t to, void *from_value,
                                     void *to_value, void *ctx)
{
    (void)from;
    (void)to;
    (void)from_value;
    (void)to_value;
    (void)what;
    *(bool *)ctx = true;
    return H5T_CONV_ABORT;
}

static int read_numbers(struct h5 *h, const char *path, const struct object *o, enum h5_type t,
                        void *data, struct err *e)
{
    bool refused = false;
    hid_t dxpl = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_type_conv_cb(dxpl, refuse_inexact, &refused);
    int rc = 0;
    if (H5Dread(o->id, h5_type_id(t), H5S_ALL, H5S_ALL, dxpl, data) < 0) {
        rc = h5_fail(h, path, "cannot read", e);
        if (refused) {
            rc = err_set(e, ERR_FORMAT, "%s: %s: a value does not fit the type wanted", h->name,
                         path);
        }
    }
    H5Pclose(dxpl);
    return rc;
}

int h5_read(struct h5 *h, const char *path, enum h5_type t, void **data, size_t *n, struct err *e)
{
    struct object o;
    if (open_set(h, path, &o, e)) {
        return -1;
    }
    int rc = -1;
    void *out = NULL;
    if (o.class != H5T_INTEGER && o.class != H5T_FLOAT) {
        err_set(e, ERR_FORMAT, "%s: %s: not an array of numbers", h->name, path);
    } else if (check_size(h, path, &o, h5_item_bytes(t), e) == 0) {
        out = mem_take(o.n, h5_item_bytes(t), e);
        rc = !out ? -1 : o.n ? read_numbers(h, path, &o, t, out, e)
                             : 0;
    }
    close_set(&o);
    if (rc) {
        free(out);
        return -1;
    }
    *data = out;
    *n = o.n;
    return 0;
}

/* The memory type in which a text of the file gets a NUL behind it. */
static hid_t terminated_type(const struct object *o)
{
    hid_t type = H5Tcopy(o->type);
    H5Tset_size(type, o->item_bytes + 1);
    H5Tset_strpad(type, H5T_STR_NULLTERM);
    return type;
}

static int check_text(struct h5 *h, const char *path, const struct object *o, size_t n_dims,
                      struct err *e)
{
    if (o->class != H5T_STRING || o->n_dims != n_dims) {
        return err_set(e, ERR_FORMAT, "%s: %s: not a %s", h->name, path,
                       n_dims ? "list of texts" : "single text");
    }
    if (o->variable) {
        return err_set(e, ERR_FORMAT, "%s: %s: texts of variable length are not supported",
                       h->name, path);
    }
    return check_size(h, path, o, o->item_bytes + 1, e);
}

/* All texts of a data set of n_dims dimensions (0 or 1). */
static int read_text_set(struct h5 *h, const char *path, size_t n_dims, char **block,
                         size_t *stride, size_t *n, struct err *e)
{
    struct object o;
    if (open_set(h, path, &o, e)) {
        return -1;
    }
    int rc = check_text(h, path, &o, n_dims, e);
    char *out = rc ? NULL : mem_take(o.n, o.item_bytes + 1, e);
    rc = out ? 0 : -1;
    if (rc == 0 && o.n) {
        hid_t type = terminated_type(&o);
        if (H5Dread(o.id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0) {
            rc = h5_fail(h, path, "cannot read", e);
        }
        H5Tclose(type);
    }
    close_set(&o);
    if (rc) {
        free(out);
        return -1;
    }
    *block = out;
    *stride = o.item_bytes + 1;
    *n = o.n;
    return 0;
}

int h5_read_texts(struct h5 *h, const char *path, char **block, size_t *stride, size_t *n,
                  struct err *e)
{
    return read_text_set(h, path, 1, block, stride, n, e);
}

static void close_attr(struct object *o)
{
    if (o->type >= 0) {
        H5Tclose(o->type);
    }
    if (o->id >= 0) {
        H5Aclose(o->id);
    }
}

/* Takes over an attribute's id (which may be a failed one); on success the caller ends with
 * close_attr. Scalars below ATTR_LIMIT only. */
static int open_attr(struct h5 *h, const char *name, hid_t id, struct object *o, struct err *e)
{
    *o = (struct object){.id = id, .type = H5I_INVALID_HID};
    if (id < 0) {
        return h5_fail(h, name, "no such attribute", e);
    }
    hid_t space = H5Aget_space(id);
    o->type = H5Aget_type(id);
    int rc = read_header(h, name, space, o, e);
    if (rc == 0 && (o->n != 1 || o->item_bytes > ATTR_LIMIT || o->variable)) {
        rc = err_set(e, ERR_FORMAT, "%s: attribute %s: not one number or text of fixed length",
                     h->name, name);
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    if (rc) {
        close_attr(o);
    }
    return rc;
}

static char *attr_text(struct h5 *h, const char *name, const struct object *o, struct err *e)
{
    if (o->class != H5T_STRING) {
        err_set(e, ERR_FORMAT, "%s: attribute %s: not a text", h->name, name);
        return NULL;
    }
    char *v = mem_take(o->item_bytes + 1, 1, e);
    if (!v) {
        return NULL;
    }
    hid_t type = terminated_type(o);
    if (H5Aread(o->id, type, v) < 0) {
        h5_fail(h, name, "cannot read attribute", e);
        free(v);
        v = NULL;
    }
    H5Tclose(type);
    return v;
}

/* An integer attribute: *v, or *u (and *is_unsigned) when its type has no sign. */
static int attr_integer(struct h5 *h, const char *name, const struct object *o, int64_t *v,
                        uint64_t *u, bool *is_unsigned, struct err *e)
{
    if (o->class != H5T_INTEGER || o->item_bytes > 8) {
        return err_set(e, ERR_FORMAT, "%s: attribute %s: not an integer", h->name, name);
    }
    *is_unsigned = H5Tget_sign(o->type) == H5T_SGN_NONE;
    herr_t rc = *is_unsigned ? H5Aread(o->id, H5T_NATIVE_UINT64, u)
                             : H5Aread(o->id, H5T_NATIVE_INT64, v);
    return rc < 0 ? h5_fail(h, name, "cannot read attribute", e) : 0;
}

static int attr_double(struct h5 *h, const char *name, const struct object *o, double *v,
                       struct err *e)
{
    if (o->class != H5T_FLOAT && o->class != H5T_INTEGER) {
        return err_set(e, ERR_FORMAT, "%s: attribute %s: not a number", h->name, name);
    }
    if (H5Aread(o->id, H5T_NATIVE_DOUBLE, v) < 0) {
        return h5_fail(h, name, "cannot read attribute", e);
    }
    return 0;
}

int h5_read_attr_i64(struct h5 *h, const char *path, const char *name, int64_t *v, struct err *e)
{
    struct object o;
    hid_t id = H5Aopen_by_name(h->file, path, name, H5P_DEFAULT, H5P_DEFAULT);
    if (open_attr(h, name, id, &o, e)) {
        return err_wrap(e, "%s", path);
    }
    uint64_t u = 0;
    bool is_unsigned = false;
    int rc = attr_integer(h, name, &o, v, &u, &is_unsigned, e);
    close_attr(&o);
    if (rc == 0 && is_unsigned) {
        if (u > INT64_MAX) {
            return err_set(e, ERR_FORMAT, "%s: attribute %s: %ju is out of range", h->name, name,
                           (uintmax_t)u);
        }
        *v = (int64_t)u;
    }
    return rc;
}

int h5_read_attr_f64(struct h5 *h, const char *path, const char *name, double *v, struct err *e)
{
    struct object o;
    hid_t id = H5Aopen_by_name(h->file, path, name, H5P_DEFAULT, H5P_DEFAULT);
    if (open_attr(h, name, id, &o, e)) {
        return err_wrap(e, "%s", path);
    }
    int rc = attr_double(h, name, &o, v, e);
    close_attr(&o);
    return rc;
}

int h5_read_text(struct h5 *h, const char *path, char **v, struct err *e)
{
    const char *at = strchr(path, '@');
    if (!at) {
        size_t stride, n;
        return read_text_set(h, path, 0, v, &stride, &n, e);
    }
    char *object = mem_strndup(path, (size_t)(at - path), e);
    if (!object) {
        return -1;
    }
    struct object o;
    hid_t id = H5Aopen_by_name(h->file, object, at + 1, H5P_DEFAULT, H5P_DEFAULT);
    int rc = open_attr(h, path, id, &o, e);
    free(object);
    if (rc == 0) {
        *v = attr_text(h, path, &o, e);
        rc = *v ? 0 : -1;
        close_attr(&o);
    }
    return rc;
}

struct attr_walk {
    struct h5 *h;
    h5_attr_fn *fn;
    void *ctx;
    struct err *e;
    bool told; /* e is set */
};

/* The value of an attribute as text. */
static int print_attr(struct h5 *h, const char *name, const struct object *o, struct str *out,
                      struct err *e)
{
    if (o->class == H5T_STRING) {
        char *v = attr_text(h, name, o, e);
        if (!v) {
            return -1;
        }
        str_add(out, v);
        free(v);
    } else if (o->class == H5T_INTEGER) {
        int64_t v = 0;
        uint64_t u = 0;
        bool is_unsigned = false;
        if (attr_integer(h, name, o, &v, &u, &is_unsigned, e)) {
            return -1;
        }
        if (is_unsigned) {
            str_addf(out, "%ju", (uintmax_t)u);
        } else {
            str_addf(out, "%jd", (intmax_t)v);
        }
    } else {
        double v;
        if (attr_double(h, name, o, &v, e)) {
            return -1;
        }
        str_add_double(out, v);
    }
    return str_check(out, e);
}

static herr_t walk_attr(hid_t loc, const char *name, const H5A_info_t *info, void *ctx)
{
    (void)info;
    struct attr_walk *w = ctx;
    struct object o;
    w->told = true; /* whatever fails below sets e */
    if (open_attr(w->h, name, H5Aopen(loc, name, H5P_DEFAULT), &o, w->e)) {
        return -1;
    }
    struct str text = {0};
    int rc = print_attr(w->h, name, &o, &text, w->e);
    close_attr(&o);
    if (rc == 0) {
        rc = w->fn(w->ctx, name, str_text(&text), w->e);
    }
    str_release(&text);
    w->told = rc != 0;
    return rc ? -1 : 0;
}

int h5_attrs(struct h5 *h, const char *path, h5_attr_fn *fn, void *ctx, struct err *e)
{
    hid_t id = H5Oopen(h->file, path, H5P_DEFAULT);
    if (id < 0) {
        return h5_fail(h, path, "cannot open", e);
    }
    struct attr_walk w = {.h = h, .fn = fn, .ctx = ctx, .e = e};
    int rc = 0;
    if (H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_INC, NULL, walk_attr, &w) < 0) {
        rc = w.told ? err_wrap(e, "%s", path) : h5_fail(h, path, "cannot list attributes", e);
    }
    H5Oclose(id);
    return rc;
}
