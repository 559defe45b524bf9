/* Given outcomes: what is read from csv files, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <unistd.h>

#include "harness/base/file.h"
#include "harness/base/tensor.h"
#include "results/outcome_csv.h"
#include "tests/unit/sides.h"

/* Adds a file of this text; the result of outcome_csv_add. */
static int add_csv(struct comparison *c, const char *name, const char *text)
{
    char dir[] = "/tmp/bitbench-compare-XXXXXX", path[128];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    OK(file_write(path, text, strlen(text), &e));
    e = (struct err){0};
    int rc = outcome_csv_add(c, path, &e);
    unlink(path);
    rmdir(dir);
    return rc;
}

static void test_csv(void **state)
{
    (void)state;
    struct comparison c = {.rule = plain.rule};
    OK(add_csv(&c, "one.csv", "1,0\n1,1\n0,1\n0,0\n1,0\n"));
    OK(add_csv(&c, "two.csv", "draw,task,id,cand,base\r\n0,t,x,1,0\r\n0,t,y,1,1\r\n1,t,y,0,0\r\n"
                              "1,t,x,0,1\r\n0,u,x,1,0\r\n"));
    OK(comparison_finish(&c, NULL, &e));
    assert_int_equal(c.n, 3);
    assert_string_equal(c.sets[0].name, "one");
    assert_int_equal(c.effects[0].n_worse, 2);
    assert_int_equal(c.effects[0].n_better, 1);
    near("base", c.sets[0].base, 0.6, 1e-16);
    assert_string_equal(c.sets[1].name, "t");
    assert_int_equal(c.sets[1].n_blocks, 2);
    assert_int_equal(c.sets[1].n, 2);
    near("difference", c.effects[1].difference, 0, 0); /* x: +1 and -1 */
    assert_int_equal(c.sets[2].n, 1);
    comparison_release(&c);
}

static void test_bad_csv(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "no rows"},
        {"base,cand\n", "no rows below the header"},
        {"base,cand\n1,0\n1,2\n", "line 3: cand: '2' is not 0 or 1"},
        {"base,cand\n1,0\n1\n", "line 3: 1 fields, expected 2"},
        {"base,cand\n1,0\n1,\n", "line 3: cand: '' is not"},
        {"base,cnd\n1,0\n", "unknown column 'cnd'; did you mean 'cand'"},
        {"base,id\n1,0\n", "columns base and cand are needed"},
        {"base,base,cand\n1,0,1\n", "column base stands twice"},
        {"base,cand,id\n1,0,a\n1,1,a\n", "line 3: image 'a' stands twice (line 2)"},
        {"base,cand,draw\n1,0,0\n1,1,0\n1,0,1\n", "another number of images"},
        {"base,cand,draw\n1,0,0\n1,1,1\n1,0,1\n", "another number of images"},
        {"base,cand,draw,id\n1,0,0,a\n1,1,1,b\n", "draws of different images: 'b' (line 3)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct comparison c = {0};
        if (add_csv(&c, "f.csv", cases[i].text) != -1 || !strstr(e.text, cases[i].why)) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, e.text, cases[i].why);
        }
        comparison_release(&c);
    }
    struct comparison c = {.rule = plain.rule};
    OK(add_csv(&c, "f.csv", "1,0\n"));
    assert_int_equal(add_csv(&c, "f.csv", "1,0\n"), -1);
    assert_non_null(strstr(e.text, "in another file"));
    comparison_release(&c);
    assert_int_equal(comparison_finish(&c, NULL, &e), -1);
    /* one image in several draws: nothing to estimate a spread over images from */
    OK(add_csv(&c, "f.csv", "base,cand,draw\n1,0,0\n1,1,1\n"));
    c.rule = plain.rule;
    assert_int_equal(comparison_finish(&c, NULL, &e), -1);
    assert_non_null(strstr(e.text, "one test image"));
    comparison_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_bad_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
