/* NumPy's .npy format, after "NEP 1" and numpy/lib/format.py: a magic, a version, the length of
 * a header, a header that is a Python dictionary literal with the keys descr, fortran_order and
 * shape, then the elements. The literal is read by hand: only what such a header can hold. */
#include "harness/base/npy.h"

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/half.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are used as they stand");

enum { MAGIC_BYTES = 6,
       PREFIX_V1 = 10,
       PREFIX_V2 = 12,
       HEAD_ALIGN = 64 };
static const char magic[MAGIC_BYTES + 1] = "\x93NUMPY";

enum kind { FLOATING,
            SIGNED,
            UNSIGNED };
static const struct {
    const char *descr, *name;
    size_t bytes;
    enum kind kind;
} types[] = {
    [NPY_F16] = {"<f2", "float16", 2, FLOATING},
    [NPY_F32] = {"<f4", "float32", 4, FLOATING},
    [NPY_F64] = {"<f8", "float64", 8, FLOATING},
    [NPY_U8] = {"|u1", "uint8 or bool", 1, UNSIGNED},
    [NPY_I32] = {"<i4", "int32", 4, SIGNED},
    [NPY_I64] = {"<i8", "int64", 8, SIGNED},
    [NPY_U16] = {"<u2", "uint16", 2, UNSIGNED},
    [NPY_U32] = {"<u4", "uint32", 4, UNSIGNED},
    [NPY_U64] = {"<u8", "uint64", 8, UNSIGNED},
    [NPY_I8] = {"|i1", "int8", 1, SIGNED},
    [NPY_I16] = {"<i2", "int16", 2, SIGNED},
};
enum { N_TYPES = sizeof types / sizeof types[0] };

size_t npy_item_bytes(enum npy_type t)
{
    assert((size_t)t < N_TYPES);
    return types[t].bytes;
}

const char *npy_type_name(enum npy_type t)
{
    assert((size_t)t < N_TYPES);
    return types[t].name;
}

/* ---- the header's dictionary ---- */

struct scan {
    const char *text; /* the file image */
    size_t pos, end;  /* the dictionary is text[pos, end) */
    const char *name;
    struct err *e;
};

static int fail_at(const struct scan *s, const char *what)
{
    return err_set(s->e, ERR_FORMAT, "%s: offset %zu: %s", s->name, s->pos, what);
}

static void skip_space(struct scan *s)
{
    while (s->pos < s->end && strchr(" \t\r\n", s->text[s->pos]) && s->text[s->pos]) {
        s->pos++;
    }
}

/* Takes a word or sign, spaces in front of it skipped. */
static bool take(struct scan *s, const char *word)
{
    skip_space(s);
    size_t n = strlen(word);
    if (s->end - s->pos < n || memcmp(s->text + s->pos, word, n) != 0) {
        return false;
    }
    s->pos += n;
    return true;
}

/* A quoted text without escapes, shorter than cap. */
static int take_quoted(struct scan *s, char *out, size_t cap)
{
    skip_space(s);
    char quote = s->pos < s->end ? s->text[s->pos] : '\0';
    if (quote != '\'' && quote != '"') {
        return fail_at(s, "expected a quoted text");
    }
    const char *from = s->text + s->pos + 1;
    const char *to = memchr(from, quote, s->end - s->pos - 1);
    if (!to || (size_t)(to - from) >= cap || memchr(from, '\\', (size_t)(to - from))) {
        return fail_at(s, "a text that no array header has");
    }
    memcpy(out, from, (size_t)(to - from));
    out[to - from] = '\0';
    s->pos = (size_t)(to + 1 - s->text);
    return 0;
}

static int take_size(struct scan *s, size_t *v)
{
    skip_space(s);
    size_t start = s->pos;
    *v = 0;
    while (s->pos < s->end && s->text[s->pos] >= '0' && s->text[s->pos] <= '9') {
        size_t digit = (size_t)(s->text[s->pos] - '0');
        if (__builtin_mul_overflow(*v, (size_t)10, v) || __builtin_add_overflow(*v, digit, v)) {
            return fail_at(s, "a dimension too large");
        }
        s->pos++;
    }
    if (s->pos == start) {
        return fail_at(s, "expected a dimension (0, 1, 2...)");
    }
    take(s, "L"); /* written by Python 2 */
    return 0;
}

/* (), (3,), (3, 4), (3, 4,) */
static int take_shape(struct scan *s, struct npy *a)
{
    if (!take(s, "(")) {
        return fail_at(s, "expected a shape in ( )");
    }
    bool comma = true;
    while (!take(s, ")")) {
        if (!comma) {
            return fail_at(s, "expected , or ) in the shape");
        }
        if (a->n_dims == NPY_MAX_DIMS) {
            return fail_at(s, "more than 8 dimensions");
        }
        if (take_size(s, &a->dims[a->n_dims++])) {
            return -1;
        }
        comma = take(s, ",");
    }
    if (a->n_dims == 1 && !comma) {
        return fail_at(s, "a shape of one dimension needs a comma");
    }
    return 0;
}

static int take_descr(struct scan *s, struct npy *a)
{
    char descr[16];
    skip_space(s);
    if (s->pos < s->end && s->text[s->pos] == '[') {
        return fail_at(s, "arrays of records are not supported");
    }
    if (take_quoted(s, descr, sizeof descr)) {
        return -1;
    }
    if (strcmp(descr, "|b1") == 0) { /* NumPy's bool: a byte, 0 or 1 */
        a->type = NPY_U8;
        return 0;
    }
    for (size_t t = 0; t < N_TYPES; t++) {
        if (strcmp(descr, types[t].descr) == 0) {
            a->type = (enum npy_type)t;
            return 0;
        }
    }
    return err_set(s->e, ERR_FORMAT,
                   "%s: offset %zu: elements of type %s are not supported; known are little-endian "
                   "floats of 16 to 64 bits and integers",
                   s->name, s->pos, descr);
}

enum { KEY_DESCR = 1,
       KEY_ORDER = 2,
       KEY_SHAPE = 4,
       KEY_ALL = 7 };

/* One key with its value; *seen collects the keys. */
static int take_entry(struct scan *s, struct npy *a, unsigned *seen, bool *fortran)
{
    char key[16];
    if (take_quoted(s, key, sizeof key)) {
        return -1;
    }
    unsigned bit = strcmp(key, "descr") == 0           ? KEY_DESCR
                   : strcmp(key, "fortran_order") == 0 ? KEY_ORDER
                   : strcmp(key, "shape") == 0         ? KEY_SHAPE
                                                       : 0;
    if (!bit || *seen & bit) {
        return fail_at(s, bit ? "a key stands twice" : "an unknown key");
    }
    *seen |= bit;
    if (!take(s, ":")) {
        return fail_at(s, "expected :");
    }
    if (bit == KEY_DESCR) {
        return take_descr(s, a);
    }
    if (bit == KEY_SHAPE) {
        return take_shape(s, a);
    }
    *fortran = take(s, "True");
    return *fortran || take(s, "False") ? 0 : fail_at(s, "expected True or False");
}

static int take_dict(struct scan *s, struct npy *a, bool *fortran)
{
    if (!take(s, "{")) {
        return fail_at(s, "expected {");
    }
    unsigned seen = 0;
    bool comma = true;
    while (!take(s, "}")) {
        if (!comma) {
            return fail_at(s, "expected , or }");
        }
        if (take_entry(s, a, &seen, fortran)) {
            return -1;
        }
        comma = take(s, ",");
    }
    skip_space(s);
    if (s->pos != s->end) {
        return fail_at(s, "something behind the header's }");
    }
    return seen == KEY_ALL ? 0 : fail_at(s, "descr, fortran_order or shape is missing");
}

/* ---- reading ---- */

/* Finds the dictionary: s->pos and s->end. */
static int find_dict(struct scan *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s->text;
    if (n < PREFIX_V1 || memcmp(p, magic, MAGIC_BYTES) != 0) {
        return fail_at(s, "not an npy file");
    }
    if (p[6] < 1 || p[6] > 3 || p[7] != 0) {
        return err_set(s->e, ERR_FORMAT, "%s: offset 6: version %d.%d, known are 1.0 to 3.0",
                       s->name, p[6], p[7]);
    }
    size_t prefix = p[6] == 1 ? PREFIX_V1 : PREFIX_V2, length = p[8] | (size_t)p[9] << 8;
    if (n < prefix) {
        return fail_at(s, "cut short in the header");
    }
    if (prefix == PREFIX_V2) {
        length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    }
    if (length > NPY_MAX_HEADER - prefix || length > n - prefix) {
        return err_set(s->e, ERR_FORMAT, "%s: offset 8: a header of %zu bytes, at most %zu can be",
                       s->name, length, n < NPY_MAX_HEADER ? n - prefix : NPY_MAX_HEADER - prefix);
    }
    s->pos = prefix;
    s->end = prefix + length;
    return 0;
}

int npy_parse_header(struct npy *a, const void *head, size_t n, const char *name, struct err *e)
{
    struct scan s = {.text = head, .name = name, .e = e};
    bool fortran = false;
    *a = (struct npy){.n = 1};
    if (find_dict(&s, n) || take_dict(&s, a, &fortran)) {
        return -1;
    }
    a->data_offset = s.end;
    size_t all = npy_item_bytes(a->type), n_long = 0; /* all: zeros counted as ones */
    for (size_t i = 0; i < a->n_dims; i++) {
        size_t d = a->dims[i];
        n_long += d > 1;
        if (__builtin_mul_overflow(all, d ? d : 1, &all) || all > PTRDIFF_MAX) {
            return fail_at(&s, "the shape overflows");
        }
        a->n *= d;
    }
    if (fortran && n_long > 1 && a->n) {
        return fail_at(&s, "Fortran order (fortran_order) is not supported; save "
                           "numpy.ascontiguousarray(x)");
    }
    return 0;
}

int npy_parse(struct npy *a, const void *bytes, size_t n, const char *name, struct err *e)
{
    if (npy_parse_header(a, bytes, n, name, e)) {
        return -1;
    }
    size_t wanted = a->n * npy_item_bytes(a->type), there = n - a->data_offset;
    if (wanted != there) {
        return err_set(e, ERR_FORMAT, "%s: offset %zu: %zu bytes of data, the shape says %zu",
                       name, a->data_offset, there, wanted);
    }
    a->data = (const char *)bytes + a->data_offset;
    return 0;
}

int npy_read(struct npy *a, const char *path, struct err *e)
{
    unsigned char *bytes;
    size_t n;
    if (file_read(path, 0, &bytes, &n, e)) {
        return -1;
    }
    if (npy_parse(a, bytes, n, path, e)) {
        free(bytes);
        return -1;
    }
    a->owned = bytes;
    return 0;
}

void npy_release(struct npy *a)
{
    free(a->owned);
    *a = (struct npy){0};
}

/* ---- writing ---- */

size_t npy_header(char *head, size_t cap, enum npy_type t, size_t n_dims, const size_t *dims)
{
    assert(cap >= 256 && n_dims <= NPY_MAX_DIMS);
    char shape[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < n_dims; i++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%zu%s", i ? ", " : "",
                                 dims[i], n_dims == 1 ? "," : "");
    }
    memcpy(head, magic, MAGIC_BYTES);
    memcpy(head + MAGIC_BYTES, "\x01\x00", 2);
    size_t n = PREFIX_V1;
    n += (size_t)snprintf(head + n, cap - n,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                          types[t].descr, shape);
    size_t total = (n + 1 + HEAD_ALIGN - 1) / HEAD_ALIGN * HEAD_ALIGN;
    assert(total <= cap);
    memset(head + n, ' ', total - n - 1);
    head[total - 1] = '\n';
    head[8] = (char)((total - PREFIX_V1) & 0xff);
    head[9] = (char)((total - PREFIX_V1) >> 8);
    return total;
}

int npy_write(const char *path, enum npy_type t, size_t n_dims, const size_t *dims,
              const void *data, struct err *e)
{
    char head[256];
    size_t n_head = npy_header(head, sizeof head, t, n_dims, dims), n = npy_item_bytes(t);
    for (size_t i = 0; i < n_dims; i++) {
        n *= dims[i];
    }
    struct file_out f;
    if (file_out_open(&f, path, e)) {
        return -1;
    }
    if (file_out_write(&f, head, n_head, e) || file_out_write(&f, data, n, e) ||
        file_out_commit(&f, e)) {
        file_out_abort(&f);
        return -1;
    }
    return 0;
}

/* ---- converting ---- */

/* Element i of a float array; exact. */
static double load_float(const struct npy *a, size_t i)
{
    const char *at = (const char *)a->data + i * npy_item_bytes(a->type);
    uint16_t half;
    float single;
    double v;
    switch (a->type) {
    case NPY_F16:
        memcpy(&half, at, sizeof half);
        return (double)half_f16_to_f32(half);
    case NPY_F32:
        memcpy(&single, at, sizeof single);
        return (double)single;
    default:
        assert(a->type == NPY_F64);
        memcpy(&v, at, sizeof v);
        return v;
    }
}

/* Element i of an integer array; false when it is beyond INT64_MAX. */
static bool load_int(const struct npy *a, size_t i, int64_t *v)
{
    size_t size = npy_item_bytes(a->type);
    uint64_t u = 0;
    memcpy(&u, (const char *)a->data + i * size, size);
    bool is_signed = types[a->type].kind == SIGNED;
    if (is_signed && size < 8 && u >> (8 * size - 1)) {
        u |= UINT64_MAX << (8 * size);
    }
    *v = (int64_t)u;
    return is_signed || u <= INT64_MAX;
}

static bool is_float(const struct npy *a)
{
    return types[a->type].kind == FLOATING;
}

static int misfit(const struct npy *a, size_t i, const char *name, const char *wanted,
                  struct err *e)
{
    return err_set(e, ERR_NUMERIC, "%s: offset %zu: element %zu does not fit %s", name,
                   a->data_offset + i * npy_item_bytes(a->type), i, wanted);
}

int npy_to_f32(const struct npy *a, float *out, const char *name, struct err *e)
{
    if (a->type == NPY_F32) {
        memcpy(out, a->data, a->n * sizeof *out);
        return 0;
    }
    for (size_t i = 0; i < a->n; i++) {
        bool fits;
        int64_t v;
        if (is_float(a)) {
            double d = load_float(a, i);
            out[i] = (float)d;
            fits = isfinite(out[i]) || !isfinite(d);
        } else {
            fits = load_int(a, i, &v);
            out[i] = (float)v;
            /* 2^63 as a float is out of range for the way back. */
            fits = fits && out[i] < 0x1p63f && (int64_t)out[i] == v;
        }
        if (!fits) {
            return misfit(a, i, name, "a 32-bit float", e);
        }
    }
    return 0;
}

int npy_to_f64(const struct npy *a, double *out, const char *name, struct err *e)
{
    for (size_t i = 0; i < a->n; i++) {
        int64_t v;
        if (is_float(a)) {
            out[i] = load_float(a, i);
            continue;
        }
        bool fits = load_int(a, i, &v);
        out[i] = (double)v;
        if (!fits || out[i] >= 0x1p63 || (int64_t)out[i] != v) {
            return misfit(a, i, name, "a 64-bit float", e);
        }
    }
    return 0;
}

int npy_to_i64(const struct npy *a, int64_t *out, const char *name, struct err *e)
{
    for (size_t i = 0; i < a->n; i++) {
        bool fits;
        if (is_float(a)) {
            double d = load_float(a, i);
            fits = d >= -0x1p63 && d < 0x1p63 && d == trunc(d);
            out[i] = fits ? (int64_t)d : 0;
        } else {
            fits = load_int(a, i, &out[i]);
        }
        if (!fits) {
            return misfit(a, i, name, "a 64-bit integer", e);
        }
    }
    return 0;
}
