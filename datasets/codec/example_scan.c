/* See example_scan.h. The messages are those of example.c; here only heads of fields are read one
 * by one, and entries up to WHOLE bytes as one piece. */
#include "datasets/codec/example_scan.h"

#include <stdbool.h>
#include "datasets/codec/example.h"
#include "datasets/codec/wire.h"
#include "harness/base/err.h"

enum { WHOLE = 4096,    /* entries up to this size are read */
       BEGINNING = 512, /* of larger ones */
       LIST_OF_BYTES = 1 };

/* A part of the Example. */
struct range {
    size_t at, end;
};

static int no_example(struct err *e)
{
    return err_set(e, ERR_FORMAT, "not a tf.train.Example");
}

/* The next field of r, which moves behind it; content: of WIRE_BYTES. */
static int next_field(const struct example_scan *s, struct range *r, struct wire_field *f,
                      struct range *content, struct err *e)
{
    size_t n = r->end - r->at < WIRE_HEAD_MAX ? r->end - r->at : WIRE_HEAD_MAX;
    const uint8_t *p;
    if (s->need(s->need_ctx, r->at, n, &p, e)) {
        return -1;
    }
    struct wire w = {p, p + n};
    if (!wire_head(&w, f)) {
        return no_example(e);
    }
    r->at += (size_t)(w.p - p);
    *content = (struct range){r->at, r->at};
    if (f->type == WIRE_BYTES) {
        if (f->value > r->end - r->at) {
            return no_example(e);
        }
        r->at += (size_t)f->value;
        content->end = r->at;
    }
    return 0;
}

/* Steps into a field of that number which is all that is left of an entry of `end` bytes, of
 * which w is the beginning at offset 0 (base). */
static bool step_into(struct wire *w, const uint8_t *base, size_t end, uint64_t number)
{
    struct wire_field f;
    return wire_head(w, &f) && f.number == number && f.type == WIRE_BYTES &&
           f.value == end - (size_t)(w->p - base);
}

/* The beginning p [n] of an entry of `all` bytes: true where it is a name and then one value, as
 * long as the rest; *at is where that begins. */
static bool one_value(const uint8_t *p, size_t n, size_t all, struct example_feature *f, size_t *at)
{
    struct wire w = {p, p + n};
    struct wire_field name;
    if (!wire_field(&w, &name) || name.number != 1 || name.type != WIRE_BYTES ||
        !step_into(&w, p, all, 2) || !step_into(&w, p, all, LIST_OF_BYTES) ||
        !step_into(&w, p, all, 1)) {
        return false;
    }
    *at = (size_t)(w.p - p);
    *f = (struct example_feature){.name = name.content.p,
                                  .n_name = (size_t)name.value,
                                  .kind = EXAMPLE_BYTES,
                                  .n = 1};
    return true;
}

static int scan_entry(const struct example_scan *s, struct range r, struct err *e)
{
    struct example_feature f;
    const uint8_t *p, *value;
    size_t n = r.end - r.at, at, bytes = 0;
    if (n > WHOLE) {
        if (s->need(s->need_ctx, r.at, BEGINNING, &p, e)) {
            return -1;
        }
        if (one_value(p, BEGINNING, n, &f, &at)) {
            return s->fn(s->ctx, &f, r.at + at, n - at, e);
        }
    }
    if (s->need(s->need_ctx, r.at, n, &p, e)) {
        return -1;
    }
    if (!example_entry(p, n, &f)) {
        return no_example(e);
    }
    at = 0;
    if (f.kind == EXAMPLE_BYTES && f.n == 1) {
        example_bytes(&f, 0, &value, &bytes);
        at = r.at + (size_t)(value - p);
    }
    return s->fn(s->ctx, &f, at, bytes, e);
}

int example_scan(const struct example_scan *s, size_t n, struct err *e)
{
    struct range example = {0, n}, features = {0}, entry = {0};
    struct wire_field f = {0};
    while (example.at < example.end) {
        if (next_field(s, &example, &f, &features, e)) {
            return -1;
        }
        if (f.number == 1 && f.type != WIRE_BYTES) {
            return no_example(e);
        }
        while (f.number == 1 && features.at < features.end) {
            struct wire_field g = {0};
            if (next_field(s, &features, &g, &entry, e)) {
                return -1;
            }
            if (g.number != 1) {
                continue;
            }
            if (g.type != WIRE_BYTES) {
                return no_example(e);
            }
            if (scan_entry(s, entry, e)) {
                return -1;
            }
        }
    }
    return 0;
}
