/* Diabetic retinopathy, after TFDS (image_classification/diabetic_retinopathy_detection.py):
 * trainLabels.csv (image,level) names all of train/, retinopathy_solution.csv (image,level,Usage)
 * those of test/: Usage Public is validation, Private is test. Key: the name without extension.
 *
 * VTAB's task is not these photographs but what TFDS's configuration btgraham-300 makes of them
 * with OpenCV (scaled to a radius of 300, local colour mean subtracted, clipped to a disc, encoded
 * again). The task's row is read from that directory (tfds_row.c); where it is absent, all files
 * are checked here and then refused. The photographs have a row of their own. */
#include "datasets/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/csv.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/str.h"

enum { TRAIN,
       VALIDATION,
       TEST,
       MAX_CSV = 16 << 20 };

/* Where the columns of a file stand; usage is SIZE_MAX in train's. */
struct columns {
    size_t image, level, usage;
};

static size_t column(const struct csv *c, const char *name)
{
    for (size_t i = 0; c->n_rows && i < c->rows[0].n; i++) {
        if (!strcmp(c->rows[0].fields[i], name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static int find_columns(const struct csv *c, bool usage, struct columns *at, struct err *e)
{
    static const char *const names[] = {"image", "level", "Usage"};
    size_t *const to[] = {&at->image, &at->level, &at->usage};
    for (size_t i = 0; i < 3; i++) {
        *to[i] = column(c, names[i]);
        if (*to[i] == SIZE_MAX && (i < 2 || usage)) {
            return err_set(e, ERR_FORMAT, "no column %s in the first line", names[i]);
        }
    }
    return 0;
}

/* The source split, label and image of a row. */
static int read_row(const struct csv_row *r, const struct columns *at, bool usage, size_t *split,
                    int32_t *label, struct err *e)
{
    size_t most = at->image > at->level ? at->image : at->level;
    if (usage && at->usage > most) {
        most = at->usage;
    }
    if (r->n <= most) {
        return err_set(e, ERR_FORMAT, "%zu fields", r->n);
    }
    uint64_t level;
    if (!str_to_u64(r->fields[at->level], &level) || level > 4) {
        return err_set(e, ERR_FORMAT, "level %s not in 0..4", r->fields[at->level]);
    }
    *label = (int32_t)level;
    *split = TRAIN;
    if (usage) {
        const char *word = r->fields[at->usage];
        bool public = !strcmp(word, "Public");
        if (!public && strcmp(word, "Private") != 0) {
            return err_set(e, ERR_FORMAT, "Usage '%s' is neither Public nor Private", word);
        }
        *split = public ? VALIDATION : TEST;
    }
    return 0;
}

/* All rows of a file; their images are members of archive number `archive`, sorted. */
static int take_rows(struct images *im, const struct csv *c, bool usage, size_t archive,
                     struct err *e)
{
    const struct archive *a = im->archives[archive];
    struct columns at = {0};
    if (find_columns(c, usage, &at, e)) {
        return err_wrap(e, "line 1");
    }
    for (size_t i = 1; i < c->n_rows; i++) {
        const struct csv_row *r = &c->rows[i];
        size_t split = 0;
        int32_t label = 0;
        if (read_row(r, &at, usage, &split, &label, e)) {
            return err_wrap(e, "line %zu", r->line);
        }
        char name[DATASET_ID];
        int n = snprintf(name, sizeof name, "%s.jpeg", r->fields[at.image]);
        size_t member = n < DATASET_ID ? archive_find(a, name) : SIZE_MAX;
        if (member == SIZE_MAX) {
            char by[64];
            snprintf(by, sizeof by, "%s, line %zu",
                     usage ? "retinopathy_solution.csv" : "trainLabels.csv", r->line);
            images_absent(im, by, name, a);
        } else if (images_add(im, split, archive, member, label, 0, e)) {
            return -1;
        }
    }
    return 0;
}

/* One csv with its folder of images. 1, 0 (no such csv) or -1. */
static int take_file(struct images *im, const char *place, const char *name, const char *folder,
                     bool usage, struct err *e)
{
    const char *const folders[] = {folder, NULL};
    char path[SOURCE_PATH];
    struct archive *a;
    struct csv c;
    if (file_join(path, sizeof path, place, name, e)) {
        return -1;
    }
    if (!file_exists(path)) {
        return 0;
    }
    if (csv_read(&c, path, MAX_CSV, e)) {
        return -1;
    }
    int rc = images_find(im, place, folders, &a, e);
    if (!rc) {
        rc = err_set(e, ERR_ABSENT, "folder %s missing in %s", folder, place);
    }
    rc = rc < 0 ? rc : archive_sort(a, e);
    rc = rc ? rc : take_rows(im, &c, usage, im->n_archives - 1, e);
    csv_release(&c);
    return rc ? err_wrap(e, "%s", path) : 1;
}

static int fill(struct images *im, const char *place, struct err *e)
{
    int train = take_file(im, place, "trainLabels.csv", "train", false, e);
    if (train < 0) {
        return -1;
    }
    int rest = take_file(im, place, "retinopathy_solution.csv", "test", true, e);
    return rest < 0 || images_unique(im, e) ? -1 : train || rest;
}

static int open_photos(void **state, const struct dataset_desc *d, const char *path,
                       const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* this row takes none */
    return images_open(state, d, IMAGES_KEY_STEM, fill, "trainLabels.csv", where, e);
}

static int open_task(void **state, const struct dataset_desc *d, const char *path,
                     const struct dataset_dirs *where, struct err *e)
{
    if (open_photos(state, d, path, where, e)) {
        return -1;
    }
    const char *lacks = images_incomplete(*state);
    if (lacks) {
        err_set(e, ERR_FORMAT, "%s", lacks);
        images_close(*state);
        *state = NULL;
        return -1;
    }
    err_set(e, ERR_ABSENT,
            "%s holds the original photographs, and the task is on the images that TFDS's "
            "btgraham-300 makes of them (scaled to a radius of 300, local mean subtracted, cut to "
            "a disc): scores would be those of another task; give a directory "
            "diabetic_retinopathy_detection/btgraham-300 that TFDS prepared, or use "
            "retinopathy-photos",
            images_where(*state));
    images_close(*state);
    *state = NULL;
    return -1;
}

const struct source_ops source_retinopathy = {
    .name = "retinopathy",
    .sources = "datasets/images_retinopathy.c " IMAGES_SOURCES,
    .open = open_task,
    IMAGES_OPS,
};

const struct source_ops source_retinopathy_photos = {
    .name = "retinopathy-photos",
    .sources = "datasets/images_retinopathy.c " IMAGES_SOURCES,
    .open = open_photos,
    IMAGES_OPS,
};
