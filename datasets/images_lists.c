/* Sets whose own lists say which image is in which split, after TFDS's builders:
 * DTD (fold 1): labels/{train1,val1,test1}.txt with CLASS/FILE a line, images below images/.
 * Pets: annotations/{trainval,test}.txt with NAME CLASS-ID SPECIES BREED-ID a line, the image is
 * images/NAME.jpg, the label CLASS-ID - 1. */
#include "datasets/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

/* One line: the end of the image's member name and the label. Errors say only what is wrong. */
typedef int line_fn(const struct images *im, const char *line, size_t n, char tail[DATASET_ID],
                    int32_t *label, struct err *e);

/* The lists of a set at work. */
struct lists {
    struct images *im;
    size_t archive; /* of the images; sorted */
    line_fn *parse;
    char prefix[SOURCE_PATH]; /* of every member name; found with the first image */
    bool has_prefix;
    bool *seen; /* [members] */
};

/* The member of an image, or SIZE_MAX. */
static size_t find(struct lists *l, const char *tail)
{
    const struct archive *a = l->im->archives[l->archive];
    if (!l->has_prefix) {
        size_t i = archive_find_tail(a, tail);
        if (i != SIZE_MAX) {
            const char *name = archive_name(a, i);
            snprintf(l->prefix, sizeof l->prefix, "%.*s", (int)(strlen(name) - strlen(tail)),
                     name);
            l->has_prefix = true;
        }
        return i;
    }
    char name[SOURCE_PATH + DATASET_ID];
    snprintf(name, sizeof name, "%s%s", l->prefix, tail);
    return archive_find(a, name);
}

/* by: where the line stands. */
static int take_line(struct lists *l, size_t split, const char *by, const char *line, size_t n,
                     struct err *e)
{
    char tail[DATASET_ID];
    int32_t label = 0;
    if (memchr(line, 0, n)) {
        return err_set(e, ERR_FORMAT, "a NUL byte");
    }
    if (l->parse(l->im, line, n, tail, &label, e)) {
        return -1;
    }
    size_t i = find(l, tail);
    if (i == SIZE_MAX) {
        images_absent(l->im, by, tail, l->im->archives[l->archive]);
        return 0;
    }
    if (l->seen[i]) {
        return err_set(e, ERR_FORMAT, "duplicate %.*s", (int)strcspn(tail, "."), tail);
    }
    l->seen[i] = true;
    return images_add(l->im, split, l->archive, i, label, strlen(l->prefix), e);
}

static int take_list(struct lists *l, const struct archive *from, const char *list, size_t split,
                     struct err *e)
{
    unsigned char *text;
    size_t n;
    if (images_member_text(from, list, &text, &n, e)) {
        return -1;
    }
    struct images_lines lines = {.text = (const char *)text, .n = n};
    int rc = 0;
    while (!rc && images_next_line(&lines)) {
        char by[64];
        snprintf(by, sizeof by, "%s, line %zu", list, lines.number);
        rc = take_line(l, split, by, lines.line, lines.len, e);
        rc = rc ? err_wrap(e, "%s: %s", archive_where(from), by) : 0;
    }
    free(text);
    return rc;
}

/* All lists: names of the source splits' lists in `from`, images in archive number `archive`. */
static int take_lists(struct images *im, size_t archive, const struct archive *from,
                      const char *const *names, line_fn *parse, struct err *e)
{
    struct lists *l = mem_take(1, sizeof *l, e);
    if (!l) {
        return -1;
    }
    *l = (struct lists){.im = im, .archive = archive, .parse = parse};
    int rc = archive_sort(im->archives[archive], e);
    if (!rc) {
        l->seen = mem_take(archive_count(im->archives[archive]), sizeof *l->seen, e);
        rc = l->seen ? 0 : -1;
    }
    for (size_t s = 0; s < im->desc->n_source_splits && !rc; s++) {
        rc = take_list(l, from, names[s], s, e);
    }
    free(l->seen);
    free(l);
    return rc ? -1 : 1;
}

static int parse_dtd(const struct images *im, const char *line, size_t n, char tail[DATASET_ID],
                     int32_t *label, struct err *e)
{
    const char *slash = memchr(line, '/', n);
    size_t n_class = slash ? (size_t)(slash - line) : n;
    *label = slash ? images_class(im, line, n_class) : -1;
    if (*label < 0 || n >= DATASET_ID) {
        return err_set(e, ERR_FORMAT, "'%.*s': %.*s is not a class", n < 80 ? (int)n : 80, line,
                       n_class < 80 ? (int)n_class : 80, line);
    }
    memcpy(tail, line, n);
    tail[n] = 0;
    return 0;
}

static int fill_dtd(struct images *im, const char *place, struct err *e)
{
    static const char *const names[] = {"dtd", "dtd-r1.0.1.tar.gz", "dtd-r1.0.1.tar", NULL};
    static const char *const lists[] = {"train1.txt", "val1.txt", "test1.txt"};
    struct archive *a;
    int rc = images_find(im, place, names, &a, e);
    return rc == 1 ? take_lists(im, 0, a, lists, parse_dtd, e) : rc;
}

static int open_dtd(void **state, const struct dataset_desc *d, const char *path,
                    const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* this row takes none */
    return images_open(state, d, IMAGES_KEY_TAIL, fill_dtd, "dtd-r1.0.1.tar.gz or dtd", where, e);
}

/* Splits a copy of the line at spaces. Returns the number of fields, at most max + 1. */
static size_t fields_of(char *text, char **fields, size_t max)
{
    size_t n = 0;
    for (char *rest = text, *f; (f = strtok_r(rest, " \t", &rest));) {
        if (n == max) {
            return max + 1;
        }
        fields[n++] = f;
    }
    return n;
}

static int parse_pets(const struct images *im, const char *line, size_t n, char tail[DATASET_ID],
                      int32_t *label, struct err *e)
{
    char copy[DATASET_ID], *fields[4];
    if (n >= sizeof copy - 4) {
        return err_set(e, ERR_FORMAT, "a line of %zu bytes", n);
    }
    memcpy(copy, line, n);
    copy[n] = 0;
    size_t n_fields = fields_of(copy, fields, 4);
    if (n_fields != 4) {
        return err_set(e, ERR_FORMAT, "%zu fields, 4 expected", n_fields);
    }
    uint64_t id;
    size_t n_classes = im->desc->n_classes;
    if (!str_to_u64(fields[1], &id) || id < 1 || id > n_classes) {
        return err_set(e, ERR_FORMAT, "CLASS-ID %s not in 1..%zu", fields[1], n_classes);
    }
    *label = (int32_t)id - 1;
    snprintf(tail, DATASET_ID, "%s.jpg", fields[0]);
    return 0;
}

static int fill_pets(struct images *im, const char *place, struct err *e)
{
    static const char *const annotations[] = {"annotations", "annotations.tar.gz",
                                              "annotations.tar", NULL};
    static const char *const images[] = {"images", "images.tar.gz", "images.tar", NULL};
    static const char *const lists[] = {"trainval.txt", "test.txt"};
    struct archive *from, *a;
    char list[SOURCE_PATH];
    if (file_join(list, sizeof list, place, "annotations/trainval.txt", e)) {
        return -1;
    }
    /* a folder "annotations" without that file may be anyone's */
    int rc = images_find(im, place, file_exists(list) ? annotations : annotations + 1, &from, e);
    if (rc != 1) {
        return rc;
    }
    rc = images_find(im, place, images, &a, e);
    if (!rc) {
        return err_set(e, ERR_ABSENT, "images.tar.gz missing in %s", place);
    }
    return rc == 1 ? take_lists(im, 1, from, lists, parse_pets, e) : rc;
}

static int open_pets(void **state, const struct dataset_desc *d, const char *path,
                     const struct dataset_dirs *where, struct err *e)
{
    (void)path;
    return images_open(state, d, IMAGES_KEY_TAIL, fill_pets, "annotations.tar.gz or annotations",
                       where, e);
}

const struct source_ops source_dtd = {
    .name = "dtd",
    .sources = "datasets/images_lists.c " IMAGES_SOURCES,
    .open = open_dtd,
    IMAGES_OPS,
};

const struct source_ops source_pets = {
    .name = "pets",
    .sources = "datasets/images_lists.c " IMAGES_SOURCES,
    .open = open_pets,
    IMAGES_OPS,
};
