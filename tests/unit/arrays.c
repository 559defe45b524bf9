/* The sets that come as arrays or records: what TFDS's own builders made of the same files (keys,
 * order, labels, pixels), VTAB's splits of them, label rules value by value, damaged files.
 * Usage: arrays [DIR], a folder in the form of FIXTURES/arrays. */
#include "tests/unit/dataset_truth.h"

#include <unistd.h>
#include "datasets/label_rule.h"
#include "datasets/source.h"
#include "datasets/codec/codec.h"

static const char *root = FIXTURES "/arrays";

/* A set's files, its tables of truth and the rows that read it. */
static const struct set {
    const char *name;
    struct {
        const char *row;
        size_t label; /* which of the labels in the table */
    } rows[2];
    const char *splits[3]; /* of TFDS, in the order of the row's salts */
} sets[] = {
    {"svhn_cropped", {{"svhn", 0}}, {"train", "test"}},
    {"smallnorb", {{"smallnorb-azimuth", 0}, {"smallnorb-elevation", 1}}, {"train", "test"}},
    {"dsprites", {{"dsprites-location", 0}, {"dsprites-orientation", 1}}, {"train"}},
    {"patch_camelyon", {{"patch-camelyon", 0}}, {"train", "validation", "test"}},
    {"clevr", {{"clevr-count", 0}, {"clevr-distance", 1}}, {"train", "validation"}},
    {"dmlab", {{"dmlab", 0}}, {"train", "validation", "test"}},
    {"kitti", {{"kitti-distance", 0}}, {"train", "validation", "test"}},
};
enum { N_SETS = sizeof sets / sizeof *sets };

static void path_of(char path[1024], const char *folder, const char *name, const char *end)
{
    snprintf(path, 1024, "%s/%s/%s%s", root, folder, name, end);
}

/* SHA-256 of the pixels [h, w, c] as the tables have them. TFDS stores dSprites' zeros and ones;
 * that they are multiplied by 255 is VTAB's doing. */
static void sample_sha256(const struct sample *s, bool ones, size_t h, size_t w,
                          char hex[HASH_SHA256_HEX])
{
    if (ones) {
        static uint8_t bits[64 * 64];
        assert_true(s->encoding == SAMPLE_GREY && s->n == sizeof bits);
        for (size_t i = 0; i < s->n; i++) {
            assert_true(s->bytes[i] == 0 || s->bytes[i] == 255);
            bits[i] = s->bytes[i] / 255;
        }
        sha256_hex(bits, s->n, hex);
        return;
    }
    if (s->encoding != SAMPLE_FILE) {
        assert_true(s->h == h && s->w == w);
        if (s->encoding == SAMPLE_GREY || s->encoding == SAMPLE_RGB) {
            sha256_hex(s->bytes, s->n, hex);
        } else {
            pixels_sha256(s, hex);
        }
        return;
    }
    struct codec_buf buf = {0};
    struct image image;
    struct err e = {0};
    bool png = s->n > 4 && s->bytes[1] == 'P';
    if (png ? png_decode(s->bytes, s->n, CODEC_PIL, &buf, &image, &e)
            : jpeg_decode(s->bytes, s->n, &(struct jpeg_how){.style = CODEC_PIL}, &buf, &image, &e)) {
        fail_msg("%s", e.text);
    }
    assert_true(image.h == h && image.w == w);
    sha256_hex(buf.data, h * w * image.c, hex);
    free(buf.data);
}

/* One source split against its table. */
static size_t check_source_split(const struct dataset *d, size_t split, size_t label,
                                 const char *path)
{
    static struct tsv t;
    struct sample_buf buf = {0};
    struct err e = {0};
    tsv_read(&t, path);
    assert_int_equal(d->n[split], t.n);
    for (size_t i = 0; i < t.n; i++) {
        size_t row = d->order[split][i];
        char key[DATASET_ID], hex[HASH_SHA256_HEX];
        struct sample s;
        dataset_key(d, split, row, key);
        assert_string_equal(key, t.cell[i][1]);
        const char *text = t.cell[i][2];
        for (size_t k = 0; k < label; k++) {
            text = strchr(text, ',') + 1;
        }
        if (d->desc->source->label(d->state, split, row) != atoi(text)) {
            fail_msg("%s %s: label %d, not %s", path, key,
                     d->desc->source->label(d->state, split, row), text);
        }
        if (d->desc->source->hint) {
            d->desc->source->hint(d->state, split, row);
        }
        if (d->desc->source->read(d->state, split, row, &buf, &s, &e)) {
            fail_msg("%s %s: %s", path, key, e.text);
        }
        assert_int_equal(s.n, d->desc->source->encoded_bytes(d->state, split, row));
        sample_sha256(&s, !strncmp(d->name, "dsprites", 8), (size_t)atoi(t.cell[i][3]),
                      (size_t)atoi(t.cell[i][4]), hex);
        assert_string_equal(hex, t.cell[i][t.cell[i][7][0] ? 7 : 6]);
    }
    free(buf.data);
    tsv_free(&t);
    return t.n;
}

static void check_vtab(const struct dataset *d, const char *task, const char *path)
{
    static struct tsv t;
    tsv_read(&t, path);
    struct split s = {0};
    size_t at = 0, n = 0;
    for (size_t i = 0; i < t.n; i++) {
        if (strcmp(t.cell[i][0], task) && strcmp(t.cell[i][0], "label")) {
            continue;
        }
        if (!n || strcmp(s.text, t.cell[i][1])) {
            assert_true(!n || at == s.n);
            split_close(&s);
            s = must_split(d, t.cell[i][1]);
            at = 0;
        }
        char id[DATASET_ID];
        assert_true(at < s.n);
        split_id(&s, at, id);
        assert_string_equal(id, t.cell[i][5]);
        assert_int_equal(s.label[at], atoi(t.cell[i][6]));
        at++;
        n++;
    }
    assert_true(n > 0 && at == s.n);
    split_close(&s);
    tsv_free(&t);
}

static void check_folder(const struct set *set, const char *folder)
{
    for (size_t r = 0; r < 2 && set->rows[r].row; r++) {
        const char *name = set->rows[r].row;
        struct dataset *d = must_open(name, folder, true);
        char path[1024], end[64];
        for (size_t s = 0; s < 3 && set->splits[s]; s++) {
            assert_string_equal(d->desc->salts[s], set->splits[s]);
            snprintf(end, sizeof end, ".%s.tsv", set->splits[s]);
            path_of(path, "truth", set->name, end);
            check_source_split(d, s, set->rows[r].label, path);
        }
        path_of(path, "truth", set->name, ".vtab.tsv");
        check_vtab(d, name, path);
        dataset_close(d);
    }
}

static bool known(const char *row)
{
    return dataset_find(row, NULL) != NULL;
}

static void truth(void **state)
{
    const struct set *set = *state;
    char folder[1024];
    path_of(folder, "raw", set->name, "");
    if (!known(set->rows[0].row)) {
        skip();
    }
    check_folder(set, folder);
}

/* The same from plain files where the raw ones are packed. */
static void unpacked(void **state)
{
    const struct set *set = *state;
    char dir[256], folder[1024];
    if (!known(set->rows[0].row)) {
        skip();
    }
    work_dir(dir);
    path_of(folder, "raw", set->name, "");
    shell("cp -r '%s/.' '%s' && chmod -R u+w '%s' && cd '%s' && for f in *.tar.gz; do "
          "[ ! -e $f ] || { tar xzf $f && rm $f; }; done && for f in *.gz; do "
          "[ ! -e $f ] || gunzip $f; done && for f in *.zip; do [ ! -e $f ] || "
          "{ unzip -q $f && rm $f; }; done && rm -f *.hdf5",
          folder, dir, dir, dir);
    check_folder(set, dir);
    shell("rm -r '%s'", dir);
}

/* Chunks that lie across the rows are unpacked at the first read. */
static void across(void **state)
{
    (void)state;
    char folder[1024];
    path_of(folder, "across", "", "");
    check_folder(&sets[2], folder);
}

/* One byte of an HDF5 file changed: an error with a text, or a set that can be opened. */
static void damaged(void **state)
{
    (void)state;
    static const char name[] = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5";
    char dir[256], path[1024];
    struct err e = {0};
    unsigned char *bytes;
    size_t n, n_refused = 0, n_tried = 0;
    path_of(path, "across", name, "");
    assert_int_equal(file_read(path, 0, &bytes, &n, &e), 0);
    work_dir(dir);
    for (size_t i = 0; i < n; i += i < 3000 ? 23 : 997) {
        const char *dirs[] = {dir};
        struct dataset *d;
        bytes[i] ^= 0xff;
        write_file(dir, name, bytes, n);
        bytes[i] ^= 0xff;
        e = (struct err){0};
        n_tried++;
        if (dataset_open(&d, "dsprites-location",
                         &(struct dataset_dirs){.dirs = dirs, .n = 1, .partial = true}, &e)) {
            assert_true(e.code != ERR_NONE && e.text[0]);
            n_refused++;
        }
        dataset_close(d);
    }
    assert_true(n_refused > 10 && n_refused < n_tried);
    free(bytes);
    shell("rm -r '%s'", dir);
}

static int32_t label_of(const struct label_rule *rule, const char *task, char *raw)
{
    float v[16];
    size_t n = 0;
    bool kitti = !strcmp(task, "kitti-distance");
    if (!strcmp(task, "clevr-count")) {
        return rule->label(v, (size_t)atoi(raw));
    }
    for (char *word, *rest = raw; (word = strtok_r(rest, ",;", &rest));) {
        char *colon = strchr(word, ':');
        if (kitti && strncmp(word, "Car:", 4) && strncmp(word, "Van:", 4) &&
            strncmp(word, "Truck:", 6)) {
            continue;
        }
        assert_true(n < 16);
        v[n++] = (float)atof(colon ? colon + 1 : word);
    }
    return rule->label(v, n);
}

static void rules(void **state)
{
    (void)state;
    static struct tsv t;
    char path[1024];
    path_of(path, "labels", "rules", ".tsv");
    tsv_read(&t, path);
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++) {
        char raw[512];
        const struct dataset_desc *d = dataset_find(t.cell[i][0], NULL);
        if (!d || !d->rule) {
            continue;
        }
        snprintf(raw, sizeof raw, "%s", t.cell[i][1]);
        int32_t got = label_of(d->rule, d->name, raw);
        int32_t want = !strcmp(t.cell[i][2], "error") ? -1 : atoi(t.cell[i][2]);
        if (got != want) {
            fail_msg("%s: %s: label %d, not %d", d->name, t.cell[i][1], got, want);
        }
        n++;
    }
    assert_true(n > 250);
    tsv_free(&t);
}

/* Opening or reading everything fails; e says how. False where nothing does. */
static bool fails(const char *name, const char *dir, struct err *e)
{
    const char *dirs[] = {dir};
    struct dataset *d;
    struct sample_buf buf = {0};
    bool failed = false;
    if (dataset_open(&d, name, &(struct dataset_dirs){.dirs = dirs, .n = 1, .partial = true}, e)) {
        return true;
    }
    for (size_t s = 0; s < d->desc->n_source_splits; s++) {
        for (size_t i = 0; i < d->n[s] && !failed; i++) {
            struct sample sample;
            failed = d->desc->source->read(d->state, s, i, &buf, &sample, e) != 0;
        }
    }
    free(buf.data);
    dataset_close(d);
    return failed;
}

static void bad(void **state)
{
    (void)state;
    static struct tsv t;
    char path[1024];
    path_of(path, "bad", "index", ".tsv");
    tsv_read(&t, path);
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++) {
        struct err e = {0};
        char dir[256];
        const struct set *set = NULL;
        for (size_t k = 0; k < N_SETS; k++) {
            for (size_t r = 0; r < 2 && sets[k].rows[r].row; r++) {
                set = strcmp(sets[k].rows[r].row, t.cell[i][1]) ? set : &sets[k];
            }
        }
        if (!set || !known(t.cell[i][1])) {
            continue;
        }
        work_dir(dir);
        char *slash = strchr(t.cell[i][0], '/');
        /* A bad folder has the files that differ from the good ones. */
        shell("cp -r '%s/raw/%s/.' '%s' && rm -f '%s'/*.hdf5 && chmod -R u+w '%s' && "
              "cp -r '%s/bad/%.*s/.' '%s'",
              root, set->name, dir, dir, dir, root, (int)(slash - t.cell[i][0]), t.cell[i][0], dir);
        if (!fails(t.cell[i][1], dir, &e)) {
            fail_msg("%s: nothing wrong found", t.cell[i][0]);
        }
        print_message("# %s: %s\n", t.cell[i][0], e.text);
        assert_true(e.code == ERR_FORMAT || e.code == ERR_LIMIT);
        assert_mentions(e.text, t.cell[i][3]);
        shell("rm -rf '%s'", dir);
        n++;
    }
    assert_true(n > 0);
    tsv_free(&t);
}

int main(int argc, char **argv)
{
    enum { N_PLAIN = 4 };
    struct CMUnitTest tests[2 * N_SETS + N_PLAIN] = {cmocka_unit_test(rules), cmocka_unit_test(bad),
                                                     cmocka_unit_test(across),
                                                     cmocka_unit_test(damaged)};
    char names[2 * N_SETS][64];
    root = argc > 1 ? argv[1] : root;
    for (size_t i = 0; i < 2 * N_SETS; i++) {
        const void *set = &sets[i / 2];
        snprintf(names[i], sizeof names[i], "%s %s", sets[i / 2].name, i % 2 ? "unpacked" : "raw");
        tests[N_PLAIN + i] =
            (struct CMUnitTest){.name = names[i], .test_func = i % 2 ? unpacked : truth};
        memcpy(&tests[N_PLAIN + i].initial_state, &set, sizeof set);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
