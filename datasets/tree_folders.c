/* Class folders in archives: see tree.h for what is taken for what. */
#include "datasets/tree.h"

#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

/* An image whose class is known. */
struct found {
    const char *class; /* n_class bytes of the member's name */
    uint32_t n_class, archive, member;
    uint32_t tail; /* where the class begins in the name */
    signed char split;
};

struct finding {
    struct tree *t;
    struct found *found;
    size_t n, cap;
};

/* Length of the part of a path before its '/', 0 where there is none. */
static size_t first_part(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

/* Bytes of a folder around all images of an archive file that is neither split nor class, with its
 * '/'; 0 where there is none. */
static size_t find_wrapper(const struct archive *a)
{
    const char *first = NULL;
    size_t n = 0;
    enum files_split split;
    for (size_t i = 0; i < archive_count(a); i++) {
        const char *name = archive_name(a, i);
        if (!tree_is_image(name)) {
            continue;
        }
        if (!first) {
            first = name;
            n = first_part(name) + 1;
        }
        if (n == 1 || strncmp(name, first, n) || !first_part(name + n)) {
            return 0;
        }
    }
    return first && !tree_split_find(first, n - 1, &split) ? n : 0;
}

/* Is there an image in a folder of a split folder? */
static bool has_splits(const struct archive *a, size_t skip)
{
    for (size_t i = 0; i < archive_count(a); i++) {
        const char *name = archive_name(a, i);
        enum files_split split;
        if (tree_is_image(name)) {
            size_t n = first_part(name + skip);
            if (tree_split_find(name + skip, n, &split) && first_part(name + skip + n + 1)) {
                return true;
            }
        }
    }
    return false;
}

static int add_found(struct finding *f, struct found one, struct err *e)
{
    void *found = f->found;
    int rc = mem_grow(&found, &f->cap, f->n + 1, sizeof *f->found, e);
    f->found = found;
    if (!rc) {
        f->found[f->n++] = one;
    }
    return rc;
}

static int find_images(struct finding *f, size_t archive, struct err *e)
{
    const struct archive *a = f->t->images.archives[archive];
    size_t skip = file_is_dir(archive_where(a)) ? 0 : find_wrapper(a);
    int own = f->t->archive_split[archive];
    bool splits = own == TREE_NO_SPLIT && has_splits(a, skip);
    size_t two_names[2] = {0}; /* images below val and below validation */
    for (size_t i = 0; i < archive_count(a); i++) {
        const char *name = archive_name(a, i);
        size_t tail = skip, n = first_part(name + skip);
        enum files_split split = own == TREE_NO_SPLIT ? FILES_TRAIN : (enum files_split)own;
        if (!tree_is_image(name)) {
            continue;
        }
        if (splits) {
            bool is_split = tree_split_find(name + tail, n, &split);
            bool long_name = n == strlen("validation");
            tail += n + 1;
            n = is_split ? first_part(name + tail) : 0;
            two_names[long_name] += n && split == FILES_VAL;
        }
        if (n && add_found(f,
                           (struct found){name + tail, (uint32_t)n, (uint32_t)archive, (uint32_t)i,
                                          (uint32_t)tail, (signed char)split},
                           e)) {
            return -1;
        }
    }
    if (two_names[0] && two_names[1]) {
        return err_set(e, ERR_FORMAT, "%s: folders val and validation are one split",
                       archive_where(a));
    }
    return 0;
}

static int compare_classes(const void *x, const void *y)
{
    const struct found *a = x, *b = y;
    size_t n = a->n_class < b->n_class ? a->n_class : b->n_class;
    int c = memcmp(a->class, b->class, n);
    return c ? c : (a->n_class > b->n_class) - (a->n_class < b->n_class);
}

/* A class that one split has and another lacks. splits is a bit for each split with images of it,
 * all that of the splits with any. */
static int missing_class(const struct tree *t, const char *class, unsigned splits, unsigned all,
                         struct err *e)
{
    static const char *const names[] = {"train", "val", "test"};
    size_t has = 0, lacks = 0;
    while (!(splits >> has & 1)) {
        has++;
    }
    while (!((all & ~splits) >> lacks & 1)) {
        lacks++;
    }
    return err_set(e, ERR_FORMAT,
                   "%s: class %s has images in %s but not in %s; all splits must have the same "
                   "classes (--partial goes on with those of any)",
                   t->images.where, class, names[has], names[lacks]);
}

/* Adds the sorted images from..to, which are one class. all: 0 if no split needs to have it. */
static int add_class(struct finding *f, size_t from, size_t to, unsigned all, struct err *e)
{
    struct tree *t = f->t;
    struct label_set *c = &t->classes;
    unsigned splits = 0;
    c->names[c->n] = mem_strndup(f->found[from].class, f->found[from].n_class, e);
    if (!c->names[c->n]) {
        return -1;
    }
    int32_t label = (int32_t)c->n++;
    for (size_t i = from; i < to; i++) {
        const struct found *one = &f->found[i];
        splits |= 1u << one->split;
        if (images_add(&t->images, (size_t)one->split, one->archive, one->member, label, one->tail,
                       e)) {
            return -1;
        }
    }
    return !all || splits == all ? 0 : missing_class(t, c->names[label], splits, all, e);
}

static int add_classes(struct finding *f, bool partial, struct err *e)
{
    size_t n_classes = 0;
    unsigned all = 0;
    if (f->n) {
        qsort(f->found, f->n, sizeof *f->found, compare_classes);
    }
    for (size_t i = 0; i < f->n; i++) {
        n_classes += !i || compare_classes(&f->found[i - 1], &f->found[i]);
        all |= 1u << f->found[i].split;
    }
    if (n_classes > LABEL_MAX_CLASSES) {
        return err_set(e, ERR_LIMIT, "%s: %zu class folders, at most %d", f->t->images.where,
                       n_classes, LABEL_MAX_CLASSES);
    }
    f->t->classes.names = mem_take(n_classes, sizeof *f->t->classes.names, e);
    int rc = f->t->classes.names ? 0 : -1;
    for (size_t from = 0, to; from < f->n && !rc; from = to) {
        for (to = from + 1; to < f->n && !compare_classes(&f->found[from], &f->found[to]); to++) {
        }
        rc = add_class(f, from, to, partial ? 0 : all, e);
    }
    return rc;
}

int tree_read_folders(struct tree *t, bool partial, struct err *e)
{
    struct finding f = {.t = t};
    int rc = 0;
    for (size_t i = 0; i < t->images.n_archives && !rc; i++) {
        rc = find_images(&f, i, e) || archive_sort(t->images.archives[i], e) ? -1 : 0;
    }
    if (!rc && !f.n) {
        rc = err_set(e, ERR_FORMAT, "%s: no image in a class folder",
                     t->images.where);
    }
    rc = rc ? rc : add_classes(&f, partial, e);
    free(f.found);
    return rc;
}
