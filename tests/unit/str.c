/* Strings, numbers as text, and near matches. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/rng.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

static void building(void **state)
{
    (void)state;
    struct str s = {0};
    assert_string_equal(str_text(&s), "");
    str_add(&s, "");
    assert_string_equal(str_text(&s), "");
    for (int i = 0; i < 1000; i++) {
        str_addf(&s, "%d", i % 10);
        str_add_char(&s, ',');
    }
    assert_int_equal(s.len, 2000);
    assert_int_equal(strlen(str_text(&s)), 2000);
    assert_memory_equal(s.data, "0,1,2,3,", 8);
    str_clear(&s);
    assert_string_equal(str_text(&s), "");
    str_add_n(&s, "a\0b", 3);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.data, "a\0b", 4);
    assert_int_equal(str_check(&s, NULL), 0);
    str_release(&s);
    assert_string_equal(str_text(&s), "");
}

static void building_fails(void **state)
{
    (void)state;
    struct str s = {0};
    struct err e = {0};
    mem_set_limit(1000);
    for (int i = 0; i < 100; i++) {
        str_add(&s, "0123456789abcdef");
    }
    mem_set_limit(0);
    assert_int_equal(str_check(&s, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_true(strlen(str_text(&s)) < 1000); /* what fitted, still a string */
    str_release(&s);
}

static const char *shortest(struct str *s, double v)
{
    str_clear(s);
    str_add_double(s, v);
    return str_text(s);
}

static void doubles(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {0.1, "0.1"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e-6, "1e-06"},
        {-2.5, "-2.5"},
        {1e22, "1e+22"},
        {1.0 / 3, "0.3333333333333333"},
        {123456789, "123456789"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {5e-324, "5e-324"},
        {3e-310, "3e-310"},
        {(double)NAN, "nan"},
        {-(double)NAN, "nan"},
        {(double)INFINITY, "inf"},
        {-(double)INFINITY, "-inf"},
    };
    struct str s = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(shortest(&s, rows[i].v), rows[i].text);
    }
    /* Any bits come back, also on a thread that flushes denormals. */
    for (int flushed = 0; flushed < 2; flushed++) {
        for (uint64_t i = 0; i < 20000; i++) {
            uint64_t bits = rng_at(3, 1, i), again;
            if (i % 4 == 0) {
                bits &= UINT64_C(0x800fffffffffffff); /* denormal */
            }
            double v, back;
            memcpy(&v, &bits, sizeof v);
            if (!isfinite(v)) {
                continue;
            }
            assert_true(str_to_double(shortest(&s, v), &back));
            memcpy(&again, &back, sizeof back);
            if (again != bits) {
                fail_msg("bits %016llx became %016llx by \"%s\", seed 3",
                         (unsigned long long)bits, (unsigned long long)again, str_text(&s));
            }
        }
        assert_string_equal(shortest(&s, 5e-324), "5e-324");
        cpu_flush_denormals();
    }
    str_release(&s);
}

static void parsing(void **state)
{
    (void)state;
    int64_t i = -7;
    uint64_t u = 7;
    double d = 7;
    assert_true(str_to_i64("-9223372036854775808", &i) && i == INT64_MIN);
    assert_true(str_to_i64("+5", &i) && i == 5);
    assert_true(str_to_u64("18446744073709551615", &u) && u == UINT64_MAX);
    assert_true(str_to_double("-1.5e3", &d) && d == -1500);
    assert_true(str_to_double(".5", &d) && d == 0.5);
    assert_true(str_to_double("1e-400", &d) && d == 0);
    i = 1;
    u = 1;
    d = 1;
    static const char *const not_int[] = {"", " 1", "1 ", "1.0", "0x10", "--1", "+-1", "-", "x",
                                          "9223372036854775808", "1e3"};
    for (size_t k = 0; k < ARRAY_LEN(not_int); k++) {
        assert_false(str_to_i64(not_int[k], &i));
    }
    static const char *const not_unsigned[] = {"", "-1", "+1", " 1", "18446744073709551616", "1x"};
    for (size_t k = 0; k < ARRAY_LEN(not_unsigned); k++) {
        assert_false(str_to_u64(not_unsigned[k], &u));
    }
    static const char *const not_double[] = {"", " 1", "1 ", "1,5", "0x1p3", "nan", "inf", "1e999",
                                             "e", ".", "1e", "--1", "1.2.3", "-"};
    for (size_t k = 0; k < ARRAY_LEN(not_double); k++) {
        assert_false(str_to_double(not_double[k], &d));
    }
    assert_true(i == 1 && u == 1 && d == 1); /* untouched on failure */
}

static void bytes(void **state)
{
    (void)state;
    static const struct {
        uint64_t n;
        const char *text;
    } rows[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {12897485, "12.3 MiB"},
        {1048575, "1.0 MiB"},
        {UINT64_C(5) << 30, "5.0 GiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    char buf[16];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(str_bytes(buf, rows[i].n), rows[i].text);
    }
    uint64_t v = 0;
    assert_true(str_to_bytes("1048576", &v) && v == 1048576);
    assert_true(str_to_bytes("512M", &v) && v == 512u << 20);
    assert_true(str_to_bytes("2GiB", &v) && v == UINT64_C(2) << 30);
    assert_true(str_to_bytes("3kB", &v) && v == 3072);
    assert_true(str_to_bytes("16777215T", &v) && v == UINT64_C(16777215) << 40);
    static const char *const not_bytes[] = {"", "M", "1.5G", "-1", "2 G", "2GG", "2Gi", "16777216T",
                                            "99999999999999999999999", "3X"};
    for (size_t i = 0; i < ARRAY_LEN(not_bytes); i++) {
        assert_false(str_to_bytes(not_bytes[i], &v));
    }
    assert_true(str_starts("ridge", "ri") && !str_starts("ri", "ridge") && str_starts("x", ""));
    assert_true(str_ends("a.npz", ".npz") && !str_ends("npz", ".npz") && str_ends("x", ""));
}

static const char *const names[] = {"cifar10", "cifar100", "caltech101", "fashion-mnist",
                                    "flowers102", "svhn", "dtd", "--shots", "--seed", "-t",
                                    "cifar10"};

static void near_is(const char *word, const char *text)
{
    struct near n;
    near_init(&n, word);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        near_add(&n, names[i]);
    }
    assert_string_equal(near_text(&n), text);
}

static void near_words(void **state)
{
    (void)state;
    near_is("--shot", "; did you mean '--shots'?");
    near_is("cifra10", "; did you mean 'cifar10' or 'cifar100'?"); /* a swap is one edit */
    near_is("cifarl00", "; did you mean 'cifar100' or 'cifar10'?");
    near_is("CIFAR10", "; did you mean 'cifar10' or 'cifar100'?");
    near_is("fashion", "; did you mean 'fashion-mnist'?");
    near_is("snhv", "");
    near_is("svnh", "; did you mean 'svhn'?");
    near_is("-T", "; did you mean '-t'?");
    near_is("imagenet", "");
    near_is("x", "");
    near_is("", "");
    char longest[200];
    memset(longest, 'c', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    near_is(longest, "");

    /* Three of the longest words fit into the text. */
    char word[3][64];
    struct near n;
    near_init(&n, "cc");
    for (size_t i = 0; i < 3; i++) {
        memset(word[i], 'c', 63);
        word[i][62] = (char)('a' + i);
        word[i][63] = '\0';
        near_add(&n, word[i]);
    }
    assert_int_equal(strlen(near_text(&n)), strlen("; did you mean '', '' or ''?") + 3 * 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(building),
        cmocka_unit_test(building_fails),
        cmocka_unit_test(doubles),
        cmocka_unit_test(parsing),
        cmocka_unit_test(bytes),
        cmocka_unit_test(near_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
