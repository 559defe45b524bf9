/* 3x3 convolutions with stride 1 by Winograd F(4x4,3x3): tiles of the normalised input become 36
 * points, each point is a product with its own matrix of weights, 36 products become 4x4 outputs.
 * A panel of output channels passes through all points at once, so the products of a block of tiles
 * stay in the cache. With many blocks the input's points do, too: then a block is one piece of
 * work; with few, or where they would not fit, the input is transformed first, for all panels.
 *
 * The weights lie packed as for direct convolutions and become points here: of small layers all of
 * them before the products, else a slice of a panel whenever its products are next. That costs less
 * than to read four times as many from memory. */
#include "models/cpu/conv.h"

#include <string.h>

#include "models/cpu/crew.h"

enum {
    BLOCK_TILES = 64,           /* of a block, about */
    FUSED_BLOCKS = 16,          /* from here on blocks alone keep all threads busy */
    FUSED_FLOATS = 256 * 1024,  /* a block's input points that stay in a 1 MB cache */
    SHARED_FLOATS = 640 * 1024, /* a layer's weights as points that all threads share */
    SLICE = 128,                /* input channels whose weights become points at a time */
    WANTED_ITEMS = 4,           /* for each thread */
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

static size_t input_floats(const struct conv *c)
{
    return WINO_POINTS * conv_plane(block_tiles(c), c->shape.cin + CONV_PAD);
}

static size_t product_floats(const struct conv *c)
{
    return WINO_POINTS * conv_plane(block_tiles(c), c->simd->panel);
}

/* Floats from point to point of weights, for n input channels. */
static size_t kernel_plane(const struct conv *c, size_t n)
{
    return conv_plane(n, c->simd->panel);
}

static size_t slice_of(const struct conv *c)
{
    return at_most(c->shape.cin, SLICE);
}

/* Of a panel and a slice. */
static size_t kernel_floats(const struct conv *c)
{
    return WINO_POINTS * kernel_plane(c, slice_of(c));
}

static size_t panels_of(const struct conv *c)
{
    return c->shape.cout / c->simd->panel;
}

/* Whether all weights become points before the products. */
static bool shared(const struct conv *c)
{
    return slice_of(c) == c->shape.cin && panels_of(c) * kernel_floats(c) <= SHARED_FLOATS;
}

static bool fits(const struct conv *c)
{
    return shared(c) && input_floats(c) <= FUSED_FLOATS;
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
    return product_floats(c) + (fused(c) ? input_floats(c) : 0) +
           (shared(c) ? 0 : kernel_floats(c));
}

size_t conv_winograd_spectrum(const struct conv *c)
{
    size_t count = tile_blocks(c, c->shape.n).count;
    return (fits(c) && count > FUSED_BLOCKS ? FUSED_BLOCKS : count) * input_floats(c) +
           (shared(c) ? panels_of(c) * kernel_floats(c) : 0);
}

struct job {
    const struct conv *c;
    struct blocks blocks;
    size_t input, plane_in, plane_out; /* floats of a block's input points; of a point */
    size_t panels, kernels;            /* kernels: panels whose weights are shared, or 0 */
    size_t shares;                     /* pieces of work that a panel's blocks are dealt out to */
    float *shared, *inputs;            /* points in the spectrum */
};

/* Weights of a panel, n input channels from first on -> points u. */
static void transform_kernels(const struct job *j, size_t panel, size_t first, size_t n, float *u)
{
    const struct conv *c = j->c;
    size_t width = c->simd->panel, tap = c->shape.cin * width;
    const struct simd_kernel_tiles k = {.g = c->weights + panel * 9 * tap + first * width,
                                        .u = u,
                                        .n = n * width,
                                        .tap = tap,
                                        .point = kernel_plane(c, n)};
    c->simd->kernel_tiles(&k);
}

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
                                         .ldv = z->cin + CONV_PAD},
                                   .x = c->x + image * z->h * z->w * z->cin,
                                   .v = v + i * b->n * (z->cin + CONV_PAD)};
        if (c->affine) {
            in.affine = stats_affine_at(c->affine, image, z->cin);
        }
        c->simd->tiles_in(&in);
    }
}

/* All 36 products of a block with n input channels of a panel, from first on: v, u -> m. */
static void multiply(const struct job *j, const struct block *b, size_t first, size_t n,
                     const float *v, const float *u, float *m)
{
    const struct conv *c = j->c;
    for (size_t p = 0; p < WINO_POINTS; p++) {
        struct simd_gemm g = {.rows = b->n_images * b->n,
                              .runs = 1,
                              .length = n,
                              .a = v + p * j->plane_in + first,
                              .b = u + p * kernel_plane(c, n),
                              .lda = c->shape.cin + CONV_PAD,
                              .ldc = c->simd->panel,
                              .c = m + p * j->plane_out};
        g.add = first ? g.c : NULL;
        c->simd->gemm(&g);
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

static float *shared_at(const struct job *j, size_t panel)
{
    return j->shared + panel * kernel_floats(j->c);
}

/* A block is all of the work of a thread. */
static void fused_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    struct block b = blocks_at(&j->blocks, item);
    float *m = j->c->scratch + worker * j->c->scratch_floats, *v = m + product_floats(j->c);
    transform_input(j, &b, v);
    for (size_t panel = 0; panel < j->panels; panel++) {
        multiply(j, &b, 0, j->c->shape.cin, v, shared_at(j, panel), m);
        transform_output(j, &b, panel, m);
    }
}

/* What all panels and blocks read: points of weights, then of the input. */
static void first_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    (void)worker;
    if (item < j->kernels) {
        transform_kernels(j, item, 0, j->c->shape.cin, shared_at(j, item));
    } else {
        struct block b = blocks_at(&j->blocks, item - j->kernels);
        transform_input(j, &b, j->inputs + (item - j->kernels) * j->input);
    }
}

/* Some blocks of a panel. Its weights become points once where they are one slice. */
static void panel_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    const struct conv *c = j->c;
    size_t panel = item / j->shares, share = item % j->shares, cin = c->shape.cin;
    size_t begin = j->blocks.count * share / j->shares, slice = slice_of(c);
    float *m = c->scratch + worker * c->scratch_floats, *own = m + product_floats(c);
    for (size_t i = begin; i < j->blocks.count * (share + 1) / j->shares; i++) {
        struct block b = blocks_at(&j->blocks, i);
        for (size_t first = 0, n; first < cin; first += n) {
            n = at_most(cin - first, slice);
            if (!j->kernels && (i == begin || slice < cin)) {
                transform_kernels(j, panel, first, n, own);
            }
            multiply(j, &b, first, n, j->inputs + i * j->input,
                     j->kernels ? shared_at(j, panel) : own, m);
        }
        transform_output(j, &b, panel, m);
    }
}

void conv_winograd_run(const struct conv *c, const struct crew *crew)
{
    size_t tiles = block_tiles(c), panels = panels_of(c), wanted = WANTED_ITEMS * crew->size;
    struct job j = {.c = c,
                    .blocks = tile_blocks(c, c->shape.n),
                    .input = input_floats(c),
                    .plane_in = conv_plane(tiles, c->shape.cin + CONV_PAD),
                    .plane_out = conv_plane(tiles, c->simd->panel),
                    .panels = panels,
                    .kernels = shared(c) ? panels : 0,
                    .shared = c->spectrum,
                    .inputs = c->spectrum};
    j.inputs += j.kernels * kernel_floats(c);
    j.shares = at_most(j.kernels ? j.blocks.count : (wanted + panels - 1) / panels, j.blocks.count);
    if (c->stats) {
        stats_begin(c->stats, c->shape.n, j.blocks.parts * j.panels);
    }
    if (fused(c)) {
        crew_run(crew, j.kernels, first_item, &j);
        crew_run(crew, j.blocks.count, fused_item, &j);
    } else {
        crew_run(crew, j.kernels + j.blocks.count, first_item, &j);
        crew_run(crew, j.panels * j.shares, panel_item, &j);
    }
}
