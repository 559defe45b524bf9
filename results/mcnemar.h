/* Paired outcomes of one test set in one replicate: b images that only the base has right, c that
 * only the candidate has right, of n in all. Tests, interval, and what such a test can find. */
#ifndef BITBENCH_RESULTS_MCNEMAR_H
#define BITBENCH_RESULTS_MCNEMAR_H

#include <stddef.h>

/* McNemar's exact test, two-sided, and its mid-p. log10 stays finite where p underflows. */
struct mcnemar {
    double exact, mid;
    double log10_exact, log10_mid;
};
void mcnemar_test(size_t b, size_t c, struct mcnemar *m);

/* The smallest p that any outcome with so many changed images could have had. */
double mcnemar_least_p(size_t n_changed);

/* Score interval of the difference (c - b) / n in the test population (Tango 1998), at normal
 * quantile z > 0 on either side. */
void mcnemar_interval(size_t b, size_t c, size_t n, double z, double *low, double *high);

/* The difference that a two-sided paired test on n images finds with the given power when a share
 * `changed` of them changes: fixed point of Connor (1987). z_alpha and z_power are quantiles. */
double mcnemar_detectable(double n, double changed, double z_alpha, double z_power);
/* The same for the exact test, which is discrete: as with a continuity correction of one image. nan
 * where no difference is large enough. */
double mcnemar_detectable_exact(double n, double changed, double z_alpha, double z_power);
/* The same where nothing is known of the images that change: all of them for the worse, so that the
 * two-sided p is below alpha with this power. nan where n images are too few for any p below. */
double mcnemar_detectable_one_way(size_t n, double alpha, double power);
/* Images needed to find a difference d, to first order. */
double mcnemar_images(double changed, double d, double z_alpha, double z_power);

#endif
