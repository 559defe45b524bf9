/* The loop over batches: the same numbers whatever the batch size and the threads, short last
 * batches, chosen rows, and errors that name the first image that could not be read. */
#include "tests/unit/dataset_truth.h"

#include "datasets/loader.h"
#include "datasets/transform.h"
#include "harness/base/pool.h"
#include "harness/base/tensor.h"

static struct preprocess preset(const char *name, size_t size, size_t h, size_t w)
{
    struct err e = {0};
    struct preprocess p;
    if (preprocess_preset(&p, name, &e)) {
        fail_msg("%s", e.text);
    }
    p.resize = p.crop = size;
    if (preprocess_resolve(&p, h, w, &e)) {
        fail_msg("%s", e.text);
    }
    return p;
}

/* All images of the split, read in batches, as one array that the caller frees. */
static float *load_all(const struct split *s, const size_t *rows, size_t n_rows,
                       const struct preprocess *p, size_t n_threads, size_t batch, size_t *item)
{
    struct err e = {0};
    struct pool *pool = NULL;
    struct loader *l;
    size_t h, w, n = rows ? n_rows : s->n, done = 0;
    if (n_threads && pool_open(&pool, n_threads, &e)) {
        fail_msg("%s", e.text);
    }
    if (loader_open(&l, s, rows, n_rows, p, pool, &e)) {
        fail_msg("%s", e.text);
    }
    loader_shape(l, &h, &w);
    *item = h * w * 3;
    float *all = malloc((n + batch) * *item * sizeof *all);
    for (;;) {
        struct tensor x;
        if (loader_next(l, all + done * *item, batch, &x, &e)) {
            fail_msg("%s", e.text);
        }
        assert_int_equal(x.n, n - done < batch ? n - done : batch);
        assert_true(x.h == h && x.w == w && x.c == 3 && x.data == all + done * *item);
        done += x.n;
        if (!x.n) {
            break;
        }
    }
    assert_int_equal(done, n);
    loader_close(l);
    pool_close(pool);
    return all;
}

/* One image at a time without a loader. */
static void check_direct(const struct split *s, const struct preprocess *p, const float *all,
                         size_t item)
{
    struct transform_scratch scratch = {0};
    struct sample_buf buf = {0};
    float *out = malloc(item * sizeof *out);
    for (size_t i = 0; i < s->n; i++) {
        struct err e = {0};
        struct sample sample;
        struct image img;
        if (split_read(s, i, &buf, &sample, &e) ||
            decode_sample(&sample, p->decode, &scratch, &img, &e) ||
            preprocess_run(p, &img, &scratch, out, NULL, &e)) {
            fail_msg("%s", e.text);
        }
        assert_memory_equal(out, all + i * item, item * sizeof *out);
    }
    free(out);
    free(buf.data);
    transform_scratch_release(&scratch);
}

static void same_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *set, *dir;
        size_t h, w;
    } cases[] = {{"fashion-mnist", FIXTURES "/idx", 28, 28},
                 {"cifar10", FIXTURES "/raw", 32, 32},
                 {"list:" FIXTURES "/list/headerless.csv", "", 0, 0}};
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct dataset *d = must_open(cases[k].set, cases[k].dir, true);
        struct split s = must_split(d, "trainval");
        struct preprocess p = preset("bit-paper", 24, cases[k].h, cases[k].w);
        size_t item;
        float *all = load_all(&s, NULL, 0, &p, 0, 1, &item);
        assert_int_equal(item, 24 * 24 * 3);
        check_direct(&s, &p, all, item);
        static const size_t threads[] = {1, 2, 3}, batches[] = {1, 5, 7, 64};
        for (size_t i = 0; i < ARRAY_LEN(threads) * ARRAY_LEN(batches); i++) {
            float *again = load_all(&s, NULL, 0, &p, threads[i % 3], batches[i / 3], &item);
            assert_memory_equal(all, again, s.n * item * sizeof *all);
            free(again);
        }
        /* Some rows, one of them twice. */
        static const size_t rows[] = {5, 2, 9, 2};
        float *some = load_all(&s, rows, 4, &p, 2, 3, &item);
        for (size_t i = 0; i < 4; i++) {
            assert_memory_equal(some + i * item, all + rows[i] * item, item * sizeof *all);
        }
        free(some);
        free(all);
        split_close(&s);
        dataset_close(d);
    }
}

/* Without resizing the first image tells the size; one of another size is an error. */
static void one_size(void **state)
{
    (void)state;
    struct err e = {0};
    struct dataset *d = must_open("fashion-mnist", FIXTURES "/idx", true);
    struct split s = must_split(d, "test");
    struct preprocess p = preset("none", 0, 28, 28);
    size_t item;
    free(load_all(&s, NULL, 0, &p, 1, 4, &item));
    assert_int_equal(item, 28 * 28 * 3);
    split_close(&s);
    dataset_close(d);

    char dir[256], name[300], id[DATASET_ID];
    work_dir(dir);
    shell("mkdir %s/a && cp " FIXTURES "/list/images/*.png %s/a && cp " FIXTURES
          "/folder/train/9/img9.png %s/a/odd.png",
          dir, dir, dir); /* 7 x 7, and one of 9 x 8 */
    snprintf(name, sizeof name, "folder:%s", dir);
    d = must_open(name, "", false);
    s = must_split(d, "trainval");
    struct loader *l;
    struct tensor x;
    size_t h, w;
    static float data[16 * 9 * 9 * 3];
    assert_int_equal(loader_open(&l, &s, NULL, 0, &p, NULL, &e), 0);
    loader_shape(l, &h, &w);
    split_id(&s, 0, id);
    assert_string_not_equal(id, "a/odd.png");
    assert_int_equal(h, 7);
    assert_int_equal(w, 7);
    assert_int_equal(loader_next(l, data, 16, &x, &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_mentions(e.text, "image a/odd.png, 8 x 9 pixels, 7 x 7 expected");
    loader_close(l);
    split_close(&s);
    dataset_close(d);
    shell("rm -r %s", dir);
}

/* The id of the error must be that of the first damaged image, on any number of threads. */
static void first_error(void **state)
{
    (void)state;
    char dir[256], name[300], first[DATASET_ID] = "", id[DATASET_ID];
    work_dir(dir);
    shell("mkdir %s/a && for i in $(seq 100 163); do cp " FIXTURES "/list/images/000000.png "
          "%s/a/$i.png; done && for i in 110 120 130 140 150; do head -c 60 %s/a/$i.png >%s/x && "
          "mv %s/x %s/a/$i.png; done",
          dir, dir, dir, dir, dir, dir);
    snprintf(name, sizeof name, "folder:%s", dir);
    struct dataset *d = must_open(name, "", false);
    struct split s = must_split(d, "trainval");
    for (size_t i = s.n; i-- > 0;) {
        split_id(&s, i, id);
        if (strchr("12345", id[3]) && id[4] == '0') {
            strcpy(first, id);
        }
    }
    struct preprocess p = preset("bit-paper", 224, 0, 0);
    float *data = malloc(64 * 224 * 224 * 3 * sizeof *data);
    for (size_t threads = 1; threads <= 4; threads++) {
        for (int repeat = 0; repeat < 5; repeat++) {
            struct err e = {0};
            struct pool *pool;
            struct loader *l;
            struct tensor x;
            assert_int_equal(pool_open(&pool, threads, &e), 0);
            assert_int_equal(loader_open(&l, &s, NULL, 0, &p, pool, &e), 0);
            assert_int_equal(loader_next(l, data, 64, &x, &e), -1);
            assert_int_equal(e.code, ERR_FORMAT);
            assert_mentions(e.text, name);
            assert_mentions(e.text, first);
            loader_close(l);
            pool_close(pool);
        }
    }
    free(data);
    split_close(&s);
    dataset_close(d);
    shell("rm -r %s", dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_numbers),
        cmocka_unit_test(one_size),
        cmocka_unit_test(first_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
