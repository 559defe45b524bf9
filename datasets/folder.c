/* folder:PATH, as torchvision's ImageFolder reads it (torchvision/datasets/folder.py): a class is
 * a folder, classes sorted by code point, images at any depth below it, told by their extension.
 *
 * PATH holds either split folders (train; val or validation; test) with class folders in them, or
 * class folders. It is taken for the first where a split folder has a folder in it; anything else
 * beside them is then left alone, and so is a split folder without folders in it (an unlabelled
 * test set). Class folders alone are `train`. Hidden names are skipped. Every split must have the
 * same class folders; a class without an image in any split is left out.
 *
 * The id is the path below the split folder, "class/file". The canonical order is not that of the
 * folders but md5(salt || id), as in TFDS, so that slices mix the classes. */
#include "datasets/files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/tensor.h"

static const struct {
    const char *name;
    enum files_split split;
} split_folders[] = {
    {"train", FILES_TRAIN}, {"val", FILES_VAL}, {"validation", FILES_VAL}, {"test", FILES_TEST}};

static const char *const extensions[] = {".jpg", ".jpeg", ".png", ".ppm", ".bmp",
                                         ".pgm", ".tif", ".tiff", ".webp"};

static bool has_image_extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < ARRAY_LEN(extensions); i++) {
        if (!strcasecmp(dot, extensions[i])) {
            return true;
        }
    }
    return false;
}

/* A walk below one class folder. path is the file or folder at work, of which the part from key_at
 * on is the key. */
struct walk {
    struct files *f;
    enum files_split split;
    int32_t label;
    char path[SOURCE_PATH];
    size_t key_at;
};

/* The folders from the class folder down to the one at work. */
struct above {
    dev_t dev;
    ino_t ino;
    const struct above *up;
};

static int walk(struct walk *w, const struct above *up, struct err *e);

/* One name in the folder w->path. */
static int visit(struct walk *w, const char *name, const struct above *up, struct err *e)
{
    size_t n = strlen(w->path), n_name = strlen(name);
    if (n + 1 + n_name - w->key_at >= DATASET_ID || n + 1 + n_name >= sizeof w->path) {
        return err_set(e, ERR_FORMAT, "%s/%s: more than %d bytes below its split folder", w->path,
                       name, DATASET_ID - 1);
    }
    w->path[n] = '/';
    memcpy(w->path + n + 1, name, n_name + 1);
    int rc = 0;
    if (file_is_dir(w->path)) {
        rc = walk(w, up, e);
    } else if (has_image_extension(name)) {
        rc = files_add(w->f, w->split, w->path + w->key_at, w->label, e);
    }
    w->path[n] = 0;
    return rc;
}

static int walk(struct walk *w, const struct above *up, struct err *e)
{
    struct stat st;
    struct file_list names;
    if (stat(w->path, &st)) {
        return err_errno(e, "%s", w->path);
    }
    for (const struct above *a = up; a; a = a->up) {
        if (a->dev == st.st_dev && a->ino == st.st_ino) {
            return err_set(e, ERR_FORMAT, "%s: a link to a folder above it", w->path);
        }
    }
    if (file_list_read(&names, w->path, e)) {
        return -1;
    }
    struct above here = {st.st_dev, st.st_ino, up};
    int rc = 0;
    for (size_t i = 0; i < names.n && !rc; i++) {
        rc = names.names[i][0] == '.' ? 0 : visit(w, names.names[i], &here, e);
    }
    file_list_release(&names);
    return rc;
}

/* Names of the folders in dir that are not hidden, sorted by code point. */
static int list_folders(struct file_list *l, const char *dir, struct err *e)
{
    struct file_list all;
    if (file_list_read(&all, dir, e)) {
        return -1;
    }
    *l = (struct file_list){mem_take(all.n, sizeof *l->names, e), 0};
    int rc = l->names ? 0 : -1;
    for (size_t i = 0; i < all.n && !rc; i++) {
        char path[SOURCE_PATH];
        rc = file_join(path, sizeof path, dir, all.names[i], e);
        if (!rc && all.names[i][0] != '.' && file_is_dir(path)) {
            l->names[l->n] = mem_strdup(all.names[i], e);
            rc = l->names[l->n] ? 0 : -1;
            l->n += !rc;
        }
    }
    file_list_release(&all);
    if (rc) {
        file_list_release(l);
    }
    return rc;
}

/* Finds the split folders that have class folders, or takes the folder itself for train. */
static int find_splits(struct files *f, struct file_list classes[FILES_SPLITS], struct err *e)
{
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(split_folders); i++) {
        enum files_split s = split_folders[i].split;
        char dir[SOURCE_PATH];
        struct file_list l;
        if (file_join(dir, sizeof dir, f->where, split_folders[i].name, e)) {
            return -1;
        }
        if (!file_is_dir(dir)) {
            continue;
        }
        if (list_folders(&l, dir, e)) {
            return -1;
        }
        if (!l.n) {
            file_list_release(&l);
            continue;
        }
        if (classes[s].n) {
            file_list_release(&l);
            return err_set(e, ERR_FORMAT, "%s: folders val and validation are one split", f->where);
        }
        classes[s] = l;
        strcpy(f->base[s], dir);
        any = true;
    }
    if (any) {
        return 0;
    }
    strcpy(f->base[FILES_TRAIN], f->where);
    if (list_folders(&classes[FILES_TRAIN], f->where, e)) {
        return -1;
    }
    return classes[FILES_TRAIN].n ? 0 : err_set(e, ERR_FORMAT, "%s: no class folder", f->where);
}

/* a and b are the class folders of two splits. */
static int check_equal(const struct file_list *a, const char *dir_a, const struct file_list *b,
                       const char *dir_b, struct err *e)
{
    for (size_t i = 0; i < a->n || i < b->n; i++) {
        int order = i == a->n ? 1 : i == b->n ? -1
                                              : strcmp(a->names[i], b->names[i]);
        if (order) {
            const struct file_list *has = order < 0 ? a : b;
            return err_set(e, ERR_FORMAT,
                           "class folder %s is in %s but not in %s; all splits must have the same",
                           has->names[i], order < 0 ? dir_a : dir_b, order < 0 ? dir_b : dir_a);
        }
    }
    return 0;
}

/* Drops the classes without an image and numbers the others. names are the class folders. */
static int number_classes(struct files *f, const struct file_list *names, struct err *e)
{
    int32_t *number = mem_take(names->n, sizeof *number, e);
    f->classes = mem_take(names->n, sizeof *f->classes, e);
    int rc = number && f->classes ? 0 : -1;
    for (size_t s = 0; s < FILES_SPLITS && !rc; s++) {
        for (size_t i = 0; i < f->n[s]; i++) {
            number[f->items[s][i].label] = 1;
        }
    }
    for (size_t c = 0; c < names->n && !rc; c++) {
        if (number[c]) {
            number[c] = (int32_t)f->n_classes;
            f->classes[f->n_classes] = mem_strdup(names->names[c], e);
            rc = f->classes[f->n_classes] ? 0 : -1;
            f->n_classes += !rc;
        }
    }
    for (size_t s = 0; s < FILES_SPLITS && !rc; s++) {
        for (size_t i = 0; i < f->n[s]; i++) {
            f->items[s][i].label = number[f->items[s][i].label];
        }
    }
    free(number);
    return rc;
}

static int read_folder(struct files *f, struct file_list classes[FILES_SPLITS], struct err *e)
{
    const struct file_list *names = NULL;
    size_t first = 0;
    if (find_splits(f, classes, e)) {
        return -1;
    }
    for (size_t s = 0; s < FILES_SPLITS; s++) {
        if (!classes[s].n) {
            continue;
        }
        first = names ? first : s;
        names = &classes[first];
        if (check_equal(names, f->base[first], &classes[s], f->base[s], e)) {
            return -1;
        }
        for (size_t c = 0; c < names->n; c++) {
            struct walk w = {.f = f, .split = (enum files_split)s, .label = (int32_t)c};
            w.key_at = strlen(f->base[s]) + 1;
            if (file_join(w.path, sizeof w.path, f->base[s], names->names[c], e) ||
                walk(&w, NULL, e)) {
                return -1;
            }
        }
    }
    return number_classes(f, names, e);
}

static int folder_open(void **state, const struct dataset_desc *d, const char *path,
                       const struct dataset_dirs *where, struct err *e)
{
    (void)d, (void)where; /* the path says it all */
    struct files *f;
    struct file_list classes[FILES_SPLITS] = {{0}};
    if (files_new(&f, path, e)) {
        return -1;
    }
    int rc = read_folder(f, classes, e);
    for (size_t s = 0; s < FILES_SPLITS; s++) {
        file_list_release(&classes[s]);
    }
    if (rc) {
        files_close(f);
        return -1;
    }
    *state = f;
    return 0;
}

const struct source_ops source_folder = {
    .name = "folder",
    .sources = "datasets/folder.c datasets/files.c",
    .open = folder_open,
    .close = files_close,
    .count = files_count,
    .label = files_label,
    .key = files_copy_key,
    .encoded_bytes = files_encoded_bytes,
    .read = files_read,
    .hint = files_hint,
    .n_classes = files_n_classes,
    .class_name = files_class_name,
    .splits = files_splits,
    .where = files_where,
};
