/* Metrics from stored outcomes; no model needed. Definitions: tests/parity/stats/README.md. */
#ifndef BITBENCH_RESULTS_METRICS_H
#define BITBENCH_RESULTS_METRICS_H

#include <stddef.h>

struct err;
struct record;

/* Adds to r->metrics n, n_correct, top1, top5 (where ranks are known), mean_per_class; where
 * outcomes have probabilities nll, brier and ece (15 equal-width bins); and n_configs_tried where
 * something was selected.
 * Shares, not per cent. nll is infinite when a label has probability 0. -1 (ERR_FORMAT) when
 * there are no outcomes or a label is not below n_classes. */
int metrics_add(struct record *r, size_t n_classes, struct err *e);

#endif
