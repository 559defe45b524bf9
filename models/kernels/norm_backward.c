/* GroupNorm and ReLU backward. With h = (x - mean) * s over one group and g = gamma * dy where the
 * output is positive, else 0: dx = s * (g - mean(g) - h * mean(g * h)). A group of one value has
 * h = 0 and g = mean(g): its dx is exactly 0. */
#include "models/kernels/backward.h"

#include "models/arch.h"

enum { TILE = 64 }; /* channels at a time */

/* What one image's normalisation used, for the channels of a tile. */
struct tile {
    size_t first, n;
    double mean[TILE], scale[TILE];
};

static void tile_load(struct tile *t, const struct norm_back *b, const double *stats, size_t first)
{
    size_t per_group = b->c / ARCH_GROUPS;
    t->first = first;
    t->n = b->c - first < TILE ? b->c - first : TILE;
    for (size_t j = 0; j < t->n; j++) {
        t->mean[j] = stats[(first + j) / per_group];
        t->scale[j] = stats[ARCH_GROUPS + (first + j) / per_group];
    }
}

/* Sums over the pixels: of dy to sums[0..c), of dy * h to sums[c..2c). */
static void sum_tile(const struct norm_back *b, const struct tile *t, const float *x,
                     const float *y, const float *dy, double *sums)
{
    double beta[TILE] = {0}, gamma[TILE] = {0};
    for (size_t p = 0; p < b->pixels; p++) {
        size_t at = p * b->c + t->first;
        for (size_t j = 0; j < t->n; j++) {
            double g = y[at + j] > 0 ? (double)dy[at + j] : 0;
            beta[j] += g;
            gamma[j] += g * (((double)x[at + j] - t->mean[j]) * t->scale[j]);
        }
    }
    for (size_t j = 0; j < t->n; j++) {
        sums[t->first + j] = beta[j];
        sums[b->c + t->first + j] = gamma[j];
    }
}

/* Group g's means of gamma * dy and gamma * dy * h. */
static void group_means(const struct norm_back *b, size_t g, const double *sums, double *m,
                        double *mh)
{
    size_t per_group = b->c / ARCH_GROUPS;
    double count = (double)per_group * (double)b->pixels;
    *m = *mh = 0;
    for (size_t j = g * per_group; j < (g + 1) * per_group; j++) {
        *m += (double)b->gamma[j] * sums[j];
        *mh += (double)b->gamma[j] * sums[b->c + j];
    }
    *m /= count;
    *mh /= count;
}

struct means {
    double m[ARCH_GROUPS], mh[ARCH_GROUPS];
};

static void write_tile(const struct norm_back *b, const struct tile *t, const struct means *means,
                       const float *x, const float *y, const float *dy, const float *plus,
                       float *dx)
{
    double m[TILE], mh[TILE];
    size_t per_group = b->c / ARCH_GROUPS;
    for (size_t j = 0; j < t->n; j++) {
        m[j] = means->m[(t->first + j) / per_group];
        mh[j] = means->mh[(t->first + j) / per_group];
    }
    const float *gamma = b->gamma + t->first;
    for (size_t p = 0; p < b->pixels; p++) {
        size_t at = p * b->c + t->first;
        for (size_t j = 0; j < t->n; j++) {
            double g = y[at + j] > 0 ? (double)gamma[j] * (double)dy[at + j] : 0;
            double h = ((double)x[at + j] - t->mean[j]) * t->scale[j];
            double d = t->scale[j] * (g - m[j] - h * mh[j]);
            dx[at + j] = (float)(plus ? (double)plus[at + j] + d : d);
        }
    }
}

void kernel_norm_relu_backward(const struct norm_back *b, const float *x, const float *y,
                               const float *dy, const float *plus, double *sums, float *dx)
{
    size_t floats = b->pixels * b->c;
    for (size_t i = 0; i < b->n; i++) {
        const double *stats = b->stats + i * NORM_STATS;
        double *own = sums + i * 2 * b->c;
        size_t at = i * floats;
        struct means means;
        struct tile t;
        for (size_t j = 0; j < b->c; j += TILE) {
            tile_load(&t, b, stats, j);
            sum_tile(b, &t, x + at, y + at, dy + at, own);
        }
        for (size_t g = 0; g < ARCH_GROUPS; g++) {
            group_means(b, g, own, &means.m[g], &means.mh[g]);
        }
        for (size_t j = 0; j < b->c; j += TILE) {
            tile_load(&t, b, stats, j);
            write_tile(b, &t, &means, x + at, y + at, dy + at, plus ? plus + at : NULL, dx + at);
        }
    }
}

void kernel_norm_gradient(const double *sums, size_t n, size_t c, float *d_gamma, float *d_beta)
{
    for (size_t j = 0; j < c; j++) {
        double beta = 0, gamma = 0;
        for (size_t i = 0; i < n; i++) {
            beta += sums[i * 2 * c + j];
            gamma += sums[i * 2 * c + c + j];
        }
        d_beta[j] += (float)beta;
        d_gamma[j] += (float)gamma;
    }
}
