/* The kept index of a tar: used when it is of this file, and never when it is not: stale, foreign,
 * cut, with any byte changed, or forged so that its hash is right and an offset is not. */
#include "tests/unit/dataset_truth.h"

#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "datasets/archive.h"
#include "datasets/index_cache.h"
#include "harness/base/rng.h"

enum { INNER = 2,
       PER_INNER = 2500,
       BLOCK = 512 };

static void put_header(FILE *f, const char *name, size_t bytes)
{
    unsigned char h[BLOCK] = {0};
    unsigned sum = 0;
    snprintf((char *)h, 100, "%s", name);
    memcpy(h + 100, "0000644\0000000000\0000000000\0", 24);
    snprintf((char *)h + 124, 12, "%011zo", bytes);
    memcpy(h + 136, "00000000000\0        0", 21);
    for (size_t i = 0; i < BLOCK; i++) {
        sum += h[i];
    }
    snprintf((char *)h + 148, 8, "%06o", sum);
    fwrite(h, 1, BLOCK, f);
}

static void put_zeros(FILE *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fputc(0, f);
    }
}

/* Tars in a tar, of members that hold their own name; changed `age_s` ago. */
static void make_tar(const char *path, size_t per_inner, const char *stem, int age_s)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (size_t k = 0; k < INNER; k++) {
        char name[64];
        snprintf(name, sizeof name, "%s%zu.tar", stem, k);
        put_header(f, name, (2 * per_inner + 2) * BLOCK);
        for (size_t i = 0; i < per_inner; i++) {
            snprintf(name, sizeof name, "%s%zu_%zu.JPEG", stem, k, i);
            put_header(f, name, strlen(name));
            fputs(name, f);
            put_zeros(f, BLOCK - strlen(name));
        }
        put_zeros(f, 2 * BLOCK);
    }
    put_zeros(f, 2 * BLOCK);
    assert_int_equal(fclose(f), 0);
    struct timeval now, times[2];
    gettimeofday(&now, NULL);
    times[0] = times[1] = (struct timeval){now.tv_sec - age_s, now.tv_usec};
    assert_int_equal(utimes(path, times), 0);
}

/* Opens the tar and those inside it, and checks every member. */
static void check(const char *path, const char *cache, size_t per_inner, const char *stem)
{
    struct archive *all[1 + INNER];
    struct err e = {0};
    if (archive_open_cached(&all[0], path, cache, &e)) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(archive_count(all[0]), INNER);
    for (size_t k = 0; k < INNER; k++) {
        if (archive_open_member(&all[1 + k], all[0], k, &e)) {
            fail_msg("%s", e.text);
        }
        assert_int_equal(archive_count(all[1 + k]), per_inner);
        for (size_t i = 0; i < per_inner; i++) {
            char name[64], got[64] = "";
            snprintf(name, sizeof name, "%s%zu_%zu.JPEG", stem, k, i);
            assert_string_equal(archive_name(all[1 + k], i), name);
            assert_int_equal(archive_bytes(all[1 + k], i), strlen(name));
            assert_int_equal(archive_read(all[1 + k], i, got, &e), 0);
            assert_string_equal(got, name);
        }
    }
    archive_keep_indexes(all, 1 + INNER);
    for (size_t k = 1 + INNER; k-- > 0;) {
        archive_close(all[k]);
    }
}

/* The only file in the cache's folder of indexes; "" where there is none. */
static void find_index(const char *cache, char path[2048])
{
    struct file_list l;
    char dir[1024];
    struct err e = {0};
    path[0] = 0;
    snprintf(dir, sizeof dir, "%s/indexes", cache);
    if (file_list_read(&l, dir, &e) == 0) {
        assert_true(l.n <= 1);
        if (l.n) {
            snprintf(path, 2048, "%s/%s", dir, l.names[0]);
        }
        file_list_release(&l);
    }
}

/* Is a table for the whole file kept? */
static bool is_kept(const char *tar, const char *cache)
{
    struct index_cache *c;
    struct index_table t;
    struct err e = {0};
    uint64_t size;
    int fd = file_open(tar, &size, &e);
    assert_int_equal(index_cache_open(&c, cache, tar, fd, &e), 0);
    bool kept = index_cache_find(c, 0, size, &t);
    assert_int_equal(kept, !index_cache_incomplete(c));
    index_cache_close(c);
    close(fd);
    return kept;
}

struct place {
    char dir[256], tar[1100], cache[1100], index[2048];
};

static void begin(struct place *p)
{
    work_dir(p->dir);
    snprintf(p->tar, sizeof p->tar, "%s/a.tar", p->dir);
    snprintf(p->cache, sizeof p->cache, "%s/cache", p->dir);
    make_tar(p->tar, PER_INNER, "n", 100);
    check(p->tar, p->cache, PER_INNER, "n");
    find_index(p->cache, p->index);
    assert_true(p->index[0]);
}

static void kept_and_used(void **state)
{
    (void)state;
    struct place p;
    begin(&p);
    assert_true(is_kept(p.tar, p.cache));
    struct stat before, after;
    assert_int_equal(stat(p.index, &before), 0);
    check(p.tar, p.cache, PER_INNER, "n");
    assert_int_equal(stat(p.index, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino); /* not written a second time */
    /* another way to the same file */
    char link[1200];
    snprintf(link, sizeof link, "%s/link.tar", p.dir);
    assert_int_equal(symlink(p.tar, link), 0);
    assert_true(is_kept(link, p.cache));
    shell("rm -rf %s", p.dir);
}

static void stale(void **state)
{
    (void)state;
    struct place p;
    begin(&p);
    /* other members in as many bytes */
    make_tar(p.tar, PER_INNER, "m", 100);
    assert_false(is_kept(p.tar, p.cache));
    check(p.tar, p.cache, PER_INNER, "m");
    assert_true(is_kept(p.tar, p.cache));
    make_tar(p.tar, PER_INNER + 10, "m", 100);
    check(p.tar, p.cache, PER_INNER + 10, "m");
    /* too young, too few: nothing is kept */
    make_tar(p.tar, PER_INNER, "m", 0);
    check(p.tar, p.cache, PER_INNER, "m");
    assert_false(is_kept(p.tar, p.cache));
    make_tar(p.tar, INDEX_LEAST / INNER - 10, "m", 100);
    check(p.tar, p.cache, INDEX_LEAST / INNER - 10, "m");
    assert_false(is_kept(p.tar, p.cache));
    shell("rm -rf %s", p.dir);
}

static void damaged(void **state)
{
    (void)state;
    struct place p;
    struct err e = {0};
    unsigned char *data;
    size_t n;
    begin(&p);
    assert_int_equal(file_read(p.index, 0, &data, &n, &e), 0);
    for (size_t k = 0; k < 60; k++) {
        /* the head, then anywhere; every third time cut instead */
        size_t at = k < 20 ? 9 * k : rng_below(rng_at(1, 0, k), n);
        unsigned char old = data[at];
        data[at] ^= (unsigned char)(1u << k % 8);
        assert_int_equal(file_write_cache(p.index, data, k % 3 == 2 ? at : n, &e), 0);
        data[at] = old;
        assert_false(is_kept(p.tar, p.cache));
    }
    check(p.tar, p.cache, PER_INNER, "n");
    assert_true(is_kept(p.tar, p.cache)); /* mended */
    /* one of another archive under this one's name */
    char other[1200], cache[1200], index[2048];
    snprintf(other, sizeof other, "%s/b.tar", p.dir);
    snprintf(cache, sizeof cache, "%s/cache2", p.dir);
    make_tar(other, PER_INNER, "o", 100);
    check(other, cache, PER_INNER, "o");
    find_index(cache, index);
    shell("cp %s %s", index, p.index);
    assert_false(is_kept(p.tar, p.cache));
    check(p.tar, p.cache, PER_INNER, "n");
    free(data);
    shell("rm -rf %s", p.dir);
}

/* Any change with the hash made right again: refused, or no table that leaves the buffer. */
static void forged(void **state)
{
    (void)state;
    struct place p;
    struct err e = {0};
    unsigned char *data;
    size_t n, used = 0;
    begin(&p);
    assert_int_equal(file_read(p.index, 0, &data, &n, &e), 0);
    for (size_t k = 0; k < 300; k++) {
        unsigned char old[8];
        char hex[HASH_SHA256_HEX];
        size_t at = k < 200 ? 8 * rng_below(rng_at(2, 0, k), 60) + 80
                            : rng_below(rng_at(3, 0, k), n - 80);
        memcpy(old, data + at, 8);
        uint64_t v = k % 2 ? rng_below(rng_at(4, 0, k), 1 << 20) : UINT64_MAX - k;
        memcpy(data + at, &v, 8);
        sha256_hex(data, n - 64, hex);
        memcpy(data + n - 64, hex, 64);
        assert_int_equal(file_write_cache(p.index, data, n, &e), 0);
        memcpy(data + at, old, 8);
        struct archive *a;
        if (archive_open_cached(&a, p.tar, p.cache, &e) == 0) {
            for (size_t i = 0; i < archive_count(a); i++) {
                char byte[64];
                assert_true(strlen(archive_name(a, i)) < n);
                assert_true(archive_bytes(a, i) < SIZE_MAX);
                if (archive_bytes(a, i) < sizeof byte) {
                    archive_read(a, i, byte, &e);
                }
            }
            used++;
            archive_close(a);
        }
    }
    assert_true(used);
    free(data);
    shell("rm -rf %s", p.dir);
}

/* No room for an index is no reason not to open the archive. */
static void unwritable(void **state)
{
    (void)state;
    struct place p;
    begin(&p);
    char file[1200];
    snprintf(file, sizeof file, "%s/file", p.dir);
    write_file(p.dir, "file", "x", 1);
    check(p.tar, file, PER_INNER, "n");
    check(p.tar, "/proc/nowhere", PER_INNER, "n");
    shell("rm -rf %s", p.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_and_used), cmocka_unit_test(stale), cmocka_unit_test(damaged),
        cmocka_unit_test(forged), cmocka_unit_test(unwritable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
