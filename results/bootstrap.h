/* The paired bootstrap: a generator whose words are a function of (seed, stream, resample, draw),
 * resampled means of paired differences, and intervals from them.
 *
 * A resample of n paired differences depends on how many there are of each value only, so counts
 * are drawn instead of images: multinomial, by binomials one after another, which is exact and
 * takes about sqrt(n) steps instead of n. */
#ifndef BITBENCH_RESULTS_BOOTSTRAP_H
#define BITBENCH_RESULTS_BOOTSTRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct pool;

uint64_t bootstrap_word(uint64_t seed, uint64_t stream, uint64_t resample, uint64_t draw);
/* An index below n: the high 64 bits of word * n. */
size_t bootstrap_index(uint64_t seed, uint64_t stream, uint64_t resample, uint64_t draw, size_t n);

/* The differences of one test set: images that changed, by pattern over the blocks (draws). */
struct boot_set {
    size_t n, n_blocks, n_patterns;
    int32_t unit;     /* values are multiples of 1 / unit, in -unit..unit */
    int32_t *pattern; /* [n_patterns, n_blocks], none all zero */
    size_t *count;    /* [n_patterns] images */
};
/* x [n_blocks, n] in -unit..unit; copied. */
int boot_set_init(struct boot_set *s, const int32_t *x, size_t n_blocks, size_t n, int32_t unit,
                  struct err *e);
void boot_set_release(struct boot_set *s);
/* The mean difference: over blocks and images. */
double boot_set_mean(const struct boot_set *s);
/* Adds the sums of squares and cubes of weight * (d - mean d) / n over the images, d being the mean
 * over blocks: what the acceleration of BCa needs. */
void boot_set_moments(const struct boot_set *s, double weight, double *squares, double *cubes);

/* means [n_resamples]: adds weight * the mean difference of resample i. Both blocks (when there
 * are several) and images are drawn with replacement, images the same for all blocks. pool may be
 * NULL; the numbers do not depend on it. */
int bootstrap_add(const struct boot_set *s, uint64_t seed, uint64_t stream, double weight,
                  double *means, size_t n_resamples, struct pool *pool, struct err *e);

struct boot_interval {
    double mean, sd;  /* of the resamples; sd with n - 1 */
    double low, high; /* percentile */
    double below;     /* share of resamples below the estimate, half of those equal to it counted */
    bool has_bca;
    double z0, level_low, level_high, bca_low, bca_high;
};
/* From resamples [n], n >= 2, which are sorted in place. acceleration: nan where there is none,
 * then there is no BCa; nor is there one when all resamples lie on one side of the estimate. level
 * is two-sided. */
void bootstrap_interval(double *resamples, size_t n, double estimate, double acceleration,
                        double level, struct boot_interval *out);
/* squares and cubes as summed by boot_set_moments; nan when nothing varies. */
double bootstrap_acceleration(double squares, double cubes);

#endif
