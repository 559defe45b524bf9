/* Lists of numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "protocols/spec.h"

static void grids_have_their_points(void **state)
{
    (void)state;
    double *v;
    size_t n;
    struct err e = {0};
    assert_int_equal(grid_parse("log2:-10:20", &v, &n, &e), 0);
    assert_int_equal(n, 31);
    for (size_t i = 0; i < n; i++) {
        assert_true(v[i] == ldexp(1, (int)i - 10));
    }
    free(v);
    assert_int_equal(grid_parse("log10:-6:6", &v, &n, &e), 0);
    static const double tens[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1,
                                  1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    assert_int_equal(n, ARRAY_LEN(tens));
    assert_memory_equal(v, tens, sizeof tens);
    free(v);
    assert_int_equal(grid_parse("list:3,-1.5,1e2", &v, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_true(v[0] == 3 && v[1] == -1.5 && v[2] == 100);
    free(v);
    assert_int_equal(grid_parse("log2:3:3", &v, &n, &e), 0);
    assert_true(n == 1 && v[0] == 8);
    free(v);
}

/* The double nearest to the decimal, where pow may be an ulp off. */
static void powers_of_ten_are_nearest(void **state)
{
    (void)state;
    double *v;
    size_t n;
    struct err e = {0};
    assert_int_equal(grid_parse("log10:-300:300", &v, &n, &e), 0);
    assert_int_equal(n, 601);
    for (int i = -300; i <= 300; i++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", i);
        if (v[i + 300] != strtod(text, NULL)) {
            fail_msg("%s is %.17g", text, v[i + 300]);
        }
    }
    free(v);
}

/* numpy.logspace(-6, 6, 97), numpy 2.4: the bound is an ulp of pow, 2^-52 relative. */
static void grids_are_numpys(void **state)
{
    (void)state;
    static const struct {
        size_t i;
        double v;
    } want[] = {
        {0, 1e-06},
        {1, 1.3335214321633241e-06},
        {2, 1.7782794100389229e-06},
        {3, 2.3713737056616552e-06},
        {8, 1e-05},
        {44, 0.31622776601683794},
        {45, 0.4216965034285822},
        {47, 0.7498942093324558},
        {48, 1.0},
        {95, 749894.2093324559},
        {96, 1e6},
    };
    double *v;
    size_t n;
    struct err e = {0};
    assert_int_equal(grid_parse("log10:-6:6:97", &v, &n, &e), 0);
    assert_int_equal(n, 97);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        double off = fabs(v[want[i].i] / want[i].v - 1);
        if (!(off <= ldexp(1, -52))) {
            fail_msg("point %zu: %.17g, numpy %.17g", want[i].i, v[want[i].i], want[i].v);
        }
    }
    free(v);
}

static void bad_grids_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "log2", "log2:", "log2:1", "log2:1:2:3", "log2:2:1",
        "log2:0.5:2", "log2:0:1001", "log10:0:301", "log10:0.5:2", "log10:0:1:1", "log10:0:1:1.5",
        "log10:1:1:2", "log10:0:1:10001", "log10:0:1:2:3", "log10::1", "log10:a:b", "list:",
        "list:1,", "list:,1", "list:1,1.0", "list:nan", "list:1 2", "lin:0:1",
        "log2:nan:1", "list:0,-0", "list:0x10", "log10:-1e400:0"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        double *v = NULL;
        size_t n;
        struct err e = {0};
        struct str text = {0};
        if (grid_parse(bad[i], &v, &n, &e) == 0) {
            fail_msg("'%s' was taken as a grid", bad[i]);
        }
        assert_null(v);
        assert_true(e.text[0] != '\0' && e.code == ERR_USAGE);
        assert_int_equal(grid_text(bad[i], &text, &e), -1);
        assert_int_equal(text.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grids_have_their_points),
        cmocka_unit_test(powers_of_ten_are_nearest),
        cmocka_unit_test(grids_are_numpys),
        cmocka_unit_test(bad_grids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
