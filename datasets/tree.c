/* What folder: and tar: have in common, and folder: itself: one archive, which may be a folder, a
 * tar or a zip, read by its metadata where it has some and by its class folders otherwise. */
#include "datasets/tree.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/tensor.h"

int tree_new(struct tree **out, const struct dataset_desc *d, const char *where, struct err *e)
{
    *out = NULL;
    if (strlen(where) >= SOURCE_PATH) {
        return err_set(e, ERR_LIMIT, "%.60s...: path too long", where);
    }
    struct tree *t = mem_take(1, sizeof *t, e);
    if (!t) {
        return -1;
    }
    t->images.desc = d;
    strcpy(t->images.where, where);
    *out = t;
    return 0;
}

void tree_close(void *state)
{
    struct tree *t = state;
    label_set_release(&t->classes);
    free(t->archive_split);
    images_close(&t->images); /* which frees t, since it is its first member */
}

int tree_add_archive(struct tree *t, const char *path, int split, struct err *e)
{
    struct archive *a;
    void *splits = t->archive_split;
    int rc = mem_grow(&splits, &t->cap_archive_split, t->n_archive_split + 1, 1, e);
    t->archive_split = splits;
    if (rc || archive_open(&a, path, e) || images_take(&t->images, a, e)) {
        return -1;
    }
    t->archive_split[t->n_archive_split++] = (signed char)split;
    return 0;
}

bool tree_split_find(const char *word, size_t n, enum files_split *split)
{
    static const struct {
        const char *name;
        enum files_split split;
    } names[] = {{"train", FILES_TRAIN},
                 {"val", FILES_VAL},
                 {"validation", FILES_VAL},
                 {"test", FILES_TEST}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strlen(names[i].name) == n && !strncmp(word, names[i].name, n)) {
            *split = names[i].split;
            return true;
        }
    }
    return false;
}

bool tree_is_image(const char *name)
{
    static const char *const extensions[] = {".jpg", ".jpeg", ".png", ".ppm", ".bmp",
                                             ".pgm", ".tif", ".tiff", ".webp"};
    const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
    for (size_t i = 0; dot && i < ARRAY_LEN(extensions); i++) {
        if (!strcasecmp(dot, extensions[i])) {
            return true;
        }
    }
    return false;
}

size_t tree_n_classes(const void *state)
{
    return ((const struct tree *)state)->classes.n;
}

const char *tree_class_name(const void *state, size_t label)
{
    return ((const struct tree *)state)->classes.names[label];
}

const struct split_desc *tree_splits(const void *state, size_t *n_splits)
{
    return files_split_rows(images_count(state, FILES_VAL) > 0, n_splits);
}

static int read_folder(struct tree *t, const char *path, bool partial, struct err *e)
{
    bool found;
    if (tree_add_archive(t, path, TREE_NO_SPLIT, e) || tree_read_metadata(t, &found, e)) {
        return -1;
    }
    return found ? 0 : tree_read_folders(t, partial, e);
}

static int folder_open(void **state, const struct dataset_desc *d, const char *path,
                       const struct dataset_dirs *where, struct err *e)
{
    struct tree *t;
    if (tree_new(&t, d, path, e)) {
        return -1;
    }
    if (read_folder(t, path, where->partial, e)) {
        tree_close(t);
        return -1;
    }
    *state = t;
    return 0;
}

const struct source_ops source_folder = {
    .name = "folder",
    .sources = TREE_SOURCES,
    .open = folder_open,
    TREE_OPS,
};
