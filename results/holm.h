/* Holm's step-down adjustment of p values for several tests. */
#ifndef BITBENCH_RESULTS_HOLM_H
#define BITBENCH_RESULTS_HOLM_H

#include <stddef.h>

/* adjusted [n] of p [n], in the same order; p in 0..1. Takes n^2 steps. */
void holm_adjust(const double *p, size_t n, double *adjusted);

#endif
