/* Blocks of a layer's work, and GroupNorm from the sums that they leave. */
#include "models/cpu/conv.h"

#include <math.h>

#include "models/arch.h"

static const double NORM_EPS = 1e-5; /* torch.nn.GroupNorm's default, which BiT keeps */

struct blocks blocks_cut(size_t units, size_t n, size_t target)
{
    struct blocks b = {.units = units, .n = n, .parts = 1, .images = 1};
    if (units > target) {
        b.parts = (units + target / 2) / target;
    } else {
        b.images = target / units;
    }
    b.count = (n + b.images - 1) / b.images * b.parts;
    return b;
}

struct block blocks_at(const struct blocks *b, size_t index)
{
    struct block out = {.image = index / b->parts * b->images, .part = index % b->parts};
    size_t rest = b->n - out.image;
    out.n_images = rest < b->images ? rest : b->images;
    out.first = b->units * out.part / b->parts;
    out.n = b->units * (out.part + 1) / b->parts - out.first;
    return out;
}

size_t stats_sums(size_t n, size_t parts, size_t c)
{
    return n * parts * 2 * c;
}

size_t stats_affine(size_t n, size_t c)
{
    return n * 3 * c;
}

void stats_begin(struct stats *s, size_t n, size_t pieces)
{
    for (size_t i = 0; i < n; i++) {
        atomic_store_explicit(&s->left[i], pieces, memory_order_relaxed);
    }
}

double *stats_at(const struct stats *s, size_t image, size_t part)
{
    return s->sums + (image * s->parts + part) * 2 * s->c;
}

struct simd_affine stats_affine_at(const float *affine, size_t image, size_t c)
{
    const float *a = affine + image * 3 * c;
    return (struct simd_affine){.centre = a, .scale = a + c, .shift = a + 2 * c};
}

void stats_bad(atomic_size_t *bad, size_t image)
{
    size_t seen = atomic_load(bad);
    while (image < seen && !atomic_compare_exchange_weak(bad, &seen, image)) {
    }
}

/* Adds all parts to the first, in order. */
static double *add_parts(const struct stats *s, size_t image)
{
    double *total = stats_at(s, image, 0);
    for (size_t part = 1; part < s->parts; part++) {
        const double *more = stats_at(s, image, part);
        for (size_t k = 0; k < 2 * s->c; k++) {
            total[k] += more[k];
        }
    }
    return total;
}

/* Channels first.. of one group. */
static void finish_group(const struct stats *s, size_t image, const double *total, size_t first)
{
    size_t width = s->c / ARCH_GROUPS;
    float *centre = s->affine + image * 3 * s->c, *scale = centre + s->c, *shift = scale + s->c;
    double sum = 0, square = 0, n = (double)s->pixels * (double)width;
    for (size_t k = first; k < first + width; k++) {
        sum += total[k];
        square += total[s->c + k];
    }
    double mean = sum / n, variance = square / n - mean * mean;
    if (!isfinite(sum) || !isfinite(square)) {
        stats_bad(s->bad, s->first + image);
    }
    double inverse = 1 / sqrt((variance > 0 ? variance : 0) + NORM_EPS);
    if (s->moments) {
        s->moments[image * NORM_STATS + first / width] = mean;
        s->moments[image * NORM_STATS + ARCH_GROUPS + first / width] = inverse;
    }
    for (size_t k = first; k < first + width; k++) {
        /* The mean in two parts: x - centre is exact near it, the rest goes into shift. */
        centre[k] = (float)mean;
        double rest = mean - (double)centre[k], slope = inverse * (double)s->gamma[k];
        scale[k] = (float)slope;
        shift[k] = (float)((double)s->beta[k] - rest * slope);
    }
}

void stats_done(struct stats *s, size_t image)
{
    if (atomic_fetch_sub_explicit(&s->left[image], 1, memory_order_acq_rel) > 1) {
        return;
    }
    const double *total = add_parts(s, image);
    for (size_t k = 0; k < s->c; k += s->c / ARCH_GROUPS) {
        finish_group(s, image, total, k);
    }
}
