/* Convolutions as matrix products. A block's input is packed one kernel tap and at most
 * SIMD_DEPTH channels at a time (GroupNorm and ReLU applied on the way), multiplied with all
 * panels of weights, and added up in the output; the residual is added with the first piece, the
 * sums for GroupNorm are taken when the last one is through.
 *
 * The root has 3 input channels: there the rows of the padded image serve as they are, a row of the
 * product being 7 pieces of 21 floats. */
#include "models/cpu/conv.h"

#include <assert.h>
#include <string.h>

#include "models/arch.h"
#include "models/cpu/crew.h"

enum {
    BLOCK_ROWS = 56,      /* output pixels: four register tiles of 14; packed, at most 91 KB */
    WANTED_ITEMS = 4,     /* for each thread; below that a block's panels are shared out, too */
    LEAST_PART = 64,      /* output channels for which packing a block again is worth it */
    LEAST_MACS = 1 << 19, /* multiply-adds that pay for a piece of work of their own */
    NEAR_FLOATS = 65536,  /* weights that stay in a 1 MB cache beside all else */
    ROOT_ROWS = 448,
    ROOT_SIZE = 7,
    ROOT_CHANNELS = 3,
};

void conv_size(struct conv *c)
{
    c->oh = arch_conv_out(c->shape.h, c->shape.k, c->shape.stride);
    c->ow = arch_conv_out(c->shape.w, c->shape.k, c->shape.stride);
}

size_t conv_plane(size_t rows, size_t ld)
{
    return ((rows * ld + CONV_PAD - 1) / CONV_PAD | 1) * CONV_PAD;
}

struct simd_affine conv_affine_at(const struct conv *c, size_t image, size_t first)
{
    if (!c->affine) {
        return (struct simd_affine){0};
    }
    struct simd_affine a = stats_affine_at(c->affine, image, c->shape.cin);
    return (struct simd_affine){
        .centre = a.centre + first, .scale = a.scale + first, .shift = a.shift + first};
}

/* --- packing --- */
static void pack_zeros(float *a, size_t rows, size_t n, size_t lda)
{
    for (size_t i = 0; i < rows; i++) {
        memset(a + i * lda, 0, n * sizeof *a);
    }
}

/* `rows` pixels of one image, `stride` apart, from x on. */
static void pack_pixels(const struct conv *c, const struct conv_slice *s, size_t image,
                        const float *x, size_t stride, size_t rows, float *a, size_t lda)
{
    struct simd_norm norm = {.x = x + s->first,
                             .y = a,
                             .rows = rows,
                             .c = s->n,
                             .ldx = stride * c->shape.cin,
                             .ldy = lda,
                             .affine = conv_affine_at(c, image, s->first)};
    c->simd->norm(&norm);
}

/* Output pixels x0 .. x0 + n - 1 of output row oy. */
static void pack_row(const struct conv *c, const struct conv_slice *s, size_t image, size_t oy,
                     size_t x0, size_t n, float *a, size_t lda)
{
    const struct conv_shape *z = &c->shape;
    size_t pad = z->k / 2, y = oy * z->stride + s->ky;
    if (y < pad || y >= z->h + pad) {
        pack_zeros(a, n, s->n, lda);
        return;
    }
    /* Output columns that see the image: lo <= ox < hi. */
    size_t lo = s->kx < pad ? (pad - s->kx + z->stride - 1) / z->stride : 0;
    size_t hi = s->kx < z->w + pad ? (z->w + pad - s->kx + z->stride - 1) / z->stride : 0;
    lo = lo < x0 ? x0 : lo > x0 + n ? x0 + n
                                    : lo;
    hi = hi < lo ? lo : hi > x0 + n ? x0 + n
                                    : hi;
    pack_zeros(a, lo - x0, s->n, lda);
    if (hi > lo) {
        const float *row = c->x + (image * z->h + y - pad) * z->w * z->cin;
        const float *x = row + (lo * z->stride + s->kx - pad) * z->cin;
        pack_pixels(c, s, image, x, z->stride, hi - lo, a + (lo - x0) * lda, lda);
    }
    pack_zeros(a + (hi - x0) * lda, x0 + n - hi, s->n, lda);
}

void conv_pack(const struct conv *c, const struct conv_slice *s, const struct block *b, float *a,
               size_t lda)
{
    const struct conv_shape *z = &c->shape;
    for (size_t i = b->image; i < b->image + b->n_images; i++) {
        if (z->k == 1 && z->stride == 1) {
            const float *x = c->x + (i * z->h * z->w + b->first) * z->cin;
            pack_pixels(c, s, i, x, 1, b->n, a, lda);
            a += b->n * lda;
            continue;
        }
        for (size_t p = b->first; p < b->first + b->n;) {
            size_t x0 = p % c->ow, rest = b->first + b->n - p;
            size_t n = c->ow - x0 < rest ? c->ow - x0 : rest;
            pack_row(c, s, i, p / c->ow, x0, n, a, lda);
            a += n * lda;
            p += n;
        }
    }
}

/* --- products --- */
struct gemm_job {
    const struct conv *c;
    struct blocks blocks;
    size_t shares; /* pieces of work a block's panels are dealt out to */
};

/* Panels first .. end - 1 of one block. */
struct piece {
    struct block block;
    size_t first, end, row, rows; /* rows of the output as [n * oh * ow, cout] */
};

static struct piece piece_at(const struct gemm_job *j, size_t item)
{
    size_t panels = j->c->shape.cout / j->c->simd->panel, share = item % j->shares;
    struct piece p = {.block = blocks_at(&j->blocks, item / j->shares),
                      .first = panels * share / j->shares,
                      .end = panels * (share + 1) / j->shares};
    p.row = p.block.image * j->blocks.units + p.block.first;
    p.rows = p.block.n_images * p.block.n;
    return p;
}

/* Adds the packed slice's products to the output. Where the slice's weights are near, a register
 * tile's rows go through all panels before the next ones, so that whole pixels are written while
 * they are in L1; elsewhere a panel goes through all rows before the next one is fetched. */
static void multiply(const struct conv *c, const struct piece *p, const struct conv_slice *s,
                     const float *a, size_t lda, bool start)
{
    const struct conv_shape *z = &c->shape;
    size_t panel = c->simd->panel, depth = z->k * z->k * z->cin;
    size_t k = (s->ky * z->k + s->kx) * z->cin + s->first;
    size_t step = s->n * z->cout <= NEAR_FLOATS ? c->simd->rows : p->rows;
    for (size_t row = 0; row < p->rows; row += step) {
        for (size_t i = p->first; i < p->end; i++) {
            size_t at = (p->row + row) * z->cout + i * panel;
            struct simd_gemm g = {.rows = at_most(step, p->rows - row),
                                  .runs = 1,
                                  .length = s->n,
                                  .a = a + row * lda,
                                  .b = c->weights + (i * depth + k) * panel,
                                  .lda = lda,
                                  .ldc = z->cout,
                                  .c = c->y + at};
            g.add = !start ? g.c : c->add ? c->add + at
                                          : NULL;
            c->simd->gemm(&g);
        }
    }
}

static void take_sums(const struct conv *c, const struct piece *p)
{
    size_t cout = c->shape.cout, first = p->first * c->simd->panel;
    size_t n = (p->end - p->first) * c->simd->panel;
    for (size_t i = 0; i < p->block.n_images; i++) {
        double *sum = stats_at(c->stats, p->block.image + i, p->block.part) + first;
        memset(sum, 0, n * sizeof *sum);
        memset(sum + cout, 0, n * sizeof *sum);
        struct simd_sums s = {.x = c->y + (p->row + i * p->block.n) * cout + first,
                              .rows = p->block.n,
                              .c = n,
                              .ldx = cout,
                              .sum = sum,
                              .square = sum + cout};
        c->simd->sums(&s);
        stats_done(c->stats, p->block.image + i);
    }
}

/* Whether some output sees the image through row (or column) t of the kernel. */
static bool reachable(size_t t, size_t k, size_t stride, size_t size, size_t out)
{
    size_t pad = k / 2;
    return t + (out - 1) * stride >= pad && t < size + pad &&
           (t >= pad || (pad - t + stride - 1) / stride * stride + t < size + pad);
}

static void gemm_item(void *ctx, size_t item, size_t worker)
{
    const struct gemm_job *j = ctx;
    const struct conv *c = j->c;
    const struct conv_shape *z = &c->shape;
    struct piece p = piece_at(j, item);
    size_t depth = z->cin < SIMD_DEPTH ? z->cin : SIMD_DEPTH, lda = depth + CONV_PAD;
    float *a = c->scratch + worker * c->scratch_floats;
    bool start = true;
    for (size_t tap = 0; tap < z->k * z->k; tap++) {
        struct conv_slice s = {.ky = tap / z->k, .kx = tap % z->k};
        if (!reachable(s.ky, z->k, z->stride, z->h, c->oh) ||
            !reachable(s.kx, z->k, z->stride, z->w, c->ow)) {
            continue;
        }
        for (; s.first < z->cin; s.first += s.n) {
            s.n = z->cin - s.first < depth ? z->cin - s.first : depth;
            conv_pack(c, &s, &p.block, a, lda);
            multiply(c, &p, &s, a, lda, start);
            start = false;
        }
    }
    if (c->stats) {
        take_sums(c, &p);
    }
}

size_t conv_gemm_parts(const struct conv *c)
{
    return blocks_cut(c->oh * c->ow, 1, BLOCK_ROWS).parts;
}

size_t conv_gemm_scratch(const struct conv *c)
{
    size_t depth = c->shape.cin < SIMD_DEPTH ? c->shape.cin : SIMD_DEPTH;
    struct blocks b = blocks_cut(c->oh * c->ow, c->shape.n, BLOCK_ROWS);
    return b.images * ((b.units + b.parts - 1) / b.parts) * (depth + CONV_PAD);
}

/* How many pieces of work to make of a block, so that all threads have some. */
static size_t shares(const struct conv *c, const struct blocks *b, size_t threads)
{
    const struct conv_shape *z = &c->shape;
    size_t macs = BLOCK_ROWS * z->k * z->k * z->cin * z->cout;
    size_t most = z->cout / LEAST_PART, wanted = (WANTED_ITEMS * threads + b->count - 1) / b->count;
    most = macs / LEAST_MACS < most ? macs / LEAST_MACS : most;
    most = most ? most : 1;
    return wanted < most ? wanted : most;
}

void conv_gemm_run(const struct conv *c, const struct crew *crew)
{
    struct gemm_job j = {.c = c, .blocks = blocks_cut(c->oh * c->ow, c->shape.n, BLOCK_ROWS)};
    j.shares = shares(c, &j.blocks, crew->size);
    if (c->stats) {
        stats_begin(c->stats, c->shape.n, j.blocks.parts * j.shares);
    }
    crew_run(crew, j.blocks.count * j.shares, gemm_item, &j);
}

/* --- the root --- */
struct root_job {
    const struct conv *c;
    struct blocks blocks; /* of output rows */
};

static struct blocks root_blocks(const struct conv *c)
{
    size_t rows = ROOT_ROWS / c->ow;
    return blocks_cut(c->oh, c->shape.n, rows ? rows : 1);
}

static size_t root_pitch(const struct conv *c)
{
    return (c->shape.w + ROOT_SIZE - 1) * ROOT_CHANNELS;
}

size_t conv_root_scratch(const struct conv *c)
{
    struct blocks b = root_blocks(c);
    size_t rows = (c->oh + b.parts - 1) / b.parts;
    return ((rows - 1) * c->shape.stride + ROOT_SIZE) * root_pitch(c);
}

/* Padded row y - pad of the image. */
static void pad_row(const struct conv *c, size_t image, size_t y, float *to)
{
    const struct conv_shape *z = &c->shape;
    size_t pad = z->k / 2, side = pad * z->cin, n = z->w * z->cin;
    if (y < pad || y >= z->h + pad) {
        memset(to, 0, root_pitch(c) * sizeof *to);
        return;
    }
    memset(to, 0, side * sizeof *to);
    memcpy(to + side, c->x + (image * z->h + y - pad) * n, n * sizeof *to);
    memset(to + side + n, 0, side * sizeof *to);
}

static void root_rows(const struct conv *c, size_t image, size_t first, size_t n, float *padded)
{
    const struct conv_shape *z = &c->shape;
    size_t pitch = root_pitch(c), panel = c->simd->panel, run = z->k * z->cin;
    for (size_t y = 0; y < (n - 1) * z->stride + z->k; y++) {
        pad_row(c, image, first * z->stride + y, padded + y * pitch);
    }
    for (size_t i = 0; i < z->cout / panel; i++) {
        for (size_t y = 0; y < n; y++) {
            struct simd_gemm g = {.rows = c->ow,
                                  .runs = z->k,
                                  .length = run,
                                  .step = pitch,
                                  .a = padded + y * z->stride * pitch,
                                  .lda = z->stride * z->cin,
                                  .b = c->weights + i * z->k * run * panel,
                                  .ldc = z->cout};
            g.c = c->y + ((image * c->oh + first + y) * c->ow) * z->cout + i * panel;
            c->simd->gemm(&g);
        }
    }
}

static void root_item(void *ctx, size_t item, size_t worker)
{
    const struct root_job *j = ctx;
    const struct conv *c = j->c;
    struct block b = blocks_at(&j->blocks, item);
    for (size_t i = 0; i < b.n_images; i++) {
        root_rows(c, b.image + i, b.first, b.n, c->scratch + worker * c->scratch_floats);
    }
}

void conv_root_run(const struct conv *c, const struct crew *crew)
{
    struct root_job j = {.c = c, .blocks = root_blocks(c)};
    assert(c->shape.k == ROOT_SIZE && c->shape.cin == ROOT_CHANNELS && !c->stats && !c->affine);
    crew_run(crew, j.blocks.count, root_item, &j);
}

/* --- the choice --- */
static bool is_root(const struct conv *c)
{
    return c->shape.cin == ROOT_CHANNELS;
}

size_t conv_parts(const struct conv *c)
{
    return c->winograd  ? conv_winograd_parts(c)
           : c->strided ? conv_strided_parts(c)
                        : conv_gemm_parts(c);
}

size_t conv_scratch(const struct conv *c)
{
    return is_root(c)    ? conv_root_scratch(c)
           : c->winograd ? conv_winograd_scratch(c)
           : c->strided  ? conv_strided_scratch(c)
                         : conv_gemm_scratch(c);
}

size_t conv_spectrum(const struct conv *c)
{
    return c->winograd ? conv_winograd_spectrum(c) : c->strided ? conv_strided_spectrum(c)
                                                                : 0;
}

void conv_run(const struct conv *c, const struct crew *crew)
{
    if (is_root(c)) {
        conv_root_run(c, crew);
    } else if (c->winograd) {
        conv_winograd_run(c, crew);
    } else if (c->strided) {
        conv_strided_run(c, crew);
    } else {
        conv_gemm_run(c, crew);
    }
}
