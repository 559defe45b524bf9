/* Flowers-102, after TFDS (image_classification/oxford_flowers102.py): setid.mat holds the image
 * numbers of train (trnid), validation (valid) and test (tstid), imagelabels.mat the classes 1..102
 * of images 1..8189, which are jpg/image_NNNNN.jpg. */
#include "datasets/images.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/codec/mat.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/str.h"

enum { MAX_IMAGES = 99999 }; /* five digits in a name */

/* The whole numbers of a variable. */
struct numbers {
    double *v;
    size_t n;
};

static int read_numbers(const struct mat *m, const char *name, struct numbers *out, struct err *e)
{
    const struct mat_array *a = mat_find(m, name);
    if (!a) {
        return err_set(e, ERR_FORMAT, "%s: no variable %s", m->path, name);
    }
    if (a->n > MAX_IMAGES) {
        return err_set(e, ERR_FORMAT, "%s: %s: %zu values, at most %d expected", m->path, name,
                       a->n, MAX_IMAGES);
    }
    out->v = mat_numbers(a, e);
    out->n = a->n;
    return out->v ? 0 : -1;
}

static bool whole_in(double v, double from, double to)
{
    return v >= from && v <= to && v == floor(v);
}

/* Opens place/name, which must be there. */
static int open_mat(struct mat *m, const char *place, const char *name, struct err *e)
{
    char path[SOURCE_PATH];
    if (file_join(path, sizeof path, place, name, e)) {
        return -1;
    }
    if (!file_exists(path)) {
        return err_set(e, ERR_ABSENT, "%s missing in %s", name, place);
    }
    return mat_open(m, path, e);
}

static int read_labels(const struct images *im, const char *place, struct numbers *labels,
                       struct err *e)
{
    struct mat m = {0};
    int rc = open_mat(&m, place, "imagelabels.mat", e);
    rc = rc ? rc : read_numbers(&m, "labels", labels, e);
    size_t n_classes = im->desc->n_classes;
    for (size_t i = 0; !rc && i < labels->n; i++) {
        if (!whole_in(labels->v[i], 1, (double)n_classes)) {
            rc = err_set(e, ERR_FORMAT, "%s: item %zu: label %g not in 1..%zu", m.path, i,
                         labels->v[i], n_classes);
        }
    }
    mat_close(&m);
    return rc;
}

/* Adds image number ids->v[i]. */
static int take(struct images *im, size_t split, const struct numbers *ids, size_t i,
                const struct numbers *labels, size_t prefix, struct err *e)
{
    const struct archive *a = im->archives[0];
    double id = ids->v[i];
    if (!whole_in(id, 1, MAX_IMAGES)) {
        return err_set(e, ERR_FORMAT, "item %zu: image number %g", i, id);
    }
    size_t number = (size_t)id;
    char name[SOURCE_PATH + 32], by[64];
    int n_prefix = snprintf(name, sizeof name, "%.*s", (int)prefix,
                            archive_count(a) ? archive_name(a, 0) : "");
    char *file = name + n_prefix;
    snprintf(file, 32, "image_%05zu.jpg", number);
    size_t member = archive_find(a, name);
    if (member == SIZE_MAX) {
        snprintf(by, sizeof by, "setid.mat, item %zu of source split %zu", i, split);
        images_absent(im, by, file, a);
        return 0;
    }
    if (number > labels->n) {
        return err_set(e, ERR_FORMAT, "item %zu: image_%05zu.jpg has none of the %zu labels", i,
                       number, labels->n);
    }
    return images_add(im, split, 0, member, (int32_t)labels->v[number - 1] - 1, prefix, e);
}

static int take_splits(struct images *im, const struct mat *m, const struct numbers *labels,
                       struct err *e)
{
    static const char *const names[] = {"trnid", "valid", "tstid"};
    const struct archive *a = im->archives[0];
    /* "jpg/", or nothing where that folder was opened: as the first member has it */
    const char *first = archive_count(a) ? archive_name(a, 0) : "";
    const char *slash = strrchr(first, '/');
    size_t prefix = slash ? (size_t)(slash + 1 - first) : 0;
    int rc = 0;
    for (size_t s = 0; s < 3 && !rc; s++) {
        struct numbers ids = {0};
        rc = read_numbers(m, names[s], &ids, e);
        for (size_t i = 0; i < ids.n && !rc; i++) {
            rc = take(im, s, &ids, i, labels, prefix, e);
            rc = rc ? err_wrap(e, "%s: %s", m->path, names[s]) : 0;
        }
        free(ids.v);
    }
    return rc;
}

/* Is place/jpg the folder of the images? It may be anyone's. 1, 0 or -1. */
static int has_folder(const char *place, struct err *e)
{
    char path[SOURCE_PATH];
    struct file_list names;
    int found = 0;
    if (file_join(path, sizeof path, place, "jpg", e)) {
        return -1;
    }
    if (!file_is_dir(path)) {
        return 0;
    }
    if (file_list_read(&names, path, e)) {
        return -1;
    }
    for (size_t i = 0; i < names.n && !found; i++) {
        found = str_starts(names.names[i], "image_");
    }
    file_list_release(&names);
    return found;
}

static int fill(struct images *im, const char *place, struct err *e)
{
    static const char *const names[] = {"jpg", "102flowers.tgz", "102flowers.tar", NULL};
    struct archive *a;
    struct mat m = {0};
    struct numbers labels = {0};
    int rc = has_folder(place, e);
    rc = rc < 0 ? rc : images_find(im, place, rc ? names : names + 1, &a, e);
    if (rc != 1) {
        return rc;
    }
    rc = archive_sort(a, e);
    rc = rc ? rc : open_mat(&m, place, "setid.mat", e);
    rc = rc ? rc : read_labels(im, place, &labels, e);
    rc = rc ? rc : take_splits(im, &m, &labels, e);
    rc = rc ? rc : images_unique(im, e);
    free(labels.v);
    mat_close(&m);
    return rc ? -1 : 1;
}

static int open_flowers(void **state, const struct dataset_desc *d, const char *path,
                        const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* this row takes none */
    return images_open(state, d, IMAGES_KEY_TAIL, fill, "102flowers.tgz or jpg", where, e);
}

const struct source_ops source_flowers102 = {
    .name = "flowers102",
    .sources = "datasets/images_flowers.c datasets/codec/mat.c "
               "datasets/codec/spool.c " IMAGES_SOURCES,
    .open = open_flowers,
    IMAGES_OPS,
};
