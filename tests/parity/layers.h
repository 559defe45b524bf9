/* One layer of the network, forward and backward, on the inputs of a reference file. */
#ifndef BITBENCH_TESTS_PARITY_LAYERS_H
#define BITBENCH_TESTS_PARITY_LAYERS_H

#include "harness/base/tensor.h"
#include "models/bit.h"
#include "models/loss.h"
#include "tests/parity/layers_backward.h"
#include "tests/parity/layers_cpu.h"

static inline void run_conv(const struct layer *l, float *y)
{
    struct conv_shape s = {l->n, l->h, l->w, l->cin, l->cout, l->k, l->stride};
    float *x = layer_vector(l, "x"), *w = layer_kernel(l, "w");
    float *col = take(conv_col_floats(&s), sizeof *col);
    kernel_conv(&s, x, w, col, false, y);
    free(x);
    free(w);
    free(col);
}

static inline void run_ws(const struct layer *l, float *y)
{
    float *w = layer_kernel(l, "w");
    memcpy(y, w, l->k * l->k * l->cin * l->cout * sizeof *y);
    free(w);
}

static inline void run_maxpool(const struct layer *l, float *y)
{
    float *x = layer_vector(l, "x");
    kernel_max_pool(x, l->n, l->h, l->w, l->cin, y);
    free(x);
}

static inline void run_gn_relu(const struct layer *l, float *y)
{
    float *x = layer_vector(l, "x"), *g = layer_vector(l, "gamma"), *b = layer_vector(l, "beta");
    struct norm_scratch s = norm_scratch_of(l->cin);
    kernel_norm_relu(x, l->n, l->h * l->w, l->cin, g, b, &s, y);
    norm_scratch_free(&s);
    free(x);
    free(g);
    free(b);
}

static inline void run_head(const struct layer *l, float *y)
{
    size_t px = l->h * l->w;
    float *normed = take(l->n * px * l->cin, sizeof *normed);
    float *features = take(l->n * l->cin, sizeof *features);
    double *sum = take(l->cin, sizeof *sum);
    float *w = layer_vector(l, "w"), *bias = layer_vector(l, "bias");
    run_gn_relu(l, normed);
    kernel_average_pool(normed, l->n, px, l->cin, sum, features);
    struct head_part p = {l->n, l->cin, l->cout, 0, l->cout};
    kernel_head(&p, features, w, bias, y);
    free(normed);
    free(features);
    free(sum);
    free(w);
    free(bias);
}

static inline void run_block(const struct layer *l, float *y)
{
    size_t mid = l->cout / 4, px = l->n * l->h * l->w, most = l->cin > l->cout ? l->cin : l->cout;
    bool proj = l->cin != l->cout || l->stride != 1;
    struct bit_unit u = {.shape = {l->cin, mid, l->cout, l->stride, proj}};
    const float **vectors[] = {&u.gamma_a, &u.beta_a, &u.gamma_b, &u.beta_b, &u.gamma_c, &u.beta_c};
    const float **kernels[] = {&u.conv_a, &u.conv_b, &u.conv_c, &u.proj};
    static const char *const vector_names[] = {"a_gamma", "a_beta", "b_gamma",
                                               "b_beta", "c_gamma", "c_beta"};
    static const char *const kernel_names[] = {"a_w", "b_w", "c_w", "proj_w"};
    float *owned[10];
    size_t n_vectors = ARRAY_LEN(vectors), n_kernels = proj ? 4 : 3;
    for (size_t i = 0; i < n_vectors; i++) {
        *vectors[i] = owned[i] = layer_vector(l, vector_names[i]);
    }
    for (size_t i = 0; i < n_kernels; i++) {
        *kernels[i] = owned[n_vectors + i] = layer_kernel(l, kernel_names[i]);
    }
    float *x = layer_vector(l, "x"), *all = take(px * (4 * most + 9 * mid + l->cin), sizeof *all);
    struct bit_scratch s = {.norm = norm_scratch_of(most)};
    float **buffers[] = {&s.x, &s.y, &s.normed, &s.inner, &s.col};
    for (size_t i = 0; i < ARRAY_LEN(buffers); i++) {
        *buffers[i] = all + i * px * most;
    }
    struct bit_size z = {l->n, l->h, l->w};
    memcpy(s.x, x, px * l->cin * sizeof *x);
    bit_unit_forward(&u, &z, &s);
    memcpy(y, s.x, z.n * z.h * z.w * l->cout * sizeof *y);
    for (size_t i = 0; i < n_vectors + n_kernels; i++) {
        free(owned[i]);
    }
    free(x);
    free(all);
    norm_scratch_free(&s.norm);
}

static inline void run_xent(const struct layer *l, float *y)
{
    struct array logits = array_member(l->z, "logits"), labels = array_member(l->z, "labels");
    double sum = 0;
    for (size_t i = 0; i < l->n; i++) {
        sum += loss_row(LOSS_SOFTMAX, logits.f32 + i * l->cin, labels.f32 + i * l->cin, l->cin, 1,
                        NULL);
    }
    *y = (float)(sum / (double)l->n);
    array_free(&logits);
    array_free(&labels);
}

static const struct layer_op {
    const char *name;
    void (*run)(const struct layer *l, float *y);
    void (*back)(const struct layer *l);
} layer_ops[] = {
    {"conv", run_conv, back_conv},
    {"ws", run_ws, back_ws},
    {"maxpool", run_maxpool, back_maxpool},
    {"gn_relu", run_gn_relu, back_gn_relu},
    {"head", run_head, back_head},
    {"block", run_block, back_block},
    {"xent", run_xent, back_xent},
};

static inline void check_layer(const struct table *t, size_t i, const struct layer_op *op,
                               const char *path)
{
    struct zip z;
    need(!zip_open(&z, path, &e), path);
    /* A mean far above the spread: float32 keeps less of what is left after taking it off. */
    double scale = number(t, i, "scale");
    bool far = op->run == run_gn_relu && scale > 0 && number(t, i, "offset") > 10 * scale;
    struct layer l = {
        .name = cell(t, i, "case"),
        .n = count(t, i, "n"),
        .h = count(t, i, "h"),
        .w = count(t, i, "w"),
        .cin = count(t, i, "cin"),
        .cout = count(t, i, "cout"),
        .k = count(t, i, "k"),
        .stride = count(t, i, "stride"),
        .eps = number(t, i, "eps"),
        .bound = far ? 1e-4 : 5e-6,
        .z = &z,
    };
    struct array truth = array_member(&z, "y");
    float *y = take(truth.head.n, sizeof *y);
    op->run(&l, y);
    char what[KEY];
    snprintf(what, sizeof what, "layer %s", l.name);
    check_error(what, relative(y, truth.head.n, &truth), l.bound);
    op->back(&l);
    check_layer_cpu(&l, op->name);
    free(y);
    array_free(&truth);
    zip_close(&z);
}

#endif
