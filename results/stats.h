/* Statistics of few numbers: replicates to median, mean and interval; counts to Wilson
 * intervals. */
#ifndef BITBENCH_RESULTS_STATS_H
#define BITBENCH_RESULTS_STATS_H

#include <stddef.h>

struct summary {
    size_t n;
    double median, min, max, mean, sd; /* sd with n - 1; nan for n < 2 */
    double low, high;                  /* 95 % t interval of the mean; nan for n < 2 */
};
/* v [n], n >= 1; not changed. All nan when one of them is nan. Takes n^2 steps. */
void stats_summary(const double *v, size_t n, struct summary *s);

/* Quantile of Student's t with df > 0 degrees of freedom, p in (0, 1). Measured for df >= 1 and
 * tails down to 1e-12: within 1e-14 relative. */
double stats_t_quantile(double p, double df);
/* P(|T| > |t|) for df > 0 degrees of freedom; 0 for infinite t. */
double stats_t_two_sided(double t, double df);
/* Quantile of the normal distribution, p in (0, 1): within 2e-15 relative. */
double stats_normal_quantile(double p);
/* Wilson interval of k of n at the given two-sided level in (0, 1), exactly 0 at k = 0 and 1 at
 * k = n; 0 and 1 for n = 0. */
void stats_wilson(size_t k, size_t n, double level, double *low, double *high);

#endif
