/* The tar index on any bytes: every member lies inside them, and plain and packed reading agree. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "datasets/codec/tar_index.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
    uint64_t last; /* offsets only grow */
    size_t n;
};

static int feed(void *ctx, uint64_t at, void *out, size_t n, size_t *got, struct err *e)
{
    (void)e;
    struct input *in = ctx;
    assert(at >= in->last);
    in->last = at;
    uint64_t rest = at < in->size ? in->size - at : 0;
    *got = n < rest ? n : (size_t)rest;
    memcpy(out, in->data + (*got ? at : 0), *got);
    return 0;
}

static int visit(void *ctx, const struct tar_member *m, struct err *e)
{
    (void)e;
    struct input *in = ctx;
    assert(m->name[0]);
    assert(!m->link || !m->bytes);
    in->n++;
    return 0;
}

static int visit_inside(void *ctx, const struct tar_member *m, struct err *e)
{
    const struct input *in = ctx;
    assert(m->at <= in->size && m->bytes <= in->size - m->at);
    return visit(ctx, m, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input known = {data, size, 0, 0}, unknown = known;
    struct tar_input in = {"x.tar", feed, &known, size};
    struct err e = {0}, f = {0};
    int a = tar_index(&in, visit_inside, &known, &e);
    assert((a == -1) == (e.code != ERR_NONE));
    in.ctx = &unknown;
    in.size = UINT64_MAX;
    int b = tar_index(&in, visit, &unknown, &f);
    assert((b == -1) == (f.code != ERR_NONE));
    assert(a || (!b && known.n == unknown.n));
    return 0;
}
