/* bench kernels: each layer shape of a network alone, as the cpu engine runs it: GroupNorm and ReLU
 * on the input, the residual where there is one, sums for the next norm, and as many images at a
 * time, over the same memory, until the batch is full. Winograd's layers are counted with the
 * operations of the direct convolution, which leaves out what of the kernel sees only padding. The
 * peak is measured before each line, on all threads, with multiply-adds on registers. */
#include "harness/bench.h"
#include "harness/context.h"
#include "harness/base/arena.h"
#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "models/cpu/net.h"
#include "models/cpu/pack.h"
#include "models/engine.h"
#include "models/model.h"
#include <stdio.h>
#include <string.h>

/* --- one layer --- */

struct bench_layer {
    struct conv conv;
    struct stats stats;
    struct crew crew;
    size_t times;
    atomic_size_t bad;
    float *weights, *x, *affine, *y, *ones;
};

static float *take(struct arena *a, size_t n)
{
    return arena_take(a, n * sizeof(float));
}

static size_t weight_floats(const struct conv_shape *z)
{
    return z->k * z->k * z->cin * z->cout;
}

/* Everything the layer reads and writes; shape, simd, winograd and strided are set. */
static void take_layer(struct bench_layer *l, struct arena *a)
{
    struct conv *c = &l->conv;
    const struct conv_shape *z = &c->shape;
    conv_size(c);
    l->stats = (struct stats){.c = z->cout, .pixels = c->oh * c->ow, .parts = conv_parts(c)};
    c->weights = l->weights = take(a, weight_floats(z));
    c->x = l->x = take(a, z->n * z->h * z->w * z->cin);
    c->y = l->y = take(a, z->n * c->oh * c->ow * z->cout);
    l->affine = take(a, stats_affine(z->n, z->cin));
    l->ones = take(a, z->cout);
    l->stats.gamma = l->stats.beta = l->ones;
    l->stats.sums = arena_take(a, stats_sums(z->n, l->stats.parts, z->cout) * sizeof(double));
    l->stats.left = arena_take(a, z->n * sizeof *l->stats.left);
    l->stats.affine = take(a, stats_affine(z->n, z->cout));
    l->stats.bad = &l->bad;
    c->spectrum = take(a, conv_spectrum(c));
    c->scratch_floats = conv_scratch(c);
    c->scratch = take(a, l->crew.size * c->scratch_floats);
}

static void fill(float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)(2 * rng_unit(rng_splitmix(0, i)) - 1);
    }
}

static void fill_layer(struct bench_layer *l)
{
    struct conv *c = &l->conv;
    const struct conv_shape *z = &c->shape;
    fill(l->weights, weight_floats(z));
    fill(l->x, z->n * z->h * z->w * z->cin);
    memset(l->y, 0, z->n * c->oh * c->ow * z->cout * sizeof *l->y);
    for (size_t i = 0; i < stats_affine(z->n, z->cin); i++) {
        l->affine[i] = i / z->cin % 3 == 1; /* (x - 0) * 1 + 0 */
    }
    for (size_t i = 0; i < z->cout; i++) {
        l->ones[i] = 1;
    }
    atomic_init(&l->bad, z->n);
    if (z->k < 7) { /* the root has neither norm nor sums */
        c->affine = l->affine;
        c->stats = &l->stats;
        c->add = z->k == 1 && z->cout == 4 * z->cin ? l->y : NULL;
    }
}

/* The weights that see the image. */
static size_t used_weights(const struct conv_shape *z)
{
    return arch_conv_taps(z->h, z->k, z->stride) * arch_conv_taps(z->w, z->k, z->stride) * z->cin *
           z->cout;
}

/* Weights, input, output and residual, each once. */
static double layer_bytes(const struct bench_layer *l)
{
    const struct conv_shape *z = &l->conv.shape;
    size_t weights = used_weights(z);
    size_t in = z->n * z->h * z->w * z->cin, out = z->n * l->conv.oh * l->conv.ow * z->cout;
    return (double)((weights + in + (l->conv.add ? 2 : 1) * out) * sizeof(float));
}

static int run_layer(void *ctx, struct err *e)
{
    const struct bench_layer *l = ctx;
    (void)e;
    for (size_t i = 0; i < l->times; i++) {
        conv_run(&l->conv, &l->crew);
    }
    return 0;
}

static bool same_shape(const struct layer *a, const struct layer *b)
{
    return a->k == b->k && a->stride == b->stride && a->cin == b->cin && a->cout == b->cout &&
           a->h == b->h && a->w == b->w;
}

/* The i-th layer, if no earlier one is like it. */
static int bench_one(struct ctx *c, struct bench_args *a, const struct cpu_net *net, size_t i,
                     size_t batch, const char *point, struct err *e)
{
    const struct layer *z = &net->layers[i];
    size_t alike = 0, step = cpu_net_layer_images(net, i, batch);
    for (size_t k = 0; k < net->n_layers; k++) {
        if (same_shape(z, &net->layers[k])) {
            if (k < i) {
                return 0;
            }
            alike++;
        }
    }
    struct bench_layer l = {.conv = {.simd = net->simd,
                                     .winograd = z->winograd,
                                     .strided = z->strided,
                                     .shape = {step, z->h, z->w, z->cin, z->cout, z->k, z->stride}},
                            .crew = {.pool = c->pool, .size = pool_size(c->pool)},
                            .times = batch / step};
    struct arena arena;
    arena_plan(&arena);
    take_layer(&l, &arena);
    char shape[2 * BENCH_POINT];
    snprintf(shape, sizeof shape, "%s: %zux%zu/%zu %zu->%zu %zux%zu %zu images, %zu of them%s",
             point, z->k, z->k, z->stride, z->cin, z->cout, z->w, z->h, step, alike,
             z->winograd || z->strided ? ", Winograd" : "");
    if (arena_open(&arena, arena.peak, e)) {
        return err_wrap(e, "%s", shape);
    }
    take_layer(&l, &arena);
    fill_layer(&l);
    double flop = 2.0 * (double)(l.times * step * l.conv.oh * l.conv.ow) *
                  (double)used_weights(&l.conv.shape);
    struct bench_line line = {.what = "kernels",
                              .shape = shape,
                              .unit = "GFLOP",
                              .units = 1e-9 * flop,
                              .flop = flop,
                              .peak = bench_peak(c->pool),
                              .bytes = (double)l.times * layer_bytes(&l)};
    int status = bench_measure(c, a, &line, run_layer, &l, e);
    arena_close(&arena);
    return status;
}

int bench_kernels(struct ctx *c, struct bench_args *a, struct err *e)
{
    struct model *m = NULL;
    struct cpu_net net = {0};
    struct model_dirs where = context_model_dirs(c);
    size_t px = (size_t)(a->pp.crop ? a->pp.crop : BENCH_SIZE);
    size_t n = a->batch ? a->batch : BENCH_BATCH;
    char point[BENCH_POINT];
    int status = -1;
    if (c->engine == &engine_reference) {
        return err_set(e, ERR_USAGE, "engine %s has no layers to measure", c->engine->name);
    }
    if (model_open(&m, a->model ? a->model : "random:R50x1", &where, false, e)) {
        return -1;
    }
    if (m->kind != MODEL_BIT) {
        err_set(e, ERR_USAGE, "%s has no layers", m->subject);
        goto out;
    }
    if (cpu_net_init(&net, m, c->pool, c->engine == &engine_cpu_direct, e)) {
        goto out;
    }
    cpu_net_choose(&net, px, px);
    bench_point(point, c, m, px, n);
    status = 0;
    for (size_t i = 0; i < net.n_layers && status == 0; i++) {
        status = bench_one(c, a, &net, i, n, point, e);
    }
out:
    cpu_net_release(&net);
    model_close(m);
    return status;
}
