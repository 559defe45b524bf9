/* 3x3 convolutions with stride 1 by Winograd F(4x4,3x3): tiles of the normalised input become 36
 * points, each point is a product with its own matrix of weights, 36 products become 4x4 outputs.
 * A panel of output channels passes through all points at once, so the products of a block of tiles
 * stay in the cache. With many blocks the input's points do, too: then a block is one piece of
 * work; with few, or where they would not fit, the input is transformed first, for all panels. */
#include "models/cpu/conv.h"

#include <string.h>

#include "models/cpu/crew.h"

enum {
    BLOCK_TILES = 42, /* three register tiles of 14, seven of 6 */
    LINE = 16,        /* floats in a cache line */
    LDV_PAD = LINE,
    FUSED_BLOCKS = 16,         /* from here on blocks alone keep all threads busy */
    FUSED_FLOATS = 256 * 1024, /* a block's input points that stay in a 1 MB cache */
};

bool conv_prefers_winograd(const struct conv_shape *s)
{
    size_t tiles = ((s->h + WINO_TILE - 1) / WINO_TILE) * ((s->w + WINO_TILE - 1) / WINO_TILE);
    return s->k == 3 && s->stride == 1 && s->h > 1 && s->w > 1 &&
           tiles * WINO_POINTS * 3 <= s->h * s->w * 9 * 2;
}

static size_t tiles_of(const struct conv *c)
{
    return ((c->oh + WINO_TILE - 1) / WINO_TILE) * ((c->ow + WINO_TILE - 1) / WINO_TILE);
}

static struct blocks tile_blocks(const struct conv *c, size_t n)
{
    return blocks_cut(tiles_of(c), n, BLOCK_TILES);
}

/* Most tiles in a block. */
static size_t block_tiles(const struct conv *c)
{
    struct blocks b = tile_blocks(c, c->shape.n);
    size_t images = b.images < c->shape.n ? b.images : c->shape.n;
    return images * ((b.units + b.parts - 1) / b.parts);
}

/* Floats from point to point: an odd number of lines, lest all points fall on one cache set. */
static size_t plane(size_t tiles, size_t ld)
{
    return ((tiles * ld + LINE - 1) / LINE | 1) * LINE;
}

static size_t input_floats(const struct conv *c)
{
    return WINO_POINTS * plane(block_tiles(c), c->shape.cin + LDV_PAD);
}

static size_t product_floats(const struct conv *c)
{
    return WINO_POINTS * plane(block_tiles(c), c->simd->panel);
}

static bool fits(const struct conv *c)
{
    return input_floats(c) <= FUSED_FLOATS;
}

static bool fused(const struct conv *c)
{
    return fits(c) && tile_blocks(c, c->shape.n).count >= FUSED_BLOCKS;
}

size_t conv_winograd_parts(const struct conv *c)
{
    return tile_blocks(c, 1).parts;
}

size_t conv_winograd_scratch(const struct conv *c)
{
    return product_floats(c) + (fused(c) ? input_floats(c) : 0);
}

size_t conv_spectrum(const struct conv *c)
{
    size_t count = tile_blocks(c, c->shape.n).count;
    if (!c->winograd) {
        return 0;
    }
    return (fits(c) && count > FUSED_BLOCKS ? FUSED_BLOCKS : count) * input_floats(c);
}

struct job {
    const struct conv *c;
    struct blocks blocks;
    size_t input, plane_in, plane_out; /* floats of a block's input points; of a point */
    size_t panels;
};

static void transform_input(const struct job *j, const struct block *b, float *v)
{
    const struct conv *c = j->c;
    const struct conv_shape *z = &c->shape;
    for (size_t i = 0; i < b->n_images; i++) {
        size_t image = b->image + i;
        struct simd_tiles_in in = {.t = {.h = z->h,
                                         .w = z->w,
                                         .first = b->first,
                                         .n = b->n,
                                         .c = z->cin,
                                         .ldx = z->cin,
                                         .plane = j->plane_in,
                                         .ldv = z->cin + LDV_PAD},
                                   .x = c->x + image * z->h * z->w * z->cin,
                                   .v = v + i * b->n * (z->cin + LDV_PAD)};
        if (c->affine) {
            in.affine = stats_affine_at(c->affine, image, z->cin);
        }
        c->simd->tiles_in(&in);
    }
}

/* All 36 products of a block with one panel: v -> m. */
static void multiply(const struct job *j, const struct block *b, size_t panel, const float *v,
                     float *m)
{
    const struct conv *c = j->c;
    size_t cin = c->shape.cin, width = c->simd->panel, n = cin;
    for (size_t p = 0; p < WINO_POINTS; p++) {
        const float *u = c->weights + (panel * WINO_POINTS + p) * cin * width;
        struct simd_gemm g = {.rows = b->n_images * b->n,
                              .runs = 1,
                              .lda = cin + LDV_PAD,
                              .ldc = width,
                              .c = m + p * j->plane_out};
        for (size_t k = 0; k < cin; k += n) {
            n = cin - k < SIMD_DEPTH ? cin - k : SIMD_DEPTH;
            g.length = n;
            g.a = v + p * j->plane_in + k;
            g.b = u + k * width;
            g.add = k ? g.c : NULL;
            c->simd->gemm(&g);
        }
    }
}

static void transform_output(const struct job *j, const struct block *b, size_t panel,
                             const float *m)
{
    const struct conv *c = j->c;
    const struct conv_shape *z = &c->shape;
    size_t width = c->simd->panel, first = panel * width;
    for (size_t i = 0; i < b->n_images; i++) {
        size_t image = b->image + i;
        double unwanted[2 * SIMD_CHANNELS] = {0}, *sum = unwanted, *square = unwanted + width;
        if (c->stats) {
            sum = stats_at(c->stats, image, b->part) + first;
            square = sum + z->cout;
            memset(sum, 0, width * sizeof *sum);
            memset(square, 0, width * sizeof *sum);
        }
        struct simd_tiles_out out = {.t = {.h = z->h,
                                           .w = z->w,
                                           .first = b->first,
                                           .n = b->n,
                                           .c = width,
                                           .ldx = z->cout,
                                           .plane = j->plane_out,
                                           .ldv = width},
                                     .v = m + i * b->n * width,
                                     .y = c->y + image * z->h * z->w * z->cout + first,
                                     .sum = sum,
                                     .square = square};
        c->simd->tiles_out(&out);
        if (c->stats) {
            stats_done(c->stats, image);
        }
    }
}

static void panel_work(const struct job *j, const struct block *b, size_t panel, const float *v,
                       float *m)
{
    multiply(j, b, panel, v, m);
    transform_output(j, b, panel, m);
}

static void fused_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    struct block b = blocks_at(&j->blocks, item);
    float *v = j->c->scratch + worker * j->c->scratch_floats, *m = v + j->input;
    transform_input(j, &b, v);
    for (size_t panel = 0; panel < j->panels; panel++) {
        panel_work(j, &b, panel, v, m);
    }
}

static void input_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    struct block b = blocks_at(&j->blocks, item);
    (void)worker;
    transform_input(j, &b, j->c->spectrum + item * j->input);
}

/* A panel's blocks come one after another, while its weights are in the cache. */
static void panel_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    size_t block = item % j->blocks.count, panel = item / j->blocks.count;
    struct block b = blocks_at(&j->blocks, block);
    panel_work(j, &b, panel, j->c->spectrum + block * j->input,
               j->c->scratch + worker * j->c->scratch_floats);
}

void conv_winograd_run(const struct conv *c, const struct crew *crew)
{
    size_t tiles = block_tiles(c);
    struct job j = {.c = c,
                    .blocks = tile_blocks(c, c->shape.n),
                    .input = input_floats(c),
                    .plane_in = plane(tiles, c->shape.cin + LDV_PAD),
                    .plane_out = plane(tiles, c->simd->panel),
                    .panels = c->shape.cout / c->simd->panel};
    if (c->stats) {
        stats_begin(c->stats, c->shape.n, j.blocks.parts * j.panels);
    }
    if (fused(c)) {
        crew_run(crew, j.blocks.count, fused_item, &j);
    } else {
        crew_run(crew, j.blocks.count, input_item, &j);
        crew_run(crew, j.blocks.count * j.panels, panel_item, &j);
    }
}
