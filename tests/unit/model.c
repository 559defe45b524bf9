/* Models by name: the zoo, random initialisation, pixels, paths, and what is said when something
 * is unknown or not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "models/model.h"
#include "models/weights.h"

static void fails(const char *name, const struct model_dirs *where, enum err_code code,
                  const char *const *says)
{
    struct model *m;
    struct err e = {0};
    assert_int_equal(model_open(&m, name, where, true, &e), -1);
    assert_null(m);
    for (; *says; says++) {
        if (e.code != code || !strstr(e.text, *says)) {
            fail_msg("'%s': error %d '%s', expected %d '%s'", name, (int)e.code, e.text, (int)code,
                     *says);
        }
    }
}

#define SAYS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Every row is sound: names differ, the architecture parses, the file belongs to the address. */
static void test_zoo_rows(void **state)
{
    (void)state;
    assert_true(zoo_n >= 15);
    for (size_t i = 0; i < zoo_n; i++) {
        const struct zoo_row *r = &zoo[i];
        struct arch a;
        char name[ARCH_NAME], stem[128];
        assert_int_equal(arch_parse(&a, r->arch, NULL), 0);
        arch_name(&a, name);
        assert_string_equal(name, r->arch);
        assert_string_equal(strrchr(r->url, '/') + 1, r->npz);
        assert_true(r->n_classes == 1000 || r->n_classes == 21843);
        snprintf(stem, sizeof stem, "%.*s", (int)(strlen(r->npz) - 4), r->npz);
        assert_ptr_equal(zoo_find(r->name), r);
        assert_ptr_equal(zoo_find(r->alias), r);
        assert_ptr_equal(zoo_find(r->npz), r);
        assert_ptr_equal(zoo_find(stem), r);
    }
    const struct zoo_row *r = zoo_find("bit-m-r50x1");
    assert_string_equal(r->name, "resnetv2_50x1_bit.goog_in21k");
    assert_ptr_equal(zoo_find("BiT-M-R50x1"), r);
    r = zoo_find("BiT-M-R152x4-ILSVRC2012.npz");
    assert_string_equal(r->name, "resnetv2_152x4_bit.goog_in21k_ft_in1k");
    assert_string_equal(r->preprocess, "timm:480-480-bilinear");
    assert_null(zoo_find("BiT-M-R50x1.np"));
    assert_null(zoo_find(""));
}

static void test_unknown(void **state)
{
    (void)state;
    fails("bit-m-r50x2", NULL, ERR_USAGE, SAYS("unknown model 'bit-m-r50x2'", "bit-m-r50x1"));
    fails("pixel", NULL, ERR_USAGE, SAYS("'pixels'"));
    fails("resnetv2_50x1_bit.goog_in22k", NULL, ERR_USAGE, SAYS("resnetv2_50x1_bit.goog_in21k"));
    fails("", NULL, ERR_USAGE, SAYS("unknown model"));
    char lengthy[1000];
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    fails(lengthy, NULL, ERR_USAGE, SAYS("longer than 511"));
}

static void test_absent(void **state)
{
    (void)state;
    const char *dirs[] = {"/nowhere/a", "/nowhere/b"};
    const struct model_dirs where = {dirs, 2};
    fails("bit-m-r50x1", &where, ERR_ABSENT,
          SAYS("resnetv2_50x1_bit.goog_in21k", "BiT-M-R50x1.npz", "/nowhere/a, /nowhere/a/models",
               "/nowhere/b/models", "https://storage.googleapis.com/bit_models/BiT-M-R50x1.npz"));
    fails("BiT-S-R101x3", NULL, ERR_ABSENT, SAYS("no data folder is known"));
    fails("/nowhere/w.npz", NULL, ERR_ABSENT, SAYS("/nowhere/w.npz: no such file"));
    fails("nowhere.safetensors", NULL, ERR_ABSENT, SAYS("no such file"));
    fails("/tmp/", NULL, ERR_ABSENT, SAYS("model.safetensors"));
    fails("/dev/null", NULL, ERR_USAGE, SAYS("known are .npz and .safetensors"));
}

static void test_pixels(void **state)
{
    (void)state;
    struct model *m;
    assert_int_equal(model_open(&m, "pixels", NULL, true, NULL), 0);
    assert_int_equal(m->kind, MODEL_PIXELS);
    assert_string_equal(m->subject, "pixels");
    assert_string_equal(m->arch_text, "pixels");
    assert_int_equal(model_feature_dim(m, 28, 20), 28 * 20 * 3);
    /* sha256 of the six letters, by coreutils */
    assert_string_equal(m->sha256,
                        "6ec9c2b0eb14010746c8bce8939303b382344b296206612eb8a907a37b2b2f37");
    model_close(m);
}

/* Mean, standard deviation and kurtosis of a normal distribution within 5 standard errors. */
static void normal(const float *v, size_t n, double std)
{
    double mean = 0, var = 0, fourth = 0;
    for (size_t i = 0; i < n; i++) {
        mean += (double)v[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double d = ((double)v[i] - mean) / std;
        var += d * d / (double)n;
        fourth += d * d * d * d / (double)n;
    }
    double unit = 5 / sqrt((double)n);
    if (fabs(mean / std) > unit || fabs(var - 1) > unit * sqrt(2) ||
        fabs(fourth - 3) > unit * sqrt(96)) {
        fail_msg("mean %g, variance %g, fourth moment %g of %zu values", mean / std, var, fourth,
                 n);
    }
}

static const float *values(const struct model *m, const char *name, size_t *n)
{
    const struct param *p = param_find(&m->table, name);
    assert_non_null(p);
    *n = p->n;
    return m->params + p->offset;
}

static void test_random_values(void **state)
{
    (void)state;
    struct model *m;
    assert_int_equal(model_open(&m, "random:R(1,1,1,1)x0.5:7", NULL, true, NULL), 0);
    for (size_t i = 0; i < m->table.n; i++) {
        const struct param *p = &m->table.params[i];
        const float *v = m->params + p->offset;
        if (p->kind == PARAM_KERNEL) {
            normal(v, p->n, sqrt(2.0 / (double)(p->n / p->dims[3])));
        }
        for (size_t j = 0; p->kind != PARAM_KERNEL && j < p->n; j++) {
            assert_true(v[j] == (p->kind == PARAM_GAMMA ? 1.0f : 0.0f));
        }
    }
    assert_int_equal(m->n_classes, 0);
    model_close(m);
}

/* A value depends on the seed, the tensor's name and the place in it, on nothing else. */
static void test_random_seeds(void **state)
{
    (void)state;
    struct model *a, *b, *c, *d;
    assert_int_equal(model_open(&a, "random:R(1,1,1,1)x0.5", NULL, true, NULL), 0);
    assert_int_equal(model_open(&b, "random:R(1,1,1,1)x0.5:0", NULL, true, NULL), 0);
    assert_int_equal(model_open(&c, "random:R(1,1,1,1)x0.5:1", NULL, true, NULL), 0);
    assert_int_equal(model_open(&d, "random:R(2,1,1,1)x0.5", NULL, true, NULL), 0);
    assert_string_equal(a->subject, "random:R(1,1,1,1)x0.5");
    assert_string_equal(b->subject, a->subject);
    assert_string_equal(c->subject, "random:R(1,1,1,1)x0.5:1");
    assert_string_equal(a->sha256, b->sha256);
    assert_string_not_equal(a->sha256, c->sha256);
    assert_string_not_equal(a->sha256, d->sha256);
    const char *name = "resnet/block4/unit01/b/standardized_conv2d/kernel";
    size_t n;
    const float *v = values(a, name, &n);
    assert_memory_equal(v, values(d, name, &n), n * sizeof *v);
    assert_memory_not_equal(v, values(c, name, &n), n * sizeof *v);
    assert_memory_not_equal(v, values(a, "resnet/block4/unit01/a/standardized_conv2d/kernel", &n),
                            100 * sizeof *v);
    model_close(a);
    model_close(b);
    model_close(c);
    model_close(d);
}

static void test_random_names(void **state)
{
    (void)state;
    struct model *m;
    assert_int_equal(model_open(&m, "random:R(3,4,6,3)x1:18446744073709551615", NULL, false, NULL),
                     0);
    assert_string_equal(m->subject, "random:R50x1:18446744073709551615");
    assert_string_equal(m->arch_text, "R50x1");
    assert_int_equal(m->table.n_values, 23500352);
    assert_null(m->params);
    assert_string_equal(m->sha256, "");
    assert_int_equal(model_feature_dim(m, 5, 5), 2048);
    model_close(m);
    fails("random:R50x1:", NULL, ERR_USAGE, SAYS("random:ARCH:SEED"));
    fails("random:R50x1:-1", NULL, ERR_USAGE, SAYS("random:ARCH:SEED"));
    fails("random:R50x1:1x", NULL, ERR_USAGE, SAYS("random:ARCH:SEED"));
    fails("random:R50x1:18446744073709551616", NULL, ERR_USAGE, SAYS("random:ARCH:SEED"));
    fails("random:", NULL, ERR_USAGE, SAYS("R50x1"));
    fails("random:R(3,4,6,3)x0.25", NULL, ERR_USAGE, SAYS("'R(3,4,6,3)x0.25'", "multiple of 0.5"));
}

/* A zoo name finds its file in DIR/models, then holds it to what the zoo says. */
static void test_zoo_file(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    char dir[512], sub[600], npz[700], folder[600], st[700];
    snprintf(dir, sizeof dir, "%.400s/bitbench-model-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(dir));
    snprintf(sub, sizeof sub, "%s/models", dir);
    snprintf(npz, sizeof npz, "%s/BiT-S-R50x1.npz", sub);
    snprintf(folder, sizeof folder, "%s/mine", dir);
    snprintf(st, sizeof st, "%s/model.safetensors", folder);
    assert_int_equal(mkdir(sub, 0700), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    struct model *m;
    struct err e;
    assert_int_equal(model_open(&m, "random:R(1,1,1,1)x0.5", NULL, true, &e), 0);
    assert_int_equal(model_save(m, npz, &e), 0);
    assert_int_equal(model_save(m, st, &e), 0);
    model_close(m);
    const char *dirs[] = {"/nowhere", dir};
    const struct model_dirs where = {dirs, 2};
    fails("bit-s-r50x1", &where, ERR_FORMAT,
          SAYS(npz, "holds R(1,1,1,1)x0.5 with 0 classes", "is R50x1 with 1000 classes"));
    strcat(folder, "//");
    assert_int_equal(model_open(&m, folder, NULL, true, &e), 0);
    assert_int_equal(strncmp(m->subject, "mine@", 5), 0);
    assert_int_equal(strlen(m->subject), 5 + 12);
    model_close(m);
    assert_int_equal(unlink(npz) || unlink(st) || rmdir(sub) || rmdir(folder) || rmdir(dir), 0);
}

/* The source lists, from which results get their numeric id, name files that exist. */
static void each_source(const char *sources)
{
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", sources);
    for (char *rest = copy, *path; (path = strsep(&rest, " "));) {
        if (*path && !file_exists(path)) {
            fail_msg("no source file %s", path);
        }
    }
}

static void test_sources(void **state)
{
    (void)state;
    each_source(weights_npz.sources);
    each_source(weights_safetensors.sources);
    for (size_t i = 0; i < engines_n; i++) {
        each_source(engines[i]->sources);
    }
    struct model *m;
    assert_int_equal(model_open(&m, "random:R50x1", NULL, false, NULL), 0);
    each_source(m->sources);
    model_close(m);
    struct err e;
    assert_null(engine_find("referense", &e));
    assert_non_null(strstr(e.text, "'reference'"));
    assert_null(engine_find("", &e));
    for (size_t i = 0; i < engines_n; i++) {
        assert_non_null(strstr(e.text, engines[i]->name));
    }
    assert_ptr_equal(engine_find(NULL, &e), engines[0]);
    assert_ptr_equal(engine_find("reference", &e), &engine_reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zoo_rows),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_random_values),
        cmocka_unit_test(test_random_seeds),
        cmocka_unit_test(test_random_names),
        cmocka_unit_test(test_zoo_file),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
