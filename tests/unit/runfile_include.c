/* Run files that include others: what overrides what, where files are found, where it ends. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "harness/runfile.h"
#include "tests/unit/runfile_check.h"

struct folder {
    char path[64];
    struct texts files;
};

static void folder_open(struct folder *f)
{
    *f = (struct folder){0};
    snprintf(f->path, sizeof f->path, "/tmp/bitbench-runfile-XXXXXX");
    assert_non_null(mkdtemp(f->path));
}

static void folder_put(struct folder *f, const char *name, const char *text)
{
    char path[256];
    struct err e = {0};
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    assert_int_equal(file_write(path, text, strlen(text), &e), 0);
    assert_int_equal(texts_add(&f->files, path, strlen(path), &e), 0);
}

static void folder_close(struct folder *f)
{
    for (size_t i = 0; i < f->files.n; i++) {
        unlink(f->files.items[i]);
    }
    texts_release(&f->files);
    assert_int_equal(rmdir(f->path), 0);
}

static int read_in(const struct folder *f, const char *name, const char *suites, struct run_plan *p,
                   struct err *e)
{
    char path[256];
    const struct runfile_opts o = {.suites = suites};
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    *e = (struct err){0};
    return runfile_read(p, path, &o, e);
}

static const struct {
    const char *text;
    size_t n;
    const char *first, *axes;
} overrides[] = {
#define ALL "regime.name=kshot regime.rule=bit-jax "
    /* As it is: 2 x 2 x 2 x 2 - 1 x 2 x 2 x 1 = 12. */
    {"name: own\n", 12,
     "model=a dataset=d " ALL "regime.k=3 adapt.name=ridge adapt.l2=5 adapt.bias=1 "
     "preprocess.crop=32",
     "model,dataset,regime.draw,adapt.bias,preprocess.crop"},
    /* A map is merged key by key: 12. */
    {"regime: {rule: nested}\n", 12,
     "model=a dataset=d regime.name=kshot regime.k=3 adapt.name=ridge adapt.l2=5 adapt.bias=1 "
     "preprocess.crop=32",
     "model,dataset,regime.draw,adapt.bias,preprocess.crop"},
    /* An axis in the place of a value; sweep is replaced as a whole, so the draws are gone:
     * 2 x 2 x 3 x 2 - 1 x 2 x 3 x 1 = 18. */
    {"sweep: {regime.k: [7, 8, 9]}\n", 18,
     "model=a dataset=d " ALL "regime.k=7 adapt.name=ridge adapt.l2=5 adapt.bias=1 "
     "preprocess.crop=32",
     "model,dataset,regime.k,adapt.bias,preprocess.crop"},
    /* A value in the place of an axis: 6. */
    {"regime.draw: 4\n", 6,
     "model=a dataset=d " ALL "regime.k=3 regime.draw=4 adapt.name=ridge adapt.l2=5 "
     "adapt.bias=1 preprocess.crop=32",
     "model,dataset,adapt.bias,preprocess.crop"},
    /* A value in the place of a column of zip; the exclude names it, so it may be idle: 16. */
    {"adapt.bias: 9\n", 16,
     "model=a dataset=d " ALL "regime.k=3 adapt.name=ridge adapt.l2=5 adapt.bias=9 "
     "preprocess.crop=32",
     "model,dataset,regime.draw,preprocess.crop"},
    /* Emptied: 2 x 2 x 2. */
    {"zip: []\nexclude: []\n", 8,
     "model=a dataset=d " ALL "regime.k=3 adapt.name=ridge adapt.l2=5",
     "model,dataset,regime.draw"},
    {"sweep: {}\nmodels: z\nexclude: []\n", 4,
     "model=z dataset=d " ALL "regime.k=3 adapt.name=ridge adapt.l2=5 adapt.bias=1 "
     "preprocess.crop=32",
     "dataset,adapt.bias,preprocess.crop"},
};

static void includes_are_overridden(void **state)
{
    (void)state;
    struct folder f;
    folder_open(&f);
    folder_put(&f, "suite.yaml", SUITE);
    for (size_t i = 0; i < ARRAY_LEN(overrides); i++) {
        struct run_plan p = {0};
        struct err e;
        struct str text = {0}, first = {0}, axes = {0};
        str_addf(&text, "include: suite.yaml\n%s", overrides[i].text);
        folder_put(&f, "own.yaml", str_text(&text));
        if (read_in(&f, "own.yaml", NULL, &p, &e)) {
            fail_msg("%s\n%s", overrides[i].text, e.text);
        }
        spec_text(&p.specs[0], &first);
        join_axes(&p, &axes);
        assert_int_equal(p.n, overrides[i].n);
        assert_string_equal(str_text(&first), overrides[i].first);
        assert_string_equal(str_text(&axes), overrides[i].axes);
        assert_string_equal(p.name, i == 0 ? "own" : "suite");
        assert_text_survives(&p);
        run_plan_release(&p);
        str_release(&text);
        str_release(&first);
        str_release(&axes);
    }
    folder_close(&f);
}

static void includes_are_found(void **state)
{
    (void)state;
    struct folder f, suites;
    struct run_plan p = {0};
    struct err e;
    folder_open(&f);
    folder_open(&suites);
    folder_put(&suites, "common.yaml", SUITE);
    folder_put(&f, "a.yaml", "include: common\nname: by-word\n");
    folder_put(&f, "b.yaml", "include: common.yaml\nname: by-file\n");
    folder_put(&f, "c.yaml", "include: comon.yaml\n");
    assert_int_equal(read_in(&f, "a.yaml", suites.path, &p, &e), 0);
    run_plan_release(&p);
    assert_int_equal(read_in(&f, "b.yaml", suites.path, &p, &e), 0);
    run_plan_release(&p);
    assert_int_equal(read_in(&f, "c.yaml", suites.path, &p, &e), -1);
    assert_non_null(strstr(e.text, "c.yaml:1:1: include: no file 'comon.yaml' beside this one"));
    assert_non_null(strstr(e.text, "did you mean 'common.yaml'?"));
    assert_int_equal(read_in(&f, "a.yaml", NULL, &p, &e), -1);
    assert_non_null(strstr(e.text, "a.yaml:1:1: include: no file 'common' beside this one"));
    assert_int_equal(read_in(&f, "d.yaml", NULL, &p, &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    folder_put(&f, "common.yaml", "name: near\nmodels: m\ndatasets: d\n"); /* beside goes first */
    assert_int_equal(read_in(&f, "b.yaml", suites.path, &p, &e), 0);
    assert_int_equal(p.n, 1);
    run_plan_release(&p);
    folder_close(&suites);
    folder_close(&f);
}

static void includes_end(void **state)
{
    (void)state;
    struct folder f;
    struct run_plan p = {0};
    struct err e;
    folder_open(&f);
    folder_put(&f, "self.yaml", "include: ./self.yaml\n");
    folder_put(&f, "a.yaml", "include: b.yaml\n");
    folder_put(&f, "b.yaml", "name: x\ninclude: a.yaml\n");
    assert_int_equal(read_in(&f, "self.yaml", NULL, &p, &e), -1);
    assert_non_null(strstr(e.text, "self.yaml includes itself"));
    assert_int_equal(read_in(&f, "a.yaml", NULL, &p, &e), -1);
    assert_non_null(strstr(e.text, "b.yaml:2:1: include: "));
    assert_non_null(strstr(e.text, "a.yaml includes itself"));
    folder_put(&f, "0.yaml", SUITE);
    folder_put(&f, "1.yaml", "include: 0.yaml\n");
    folder_put(&f, "2.yaml", "include: 1.yaml\n");
    folder_put(&f, "3.yaml", "include: 2.yaml\n");
    folder_put(&f, "4.yaml", "include: 3.yaml\n");
    folder_put(&f, "5.yaml", "include: 4.yaml\n");
    assert_int_equal(read_in(&f, "4.yaml", NULL, &p, &e), 0);
    assert_int_equal(p.n, 12);
    run_plan_release(&p);
    assert_int_equal(read_in(&f, "5.yaml", NULL, &p, &e), -1);
    assert_non_null(strstr(e.text, "1.yaml:1:1: include: more than 4 files deep"));
    /* A fault is placed in the file that has it. */
    folder_put(&f, "bad.yaml", "name: x\nadapt: {name: rigde}\n");
    folder_put(&f, "on-bad.yaml", "include: bad.yaml\n");
    assert_int_equal(read_in(&f, "on-bad.yaml", NULL, &p, &e), -1);
    assert_non_null(strstr(e.text, "/bad.yaml:2:9: adapt.name: 'rigde'"));
    folder_put(&f, "on.yaml", "include: 0.yaml\nadapt.name: logistic\n");
    assert_int_equal(read_in(&f, "on.yaml", NULL, &p, &e), -1);
    assert_non_null(strstr(e.text, "/0.yaml:5:22: adapt.l2 has a meaning with adapt.name ridge"));
    folder_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(includes_are_overridden),
        cmocka_unit_test(includes_are_found),
        cmocka_unit_test(includes_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
