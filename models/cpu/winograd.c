/* 3x3 convolutions with stride 1 by Winograd F(4x4,3x3): tiles of the normalised input become 36
 * points, each point is a product with its own matrix of weights, 36 products become 4x4 outputs.
 * Blocks of tiles are put together to groups, and a panel of output channels passes through all
 * points of a group at once, so that its products stay in the cache.
 *
 * Where every thread has tiles enough, a group is one piece of work: what a thread reads it wrote
 * itself. That matters where cores share no cache: what another one has just written comes at a
 * few GB/s. With fewer tiles all threads make the input's points, then deal out the panels.
 *
 * The weights lie packed as for direct convolutions; a slice of a panel becomes points whenever its
 * products are next, which costs less than to read four times as many from memory. */
#include "models/cpu/conv.h"

#include <string.h>

#include "models/cpu/crew.h"

enum {
    BLOCK_TILES = 32,          /* of a block, about */
    GROUP_TILES = 128,         /* of a group, at most */
    GROUP_FLOATS = 512 * 1024, /* of its input's points, unless a block has more */
    OWN_BLOCKS = 16,           /* from here on groups alone keep all threads busy */
    OWN_TILES = 24,            /* for each thread: they pay for weights made by every one of them */
    SLICE = 128,               /* input channels whose weights become points at a time */
    CHANNELS = 64,             /* of the input transformed by one piece of work */
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
    size_t images = at_most(b.images, c->shape.n);
    return images * ((b.units + b.parts - 1) / b.parts);
}

/* Room for tiles in a group. */
static size_t group_tiles(const struct conv *c)
{
    size_t most = GROUP_FLOATS / (WINO_POINTS * (c->shape.cin + CONV_PAD));
    size_t block = block_tiles(c);
    most = at_most(most, GROUP_TILES);
    return block > most ? block : most;
}

static size_t input_floats(const struct conv *c)
{
    return WINO_POINTS * conv_plane(group_tiles(c), c->shape.cin + CONV_PAD);
}

static size_t product_floats(const struct conv *c)
{
    return WINO_POINTS * conv_plane(group_tiles(c), c->simd->panel);
}

static size_t kernel_floats(const struct conv *c)
{
    return WINO_POINTS * conv_plane(at_most(c->shape.cin, SLICE), c->simd->panel);
}

/* Groups of so many blocks. */
static size_t groups_of(const struct conv *c, size_t blocks)
{
    size_t each = group_tiles(c) / block_tiles(c);
    return (blocks + each - 1) / each;
}

size_t conv_winograd_parts(const struct conv *c)
{
    return tile_blocks(c, 1).parts;
}

size_t conv_winograd_scratch(const struct conv *c)
{
    return product_floats(c) + kernel_floats(c) + input_floats(c);
}

size_t conv_winograd_spectrum(const struct conv *c)
{
    return groups_of(c, at_most(tile_blocks(c, c->shape.n).count, OWN_BLOCKS)) * input_floats(c);
}

struct job {
    const struct conv *c;
    struct blocks blocks;
    size_t groups;
    size_t plane_in, plane_out; /* floats from point to point */
    size_t slices;              /* of the input's channels */
};

/* Blocks first .. end - 1. */
struct group {
    size_t first, end;
};

static struct group group_at(const struct job *j, size_t index)
{
    return (struct group){.first = j->blocks.count * index / j->groups,
                          .end = j->blocks.count * (index + 1) / j->groups};
}

/* Weights of a panel, n input channels from first on -> points u. */
static void transform_kernels(const struct job *j, size_t panel, size_t first, size_t n, float *u)
{
    const struct conv *c = j->c;
    size_t width = c->simd->panel, tap = c->shape.cin * width;
    const struct simd_kernel_tiles k = {.g = c->weights + panel * 9 * tap + first * width,
                                        .u = u,
                                        .n = n * width,
                                        .tap = tap,
                                        .point = conv_plane(n, width)};
    c->simd->kernel_tiles(&k);
}

/* Channels first .. first + n - 1 of a group's input -> points v, tile after tile. */
static void transform_input(const struct job *j, struct group g, size_t first, size_t n, float *v)
{
    const struct conv *c = j->c;
    const struct conv_shape *z = &c->shape;
    struct simd_tiles_in in = {.t = {.h = z->h,
                                     .w = z->w,
                                     .c = n,
                                     .ldx = z->cin,
                                     .plane = j->plane_in,
                                     .ldv = z->cin + CONV_PAD},
                               .v = v + first};
    for (; g.first < g.end; g.first++) {
        struct block b = blocks_at(&j->blocks, g.first);
        in.t.first = b.first;
        in.t.n = b.n;
        for (size_t i = b.image; i < b.image + b.n_images; i++, in.v += b.n * in.t.ldv) {
            in.x = c->x + i * z->h * z->w * z->cin + first;
            in.affine = conv_affine_at(c, i, first);
            c->simd->tiles_in(&in);
        }
    }
}

/* All 36 products of so many tiles with n input channels of a panel, from first on: v, u -> m. */
static void multiply(const struct job *j, size_t tiles, size_t first, size_t n, const float *v,
                     const float *u, float *m)
{
    const struct conv *c = j->c;
    for (size_t p = 0; p < WINO_POINTS; p++) {
        struct simd_gemm g = {.rows = tiles,
                              .runs = 1,
                              .length = n,
                              .a = v + p * j->plane_in + first,
                              .b = u + p * conv_plane(n, c->simd->panel),
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

/* A panel of a group's output from its input's points. m: this thread's scratch. */
static void run_panel(const struct job *j, struct group g, size_t panel, const float *v, float *m)
{
    const struct conv *c = j->c;
    size_t cin = c->shape.cin, tiles = 0;
    float *u = m + product_floats(c);
    for (size_t i = g.first; i < g.end; i++) {
        struct block b = blocks_at(&j->blocks, i);
        tiles += b.n_images * b.n;
    }
    for (size_t first = 0, n; first < cin; first += n) {
        n = at_most(cin - first, SLICE);
        transform_kernels(j, panel, first, n, u);
        multiply(j, tiles, first, n, v, u, m);
    }
    for (; g.first < g.end; g.first++) {
        struct block b = blocks_at(&j->blocks, g.first);
        transform_output(j, &b, panel, m);
        m += b.n_images * b.n * c->simd->panel;
    }
}

static void group_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    const struct conv *c = j->c;
    struct group g = group_at(j, item);
    float *m = c->scratch + worker * c->scratch_floats;
    float *v = m + product_floats(c) + kernel_floats(c);
    transform_input(j, g, 0, c->shape.cin, v);
    for (size_t panel = 0; panel < c->shape.cout / c->simd->panel; panel++) {
        run_panel(j, g, panel, v, m);
    }
}

/* Some channels of a group's input. */
static void input_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    size_t group = item / j->slices, first = item % j->slices * CHANNELS;
    (void)worker;
    transform_input(j, group_at(j, group), first, at_most(j->c->shape.cin - first, CHANNELS),
                    j->c->spectrum + group * input_floats(j->c));
}

static void panel_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    const struct conv *c = j->c;
    size_t group = item % j->groups;
    run_panel(j, group_at(j, group), item / j->groups, c->spectrum + group * input_floats(c),
              c->scratch + worker * c->scratch_floats);
}

/* Whether every thread gets groups of its own. */
static bool own(const struct job *j, size_t threads)
{
    return j->blocks.count >= OWN_BLOCKS ||
           (j->blocks.count >= threads &&
            j->blocks.units * j->blocks.n >= OWN_TILES * threads);
}

void conv_winograd_run(const struct conv *c, const struct crew *crew)
{
    size_t panels = c->shape.cout / c->simd->panel;
    struct job j = {.c = c,
                    .blocks = tile_blocks(c, c->shape.n),
                    .plane_in = conv_plane(group_tiles(c), c->shape.cin + CONV_PAD),
                    .plane_out = conv_plane(group_tiles(c), c->simd->panel),
                    .slices = (c->shape.cin + CHANNELS - 1) / CHANNELS};
    j.groups = groups_of(c, j.blocks.count);
    if (c->stats) {
        stats_begin(c->stats, c->shape.n, j.blocks.parts * panels);
    }
    if (own(&j, crew->size)) {
        /* As many for every thread. */
        size_t even = (j.groups + crew->size - 1) / crew->size * crew->size;
        j.groups = at_most(even, j.blocks.count);
        crew_run(crew, j.groups, group_item, &j);
    } else {
        crew_run(crew, j.groups * j.slices, input_item, &j);
        crew_run(crew, j.groups * panels, panel_item, &j);
    }
}
