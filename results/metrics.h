/* Metrics from stored outcomes; no model needed. Definitions: tests/parity/stats/README.md. */
#ifndef BITBENCH_RESULTS_METRICS_H
#define BITBENCH_RESULTS_METRICS_H

#include <stddef.h>

struct err;
struct outcomes;
struct record;

/* Adds n, n_correct, top1, top5, mean_per_class and, where outcomes have probabilities, nll, brier,
 * ece (15 equal-width bins) in this order to r->metrics. Shares, not per cent. */
int metrics_add(struct record *r, size_t n_classes, struct err *e);

#endif
