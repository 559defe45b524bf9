/* ILSVRC-2012, as it is given out or in folders; the label is the rank of the WNID, the key the
 * file's name (TFDS, datasets/imagenet2012).
 *
 * train: ILSVRC2012_img_train.tar, whose members are WNID.tar, read in place; or a folder
 * train/WNID/FILE.
 * validation: ILSVRC2012_img_val.tar or a folder val, either flat or with WNID/FILE. Labels of flat
 * files come from the development kit (packed or unpacked) or from a list of WNIDs, one a line, in
 * order of the image numbers. */
#include "datasets/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/codec/synsets.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

enum { TRAIN,
       VALIDATION,
       N_VALIDATION = 50000 };

/* Rank among the classes, which are sorted; -1 where it is none. */
static int32_t rank_of(const struct images *im, const char *wnid, size_t n)
{
    size_t from = 0, to = im->desc->n_classes;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        const char *class = im->desc->class_names[mid];
        int c = strncmp(wnid, class, n);
        if (!c && !class[n]) {
            return (int32_t)mid;
        }
        if (c < 0 || !c) {
            to = mid;
        } else {
            from = mid + 1;
        }
    }
    return -1;
}

static bool is_image(const char *name)
{
    return str_ends(name, ".JPEG") || str_ends(name, ".jpeg") || str_ends(name, ".jpg");
}

/* WNID/FILE or deeper: all images of the last archive, by their folder. */
static int take_folders(struct images *im, size_t split, struct err *e)
{
    const struct archive *a = im->archives[im->n_archives - 1];
    for (size_t i = 0; i < archive_count(a); i++) {
        const char *name = archive_name(a, i), *slash = strrchr(name, '/');
        if (!is_image(name)) {
            continue;
        }
        const char *from = slash ? slash : name;
        while (from > name && from[-1] != '/') {
            from--;
        }
        int32_t label = slash ? rank_of(im, from, (size_t)(slash - from)) : -1;
        if (label < 0) {
            return err_set(e, ERR_FORMAT, "%s: %s is in no folder of the 1000 WNIDs",
                           archive_where(a), name);
        }
        if (images_add(im, split, im->n_archives - 1, i, label, (size_t)(slash + 1 - name), e)) {
            return -1;
        }
    }
    return 0;
}

/* One WNID.tar in the archive of all. */
static int take_inner(struct images *im, const struct archive *outer, size_t i, struct err *e)
{
    const char *name = archive_name(outer, i);
    size_t n = strlen(name) - 4; /* ends in ".tar" */
    int32_t label = rank_of(im, name, n);
    if (label < 0) {
        return err_set(e, ERR_FORMAT, "%s: %.*s is none of the 1000 WNIDs", archive_where(outer),
                       (int)n, name);
    }
    struct archive *a;
    if (archive_open_member(&a, outer, i, e) || images_take(im, a, e)) {
        return -1;
    }
    for (size_t k = 0; k < archive_count(a); k++) {
        if (images_add(im, TRAIN, im->n_archives - 1, k, label, 0, e)) {
            return -1;
        }
    }
    return 0;
}

static int take_train_tar(struct images *im, const struct archive *a, struct err *e)
{
    for (size_t i = 0; i < archive_count(a); i++) {
        if (!str_ends(archive_name(a, i), ".tar")) {
            return err_set(e, ERR_FORMAT, "%s: %s is no WNID.tar", archive_where(a),
                           archive_name(a, i));
        }
        if (take_inner(im, a, i, e)) {
            return -1;
        }
    }
    return 0;
}

/* WNIDs, one a line, in order of the image numbers. */
static int labels_of_wnids(const struct images *im, const char *name, const unsigned char *text,
                           size_t n, int32_t *labels, struct err *e)
{
    struct images_lines l = {.text = (const char *)text, .n = n};
    size_t k = 0;
    while (images_next_line(&l)) {
        int32_t label = rank_of(im, l.line, l.len);
        if (label < 0 || k == N_VALIDATION) {
            return err_set(e, ERR_FORMAT, "%s, line %zu: %s", name, l.number,
                           label < 0 ? "none of the 1000 WNIDs" : "more than 50000");
        }
        labels[k++] = label;
    }
    return k == N_VALIDATION
               ? 0
               : err_set(e, ERR_FORMAT, "%s: %zu lines of %d", name, k, N_VALIDATION);
}

/* ILSVRC2012_IDs, one a line, in order of the image numbers. */
static int labels_of_ids(const int32_t *ranks, const char *name, const unsigned char *text,
                         size_t n, int32_t *labels, struct err *e)
{
    struct images_lines l = {.text = (const char *)text, .n = n};
    size_t k = 0;
    while (images_next_line(&l)) {
        char copy[24] = "";
        uint64_t id;
        memcpy(copy, l.line, l.len < sizeof copy ? l.len : sizeof copy - 1);
        if (!str_to_u64(copy, &id) || id < 1 || id > SYNSETS_N || k == N_VALIDATION) {
            return err_set(e, ERR_FORMAT, "%s, line %zu: %s not in 1..1000, or more than 50000",
                           name, l.number, copy);
        }
        labels[k++] = ranks[id - 1];
    }
    return k == N_VALIDATION
               ? 0
               : err_set(e, ERR_FORMAT, "%s: %zu lines of %d", name, k, N_VALIDATION);
}

static int labels_of_kit(const struct images *im, const struct archive *kit, int32_t *labels,
                         struct err *e)
{
    char wnids[SYNSETS_N][SYNSETS_WNID];
    int32_t ranks[SYNSETS_N];
    unsigned char *meta, *truth;
    size_t n;
    if (images_member_text(kit, "meta.mat", &meta, &n, e)) {
        return -1;
    }
    int rc = synsets_read(wnids, meta, n, archive_where(kit), e);
    free(meta);
    for (size_t i = 0; i < SYNSETS_N && !rc; i++) {
        ranks[i] = rank_of(im, wnids[i], strlen(wnids[i]));
        if (ranks[i] < 0) {
            rc = err_set(e, ERR_FORMAT, "%s: meta.mat: %s is none of the 1000 WNIDs",
                         archive_where(kit), wnids[i]);
        }
    }
    if (rc || images_member_text(kit, "ILSVRC2012_validation_ground_truth.txt", &truth, &n, e)) {
        return -1;
    }
    rc = labels_of_ids(ranks, "ILSVRC2012_validation_ground_truth.txt", truth, n, labels, e);
    free(truth);
    return rc;
}

static int read_labels(struct images *im, const char *place, int32_t *labels, struct err *e)
{
    static const char *const lists[] = {"imagenet2012_validation_labels.txt",
                                        "imagenet_2012_validation_synset_labels.txt"};
    static const char *const kits[] = {"ILSVRC2012_devkit_t12", "ILSVRC2012_devkit_t12.tar.gz",
                                       NULL};
    for (size_t i = 0; i < 2; i++) {
        unsigned char *text;
        size_t n;
        int rc = images_text(place, lists[i], &text, &n, e);
        if (rc) {
            rc = rc < 0 ? rc : labels_of_wnids(im, lists[i], text, n, labels, e);
            free(rc < 0 ? NULL : text);
            return rc;
        }
    }
    struct archive *kit;
    int rc = images_find(im, place, kits, &kit, e);
    if (!rc) {
        return err_set(e, ERR_ABSENT,
                       "the validation images need labels: ILSVRC2012_devkit_t12.tar.gz or %s "
                       "missing in %s",
                       lists[0], place);
    }
    return rc < 0 ? rc : labels_of_kit(im, kit, labels, e);
}

/* The image's number in ILSVRC2012_val_NNNNNNNN.JPEG, from 1; 0 where the name is another. */
static size_t number_of(const char *name)
{
    static const char stem[] = "ILSVRC2012_val_";
    const char *digits = name + strlen(stem);
    size_t v = 0;
    if (!str_starts(name, stem) || strlen(digits) != 13 || strcmp(digits + 8, ".JPEG")) {
        return 0;
    }
    for (size_t i = 0; i < 8; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return 0;
        }
        v = v * 10 + (size_t)(digits[i] - '0');
    }
    return v <= N_VALIDATION ? v : 0;
}

/* Images without folders: archive number `archive`. */
static int take_flat(struct images *im, size_t archive, const char *place, struct err *e)
{
    const struct archive *a = im->archives[archive];
    for (size_t i = 0; i < archive_count(a); i++) {
        if (!number_of(archive_name(a, i))) {
            return err_set(e, ERR_FORMAT, "%s: %s is not ILSVRC2012_val_NNNNNNNN.JPEG, 1 to 50000",
                           archive_where(a), archive_name(a, i));
        }
    }
    int32_t *labels = mem_take(N_VALIDATION, sizeof *labels, e);
    int rc = labels ? read_labels(im, place, labels, e) : -1;
    for (size_t i = 0; i < archive_count(a) && !rc; i++) {
        rc = images_add(im, VALIDATION, archive, i, labels[number_of(archive_name(a, i)) - 1], 0,
                        e);
    }
    free(labels);
    return rc;
}

/* Is there a folder in this one? */
static bool has_folders(const struct archive *a)
{
    return archive_count(a) && strchr(archive_name(a, 0), '/');
}

/* Opens the archive, or the first of the folders that holds something of ILSVRC's: "train" and
 * "val" may be anyone's. 1, 0 or -1. */
static int find_split(struct images *im, const char *place, const char *const *folders,
                      const char *tar, struct archive **a, struct err *e)
{
    for (; *folders; folders++) {
        char path[SOURCE_PATH];
        struct file_list names;
        bool ours = false;
        if (file_join(path, sizeof path, place, *folders, e)) {
            return -1;
        }
        if (!file_is_dir(path)) {
            continue;
        }
        if (file_list_read(&names, path, e)) {
            return -1;
        }
        for (size_t i = 0; i < names.n && !ours; i++) {
            const char *name = names.names[i];
            ours = rank_of(im, name, strcspn(name, ".")) >= 0 || number_of(name);
        }
        file_list_release(&names);
        if (ours) {
            return images_find(im, place, (const char *const[]){*folders, NULL}, a, e);
        }
    }
    return images_find(im, place, (const char *const[]){tar, NULL}, a, e);
}

static int fill(struct images *im, const char *place, struct err *e)
{
    static const char *const train[] = {"train", "ILSVRC2012_img_train", NULL};
    static const char *const val[] = {"val", "validation", "ILSVRC2012_img_val", NULL};
    struct archive *a;
    int has_train = find_split(im, place, train, "ILSVRC2012_img_train.tar", &a, e);
    if (has_train == 1) {
        bool tars = archive_count(a) && str_ends(archive_name(a, 0), ".tar");
        has_train = (tars ? take_train_tar(im, a, e) : take_folders(im, TRAIN, e)) ? -1 : 1;
    }
    if (has_train < 0) {
        return -1;
    }
    int has_val = find_split(im, place, val, "ILSVRC2012_img_val.tar", &a, e);
    if (has_val == 1) {
        has_val = (has_folders(a) ? take_folders(im, VALIDATION, e)
                                  : take_flat(im, im->n_archives - 1, place, e))
                      ? -1
                      : 1;
    }
    return has_val < 0 ? -1 : has_train || has_val;
}

static int open_ilsvrc(void **state, const struct dataset_desc *d, const char *path,
                       const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* this row takes none */
    return images_open(state, d, IMAGES_KEY_TAIL, fill,
                       "ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar", where, e);
}

const struct source_ops source_ilsvrc2012 = {
    .name = "ilsvrc2012",
    .sources = "datasets/images_ilsvrc.c datasets/codec/synsets.c " IMAGES_SOURCES,
    .open = open_ilsvrc,
    IMAGES_OPS,
};
