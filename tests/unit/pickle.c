/* The pickle reader: files written by Python, read and refused. */
#include "tests/unit/dataset_truth.h"

#include <unistd.h>
#include "datasets/codec/pickle.h"
#include "harness/base/tensor.h"

#define PICKLES "tests/fixtures/pickle"

static uint8_t *load(const char *name, size_t *n)
{
    char path[128];
    struct err e = {0};
    unsigned char *bytes;
    snprintf(path, sizeof path, PICKLES "/%s.pkl", name);
    if (file_read(path, 0, &bytes, n, &e)) {
        fail_msg("%s", e.text);
    }
    return bytes;
}

static const struct pickle_value *get(const struct pickle *p, const char *key)
{
    const struct pickle_value *v = pickle_get(p, pickle_root(p), key);
    if (!v) {
        fail_msg("no %s", key);
    }
    return v;
}

static void check_array(const struct pickle *p)
{
    static const uint8_t expected[] = {250, 251, 252, 253, 254, 255};
    const struct pickle_value *v = get(p, "data");
    assert_int_equal(v->kind, PICKLE_ARRAY);
    assert_int_equal(v->i, 2);
    assert_int_equal(v->n, 3);
    assert_int_equal(v->n_text, 6);
    assert_memory_equal(v->text, expected, 6);
}

static void check_ints(const struct pickle *p, const char *key, const int64_t *expected, size_t n)
{
    const struct pickle_value *v = get(p, key);
    assert_int_equal(v->n, n);
    v = pickle_first(p, v);
    for (size_t i = 0; i < n; i++, v = pickle_next(p, v)) {
        assert_true(v->kind == PICKLE_INT || v->kind == PICKLE_BOOL);
        assert_int_equal(v->i, expected[i]);
    }
    assert_null(v);
}

static void python3(void **state)
{
    (void)state;
    static const char *const files[] = {"protocol3", "protocol4"};
    static const int64_t labels[] = {7, 300, 70000, -5, (int64_t)1 << 40}, flags[] = {1, 0},
                         four[] = {1, 2, 3, 4};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct err e = {0};
        struct pickle p;
        size_t n;
        uint8_t *bytes = load(files[i], &n);
        if (pickle_parse(&p, bytes, n, files[i], &e)) {
            fail_msg("%s", e.text);
        }
        check_array(&p);
        check_ints(&p, "labels", labels, 5);
        check_ints(&p, "flags", flags, 2);
        check_ints(&p, "one", four, 1);
        check_ints(&p, "pair", four, 2);
        check_ints(&p, "four", four, 4);
        assert_int_equal(get(&p, "flags")->kind, PICKLE_TUPLE);
        assert_int_equal(get(&p, "none")->kind, PICKLE_NONE);
        static const size_t lengths[] = {1, 2, 1, 300};
        const struct pickle_value *v = pickle_first(&p, get(&p, "names"));
        for (size_t k = 0; k < 4; k++, v = pickle_next(&p, v)) {
            assert_int_equal(v->kind, PICKLE_TEXT);
            assert_int_equal(v->n_text, lengths[k]);
        }
        static const enum pickle_kind empty[] = {PICKLE_TUPLE, PICKLE_LIST, PICKLE_DICT};
        v = pickle_first(&p, get(&p, "empty"));
        for (size_t k = 0; k < 3; k++, v = pickle_next(&p, v)) {
            assert_int_equal(v->kind, empty[k]);
            assert_int_equal(v->n, 0);
            assert_null(pickle_first(&p, v));
        }
        assert_null(pickle_get(&p, pickle_root(&p), "absent"));
        assert_null(pickle_get(&p, get(&p, "labels"), "data"));
        pickle_release(&p);
        free(bytes);
    }
}

static void python2(void **state)
{
    (void)state;
    static const int64_t labels[] = {7, 9};
    struct err e = {0};
    struct pickle p;
    size_t n;
    uint8_t *bytes = load("python2", &n);
    if (pickle_parse(&p, bytes, n, "python2", &e)) {
        fail_msg("%s", e.text);
    }
    /* The key "data" again, fetched from the memo: the last one counts, as in Python. */
    assert_int_equal(get(&p, "data")->kind, PICKLE_TEXT);
    check_ints(&p, "labels", labels, 2);
    assert_int_equal(pickle_next(&p, pickle_first(&p, pickle_root(&p)))->kind, PICKLE_ARRAY);
    pickle_release(&p);
    free(bytes);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *file, *mentions;
    } bad[] = {
        {"protocol0", "not a pickle of protocol 2 to 4"},
        {"protocol5", "not a pickle of protocol 2 to 4"},
        {"codecs", "offset, refused global _codecs.encode"},
        {"call", "offset, refused global posix.system"},
        {"ordered", "offset 2, refused global collections.OrderedDict"},
        {"float", "offset, opcode 0x47 'G'"},
        {"set", "offset, opcode 0x8f"},
        {"int16", "offset, unsigned bytes"},
        {"fortran", "offset, not the state of an array"},
        {"one_dimension", "offset, two dimensions"},
        {"object", "offset, unsigned bytes"},
        {"ring", "offset, container that is used twice"},
        {"twice", "offset, container that is used twice"},
        {"big_int", "offset, beyond 64 bits"},
        {"key", "offset, key that is no string"},
    };
    unlink("/tmp/bitbench-was-here");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char name[64];
        struct err e = {0};
        struct pickle p;
        size_t n;
        snprintf(name, sizeof name, "refused_%s", bad[i].file);
        uint8_t *bytes = load(name, &n);
        if (!pickle_parse(&p, bytes, n, name, &e)) {
            fail_msg("%s was read", name);
        }
        assert_int_equal(e.code, ERR_FORMAT);
        assert_mentions(e.text, bad[i].mentions);
        assert_mentions(e.text, name);
        pickle_release(&p);
        free(bytes);
    }
    assert_int_equal(access("/tmp/bitbench-was-here", F_OK), -1);
}

/* Every shorter file is refused; so is one with a byte behind its end. */
static void cut(void **state)
{
    (void)state;
    static const char *const files[] = {"protocol3", "protocol4", "python2"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        size_t n;
        uint8_t *bytes = load(files[i], &n);
        for (size_t k = 0; k <= n + 1; k++) {
            if (k == n) {
                continue;
            }
            struct err e = {0};
            struct pickle p;
            uint8_t *copy = malloc(k + 1);
            memcpy(copy, bytes, k < n ? k : n);
            copy[k > n ? n : k] = 'N';
            if (!pickle_parse(&p, copy, k, files[i], &e)) {
                fail_msg("%s cut to %zu of %zu bytes was read", files[i], k, n);
            }
            assert_int_equal(e.code, ERR_FORMAT);
            pickle_release(&p);
            free(copy);
        }
        free(bytes);
    }
}

/* Sizes that a few bytes can claim: a text of 2^63 bytes, a memo of 2^32, a million values. */
static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *mentions;
    } bad[] = {
        {"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", 11, "truncated, offset 11"},
        {"\x80\x02X\xff\xff\xff\xff", 7, "truncated"},
        {"\x80\x02Nr\xff\xff\xff\xff.", 9, "memo"},
        {"\x80\x02Nj\xff\xff\xff\xff.", 9, "memo"},
        {"\x80\x02\x8a\xff", 4, "64 bits"},
        {"\x80\x02u.", 4, "no mark"},
        {"\x80\x02(e.", 5, "no container"},
        {"\x80\x02}(U\x01"
         "au.",
         9, "key without a value"},
        {"\x80\x02R.", 4, "nothing on the stack"},
        {"\x80\x02NN.", 5, "not one value"},
        {"\x80\x02(.", 4, "not one value"},
        {"\x80\x02"
         "cos",
         5, "no end of line"},
    };
    struct err e = {0};
    struct pickle p;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(pickle_parse(&p, (const uint8_t *)bad[i].bytes, bad[i].n, "x", &e), -1);
        assert_mentions(e.text, bad[i].mentions);
        pickle_release(&p);
    }
    static uint8_t many[(1 << 20) + 16];
    for (int mark = 0; mark < 2; mark++) {
        memset(many, mark ? '(' : 'N', sizeof many);
        memcpy(many, "\x80\x02", 2);
        assert_int_equal(pickle_parse(&p, many, sizeof many, "x", &e), -1);
        assert_mentions(e.text, mark ? "too deep" : "too many values");
        pickle_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(python3),
        cmocka_unit_test(python2),
        cmocka_unit_test(refused),
        cmocka_unit_test(cut),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
