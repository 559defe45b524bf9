/* Run files: written examples and their counts, order of cells, --set, plans of options, plans as
 * text. Includes are in runfile_include.c, what is refused in runfile_faults.c. */
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
#include "tests/unit/runfile_check.h"

#define EXAMPLES "tests/golden/runfiles/"

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
            int64_t count = 0;
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

/* ---- size ---- */

static void large_sweeps_work(void **state)
{
    (void)state;
    struct run_plan p = {0};
    struct err e = {0};
    assert_int_equal(parse(&p,
                           "name: x\nmodels: m\ndatasets: d\n"
                           "regime.name: kshot\nadapt.name: ridge\n"
                           "sweep: {regime.k: {range: [1, 100]}, regime.draw: {range: [0, 99]}}\n"
                           "exclude: [{regime.k: 100}, {regime.draw: 99}]\n",
                           &e),
                     0);
    assert_int_equal(p.n, 99 * 99);
    assert_true(p.specs[p.n - 1].regime.k == 99 && p.specs[p.n - 1].regime.draw == 98);
    run_plan_release(&p);
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
    assert_string_equal(e.text,
                        "--set regime.k=2: regime.k is set already, by --set regime.k=1");
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
    const struct texts lists[] = {
        {models, 2}, {data, 1}, {kshot, 1}, {ridge, 1}, {grid, 1}, {shots, 2}, {draws, 5}};
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
    const char *models[] = {"a: b", "#c", "- d", "{e}", "'f'", "\"g\"", "h\\i", "~", "j,k",
                            "\xc3\xa9 l\xc2\xa0m", "\xe2\x80\xa8", "\xef\xbb\xbfn",
                            "\x01\x7f\xc2\x85", "\xf0\x9f\x98\x80", "...", "---", "-", "@o",
                            "%p", "*q", "&r", "!s", "|", ">", "?", "\n", " t ", "null",
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
        cmocka_unit_test(large_sweeps_work),
        cmocka_unit_test(sets_are_checked),
        cmocka_unit_test(sets_keep_cells_apart),
        cmocka_unit_test(options_make_plans),
        cmocka_unit_test(text_quotes_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
