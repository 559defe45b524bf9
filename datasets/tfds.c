/* Directories that TFDS prepared (tensorflow_datasets/core/{reader,naming,example_serializer}.py):
 * images are read out of their record when asked for; the record's checksum is tested each time. */
#include "datasets/tfds.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "datasets/codec/codec.h"
#include "datasets/codec/image_size.h"
#include "datasets/codec/tfrecord.h"
#include "datasets/files.h"
#include "datasets/tfds_private.h"
#include "harness/base/err.h"
#include "harness/base/file.h"

static const struct tfds_item *item_of(const struct tfds *t, size_t source_split, size_t i)
{
    return &t->splits[source_split].items[i];
}

static size_t tfds_count(const void *state, size_t source_split)
{
    return ((const struct tfds *)state)->splits[source_split].n;
}

static int32_t tfds_label(const void *state, size_t source_split, size_t i)
{
    return item_of(state, source_split, i)->label;
}

static size_t tfds_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    return item_of(state, source_split, i)->image_bytes;
}

/* The folder of a class: its name, but for those that differ in case. */
static const char *folder_of(const struct tfds_row *row, const char *class)
{
    for (const char *const *f = row->folders; *f; f++) {
        if (!strcasecmp(*f, class)) {
            return *f;
        }
    }
    return class;
}

static void tfds_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    const struct tfds *t = state;
    const struct tfds_item *item = item_of(t, source_split, i);
    const char *text = str_text(&t->splits[source_split].keys) + item->key;
    if (!t->row && !t->keys) {
        snprintf(key, DATASET_ID, "%zu", i);
        return;
    }
    if (!t->row || t->row->key_kind == TFDS_KEY_TEXT) {
        snprintf(key, DATASET_ID, "%s", text);
        return;
    }
    const char *class = t->desc->class_names[item->label];
    bool folder = t->row->key_kind == TFDS_KEY_FOLDER;
    snprintf(key, DATASET_ID, "%s%c%s", folder ? folder_of(t->row, class) : class,
             folder ? '/' : '_', text);
}

/* The whole record into buf, and its checksums tested. */
static int read_record(const struct tfds_shard *shard, const struct tfds_item *item,
                       struct sample_buf *buf, struct err *e)
{
    uint64_t size;
    size_t n = TFRECORD_HEAD + (size_t)item->bytes + TFRECORD_TAIL, bytes;
    int fd = file_open(shard->path, &size, e);
    if (fd < 0) {
        return -1;
    }
    int rc = 0;
    if (size != shard->bytes) {
        rc = err_set(e, ERR_FORMAT, "%s: %llu bytes, but %llu when the data set was opened",
                     shard->path, (unsigned long long)size, (unsigned long long)shard->bytes);
    }
    rc = rc ? rc : sample_buf_reserve(buf, n, e);
    rc = rc ? rc : file_pread(fd, buf->data, n, item->at, shard->path, e);
    close(fd);
    if (rc) {
        return rc;
    }
    const char *wrong = tfrecord_length(buf->data, size - item->at, &bytes);
    if (!wrong && bytes != item->bytes) {
        wrong = "another length than when the data set was opened";
    }
    if (!wrong && !tfrecord_sound(buf->data + TFRECORD_HEAD, bytes)) {
        wrong = tfrecord_unsound;
    }
    return wrong ? tfrecord_bad(shard->path, item->record, item->at, wrong, e) : 0;
}

/* Is it an image, of the size that features.json says? */
static int check_image(const struct tfds *t, const uint8_t *bytes, size_t n, struct err *e)
{
    size_t h, w, c;
    if (!image_size(bytes, n, &h, &w, &c)) {
        return err_set(e, ERR_FORMAT, "feature %s: not an image: neither PNG nor JPEG, GIF or BMP",
                       t->image);
    }
    if ((t->h && h && h != t->h) || (t->w && w && w != t->w)) {
        return err_set(e, ERR_FORMAT, "feature %s: shape %zux%zux%zu not %zux%zux%zu", t->image, h,
                       w, c, t->h, t->w, t->c);
    }
    return 0;
}

/* Pixels 0 and 1 as 0 and 255, in the place of the record in buf. */
static int stretch(const uint8_t *bytes, size_t n, struct sample_buf *buf, struct sample *out,
                   struct err *e)
{
    struct codec_buf pixels = {0};
    struct image img;
    int rc = png_decode(bytes, n, CODEC_PIL, &pixels, &img, e);
    if (!rc && img.c != 1) {
        rc = err_set(e, ERR_FORMAT, "an image in colour");
    }
    size_t n_pixels = rc ? 0 : img.h * img.w;
    rc = rc ? rc : sample_buf_reserve(buf, n_pixels, e);
    for (size_t i = 0; i < n_pixels && !rc; i++) {
        buf->data[i] = img.data[i] ? 255 : 0;
    }
    if (!rc) {
        *out = (struct sample){buf->data, n_pixels, SAMPLE_GREY, img.h, img.w};
    }
    free(pixels.data);
    return rc;
}

static int tfds_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                     struct sample *out, struct err *e)
{
    const struct tfds *t = state;
    const struct tfds_item *item = item_of(t, source_split, i);
    const struct tfds_shard *shard = &t->shards[item->shard];
    if (read_record(shard, item, buf, e)) {
        return -1;
    }
    const uint8_t *bytes = buf->data + TFRECORD_HEAD + item->image_at;
    *out = (struct sample){bytes, item->image_bytes, SAMPLE_FILE, 0, 0};
    if (check_image(t, bytes, item->image_bytes, e) ||
        (t->row && t->row->zero_one && stretch(bytes, item->image_bytes, buf, out, e))) {
        return err_wrap(e, "%s: record %u, offset %llu", shard->path, item->record,
                        (unsigned long long)item->at);
    }
    return 0;
}

static void tfds_hint(const void *state, size_t source_split, size_t i)
{
    const struct tfds *t = state;
    const struct tfds_item *item = item_of(t, source_split, i);
    int fd = open(t->shards[item->shard].path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        posix_fadvise(fd, (off_t)item->at, TFRECORD_HEAD + (off_t)item->bytes + TFRECORD_TAIL,
                      POSIX_FADV_WILLNEED);
        close(fd);
    }
}

static size_t tfds_n_classes(const void *state)
{
    return ((const struct tfds *)state)->n_classes;
}

static const char *tfds_class_name(const void *state, size_t label)
{
    const struct tfds *t = state;
    return t->names ? t->names[label] : NULL;
}

static const struct split_desc *tfds_splits(const void *state, size_t *n_splits)
{
    return files_split_rows(((const struct tfds *)state)->splits[FILES_VAL].n > 0, n_splits);
}

static const char *tfds_where(const void *state)
{
    return ((const struct tfds *)state)->where;
}

static const char *tfds_short_name(const void *state)
{
    return ((const struct tfds *)state)->short_name;
}

#define TFDS_SOURCES                                                      \
    "datasets/tfds.c datasets/tfds_open.c datasets/tfds_path.c "          \
    "datasets/tfds_index.c datasets/tfds_place.c datasets/tfds_info.c "   \
    "datasets/tfds_features.c datasets/tfds_row.c datasets/label_rule.c " \
    "datasets/codec/tfrecord.c datasets/codec/example.c "                 \
    "datasets/codec/example_scan.c datasets/codec/wire.c "                \
    "datasets/codec/image_size.c datasets/codec/crc32c.c"

const struct source_ops source_tfds = {
    .name = "tfds",
    .sources = TFDS_SOURCES,
    .open = tfds_open_path,
    .close = tfds_close,
    .count = tfds_count,
    .label = tfds_label,
    .key = tfds_key,
    .encoded_bytes = tfds_encoded_bytes,
    .read = tfds_read,
    .hint = tfds_hint,
    .n_classes = tfds_n_classes,
    .class_name = tfds_class_name,
    .splits = tfds_splits,
    .where = tfds_where,
    .short_name = tfds_short_name,
    .in_order = true,
};

const struct source_ops source_tfds_row = {
    .name = "tfds",
    .sources = TFDS_SOURCES,
    .open = tfds_open_row,
    .close = tfds_close,
    .count = tfds_count,
    .label = tfds_label,
    .key = tfds_key,
    .encoded_bytes = tfds_encoded_bytes,
    .read = tfds_read,
    .hint = tfds_hint,
    .where = tfds_where,
};
