/* The feature cache: the same bits with and without it, each image through the network once,
 * damaged blocks computed again. On 8 px Fashion-MNIST and a small random network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "models/model.h"
#include "protocols/features.h"
#include "protocols/protocol.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct dataset *dataset;
static struct split split;
static struct preprocess p;
static char dir[] = "/tmp/bitbench-features-XXXXXX";

static int setup(void **state)
{
    (void)state;
    static const char *const dirs[] = {"/usr/share/datasets"};
    const struct dataset_dirs where = {.dirs = dirs, .n = 1, .partial = false};
    struct err e = {0};
    if (!mkdtemp(dir) || dataset_open(&dataset, "fashion-mnist", &where, &e) ||
        split_open(&split, dataset, "test", &e) || preprocess_preset(&p, "bit-paper", &e)) {
        print_error("%s\n", e.text);
        return -1;
    }
    p.crop = p.resize = 8;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    split_close(&split);
    dataset_close(dataset);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static struct group new_group(const char *cache)
{
    struct group g = {
        .dataset = dataset, .engine = engines[0], .batch = 4, .cache_dir = cache};
    struct err e;
    assert_int_equal(model_open(&g.model, "random:R(1,1,1,1)x0.5", NULL, true, &e), 0);
    return g;
}

/* Features of some rows by a fresh group; counts what was computed and read. */
static float *get(const char *cache, const size_t *rows, size_t n, size_t *computed, size_t *read)
{
    struct group g = new_group(cache);
    struct err e = {0};
    float *x;
    size_t d;
    if (features_get(&g, &split, rows, n, &p, &x, &d, NULL, &e)) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(d, 1024);
    *computed = g.counters.images_forwarded;
    *read = g.counters.cache_rows_read;
    group_release(&g);
    model_close(g.model);
    return x;
}

static void check(const char *cache, const size_t *rows, size_t n, size_t want_computed)
{
    size_t computed, read, ignored;
    float *x = get(cache, rows, n, &computed, &read);
    float *plain = get(NULL, rows, n, &ignored, &ignored);
    assert_int_equal(computed, want_computed);
    assert_int_equal(read, n - want_computed);
    assert_memory_equal(x, plain, n * 1024 * sizeof *x);
    free(plain);
    free(x);
}

static void test_rows(void **state)
{
    (void)state;
    const size_t first[] = {5, 1500, 3, 9999}, more[] = {4, 3, 1500, 1501, 0},
                 all[] = {0, 3, 4, 5, 1500, 1501, 9999};
    check(dir, first, ARRAY_LEN(first), 4);
    check(dir, first, ARRAY_LEN(first), 0);
    check(dir, more, ARRAY_LEN(more), 3);
    check(dir, all, ARRAY_LEN(all), 0);
}

/* Applies fn to every block file below the cache. */
static size_t each_block(void (*fn)(const char *path))
{
    struct file_list keys = {0}, blocks = {0};
    struct err e = {0};
    char top[128], folder[256], path[600];
    size_t n = 0;
    snprintf(top, sizeof top, "%s/features", dir);
    assert_int_equal(file_list_read(&keys, top, &e), 0);
    for (size_t i = 0; i < keys.n; i++) {
        snprintf(folder, sizeof folder, "%s/%.60s", top, keys.names[i]);
        assert_int_equal(file_list_read(&blocks, folder, &e), 0);
        for (size_t k = 0; k < blocks.n; k++, n++) {
            snprintf(path, sizeof path, "%s/%.80s", folder, blocks.names[k]);
            fn(path);
        }
        file_list_release(&blocks);
    }
    file_list_release(&keys);
    return n;
}

static void flip_last(const char *path)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, -1, SEEK_END);
    int c = fgetc(f);
    fseek(f, -1, SEEK_END);
    fputc(c ^ 1, f);
    fclose(f);
}

static void cut(const char *path)
{
    assert_int_equal(truncate(path, 100), 0);
}

static void lie(const char *path) /* about the number of rows present */
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fputs("bitbench-features 1 1024 999999999\n", f);
    fclose(f);
}

static void test_damage(void **state)
{
    (void)state;
    const size_t rows[] = {7, 2000};
    void (*const damages[])(const char *) = {flip_last, cut, lie};
    check(dir, rows, ARRAY_LEN(rows), 2);
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        assert_true(each_block(damages[i]) > 0);
        check(dir, rows, ARRAY_LEN(rows), 2);
        check(dir, rows, ARRAY_LEN(rows), 0);
    }
}

/* Another preprocessing never meets these blocks. */
static void test_key(void **state)
{
    (void)state;
    const size_t rows[] = {7};
    size_t computed, read;
    p.crop = p.resize = 9;
    free(get(dir, rows, 1, &computed, &read));
    assert_int_equal(computed, 1);
    p.crop = p.resize = 8;
}

/* A cache that cannot be written is a warning, not a failure. */
static void test_no_place(void **state)
{
    (void)state;
    const size_t rows[] = {1};
    size_t computed, read;
    free(get("/dev/null/cache", rows, 1, &computed, &read));
    assert_int_equal(computed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_no_place),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
