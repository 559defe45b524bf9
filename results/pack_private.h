/* Inside results/ only: what writing and reading packs share. */
#ifndef BITBENCH_RESULTS_PACK_PRIVATE_H
#define BITBENCH_RESULTS_PACK_PRIVATE_H

#include <stddef.h>
#include <stdint.h>
#include "harness/base/h5.h"
#include "results/cell.h"
#include "results/pack.h"

struct err;

struct pack_block {
    bool full;
    uint64_t n_cells, n_bytes;
    char sha256[HASH_SHA256_HEX];
};
void pack_block_print(const struct pack_block *b, unsigned char out[CELL_BLOCK]);
/* bytes: the first CELL_BLOCK of a file of n_file, or all of a shorter one. */
int pack_block_parse(struct pack_block *b, const unsigned char *bytes, size_t n_file,
                     struct err *e);

/* Columns of /cells, in the order of the file. */
enum pack_column { PACK_RUN_ID,
                   PACK_STATUS,
                   PACK_MESSAGE,
                   PACK_SIGNATURE,
                   PACK_MADE,
                   PACK_SPEC,
                   PACK_MARGIN_UNIT,
                   PACK_KNOBS,
                   PACK_PROVENANCE,
                   PACK_LABELS,
                   PACK_METRICS,
                   PACK_COLUMNS };
extern const char *const pack_columns[PACK_COLUMNS]; /* paths */

/* Reading. All are errors of the file: ERR_FORMAT or ERR_LIMIT. */
struct pack_reader {
    struct h5 *h;
    const char *name;
    struct pack *p;
};
int pack_wrong(const struct pack_reader *in, const char *path, const char *what, struct err *e);
/* A list of exactly n texts, which the caller frees. */
int pack_texts(struct pack_reader *in, const char *path, size_t n, char **block, size_t *stride,
               struct err *e);
/* An array of exactly these dimensions (n_cols 0: a list), converted to t; the caller frees it. */
void *pack_array(struct pack_reader *in, const char *path, enum h5_type t, size_t n_rows,
                 size_t n_cols, struct err *e);
/* The length of a list that is not empty. */
int pack_length(struct pack_reader *in, const char *path, size_t *n, struct err *e);
/* Indices of cells [n], each below the number of cells. */
uint64_t *pack_cells(struct pack_reader *in, const char *path, size_t n, struct err *e);
int pack_copy_text(char *out, size_t cap, const char *text, struct err *e);
/* Into the records: outcomes; draws and selections. */
int pack_get_sets(struct pack_reader *in, struct err *e);
int pack_get_lists(struct pack_reader *in, struct err *e);

/* What store.h does with a run directory, with a pack: */
int store_pack_list(struct cell_list *l, const char *path, struct err *e);
int store_pack_plan(struct plan_list *l, const char *path, struct err *e);
/* One cell. */
int store_pack_read(struct record *r, struct made *m, const char *path, const char *run_id,
                    bool with_outcomes, struct err *e);

#endif
