/* CIFAR-10 and CIFAR-100 in their four forms: against what TFDS and VTAB make of the same
 * archives, and archives that are damaged or not what they claim. */
#include "tests/unit/dataset_truth.h"

#include "harness/base/tensor.h"

static const char *const forms[] = {"binary", "python"};
static const struct {
    const char *name, *stem, *folder[2], *fingerprint;
} sets[] = {
    /* Fingerprints computed from the header's description with Python's hashlib. */
    {
        .name = "cifar10",
        .stem = "cifar-10",
        .folder = {"cifar-10-batches-bin", "cifar-10-batches-py"},
        .fingerprint = "7a2f7c1e7301879d8742b2a902d8e36d7c915394cba55244423e243a12167f94",
    },
    {
        .name = "cifar100",
        .stem = "cifar-100",
        .folder = {"cifar-100-binary", "cifar-100-python"},
        .fingerprint = "e213ff3d69b5bdc2cc3d565cb0eb1034582164e36234690b6de93d6fcba4ef6f",
    },
};

static void check_vtab(const struct dataset *d, const char *name)
{
    static struct tsv t; /* task, split, position, TFDS split, TFDS position, key, label */
    char path[256];
    size_t n_splits = 0;
    snprintf(path, sizeof path, FIXTURES "/truth/%s.vtab.tsv", name);
    tsv_read(&t, path);
    for (size_t i = 0; i < t.n; n_splits++) {
        const char *split = t.cell[i][1];
        struct split s = must_split(d, split);
        for (size_t k = 0; k < s.n; k++, i++) {
            char id[DATASET_ID];
            split_id(&s, k, id);
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

static void check_set(size_t k, const char *dir)
{
    char path[256];
    struct dataset *d = must_open(sets[k].name, dir, true);
    static const char *const parts[][2] = {{"trainval", "train"}, {"test", "test"}};
    for (size_t i = 0; i < 2; i++) {
        struct split s = must_split(d, parts[i][0]);
        snprintf(path, sizeof path, FIXTURES "/truth/%s.%s.tsv", sets[k].name, parts[i][1]);
        check_truth(&s, path);
        split_close(&s);
    }
    check_vtab(d, sets[k].name);
    assert_string_equal(d->fingerprint, sets[k].fingerprint);
    assert_true(d->partial);
    dataset_close(d);
}

/* Every form alone in a folder: packed, then unpacked. */
static void truth(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(sets); k++) {
        for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
            char dir[256], archive[256];
            work_dir(dir);
            snprintf(archive, sizeof archive, "%s-%s.tar.gz", sets[k].stem, forms[f]);
            shell("cp " FIXTURES "/raw/%s %s", archive, dir);
            check_set(k, dir);
            shell("cd %s && tar xzf %s && rm %s", dir, archive, archive);
            check_set(k, dir);
            /* An archive that was only decompressed, under a folder of the set's name. */
            shell("cd %s && tar cf %s %s && mkdir %s && mv %s %s && rm -r %s", dir, archive,
                  sets[k].folder[f], sets[k].name, archive, sets[k].name, sets[k].folder[f]);
            check_set(k, dir);
            shell("rm -r %s", dir);
        }
    }
}

static void class_names(void **state)
{
    (void)state;
    struct dataset *d = must_open("cifar10", FIXTURES "/raw", true);
    assert_string_equal(dataset_class_name(d, 0), "airplane");
    assert_string_equal(dataset_class_name(d, 9), "truck");
    dataset_close(d);
    d = must_open("cifar100", FIXTURES "/raw", true);
    assert_string_equal(dataset_class_name(d, 99), "fine_99"); /* as its file says */
    dataset_close(d);
    for (size_t f = 0; f < 2; f++) { /* without the file: the official ones */
        char dir[256];
        work_dir(dir);
        shell("tar xzf " FIXTURES "/raw/cifar-100-%s.tar.gz -C %s && rm -f %s/*/meta %s/*/fine*",
              forms[f], dir, dir, dir);
        d = must_open("cifar100", dir, true);
        assert_string_equal(dataset_class_name(d, 99), "worm");
        dataset_close(d);
        shell("rm -r %s", dir);
    }
}

/* Changes the unpacked or the packed archive by a shell command, run in the folder of its files,
 * and gives the error of opening it. */
static struct err broken(size_t k, size_t form, bool packed, const char *command)
{
    char dir[256];
    const char *folder = sets[k].folder[form];
    work_dir(dir);
    shell("tar xzf " FIXTURES "/raw/%s-%s.tar.gz -C %s && cd %s/%s && %s", sets[k].stem,
          forms[form], dir, dir, folder, command);
    if (packed) {
        shell("cd %s && tar czf %s-%s.tar.gz %s && rm -r %s", dir, sets[k].stem, forms[form],
              folder, folder);
    }
    struct err e = open_error(sets[k].name, dir);
    shell("rm -r %s", dir);
    assert_int_equal(e.code, ERR_FORMAT);
    return e;
}

#define POKE(file, offset, byte) \
    "printf '" byte "' | dd of=" file " bs=1 conv=notrunc status=none seek=$((" offset "))"

static void broken_files(void **state)
{
    (void)state;
    static const struct {
        size_t set, form;
        const char *command, *mentions;
    } cases[] = {
        {0, 0, POKE("data_batch_3.bin", "2 * 3073", "\\014"),
         "data_batch_3.bin, record 2, label 12 not in 0..9"},
        {0, 0, "truncate -s -100 data_batch_3.bin",
         "data_batch_3.bin, bytes, not a multiple of 3073"},
        {0, 0, "rm data_batch_3.bin", "data_batch_3.bin missing in, cifar-10-b"},
        {0, 0, "truncate -s 200M data_batch_3.bin", "data_batch_3.bin, more than the 153650000"},
        {0, 0, "printf 'a\\nb\\n' >batches.meta.txt",
         "batches.meta.txt, 2 class names, 10 expected"},
        {0, 0, "printf 'a\\033b\\n' >batches.meta.txt", "batches.meta.txt, class name 0, 0x1b"},
        {1, 0, POKE("test.bin", "1", "\\144"), "test.bin, record 0, label 100 not in 0..99"},
        {1, 0, "rm test.bin", "test.bin missing in, cifar-100-b"},
        {0, 1, "rm test_batch", "test_batch missing in, cifar-10-"},
        {0, 1, "head -c 5000 data_batch_2 >x && mv x data_batch_2", "data_batch_2, truncated"},
        {0, 1, "cp test_batch batches.meta", "batches.meta"},
        {0, 1, "cp batches.meta data_batch_1", "data_batch_1, no array 'data'"},
        {0, 1, "sed -i s/labels/lubels/ data_batch_1", "data_batch_1, no list 'labels'"},
        {0, 1, POKE("data_batch_1", "53", "\\014"), "data_batch_1, record 1, label 12 not in 0..9"},
        {0, 1, POKE("data_batch_1", "132", "\\005"), "data_batch_1, an array of 5 x 3072 in"},
        {1, 1, "sed -i 's/numpy.core/numpy.cure/' train", "train, refused global numpy.cure"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int packed = 0; packed < 2; packed++) {
            struct err e = broken(cases[i].set, cases[i].form, packed, cases[i].command);
            assert_mentions(e.text, cases[i].mentions);
        }
    }
}

static void broken_archives(void **state)
{
    (void)state;
    static const struct {
        const char *command, *mentions;
    } cases[] = {
        {"head -c 20000 a >cifar-10-binary.tar.gz", "cifar-10-binary.tar.gz, truncated gzip"},
        {": >cifar-10-binary.tar.gz", "cifar-10-binary.tar.gz, empty file"},
        {"yes '<html>404 not found</html>' | head -n 20 >cifar-10-binary.tar.gz",
         "cifar-10-binary.tar.gz, neither gzip nor tar"},
        {"cp a cifar-10-binary.tar.gz && " /* the CRC-32 in the trailer */
         POKE("cifar-10-binary.tar.gz", "$(stat -c %s a) - 6", "\\377"),
         "cifar-10-binary.tar.gz, CRC"},
        {"gzip -dc <a | head -c 30000 >cifar-10-binary.tar.gz", "cifar-10-binary.tar.gz, tar"},
        {"gzip -dc <a >b && tar xf b && tar rf b cifar-10-batches-bin/test_batch.bin && rm -r "
         "cifar-10-batches-bin && mv b cifar-10-binary.tar.gz",
         "test_batch.bin, a second time in the archive"},
        {"mkdir cifar-10-binary.tar.gz", "cifar-10-binary.tar.gz, folder"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char dir[256];
        work_dir(dir);
        shell("cp " FIXTURES "/raw/cifar-10-binary.tar.gz %s/a && cd %s && %s", dir, dir,
              cases[i].command);
        struct err e = open_error("cifar10", dir);
        assert_int_equal(e.code, ERR_FORMAT);
        assert_mentions(e.text, cases[i].mentions);
        shell("rm -r %s", dir);
    }
    struct err e = open_error("cifar100", "/nowhere");
    assert_int_equal(e.code, ERR_ABSENT);
    assert_mentions(e.text, "/nowhere, cifar-100-binary.tar.gz, cs.toronto.edu");
}

/* A file that shrinks after opening is an error of that image, not a crash. */
static void shrinking(void **state)
{
    (void)state;
    char dir[256];
    work_dir(dir);
    shell("tar xzf " FIXTURES "/raw/cifar-10-binary.tar.gz -C %s", dir);
    struct dataset *d = must_open("cifar10", dir, true);
    struct split s = must_split(d, "test");
    struct sample_buf buf = {0};
    struct sample sample;
    struct err e = {0};
    shell("truncate -s 5000 %s/cifar-10-batches-bin/test_batch.bin", dir);
    size_t failed = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool lost = s.row[i] >= 1;
        assert_int_equal(split_read(&s, i, &buf, &sample, &e), lost ? -1 : 0);
        failed += lost;
    }
    assert_int_equal(failed, s.n - 1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_mentions(e.text, "test_batch.bin");
    free(buf.data);
    split_close(&s);
    dataset_close(d);
    shell("rm -r %s", dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth),
        cmocka_unit_test(class_names),
        cmocka_unit_test(broken_files),
        cmocka_unit_test(broken_archives),
        cmocka_unit_test(shrinking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
