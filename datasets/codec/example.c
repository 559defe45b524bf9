/* See example.h. Messages and fields: Example {1: Features}, Features {1: entry, repeated}, entry
 * {1: name, 2: Feature}, Feature {1: BytesList, 2: FloatList, 3: Int64List}, each list {1: value,
 * repeated}; numbers may be packed, several in one field of bytes. */
#include "datasets/codec/example.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include "datasets/codec/wire.h"
#include "harness/base/err.h"

/* The next value of a list. state: a field of packed numbers that is not used up. */
struct value {
    struct wire list, packed;
    struct wire bytes; /* of EXAMPLE_BYTES and EXAMPLE_FLOAT */
    uint64_t integer;
};

/* 1: a value, 0: the end, -1: no list of that kind. */
static int next_value(struct value *v, enum example_kind kind)
{
    struct wire_field f;
    for (;;) {
        if (v->packed.p < v->packed.end) {
            bool ok = kind == EXAMPLE_INT ? wire_varint(&v->packed, &v->integer)
                                          : wire_take(&v->packed, 4, &v->bytes);
            return ok ? 1 : -1;
        }
        if (v->list.p == v->list.end) {
            return 0;
        }
        if (!wire_field(&v->list, &f)) {
            return -1;
        }
        if (f.number != 1) {
            continue;
        }
        if (kind == EXAMPLE_BYTES) {
            v->bytes = f.content;
            return f.type == WIRE_BYTES ? 1 : -1;
        }
        if (f.type == WIRE_BYTES) {
            v->packed = f.content;
        } else if (kind == EXAMPLE_INT) {
            v->integer = f.value;
            return f.type == WIRE_VARINT ? 1 : -1;
        } else {
            v->bytes = f.content;
            return f.type == WIRE_FIXED32 ? 1 : -1;
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
    struct wire_field f;
    while (w.p < w.end) {
        if (!wire_field(&w, &f)) {
            return false;
        }
        if (f.number >= 1 && f.number <= 3) {
            if (f.type != WIRE_BYTES) {
                return false;
            }
            out->kind = (enum example_kind)f.number;
            out->list = f.content.p;
            out->n_list = (size_t)(f.content.end - f.content.p);
        }
    }
    return out->kind == EXAMPLE_NONE || count_values(out);
}

bool example_entry(const uint8_t *bytes, size_t n, struct example_feature *out)
{
    struct wire w = {bytes, bytes + n};
    struct wire_field f;
    struct wire feature = {0};
    *out = (struct example_feature){0};
    while (w.p < w.end) {
        if (!wire_field(&w, &f)) {
            return false;
        }
        if ((f.number == 1 || f.number == 2) && f.type != WIRE_BYTES) {
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
    struct wire_field f, g;
    struct example_feature feature;
    while (w.p < w.end) {
        if (!wire_field(&w, &f) || (f.number == 1 && f.type != WIRE_BYTES)) {
            return err_set(e, ERR_FORMAT, "not a tf.train.Example");
        }
        while (f.number == 1 && f.content.p < f.content.end) {
            bool sound = wire_field(&f.content, &g);
            if (!sound ||
                (g.number == 1 && (g.type != WIRE_BYTES ||
                                   !example_entry(g.content.p, (size_t)g.value, &feature)))) {
                return err_set(e, ERR_FORMAT, "not a tf.train.Example");
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
    struct find x = {name, strlen(name), f, false};
    if (example_each(bytes, n, find, &x, e)) {
        return -1;
    }
    if (!x.found) {
        return err_set(e, ERR_FORMAT, "feature `%s` missing", name);
    }
    return f->n ? example_expect(f, name, kind, e)
                : err_set(e, ERR_FORMAT, "feature %s has no value", name);
}

int example_expect(const struct example_feature *f, const char *name, enum example_kind kind,
                   struct err *e)
{
    static const char *const kinds[] = {"", "bytes", "float", "int64"};
    return f->kind == kind || f->kind == EXAMPLE_NONE
               ? 0
               : err_set(e, ERR_FORMAT, "feature %s is not %s", name, kinds[kind]);
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
