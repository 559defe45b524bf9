/* Digests against published vectors: SHA-256 of FIPS 180-4's examples, MD5 of RFC 1321. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"

static const char abc_hex[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char million_a_hex[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void sha256_vectors(void **state)
{
    (void)state;
    char hex[HASH_SHA256_HEX];
    sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, abc_hex);

    struct sha256 s;
    sha256_init(&s);
    for (const char *p = "abc"; *p; p++) {
        sha256_add(&s, p, 1);
    }
    sha256_final(&s, hex);
    assert_string_equal(hex, abc_hex);

    sha256_init(&s);
    sha256_add(&s, "abc", 3);
    sha256_release(&s); /* without a digest: the leak checker watches */
}

static void sha256_of_files(void **state)
{
    (void)state;
    char dir[] = "/tmp/bitbench-hash-XXXXXX", path[64], hex[HASH_SHA256_HEX];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a", dir);
    struct err e = {0};
    char *a = mem_take(1000000, 1, &e); /* more than one read */
    memset(a, 'a', 1000000);
    assert_int_equal(file_write(path, a, 1000000, &e), 0);
    free(a);
    assert_int_equal(sha256_file(path, hex, &e), 0);
    assert_string_equal(hex, million_a_hex);
    unlink(path);
    assert_int_equal(sha256_file(path, hex, &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    assert_int_equal(sha256_file(dir, hex, &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    rmdir(dir);
}

static void md5_vectors(void **state)
{
    (void)state;
    static const unsigned char empty[] = {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04,
                                          0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e};
    static const unsigned char abc[] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                                        0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
    unsigned char out[HASH_MD5_BYTES];
    md5_bytes("", 0, out);
    assert_memory_equal(out, empty, sizeof out);
    struct md5 m;
    unsigned char pieces[HASH_MD5_BYTES];
    md5_init(&m);
    for (int i = 0; i < 2; i++) { /* it begins anew */
        md5_add(&m, "a", 1);
        md5_add(&m, "bc", 2);
        md5_final(&m, pieces);
        md5_bytes("abc", 3, out);
        assert_memory_equal(pieces, out, sizeof out);
    }
    md5_release(&m);
    md5_bytes("abc", 3, out);
    assert_memory_equal(out, abc, sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),
        cmocka_unit_test(sha256_of_files),
        cmocka_unit_test(md5_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
