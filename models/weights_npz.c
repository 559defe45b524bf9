/* The released .npz files: one .npy member a tensor, kernels HWIO, names as in
 * bit_pytorch/models.py; some files number the convolutions ("standardized_conv2d_17"), and the
 * number is dropped here. Written: a stored zip64 archive (PKWARE APPNOTE 6.3.3), every member
 * below 4 GiB. A weight-standardisation epsilon other than BiT's own travels as the member
 * bitbench/ws_eps, which other readers pass over. */
#include "models/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"
#include "harness/base/zip.h"
#include "models/model.h"

#define BIT_WS_EPS 1e-10 /* inside the square root: bit_pytorch/models.py, StdConv2d */
#define EPS_NAME   "bitbench/ws_eps"
#define SUFFIX     ".npy"

enum { HEADER_ROOM = 65536 }; /* more than any .npy header here */

/* The member's name without ".npy" and without the number of a convolution; false when too long. */
static bool plain_name(const char *stored, char out[PARAM_NAME])
{
    size_t n = strlen(stored) - (str_ends(stored, SUFFIX) ? strlen(SUFFIX) : 0);
    if (n >= PARAM_NAME) {
        return false;
    }
    memcpy(out, stored, n);
    out[n] = '\0';
    char *mark = strstr(out, "standardized_conv2d_");
    if (mark) {
        char *number = mark + strlen("standardized_conv2d_"),
             *rest = number + strspn(number, "0123456789");
        if (rest == number || *rest != '/') {
            return false;
        }
        memmove(number - 1, rest, strlen(rest) + 1); /* over the underscore too */
    }
    return true;
}

/* Reads member i whole, at most max_values elements of 8 bytes; the caller frees *bytes. */
static int read_member(const struct zip *z, size_t i, size_t max_values, struct npy *a,
                       unsigned char **bytes, struct err *e)
{
    const struct zip_member *m = &z->members[i];
    char name[256];
    snprintf(name, sizeof name, "tensor '%.*s'",
             weights_shown(&(struct weights_list){.suffix = SUFFIX}, m->name), m->name);
    *bytes = NULL;
    if (zip_read_alloc(z, m, max_values * sizeof(double) + HEADER_ROOM, bytes, e)) {
        return err_wrap(e, "%s", name);
    }
    if (npy_parse(a, *bytes, m->bytes, name, e)) {
        return err_wrap(e, "%s", z->path);
    }
    if (a->type != NPY_F16 && a->type != NPY_F32 && a->type != NPY_F64) {
        return err_set(e, ERR_FORMAT, "%s: %s is of type %s, expected float16, float32 or float64",
                       z->path, name, npy_type_name(a->type));
    }
    return 0;
}

/* Channels of the root, from its kernel's shape. */
static int read_root(const struct zip *z, struct weights_list *l, size_t *channels, struct err *e)
{
    const char *name = WEIGHTS_ROOT;
    const size_t taps = 7 * 7 * 3;
    const struct weights_entry *w = weights_get(l, name);
    if (!w) {
        return err_set(e, ERR_FORMAT, "%s: tensor %s is missing: not a BiT network", z->path, name);
    }
    struct npy a;
    unsigned char *bytes;
    int rc = read_member(z, w->index, taps * 32 * ARCH_MAX_WIDTH2, &a, &bytes, e);
    if (!rc) {
        *channels =
            a.n_dims == 4 && a.dims[0] == 7 && a.dims[1] == 7 && a.dims[2] == 3 ? a.dims[3] : 0;
        char dims[WEIGHTS_DIMS];
        weights_dims(dims, a.n_dims, a.dims);
        if (!*channels) {
            rc = err_set(e, ERR_FORMAT, "%s: tensor %s is %s, expected 7x7x3xC", z->path, name,
                         dims);
        }
    }
    free(bytes);
    return rc;
}

/* Classes of the head, from its bias; 0 when there is none. */
static int read_classes(const struct zip *z, struct weights_list *l, size_t *n_classes,
                        struct err *e)
{
    enum { MAX_CLASSES = 1000 * 1000 };
    const struct weights_entry *w = weights_get(l, WEIGHTS_HEAD_BIAS);
    *n_classes = 0;
    if (!w) {
        return 0;
    }
    struct npy a;
    unsigned char *bytes;
    int rc = read_member(z, w->index, MAX_CLASSES, &a, &bytes, e);
    if (!rc && (a.n_dims != 1 || !a.dims[0])) {
        char dims[WEIGHTS_DIMS];
        weights_dims(dims, a.n_dims, a.dims);
        rc = err_set(e, ERR_FORMAT, "%s: tensor %s is %s, expected one dimension", z->path, w->name,
                     dims);
    }
    *n_classes = rc ? 0 : a.dims[0];
    free(bytes);
    return rc;
}

static int read_eps(const struct zip *z, size_t i, double *eps, struct err *e)
{
    struct npy a;
    unsigned char *bytes;
    int rc = read_member(z, i, 1, &a, &bytes, e);
    if (!rc && (a.n != 1 || npy_to_f64(&a, eps, EPS_NAME, NULL) || !(*eps > 0 && *eps < 1))) {
        rc = err_set(e, ERR_FORMAT, "%s: %s: expected one number between 0 and 1", z->path,
                     EPS_NAME);
    }
    free(bytes);
    return rc;
}

static int list_members(const struct zip *z, struct weights_list *l, double *eps, struct err *e)
{
    if (weights_list_init(l, z->n_members, e)) {
        return -1;
    }
    l->suffix = SUFFIX;
    for (size_t i = 0; i < z->n_members; i++) {
        const char *stored = z->members[i].name;
        char name[PARAM_NAME];
        bool fits = plain_name(stored, name);
        if (fits && !strcmp(name, EPS_NAME)) {
            if (read_eps(z, i, eps, e)) {
                return -1;
            }
        } else if (weights_add(l, fits ? name : NULL, stored, i, z->path, e)) {
            return -1;
        }
    }
    return weights_sort(l, z->path, e);
}

static int read_param(struct model *m, const struct zip *z, size_t i, const struct param *p,
                      struct err *e)
{
    struct npy a;
    unsigned char *bytes;
    int rc = read_member(z, i, p->n, &a, &bytes, e);
    if (!rc && (a.n_dims != p->n_dims || memcmp(a.dims, p->dims, p->n_dims * sizeof *p->dims))) {
        char have[WEIGHTS_DIMS], want[WEIGHTS_DIMS];
        weights_dims(have, a.n_dims, a.dims);
        weights_dims(want, p->n_dims, p->dims);
        rc = err_set(e, ERR_FORMAT, "%s: tensor %s is %s, expected %s", z->path, p->name, have,
                     want);
    }
    if (!rc) {
        rc = npy_to_f32(&a, m->params + p->offset, p->name, e);
    }
    free(bytes);
    return rc;
}

/* Without values: the size in the archive's index must at least fit the shape. */
static int check_size(const struct zip *z, size_t i, const struct param *p, struct err *e)
{
    uint64_t bytes = z->members[i].bytes;
    if (bytes < p->n * sizeof(uint16_t) || bytes > p->n * sizeof(double) + HEADER_ROOM) {
        return err_set(e, ERR_FORMAT, "%s: tensor %s has %llu bytes, expected about %zu", z->path,
                       p->name, (unsigned long long)bytes, p->n * sizeof(float));
    }
    return 0;
}

static int fill(struct model *m, const struct zip *z, const size_t *index, bool with_params,
                struct err *e)
{
    for (size_t i = 0; i < m->table.n; i++) {
        if (check_size(z, index[i], &m->table.params[i], e)) {
            return -1;
        }
    }
    if (!with_params) {
        return 0;
    }
    m->params = mem_take_raw(m->table.n_floats, sizeof *m->params, e);
    if (!m->params) {
        return err_wrap(e, "%s", z->path);
    }
    for (size_t i = 0; i < m->table.n; i++) {
        if (read_param(m, z, index[i], &m->table.params[i], e)) {
            return -1;
        }
    }
    return weights_check_finite(m, z->path, e);
}

static int npz_read(struct model *m, const char *path, bool with_params, struct err *e)
{
    struct zip z;
    if (zip_open(&z, path, e)) {
        return -1;
    }
    struct weights_list l = {0};
    size_t channels = 0, n_classes = 0, *index = NULL;
    m->ws_eps = BIT_WS_EPS;
    int rc = list_members(&z, &l, &m->ws_eps, e);
    rc = rc ? rc : read_root(&z, &l, &channels, e);
    rc = rc ? rc : read_classes(&z, &l, &n_classes, e);
    rc = rc ? rc : weights_bind(m, &l, channels, n_classes, &index, path, e);
    rc = rc ? rc : fill(m, &z, index, with_params, e);
    free(index);
    weights_list_release(&l);
    zip_close(&z);
    return rc;
}

/* --- writing --- */
enum {
    ZIP_VERSION = 45,  /* zip64 */
    ZIP_DATE = 0x0021, /* 1980-01-01: equal contents are equal files */
    NPY_HEADER = 256,
};

struct npz_out {
    struct file_out file;
    uint64_t at; /* bytes written */
    uint64_t n_members;
    struct str directory; /* the central directory so far */
};

static void put(struct str *s, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        str_add_char(s, (char)(v >> (8 * i) & 0xff));
    }
}

static int emit(struct npz_out *o, const void *data, size_t n, struct err *e)
{
    o->at += n;
    return file_out_write(&o->file, data, n, e);
}

static int emit_text(struct npz_out *o, struct str *s, struct err *e)
{
    int rc = str_check(s, e) ? -1 : emit(o, s->data, s->len, e);
    str_release(s);
    return rc;
}

/* From the version needed to the length of the name: alike in both headers. */
static void put_common(struct str *s, uint32_t crc, uint64_t bytes, size_t name_len)
{
    put(s, ZIP_VERSION, 2);
    put(s, 0, 2); /* flags */
    put(s, 0, 2); /* stored */
    put(s, 0, 2); /* time */
    put(s, ZIP_DATE, 2);
    put(s, crc, 4);
    put(s, bytes, 4);
    put(s, bytes, 4);
    put(s, name_len, 2);
}

static int write_member(struct npz_out *o, const char *name, enum npy_type t, size_t n_dims,
                        const size_t *dims, const void *data, size_t n_bytes, struct err *e)
{
    char head[NPY_HEADER];
    size_t head_bytes = npy_header(head, sizeof head, t, n_dims, dims);
    uint64_t bytes = (uint64_t)head_bytes + n_bytes, offset = o->at;
    if (bytes >= UINT32_MAX) {
        return err_set(e, ERR_LIMIT,
                       "tensor %s: %zu bytes do not fit in a .npz member; write .safetensors", name,
                       n_bytes);
    }
    uint32_t crc =
        (uint32_t)crc32_z(crc32_z(0, (const unsigned char *)head, head_bytes), data, n_bytes);
    size_t name_len = strlen(name) + strlen(".npy");
    struct str s = {0};
    put(&s, 0x04034b50, 4);
    put_common(&s, crc, bytes, name_len);
    put(&s, 0, 2); /* no extra field */
    str_addf(&s, "%s.npy", name);
    if (emit_text(o, &s, e) || emit(o, head, head_bytes, e) || emit(o, data, n_bytes, e)) {
        return -1;
    }
    put(&o->directory, 0x02014b50, 4);
    put(&o->directory, ZIP_VERSION, 2);
    put_common(&o->directory, crc, bytes, name_len);
    put(&o->directory, 12, 2); /* extra field */
    put(&o->directory, 0, 2);  /* comment */
    put(&o->directory, 0, 2);  /* disk */
    put(&o->directory, 0, 2);  /* attributes */
    put(&o->directory, 0, 4);
    put(&o->directory, UINT32_MAX, 4); /* offset: in the extra field */
    str_addf(&o->directory, "%s.npy", name);
    put(&o->directory, 1, 2); /* zip64 */
    put(&o->directory, 8, 2);
    put(&o->directory, offset, 8);
    o->n_members++;
    return 0;
}

static int write_directory(struct npz_out *o, struct err *e)
{
    uint64_t start = o->at, bytes = o->directory.len;
    if (emit_text(o, &o->directory, e)) {
        return -1;
    }
    struct str s = {0};
    uint64_t end = o->at;
    put(&s, 0x06064b50, 4); /* zip64 end of central directory */
    put(&s, 44, 8);
    put(&s, ZIP_VERSION, 2);
    put(&s, ZIP_VERSION, 2);
    put(&s, 0, 4);
    put(&s, 0, 4);
    put(&s, o->n_members, 8);
    put(&s, o->n_members, 8);
    put(&s, bytes, 8);
    put(&s, start, 8);
    put(&s, 0x07064b50, 4); /* its locator */
    put(&s, 0, 4);
    put(&s, end, 8);
    put(&s, 1, 4);
    put(&s, 0x06054b50, 4); /* the old end record: see the new one */
    put(&s, 0, 4);
    put(&s, UINT16_MAX, 2);
    put(&s, UINT16_MAX, 2);
    put(&s, UINT32_MAX, 4);
    put(&s, UINT32_MAX, 4);
    put(&s, 0, 2);
    return emit_text(o, &s, e);
}

static int write_members(struct npz_out *o, const struct model *m, struct err *e)
{
    for (size_t i = 0; i < m->table.n; i++) {
        const struct param *p = &m->table.params[i];
        if (write_member(o, p->name, NPY_F32, p->n_dims, p->dims, m->params + p->offset,
                         p->n * sizeof(float), e)) {
            return -1;
        }
    }
    if (fabs(m->ws_eps / BIT_WS_EPS - 1) > 1e-6) {
        const size_t one = 1;
        return write_member(o, EPS_NAME, NPY_F64, 1, &one, &m->ws_eps, sizeof m->ws_eps, e);
    }
    return 0;
}

static int npz_write(const struct model *m, const char *path, struct err *e)
{
    struct npz_out o = {0};
    if (file_out_open(&o.file, path, e)) {
        return -1;
    }
    if (write_members(&o, m, e) || write_directory(&o, e)) {
        file_out_abort(&o.file);
        str_release(&o.directory);
        return -1;
    }
    return file_out_commit(&o.file, e);
}

const struct weight_format weights_npz = {
    .extension = ".npz",
    .sources = "models/weights.c models/weights_npz.c",
    .read = npz_read,
    .write = npz_write,
};
