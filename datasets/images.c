/* Images that are members of archives: which, with which label, under which key. 16 bytes an
 * image beside the archives' own tables; the bytes are read when asked for. */
#include "datasets/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

void images_close(void *state)
{
    struct images *im = state;
    for (size_t i = im->n_archives; i-- > 0;) { /* inner ones before those they lie in */
        archive_close(im->archives[i]);
    }
    for (size_t s = 0; s < DATASET_MAX_SOURCE_SPLITS; s++) {
        free(im->items[s]);
    }
    free(im->archives);
    free(im);
}

/* source_visit's context. */
struct filling {
    struct images *im;
    images_fill_fn *fill;
};

static int visit(void *ctx, const char *place, struct err *e)
{
    struct filling *f = ctx;
    return f->fill(f->im, place, e);
}

int images_open(void **state, const struct dataset_desc *d, enum images_key key,
                images_fill_fn *fill, const char *what, const struct dataset_dirs *where,
                struct err *e)
{
    struct images *im = mem_take(1, sizeof *im, e);
    if (!im) {
        return -1;
    }
    im->desc = d;
    im->dirs = where;
    im->key = key;
    struct filling f = {im, fill};
    int rc = source_visit(d, where, visit, &f, e);
    if (!rc) {
        rc = source_absent(d, what, where, e);
    }
    if (rc < 0) {
        images_close(im);
        return -1;
    }
    archive_keep_indexes(im->archives, im->n_archives);
    if (im->n_absent > 1) {
        snprintf(im->absent, sizeof im->absent, "%s, nor are %zu others, the last one %s",
                 im->first_absent, im->n_absent - 1, im->last_absent);
    } else {
        snprintf(im->absent, sizeof im->absent, "%s", im->first_absent);
    }
    *state = im;
    return 0;
}

int images_take(struct images *im, struct archive *a, struct err *e)
{
    void *archives = im->archives;
    int rc = mem_grow(&archives, &im->cap_archives, im->n_archives + 1, sizeof a, e);
    im->archives = archives;
    if (rc) {
        archive_close(a);
        return -1;
    }
    im->archives[im->n_archives++] = a;
    return 0;
}

int images_find(struct images *im, const char *place, const char *const *names,
                struct archive **a, struct err *e)
{
    *a = NULL;
    for (; *names; names++) {
        char path[SOURCE_PATH];
        if (file_join(path, sizeof path, place, *names, e)) {
            return -1;
        }
        if (!file_exists(path)) {
            continue;
        }
        if (!im->where[0]) {
            memcpy(im->where, path, sizeof path);
        }
        if (archive_open_cached(a, path, im->dirs->cache, e) || images_take(im, *a, e)) {
            return -1;
        }
        return 1;
    }
    return 0;
}

int images_add(struct images *im, size_t source_split, size_t archive, size_t member,
               int32_t label, size_t tail, struct err *e)
{
    const struct archive *a = im->archives[archive];
    const char *name = archive_name(a, member);
    size_t n = strlen(name + tail);
    size_t most = DATASET_ID - 1;
    if (im->key == IMAGES_KEY_CLASS) {
        most -= strlen(im->desc->class_names[label]);
    }
    most -= 1; /* '_' or '/' */
    if (n > most) {
        return err_set(e, ERR_FORMAT, "%s: %.60s...: a name of %zu bytes, at most %zu allowed",
                       archive_where(a), name, n, most);
    }
    for (const char *p = name + tail; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f) {
            return err_set(e, ERR_FORMAT, "%s: control character 0x%02x in the name %.*s...",
                           archive_where(a), (unsigned)*p, (int)(p - name), name);
        }
    }
    if (archive_is_link(a, member)) {
        return err_set(e, ERR_FORMAT, "%s: %s is a link", archive_where(a), name);
    }
    void *items = im->items[source_split];
    size_t *count = &im->n[source_split];
    int rc = mem_grow(&items, &im->cap[source_split], *count + 1, sizeof **im->items, e);
    im->items[source_split] = items;
    if (rc) {
        return -1;
    }
    im->items[source_split][(*count)++] =
        (struct images_item){(uint32_t)archive, (uint32_t)member, label, (uint32_t)tail};
    return 0;
}

void images_absent(struct images *im, const char *by, const char *image, const struct archive *a)
{
    if (!im->n_absent++) {
        snprintf(im->first_absent, sizeof im->first_absent, "%.150s: %.150s is not in %.150s", by,
                 image, archive_where(a));
    }
    snprintf(im->last_absent, sizeof im->last_absent, "%s", image);
}

static const char *item_name(const struct images *im, const struct images_item *item)
{
    return archive_name(im->archives[item->archive], item->member);
}

/* Two images of one key differ in nothing but where they lie: tail, and class where it counts. */
static int compare(const void *x, const void *y, void *ctx)
{
    const struct images *im = ctx;
    const struct images_item *a = x, *b = y;
    int c = strcmp(item_name(im, a) + a->tail, item_name(im, b) + b->tail);
    if (!c && im->key == IMAGES_KEY_CLASS) {
        c = (a->label > b->label) - (a->label < b->label);
    }
    return c;
}

int images_unique(const struct images *im, struct err *e)
{
    size_t n = 0, at = 0;
    for (size_t s = 0; s < im->desc->n_source_splits; s++) {
        n += im->n[s];
    }
    struct images_item *all = mem_take(n, sizeof *all, e);
    if (!all) {
        return -1;
    }
    for (size_t s = 0; s < im->desc->n_source_splits; s++) {
        if (im->n[s]) {
            memcpy(all + at, im->items[s], im->n[s] * sizeof *all);
            at += im->n[s];
        }
    }
    qsort_r(all, n, sizeof *all, compare, (void *)(uintptr_t)im);
    int rc = 0;
    for (size_t i = 1; i < n && !rc; i++) {
        if (!compare(&all[i - 1], &all[i], (void *)(uintptr_t)im)) {
            bool same = all[i].archive == all[i - 1].archive && all[i].member == all[i - 1].member;
            rc = err_set(e, ERR_FORMAT, "%s: %s: %s%s", im->where, item_name(im, &all[i]),
                         same ? "in two splits or twice in one" : "duplicate of ",
                         same ? "" : item_name(im, &all[i - 1]));
        }
    }
    free(all);
    return rc;
}

int32_t images_class(const struct images *im, const char *name, size_t n)
{
    for (size_t c = 0; c < im->desc->n_classes; c++) {
        const char *class = im->desc->class_names[c];
        if (!strncmp(class, name, n) && !class[n]) {
            return (int32_t)c;
        }
    }
    return -1;
}

enum { MAX_TEXT = 64 << 20 };

int images_text(const char *place, const char *name, unsigned char **text, size_t *n,
                struct err *e)
{
    char path[SOURCE_PATH];
    if (file_join(path, sizeof path, place, name, e)) {
        return -1;
    }
    if (!file_exists(path)) {
        return 0;
    }
    return file_read(path, MAX_TEXT, text, n, e) ? -1 : 1;
}

int images_member_text(const struct archive *a, const char *tail, unsigned char **text, size_t *n,
                       struct err *e)
{
    size_t i = archive_find_tail(a, tail);
    if (i == SIZE_MAX) {
        return err_set(e, ERR_ABSENT, "%s missing in %s", tail, archive_where(a));
    }
    return archive_read_alloc(a, i, MAX_TEXT, text, n, e);
}

int images_next_line(struct images_lines *l)
{
    while (l->at < l->n) {
        const char *begin = l->text + l->at;
        const char *end = memchr(begin, '\n', l->n - l->at);
        size_t len = end ? (size_t)(end - begin) : l->n - l->at;
        l->at += len + (end != NULL);
        l->number++;
        while (len && (begin[len - 1] == '\r' || begin[len - 1] == ' ')) {
            len--;
        }
        if (len) {
            l->line = begin;
            l->len = len;
            return 1;
        }
    }
    return 0;
}

size_t images_count(const void *state, size_t source_split)
{
    return ((const struct images *)state)->n[source_split];
}

int32_t images_label(const void *state, size_t source_split, size_t i)
{
    return ((const struct images *)state)->items[source_split][i].label;
}

void images_copy_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    const struct images *im = state;
    const struct images_item *item = &im->items[source_split][i];
    const char *tail = item_name(im, item) + item->tail;
    if (im->key == IMAGES_KEY_CLASS) {
        snprintf(key, DATASET_ID, "%s_%s", im->desc->class_names[item->label], tail);
        return;
    }
    size_t n = strlen(tail);
    if (im->key == IMAGES_KEY_SLASH) {
        *key++ = '/';
    }
    if (im->key == IMAGES_KEY_STEM) {
        const char *dot = strrchr(tail, '.');
        n = dot ? (size_t)(dot - tail) : n;
    }
    memcpy(key, tail, n);
    key[n] = 0;
}

size_t images_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    const struct images *im = state;
    const struct images_item *item = &im->items[source_split][i];
    return (size_t)archive_bytes(im->archives[item->archive], item->member);
}

int images_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                struct sample *out, struct err *e)
{
    const struct images *im = state;
    const struct images_item *item = &im->items[source_split][i];
    const struct archive *a = im->archives[item->archive];
    size_t n = (size_t)archive_bytes(a, item->member);
    if (sample_buf_reserve(buf, n, e) || archive_read(a, item->member, buf->data, e)) {
        return -1;
    }
    *out = (struct sample){buf->data, n, SAMPLE_FILE, 0, 0};
    return 0;
}

void images_hint(const void *state, size_t source_split, size_t i)
{
    const struct images *im = state;
    const struct images_item *item = &im->items[source_split][i];
    archive_hint(im->archives[item->archive], item->member);
}

const char *images_where(const void *state)
{
    return ((const struct images *)state)->where;
}

const char *images_incomplete(const void *state)
{
    const struct images *im = state;
    return im->n_absent ? im->absent : NULL;
}
