/* A run directory: one file a cell, named by its run_id, readable as HDF5.
 *   DIR/cells/RUN_ID.h5        512-byte text block, then an HDF5 image
 *   DIR/cells/RUN_ID.h5.stale  a result from other code, weights or data
 *   DIR/plan.tsv               what the directory is meant to hold: run_id <TAB> canonical spec
 *   DIR/run.yaml               the last run file, for people and for default axes
 * Written atomically; a reader checks the SHA-256 in the block before libhdf5 sees a byte. */
#ifndef BITBENCH_RESULTS_STORE_H
#define BITBENCH_RESULTS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include "harness/base/hash.h"
#include "results/record.h"

struct err;

enum { CELL_BLOCK = 512, CELL_FORMAT = 1 };

/* What a cell's numbers depend on besides its spec. A stored cell whose made differs from now's is
 * stale. Short texts: hashes cut to 16 hex digits. */
struct made {
    char numeric_id[17], isa[17], blas_core[25], model[17], data[17];
};

struct cell_head {
    char run_id[RUN_ID];
    enum cell_status status;
    char sha256[HASH_SHA256_HEX];
    struct made made;
    char *signature; /* whole; owned */
    char *path;      /* owned */
    bool stale_file; /* a .stale file */
    bool damaged;    /* block unreadable or not ours: message says why; found without reading the rest */
    char message[256];
};

/* The bytes of a cell file. */
int cell_encode(const struct record *r, const struct made *m, unsigned char **bytes, size_t *n, struct err *e);
/* Checks block, length and SHA-256, then reads the image. name is for messages. */
int cell_decode(struct record *r, struct made *m, const unsigned char *bytes, size_t n, const char *name, struct err *e);

/* Creates DIR and DIR/cells where needed (create) or checks that DIR is a run directory. */
int store_open(const char *dir, bool create, struct err *e);
int store_write(const char *dir, const struct record *r, const struct made *m, struct err *e);
int store_read(struct record *r, struct made *m, const char *path, struct err *e);
/* All cells by their blocks, sorted by run_id; damaged files are listed, not fatal. with_stale lists
 * .stale files too. Left-over temporary files are ignored. */
struct cell_list {
    struct cell_head *heads;
    size_t n;
};
int store_list(struct cell_list *l, const char *dir, bool with_stale, struct err *e);
void cell_list_release(struct cell_list *l);
/* The head of one cell, or *found = false. */
int store_head(struct cell_head *h, const char *dir, const char *run_id, bool *found, struct err *e);
void cell_head_release(struct cell_head *h);
/* Renames a cell to .stale (replacing an older stale one). */
int store_retire(const char *dir, const char *run_id, struct err *e);

/* The plan: merged with what is there (cells stay in first-seen order). */
struct plan_entry {
    char run_id[RUN_ID];
    char *spec; /* owned */
};
struct plan_list {
    struct plan_entry *entries;
    size_t n;
};
int store_plan_add(const char *dir, const struct plan_entry *entries, size_t n, struct err *e);
int store_plan_read(struct plan_list *l, const char *dir, struct err *e);
void plan_list_release(struct plan_list *l);

/* All decoded cells of several run directories (and single cell files), duplicates merged: the same
 * run_id twice with equal outcomes and metrics is one, with different ones an error naming both.
 * Damaged cells: listed through note() and skipped, *n_damaged counts them. with_outcomes false frees the
 * outcome arrays after reading (tables need only metrics). */
struct record_list {
    struct record *records;
    char **paths;
    size_t n;
};
int store_load(struct record_list *l, const char *const *dirs, size_t n_dirs, bool with_outcomes, size_t *n_damaged, struct err *e);
void record_list_release(struct record_list *l);

#endif
