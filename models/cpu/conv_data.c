/* The data of convolutions backward, as matrix products. With stride 1 it is a convolution of dy
 * with the turned kernel, and runs as one. A strided 1x1 kernel gives every other pixel. A strided
 * 3x3 kernel falls into four convolutions without stride, one for each parity of row and column, of
 * 1, 2, 2 and 4 taps. */
#include "models/cpu/backward.h"

#include <assert.h>
#include <string.h>

#include "models/arch.h"
#include "models/cpu/crew.h"

enum {
    DATA_ROWS = 56,   /* pixels of one parity in a block */
    WANTED_ITEMS = 4, /* for each thread */
};

/* --- as a convolution --- */
/* dy's convolution with the packed weights, into y. */
static struct conv turned_conv(const struct conv_data *d, float *y)
{
    const struct conv_shape *f = &d->forward;
    size_t k = f->stride == 1 ? f->k : 1;
    struct conv c = {.simd = d->simd,
                     .shape = {f->n, arch_conv_out(f->h, f->k, f->stride),
                               arch_conv_out(f->w, f->k, f->stride), f->cout, f->cin, k, 1},
                     .winograd = d->winograd,
                     .weights = d->weights,
                     .x = d->dy,
                     .add = d->add && f->stride == 1 ? y : NULL,
                     .y = y,
                     .scratch = d->scratch,
                     .scratch_floats = d->scratch_floats,
                     .spectrum = d->spectrum};
    conv_size(&c);
    return c;
}

/* --- strided 3x3 kernels --- */
struct parity_job {
    const struct conv_data *d;
    struct conv conv[4];     /* rows and columns even, odd: 2 * row parity + column parity */
    struct blocks blocks[4]; /* of pixels of that parity */
    size_t shares;           /* pieces that the panels are dealt out to */
    size_t first[5];         /* item of each parity, the one with most taps first */
};

static const size_t parity_order[4] = {3, 2, 1, 0};

/* dy as the input of a 3x3 convolution without stride whose outputs are the pixels of one
 * parity. */
static struct conv parity_conv(const struct conv_data *d, size_t parity)
{
    const struct conv_shape *f = &d->forward;
    return (struct conv){.simd = d->simd,
                         .shape = {f->n, arch_conv_out(f->h, 3, 2), arch_conv_out(f->w, 3, 2),
                                   f->cout, f->cin, 3, 1},
                         .oh = (f->h + 1 - parity / 2) / 2,
                         .ow = (f->w + 1 - parity % 2) / 2,
                         .x = d->dy};
}

static size_t parity_depth(const struct conv_data *d)
{
    return d->forward.cout < SIMD_DEPTH ? d->forward.cout : SIMD_DEPTH;
}

/* Packed dy, then the products. */
static size_t parity_scratch(const struct conv_data *d)
{
    size_t rows = 2 * DATA_ROWS; /* a block has at most 3 / 2 of what is wanted */
    return rows * (parity_depth(d) + CONV_PAD) + rows * d->forward.cin;
}

/* Taps of the kernel that rows (or columns) of a parity see: n of them, tap[i] at dy's row i after
 * the pixel's own. */
struct parity_taps {
    size_t n, tap[2];
};
static const struct parity_taps parity_taps[2] = {{1, {1, 0}}, {2, {2, 0}}};

/* Adds one slice of packed dy times its tap to the products. */
static void parity_multiply(const struct conv_data *d, size_t tap, const struct conv_slice *s,
                            size_t rows, const float *a, size_t first, size_t end, bool start,
                            float *out)
{
    const struct conv_shape *f = &d->forward;
    size_t panel = d->simd->panel, depth = 9 * f->cout;
    for (size_t i = first; i < end; i++) {
        struct simd_gemm g = {.rows = rows,
                              .runs = 1,
                              .length = s->n,
                              .a = a,
                              .b = d->weights + (i * depth + tap * f->cout + s->first) * panel,
                              .lda = parity_depth(d) + CONV_PAD,
                              .ldc = f->cin,
                              .c = out + i * panel};
        g.add = start ? NULL : g.c;
        d->simd->gemm(&g);
    }
}

static void scatter(const struct conv_data *d, size_t parity, const struct conv *c,
                    const struct block *b, size_t first, size_t n, const float *from)
{
    const struct conv_shape *f = &d->forward;
    for (size_t i = b->image; i < b->image + b->n_images; i++) {
        for (size_t p = b->first; p < b->first + b->n; p++, from += f->cin) {
            size_t y = 2 * (p / c->ow) + parity / 2, x = 2 * (p % c->ow) + parity % 2;
            float *to = d->dx + ((i * f->h + y) * f->w + x) * f->cin;
            memcpy(to + first, from + first, n * sizeof *to);
        }
    }
}

static void parity_item(void *ctx, size_t item, size_t worker)
{
    const struct parity_job *j = ctx;
    const struct conv_data *d = j->d;
    size_t which = 0, panel = d->simd->panel, panels = d->forward.cin / panel;
    while (item >= j->first[which + 1]) {
        which++;
    }
    size_t parity = parity_order[which], share = (item - j->first[which]) % j->shares;
    const struct conv *c = &j->conv[parity];
    struct block b = blocks_at(&j->blocks[parity], (item - j->first[which]) / j->shares);
    size_t first = panels * share / j->shares, end = panels * (share + 1) / j->shares;
    size_t rows = b.n_images * b.n, lda = parity_depth(d) + CONV_PAD;
    float *a = d->scratch + worker * d->scratch_floats, *out = a + 2 * DATA_ROWS * lda;
    const struct parity_taps *ty = &parity_taps[parity / 2], *tx = &parity_taps[parity % 2];
    bool start = true;
    assert(rows <= 2 * DATA_ROWS);
    for (size_t i = 0; i < ty->n * tx->n; i++) {
        size_t tap = ty->tap[i / tx->n] * 3 + tx->tap[i % tx->n];
        struct conv_slice s = {.ky = 1 + i / tx->n, .kx = 1 + i % tx->n};
        for (; s.first < c->shape.cin; s.first += s.n) {
            size_t rest = c->shape.cin - s.first;
            s.n = rest < SIMD_DEPTH ? rest : SIMD_DEPTH;
            conv_pack(c, &s, &b, a, lda);
            parity_multiply(d, tap, &s, rows, a, first, end, start, out);
            start = false;
        }
    }
    scatter(d, parity, c, &b, first * panel, (end - first) * panel, out);
}

static void parity_run(const struct conv_data *d, const struct crew *crew)
{
    struct parity_job j = {.d = d};
    size_t count = 0, panels = d->forward.cin / d->simd->panel;
    for (size_t i = 0; i < 4; i++) {
        j.conv[i] = parity_conv(d, i);
        size_t pixels = j.conv[i].oh * j.conv[i].ow;
        j.blocks[i] = pixels ? blocks_cut(pixels, d->forward.n, DATA_ROWS) : (struct blocks){0};
        count += j.blocks[i].count;
    }
    size_t wanted = (WANTED_ITEMS * crew->size + count - 1) / count;
    j.shares = wanted < panels ? wanted : panels;
    for (size_t i = 0; i < 4; i++) {
        j.first[i + 1] = j.first[i] + j.blocks[parity_order[i]].count * j.shares;
    }
    crew_run(crew, j.first[4], parity_item, &j);
}

/* --- strided 1x1 kernels --- */
struct spread_job {
    const struct conv_data *d;
    const float *from; /* [n,oh,ow,cin] */
    size_t oh, ow;
};

/* A row of all images' inputs: every other pixel of every other row gets something. */
static void spread_item(void *ctx, size_t item, size_t worker)
{
    const struct spread_job *j = ctx;
    const struct conv_shape *f = &j->d->forward;
    size_t image = item / f->h, y = item % f->h, c = f->cin;
    float *to = j->d->dx + item * f->w * c;
    const float *from = j->from + (image * j->oh + y / 2) * j->ow * c;
    (void)worker;
    if (!j->d->add) {
        memset(to, 0, f->w * c * sizeof *to);
    }
    for (size_t x = 0; x < j->ow && y % 2 == 0; x++) {
        for (size_t k = 0; k < c; k++) {
            to[2 * x * c + k] += from[x * c + k];
        }
    }
}

/* Products of all output pixels lie in the spectrum before they are spread. */
static void spread_run(const struct conv_data *d, const struct crew *crew)
{
    struct conv c = turned_conv(d, d->spectrum);
    struct spread_job j = {.d = d, .from = d->spectrum, .oh = c.oh, .ow = c.ow};
    conv_run(&c, crew);
    crew_run(crew, d->forward.n * d->forward.h, spread_item, &j);
}

/* --- the choice --- */
static bool is_parity(const struct conv_data *d)
{
    return d->forward.stride == 2 && d->forward.k == 3;
}

size_t conv_data_scratch(const struct conv_data *d)
{
    struct conv c = turned_conv(d, NULL);
    return is_parity(d) ? parity_scratch(d) : conv_scratch(&c);
}

size_t conv_data_spectrum(const struct conv_data *d)
{
    struct conv c = turned_conv(d, NULL);
    bool spread = d->forward.stride == 2 && d->forward.k == 1;
    return spread ? d->forward.n * c.oh * c.ow * d->forward.cin : conv_spectrum(&c);
}

void conv_data_run(const struct conv_data *d, const struct crew *crew)
{
    assert(!d->add || d->forward.k == 1);
    if (is_parity(d)) {
        parity_run(d, crew);
    } else if (d->forward.stride == 2) {
        spread_run(d, crew);
    } else {
        struct conv c = turned_conv(d, d->dx);
        conv_run(&c, crew);
    }
}
