/* Split expressions: against TFDS's own slices of a split of 120 and one of 36 images, and words
 * that are none. */
#include "tests/unit/dataset_truth.h"

#include "harness/base/tensor.h"

enum { N_TRAIN = 120,
       N_TEST = 36 };

/* TFDS's ids in its order: "train/0007"... */
static char ids[2][N_TRAIN][DATASET_ID];

static void toy_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    (void)state;
    strcpy(key, ids[source_split][i]);
}

static int32_t toy_label(const void *state, size_t source_split, size_t i)
{
    (void)state, (void)source_split;
    return (int32_t)i;
}

static const struct source_ops toy_source = {.key = toy_key, .label = toy_label};
static const struct split_desc toy_splits[] = {
    {"train", {{0}}, 1},
    {"test", {{.source_split = 1}}, 1},
    {"both", {{.from = 100}, {.source_split = 1, .from = 50, .to = 100, .percent = true}}, 2},
    {"none", {{.source_split = 2}}, 1},
};
static const struct dataset_desc toy = {.salts = {"train", "test", "none"},
                                        .n_source_splits = 3,
                                        .splits = toy_splits,
                                        .n_splits = ARRAY_LEN(toy_splits),
                                        .source = &toy_source};
static size_t order[N_TRAIN]; /* ids are in canonical order already */
static struct dataset d = {.desc = &toy,
                           .source = &toy_source,
                           .name = "toy",
                           .splits = toy_splits,
                           .n_splits = ARRAY_LEN(toy_splits),
                           .order = {order, order, order},
                           .n = {N_TRAIN, N_TEST, 0}};

static struct tsv t; /* expression, canonical position, id */

static int setup(void **state)
{
    (void)state;
    tsv_read(&t, FIXTURES "/truth/toy_shards.slices.tsv");
    for (size_t i = 0; i < N_TRAIN; i++) {
        order[i] = i;
    }
    for (size_t i = 0; i < t.n; i++) {
        for (size_t s = 0; s < 2; s++) {
            if (!strcmp(t.cell[i][0], toy_splits[s].name)) {
                strcpy(ids[s][atoi(t.cell[i][1])], t.cell[i][2]);
            }
        }
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tsv_free(&t);
    return 0;
}

static void slices(void **state)
{
    (void)state;
    size_t n_expressions = 0;
    for (size_t i = 0; i < t.n;) {
        const char *expression = t.cell[i][0];
        struct split s = must_split(&d, expression);
        for (size_t k = 0; k < s.n; k++, i++) {
            char id[DATASET_ID];
            split_id(&s, k, id);
            assert_string_equal(t.cell[i][0], expression);
            assert_string_equal(id, t.cell[i][2]);
            assert_int_equal(s.label[k], s.row[k]);
        }
        assert_true(i == t.n || strcmp(t.cell[i][0], expression));
        assert_int_equal(s.whole, !strchr(expression, '['));
        split_close(&s);
        n_expressions++;
    }
    assert_int_equal(n_expressions, 14);
}

/* Expressions of our own: bounds, halves to even, cuts, splits of two parts. */
static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n, first_split, first_row, last_split, last_row;
    } cases[] = {
        {"test[:12%]", 4, 1, 0, 1, 3},           /* 4.32 */
        {"test[:18%]", 6, 1, 0, 1, 5},           /* 6.48 */
        {"train[:5%]", 6, 0, 0, 0, 5},           /* exact */
        {"test[:-26]", 10, 1, 0, 1, 9},          /* from the end */
        {"train[-10%:]", 12, 0, 108, 0, 119},    /* the last tenth */
        {"train[100:1000]", 20, 0, 100, 0, 119}, /* cut */
        {"train[-500:3]", 3, 0, 0, 0, 2},        /* cut at the front */
        {"train[:]", 120, 0, 0, 0, 119},
        {"both", 38, 0, 100, 1, 35},       /* 20 of train, 18 of test */
        {"both[19:21]", 2, 0, 119, 1, 18}, /* across the seam */
        {"both[25:]", 13, 1, 23, 1, 35},
        {"test[:3]+both[:2]", 5, 1, 0, 0, 101},
        {"train[99999999999999999999999:]+test", 36, 1, 0, 1, 35},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct split s = must_split(&d, cases[i].text);
        if (s.n != cases[i].n) {
            fail_msg("%s: %zu images, %zu expected", cases[i].text, s.n, cases[i].n);
        }
        assert_int_equal(s.source_split[0], cases[i].first_split);
        assert_int_equal(s.row[0], cases[i].first_row);
        assert_int_equal(s.source_split[s.n - 1], cases[i].last_split);
        assert_int_equal(s.row[s.n - 1], cases[i].last_row);
        split_close(&s);
    }
}

/* Halves go to the even number: 12.5 -> 12, 37.5 -> 38 and 62.5 -> 62, as Python's round. */
static void halves(void **state)
{
    (void)state;
    static const struct split_part part[] = {{.to = 25, .percent = true},
                                             {.to = 75, .percent = true},
                                             {.from = 25, .to = 75, .percent = true}};
    static const size_t n[DATASET_MAX_SOURCE_SPLITS] = {50};
    static const size_t expected[] = {12, 38, 26};
    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
        struct split_desc s = {.name = "x", .parts = {part[i]}, .n_parts = 1};
        assert_int_equal(split_desc_count(&s, n), expected[i]);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *mentions;
    } bad[] = {
        {"tset", "toy has no split 'tset', did you mean, 'test', splits: train, test, both"},
        {"none", "no split 'none'"},
        {"", "no split ''"},
        {"train+", "no split ''"},
        {"+train", "no split ''"},
        {"train test", "no split"},
        {"train]", "no split 'train]'"},
        {"train[", "no slice"},
        {"train[5]", "no slice, train[:800]"},
        {"train[1:2", "no slice"},
        {"train[1:2]x", "no slice"},
        {"train[1:2:3]", "no slice"},
        {"train[-:3]", "no slice"},
        {"train[:101%]", "no slice"},
        {"train[:1.5%]", "no slice"},
        {"train[ :3]", "no slice"},
        {"train[5:5]", "selects no image"},
        {"train[9:5]", "selects no image"},
        {"train[500:]", "selects no image"},
        {"train[:5]+train[4:6]", "twice"},
        {"both+test", "twice"},
        {"train[:1]+train[1:2]+train[2:3]+train[3:4]+train[4:5]+train[5:6]", "63 characters"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        struct split s;
        if (!split_open(&s, &d, bad[i].text, &e)) {
            fail_msg("'%s' was accepted", bad[i].text);
        }
        assert_int_equal(e.code, ERR_USAGE);
        assert_mentions(e.text, bad[i].mentions);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices),
        cmocka_unit_test(ranges),
        cmocka_unit_test(halves),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
