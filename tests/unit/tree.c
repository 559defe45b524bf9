/* tar: and folder: on archives, WebDataset pairs and Hugging Face's imagefolder: ids, labels and
 * pixels against what the webdataset package and Pillow make of the same files; broken ones. */
#include "tests/unit/dataset_truth.h"

#include "datasets/transform.h"
#include "harness/base/tensor.h"

static char own[300]; /* own.tar.gz, unpacked */

static int unpack(void **state)
{
    (void)state;
    work_dir(own);
    shell("tar -xzf " FIXTURES "/own.tar.gz -C %s", own);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    shell("rm -rf %s", own);
    return 0;
}

/* SHA-256 of the pixels [h, w, 3]. */
static void pixel_hash(const struct split *s, size_t i, char hex[HASH_SHA256_HEX])
{
    struct sample_buf buf = {0};
    struct transform_scratch scratch = {0};
    struct sample sample;
    struct image im;
    struct err e = {0};
    if (split_read(s, i, &buf, &sample, &e) || decode_sample(&sample, "pil", &scratch, &im, &e)) {
        fail_msg("%s", e.text);
    }
    uint8_t *rgb = malloc(im.h * im.w * 3);
    assert_non_null(rgb);
    for (size_t k = 0; k < im.h * im.w * 3; k++) {
        rgb[k] = im.data[im.c == 3 ? k : k / 3];
    }
    sha256_hex(rgb, im.h * im.w * 3, hex);
    free(rgb);
    free(buf.data);
    transform_scratch_release(&scratch);
}

/* Columns of a table of truth. */
struct columns {
    size_t id, label, hash, split; /* split 0: every row */
};

static void check_split(const struct dataset *d, const char *name, const struct tsv *t,
                        struct columns c, const char *only)
{
    struct split s = must_split(d, name);
    size_t n = 0;
    for (size_t k = 0; k < t->n; k++) {
        n += !c.split || !strcmp(t->cell[k][c.split - 1], only);
    }
    assert_int_equal(s.n, n);
    for (size_t i = 0; i < s.n; i++) {
        char id[DATASET_ID], hex[HASH_SHA256_HEX];
        size_t k = 0;
        split_id(&s, i, id);
        while (k < t->n && (strcmp(t->cell[k][c.id], id) ||
                            (c.split && strcmp(t->cell[k][c.split - 1], only)))) {
            k++;
        }
        if (k == t->n) {
            fail_msg("%s: %s is not expected", name, id);
        }
        assert_int_equal(s.label[i], atoi(t->cell[k][c.label]));
        pixel_hash(&s, i, hex);
        assert_string_equal(hex, t->cell[k][c.hash]);
    }
    split_close(&s);
}

static void check_pairs(const char *name, bool test)
{
    static struct tsv t;
    char path[400];
    struct dataset *d = must_open(name, "", false);
    assert_int_equal(d->n_classes, 5);
    snprintf(path, sizeof path, "%s/wds/expected.train.tsv", own);
    tsv_read(&t, path);
    check_split(d, "trainval", &t, (struct columns){1, 2, 3, 0}, NULL);
    tsv_free(&t);
    if (test) {
        snprintf(path, sizeof path, "%s/wds/expected.test.tsv", own);
        tsv_read(&t, path);
        check_split(d, "test", &t, (struct columns){1, 2, 3, 0}, NULL);
        tsv_free(&t);
        assert_string_equal(dataset_class_name(d, 4), "four"); /* classnames.txt */
    }
    dataset_close(d);
}

static void pairs(void **state)
{
    (void)state;
    char name[400];
    snprintf(name, sizeof name, "tar:%s/wds", own);
    check_pairs(name, true);
    snprintf(name, sizeof name, "tar:%s/wds/train", own);
    check_pairs(name, false);
    snprintf(name, sizeof name, "tar:%s/wds/train/{0..2}.tar", own);
    check_pairs(name, false);
    /* Splits by the shards' names, in braces of both kinds, with zeros in front. */
    shell("cd %s && mkdir named && for i in 0 1 2; do cp wds/train/$i.tar named/x-train-00$i.tar; "
          "done && cp wds/test/0.tar named/x-test-000.tar && cp wds/classnames.txt named",
          own);
    snprintf(name, sizeof name, "tar:%s/named", own);
    check_pairs(name, true);
    snprintf(name, sizeof name, "tar:%s/named/x-{train,validation}-{000..002}.tar", own);
    assert_int_equal(open_error(name, "").code, ERR_ABSENT);
    shell("cd %s/named && for i in 0 1 2; do mv x-test-000.tar x-test.tar; gzip x-train-00$i.tar; "
          "done 2>/dev/null; ls | grep -q gz",
          own);
    snprintf(name, sizeof name, "tar:%s/named", own); /* packed ones too */
    check_pairs(name, true);
}

/* Members against their SHA-256, whichever dialect they come from. */
static void check_members(const char *file, const char *prefix, size_t n_expected)
{
    static struct tsv t;
    static const char *const splits[] = {"trainval", "test"};
    char name[400];
    size_t n = 0;
    snprintf(name, sizeof name, "%s/tar/expected_members.tsv", own);
    tsv_read(&t, name);
    snprintf(name, sizeof name, "%s:%s/tar/%s", prefix, own, file);
    struct dataset *d = must_open(name, "", true);
    for (size_t k = 0; k < 2; k++) {
        struct split s = must_split(d, splits[k]);
        for (size_t i = 0; i < s.n; i++, n++) {
            char id[DATASET_ID], member[DATASET_ID + 8], hex[HASH_SHA256_HEX];
            struct sample_buf buf = {0};
            struct sample sample;
            struct err e = {0};
            size_t row = 0;
            split_id(&s, i, id);
            snprintf(member, sizeof member, "%s/%s", k ? "test" : "train", id);
            while (row < t.n && strcmp(t.cell[row][0], member)) {
                row++;
            }
            if (row == t.n || split_read(&s, i, &buf, &sample, &e)) {
                fail_msg("%s: %s", member, e.text);
            }
            sha256_hex(sample.bytes, sample.n, hex);
            assert_string_equal(hex, t.cell[row][2]);
            free(buf.data);
        }
        split_close(&s);
    }
    assert_int_equal(n, n_expected);
    dataset_close(d);
    tsv_free(&t);
}

static void class_folders(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t n;
    } cases[] = {
        {"folder_gnu.tar", 49},     /* with a long name */
        {"folder_pax.tar", 49},     /* the same */
        {"folder_ustar.tar.gz", 42} /* ASCII names only, below one folder */
        ,
        {"folder.zip", 48},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check_members(cases[i].file, "tar", cases[i].n);
        check_members(cases[i].file, "folder", cases[i].n);
    }
    /* The container does not show. */
    char name[400];
    snprintf(name, sizeof name, "tar:%s/tar/folder.zip", own);
    struct dataset *zip = must_open(name, "", false);
    struct dataset *folder = must_open("folder:" FIXTURES "/folder", "", false);
    assert_string_equal(zip->fingerprint, folder->fingerprint);
    dataset_close(zip);
    dataset_close(folder);
}

static void metadata(void **state)
{
    (void)state;
    static struct tsv t;
    char name[400];
    snprintf(name, sizeof name, "%s/hf_imagefolder/expected.tsv", own);
    tsv_read(&t, name);
    snprintf(name, sizeof name, "folder:%s/hf_imagefolder", own);
    struct dataset *d = must_open(name, "", false);
    assert_int_equal(d->n_classes, 3);
    check_split(d, "trainval", &t, (struct columns){2, 3, 4, 1}, "train");
    check_split(d, "test", &t, (struct columns){2, 3, 4, 1}, "test");
    dataset_close(d);
    tsv_free(&t);
}

/* Files made (their content is their name, or what follows '='), and what an error mentions; ""
 * where it opens, then classes and images in train and test follow in splits. */
static void metadata_forms(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *mentions, *classes;
        size_t trainval, test;
    } cases[] = {
        /* Metadata go before the names of folders; what has no row is left alone. */
        {"mkdir cat dog; : >cat/1.png; : >dog/2.png; : >3.png; "
         "printf 'file_name,label\\ncat/1.png,x\\n3.png,y\\n' >metadata.csv",
         "", "x y", 2, 0},
        /* Above the split folders. */
        {"mkdir train test; : >train/1.png; : >test/1.png; "
         "printf 'label,file_name\\n0,train/1.png\\n2,test/1.png\\n' >metadata.csv",
         "", "0 1 2", 1, 1},
        {"mkdir -p data/train data/test; : >data/train/1.png; : >data/test/1.png; "
         "echo '{\"file_name\": \"1.png\", \"class\": \"b\"}' >data/train/metadata.jsonl; "
         "echo '{\"file_name\": \"./1.png\", \"class\": \"a\"}' >data/test/metadata.jsonl",
         "", "a b", 1, 1},
        {": >1.png; printf 'file_name,label\\n1.png,-1\\n' >metadata.csv",
         "metadata.csv, line 2, label -1 not in", "", 0, 0},
        {": >1.png; printf 'file_name,label\\n2.png,1\\n' >metadata.csv",
         "metadata.csv, line 2, 2.png is not there", "", 0, 0},
        {": >1.png; printf 'file_name,label\\n1.png,1\\n1.png,1\\n' >metadata.csv",
         "metadata.csv, line 3, 1.png: a second time", "", 0, 0},
        {": >1.png; printf 'file_name,label\\n1.png\\n' >metadata.csv",
         "metadata.csv, line 2, 1 fields, 2 in the header", "", 0, 0},
        {": >1.png; printf 'file_name,text\\n1.png,x\\n' >metadata.csv",
         "metadata.csv, no column label", "", 0, 0},
        {": >1.png; printf 'name,label\\n1.png,x\\n' >metadata.csv",
         "metadata.csv, no column file_name", "", 0, 0},
        {": >1.png; printf 'file_name,label\\n' >metadata.csv", "metadata.csv, no image", "", 0, 0},
        {": >1.png; : >metadata.csv", "metadata.csv, no header", "", 0, 0},
        {": >1.png; printf 'file_name,label\\n\"1.png,x\\n' >metadata.csv", "metadata.csv, line 2",
         "", 0, 0},
        {": >1.png; printf 'file_name,label\\n../1.png,x\\n' >metadata.csv",
         "../1.png is not there", "", 0, 0},
        {": >1.png; printf '{\"file_name\": \"1.png\"}' >metadata.jsonl",
         "metadata.jsonl, line 1, no label", "", 0, 0},
        {": >1.png; printf '\\n{\"file_name\": \"1.png\", \"label\": 1.5}' >metadata.jsonl",
         "metadata.jsonl, line 2, neither a whole number nor a string", "", 0, 0},
        {": >1.png; printf '{\"file_name\": 1, \"label\": 1}' >metadata.jsonl",
         "metadata.jsonl, line 1, no string file_name", "", 0, 0},
        {": >1.png; printf '{\"file_name\"' >metadata.jsonl", "metadata.jsonl, line 1", "", 0, 0},
        {": >1.png; : >metadata.jsonl; : >metadata.csv", "metadata.jsonl beside metadata.csv", "",
         0, 0},
        {": >1.png; : >metadata.parquet", "metadata.parquet, .csv and .jsonl can be read", "", 0,
         0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char dir[256], name[300], joined[64] = "";
        work_dir(dir);
        shell("cd %s; %s", dir, cases[i].command);
        snprintf(name, sizeof name, "folder:%s", dir);
        if (cases[i].mentions[0]) {
            assert_mentions(open_error(name, "").text, cases[i].mentions);
        } else {
            struct dataset *d = must_open(name, "", false);
            for (size_t c = 0; c < d->n_classes; c++) {
                strcat(strcat(joined, c ? " " : ""), dataset_class_name(d, c));
            }
            assert_string_equal(joined, cases[i].classes);
            assert_int_equal(d->n[0], cases[i].trainval);
            assert_int_equal(d->n[2], cases[i].test);
            dataset_close(d);
        }
        shell("rm -r %s", dir);
    }
}

static void broken(void **state)
{
    (void)state;
    static struct tsv t;
    char name[400];
    size_t n = 0;
    snprintf(name, sizeof name, "%s/bad/index.tsv", own);
    tsv_read(&t, name);
    for (size_t i = 0; i < t.n; i++) {
        snprintf(name, sizeof name, "tar:%s/bad/%s", own, t.cell[i][0]);
        if (!strcmp(t.cell[i][0], "tar/zero_byte_image.tar")) { /* opens; the image does not */
            struct dataset *d = must_open(name, "", false);
            dataset_close(d);
            continue;
        }
        assert_mentions(open_error(name, "").text, t.cell[i][3]);
        n++;
    }
    assert_int_equal(n, 14);
    tsv_free(&t);
}

/* Archives as people have them by accident: commands in a folder, what stands behind tar:FOLDER,
 * what the error mentions. */
static void broken_shards(void **state)
{
    (void)state;
    static const struct {
        const char *command, *path, *mentions;
    } cases[] = {
        {"true", "", "no .tar, .tar.gz, .tgz or .zip in it"},
        {"true", "/none.tar", "none.tar"},
        {"echo text >x.tar", "/x.tar", "x.tar"},
        {": >x.tar", "/x.tar", "empty file"},
        {"echo 1 >a.cls; : >a.png; tar -cf x-train-test.tar a.*", "", "the name says two splits"},
        {"echo 1 >a.cls; : >a.png; tar -cf 0.tar a.*; cp 0.tar 1.tar", "",
         "duplicate key a in, 0.tar, 1.tar"},
        {"echo -1 >a.cls; : >a.png; tar --sort=name -cf x.tar a.cls a.png", "",
         "x.tar, a.cls at offset 512, label -1 not in 0.."},
        {"echo 5 >a.cls; : >a.png; tar -cf x.tar a.cls a.png; printf 'u\\nv\\n' >classnames.txt", "",
         "a.cls at offset 512, label 5 not in 0..1"},
        {"echo '{\"label\": \"x\"}' >a.json; : >a.png; tar -cf x.tar a.json a.png", "",
         "a.json at offset 512, no whole number"},
        {"echo '{' >a.json; : >a.png; tar -cf x.tar a.json a.png", "", "a.json at offset 512"},
        {"echo a dog >a.txt; : >a.png; tar -czf x.tar.gz a.txt a.png", "", "a.txt, 'a dog'"},
        {"echo 1 >a.cls; : >a.webm; tar -cf x.tar a.cls a.webm", "",
         "a.cls at offset 512, no image in sample a, .cls, .webm"},
        {"echo 1 >a.cls; ln -s b a.png; tar -cf x.tar a.cls a.png", "", "a.png is a link"},
        {"echo 1 >a.cls; : >a.png; tar -cf 0.tar a.cls a.png; echo 2 >nshards.txt", "",
         "nshards.txt says 2 archives, 1"},
        {"echo 1 >a.cls; : >a.png; tar -cf 0.tar a.cls a.png; echo x >nshards.txt", "",
         "nshards.txt, 'x' is no number"},
        {"echo 1 >a.cls; : >a.png; tar -cf 0.tar a.cls a.png; "
         "echo '{\"splits\": {\"train\": {\"filenames\": [\"0.tar\", \"1.tar\"]}}}' >_info.json",
         "", "_info.json names 1.tar, not there"},
        {"true", "/{0..3.tar", "a brace without its end"},
        {"true", "/{3..0}.tar", "FROM..TO"},
        {"true", "/{0..99999999}.tar", "FROM..TO"},
        {"true", "/{0..999}{0..999}{0..9}.tar", "more than 65536 archives"},
        {"true", "/{a,b}.tar", "a.tar"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char dir[256], name[400];
        struct err e = {0};
        struct dataset *d;
        work_dir(dir);
        shell("cd %s; %s", dir, cases[i].command);
        snprintf(name, sizeof name, "tar:%s%s", dir, cases[i].path);
        if (!dataset_open(&d, name, &(struct dataset_dirs){0}, &e)) {
            fail_msg("%s: opened", cases[i].command);
        }
        assert_mentions(e.text, cases[i].mentions);
        shell("rm -r %s", dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs),
        cmocka_unit_test(class_folders),
        cmocka_unit_test(metadata),
        cmocka_unit_test(metadata_forms),
        cmocka_unit_test(broken),
        cmocka_unit_test(broken_shards),
    };
    return cmocka_run_group_tests(tests, unpack, clean);
}
