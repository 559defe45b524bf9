/* YAML trees: structure, text and places; what the subset refuses, with line and column. The
 * texts of scalars follow YAML 1.1 and 1.2 (chapters on flow and block scalar styles). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "harness/base/yaml.h"

#include <stdlib.h>
#include <string.h>

static struct yaml_node *parse(const char *text)
{
    struct err e = {0};
    struct yaml_node *root = yaml_parse(text, strlen(text), "run.yaml", &e);
    if (!root) {
        fail_msg("%s: %s", text, e.text);
    }
    return root;
}

/* The tree as one line: {k: v, ...}, [v, ...], 'text', each with @line:column. */
static void print(const struct yaml_node *n, struct str *out)
{
    if (n->kind == YAML_SCALAR) {
        assert_null(n->child);
        str_addf(out, "'%s'@%zu:%zu", n->text, n->line, n->column);
        return;
    }
    assert_null(n->text);
    size_t count = 0;
    str_add(out, n->kind == YAML_MAP ? "{" : "[");
    for (const struct yaml_node *c = n->child; c; c = c->next, count++) {
        assert_int_equal(c->key != NULL, n->kind == YAML_MAP);
        str_add(out, count ? ", " : "");
        if (c->key) {
            str_addf(out, "%s: ", c->key);
        }
        print(c, out);
    }
    str_addf(out, "%s@%zu:%zu", n->kind == YAML_MAP ? "}" : "]", n->line, n->column);
    assert_int_equal(count, n->n_children);
}

static void test_trees(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a", "'a'@1:1"},
        {"a: 1\n\nbc:\n  - x\n  -   y\n",
         "{a: '1'@1:1, bc: ['x'@4:5, 'y'@5:7]@3:1}@1:1"},
        {"sweep:\n  regime.k: [1, 5]\n  regime.draw: {range: [0, 4]}\n",
         "{sweep: {regime.k: ['1'@2:14, '5'@2:17]@2:3, "
         "regime.draw: {range: ['0'@3:25, '4'@3:28]@3:17}@3:3}@1:1}@1:1"},
        {"- {a: b, c: d}\n- e:\n    f\n",
         "[{a: 'b'@1:4, c: 'd'@1:10}@1:3, {e: 'f'@2:3}@2:3]@1:1"},
        {"k:\nl: ~\nm: ''\nn: []\no: {}\n",
         "{k: ''@1:1, l: '~'@2:1, m: ''@3:1, n: []@4:1, o: {}@5:1}@1:1"},
        {"[[[a]]]", "[[['a'@1:4]@1:3]@1:2]@1:1"},
        {"# c\n---\n# d\na: b # e\n...\n", "{a: 'b'@4:1}@4:1"},
        {"%YAML 1.2\n---\na", "'a'@3:1"},
        {"\xef\xbb\xbf"
         "a: b",
         "{a: 'b'@1:1}@1:1"},
        {"r\xc3\xa4: \xe2\x82\xac", "{r\xc3\xa4: '\xe2\x82\xac'@1:1}@1:1"},
        {"? a\n: b", "{a: 'b'@1:3}@1:1"},
        {"<<: x", "{<<: 'x'@1:1}@1:1"}, /* no merging: a key like any other */
        {"a: yes\r\nb: 0x10\r\n", "{a: 'yes'@1:1, b: '0x10'@2:1}@1:1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct yaml_node *root = parse(cases[i][0]);
        struct str text = {0};
        print(root, &text);
        assert_string_equal(str_text(&text), cases[i][1]);
        str_release(&text);
        yaml_release(root);
    }
    yaml_release(NULL);
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a: plain text, with 'quotes' : no", NULL},
        {"a: plain text  ", "plain text"},
        {"a: random:R50x1", "random:R50x1"},
        {"a: 'it''s'", "it's"},
        {"a: \"tab\\there \\u00e9 \\x41\"", "tab\there \xc3\xa9 A"},
        {"a: |\n  one\n   two\n", "one\n two\n"},
        {"a: |-\n  one\n", "one"},
        {"a: >\n  one\n  two\n\n  three\n", "one two\nthree\n"},
        {"a: one\n   two", "one two"},
        {"a: \"one\n   two\"", "one two"},
        {"a: C#", "C#"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (!cases[i][1]) {
            struct err e = {0};
            assert_null(yaml_parse(cases[i][0], strlen(cases[i][0]), "x", &e));
            continue;
        }
        struct yaml_node *root = parse(cases[i][0]);
        assert_string_equal(yaml_get(root, "a")->text, cases[i][1]);
        yaml_release(root);
    }
}

static void test_get(void **state)
{
    (void)state;
    struct yaml_node *root = parse("a: {b: c}\nd: [e]\n");
    assert_string_equal(yaml_get(yaml_get(root, "a"), "b")->text, "c");
    assert_null(yaml_get(root, "b"));
    assert_null(yaml_get(yaml_get(root, "d"), "e"));
    assert_null(yaml_get(yaml_get(root, "none"), "a"));
    yaml_release(root);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "run.yaml:1:1: nothing in it"},
        {"# only a comment\n", "run.yaml:2:1: nothing in it"},
        {"a: 1\nb: 2\n  \na: 3\n", "run.yaml:4:1: key 'a' stands here and in line 1"},
        {"x: {b: 1, c: 2, b: 3}", "run.yaml:1:17: key 'b' stands here and in line 1"},
        {"a: *b", "run.yaml:1:4: aliases"},
        {"*b : a", "run.yaml:1:1: a key must"},
        {"a: &b c", "run.yaml:1:4: anchors"},
        {"&b a: c", "run.yaml:1:1: anchors"},
        {"a: &b [c]", "run.yaml:1:4: anchors"},
        {"a: &b {c: d}", "run.yaml:1:4: anchors"},
        {"a: !!str b", "run.yaml:1:4: tags"},
        {"a: !b [c]", "run.yaml:1:4: tags"},
        {"a: !b {c: d}", "run.yaml:1:4: tags"},
        {"!b a: c", "run.yaml:1:1: tags"},
        {"a: ! b", "run.yaml:1:4: tags"},
        {"a\n---\nb", "run.yaml:2:1: a second document"},
        {"--- a\n--- b", "run.yaml:2:1: a second document"},
        {"? [a]\n: b", "run.yaml:1:3: a key must"},
        {"[{a: b}: c]", "run.yaml:1:2: a key must"},
        {"a: \"x\\0y\"", "run.yaml:1:4: a text with a NUL"},
        {"\"x\\0y\": a", "run.yaml:1:1: a text with a NUL"},
        {"ok: 1\nno: \x01", "run.yaml:2:5: control characters"},
        {"ok: 1\nno: \xff", "run.yaml:2:5: invalid leading UTF-8"},
        {"a: [1, 2", "run.yaml:2:1: did not find expected"},
        {"a: b: c", "run.yaml:1:5: mapping values"},
        {"a: 1\n b: 2", "run.yaml:2:3: mapping values"},
        {"\ta: b", "run.yaml:1:1: found character that cannot start"},
        {"a: 'b", "run.yaml:1:6: found unexpected end of stream"},
        {"a: 1\n- b", "run.yaml:2:1: did not find expected key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        struct yaml_node *root = yaml_parse(cases[i][0], strlen(cases[i][0]), "run.yaml", &e);
        if (root || strncmp(e.text, cases[i][1], strlen(cases[i][1])) != 0) {
            fail_msg("%s: %s, not: %s", cases[i][0], root ? "accepted" : e.text, cases[i][1]);
        }
        assert_int_equal(e.code, ERR_FORMAT);
    }
    assert_null(yaml_parse("*a", 2, "x", NULL)); /* e may be NULL */
    assert_null(yaml_parse("a: [", 4, "x", NULL));
}

/* n lists, one inside the other. */
static struct yaml_node *parse_nested(size_t n, struct err *e)
{
    char text[200];
    memset(text, '[', n);
    memset(text + n, ']', n);
    return yaml_parse(text, 2 * n, "x", e);
}

static void test_limits(void **state)
{
    (void)state;
    struct err e = {0};
    struct yaml_node *root = parse_nested(YAML_MAX_DEPTH, &e);
    assert_non_null(root);
    yaml_release(root);
    assert_null(parse_nested(YAML_MAX_DEPTH + 1, &e));
    assert_int_equal(e.code, ERR_LIMIT);
    assert_string_equal(e.text, "x:1:33: nested too deeply");

    char *text = calloc(YAML_MAX_BYTES + 1, 1);
    memset(text, 'a', YAML_MAX_BYTES + 1);
    root = yaml_parse(text, YAML_MAX_BYTES, "x", &e);
    assert_non_null(root);
    assert_int_equal(strlen(root->text), YAML_MAX_BYTES);
    yaml_release(root);
    assert_null(yaml_parse(text, YAML_MAX_BYTES + 1, "x", &e));
    assert_int_equal(e.code, ERR_LIMIT);
    memset(text, '[', YAML_MAX_BYTES); /* ends at depth 33, not after a million */
    assert_null(yaml_parse(text, YAML_MAX_BYTES, "x", &e));
    assert_string_equal(e.text, "x:1:33: nested too deeply");
    free(text);
}

/* 100,000 keys, the last one a repetition: must not take the square of their number. */
static void test_many_keys(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct err e = {0};
    struct str text = {0};
    for (size_t i = 0; i < N; i++) {
        str_addf(&text, "%zx:\n", i * 7919 % N);
    }
    struct yaml_node *root = yaml_parse(str_text(&text), text.len, "x", &e);
    assert_non_null(root);
    assert_int_equal(root->n_children, N);
    yaml_release(root);
    str_add(&text, "0:\n");
    assert_null(yaml_parse(str_text(&text), text.len, "x", &e));
    assert_string_equal(e.text, "x:100001:1: key '0' stands here and in line 1");
    str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
