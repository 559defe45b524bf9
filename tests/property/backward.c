/* Gradients against finite differences of naive forward twins in double: each layer over sizes of
 * every kind (one pixel, odd, non-square, batches of 1 to 5), then the whole network by way of
 * every engine that trains. A derivative is taken along single elements and random directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/blas.h"
#include "harness/base/err.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "models/kernels/backward.h"
#include "models/model.h"
#include "tests/property/twin.h"

enum { SEED = 17,
       MOST = 64 }; /* inputs of a problem */

/* A scalar function of some arrays, and its gradient as the kernels compute it. */
struct problem {
    char name[96];
    size_t n_inputs, size[MOST];
    double *in[MOST];
    float *gradient[MOST];
    double (*value)(const struct problem *p);
    const void *ctx;
    size_t every, phase; /* tries inputs phase, phase + every ... */
    double bound;        /* of a derivative's error, over the length of the whole gradient */
};

static void *take(size_t n, size_t size)
{
    void *p = calloc(n + !n, size);
    assert_non_null(p);
    return p;
}

static double unit(uint64_t what, size_t i)
{
    return 2 * rng_unit(rng_at(SEED, what, i)) - 1;
}

/* n values of float32 in [-1, 1) + offset. */
static float *draw(size_t n, uint64_t what, double offset)
{
    float *v = take(n, sizeof *v);
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)(unit(what, i) + offset);
    }
    return v;
}

/* Adds an input with the values v; returns its gradient, to be filled. */
static float *add_input(struct problem *p, const float *v, size_t n)
{
    size_t i = p->n_inputs++;
    assert_true(p->n_inputs <= MOST);
    p->size[i] = n;
    p->in[i] = take(n, sizeof *p->in[i]);
    for (size_t j = 0; j < n; j++) {
        p->in[i][j] = (double)v[j];
    }
    p->gradient[i] = take(n, sizeof *p->gradient[i]);
    return p->gradient[i];
}

static double length(const struct problem *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->n_inputs; i++) {
        for (size_t j = 0; j < p->size[i]; j++) {
            sum += (double)p->gradient[i][j] * (double)p->gradient[i][j];
        }
    }
    return sqrt(sum);
}

/* Along one element of input i, or along a direction drawn with the key. */
static void check_derivative(const struct problem *p, size_t i, const size_t *element,
                             uint64_t key, double all)
{
    static const double h = 1e-6;
    size_t n = p->size[i];
    double *x = p->in[i], *from = take(n, sizeof *from), *d = take(n, sizeof *d);
    double want[2], have = 0, squares = 0;
    memcpy(from, x, n * sizeof *x);
    for (size_t j = 0; j < n; j++) {
        d[j] = element ? j == *element : unit(key, j);
        squares += d[j] * d[j];
    }
    for (size_t j = 0; j < n; j++) { /* of length 1 */
        d[j] /= sqrt(squares);
        have += d[j] * (double)p->gradient[i][j];
    }
    for (int s = 0; s < 2; s++) {
        for (size_t j = 0; j < n; j++) {
            x[j] = from[j] + (s ? h : -h) * d[j];
        }
        want[s] = p->value(p);
    }
    memcpy(x, from, n * sizeof *x);
    double truth = (want[1] - want[0]) / (2 * h), error = fabs(have - truth);
    double bound = p->bound * all + 1e-8;
    if (!(error <= bound)) {
        fail_msg("%s: input %zu: %.9g, by differences %.9g: error %.2g, bound %.2g, seed %d",
                 p->name, i, have, truth, error, bound, SEED);
    }
    free(from);
    free(d);
}

/* Checks and frees. */
static void solve(struct problem *p, size_t elements, size_t directions)
{
    double all = length(p);
    for (size_t i = p->phase; i < p->n_inputs; i += p->every ? p->every : 1) {
        for (size_t k = 0; k < elements; k++) {
            size_t j = rng_at(SEED, 100 + i, k) % p->size[i];
            check_derivative(p, i, &j, 0, all);
        }
        for (size_t k = 0; k < directions; k++) {
            check_derivative(p, i, NULL, 200 + i * directions + k, all);
        }
    }
    for (size_t i = 0; i < p->n_inputs; i++) {
        free(p->in[i]);
        free(p->gradient[i]);
    }
}

/* --- layers: L = sum(y * dy) --- */
struct layer {
    struct conv_shape s;
    const float *dy;
};

static double against(const double *y, const float *dy, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += y[i] * (double)dy[i];
    }
    return sum;
}

static const struct conv_shape shapes[] = {
    {1, 1, 1, 32, 32, 1, 1},
    {2, 5, 3, 32, 40, 1, 1},
    {3, 4, 7, 64, 32, 1, 2},
    {1, 1, 1, 32, 32, 3, 1},
    {4, 5, 2, 32, 33, 3, 1},
    {5, 3, 6, 32, 32, 3, 2},
    {2, 9, 8, 32, 32, 3, 1},
    {1, 1, 1, 3, 32, 7, 2},
    {3, 6, 11, 3, 32, 7, 2},
    {2, 1, 1, 64, 32, 3, 2},
    {1, 13, 1, 32, 16, 3, 1},
    {5, 2, 2, 160, 32, 1, 2},
};

static double value_conv(const struct problem *p)
{
    const struct layer *l = p->ctx;
    size_t n_y = l->s.n * conv_out_pixels(&l->s) * l->s.cout, n_w = p->size[1];
    double *w = take(n_w, sizeof *w), *y = take(n_y, sizeof *y);
    twin_standardize(p->in[1], n_w / l->s.cout, l->s.cout, 1e-10, w);
    twin_conv(&l->s, p->in[0], w, y);
    double v = against(y, l->dy, n_y);
    free(w);
    free(y);
    return v;
}

static void test_conv(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct conv_shape *s = &shapes[i];
        size_t n_x = s->n * s->h * s->w * s->cin, n_w = s->k * s->k * s->cin * s->cout;
        float *x = draw(n_x, 1, 0), *w = draw(n_w, 2, 0.1), *standard = take(n_w, sizeof *w);
        float *dy = draw(s->n * conv_out_pixels(s) * s->cout, 3, 0);
        float *col = take(conv_col_floats(s) + conv_gather_floats(s), sizeof *col);
        struct layer l = {*s, dy};
        struct problem p = {.value = value_conv, .ctx = &l, .bound = 1e-6};
        snprintf(p.name, sizeof p.name, "conv %zux%zux%zu k%zu s%zu", s->n, s->h, s->w, s->k,
                 s->stride);
        float *dx = add_input(&p, x, n_x), *dw = add_input(&p, w, n_w);
        kernel_standardize(w, n_w / s->cout, s->cout, 1e-10, standard);
        kernel_conv_backward_data(s, dy, standard, col, false, dx);
        for (size_t t = 0; t < conv_tiles(s); t++) {
            kernel_conv_backward_weights(s, t, x, dy, col, dw);
        }
        kernel_standardize_backward(w, n_w / s->cout, s->cout, s->cout, 1e-10, dw);
        solve(&p, 12, 2);
        float *owned[] = {x, w, standard, dy, col};
        for (size_t j = 0; j < ARRAY_LEN(owned); j++) {
            free(owned[j]);
        }
    }
}

/* What is there stays: both kernels add. */
static void test_conv_adds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct conv_shape *s = &shapes[i];
        size_t n_x = s->n * s->h * s->w * s->cin, n_w = s->k * s->k * s->cin * s->cout;
        float *x = draw(n_x, 1, 0), *w = draw(n_w, 2, 0), *dw = draw(n_w, 4, 0);
        float *dy = draw(s->n * conv_out_pixels(s) * s->cout, 3, 0);
        float *once = take(n_x, sizeof *once), *twice = take(n_x, sizeof *twice);
        float *col = take(conv_col_floats(s) + conv_gather_floats(s), sizeof *col);
        float *before = draw(n_w, 4, 0), *alone = take(n_w, sizeof *alone);
        memset(once, 0xff, n_x * sizeof *once); /* NaN: not to be read */
        kernel_conv_backward_data(s, dy, w, col, false, once);
        memcpy(twice, once, n_x * sizeof *once);
        kernel_conv_backward_data(s, dy, w, col, true, twice);
        for (size_t j = 0; j < n_x; j++) {
            assert_true(fabsf(twice[j] - 2 * once[j]) <= 1e-4f);
        }
        for (size_t t = 0; t < conv_tiles(s); t++) {
            kernel_conv_backward_weights(s, t, x, dy, col, dw);
            kernel_conv_backward_weights(s, t, x, dy, col, alone);
        }
        for (size_t j = 0; j < n_w; j++) {
            assert_true(fabsf(dw[j] - before[j] - alone[j]) <= 1e-4f);
        }
        float *owned[] = {x, w, dw, dy, once, twice, col, before, alone};
        for (size_t j = 0; j < ARRAY_LEN(owned); j++) {
            free(owned[j]);
        }
    }
}

static double value_norm(const struct problem *p)
{
    const struct layer *l = p->ctx;
    double *y = take(p->size[0], sizeof *y);
    twin_norm_relu(p->in[0], l->s.n, l->s.h * l->s.w, l->s.cin, p->in[1], p->in[2], y);
    double v = against(y, l->dy, p->size[0]);
    free(y);
    return v;
}

/* plus: as where the shortcut is the input itself, whose gradient is then dy too. */
static void one_norm(const struct conv_shape *s, double offset)
{
    size_t px = s->h * s->w, c = s->cin, n_x = s->n * px * c;
    float *x = draw(n_x, 1, offset), *gamma = draw(c, 2, 1), *beta = draw(c, 3, 0);
    float *dy = draw(n_x, 4, 0), *y = take(n_x, sizeof *y), *plus = draw(n_x, 5, 0);
    double *stats = take(s->n * NORM_STATS, sizeof *stats);
    double *sums = take(s->n * 2 * c, sizeof *sums), *twice = take(s->n * 2 * c, sizeof *twice);
    struct norm_scratch scratch = {take(c, sizeof(double)), take(c, sizeof(double)),
                                   take(c, sizeof(float)), take(c, sizeof(float)),
                                   take(c, sizeof(float))};
    struct layer l = {*s, dy};
    struct problem p = {.value = value_norm, .ctx = &l, .bound = 1e-6 * (1 + offset)};
    snprintf(p.name, sizeof p.name, "norm %zux%zux%zux%zu + %g", s->n, s->h, s->w, c, offset);
    float *dx = add_input(&p, x, n_x), *dg = add_input(&p, gamma, c), *db = add_input(&p, beta, c);
    const struct norm_back b = {s->n, px, c, gamma, stats};
    kernel_norm_stats(x, s->n, px, c, &scratch, stats);
    kernel_norm_apply(x, s->n, px, c, gamma, beta, stats, &scratch, y);
    kernel_norm_relu_backward(&b, x, y, dy, NULL, sums, dx);
    kernel_norm_gradient(sums, s->n, c, dg, db);
    kernel_norm_relu_backward(&b, x, y, dy, plus, twice, plus);
    assert_memory_equal(sums, twice, s->n * 2 * c * sizeof *sums);
    for (size_t i = 0; i < n_x; i++) {
        double want = (double)(float)unit(5, i) + (double)dx[i];
        assert_true(fabs((double)plus[i] - want) <= 1e-5 * (1 + fabs(want)));
        assert_true(px * c > ARCH_GROUPS || dx[i] == 0); /* groups of one value: exactly 0 */
    }
    solve(&p, 12, 2);
    void *owned[] = {x, gamma, beta, dy, y, plus, stats, sums, twice, scratch.sum, scratch.mean,
                     scratch.centre, scratch.scale, scratch.shift};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(owned[i]);
    }
}

static void test_norm(void **state)
{
    (void)state;
    static const struct conv_shape sizes[] = {
        {.n = 1, .h = 1, .w = 1, .cin = 32},
        {.n = 5, .h = 1, .w = 1, .cin = 96},
        {.n = 2, .h = 3, .w = 5, .cin = 64},
        {.n = 3, .h = 7, .w = 2, .cin = 160},
        {.n = 4, .h = 2, .w = 2, .cin = 32},
        {.n = 1, .h = 1, .w = 9, .cin = 2048},
    };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        one_norm(&sizes[i], 0);
        one_norm(&sizes[i], 10);
    }
}

static double value_pool(const struct problem *p)
{
    const struct layer *l = p->ctx;
    size_t n_y = l->s.n * arch_conv_out(l->s.h, 3, 2) * arch_conv_out(l->s.w, 3, 2) * l->s.cin;
    double *y = take(n_y, sizeof *y);
    twin_max_pool(p->in[0], l->s.n, l->s.h, l->s.w, l->s.cin, y);
    double v = against(y, l->dy, n_y);
    free(y);
    return v;
}

/* Values above, around and below the padding's 0. */
static void test_max_pool(void **state)
{
    (void)state;
    static const double offsets[] = {3, 0, -0.5, -3};
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        for (size_t k = 0; k < ARRAY_LEN(offsets); k++) {
            struct conv_shape s = shapes[i];
            size_t n_x = s.n * s.h * s.w * s.cin;
            size_t n_y = s.n * arch_conv_out(s.h, 3, 2) * arch_conv_out(s.w, 3, 2) * s.cin;
            float *x = draw(n_x, 1, offsets[k]), *dy = draw(n_y, 2, 0);
            float *y = take(n_y, sizeof *y), *plain = take(n_y, sizeof *plain);
            unsigned char *index = take(n_y, 1);
            struct layer l = {s, dy};
            struct problem p = {.value = value_pool, .ctx = &l, .bound = 1e-6};
            snprintf(p.name, sizeof p.name, "pool %zux%zux%zu + %g", s.n, s.h, s.w, offsets[k]);
            float *dx = add_input(&p, x, n_x);
            kernel_max_pool_index(x, s.n, s.h, s.w, s.cin, y, index);
            kernel_max_pool(x, s.n, s.h, s.w, s.cin, plain);
            assert_memory_equal(y, plain, n_y * sizeof *y);
            kernel_max_pool_backward(dy, index, s.n, s.h, s.w, s.cin, dx);
            solve(&p, 12, 2);
            free(x);
            free(dy);
            free(y);
            free(plain);
            free(index);
        }
    }
}

/* x is averaged over its pixels, then goes through the head. */
static double value_head(const struct problem *p)
{
    const struct layer *l = p->ctx;
    double *f = take(l->s.n * l->s.cin, sizeof *f), *y = take(l->s.n * l->s.cout, sizeof *y);
    twin_average_pool(p->in[0], l->s.n, l->s.h * l->s.w, l->s.cin, f);
    twin_head(f, l->s.n, l->s.cin, l->s.cout, p->in[1], p->in[2], y);
    double v = against(y, l->dy, l->s.n * l->s.cout);
    free(f);
    free(y);
    return v;
}

static void test_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct conv_shape *s = &shapes[i];
        size_t px = s->h * s->w, n_x = s->n * px * s->cin, n_w = s->cin * s->cout;
        float *x = draw(n_x, 1, 0), *w = draw(n_w, 2, 0), *bias = draw(s->cout, 3, 0);
        float *dy = draw(s->n * s->cout, 4, 0), *f = take(s->n * s->cin, sizeof *f);
        double *sum = take(s->cin, sizeof *sum);
        struct layer l = {*s, dy};
        struct problem p = {.value = value_head, .ctx = &l, .bound = 1e-6};
        snprintf(p.name, sizeof p.name, "head %zux%zux%zu", s->n, px, s->cin);
        float *dx = add_input(&p, x, n_x), *dw = add_input(&p, w, n_w);
        float *db = add_input(&p, bias, s->cout);
        kernel_average_pool(x, s->n, px, s->cin, sum, f);
        for (size_t first = 0; first < s->cin; first += 20) { /* parts are independent */
            size_t end = first + 20 < s->cin ? first + 20 : s->cin;
            const struct head_part part = {s->n, s->cin, s->cout, first, end};
            kernel_head_backward_weights(&part, f, dy, dw);
        }
        const struct head_part all = {s->n, s->cin, s->cout, 0, s->cin};
        kernel_head_backward_bias(&all, dy, db);
        kernel_head_backward_data(&all, dy, w, f);
        kernel_average_pool_backward(f, s->n, px, s->cin, dx);
        solve(&p, 12, 2);
        float *owned[] = {x, w, bias, dy, f};
        for (size_t j = 0; j < ARRAY_LEN(owned); j++) {
            free(owned[j]);
        }
        free(sum);
    }
}

/* --- the whole network --- */
enum { N_SIZES = 5 };

struct whole {
    const struct model *m;
    const struct tensor *x;
    const float *labels;
    enum loss_kind loss;
};

static double value_whole(const struct problem *p)
{
    const struct whole *w = p->ctx;
    const struct tensor *x = w->x;
    size_t k = w->m->n_classes;
    double sum = 0, *logits = take(k, sizeof *logits), *owned[MOST] = {0};
    const double *in[MOST];
    for (size_t i = 0; i < p->n_inputs; i++) {
        const struct param *t = &w->m->table.params[i];
        in[i] = p->in[i];
        if (t->kind == PARAM_KERNEL) {
            in[i] = owned[i] = take(t->n, sizeof *owned[i]);
            twin_standardize(p->in[i], t->n / t->dims[3], t->dims[3], 1e-10, owned[i]);
        }
    }
    for (size_t i = 0; i < x->n; i++) {
        twin_network(&w->m->arch, k, in, x->data + i * x->h * x->w * 3, x->h, x->w, logits);
        sum += twin_loss(w->loss == LOSS_SOFTMAX, logits, w->labels + i * k, k);
    }
    for (size_t i = 0; i < p->n_inputs; i++) {
        free(owned[i]);
    }
    free(logits);
    return sum / (double)x->n;
}

/* The velocity after the first step is the gradient. */
static void one_network(const struct engine *engine, enum loss_kind loss, const size_t *size,
                        size_t phase)
{
    enum { CLASSES = 7 };
    size_t n = size[0], h = size[1], w = size[2];
    struct model m = {0};
    struct arch a;
    struct err e = {0};
    void *s;
    assert_int_equal(arch_parse(&a, "R(1,2,1,1)x0.5", &e), 0);
    assert_int_equal(model_init_random(&m, &a, CLASSES, SEED, &e), 0);
    struct tensor x = {.data = draw(n * h * w * 3, 300, 0), .n = n, .h = h, .w = w, .c = 3};
    float *labels = draw(n * CLASSES, 301, 1), *block = take(m.table.n_floats, sizeof *block);
    for (size_t i = 0; i < m.table.n; i++) { /* gamma, beta and the head away from 1 and 0 */
        for (size_t j = 0; m.table.params[i].kind != PARAM_KERNEL && j < m.table.params[i].n; j++) {
            m.params[m.table.params[i].offset + j] += (float)(unit(400 + i, j) / 8);
        }
    }
    struct whole ctx = {&m, &x, labels, loss};
    struct problem p = {.value = value_whole, .ctx = &ctx, .every = N_SIZES, .phase = phase};
    p.bound = 2e-5; /* of a whole network in float32 */
    snprintf(p.name, sizeof p.name, "%s: network, %zu x %zux%zu", engine->name, n, h, w);
    const struct train_options o = {.loss = loss, .sgd = {.momentum = 0.9}};
    struct train_result result;
    assert_int_equal(engine->open(&s, &m, NULL, &e), 0);
    if (engine->train_begin(s, &o, &e) || engine->train_step(s, &x, labels, 0.1, &result, &e)) {
        fail_msg("%s", e.text);
    }
    engine->get_params(s, TRAIN_VELOCITY, block);
    for (size_t i = 0; i < m.table.n; i++) {
        const struct param *t = &m.table.params[i];
        memcpy(add_input(&p, m.params + t->offset, t->n), block + t->offset,
               t->n * sizeof(float));
    }
    assert_true(fabs(result.loss - value_whole(&p)) <= 1e-5 * result.loss);
    assert_true(fabs(result.norm - length(&p)) <= 1e-6 * result.norm);
    solve(&p, 0, 1);
    engine->close(s);
    free(x.data);
    free(labels);
    free(block);
    model_release(&m);
}

/* Each size tries every fifth tensor, all sizes together all of them. */
static void test_network(void **state)
{
    (void)state;
    static const size_t sizes[N_SIZES][3] = {
        {1, 1, 1}, {2, 9, 7}, {3, 2, 40}, {1, 33, 17}, {9, 5, 6}};
    for (size_t k = 0; k < engines_n; k++) {
        for (size_t i = 0; engines[k]->train_step && i < N_SIZES; i++) {
            one_network(engines[k], i % 2 ? LOSS_SIGMOID : LOSS_SOFTMAX, sizes[i], i);
        }
    }
}

int main(void)
{
    blas_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_adds),
        cmocka_unit_test(test_norm),
        cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
