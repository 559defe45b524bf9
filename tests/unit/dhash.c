/* Difference hashes against NumPy's (exact fractions); near pairs against comparing each with each. */
#include "tests/unit/dataset_truth.h"

#include "datasets/dhash.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"

/* The same formula stands in tests/fixtures/datasets/survey/make_survey.py. */
static uint8_t *made(size_t h, size_t w, size_t c, size_t seed)
{
    uint8_t *p = malloc(h * w * c);
    assert_non_null(p);
    for (size_t y = 0; y < h; y++) {
        for (size_t x = 0; x < w; x++) {
            for (size_t k = 0; k < c; k++) {
                size_t v = x * x * 7 + y * x * (3 + seed) + y * 29 + k * 91 + seed * 57;
                p[(y * w + x) * c + k] = (uint8_t)(v >> 2);
            }
        }
    }
    return p;
}

static void values(void **state)
{
    (void)state;
    static struct tsv t;
    tsv_read(&t, FIXTURES "/survey/dhash.tsv");
    for (size_t i = 0; i < t.n; i++) {
        size_t v[4];
        char hex[17];
        for (size_t k = 0; k < 4; k++) {
            v[k] = (size_t)atoi(t.cell[i][k]);
        }
        uint8_t *p = made(v[0], v[1], v[2], v[3]);
        struct image im = {.data = p, .h = v[0], .w = v[1], .c = v[2]};
        snprintf(hex, sizeof hex, "%016llx", (unsigned long long)dhash(&im));
        assert_string_equal(hex, t.cell[i][4]);
        free(p);
    }
    assert_int_equal(t.n, 12);
    tsv_free(&t);
}

enum { N = 3000 };

/* Random hashes, of which many are near or equal to earlier ones. */
static void make_items(struct dhash_item *items, uint64_t seed, unsigned most_bits)
{
    uint64_t r = 0; /* random numbers used */
    for (uint32_t i = 0; i < N; i++) {
        uint64_t hash = rng_splitmix(seed, r++);
        if (i && rng_splitmix(seed, r++) % 2) {
            hash = items[rng_splitmix(seed, r++) % i].hash;
            for (uint64_t k = rng_splitmix(seed, r++) % (most_bits + 1); k; k--) {
                hash ^= UINT64_C(1) << rng_splitmix(seed, r++) % 64;
            }
        }
        items[i] = (struct dhash_item){hash, i, (uint8_t)(rng_splitmix(seed, r++) % 3)};
    }
}

static void count_all(const struct dhash_item *items, uint64_t *within, uint64_t *across)
{
    *within = *across = 0;
    for (size_t i = 0; i < N; i++) {
        for (size_t k = i + 1; k < N; k++) {
            if (__builtin_popcountll(items[i].hash ^ items[k].hash) <= DHASH_NEAR) {
                *(items[i].part == items[k].part ? within : across) += 1;
            }
        }
    }
}

/* Images are numbered from 0, so a pair can be looked up. */
static void check_pairs(const struct dhash_near *near, const struct dhash_item *by_image)
{
    bool within_seen = false;
    for (size_t i = 0; i < near->n_pairs; i++) {
        const struct dhash_item *a = &by_image[near->pairs[i].a], *b = &by_image[near->pairs[i].b];
        assert_true(a->image != b->image);
        assert_int_equal(__builtin_popcountll(a->hash ^ b->hash), near->pairs[i].distance);
        assert_true(near->pairs[i].distance <= DHASH_NEAR);
        within_seen = within_seen || a->part == b->part;
        assert_true(!within_seen || a->part == b->part); /* those across first */
    }
}

static void near_pairs(void **state)
{
    (void)state;
    static struct dhash_item items[N], sorted[N];
    for (unsigned bits = 0; bits <= 7; bits++) {
        struct dhash_near one, four;
        struct pool *pool;
        struct err e = {0};
        uint64_t within, across;
        make_items(items, bits, bits);
        count_all(items, &within, &across);
        memcpy(sorted, items, sizeof items);
        assert_int_equal(dhash_find_near(&one, sorted, N, 50, NULL, &e), 0);
        assert_int_equal(one.n_within, within);
        assert_int_equal(one.n_across, across);
        assert_true(within + across > 100);
        assert_false(one.too_many);
        assert_int_equal(one.n_pairs, 50);
        check_pairs(&one, items);
        assert_int_equal(pool_open(&pool, 4, &e), 0);
        memcpy(sorted, items, sizeof items);
        assert_int_equal(dhash_find_near(&four, sorted, N, 50, pool, &e), 0);
        assert_int_equal(four.n_within, within);
        assert_memory_equal(four.pairs, one.pairs, 50 * sizeof *one.pairs);
        pool_close(pool);
        dhash_near_release(&one);
        dhash_near_release(&four);
    }
}

static void few(void **state)
{
    (void)state;
    struct dhash_near near;
    struct err e = {0};
    assert_int_equal(dhash_find_near(&near, NULL, 0, 5, NULL, &e), 0);
    assert_int_equal(near.n_pairs + near.n_within + near.n_across, 0);
    dhash_near_release(&near);
    struct dhash_item same[3] = {{7, 0, 0}, {7, 1, 0}, {7, 2, 2}};
    assert_int_equal(dhash_find_near(&near, same, 3, 0, NULL, &e), 0);
    assert_int_equal(near.n_within, 1);
    assert_int_equal(near.n_across, 2);
    assert_int_equal(near.n_pairs, 0);
    dhash_near_release(&near);
}

/* A set of which all hashes share a group of bits is not compared, and says so. */
static void too_alike(void **state)
{
    (void)state;
    enum { MANY = 300000 };
    struct dhash_near near;
    struct err e = {0};
    struct dhash_item *items = calloc(MANY, sizeof *items);
    assert_non_null(items);
    for (uint32_t i = 0; i < MANY; i++) {
        items[i] = (struct dhash_item){i, i, 0}; /* the upper three groups are equal */
    }
    assert_int_equal(dhash_find_near(&near, items, MANY, 5, NULL, &e), 0);
    assert_true(near.too_many);
    assert_int_equal(near.n_pairs + near.n_within + near.n_across, 0);
    assert_true(near.n_comparisons >= 3ull * MANY * (MANY - 1) / 2);
    dhash_near_release(&near);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(near_pairs),
        cmocka_unit_test(few),
        cmocka_unit_test(too_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
