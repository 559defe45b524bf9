/* folder: and list: against what torchvision and the maker of the lists say, and folders and lists
 * as people have them by accident. */
#include "tests/unit/dataset_truth.h"

#include <fcntl.h>
#include <unistd.h>
#include "harness/base/tensor.h"

/* Row of the table whose cell c is text; the test ends where there is none. */
static char *const *find_row(const struct tsv *t, size_t c, const char *text)
{
    for (size_t i = 0; i < t->n; i++) {
        if (!strcmp(t->cell[i][c], text)) {
            return t->cell[i];
        }
    }
    fail_msg("%s is not expected", text);
    return NULL;
}

/* The split must hold the images of the table, each once, in the order of md5(salt || id). */
static void check_rows(const struct split *s, const char *salt, const struct tsv *t, size_t label)
{
    unsigned char before[HASH_MD5_BYTES] = {0};
    for (size_t i = 0; i < s->n; i++) {
        char id[DATASET_ID], text[DATASET_ID + 16];
        unsigned char digest[HASH_MD5_BYTES];
        split_id(s, i, id);
        char *const *row = find_row(t, 1, id);
        assert_int_equal(s->label[i], atoi(row[label]));
        snprintf(text, sizeof text, "%s%s", salt, id);
        md5_bytes(text, strlen(text), digest);
        assert_true(memcmp(before, digest, sizeof digest) < 0);
        memcpy(before, digest, sizeof digest);
    }
}

static void folder(void **state)
{
    (void)state;
    static const char *const classes[] = {"10", "9", "B c", "Zebra",
                                          "apple", "b_c", "with space", "\303\251cole"};
    static const char *const splits[][2] = {{"trainval", "train"}, {"test", "test"}};
    struct dataset *d = must_open("folder:" FIXTURES "/folder", "", false);
    assert_int_equal(d->n_classes, ARRAY_LEN(classes));
    for (size_t c = 0; c < ARRAY_LEN(classes); c++) {
        assert_string_equal(dataset_class_name(d, c), classes[c]);
    }
    for (size_t k = 0; k < 2; k++) {
        static struct tsv t;
        char path[128];
        snprintf(path, sizeof path, FIXTURES "/folder/expected.%s.tsv", splits[k][1]);
        tsv_read(&t, path);
        struct split s = must_split(d, splits[k][0]);
        assert_int_equal(s.n, t.n);
        assert_int_equal(s.official_n, 0);
        check_rows(&s, splits[k][1], &t, 2);
        split_close(&s);
        tsv_free(&t);
    }
    /* Computed from the header's description of the bytes with Python's hashlib. */
    assert_string_equal(d->fingerprint,
                        "9f15f70c5976a0037e9927523b38dafc47a9453169837063ec6af6ea9af91286");
    dataset_close(d);
}

/* Makes files (names separated by spaces, folders as needed) with a byte in each. */
static void make_files(const char *dir, const char *names)
{
    shell("cd %s && for f in %s; do mkdir -p \"$(dirname $f)\" && printf x >$f; done", dir, names);
}

static void expect_splits(const char *name, const char *classes, size_t train, size_t val,
                          size_t trainval, size_t test)
{
    static const char *const names[] = {"train", "val", "trainval", "test"};
    const size_t expected[] = {train, val, trainval, test};
    struct dataset *d = must_open(name, "", false);
    char joined[256] = "";
    for (size_t c = 0; c < d->n_classes; c++) {
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s", c ? " " : "",
                 dataset_class_name(d, c));
    }
    assert_string_equal(joined, classes);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err e = {0};
        struct split s = {0};
        if (split_open(&s, d, names[i], &e)) {
            assert_int_equal(e.code, ERR_USAGE);
        }
        if (s.n != expected[i]) {
            fail_msg("%s of %s: %zu images, %zu expected", names[i], name, s.n, expected[i]);
        }
        split_close(&s);
    }
    dataset_close(d);
}

/* How folders are understood: files made, classes, images in train, val, trainval, test. */
static void layouts(void **state)
{
    (void)state;
    static const struct {
        const char *files, *classes;
        size_t train, val, trainval, test;
    } cases[] = {
        {"b/1.png a/1.JPG a/2.png b/2.jpeg", "a b", 4, 0, 4, 0},
        {"a/1.png a/2.png a/3.png a/4.png a/5.png a/6.png a/7.png a/8.png a/9.png a/10.png", "a",
         9, 1, 10, 0},
        {"train/a/1.png train/a/2.png validation/a/1.png test/a/1.png", "a", 2, 1, 3, 1},
        {"train/a/1.png val/a/1.png test/7.png", "a", 1, 1, 2, 0}, /* an unlabelled test set */
        {"train/1.png bus/1.png", "bus train", 2, 0, 2, 0},        /* a class named train */
        {"train/a/1.png train/a/x.txt train/b/x.txt test/a/1.png test/b/.1.png", "a", 1, 0, 1, 1},
        {"train/a/1.png notes/a/1.png readme.txt", "a", 1, 0, 1, 0},
        {"a/b/c/d/1.webp .git/1.png", "a", 1, 0, 1, 0},
        {"test/a/1.png", "a", 0, 0, 0, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char dir[256], name[300];
        work_dir(dir);
        make_files(dir, cases[i].files);
        snprintf(name, sizeof name, "folder:%s", dir);
        expect_splits(name, cases[i].classes, cases[i].train, cases[i].val, cases[i].trainval,
                      cases[i].test);
        shell("rm -r %s", dir);
    }
}

static void broken_folders(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        enum err_code code;
        const char *mentions;
    } cases[] = {
        {"true", ERR_FORMAT, "no image in a class folder"},
        {"touch 1.png", ERR_FORMAT, "no image in a class folder"},
        {"mkdir a", ERR_FORMAT, "no image in a class folder"},
        {"rmdir $PWD", ERR_ABSENT, "no such"},
        {"mkdir -p train/a train/b test/a && touch train/a/1.png train/b/1.png test/a/1.png",
         ERR_FORMAT, "class b, in train, not in test, --partial"},
        {"mkdir -p test/a test/c val/a && touch test/a/1.png val/a/1.png test/c/1.png", ERR_FORMAT,
         "class c, in test, not in val"},
        {"mkdir -p val/a validation/a && touch val/a/1.png validation/a/2.png", ERR_FORMAT,
         "val and validation"},
        {"mkdir -p a/b && ln -s ../../a a/b/c", ERR_FORMAT, "a/b/c, the folder holds itself"},
        {"mkdir a && ln -s b a/b", ERR_IO, "a/b"},
        {"mkdir a && ln -s nowhere.png a/1.png", ERR_IO, "a/1.png"},
        {"mkdir a && mkfifo a/1.png", ERR_FORMAT, "a/1.png, not a regular file"},
        {"mkdir a && touch \"a/$(printf '1\\0122').png\"", ERR_FORMAT, "control character 0x0a"},
        {"mkdir a && touch \"a/$(printf '%0254d' 1)\" && mv a/0* a/$(printf '%0250d' 1).png",
         ERR_FORMAT, "a name of 256 bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char dir[256], name[300];
        work_dir(dir);
        shell("cd %s && %s", dir, cases[i].command);
        snprintf(name, sizeof name, "folder:%s", dir);
        struct err e = {0};
        struct dataset *d;
        assert_int_equal(dataset_open(&d, name, &(struct dataset_dirs){0}, &e), -1);
        if (e.code != cases[i].code) {
            fail_msg("%s: code %d: %s", cases[i].command, e.code, e.text);
        }
        assert_mentions(e.text, cases[i].mentions);
        shell("rm -rf %s", dir);
    }
}

/* The same image by two ways is two images; only a way that comes back to itself is refused. */
static void links(void **state)
{
    (void)state;
    char dir[256], name[300];
    work_dir(dir);
    make_files(dir, "a/1.png");
    shell("cd %s && ln -s a b && ln -s 1.png a/2.png", dir);
    snprintf(name, sizeof name, "folder:%s", dir);
    expect_splits(name, "a b", 4, 0, 4, 0);
    shell("rm -r %s", dir);
}

/* A file that changed after opening no longer is what the fingerprint says. */
static void changed(void **state)
{
    (void)state;
    char dir[256], name[300];
    work_dir(dir);
    make_files(dir, "a/1.png");
    snprintf(name, sizeof name, "folder:%s", dir);
    struct dataset *d = must_open(name, "", false);
    struct split s = must_split(d, "trainval");
    struct sample_buf buf = {0};
    struct sample sample;
    struct err e = {0};
    split_hint(&s, 0);
    assert_int_equal(split_read(&s, 0, &buf, &sample, &e), 0);
    assert_int_equal(sample.n, 1);
    assert_int_equal(sample.bytes[0], 'x');
    shell("echo xx >%s/a/1.png", dir);
    assert_int_equal(split_read(&s, 0, &buf, &sample, &e), -1);
    assert_mentions(e.text, "a/1.png, 3 bytes, 1 when");
    shell("rm %s/a/1.png", dir);
    split_hint(&s, 0);
    assert_int_equal(split_read(&s, 0, &buf, &sample, &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    free(buf.data);
    split_close(&s);
    dataset_close(d);
    shell("rm -r %s", dir);
}

static void lists(void **state)
{
    (void)state;
    static struct tsv t; /* position, id, label, label of words.csv, split */
    tsv_read(&t, FIXTURES "/list/expected.tsv");
    static const struct {
        const char *file;
        size_t label, n_classes, n_train;
    } cases[] = {
        {"header.csv", 2, 4, 11},
        {"headerless.csv", 2, 4, 14},
        {"crlf_bom.csv", 2, 4, 14},
        {"words.csv", 3, 4, 14},
    };
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        char name[256];
        size_t n_train = 0;
        snprintf(name, sizeof name, "list:" FIXTURES "/list/%s", cases[k].file);
        struct dataset *d = must_open(name, "", false);
        assert_int_equal(d->n_classes, cases[k].n_classes);
        struct split s = must_split(d, "trainval");
        check_rows(&s, "train", &t, cases[k].label);
        for (size_t i = 0; i < t.n; i++) {
            n_train += cases[k].n_train == t.n || !strcmp(t.cell[i][4], "train");
        }
        assert_int_equal(s.n, n_train);
        split_close(&s);
        if (n_train < t.n) {
            s = must_split(d, "test");
            assert_int_equal(s.n, t.n - n_train);
            check_rows(&s, "test", &t, cases[k].label);
            for (size_t i = 0; i < s.n; i++) {
                char id[DATASET_ID];
                split_id(&s, i, id);
                assert_string_equal(find_row(&t, 1, id)[4], "test");
            }
            split_close(&s);
        }
        dataset_close(d);
    }
    tsv_free(&t);
    struct dataset *d = must_open("list:" FIXTURES "/list/words.csv", "", false);
    static const char *const words[] = {"Cat", "ant", "bee", "dog, small"};
    for (size_t c = 0; c < 4; c++) {
        assert_string_equal(dataset_class_name(d, c), words[c]);
    }
    dataset_close(d);
    d = must_open("list:" FIXTURES "/list/header.csv", "", false);
    assert_string_equal(dataset_class_name(d, 3), "3");
    dataset_close(d);
}

/* Lists as people write them: contents, classes, images in train, val, trainval, test. */
static void list_forms(void **state)
{
    (void)state;
    static const struct {
        const char *csv, *classes;
        size_t train, val, trainval, test;
    } cases[] = {
        {"Label,Path\n0,a.png\n2,b.png\n", "0 1 2", 2, 0, 2, 0},
        {"a.png,3\nb.png,1\n", "0 1 2 3", 2, 0, 2, 0},
        {"comment,split,label,path\n-,val,x,a.png\n-,train,x,b.png\n-,validation,y,c.png\n", "x y",
         1, 2, 3, 0},
        {"a.png,1,test\nb.png,1a,train\n", "1 1a", 1, 0, 1, 1},
        {"\"a.png\",0\n\n./b.png,1", "0 1", 2, 0, 2, 0},
    };
    char dir[256], name[300];
    work_dir(dir);
    make_files(dir, "a.png b.png c.png");
    snprintf(name, sizeof name, "list:%s/x.csv", dir);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_file(dir, "x.csv", cases[i].csv, strlen(cases[i].csv));
        expect_splits(name, cases[i].classes, cases[i].train, cases[i].val, cases[i].trainval,
                      cases[i].test);
    }
    /* Absolute paths, and a list in the current folder. */
    char csv[1024];
    int n = snprintf(csv, sizeof csv, "%s/a.png,0\n%s/b.png,1\n", dir, dir);
    write_file(dir, "x.csv", csv, (size_t)n);
    expect_splits(name, "0 1", 2, 0, 2, 0);
    int here = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(here >= 0);
    assert_int_equal(chdir(dir), 0);
    expect_splits("list:x.csv", "0 1", 2, 0, 2, 0);
    assert_int_equal(fchdir(here), 0);
    close(here);
    shell("rm -r %s", dir);
}

static void broken_lists(void **state)
{
    (void)state;
    static struct tsv t;
    size_t n = 0;
    tsv_read(&t, FIXTURES "/bad/index.tsv");
    for (size_t i = 0; i < t.n; i++) {
        char name[256];
        if (strcmp(t.cell[i][1], "list:FILE")) {
            continue;
        }
        snprintf(name, sizeof name, "list:" FIXTURES "/bad/%s", t.cell[i][0]);
        assert_mentions(open_error(name, "").text, t.cell[i][3]);
        n++;
    }
    assert_int_equal(n, 10);
    tsv_free(&t);
    static const struct {
        const char *csv, *mentions;
    } cases[] = {
        {"a.png,0,trian\n", "line 1, 'trian', did you mean 'train'"},
        {"a.png,0,\n", "line 1, split ''"},
        {"a.png,\n", "line 1, a label of 0 bytes"},
        {"a.png,1048576\n", "line 1, 1048576 not in 0..1048575"},
        {",1\n", "line 1, 0 bytes"},
        {"a.png\n", "line 1, 1 field"},
        {"a.png,0,train,x\n", "line 1, 4 fields"},
        {"path,label\na.png,0\nb.png,0,0\n", "line 3, 3 fields, 2 in the first row"},
        {"a.png,0\nc.png,0\nb.png,1\nc.png,1\na.png,0\n", "line 4, c.png, second time"},
        {"x,0\n", "line 1, not a regular file"},
        {"\"a\nb\",0\n", "line 1, control character"},
    };
    char dir[256], name[300];
    work_dir(dir);
    make_files(dir, "a.png b.png c.png x/y");
    snprintf(name, sizeof name, "list:%s/x.csv", dir);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_file(dir, "x.csv", cases[i].csv, strlen(cases[i].csv));
        assert_mentions(open_error(name, "").text, cases[i].mentions);
    }
    /* A path of 100,000 bytes. */
    static char line[100100];
    memset(line, 'a', 100000);
    memcpy(line + 100000, ".png,0\n", 8);
    write_file(dir, "x.csv", line, strlen(line));
    assert_mentions(open_error(name, "").text, "line 1, 100004 bytes");
    snprintf(name, sizeof name, "list:%s/absent.csv", dir);
    assert_int_equal(open_error(name, "").code, ERR_ABSENT);
    shell("rm -r %s", dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder),
        cmocka_unit_test(layouts),
        cmocka_unit_test(broken_folders),
        cmocka_unit_test(links),
        cmocka_unit_test(changed),
        cmocka_unit_test(lists),
        cmocka_unit_test(list_forms),
        cmocka_unit_test(broken_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
