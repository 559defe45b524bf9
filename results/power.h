/* What a t test over few draws can find. */
#ifndef BITBENCH_RESULTS_POWER_H
#define BITBENCH_RESULTS_POWER_H

/* The true difference, in standard errors of the mean, that a t test with df degrees of freedom at
 * one-sided level alpha finds with this power. */
double power_t_noncentrality(double df, double alpha, double power);
/* How much the median of a standard deviation with df degrees of freedom falls short of the true
 * one, as a factor above 1. */
double power_sd_median(double df);

#endif
