/* Every row of the table of data sets: names, salts, splits, classes, and what a typing error
 * says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "datasets/dataset.h"
#include "harness/base/err.h"
#include "harness/base/file.h"

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < datasets_n; i++) {
        const struct dataset_desc *d = datasets[i];
        const char *const all[] = {d->name, d->title, d->citation, d->licence, d->how_to_get,
                                   d->source->name};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            if (!all[k] || !all[k][0]) {
                fail_msg("row %zu (%s): text %zu is empty", i, d->name, k);
            }
        }
        /* A name is a word of the command line, of run files and of signatures. */
        assert_int_equal(strspn(d->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
                         strlen(d->name));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(d->name, datasets[k]->name);
        }
    }
}

static void found(void **state)
{
    (void)state;
    for (size_t i = 0; i < datasets_n; i++) {
        struct err e = {0};
        char name[64], typo[64];
        snprintf(name, sizeof name, "%s%s", datasets[i]->name, datasets[i]->n_classes ? "" : ":x");
        assert_ptr_equal(dataset_find(name, &e), datasets[i]);
        snprintf(typo, sizeof typo, "%s", datasets[i]->name);
        typo[strlen(typo) - 1] = '_';
        assert_null(dataset_find(typo, &e));
        assert_int_equal(e.code, ERR_USAGE);
        if (!strstr(e.text, datasets[i]->name)) {
            fail_msg("'%s': %s", typo, e.text);
        }
    }
}

static void sources(void **state)
{
    (void)state;
    for (size_t i = 0; i < datasets_n; i++) {
        const struct dataset_desc *d = datasets[i];
        const struct source_ops *s = d->source;
        assert_true(s->open && s->close && s->count && s->label && s->encoded_bytes && s->read);
        assert_non_null(s->where);
        assert_true(d->numeric_ids || s->key);
        /* Rows that name no classes have a source that finds classes and splits. */
        assert_true(d->n_classes || (s->n_classes && s->class_name && s->splits));
        assert_true(d->n_classes ? d->folders[0] != NULL : !d->folders[0]);
        char files[2048];
        snprintf(files, sizeof files, "%s", s->sources);
        for (char *rest = files, *f; (f = strtok_r(rest, " ", &rest));) {
            if (!file_exists(f)) {
                fail_msg("%s: source file %s does not exist", s->name, f);
            }
        }
    }
}

static void classes(void **state)
{
    (void)state;
    for (size_t i = 0; i < datasets_n; i++) {
        const struct dataset_desc *d = datasets[i];
        for (size_t c = 0; c < d->n_classes; c++) {
            assert_true(d->class_names[c] && d->class_names[c][0]);
            for (size_t k = 0; k < c; k++) {
                assert_string_not_equal(d->class_names[c], d->class_names[k]);
            }
        }
    }
}

static const struct split_desc *split_of(const struct dataset_desc *d, const char *name)
{
    for (size_t i = 0; i < d->n_splits; i++) {
        if (!strcmp(d->splits[i].name, name)) {
            return &d->splits[i];
        }
    }
    fail_msg("%s has no split %s", d->name, name);
    return NULL;
}

static size_t n_of(const struct dataset_desc *d, const char *name)
{
    return split_desc_count(split_of(d, name), d->official);
}

/* train and val make up trainval, test is apart, the small splits are the official size. */
static void splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < datasets_n; i++) {
        const struct dataset_desc *d = datasets[i];
        size_t n = 0;
        assert_true(d->n_source_splits > 0 && d->n_source_splits <= DATASET_MAX_SOURCE_SPLITS);
        for (size_t s = 0; s < d->n_source_splits; s++) {
            assert_true(d->salts[s] && d->salts[s][0] && strlen(d->salts[s]) < 64);
            for (size_t k = 0; k < s; k++) {
                assert_string_not_equal(d->salts[s], d->salts[k]);
            }
            assert_true((d->official[s] > 0) == (d->n_classes > 0));
            n += d->official[s];
        }
        if (!d->splits) {
            continue;
        }
        for (size_t k = 0; k < d->n_splits; k++) {
            const struct split_desc *s = &d->splits[k];
            assert_true(s->n_parts > 0 && s->n_parts <= 2);
            assert_true(split_desc_count(s, d->official) > 0);
            for (size_t p = 0; p < s->n_parts; p++) {
                assert_true(s->parts[p].source_split < d->n_source_splits);
            }
            for (size_t m = 0; m < k; m++) {
                assert_string_not_equal(s->name, d->splits[m].name);
            }
        }
        assert_int_equal(n_of(d, "train") + n_of(d, "val"), n_of(d, "trainval"));
        assert_int_equal(n_of(d, "trainval") + n_of(d, "test"), n);
        assert_int_equal(n_of(d, "train800"), 800);
        assert_int_equal(n_of(d, "val200"), 200);
        assert_int_equal(n_of(d, "train800val200"), 1000);
    }
}

/* Published sizes: VTAB's table (the same rule for CIFAR-10 and Fashion-MNIST). */
static void published(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t train, val, trainval, test, n_classes, h;
    } rows[] = {{"cifar10", 45000, 5000, 50000, 10000, 10, 32},
                {"cifar100", 45000, 5000, 50000, 10000, 100, 32},
                {"fashion-mnist", 54000, 6000, 60000, 10000, 10, 28},
                {"ilsvrc2012", 1268355, 12812, 1281167, 50000, 1000, 0},
                {"caltech101", 2754, 306, 3060, 6084, 102, 0},
                {"dtd", 1880, 1880, 3760, 1880, 47, 0},
                {"flowers102", 1020, 1020, 2040, 6149, 102, 0},
                {"pets", 2944, 736, 3680, 3669, 37, 0},
                {"sun397", 76128, 10875, 87003, 21750, 397, 0},
                {"eurosat", 16200, 5400, 21600, 5400, 10, 64},
                {"resisc45", 18900, 6300, 25200, 6300, 45, 256},
                {"retinopathy", 35126, 10906, 46032, 42670, 5, 0},
                {"retinopathy-photos", 35126, 10906, 46032, 42670, 5, 0},
                {"svhn", 65931, 7326, 73257, 26032, 10, 32},
                {"smallnorb-azimuth", 24300, 12150, 36450, 12150, 18, 96},
                {"smallnorb-elevation", 24300, 12150, 36450, 12150, 9, 96},
                {"dsprites-location", 589824, 73728, 663552, 73728, 16, 64},
                {"dsprites-orientation", 589824, 73728, 663552, 73728, 16, 64},
                {"patch-camelyon", 262144, 32768, 294912, 32768, 2, 96},
                {"clevr-count", 63000, 7000, 70000, 15000, 8, 320},
                {"clevr-distance", 63000, 7000, 70000, 15000, 6, 320},
                {"dmlab", 65550, 22628, 88178, 22735, 6, 360},
                {"kitti-distance", 6347, 423, 6770, 711, 4, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct dataset_desc *d = dataset_find(rows[i].name, NULL);
        assert_non_null(d);
        assert_int_equal(n_of(d, "train"), rows[i].train);
        assert_int_equal(n_of(d, "val"), rows[i].val);
        assert_int_equal(n_of(d, "trainval"), rows[i].trainval);
        assert_int_equal(n_of(d, "test"), rows[i].test);
        assert_int_equal(d->n_classes, rows[i].n_classes);
        assert_int_equal(d->h, rows[i].h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(found),
        cmocka_unit_test(sources),
        cmocka_unit_test(classes),
        cmocka_unit_test(splits),
        cmocka_unit_test(published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
