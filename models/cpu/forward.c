/* The forward pass on the cpu engine, layer by layer as models/bit.c has it. GroupNorm and ReLU are
 * never passes of their own: the layer that makes a tensor leaves sums, from which the last of its
 * pieces of work makes the affine form of the norm, and the layer that reads it applies that while
 * packing. A unit's last convolution adds to the shortcut in place.
 *
 * A block runs on as many images at a time as its tensors fit the caches for; before it does, the
 * block before it makes its input, a few images after the other. */
#include "models/cpu/net.h"

#include <stdint.h>
#include <string.h>

#include "harness/base/note.h"
#include "models/model.h"

struct pass {
    const struct cpu_net *net;
    const float *images;
    float *features;
    atomic_size_t *bad;
};

/* A few images of the pass. */
struct range {
    size_t first, n;
};

/* A layer's input with its norm (NULL: none) and its output with the norm to be made of it (gamma
 * NULL: none). */
struct step {
    const float *x, *affine, *add;
    float *y, *next_affine;
    const float *gamma, *beta;
};

static struct stats stats_for(const struct pass *p, const struct step *s, struct range r)
{
    const struct buffers *b = &p->net->buffers;
    return (struct stats){.sums = b->sums,
                          .left = b->left,
                          .gamma = s->gamma,
                          .beta = s->beta,
                          .affine = s->next_affine,
                          .bad = p->bad,
                          .first = r.first};
}

static void run_layer(const struct pass *p, const struct layer *l, struct range r,
                      const struct step *s)
{
    const struct buffers *b = &p->net->buffers;
    struct conv c = {.simd = p->net->simd,
                     .shape = {r.n, l->h, l->w, l->cin, l->cout, l->k, l->stride},
                     .winograd = l->winograd,
                     .strided = l->strided,
                     .weights = l->packed,
                     .x = s->x,
                     .affine = s->affine,
                     .add = s->add,
                     .y = s->y,
                     .scratch = b->scratch,
                     .scratch_floats = b->scratch_floats,
                     .spectrum = b->spectrum};
    struct stats stats = stats_for(p, s, r);
    conv_size(&c);
    stats.c = l->cout;
    stats.pixels = c.oh * c.ow;
    stats.parts = conv_parts(&c);
    c.stats = s->gamma ? &stats : NULL;
    conv_run(&c, &p->net->crew);
}

/* --- the input --- */
static void check_item(void *ctx, size_t item, size_t worker)
{
    const struct pass *p = ctx;
    size_t n = p->net->h * p->net->w * 3;
    const float *x = p->images + item * n;
    uint32_t bad = 0;
    (void)worker;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & 0x7f800000U) == 0x7f800000U; /* the exponent of NaN and the infinities */
    }
    if (bad) {
        stats_bad(p->bad, item);
    }
}

/* --- the root --- */
struct pool_job {
    const struct simd *simd;
    struct blocks blocks;
    struct stats stats;
    const float *x;
    float *y;
    size_t h, w; /* of x */
};

static void pool_item(void *ctx, size_t item, size_t worker)
{
    struct pool_job *j = ctx;
    struct block b = blocks_at(&j->blocks, item);
    size_t c = j->stats.c;
    (void)worker;
    for (size_t i = b.image; i < b.image + b.n_images; i++) {
        double *sum = stats_at(&j->stats, i, b.part);
        float *y = j->y + (i * j->blocks.units + b.first) * c;
        struct simd_max_pool pool = {.x = j->x + i * j->h * j->w * c,
                                     .y = y,
                                     .h = j->h,
                                     .w = j->w,
                                     .c = c,
                                     .first = b.first,
                                     .n = b.n};
        struct simd_sums sums = {
            .x = y, .rows = b.n, .c = c, .ldx = c, .sum = sum, .square = sum + c};
        memset(sum, 0, 2 * c * sizeof *sum);
        j->simd->max_pool(&pool);
        j->simd->sums(&sums);
        stats_done(&j->stats, i);
    }
}

enum { POOL_PIXELS = 448 };

static struct blocks pool_blocks(size_t n, size_t pixels)
{
    return blocks_cut(pixels, n, POOL_PIXELS);
}

size_t cpu_net_pool_sums(size_t n, size_t pixels, size_t c)
{
    return stats_sums(n, pool_blocks(n, pixels).parts, c);
}

/* Images -> input of the first block, with its norm. */
static void run_root(const struct pass *p, struct range r, float *y, float *affine)
{
    const struct cpu_net *net = p->net;
    const struct layer *root = &net->layers[0], *next = &net->layers[1];
    const struct bit_unit *unit = &net->bit.units[0];
    struct step norm = {.next_affine = affine, .gamma = unit->gamma_a, .beta = unit->beta_a};
    struct pool_job j = {.simd = net->simd,
                         .blocks = pool_blocks(r.n, next->h * next->w),
                         .stats = stats_for(p, &norm, r),
                         .x = net->buffers.root,
                         .y = y,
                         .h = arch_conv_out(root->h, root->k, root->stride),
                         .w = arch_conv_out(root->w, root->k, root->stride)};
    run_layer(p, root, r,
              &(struct step){.x = p->images + r.first * net->h * net->w * root->cin,
                             .y = net->buffers.root});
    j.stats.c = root->cout;
    j.stats.pixels = j.blocks.units;
    j.stats.parts = j.blocks.parts;
    stats_begin(&j.stats, r.n, j.blocks.parts);
    crew_run(&net->crew, j.blocks.count, pool_item, &j);
}

/* --- blocks --- */
/* One unit: s->x -> s->y, which are the same but for the block's first unit; l: its first layer. */
static void run_unit(const struct pass *p, const struct bit_unit *u, const struct layer *l,
                     struct range r, const struct step *s)
{
    const struct buffers *b = &p->net->buffers;
    struct step conv_a = {.x = s->x,
                          .affine = s->affine,
                          .y = b->inner[0],
                          .next_affine = b->inner_affine[0],
                          .gamma = u->gamma_b,
                          .beta = u->beta_b};
    struct step conv_b = {.x = b->inner[0],
                          .affine = b->inner_affine[0],
                          .y = b->inner[1],
                          .next_affine = b->inner_affine[1],
                          .gamma = u->gamma_c,
                          .beta = u->beta_c};
    struct step conv_c = {.x = b->inner[1],
                          .affine = b->inner_affine[1],
                          .add = s->y,
                          .y = s->y,
                          .next_affine = s->next_affine,
                          .gamma = s->gamma,
                          .beta = s->beta};
    if (u->proj) {
        run_layer(p, l++, r, &(struct step){.x = s->x, .affine = s->affine, .y = s->y});
    }
    run_layer(p, &l[0], r, &conv_a);
    run_layer(p, &l[1], r, &conv_b);
    run_layer(p, &l[2], r, &conv_c);
}

/* Block b's units on images whose input is ready, -> y with the norm of what follows. */
static void run_units(const struct pass *p, size_t b, struct range r, float *y, float *affine)
{
    const struct cpu_net *net = p->net;
    const struct buffers *buf = &net->buffers;
    const struct stage *st = &net->stages[b];
    const struct layer *l = &net->layers[st->first_layer];
    struct step s = {.x = buf->input[b], .affine = buf->affine[b], .y = y};
    for (size_t i = 0; i < st->n_units && !atomic_load(&note_interrupted); i++) {
        const struct bit_unit *u = &net->bit.units[st->first_unit + i];
        bool end = st->first_unit + i + 1 == net->bit.n_units;
        s.gamma = end ? net->bit.gamma : u[1].gamma_a;
        s.beta = end ? net->bit.beta : u[1].beta_a;
        s.next_affine = i + 1 == st->n_units ? affine : buf->x_affine;
        run_unit(p, u, l, r, &s);
        l += u->proj ? 4 : 3;
        s.x = y;
        s.affine = buf->x_affine;
    }
}

/* Makes the input of block b (b == ARCH_BLOCKS: the network's output) for r, at most
 * stages[b].images images. Ends after ARCH_BLOCKS calls of itself. */
static void make_input(const struct pass *p, size_t b, struct range r)
{
    const struct cpu_net *net = p->net;
    const struct stage *st = &net->stages[b];
    size_t most = b ? net->stages[b - 1].images : r.n, parts = (r.n + most - 1) / most;
    for (size_t i = 0; i < parts; i++) {
        size_t first = r.n * i / parts;
        struct range part = {r.first + first, r.n * (i + 1) / parts - first};
        float *y = net->buffers.input[b] + first * st->floats;
        float *affine = net->buffers.affine[b] + stats_affine(first, st->c);
        if (b) {
            make_input(p, b - 1, part);
            run_units(p, b - 1, part, y, affine);
        } else {
            run_root(p, part, y, affine);
        }
    }
}

/* --- features --- */
static void average_item(void *ctx, size_t item, size_t worker)
{
    const struct pass *p = ctx;
    const struct stage *st = &p->net->stages[ARCH_BLOCKS];
    struct simd_average a = {.x = p->net->buffers.input[ARCH_BLOCKS] + item * st->floats,
                             .rows = st->floats / st->c,
                             .c = st->c,
                             .affine =
                                 stats_affine_at(p->net->buffers.affine[ARCH_BLOCKS], item, st->c),
                             .y = p->features + item * st->c};
    (void)worker;
    p->net->simd->average(&a);
}

void cpu_net_forward(struct cpu_net *net, const float *images, size_t n, float *features,
                     atomic_size_t *bad)
{
    struct pass p = {.net = net, .images = images, .features = features, .bad = bad};
    crew_run(&net->crew, n, check_item, &p);
    make_input(&p, ARCH_BLOCKS, (struct range){0, n});
    if (!atomic_load(&note_interrupted)) {
        crew_run(&net->crew, n, average_item, &p);
    }
}
