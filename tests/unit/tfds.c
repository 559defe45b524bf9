/* Directories that TFDS prepared: where they are found, which of archive and directory is read,
 * files that change or do not fit each other. What TFDS itself reads from them is held against ours
 * in tests/parity/prepared.c. */
#include "tests/unit/dataset_truth.h"

#include "harness/base/tensor.h"

static char root[256]; /* the unpacked fixture */

static int unpack(void **state)
{
    (void)state;
    work_dir(root);
    shell("tar xzf " FIXTURES "/prepared.tar.gz -C %s", root);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    shell("rm -r %s", root);
    return 0;
}

/* ---- places ---- */

static struct dataset *must_open_path(const char *below)
{
    char name[512];
    snprintf(name, sizeof name, "tfds:%s/%s", root, below);
    return must_open(name, root, true);
}

static struct err path_error(const char *below)
{
    char name[512];
    snprintf(name, sizeof name, "tfds:%s/%s", root, below);
    return open_error(name, root);
}

static void paths(void **state)
{
    (void)state;
    static const char *const good[] = {"prepared/eurosat", "prepared/eurosat/rgb",
                                       "prepared/eurosat/rgb/2.0.0", "prepared/eurosat/rgb/2.0.0/"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct dataset *d = must_open_path(good[i]);
        assert_int_equal(d->n_classes, 10);
        assert_string_equal(dataset_class_name(d, 9), "SeaLake");
        assert_int_equal(strncmp(d->subject, "tfds:eurosat-rgb-2.0.0@", 23), 0);
        dataset_close(d);
    }
    shell("cd %s/prepared/toy_shards && cp -r 1.0.0 1.10.0", root);
    assert_mentions(path_error("prepared/toy_shards").text, "2 prepared versions, 1.0.0, 1.10.0");
    shell("rm -r %s/prepared/toy_shards/1.10.0", root);
    assert_mentions(path_error("truth").text, "no dataset_info.json");
    assert_mentions(path_error("nothing").text, "nothing, no such folder");
    assert_mentions(path_error("truth/toy_features.json").text, "no such folder");
    assert_mentions(path_error("prepared").text, "prepared versions, cifar10/3.0.2");
}

/* Of several versions the oldest major's newest; those before it had another order. */
static void versions(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s/versions", root);
    shell("mkdir -p %s/tensorflow_datasets/dtd && cd %s/tensorflow_datasets/dtd && "
          "for v in 1.0.0 3.0.1 3.0.9 3.0.10 4.0.0; do cp -r %s/prepared/dtd/3.0.1 $v; done && "
          "mkdir 3.9.9 3.1",
          dir, dir, root);
    static const char *const expected[] = {"3.0.10", "3.0.9", "3.0.1", "4.0.0"};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct dataset *d = must_open("dtd", dir, true);
        assert_string_equal(strrchr(dataset_where(d), '/') + 1, expected[i]);
        shell("rm -r %s", dataset_where(d));
        dataset_close(d);
    }
    assert_mentions(open_error("dtd", dir).text, "dtd/1.0.0, older than version 3");
    shell("rm -r %s", dir);
    struct err e = open_error("dtd", "/nonexistent");
    assert_int_equal(e.code, ERR_ABSENT);
    assert_mentions(e.text, "dtd-r1.0.1.tar.gz, TFDS prepared, dtd/VERSION");
}

/* ---- which of the two ---- */

static void copy_ids(const struct dataset *d, const char *split, char *out, size_t cap)
{
    struct split s = must_split(d, split);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char id[DATASET_ID];
        split_id(&s, i, id);
        n += (size_t)snprintf(out + n, cap - n, "%s %d\n", id, s.label[i]);
        assert_true(n < cap);
    }
    split_close(&s);
}

/* The archive is read where both are there; a damaged one is an error. Ids, order, labels of both
 * are the same. */
static void archive_first(void **state)
{
    (void)state;
    static const char *const splits[] = {"train", "val", "trainval", "test", "train800val200"};
    static char raw_ids[1 << 16], ids[1 << 16];
    char dir[300];
    snprintf(dir, sizeof dir, "%s/both", root);
    shell("mkdir %s && cp -r %s/prepared/caltech101 %s/prepared/cifar10 %s && "
          "mkdir %s/caltech-101 && cp " FIXTURES "/images/raw/caltech101/* %s/caltech-101 && "
          "cp " FIXTURES "/raw/cifar-10-binary.tar.gz %s",
          dir, root, root, dir, dir, dir, dir);
    static const char *const names[] = {"caltech101", "cifar10"};
    for (size_t k = 0; k < 2; k++) {
        struct dataset *raw = must_open(names[k], dir, true);
        char prepared_dir[300];
        snprintf(prepared_dir, sizeof prepared_dir, "%s/prepared", root);
        struct dataset *prepared = must_open(names[k], prepared_dir, true);
        assert_ptr_equal(raw->source, raw->desc->source);
        assert_string_equal(prepared->source->name, "tfds");
        assert_string_equal(raw->subject, prepared->subject);
        for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
            copy_ids(raw, splits[i], raw_ids, sizeof raw_ids);
            copy_ids(prepared, splits[i], ids, sizeof ids);
            assert_string_equal(raw_ids, ids);
        }
        dataset_close(raw);
        dataset_close(prepared);
    }
    /* Without its list of training images, Caltech101 has no split but the prepared one. */
    shell("rm %s/caltech-101/caltech101_train.txt", dir);
    struct dataset *d = must_open("caltech101", dir, true);
    assert_string_equal(d->source->name, "tfds");
    dataset_close(d);
    shell("cd %s && head -c 20000 cifar-10-binary.tar.gz > x && mv x cifar-10-binary.tar.gz", dir);
    assert_mentions(open_error("cifar10", dir).text, "cifar-10-binary.tar.gz");
    shell("rm -r %s", dir);
}

/* TFDS encodes SUN397's images again, and no other set's. */
static void raw_pixels(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s/prepared", root);
    struct dataset *d = must_open("sun397", dir, true);
    assert_false(d->raw_pixels);
    dataset_close(d);
    d = must_open("sun397", FIXTURES "/images/raw/sun397", true);
    assert_true(d->raw_pixels);
    dataset_close(d);
    d = must_open("dtd", FIXTURES "/images/raw/dtd", true);
    assert_false(d->raw_pixels);
    dataset_close(d);
}

/* The task is on what TFDS makes of the photographs; these are refused, whole or not. */
static void retinopathy(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s/eyes", root);
    shell("mkdir %s && cp -r " FIXTURES "/images/raw/diabetic_retinopathy_detection/. %s", dir,
          dir);
    struct err e = open_error("retinopathy", dir);
    assert_int_equal(e.code, ERR_ABSENT);
    assert_mentions(e.text, "original photographs, btgraham-300, retinopathy-photos");
    shell("cp -r %s/prepared/diabetic_retinopathy_detection %s", root, dir);
    struct dataset *d = must_open("retinopathy", dir, true);
    assert_string_equal(d->source->name, "tfds");
    dataset_close(d);
    shell("rm %s/train/10_left.jpeg", dir);
    d = must_open("retinopathy", dir, true);
    dataset_close(d);
    d = must_open("retinopathy-photos", dir, true);
    assert_ptr_equal(d->source, d->desc->source);
    dataset_close(d);
    shell("rm -r %s", dir);
}

/* ---- tfds:PATH ---- */

static void ids_of_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path, *first;
    } cases[] = {{"prepared/toy_shards", "train/0007"}, /* its own */
                 {"prepared/caltech101", "0"},          /* names that occur twice */
                 {"prepared/fashion_mnist", "0"},       /* none */
                 {"prepared/kitti", NULL},              /* no class */
                 {"prepared/svhn_cropped", "train_000006"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (!cases[i].first) {
            assert_mentions(path_error(cases[i].path).text, "features.json, no feature is one class");
            continue;
        }
        struct dataset *d = must_open_path(cases[i].path);
        char id[DATASET_ID];
        struct split s = must_split(d, "trainval[:1]");
        split_id(&s, 0, id);
        if (strcmp(cases[i].path, "prepared/svhn_cropped") || strncmp(id, "train_", 6)) {
            assert_string_equal(id, cases[i].first);
        }
        split_close(&s);
        dataset_close(d);
    }
    assert_mentions(path_error("prepared/toy_features").text, "several, one image, mask, photo");
    assert_mentions(path_error("prepared/dsprites").text, "several, one class, label_shape");
}

/* Files that change between opening and reading. */
static void changed(void **state)
{
    (void)state;
    char file[400];
    struct sample_buf buf = {0};
    struct sample sample;
    struct err e = {0};
    struct dataset *d = must_open_path("prepared/toy_shards");
    snprintf(file, sizeof file, "%s/toy_shards-test.tfrecord-00000-of-00005", dataset_where(d));
    shell("cp %s %s.kept", file, file);
    shell("printf x | dd of=%s bs=1 seek=100 conv=notrunc status=none", file);
    assert_int_equal(d->source->read(d->state, 2, 0, &buf, &sample, &e), -1);
    assert_mentions(e.text, "00000-of-00005, record 0, offset 0, checksum of the data");
    shell("printf x >> %s", file);
    assert_int_equal(d->source->read(d->state, 2, 0, &buf, &sample, &e), -1);
    assert_mentions(e.text, "when the data set was opened");
    shell("rm %s", file);
    assert_int_equal(d->source->read(d->state, 2, 0, &buf, &sample, &e), -1);
    shell("mv %s.kept %s", file, file);
    assert_int_equal(d->source->read(d->state, 2, 0, &buf, &sample, &e), 0);
    free(buf.data);
    dataset_close(d);
}

/* Descriptions and files that do not fit each other. */
static void bad_folders(void **state)
{
    (void)state;
    static const struct {
        const char *name, *from, *change, *mentions; /* name NULL: tfds:PATH */
    } cases[] = {
        {NULL, "toy_shards/1.0.0", "echo one >> label.labels.txt", "label.labels.txt, 8 names, 7"},
        {NULL, "toy_shards/1.0.0", "rm label.labels.txt features.json", "how many classes"},
        {NULL, "toy_shards/1.0.0", "printf 'a\\000b' > label.labels.txt", "NUL"},
        {NULL, "toy_shards/1.0.0", "sed -i 's/\"train\"/\"a\"/; s/\"test\"/\"b\"/' dataset_info.json",
         "no split train, validation or test, a, b"},
        {NULL, "toy_old_info/1.0.0", "sed -i 's/120/121/' dataset_info.json",
         "120 records in split train, 121"},
        {NULL, "toy_shards/1.0.0", "rm dataset_info.json", "no dataset_info.json"},
        {"cifar10", "cifar10/3.0.2", "sed -i 's/\"cifar10\"/\"other\"/' dataset_info.json",
         "the name is other, not cifar10"},
        {"cifar10", "cifar10/3.0.2", "sed -i 's/\"numClasses\": *\"10\"/\"numClasses\": \"11\"/' features.json",
         "11 classes of label, not 10"},
        {"cifar10", "cifar10/3.0.2", "sed -i 's/\"image\"/\"picture\"/g' features.json",
         "features.json, feature image is not one image"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char dir[300], name[400];
        snprintf(dir, sizeof dir, "%s/folder", root);
        shell("mkdir -p %s/%s && cp -r %s/prepared/%s/. %s/%s && cd %s/%s && %s", dir,
              cases[i].from, root, cases[i].from, dir, cases[i].from, dir, cases[i].from,
              cases[i].change);
        snprintf(name, sizeof name, "tfds:%s/%s", dir, cases[i].from);
        assert_mentions(open_error(cases[i].name ? cases[i].name : name, dir).text,
                        cases[i].mentions);
        shell("rm -r %s", dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(versions),
        cmocka_unit_test(archive_first),
        cmocka_unit_test(raw_pixels),
        cmocka_unit_test(retinopathy),
        cmocka_unit_test(ids_of_paths),
        cmocka_unit_test(changed),
        cmocka_unit_test(bad_folders),
    };
    return cmocka_run_group_tests(tests, unpack, clean);
}
