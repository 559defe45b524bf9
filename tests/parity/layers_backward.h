/* The gradients of one layer on the inputs and the output gradient of a reference file. */
#ifndef BITBENCH_TESTS_PARITY_LAYERS_BACKWARD_H
#define BITBENCH_TESTS_PARITY_LAYERS_BACKWARD_H

#include "harness/base/tensor.h"
#include "models/bit_backward_private.h"
#include "models/kernels/backward.h"
#include "models/loss.h"
#include "tests/parity/golden.h"

struct layer {
    const char *name;
    size_t n, h, w, cin, cout, k, stride;
    double eps, bound;
    const struct zip *z;
};

/* Standardised kernel of a layer. */
static inline float *layer_kernel(const struct layer *l, const char *name)
{
    struct array w = array_member(l->z, name);
    size_t cout = w.head.dims[w.head.n_dims - 1];
    float *out = take(w.head.n, sizeof *out);
    kernel_standardize(w.f32, w.head.n / cout, cout, l->eps, out);
    array_free(&w);
    return out;
}

static inline float *layer_vector(const struct layer *l, const char *name)
{
    struct array v = array_member(l->z, name);
    free(v.f64);
    return v.f32;
}

static inline struct norm_scratch norm_scratch_of(size_t c)
{
    return (struct norm_scratch){.sum = take(c, sizeof(double)),
                                 .mean = take(c, sizeof(double)),
                                 .centre = take(c, sizeof(float)),
                                 .scale = take(c, sizeof(float)),
                                 .shift = take(c, sizeof(float))};
}

static inline void norm_scratch_free(struct norm_scratch *s)
{
    free(s->sum);
    free(s->mean);
    free(s->centre);
    free(s->scale);
    free(s->shift);
}

/* Holds a gradient of n elements, which is freed, against d_NAME of the file. */
static inline void check_gradient(const struct layer *l, const char *name, float *have, size_t n,
                                  double bound)
{
    char key[KEY / 2], what[2 * KEY];
    snprintf(key, sizeof key, "d_%s", name);
    snprintf(what, sizeof what, "layer %s: %s", l->name, key);
    struct array truth = array_member(l->z, key);
    check_error(what, relative(have, n, &truth), bound);
    array_free(&truth);
    free(have);
}

static inline void back_conv(const struct layer *l)
{
    struct conv_shape s = {l->n, l->h, l->w, l->cin, l->cout, l->k, l->stride};
    struct array raw = array_member(l->z, "w");
    float *x = layer_vector(l, "x"), *dy = layer_vector(l, "dy"), *w = layer_kernel(l, "w");
    size_t n_x = l->n * l->h * l->w * l->cin, floats = conv_col_floats(&s);
    floats = floats > conv_gather_floats(&s) ? floats : conv_gather_floats(&s);
    float *col = take(floats, sizeof *col), *dx = take(n_x, sizeof *dx);
    float *dw = take(raw.head.n, sizeof *dw);
    kernel_conv_backward_data(&s, dy, w, col, false, dx);
    for (size_t i = 0; i < conv_tiles(&s); i++) {
        kernel_conv_backward_weights(&s, i, x, dy, col, dw);
    }
    kernel_standardize_backward(raw.f32, raw.head.n / l->cout, l->cout, l->cout, l->eps, dw);
    check_gradient(l, "x", dx, n_x, l->bound);
    check_gradient(l, "w", dw, raw.head.n, l->bound);
    array_free(&raw);
    free(x);
    free(dy);
    free(w);
    free(col);
}

static inline void back_ws(const struct layer *l)
{
    float *w = layer_vector(l, "w"), *d = layer_vector(l, "dy");
    size_t rows = l->k * l->k * l->cin;
    kernel_standardize_backward(w, rows, l->cout, l->cout, l->eps, d);
    check_gradient(l, "w", d, rows * l->cout, l->bound);
    free(w);
}

static inline void back_maxpool(const struct layer *l)
{
    size_t n_y = l->n * arch_conv_out(l->h, 3, 2) * arch_conv_out(l->w, 3, 2) * l->cin;
    size_t n_x = l->n * l->h * l->w * l->cin;
    float *x = layer_vector(l, "x"), *dy = layer_vector(l, "dy");
    float *y = take(n_y, sizeof *y), *plain = take(n_y, sizeof *y), *dx = take(n_x, sizeof *dx);
    unsigned char *index = take(n_y, 1);
    kernel_max_pool_index(x, l->n, l->h, l->w, l->cin, y, index);
    kernel_max_pool(x, l->n, l->h, l->w, l->cin, plain);
    check(!memcmp(y, plain, n_y * sizeof *y), "layer %s: the same with an index", l->name);
    kernel_max_pool_backward(dy, index, l->n, l->h, l->w, l->cin, dx);
    check_gradient(l, "x", dx, n_x, l->bound);
    free(x);
    free(dy);
    free(y);
    free(plain);
    free(index);
}

/* Gradients of x, gamma and beta from that of the normed values. */
static inline void check_norm(const struct layer *l, const float *dy)
{
    size_t px = l->h * l->w, c = l->cin, floats = l->n * px * c;
    float *x = layer_vector(l, "x"), *g = layer_vector(l, "gamma"), *b = layer_vector(l, "beta");
    float *y = take(floats, sizeof *y), *dx = take(floats, sizeof *dx);
    float *dg = take(c, sizeof *dg), *db = take(c, sizeof *db);
    double *stats = take(l->n * NORM_STATS, sizeof *stats);
    double *sums = take(l->n * 2 * c, sizeof *sums);
    struct norm_scratch s = norm_scratch_of(c);
    const struct norm_back back = {l->n, px, c, g, stats};
    kernel_norm_stats(x, l->n, px, c, &s, stats);
    kernel_norm_apply(x, l->n, px, c, g, b, stats, &s, y);
    kernel_norm_relu_backward(&back, x, y, dy, NULL, sums, dx);
    kernel_norm_gradient(sums, l->n, c, dg, db);
    /* Of a group of two values little is left after taking off its mean (README.md). */
    bool pair = px * c == 2 * ARCH_GROUPS;
    check_gradient(l, "x", dx, floats, pair ? 2e-5 : l->bound);
    check_gradient(l, "gamma", dg, c, l->bound);
    check_gradient(l, "beta", db, c, l->bound);
    norm_scratch_free(&s);
    free(stats);
    free(sums);
    free(x);
    free(g);
    free(b);
    free(y);
}

static inline void back_gn_relu(const struct layer *l)
{
    float *dy = layer_vector(l, "dy");
    check_norm(l, dy);
    free(dy);
}

static inline void back_head(const struct layer *l)
{
    size_t px = l->h * l->w, c = l->cin;
    float *x = layer_vector(l, "x"), *g = layer_vector(l, "gamma"), *b = layer_vector(l, "beta");
    float *w = layer_vector(l, "w"), *dy = layer_vector(l, "dy");
    float *normed = take(l->n * px * c, sizeof *normed), *f = take(l->n * c, sizeof *f);
    float *dw = take(c * l->cout, sizeof *dw), *bias = take(l->cout, sizeof *bias);
    struct norm_scratch s = norm_scratch_of(c);
    struct head_part p = {l->n, c, l->cout, 0, c};
    kernel_norm_relu(x, l->n, px, c, g, b, &s, normed);
    kernel_average_pool(normed, l->n, px, c, s.sum, f);
    kernel_head_backward_weights(&p, f, dy, dw);
    kernel_head_backward_bias(&p, dy, bias);
    kernel_head_backward_data(&p, dy, w, f);
    kernel_average_pool_backward(f, l->n, px, c, normed);
    check_norm(l, normed);
    check_gradient(l, "w", dw, c * l->cout, l->bound);
    check_gradient(l, "bias", bias, l->cout, l->bound);
    norm_scratch_free(&s);
    float *owned[] = {x, g, b, w, dy, normed, f};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(owned[i]);
    }
}

static inline void back_xent(const struct layer *l)
{
    size_t k = l->cin;
    float *logits = layer_vector(l, "logits"), *labels = layer_vector(l, "labels");
    float *d = take(l->n * k, sizeof *d);
    for (size_t i = 0; i < l->n; i++) {
        loss_row(LOSS_SOFTMAX, logits + i * k, labels + i * k, k, 1 / (double)l->n, d + i * k);
    }
    check_gradient(l, "logits", d, l->n * k, l->bound);
    free(logits);
    free(labels);
}

/* --- a unit --- */
enum { UNIT_PARAMS = 10 };
static const char *const unit_names[UNIT_PARAMS] = {"a_gamma", "a_beta", "b_gamma", "b_beta",
                                                    "c_gamma", "c_beta", "a_w", "b_w",
                                                    "c_w", "proj_w"};

/* A unit's parameters in blocks as the network has them. */
struct unit_blocks {
    struct bit_unit u;
    size_t n, at[UNIT_PARAMS + 1]; /* of the parameters, where each begins */
    float *params, *kernels, *gradient;
};

static inline struct unit_blocks unit_blocks_of(const struct layer *l)
{
    bool proj = l->cin != l->cout || l->stride != 1;
    struct unit_blocks b = {.u = {.shape = {l->cin, l->cout / 4, l->cout, l->stride, proj}},
                            .n = proj ? UNIT_PARAMS : UNIT_PARAMS - 1};
    struct array v[UNIT_PARAMS];
    for (size_t i = 0; i < b.n; i++) {
        v[i] = array_member(l->z, unit_names[i]);
        b.at[i + 1] = b.at[i] + v[i].head.n;
    }
    float **blocks[] = {&b.params, &b.kernels, &b.gradient};
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        *blocks[i] = take(b.at[b.n], sizeof **blocks[i]);
    }
    for (size_t i = 0; i < b.n; i++) {
        size_t cout = v[i].head.dims[v[i].head.n_dims - 1];
        memcpy(b.params + b.at[i], v[i].f32, v[i].head.n * sizeof(float));
        if (v[i].head.n_dims == 4) {
            kernel_standardize(v[i].f32, v[i].head.n / cout, cout, l->eps, b.kernels + b.at[i]);
        }
        array_free(&v[i]);
    }
    const float **vectors[] = {&b.u.gamma_a, &b.u.beta_a, &b.u.gamma_b, &b.u.beta_b, &b.u.gamma_c,
                               &b.u.beta_c, &b.u.conv_a, &b.u.conv_b, &b.u.conv_c, &b.u.proj};
    for (size_t i = 0; i < b.n; i++) {
        *vectors[i] = (i < 6 ? b.params : b.kernels) + b.at[i];
    }
    return b;
}

/* Everything a unit needs for n images, in one block that the caller frees. */
static inline float *unit_buffers(const struct layer *l, struct bit_kept_unit *k,
                                  struct bit_work *w, struct bit_worker *s)
{
    size_t most = l->cin > l->cout ? l->cin : l->cout, image = l->h * l->w * most;
    float *all = take(20 * l->n * image, sizeof *all), *at = all;
    float **floats[] = {&k->x, &k->inner_a, &k->inner_b, &w->normed_a,
                        &w->normed_b, &w->normed_c, &w->d_inner_a, &w->d_inner_b,
                        &w->d_out, &w->d_in, &s->normed, &s->col};
    for (size_t i = 0; i < ARRAY_LEN(floats); i++, at += l->n * image) {
        *floats[i] = at; /* col last: 9 * mid is less than 9 * most */
    }
    double **doubles[] = {&k->stats_a, &k->stats_b, &k->stats_c,
                          &w->sums_a, &w->sums_b, &w->sums_c};
    for (size_t i = 0; i < ARRAY_LEN(doubles); i++) {
        *doubles[i] = take(l->n * (2 * most + NORM_STATS), sizeof **doubles[i]);
    }
    s->norm = norm_scratch_of(most);
    k->size = (struct bit_size){l->n, l->h, l->w};
    return all;
}

static inline void back_block(const struct layer *l)
{
    struct unit_blocks b = unit_blocks_of(l);
    struct bit_kept_unit k;
    struct bit_work w;
    struct bit_worker s;
    size_t n_x = l->n * l->h * l->w * l->cin;
    float *all = unit_buffers(l, &k, &w, &s), *x = layer_vector(l, "x");
    float *dy = layer_vector(l, "dy"), *dx = take(n_x, sizeof *dx);
    struct bit_size out = bit_unit_shapes(&b.u.shape, k.size).out;
    const struct bit_base base = {b.params, b.kernels, b.gradient};
    memcpy(k.x, x, n_x * sizeof *x);
    bit_unit_keep(&b.u, &k, &s, w.d_out);
    memcpy(w.d_out, dy, l->n * out.h * out.w * l->cout * sizeof *dy);
    bit_unit_backward(&b.u, &k, &w, &s);
    for (size_t i = 0; i < bit_unit_weight_items(&b.u, k.size); i++) {
        bit_unit_backward_weights(&b.u, k.size, &w, &base, i, s.col);
    }
    memcpy(dx, w.d_in, n_x * sizeof *dx);
    check_gradient(l, "x", dx, n_x, l->bound);
    for (size_t i = 0; i < b.n; i++) {
        size_t n = b.at[i + 1] - b.at[i];
        float *d = take(n, sizeof *d);
        memcpy(d, b.gradient + b.at[i], n * sizeof *d);
        if (str_ends(unit_names[i], "_w")) {
            struct array raw = array_member(l->z, unit_names[i]);
            size_t cout = raw.head.dims[3];
            kernel_standardize_backward(raw.f32, n / cout, cout, cout, l->eps, d);
            array_free(&raw);
        }
        check_gradient(l, unit_names[i], d, n, l->bound);
    }
    double *doubles[] = {k.stats_a, k.stats_b, k.stats_c, w.sums_a, w.sums_b, w.sums_c};
    for (size_t i = 0; i < ARRAY_LEN(doubles); i++) {
        free(doubles[i]);
    }
    float *floats[] = {all, x, dy, b.params, b.kernels, b.gradient};
    for (size_t i = 0; i < ARRAY_LEN(floats); i++) {
        free(floats[i]);
    }
    norm_scratch_free(&s.norm);
}

#endif
