/* Fashion-MNIST's IDX files: against what TFDS read from the same files, the installed set, and
 * files that are broken in ways that a download or a disk breaks them. */
#include "tests/unit/dataset_truth.h"

#include <unistd.h>
#include <zlib.h>

static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

static void truth(void **state)
{
    (void)state;
    struct dataset *d = must_open("fashion-mnist", FIXTURES "/idx", true);
    struct split train = must_split(d, "trainval"), test = must_split(d, "test");
    check_truth(&train, FIXTURES "/truth/fashion_mnist.train.tsv");
    check_truth(&test, FIXTURES "/truth/fashion_mnist.test.tsv");
    assert_int_equal(train.official_n, 60000);
    assert_true(d->partial && test.whole);
    /* Computed from the header's description of the bytes with Python's hashlib. */
    assert_string_equal(d->fingerprint,
                        "47388d6908e5fbfc5a19c9bbd1e2545be78649ca67d9c7ef773c9095b78ba286");
    split_close(&train);
    split_close(&test);
    dataset_close(d);
}

/* The real images, as Debian's package installs them. */
static void installed(void **state)
{
    (void)state;
    struct dataset *d = must_open("fashion-mnist", "/usr/share/datasets", false);
    const char *const expressions[] = {"trainval", "test", "train", "val"};
    const size_t counts[] = {60000, 10000, 54000, 6000};
    for (size_t k = 0; k < 4; k++) {
        struct split s = must_split(d, expressions[k]);
        size_t of_class[10] = {0};
        assert_int_equal(s.n, counts[k]);
        for (size_t i = 0; i < s.n; i++) {
            of_class[s.label[i]]++;
        }
        for (size_t c = 0; c < 10 && k < 2; c++) {
            assert_int_equal(of_class[c], counts[k] / 10);
        }
        split_close(&s);
    }
    assert_false(d->partial);
    assert_string_equal(d->subject, "fashion-mnist");
    /* Computed from the header's description of the bytes with Python's hashlib. */
    assert_string_equal(d->fingerprint,
                        "6ec086344429722a6d31b6bcf8847ec6a29111985d3b838ead9ff51f457dcfcc");
    dataset_close(d);
}

/* Plain files, in the folder where torchvision keeps them. */
static void plain(void **state)
{
    (void)state;
    char dir[256];
    work_dir(dir);
    shell("mkdir -p %s/FashionMNIST/raw", dir);
    for (size_t i = 0; i < 4; i++) {
        shell("gzip -dc " FIXTURES "/idx/%s.gz >%s/FashionMNIST/raw/%s", names[i], dir, names[i]);
    }
    struct dataset *d = must_open("fashion-mnist", dir, true);
    struct split test = must_split(d, "test");
    check_truth(&test, FIXTURES "/truth/fashion_mnist.test.tsv");
    assert_non_null(strstr(dataset_where(d), "FashionMNIST/raw"));
    split_close(&test);
    dataset_close(d);
    /* One byte less, one byte more. */
    shell("cd %s/FashionMNIST/raw && truncate -s -1 %s", dir, names[2]);
    assert_mentions(open_error("fashion-mnist", dir).text, "t10k-images-idx3-ubyte, truncated");
    shell("cd %s/FashionMNIST/raw && truncate -s +2 %s", dir, names[2]);
    assert_mentions(open_error("fashion-mnist", dir).text, "t10k-images-idx3-ubyte, bytes behind");
    shell("rm -r %s", dir);
}

/* A member of the gzip format may be followed by another one, and by nothing else. */
static void members(void **state)
{
    (void)state;
    char dir[256];
    work_dir(dir);
    shell("cp " FIXTURES "/idx/*.gz %s && cd %s && gzip -dc %s.gz >x && head -c 3000 x >a && "
          "tail -c +3001 x >b && gzip a b && cat a.gz b.gz >%s.gz",
          dir, dir, names[0], names[0]);
    struct dataset *d = must_open("fashion-mnist", dir, true);
    struct split train = must_split(d, "trainval");
    check_truth(&train, FIXTURES "/truth/fashion_mnist.train.tsv");
    split_close(&train);
    dataset_close(d);
    shell("printf junk >>%s/%s.gz", dir, names[0]);
    struct err e = open_error("fashion-mnist", dir);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_mentions(e.text, "train-images-idx3-ubyte.gz, bytes behind the end of the gzip data");
    shell("rm -r %s", dir);
}

static void missing(void **state)
{
    (void)state;
    char dir[256];
    work_dir(dir);
    struct err e = open_error("fashion-mnist", dir);
    assert_int_equal(e.code, ERR_ABSENT);
    assert_mentions(e.text, "train-images-idx3-ubyte, dataset-fashion-mnist");
    assert_mentions(e.text, dir);
    shell("cp " FIXTURES "/idx/*.gz %s && rm %s/%s.gz", dir, dir, names[3]);
    e = open_error("fashion-mnist", dir);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_mentions(e.text, "t10k-labels-idx1-ubyte, missing");
    shell("rm -r %s", dir);
}

static void broken(void **state)
{
    (void)state;
    static struct tsv t;
    size_t n = 0;
    tsv_read(&t, FIXTURES "/bad/index.tsv");
    for (size_t i = 0; i < t.n; i++) {
        char dir[256];
        if (strcmp(t.cell[i][1], "fashion-mnist")) {
            continue;
        }
        snprintf(dir, sizeof dir, FIXTURES "/bad/%s", t.cell[i][0]);
        *strrchr(dir, '/') = '\0';
        struct err e = open_error("fashion-mnist", dir);
        assert_int_equal(e.code, ERR_FORMAT);
        assert_mentions(e.text, t.cell[i][3]);
        n++;
    }
    assert_int_equal(n, 5);
    tsv_free(&t);
}

/* Counts against the official ones. */
static void counts(void **state)
{
    (void)state;
    struct err e = {0};
    struct dataset *d;
    const char *dirs[] = {FIXTURES "/idx"};
    assert_int_equal(dataset_open(&d, "fashion-mnist",
                                  &(struct dataset_dirs){.dirs = dirs, .n = 1, .partial = false},
                                  &e),
                     -1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_mentions(e.text, "22 images, 60000, --partial");
    /* More than official is refused from the header, before anything is allocated. */
    char dir[256];
    work_dir(dir);
    shell("cp " FIXTURES "/idx/*.gz %s && rm %s/%s.gz", dir, dir, names[0]);
    static const uint8_t head[16] = {0, 0, 8, 3, 0, 0, 0xea, 0x61, 0, 0, 0, 28, 0, 0, 0, 28};
    write_file(dir, names[0], head, sizeof head);
    assert_mentions(open_error("fashion-mnist", dir).text, "60001 images, official number 60000");
    static const uint8_t lies[16] = {0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28};
    write_file(dir, names[0], lies, sizeof lies);
    assert_mentions(open_error("fashion-mnist", dir).text, "dimensions announce more");
    shell("rm -r %s", dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth),
        cmocka_unit_test(installed),
        cmocka_unit_test(plain),
        cmocka_unit_test(members),
        cmocka_unit_test(missing),
        cmocka_unit_test(broken),
        cmocka_unit_test(counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
