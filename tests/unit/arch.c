/* Architecture names, the table of tensors and its totals. Published numbers: parameters and
 * multiply-adds of timm's results CSVs (1000 classes), the backbone's 23,500,352 of timm's R50x1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "harness/base/err.h"
#include "harness/base/tensor.h"
#include "models/arch.h"

static void test_good_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical;
        size_t depth[ARCH_BLOCKS], width2;
    } cases[] = {
        {"R50x1", "R50x1", {3, 4, 6, 3}, 2},
        {"R101x3", "R101x3", {3, 4, 23, 3}, 6},
        {"R152x4", "R152x4", {3, 8, 36, 3}, 8},
        {"R26x0.5", "R26x0.5", {2, 2, 2, 2}, 1},
        {"R50x16", "R50x16", {3, 4, 6, 3}, 32},
        {"R50x1.0", "R50x1", {3, 4, 6, 3}, 2},
        {"R50x1.50", "R50x1.5", {3, 4, 6, 3}, 3},
        {"R(3,4,6,3)x0.5", "R50x0.5", {3, 4, 6, 3}, 1},
        {"R(1,1,1,1)x0.5", "R(1,1,1,1)x0.5", {1, 1, 1, 1}, 1},
        {"R(1000,1,2,7)x2.5", "R(1000,1,2,7)x2.5", {1000, 1, 2, 7}, 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arch a, again;
        struct err e;
        char name[ARCH_NAME];
        assert_int_equal(arch_parse(&a, cases[i].text, &e), 0);
        assert_memory_equal(a.depth, cases[i].depth, sizeof a.depth);
        assert_int_equal(a.width2, cases[i].width2);
        arch_name(&a, name);
        assert_string_equal(name, cases[i].canonical);
        assert_int_equal(arch_parse(&again, name, &e), 0);
        assert_memory_equal(&again, &a, sizeof a);
    }
}

static void test_bad_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"R(3,4,6,3)x0.25", "multiple of 0.5"},
        {"R50x0", "multiple of 0.5"},
        {"R50x0.0", "multiple of 0.5"},
        {"R50x16.5", "multiple of 0.5"},
        {"R50x17", "multiple of 0.5"},
        {"R50x99999999999999999999", "multiple of 0.5"},
        {"R50x-1", "multiple of 0.5"},
        {"R50x1.", "multiple of 0.5"},
        {"R50x1.51", "multiple of 0.5"},
        {"R50x1 ", "multiple of 0.5"},
        {"R50", "multiple of 0.5"},
        {"R50y1", "multiple of 0.5"},
        {"R50xnan", "multiple of 0.5"},
        {"R49x1", "known are R26, R50, R101, R152"},
        {"Rx1", "known are"},
        {"R", "known are"},
        {"R(0,1,1,1)x1", "depth 0 of block 1"},
        {"R(1,1,1,1001)x1", "depth 1001 of block 4"},
        {"R(1,1,1)x1", "four depths"},
        {"R(1,1,1,1,1)x1", "four depths"},
        {"R(1,1,1,1", "four depths"},
        {"R(1, 1,1,1)x1", "four depths"},
        {"R(,,,)x1", "four depths"},
        {"R(1,1,1,9999999999)x1", "four depths"},
        {"50x1", "R50x1"},
        {"", "R50x1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arch a;
        struct err e = {0};
        if (arch_parse(&a, cases[i].text, &e) != -1 || e.code != ERR_USAGE ||
            !strstr(e.text, cases[i].says)) {
            fail_msg("'%s': got '%s', expected '%s'", cases[i].text, e.text, cases[i].says);
        }
    }
}

/* Values that GroupNorm normalises in one image of px x px. */
static double normalised(const struct arch *a, size_t px)
{
    size_t side = arch_conv_out(arch_conv_out(px, 7, 2), 3, 2);
    double n = 0;
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t i = 0; i < a->depth[b]; i++) {
            struct arch_unit u = arch_unit_at(a, b, i);
            n += (double)(side * side * (u.cin + u.mid));
            side = arch_conv_out(side, 3, u.stride);
            n += (double)(side * side * u.mid);
        }
    }
    return n + (double)(side * side * arch_features(a));
}

static double standardised(const struct param_table *t)
{
    double n = 0;
    for (size_t i = 0; i < t->n; i++) {
        n += t->params[i].kind == PARAM_KERNEL ? (double)t->params[i].n : 0;
    }
    return n;
}

static double pooled(const struct arch *a, size_t px)
{
    size_t side = arch_conv_out(arch_conv_out(px, 7, 2), 3, 2);
    for (size_t b = 1; b < ARCH_BLOCKS; b++) {
        side = arch_conv_out(side, 3, 2);
    }
    return (double)(side * side * arch_features(a));
}

/* The published multiply-adds also count 4 operations for each standardised weight, 5 for each
 * normalised value (least squares over the twelve rows gives 4.003 and 4.993) and 1 for each
 * value of the last pool: then all twelve agree to the last digit printed. arch_macs counts the
 * convolutions and the head alone. */
static void test_published_totals(void **state)
{
    (void)state;
    static const struct {
        const char *arch;
        size_t values;
        double gmacs; /* as printed: two decimals, or fewer */
        double half_digit;
        size_t px;
    } cases[] = {
        {"R50x1", 25549352, 4.23, 0.005, 224},
        {"R50x1", 25549352, 16.62, 0.005, 448},
        {"R101x1", 44541480, 8.04, 0.005, 224},
        {"R101x1", 44541480, 31.65, 0.005, 448},
        {"R50x3", 217319080, 37.06, 0.005, 224},
        {"R50x3", 217319080, 145.7, 0.05, 448},
        {"R152x2", 236335208, 46.95, 0.005, 224},
        {"R152x2", 236335208, 184.99, 0.005, 448},
        {"R101x3", 387934888, 71.23, 0.005, 224},
        {"R101x3", 387934888, 280.33, 0.005, 448},
        {"R152x4", 936533224, 186.9, 0.05, 224},
        {"R152x4", 936533224, 844.84, 0.005, 480},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arch a;
        struct param_table t;
        assert_int_equal(arch_parse(&a, cases[i].arch, NULL), 0);
        assert_int_equal(param_table_init(&t, &a, 1000, NULL), 0);
        assert_int_equal(t.n_values, cases[i].values);
        double g = (double)arch_macs(&a, 1000, cases[i].px, cases[i].px) + 4 * standardised(&t) +
                   5 * normalised(&a, cases[i].px) + pooled(&a, cases[i].px);
        g /= 1e9;
        param_table_release(&t);
        if (g < cases[i].gmacs - cases[i].half_digit || g > cases[i].gmacs + cases[i].half_digit) {
            fail_msg("%s at %zu px: %.4f GMAC, published %.2f", cases[i].arch, cases[i].px, g,
                     cases[i].gmacs);
        }
    }
}

static void test_table(void **state)
{
    (void)state;
    struct arch a;
    struct param_table t;
    assert_int_equal(arch_parse(&a, "R50x1", NULL), 0);
    assert_int_equal(param_table_init(&t, &a, 0, NULL), 0);
    assert_int_equal(t.n_values, 23500352);
    assert_null(param_find(&t, "resnet/head/conv2d/kernel"));
    assert_null(param_find(&t, "resnet/block1/unit02/a/proj/standardized_conv2d/kernel"));
    const struct param *p =
        param_find(&t, "resnet/block3/unit01/a/proj/standardized_conv2d/kernel");
    assert_non_null(p);
    const size_t want[4] = {1, 1, 512, 1024};
    assert_int_equal(p->n_dims, 4);
    assert_memory_equal(p->dims, want, sizeof want);
    size_t end = 0;
    for (size_t i = 0; i < t.n; i++) {
        assert_true(t.params[i].offset >= end && t.params[i].offset % 16 == 0);
        end = t.params[i].offset + t.params[i].n;
    }
    assert_true(end <= t.n_floats);
    param_table_release(&t);
    struct err e;
    assert_int_equal(param_table_init(&t, &a, (size_t)-1, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(arch_root_channels(&a), 64);
    assert_int_equal(arch_features(&a), 2048);
}

/* Every size down to one pixel has an output: 1 for 1, rounded up half of the rest. */
static void test_sizes(void **state)
{
    (void)state;
    for (size_t n = 1; n < 300; n++) {
        assert_int_equal(arch_conv_out(n, 7, 2), (n + 1) / 2);
        assert_int_equal(arch_conv_out(n, 3, 2), (n + 1) / 2);
        assert_int_equal(arch_conv_out(n, 1, 2), (n + 1) / 2);
        assert_int_equal(arch_conv_out(n, 3, 1), n);
        assert_int_equal(arch_conv_out(n, 1, 1), n);
    }
}

/* Counted by hand: at one pixel only the middle of a kernel sees it. */
static void test_taps(void **state)
{
    (void)state;
    static const struct {
        size_t n, k, stride, taps;
    } cases[] = {{1, 1, 1, 1}, {1, 3, 1, 1}, {2, 3, 1, 3}, {1, 3, 2, 1}, {2, 3, 2, 2}, {3, 3, 2, 3}, {1, 7, 2, 1}, {2, 7, 2, 2}, {3, 7, 2, 5}, {4, 7, 2, 6}, {5, 7, 2, 7}, {224, 7, 2, 7}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(arch_conv_taps(cases[i].n, cases[i].k, cases[i].stride), cases[i].taps);
    }
    struct arch a;
    assert_int_equal(arch_parse(&a, "R(1,1,1,1)x1", NULL), 0);
    /* root, then of each block the projection, a, b and c at one pixel */
    uint64_t want = 3 * 64;
    for (uint64_t b = 0, cin = 64; b < ARCH_BLOCKS; b++) {
        uint64_t mid = 64ull << b, cout = 4 * mid;
        want += cin * cout + cin * mid + mid * mid + mid * cout;
        cin = cout;
    }
    assert_int_equal(arch_macs(&a, 0, 1, 1), want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_names),
        cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_published_totals),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_taps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
