/* Archives read in place, against the tools that made them: tar in its formats, gzip of one and
 * several members, zip, folders, a tar in a tar; members at random; broken tars. */
#include "tests/unit/dataset_truth.h"

#include <unistd.h>

#include "datasets/archive.h"
#include "harness/base/tensor.h"

enum { N_FILES = 40,
       MAX_BYTES = 300000 };

static uint64_t mix(uint64_t *s)
{
    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return *s >> 33;
}

/* File i of the archives that are made here: half of them noise, half of them text. */
static size_t contents(size_t i, uint8_t *out)
{
    uint64_t s = i + 1;
    size_t n = i % 7 == 3 ? 0 : (size_t)(mix(&s) % MAX_BYTES);
    for (size_t k = 0; k < n; k++) {
        out[k] = i % 2 ? (uint8_t)mix(&s) : (uint8_t)('a' + k * k % 23);
    }
    return n;
}

static void name_of(size_t i, char name[512])
{
    /* every fifth name needs more than a header's 100 bytes, some more than its prefix too */
    int pad = i % 5 ? 0 : i % 10 ? 90
                                 : 200;
    snprintf(name, 512, "top/%0*d%s/f%02zu.bin", pad + 1, 0, i % 3 ? "" : "_x", i);
}

static void make_files(const char *dir)
{
    static uint8_t bytes[MAX_BYTES];
    for (size_t i = 0; i < N_FILES; i++) {
        char name[512];
        name_of(i, name);
        shell("mkdir -p '%s/%.*s'", dir, (int)(strrchr(name, '/') - name), name);
        write_file(dir, name, bytes, contents(i, bytes));
    }
    shell("cd %s && echo x >top/.hidden && echo x >top/._f01.bin && echo x >top/old~", dir);
}

/* Members by name and content, forwards and at random. */
static void check_members(struct archive *a, const char *prefix)
{
    static uint8_t want[MAX_BYTES], got[MAX_BYTES];
    struct err e = {0};
    uint64_t s = 7;
    assert_int_equal(archive_count(a), N_FILES);
    assert_int_equal(archive_sort(a, &e), 0);
    for (size_t k = 0; k < 4 * N_FILES; k++) {
        size_t i = k < N_FILES ? k : (size_t)(mix(&s) % N_FILES);
        char name[512];
        name_of(i, name);
        size_t member = archive_find(a, name + strlen(prefix));
        assert_true(member < N_FILES);
        assert_int_equal(archive_find_tail(a, strrchr(name, '/') + 1), member);
        size_t n = contents(i, want);
        assert_int_equal(archive_bytes(a, member), n);
        if (archive_read(a, member, got, &e)) {
            fail_msg("%s: %s", name, e.text);
        }
        assert_memory_equal(got, want, n);
        archive_hint(a, member);
    }
    assert_true(archive_find(a, "top/absent") == SIZE_MAX);
}

static struct archive *must_archive(const char *dir, const char *name)
{
    char path[1024];
    struct err e = {0};
    struct archive *a;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (archive_open(&a, path, &e)) {
        fail_msg("%s", e.text);
    }
    assert_string_equal(archive_where(a), path);
    return a;
}

/* Every form of the same files. */
static void forms(void **state)
{
    (void)state;
    static const struct {
        const char *name, *make, *prefix;
    } t[] = {
        {"gnu.tar", "tar c --format=gnu top >gnu.tar", ""},
        {"pax.tar", "tar c --format=pax ./top >pax.tar", ""},
        {"posix.tgz", "tar c --format=posix top | gzip -1 >posix.tgz", ""},
        /* several gzip members, the cuts anywhere, an empty one too */
        {"many.tgz",
         "(head -c 100000 gnu.tar | gzip; printf '' | gzip; "
         "tail -c +100001 gnu.tar | head -c 2000000 | gzip -9; printf '' | gzip; "
         "tail -c +2100001 gnu.tar | gzip) >many.tgz",
         ""},
        {"files.zip", "zip -qr files.zip top", ""},
        {"top", "true", "top/"},
    };
    char dir[256];
    work_dir(dir);
    make_files(dir);
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        shell("cd %s && %s", dir, t[i].make);
        struct archive *a = must_archive(dir, t[i].name);
        check_members(a, t[i].prefix);
        archive_close(a);
    }
    shell("rm -r %s", dir);
}

/* An archive in an archive: in place in a tar, a folder and a zip that stores; else in memory. */
static void inner(void **state)
{
    (void)state;
    static const char *const outer[] = {
        "tar cf a.tar in.tgz",
        "tar cf b.tar in.tar",
        "tar czf c.tgz in.tar",
        "zip -q0 d.zip in.tgz",
        "zip -q e.zip in.tar",
        "mkdir f && cp in.tgz f",
    };
    char dir[256];
    work_dir(dir);
    make_files(dir);
    shell("cd %s && tar cf in.tar top && gzip -k -S x in.tar && mv in.tarx in.tgz", dir);
    for (size_t i = 0; i < ARRAY_LEN(outer); i++) {
        static const char *const names[] = {"a.tar", "b.tar", "c.tgz", "d.zip", "e.zip", "f"};
        struct archive *a, *in;
        struct err e = {0};
        shell("cd %s && %s", dir, outer[i]);
        a = must_archive(dir, names[i]);
        assert_int_equal(archive_count(a), 1);
        if (archive_open_member(&in, a, 0, &e)) {
            fail_msg("%s: %s", names[i], e.text);
        }
        check_members(in, "");
        archive_close(in);
        archive_close(a);
    }
    shell("rm -r %s", dir);
}

/* Broken tars: an error at opening, at sorting or at reading. */
static void broken_tars(void **state)
{
    (void)state;
    static struct tsv t; /* path, -, what is wrong, what an error mentions */
    char dir[256], path[512];
    work_dir(dir);
    shell("tar xzf " FIXTURES "/images/bad.tar.gz -C %s --strip-components=1", dir);
    snprintf(path, sizeof path, "%s/tar.tsv", dir);
    tsv_read(&t, path);
    for (size_t i = 0; i < t.n; i++) {
        struct err e = {0};
        struct archive *a;
        bool empty = strstr(t.cell[i][0], "/zero_byte") || strstr(t.cell[i][0], "/empty");
        snprintf(path, sizeof path, "%s/%s", dir, t.cell[i][0]);
        if (!archive_open(&a, path, &e) && !archive_sort(a, &e)) {
            for (size_t k = 0; k < archive_count(a) && !e.code; k++) {
                unsigned char *data;
                size_t n;
                if (!archive_read_alloc(a, k, 1 << 20, &data, &n, &e)) {
                    free(data);
                }
            }
        }
        if (empty) { /* for the sources to refuse */
            assert_int_equal(e.code, ERR_NONE);
        } else {
            assert_int_equal(e.code, ERR_FORMAT);
            assert_mentions(e.text, t.cell[i][3]);
        }
        archive_close(a);
    }
    tsv_free(&t);
    shell("rm -r %s", dir);
}

/* A packed tar cut anywhere, with one byte changed or something behind it is an error. */
static void damaged(void **state)
{
    (void)state;
    char dir[256], path[300];
    struct err e = {0};
    struct archive *a;
    unsigned char *bytes;
    size_t n;
    work_dir(dir);
    shell("cd %s && mkdir top && head -c 5000 /bin/sh >top/a && tar c top | gzip >x.tgz", dir);
    snprintf(path, sizeof path, "%s/x.tgz", dir);
    assert_int_equal(file_read(path, 0, &bytes, &n, &e), 0);
    for (size_t cut = 0; cut < n; cut += n / 40 + 1) {
        write_file(dir, "cut.tgz", bytes, cut);
        snprintf(path, sizeof path, "%s/cut.tgz", dir);
        assert_int_equal(archive_open(&a, path, &e), -1);
        assert_int_equal(e.code, ERR_FORMAT);
    }
    for (size_t at = 10; at < n; at += n / 40 + 1) {
        bytes[at] ^= 0x10;
        write_file(dir, "bit.tgz", bytes, n);
        bytes[at] ^= 0x10;
        snprintf(path, sizeof path, "%s/bit.tgz", dir);
        if (!archive_open(&a, path, &e)) { /* a match at another distance may say the same */
            static uint8_t want[5000];
            unsigned char *got;
            size_t n_got;
            assert_int_equal(archive_read_alloc(a, 0, sizeof want, &got, &n_got, &e), 0);
            archive_close(a);
            snprintf(path, sizeof path, "%s/top/a", dir);
            FILE *f = fopen(path, "rb");
            assert_non_null(f);
            assert_int_equal(fread(want, 1, sizeof want, f), sizeof want);
            fclose(f);
            assert_int_equal(n_got, sizeof want);
            assert_memory_equal(got, want, sizeof want);
            free(got);
        }
    }
    free(bytes);
    static const struct {
        const char *make, *mentions;
    } t[] = {
        {"(cat x.tgz; echo more) >y", "bytes behind the end of the gzip data"},
        {"tar c top | head -c 6300 >y", "truncated, inside a header"},
        {"tar c top | head -c 1600 >y", "truncated, top/a, size beyond the file"},
        {"echo '<html>' >y", "not a tar archive"},
        {": >y", "empty file"},
        {"truncate -s 1M top/hole && tar c --sparse --format=gnu top >y",
         "sparse"},
        {"truncate -s 1M top/hole && "
         "tar c --sparse --format=pax top >y",
         "sparse"},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        shell("cd %s && %s", dir, t[i].make);
        snprintf(path, sizeof path, "%s/y", dir);
        assert_int_equal(archive_open(&a, path, &e), -1);
        assert_null(a);
        assert_mentions(e.text, t[i].mentions);
    }
    assert_int_equal(archive_open(&a, "tests/absent.tar", &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    shell("cd %s && ln -s .. top/up", dir);
    snprintf(path, sizeof path, "%s/top", dir);
    assert_int_equal(archive_open(&a, path, &e), -1);
    assert_mentions(e.text, "holds itself");
    shell("rm -r %s", dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(inner),
        cmocka_unit_test(broken_tars),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
