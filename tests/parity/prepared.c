/* Directories that TFDS prepared, against what TFDS itself reads from them, over a folder with
 *   prepared/NAME[/CONFIG]/VERSION   directories
 *   truth/NAME.SPLIT.tsv             position, key, labels, height, width, channels, SHA-256 of the
 *                                    pixels as TensorFlow, Pillow of the source and Pillow of what
 *                                    is stored decode them
 *   truth/NAME.vtab.tsv              VTAB's splits: task, split, position, -, -, key, label
 *   truth/toy_*                      see toys() and values()
 *   prepared_bad/, its index.tsv     broken copies, and what an error mentions (comma-separated)
 * which is the program's argument; without one tests/fixtures/datasets/prepared.tar.gz. What is
 * not in truth/ is not compared. All comparisons are exact. */
#include "tests/parity/golden.h"

#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "tests/parity/prepared_values.h"

static struct table table;

static char *at(size_t row, size_t column)
{
    return table.cells[(row + 1) * table.n_cols + column];
}

/* The table in that file of the folder, as `table`; false where there is none. */
static bool read_table(const char *name, const char *split)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s%s.tsv", root, name, split);
    table_free(&table);
    table = (struct table){0};
    if (!file_exists(path)) {
        return false;
    }
    table = table_read(path);
    return true;
}

static struct dataset *open_set(const char *name)
{
    char data[PATH];
    const char *dirs[] = {data};
    const struct dataset_dirs where = {.dirs = dirs, .n = 1, .partial = true};
    struct dataset *d;
    snprintf(data, sizeof data, "%s/prepared", root);
    if (dataset_open(&d, name, &where, &e)) {
        check(false, "%s: %s", name, e.text);
        return NULL;
    }
    return d;
}

/* Image i of a split against a row of truth: "" or what differs. */
static const char *compare_row(const struct split *s, size_t i, size_t label_column, bool zero_one,
                               struct sample_buf *buf)
{
    char id[DATASET_ID], hex[HASH_SHA256_HEX];
    const char *labels = at(i, 2);
    struct sample sample;
    struct image img;
    split_id(s, i, id);
    for (size_t k = 0; k < label_column && labels; k++) {
        labels = strchr(labels, ',');
        labels = labels ? labels + 1 : NULL;
    }
    if (strcmp(id, at(i, 1)) != 0) {
        return "id";
    }
    if (!labels || s->label[i] != atoi(labels)) {
        return "label";
    }
    if (split_read(s, i, buf, &sample, &e) || decode_sample(&sample, "pil", &scratch, &img, &e)) {
        return e.text;
    }
    if (img.h != (size_t)atoi(at(i, 3)) || img.w != (size_t)atoi(at(i, 4))) {
        return "size";
    }
    hash_pixels(&img, (size_t)atoi(at(i, 5)), zero_one, hex);
    return strcmp(hex, at(i, 8)) ? "pixels" : "";
}

static void compare_split(const struct dataset *d, const char *folder, const char *split,
                          const char *ours, size_t label_column)
{
    struct split s;
    struct sample_buf buf = {0};
    bool zero_one = !strcmp(folder, "dsprites");
    size_t bad = 0;
    const char *what = "";
    char name[KEY];
    snprintf(name, sizeof name, "truth/%.60s.", folder);
    if (!read_table(name, split)) {
        return;
    }
    if (split_open(&s, d, ours, &e)) {
        check(false, "%s %s: %s", d->name, ours, e.text);
        return;
    }
    for (size_t i = 0; i < s.n && i < table.n_rows; i++) {
        const char *why = compare_row(&s, i, label_column, zero_one, &buf);
        what = bad || !why[0] ? what : why;
        bad += why[0] != 0;
    }
    check(!bad && s.n == table.n_rows, "%s %s: %zu of %zu images as TFDS reads them%s%s", d->name, split,
          s.n - bad, table.n_rows, bad ? ": first: " : "", what);
    free(buf.data);
    split_close(&s);
}

/* VTAB's seven splits, one behind the other. */
static void compare_vtab(const struct dataset *d, const char *folder, const char *task)
{
    size_t bad = 0, n_splits = 0;
    char name[KEY];
    snprintf(name, sizeof name, "truth/%.60s.", folder);
    if (!read_table(name, "vtab")) {
        return;
    }
    for (size_t i = 0; i < table.n_rows; n_splits++) {
        const char *split = at(i, 1);
        struct split s;
        size_t k = 0;
        if (strcmp(at(i, 0), task) != 0) {
            i++;
            n_splits--;
            continue;
        }
        if (split_open(&s, d, split, &e)) {
            check(false, "%s %s: %s", d->name, split, e.text);
            return;
        }
        for (; i < table.n_rows && !strcmp(at(i, 1), split) &&
               !strcmp(at(i, 0), task);
             i++, k++) {
            char id[DATASET_ID] = "";
            if (k < s.n) {
                split_id(&s, k, id);
            }
            bad += k >= s.n || strcmp(id, at(i, 5)) != 0 ||
                   s.label[k] != atoi(at(i, 6));
        }
        bad += k != s.n;
        split_close(&s);
    }
    check(!bad && n_splits == 7, "%s: %zu splits of VTAB, %zu rows differ", d->name, n_splits, bad);
}

static void rows(void)
{
    static const struct {
        const char *name, *folder, *task; /* of the row; of the files; in the table of VTAB */
        size_t label;                     /* which of the labels */
        const char *ours[3];              /* of each source split */
    } sets[] = {
        {"fashion-mnist", "fashion_mnist", "label", 0, {"trainval", "test"}},
        {"cifar10", "cifar10", "label", 0, {"trainval", "test"}},
        {"cifar100", "cifar100", "label", 0, {"trainval", "test"}},
        {"svhn", "svhn_cropped", "label", 0, {"trainval", "test"}},
        {"smallnorb-azimuth", "smallnorb", "smallnorb-azimuth", 0, {"train", "val+test"}},
        {"smallnorb-elevation", "smallnorb", "smallnorb-elevation", 1, {"train", "val+test"}},
        {"dsprites-location", "dsprites", "dsprites-location", 0, {"train+val+test"}},
        {"dsprites-orientation", "dsprites", "dsprites-orientation", 1, {"train+val+test"}},
        {"patch-camelyon", "patch_camelyon", "label", 0, {"train", "val", "test"}},
        {"clevr-count", "clevr", "clevr-count", 0, {"trainval", "test"}},
        {"clevr-distance", "clevr", "clevr-distance", 1, {"trainval", "test"}},
        {"dmlab", "dmlab", "label", 0, {"train", "val", "test"}},
        {"kitti-distance", "kitti", "kitti-distance", 0, {"train", "val", "test"}},
        {"ilsvrc2012", "imagenet2012", "label", 0, {"trainval", "test"}},
        {"caltech101", "caltech101", "label", 0, {"trainval", "test"}},
        {"dtd", "dtd", "label", 0, {"train", "val", "test"}},
        {"flowers102", "oxford_flowers102", "label", 0, {"train", "val", "test"}},
        {"pets", "oxford_iiit_pet", "label", 0, {"trainval", "test"}},
        {"sun397", "sun397", "label", 0, {"train", "val", "test"}},
        {"eurosat", "eurosat", "label", 0, {"train+val+test"}},
        {"resisc45", "resisc45", "label", 0, {"train+val+test"}},
        {"retinopathy", "diabetic_retinopathy_detection", "label", 0, {"train", "val", "test"}},
    };
    for (size_t k = 0; k < ARRAY_LEN(sets); k++) {
        struct dataset *d = open_set(sets[k].name);
        for (size_t s = 0; d && s < d->desc->n_source_splits; s++) {
            compare_split(d, sets[k].folder, d->desc->salts[s], sets[k].ours[s], sets[k].label);
        }
        if (d) {
            compare_vtab(d, sets[k].folder, sets[k].task);
        }
        dataset_close(d);
    }
}

/* truth/toy_shards.SPLIT.tsv: position, shard, offset, id, label, SHA-256 of the pixels. */
static void toys(void)
{
    static const char *const names[] = {"toy_shards", "toy_old_info"};
    static const char *const splits[][2] = {{"train", "trainval"}, {"test", "test"}};
    for (size_t k = 0; k < 2; k++) {
        char word[PATH];
        snprintf(word, sizeof word, "tfds:%s/prepared/%s", root, names[k]);
        struct dataset *d = open_set(word);
        struct sample_buf buf = {0};
        for (size_t p = 0; d && p < 2; p++) {
            struct split s;
            size_t bad = 0;
            if (!read_table("truth/toy_shards.", splits[p][0]) ||
                split_open(&s, d, splits[p][1], &e)) {
                check(false, "%s %s: %s", d->name, splits[p][0], e.text);
                continue;
            }
            for (size_t i = 0; i < s.n && i < table.n_rows; i++) {
                char id[DATASET_ID], hex[HASH_SHA256_HEX] = "";
                struct sample sample;
                struct image img;
                split_id(&s, i, id);
                if (!split_read(&s, i, &buf, &sample, &e) &&
                    !decode_sample(&sample, "pil", &scratch, &img, &e)) {
                    hash_pixels(&img, 3, false, hex);
                }
                bad += strcmp(id, at(i, 3)) != 0 || s.label[i] != atoi(at(i, 4)) ||
                       strcmp(hex, at(i, 5)) != 0;
            }
            check(!bad && s.n == table.n_rows && !strcmp(dataset_class_name(d, 6), "yew"),
                  "%s %s: %zu of %zu", d->subject, splits[p][0], s.n - bad, table.n_rows);
            split_close(&s);
        }
        free(buf.data);
        dataset_close(d);
    }
}

/* ---- broken directories ---- */

/* Does text mention it? A position in a JSON file is ":LINE:COLUMN:". */
static bool mentions(const char *text, const char *word)
{
    const char *json = strstr(text, ".json:");
    return strstr(text, word) || (!strcmp(word, "position") && json && strchr("123456789", json[6]));
}

/* The first error of opening and of reading every image. */
static void read_all(const char *name)
{
    char word[PATH];
    const struct dataset_dirs where = {.partial = true};
    struct dataset *d;
    struct sample_buf buf = {0};
    struct image img;
    e = (struct err){0};
    snprintf(word, sizeof word, "tfds:%s/prepared_bad/%s", root, name);
    if (dataset_open(&d, word, &where, &e)) {
        return;
    }
    for (size_t s = 0; s < d->desc->n_source_splits; s++) {
        for (size_t i = 0; i < d->n[s] && !e.code; i++) {
            struct sample sample;
            if (!d->source->read(d->state, s, i, &buf, &sample, &e)) {
                decode_sample(&sample, "pil", &scratch, &img, &e);
            }
        }
    }
    free(buf.data);
    dataset_close(d);
}

static void broken(void)
{
    if (!read_table("prepared_bad/index", "")) {
        return;
    }
    for (size_t i = 0; i < table.n_rows; i++) {
        char *words = at(i, 2);
        const char *missing = NULL;
        size_t wanted = 0;
        read_all(at(i, 0));
        for (char *w = words; w && !missing; wanted++) {
            char *next = strstr(w, ", ");
            if (next) {
                *next = '\0';
                next += 2;
            }
            missing = mentions(e.text, w) ? NULL : w;
            w = next;
        }
        check(e.code && !missing, "%s: %s%s%s", at(i, 0),
              missing ? "no word of '" : "refused",
              missing ? missing : "", missing ? "'" : "");
        if (missing) {
            printf("# %s\n", e.text);
        }
    }
}

int main(int argc, char **argv)
{
    char work[64] = "";
    if (argc > 1) {
        root = argv[1];
    } else {
        const char *tmp = getenv("TMPDIR");
        char command[256];
        snprintf(work, sizeof work, "%.40s/prepared-XXXXXX", tmp ? tmp : "/tmp");
        need(mkdtemp(work) != NULL, work);
        snprintf(command, sizeof command,
                 "tar xzf tests/fixtures/datasets/prepared.tar.gz -C %s", work);
        need(system(command) == 0, command);
        root = work;
    }
    rows();
    toys();
    values();
    broken();
    table_free(&table);
    transform_scratch_release(&scratch);
    if (work[0]) {
        char command[256];
        snprintf(command, sizeof command, "rm -r %s", work);
        need(system(command) == 0, command);
    }
    printf("1..%zu\n", n_checks);
    return n_bad != 0;
}
