/* HDF5 images: what is written reads back and is the same to h5dump; equal contents are equal
 * bytes; several images side by side. Files of other makers are in h5_foreign.c. */
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

#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err fault; /* of the last call that failed */

#define OK(call)                                   \
    do {                                           \
        if (call) {                                \
            fail_msg("%s: %s", #call, fault.text); \
        }                                          \
    } while (0)

static const float f32[6] = {0, 1.5f, -2.25f, 3, -100, 0.125f};
static const double f64[3] = {0.1, -1e300, 5e-324};
static const int32_t i32[2] = {INT32_MIN, INT32_MAX};
static const int64_t i64[2] = {INT64_MIN, INT64_MAX};
static const uint16_t u16[2] = {0, UINT16_MAX};
static const uint64_t u64[2] = {1, UINT64_MAX};
static const uint8_t u8[3] = {0, 127, 255};
static const char *const texts[4] = {"a", "bcd", "", "r\xc3\xa4t"};
enum { N_PACKED = 10000 };

/* Every kind of object, some packed arrays among them. */
static void build(unsigned char **bytes, size_t *n, size_t user_block)
{
    struct h5 *h;
    float *wave = malloc(N_PACKED * sizeof *wave);
    for (size_t i = 0; i < N_PACKED; i++) {
        wave[i] = sinf((float)i);
    }
    OK(h5_create(&h, user_block, &fault));
    OK(h5_attr_i64(h, "/", "format", 1, &fault));
    OK(h5_attr_text(h, "/", "message", "", &fault));
    OK(h5_group(h, "/g", &fault));
    OK(h5_group(h, "/g/inner", &fault));
    OK(h5_attr_i64(h, "/g", "z", -7, &fault));
    OK(h5_attr_f64(h, "/g", "a", 0.1, &fault));
    OK(h5_attr_text(h, "/g", "m", "r\xc3\xa4t", &fault));
    OK(h5_text(h, "/spec", "name: x\nk: [1]\n", &fault));
    OK(h5_attr_text(h, "/spec", "k", "[1]", &fault));
    OK(h5_text(h, "/no_text", "", &fault));
    OK(h5_array(h, "/g/f32", H5_F32, 2, (size_t[]){2, 3}, f32, false, &fault));
    OK(h5_array(h, "/g/f64", H5_F64, 1, (size_t[]){3}, f64, true, &fault));
    OK(h5_array(h, "/g/i32", H5_I32, 1, (size_t[]){2}, i32, false, &fault));
    OK(h5_array(h, "/g/i64", H5_I64, 1, (size_t[]){2}, i64, false, &fault));
    OK(h5_array(h, "/g/u16", H5_U16, 1, (size_t[]){2}, u16, false, &fault));
    OK(h5_array(h, "/g/u64", H5_U64, 1, (size_t[]){2}, u64, false, &fault));
    OK(h5_array(h, "/g/u8", H5_U8, 3, (size_t[]){1, 3, 1}, u8, false, &fault));
    OK(h5_array(h, "/scalar", H5_F64, 0, NULL, f64, true, &fault));
    OK(h5_array(h, "/none", H5_F32, 2, (size_t[]){0, 5}, NULL, true, &fault));
    OK(h5_array(h, "/packed", H5_F32, 2, (size_t[]){100, 100}, wave, true, &fault));
    OK(h5_texts(h, "/texts", ARRAY_LEN(texts), texts, false, &fault));
    OK(h5_texts(h, "/no_texts", 0, NULL, true, &fault));
    OK(h5_finish(h, bytes, n, &fault));
    free(wave);
}

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

static void check_shape(struct h5 *h, const char *path, size_t n_dims, size_t first, size_t second)
{
    size_t n, dims[H5_MAX_DIMS];
    OK(h5_shape(h, path, &n, dims, &fault));
    assert_int_equal(n, n_dims);
    assert_true(n_dims < 1 || dims[0] == first);
    assert_true(n_dims < 2 || dims[1] == second);
}

static void test_round_trip(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t n, stride, n_texts;
    struct h5 *h;
    char *block;
    build(&bytes, &n, 512);
    OK(h5_open(&h, bytes, n, "x.h5", &fault));
    check_read(h, "/g/f32", H5_F32, f32, 6);
    check_read(h, "/g/f64", H5_F64, f64, 3);
    check_read(h, "/g/i32", H5_I32, i32, 2);
    check_read(h, "/g/i64", H5_I64, i64, 2);
    check_read(h, "/g/u16", H5_U16, u16, 2);
    check_read(h, "/g/u64", H5_U64, u64, 2);
    check_read(h, "/g/u8", H5_U8, u8, 3);
    check_read(h, "/scalar", H5_F64, f64, 1);
    check_read(h, "/none", H5_F32, "", 0);
    check_shape(h, "/g/f32", 2, 2, 3);
    check_shape(h, "/none", 2, 0, 5);
    check_shape(h, "/scalar", 0, 0, 0);
    check_text(h, "/spec", "name: x\nk: [1]\n");
    check_text(h, "/no_text", "");
    check_text(h, "/@message", "");
    check_text(h, "/g@m", "r\xc3\xa4t");
    OK(h5_read_texts(h, "/texts", &block, &stride, &n_texts, &fault));
    assert_int_equal(n_texts, ARRAY_LEN(texts));
    for (size_t i = 0; i < n_texts; i++) {
        assert_string_equal(block + i * stride, texts[i]);
    }
    free(block);
    OK(h5_read_texts(h, "/no_texts", &block, &stride, &n_texts, &fault));
    assert_int_equal(n_texts, 0);
    free(block);
    float *wave;
    size_t n_wave;
    OK(h5_read(h, "/packed", H5_F32, (void **)&wave, &n_wave, &fault));
    assert_int_equal(n_wave, N_PACKED);
    for (size_t i = 0; i < N_PACKED; i++) {
        assert_true(wave[i] == sinf((float)i));
    }
    free(wave);
    assert_true(h5_has(h, "/g/inner") && h5_has(h, "/") && h5_has(h, "/g/u8"));
    assert_false(h5_has(h, "/g/u9") || h5_has(h, "/u9/x"));
    assert_true(h5_is_text(h, "/texts") && h5_is_text(h, "/spec"));
    assert_false(h5_is_text(h, "/packed") || h5_is_text(h, "/g") || h5_is_text(h, "/absent"));
    OK(h5_close(h, &fault));
    free(bytes);
}

static int collect(void *out, const char *name, const char *text, struct err *e)
{
    str_addf(out, "%s=%s;", name, text);
    return strcmp(name, "stop") == 0 ? err_set(e, ERR_USAGE, "stopped") : 0;
}

static void test_attributes(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t n;
    struct h5 *h;
    struct str all = {0};
    int64_t i;
    double d;
    build(&bytes, &n, 0);
    OK(h5_open(&h, bytes, n, "x.h5", &fault));
    OK(h5_attrs(h, "/g", collect, &all, &fault));
    assert_string_equal(str_text(&all), "a=0.1;m=r\xc3\xa4t;z=-7;");
    assert_int_equal(h5_attrs(h, "/absent", collect, &all, &fault), -1);
    OK(h5_read_attr_i64(h, "/g", "z", &i, &fault));
    assert_int_equal(i, -7);
    OK(h5_read_attr_f64(h, "/g", "a", &d, &fault));
    assert_true(d == 0.1);
    OK(h5_read_attr_f64(h, "/g", "z", &d, &fault));
    assert_true(d == -7);
    assert_int_equal(h5_read_attr_i64(h, "/g", "a", &i, &fault), -1);
    assert_non_null(strstr(fault.text, "attribute a: not an integer"));
    assert_int_equal(h5_read_attr_f64(h, "/g", "m", &d, &fault), -1);
    assert_int_equal(h5_read_attr_i64(h, "/g", "absent", &i, &fault), -1);
    assert_int_equal(fault.code, ERR_FORMAT);
    assert_int_equal(h5_read_text(h, "/g@z", &(char *){NULL}, &fault), -1);
    assert_int_equal(h5_read_text(h, "/g@absent", &(char *){NULL}, &fault), -1);
    str_release(&all);
    h5_close(h, NULL);
    free(bytes);
}

/* The callback's own error comes through. */
static void test_attributes_stop(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t n;
    struct h5 *h;
    struct str all = {0};
    OK(h5_create(&h, 0, &fault));
    OK(h5_attr_i64(h, "/", "a", 1, &fault));
    OK(h5_attr_i64(h, "/", "stop", 2, &fault));
    OK(h5_attr_i64(h, "/", "z", 3, &fault));
    OK(h5_finish(h, &bytes, &n, &fault));
    OK(h5_open(&h, bytes, n, "x.h5", &fault));
    assert_int_equal(h5_attrs(h, "/", collect, &all, &fault), -1);
    assert_int_equal(fault.code, ERR_USAGE);
    assert_string_equal(fault.text, "/: stopped");
    assert_string_equal(str_text(&all), "a=1;stop=2;");
    str_release(&all);
    h5_close(h, NULL);
    free(bytes);
}

/* Another second, other rubbish in freed and fresh memory, other addresses: the same bytes. */
static void test_equal_bytes(void **state)
{
    (void)state;
    unsigned char *first, *again;
    size_t n_first, n_again;
    build(&first, &n_first, 512);
    for (size_t i = 0; i < 512; i++) {
        assert_int_equal(first[i], 0);
    }
    for (int i = 0; i < 3; i++) {
        mallopt(M_PERTURB, 0x55 << i);
        void *hole = malloc((size_t)1000 << i);
        sleep(i == 0); /* the file has no times */
        build(&again, &n_again, 512);
        free(hole);
        assert_int_equal(n_again, n_first);
        assert_memory_equal(again, first, n_first);
        free(again);
    }
    mallopt(M_PERTURB, 0);
    free(first);
}

/* What HDF5's own tool says of the image; it must hold each of the texts wanted [n]. */
static void check_h5dump(const unsigned char *bytes, size_t n_bytes, const char *options,
                         const char *const *wanted, size_t n)
{
    char path[] = "/tmp/bitbench-h5-XXXXXX", command[128], part[4096];
    struct str dump = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n_bytes), n_bytes);
    close(fd);
    snprintf(command, sizeof command, "h5dump %s %s 2>&1", options, path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    for (size_t k; (k = fread(part, 1, sizeof part, pipe)) > 0;) {
        str_add_n(&dump, part, k);
    }
    assert_int_equal(pclose(pipe), 0);
    for (size_t i = 0; i < n; i++) {
        if (!strstr(str_text(&dump), wanted[i])) {
            fail_msg("no %s in %s", wanted[i], str_text(&dump));
        }
    }
    str_release(&dump);
    unlink(path);
}

static void test_h5dump(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "H5T_IEEE_F32LE", "( 2, 3 )", "0, 1.5, -2.25", "3, -100, 0.125", "STRPAD H5T_STR_NULLPAD",
        "CSET H5T_CSET_UTF8", "(0): -7"};
    unsigned char *bytes;
    size_t n;
    build(&bytes, &n, 512);
    check_h5dump(bytes, n, "-d /g/f32 -d /texts -a /g/z", wanted, ARRAY_LEN(wanted));
    free(bytes);
}

/* More than one chunk; the last one is padded. */
static void test_many_chunks(void **state)
{
    (void)state;
    enum { ROWS = 1500,
           COLS = 1000 };
    uint8_t *data = malloc(ROWS * COLS), *back;
    unsigned char *bytes[2];
    size_t n[2], n_back;
    struct h5 *h;
    for (size_t i = 0; i < ROWS * COLS; i++) {
        data[i] = (uint8_t)(i * i >> 8);
    }
    for (size_t i = 0; i < 2; i++) {
        mallopt(M_PERTURB, i ? 0xaa : 0x33);
        OK(h5_create(&h, 0, &fault));
        OK(h5_array(h, "/x", H5_U8, 2, (size_t[]){ROWS, COLS}, data, true, &fault));
        OK(h5_finish(h, &bytes[i], &n[i], &fault));
    }
    mallopt(M_PERTURB, 0);
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    static const char *const wanted[] = {"CHUNKED ( 1048, 1000 )", "SHUFFLE",
                                         "DEFLATE { LEVEL 1 }"};
    check_h5dump(bytes[0], n[0], "-p -H", wanted, ARRAY_LEN(wanted));
    OK(h5_open(&h, bytes[0], n[0], "x.h5", &fault));
    OK(h5_read(h, "/x", H5_U8, (void **)&back, &n_back, &fault));
    assert_int_equal(n_back, ROWS * COLS);
    assert_memory_equal(back, data, n_back);
    h5_close(h, NULL);
    free(back);
    free(bytes[0]);
    free(bytes[1]);
    free(data);
}

/* Images of one name are not one image, whether both are written, both read, or one of each;
 * nor is a file that happens to have the name. */
static void test_several_open(void **state)
{
    (void)state;
    struct h5 *h[2], *other;
    unsigned char *bytes[2];
    size_t n[2];
    for (size_t i = 0; i < 2; i++) {
        OK(h5_create(&h[i], 0, &fault));
        OK(h5_array(h[i], i ? "/b" : "/a", H5_U8, 1, (size_t[]){1}, &u8[i], false, &fault));
    }
    for (size_t i = 0; i < 2; i++) {
        OK(h5_finish(h[i], &bytes[i], &n[i], &fault));
    }
    OK(h5_create(&other, 0, &fault));
    for (size_t i = 0; i < 2; i++) {
        OK(h5_open(&h[i], bytes[i], n[i], "Makefile", &fault));
    }
    for (size_t i = 0; i < 2; i++) {
        check_read(h[i], i ? "/b" : "/a", H5_U8, &u8[i], 1);
        assert_false(h5_has(h[i], i ? "/a" : "/b"));
    }
    for (size_t i = 0; i < 2; i++) {
        OK(h5_close(h[i], &fault));
        free(bytes[i]);
    }
    assert_false(h5_has(other, "/a"));
    OK(h5_close(other, &fault));
}

static void test_rows_on_disk(void **state)
{
    (void)state;
    char dir[] = "/tmp/bitbench-h5-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x.h5", dir);
    struct h5 *h;
    unsigned char *bytes;
    size_t n;
    float rows[12];
    for (size_t i = 0; i < 12; i++) {
        rows[i] = (float)i;
    }
    OK(h5_create_file(&h, path, &fault));
    OK(h5_matrix(h, "/features", H5_F32, 4, 3, &fault));
    OK(h5_rows(h, "/features", 3, 1, rows + 9, &fault));
    OK(h5_rows(h, "/features", 0, 2, rows, &fault));
    OK(h5_rows(h, "/features", 2, 1, rows + 6, &fault));
    OK(h5_rows(h, "/features", 4, 0, rows, &fault));
    OK(h5_close(h, &fault));
    OK(file_read(path, 0, &bytes, &n, &fault));
    OK(h5_open(&h, bytes, n, path, &fault));
    check_read(h, "/features", H5_F32, rows, 12);
    h5_close(h, NULL);
    free(bytes);
    unlink(path);
    rmdir(dir);
    assert_int_equal(h5_create_file(&h, path, &fault), -1);
    assert_int_equal(fault.code, ERR_IO);
    assert_non_null(strstr(fault.text, path));
}

static void test_write_errors(void **state)
{
    (void)state;
    struct h5 *h;
    char *long_text = calloc(70000, 1);
    memset(long_text, 'x', 69999);
    OK(h5_create(&h, 0, &fault));
    OK(h5_text(h, "/a", "b", &fault));
    OK(h5_text(h, "/long", long_text, &fault));
    assert_int_equal(h5_text(h, "/a", "c", &fault), -1);
    assert_int_equal(fault.code, ERR_IO);
    assert_string_equal(fault.text,
                        "new HDF5 image: /a: cannot make data set: HDF5: name already exists");
    assert_int_equal(h5_text(h, "/no/a", "c", &fault), -1);
    assert_int_equal(h5_group(h, "/a", &fault), -1);
    assert_int_equal(h5_attr_i64(h, "/no", "x", 1, &fault), -1);
    assert_int_equal(h5_attr_text(h, "/", "x", long_text, &fault), -1);
    assert_non_null(strstr(fault.text, "attribute x"));
    assert_int_equal(h5_rows(h, "/no", 0, 1, "", &fault), -1);
    h5_close(h, NULL);
    OK(h5_close(NULL, &fault));
    free(long_text);
}

static void test_not_hdf5(void **state)
{
    (void)state;
    struct h5 *h;
    unsigned char *bytes;
    size_t n;
    assert_int_equal(h5_open(&h, (const unsigned char *)"hello", 5, "x.h5", &fault), -1);
    assert_int_equal(fault.code, ERR_FORMAT);
    assert_string_equal(fault.text, "x.h5: /: cannot open: HDF5: file signature not found");
    assert_int_equal(h5_open(&h, (const unsigned char *)"", 0, "x.h5", &fault), -1);
    build(&bytes, &n, 512);
    for (size_t i = 0; i < n; i += i < 2048 ? 61 : 997) { /* the length is in the superblock */
        assert_int_equal(h5_open(&h, bytes, i, "x.h5", &fault), -1);
    }
    free(bytes);
    assert_true(strstr(h5_version(), "1.") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_attributes_stop),
        cmocka_unit_test(test_equal_bytes),
        cmocka_unit_test(test_many_chunks),
        cmocka_unit_test(test_several_open),
        cmocka_unit_test(test_h5dump),
        cmocka_unit_test(test_rows_on_disk),
        cmocka_unit_test(test_write_errors),
        cmocka_unit_test(test_not_hdf5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
