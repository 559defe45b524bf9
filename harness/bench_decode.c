/* bench decode: images read, decoded and transformed into batches, from the test split of a data
 * set, over and over until there are as many as asked for. */
#include "harness/bench.h"
#include "harness/context.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/tensor.h"
#include "datasets/dataset.h"
#include "datasets/loader.h"
#include <stdio.h>
#include <stdlib.h>

struct decode {
    const struct split *s;
    const struct preprocess *p;
    struct pool *pool;
    size_t *rows, n;
    float *data;
};
enum { DECODE_BATCH = 64 };

static int decode_once(void *ctx, struct err *e)
{
    const struct decode *d = ctx;
    struct loader *l;
    struct tensor x = {.n = 1};
    if (loader_open(&l, d->s, d->rows, d->n, d->p, d->pool, e)) {
        return -1;
    }
    int status = 0;
    while (x.n && status == 0) {
        status = loader_next(l, d->data, DECODE_BATCH, &x, e);
    }
    loader_close(l);
    return status;
}

int bench_decode(struct ctx *c, const struct bench_args *a, struct err *e)
{
    struct dataset *ds = NULL;
    struct dataset_dirs where = context_dataset_dirs(c);
    struct split s = {0};
    struct preprocess p;
    struct preprocess_args pp = a->pp;
    struct decode d = {.s = &s, .p = &p, .pool = c->pool};
    struct loader *probe = NULL;
    size_t h, w;
    char shape[192];
    int status = -1;
    pp.crop = pp.crop ? pp.crop : 64;
    if (dataset_open(&ds, a->dataset ? a->dataset : "fashion-mnist", &where, e) ||
        split_open(&s, ds, "test", e) ||
        preprocess_from_args(&p, &pp, NULL, ds->desc->h, ds->desc->w, e)) {
        goto out;
    }
    d.n = (size_t)(a->images ? a->images : 10000);
    d.rows = mem_take(d.n, sizeof *d.rows, e);
    if (!d.rows) {
        goto out;
    }
    for (size_t i = 0; i < d.n; i++) {
        d.rows[i] = i % s.n;
    }
    if (loader_open(&probe, &s, d.rows, d.n, &p, c->pool, e)) {
        goto out;
    }
    loader_shape(probe, &h, &w);
    d.data = mem_take(DECODE_BATCH * h * w, 3 * sizeof *d.data, e);
    if (d.data) {
        snprintf(shape, sizeof shape, "%.60s %zux%zu %s", ds->name, w, h, p.kernel);
        struct bench_line line = {
            .what = "decode", .shape = shape, .unit = "images", .units = (double)d.n};
        status = bench_measure(c, a, &line, decode_once, &d, e);
    }
out:
    loader_close(probe);
    free(d.data);
    free(d.rows);
    split_close(&s);
    dataset_close(ds);
    return status;
}
