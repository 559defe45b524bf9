/* Gradients of the whole network and runs of 30 steps against float64, for every engine: gradients
 * on every instruction set, runs on the best. Bounds: tests/parity/model/README.md, Training. */
#ifndef BITBENCH_TESTS_PARITY_TRAINING_H
#define BITBENCH_TESTS_PARITY_TRAINING_H

#include "harness/base/tensor.h"
#include "models/bit_backward.h"
#include "models/engine.h"
#include "models/model.h"
#include "tests/parity/formula.h"
#include "tests/parity/golden.h"
#include "tests/parity/ways.h"

static inline double standard_deviation(const struct array *a)
{
    double mean = 0, sum = 0;
    for (size_t i = 0; i < a->head.n; i++) {
        mean += a->f64[i] / (double)a->head.n;
    }
    for (size_t i = 0; i < a->head.n; i++) {
        sum += (a->f64[i] - mean) * (a->f64[i] - mean);
    }
    return sqrt(sum / (double)a->head.n);
}

/* L2 norm, and the sum of the products with unit("probe/NAME", i). */
static inline void summary(const char *name, const float *v, size_t n, double *l2, double *dot)
{
    uint64_t key = key_of("probe/", name);
    double squares = 0;
    *dot = 0;
    for (size_t i = 0; i < n; i++) {
        squares += (double)v[i] * (double)v[i];
        *dot += (double)v[i] * ((double)(rng_splitmix(key, i) >> 40) * 0x1p-23 - 1);
    }
    *l2 = sqrt(squares);
}

/* Relative; absolute where the truth is 0. */
static inline double apart(double have, double want, double size)
{
    double d = fabs(have - want) / (size > 0 ? size : 1);
    return isnan(d) ? (double)INFINITY : d;
}

struct training {
    const struct engine *engine;
    const char *name; /* of the engine and its instruction set */
    struct pool *pool;
    char folder[PATH]; /* .../train */
    const char *salt;
    const struct table *t;
    size_t row;
};

static inline const char *training_path(const struct training *r, const char *name)
{
    static char path[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    return path;
}

static inline void *training_begin(const struct training *r, const struct model *m,
                                   const struct train_options *o)
{
    void *state;
    need(!r->engine->open(&state, m, r->pool, &e) && !r->engine->train_begin(state, o, &e),
         "train_begin");
    return state;
}

/* --- one backward pass --- */
enum { LARGE = 10000 }; /* tensors from here on are given by two numbers only */
static const double gradient_bound = 1.5e-5;

static inline void check_summary(const char *what, const char *name, const float *v, size_t n,
                                 const struct table *t, size_t row)
{
    char text[4 * KEY];
    double l2, dot, size = number(t, row, "l2_norm");
    summary(name, v, n, &l2, &dot);
    snprintf(text, sizeof text, "%s: norm and probe of %s", what, name);
    check_error(text,
                fmax(apart(l2, size, size), apart(dot, number(t, row, "dot_with_probe"), size)),
                gradient_bound);
}

static inline void check_whole(const char *what, const char *name, const char *member,
                               const float *v, size_t n, const struct zip *z)
{
    char text[4 * KEY];
    struct array truth = array_member(z, member);
    snprintf(text, sizeof text, "%s: %s", what, name);
    check_error(text, relative(v, n, &truth), gradient_bound);
    array_free(&truth);
}

/* The gradient by the images, which no engine gives: the passes themselves. */
static inline void check_image_gradient(const struct training *r, const struct model *m,
                                        const struct tensor *x, const float *labels,
                                        const struct zip *z, size_t row)
{
    size_t floats = x->n * x->h * x->w * 3, dim = arch_features(&m->arch), k = m->n_classes;
    float *kernels = take(bit_kernel_floats(&m->table), sizeof *kernels);
    float *features = take(x->n * dim, sizeof *features), *d = take(x->n * dim, sizeof *d);
    float *logits = take(x->n * k, sizeof *logits), *d_logits = take(x->n * k, sizeof *d_logits);
    float *gradient = take(m->table.n_floats, sizeof *gradient), *dx = take(floats, sizeof *dx);
    const struct head_part classes = {x->n, dim, k, 0, k}, rows = {x->n, dim, k, 0, dim};
    struct bit_net net;
    struct bit_pass pass;
    for (size_t i = 0; i < m->table.n; i++) {
        if (m->table.params[i].kind == PARAM_KERNEL) {
            bit_standardize(&m->table.params[i], m->ws_eps, m->params, kernels);
        }
    }
    need(!bit_net_init(&net, &m->arch, &m->table, k, m->params, kernels, &e) &&
             !bit_pass_open(&pass, &m->arch, x->n, x->h, x->w, 2, &e),
         "gradient of the images");
    bit_pass_forward(&pass, &net, r->pool, x->data, x->n, features);
    kernel_head(&classes, features, net.head, net.bias, logits);
    for (size_t i = 0; i < x->n; i++) {
        loss_row(LOSS_SOFTMAX, logits + i * k, labels + i * k, k, 1 / (double)x->n,
                 d_logits + i * k);
    }
    kernel_head_backward_data(&rows, d_logits, net.head, d);
    bit_pass_backward(&pass, &net, r->pool, x->data, x->n, d, gradient, dx);
    check_summary("train/gradient", "x", dx, floats, r->t, row);
    check_whole("train/gradient", "x", "d_x", dx, floats, z);
    bit_pass_close(&pass);
    bit_net_release(&net);
    float *owned[] = {kernels, features, d, logits, d_logits, gradient, dx};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(owned[i]);
    }
}

/* The velocity after one step is the gradient. */
static inline void check_gradients(struct training *r, const char *arch, size_t n_classes)
{
    struct zip z;
    struct table t = table_read(training_path(r, "gradient.tsv"));
    need(!zip_open(&z, training_path(r, "gradient_full.npz"), &e), "gradient_full.npz");
    struct array labels = array_member(&z, "labels"), d_x = array_member(&z, "d_x");
    const size_t *dims = d_x.head.dims;
    struct tensor x = formula_input(0, dims[0], dims[1], dims[2], r->salt);
    struct model m = formula_model(arch, n_classes, 1, r->salt);
    const struct train_options o = {.sgd = {.momentum = 0.9}};
    void *state = training_begin(r, &m, &o);
    struct train_result result = {0};
    float *block = take(m.table.n_floats, sizeof *block);
    char what[KEY];
    snprintf(what, sizeof what, "train/gradient (%s)", r->name);
    need(!r->engine->train_step(state, &x, labels.f32, 0, &result, &e), what);
    r->engine->get_params(state, TRAIN_VELOCITY, block);
    r->t = &t;
    for (size_t i = 0; i < t.n_rows; i++) {
        const char *name = cell(&t, i, "tensor");
        const struct param *p = param_find(&m.table, name);
        if (p) {
            check_summary(what, name, block + p->offset, p->n, &t, i);
        } else if (!strcmp(name, "loss")) {
            double want = number(&t, i, "l2_norm");
            check_error("train/gradient: loss", apart(result.loss, want, want), gradient_bound);
        } else if (r->engine == &engine_reference) {
            check_image_gradient(r, &m, &x, labels.f32, &z, i);
        }
        if (p && p->n < LARGE) {
            check_whole(what, name, name, block + p->offset, p->n, &z);
        }
    }
    r->engine->close(state);
    free(block);
    free(x.data);
    array_free(&labels);
    array_free(&d_x);
    model_release(&m);
    zip_close(&z);
    table_free(&t);
}

/* --- 30 steps --- */
static inline struct model training_model(const struct training *r)
{
    struct model m =
        formula_model(cell(r->t, r->row, "arch"), count(r->t, r->row, "classes"), 1, r->salt);
    for (size_t i = m.table.n - 2; i < m.table.n && !strcmp(cell(r->t, r->row, "head"), "zeros");
         i++) {
        memset(m.params + m.table.params[i].offset, 0, m.table.params[i].n * sizeof(float));
    }
    return m;
}

static inline struct train_options training_options(const struct training *r)
{
    static const char *const decays[] = {"none", "all", "kernels", "to_init"};
    struct train_options o = {.head_only = count(r->t, r->row, "frozen") != 0,
                              .micro_batch = /* its sizes are another program's: ours are eights */
                              strchr(cell(r->t, r->row, "micro"), ',') ? TRAIN_GROUP : 0,
                              .sgd = {.momentum = 0.9,
                                      .weight_decay = number(r->t, r->row, "wd"),
                                      .clip = number(r->t, r->row, "clip")}};
    size_t i = 0;
    while (i < ARRAY_LEN(decays) && strcmp(decays[i], cell(r->t, r->row, "wd_on"))) {
        i++;
    }
    need(i < ARRAY_LEN(decays), "wd_on");
    o.sgd.decay = (enum sgd_decay)i;
    return o;
}

struct sample {
    struct tensor x;
    float *labels; /* [n, classes] */
};

/* Rows of step s, mixed with their partners where the setting has MixUp. */
static inline struct sample training_sample(const struct training *r, size_t s,
                                            const struct tensor *all, const struct table *mixup)
{
    size_t n = count(r->t, r->row, "batch"), k = count(r->t, r->row, "classes");
    size_t floats = all->h * all->w * 3;
    struct sample out = {.x = {.n = n, .h = all->h, .w = all->w, .c = 3}};
    out.x.data = take(n * floats, sizeof *out.x.data);
    out.labels = take(n * k, sizeof *out.labels);
    double lambda = mixup ? number(mixup, s, "lambda") : 1;
    const char *at = mixup ? cell(mixup, s, "partner") : "";
    for (size_t j = 0; j < n; j++) {
        size_t image = (n * s + j) % all->n, partner = j;
        if (mixup) {
            char *end;
            partner = strtoul(at, &end, 10);
            at = end + (*end == ',');
        }
        size_t other = (n * s + partner) % all->n;
        const float *a = all->data + image * floats, *b = all->data + other * floats;
        for (size_t i = 0; i < floats; i++) {
            out.x.data[j * floats + i] =
                (float)(lambda * (double)a[i] + (1 - lambda) * (double)b[i]);
        }
        out.labels[j * k + image % k] += (float)lambda;
        out.labels[j * k + other % k] += (float)(1 - lambda);
    }
    return out;
}

enum { T_LOSS,
       T_NORM,
       T_L2,
       T_DOT,
       T_PROBE,
       T_ALL };
static const char *const measure_names[T_ALL] = {"loss", "gradient norm", "L2 norm", "dot / L2",
                                                 "probe logits / std"};
/* With the trunk trained, and where little can make a ReLU change sides. */
static const double wide[T_ALL] = {3e-4, 1e-2, 2e-4, 5e-4, 2e-2};
static const double narrow[T_ALL] = {2e-5, 2e-4, 1e-5, 5e-5, 1e-4};

static inline void worst(double *seen, double error)
{
    *seen = error > *seen ? error : *seen;
}

static inline void measure_end(const struct training *r, const struct model *m, void *state,
                               double *errors)
{
    char name[KEY];
    const char *setting = cell(r->t, r->row, "setting");
    float *block = take(m->table.n_floats, sizeof *block);
    r->engine->get_params(state, TRAIN_WEIGHTS, block);
    snprintf(name, sizeof name, "%s_weights.tsv", setting);
    struct table t = table_read(training_path(r, name));
    for (size_t i = 0; i < t.n_rows; i++) {
        const struct param *p = param_find(&m->table, cell(&t, i, "tensor"));
        double l2, dot, size = number(&t, i, "l2_norm");
        need(p, name);
        summary(p->name, block + p->offset, p->n, &l2, &dot);
        worst(&errors[T_L2], apart(l2, size, size));
        worst(&errors[T_DOT], apart(dot, number(&t, i, "dot_with_probe"), size));
    }
    table_free(&t);
    free(block);
    snprintf(name, sizeof name, "%s_probe_logits.npy", setting);
    struct array truth = array_read(training_path(r, name));
    struct tensor x = formula_input(1000, truth.head.dims[0], count(r->t, r->row, "h"),
                                    count(r->t, r->row, "w"), r->salt);
    float *features = take(x.n * arch_features(&m->arch), sizeof *features);
    float *logits = take(truth.head.n, sizeof *logits);
    double size;
    need(!r->engine->forward(state, &x, features, logits, &e), name);
    worst(&errors[T_PROBE],
          difference(logits, truth.head.n, &truth, &size) / standard_deviation(&truth));
    free(features);
    free(logits);
    free(x.data);
    array_free(&truth);
}

/* Runs the steps; errors[T_ALL] and the loss's worst over steps 0..3. */
static inline void run_steps(const struct training *r, const struct model *m, double *errors,
                             double *first_steps)
{
    char name[KEY];
    const char *setting = cell(r->t, r->row, "setting");
    struct train_options o = training_options(r);
    void *state = training_begin(r, m, &o);
    struct tensor all = formula_input(0, count(r->t, r->row, "pool"), count(r->t, r->row, "h"),
                                      count(r->t, r->row, "w"), r->salt);
    struct table mixup = {0};
    bool mixes = count(r->t, r->row, "mixup") != 0;
    if (mixes) {
        snprintf(name, sizeof name, "%s_mixup.tsv", setting);
        mixup = table_read(training_path(r, name));
    }
    snprintf(name, sizeof name, "%s_steps.tsv", setting);
    struct table steps = table_read(training_path(r, name));
    for (size_t s = 0; s < steps.n_rows; s++) {
        struct sample b = training_sample(r, s, &all, mixes ? &mixup : NULL);
        struct train_result result;
        double loss = number(&steps, s, "loss"), norm = number(&steps, s, "grad_norm_before_clip");
        need(!r->engine->train_step(state, &b.x, b.labels, number(&steps, s, "lr"), &result, &e),
             name);
        worst(&errors[T_LOSS], apart(result.loss, loss, loss));
        worst(&errors[T_NORM], apart(result.norm, norm, norm));
        if (s < 4) {
            *first_steps = errors[T_LOSS];
        }
        free(b.x.data);
        free(b.labels);
    }
    measure_end(r, m, state, errors);
    table_free(&steps);
    if (mixes) {
        table_free(&mixup);
    }
    free(all.data);
    r->engine->close(state);
}

static inline void check_trajectory(const struct training *r)
{
    const char *setting = cell(r->t, r->row, "setting");
    bool frozen = count(r->t, r->row, "frozen") != 0;
    bool calm = frozen || count(r->t, r->row, "mixup") || number(r->t, r->row, "clip") > 0;
    bool fast = !frozen && number(r->t, r->row, "base_lr") > 0.01; /* beyond float32 */
    char what[2 * KEY];
    double errors[T_ALL] = {0}, first_steps = 0;
    if (strcmp(cell(r->t, r->row, "head"), "zeros")) {
        return; /* beyond float32 from the first step on */
    }
    struct model m = training_model(r);
    run_steps(r, &m, errors, &first_steps);
    model_release(&m);
    if (fast) {
        snprintf(what, sizeof what, "train/%s (%s): loss of steps 0..3", setting, r->name);
        check_error(what, first_steps, 5e-6);
        return;
    }
    /* A ReLU may change sides all the same, on another machine: then the wide bounds hold. */
    bool flipped = false;
    for (size_t i = 0; i < T_ALL; i++) {
        flipped |= !frozen && errors[i] > narrow[i];
    }
    for (size_t i = 0; i < T_ALL; i++) {
        snprintf(what, sizeof what, "train/%s (%s): %s", setting, r->name,
                 measure_names[i]);
        check_error(what, errors[i], calm && !flipped ? narrow[i] : wide[i]);
    }
}

/* folder: .../train. */
static inline void check_training(const char *folder, struct pool *pool, const char *folder_salt)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/index.tsv", folder);
    struct table t = table_read(path);
    for (size_t i = 0; i < ways_n(); i++) {
        struct way way = way_take(i);
        struct training r = {.engine = way.engine,
                             .name = way.name,
                             .pool = pool,
                             .salt = *cell(&t, 0, "salt") ? cell(&t, 0, "salt") : folder_salt};
        snprintf(r.folder, sizeof r.folder, "%s", folder);
        for (size_t row = 0; r.engine && way.best && row < t.n_rows; row++) {
            r.t = &t;
            r.row = row;
            r.salt = *cell(&t, row, "salt") ? cell(&t, row, "salt") : folder_salt;
            check_trajectory(&r);
        }
        if (r.engine && file_exists(training_path(&r, "gradient_full.npz"))) {
            check_gradients(&r, cell(&t, 0, "arch"), count(&t, 0, "classes"));
        }
    }
    table_free(&t);
}

#endif
