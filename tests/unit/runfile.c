/* Run files: written examples and their counts, order of cells, includes, --set, plans of options,
 * plans as text, and what is refused with which place. */
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
#include "harness/base/yaml.h"
#include "harness/runfile.h"

#define EXAMPLES "tests/golden/runfiles/"

static int parse(struct run_plan *p, const char *text, struct err *e)
{
    const struct runfile_opts o = {.name = "t.yaml"};
    return runfile_parse(p, text, strlen(text), &o, e);
}

static void assert_same_cells(const struct run_plan *a, const struct run_plan *b, const char *what)
{
    if (a->n != b->n || a->n_axes != b->n_axes || strcmp(a->name, b->name) != 0) {
        fail_msg("%s: %zu cells and %zu axes, then %zu and %zu", what, a->n, a->n_axes, b->n,
                 b->n_axes);
    }
    for (size_t i = 0; i < a->n; i++) {
        if (!spec_equal(&a->specs[i], &b->specs[i])) {
            fail_msg("%s: cell %zu differs", what, i);
        }
    }
    for (size_t i = 0; i < a->n_axes; i++) {
        assert_string_equal(a->axes[i], b->axes[i]);
    }
}

/* The plan's text gives the same cells and the same text again. */
static void assert_text_survives(const struct run_plan *p)
{
    struct run_plan again = {0};
    struct err e = {0};
    if (parse(&again, p->text, &e)) {
        fail_msg("%s\nof\n%s", e.text, p->text);
    }
    assert_same_cells(p, &again, p->text);
    assert_string_equal(again.text, p->text);
    run_plan_release(&again);
}

static void assert_cells(const struct run_plan *p, const char *const *want, size_t n)
{
    assert_int_equal(p->n, n);
    for (size_t i = 0; i < n; i++) {
        struct str text = {0};
        spec_text(&p->specs[i], &text);
        assert_string_equal(str_text(&text), want[i]);
        str_release(&text);
    }
}

static void join_axes(const struct run_plan *p, struct str *out)
{
    for (size_t i = 0; i < p->n_axes; i++) {
        str_addf(out, "%s%s", i ? "," : "", p->axes[i]);
    }
    str_add(out, p->n_axes ? "" : "-");
}

/* ---- written examples ---- */

static void one_example(const char *file, char *sets, size_t n, const char *axes)
{
    struct texts list = {0};
    struct run_plan p = {0};
    struct err e = {0};
    char path[256], *rest = NULL;
    for (char *set = strtok_r(sets, " ", &rest); set; set = strtok_r(NULL, " ", &rest)) {
        if (strcmp(set, "-") != 0) {
            assert_int_equal(texts_add(&list, set, strlen(set), &e), 0);
        }
    }
    const struct runfile_opts o = {.sets = &list};
    snprintf(path, sizeof path, EXAMPLES "%s", file);
    if (runfile_read(&p, path, &o, &e)) {
        fail_msg("%s", e.text);
    }
    struct str have = {0};
    join_axes(&p, &have);
    if (p.n != n || strcmp(str_text(&have), axes) != 0) {
        fail_msg("%s %s: %zu cells along %s, not %zu along %s", file, sets, p.n, str_text(&have), n,
                 axes);
    }
    for (size_t i = 0; i < p.n; i++) {
        assert_int_equal(spec_check(&p.specs[i], &e), 0);
        for (size_t j = 0; j < i; j++) {
            assert_false(spec_equal(&p.specs[i], &p.specs[j]));
        }
    }
    assert_text_survives(&p);
    str_release(&have);
    run_plan_release(&p);
    texts_release(&list);
}

static void examples_have_their_counts(void **state)
{
    (void)state;
    FILE *f = fopen(EXAMPLES "counts.tsv", "r");
    assert_non_null(f);
    char line[1024];
    size_t n = 0;
    while (fgets(line, sizeof line, f)) {
        char *rest = NULL;
        char *file = strtok_r(line, "\t\n", &rest), *sets = strtok_r(NULL, "\t\n", &rest);
        char *cells = strtok_r(NULL, "\t\n", &rest), *axes = strtok_r(NULL, "\t\n", &rest);
        if (file[0] != '#') {
            int64_t count;
            assert_true(axes && str_to_i64(cells, &count));
            one_example(file, sets, (size_t)count, axes);
            n++;
        }
    }
    fclose(f);
    assert_true(n >= 12);
}

/* Every file of examples and suites is valid. */
static void files_are_valid(void **state)
{
    (void)state;
    static const char *const dirs[] = {"tests/golden/runfiles", "protocols/suites"};
    for (size_t d = 0; d < ARRAY_LEN(dirs); d++) {
        struct file_list list;
        struct err e = {0};
        assert_int_equal(file_list_read(&list, dirs[d], &e), 0);
        for (size_t i = 0; i < list.n; i++) {
            char path[256];
            struct run_plan p = {0};
            const struct runfile_opts o = {.suites = "protocols/suites"};
            snprintf(path, sizeof path, "%s/%s", dirs[d], list.names[i]);
            if (str_ends(path, ".yaml") && runfile_read(&p, path, &o, &e)) {
                fail_msg("%s", e.text);
            }
            run_plan_release(&p);
        }
        file_list_release(&list);
    }
}

static void cells_stand_in_written_order(void **state)
{
    (void)state;
    struct run_plan p = {0};
    struct err e = {0};
    assert_int_equal(parse(&p,
                           "zip: [{adapt.l2: 3, adapt.bias: 4}, {adapt.bias: 6, adapt.l2: 5}]\n"
                           "sweep: {regime.draw: [1, 0], regime.k: [2, 1]}\n"
                           "datasets: d\n"
                           "adapt.name: ridge\n"
                           "exclude: [{regime.draw: 0, adapt.l2: 3.0}]\n"
                           "regime: {name: kshot}\n"
                           "models: [m, n]\n"
                           "name: order\n",
                           &e),
                     0);
#define CELL(m, draw, k, l2, bias)                                                              \
    "model=" m " dataset=d regime.name=kshot regime.k=" k draw " adapt.name=ridge adapt.l2=" l2 \
    " adapt.bias=" bias
    static const char *const want[] = {
        CELL("m", " regime.draw=1", "2", "3", "4"),
        CELL("m", " regime.draw=1", "2", "5", "6"),
        CELL("m", " regime.draw=1", "1", "3", "4"),
        CELL("m", " regime.draw=1", "1", "5", "6"),
        CELL("m", "", "2", "5", "6"),
        CELL("m", "", "1", "5", "6"),
        CELL("n", " regime.draw=1", "2", "3", "4"),
        CELL("n", " regime.draw=1", "2", "5", "6"),
        CELL("n", " regime.draw=1", "1", "3", "4"),
        CELL("n", " regime.draw=1", "1", "5", "6"),
        CELL("n", "", "2", "5", "6"),
        CELL("n", "", "1", "5", "6"),
    };
#undef CELL
    assert_cells(&p, want, ARRAY_LEN(want));
    struct str axes = {0};
    join_axes(&p, &axes);
    assert_string_equal(str_text(&axes), "model,regime.draw,regime.k,adapt.l2,adapt.bias");
    str_release(&axes);
    assert_text_survives(&p);
    run_plan_release(&p);
}

static void nested_is_dotted(void **state)
{
    (void)state;
    static const char *const same[] = {
        "regime: {name: kshot}\nadapt: {name: ridge}\nsweep: {regime: {k: [1, 2]}}\n"
        "select: {adapt: {l2: {log2: [0, 3]}}, on: loo}",
        "regime.name: kshot\nadapt.name: ridge\nsweep:\n  regime.k: [1, 2]\n"
        "select.adapt.l2: {log2: [0, 3]}\nselect.on: loo",
        "regime.name: kshot\nadapt:\n  name: ridge\nsweep: {regime.k: {range: [1, 2]}}\n"
        "select.adapt: {l2: {log2: [0, 3]}}\n",
        "regime.name: kshot\nadapt.name: ridge\nzip: [{regime: {k: 1}}, {regime.k: 2}]\n"
        "select.grid: adapt.l2=log2:0:3",
    };
    struct run_plan first = {0};
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        char text[1024];
        struct run_plan p = {0};
        struct err e = {0};
        snprintf(text, sizeof text, "name: x\nmodels: m\ndatasets: d\n%s", same[i]);
        if (parse(&p, text, &e)) {
            fail_msg("%s\n%s", e.text, text);
        }
        assert_int_equal(p.n, 2);
        if (i == 0) {
            first = p;
        } else {
            assert_same_cells(&first, &p, text);
            run_plan_release(&p);
        }
    }
    run_plan_release(&first);
}

/* ---- what is refused ---- */

/* Behind "name: x\nmodels: m\ndatasets: d\n", so that a snippet begins in line 4. */
static void faults_are_placed(void **state)
{
    (void)state;
#define RIDGE "adapt.name: ridge\n"
#define SHOTS "regime: {name: kshot, k: 1}\nadapt.name: ridge\n"
    static const struct {
        const char *text, *fragment;
    } bad[] = {
        {"modles: a\n", "t.yaml:4:1: unknown key 'modles'; did you mean 'models'?"},
        {"model: a\n", "t.yaml:4:1: unknown key 'model'; did you mean 'models'?"},
        {"adapt: {nmae: ridge}\n", "t.yaml:4:9: unknown key 'adapt.nmae'; did you mean 'adapt.name'"},
        {"adapt:\n  lr: 1\n", "t.yaml:5:3: unknown key 'adapt.lr'; did you mean 'adapt.l2'"},
        {"sweep: {regime.shots: [1]}\n", "t.yaml:4:9: unknown key 'regime.shots'"},
        {"sweep: {k: [1]}\n", "t.yaml:4:9: unknown key 'k'"},
        {"adapt: {name: rigde}\n", "t.yaml:4:9: adapt.name: 'rigde' is not one of none|ridge|logistic; "
                                   "did you mean 'ridge'?"},
        {"regime.k: [1, 5]\n", "t.yaml:4:1: regime.k: one value is wanted here; lists belong in sweep:"},
        {"regime: {k: {range: [0, 4]}}\n", "t.yaml:4:10: regime.k: one value is wanted here; lists"},
        {"zip: [{regime.k: [1, 2]}]\n", "t.yaml:4:8: regime.k: one value is wanted here; lists"},
        {"exclude:\n  - {regime.k: [1, 2]}\n", "t.yaml:5:6: regime.k: one value is wanted here; lists"},
        {"regime: kshot\n", "t.yaml:4:1: regime: a map is wanted, like regime: {name: kshot}"},
        {"preprocess: timm\n", "t.yaml:4:1: preprocess: a map is wanted, like preprocess: {preset: timm}"},
        {"select: loo\n", "t.yaml:4:1: select: a map is wanted, like select: {KNOB: VALUE}"},
        {"regime.k: five\n", "t.yaml:4:1: regime.k: 'five' is not a whole number"},
        {"regime.draw: -1\n", "t.yaml:4:1: regime.draw: -1 not in 0.."},
        {"sweep:\n  regime.draw: [0, -1]\n", "t.yaml:5:20: regime.draw: -1 not in 0.."},
        {"sweep: {regime.k: 5}\n", "t.yaml:4:9: regime.k: a list is wanted: [V, ...], {range: [A, B]}"},
        {"sweep: {regime.k: []}\n", "t.yaml:4:9: regime.k: an empty list"},
        {"sweep: {regime.k: [[1]]}\n", "t.yaml:4:20: regime.k: a list of single values is wanted"},
        {"sweep: [regime.k]\n", "t.yaml:4:1: sweep: a map is wanted"},
        {"sweep: {models: [a, b]}\n", "t.yaml:4:9: models are an axis of their own: models: [...] at the"},
        {"zip: [{datasets: a}]\n", "t.yaml:4:8: datasets are an axis of their own"},
        {"sweep: {regime.k: {range: [4, 0]}}\n", "t.yaml:4:20: range wants two whole numbers that go up"},
        {"sweep: {regime.k: {range: [0, 1000000]}}\n", "t.yaml:4:20: a range of more than 1000000"},
        {"sweep: {adapt.l2: {log2: [0.5, 2]}}\n", "t.yaml:4:20: 'log2:0.5:2': the exponents must be whole"},
        {"sweep: {adapt.l2: {log10: [0, x]}}\n", "t.yaml:4:31: a number is wanted"},
        {"sweep: {adapt.l2: {log10: [0, 1, 2, 3]}}\n", "t.yaml:4:20: 'log10:0:1:2:3' is not of the form"},
        {"sweep: {regime.k: {log2: [-1, 2]}}\n", "t.yaml:4:20: regime.k: '0.5' is not a whole number"},
        {"sweep: {regime.rule: {log2: [0, 2]}}\n", "t.yaml:4:23: regime.rule: '1' is not one of"},
        {SHOTS "sweep: {regime.k: [1, 2]}\n", "t.yaml:6:9: regime.k is set here and in line 4"},
        {"sweep: {regime.k: [1, 2]}\nzip: [{regime.k: 3}]\n",
         "t.yaml:5:7: regime.k is set here and in line 4"},
        {"regime: {k: 1}\nregime.k: 2\n", "t.yaml:5:1: regime.k is set here and in line 4"},
        {"models: b\n", "t.yaml:4:1: key 'models' stands here and in line 2"},
        {"zip: [{regime.k: 1, regime: {k: 2}}]\n", "t.yaml:4:30: regime.k is set here and in line 4"},
        {"zip: [{regime.k: 1}, {regime.n: 1}]\n", "t.yaml:4:22: zip: regime.k is missing here"},
        {"zip: [{regime.k: 1}, {regime.k: 1, regime.n: 1}]\n", "t.yaml:4:22: zip: this entry has more"},
        {"zip: [{}]\n", "t.yaml:4:7: zip: an entry is a map"},
        {"zip: {regime.k: 1}\n", "t.yaml:4:1: zip: a list of maps is wanted"},
        {"exclude: {regime.k: 1}\n", "t.yaml:4:1: exclude: a list of maps is wanted"},
        {SHOTS "exclude:\n  - {regime.k: 1}\n  - {regime.k: 2}\n",
         "t.yaml:8:5: this entry of exclude matches no cell"},
        {SHOTS "exclude: [{models: m}]\n", "t.yaml:1:1: exclude leaves no cell"},
        {SHOTS "sweep: {adapt.l2: [10, 1, 1e1]}\n", "t.yaml:6:27: adapt.l2 10 stands in the list twice"},
        {SHOTS "zip: [{adapt.l2: 1, adapt.bias: 1}, {adapt.bias: 1, adapt.l2: 1}]\n",
         "t.yaml:6:53: adapt.l2 1, adapt.bias 1 stands in the list twice"},
        {"include: x.yaml\n", "t.yaml:4:1: include has no folder to look in here"},
        {"include: [x.yaml]\n", "t.yaml:4:1: include: one file is wanted"},
        {"name: [x]\n", "t.yaml:4:1: key 'name' stands here and in line 1"},
        {"regime: {name: kshot}\n" RIDGE, "t.yaml:4:10: regime kshot needs regime.k"},
        {RIDGE, "t.yaml:4:1: adapt ridge needs training images"},
        {"regime.name: full\n", "t.yaml:4:1: regime full gives training images, but adapt none"},
        {"regime.name: full\nadapt:\n  name: ridge\n  c: 10\n", "t.yaml:7:3: adapt.c has a meaning with"},
        {"regime: {name: first-n, n: 9}\n" RIDGE "sweep:\n  regime.draw: [0, 1]\n",
         "t.yaml:7:20: regime.draw has a meaning with regime.name kshot only"},
        {SHOTS "select: {adapt.c: [1, 2]}\n", "t.yaml:6:10: select: adapt ridge has no adapt.c"},
        {SHOTS "select: {adapt.l2: 5}\n", "t.yaml:6:10: select.adapt.l2: a list is wanted"},
        {SHOTS "select: {adapt.l2: {range: [1, 5]}}\n", "t.yaml:6:10: select.adapt.l2: a list is"},
        {SHOTS "select: {adapt.bias: [1, 5]}\n", "t.yaml:6:10: select.grid: adapt.bias cannot be"},
        {SHOTS "select: {adapt.l2: [1, 5], on: test}\n", "t.yaml:6:28: select.on: 'test' is not one of"},
        {SHOTS "select: {adapt.l2: [1, 5], adapt.c: [1]}\n", "t.yaml:6:28: select.grid is set here and"},
        {SHOTS "adapt.l2: 5\nselect: {adapt.l2: [1, 5]}\n", "t.yaml:6:1: adapt.l2 is set and selected"},
        {"sweep: {regime.draw: {range: [0, 999]}, seed: {range: [0, 999]}, regime.k: [1, 2]}\n",
         "t.yaml:1:1: more than 1000000 cells"},
        {"adapt: &a {name: ridge}\n", "t.yaml:4:8: anchors (&name) are not supported"},
        {"adapt: {name: ridge\n", "t.yaml:5:1: did not find expected"},
    };
#undef RIDGE
#undef SHOTS
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[1024];
        struct run_plan p = {0};
        struct err e = {0};
        snprintf(text, sizeof text, "name: x\nmodels: m\ndatasets: d\n%s", bad[i].text);
        assert_int_equal(parse(&p, text, &e), -1);
        if (!strstr(e.text, bad[i].fragment)) {
            fail_msg("%s gives\n%s, not\n%s", bad[i].text, e.text, bad[i].fragment);
        }
        assert_true(!p.name && !p.specs && !p.axes && !p.text);
    }
}

/* Whole documents. */
static void faults_of_the_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fragment;
    } bad[] = {
        {"", "t.yaml:1:1: nothing in it"},
        {"- a\n", "t.yaml:1:1: a run file is a map of keys"},
        {"models: m\ndatasets: d\n", "t.yaml:1:1: no name: add `name: WORD`"},
        {"name: x\ndatasets: d\n", "t.yaml:1:1: no models: add `models: [NAME]`"},
        {"name: x\nmodels: d\n", "t.yaml:1:1: no datasets: add `datasets: [NAME]`"},
        {"name: ''\n", "t.yaml:1:1: a name has 1 to 200 bytes"},
        {"name: \"a\\tb\"\n", "t.yaml:1:1: a name without control characters"},
        {"name: {a: b}\n", "t.yaml:1:1: name: one word is wanted"},
        {"models:\n", "t.yaml:1:1: an empty name in models"},
        {"models: []\n", "t.yaml:1:1: models: an empty list"},
        {"models: {a: b}\n", "t.yaml:1:1: models: a name or a list of names is wanted"},
        {"models:\n  - a\n  - b\n  - a\nname: x\ndatasets: d\n",
         "t.yaml:4:5: models a stands in the list twice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct run_plan p = {0};
        struct err e = {0};
        assert_int_equal(parse(&p, bad[i].text, &e), -1);
        if (!strstr(e.text, bad[i].fragment)) {
            fail_msg("%s gives\n%s, not\n%s", bad[i].text, e.text, bad[i].fragment);
        }
    }
}

static void large_sweeps_work(void **state)
{
    (void)state;
    struct run_plan p = {0};
    struct err e = {0};
    assert_int_equal(parse(&p,
                           "name: x\nmodels: m\ndatasets: d\nregime.name: kshot\nadapt.name: ridge\n"
                           "sweep: {regime.k: {range: [1, 100]}, regime.draw: {range: [0, 99]}}\n"
                           "exclude: [{regime.k: 100}, {regime.draw: 99}]\n",
                           &e),
                     0);
    assert_int_equal(p.n, 99 * 99);
    assert_true(p.specs[p.n - 1].regime.k == 99 && p.specs[p.n - 1].regime.draw == 98);
    run_plan_release(&p);
}

/* ---- include ---- */

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

#define SUITE                                                                         \
    "name: suite\nmodels: [a, b]\ndatasets: [d, e]\n"                                 \
    "regime: {name: kshot, rule: bit-jax, k: 3}\nadapt: {name: ridge, l2: 5}\n"       \
    "sweep:\n  regime.draw: [0, 1]\nzip:\n  - {adapt.bias: 1, preprocess.crop: 32}\n" \
    "  - {adapt.bias: 2, preprocess.crop: 64}\nexclude: [{models: a, adapt.bias: 2}]\n"

static void includes_are_overridden(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *first, *axes;
    } cases[] = {
#define ALL "regime.name=kshot regime.rule=bit-jax "
        /* As it is: 2 x 2 x 2 x 2 - 1 x 2 x 2 x 1 = 12. */
        {"name: own\n", 12, "model=a dataset=d " ALL "regime.k=3 adapt.name=ridge adapt.l2=5 adapt.bias=1 "
                            "preprocess.crop=32",
         "model,dataset,regime.draw,adapt.bias,preprocess.crop"},
        /* A map is merged key by key: 12. */
        {"regime: {rule: nested}\n", 12,
         "model=a dataset=d regime.name=kshot regime.k=3 adapt.name=ridge adapt.l2=5 adapt.bias=1 "
         "preprocess.crop=32",
         "model,dataset,regime.draw,adapt.bias,preprocess.crop"},
        /* An axis in the place of a value; sweep is replaced as a whole: 12 - (2 draws) + k: 2 x 2 x 3 x
         * 2 - 1 x 2 x 3 x 1 = 18. */
        {"sweep: {regime.k: [7, 8, 9]}\n", 18,
         "model=a dataset=d " ALL "regime.k=7 adapt.name=ridge adapt.l2=5 adapt.bias=1 "
         "preprocess.crop=32",
         "model,dataset,regime.k,adapt.bias,preprocess.crop"},
        /* A value in the place of an axis: 6. */
        {"regime.draw: 4\n", 6,
         "model=a dataset=d " ALL "regime.k=3 regime.draw=4 adapt.name=ridge adapt.l2=5 adapt.bias=1 "
         "preprocess.crop=32",
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
#undef ALL
    };
    struct folder f;
    folder_open(&f);
    folder_put(&f, "suite.yaml", SUITE);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run_plan p = {0};
        struct err e;
        struct str text = {0}, first = {0}, axes = {0};
        str_addf(&text, "include: suite.yaml\n%s", cases[i].text);
        folder_put(&f, "own.yaml", str_text(&text));
        if (read_in(&f, "own.yaml", NULL, &p, &e)) {
            fail_msg("%s\n%s", cases[i].text, e.text);
        }
        spec_text(&p.specs[0], &first);
        join_axes(&p, &axes);
        assert_int_equal(p.n, cases[i].n);
        assert_string_equal(str_text(&first), cases[i].first);
        assert_string_equal(str_text(&axes), cases[i].axes);
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

/* ---- --set and options ---- */

static int parse_sets(struct run_plan *p, const char *text, const char *set, struct err *e)
{
    const struct texts sets = {.items = &set, .n = 1};
    const struct runfile_opts o = {.name = "t.yaml", .sets = &sets};
    *e = (struct err){0};
    return runfile_parse(p, text, strlen(text), &o, e);
}

static void sets_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *set, *fragment;
    } bad[] = {
        {"regime.k", "--set regime.k: KEY=VALUE is wanted"},
        {"regime.kk=1", "--set regime.kk=1: unknown key 'regime.kk'; did you mean 'regime.k'"},
        {"model=a", "--set model=a: unknown key 'model'; did you mean 'models'?"},
        {"regime.k=1,2", "--set regime.k=1,2: one value is wanted; lists belong in sweep:"},
        {"regime.k=[1]", "--set regime.k=[1]: one value is wanted"},
        {"regime.k=x", "--set regime.k=x: regime.k: 'x' is not a whole number"},
        {"models=a,a", "--set models=a,a: models a stands in the list twice"},
        {"models=\xff", "a text in UTF-8 is wanted"},
        {"models=\xed\xa0\x80", "a text in UTF-8 is wanted"},
        {"adapt.c=7", "--set adapt.c=7: adapt.c has a meaning with adapt.name logistic only"},
        {"name=", "--set name=: a name has 1 to 200 bytes"},
        {"sweep=x", "--set sweep=x: unknown key 'sweep'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct run_plan p = {0};
        struct err e;
        assert_int_equal(parse_sets(&p, SUITE, bad[i].set, &e), -1);
        if (!strstr(e.text, bad[i].fragment)) {
            fail_msg("%s gives\n%s, not\n%s", bad[i].set, e.text, bad[i].fragment);
        }
    }
    const char *twice[] = {"regime.k=1", "regime.k=2"};
    const struct texts sets = {.items = twice, .n = 2};
    const struct runfile_opts o = {.name = "t.yaml", .sets = &sets};
    struct run_plan p = {0};
    struct err e = {0};
    assert_int_equal(runfile_parse(&p, SUITE, strlen(SUITE), &o, &e), -1);
    assert_non_null(strstr(e.text, "--set regime.k=2: regime.k is set already, by --set regime.k=1"));
}

/* A knob fixed by --set that leaves equal rows of a zip gives the same cells twice: an error. */
static void sets_keep_cells_apart(void **state)
{
    (void)state;
    struct run_plan p = {0};
    struct err e;
    static const char text[] =
        "name: x\nmodels: m\ndatasets: d\nregime: {name: kshot, k: 1}\nadapt.name: ridge\n"
        "zip: [{adapt.l2: 1, adapt.bias: 1}, {adapt.l2: 1, adapt.bias: 2}]\n";
    assert_int_equal(parse_sets(&p, text, "adapt.bias=3", &e), -1);
    assert_non_null(strstr(e.text, "t.yaml:6:38: adapt.l2 1 stands in the list twice"));
    assert_int_equal(parse_sets(&p, text, "adapt.l2=3", &e), 0);
    assert_int_equal(p.n, 2);
    run_plan_release(&p);
    assert_int_equal(parse_sets(&p, SUITE, "preprocess.crop=3", &e), 0);
    assert_int_equal(p.n, 12); /* adapt.bias still varies */
    run_plan_release(&p);
    assert_int_equal(parse_sets(&p, text, "name=y", &e), 0);
    assert_string_equal(p.name, "y");
    run_plan_release(&p);
}

static void options_make_plans(void **state)
{
    (void)state;
    const char *models[] = {"pixels", "random:R(3,4,6,3)x0.5"}, *data[] = {"cifar10"};
    const char *kshot[] = {"kshot"}, *ridge[] = {"ridge"}, *grid[] = {"adapt.l2=log2:-10:20"};
    const char *shots[] = {"1", "5"}, *draws[] = {"0", "1", "2", "3", "4"}, *bad[] = {"1", "x"};
    const struct texts lists[] = {{models, 2}, {data, 1}, {kshot, 1}, {ridge, 1}, {grid, 1}, {shots, 2}, {draws, 5}};
    const struct texts wrong = {bad, 2};
    struct run_flag flags[] = {
        {"-m", "models", &lists[0]},
        {"-d", "datasets", &lists[1]},
        {"fewshot", "regime.name", &lists[2]},
        {"--adapt", "adapt.name", &lists[3]},
        {"--l2", "select.grid", &lists[4]},
        {"--shots", "regime.k", &lists[5]},
        {"--draws", "regime.draw", &lists[6]},
    };
    const struct runfile_opts o = {0};
    struct run_plan p = {0};
    struct err e = {0};
    if (runfile_build(&p, "fewshot", flags, ARRAY_LEN(flags), &o, &e)) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(p.n, 2 * 1 * 2 * 5);
    assert_string_equal(p.text, "name: fewshot\n"
                                "models: [pixels, \"random:R(3,4,6,3)x0.5\"]\n"
                                "datasets: [cifar10]\n"
                                "regime: {name: kshot}\n"
                                "adapt: {name: ridge}\n"
                                "select: {adapt.l2: {log2: [-10, 20]}}\n"
                                "sweep:\n"
                                "  regime.k: [1, 5]\n"
                                "  regime.draw: {range: [0, 4]}\n");
    assert_text_survives(&p);
    run_plan_release(&p);
    flags[5].values = &wrong;
    assert_int_equal(runfile_build(&p, "fewshot", flags, ARRAY_LEN(flags), &o, &e), -1);
    assert_string_equal(e.text, "--shots: regime.k: 'x' is not a whole number");
    assert_int_equal(runfile_build(&p, "fewshot", flags, 1, &o, &e), -1);
    assert_non_null(strstr(e.text, "fewshot: no datasets"));
    flags[5] = flags[1];
    assert_int_equal(runfile_build(&p, "fewshot", flags, 6, &o, &e), -1);
    assert_string_equal(e.text, "-d: datasets is set already, by -d");
}

/* Names that YAML would take for something else. */
static void text_quotes_names(void **state)
{
    (void)state;
    const char *models[] = {"a: b", "#c", "- d", "{e}", "'f'", "\"g\"", "h\\i", "~", "j,k", "é l\xc2\xa0m",
                            "\xe2\x80\xa8", "\xef\xbb\xbfn", "\x01\x7f\xc2\x85", "\xf0\x9f\x98\x80", "...",
                            "---", "-", "@o", "%p", "*q", "&r", "!s", "|", ">", "?", "\n", " t ", "null",
                            "\xef\xbf\xbf", "1e3"};
    const char *data[] = {"d"}, *head[] = {"my: map.csv"};
    const struct texts lists[] = {{models, ARRAY_LEN(models)}, {data, 1}, {head, 1}};
    const struct run_flag flags[] = {{"-m", "models", &lists[0]},
                                     {"-d", "datasets", &lists[1]},
                                     {"--head-map", "adapt.head_map", &lists[2]}};
    const struct runfile_opts o = {0};
    struct run_plan p = {0};
    struct err e = {0};
    assert_int_equal(runfile_build(&p, "# quoting: \"hard\"", flags, ARRAY_LEN(flags), &o, &e), 0);
    assert_int_equal(p.n, ARRAY_LEN(models));
    for (size_t i = 0; i < p.n; i++) {
        assert_string_equal(p.specs[i].model, models[i]);
    }
    assert_text_survives(&p);
    run_plan_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_have_their_counts),
        cmocka_unit_test(files_are_valid),
        cmocka_unit_test(cells_stand_in_written_order),
        cmocka_unit_test(nested_is_dotted),
        cmocka_unit_test(faults_are_placed),
        cmocka_unit_test(faults_of_the_whole),
        cmocka_unit_test(large_sweeps_work),
        cmocka_unit_test(includes_are_overridden),
        cmocka_unit_test(includes_are_found),
        cmocka_unit_test(includes_end),
        cmocka_unit_test(sets_are_checked),
        cmocka_unit_test(sets_keep_cells_apart),
        cmocka_unit_test(options_make_plans),
        cmocka_unit_test(text_quotes_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
