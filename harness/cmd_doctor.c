/* doctor: what this machine and build are, and whether anything is wrong with them. */
#include "harness/command.h"
#include "harness/base/blas.h"
#include "harness/base/build_info.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/h5.h"
#include "harness/base/pool.h"
#include "harness/base/tensor.h"
#include "datasets/dataset.h"
#include "models/engine.h"
#include "results/plot.h"
#include "results/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A small GEMM in float against double: rounding of 64 products stays far below this. */
static const double BLAS_BOUND = 1e-6;

static int add(struct table *t, const char *what, const char *state, const char *value,
               struct err *e)
{
    if (table_row(t, e)) {
        return -1;
    }
    size_t row = t->n_rows - 1;
    return table_set(t, row, 0, what, e) || table_set(t, row, 1, state, e) ||
                   table_set(t, row, 2, value, e)
               ? -1
               : 0;
}

static int add_blas(struct table *t, bool *bad, struct err *e)
{
    char text[256];
    double error = blas_check();
    const char *wanted = blas_wanted_core();
    bool wrong = !(error <= BLAS_BOUND);
    snprintf(text, sizeof text, "%s, relative error of a small GEMM %.1e", blas_core(), error);
    *bad |= wrong;
    if (add(t, "OpenBLAS core", wrong ? "wrong results" : "ok", text, e)) {
        return -1;
    }
    if (wanted && strcmp(wanted, blas_core()) != 0) {
        snprintf(text, sizeof text, "%s would be faster here: unset OPENBLAS_CORETYPE", wanted);
        return add(t, "", "slow", text, e);
    }
    return 0;
}

static int add_folders(struct table *t, const struct ctx *c, struct err *e)
{
    for (size_t i = 0; i < c->dirs.n; i++) {
        const char *dir = c->dirs.items[i];
        if (add(t, "data folder", file_is_dir(dir) ? "ok" : "absent", dir, e)) {
            return -1;
        }
    }
    struct err why = {0};
    if (!c->cache_dir[0]) {
        return add(t, "cache folder", "off", "features are not kept", e);
    }
    if (file_make_dirs(c->cache_dir, &why) || access(c->cache_dir, W_OK)) {
        return add(t, "cache folder", "not writable", c->cache_dir, e);
    }
    return add(t, "cache folder", "ok", c->cache_dir, e);
}

static int run(struct ctx *c, void *opts, char **words, size_t n_words, struct err *e)
{
    (void)opts;
    (void)words;
    (void)n_words;
    struct table t;
    bool bad = false;
    char text[512];
    int status = -1;
    if (context_compute(c, e) || table_init(&t, 3, e)) {
        return -1;
    }
    if (table_head(&t, 0, "what", false, e) || table_head(&t, 1, "state", false, e) ||
        table_head(&t, 2, "value", false, e)) {
        goto out;
    }
    snprintf(text, sizeof text, "%s (%s%s), %s", build_version, build_commit,
             build_dirty ? ", changed" : "", build_compiler);
    if (add(&t, "bitbench", "ok", text, e) || add(&t, "CPU", "ok", cpu_name(), e)) {
        goto out;
    }
    snprintf(text, sizeof text, "%s of avx512%s avx2%s base", cpu_isa(),
             cpu_has("avx512") ? "" : " (not here)", cpu_has("avx2") ? "" : " (not here)");
    if (add(&t, "instruction set", "ok", text, e)) {
        goto out;
    }
    snprintf(text, sizeof text, "%zu of %zu processors", pool_size(c->pool), pool_cpus());
    if (add(&t, "threads", "ok", text, e) || add(&t, "engine", "ok", c->engine->name, e) ||
        add_blas(&t, &bad, e) || add(&t, "OpenBLAS", "ok", blas_config(), e) ||
        add(&t, "HDF5", "ok", h5_version(), e)) {
        goto out;
    }
    bool plots = plot_gnuplot_version(NULL, text, sizeof text);
    if (add(&t, "gnuplot", plots ? "ok" : "absent",
            plots ? text : "plots need it: apt-get install gnuplot-nox", e) ||
        add_folders(&t, c, e)) {
        goto out;
    }
    status = context_print(c, &t, e);
out:
    table_release(&t);
    return status ? -1 : bad ? EXIT_FOUND
                             : EXIT_DONE;
}

const struct command command_doctor = {
    .name = "doctor",
    .args = "",
    .help = "what this machine and build are, and whether something is wrong",
    .example = "doctor",
    .computes = true,
    .run = run,
};
