/* The network against reference data made in float64 from its definitions.
 *
 *   model [DIR]      DIR has the form of tests/parity/model; its README says what each file is
 *
 * Checks whatever of formula, layers, logits, ckpt, train and lists is in DIR; cases, shapes and
 * sizes come from the index files. A salt in front of the formula's keys is read from a column
 * "salt" of an index, else from the file DIR/salt. One TAP line a check, with error and bound. */
#include <inttypes.h>

#include "harness/base/arena.h"
#include "harness/base/blas.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/bit.h"
#include "models/engine.h"
#include "models/model.h"
#include "models/weights.h"
#include "tests/parity/formula.h"
#include "tests/parity/golden.h"
#include "tests/parity/layers.h"
#include "tests/parity/training.h"
#include "tests/parity/ways.h"

static const char *dir = "tests/parity/model";
static char folder_salt[KEY];
static struct pool *pool;

static const char *path_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *path_of(const char *fmt, ...)
{
    static char path[PATH];
    int at = snprintf(path, sizeof path, "%s/", dir);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(path + at, sizeof path - (size_t)at, fmt, ap);
    va_end(ap);
    return path;
}

static const char *salt_of(const struct table *t, size_t row)
{
    const char *own = cell(t, row, "salt");
    return *own ? own : folder_salt;
}

/* --- the formulas --- */
/* "7x7x3x32" -> 4 and its dims. */
static size_t shape_parse(const char *text, size_t dims[4])
{
    return (size_t)sscanf(text, "%zux%zux%zux%zu", &dims[0], &dims[1], &dims[2], &dims[3]);
}

static void formula_weight(const struct table *t, size_t row)
{
    const char *name = cell(t, row, "name"), *salt = salt_of(t, row);
    struct param p = {.n = 1};
    snprintf(p.name, sizeof p.name, "%s", name);
    p.kind = str_ends(name, "gamma") ? PARAM_GAMMA : PARAM_BETA; /* kernels go by n_dims */
    p.n_dims = shape_parse(cell(t, row, "shape"), p.dims);
    for (size_t i = 0; i < p.n_dims; i++) {
        p.n *= p.dims[i];
    }
    float *v = take(p.n, sizeof *v);
    formula_tensor(&p, salt, v);
    double sum = 0, want = number(t, row, "sum_float64");
    for (size_t i = 0; i < p.n; i++) {
        sum += (double)v[i];
    }
    char key[17], word[17];
    snprintf(key, sizeof key, "%016" PRIx64, key_of(salt, name));
    snprintf(word, sizeof word, "%016" PRIx64, rng_splitmix(key_of(salt, name), 0));
    bool same = !strcmp(key, cell(t, row, "fnv1a64")) &&
                !strcmp(word, cell(t, row, "splitmix_first")) &&
                v[0] == (float)number(t, row, "v0") && v[1] == (float)number(t, row, "v1") &&
                v[p.n - 1] == (float)number(t, row, "v_last");
    check(same && fabs(sum - want) <= 1e-12 * fmax(1, fabs(want)), "formula %s", name);
    free(v);
}

static void check_formula(void)
{
    struct table t = table_read(path_of("formula/weights.tsv"));
    for (size_t i = 0; i < t.n_rows; i++) {
        formula_weight(&t, i);
    }
    table_free(&t);
    t = table_read(path_of("formula/images.tsv"));
    for (size_t i = 0; i < t.n_rows; i++) {
        size_t h = count(&t, i, "h"), w = count(&t, i, "w"), n = h * w * 3, index = 0, sum = 0;
        need(sscanf(cell(&t, i, "key"), "image/%zu", &index) == 1, "formula/images.tsv");
        uint8_t *u8 = take(n, 1);
        formula_image(index, h, w, salt_of(&t, i), u8);
        bool same = u8[n - 1] == count(&t, i, "p_last");
        for (size_t j = 0; j < n; j++) {
            const char name[] = {'p', (char)('0' + j % 10), '\0'}; /* p0 to p5 are given */
            same &= j > 5 || u8[j] == count(&t, i, name);
            sum += u8[j];
        }
        check(same && sum == count(&t, i, "sum"), "formula image/%zu", index);
        free(u8);
    }
    table_free(&t);
}

/* --- single layers --- */
static void check_layers(void)
{
    struct table t = table_read(path_of("layers/index.tsv"));
    for (size_t i = 0; i < t.n_rows; i++) {
        const char *path = path_of("layers/%s.npz", cell(&t, i, "case"));
        for (size_t j = 0; j < ARRAY_LEN(layer_ops); j++) {
            if (!strcmp(layer_ops[j].name, cell(&t, i, "op")) && file_exists(path)) {
                check_layer(&t, i, &layer_ops[j], path);
            }
        }
    }
    table_free(&t);
}

/* --- whole networks --- */
/* Bounds of README.md, relative to the standard deviation: 5 times what float32 was seen to do. */
static double bound_of(const struct arch *a, size_t h, size_t w, bool features)
{
    size_t units = a->depth[0] + a->depth[1] + a->depth[2] + a->depth[3];
    size_t side = h < w ? h : w;
    if (units > 16) {
        return features ? 2.5e-3 : 8e-4; /* R101x1 */
    }
    if (units > 8) {
        return features ? 1e-3 : 3e-4; /* R50x1, R50x3 */
    }
    if (side < 32 && h * w > 1) {
        return features ? 1.5e-3 : 3e-4; /* tiny_8x8: groups of few values */
    }
    return features ? 2e-4 : 5e-5;
}

/* Runs m on x one way and holds the results against two files, either of which may be absent. */
static void compare_way(const char *what, const struct way *way, const struct model *m,
                        const struct tensor *x, const char *features_path, const char *logits_path)
{
    size_t dim = model_feature_dim(m, x->h, x->w);
    float *features = take(x->n * dim, sizeof *features);
    float *logits = take(x->n * m->n_classes, sizeof *logits);
    void *state;
    need(!way->engine->open(&state, m, pool, &e), what);
    bool ran = !way->engine->forward(state, x, features, m->n_classes ? logits : NULL, &e);
    way->engine->close(state);
    check(ran, "%s (%s): forward%s%s", what, way->name, ran ? "" : ": ", ran ? "" : e.text);
    for (size_t i = 0; ran && i < 2; i++) {
        const char *path = i ? logits_path : features_path;
        if (!file_exists(path)) {
            continue;
        }
        char name[PATH];
        snprintf(name, sizeof name, "%s (%s): %s", what, way->name, i ? "logits" : "features");
        struct array truth = array_read(path);
        double size,
            d = difference(i ? logits : features, x->n * (i ? m->n_classes : dim), &truth, &size);
        check_error(name, d / standard_deviation(&truth), bound_of(&m->arch, x->h, x->w, !i));
        array_free(&truth);
    }
    free(features);
    free(logits);
}

static void compare_outputs(const char *what, const struct model *m, const struct tensor *x,
                            const char *features_path, const char *logits_path)
{
    for (size_t i = 0; i < ways_n(); i++) {
        struct way way = way_take(i);
        if (way.engine) {
            compare_way(what, &way, m, x, features_path, logits_path);
        }
    }
}

struct activations {
    const struct zip *z;
    const char *name;
};

static void see_activation(void *ctx, const char *name, const struct tensor *t)
{
    const struct activations *a = ctx;
    char what[KEY];
    struct array truth = array_member(a->z, name);
    snprintf(what, sizeof what, "logits/%s: %s", a->name, name);
    check_error(what, relative(t->data, t->h * t->w * t->c, &truth), 5e-5);
    array_free(&truth);
}

/* The first image of x, layer by layer. */
static void check_activations(const char *name, const struct model *m, const struct tensor *x)
{
    struct zip z;
    if (!file_exists(path_of("logits/%s_activations.npz", name))) {
        return;
    }
    need(!zip_open(&z, path_of("logits/%s_activations.npz", name), &e), name);
    float *kernels = take(bit_kernel_floats(&m->table), sizeof *kernels);
    for (size_t i = 0; i < m->table.n; i++) {
        if (m->table.params[i].kind == PARAM_KERNEL) {
            bit_standardize(&m->table.params[i], m->ws_eps, m->params, kernels);
        }
    }
    struct bit_net net;
    struct bit_scratch s;
    struct arena arena;
    need(!bit_net_init(&net, &m->arch, &m->table, m->n_classes, m->params, kernels, &e), name);
    arena_plan(&arena);
    bit_scratch_take(&s, &arena, &m->arch, 1, x->h, x->w);
    need(!arena_open(&arena, arena.peak, &e), name);
    bit_scratch_take(&s, &arena, &m->arch, 1, x->h, x->w);
    struct activations a = {&z, name};
    const struct bit_watch watch = {see_activation, &a};
    float *features = take(arch_features(&m->arch), sizeof *features);
    bit_forward(&net, x->data, (struct bit_size){1, x->h, x->w}, &s, &watch, features);
    free(features);
    free(kernels);
    arena_close(&arena);
    bit_net_release(&net);
    zip_close(&z);
}

/* The stored images are those of the formula. */
static void check_images(const char *name, const struct tensor *x)
{
    if (file_exists(path_of("logits/%s_u8.npy", name))) {
        struct array u8 = array_read(path_of("logits/%s_u8.npy", name));
        bool same = u8.head.n == x->n * x->h * x->w * 3;
        for (size_t i = 0; same && i < u8.head.n; i++) {
            same = (u8.f32[i] - 127.5f) / 127.5f == x->data[i];
        }
        check(same, "logits/%s: images by formula", name);
        array_free(&u8);
    }
}

static void check_case(const struct table *t, size_t i, struct model *m)
{
    const char *name = cell(t, i, "case"), *salt = salt_of(t, i);
    struct tensor x = formula_input(count(t, i, "first_image"), count(t, i, "n"), count(t, i, "h"),
                                    count(t, i, "w"), salt);
    char what[KEY], features[PATH], logits[PATH];
    check_images(name, &x);
    snprintf(what, sizeof what, "logits/%s", name);
    snprintf(features, sizeof features, "%s", path_of("logits/%s_features.npy", name));
    snprintf(logits, sizeof logits, "%s", path_of("logits/%s_logits.npy", name));
    compare_outputs(what, m, &x, features, logits);
    check_activations(name, m, &x);
    snprintf(logits, sizeof logits, "%s", path_of("logits/%s_logits_eps1e-8.npy", name));
    if (file_exists(logits)) {
        snprintf(what, sizeof what, "logits/%s, eps 1e-8", name);
        m->ws_eps = 1e-8;
        compare_outputs(what, m, &x, "", logits);
        m->ws_eps = 1e-10;
    }
    free(x.data);
}

/* Cases whose files are there; neighbours in the index share their weights. */
static void check_logits(void)
{
    struct table t = table_read(path_of("logits/index.tsv"));
    struct model m = {0};
    char have[4 * KEY] = "", want[4 * KEY];
    for (size_t i = 0; i < t.n_rows; i++) {
        if (!file_exists(path_of("logits/%s_logits.npy", cell(&t, i, "case")))) {
            continue;
        }
        snprintf(want, sizeof want, "%s %s %s %s", cell(&t, i, "arch"), cell(&t, i, "classes"),
                 cell(&t, i, "kernel_scale"), salt_of(&t, i));
        if (strcmp(have, want)) {
            model_release(&m);
            m = formula_model(cell(&t, i, "arch"), count(&t, i, "classes"),
                              number(&t, i, "kernel_scale"), salt_of(&t, i));
            memcpy(have, want, sizeof have);
        }
        check_case(&t, i, &m);
    }
    model_release(&m);
    table_free(&t);
}

/* --- checkpoints --- */
static void check_checkpoint(const char *stem, const char *path)
{
    char what[2 * KEY], features[PATH], logits[PATH];
    struct model *m;
    int rc = model_open(&m, path, NULL, true, &e);
    check(!rc, "ckpt/%s: read%s%s", stem, rc ? ": " : "", rc ? e.text : "");
    if (rc) {
        return;
    }
    snprintf(features, sizeof features, "%s", path_of("ckpt/%s_features.npy", stem));
    const char *eps = m->ws_eps > 1e-9 ? "1e-8" : "1e-10";
    snprintf(logits, sizeof logits, "%s", path_of("ckpt/%s_logits_eps%s.npy", stem, eps));
    need(file_exists(logits), logits);
    struct array truth = array_read(logits);
    struct tensor x = formula_input(0, truth.head.dims[0], 64, 64, folder_salt);
    snprintf(what, sizeof what, "ckpt/%s, eps %s", stem, eps);
    compare_outputs(what, m, &x, features, logits);
    array_free(&truth);
    free(x.data);
    model_close(m);
}

/* Every .npz and .safetensors of the folder, and folders that hold a model.safetensors. */
static void check_checkpoints(void)
{
    struct file_list l;
    need(!file_list_read(&l, path_of("ckpt"), &e), "ckpt");
    for (size_t i = 0; i < l.n; i++) {
        char path[PATH], stem[KEY];
        snprintf(path, sizeof path, "%s", path_of("ckpt/%s", l.names[i]));
        snprintf(stem, sizeof stem, "%s", l.names[i]);
        bool folder = file_exists(path_of("ckpt/%s/model.safetensors", l.names[i]));
        if (!folder && !weights_format(path, NULL)) {
            continue;
        }
        if (!folder) {
            *strrchr(stem, '.') = '\0';
        }
        check_checkpoint(stem, path);
    }
    file_list_release(&l);
}

/* --- lists of tensors --- */
static bool shape_is(const char *text, size_t n_dims, const size_t *dims)
{
    char own[WEIGHTS_DIMS];
    weights_dims(own, n_dims, dims);
    return !strcmp(own, text);
}

/* The shape of p in a library that keeps kernels OIHW; flat: the head without its 1 x 1. */
static bool other_shape_is(const char *text, const struct param *p, bool flat)
{
    size_t oihw[4] = {p->dims[3], p->dims[2], p->dims[0], p->dims[1]};
    if (p->n_dims == 1) {
        return shape_is(text, 1, p->dims);
    }
    return shape_is(text, flat && p->kind == PARAM_HEAD_KERNEL ? 2 : 4, oihw);
}

/* Rows of a list whose name, shape and way back are those of the table; all of them must be. */
static void check_timm_rows(const struct param_table *p, const struct table *t, const char *name)
{
    size_t n_good = 0;
    for (size_t i = 0; i < t->n_rows; i++) {
        const char *tensor = cell(t, i, "tensor"), *npz = cell(t, i, "npz_name");
        const struct param *q = param_find(p, npz);
        char timm[PARAM_NAME] = "", back[PARAM_NAME] = "";
        if (q) {
            weights_timm_name(npz, timm);
        }
        n_good += q && !strcmp(timm, tensor) && weights_npz_name(tensor, back) &&
                  !strcmp(back, npz) && shape_is(cell(t, i, "npz_shape"), q->n_dims, q->dims) &&
                  other_shape_is(cell(t, i, "shape"), q, false);
    }
    check(n_good == t->n_rows && p->n == n_good, "lists/%s: %zu of %zu tensors agree", name, n_good,
          t->n_rows);
}

static void check_timm_list(const struct table *totals, size_t row)
{
    const char *name = cell(totals, row, "model"), *path = path_of("lists/%s.tsv", name);
    struct arch a;
    struct param_table p, bare;
    size_t n_classes = count(totals, row, "classes");
    need(!arch_parse(&a, cell(totals, row, "arch"), &e) &&
             !param_table_init(&p, &a, n_classes, &e) && !param_table_init(&bare, &a, 0, &e),
         name);
    check(p.n == count(totals, row, "tensors") && p.n_values == count(totals, row, "parameters") &&
              bare.n_values == count(totals, row, "parameters_without_head"),
          "lists/%s: %zu tensors, %zu parameters", name, p.n, p.n_values);
    if (file_exists(path)) {
        struct table t = table_read(path);
        check_timm_rows(&p, &t, name);
        table_free(&t);
    }
    param_table_release(&p);
    param_table_release(&bare);
}

/* Hugging Face's BiT-50 layout, with and without the head. */
static void check_hf_list(const struct table *totals, size_t row)
{
    const char *name = cell(totals, row, "class");
    struct arch a;
    struct param_table p;
    size_t n_good = 0;
    need(!arch_parse(&a, "R50x1", &e) &&
             !param_table_init(&p, &a, count(totals, row, "labels"), &e),
         name);
    struct table t = table_read(path_of("lists/hf_bit50_%s.tsv", name));
    for (size_t i = 0; i < t.n_rows; i++) {
        const char *tensor = cell(&t, i, "tensor");
        char npz[PARAM_NAME] = "", hf[PARAM_NAME] = "";
        const struct param *q = weights_npz_name(tensor, npz) ? param_find(&p, npz) : NULL;
        if (q) {
            weights_hf_name(npz, hf);
        }
        const char *bare = str_starts(hf, "bit.") ? hf + strlen("bit.") : hf;
        n_good += q && (!strcmp(hf, tensor) || !strcmp(bare, tensor)) &&
                  other_shape_is(cell(&t, i, "shape"), q, true);
    }
    check(n_good == t.n_rows && p.n == n_good && p.n == count(totals, row, "tensors") &&
              p.n_values == count(totals, row, "parameters"),
          "lists/%s: %zu of %zu tensors agree, %zu parameters", name, n_good, t.n_rows, p.n_values);
    table_free(&t);
    param_table_release(&p);
}

static void check_zoo_row(const struct table *t, size_t i)
{
    const char *name = cell(t, i, "model");
    const struct zoo_row *r = zoo_find(name);
    double px = 0;
    const char *size = strrchr(cell(t, i, "input_size"), 'x');
    need(size && str_to_double(size + 1, &px), name);
    char want[64];
    snprintf(want, sizeof want, "timm:%.0f-%.0f-%s", floor(px / number(t, i, "crop_pct")), px,
             cell(t, i, "interpolation"));
    check(r && !strcmp(r->name, name) && !strcmp(r->arch, cell(t, i, "arch")) &&
              r->n_classes == count(t, i, "num_classes") && !strcmp(r->preprocess, want),
          "lists: zoo %s is %s with %s", name, cell(t, i, "arch"), want);
}

static void each_row(const char *path, void (*fn)(const struct table *t, size_t row))
{
    if (file_exists(path)) {
        struct table t = table_read(path);
        for (size_t i = 0; i < t.n_rows; i++) {
            fn(&t, i);
        }
        table_free(&t);
    }
}

static void check_train(void)
{
    char folder[PATH];
    snprintf(folder, sizeof folder, "%s", path_of("train"));
    check_training(folder, pool, folder_salt);
}

/* The part of the folder that index belongs to, if it is there; says when nothing was checked. */
static void part(const char *index, void (*fn)(void))
{
    size_t before = n_checks;
    if (file_exists(path_of("%s", index)) || file_is_dir(path_of("%s", index))) {
        fn();
        if (n_checks == before) {
            printf("# %s: no row of it names a case that can be checked\n", path_of("%s", index));
        }
    }
}

static void read_salt(void)
{
    unsigned char *text;
    size_t n;
    if (file_exists(path_of("salt"))) {
        need(!file_read(path_of("salt"), KEY - 1, &text, &n, &e), "salt");
        snprintf(folder_salt, sizeof folder_salt, "%.*s", (int)strcspn((char *)text, "\n"),
                 (char *)text);
        free(text);
    }
}

int main(int argc, char **argv)
{
    dir = argc > 1 && *argv[1] ? argv[1] : dir;
    snprintf(e.text, sizeof e.text, "no such folder");
    need(file_is_dir(dir), dir);
    snprintf(e.text, sizeof e.text, "not of the form that tests/parity/model/README.md gives");
    blas_init();
    need(!pool_open(&pool, pool_cpus(), &e), "threads");
    read_salt();
    part("formula/weights.tsv", check_formula);
    part("layers/index.tsv", check_layers);
    part("logits/index.tsv", check_logits);
    part("ckpt", check_checkpoints);
    part("train/index.tsv", check_train);
    each_row(path_of("lists/timm_totals.tsv"), check_timm_list);
    each_row(path_of("lists/hf_totals.tsv"), check_hf_list);
    each_row(path_of("lists/timm_default_cfg.tsv"), check_zoo_row);
    pool_close(pool);
    if (!n_checks) {
        check(false, "%s holds nothing to check; what may be there: tests/parity/model/README.md",
              dir);
    }
    printf("1..%zu\n", n_checks);
    return n_bad > 0;
}
