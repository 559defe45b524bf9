/* A pack: the cells of run directories in one file, small enough for a baseline in git. Like a cell
 * it is 512 bytes of text and then an HDF5 image:
 *
 *   block        bitbench-pack 1 OUTCOMES N_CELLS SHA256-of-the-rest, and `bytes LENGTH`
 *   /            attributes format, outcomes (full | pred)
 *   /cells/...   [n_cells] texts: run_id, status, message, signature, made, spec, margin_unit, and
 * as lines KEY <TAB> VALUE knobs, provenance, labels, metrics /sets/K/...  cells with the same test
 * images: id [n], label [n], cell [m] (index), pred [m, n]; full: rank, margin and, with
 * probabilities, logp_label, p_pred, p_sq [m, n] /draws/...   full only: cell, n, value: the
 * training images of all cells, one after another /selection/  cell, n, picked, knob, on, measure,
 * tried, value, likewise /plan/...    run_id, spec: what the directories are meant to hold
 *   /run_yaml    the run file, where there is one
 *
 * Ids and labels are stored once for all cells on a test set. Equal cells are equal packs. Whatever
 * reads a run directory reads a pack; a cell in it has the path PACK:RUN_ID. */
#ifndef BITBENCH_RESULTS_PACK_H
#define BITBENCH_RESULTS_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include "results/store.h"

struct err;

enum { PACK_FORMAT = 1 };

struct pack {
    struct record *records; /* [n] */
    struct made *made;      /* [n] */
    size_t n;
    struct plan_list plan;
    char *run_yaml; /* owned, or NULL */
    bool full;      /* else label and prediction are all there is of an outcome */
};
void pack_release(struct pack *p);

/* The bytes of a pack, which the caller frees. full may be asked of cells that have less: each
 * keeps what it has. */
int pack_encode(const struct pack *p, unsigned char **bytes, size_t *n, struct err *e);
/* The errors of cell_decode. name is for messages. */
int pack_decode(struct pack *p, const unsigned char *bytes, size_t n, const char *name,
                bool with_outcomes, struct err *e);
int pack_read(struct pack *p, const char *path, bool with_outcomes, struct err *e);

/* Does a file begin as a pack does? False also when it cannot be read. */
bool pack_is(const char *path);
/* Splits "PACK:RUN_ID" (which must name a file before the colon); false when it is no such path. */
bool pack_split_path(const char *path, char *file, size_t cap, char run_id[RUN_ID]);

#endif
