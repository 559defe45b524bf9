/* Zip archives: files that Python's zipfile wrote (tests/fixtures/zip), the same cut short at
 * every length and with every byte changed, and fields set to hostile values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/tensor.h"
#include "harness/base/zip.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIXTURES "tests/fixtures/zip/"
enum { N_MEMBERS = 3,
       B_BYTES = 3000 };

static const char *const archives[] = {FIXTURES "stored.zip", FIXTURES "deflated.zip",
                                       FIXTURES "descriptors.zip", FIXTURES "comment.zip",
                                       FIXTURES "zip64.zip"};

/* What make.py put into each archive. */
static const char *const names[N_MEMBERS] = {"a.txt", "dir/b.bin", "empty"};
static const size_t sizes[N_MEMBERS] = {5, B_BYTES, 0};

static bool content_is_right(size_t i, const unsigned char *data)
{
    for (size_t k = 0; i == 1 && k < B_BYTES; k++) {
        if (data[k] != k * k % 251) {
            return false;
        }
    }
    return i != 0 || memcmp(data, "hello", 5) == 0;
}

/* Opens bytes [n] as an archive called "x.zip". */
static int open_bytes(struct zip *z, const void *bytes, size_t n, struct err *e)
{
    int fd = memfd_create("zip", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    return zip_open_fd(z, fd, n, "x.zip", e);
}

static void test_members(void **state)
{
    (void)state;
    for (size_t a = 0; a < ARRAY_LEN(archives); a++) {
        struct err e = {0};
        struct zip z;
        assert_int_equal(zip_open(&z, archives[a], &e), 0);
        assert_int_equal(z.n_members, N_MEMBERS);
        for (size_t i = 0; i < N_MEMBERS; i++) {
            const struct zip_member *m = zip_find(&z, names[i]);
            unsigned char *data;
            assert_ptr_equal(m, &z.members[i]);
            assert_string_equal(m->name, names[i]);
            assert_int_equal(m->bytes, sizes[i]);
            assert_int_equal(zip_read_alloc(&z, m, 0, &data, &e), 0);
            assert_true(content_is_right(i, data));
            assert_int_equal(data[m->bytes], 0);
            free(data);
        }
        assert_int_equal(z.members[1].method,
                         strstr(archives[a], "stored") || strstr(archives[a], "comment") ? 0 : 8);
        assert_null(zip_find(&z, "b.bin"));
        assert_null(zip_find(&z, ""));
        unsigned char *data;
        assert_int_equal(zip_read_alloc(&z, &z.members[1], B_BYTES - 1, &data, &e), -1);
        assert_int_equal(e.code, ERR_LIMIT);
        assert_non_null(strstr(e.text, "dir/b.bin"));
        zip_close(&z);
    }
}

static void test_no_members(void **state)
{
    (void)state;
    struct err e = {0};
    struct zip z;
    assert_int_equal(zip_open(&z, FIXTURES "none.zip", &e), 0);
    assert_int_equal(z.n_members, 0);
    assert_null(zip_find(&z, "a.txt"));
    zip_close(&z);
}

static void test_not_archives(void **state)
{
    (void)state;
    struct err e = {0};
    struct zip z;
    assert_int_equal(zip_open(&z, FIXTURES "README.md", &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_non_null(strstr(e.text, FIXTURES "README.md: no end record"));
    assert_int_equal(zip_open(&z, FIXTURES "absent.zip", &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    assert_int_equal(open_bytes(&z, "PK", 2, &e), -1);
    assert_string_equal(e.text, "x.zip: 2 bytes are too few for a zip archive");
}

/* Opens a damaged archive and reads everything. Whatever it gives must be the original's. */
static void check_damaged(const unsigned char *bytes, size_t n, const char *what, size_t at)
{
    struct err e = {0};
    struct zip z;
    if (open_bytes(&z, bytes, n, &e)) {
        assert_true(e.code != ERR_NONE);
        assert_non_null(strstr(e.text, "x.zip"));
        return;
    }
    for (size_t m = 0; m < z.n_members; m++) {
        unsigned char *data;
        if (zip_read_alloc(&z, &z.members[m], 1 << 20, &data, &e)) {
            assert_non_null(strstr(e.text, "x.zip"));
            continue;
        }
        size_t i = 0;
        while (i < N_MEMBERS && strcmp(names[i], z.members[m].name) != 0) {
            i++;
        }
        if (i == N_MEMBERS || z.members[m].bytes != sizes[i] || !content_is_right(i, data)) {
            fail_msg("%s at %zu gives wrong content without an error", what, at);
        }
        free(data);
    }
    zip_close(&z);
}

static void test_damaged(void **state)
{
    (void)state;
    struct err e = {0};
    unsigned char *bytes;
    size_t n;
    for (size_t a = 0; a < ARRAY_LEN(archives); a++) {
        assert_int_equal(file_read(archives[a], 0, &bytes, &n, &e), 0);
        for (size_t i = 0; i < n; i++) {
            check_damaged(bytes, i, "cut", i);
        }
        for (size_t i = 0; i < n; i++) {
            unsigned char was = bytes[i];
            bytes[i] = (unsigned char)(was ^ 1u << i % 8);
            check_damaged(bytes, n, "bit changed", i);
            bytes[i] = (unsigned char)~was;
            check_damaged(bytes, n, "byte changed", i);
            bytes[i] = was;
        }
        free(bytes);
    }
}

/* An archive in memory whose fields are changed. */
struct patch {
    unsigned char *bytes;
    size_t n;
    size_t local[N_MEMBERS], entry[N_MEMBERS], end; /* offsets of the records */
};

static size_t find_record(const struct patch *p, const char *magic, size_t from)
{
    unsigned char *found = memmem(p->bytes + from, p->n - from, magic, 4);
    assert_non_null(found);
    return (size_t)(found - p->bytes);
}

static void patch_open(struct patch *p, const char *path)
{
    struct err e = {0};
    assert_int_equal(file_read(path, 0, &p->bytes, &p->n, &e), 0);
    for (size_t i = 0; i < N_MEMBERS; i++) {
        p->local[i] = find_record(p, "PK\3\4", i ? p->local[i - 1] + 4 : 0);
        p->entry[i] = find_record(p, "PK\1\2", i ? p->entry[i - 1] + 4 : 0);
    }
    p->end = find_record(p, "PK\5\6", 0);
}

static void put(struct patch *p, size_t at, size_t n_bytes, uint64_t v)
{
    for (size_t i = 0; i < n_bytes; i++) {
        p->bytes[at + i] = (unsigned char)(v >> 8 * i);
    }
}

/* One field of an entry of the central directory (or of a local header, or of the end record)
 * set to v; the archive must be refused at opening with that text. */
static void test_refused(void **state)
{
    (void)state;
    enum { ENTRY_0,
           ENTRY_1,
           END };
    static const struct {
        int record;
        size_t at, n_bytes;
        uint64_t v;
        const char *says;
    } cases[] = {
        {ENTRY_1, 8, 2, 1, "encrypted"},
        {ENTRY_1, 8, 2, 1 << 6, "encrypted"},
        {ENTRY_1, 8, 2, 1 << 13, "encrypted"},
        {ENTRY_1, 10, 2, 12, "member dir/b.bin: only stored and deflated"},
        {ENTRY_1, 20, 4, 100000, "member dir/b.bin: it lies outside the file"},
        {ENTRY_1, 20, 4, 2990, "member dir/b.bin: it claims a length"},
        {ENTRY_1, 24, 4, 0xfffffffe, "member dir/b.bin: it claims a length"},
        {ENTRY_1, 28, 2, 0, "name is empty"},
        {ENTRY_1, 30, 2, 0xffff, "an entry longer than"},
        {ENTRY_1, 34, 2, 1, "several parts"},
        {ENTRY_1, 42, 4, 0, "overlaps"},
        {ENTRY_1, 42, 4, 0x7fffffff, "lies outside the file"},
        {ENTRY_1, 42, 4, 5, "overlaps"},
        {ENTRY_1, 46 + 3, 1, 0, "a NUL"},
        {ENTRY_0, 0, 1, 'p', "no entry of a central directory"},
        {END, 4, 2, 1, "several parts"},
        {END, 6, 2, 1, "several parts"},
        {END, 8, 2, 2, "several parts"},
        {END, 10, 2, 4, "several parts"},
        {END, 8, 4, 0x00020002, "behind the central directory's entries"},
        {END, 8, 4, 0x00040004, "cannot hold its entries"},
        {END, 8, 4, 0xfffefffe, "the central directory lies outside"},
        {END, 12, 4, 0x7fffffff, "the central directory lies outside"},
        {END, 16, 4, 0x7fffffff, "the central directory lies outside"},
        {END, 16, 4, 0, "no entry of a central directory"},
        {END, 20, 2, 1, "no end record"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct patch p;
        struct err e = {0};
        struct zip z;
        patch_open(&p, FIXTURES "stored.zip");
        size_t record = cases[i].record == END ? p.end : p.entry[cases[i].record];
        put(&p, record + cases[i].at, cases[i].n_bytes, cases[i].v);
        if (open_bytes(&z, p.bytes, p.n, &e) == 0) {
            fail_msg("case %zu accepted (%s)", i, cases[i].says);
        }
        assert_int_equal(e.code, ERR_FORMAT);
        if (!strstr(e.text, cases[i].says)) {
            fail_msg("case %zu: %s, not: %s", i, e.text, cases[i].says);
        }
        free(p.bytes);
    }
}

static void test_something_behind(void **state)
{
    (void)state;
    struct patch p;
    struct err e = {0};
    struct zip z;
    patch_open(&p, FIXTURES "stored.zip");
    assert_int_equal(open_bytes(&z, p.bytes, p.n + 1, &e), -1); /* file_read's NUL */
    assert_non_null(strstr(e.text, "no end record"));
    free(p.bytes);
}

static void test_name_twice(void **state)
{
    (void)state;
    struct patch p;
    struct err e = {0};
    struct zip z;
    patch_open(&p, FIXTURES "stored.zip");
    memcpy(p.bytes + p.entry[2] + 46, "a.txt", 5); /* was "empty" */
    assert_int_equal(open_bytes(&z, p.bytes, p.n, &e), -1);
    assert_non_null(strstr(e.text, "member a.txt: its name stands twice"));
    free(p.bytes);
}

/* What only shows when the member is read: fields of the local header and the data. */
static void test_bad_members(void **state)
{
    (void)state;
    enum { LOCAL,
           ENTRY,
           BOTH };
    static const struct {
        int record;
        size_t at_local, at_entry, n_bytes;
        uint64_t v;
        const char *says;
    } cases[] = {
        {LOCAL, 0, 0, 1, 'p', "another one's"},
        {LOCAL, 30, 0, 1, 'D', "another one's"},
        {LOCAL, 26, 0, 2, 8, "another one's"},
        {LOCAL, 6, 0, 2, 1, "differ"},
        {LOCAL, 8, 0, 2, 0, "differ"},
        {LOCAL, 18, 0, 4, 9, "differ"},
        {LOCAL, 22, 0, 4, 9, "differ"},
        {LOCAL, 28, 0, 2, 0xffff, "overlaps"},
        {ENTRY, 0, 16, 4, 1, "CRC-32"},
        {BOTH, 22, 24, 4, 2999, "more than it claims"},
        {BOTH, 22, 24, 4, 3001, "another size"},
        {BOTH, 22, 24, 4, 0, "more than it claims"},
        {BOTH, 18, 20, 4, 200, "damaged or cut"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct patch p;
        struct err e = {0};
        struct zip z;
        unsigned char *data;
        patch_open(&p, FIXTURES "deflated.zip");
        if (cases[i].record != ENTRY) {
            put(&p, p.local[1] + cases[i].at_local, cases[i].n_bytes, cases[i].v);
        }
        if (cases[i].record != LOCAL) {
            put(&p, p.entry[1] + cases[i].at_entry, cases[i].n_bytes, cases[i].v);
        }
        assert_int_equal(open_bytes(&z, p.bytes, p.n, &e), 0);
        assert_int_equal(zip_read_alloc(&z, &z.members[1], 0, &data, &e), -1);
        if (!strstr(e.text, cases[i].says) || !strstr(e.text, "member dir/b.bin")) {
            fail_msg("case %zu: %s, not: %s", i, e.text, cases[i].says);
        }
        assert_int_equal(zip_read_alloc(&z, &z.members[0], 0, &data, &e), 0); /* still fine */
        free(data);
        zip_close(&z);
        free(p.bytes);
    }
}

/* Every field that can say "see the zip64 record" does. */
static void test_zip64(void **state)
{
    (void)state;
    struct patch p;
    struct err e = {0};
    struct zip z;
    patch_open(&p, FIXTURES "zip64.zip");
    put(&p, p.end + 8, 4, 0xffffffff);
    put(&p, p.end + 12, 8, UINT64_MAX);
    assert_int_equal(open_bytes(&z, p.bytes, p.n, &e), 0);
    assert_int_equal(z.n_members, N_MEMBERS);
    zip_close(&z);
    check_damaged(p.bytes, p.n, "zip64", 0);

    static const struct {
        size_t at, n_bytes; /* from the zip64 end record; its locator begins at 56 */
        uint64_t v;
        const char *says;
    } cases[] = {
        {0, 1, 'p', "no zip64 end record"},
        {16, 4, 1, "several parts"},
        {20, 4, 1, "several parts"},
        {24, 8, 7, "several parts"},
        {32, 8, UINT64_MAX, "several parts"},
        {40, 8, UINT64_MAX, "central directory lies outside"},
        {48, 8, UINT64_MAX, "central directory lies outside"},
        {56 + 4, 4, 1, "several parts"},
        {56 + 8, 8, UINT64_MAX, "zip64 end record lies outside"},
        {56 + 8, 8, 0, "no zip64 end record"},
        {56 + 16, 4, 2, "several parts"},
        {56, 1, 'p', "central directory lies outside"}, /* no locator: taken at its word */
    };
    size_t record = find_record(&p, "PK\6\6", 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char *good = p.bytes;
        p.bytes = malloc(p.n);
        memcpy(p.bytes, good, p.n);
        put(&p, record + cases[i].at, cases[i].n_bytes, cases[i].v);
        assert_int_equal(open_bytes(&z, p.bytes, p.n, &e), -1);
        if (!strstr(e.text, cases[i].says)) {
            fail_msg("case %zu: %s, not: %s", i, e.text, cases[i].says);
        }
        free(p.bytes);
        p.bytes = good;
    }
    put(&p, p.entry[1] + 46 + strlen(names[1]) + 2, 2, 4); /* the zip64 field's length */
    assert_int_equal(open_bytes(&z, p.bytes, p.n, &e), -1);
    assert_non_null(strstr(e.text, "zip64 field too short"));
    free(p.bytes);
}

/* A few bytes must not make us allocate 4 GiB. */
static void test_bomb(void **state)
{
    (void)state;
    struct patch p;
    struct err e = {0};
    struct zip z;
    patch_open(&p, FIXTURES "deflated.zip");
    put(&p, p.entry[0] + 24, 4, 7 * 1032 + 64); /* 7 bytes packed: just possible */
    assert_int_equal(open_bytes(&z, p.bytes, p.n, &e), 0);
    assert_int_equal(z.members[0].packed_bytes, 7);
    zip_close(&z);
    put(&p, p.entry[0] + 24, 4, 7 * 1032 + 65);
    assert_int_equal(open_bytes(&z, p.bytes, p.n, &e), -1);
    assert_non_null(strstr(e.text, "it claims a length that its packed bytes cannot give"));
    free(p.bytes);
}

static void *read_often(void *archive)
{
    const struct zip *z = archive;
    unsigned char data[B_BYTES];
    for (size_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < N_MEMBERS; i++) {
            if (zip_read(z, &z->members[i], data, NULL) || !content_is_right(i, data)) {
                return archive;
            }
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct err e = {0};
    struct zip z;
    pthread_t threads[4];
    void *bad;
    assert_int_equal(zip_open(&z, FIXTURES "deflated.zip", &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, &z), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
    zip_close(&z);
}

/* The file shrinks after it was opened. */
static void test_shrinks(void **state)
{
    (void)state;
    char path[] = "/tmp/bitbench-zip-XXXXXX";
    struct err e = {0};
    struct zip z;
    unsigned char *bytes, data[B_BYTES];
    size_t n;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(file_read(FIXTURES "stored.zip", 0, &bytes, &n, &e), 0);
    assert_int_equal(write(fd, bytes, n), n);
    assert_int_equal(zip_open(&z, path, &e), 0);
    assert_int_equal(ftruncate(fd, 1000), 0);
    assert_int_equal(zip_read(&z, &z.members[0], data, &e), 0);
    assert_int_equal(zip_read(&z, &z.members[1], data, &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_non_null(strstr(e.text, path));
    zip_close(&z);
    close(fd);
    unlink(path);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_no_members),
        cmocka_unit_test(test_not_archives),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_something_behind),
        cmocka_unit_test(test_name_twice),
        cmocka_unit_test(test_bad_members),
        cmocka_unit_test(test_zip64),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
