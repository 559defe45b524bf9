/* bench decode: images read, decoded and transformed into batches, from a data set (its test split,
 * or trainval where it has none), over and over until there are as many as asked for. */
#include "harness/bench.h"
#include "harness/context.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "datasets/dataset.h"
#include "datasets/loader.h"
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

static int open_images(struct split *s, const struct dataset *d, struct err *e)
{
    struct err none = {0};
    return split_open(s, d, "test", &none) == 0 ? 0 : split_open(s, d, "trainval", e);
}

int bench_decode(struct ctx *c, struct bench_args *a, struct err *e)
{
    struct dataset *ds = NULL;
    struct dataset_dirs where = context_dataset_dirs(c);
    struct split s = {0};
    struct preprocess p;
    struct preprocess_args pp = a->pp;
    struct decode d = {.s = &s, .p = &p, .pool = c->pool};
    struct loader *probe = NULL;
    size_t h, w;
    struct str shape = {0};
    int status = -1;
    pp.crop = pp.crop || pp.preset ? pp.crop : 64;
    if (dataset_open(&ds, a->dataset ? a->dataset : "fashion-mnist", &where, e) ||
        open_images(&s, ds, e) ||
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
        str_addf(&shape, "%.60s ", ds->name);
        preprocess_text(&p, &shape);
        struct bench_line line = {
            .what = "decode", .shape = str_text(&shape), .unit = "images", .units = (double)d.n};
        status = bench_measure(c, a, &line, decode_once, &d, e);
    }
out:
    str_release(&shape);
    loader_close(probe);
    free(d.data);
    free(d.rows);
    split_close(&s);
    dataset_close(ds);
    return status;
}
