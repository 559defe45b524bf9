/* The two passes of training on the cpu engine, layer by layer over all images in flight, as
 * models/bit_kept.c and models/bit_backward.c have them. Forward, a layer leaves the norm of its
 * output, which the next one applies while packing; backward, a layer gives the gradient of its
 * weights, then that of its input, which the norm before it takes further. */
#include "models/cpu/train.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "harness/base/note.h"
#include "models/cpu/backward.h"
#include "models/model.h"

static bool stopped(void)
{
    return atomic_load(&note_interrupted);
}

/* --- forward --- */
/* A layer's input with its norm (NULL: none), what is added, its output and the norm that is to be
 * made of that (NULL: none). */
struct step {
    const struct layer *layer;
    const float *x, *affine, *add;
    float *y;
    const struct train_norm *norm;
    const float *gamma, *beta;
};

struct pass {
    const struct cpu_train *t;
    const float *images;
    size_t n;
    atomic_size_t bad; /* first image with a value that is not finite, or n */
};

static struct stats stats_for(struct pass *p, const struct train_norm *norm, const float *gamma,
                              const float *beta)
{
    return (struct stats){.sums = p->t->buffers.sums,
                          .left = p->t->buffers.left,
                          .gamma = gamma,
                          .beta = beta,
                          .affine = norm->affine,
                          .moments = norm->moments,
                          .bad = &p->bad};
}

static struct conv conv_of(const struct pass *p, const struct layer *l)
{
    const struct train_buffers *b = &p->t->buffers;
    struct conv c = {.simd = p->t->net.simd,
                     .shape = {p->n, l->h, l->w, l->cin, l->cout, l->k, l->stride},
                     .winograd = l->winograd,
                     .strided = l->strided,
                     .weights = l->packed,
                     .scratch = b->scratch,
                     .scratch_floats = b->scratch_floats,
                     .spectrum = b->spectrum};
    conv_size(&c);
    return c;
}

static void run_layer(struct pass *p, const struct step *s)
{
    struct conv c = conv_of(p, s->layer);
    c.x = s->x;
    c.affine = s->affine;
    c.add = s->add;
    c.y = s->y;
    struct stats stats;
    if (s->norm) {
        stats = stats_for(p, s->norm, s->gamma, s->beta);
        stats.c = c.shape.cout;
        stats.pixels = c.oh * c.ow;
        stats.parts = conv_parts(&c);
        c.stats = &stats;
    }
    conv_run(&c, &p->t->net.crew);
}

enum { POOL_PIXELS = 448 };

struct pool_job {
    const struct cpu_train *t;
    struct blocks blocks;
    struct stats stats;
    size_t h, w; /* of the pool's input */
};

static void pool_item(void *ctx, size_t item, size_t worker)
{
    struct pool_job *j = ctx;
    const struct train_buffers *buffers = &j->t->buffers;
    struct block b = blocks_at(&j->blocks, item);
    size_t c = j->stats.c;
    (void)worker;
    for (size_t i = b.image; i < b.image + b.n_images; i++) {
        size_t at = (i * j->blocks.units + b.first) * c;
        double *sum = stats_at(&j->stats, i, b.part);
        float *y = j->t->units[0].x + at;
        const struct simd_pool_index pool = {.x = buffers->root + i * j->h * j->w * c,
                                             .y = y,
                                             .index = buffers->pool_index + at,
                                             .h = j->h,
                                             .w = j->w,
                                             .c = c,
                                             .first = b.first,
                                             .n = b.n};
        const struct simd_sums sums = {
            .x = y, .rows = b.n, .c = c, .ldx = c, .sum = sum, .square = sum + c};
        memset(sum, 0, 2 * c * sizeof *sum);
        j->t->net.simd->pool_index(&pool);
        j->t->net.simd->sums(&sums);
        stats_done(&j->stats, i);
    }
}

/* Images -> the first unit's input, with its norm. */
static void run_root(struct pass *p)
{
    const struct cpu_train *t = p->t;
    const struct layer *root = t->net.layers, *next = root + 1;
    const struct bit_unit *unit = &t->net.bit.units[0];
    struct pool_job j = {.t = t,
                         .blocks = blocks_cut(next->h * next->w, p->n, POOL_PIXELS),
                         .stats = stats_for(p, &t->units[0].norm_x, unit->gamma_a, unit->beta_a),
                         .h = arch_conv_out(root->h, root->k, root->stride),
                         .w = arch_conv_out(root->w, root->k, root->stride)};
    run_layer(p, &(struct step){.layer = root, .x = p->images, .y = t->buffers.root});
    j.stats.c = root->cout;
    j.stats.pixels = j.blocks.units;
    j.stats.parts = j.blocks.parts;
    stats_begin(&j.stats, p->n, j.blocks.parts);
    crew_run(&t->net.crew, j.blocks.count, pool_item, &j);
}

static void run_unit(struct pass *p, size_t i)
{
    const struct cpu_train *t = p->t;
    const struct train_unit *k = &t->units[i];
    const struct bit_unit *u = &t->net.bit.units[i];
    const struct layer *l = &t->net.layers[k->layer];
    bool end = i + 1 == t->n_units;
    float *y = end ? t->buffers.last : k[1].x;
    if (u->proj) {
        run_layer(p, &(struct step){
                         .layer = l - 1, .x = k->x, .affine = k->norm_x.affine, .y = y});
    }
    run_layer(p, &(struct step){.layer = l,
                                .x = k->x,
                                .affine = k->norm_x.affine,
                                .y = k->a,
                                .norm = &k->norm_a,
                                .gamma = u->gamma_b,
                                .beta = u->beta_b});
    run_layer(p, &(struct step){.layer = l + 1,
                                .x = k->a,
                                .affine = k->norm_a.affine,
                                .y = k->b,
                                .norm = &k->norm_b,
                                .gamma = u->gamma_c,
                                .beta = u->beta_c});
    run_layer(p, &(struct step){.layer = l + 2,
                                .x = k->b,
                                .affine = k->norm_b.affine,
                                .add = u->proj ? y : k->x,
                                .y = y,
                                .norm = end ? &t->buffers.last_norm : &k[1].norm_x,
                                .gamma = end ? t->net.bit.gamma : u[1].gamma_a,
                                .beta = end ? t->net.bit.beta : u[1].beta_a});
}

static const struct layer *last_layer(const struct cpu_train *t)
{
    return &t->net.layers[t->net.n_layers - 1];
}

static void average_item(void *ctx, size_t item, size_t worker)
{
    const struct pass *p = ctx;
    const struct train_buffers *b = &p->t->buffers;
    const struct layer *last = last_layer(p->t);
    size_t c = last->cout, pixels = last->h * last->w;
    const struct simd_average a = {.x = b->last + item * pixels * c,
                                   .rows = pixels,
                                   .c = c,
                                   .affine = stats_affine_at(b->last_norm.affine, item, c),
                                   .y = b->features + item * c};
    (void)worker;
    p->t->net.simd->average(&a);
}

void cpu_train_forward(struct cpu_train *t, const float *images, size_t n)
{
    struct pass p = {.t = t, .images = images, .n = n};
    assert(n <= t->micro);
    atomic_init(&p.bad, n);
    run_root(&p);
    for (size_t i = 0; i < t->n_units && !stopped(); i++) {
        run_unit(&p, i);
    }
    crew_run(&t->net.crew, n, average_item, &p);
    if (atomic_load(&p.bad) < n) { /* ReLU does not let NaN pass */
        t->buffers.features[atomic_load(&p.bad) * last_layer(t)->cout] = NAN;
    }
}

/* --- backward --- */
struct back {
    struct pass pass;
    const float *params;
    float *gradient;
};

static float *place(const struct back *b, const float *param)
{
    return b->gradient + (param - b->params);
}

/* The weights of a layer whose input x has the norm affine. */
static void layer_weights(const struct back *b, const struct layer *l, const float *x,
                          const float *affine, const float *dy)
{
    struct conv_weights w = {.conv = conv_of(&b->pass, l),
                             .dy = dy,
                             .dw = place(b, l->raw),
                             .spectrum = b->pass.t->buffers.spectrum};
    w.conv.x = x;
    w.conv.affine = affine;
    conv_weights_run(&w, &b->pass.t->net.crew);
}

static void layer_data(const struct back *b, const struct layer *l, const float *dy, bool add,
                       float *dx)
{
    const struct cpu_train *t = b->pass.t;
    struct conv c = conv_of(&b->pass, l);
    const struct conv_data d = {.simd = c.simd,
                                .forward = c.shape,
                                .winograd = l->winograd,
                                .add = add,
                                .weights = t->back[l - t->net.layers],
                                .dy = dy,
                                .dx = dx,
                                .scratch = c.scratch,
                                .scratch_floats = c.scratch_floats,
                                .spectrum = c.spectrum};
    conv_data_run(&d, &t->net.crew);
}

/* d becomes the gradient of x [n, pixels, c], on top of plus. */
static void norm(const struct back *b, const float *x, size_t pixels, size_t c,
                 const struct train_norm *norm, const float *gamma, const float *beta,
                 const float *plus, float *d)
{
    const struct cpu_train *t = b->pass.t;
    const struct norm_data back = {.simd = t->net.simd,
                                   .n = b->pass.n,
                                   .pixels = pixels,
                                   .c = c,
                                   .x = x,
                                   .affine = norm->affine,
                                   .moments = norm->moments,
                                   .gamma = gamma,
                                   .plus = plus,
                                   .d = d,
                                   .d_gamma = place(b, gamma),
                                   .d_beta = place(b, beta),
                                   .sums = t->buffers.sums,
                                   .slopes = t->buffers.slopes,
                                   .left = t->buffers.left};
    norm_data_run(&back, &t->net.crew);
}

static void back_unit(const struct back *b, size_t i)
{
    const struct cpu_train *t = b->pass.t;
    const struct train_buffers *f = &t->buffers;
    const struct train_unit *k = &t->units[i];
    const struct bit_unit *u = &t->net.bit.units[i];
    const struct layer *conv_a = &t->net.layers[k->layer], *conv_b = conv_a + 1;
    const struct layer *conv_c = conv_b + 1, *proj = u->proj ? conv_a - 1 : NULL;
    size_t in = conv_a->h * conv_a->w, out = conv_c->h * conv_c->w;

    layer_weights(b, conv_c, k->b, k->norm_b.affine, f->d_out);
    layer_data(b, conv_c, f->d_out, false, f->d_b);
    norm(b, k->b, out, conv_c->cin, &k->norm_b, u->gamma_c, u->beta_c, NULL, f->d_b);
    layer_weights(b, conv_b, k->a, k->norm_a.affine, f->d_b);
    layer_data(b, conv_b, f->d_b, false, f->d_a);
    norm(b, k->a, in, conv_b->cin, &k->norm_a, u->gamma_b, u->beta_b, NULL, f->d_a);
    layer_weights(b, conv_a, k->x, k->norm_x.affine, f->d_a);
    layer_data(b, conv_a, f->d_a, false, f->d_in);
    if (proj) {
        layer_weights(b, proj, k->x, k->norm_x.affine, f->d_out);
        layer_data(b, proj, f->d_out, true, f->d_in);
    }
    norm(b, k->x, in, conv_a->cin, &k->norm_x, u->gamma_a, u->beta_a, proj ? NULL : f->d_out,
         f->d_in);
}

/* The mean over the pixels: an image of d_out. */
static void spread_item(void *ctx, size_t item, size_t worker)
{
    const struct pass *p = ctx;
    const struct train_buffers *b = &p->t->buffers;
    const struct layer *last = last_layer(p->t);
    size_t c = last->cout, pixels = last->h * last->w;
    const float *d = b->d_features + item * c;
    float *to = b->d_out + item * pixels * c;
    (void)worker;
    for (size_t i = 0; i < pixels; i++) {
        for (size_t k = 0; k < c; k++) {
            to[i * c + k] = d[k] / (float)pixels;
        }
    }
}

enum { POOL_ROWS = 8 };

/* Some rows of the root's output. */
static void pool_back_item(void *ctx, size_t item, size_t worker)
{
    const struct pass *p = ctx;
    const struct train_buffers *b = &p->t->buffers;
    const struct layer *root = p->t->net.layers, *next = root + 1;
    size_t h = arch_conv_out(root->h, root->k, root->stride), c = root->cout;
    size_t w = arch_conv_out(root->w, root->k, root->stride);
    size_t pieces = (h + POOL_ROWS - 1) / POOL_ROWS, image = item / pieces;
    size_t pooled = image * next->h * next->w * c, first = item % pieces * POOL_ROWS;
    const struct simd_pool_back back = {.dy = b->d_out + pooled,
                                        .index = b->pool_index + pooled,
                                        .dx = b->root + image * h * w * c,
                                        .h = h,
                                        .w = w,
                                        .c = c,
                                        .first = first,
                                        .n = h - first < POOL_ROWS ? h - first : POOL_ROWS};
    (void)worker;
    p->t->net.simd->pool_back(&back);
}

void cpu_train_backward(struct cpu_train *t, const float *images, size_t n, const float *params,
                        float *gradient)
{
    struct back b = {.pass = {.t = t, .images = images, .n = n},
                     .params = params,
                     .gradient = gradient};
    const struct layer *root = t->net.layers, *last = last_layer(t);
    const struct bit_net *bit = &t->net.bit;
    struct train_buffers *f = &t->buffers;
    crew_run(&t->net.crew, n, spread_item, &b.pass);
    norm(&b, f->last, last->h * last->w, last->cout, &f->last_norm, bit->gamma, bit->beta, NULL,
         f->d_out);
    for (size_t i = t->n_units; i-- > 0 && !stopped();) {
        back_unit(&b, i);
        float *d = f->d_out;
        f->d_out = f->d_in;
        f->d_in = d;
    }
    size_t h = arch_conv_out(root->h, root->k, root->stride);
    crew_run(&t->net.crew, n * ((h + POOL_ROWS - 1) / POOL_ROWS), pool_back_item, &b.pass);
    layer_weights(&b, root, images, NULL, f->root);
}
