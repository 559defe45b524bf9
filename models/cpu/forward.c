/* The forward pass on the cpu engine, layer by layer as models/bit.c has it. GroupNorm and ReLU are
 * never passes of their own: the layer that makes a tensor leaves sums, from which the last of its
 * pieces of work makes the affine form of the norm, and the layer that reads it applies that while
 * packing. A unit's last convolution adds to the shortcut in place. */
#include "models/cpu/net.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/note.h"
#include "harness/base/tensor.h"
#include "models/model.h"

/* Where the pass is. */
struct pass {
    struct cpu_net *net;
    size_t n, h, w; /* of the tensor made last */
    const struct layer *layer;
    float *x, *y; /* input of the unit; place for its output */
    float *affine, *affine_next;
    atomic_size_t *bad;
    const float *images;
    const struct bit_watch *watch;
    float *features;
};

static void show(const struct pass *p, const char *name, float *data, size_t c)
{
    if (p->watch) {
        struct tensor t = {.data = data, .n = p->n, .h = p->h, .w = p->w, .c = c};
        p->watch->see(p->watch->ctx, name, &t);
    }
}

/* The layer at hand on x, with the norm at hand; gamma not NULL: sums for the norm that follows. */
struct step {
    const float *x, *add;
    float *y;
    const float *gamma, *beta;
};

static struct stats stats_for(const struct pass *p, size_t c, size_t pixels, size_t parts)
{
    const struct buffers *b = &p->net->buffers;
    return (struct stats){.c = c,
                          .pixels = pixels,
                          .parts = parts,
                          .sums = b->sums,
                          .left = b->left,
                          .affine = p->affine_next,
                          .bad = p->bad};
}

static void swap(float **a, float **b)
{
    float *t = *a;
    *a = *b;
    *b = t;
}

static void run_layer(struct pass *p, const struct step *s)
{
    const struct layer *l = p->layer++;
    const struct buffers *b = &p->net->buffers;
    struct conv c = {.simd = p->net->simd,
                     .shape = {p->n, l->h, l->w, l->cin, l->cout, l->k, l->stride},
                     .winograd = l->winograd,
                     .weights = l->packed,
                     .x = s->x,
                     .affine = l->cin > 3 ? p->affine : NULL, /* images are not normalised */
                     .add = s->add,
                     .y = s->y,
                     .scratch = b->scratch,
                     .scratch_floats = b->scratch_floats,
                     .spectrum = b->spectrum};
    conv_size(&c);
    struct stats stats = stats_for(p, l->cout, c.oh * c.ow, conv_parts(&c));
    stats.gamma = s->gamma;
    stats.beta = s->beta;
    c.stats = s->gamma ? &stats : NULL;
    conv_run(&c, &p->net->crew);
    p->h = c.oh;
    p->w = c.ow;
    if (s->gamma) {
        swap(&p->affine, &p->affine_next);
    }
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
    size_t seen = atomic_load(p->bad);
    while (bad && item < seen && !atomic_compare_exchange_weak(p->bad, &seen, item)) {
    }
}

/* --- the root's pool --- */
struct pool_job {
    struct pass *p;
    struct blocks blocks;
    struct stats stats;
    const float *x;
    float *y;
    size_t h, w, c;
};

static void pool_item(void *ctx, size_t item, size_t worker)
{
    struct pool_job *j = ctx;
    const struct simd *simd = j->p->net->simd;
    struct block b = blocks_at(&j->blocks, item);
    (void)worker;
    for (size_t i = b.image; i < b.image + b.n_images; i++) {
        double *sum = stats_at(&j->stats, i, b.part);
        float *y = j->y + (i * j->blocks.units + b.first) * j->c;
        struct simd_max_pool pool = {.x = j->x + i * j->h * j->w * j->c,
                                     .y = y,
                                     .h = j->h,
                                     .w = j->w,
                                     .c = j->c,
                                     .first = b.first,
                                     .n = b.n};
        struct simd_sums sums = {
            .x = y, .rows = b.n, .c = j->c, .ldx = j->c, .sum = sum, .square = sum + j->c};
        memset(sum, 0, 2 * j->c * sizeof *sum);
        simd->max_pool(&pool);
        simd->sums(&sums);
        stats_done(&j->stats, i);
    }
}

enum { POOL_PIXELS = 448 };

static struct blocks pool_blocks(size_t n, size_t pixels)
{
    return blocks_cut(pixels, n, POOL_PIXELS);
}

/* x [n,h,w,c] -> y, with the first unit's norm. */
static void run_pool(struct pass *p, const float *x, float *y, size_t c)
{
    const struct bit_unit *first = p->net->bit.units;
    struct pool_job j = {.p = p, .x = x, .y = y, .h = p->h, .w = p->w, .c = c};
    p->h = arch_conv_out(p->h, 3, 2);
    p->w = arch_conv_out(p->w, 3, 2);
    j.blocks = pool_blocks(p->n, p->h * p->w);
    j.stats = stats_for(p, c, p->h * p->w, j.blocks.parts);
    j.stats.gamma = first->gamma_a;
    j.stats.beta = first->beta_a;
    stats_begin(&j.stats, p->n, j.blocks.parts);
    crew_run(&p->net->crew, j.blocks.count, pool_item, &j);
    swap(&p->affine, &p->affine_next);
}

size_t cpu_net_pool_sums(size_t n, size_t pixels, size_t c)
{
    return stats_sums(n, pool_blocks(n, pixels).parts, c);
}

/* --- units --- */
static void run_unit(struct pass *p, const struct bit_unit *u, const float *gamma_next,
                     const float *beta_next)
{
    float *const *inner = p->net->buffers.inner;
    float *out = p->x;
    if (u->shape.proj) {
        run_layer(p, &(struct step){.x = p->x, .y = p->y});
        out = p->y;
    }
    run_layer(p, &(struct step){
                     .x = p->x, .y = inner[0], .gamma = u->gamma_b, .beta = u->beta_b});
    run_layer(p, &(struct step){
                     .x = inner[0], .y = inner[1], .gamma = u->gamma_c, .beta = u->beta_c});
    run_layer(p, &(struct step){.x = inner[1],
                                .add = out,
                                .y = out,
                                .gamma = gamma_next,
                                .beta = beta_next});
    if (u->shape.proj) {
        swap(&p->x, &p->y);
    }
}

static void run_units(struct pass *p)
{
    const struct bit_net *bit = &p->net->bit;
    size_t in_block = 0, block = 0;
    for (size_t i = 0; i < bit->n_units && !atomic_load(&note_interrupted); i++) {
        bool last = i + 1 == bit->n_units;
        const struct bit_unit *u = &bit->units[i];
        run_unit(p, u, last ? bit->gamma : u[1].gamma_a, last ? bit->beta : u[1].beta_a);
        char name[32];
        snprintf(name, sizeof name, "block%zu_unit%02zu", block + 1, in_block + 1);
        show(p, name, p->x, u->shape.cout);
        if (++in_block == bit->arch.depth[block]) {
            in_block = 0;
            block++;
        }
    }
}

/* --- features --- */
static void average_item(void *ctx, size_t item, size_t worker)
{
    const struct pass *p = ctx;
    size_t c = arch_features(&p->net->model->arch), pixels = p->h * p->w;
    struct simd_average a = {.x = p->x + item * pixels * c,
                             .rows = pixels,
                             .c = c,
                             .affine = stats_affine_at(p->affine, item, c),
                             .y = p->features + item * c};
    (void)worker;
    p->net->simd->average(&a);
}

void cpu_net_forward(struct cpu_net *net, const float *images, size_t n,
                     const struct bit_watch *watch, float *features, atomic_size_t *bad)
{
    const struct buffers *b = &net->buffers;
    struct pass p = {.net = net,
                     .n = n,
                     .layer = net->layers,
                     .x = b->unit[0],
                     .y = b->unit[1],
                     .affine = b->affine[0],
                     .affine_next = b->affine[1],
                     .bad = bad,
                     .images = images,
                     .watch = watch,
                     .features = features};
    size_t root = net->layers[0].cout;
    crew_run(&net->crew, n, check_item, &p);
    run_layer(&p, &(struct step){.x = images, .y = p.y});
    show(&p, "root_conv", p.y, root);
    run_pool(&p, p.y, p.x, root);
    show(&p, "root_pool", p.x, root);
    run_units(&p);
    if (!atomic_load(&note_interrupted)) {
        crew_run(&net->crew, n, average_item, &p);
    }
}
