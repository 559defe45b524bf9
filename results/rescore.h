/* Metrics again from stored outcomes, without the model: on all test images or on those that VTAB's
 * published numbers count. */
#ifndef BITBENCH_RESULTS_RESCORE_H
#define BITBENCH_RESULTS_RESCORE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct outcomes;
struct record;

/* The outcomes of r that count, as a view that must not be released: the first vtab_scored ones, or
 * all. */
void rescore_view(const struct record *r, bool as_leaderboard, struct outcomes *view);
/* scores (zeroed) gets the metrics of metrics_add and, where the outcomes have what they need, topK
 * (the label is among the K best), ece_mass and brier_top; release it with record_release.
 * ERR_USAGE when r stores no outcomes. */
int rescore(const struct record *r, bool as_leaderboard, size_t top, struct record *scores,
            struct err *e);

#endif
