/* GroupNorm and ReLU. The variance is taken around the mean in a second pass: the mean of squares
 * less the square of the mean loses everything where the mean is large or a group is one pixel. */
#include "models/kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "models/arch.h"

static const double NORM_EPS = 1e-5; /* torch.nn.GroupNorm's default, which BiT keeps */

static void channel_sums(const float *x, size_t pixels, size_t c, double *sum)
{
    memset(sum, 0, c * sizeof *sum);
    for (size_t p = 0; p < pixels; p++) {
        for (size_t j = 0; j < c; j++) {
            sum[j] += (double)x[p * c + j];
        }
    }
}

static void channel_squares(const float *x, size_t pixels, size_t c, const double *mean,
                            double *sum)
{
    memset(sum, 0, c * sizeof *sum);
    for (size_t p = 0; p < pixels; p++) {
        for (size_t j = 0; j < c; j++) {
            double d = (double)x[p * c + j] - mean[j];
            sum[j] += d * d;
        }
    }
}

static double group_mean(const double *sum, size_t per_group, size_t pixels)
{
    double total = 0;
    for (size_t j = 0; j < per_group; j++) {
        total += sum[j];
    }
    return total / ((double)per_group * (double)pixels);
}

/* One image's mean and 1 / deviation of each group. */
static void measure(const float *x, size_t pixels, size_t c, const struct norm_scratch *s,
                    double *stats)
{
    size_t per_group = c / ARCH_GROUPS;
    channel_sums(x, pixels, c, s->sum);
    for (size_t j = 0; j < c; j += per_group) {
        double mean = group_mean(s->sum + j, per_group, pixels);
        stats[j / per_group] = mean;
        for (size_t k = j; k < j + per_group; k++) {
            s->mean[k] = mean;
        }
    }
    channel_squares(x, pixels, c, s->mean, s->sum);
    for (size_t j = 0; j < c; j += per_group) {
        stats[ARCH_GROUPS + j / per_group] =
            1 / sqrt(group_mean(s->sum + j, per_group, pixels) + NORM_EPS);
    }
}

/* What one image's normalisation does to each channel: (x - centre) * scale + shift. */
static void prepare(size_t c, const float *gamma, const float *beta, const double *stats,
                    const struct norm_scratch *s)
{
    size_t per_group = c / ARCH_GROUPS;
    for (size_t k = 0; k < c; k++) {
        double mean = stats[k / per_group];
        double slope = stats[ARCH_GROUPS + k / per_group] * (double)gamma[k];
        /* The mean in two parts: x - centre is exact near it, the rest goes into shift. */
        s->centre[k] = (float)mean;
        s->scale[k] = (float)slope;
        s->shift[k] = (float)((double)beta[k] - (mean - (double)s->centre[k]) * slope);
    }
}

static void apply(const float *x, size_t pixels, size_t c, const struct norm_scratch *s, float *y)
{
    const float *centre = s->centre, *scale = s->scale, *shift = s->shift;
    for (size_t p = 0; p < pixels; p++) {
        for (size_t j = 0; j < c; j++) {
            float v = (x[p * c + j] - centre[j]) * scale[j] + shift[j];
            y[p * c + j] = v < 0 ? 0 : v; /* NaN stays */
        }
    }
}

void kernel_norm_stats(const float *x, size_t n, size_t pixels, size_t c,
                       const struct norm_scratch *s, double *stats)
{
    for (size_t i = 0; i < n; i++) {
        measure(x + i * pixels * c, pixels, c, s, stats + i * NORM_STATS);
    }
}

void kernel_norm_apply(const float *x, size_t n, size_t pixels, size_t c, const float *gamma,
                       const float *beta, const double *stats, const struct norm_scratch *s,
                       float *y)
{
    for (size_t i = 0; i < n; i++) {
        prepare(c, gamma, beta, stats + i * NORM_STATS, s);
        apply(x + i * pixels * c, pixels, c, s, y + i * pixels * c);
    }
}

void kernel_norm_relu(const float *x, size_t n, size_t pixels, size_t c, const float *gamma,
                      const float *beta, const struct norm_scratch *s, float *y)
{
    for (size_t i = 0; i < n; i++) {
        double stats[NORM_STATS];
        const float *image = x + i * pixels * c;
        measure(image, pixels, c, s, stats);
        prepare(c, gamma, beta, stats, s);
        apply(image, pixels, c, s, y + i * pixels * c);
    }
}
