/* Sets whose splits are lists that do not come with the images and must lie beside them.
 *
 * SUN397: SUN397/LETTER/CLASS[/SUB]/FILE; the key is the path from the slash before the letter on,
 * the class its folder. TFDS's lists sun397_tfds_{tr,va,te}.txt hold keys. An image in none of
 * them is left out, as TFDS does.
 *
 * Caltech101: 101_ObjectCategories/CLASS/FILE.jpg, key CLASS/FILE.jpg, label by CLASS in lower
 * case. TFDS drew 30 training images a class in the order of a directory listing, which no archive
 * holds, so its split can only be told: caltech101_train.txt lists the keys of train, all other
 * images are test. */
#include "datasets/images.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

/* A key of a list. */
struct listed {
    const char *key; /* in the list's text */
    size_t n, line;
    const char *list;
    size_t split;
    bool taken;
};

/* All lists of a set, sorted by key. */
struct lists {
    unsigned char *texts[DATASET_MAX_SOURCE_SPLITS];
    struct listed *keys;
    size_t n, cap;
};

static void release(struct lists *l)
{
    for (size_t i = 0; i < DATASET_MAX_SOURCE_SPLITS; i++) {
        free(l->texts[i]);
    }
    free(l->keys);
}

static int compare(const void *x, const void *y)
{
    const struct listed *a = x, *b = y;
    size_t n = a->n < b->n ? a->n : b->n;
    int c = memcmp(a->key, b->key, n);
    return c ? c : (a->n > b->n) - (a->n < b->n);
}

static int sort(struct lists *l, struct err *e)
{
    qsort(l->keys, l->n, sizeof *l->keys, compare);
    for (size_t i = 1; i < l->n; i++) {
        const struct listed *k = &l->keys[i];
        if (!compare(k - 1, k)) {
            return err_set(e, ERR_FORMAT, "%s, line %zu: duplicate %.*s", k->list, k->line,
                           k->n < 200 ? (int)k->n : 200, k->key);
        }
    }
    return 0;
}

/* Adds the keys of place/name. 1, 0 (no such file) or -1. */
static int read_list(struct lists *l, const char *place, const char *name, size_t split,
                     struct err *e)
{
    size_t n;
    int rc = images_text(place, name, &l->texts[split], &n, e);
    if (rc != 1) {
        return rc;
    }
    struct images_lines lines = {.text = (const char *)l->texts[split], .n = n};
    while (images_next_line(&lines)) {
        void *keys = l->keys;
        rc = mem_grow(&keys, &l->cap, l->n + 1, sizeof *l->keys, e);
        l->keys = keys;
        if (rc) {
            return -1;
        }
        l->keys[l->n++] = (struct listed){
            .key = lines.line, .n = lines.len, .line = lines.number, .list = name, .split = split};
    }
    return 1;
}

static struct listed *find(struct lists *l, const char *key)
{
    struct listed wanted = {.key = key, .n = strlen(key)};
    return l->n ? bsearch(&wanted, l->keys, l->n, sizeof *l->keys, compare) : NULL;
}

/* Where LETTER/CLASS begins in a member's name: behind "SUN397/" or at the start. */
static size_t sun_tail(const char *name)
{
    const char *at = strstr(name, "SUN397/");
    return at ? (size_t)(at - name) + 7 : 0;
}

static int take_sun(struct images *im, const struct archive *a, struct lists *l, struct err *e)
{
    for (size_t i = 0; i < archive_count(a); i++) {
        const char *name = archive_name(a, i);
        size_t tail = sun_tail(name);
        char key[DATASET_ID + 1] = "/";
        if (strlen(name + tail) >= DATASET_ID) {
            continue; /* longer than any key of a list can be */
        }
        strcpy(key + 1, name + tail);
        struct listed *k = find(l, key);
        if (!k) {
            continue;
        }
        const char *slash = strrchr(key, '/');
        int32_t label = images_class(im, key, (size_t)(slash - key));
        if (label < 0) {
            return err_set(e, ERR_FORMAT, "%s, line %zu: %.*s is not a class", k->list, k->line,
                           (int)(slash - key), key);
        }
        if (images_add(im, k->split, im->n_archives - 1, i, label, tail, e)) {
            return -1;
        }
    }
    return 1;
}

static int fill_sun(struct images *im, const char *place, struct err *e)
{
    static const char *const names[] = {"SUN397", "SUN397.tar.gz", "SUN397.tar", NULL};
    static const char *const files[] = {"sun397_tfds_tr.txt", "sun397_tfds_va.txt",
                                        "sun397_tfds_te.txt"};
    struct lists l = {0};
    struct archive *a;
    int rc = images_find(im, place, names, &a, e);
    if (rc != 1) {
        return rc;
    }
    for (size_t s = 0; s < 3 && rc == 1; s++) {
        rc = read_list(&l, place, files[s], s, e);
        if (!rc) {
            rc = err_set(e, ERR_ABSENT, "%s missing in %s; %s", files[s], place,
                         im->desc->how_to_get);
        }
    }
    rc = rc == 1 ? sort(&l, e) : rc;
    rc = rc ? rc : take_sun(im, a, &l, e);
    release(&l);
    return rc;
}

static int open_sun(void **state, const struct dataset_desc *d, const char *path,
                    const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* this row takes none */
    return images_open(state, d, IMAGES_KEY_SLASH, fill_sun, "SUN397.tar.gz or SUN397", where, e);
}

/* Where CLASS/FILE begins in a member's name that ends so, and the label. */
static int caltech_tail(const struct images *im, const struct archive *a, const char *name,
                        size_t *tail, int32_t *label, struct err *e)
{
    char class[64];
    const char *file = strrchr(name, '/'), *from = file;
    while (from && from > name && from[-1] != '/') {
        from--;
    }
    size_t n = file ? (size_t)(file - from) : 0;
    *label = -1;
    if (n && n < sizeof class) {
        for (size_t i = 0; i < n; i++) {
            class[i] = (char)tolower((unsigned char)from[i]);
        }
        *label = images_class(im, class, n);
    }
    if (*label < 0) {
        return err_set(e, ERR_FORMAT, "%s: %s is in no class folder", archive_where(a), name);
    }
    *tail = (size_t)(from - name);
    return 0;
}

static int take_caltech(struct images *im, const struct archive *a, struct lists *l,
                        struct err *e)
{
    for (size_t i = 0; i < archive_count(a); i++) {
        const char *name = archive_name(a, i);
        size_t tail = 0;
        int32_t label = 0;
        if (!str_ends(name, ".jpg")) {
            continue; /* BACKGROUND_Google holds a stray file */
        }
        if (caltech_tail(im, a, name, &tail, &label, e)) {
            return -1;
        }
        struct listed *k = find(l, name + tail);
        if (k) {
            k->taken = true;
        }
        if (images_add(im, k ? 0 : 1, im->n_archives - 1, i, label, tail, e)) {
            return -1;
        }
    }
    for (size_t i = 0; i < l->n; i++) {
        const struct listed *k = &l->keys[i];
        if (!k->taken) {
            char by[64], key[DATASET_ID];
            snprintf(by, sizeof by, "%s, line %zu", k->list, k->line);
            snprintf(key, sizeof key, "%.*s", k->n < 200 ? (int)k->n : 200, k->key);
            images_absent(im, by, key, a);
        }
    }
    return 1;
}

/* The zip of today holds the tar of old. */
static int enter_caltech(struct images *im, struct archive **a, struct err *e)
{
    size_t inner = archive_find_tail(*a, "101_ObjectCategories.tar.gz");
    if (inner == SIZE_MAX) {
        return 0;
    }
    const struct archive *outer = *a;
    return archive_open_member(a, outer, inner, e) || images_take(im, *a, e) ? -1 : 0;
}

static int fill_caltech(struct images *im, const char *place, struct err *e)
{
    static const char *const names[] = {"101_ObjectCategories", "101_ObjectCategories.tar.gz",
                                        "101_ObjectCategories.tar", "caltech-101.zip", NULL};
    static const char list[] = "caltech101_train.txt";
    struct lists l = {0};
    struct archive *a;
    int rc = images_find(im, place, names, &a, e);
    if (rc != 1) {
        return rc;
    }
    rc = read_list(&l, place, list, 0, e);
    if (!rc) {
        rc = err_set(e, ERR_ABSENT,
                     "%s missing in %s: the split cannot be computed from the images, because "
                     "TFDS drew it in the order of a directory listing; list its 3060 training "
                     "images there as CLASS/image_NNNN.jpg, one a line, or use a directory that "
                     "TFDS prepared",
                     list, place);
    }
    rc = rc == 1 ? sort(&l, e) : rc;
    rc = rc ? rc : enter_caltech(im, &a, e);
    rc = rc ? rc : take_caltech(im, a, &l, e);
    release(&l);
    return rc;
}

static int open_caltech(void **state, const struct dataset_desc *d, const char *path,
                        const struct dataset_dirs *where, struct err *e)
{
    (void)path;
    return images_open(state, d, IMAGES_KEY_TAIL, fill_caltech,
                       "101_ObjectCategories.tar.gz or caltech-101.zip", where, e);
}

const struct source_ops source_sun397 = {
    .name = "sun397",
    .sources = "datasets/images_members.c " IMAGES_SOURCES,
    .open = open_sun,
    IMAGES_OPS,
};

const struct source_ops source_caltech101 = {
    .name = "caltech101",
    .sources = "datasets/images_members.c " IMAGES_SOURCES,
    .open = open_caltech,
    IMAGES_OPS,
};
