/* Training on the cpu engine: memory, and the packing of weights. */
#include "models/cpu/train.h"

#include <assert.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "models/cpu/backward.h"
#include "models/engine.h"
#include "models/model.h"

/* --- open and close --- */
int cpu_train_init(struct cpu_train *t, const struct model *m, struct pool *pool,
                   bool no_winograd, struct err *e)
{
    const struct arch *a = &m->arch;
    size_t n_units = a->depth[0] + a->depth[1] + a->depth[2] + a->depth[3], layer = 1;
    *t = (struct cpu_train){.stale = true, .n_units = n_units};
    if (cpu_net_init(&t->net, m, pool, no_winograd, e)) {
        return -1;
    }
    t->back = mem_take(t->net.n_layers, sizeof *t->back, e);
    t->units = mem_take(n_units, sizeof *t->units, e);
    if (!t->back || !t->units) {
        cpu_train_release(t);
        return -1;
    }
    for (size_t b = 0, at = 0; b < ARCH_BLOCKS; b++) {
        for (size_t i = 0; i < a->depth[b]; i++, at++) {
            layer += arch_unit_at(a, b, i).proj;
            t->units[at].layer = layer;
            layer += 3;
        }
    }
    return 0;
}

void cpu_train_forget(struct cpu_train *t)
{
    for (size_t i = 0; i < t->net.n_layers; i++) {
        t->net.layers[i].packed = NULL; /* the arena's */
    }
    arena_close(&t->packed);
    arena_close(&t->buffers.arena);
    t->micro = 0;
    t->stale = true;
}

void cpu_train_release(struct cpu_train *t)
{
    cpu_train_forget(t);
    cpu_net_release(&t->net);
    free(t->back);
    free(t->units);
    *t = (struct cpu_train){0};
}

void cpu_train_changed(struct cpu_train *t)
{
    t->stale = true;
}

/* --- weights --- */
static struct pack_pair pair_of(const struct cpu_train *t, size_t i)
{
    const struct layer *l = &t->net.layers[i];
    return (struct pack_pair){.simd = t->net.simd,
                              .w = l->raw,
                              .k = l->k,
                              .stride = l->stride,
                              .cin = l->cin,
                              .cout = l->cout,
                              .ws_eps = t->net.model->ws_eps,
                              .forward = l->packed,
                              .back = t->back[i]};
}

static void take_weights(struct cpu_train *t, struct arena *arena)
{
    for (size_t i = 0; i < t->net.n_layers; i++) {
        struct pack_pair p = pair_of(t, i);
        size_t bytes = pack_pair_floats(&p) * sizeof(float);
        t->net.layers[i].packed = arena_take(arena, bytes);
        t->back[i] = i ? arena_take(arena, bytes) : NULL; /* the root's input needs no gradient */
    }
}

/* The last layers, which are the largest, first. */
static void pack_item(void *ctx, size_t item, size_t worker)
{
    const struct cpu_train *t = ctx;
    size_t layer = t->net.n_layers;
    (void)worker;
    for (;;) {
        struct pack_pair p = pair_of(t, --layer);
        size_t items = pack_pair_items(&p);
        if (item < items) {
            pack_pair_item(&p, item);
            return;
        }
        item -= items;
    }
}

static void pack_all(struct cpu_train *t)
{
    size_t items = 0;
    for (size_t i = 0; i < t->net.n_layers; i++) {
        struct pack_pair p = pair_of(t, i);
        items += pack_pair_items(&p);
    }
    crew_run(&t->net.crew, items, pack_item, t);
    t->stale = false;
}

/* --- images in flight --- */
static void grow(size_t *most, size_t n)
{
    *most = n > *most ? n : *most;
}

static size_t pixels_in(const struct layer *l)
{
    return l->h * l->w;
}

static size_t pixels_out(const struct layer *l)
{
    return arch_conv_out(l->h, l->k, l->stride) * arch_conv_out(l->w, l->k, l->stride);
}

/* Largest sizes over the network, in elements. */
struct sizes {
    size_t unit, d_a, d_b, channels, sums, spectrum, scratch;
};

/* The forward pass of a layer, its weights' gradient, its input's. */
static void measure_layer(struct sizes *most, const struct cpu_net *net, const struct layer *l,
                          size_t n)
{
    struct conv_shape shape = {n, l->h, l->w, l->cin, l->cout, l->k, l->stride};
    struct conv_weights w = {
        .conv = {.simd = net->simd,
                 .winograd = l->winograd,
                 .strided = l->strided,
                 .shape = shape}};
    const struct conv_data d = {.simd = net->simd, .forward = shape, .winograd = l->winograd};
    conv_size(&w.conv);
    grow(&most->sums, stats_sums(n, conv_parts(&w.conv), l->cout));
    grow(&most->spectrum, conv_spectrum(&w.conv));
    grow(&most->scratch, conv_scratch(&w.conv));
    grow(&most->spectrum, conv_weights_spectrum(&w));
    grow(&most->scratch, conv_weights_scratch(&w));
    if (l != net->layers) {
        grow(&most->spectrum, conv_data_spectrum(&d));
        grow(&most->scratch, conv_data_scratch(&d));
        grow(&most->sums, norm_data_sums(n, pixels_in(l), l->cin));
    }
}

static struct train_norm take_norm(struct arena *arena, size_t n, size_t c)
{
    return (struct train_norm){.affine = arena_take(arena, stats_affine(n, c) * sizeof(float)),
                               .moments = arena_take(arena, n * NORM_STATS * sizeof(double))};
}

static void take_unit(const struct cpu_train *t, struct arena *arena, size_t n,
                      struct train_unit *u, struct sizes *most)
{
    const struct layer *a = &t->net.layers[u->layer], *b = a + 1, *c = b + 1;
    size_t in = n * pixels_in(a), out = n * pixels_out(b);
    u->x = arena_take(arena, in * a->cin * sizeof *u->x);
    u->a = arena_take(arena, in * a->cout * sizeof *u->a);
    u->b = arena_take(arena, out * b->cout * sizeof *u->b);
    u->norm_x = take_norm(arena, n, a->cin);
    u->norm_a = take_norm(arena, n, a->cout);
    u->norm_b = take_norm(arena, n, b->cout);
    grow(&most->unit, in * a->cin);
    grow(&most->unit, out * c->cout);
    grow(&most->d_a, in * a->cout);
    grow(&most->d_b, out * b->cout);
    grow(&most->channels, c->cout);
}

static float *take_floats(struct arena *arena, size_t n)
{
    return arena_take(arena, n * sizeof(float));
}

/* Layers' sizes and forms are set. */
static void take_buffers(struct cpu_train *t, struct train_buffers *b, size_t n, size_t threads)
{
    const struct cpu_net *net = &t->net;
    const struct layer *root = net->layers, *last = root + net->n_layers - 1;
    size_t c = last->cout, pixels = pixels_out(last), pooled = pixels_in(root + 1) * root->cout;
    struct sizes most = {0};
    for (size_t i = 0; i < net->n_layers; i++) {
        measure_layer(&most, net, &net->layers[i], n);
    }
    grow(&most.sums, cpu_net_pool_sums(n, pixels_in(root + 1), root->cout));
    grow(&most.sums, norm_data_sums(n, pixels, c));
    b->root = take_floats(&b->arena, n * pixels_out(root) * root->cout);
    b->pool_index = arena_take(&b->arena, n * pooled);
    for (size_t i = 0; i < t->n_units; i++) {
        take_unit(t, &b->arena, n, &t->units[i], &most);
    }
    b->last = take_floats(&b->arena, n * pixels * c);
    b->last_norm = take_norm(&b->arena, n, c);
    b->d_out = take_floats(&b->arena, most.unit);
    b->d_in = take_floats(&b->arena, most.unit);
    b->d_a = take_floats(&b->arena, most.d_a);
    b->d_b = take_floats(&b->arena, most.d_b);
    b->sums = arena_take(&b->arena, most.sums * sizeof *b->sums);
    b->slopes = take_floats(&b->arena, n * 3 * most.channels);
    b->left = arena_take(&b->arena, n * sizeof *b->left);
    b->spectrum = take_floats(&b->arena, most.spectrum);
    b->scratch_floats = most.scratch;
    b->scratch = take_floats(&b->arena, threads * most.scratch);
    b->features = take_floats(&b->arena, n * c);
    b->d_features = take_floats(&b->arena, n * c);
}

size_t cpu_train_weight_bytes(struct cpu_train *t)
{
    struct arena arena;
    assert(!t->micro);
    arena_plan(&arena);
    take_weights(t, &arena);
    return arena.peak;
}

size_t cpu_train_buffer_bytes(struct cpu_train *t, size_t micro, size_t h, size_t w,
                              size_t threads)
{
    struct train_buffers b;
    assert(!t->micro);
    cpu_net_choose(&t->net, h, w);
    arena_plan(&b.arena);
    take_buffers(t, &b, micro, threads);
    return b.arena.peak;
}

/* --- the plan --- */
struct wish {
    size_t h, w, micro, threads;
};

static size_t bytes_of(struct cpu_train *t, const struct wish *p)
{
    return cpu_train_weight_bytes(t) +
           cpu_train_buffer_bytes(t, p->micro, p->h, p->w, p->threads);
}

/* As many threads, then as many images, as fit what is left. */
static int fit(struct cpu_train *t, struct wish *p, size_t left, struct err *e)
{
    struct wish least = {p->h, p->w, TRAIN_GROUP, 1}, threads = least;
    size_t bytes = bytes_of(t, &least);
    if (bytes > left) {
        char need[16], have[16], all[16];
        return err_set(e, ERR_LIMIT,
                       "%s: training at %zu x %zu pixels, %d images at a time with one thread, "
                       "needs %s; the memory limit of %s leaves %s beside parameters, gradient "
                       "and velocity",
                       t->net.model->subject, p->h, p->w, TRAIN_GROUP, str_bytes(need, bytes),
                       str_bytes(all, mem_limit()), str_bytes(have, left));
    }
    for (threads.threads = p->threads; bytes_of(t, &threads) > left;) {
        threads.threads--;
    }
    p->threads = threads.threads;
    while (p->micro > TRAIN_GROUP && bytes_of(t, p) > left) {
        p->micro -= TRAIN_GROUP;
    }
    return 0;
}

/* Images that are fast to have in flight: more share the reading of the weights and the writing of
 * their gradient, fewer keep a layer's tensors in the cache. */
static size_t fast_micro(size_t h, size_t w)
{
    enum { PIXELS = 16 * 128 * 128 };
    size_t groups = PIXELS / (h * w * TRAIN_GROUP);
    groups = groups < 1 ? 1 : groups > 8 ? 8
                                         : groups;
    return groups * TRAIN_GROUP;
}

static int open_arenas(struct cpu_train *t, const struct wish *p, struct err *e)
{
    size_t weights = cpu_train_weight_bytes(t);
    size_t buffers = cpu_train_buffer_bytes(t, p->micro, p->h, p->w, p->threads);
    if (arena_open(&t->packed, weights, e) || arena_open(&t->buffers.arena, buffers, e)) {
        cpu_train_forget(t);
        return -1;
    }
    take_weights(t, &t->packed);
    take_buffers(t, &t->buffers, p->micro, p->threads);
    return 0;
}

int cpu_train_plan(struct cpu_train *t, size_t n, size_t h, size_t w, size_t micro, size_t held,
                   struct err *e)
{
    size_t all = (n + TRAIN_GROUP - 1) / TRAIN_GROUP * TRAIN_GROUP, limit = mem_limit();
    struct wish p = {h, w, micro ? micro : fast_micro(h, w), pool_size(t->net.crew.pool)};
    p.micro = p.micro < all ? p.micro : all;
    if (!t->micro || t->net.h != h || t->net.w != w || t->wanted < p.micro) {
        cpu_train_forget(t);
        t->wanted = p.micro;
        if ((limit && fit(t, &p, limit > held ? limit - held : 0, e)) || open_arenas(t, &p, e)) {
            return -1;
        }
        t->net.crew.size = p.threads;
        t->net.h = h;
        t->net.w = w;
        t->micro = p.micro;
    }
    if (t->stale) {
        pack_all(t);
    }
    return 0;
}
