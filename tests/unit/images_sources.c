/* The sets of image files: against what TFDS and VTAB make of the same archives, packed and
 * unpacked; decoded pixels against Pillow's; and archives that are damaged or not what they
 * claim. */
#include "tests/unit/dataset_truth.h"

#include "datasets/transform.h"

#define IMAGES FIXTURES "/images"

static const struct {
    const char *name, *folder; /* of the row, of the fixtures */
    const char *splits[4];     /* ours for the source splits, in order */
    const char *unpack;        /* a shell command that leaves folders instead of archives */
    bool other_size;           /* TFDS stores images of another size than the files' */
} sets[] = {
    {"eurosat", "eurosat", {"train+val+test"}, "unzip -q EuroSAT.zip && rm EuroSAT.zip", false},
    {"resisc45",
     "resisc45",
     {"train+val+test"},
     "unzip -q NWPU-RESISC45.zip && rm NWPU-RESISC45.zip",
     false},
    {"dtd", "dtd", {"train", "val", "test"}, "tar xzf dtd-r1.0.1.tar.gz && rm *.gz", false},
    {"pets",
     "oxford_iiit_pet",
     {"trainval", "test"},
     "tar xzf images.tar.gz && tar xzf annotations.tar.gz && rm *.gz",
     false},
    {"flowers102",
     "oxford_flowers102",
     {"train", "val", "test"},
     "tar xzf 102flowers.tgz && rm *.tgz",
     false},
    {"sun397", "sun397", {"train", "val", "test"}, "tar xzf SUN397.tar.gz && rm *.gz", true},
    {"caltech101",
     "caltech101",
     {"trainval", "test"},
     "rm 101_ObjectCategories.tar.gz", /* leaves the zip with the tar inside */
     false},
    {"ilsvrc2012",
     "imagenet2012",
     {"trainval", "test"},
     "mkdir val train && tar xf ILSVRC2012_img_val.tar -C val && "
     "tar xf ILSVRC2012_img_train.tar && for t in n*.tar; do mkdir train/${t%.tar} && "
     "tar xf $t -C train/${t%.tar}; done && rm *.tar && tar xzf *.tar.gz && rm *.tar.gz",
     false},
    {"retinopathy-photos",
     "diabetic_retinopathy_detection",
     {"train", "val", "test"},
     "true",
     true},
};

static void check_split(const struct split *s, const char *path, bool other_size)
{
    static struct tsv t;
    struct sample_buf buf = {0};
    struct transform_scratch scratch = {0};
    struct err e = {0};
    tsv_read(&t, path);
    assert_int_equal(s->n, t.n);
    for (size_t i = 0; i < t.n; i++) {
        char id[DATASET_ID], hex[HASH_SHA256_HEX];
        struct sample sample;
        struct image image;
        split_id(s, i, id);
        assert_string_equal(id, t.cell[i][1]);
        assert_int_equal(s->label[i], atoi(t.cell[i][2]));
        if (split_read(s, i, &buf, &sample, &e) ||
            decode_sample(&sample, "pil", &scratch, &image, &e)) {
            fail_msg("%s: %s", id, e.text);
        }
        if (!other_size) {
            assert_int_equal(image.h, atoi(t.cell[i][3]));
            assert_int_equal(image.w, atoi(t.cell[i][4]));
        }
        uint8_t *rgb = malloc(image.h * image.w * 3);
        assert_non_null(rgb);
        for (size_t k = 0; k < image.h * image.w * 3; k++) {
            rgb[k] = image.data[image.c == 3 ? k : k / 3];
        }
        sha256_hex(rgb, image.h * image.w * 3, hex);
        free(rgb);
        if (strcmp(hex, t.cell[i][6])) {
            fail_msg("%s, %s: other pixels than Pillow's", path, id);
        }
    }
    free(buf.data);
    transform_scratch_release(&scratch);
    tsv_free(&t);
}

static void check_vtab(const struct dataset *d, const char *folder)
{
    static struct tsv t; /* task, split, position, TFDS split, TFDS position, key, label */
    char path[256];
    snprintf(path, sizeof path, IMAGES "/truth/%s.vtab.tsv", folder);
    if (!file_exists(path)) {
        return; /* ILSVRC-2012 */
    }
    size_t n_splits = 0;
    tsv_read(&t, path);
    for (size_t i = 0; i < t.n; n_splits++) {
        const char *split = t.cell[i][1];
        struct split s = must_split(d, split);
        for (size_t k = 0; k < s.n; k++, i++) {
            char id[DATASET_ID];
            split_id(&s, k, id);
            assert_true(i < t.n);
            assert_string_equal(t.cell[i][1], split);
            assert_int_equal(atoi(t.cell[i][2]), k);
            assert_string_equal(id, t.cell[i][5]);
            assert_int_equal(s.label[k], atoi(t.cell[i][6]));
        }
        assert_true(i == t.n || strcmp(t.cell[i][1], split));
        split_close(&s);
    }
    assert_int_equal(n_splits, 7);
    tsv_free(&t);
}

/* Opens the set in dir and holds it to its tables. The fingerprint is returned. */
static void check_set(size_t k, const char *dir, char fingerprint[HASH_SHA256_HEX])
{
    struct dataset *d = must_open(sets[k].name, dir, true);
    size_t n_source = d->desc->n_source_splits;
    for (size_t i = 0; i < n_source; i++) {
        char path[256];
        struct split s = must_split(d, sets[k].splits[i]);
        snprintf(path, sizeof path, IMAGES "/truth/%s.%s.tsv", sets[k].folder, d->desc->salts[i]);
        check_split(&s, path, sets[k].other_size);
        split_close(&s);
    }
    check_vtab(d, sets[k].folder);
    assert_true(d->partial);
    memcpy(fingerprint, d->fingerprint, HASH_SHA256_HEX);
    dataset_close(d);
}

/* A set's files in a new folder. */
static void take_set(const char *folder, char dir[256])
{
    work_dir(dir);
    if (!strcmp(folder, "imagenet2012")) {
        shell("tar xzf " IMAGES "/raw/%s.tar.gz -C %s --strip-components=1", folder, dir);
    } else {
        shell("cp -r " IMAGES "/raw/%s/. %s", folder, dir);
    }
}

/* Every set as it is given out, then unpacked; both have one fingerprint. */
static void truth(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(sets); k++) {
        char dir[256], packed[HASH_SHA256_HEX], unpacked[HASH_SHA256_HEX];
        take_set(sets[k].folder, dir);
        check_set(k, dir, packed);
        shell("cd %s && %s", dir, sets[k].unpack);
        check_set(k, dir, unpacked);
        assert_string_equal(packed, unpacked);
        shell("rm -r %s", dir);
    }
}

/* Opens and reads everything; the first error that is not about the number of images, or none. */
static struct err read_all(const char *name, const char *dir)
{
    struct err e = {0}, few = {0};
    const char *dirs[] = {dir};
    struct dataset *d;
    struct sample_buf buf = {0};
    if (dataset_open(&d, name, &(struct dataset_dirs){.dirs = dirs, .n = 1, .partial = true}, &e)) {
        return e;
    }
    struct dataset *whole;
    if (!dataset_open(&whole, name, &(struct dataset_dirs){.dirs = dirs, .n = 1, .partial = false},
                      &few)) {
        fail_msg("%s in %s: opened as a whole", name, dir);
    }
    if (!strstr(few.text, "official number")) {
        dataset_close(d);
        return few;
    }
    for (size_t s = 0; s < d->desc->n_source_splits; s++) {
        for (size_t i = 0; i < d->n[s] && !e.code; i++) {
            struct sample sample;
            if (d->desc->source->read(d->state, s, i, &buf, &sample, &e)) {
                assert_int_not_equal(e.code, ERR_NONE);
            }
        }
    }
    free(buf.data);
    dataset_close(d);
    return e;
}

static void bad(void **state)
{
    (void)state;
    static struct tsv t; /* path, row, what is wrong, what an error mentions */
    char work[256], dir[1024];
    work_dir(work);
    shell("tar xzf " IMAGES "/bad.tar.gz -C %s --strip-components=1", work);
    snprintf(dir, sizeof dir, "%s/index.tsv", work);
    tsv_read(&t, dir);
    for (size_t i = 0; i < t.n; i++) {
        snprintf(dir, sizeof dir, "%s/%.*s", work, (int)strcspn(t.cell[i][0], "/"), t.cell[i][0]);
        struct err e = read_all(t.cell[i][1], dir);
        if (!e.code) {
            fail_msg("%s: no error", t.cell[i][0]);
        }
        assert_mentions(e.text, t.cell[i][3]);
    }
    tsv_free(&t);
    shell("rm -r %s", work);
}

/* What is missing is said: the file, and what it is needed for. */
static void missing(void **state)
{
    (void)state;
    static const struct {
        const char *name, *folder, *change, *mentions;
        enum err_code code;
    } cases[] = {
        {"caltech101", "caltech101", "rm caltech101_train.txt",
         "caltech101_train.txt missing, cannot be computed, CLASS/image_NNNN.jpg", ERR_ABSENT},
        {"caltech101", "caltech101", "sed 1p caltech101_train.txt >t && mv t caltech101_train.txt",
         "caltech101_train.txt, duplicate", ERR_FORMAT},
        {"sun397", "sun397", "rm sun397_tfds_va.txt",
         "sun397_tfds_va.txt missing, tensorflow_datasets/image_classification", ERR_ABSENT},
        {"pets", "oxford_iiit_pet", "rm images.tar.gz", "images.tar.gz missing", ERR_ABSENT},
        {"flowers102", "oxford_flowers102", "rm imagelabels.mat", "imagelabels.mat missing",
         ERR_ABSENT},
        {"ilsvrc2012", "imagenet2012", "rm ILSVRC2012_devkit_t12.tar.gz",
         "ILSVRC2012_devkit_t12.tar.gz, imagenet2012_validation_labels.txt, missing", ERR_ABSENT},
        {"resisc45", "eurosat", "touch NWPU-RESISC45.rar", "NWPU-RESISC45.rar, unpack", ERR_ABSENT},
        {"retinopathy", "diabetic_retinopathy_detection", "true",
         "original photographs, btgraham-300, retinopathy-photos", ERR_ABSENT},
        {"dtd", "eurosat", "true", "no dtd-r1.0.1.tar.gz or dtd, www.robots.ox.ac.uk", ERR_ABSENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char dir[256];
        take_set(cases[i].folder, dir);
        shell("cd %s && %s", dir, cases[i].change);
        struct err e = open_error(cases[i].name, dir);
        assert_mentions(e.text, cases[i].mentions);
        assert_int_equal(e.code, cases[i].code);
        shell("rm -r %s", dir);
    }
}

/* Lists that name images which are not there: an error with the first of them, and with partial a
 * set without them. */
static void incomplete(void **state)
{
    (void)state;
    static const struct {
        const char *name, *folder, *change, *mentions;
    } cases[] = {
        {"caltech101", "caltech101", "echo Faces/image_9999.jpg >>caltech101_train.txt",
         "caltech101_train.txt, line 150, Faces/image_9999.jpg is not in, --partial"},
        {"pets", "oxford_iiit_pet",
         "tar xzf images.tar.gz && rm images.tar.gz images/p*.jpg images/P*",
         "trainval.txt, line 11, Persian_255.jpg is not in, others, the last one"},
        {"flowers102", "oxford_flowers102", "tar xzf 102flowers.tgz && rm *.tgz jpg/image_0000*",
         "setid.mat, item 0, image_00002.jpg is not in"},
        {"dtd", "dtd", "tar xzf *.gz && rm *.gz dtd/images/banded/*0068.jpg", "banded_0068.jpg"},
        {"retinopathy-photos", "diabetic_retinopathy_detection", "rm test/18346_left.jpeg",
         "retinopathy_solution.csv, line 2: 18346_left.jpeg"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char dir[256];
        const char *dirs[] = {dir};
        struct err e = {0};
        struct dataset *d;
        take_set(cases[i].folder, dir);
        d = must_open(cases[i].name, dir, true);
        size_t n = d->n[0] + d->n[1] + d->n[2];
        dataset_close(d);
        shell("cd %s && %s", dir, cases[i].change);
        if (!dataset_open(&d, cases[i].name,
                          &(struct dataset_dirs){.dirs = dirs, .n = 1, .partial = false}, &e)) {
            fail_msg("%s: opened", cases[i].name);
        }
        assert_int_equal(e.code, ERR_FORMAT);
        assert_mentions(e.text, cases[i].mentions);
        d = must_open(cases[i].name, dir, true);
        assert_true(d->n[0] + d->n[1] + d->n[2] < n + (i == 0));
        dataset_close(d);
        shell("rm -r %s", dir);
    }
}

/* All official names in one folder, beside folders of other people: every set is found. */
static void one_folder(void **state)
{
    (void)state;
    char dir[256];
    work_dir(dir);
    for (size_t k = 0; k < ARRAY_LEN(sets); k++) {
        char from[256];
        take_set(sets[k].folder, from);
        shell("cp -r %s/. %s && rm -r %s", from, dir, from);
    }
    shell("cd %s && mkdir -p jpg annotations val/x && echo {} >annotations/coco.json", dir);
    for (size_t k = 0; k < ARRAY_LEN(sets); k++) {
        dataset_close(must_open(sets[k].name, dir, true));
    }
    shell("rm -r %s", dir);
}

/* Validation labels as a list of WNIDs, and validation images in class folders, as people keep
 * them: the same labels as the development kit's. */
static void ilsvrc_labels(void **state)
{
    (void)state;
    char dir[256];
    take_set("imagenet2012", dir);
    struct dataset *kit = must_open("ilsvrc2012", dir, true);
    char list[512];
    snprintf(list, sizeof list, "%s/imagenet2012_validation_labels.txt", dir);
    FILE *f = fopen(list, "w");
    assert_non_null(f);
    const char *wnids[50000] = {0};
    struct split s = must_split(kit, "test");
    for (size_t i = 0; i < s.n; i++) {
        char id[DATASET_ID];
        split_id(&s, i, id);
        wnids[atoi(id + strlen("ILSVRC2012_val_")) - 1] = kit->desc->class_names[s.label[i]];
    }
    for (size_t i = 0; i < ARRAY_LEN(wnids); i++) {
        fprintf(f, "%s\n", wnids[i] ? wnids[i] : "n01440764");
    }
    assert_int_equal(fclose(f), 0);
    shell("rm %s/ILSVRC2012_devkit_t12.tar.gz", dir);
    struct dataset *listed = must_open("ilsvrc2012", dir, true);
    assert_string_equal(listed->fingerprint, kit->fingerprint);
    dataset_close(listed);
    shell("rm %s && mkdir %s/val && tar xf %s/ILSVRC2012_img_val.tar -C %s/val", list, dir, dir,
          dir);
    for (size_t i = 0; i < s.n; i++) {
        char id[DATASET_ID];
        const char *wnid = kit->desc->class_names[s.label[i]];
        split_id(&s, i, id);
        shell("mkdir -p %s/val/%s && mv %s/val/%s %s/val/%s", dir, wnid, dir, id, dir, wnid);
    }
    struct dataset *folders = must_open("ilsvrc2012", dir, true);
    assert_string_equal(folders->fingerprint, kit->fingerprint);
    dataset_close(folders);
    split_close(&s);
    dataset_close(kit);
    shell("rm -r %s", dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth),
        cmocka_unit_test(bad),
        cmocka_unit_test(missing),
        cmocka_unit_test(incomplete),
        cmocka_unit_test(one_folder),
        cmocka_unit_test(ilsvrc_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
