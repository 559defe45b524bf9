/* Inside results/ only: the text block of a cell file, and the checks that hold for every record
 * that is written or read. */
#ifndef BITBENCH_RESULTS_CELL_H
#define BITBENCH_RESULTS_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "results/store.h"

struct err;
struct record;

/* The block's lines, padded with spaces to CELL_BLOCK bytes, a line break last:
 *   bitbench-cell 1 STATUS RUN_ID SHA256 SIGNATURE
 *   made numeric=N isa=I blas=B model=M data=D
 *   bytes LENGTH
 * SHA256 is that of all bytes behind the block, LENGTH that of the whole file. */
struct cell_block {
    enum cell_status status;
    char run_id[RUN_ID];
    char sha256[HASH_SHA256_HEX];
    char signature[3 * SIGNATURE_PART]; /* when printed, cut with "..." where it does not fit */
    struct made made;
    uint64_t n_bytes;
};
/* "numeric=N isa=I blas=B model=M data=D" */
enum { CELL_MADE = 160 };
void cell_made_text(const struct made *m, char out[CELL_MADE]);
void cell_block_print(const struct cell_block *b, unsigned char out[CELL_BLOCK]);
/* bytes: the first CELL_BLOCK of a file that has n_file, or all of a shorter one. ERR_FORMAT,
 * naming no file, unless the block is one that cell_block_print made for a file of that length. */
int cell_block_parse(struct cell_block *b, const unsigned char *bytes, uint64_t n_file,
                     struct err *e);

/* cell_decode, or the same without reading the arrays of outcomes (which are then empty). */
int cell_decode_part(struct record *r, struct made *m, const unsigned char *bytes, size_t n,
                     const char *name, bool with_outcomes, struct err *e);

/* store_read with the same choice. */
int store_read_part(struct record *r, struct made *m, const char *path, bool with_outcomes,
                    struct err *e);

/* 32 lower-case hex digits? */
bool cell_is_run_id(const char *text);
/* What outcomes a cell stores, after the knob "outcomes" ("" = full). */
enum cell_outcomes { CELL_FULL,
                     CELL_PRED,
                     CELL_NONE };
int cell_outcomes_kind(const struct record *r, enum cell_outcomes *kind, struct err *e);
/* ERR_FORMAT when a record contradicts itself: counts, ranks, probabilities, names. */
int cell_check(const struct record *r, struct err *e);
/* The same where less may be stored of the outcomes than the knob says. */
int cell_check_as(const struct record *r, enum cell_outcomes kind, struct err *e);

#endif
