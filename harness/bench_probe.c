/* bench probe: adaptations on made-up features: class means plus noise. */
#include "harness/bench.h"
#include "harness/context.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "protocols/adapt.h"
#include "protocols/spec.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct probe {
    const struct adapt *adapt;
    struct probe_data data;
    struct run_spec *specs;
    const struct run_spec **list;
    size_t n_specs;
    struct pool *pool;
};

static int ignore_result(void *ctx, const struct adapt_result *r, struct err *e)
{
    (void)ctx;
    (void)r;
    (void)e;
    return 0;
}

static int probe_once(void *ctx, struct err *e)
{
    struct probe *p = ctx;
    struct adapt_counters counters = {0};
    return p->adapt->run(&p->data, p->list, p->n_specs, p->pool, &counters, ignore_result, NULL, e);
}

/* Rows of class i % classes: its mean plus unit noise, cut at 0 as features behind a ReLU are. */
static void make_rows(float *x, int32_t *y, size_t n, size_t d, size_t classes, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        size_t class = i % classes;
        if (y) {
            y[i] = (int32_t) class;
        }
        for (size_t k = 0; k < d; k++) {
            uint64_t at = i * d + k;
            double mean =
                0.3 * rng_normal(rng_at(1, 0, class * d + k), rng_at(1, 1, class * d + k));
            double v = mean + rng_normal(rng_at(seed, 2, at), rng_at(seed, 3, at));
            x[at] = v > 0 ? (float)v : 0.0f;
        }
    }
}

static int bench_one_probe(struct ctx *c, struct bench_args *a, const char *name, size_t n,
                           size_t d, struct err *e)
{
    enum { CLASSES = 10,
           TEST = 10000,
           L2S = 30 };
    const bool ridge = !strcmp(name, "ridge");
    struct probe p = {.adapt = ridge ? &adapt_ridge : &adapt_logistic,
                      .n_specs = ridge ? L2S : 1,
                      .pool = c->pool};
    float *x = mem_take(n, d * sizeof *x, e), *x_test = mem_take(TEST, d * sizeof *x_test, e);
    int32_t *y = mem_take(n, sizeof *y, e);
    char value[64];
    int status = -1;
    p.specs = mem_take(p.n_specs, sizeof *p.specs, e);
    p.list = mem_take(p.n_specs, sizeof *p.list, e);
    if (!x || !x_test || !y || !p.specs || !p.list) {
        goto out;
    }
    make_rows(x, y, n, d, CLASSES, 2);
    make_rows(x_test, NULL, TEST, d, CLASSES, 3);
    status = 0;
    for (size_t i = 0; i < p.n_specs && status == 0; i++) {
        spec_init(&p.specs[i]);
        p.list[i] = &p.specs[i];
        snprintf(value, sizeof value, "%.17g", (double)(1ull << i) / 1024);
        status = spec_set(&p.specs[i], "adapt.name", name, e) ||
                         spec_set(&p.specs[i], "regime.name", "full", e) ||
                         (ridge ? spec_set(&p.specs[i], "adapt.l2", value, e)
                                : spec_set(&p.specs[i], "select.grid", "adapt.c=log10:-6:6", e) ||
                                      spec_set(&p.specs[i], "select.on", "val", e))
                     ? -1
                     : 0;
    }
    p.data = (struct probe_data){
        .x = x, .y = y, .n = n, .d = d, .n_classes = CLASSES, .x_test = x_test, .n_test = TEST};
    snprintf(value, sizeof value, "%s %zux%zu, %d classes, %zu cells", name, n, d, CLASSES,
             p.n_specs);
    if (status == 0) {
        struct bench_line line = {
            .what = "probe", .shape = value, .unit = "cells", .units = (double)p.n_specs};
        status = bench_measure(c, a, &line, probe_once, &p, e);
    }
out:
    free(p.list);
    free(p.specs);
    free(y);
    free(x_test);
    free(x);
    return status;
}

int bench_probe(struct ctx *c, struct bench_args *a, struct err *e)
{
    return bench_one_probe(c, a, "ridge", 250, 1024, e) ||
                   bench_one_probe(c, a, "logistic", 5000, 1024, e)
               ? -1
               : 0;
}
