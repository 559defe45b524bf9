/* BiT's ResNet-v2 forward pass, top to bottom:
 *   root: 7x7 stride 2 convolution, zero-padded 3x3 stride 2 max pool
 *   every unit: a = relu(norm(x)); shortcut = proj ? conv1x1(a) : x
 *               y = conv1x1(relu(norm(conv3x3(relu(norm(conv1x1(a))))))) + shortcut
 *   relu(norm), mean over the pixels.
 * After google-research/big_transfer bit_pytorch/models.py (ResNetV2, PreActBottleneck). */
#include "models/bit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/base/arena.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/tensor.h"

/* Walks the table in its own order. */
struct cursor {
    const struct param *next;
    const float *params, *kernels;
};

static const float *take(struct cursor *c, enum param_kind kind)
{
    const struct param *p = c->next++;
    assert(p->kind == kind);
    return (kind == PARAM_KERNEL ? c->kernels : c->params) + p->offset;
}

static struct bit_unit take_unit(struct cursor *c, struct arch_unit shape)
{
    struct bit_unit u = {.shape = shape};
    u.gamma_a = take(c, PARAM_GAMMA);
    u.beta_a = take(c, PARAM_BETA);
    u.proj = shape.proj ? take(c, PARAM_KERNEL) : NULL;
    u.conv_a = take(c, PARAM_KERNEL);
    u.gamma_b = take(c, PARAM_GAMMA);
    u.beta_b = take(c, PARAM_BETA);
    u.conv_b = take(c, PARAM_KERNEL);
    u.gamma_c = take(c, PARAM_GAMMA);
    u.beta_c = take(c, PARAM_BETA);
    u.conv_c = take(c, PARAM_KERNEL);
    return u;
}

int bit_net_init(struct bit_net *net, const struct arch *a, const struct param_table *t,
                 size_t n_classes, const float *params, const float *kernels, struct err *e)
{
    *net = (struct bit_net){
        .arch = *a, .params = params, .kernels = kernels, .n_classes = n_classes};
    net->units =
        mem_take(a->depth[0] + a->depth[1] + a->depth[2] + a->depth[3], sizeof *net->units, e);
    if (!net->units) {
        return -1;
    }
    struct cursor c = {.next = t->params, .params = params, .kernels = kernels};
    net->root = take(&c, PARAM_KERNEL);
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t u = 0; u < a->depth[b]; u++) {
            net->units[net->n_units++] = take_unit(&c, arch_unit_at(a, b, u));
        }
    }
    net->gamma = take(&c, PARAM_GAMMA);
    net->beta = take(&c, PARAM_BETA);
    if (n_classes) {
        net->head = take(&c, PARAM_HEAD_KERNEL);
        net->bias = take(&c, PARAM_HEAD_BIAS);
    }
    assert(c.next == t->params + t->n);
    return 0;
}

void bit_net_release(struct bit_net *net)
{
    free(net->units);
    *net = (struct bit_net){0};
}

void bit_standardize(const struct param *p, double ws_eps, const float *params, float *kernels)
{
    assert(p->kind == PARAM_KERNEL);
    kernel_standardize(params + p->offset, p->n / p->dims[3], p->dims[3], ws_eps,
                       kernels + p->offset);
}

size_t bit_kernel_floats(const struct param_table *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct param *p = &t->params[i];
        n = p->kind == PARAM_KERNEL ? p->offset + p->n : n;
    }
    return n;
}

/* A side of the first block's input. */
static size_t after_root(size_t side)
{
    return arch_conv_out(arch_conv_out(side, 7, 2), 3, 2);
}

/* Groups are smallest in the first block, whose units and their insides have as many channels as
 * the root gives: with width 0.5 and one pixel a group is one value. */
void bit_warn_blind(const struct arch *a, const char *subject, size_t h, size_t w, bool *said)
{
    if (*said || after_root(h) * after_root(w) * arch_root_channels(a) != ARCH_GROUPS) {
        return;
    }
    size_t least = h > w ? h : w;
    while (after_root(least) == 1) {
        least++;
    }
    *said = true;
    note(NOTE_WARNING,
         "%s at %zu x %zu pixels: for tensor resnet/block1/unit01/a/group_norm/gamma a GroupNorm "
         "group is a single value; features and logits do not depend on the image; they do where a "
         "side has %zu pixels or more",
         subject, h, w, least);
}

/* --- scratch --- */
static void grow(size_t *most, size_t n)
{
    *most = n > *most ? n : *most;
}

/* Largest sizes in floats over the whole network. */
struct sizes {
    size_t unit, normed, inner, col, channels;
};

static void measure_unit(struct sizes *most, struct arch_unit u, struct bit_size z)
{
    struct conv_shape b = {z.n, z.h, z.w, u.mid, u.mid, 3, u.stride};
    struct conv_shape proj = {z.n, z.h, z.w, u.cin, u.cout, 1, u.stride};
    size_t before = z.n * z.h * z.w, after = z.n * conv_out_pixels(&b);
    grow(&most->unit, before * u.cin);
    grow(&most->unit, after * u.cout);
    grow(&most->normed, before * u.cin);
    grow(&most->normed, before * u.mid);
    grow(&most->inner, before * u.mid);
    grow(&most->col, conv_col_floats(&b));
    if (u.proj) {
        grow(&most->col, conv_col_floats(&proj));
    }
    grow(&most->channels, u.cout);
}

/* After a kernel of size k and a stride. */
static struct bit_size shrink(struct bit_size z, size_t k, size_t stride)
{
    return (struct bit_size){z.n, arch_conv_out(z.h, k, stride), arch_conv_out(z.w, k, stride)};
}

static struct sizes measure(const struct arch *a, struct bit_size z)
{
    struct conv_shape root = {z.n, z.h, z.w, 3, arch_root_channels(a), 7, 2};
    struct sizes most = {.inner = z.n * conv_out_pixels(&root) * root.cout,
                         .col = conv_col_floats(&root)};
    z = shrink(shrink(z, 7, 2), 3, 2);
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t i = 0; i < a->depth[b]; i++) {
            struct arch_unit u = arch_unit_at(a, b, i);
            measure_unit(&most, u, z);
            z = shrink(z, 3, u.stride);
        }
    }
    grow(&most.normed, z.n * z.h * z.w * arch_features(a));
    return most;
}

void bit_scratch_take(struct bit_scratch *s, struct arena *arena, const struct arch *a, size_t n,
                      size_t h, size_t w)
{
    struct sizes most = measure(a, (struct bit_size){n, h, w});
    s->x = arena_take(arena, most.unit * sizeof *s->x);
    s->y = arena_take(arena, most.unit * sizeof *s->y);
    s->normed = arena_take(arena, most.normed * sizeof *s->normed);
    s->inner = arena_take(arena, most.inner * sizeof *s->inner);
    s->col = arena_take(arena, most.col * sizeof *s->col);
    s->norm.sum = arena_take(arena, most.channels * sizeof *s->norm.sum);
    s->norm.mean = arena_take(arena, most.channels * sizeof *s->norm.mean);
    s->norm.centre = arena_take(arena, most.channels * sizeof *s->norm.centre);
    s->norm.scale = arena_take(arena, most.channels * sizeof *s->norm.scale);
    s->norm.shift = arena_take(arena, most.channels * sizeof *s->norm.shift);
}

/* --- the pass --- */
static void show(const struct bit_watch *watch, const char *name, float *data, struct bit_size z,
                 size_t c)
{
    if (watch) {
        struct tensor t = {.data = data, .n = z.n, .h = z.h, .w = z.w, .c = c};
        watch->see(watch->ctx, name, &t);
    }
}

void bit_unit_forward(const struct bit_unit *u, struct bit_size *size, struct bit_scratch *s)
{
    const struct arch_unit *k = &u->shape;
    struct bit_size in = *size, out = shrink(in, 3, k->stride);
    struct conv_shape a = {in.n, in.h, in.w, k->cin, k->mid, 1, 1};
    struct conv_shape b = {in.n, in.h, in.w, k->mid, k->mid, 3, k->stride};
    struct conv_shape c = {in.n, out.h, out.w, k->mid, k->cout, 1, 1};
    struct conv_shape proj = {in.n, in.h, in.w, k->cin, k->cout, 1, k->stride};
    size_t px = in.h * in.w, out_px = out.h * out.w;

    kernel_norm_relu(s->x, in.n, px, k->cin, u->gamma_a, u->beta_a, &s->norm, s->normed);
    if (u->proj) {
        kernel_conv(&proj, s->normed, u->proj, s->col, false, s->y);
        float *input = s->x;
        s->x = s->y; /* the shortcut, to which the last convolution adds */
        s->y = input;
    }
    kernel_conv(&a, s->normed, u->conv_a, s->col, false, s->inner);
    kernel_norm_relu(s->inner, in.n, px, k->mid, u->gamma_b, u->beta_b, &s->norm, s->normed);
    kernel_conv(&b, s->normed, u->conv_b, s->col, false, s->inner);
    kernel_norm_relu(s->inner, in.n, out_px, k->mid, u->gamma_c, u->beta_c, &s->norm, s->normed);
    kernel_conv(&c, s->normed, u->conv_c, s->col, true, s->x);
    *size = out;
}

void bit_forward(const struct bit_net *net, const float *images, struct bit_size z,
                 struct bit_scratch *s, const struct bit_watch *watch, float *features)
{
    struct conv_shape root = {z.n, z.h, z.w, 3, arch_root_channels(&net->arch), 7, 2};
    kernel_conv(&root, images, net->root, s->col, false, s->inner);
    z = shrink(z, 7, 2);
    show(watch, "root_conv", s->inner, z, root.cout);
    kernel_max_pool(s->inner, z.n, z.h, z.w, root.cout, s->x);
    z = shrink(z, 3, 2);
    show(watch, "root_pool", s->x, z, root.cout);
    const struct bit_unit *u = net->units;
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t i = 0; i < net->arch.depth[b]; i++, u++) {
            char name[32];
            snprintf(name, sizeof name, "block%zu_unit%02zu", b + 1, i + 1);
            bit_unit_forward(u, &z, s);
            show(watch, name, s->x, z, u->shape.cout);
        }
    }
    size_t c = arch_features(&net->arch), px = z.h * z.w;
    kernel_norm_relu(s->x, z.n, px, c, net->gamma, net->beta, &s->norm, s->normed);
    kernel_average_pool(s->normed, z.n, px, c, s->norm.sum, features);
}
