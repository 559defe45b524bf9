/* Where the variance of a score comes from: random effects by analysis of variance. */
#ifndef BITBENCH_RESULTS_VARIANCE_H
#define BITBENCH_RESULTS_VARIANCE_H

#include <stddef.h>

/* Seeds within draws. Components may come out negative: the raw one is kept, the other is at least
 * 0. nan where it cannot be told: draw with fewer than two draws, both with no two seeds in any. */
struct variance_nested {
    double mean, ms_between, ms_within, n0;
    double draw_raw, draw, seed;
};
/* v: the values of draw 0, then those of draw 1 ...; n_seeds [n_draws], each at least 1. */
void variance_nested(const double *v, const size_t *n_seeds, size_t n_draws,
                     struct variance_nested *out);

/* One value for each row and column, crossed. */
struct variance_crossed {
    double mean, ms_rows, ms_columns, ms_error;
    double rows_raw, columns_raw, rows, columns, error;
};
/* v [n_rows, n_columns], at least 2 of each. Takes n_rows^2 n_columns steps. */
void variance_crossed(const double *v, size_t n_rows, size_t n_columns,
                      struct variance_crossed *out);

#endif
