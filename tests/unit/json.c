/* JSON: values, order of members, what is refused; texts written are texts read back. Invalid
 * UTF-8 after the Unicode Standard, section 3.9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/base/err.h"
#include "harness/base/json.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json *parse(const char *text)
{
    struct err e = {0};
    struct json *root = json_parse(text, strlen(text), "x.json", &e);
    if (!root) {
        fail_msg("%s: %s", text, e.text);
    }
    return root;
}

static void test_values(void **state)
{
    (void)state;
    struct json *root = parse("{\"s\": \"a\\u00e9\\n\", \"i\": -9223372036854775808, \"d\": 1e-3,"
                              " \"t\": true, \"f\": false, \"z\": null, \"a\": [1, [2, 3], {}],"
                              " \"o\": {\"k\": {\"l\": 4}}}");
    int64_t i;
    double d;
    bool b;
    assert_true(json_is_object(root) && !json_is_array(root));
    assert_int_equal(json_len(root), 8);
    assert_string_equal(json_text(json_get(root, "s")), "a\xc3\xa9\n");
    assert_true(json_i64(json_get(root, "i"), &i) && i == INT64_MIN);
    assert_true(json_double(json_get(root, "i"), &d) && d == -0x1p63);
    assert_true(json_double(json_get(root, "d"), &d) && d == 0.001);
    assert_false(json_i64(json_get(root, "d"), &i));
    assert_true(json_bool(json_get(root, "t"), &b) && b);
    assert_true(json_bool(json_get(root, "f"), &b) && !b);
    const struct json *null = json_get(root, "z");
    assert_non_null(null);
    assert_false(json_bool(null, &b) || json_i64(null, &i) || json_double(null, &d));
    assert_null(json_text(null));
    const struct json *a = json_get(root, "a");
    assert_true(json_is_array(a) && json_len(a) == 3);
    assert_true(json_i64(json_at(json_at(a, 1), 1), &i) && i == 3);
    assert_int_equal(json_len(json_at(a, 2)), 0);
    assert_null(json_at(a, 3));
    assert_true(json_i64(json_get(json_get(json_get(root, "o"), "k"), "l"), &i) && i == 4);
    json_close(root);
}

/* Getters give a fallback for NULL and for values of another kind. */
static void test_wrong_kinds(void **state)
{
    (void)state;
    struct json *root = parse("[\"a\", {\"k\": 1}]");
    const char *key;
    int64_t i;
    assert_null(json_get(root, "k"));
    assert_null(json_get(NULL, "k"));
    assert_null(json_get(json_at(root, 1), "l"));
    assert_null(json_at(json_at(root, 1), 0));
    assert_null(json_at(NULL, 0));
    assert_null(json_member(root, 0, &key));
    assert_null(json_member(NULL, 0, &key));
    assert_int_equal(json_len(json_at(root, 0)), 0);
    assert_int_equal(json_len(NULL), 0);
    assert_null(json_text(NULL));
    assert_false(json_i64(NULL, &i) || json_is_array(NULL) || json_is_object(NULL));
    json_close(root);
    json_close(NULL);
}

/* Members come in the order of the text, also when there are many. */
static void test_order(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct str text = {0};
    for (size_t i = 0; i < N; i++) {
        str_addf(&text, "%c\"k%zu\": %zu", i ? ',' : '{', i * 7919 % N, i);
    }
    str_add(&text, "}");
    struct json *root = parse(str_text(&text));
    assert_int_equal(json_len(root), N);
    for (size_t i = 0; i < N; i++) {
        const char *key = NULL;
        char want[16];
        int64_t v;
        snprintf(want, sizeof want, "k%zu", i * 7919 % N);
        assert_true(json_i64(json_member(root, i, &key), &v) && v == (int64_t)i);
        assert_string_equal(key, want);
    }
    assert_null(json_member(root, N, &(const char *){NULL}));
    json_close(root);
    str_release(&text);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "x.json:1:0: "},
        {"1", "x.json:1:1: "},
        {"{\"a\": 1,\n \"a\": 2}", "x.json:2:4: duplicate object key"},
        {"{\"a\": 1,}", "x.json:1:9: "},
        {"[1, 2", "x.json:1:5: "},
        {"[1] x", "x.json:1:5: "},
        {"[NaN]", "x.json:1:4: "},
        {"[1e999]", "x.json:1:6: real number overflow"},
        {"[9223372036854775808]", "x.json:1:20: too big integer"},
        {"[\"\\u0000\"]", "x.json:1:9: "},
        {"{\"\\u0000\": 1}", "x.json:1:9: "},
        {"[\"\xff\"]", "x.json:1:2: unable to decode byte 0xff"},
        {"[\"a\nb\"]", "x.json:1:3: "},
        {"['a']", "x.json:1:2: "},
        {"[01]", "x.json:1:2: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        struct json *root = json_parse(cases[i][0], strlen(cases[i][0]), "x.json", &e);
        if (root || strncmp(e.text, cases[i][1], strlen(cases[i][1])) != 0) {
            fail_msg("%s: %s, not: %s", cases[i][0], root ? "accepted" : e.text, cases[i][1]);
        }
        assert_int_equal(e.code, ERR_FORMAT);
    }
    struct err e = {0};
    assert_null(json_parse("[\0]", 3, "x.json", &e));
}

static void test_limits(void **state)
{
    (void)state;
    struct err e = {0};
    static const size_t depths[] = {2048, 2049, 100000};
    char *text = malloc(JSON_MAX_BYTES + 1);
    for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
        memset(text, '[', depths[i]);
        memset(text + depths[i], ']', depths[i]);
        struct json *root = json_parse(text, 2 * depths[i], "x", &e);
        assert_int_equal(root != NULL, depths[i] <= 2048);
        json_close(root);
    }
    memset(text, ' ', JSON_MAX_BYTES + 1);
    assert_null(json_parse(text, JSON_MAX_BYTES + 1, "x", &e));
    assert_int_equal(e.code, ERR_LIMIT);
    free(text);
}

static void check_text(const char *text, const char *want)
{
    struct str out = {0};
    json_add_text(&out, text);
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

static void test_add_text(void **state)
{
    (void)state;
    check_text("", "\"\"");
    check_text("a \"b\" \\ /", "\"a \\\"b\\\" \\\\ /\"");
    check_text("\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"");
    check_text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

#define FFFD "\xef\xbf\xbd"

static void test_invalid_utf8(void **state)
{
    (void)state;
    check_text("a\xff"
               "b",
               "\"a" FFFD "b\"");
    check_text("\x80", "\"" FFFD "\"");                   /* a lone continuation */
    check_text("\xc0\xaf", "\"" FFFD FFFD "\"");          /* overlong '/' */
    check_text("\xe0\x80\xaf", "\"" FFFD FFFD FFFD "\""); /* overlong */
    check_text("\xf0\x80\x80\xaf", "\"" FFFD FFFD FFFD FFFD "\"");
    check_text("\xed\xa0\x80", "\"" FFFD FFFD FFFD "\"");          /* a surrogate */
    check_text("\xf4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""); /* beyond U+10FFFF */
    check_text("\xf5\x80", "\"" FFFD FFFD "\"");
    check_text("\xe2\x82", "\"" FFFD FFFD "\""); /* cut short at the end */
    check_text("\xe2\x82"
               "a",
               "\"" FFFD FFFD "a\"");
    check_text("\xf0\x9f\x98", "\"" FFFD FFFD FFFD "\"");
    /* The edges that are valid. */
    check_text("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
               "\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"");
    check_text("\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80", "\"\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80\"");
}

/* jansson reads back each valid text and each number. */
static void test_round_trip(void **state)
{
    (void)state;
    char text[129];
    for (int i = 1; i < 128; i++) {
        text[i - 1] = (char)i;
    }
    text[127] = '\0';
    struct str out = {0};
    str_add(&out, "[");
    json_add_text(&out, text);
    str_add(&out, "]");
    struct json *root = parse(str_text(&out));
    assert_string_equal(json_text(json_at(root, 0)), text);
    json_close(root);
    static const double numbers[] = {0, -0.0, 1, 0.1, 1e-6, -1.5e300, DBL_MIN, DBL_MAX,
                                     DBL_TRUE_MIN, 123456789012345678.0, 1.0 / 3};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        double d;
        str_clear(&out);
        str_add(&out, "[");
        json_add_double(&out, numbers[i]);
        str_add(&out, "]");
        root = parse(str_text(&out));
        assert_true(json_double(json_at(root, 0), &d) && d == numbers[i]);
        json_close(root);
    }
    str_clear(&out);
    json_add_double(&out, (double)NAN);
    json_add_double(&out, (double)INFINITY);
    json_add_double(&out, -(double)INFINITY);
    assert_string_equal(str_text(&out), "nullnullnull");
    str_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_kinds),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_add_text),
        cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
