/* Protocol drivers: all cells of one (model, data set) at once, so that opened data, features and
 * factorisations are shared.
 *
 * To add a protocol: one file with a const struct protocol, one line in protocols[] (protocol.c).
 */
#ifndef BITBENCH_PROTOCOLS_PROTOCOL_H
#define BITBENCH_PROTOCOLS_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include "protocols/adapt.h"
#include "protocols/spec.h"
#include "results/record.h"

struct dataset;
struct engine;
struct err;
struct model;
struct pool;
struct preprocess;
struct str;

struct group_counters {
    size_t images_forwarded, cache_rows_read;
    struct adapt_counters adapt;
};

/* One (model, data set), opened. */
struct group {
    struct model *model; /* the group's alone: the engine takes its kernels over */
    const struct dataset *dataset;
    const struct engine *engine;
    struct pool *pool;
    const char *cache_dir; /* NULL: no cache on disk */
    size_t batch;          /* images a forward call; never shows in the bits */
    void *engine_state;    /* opened at the first forward; closed by group_release */
    struct group_counters counters;
};
void group_release(struct group *g);

/* A record of specs[spec]; the callee takes over its contents and zeroes *r. -1 stops the run. */
typedef int emit_fn(void *ctx, size_t spec, struct record *r, struct err *e);

struct protocol {
    const char *name, *help;   /* name = adapt.name of the specs it serves */
    const struct adapt *adapt; /* NULL: none */
    /* Emits one record a spec (run_id left empty: the runner knows it), with spec, knobs,
     * signature, draw, outcomes, selection, own metrics and, for a cell that cannot be done, status
     * failed and message. -1 only for what stops everything: emit's error, an interruption, memory.
     */
    int (*run)(struct group *g, const struct run_spec *const *specs, size_t n_specs, emit_fn *emit,
               void *ctx, struct err *e);
};
extern const struct protocol *const protocols[];
extern const size_t protocols_n;
const struct protocol *protocol_find(const char *name, struct err *e);

/* The preprocessing of a spec in force for a model and a data set (sizes resolved). */
int spec_preprocess(const struct run_spec *s, const struct model *m, const struct dataset *d,
                    struct preprocess *p, struct err *e);
/* Fills spec text, knobs and the three signature parts of a record. */
int spec_describe(const struct run_spec *s, const struct group *g, size_t n_test,
                  size_t official_test, struct record *r, struct err *e);
/* numeric_id of a spec (SHA-256 hex): all sources that can change its numbers, and none that only
 * other cells use. */
int spec_numeric_id(const struct run_spec *s, const struct group *g, char hex[65], struct err *e);

#endif
