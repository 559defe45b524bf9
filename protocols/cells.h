/* What the drivers share when they turn scores into records. */
#ifndef BITBENCH_PROTOCOLS_CELLS_H
#define BITBENCH_PROTOCOLS_CELLS_H

#include <stddef.h>
#include "protocols/protocol.h"

struct split;

/* Fills r->outcomes from scores [test->n, n_classes] over the pool; unit names their difference. */
int cell_outcomes(struct group *g, const struct split *test, const double *scores, bool has_prob,
                  const char *unit, struct record *r, struct err *e);

/* Emits a failed record with the text of why for specs[spec]. */
int cell_failed(struct group *g, const struct run_spec *const *specs, size_t spec,
                const struct err *why, emit_fn *emit, void *ctx, struct err *e);

#endif
