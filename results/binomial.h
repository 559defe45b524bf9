/* The binomial distribution: probabilities to about 1e-14 relative for any n, and exact draws from
 * one random word. */
#ifndef BITBENCH_RESULTS_BINOMIAL_H
#define BITBENCH_RESULTS_BINOMIAL_H

#include <stddef.h>

/* ln P(X = k), X binomial with n trials of probability p in [0, 1]; k <= n. -inf where the
 * probability is 0. */
double binomial_log_pmf(size_t k, size_t n, double p);

/* The draw that belongs to u, uniform in [0, 1): equal u give equal draws, and u uniform gives the
 * binomial distribution up to rounding. Takes about sqrt(n p (1 - p)) steps. */
size_t binomial_draw(size_t n, double p, double u);

#endif
