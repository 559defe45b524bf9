/* 3x3 convolutions with stride 2 by Winograd (simd_strided.c). A side of the output is cut into
 * tiles of 4 and, behind them, of 3 outputs, so an image has tiles of four kinds. The input's 9 x 9
 * points fall to the output's 5 x 5: along a side the first five are of the outer taps, the last
 * four of the middle one, and both products of a point are summed. Each piece of work makes the
 * points of a panel's weights anew, SLICE input channels at a time, in its own cache. */
#include "models/cpu/conv.h"

#include <string.h>

#include "models/cpu/crew.h"

enum {
    BLOCK_TILES = 64,
    SLICE = 128,    /* input channels whose weights become points at a time */
    CHANNELS = 64,  /* of the input transformed by one piece of work */
    OWN_BLOCKS = 4, /* for each thread: one more or less matters little */
    KINDS = 4,
    IN = STRIDED_INPUT_POINTS,
    OUT = STRIDED_OUTPUT_POINTS,
    KERNEL = STRIDED_KERNEL_POINTS,
    KERNELS = KERNEL * KERNEL,
};

/* Tiles along a side of n outputs: fours, then threes; only the last may reach beyond the image. */
struct side {
    size_t fours, threes;
};

static struct side cut(size_t n)
{
    size_t threes = (STRIDED_TILE - n % STRIDED_TILE) % STRIDED_TILE, covered = 3 * threes;
    if (n < covered) {
        return (struct side){.threes = (n + 2) / 3};
    }
    return (struct side){.fours = (n - covered) / STRIDED_TILE, .threes = threes};
}

static size_t side_tiles(struct side s)
{
    return s.fours + s.threes;
}

/* In multiply-adds a pair of channels and image. The weights' points are made once for all images
 * of a block, hence weigh most for one image. */
bool conv_prefers_strided(const struct conv_shape *s)
{
    enum { MAKE_WEIGHTS = 200 };
    if (s->k != 3 || s->stride != 2 || s->h < 3 || s->w < 3) {
        return false;
    }
    size_t oh = (s->h + 1) / 2, ow = (s->w + 1) / 2;
    struct side y = cut(oh), x = cut(ow);
    size_t products = (9 * y.fours + 7 * y.threes) * (9 * x.fours + 7 * x.threes);
    return products + MAKE_WEIGHTS <= oh * ow * 9;
}

static struct blocks tile_blocks(const struct conv *c, size_t n)
{
    return blocks_cut(side_tiles(cut(c->oh)) * side_tiles(cut(c->ow)), n, BLOCK_TILES);
}

/* Most tiles in a block. */
static size_t block_tiles(const struct conv *c)
{
    struct blocks b = tile_blocks(c, c->shape.n);
    size_t images = at_most(b.images, c->shape.n);
    return images * ((b.units + b.parts - 1) / b.parts);
}

static size_t input_floats(const struct conv *c)
{
    return IN * IN * conv_plane(block_tiles(c), c->shape.cin + CONV_PAD);
}

static size_t product_floats(const struct conv *c)
{
    return OUT * OUT * conv_plane(block_tiles(c), c->simd->panel);
}

size_t conv_strided_parts(const struct conv *c)
{
    return tile_blocks(c, 1).parts;
}

size_t conv_strided_scratch(const struct conv *c)
{
    return product_floats(c) + KERNELS * conv_plane(at_most(c->shape.cin, SLICE), c->simd->panel);
}

size_t conv_strided_spectrum(const struct conv *c)
{
    return tile_blocks(c, c->shape.n).count * input_floats(c);
}

struct job {
    const struct conv *c;
    struct side down, across;
    struct blocks blocks;
    size_t input, plane_in, plane_out; /* floats of a block's input points; of a point */
    size_t slices;                     /* of the input's channels */
};

/* Tiles of one kind in a block: where they lie in each of its images, all but the pixels' layout;
 * and the first of its rows that they take, an image after the other. */
struct kind {
    struct simd_strided t;
    size_t row;
};

/* In this order of kinds the tiles with 4 rows and those with 4 columns are neighbours. */
static void block_kinds(const struct job *j, const struct block *b, struct kind kinds[KINDS + 1])
{
    static const struct {
        bool tall, wide;
    } order[KINDS] = {{true, false}, {true, true}, {false, true}, {false, false}};
    size_t before = 0, row = 0, end = b->first + b->n;
    for (size_t i = 0; i < KINDS; i++) {
        bool tall = order[i].tall, wide = order[i].wide;
        size_t across = wide ? j->across.fours : j->across.threes;
        size_t all = (tall ? j->down.fours : j->down.threes) * across;
        size_t first = b->first > before ? b->first : before, last = at_most(end, before + all);
        kinds[i] = (struct kind){.t = {.rows = tall ? 4 : 3,
                                       .cols = wide ? 4 : 3,
                                       .y = tall ? 0 : 4 * j->down.fours,
                                       .x = wide ? 0 : 4 * j->across.fours,
                                       .across = across,
                                       .first = first - before,
                                       .n = last > first ? last - first : 0},
                                 .row = row};
        before += all;
        row += kinds[i].t.n * b->n_images;
    }
    kinds[KINDS] = (struct kind){.row = row};
}

/* Channels first .. first + n - 1 of a block's input -> points v. */
static void transform_input(const struct job *j, const struct block *b,
                            const struct kind kinds[KINDS + 1], size_t first, size_t n, float *v)
{
    const struct conv *c = j->c;
    const struct conv_shape *z = &c->shape;
    for (size_t i = 0; i < KINDS * b->n_images; i++) {
        const struct kind *k = &kinds[i % KINDS];
        size_t image = b->image + i / KINDS, row = k->row + i / KINDS * k->t.n;
        struct simd_strided_in in = {.t = k->t,
                                     .affine = conv_affine_at(c, image, first),
                                     .x = c->x + image * z->h * z->w * z->cin + first,
                                     .v = v + row * (z->cin + CONV_PAD) + first};
        in.t.h = z->h;
        in.t.w = z->w;
        in.t.c = n;
        in.t.ldx = z->cin;
        in.t.plane = j->plane_in;
        in.t.ldv = z->cin + CONV_PAD;
        c->simd->strided_in(&in);
    }
}

/* Weights of one panel for some input channels: of taps and of points that are none. */
struct weights {
    const float *g, *u;
    size_t first, n; /* input channels */
    size_t tap, point;
};

static const float *kernel_at(const struct weights *w, size_t i, size_t j)
{
    static const size_t taps[KERNEL] = {0, 3, 3, 2, 3, 1}; /* 3: none */
    if (taps[i] < 3 && taps[j] < 3) {
        return w->g + (taps[i] * 3 + taps[j]) * w->tap;
    }
    return w->u + (i * KERNEL + j) * w->point;
}

/* Adds the products of these weights to one point of the output. */
static void multiply(const struct job *j, const struct kind kinds[KINDS + 1],
                     const struct weights *w, size_t oi, size_t oj, const float *v, float *m)
{
    const struct conv *c = j->c;
    size_t ldv = c->shape.cin + CONV_PAD, width = c->simd->panel;
    for (size_t y = oi; y < IN; y += OUT) {
        for (size_t x = oj; x < IN; x += OUT) {
            /* A line's last points, of either tap, are those that tiles of 3 have not. */
            bool tall = y == OUT - 1 || y == IN - 1, wide = x == OUT - 1 || x == IN - 1;
            size_t first = kinds[wide ? 1 : 0].row, end = kinds[tall ? 2 : wide ? 3
                                                                                : 4]
                                                              .row;
            struct simd_gemm g = {.rows = end - first,
                                  .runs = 1,
                                  .length = w->n,
                                  .a = v + (y * IN + x) * j->plane_in + first * ldv + w->first,
                                  .b = kernel_at(w, at_most(y, OUT), at_most(x, OUT)),
                                  .lda = ldv,
                                  .ldc = width,
                                  .c = m + (oi * OUT + oj) * j->plane_out + first * width};
            g.add = w->first || y > oi || x > oj ? g.c : NULL;
            if (g.rows) {
                c->simd->gemm(&g);
            }
        }
    }
}

static void transform_output(const struct job *j, const struct block *b,
                             const struct kind kinds[KINDS + 1], size_t panel, const float *m)
{
    const struct conv *c = j->c;
    size_t cout = c->shape.cout, width = c->simd->panel, first = panel * width;
    for (size_t i = 0; i < b->n_images; i++) {
        size_t image = b->image + i;
        double unwanted[2 * SIMD_CHANNELS] = {0}, *sum = unwanted, *square = unwanted + width;
        if (c->stats) {
            sum = stats_at(c->stats, image, b->part) + first;
            square = sum + cout;
            memset(sum, 0, width * sizeof *sum);
            memset(square, 0, width * sizeof *sum);
        }
        for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
            struct simd_strided_out out = {.t = k->t,
                                           .v = m + (k->row + i * k->t.n) * width,
                                           .y = c->y + image * c->oh * c->ow * cout + first,
                                           .sum = sum,
                                           .square = square};
            out.t.h = c->oh;
            out.t.w = c->ow;
            out.t.c = width;
            out.t.ldx = cout;
            out.t.plane = j->plane_out;
            out.t.ldv = width;
            c->simd->strided_out(&out);
        }
        if (c->stats) {
            stats_done(c->stats, image);
        }
    }
}

/* A panel of a block's output from its input's points. m: this thread's scratch. */
static void run_panel(const struct job *j, const struct block *b,
                      const struct kind kinds[KINDS + 1], size_t panel, const float *v, float *m)
{
    const struct conv *c = j->c;
    size_t cin = c->shape.cin, width = c->simd->panel;
    float *u = m + product_floats(c);
    struct weights w = {.u = u, .tap = cin * width};
    for (; w.first < cin; w.first += w.n) {
        w.n = at_most(cin - w.first, SLICE);
        w.g = c->weights + (panel * 9 * cin + w.first) * width;
        w.point = conv_plane(w.n, width);
        struct simd_strided_kernel kernel = {
            .g = w.g, .u = u, .n = w.n * width, .tap = w.tap, .point = w.point};
        c->simd->strided_kernel(&kernel);
        for (size_t i = 0; i < OUT * OUT; i++) {
            multiply(j, kinds, &w, i / OUT, i % OUT, v, m);
        }
    }
    transform_output(j, b, kinds, panel, m);
}

static void block_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    const struct conv *c = j->c;
    struct block b = blocks_at(&j->blocks, item);
    struct kind kinds[KINDS + 1];
    float *v = c->spectrum + worker * j->input;
    block_kinds(j, &b, kinds);
    transform_input(j, &b, kinds, 0, c->shape.cin, v);
    for (size_t panel = 0; panel < c->shape.cout / c->simd->panel; panel++) {
        run_panel(j, &b, kinds, panel, v, c->scratch + worker * c->scratch_floats);
    }
}

/* Some channels of a block's input. */
static void input_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    size_t block = item / j->slices, first = item % j->slices * CHANNELS;
    struct block b = blocks_at(&j->blocks, block);
    struct kind kinds[KINDS + 1];
    (void)worker;
    block_kinds(j, &b, kinds);
    transform_input(j, &b, kinds, first, at_most(j->c->shape.cin - first, CHANNELS),
                    j->c->spectrum + block * j->input);
}

/* A panel's blocks come one after another, while its weights are in the cache. */
static void panel_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    const struct conv *c = j->c;
    size_t block = item % j->blocks.count;
    struct block b = blocks_at(&j->blocks, block);
    struct kind kinds[KINDS + 1];
    block_kinds(j, &b, kinds);
    run_panel(j, &b, kinds, item / j->blocks.count, c->spectrum + block * j->input,
              c->scratch + worker * c->scratch_floats);
}

/* Whether every thread gets blocks of its own, about as many as the others. */
static bool own(size_t blocks, size_t threads)
{
    return blocks >= OWN_BLOCKS * threads || (blocks >= threads && blocks % threads == 0);
}

void conv_strided_run(const struct conv *c, const struct crew *crew)
{
    size_t tiles = block_tiles(c), panels = c->shape.cout / c->simd->panel;
    struct job j = {.c = c,
                    .down = cut(c->oh),
                    .across = cut(c->ow),
                    .blocks = tile_blocks(c, c->shape.n),
                    .input = input_floats(c),
                    .plane_in = conv_plane(tiles, c->shape.cin + CONV_PAD),
                    .plane_out = conv_plane(tiles, c->simd->panel),
                    .slices = (c->shape.cin + CHANNELS - 1) / CHANNELS};
    if (c->stats) {
        stats_begin(c->stats, c->shape.n, j.blocks.parts * panels);
    }
    if (own(j.blocks.count, crew->size)) {
        crew_run(crew, j.blocks.count, block_item, &j);
    } else {
        crew_run(crew, j.blocks.count * j.slices, input_item, &j);
        crew_run(crew, j.blocks.count * panels, panel_item, &j);
    }
}
