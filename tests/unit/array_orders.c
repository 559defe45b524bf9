/* Orders and splits of full-size sets that come as arrays or records, without their images: ids and
 * labels of VTAB's splits, KITTI's split by video. */
#include "tests/unit/dataset_truth.h"

#include "datasets/kitti_split.h"
#include "datasets/label_rule.h"
#include "datasets/source.h"

#define ARRAYS FIXTURES "/arrays"

/* A whole text file. */
static char *read_text(const char *folder, const char *name)
{
    char path[1024];
    struct err e = {0};
    unsigned char *text;
    size_t n;
    snprintf(path, sizeof path, ARRAYS "/%s/%s", folder, name);
    if (file_read(path, 0, &text, &n, &e)) {
        fail_msg("%s", e.text);
    }
    return (char *)text;
}

static void kitti_splits(void **state)
{
    (void)state;
    static const char *const names[] = {"train", "val", "test"};
    static const char *const folders[] = {"kitti/a", "kitti/b"};
    for (size_t k = 0; k < 2; k++) {
        static struct tsv t;
        struct err e = {0};
        char path[1024];
        char *numbers = read_text(folders[k], "train_rand.txt");
        char *mapping = read_text(folders[k], "train_mapping.txt");
        uint8_t *split;
        size_t n;
        if (kitti_split(numbers, mapping, &split, &n, &e)) {
            fail_msg("%s", e.text);
        }
        snprintf(path, sizeof path, ARRAYS "/%s/expected.tsv", folders[k]);
        tsv_read(&t, path);
        assert_int_equal(n, t.n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(atoi(t.cell[i][0]), i);
            assert_int_equal(strncmp(t.cell[i][2], names[split[i]], 3), 0);
        }
        tsv_free(&t);
        free(split);
        free(numbers);
        free(mapping);
    }
}

/* A source with the keys of a full-size set and no images. */
struct keys {
    const struct dataset_desc *desc;
};

static void full_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    const struct keys *k = state;
    if (!strncmp(k->desc->name, "clevr", 5)) {
        snprintf(key, DATASET_ID, "CLEVR_%s_%06zu.png", source_split ? "val" : "train", i);
    } else {
        k->desc->source->key(NULL, source_split, i, key); /* from the index alone */
    }
}

static int32_t full_label(const void *state, size_t source_split, size_t i)
{
    const struct keys *k = state;
    (void)source_split;
    if (strncmp(k->desc->name, "dsprites", 8)) {
        return 0;
    }
    /* The position of an image says its latents: shape, scale, 40 angles, 32 x, 32 y. */
    float latent = (float)(k->desc->rule->column == 4 ? i / 32 % 32 : i / 1024 % 40);
    return k->desc->rule->label(&latent, 1);
}

static void add_hashed(struct sha256 *h, bool first, const char *text)
{
    if (!first) {
        sha256_add(h, "\n", 1);
    }
    sha256_add(h, text, strlen(text));
}

static void check_order(const struct split *s, char *const *want)
{
    struct sha256 ids, labels;
    char hex[HASH_SHA256_HEX], id[DATASET_ID], label[16];
    bool labelled = want[8][0] != '-';
    assert_int_equal(s->n, atoi(want[3]));
    sha256_init(&ids);
    sha256_init(&labels);
    for (size_t i = 0; i < s->n; i++) {
        split_id(s, i, id);
        if (!i) {
            assert_string_equal(id, want[5]);
        }
        snprintf(label, sizeof label, "%d", s->label[i]);
        add_hashed(&ids, !i, id);
        add_hashed(&labels, !i, label);
    }
    assert_string_equal(id, want[6]);
    sha256_final(&ids, hex);
    assert_string_equal(hex, want[4]);
    sha256_final(&labels, hex);
    if (labelled) {
        assert_string_equal(hex, want[8]);
    }
}

/* VTAB's splits of the full-size sets: ids, and labels where the index says them. */
static void orders(void **state)
{
    (void)state;
    static struct tsv t;
    struct err e = {0};
    tsv_read(&t, ARRAYS "/truth/orders.tsv");
    struct dataset d = {0};
    struct source_ops ops = {.key = full_key, .label = full_label};
    struct dataset_desc desc;
    struct keys keys = {0};
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++) {
        if (strcmp(t.cell[i][2], "vtab")) {
            continue;
        }
        if (!keys.desc || strcmp(keys.desc->name, t.cell[i][0])) {
            keys.desc = dataset_find(t.cell[i][0], &e);
            assert_non_null(keys.desc);
            desc = *keys.desc;
            desc.source = &ops;
            d = (struct dataset){.desc = &desc,
                                 .source = &ops,
                                 .n_classes = desc.n_classes,
                                 .splits = desc.splits,
                                 .n_splits = desc.n_splits,
                                 .state = &keys};
            for (size_t s = 0; s < desc.n_source_splits; s++) {
                d.n[s] = desc.official[s];
                d.order[s] = malloc(d.n[s] * sizeof *d.order[s]);
                assert_int_equal(order_make(&d, s, d.order[s], &e), 0);
            }
        }
        struct split s = must_split(&d, t.cell[i][1]);
        check_order(&s, t.cell[i]);
        split_close(&s);
        n++;
        if (i + 1 == t.n || strcmp(t.cell[i + 1][0], desc.name)) {
            for (size_t k = 0; k < desc.n_source_splits; k++) {
                free(d.order[k]);
            }
        }
    }
    assert_int_equal(n, 8 * 7);
    tsv_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kitti_splits), cmocka_unit_test(orders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
