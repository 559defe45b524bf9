/* GroupNorm with ReLU backward. With g the gradient d where the output is above 0, h = (x - mean) *
 * inverse, and means over a group of channels of one image:
 *   d_beta = sum g, d_gamma = sum g h,
 *   dx = inverse * (gamma g - mean(gamma g) - h mean(gamma g h)).
 * A first pass over blocks of pixels sums g up, the last piece of work of an image turns the sums
 * into the line that takes g and x to dx, a second pass makes g again and applies it. Where there
 * are enough images, each is one piece of work for both passes, and its second finds it in the
 * cache. */
#include "models/cpu/backward.h"

#include <string.h>

#include "models/arch.h"
#include "models/cpu/crew.h"
#include "models/engine.h"

enum { BLOCK_FLOATS = 16 * 1024, /* of a block: stays in the cache with its x */
       IMAGES_EACH = 4,          /* for each thread */
       GRADIENT_CHANNELS = 256 };

/* Blocks of whole multiples of 64 rows would do as well: the sums are made of 64 rows at a time. */
static struct blocks blocks_of(size_t n, size_t pixels, size_t c)
{
    size_t target = BLOCK_FLOATS / c;
    return blocks_cut(pixels, n, target > 64 ? target : 64);
}

size_t norm_data_sums(size_t n, size_t pixels, size_t c)
{
    return n * blocks_of(n, pixels, c).parts * 2 * c;
}

struct job {
    const struct norm_data *b;
    struct blocks blocks;
};

static double *sums_at(const struct job *j, size_t image, size_t part)
{
    return j->b->sums + (image * j->blocks.parts + part) * 2 * j->b->c;
}

/* Channels first.. of one group: sums of g and g (x - centre) become d_beta and d_gamma of this
 * image, and the slopes are made. */
static void finish_group(const struct job *j, size_t image, double *total, size_t group)
{
    const struct norm_data *b = j->b;
    size_t c = b->c, width = c / ARCH_GROUPS, first = group * width;
    double mean = b->moments[image * NORM_STATS + group];
    double inverse = b->moments[image * NORM_STATS + ARCH_GROUPS + group];
    double rest = mean - (double)stats_affine_at(b->affine, image, c).centre[first];
    double m = 0, mh = 0, count = (double)b->pixels * (double)width;
    for (size_t k = first; k < first + width; k++) {
        total[c + k] = inverse * (total[c + k] - rest * total[k]);
        m += (double)b->gamma[k] * total[k] / count;
        mh += (double)b->gamma[k] * total[c + k] / count;
    }
    float *slope = b->slopes + image * 3 * c, *bend = slope + c, *shift = bend + c;
    if (b->pixels * width == 1) { /* it is its own mean: nothing passes, exactly */
        slope[first] = bend[first] = shift[first] = 0;
        return;
    }
    for (size_t k = first; k < first + width; k++) {
        slope[k] = (float)(inverse * (double)b->gamma[k]);
        bend[k] = (float)(-inverse * inverse * mh);
        shift[k] = (float)(inverse * (inverse * mh * rest - m));
    }
}

static void image_done(const struct job *j, size_t image)
{
    if (atomic_fetch_sub_explicit(&j->b->left[image], 1, memory_order_acq_rel) > 1) {
        return;
    }
    double *total = sums_at(j, image, 0);
    for (size_t part = 1; part < j->blocks.parts; part++) {
        const double *more = sums_at(j, image, part);
        for (size_t k = 0; k < 2 * j->b->c; k++) {
            total[k] += more[k];
        }
    }
    for (size_t g = 0; g < ARCH_GROUPS; g++) {
        finish_group(j, image, total, g);
    }
}

static void sum_block(const struct job *j, const struct block *block)
{
    const struct norm_data *b = j->b;
    for (size_t i = block->image; i < block->image + block->n_images; i++) {
        size_t at = (i * b->pixels + block->first) * b->c;
        double *sum = sums_at(j, i, block->part);
        memset(sum, 0, 2 * b->c * sizeof *sum);
        const struct simd_norm_sums s = {.x = b->x + at,
                                         .d = b->d + at,
                                         .rows = block->n,
                                         .c = b->c,
                                         .ldx = b->c,
                                         .affine = stats_affine_at(b->affine, i, b->c),
                                         .sum = sum,
                                         .cross = sum + b->c};
        b->simd->norm_sums(&s);
        image_done(j, i);
    }
}

static void apply_block(const struct job *j, const struct block *block)
{
    const struct norm_data *b = j->b;
    for (size_t i = block->image; i < block->image + block->n_images; i++) {
        size_t at = (i * b->pixels + block->first) * b->c;
        const float *slope = b->slopes + i * 3 * b->c;
        const struct simd_norm_back back = {.x = b->x + at,
                                            .plus = b->plus ? b->plus + at : NULL,
                                            .d = b->d + at,
                                            .rows = block->n,
                                            .c = b->c,
                                            .ldx = b->c,
                                            .affine = stats_affine_at(b->affine, i, b->c),
                                            .slope = slope,
                                            .bend = slope + b->c,
                                            .rest = slope + 2 * b->c};
        b->simd->norm_back(&back);
    }
}

/* Some channels of d_gamma and d_beta: each group's images in double, then the groups. */
static void add_gradient(const struct job *j, size_t first, size_t end)
{
    const struct norm_data *b = j->b;
    for (size_t k = first; k < end; k++) {
        for (size_t i = 0; i < b->n;) {
            double beta = 0, gamma = 0;
            for (size_t last = i + TRAIN_GROUP; i < last && i < b->n; i++) {
                beta += sums_at(j, i, 0)[k];
                gamma += sums_at(j, i, 0)[b->c + k];
            }
            b->d_beta[k] += (float)beta;
            b->d_gamma[k] += (float)gamma;
        }
    }
}

static void sum_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    struct block block = blocks_at(&j->blocks, item);
    (void)worker;
    sum_block(j, &block);
}

static void apply_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    struct block block = blocks_at(&j->blocks, item);
    (void)worker;
    apply_block(j, &block);
}

/* All parts of the images of one block. */
static void image_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    (void)worker;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < j->blocks.parts; i++) {
            /* The second pass begins with what the first has left in the cache. */
            size_t part = pass ? j->blocks.parts - 1 - i : i;
            struct block block = blocks_at(&j->blocks, item * j->blocks.parts + part);
            if (pass) {
                apply_block(j, &block);
            } else {
                sum_block(j, &block);
            }
        }
    }
}

static void gradient_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    size_t first = item * GRADIENT_CHANNELS, rest = j->b->c - first;
    (void)worker;
    add_gradient(j, first, first + (rest < GRADIENT_CHANNELS ? rest : GRADIENT_CHANNELS));
}

void norm_data_run(const struct norm_data *b, const struct crew *crew)
{
    struct job j = {.b = b, .blocks = blocks_of(b->n, b->pixels, b->c)};
    for (size_t i = 0; i < b->n; i++) {
        atomic_store_explicit(&b->left[i], j.blocks.parts, memory_order_relaxed);
    }
    size_t images = j.blocks.count / j.blocks.parts;
    if (images >= IMAGES_EACH * crew->size) {
        crew_run(crew, images, image_item, &j);
    } else {
        crew_run(crew, j.blocks.count, sum_item, &j);
        crew_run(crew, j.blocks.count, apply_item, &j);
    }
    crew_run(crew, (b->c + GRADIENT_CHANNELS - 1) / GRADIENT_CHANNELS, gradient_item, &j);
}
