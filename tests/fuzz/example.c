/* Any bytes as a tf.train.Example: what is found without reading what is large is what is found by
 * reading all of it, and both say no to the same. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/codec/example.h"
#include "datasets/codec/example_scan.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST = 64 };

/* Features in order. */
struct seen {
    const uint8_t *data;
    size_t n, total;
    struct one {
        size_t name_hash, kind, n, at, bytes;
    } one[MOST];
};

static size_t hash(const uint8_t *bytes, size_t n)
{
    size_t h = 5381;
    for (size_t i = 0; i < n; i++) {
        h = h * 33 + bytes[i];
    }
    return h;
}

static void note(struct seen *s, const struct example_feature *f, size_t at, size_t bytes)
{
    if (s->n < MOST) {
        s->one[s->n] = (struct one){hash(f->name, f->n_name), f->kind, f->n, at, bytes};
    }
    s->n++;
}

static int whole(void *ctx, const struct example_feature *f, struct err *e)
{
    struct seen *s = ctx;
    const uint8_t *value = s->data;
    size_t n = 0;
    (void)e;
    if (f->kind == EXAMPLE_BYTES && f->n == 1) {
        example_bytes(f, 0, &value, &n);
    }
    note(s, f, (size_t)(value - s->data), n);
    return 0;
}

static int scanned(void *ctx, const struct example_feature *f, size_t at, size_t bytes,
                   struct err *e)
{
    (void)e;
    note(ctx, f, at, bytes);
    return 0;
}

/* A copy of just these bytes, so that reading beyond them is noticed. */
static int need(void *ctx, size_t at, size_t n, const uint8_t **p, struct err *e)
{
    struct seen *s = ctx;
    static uint8_t *copy;
    (void)e;
    assert(at <= s->total && n <= s->total - at);
    free(copy);
    copy = malloc(n ? n : 1);
    assert(copy);
    memcpy(copy, s->data + at, n);
    *p = copy;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct seen all, some;
    struct err e = {0}, e2 = {0};
    all = (struct seen){.data = data, .total = n};
    some = all;
    const struct example_scan scan = {need, &some, scanned, &some};
    int rc = example_each(data, n, whole, &all, &e);
    int rc2 = example_scan(&scan, n, &e2);
    assert(!rc == !e.code && !rc2 == !e2.code);
    /* A value that is passed over is not looked into; else they agree. */
    assert(rc == rc2);
    assert(rc || (all.n == some.n &&
                  !memcmp(all.one, some.one,
                          (all.n < MOST ? all.n : MOST) * sizeof(struct one))));
    return 0;
}
