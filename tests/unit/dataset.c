/* Canonical order of full-size sets (from their keys alone), names, subjects. */
#include "tests/unit/dataset_truth.h"

#include "datasets/source.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

/* A source that has keys and nothing else. Its state is a pattern for the running number. */
struct keys {
    int kind; /* of patterns below */
    size_t first;
};

static void fake_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    const struct keys *k = state;
    (void)source_split;
    if (k->kind == 0) {
        snprintf(key, DATASET_ID, "valid_%zu", i + k->first);
    } else if (k->kind == 1) {
        snprintf(key, DATASET_ID, "CLEVR_train_%06zu.png", i + k->first);
    } else if (k->kind == 2) {
        snprintf(key, DATASET_ID, "ILSVRC2012_val_%08zu.JPEG", i + k->first);
    } else {
        snprintf(key, DATASET_ID, "same");
    }
}

static int32_t fake_label(const void *state, size_t source_split, size_t i)
{
    (void)state, (void)source_split, (void)i;
    return 0;
}

static const struct source_ops fake = {.key = fake_key, .label = fake_label};

/* SHA-256 of the ids of a split joined by newlines. */
static void ids_sha256(const struct split *s, char hex[HASH_SHA256_HEX])
{
    struct sha256 h;
    sha256_init(&h);
    for (size_t i = 0; i < s->n; i++) {
        char id[DATASET_ID];
        split_id(s, i, id);
        sha256_add(&h, "\n", i > 0);
        sha256_add(&h, id, strlen(id));
    }
    sha256_final(&h, hex);
}

static void check_ids(const struct split *s, char *const row[TSV_COLUMNS])
{
    char hex[HASH_SHA256_HEX], id[DATASET_ID];
    assert_int_equal(s->n, atoi(row[3]));
    split_id(s, 0, id);
    assert_string_equal(id, row[5]);
    split_id(s, s->n - 1, id);
    assert_string_equal(id, row[6]);
    ids_sha256(s, hex);
    assert_string_equal(hex, row[4]);
}

/* A row of the table opened as if all its images were there. */
static struct dataset *open_keys(const struct dataset_desc *desc, void *state)
{
    struct err e = {0};
    struct dataset *d = calloc(1, sizeof *d);
    d->desc = desc;
    d->source = desc->source;
    d->state = state;
    d->splits = desc->splits;
    d->n_splits = desc->n_splits;
    for (size_t s = 0; s < desc->n_source_splits; s++) {
        d->n[s] = desc->official[s];
        d->order[s] = malloc(d->n[s] * sizeof *d->order[s]);
        if (order_make(d, s, d->order[s], &e)) {
            fail_msg("%s", e.text);
        }
    }
    return d;
}

static void close_keys(struct dataset *d)
{
    for (size_t s = 0; s < DATASET_MAX_SOURCE_SPLITS; s++) {
        free(d->order[s]);
    }
    free(d);
}

/* Rows of the table that have numbers for ids: TFDS's splits and VTAB's seven. */
static void numeric_orders(void **state)
{
    (void)state;
    static struct tsv t;
    size_t n = 0;
    tsv_read(&t, FIXTURES "/truth/orders.tsv");
    static const char *const names[][2] = {{"cifar10", "cifar10"},
                                           {"cifar100", "cifar100"},
                                           {"fashion-mnist", "fashion_mnist"}};
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        struct dataset_desc desc = *dataset_find(names[k][0], NULL);
        desc.source = &fake;
        struct dataset *d = open_keys(&desc, NULL);
        for (size_t i = 0; i < t.n; i++) {
            if (strcmp(t.cell[i][0], names[k][1])) {
                continue;
            }
            bool tfds_train = !strcmp(t.cell[i][2], "tfds") && !strcmp(t.cell[i][1], "train");
            struct split s = must_split(d, tfds_train ? "trainval" : t.cell[i][1]);
            check_ids(&s, t.cell[i]);
            split_close(&s);
            n++;
        }
        close_keys(d);
    }
    assert_int_equal(n, 20);
    tsv_free(&t);
}

/* Keys that are names. */
static void named_orders(void **state)
{
    (void)state;
    static struct tsv t;
    static struct {
        const char *set, *split;
        struct keys keys;
    } cases[] = {{"patch_camelyon", "validation", {0, 0}},
                 {"clevr", "train", {1, 0}},
                 {"imagenet2012", "validation", {2, 1}}};
    static const struct split_desc whole = {"all", {{0}}, 1};
    tsv_read(&t, FIXTURES "/truth/orders.tsv");
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        size_t found = 0;
        for (size_t i = 0; i < t.n; i++) {
            if (strcmp(t.cell[i][0], cases[k].set) || strcmp(t.cell[i][1], cases[k].split)) {
                continue;
            }
            const struct dataset_desc desc = {.salts = {cases[k].split},
                                              .official = {(size_t)atoi(t.cell[i][3])},
                                              .n_source_splits = 1,
                                              .splits = &whole,
                                              .n_splits = 1,
                                              .source = &fake};
            struct dataset *d = open_keys(&desc, &cases[k].keys);
            struct split s = must_split(d, "all");
            check_ids(&s, t.cell[i]);
            split_close(&s);
            close_keys(d);
            found++;
        }
        assert_int_equal(found, 1);
    }
    tsv_free(&t);
}

static void equal_keys(void **state)
{
    (void)state;
    struct err e = {0};
    struct keys keys = {3, 0};
    const struct dataset_desc desc = {.salts = {"train"}, .n_source_splits = 1, .source = &fake};
    struct dataset d = {.desc = &desc, .source = &fake, .state = &keys, .n = {2}};
    size_t order[2];
    assert_int_equal(order_make(&d, 0, order, &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_mentions(e.text, "split train, duplicate id same");
}

static void names(void **state)
{
    (void)state;
    struct err e = {0};
    static const struct {
        const char *name, *mentions;
    } bad[] = {{"cifar1O", "cifar1O, did you mean, cifar10"},
               {"fashion-minst", "fashion-mnist"},
               {"folder", "folder:PATH"},
               {"folder:", "folder:PATH"},
               {"cifar10:x", "takes no path"},
               {"", "unknown data set ''"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_null(dataset_find(bad[i].name, &e));
        assert_int_equal(e.code, ERR_USAGE);
        assert_mentions(e.text, bad[i].mentions);
    }
    assert_string_equal(dataset_find("folder:a:b", &e)->name, "folder");
    assert_string_equal(dataset_find("list:x.csv", &e)->name, "list");
    static char longest[700] = "folder:";
    memset(longest + 7, 'x', sizeof longest - 8);
    assert_int_equal(open_error(longest, "").code, ERR_LIMIT);
}

/* Paths in a subject must not disturb a signature. */
static void subjects(void **state)
{
    (void)state;
    struct dataset *d = must_open("folder:" FIXTURES "/folder//", "", false);
    assert_string_equal(d->subject, "folder:folder@9f15f70c5976");
    dataset_close(d);
    char dir[256], name[300];
    work_dir(dir);
    shell("cp -r " FIXTURES "/folder '%s/a|b c\xc3\xa9'", dir);
    snprintf(name, sizeof name, "folder:%s/a|b c\xc3\xa9", dir);
    d = must_open(name, "", false);
    assert_string_equal(d->subject, "folder:a_b_c__@9f15f70c5976");
    dataset_close(d);
    shell("rm -r %s", dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric_orders),
        cmocka_unit_test(named_orders),
        cmocka_unit_test(equal_keys),
        cmocka_unit_test(names),
        cmocka_unit_test(subjects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
