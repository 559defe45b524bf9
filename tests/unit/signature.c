/* Signatures: joining, splitting, escaping, the first difference. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "results/record.h"
#include "results/signature.h"

static void test_round_trip(void **state)
{
    (void)state;
    struct record r = {.protocol = "cifar10|train:k5,nested|v1",
                       .subject = "bit|sha:0123",
                       .replicate = "draw:2|seed:0"};
    struct record back = {0};
    struct str text = {0};
    struct err e = {0};
    signature_text(&r, &text);
    assert_string_equal(str_text(&text), "cifar10|train:k5,nested|v1;bit|sha:0123;draw:2|seed:0");
    assert_int_equal(signature_parse(&back, str_text(&text), &e), 0);
    assert_string_equal(back.protocol, r.protocol);
    assert_string_equal(back.subject, r.subject);
    assert_string_equal(back.replicate, r.replicate);
    assert_int_equal(signature_parse(&back, ";;", &e), 0);
    assert_string_equal(back.protocol, "");
    str_release(&text);
}

static void test_refused(void **state)
{
    (void)state;
    char longest[SIGNATURE_PART + 3], too_long[SIGNATURE_PART + 4];
    memset(longest, 'x', SIGNATURE_PART - 1);
    strcpy(longest + SIGNATURE_PART - 1, ";;");
    memset(too_long, 'x', SIGNATURE_PART);
    strcpy(too_long + SIGNATURE_PART, ";;");
    struct record r = {.protocol = "kept"};
    struct err e = {0};
    const char *const bad[] = {"", "a", "a;b", "a;b;c;d", "a;b\n;c", "a;b;\x7f", too_long};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e = (struct err){0};
        assert_int_equal(signature_parse(&r, bad[i], &e), -1);
        assert_int_equal(e.code, ERR_FORMAT);
        assert_string_equal(r.protocol, "kept");
    }
    assert_int_equal(signature_parse(&r, longest, &e), 0);
    assert_int_equal(strlen(r.protocol), SIGNATURE_PART - 1);
}

static void test_escape(void **state)
{
    (void)state;
    struct str out = {0};
    struct record r = {0};
    struct err e = {0};
    signature_add_value(&out, "a|b;c%7C\n\x7f d\xc3\xa9,=:");
    assert_string_equal(str_text(&out), "a%7Cb%3Bc%257C%0A%7F d\xc3\xa9,=:");
    str_add(&out, ";;");
    assert_int_equal(signature_parse(&r, str_text(&out), &e), 0);
    str_release(&out);
}

static void test_difference(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *text; /* NULL: equal */
    } cases[] = {
        {"", "", NULL},
        {"a|b:1", "a|b:1", NULL},
        {"cifar10|train:k5|v1", "cifar10|train:k10|v1", "train: k5 against k10"},
        {"cifar10|v1", "cifar100|v1", "field 1: cifar10 against cifar100"},
        {"d|ridge:l2=1|v1", "d|logistic:c=1|v1", "field 2: ridge:l2=1 against logistic:c=1"},
        {"d|train:k5", "d|train:k5|v1", "field 3: nothing against v1"},
        {"d|train:", "d|train:k5", "train: nothing against k5"},
        {"", "x", "field 1: nothing against x"},
        {"a||c", "a", "field 3: c against nothing"},
        {"a|b:1|c:1", "a|b:2|c:2", "b: 1 against 2"},
        {"ab:1", "a:1", "field 1: ab:1 against a:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str out = {0};
        bool differ = signature_difference(cases[i].a, cases[i].b, &out);
        assert_int_equal(differ, cases[i].text != NULL);
        assert_string_equal(str_text(&out), cases[i].text ? cases[i].text : "");
        str_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
