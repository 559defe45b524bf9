/* Statistics of few numbers: replicates to median, mean and interval; counts to Wilson intervals. */
#ifndef BITBENCH_RESULTS_STATS_H
#define BITBENCH_RESULTS_STATS_H

#include <stddef.h>

struct summary {
    size_t n;
    double median, min, max, mean, sd; /* sd with n - 1; nan for n < 2 */
    double low, high;                  /* 95 % t interval of the mean; nan for n < 2 */
};
/* v [n], n >= 1; not changed. */
void stats_summary(const double *v, size_t n, struct summary *s);

/* Quantile of Student's t with df degrees of freedom (1e-13 relative); p in (0, 1). */
double stats_t_quantile(double p, double df);
/* Wilson interval of k of n at the given two-sided level, exactly 0 at k = 0 and 1 at k = n. */
void stats_wilson(size_t k, size_t n, double level, double *low, double *high);
double stats_normal_quantile(double p);

#endif
