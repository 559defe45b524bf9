/* The layers of the cpu engine, forward and backward, on the inputs of a reference file: on every
 * instruction set, and 3x3 convolutions both directly and by Winograd, at every size. Layers whose
 * channels are no multiple of 32 do not occur there. */
#ifndef BITBENCH_TESTS_PARITY_LAYERS_CPU_H
#define BITBENCH_TESTS_PARITY_LAYERS_CPU_H

#include "harness/base/cpu.h"
#include "models/cpu/backward.h"
#include "models/cpu/crew.h"
#include "tests/parity/layers_backward.h"

/* Winograd's largest error is 1.8e-5 of an output's standard deviation for 512 channels
 * (harness/doc/adr/0008), and the largest output here is some 3 of these. */
static const double winograd_bound = 1e-5;

struct layer_cpu {
    const struct layer *l;
    const struct simd *simd;
    bool winograd;
    struct crew crew;
};

static inline void check_cpu(const struct layer_cpu *c, const char *name, float *have, size_t n,
                             double bound)
{
    char what[2 * KEY];
    snprintf(what, sizeof what, "layer %s (cpu %s%s): %s", c->l->name, c->simd->isa,
             c->winograd ? ", Winograd" : "", name);
    struct array truth = array_member(c->l->z, name);
    check_error(what, relative(have, n, &truth), bound);
    array_free(&truth);
    free(have);
}

static inline void cpu_conv(const struct layer_cpu *c)
{
    const struct layer *l = c->l;
    const bool root = l->cin == 3;
    struct conv_shape shape = {l->n, l->h, l->w, l->cin, l->cout, l->k, l->stride};
    struct array w = array_member(l->z, "w");
    float *x = layer_vector(l, "x"), *dy = layer_vector(l, "dy");
    struct pack_pair pack = {.simd = c->simd,
                             .w = w.f32,
                             .k = l->k,
                             .stride = l->stride,
                             .cin = l->cin,
                             .cout = l->cout,
                             .ws_eps = l->eps};
    pack.forward = take(pack_pair_floats(&pack), sizeof(float));
    pack.back = root ? NULL : take(pack_pair_floats(&pack), sizeof(float));
    for (size_t i = 0; i < pack_pair_items(&pack); i++) {
        pack_pair_item(&pack, i);
    }
    struct conv_weights back = {.conv = {.simd = c->simd,
                                         .shape = shape,
                                         .winograd = c->winograd && l->stride == 1,
                                         .strided = c->winograd && l->stride == 2,
                                         .weights = pack.forward,
                                         .x = x},
                                .dy = dy};
    struct conv *conv = &back.conv;
    conv_size(conv);
    struct conv_data data = {.simd = c->simd,
                             .forward = shape,
                             .winograd = conv->winograd,
                             .weights = pack.back,
                             .dy = dy};
    size_t n_y = l->n * conv->oh * conv->ow * l->cout, n_x = l->n * l->h * l->w * l->cin;
    double bound = c->winograd ? winograd_bound : l->bound;
    conv->y = take(n_y, sizeof *conv->y);
    conv->scratch = take(conv_scratch(conv), sizeof(float));
    conv->spectrum = take(conv_spectrum(conv), sizeof(float));
    conv_run(conv, &c->crew);
    check_cpu(c, "y", conv->y, n_y, bound);
    free(conv->scratch);
    free(conv->spectrum);
    if (!root) {
        data.dx = take(n_x, sizeof *data.dx);
        data.scratch = take(conv_data_scratch(&data), sizeof(float));
        data.spectrum = take(conv_data_spectrum(&data), sizeof(float));
        conv_data_run(&data, &c->crew);
        check_cpu(c, "d_x", data.dx, n_x, bound);
        free(data.scratch);
        free(data.spectrum);
    }
    back.dw = take(w.head.n, sizeof *back.dw);
    conv->scratch = take(conv_weights_scratch(&back), sizeof(float));
    back.spectrum = take(conv_weights_spectrum(&back), sizeof(float));
    conv_weights_run(&back, &c->crew);
    c->simd->train.standardize_backward(w.f32, w.head.n / l->cout, l->cout, l->cout, l->eps,
                                        back.dw);
    check_cpu(c, "d_w", back.dw, w.head.n, bound);
    float *owned[] = {conv->scratch, back.spectrum, pack.forward, pack.back, x, dy};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(owned[i]);
    }
    array_free(&w);
}

static inline void cpu_ws(const struct layer_cpu *c)
{
    const struct layer *l = c->l;
    size_t rows = l->k * l->k * l->cin, n = rows * l->cout;
    float *w = layer_vector(l, "w"), *d = layer_vector(l, "dy"), *y = take(n, sizeof *y);
    const struct simd_standardize s = {.w = w,
                                       .out = y,
                                       .rows = rows,
                                       .c = l->cout,
                                       .ldw = l->cout,
                                       .ldout = l->cout,
                                       .eps = l->eps};
    c->simd->standardize(&s);
    check_cpu(c, "y", y, n, l->bound);
    c->simd->train.standardize_backward(w, rows, l->cout, l->cout, l->eps, d);
    check_cpu(c, "d_w", d, n, l->bound);
    free(w);
}

static inline void cpu_maxpool(const struct layer_cpu *c)
{
    const struct layer *l = c->l;
    size_t oh = arch_conv_out(l->h, 3, 2), ow = arch_conv_out(l->w, 3, 2), k = l->cin;
    size_t n_y = oh * ow * k, n_x = l->h * l->w * k;
    float *x = layer_vector(l, "x"), *dy = layer_vector(l, "dy");
    float *y = take(l->n * n_y, sizeof *y), *plain = take(n_y, sizeof *y);
    float *dx = take(l->n * n_x, sizeof *dx);
    unsigned char *index = take(n_y, 1);
    bool same = true;
    for (size_t i = 0; i < l->n; i++) {
        const struct simd_max_pool pool = {
            .x = x + i * n_x, .y = plain, .h = l->h, .w = l->w, .c = k, .n = oh * ow};
        const struct simd_pool_index indexed = {.x = x + i * n_x,
                                                .y = y + i * n_y,
                                                .index = index,
                                                .h = l->h,
                                                .w = l->w,
                                                .c = k,
                                                .n = oh * ow};
        const struct simd_pool_back back = {.dy = dy + i * n_y,
                                            .index = index,
                                            .dx = dx + i * n_x,
                                            .h = l->h,
                                            .w = l->w,
                                            .c = k,
                                            .n = l->h};
        c->simd->max_pool(&pool);
        c->simd->pool_index(&indexed);
        c->simd->pool_back(&back);
        same &= !memcmp(plain, y + i * n_y, n_y * sizeof *y);
    }
    check(same, "layer %s (cpu %s): the same with an index", l->name, c->simd->isa);
    check_cpu(c, "y", y, l->n * n_y, l->bound);
    check_cpu(c, "d_x", dx, l->n * n_x, l->bound);
    free(x);
    free(dy);
    free(plain);
    free(index);
}

static inline void cpu_gn_relu(const struct layer_cpu *c)
{
    const struct layer *l = c->l;
    size_t px = l->h * l->w, k = l->cin, floats = l->n * px * k;
    float *x = layer_vector(l, "x"), *g = layer_vector(l, "gamma"), *b = layer_vector(l, "beta");
    float *y = take(floats, sizeof *y), *dy = layer_vector(l, "dy");
    float *affine = take(stats_affine(l->n, k), sizeof *affine);
    double *moments = take(l->n * NORM_STATS, sizeof *moments);
    double *sums = take(norm_data_sums(l->n, px, k) + stats_sums(l->n, 1, k), sizeof *sums);
    atomic_size_t *left = take(l->n, sizeof *left), bad;
    struct stats s = {.c = k,
                      .pixels = px,
                      .parts = 1,
                      .sums = sums,
                      .left = left,
                      .gamma = g,
                      .beta = b,
                      .affine = affine,
                      .moments = moments,
                      .bad = &bad};
    atomic_init(&bad, l->n);
    stats_begin(&s, l->n, 1);
    for (size_t i = 0; i < l->n; i++) {
        double *sum = stats_at(&s, i, 0);
        const float *image = x + i * px * k;
        const struct simd_sums add = {
            .x = image, .rows = px, .c = k, .ldx = k, .sum = sum, .square = sum + k};
        c->simd->sums(&add);
        stats_done(&s, i);
        const struct simd_norm norm = {.x = image,
                                       .y = y + i * px * k,
                                       .rows = px,
                                       .c = k,
                                       .ldx = k,
                                       .ldy = k,
                                       .affine = stats_affine_at(affine, i, k)};
        c->simd->norm(&norm);
    }
    check_cpu(c, "y", y, floats, l->bound);
    const struct norm_data back = {.simd = c->simd,
                                   .n = l->n,
                                   .pixels = px,
                                   .c = k,
                                   .x = x,
                                   .affine = affine,
                                   .moments = moments,
                                   .gamma = g,
                                   .d = dy,
                                   .d_gamma = take(k, sizeof(float)),
                                   .d_beta = take(k, sizeof(float)),
                                   .sums = sums,
                                   .slopes = take(l->n * 3 * k, sizeof(float)),
                                   .left = left};
    norm_data_run(&back, &c->crew);
    /* Of a group of two values little is left after taking off its mean (README.md). */
    bool pair = px * k == 2 * ARCH_GROUPS;
    check_cpu(c, "d_x", dy, floats, pair ? 2e-5 : l->bound);
    check_cpu(c, "d_gamma", back.d_gamma, k, l->bound);
    check_cpu(c, "d_beta", back.d_beta, k, l->bound);
    void *owned[] = {x, g, b, affine, moments, sums, left, back.slopes};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(owned[i]);
    }
}

/* The layer's op, if the cpu engine has it. */
static inline void check_layer_cpu(const struct layer *l, const char *op)
{
    static const char *const isas[] = {"base", "avx2", "avx512"};
    static const struct {
        const char *name;
        void (*run)(const struct layer_cpu *c);
    } ops[] = {{"conv", cpu_conv},
               {"ws", cpu_ws},
               {"maxpool", cpu_maxpool},
               {"gn_relu", cpu_gn_relu}};
    bool conv = !strcmp(op, "conv"), weights = conv || !strcmp(op, "ws");
    bool other = (weights && l->cout % SIMD_CHANNELS) ||
                 (l->cin % SIMD_CHANNELS && !(weights && l->k == 7));
    for (size_t i = 0; i < ARRAY_LEN(ops) * ARRAY_LEN(isas) && !other; i++) {
        const char *isa = isas[i % ARRAY_LEN(isas)];
        size_t at = i / ARRAY_LEN(isas);
        if (strcmp(op, ops[at].name) || !cpu_has(isa) || !simd_find(isa)) {
            continue;
        }
        struct layer_cpu c = {.l = l, .simd = simd_find(isa), .crew = {.size = 1}};
        ops[at].run(&c);
        c.winograd = conv && l->k == 3;
        if (c.winograd) {
            ops[at].run(&c);
        }
    }
}

#endif
