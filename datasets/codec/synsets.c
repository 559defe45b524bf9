/* A struct array in a MATLAB 5 file ("MAT-File Format", MathWorks): an element is type, length and
 * content; type 14 is a variable (flags, dimensions, name, then its values), type 15 the same in
 * zlib's format. A struct's values are the length of a field name, the names, and for each item
 * one variable a field. Little endian. */
#include "datasets/codec/synsets.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "harness/base/err.h"
#include "harness/base/little.h"
#include "harness/base/mem.h"

enum { FILE_HEAD = 128,
       MATRIX = 14,
       COMPRESSED = 15,
       STRUCT = 2,
       MAX_BYTES = 64 << 20,
       MAX_FIELDS = 64 };

/* Bytes that remain. */
struct span {
    const unsigned char *p;
    size_t n;
};

struct element {
    uint32_t type;
    struct span body;
};

/* Takes the next element off s. False: there is none, or it is longer than what remains. */
static bool next(struct span *s, struct element *out)
{
    if (s->n < 8) {
        return false;
    }
    uint32_t word = le32(s->p);
    size_t bytes, head = 8, whole;
    if (word >> 16) { /* type and length in one word, up to 4 bytes behind it */
        out->type = word & 0xffff;
        bytes = word >> 16;
        head = 4;
        whole = 8;
        if (bytes > 4) {
            return false;
        }
    } else {
        out->type = word;
        bytes = le32(s->p + 4);
        if (bytes > s->n - 8) {
            return false;
        }
        whole = 8 + (out->type == COMPRESSED ? bytes : (bytes + 7) / 8 * 8);
        whole = whole < s->n ? whole : s->n;
    }
    out->body = (struct span){s->p + head, bytes};
    s->p += whole;
    s->n -= whole;
    return true;
}

/* A variable's flags and name; *values becomes what follows. */
static bool variable(struct span body, uint32_t *class, struct element *name, struct span *values)
{
    struct element flags, dims;
    if (!next(&body, &flags) || flags.body.n < 8 || !next(&body, &dims) || !next(&body, name)) {
        return false;
    }
    *class = flags.body.p[0];
    *values = body;
    return true;
}

/* A whole number of any storage type; 0 where it is none. */
static uint32_t small_number(const struct element *v)
{
    double d;
    switch (v->type) {
    case 1:
    case 2:
        return v->body.n ? v->body.p[0] : 0;
    case 3:
    case 4:
        return v->body.n >= 2 ? v->body.p[0] | (uint32_t)v->body.p[1] << 8 : 0;
    case 5:
    case 6:
        return v->body.n >= 4 ? le32(v->body.p) : 0;
    case 9:
        if (v->body.n < 8) {
            return 0;
        }
        memcpy(&d, v->body.p, sizeof d);
        return d >= 0 && d < UINT32_MAX ? (uint32_t)d : 0;
    default:
        return 0;
    }
}

/* Characters as bytes (int8, uint8, UTF-8) or in two bytes each (uint16, UTF-16). */
static bool text_of(const struct element *v, char *out, size_t cap)
{
    size_t step = v->type == 4 || v->type == 17 ? 2 : 1, n = v->body.n / step;
    if (n >= cap) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = (char)v->body.p[i * step];
    }
    out[n] = 0;
    return n > 0;
}

/* The first value element of the field's variable. */
static bool field_value(const struct element *field, struct element *value)
{
    uint32_t class;
    struct element name;
    struct span rest;
    return field->type == MATRIX && variable(field->body, &class, &name, &rest) &&
           next(&rest, value);
}

static int bad(const char *name, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: %s", name, what);
}

/* Reads the struct's items out of its values. */
static int take(char (*wnids)[SYNSETS_WNID], struct span s, const char *file, struct err *e)
{
    struct element length, names, field, value;
    if (!next(&s, &length) || length.body.n < 4 || !next(&s, &names)) {
        return bad(file, "synsets: truncated", e);
    }
    size_t width = le32(length.body.p);
    size_t n_fields = width ? names.body.n / width : 0, id_at = SIZE_MAX, wnid_at = SIZE_MAX;
    if (n_fields > MAX_FIELDS) {
        return bad(file, "synsets: too many fields", e);
    }
    for (size_t f = 0; f < n_fields; f++) {
        const char *name = (const char *)names.body.p + f * width;
        id_at = width > 14 && !strncmp(name, "ILSVRC2012_ID", width) ? f : id_at;
        wnid_at = width > 5 && !strncmp(name, "WNID", width) ? f : wnid_at;
    }
    if (id_at == SIZE_MAX || wnid_at == SIZE_MAX) {
        return bad(file, "synsets has no fields ILSVRC2012_ID and WNID", e);
    }
    while (s.n >= 8) {
        uint32_t id = 0;
        char wnid[SYNSETS_WNID] = "";
        for (size_t f = 0; f < n_fields; f++) {
            if (!next(&s, &field)) {
                return bad(file, "synsets: truncated", e);
            }
            if (f == id_at && field_value(&field, &value)) {
                id = small_number(&value);
            } else if (f == wnid_at && (!field_value(&field, &value) ||
                                        !text_of(&value, wnid, sizeof wnid))) {
                return bad(file, "synsets: an item without a WNID", e);
            }
        }
        if (id >= 1 && id <= SYNSETS_N) {
            memcpy(wnids[id - 1], wnid, sizeof wnid);
        }
    }
    return 0;
}

/* Inflates a compressed element into fresh memory. */
static unsigned char *inflated(const struct element *el, size_t *n, const char *file,
                               struct err *e)
{
    unsigned char *out = mem_take_raw(MAX_BYTES, 1, e);
    if (!out) {
        return NULL;
    }
    uLongf len = MAX_BYTES;
    if (uncompress(out, &len, el->body.p, (uLong)el->body.n) != Z_OK) {
        bad(file, "a damaged compressed element", e);
        free(out);
        return NULL;
    }
    *n = len;
    return out;
}

/* 1 where the element is the variable and was read, 0 where it is another, -1. */
static int visit(char (*wnids)[SYNSETS_WNID], struct element el, const char *file, struct err *e)
{
    unsigned char *unpacked = NULL;
    int rc = 0;
    if (el.type == COMPRESSED) {
        struct span s = {0};
        unpacked = inflated(&el, &s.n, file, e);
        s.p = unpacked;
        if (!unpacked || !next(&s, &el)) {
            free(unpacked);
            return unpacked ? bad(file, "truncated", e) : -1;
        }
    }
    uint32_t class;
    struct element name;
    struct span values;
    if (el.type == MATRIX && variable(el.body, &class, &name, &values) && class == STRUCT &&
        name.body.n == 7 && !memcmp(name.body.p, "synsets", 7)) {
        rc = take(wnids, values, file, e) ? -1 : 1;
    }
    free(unpacked);
    return rc;
}

int synsets_read(char (*wnids)[SYNSETS_WNID], const unsigned char *bytes, size_t n,
                 const char *name, struct err *e)
{
    if (n < FILE_HEAD || bytes[126] != 'I' || bytes[127] != 'M') {
        return bad(name, "not a little-endian MATLAB 5 file", e);
    }
    memset(wnids, 0, SYNSETS_N * sizeof *wnids);
    struct span s = {bytes + FILE_HEAD, n - FILE_HEAD};
    struct element el;
    int rc = 0;
    while (!rc && next(&s, &el)) {
        rc = visit(wnids, el, name, e);
    }
    if (!rc) {
        return bad(name, "no struct array synsets, or truncated", e);
    }
    for (size_t i = 0; rc == 1 && i < SYNSETS_N; i++) {
        if (!wnids[i][0]) {
            rc = err_set(e, ERR_FORMAT, "%s: no class with ILSVRC2012_ID %zu", name, i + 1);
        }
    }
    return rc == 1 ? 0 : -1;
}
