/* See example.h. Messages and fields: Example {1: Features}, Features {1: entry, repeated}, entry
 * {1: name, 2: Feature}, Feature {1: BytesList, 2: FloatList, 3: Int64List}, each list {1: value,
 * repeated}; numbers may be packed, several in one field of bytes. */
#include "datasets/codec/example.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include "harness/base/err.h"

/* Wire types. */
enum { VARINT,
       FIXED64,
       BYTES,
       FIXED32 = 5 };

/* What is left of a message. */
struct wire {
    const uint8_t *p, *end;
};

/* One field of a message. */
struct field {
    uint64_t number;
    unsigned type;
    uint64_t value;      /* of VARINT */
    struct wire content; /* of the others */
};

static bool read_varint(struct wire *w, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; w->p < w->end && shift < 64; shift += 7) {
        uint8_t byte = *w->p++;
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static bool take_bytes(struct wire *w, uint64_t n, struct wire *content)
{
    if (n > (uint64_t)(w->end - w->p)) {
        return false;
    }
    *content = (struct wire){w->p, w->p + n};
    w->p += n;
    return true;
}

/* The next field; false where the bytes are none. */
static bool read_field(struct wire *w, struct field *f)
{
    uint64_t tag;
    if (!read_varint(w, &tag)) {
        return false;
    }
    *f = (struct field){.number = tag >> 3, .type = tag & 7};
    switch (f->type) {
    case VARINT:
        return read_varint(w, &f->value);
    case FIXED64:
        return take_bytes(w, 8, &f->content);
    case BYTES:
        return read_varint(w, &f->value) && take_bytes(w, f->value, &f->content);
    case FIXED32:
        return take_bytes(w, 4, &f->content);
    default:
        return false;
    }
}

/* The next value of a list. state: a field of packed numbers that is not used up. */
struct value {
    struct wire list, packed;
    struct wire bytes; /* of EXAMPLE_BYTES and EXAMPLE_FLOAT */
    uint64_t integer;
};

/* 1: a value, 0: the end, -1: no list of that kind. */
static int next_value(struct value *v, enum example_kind kind)
{
    struct field f;
    for (;;) {
        if (v->packed.p < v->packed.end) {
            bool ok = kind == EXAMPLE_INT ? read_varint(&v->packed, &v->integer)
                                          : take_bytes(&v->packed, 4, &v->bytes);
            return ok ? 1 : -1;
        }
        if (v->list.p == v->list.end) {
            return 0;
        }
        if (!read_field(&v->list, &f)) {
            return -1;
        }
        if (f.number != 1) {
            continue;
        }
        if (kind == EXAMPLE_BYTES) {
            v->bytes = f.content;
            return f.type == BYTES ? 1 : -1;
        }
        if (f.type == BYTES) {
            v->packed = f.content;
        } else if (kind == EXAMPLE_INT) {
            v->integer = f.value;
            return f.type == VARINT ? 1 : -1;
        } else {
            v->bytes = f.content;
            return f.type == FIXED32 ? 1 : -1;
        }
    }
}

static bool count_values(struct example_feature *f)
{
    struct value v = {.list = {f->list, f->list + f->n_list}};
    int rc;
    f->n = 0;
    while ((rc = next_value(&v, f->kind)) == 1) {
        f->n++;
    }
    return rc == 0;
}

/* A Feature message. */
static bool read_feature(struct wire w, struct example_feature *out)
{
    struct field f;
    while (w.p < w.end) {
        if (!read_field(&w, &f)) {
            return false;
        }
        if (f.number >= 1 && f.number <= 3) {
            if (f.type != BYTES) {
                return false;
            }
            out->kind = (enum example_kind)f.number;
            out->list = f.content.p;
            out->n_list = (size_t)(f.content.end - f.content.p);
        }
    }
    return out->kind == EXAMPLE_NONE || count_values(out);
}

/* An entry of the map of features. */
static bool read_entry(struct wire w, struct example_feature *out)
{
    struct field f;
    struct wire feature = {0};
    *out = (struct example_feature){0};
    while (w.p < w.end) {
        if (!read_field(&w, &f)) {
            return false;
        }
        if ((f.number == 1 || f.number == 2) && f.type != BYTES) {
            return false;
        }
        if (f.number == 1) {
            out->name = f.content.p;
            out->n_name = (size_t)(f.content.end - f.content.p);
        } else if (f.number == 2) {
            feature = f.content;
        }
    }
    return !feature.p || read_feature(feature, out);
}

int example_each(const uint8_t *bytes, size_t n, example_fn *fn, void *ctx, struct err *e)
{
    struct wire w = {bytes, bytes + n};
    struct field f, g;
    struct example_feature feature;
    while (w.p < w.end) {
        if (!read_field(&w, &f) || (f.number == 1 && f.type != BYTES)) {
            return err_set(e, ERR_FORMAT, "no Example protobuf");
        }
        while (f.number == 1 && f.content.p < f.content.end) {
            if (!read_field(&f.content, &g) ||
                (g.number == 1 && (g.type != BYTES || !read_entry(g.content, &feature)))) {
                return err_set(e, ERR_FORMAT, "no Example protobuf");
            }
            if (g.number == 1 && fn(ctx, &feature, e)) {
                return -1;
            }
        }
    }
    return 0;
}

struct find {
    const char *name;
    size_t n_name;
    struct example_feature *out;
    bool found;
};

static int find(void *ctx, const struct example_feature *f, struct err *e)
{
    struct find *x = ctx;
    (void)e;
    if (f->n_name == x->n_name && !memcmp(f->name, x->name, x->n_name)) {
        *x->out = *f;
        x->found = true;
    }
    return 0;
}

int example_find(const uint8_t *bytes, size_t n, const char *name, enum example_kind kind,
                 struct example_feature *f, struct err *e)
{
    static const char *const kinds[] = {"", "bytes", "floats", "integers"};
    struct find x = {name, strlen(name), f, false};
    if (example_each(bytes, n, find, &x, e)) {
        return -1;
    }
    if (!x.found) {
        return err_set(e, ERR_FORMAT, "no feature %s", name);
    }
    if (f->kind != kind || !f->n) {
        return err_set(e, ERR_FORMAT, "feature %s has no %s", name, kinds[kind]);
    }
    return 0;
}

static struct value value_at(const struct example_feature *f, size_t i)
{
    assert(i < f->n);
    struct value v = {.list = {f->list, f->list + f->n_list}};
    for (size_t k = 0; k <= i; k++) {
        int rc = next_value(&v, f->kind);
        assert(rc == 1); /* all were counted */
        (void)rc;
    }
    return v;
}

void example_bytes(const struct example_feature *f, size_t i, const uint8_t **bytes, size_t *n)
{
    assert(f->kind == EXAMPLE_BYTES);
    struct value v = value_at(f, i);
    *bytes = v.bytes.p;
    *n = (size_t)(v.bytes.end - v.bytes.p);
}

float example_float(const struct example_feature *f, size_t i)
{
    assert(f->kind == EXAMPLE_FLOAT);
    struct value v = value_at(f, i);
    float out;
    memcpy(&out, v.bytes.p, 4);
    return out;
}

int64_t example_int(const struct example_feature *f, size_t i)
{
    assert(f->kind == EXAMPLE_INT);
    return (int64_t)value_at(f, i).integer;
}
