/* HDF5 files by h5py (tests/fixtures/h5): read as h5py wrote them; kinds that are not supported
 * and values that do not fit are errors; what reaches outside the file or claims more than it
 * has is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/h5.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

#include <stdlib.h>
#include <string.h>

#define FIXTURES "tests/fixtures/h5/"

static struct err fault; /* of the last call that failed */

#define OK(call)                                   \
    do {                                           \
        if (call) {                                \
            fail_msg("%s: %s", #call, fault.text); \
        }                                          \
    } while (0)

static void check_read(struct h5 *h, const char *path, enum h5_type t, const void *want, size_t n)
{
    void *data;
    size_t n_read;
    OK(h5_read(h, path, t, &data, &n_read, &fault));
    assert_int_equal(n_read, n);
    assert_memory_equal(data, want, n * h5_item_bytes(t));
    free(data);
}

static void check_text(struct h5 *h, const char *path, const char *want)
{
    char *v;
    OK(h5_read_text(h, path, &v, &fault));
    assert_string_equal(v, want);
    free(v);
}

static struct h5 *open_fixture(const char *path, unsigned char **bytes)
{
    struct h5 *h = NULL;
    size_t n;
    OK(file_read(path, 0, bytes, &n, &fault));
    OK(h5_open(&h, *bytes, n, path, &fault));
    return h;
}

static void test_h5py_file(void **state)
{
    (void)state;
    unsigned char *bytes;
    struct h5 *h = open_fixture(FIXTURES "good.h5", &bytes);
    int32_t count[1000];
    for (int i = 0; i < 1000; i++) {
        count[i] = i;
    }
    check_read(h, "/f4", H5_F32, (float[]){0, 1.5f, -2.25f, 3, -100, 0.125f}, 6);
    check_read(h, "/f8", H5_F64, (double[]){0.1, 1e300}, 2);
    check_read(h, "/f4", H5_F64, (double[]){0, 1.5, -2.25, 3, -100, 0.125}, 6);
    check_read(h, "/big_endian", H5_F32, (float[]){1, 2, 3}, 3);
    check_read(h, "/i1", H5_I32, (int32_t[]){-1, 127, -128}, 3);
    check_read(h, "/i1", H5_F32, (float[]){-1, 127, -128}, 3);
    check_read(h, "/i8", H5_I64, (int64_t[]){16777217, -3, 9007199254740993}, 3);
    check_read(h, "/scalar", H5_F32, (float[]){2.5f}, 1);
    check_read(h, "/empty", H5_F32, "", 0);
    check_read(h, "/packed", H5_I32, count, 1000);
    check_read(h, "/sparse", H5_I32, (int32_t[]){9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, 10);
    check_text(h, "/text", "one");
    check_text(h, "/@text", "fixed");
    static const char *const lists[3][4] = {
        {"a", "bcd", "", "\xc3\xa9"}, {"ab", "c"}, {"ab", "cde"}};
    static const char *const paths[3] = {"/texts", "/spaces", "/nulterm"};
    for (size_t i = 0; i < 3; i++) {
        char *block;
        size_t stride, n;
        OK(h5_read_texts(h, paths[i], &block, &stride, &n, &fault));
        assert_int_equal(n, i == 0 ? 4 : 2);
        for (size_t k = 0; k < n; k++) {
            assert_string_equal(block + k * stride, lists[i][k]);
        }
        free(block);
    }
    h5_close(h, NULL);
    free(bytes);
}

static void check_refused(struct h5 *h, const char *path, enum h5_type t, const char *says)
{
    void *data;
    size_t n;
    if (h5_read(h, path, t, &data, &n, &fault) == 0) {
        fail_msg("%s read", path);
    }
    assert_true(fault.code == ERR_FORMAT || fault.code == ERR_LIMIT);
    assert_non_null(strstr(fault.text, path));
    if (!strstr(fault.text, says)) {
        fail_msg("%s, not: %s", fault.text, says);
    }
}

static int collect(void *out, const char *name, const char *text, struct err *e)
{
    str_addf(out, "%s=%s;", name, text);
    (void)e;
    return 0;
}

static void test_h5py_refused(void **state)
{
    (void)state;
    unsigned char *bytes;
    struct h5 *h = open_fixture(FIXTURES "good.h5", &bytes);
    struct str all = {0};
    int64_t i;
    char *v;
    size_t n, stride;
    static const struct {
        const char *path;
        enum h5_type type;
        const char *says;
    } cases[] = {
        {"/f8", H5_F32, "does not fit"}, /* 1e300 */
        {"/f4", H5_I32, "does not fit"}, /* 1.5 */
        {"/i1", H5_U8, "does not fit"},  /* -1 */
        {"/i8", H5_I32, "does not fit"}, /* 2^53 */
        {"/i8", H5_F32, "does not fit"}, /* 2^24 + 1 */
        {"/i8", H5_F64, "does not fit"}, /* 2^53 + 1 */
        {"/bool", H5_U8, "not an array of numbers"},
        {"/records", H5_F32, "not an array of numbers"},
        {"/texts", H5_F32, "not an array of numbers"},
        {"/nothing", H5_F32, "no array"},
        {"/dims9", H5_F32, "no array"},
        {"/g", H5_F32, "cannot open: HDF5: "},
        {"/absent", H5_F32, "cannot open: HDF5: "},
    };
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        check_refused(h, cases[k].path, cases[k].type, cases[k].says);
    }
    assert_int_equal(h5_read_text(h, "/variable", &v, &fault), -1);
    assert_non_null(strstr(fault.text, "variable length"));
    assert_int_equal(h5_read_text(h, "/texts", &v, &fault), -1);
    assert_int_equal(h5_read_texts(h, "/variables", &v, &stride, &n, &fault), -1);
    assert_int_equal(h5_read_texts(h, "/text", &v, &stride, &n, &fault), -1);
    assert_int_equal(h5_read_texts(h, "/f4", &v, &stride, &n, &fault), -1);
    assert_int_equal(h5_attrs(h, "/", collect, &all, &fault), -1);
    assert_non_null(strstr(fault.text, "attribute array"));
    str_clear(&all);
    assert_int_equal(h5_attrs(h, "/g", collect, &all, &fault), -1); /* flag, before one */
    str_release(&all);
    OK(h5_read_attr_i64(h, "/g", "one", &i, &fault));
    assert_int_equal(i, 7);
    OK(h5_read_attr_i64(h, "/", "int", &i, &fault));
    assert_int_equal(i, -5);
    assert_int_equal(h5_read_attr_i64(h, "/", "big", &i, &fault), -1);
    assert_non_null(strstr(fault.text, "18446744073709551615 is out of range"));
    h5_close(h, NULL);
    free(bytes);
}

static void test_hostile(void **state)
{
    (void)state;
    unsigned char *bytes;
    struct h5 *h = open_fixture(FIXTURES "hostile.h5", &bytes);
    check_refused(h, "/link", H5_F32, "cannot open");
    check_refused(h, "/loop", H5_F32, "cannot open");
    check_refused(h, "/virtual", H5_F32, "data kept outside the file");
    check_refused(h, "/external", H5_U8, "data kept outside the file");
    check_refused(h, "/plain", H5_F64, "claims 8796093022208 bytes in a file of");
    check_refused(h, "/chunked", H5_F64, "the limit is");
    check_refused(h, "/overflow", H5_F64, "overflow");
    check_refused(h, "/wide", H5_F64, "the limit is");
    char *block;
    size_t stride, n;
    assert_int_equal(h5_read_texts(h, "/texts", &block, &stride, &n, &fault), -1);
    assert_int_equal(fault.code, ERR_LIMIT);
    h5_close(h, NULL);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h5py_file),
        cmocka_unit_test(test_h5py_refused),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
