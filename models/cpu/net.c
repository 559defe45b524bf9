/* What the network needs: layers and their sizes, weights, buffers. */
#include "models/cpu/net.h"

#include <assert.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/cpu/pack.h"
#include "models/model.h"

/* --- layers --- */
static void add_layer(struct cpu_net *net, size_t k, size_t stride, size_t cin, size_t cout,
                      const float *raw)
{
    net->layers[net->n_layers++] =
        (struct layer){.k = k, .stride = stride, .cin = cin, .cout = cout, .raw = raw};
}

static void add_layers(struct cpu_net *net)
{
    const struct arch *a = &net->model->arch;
    const struct bit_unit *none = &(struct bit_unit){0};
    add_layer(net, 7, 2, 3, arch_root_channels(a), net->bit.root);
    size_t at = 0;
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t i = 0; i < a->depth[b]; i++, at++) {
            struct arch_unit u = arch_unit_at(a, b, i);
            const struct bit_unit *raw = net->bit.units ? &net->bit.units[at] : none;
            if (u.proj) {
                add_layer(net, 1, u.stride, u.cin, u.cout, raw->proj);
            }
            add_layer(net, 1, 1, u.cin, u.mid, raw->conv_a);
            add_layer(net, 3, u.stride, u.mid, u.mid, raw->conv_b);
            add_layer(net, 1, 1, u.mid, u.cout, raw->conv_c);
        }
    }
}

int cpu_net_init(struct cpu_net *net, const struct model *m, struct pool *pool, bool no_winograd,
                 struct err *e)
{
    const struct arch *a = &m->arch;
    size_t n = 1;
    *net = (struct cpu_net){
        .model = m, .simd = simd_choose(), .crew.pool = pool, .no_winograd = no_winograd};
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        n += 1 + 3 * a->depth[b];
    }
    net->layers = mem_take(n, sizeof *net->layers, e);
    if (!net->layers ||
        (m->params &&
         bit_net_init(&net->bit, a, &m->table, m->n_classes, m->params, m->params, e))) {
        cpu_net_release(net);
        return -1;
    }
    add_layers(net);
    assert(net->n_layers == n);
    return 0;
}

void cpu_net_forget(struct cpu_net *net)
{
    arena_close(&net->buffers.arena);
    for (size_t i = 0; i < net->n_layers; i++) {
        free(net->layers[i].packed);
        net->layers[i].packed = NULL;
    }
    net->h = net->w = 0;
}

void cpu_net_release(struct cpu_net *net)
{
    cpu_net_forget(net);
    free(net->layers);
    bit_net_release(&net->bit);
    *net = (struct cpu_net){0};
}

/* --- sizes --- */
static void grow(size_t *most, size_t n)
{
    *most = n > *most ? n : *most;
}

/* --- stages --- */
/* Bytes of a block's output that each thread has room for in its caches, its share of the last
 * level included. */
enum { STAGE_BYTES = 2560 * 1024 };

/* For n images and so many threads. */
static void set_stages(const struct cpu_net *net, size_t n, size_t threads,
                       struct stage stages[ARCH_BLOCKS + 1])
{
    const struct arch *a = &net->model->arch;
    size_t layer = 1, unit = 0;
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        const struct layer *first = &net->layers[layer];
        stages[b] = (struct stage){.first_layer = layer,
                                   .first_unit = unit,
                                   .n_units = a->depth[b],
                                   .floats = first->h * first->w * first->cin,
                                   .c = first->cin};
        layer += 1 + 3 * a->depth[b];
        unit += a->depth[b];
    }
    const struct layer *last = &net->layers[layer - 1];
    stages[ARCH_BLOCKS] = (struct stage){
        .images = n, .floats = last->h * last->w * last->cout, .c = last->cout};
    for (size_t b = ARCH_BLOCKS; b-- > 0;) {
        size_t all = stages[b + 1].images;
        size_t most = STAGE_BYTES * threads / (stages[b + 1].floats * sizeof(float));
        most = b == ARCH_BLOCKS - 1 || most > all ? all /* the last block has most of the weights */
               : most                             ? most
                                                  : 1;
        size_t parts = (all + most - 1) / most;
        stages[b].images = (all + parts - 1) / parts; /* parts of about equal size */
    }
}

size_t cpu_net_layer_images(const struct cpu_net *net, size_t layer, size_t n)
{
    struct stage stages[ARCH_BLOCKS + 1];
    size_t b = 0;
    set_stages(net, n, pool_size(net->crew.pool), stages);
    while (b + 1 < ARCH_BLOCKS && stages[b + 1].first_layer <= layer) {
        b++;
    }
    return stages[b].images;
}

/* Largest sizes over the network, in elements. */
struct sizes {
    size_t inner[2], affine, sums, spectrum, scratch;
};

static void measure_layer(struct sizes *most, const struct cpu_net *net, const struct layer *l,
                          size_t n)
{
    struct conv c = {.simd = net->simd,
                     .winograd = l->winograd,
                     .strided = l->strided,
                     .shape = {n, l->h, l->w, l->cin, l->cout, l->k, l->stride}};
    conv_size(&c);
    grow(&most->sums, stats_sums(n, conv_parts(&c), l->cout));
    grow(&most->affine, stats_affine(n, l->cout));
    grow(&most->spectrum, conv_spectrum(&c));
    grow(&most->scratch, conv_scratch(&c));
}

static size_t out_floats(const struct layer *l)
{
    return arch_conv_out(l->h, l->k, l->stride) * arch_conv_out(l->w, l->k, l->stride) * l->cout;
}

static struct sizes measure(const struct cpu_net *net, const struct stage *stages)
{
    const struct layer *root = &net->layers[0], *second = &net->layers[1];
    struct sizes most = {0};
    measure_layer(&most, net, root, stages[0].images);
    grow(&most.sums, cpu_net_pool_sums(stages[0].images, second->h * second->w, root->cout));
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        const struct layer *l = &net->layers[stages[b].first_layer];
        size_t n = stages[b].images;
        for (size_t i = 0; i < 1 + 3 * stages[b].n_units; i++, l++) {
            measure_layer(&most, net, l, n);
            if (i % 3 == 1) { /* after the projection a, b, c, a, b, c ... */
                grow(&most.inner[0], n * out_floats(l));
            } else if (i % 3 == 2) {
                grow(&most.inner[1], n * out_floats(l));
            }
        }
    }
    return most;
}

static float *take_floats(struct buffers *b, size_t n)
{
    return arena_take(&b->arena, n * sizeof(float));
}

static void take_buffers(const struct cpu_net *net, struct buffers *b, const struct stage *stages,
                         size_t threads)
{
    struct sizes s = measure(net, stages);
    b->root = take_floats(b, stages[0].images * out_floats(&net->layers[0]));
    for (size_t i = 0; i <= ARCH_BLOCKS; i++) {
        b->input[i] = take_floats(b, stages[i].images * stages[i].floats);
        b->affine[i] = take_floats(b, stats_affine(stages[i].images, stages[i].c));
    }
    for (size_t i = 0; i < 2; i++) {
        b->inner[i] = take_floats(b, s.inner[i]);
        b->inner_affine[i] = take_floats(b, s.affine);
    }
    b->x_affine = take_floats(b, s.affine);
    b->sums = arena_take(&b->arena, s.sums * sizeof *b->sums);
    b->left = arena_take(&b->arena, stages[ARCH_BLOCKS].images * sizeof *b->left);
    b->spectrum = take_floats(b, s.spectrum);
    b->scratch_floats = s.scratch;
    b->scratch = take_floats(b, threads * s.scratch);
}

size_t cpu_net_buffer_bytes(const struct cpu_net *net, size_t n, size_t threads)
{
    struct buffers b;
    struct stage stages[ARCH_BLOCKS + 1];
    arena_plan(&b.arena);
    set_stages(net, n, threads ? threads : 1, stages);
    take_buffers(net, &b, stages, threads);
    return b.arena.peak;
}

/* --- weights --- */
static struct pack packing(const struct cpu_net *net, const struct layer *l)
{
    return (struct pack){.simd = net->simd,
                         .w = l->raw,
                         .k = l->k,
                         .cin = l->cin,
                         .cout = l->cout,
                         .ws_eps = net->model->ws_eps};
}

size_t cpu_net_model_bytes(const struct cpu_net *net)
{
    const struct param_table *t = &net->model->table;
    return (t->n_floats - (net->model->spent ? bit_kernel_floats(t) : 0)) * sizeof(float);
}

static size_t layer_bytes(const struct cpu_net *net, const struct layer *l)
{
    struct pack p = packing(net, l);
    return pack_floats(&p) * sizeof(float);
}

size_t cpu_net_weight_bytes(const struct cpu_net *net)
{
    size_t bytes = 0;
    for (size_t i = 0; i < net->n_layers; i++) {
        bytes += layer_bytes(net, &net->layers[i]);
    }
    return bytes;
}

size_t cpu_net_largest_bytes(const struct cpu_net *net)
{
    size_t bytes = 0;
    for (size_t i = 0; i < net->n_layers; i++) {
        grow(&bytes, layer_bytes(net, &net->layers[i]));
    }
    return bytes;
}

/* Sizes of all layers' inputs for images of h x w. */
static void set_sizes(struct cpu_net *net, size_t h, size_t w)
{
    const struct arch *a = &net->model->arch;
    struct layer *l = net->layers;
    l->h = h;
    l->w = w;
    h = arch_conv_out(arch_conv_out(h, 7, 2), 3, 2);
    w = arch_conv_out(arch_conv_out(w, 7, 2), 3, 2);
    l++;
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t i = 0; i < a->depth[b]; i++) {
            size_t stride = arch_unit_at(a, b, i).stride;
            for (size_t k = i ? 1 : 0; k < 4; k++, l++) { /* the first unit has a projection */
                l->h = k < 3 ? h : arch_conv_out(h, 3, stride);
                l->w = k < 3 ? w : arch_conv_out(w, 3, stride);
            }
            h = arch_conv_out(h, 3, stride);
            w = arch_conv_out(w, 3, stride);
        }
    }
}

void cpu_net_choose(struct cpu_net *net, size_t h, size_t w)
{
    set_sizes(net, h, w);
    for (size_t i = 0; i < net->n_layers; i++) {
        struct layer *l = &net->layers[i];
        struct conv_shape s = {1, l->h, l->w, l->cin, l->cout, l->k, l->stride};
        l->winograd = !net->no_winograd && conv_prefers_winograd(&s);
        l->strided = !net->no_winograd && conv_prefers_strided(&s);
    }
}

/* --- making ready --- */
static int pack_layer(struct cpu_net *net, struct layer *l, struct err *e)
{
    struct pack p = packing(net, l);
    l->packed = mem_take_raw(pack_floats(&p), sizeof *l->packed, e);
    if (!l->packed) {
        return -1;
    }
    pack_run(&p, l->packed, net->crew.pool);
    return 0;
}

/* Packs what is not yet packed. */
static int prepare_weights(struct cpu_net *net, struct err *e)
{
    for (size_t i = 0; i < net->n_layers; i++) {
        if (!net->layers[i].packed && pack_layer(net, &net->layers[i], e)) {
            return -1;
        }
    }
    return 0;
}

int cpu_net_take_kernels(struct cpu_net *net, struct model *m, struct err *e)
{
    assert(net->model == m);
    m->spent = true;
    for (size_t i = 0; i < net->n_layers; i++) {
        struct layer *l = &net->layers[i];
        if (pack_layer(net, l, e)) {
            return -1;
        }
        mem_give_back(m->params + (l->raw - m->params),
                      l->k * l->k * l->cin * l->cout * sizeof(float));
    }
    return 0;
}

/* As many pixels as eight images of 224 x 224 have. More would be no faster. */
size_t cpu_net_group(size_t n, size_t h, size_t w)
{
    enum { PIXELS = 8 * 224 * 224,
           MOST = 256 };
    size_t group = (PIXELS + h * w - 1) / (h * w);
    group = group < MOST ? group : MOST;
    return n < group ? n : group;
}

static size_t all_bytes(const struct cpu_net *net, size_t n, size_t threads)
{
    return cpu_net_model_bytes(net) + net->held + cpu_net_weight_bytes(net) +
           cpu_net_buffer_bytes(net, n, threads);
}

/* As many threads, then as many images up to wanted, as fit the limit. */
static int choose_group(struct cpu_net *net, size_t wanted, size_t *group, struct err *e)
{
    size_t limit = mem_limit(), least = all_bytes(net, 1, 1);
    net->crew.size = pool_size(net->crew.pool);
    *group = wanted;
    if (!limit) {
        return 0;
    }
    if (least > limit) {
        char need[16], have[16], image[16];
        return err_set(e, ERR_LIMIT,
                       "%s at %zu x %zu pixels: one image and one thread need %s (%s of it beside "
                       "the weights), the memory limit is %s",
                       net->model->subject, net->layers->h, net->layers->w, str_bytes(need, least),
                       str_bytes(image, cpu_net_buffer_bytes(net, 1, 1)), str_bytes(have, limit));
    }
    while (net->crew.size > 1 && all_bytes(net, 1, net->crew.size) > limit) {
        net->crew.size--;
    }
    while (*group > 1 && all_bytes(net, *group, net->crew.size) > limit) {
        --*group;
    }
    return 0;
}

int cpu_net_plan(struct cpu_net *net, size_t n, size_t h, size_t w, struct err *e)
{
    size_t wanted = cpu_net_group(n, h, w), group;
    bool same = net->h == h && net->w == w;
    if (same && net->group >= wanted) {
        return 0;
    }
    arena_close(&net->buffers.arena);
    net->h = net->w = 0;
    if (!same) {
        cpu_net_choose(net, h, w);
    }
    if (choose_group(net, wanted, &group, e) || prepare_weights(net, e)) {
        return -1;
    }
    size_t bytes = cpu_net_buffer_bytes(net, group, net->crew.size);
    if (arena_open(&net->buffers.arena, bytes, e)) {
        return -1;
    }
    set_stages(net, group, net->crew.size, net->stages);
    take_buffers(net, &net->buffers, net->stages, net->crew.size);
    net->h = h;
    net->w = w;
    net->group = group;
    return 0;
}
