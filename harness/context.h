/* What every command gets: the global options, and the things made from them. */
#ifndef BITBENCH_CONTEXT_H
#define BITBENCH_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "datasets/dataset.h"
#include "harness/options.h"
#include "models/model.h"

struct engine;
struct err;
struct pool;
struct str;
struct table;

struct globals {
    const char *data;  /* DIR[:DIR...] */
    const char *cache; /* DIR */
    bool no_cache;
    int64_t threads;  /* 0 = all */
    uint64_t max_mem; /* bytes; 0 = no limit */
    const char *isa, *engine;
    bool partial, json, quiet, verbose, progress, version;
};
extern const struct opt global_opts[];
extern const size_t global_opts_n;

struct ctx {
    struct globals g;
    struct texts dirs;    /* data folders, in order of search */
    char cache_dir[4096]; /* "" = none */
    struct pool *pool;    /* NULL until context_compute */
    const struct engine *engine;
    char *(*env)(const char *name); /* the environment, set by main; may be NULL */
};

/* Data folders (--data, BITBENCH_DATA, the system's), cache folder, limits. */
int context_init(struct ctx *c, const char *env_data, const char *env_cache, const char *env_home,
                 struct err *e);
/* Threads, engine and BLAS, for commands that compute. Idempotent. */
int context_compute(struct ctx *c, struct err *e);
void context_release(struct ctx *c);
struct model_dirs context_model_dirs(const struct ctx *c);
struct dataset_dirs context_dataset_dirs(const struct ctx *c);

/* For what prints no table: -1 with e set (ERR_USAGE) when --json was asked for. */
int context_refuse_json(const struct ctx *c, const char *what, struct err *e);

/* Prints a table on stdout: text, or with --json an array of objects (numbers as numbers). */
int context_print(const struct ctx *c, const struct table *t, struct err *e);
/* The JSON array alone, without a newline behind it. */
void context_add_json(const struct table *t, struct str *out);

#endif
