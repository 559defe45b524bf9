/* See tfds_index.h. One window moves over the file: of images much larger than it, only the
 * neighbourhood of the small features is read. */
#include "datasets/tfds_index.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "datasets/codec/example.h"
#include "datasets/codec/example_scan.h"
#include "datasets/codec/tfrecord.h"
#include "datasets/label_rule.h"
#include "datasets/source.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

enum { NEAR = 1 << 16, /* read at once where the next bytes wanted are not far */
       FAR = 1 << 12 };

/* What is read of a file. */
struct window {
    int fd;
    const char *name;
    uint64_t size, base; /* of the file; offset of the data of the record that is being read */
    uint64_t at;         /* of buf in the file */
    size_t n;
    void *buf;
    size_t cap;
};

/* What was found in a record. */
struct found {
    const struct tfds_wants *wants;
    bool image, label, type;
    size_t image_at, image_bytes;
    size_t key;                /* the best so far */
    char key_text[DATASET_ID]; /* "" where it can be no id */
    int64_t value;             /* the label, where it is one number */
    float points[3 * TFDS_MAX_OBJECTS];
    int64_t types[TFDS_MAX_OBJECTS];
    size_t n_points, n_types;
};

/* n bytes at offset `at` of the file; they lie within it. */
static int look(struct window *w, uint64_t at, size_t n, const uint8_t **p, struct err *e)
{
    if (at < w->at || at + n > w->at + w->n) {
        bool near = at >= w->at && at - w->at <= w->n + NEAR;
        uint64_t most = w->size - at, want = near ? NEAR : FAR;
        want = want < n ? n : want;
        want = want < most ? want : most;
        w->n = 0;
        if (mem_grow(&w->buf, &w->cap, (size_t)want, 1, e) ||
            file_pread(w->fd, w->buf, (size_t)want, at, w->name, e)) {
            return -1;
        }
        w->at = at;
        w->n = (size_t)want;
    }
    *p = (const uint8_t *)w->buf + (at - w->at);
    return 0;
}

static int need(void *ctx, size_t at, size_t n, const uint8_t **p, struct err *e)
{
    struct window *w = ctx;
    return look(w, w->base + at, n, p, e);
}

static bool named(const struct example_feature *f, const char *name)
{
    return f->n_name == strlen(name) && !memcmp(f->name, name, f->n_name);
}

static int take_image(struct found *x, const struct example_feature *f, size_t at, size_t bytes,
                      struct err *e)
{
    if (example_expect(f, x->wants->image, EXAMPLE_BYTES, e)) {
        return -1;
    }
    if (f->n != 1) {
        return err_set(e, ERR_FORMAT, "feature %s has %zu values, not one image", x->wants->image,
                       f->n);
    }
    x->image = true;
    x->image_at = at;
    x->image_bytes = bytes;
    return 0;
}

/* Text that may be an id: 1 to 255 bytes without control characters; else "". */
static void take_key(struct found *x, size_t key, const struct example_feature *f)
{
    const uint8_t *bytes;
    size_t n;
    if (key > x->key || f->kind != EXAMPLE_BYTES) {
        return;
    }
    x->key = key;
    x->key_text[0] = 0;
    if (f->n != 1 || !f->list) {
        return;
    }
    example_bytes(f, 0, &bytes, &n);
    if (n >= sizeof x->key_text) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] < ' ' || bytes[i] == 0x7f) {
            return;
        }
    }
    memcpy(x->key_text, bytes, n);
    x->key_text[n] = 0;
}

static int take_value(struct found *x, const struct example_feature *f, struct err *e)
{
    if (example_expect(f, x->wants->label, EXAMPLE_INT, e)) {
        return -1;
    }
    if (f->n != 1) {
        return err_set(e, ERR_FORMAT, "feature %s has %zu values, not one", x->wants->label, f->n);
    }
    x->value = example_int(f, 0);
    return 0;
}

static int take_points(struct found *x, const struct example_feature *f, struct err *e)
{
    if (example_expect(f, x->wants->label, EXAMPLE_FLOAT, e)) {
        return -1;
    }
    if (f->n % 3 || f->n > 3 * TFDS_MAX_OBJECTS) {
        return err_set(e, ERR_FORMAT,
                       "feature %s has %zu values, not three for each of at most %d objects",
                       x->wants->label, f->n, TFDS_MAX_OBJECTS);
    }
    x->n_points = f->n / 3;
    for (size_t i = 0; i < f->n; i++) {
        x->points[i] = example_float(f, i);
    }
    return 0;
}

static int take_types(struct found *x, const struct example_feature *f, struct err *e)
{
    if (example_expect(f, x->wants->type, EXAMPLE_INT, e)) {
        return -1;
    }
    if (f->n > TFDS_MAX_OBJECTS) {
        return err_set(e, ERR_FORMAT, "feature %s has %zu values, at most %d objects allowed",
                       x->wants->type, f->n, TFDS_MAX_OBJECTS);
    }
    x->n_types = f->n;
    for (size_t i = 0; i < f->n; i++) {
        x->types[i] = example_int(f, i);
    }
    x->type = true;
    return 0;
}

static int take_feature(void *ctx, const struct example_feature *f, size_t at, size_t bytes,
                        struct err *e)
{
    struct found *x = ctx;
    const struct tfds_wants *w = x->wants;
    if (named(f, w->image)) {
        return take_image(x, f, at, bytes, e);
    }
    if (named(f, w->label)) {
        x->label = true;
        return w->label_kind == TFDS_LABEL_CLASS || w->label_kind == TFDS_LABEL_VALUE
                   ? take_value(x, f, e)
                   : take_points(x, f, e);
    }
    if (w->type && named(f, w->type)) {
        return take_types(x, f, e);
    }
    for (size_t i = 0; i < w->n_keys; i++) {
        if (named(f, w->keys[i])) {
            take_key(x, i, f);
        }
    }
    return 0;
}

/* The third coordinates of the points that count. */
static int32_t label_of_points(const struct found *x)
{
    float depths[TFDS_MAX_OBJECTS];
    size_t n = 0;
    for (size_t i = 0; i < x->n_points; i++) {
        if (x->wants->label_kind == TFDS_LABEL_DEPTHS || (x->types[i] >= 0 && x->types[i] < 3)) {
            depths[n++] = x->points[3 * i + 2];
        }
    }
    return x->wants->rule->label(depths, n);
}

static int make_label(const struct found *x, int32_t *label, struct err *e)
{
    const struct tfds_wants *w = x->wants;
    if (!x->label || (w->type && !x->type)) {
        return err_set(e, ERR_FORMAT, "feature `%s` missing", x->label ? w->type : w->label);
    }
    if (w->type && x->n_types != x->n_points) {
        return err_set(e, ERR_FORMAT, "%zu points in %s and %zu in %s", x->n_points, w->label,
                       x->n_types, w->type);
    }
    if (w->label_kind == TFDS_LABEL_CLASS) {
        if (x->value < 0 || (uint64_t)x->value >= w->n_classes) {
            return err_set(e, ERR_FORMAT, "%s %lld not in 0..%zu", w->label, (long long)x->value,
                           w->n_classes - 1);
        }
        *label = (int32_t)x->value;
        return 0;
    }
    *label = w->label_kind == TFDS_LABEL_VALUE ? w->rule->label(&(float){(float)x->value}, 1)
                                               : label_of_points(x);
    if (*label < 0) {
        return w->label_kind == TFDS_LABEL_VALUE
                   ? err_set(e, ERR_FORMAT, "%s %lld not in %s", w->label, (long long)x->value,
                             w->rule->range)
                   : err_set(e, ERR_FORMAT, "%s: %s of %zu objects: not in %s", w->label,
                             w->rule->what, x->n_points, w->rule->range);
    }
    return 0;
}

static int add_key(struct tfds_index *x, const struct found *f, struct tfds_item *item,
                   struct err *e)
{
    const struct tfds_wants *w = x->wants;
    if (!x->key_chosen) {
        x->key_chosen = true;
        x->key = f->key;
    }
    if (x->key == w->n_keys) {
        return w->key_needed ? err_set(e, ERR_FORMAT, "feature `%s` missing", w->keys[0]) : 0;
    }
    if (f->key != x->key && w->key_strict) {
        return err_set(e, ERR_FORMAT, "feature `%s` missing", w->keys[x->key]);
    }
    if (f->key != x->key || !f->key_text[0]) {
        if (w->key_strict) {
            return err_set(e, ERR_FORMAT, "feature %s is no id: not one text of 1 to %d bytes "
                                          "without control characters",
                           w->keys[x->key], DATASET_ID - 1);
        }
        x->key = w->n_keys; /* then none has one */
        return 0;
    }
    size_t n = strlen(f->key_text) + 1;
    if (x->keys.len + n > UINT32_MAX) {
        return err_set(e, ERR_LIMIT, "ids of more than 4 GiB");
    }
    item->key = (uint32_t)x->keys.len;
    str_add_n(&x->keys, f->key_text, n);
    return str_check(&x->keys, e);
}

/* The record whose data of n bytes begin at w->base. */
static int read_record(struct tfds_index *x, struct window *w, size_t n, struct tfds_item *item,
                       struct err *e)
{
    struct found f = {.wants = x->wants, .key = x->wants->n_keys};
    const struct example_scan scan = {need, w, take_feature, &f};
    if (example_scan(&scan, n, e)) {
        return -1;
    }
    if (!f.image) {
        return err_set(e, ERR_FORMAT, "feature `%s` missing", x->wants->image);
    }
    item->image_at = (uint32_t)f.image_at;
    item->image_bytes = (uint32_t)f.image_bytes;
    return make_label(&f, &item->label, e) || add_key(x, &f, item, e) ? -1 : 0;
}

/* What is wrong with a record may be that its bytes are not those that were written. */
static int blame(struct window *w, size_t record, uint64_t at, size_t n, struct err *e)
{
    const uint8_t *data;
    struct err ignored = {0};
    if (e && e->code == ERR_FORMAT && !look(w, w->base, n + TFRECORD_TAIL, &data, &ignored) &&
        !tfrecord_sound(data, n)) {
        return tfrecord_bad(w->name, record, at, tfrecord_unsound, e);
    }
    return err_wrap(e, "%s: record %zu, offset %llu", w->name, record, (unsigned long long)at);
}

static int read_records(struct tfds_index *x, struct window *w, uint32_t shard, struct err *e)
{
    uint64_t at = 0;
    for (uint32_t record = 0; at < w->size; record++) {
        const uint8_t *head;
        uint64_t left = w->size - at;
        size_t n, there = left < TFRECORD_HEAD ? (size_t)left : TFRECORD_HEAD;
        if (look(w, at, there, &head, e)) {
            return -1;
        }
        const char *wrong = tfrecord_length(head, left, &n);
        if (wrong) {
            return tfrecord_bad(w->name, record, at, wrong, e);
        }
        struct tfds_item item = {
            .at = at, .bytes = (uint32_t)n, .shard = shard, .record = record};
        w->base = at + TFRECORD_HEAD;
        void *items = x->items;
        int rc = mem_grow(&items, &x->cap, x->n + 1, sizeof item, e);
        x->items = items;
        if (rc || read_record(x, w, n, &item, e)) {
            return blame(w, record, at, n, e);
        }
        x->items[x->n++] = item;
        at = w->base + n + TFRECORD_TAIL;
    }
    return 0;
}

int tfds_index_shard(struct tfds_index *x, const char *path, uint32_t shard, struct err *e)
{
    struct window w = {.name = path};
    w.fd = file_open(path, &w.size, e);
    if (w.fd < 0) {
        return -1;
    }
    int rc = read_records(x, &w, shard, e);
    free(w.buf);
    close(w.fd);
    return rc;
}

void tfds_index_release(struct tfds_index *x)
{
    free(x->items);
    str_release(&x->keys);
    *x = (struct tfds_index){0};
}
