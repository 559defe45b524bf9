/* The weights of convolutions backward, as matrix products. For a tap, a block of input channels
 * and a block of output channels, a chunk of pixels after the other: the input is packed with norm
 * and ReLU, and its outer products with dy are added up. Few weights are not cut into blocks, since
 * each would pack the input again, but their pixels into parts, whose sums are added up in the
 * end. */
#include "models/cpu/backward.h"

#include <assert.h>
#include <string.h>

#include "models/cpu/crew.h"
#include "models/engine.h"

enum {
    CHUNK_PIXELS = 192, /* of a chunk, about */
    BLOCK_IN = 128,     /* channels of a block of weights, at most */
    BLOCK_OUT = 1024,
    WANTED_ITEMS = 4,     /* for each thread */
    FEW_WEIGHTS = 131072, /* a part's sums stay in a 1 MB cache */
    PARTS = 4,            /* of a group of images */
    PART_ITEMS = 2,       /* for each thread; below that panels are dealt out, too */
    ROOT_SIZE = 7,
    ROOT_CHANNELS = 3,
};

/* --- blocks of weights --- */
struct weights_job {
    const struct conv_weights *w;
    size_t in, out; /* channels of a block */
    size_t ins, outs;
};

static size_t cut(size_t all, size_t most)
{
    return (all + most - 1) / most;
}

/* Packed input of a chunk of pixels, which has at most 3 / 2 of what is wanted. */
static size_t gemm_weights_scratch(const struct conv_weights *w)
{
    return 2 * CHUNK_PIXELS * (at_most(w->conv.shape.cin, BLOCK_IN) + CONV_PAD);
}

/* Adds one chunk to dw (start: sets it): all panels of a block of output channels. */
static void add_chunk(const struct conv_weights *w, const struct conv_slice *s, size_t out,
                      size_t end, const struct block *b, float *a, bool start, float *dw)
{
    const struct conv_shape *z = &w->conv.shape;
    size_t panel = w->conv.simd->panel, lda = s->n + CONV_PAD, pixels = w->conv.oh * w->conv.ow;
    size_t rows = b->n_images * b->n, row = b->image * pixels + b->first;
    size_t tap = s->ky * z->k + s->kx;
    assert(rows <= 2 * CHUNK_PIXELS);
    conv_pack(&w->conv, s, b, a, lda);
    for (size_t first = out; first < end; first += panel) {
        const struct simd_outer o = {.rows = s->n,
                                     .n = rows,
                                     .a = a,
                                     .b = w->dy + row * z->cout + first,
                                     .lda = lda,
                                     .ldb = z->cout,
                                     .ldc = z->cout,
                                     .start = start,
                                     .c = dw + (tap * z->cin + s->first) * z->cout + first};
        w->conv.simd->outer(&o);
    }
}

/* Chunks of pixels of a group of images, of which group 0 is the first. */
static struct blocks group_chunks(const struct conv_weights *w, size_t group)
{
    size_t n = at_most(w->conv.shape.n - group * TRAIN_GROUP, TRAIN_GROUP);
    return blocks_cut(w->conv.oh * w->conv.ow, n, CHUNK_PIXELS);
}

static struct block chunk_at(const struct blocks *chunks, size_t group, size_t i)
{
    struct block b = blocks_at(chunks, i);
    b.image += group * TRAIN_GROUP;
    return b;
}

static size_t groups(const struct conv_weights *w)
{
    return cut(w->conv.shape.n, TRAIN_GROUP);
}

static void weights_item(void *ctx, size_t item, size_t worker)
{
    const struct weights_job *j = ctx;
    const struct conv_weights *w = j->w;
    const struct conv_shape *z = &w->conv.shape;
    size_t tap = item / (j->ins * j->outs), in = item / j->outs % j->ins * j->in;
    size_t out = item % j->outs * j->out;
    struct conv_slice s = {.ky = tap / z->k, .kx = tap % z->k, .first = in};
    float *a = w->conv.scratch + worker * w->conv.scratch_floats;
    s.n = at_most(z->cin - in, j->in);
    for (size_t group = 0; group < groups(w); group++) {
        struct blocks chunks = group_chunks(w, group);
        for (size_t i = 0; i < chunks.count; i++) {
            struct block b = chunk_at(&chunks, group, i);
            add_chunk(w, &s, out, at_most(z->cout, out + j->out), &b, a, false, w->dw);
        }
    }
}

/* Blocks of weights, made smaller until all threads have some. */
static void gemm_weights_run(const struct conv_weights *w, const struct crew *crew)
{
    const struct conv_shape *z = &w->conv.shape;
    size_t panel = w->conv.simd->panel, wanted = WANTED_ITEMS * crew->size;
    struct weights_job j = {
        .w = w, .in = at_most(z->cin, BLOCK_IN), .out = at_most(z->cout, BLOCK_OUT)};
    for (;;) {
        j.ins = cut(z->cin, j.in);
        j.outs = cut(z->cout, j.out);
        if (z->k * z->k * j.ins * j.outs >= wanted) {
            break;
        }
        if (j.out > 2 * panel) {
            j.out = cut(j.out / panel, 2) * panel;
        } else if (j.in > SIMD_CHANNELS) {
            j.in = cut(j.in / SIMD_CHANNELS, 2) * SIMD_CHANNELS;
        } else {
            break;
        }
    }
    crew_run(crew, z->k * z->k * j.ins * j.outs, weights_item, &j);
}

/* --- few weights --- */
static bool is_few(const struct conv_weights *w)
{
    const struct conv_shape *z = &w->conv.shape;
    return z->k == 1 && z->cin * z->cout <= FEW_WEIGHTS;
}

struct parts_job {
    const struct conv_weights *w;
    size_t shares; /* pieces that a part's panels are dealt out to */
};

/* Each part of each group has sums of its own. Of a group with fewer chunks than parts some stay
 * empty. */
static void part_item(void *ctx, size_t item, size_t worker)
{
    const struct parts_job *j = ctx;
    const struct conv_weights *w = j->w;
    const struct conv_shape *z = &w->conv.shape;
    size_t group = item / j->shares / PARTS, part = item / j->shares % PARTS;
    size_t share = item % j->shares, panel = w->conv.simd->panel, panels = z->cout / panel;
    size_t first = panels * share / j->shares * panel;
    size_t end = panels * (share + 1) / j->shares * panel;
    struct blocks chunks = group_chunks(w, group);
    size_t begin = chunks.count * part / PARTS, stop = chunks.count * (part + 1) / PARTS;
    float *a = w->conv.scratch + worker * w->conv.scratch_floats;
    float *sums = w->spectrum + item / j->shares * z->cin * z->cout;
    if (begin == stop) {
        for (size_t i = 0; i < z->cin; i++) {
            memset(sums + i * z->cout + first, 0, (end - first) * sizeof *sums);
        }
    }
    for (size_t i = begin; i < stop; i++) {
        struct block b = chunk_at(&chunks, group, i);
        for (struct conv_slice s = {0}; s.first < z->cin; s.first += s.n) {
            s.n = at_most(z->cin - s.first, BLOCK_IN);
            add_chunk(w, &s, first, end, &b, a, i == begin, sums);
        }
    }
}

/* A row of the weights. */
static void total_item(void *ctx, size_t item, size_t worker)
{
    const struct parts_job *j = ctx;
    const struct conv_weights *w = j->w;
    size_t cout = w->conv.shape.cout, all = w->conv.shape.cin * cout;
    float *dw = w->dw + item * cout;
    (void)worker;
    for (size_t part = 0; part < groups(w) * PARTS; part++) {
        const float *sums = w->spectrum + part * all + item * cout;
        for (size_t i = 0; i < cout; i++) {
            dw[i] += sums[i];
        }
    }
}

static void few_weights_run(const struct conv_weights *w, const struct crew *crew)
{
    size_t parts = groups(w) * PARTS, panels = w->conv.shape.cout / w->conv.simd->panel;
    struct parts_job j = {.w = w, .shares = at_most(cut(PART_ITEMS * crew->size, parts), panels)};
    crew_run(crew, parts * j.shares, part_item, &j);
    crew_run(crew, w->conv.shape.cin, total_item, &j);
}

/* --- the root --- */
/* Rows of the padded image serve as they are: row ky of the kernel times the pixels of an output
 * row are pieces of 21 floats, 6 apart. */
static size_t root_row(const struct conv_weights *w)
{
    return (w->conv.shape.w + ROOT_SIZE - 1) * ROOT_CHANNELS;
}

static void root_item(void *ctx, size_t item, size_t worker)
{
    const struct conv_weights *w = ctx;
    const struct conv *c = &w->conv;
    const struct conv_shape *z = &c->shape;
    size_t panels = z->cout / c->simd->panel, ky = item / panels;
    size_t first = item % panels * c->simd->panel, pad = z->k / 2, n = z->w * z->cin;
    float *row = c->scratch + worker * c->scratch_floats;
    memset(row, 0, root_row(w) * sizeof *row);
    for (size_t i = 0; i < z->n * c->oh; i++) {
        size_t y = i % c->oh * z->stride + ky;
        if (y < pad || y >= z->h + pad) {
            continue;
        }
        memcpy(row + pad * z->cin, c->x + (i / c->oh * z->h + y - pad) * n, n * sizeof *row);
        const struct simd_outer o = {.rows = z->k * z->cin,
                                     .n = c->ow,
                                     .a = row,
                                     .b = w->dy + i * c->ow * z->cout + first,
                                     .lda = z->stride * z->cin,
                                     .ldb = z->cout,
                                     .ldc = z->cout,
                                     .c = w->dw + ky * z->k * z->cin * z->cout + first};
        c->simd->outer(&o);
    }
}

/* --- the choice --- */
static bool is_root(const struct conv_weights *w)
{
    return w->conv.shape.cin == ROOT_CHANNELS;
}

size_t conv_weights_scratch(const struct conv_weights *w)
{
    return is_root(w)         ? root_row(w)
           : w->conv.winograd ? conv_winograd_weights_scratch(w)
                              : gemm_weights_scratch(w);
}

size_t conv_weights_spectrum(const struct conv_weights *w)
{
    const struct conv_shape *z = &w->conv.shape;
    return w->conv.winograd ? conv_winograd_weights_spectrum(w)
           : is_few(w)      ? groups(w) * PARTS * z->cin * z->cout
                            : 0;
}

void conv_weights_run(const struct conv_weights *w, const struct crew *crew)
{
    if (is_root(w)) {
        struct conv_weights job = *w;
        crew_run(crew, ROOT_SIZE * (w->conv.shape.cout / w->conv.simd->panel), root_item, &job);
    } else if (w->conv.winograd) {
        conv_winograd_weights_run(w, crew);
    } else if (is_few(w)) {
        few_weights_run(w, crew);
    } else {
        gemm_weights_run(w, crew);
    }
}
