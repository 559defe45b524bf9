/* Global options to folders, threads and engine; printing of tables. */
#include "harness/context.h"
#include "harness/base/blas.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "results/table.h"
#include <stdio.h>
#include <string.h>

#define FIELD(name) offsetof(struct globals, name)
const struct opt global_opts[] = {
    {"data", 0, OPT_TEXT, FIELD(data), "DIR[:DIR...]",
     "folders with data sets and weights (also $BITBENCH_DATA;\n/usr/share/datasets is always "
     "searched)",
     0, 0},
    {"cache", 0, OPT_TEXT, FIELD(cache), "DIR",
     "where features and indexes are kept (~/.cache/bitbench)", 0, 0},
    {"no-cache", 0, OPT_FLAG, FIELD(no_cache), NULL, "keep neither on disk", 0, 0},
    {"threads", 0, OPT_INT, FIELD(threads), "N", "threads (all processors); never changes a number",
     1, 1024},
    {"max-mem", 0, OPT_SIZE, FIELD(max_mem), "SIZE",
     "refuse work that needs more memory, e.g. 8G; the program itself,\n"
     "some 16M, and what data sets keep are not counted",
     0, 0},
    {"isa", 0, OPT_TEXT, FIELD(isa), "NAME",
     "instruction set: avx512, avx2 or base (the CPU's best)", 0, 0},
    {"engine", 0, OPT_TEXT, FIELD(engine), "NAME",
     "implementation of the network, listed below (cpu)", 0, 0},
    {"partial", 0, OPT_FLAG, FIELD(partial), NULL,
     "accept data sets with images missing; shows in the signature", 0, 0},
    {"json", 0, OPT_FLAG, FIELD(json), NULL, "print data as JSON", 0, 0},
    {"progress", 0, OPT_FLAG, FIELD(progress), NULL,
     "show progress also when stderr is no terminal", 0, 0},
    {"quiet", 'q', OPT_FLAG, FIELD(quiet), NULL, "warnings only", 0, 0},
    {"verbose", 'v', OPT_FLAG, FIELD(verbose), NULL, "more messages", 0, 0},
    {"version", 0, OPT_FLAG, FIELD(version), NULL, "print the version and end", 0, 0},
};
const size_t global_opts_n = ARRAY_LEN(global_opts);

static int add_dirs(struct texts *dirs, const char *list, struct err *e)
{
    while (list && *list) {
        size_t n = strcspn(list, ":");
        if (n && texts_add(dirs, list, n, e)) {
            return -1;
        }
        list += n + (list[n] == ':');
    }
    return 0;
}

int context_init(struct ctx *c, const char *env_data, const char *env_cache, const char *env_home,
                 struct err *e)
{
    if (add_dirs(&c->dirs, c->g.data, e) || add_dirs(&c->dirs, env_data, e)) {
        return -1;
    }
    for (size_t i = 0; i < c->dirs.n; i++) {
        if (!file_is_dir(c->dirs.items[i])) {
            return err_set(e, ERR_ABSENT,
                           "data folder '%s' is not there; check --data and $BITBENCH_DATA",
                           c->dirs.items[i]);
        }
    }
    if (add_dirs(&c->dirs, "/usr/share/datasets", e)) {
        return -1;
    }
    int n = 0;
    if (c->g.no_cache) {
        c->cache_dir[0] = '\0';
    } else if (c->g.cache) {
        n = snprintf(c->cache_dir, sizeof c->cache_dir, "%s", c->g.cache);
    } else if (env_cache && *env_cache) {
        n = snprintf(c->cache_dir, sizeof c->cache_dir, "%s/bitbench", env_cache);
    } else if (env_home && *env_home) {
        n = snprintf(c->cache_dir, sizeof c->cache_dir, "%s/.cache/bitbench", env_home);
    }
    if (n < 0 || (size_t)n >= sizeof c->cache_dir) {
        return err_set(e, ERR_USAGE, "the cache folder's name is too long");
    }
    mem_set_limit((size_t)c->g.max_mem);
    return 0;
}

int context_compute(struct ctx *c, struct err *e)
{
    if (c->pool) {
        return 0;
    }
    c->engine = engine_find(c->g.engine, e);
    if (!c->engine) {
        return -1;
    }
    blas_init();
    return pool_open(&c->pool, c->g.threads ? (size_t)c->g.threads : pool_cpus(), e);
}

void context_release(struct ctx *c)
{
    pool_close(c->pool);
    texts_release(&c->dirs);
}

struct model_dirs context_model_dirs(const struct ctx *c)
{
    return (struct model_dirs){c->dirs.items, c->dirs.n};
}

struct dataset_dirs context_dataset_dirs(const struct ctx *c)
{
    return (struct dataset_dirs){.dirs = c->dirs.items,
                                 .n = c->dirs.n,
                                 .partial = c->g.partial,
                                 .cache = c->cache_dir[0] ? c->cache_dir : NULL};
}

int context_refuse_json(const struct ctx *c, const char *what, struct err *e)
{
    return c->g.json ? err_set(e, ERR_USAGE, "%s prints no table: --json does not apply", what) : 0;
}

void context_add_json(const struct table *t, struct str *out)
{
    str_add(out, "[");
    for (size_t r = 0; r < t->n_rows; r++) {
        str_add(out, r ? ",\n {" : "\n {");
        for (size_t c = 0; c < t->n_cols; c++) {
            const char *cell = table_get(t, r, c);
            double number;
            str_add(out, c ? ", " : "");
            json_add_text(out, t->heads[c]);
            str_add(out, ": ");
            if (t->right[c] && str_to_double(cell, &number)) {
                json_add_double(out, number);
            } else if (t->right[c] && !*cell) {
                str_add(out, "null");
            } else {
                json_add_text(out, cell);
            }
        }
        str_add(out, "}");
    }
    str_add(out, "\n]");
}

int context_print(const struct ctx *c, const struct table *t, struct err *e)
{
    struct str out = {0};
    if (c->g.json) {
        context_add_json(t, &out);
        str_add(&out, "\n");
    } else {
        table_render(t, TABLE_TEXT, &out);
    }
    int status = str_check(&out, e);
    if (status == 0) {
        fputs(str_text(&out), stdout);
    }
    str_release(&out);
    return status;
}
