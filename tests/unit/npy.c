/* NumPy arrays: files that NumPy wrote (tests/fixtures/npy), headers by hand, conversions at the
 * edges of each type, files cut short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/half.h"
#include "harness/base/npy.h"
#include "harness/base/tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIXTURES "tests/fixtures/npy/"

static const double small[6] = {0, 1, 2, 3, 100, 127};
static const double with_sign[6] = {0, 1, -2, 3, -100, 127};
static const double with_fraction[6] = {0, 1.5, -2.25, 3, -100, 0.125};
static const double ones[6] = {0, 1, 1, 1, 1, 1};

static const struct {
    const char *path;
    enum npy_type type;
    const double *values;
} types[] = {
    {FIXTURES "f2.npy", NPY_F16, with_fraction},
    {FIXTURES "f4.npy", NPY_F32, with_fraction},
    {FIXTURES "f8.npy", NPY_F64, with_fraction},
    {FIXTURES "u1.npy", NPY_U8, small},
    {FIXTURES "u2.npy", NPY_U16, small},
    {FIXTURES "u4.npy", NPY_U32, small},
    {FIXTURES "u8.npy", NPY_U64, small},
    {FIXTURES "i1.npy", NPY_I8, with_sign},
    {FIXTURES "i2.npy", NPY_I16, with_sign},
    {FIXTURES "i4.npy", NPY_I32, with_sign},
    {FIXTURES "i8.npy", NPY_I64, with_sign},
    {FIXTURES "b1.npy", NPY_U8, ones},
};

static void test_types(void **state)
{
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(types); t++) {
        struct err e = {0};
        struct npy a;
        double wide[6];
        float narrow[6];
        int64_t whole[6];
        assert_int_equal(npy_read(&a, types[t].path, &e), 0);
        assert_int_equal(a.type, types[t].type);
        assert_int_equal(a.n_dims, 2);
        assert_int_equal(a.dims[0], 2);
        assert_int_equal(a.dims[1], 3);
        assert_int_equal(a.n, 6);
        assert_int_equal(npy_to_f64(&a, wide, "a", &e), 0);
        assert_int_equal(npy_to_f32(&a, narrow, "a", &e), 0);
        assert_int_equal(npy_to_i64(&a, whole, "a", &e), types[t].values == with_fraction ? -1 : 0);
        for (size_t i = 0; i < 6; i++) {
            assert_true(wide[i] == types[t].values[i]); /* exact in every type */
            assert_true((double)narrow[i] == types[t].values[i]);
            assert_true(types[t].values == with_fraction || (double)whole[i] == wide[i]);
        }
        npy_release(&a);
        assert_null(a.owned);
    }
}

/* First, second and last value as NumPy prints them. */
static void test_reference_file(void **state)
{
    (void)state;
    struct err e = {0};
    struct npy a;
    double v[40];
    assert_int_equal(npy_read(&a, FIXTURES "tiny_f32_logits.npy", &e), 0);
    assert_int_equal(a.type, NPY_F64);
    assert_int_equal(a.n_dims, 2);
    assert_int_equal(a.dims[0], 4);
    assert_int_equal(a.dims[1], 10);
    assert_int_equal(npy_to_f64(&a, v, "a", &e), 0);
    assert_true(v[0] == 0.3897959650744892);
    assert_true(v[1] == 0.4383117934055166);
    assert_true(v[39] == 0.7717644918474857);
    npy_release(&a);
}

static void test_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t n_dims, n, dims[NPY_MAX_DIMS];
    } cases[] = {
        {FIXTURES "version2.npy", 1, 3, {3}},
        {FIXTURES "version3.npy", 1, 3, {3}},
        {FIXTURES "scalar.npy", 0, 1, {0}},
        {FIXTURES "empty.npy", 3, 0, {2, 0, 3}},
        {FIXTURES "dims8.npy", 8, 4, {1, 2, 1, 1, 1, 2, 1, 1}},
        {FIXTURES "column.npy", 2, 3, {3, 1}}, /* Fortran order, but one long dimension */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        struct npy a;
        double v[4];
        assert_int_equal(npy_read(&a, cases[i].path, &e), 0);
        assert_int_equal(a.n_dims, cases[i].n_dims);
        assert_int_equal(a.n, cases[i].n);
        assert_memory_equal(a.dims, cases[i].dims, sizeof a.dims);
        assert_int_equal(npy_to_f64(&a, v, "a", &e), 0);
        npy_release(&a);
    }
}

static void test_refused_files(void **state)
{
    (void)state;
    static const struct {
        const char *path, *says;
    } cases[] = {
        {FIXTURES "fortran.npy", "Fortran order"},
        {FIXTURES "big_endian.npy", ">f4"},
        {FIXTURES "complex.npy", "<c8"},
        {FIXTURES "text.npy", "|S3"},
        {FIXTURES "records.npy", "records"},
        {FIXTURES "dims9.npy", "8 dimensions"},
        {FIXTURES "README.md", "not an npy file"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        struct npy a;
        assert_int_equal(npy_read(&a, cases[i].path, &e), -1);
        assert_int_equal(e.code, ERR_FORMAT);
        assert_non_null(strstr(e.text, cases[i].path));
        assert_non_null(strstr(e.text, "offset"));
        assert_non_null(strstr(e.text, cases[i].says));
    }
    struct err e = {0};
    struct npy a;
    assert_int_equal(npy_read(&a, FIXTURES "no such file.npy", &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
}

/* A file image of version 1.0 with that header and n_data bytes of data. */
static size_t image(unsigned char *out, const char *header, size_t n_data)
{
    size_t n = strlen(header);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (unsigned char)(n & 0xff);
    out[9] = (unsigned char)(n >> 8);
    memcpy(out + 10, header, n);
    memset(out + 10 + n, 0, n_data);
    return 10 + n + n_data;
}

static void test_good_headers(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n",
        "{'descr':'<f4','fortran_order':False,'shape':(2,3)}",
        "  { 'shape' : ( 2 , 3 , ) , \"descr\" : \"<f4\" , 'fortran_order' : False }  \n",
        "{'fortran_order': False, 'shape': (2L, 3L), 'descr': '<f4'}",
        "{'descr': '<f4',\n'fortran_order': True,\t'shape': (1, 6)}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char bytes[256];
        struct err e = {0};
        struct npy a;
        size_t n = image(bytes, cases[i], 24);
        if (npy_parse(&a, bytes, n, "x", &e)) {
            fail_msg("%s: %s", cases[i], e.text);
        }
        assert_int_equal(a.type, NPY_F32);
        assert_int_equal(a.n, 6);
        assert_ptr_equal(a.data, bytes + n - 24);
    }
}

static void test_bad_headers(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "{",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'shape': (6,)}",
        "{'fortran_order': False, 'shape': (6,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6.0,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [6]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6,",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x",
        "{'descr': '<f4', 'fortran_order': False 'shape': (6,)}",
        "{'descr': '<f4', 'fortran_order': false, 'shape': (6,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}",
        "{'descr': '=f4', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '|f4', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char bytes[256];
        struct err e = {0};
        struct npy a;
        if (npy_parse(&a, bytes, image(bytes, cases[i], 24), "the file", &e) == 0) {
            fail_msg("accepted: %s", cases[i]);
        }
        assert_int_equal(e.code, ERR_FORMAT);
        assert_non_null(strstr(e.text, "the file: offset "));
    }
}

/* Dimensions that cannot be are refused by the header alone, before any data is looked for. */
static void test_overflow(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "18446744073709551616,",
        "4294967296, 4294967296",
        "0, 4294967296, 4294967296",
        "4611686018427387904,",
        "2305843009213693952,", /* 2^63 bytes */
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        char header[128];
        unsigned char bytes[256];
        struct err e = {0};
        struct npy a;
        snprintf(header, sizeof header,
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%s)}", shapes[i]);
        if (npy_parse_header(&a, bytes, image(bytes, header, 0), "x", &e) == 0) {
            fail_msg("accepted: %s", shapes[i]);
        }
        assert_true(strstr(e.text, "overflow") || strstr(e.text, "too large"));
    }
}

static void test_prefix(void **state)
{
    (void)state;
    struct err e = {0};
    struct npy a;
    unsigned char bytes[256];
    const char *dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (6,)}";
    size_t n = image(bytes, dict, 24);
    assert_int_equal(npy_parse_header(&a, bytes, n - 24, "x", &e), 0); /* data not needed */
    assert_int_equal(a.data_offset, n - 24);
    assert_null(a.data);
    bytes[6] = 4;
    assert_int_equal(npy_parse(&a, bytes, n, "x", &e), -1);
    assert_non_null(strstr(e.text, "x: offset 6: version 4.0"));
    /* Version 2 with a header of 4 GiB. */
    memcpy(bytes + 6, "\x02\x00\xff\xff\xff\xff", 6);
    assert_int_equal(npy_parse(&a, bytes, n, "x", &e), -1);
    assert_non_null(strstr(e.text, "x: offset 8: a header of 4294967295 bytes"));
    /* Version 2 with all of a header that is longer than any array needs. */
    size_t n_long = NPY_MAX_HEADER + 1;
    unsigned char *long_image = malloc(n_long);
    memset(long_image, ' ', n_long);
    memcpy(long_image, "\x93NUMPY\x02\x00\xf5\xff\x00\x00", 12); /* 65525 */
    memcpy(long_image + 12, dict, strlen(dict));
    assert_int_equal(npy_parse_header(&a, long_image, n_long, "x", &e), -1);
    assert_non_null(strstr(e.text, "x: offset 8: a header of 65525 bytes"));
    long_image[8]--;
    assert_int_equal(npy_parse_header(&a, long_image, n_long, "x", &e), 0);
    free(long_image);
}

static void test_cut_short(void **state)
{
    (void)state;
    struct err e = {0};
    struct npy a;
    unsigned char *bytes;
    size_t n;
    assert_int_equal(file_read(FIXTURES "f4.npy", 0, &bytes, &n, &e), 0);
    for (size_t i = 0; i < n; i++) {
        unsigned char *cut = malloc(i ? i : 1); /* of that very size, for the sanitizer */
        memcpy(cut, bytes, i);
        memset(&e, 0, sizeof e);
        assert_int_equal(npy_parse(&a, cut, i, "cut.npy", &e), -1);
        assert_int_equal(e.code, ERR_FORMAT);
        assert_non_null(strstr(e.text, "cut.npy: offset "));
        free(cut);
    }
    assert_int_equal(npy_parse(&a, bytes, n, "whole", &e), 0);
    assert_int_equal(npy_parse(&a, bytes, n + 1, "long", &e), -1); /* file_read's NUL */
    assert_non_null(strstr(e.text, "long: offset 128: 25 bytes of data, the shape says 24"));
    free(bytes);
}

/* What we write is what NumPy wrote, byte for byte. */
static void test_write(void **state)
{
    (void)state;
    char dir[] = "/tmp/bitbench-npy-XXXXXX", path[64];
    struct err e = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x.npy", dir);
    static const char *const others[] = {FIXTURES "scalar.npy", FIXTURES "empty.npy",
                                         FIXTURES "dims8.npy", FIXTURES "tiny_f32_logits.npy"};
    for (size_t i = 0; i < ARRAY_LEN(types) - 1 + ARRAY_LEN(others); i++) { /* b1 reads as u1 */
        const char *from =
            i < ARRAY_LEN(others) ? others[i] : types[i - ARRAY_LEN(others)].path;
        struct npy a;
        unsigned char *theirs, *ours;
        size_t n_theirs, n_ours;
        assert_int_equal(npy_read(&a, from, &e), 0);
        assert_int_equal(npy_write(path, a.type, a.n_dims, a.dims, a.data, &e), 0);
        assert_int_equal(file_read(from, 0, &theirs, &n_theirs, &e), 0);
        assert_int_equal(file_read(path, 0, &ours, &n_ours, &e), 0);
        assert_int_equal(n_ours, n_theirs);
        assert_memory_equal(ours, theirs, n_ours);
        free(theirs);
        free(ours);
        npy_release(&a);
    }
    assert_int_equal(npy_write("/dev/null/x.npy", NPY_U8, 0, NULL, "", &e), -1);
    unlink(path);
    rmdir(dir);
}

static void test_long_header(void **state)
{
    (void)state;
    char head[256];
    size_t dims[NPY_MAX_DIMS];
    struct err e = {0};
    struct npy a;
    for (size_t i = 0; i < NPY_MAX_DIMS; i++) {
        dims[i] = SIZE_MAX; /* the most digits */
    }
    size_t n = npy_header(head, sizeof head, NPY_F64, NPY_MAX_DIMS, dims);
    assert_int_equal(n, 256);
    assert_int_equal(head[255], '\n');
    for (size_t i = 0; i < NPY_MAX_DIMS; i++) {
        dims[i] = 1 + i % 3;
    }
    n = npy_header(head, sizeof head, NPY_I16, NPY_MAX_DIMS, dims);
    assert_int_equal(n % 64, 0);
    assert_int_equal(npy_parse_header(&a, head, n, "x", &e), 0);
    assert_int_equal(a.type, NPY_I16);
    assert_memory_equal(a.dims, dims, sizeof dims);
}

/* All 65,536 halves against the definition in double. */
static void test_halves(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        int exponent = (int)(h >> 10 & 31), mantissa = (int)(h & 1023);
        double size = exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
        float v = half_f16_to_f32((uint16_t)h);
        if (exponent == 31) {
            assert_true(mantissa ? isnan(v) : isinf(v));
        } else {
            assert_true(fabs((double)v) == size);
        }
        assert_int_equal(signbit(v) != 0, h >> 15);
    }
    assert_true(half_bf16_to_f32(0x3f80) == 1.0f);
    assert_true(half_bf16_to_f32(0xc049) == -3.140625f);
    assert_true(half_bf16_to_f32(0x0001) == 0x1p-133f);
    assert_true(isinf(half_bf16_to_f32(0x7f80)));
    assert_true(isnan(half_bf16_to_f32(0x7fc0)));
}

/* Whether v converts: to float, double, int64_t. */
static void check_fit(enum npy_type type, const void *v, const char *what, bool f32, bool f64,
                      bool i64)
{
    struct npy a = {.type = type, .n = 1, .data = v, .data_offset = 64};
    float f;
    double d;
    int64_t i;
    struct err e = {0};
    if ((npy_to_f32(&a, &f, "x", &e) == 0) != f32 || (npy_to_f64(&a, &d, "x", &e) == 0) != f64 ||
        (npy_to_i64(&a, &i, "x", &e) == 0) != i64) {
        fail_msg("%s: %s", what, e.text);
    }
    assert_true((f32 && f64 && i64) || e.code == ERR_NUMERIC);
}

static void test_fits(void **state)
{
    (void)state;
    static const struct {
        int64_t v;
        bool f32, f64;
    } ints[] = {
        {16777216, true, true},
        {16777217, false, true},
        {-16777217, false, true},
        {(int64_t)1 << 53, true, true},
        {((int64_t)1 << 53) + 1, false, false},
        {INT64_MAX, false, false},
        {INT64_MIN, true, true},
        {INT64_MAX - 1023, false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(ints); i++) {
        check_fit(NPY_I64, &ints[i].v, "int64", ints[i].f32, ints[i].f64, true);
    }
    int32_t i32 = INT32_MAX;
    check_fit(NPY_I32, &i32, "int32", false, true, true);
    uint32_t u32 = UINT32_MAX;
    check_fit(NPY_U32, &u32, "uint32", false, true, true);
    uint64_t u64 = (uint64_t)1 << 62;
    check_fit(NPY_U64, &u64, "uint64", true, true, true);
    u64 = (uint64_t)1 << 63;
    check_fit(NPY_U64, &u64, "uint64", false, false, false);
    static const struct {
        double v;
        bool f32, i64;
    } doubles[] = {
        {0.1, true, false},
        {1e300, false, false},
        {-0x1p63, true, true},
        {0x1p63, true, false},
        {(double)NAN, true, false},
        {(double)INFINITY, true, false},
        {1e-300, true, false},
        {-0.0, true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(doubles); i++) {
        check_fit(NPY_F64, &doubles[i].v, "double", doubles[i].f32, true, doubles[i].i64);
    }
}

static void test_unaligned(void **state)
{
    (void)state;
    unsigned char bytes[256];
    struct err e = {0};
    struct npy a;
    /* A header of 10 + 61 bytes: odd. */
    const char *dict = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }   \n";
    size_t n = image(bytes, dict, 16);
    assert_int_equal((n - 16) % 2, 1);
    double v[2] = {1.5, -2}, out[2];
    int64_t whole[2];
    memcpy(bytes + n - 16, v, sizeof v);
    assert_int_equal(npy_parse(&a, bytes, n, "x", &e), 0);
    assert_int_equal(npy_to_f64(&a, out, "x", &e), 0);
    assert_memory_equal(out, v, sizeof v);
    assert_int_equal(npy_to_i64(&a, whole, "x", &e), -1);
    assert_string_equal(e.text, "x: offset 71: element 0 does not fit a 64-bit integer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_reference_file),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_good_headers),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_long_header),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_unaligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
