/* A run directory: one file a cell, named by its run_id, readable as HDF5. What reads one reads a
 * pack (pack.h) too, and takes PACK:RUN_ID for the path of a cell.
 *   DIR/cells/RUN_ID.h5        512-byte text block, then an HDF5 image
 *   DIR/cells/RUN_ID.h5.stale  a result from other code, weights or data
 *   DIR/plan.tsv               what the directory is meant to hold: run_id <TAB> canonical spec
 *   DIR/run.yaml               the run file, for people; of sweeps of other names: run-NAME.yaml
 * Written atomically; a reader checks the SHA-256 in the block before libhdf5 sees a byte. */
#ifndef BITBENCH_RESULTS_STORE_H
#define BITBENCH_RESULTS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include "harness/base/hash.h"
#include "results/record.h"

struct err;

enum { CELL_BLOCK = 512,
       CELL_FORMAT = 1 };

/* What a cell's numbers depend on besides its spec. A stored cell whose made differs from now's is
 * stale. Short printable texts without spaces: hashes cut to 16 hex digits. */
struct made {
    char numeric_id[17], isa[17], blas_core[25], model[17], data[17];
};

/* What the text block of a cell file says. */
struct cell_head {
    char run_id[RUN_ID]; /* of a damaged file: from its name, or "" */
    enum cell_status status;
    char sha256[HASH_SHA256_HEX];
    struct made made;
    char *signature; /* cut with "..." where it did not fit the block; owned; NULL when damaged */
    char *path;      /* owned */
    bool stale_file; /* a .stale file */
    bool damaged;    /* message says why; found without reading behind the block */
    char message[256];
};

/* The bytes of a cell file, which the caller frees. ERR_FORMAT when the record contradicts itself
 * (counts that do not go with the outcomes, a row never set...). What is stored of the outcomes
 * is decided by the knob "outcomes"; a failed cell has none. */
int cell_encode(const struct record *r, const struct made *m, unsigned char **bytes, size_t *n,
                struct err *e);
/* Checks block, length and SHA-256, then reads the image. name is for messages. On failure r is
 * zeroed and e is ERR_FORMAT, but for want of memory. Encoding r again gives the same bytes. */
int cell_decode(struct record *r, struct made *m, const unsigned char *bytes, size_t n,
                const char *name, struct err *e);

/* Creates DIR and DIR/cells where needed (create), or checks that DIR is a run directory
 * (ERR_ABSENT when there is none, ERR_USAGE when it is something else). */
int store_open(const char *dir, bool create, struct err *e);
int store_write(const char *dir, const struct record *r, const struct made *m, struct err *e);
int store_read(struct record *r, struct made *m, const char *path, struct err *e);
/* All cells by their blocks (nothing else is read), sorted by run_id; damaged files are listed,
 * not fatal. with_stale lists .stale files too. Files that are not named like a cell are passed
 * over, left-over temporary ones included. */
struct cell_list {
    struct cell_head *heads;
    size_t n;
};
int store_list(struct cell_list *l, const char *dir, bool with_stale, struct err *e);
void cell_list_release(struct cell_list *l);
/* The head of one cell, or *found = false. A damaged one is found. */
int store_head(struct cell_head *h, const char *dir, const char *run_id, bool *found,
               struct err *e);
void cell_head_release(struct cell_head *h);
/* Renames a cell to .stale (replacing an older stale one). */
int store_retire(const char *dir, const char *run_id, struct err *e);

/* The plan: merged with what is there (cells stay in first-seen order). */
struct plan_entry {
    char run_id[RUN_ID];
    char *spec; /* owned; without tabs and line breaks */
};
struct plan_list {
    struct plan_entry *entries;
    size_t n;
};
int store_plan_add(const char *dir, const struct plan_entry *entries, size_t n, struct err *e);
/* No plan is an empty one. */
int store_plan_read(struct plan_list *l, const char *dir, struct err *e);
/* The plans of several directories and packs as one: each cell once, at its first place. */
int store_plan_join(struct plan_list *l, const char *const *dirs, size_t n_dirs, struct err *e);
void plan_list_release(struct plan_list *l);

/* Keeps the text of a run file, whose first line is its name, in the place of an older one of that
 * name. */
int store_run_file_keep(const char *dir, const char *text, struct err *e);
struct run_file {
    char *name, *text; /* owned */
};
struct run_file_list {
    struct run_file *files;
    size_t n;
};
/* Those of a run directory or the one of a pack; of something else none. */
int store_run_files(struct run_file_list *l, const char *dir, struct err *e);
void run_file_list_release(struct run_file_list *l);

/* All decoded cells of several run directories, packs and single cell files, in the order of the
 * plans (cells that are in none come last, by run_id), duplicates merged: the same run_id twice
 * with equal outcomes and metrics is one, with different ones an error (ERR_FORMAT) naming both.
 * Where one of the two has failed, the other is kept. Damaged or unreadable cells of a directory:
 * told through note() and skipped, *n_damaged counts them; a damaged file that was named itself is
 * an error. with_outcomes false leaves the outcome arrays out (tables need only metrics). */
struct record_list {
    struct record *records;
    char **paths;
    size_t n;
};
int store_load(struct record_list *l, const char *const *dirs, size_t n_dirs, bool with_outcomes,
               size_t *n_damaged, struct err *e);
void record_list_release(struct record_list *l);

#endif
