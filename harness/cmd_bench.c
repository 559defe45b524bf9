/* bench: speed of the parts, as TSV: what, shape, threads, runs, median and best seconds, rate.
 * Programs to run, never tests: compare ratios within one run on a quiet machine. */
#include "harness/bench.h"
#include "harness/command.h"
#include "harness/base/blas.h"
#include "harness/base/build_info.h"
#include "harness/base/clock.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "models/model.h"
#include "protocols/adapt.h"
#include "protocols/spec.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_MAX_RUNS = 100 };

static const struct opt opts[] = {
    {"model", 'm', OPT_TEXT, offsetof(struct bench_args, model), "MODEL",
     "forward, kernels: the network (random:R50x1)", 0, 0},
    {"dataset", 'd', OPT_TEXT, offsetof(struct bench_args, dataset), "DATASET",
     "decode: the images (fashion-mnist)", 0, 0},
    PREPROCESS_OPTS(bench_args, pp),
    {"batch", 0, OPT_INT, offsetof(struct bench_args, batch), "N", "forward, kernels: images a call (8)", 1,
     4096},
    {"images", 0, OPT_INT, offsetof(struct bench_args, images), "N", "decode: images a run (10000)",
     1, 100000000},
    {"runs", 0, OPT_INT, offsetof(struct bench_args, runs), "N",
     "counted runs after one warm-up (5)", 1, BENCH_MAX_RUNS},
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int bench_measure(const struct ctx *c, const struct bench_args *a, const struct bench_line *line,
                  int (*fn)(void *ctx, struct err *e), void *ctx, struct err *e)
{
    double s[BENCH_MAX_RUNS];
    size_t n = (size_t)(a->runs ? a->runs : 5);
    for (size_t i = 0; i <= n; i++) {
        double start = clock_now_s();
        if (fn(ctx, e)) {
            return -1;
        }
        if (i) {
            s[i - 1] = clock_now_s() - start;
        }
    }
    qsort(s, n, sizeof *s, by_value);
    char share[32] = "-";
    if (line->peak > 0) {
        snprintf(share, sizeof share, "%.3f", line->units / s[0] / line->peak);
    }
    printf("%s\t%s\t%zu\t%zu\t%.6f\t%.6f\t%.6f\t%.4g\t%s/s\t%s\n", line->what, line->shape,
           pool_size(c->pool), n, s[n / 2], s[0], s[n - 1], line->units / s[n / 2], line->unit, share);
    fflush(stdout);
    return 0;
}

static int measure(const struct ctx *c, const struct bench_args *a, const char *what,
                   const char *shape, double units, const char *unit,
                   int (*fn)(void *ctx, struct err *e), void *ctx, struct err *e)
{
    struct bench_line line = {.what = what, .shape = shape, .unit = unit, .units = units};
    return bench_measure(c, a, &line, fn, ctx, e);
}

/* --- forward --- */

struct forward {
    const struct engine *engine;
    void *state;
    struct tensor x;
    float *features;
};

static int forward_once(void *ctx, struct err *e)
{
    const struct forward *f = ctx;
    return f->engine->forward(f->state, &f->x, f->features, NULL, e);
}

static int bench_forward(struct ctx *c, const struct bench_args *a, struct err *e)
{
    struct model *m = NULL;
    struct model_dirs where = context_model_dirs(c);
    size_t px = (size_t)(a->pp.crop ? a->pp.crop : 224), n = (size_t)(a->batch ? a->batch : 8);
    struct forward f = {.engine = c->engine, .x = {.n = n, .h = px, .w = px, .c = 3}};
    char shape[192];
    int status = -1;
    if (model_open(&m, a->model ? a->model : "random:R50x1", &where, true, e)) {
        return -1;
    }
    f.x.data = mem_take(n * px * px, 3 * sizeof(float), e);
    f.features = mem_take(n, model_feature_dim(m, px, px) * sizeof(float), e);
    if (!f.x.data || !f.features || c->engine->open(&f.state, m, c->pool, e)) {
        goto out;
    }
    for (size_t i = 0; i < n * px * px * 3; i++) {
        f.x.data[i] = (float)(2 * rng_unit(rng_at(0, 1, i)) - 1);
    }
    snprintf(shape, sizeof shape, "%.40s %zux%zu batch %zu %s", m->arch_text, px, px, n,
             c->engine->name);
    status = measure(c, a, "forward", shape, (double)n, "images", forward_once, &f, e);
    if (status == 0) {
        status = measure(c, a, "forward", shape,
                         (double)n * 2e-9 *
                             (double)(m->kind == MODEL_BIT ? arch_macs(&m->arch, 0, px, px) : 0),
                         "GFLOP", forward_once, &f, e);
    }
out:
    if (f.state) {
        c->engine->close(f.state);
    }
    free(f.features);
    free(f.x.data);
    model_close(m);
    return status;
}

/* --- probe: adaptations on made-up features: class means plus noise --- */

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

static int bench_one_probe(struct ctx *c, const struct bench_args *a, const char *name, size_t n,
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
        status = measure(c, a, "probe", value, (double)p.n_specs, "cells", probe_once, &p, e);
    }
out:
    free(p.list);
    free(p.specs);
    free(y);
    free(x_test);
    free(x);
    return status;
}

static int bench_probe(struct ctx *c, const struct bench_args *a, struct err *e)
{
    return bench_one_probe(c, a, "ridge", 250, 1024, e) ||
                   bench_one_probe(c, a, "logistic", 5000, 1024, e)
               ? -1
               : 0;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    static const struct {
        const char *name;
        int (*run)(struct ctx *c, const struct bench_args *a, struct err *e);
    } kinds[] = {{"decode", bench_decode},
                 {"forward", bench_forward},
                 {"kernels", bench_kernels},
                 {"probe", bench_probe}};
    struct near near;
    bool found = n_words == 0;
    if (context_refuse_json(c, "bench", e)) {
        return -1;
    }
    if (context_compute(c, e)) {
        return -1;
    }
    near_init(&near, n_words ? words[0] : "");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        near_add(&near, kinds[i].name);
        found |= n_words && !strcmp(words[0], kinds[i].name);
    }
    if (!found) {
        return err_set(e, ERR_USAGE, "bench has no '%s'%s", words[0], near_text(&near));
    }
    printf("# %s; %s; isa %s; OpenBLAS %s; bitbench %s %s\n", cpu_name(), build_compiler, cpu_isa(),
           blas_core(), build_version, build_commit);
    printf("what\tshape\tthreads\truns\tmedian_s\tbest_s\tworst_s\trate\tunit\tbest_of_peak\n");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if ((!n_words || !strcmp(words[0], kinds[i].name)) && kinds[i].run(c, args, e)) {
            return err_wrap(e, "bench %s", kinds[i].name);
        }
    }
    return EXIT_DONE;
}

const struct command command_bench = {
    .name = "bench",
    .args = "[decode | forward | kernels | probe] [OPTION...]",
    .help = "speed of the parts, as TSV",
    .example = "bench decode -d fashion-mnist --size 64\nbench forward -m random:R50x1 --size 32 "
               "--batch 64",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct bench_args),
    .max_words = 1,
    .computes = true,
    .run = run,
};
