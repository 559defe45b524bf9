/* Opening a directory that TFDS prepared: its description, then the records of the splits that the
 * row has; and what is special to rows of the table. tfds_path.c has what is to tfds:PATH. */
#include "datasets/tfds_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "datasets/tfds_features.h"
#include "datasets/tfds_info.h"
#include "datasets/tfds_place.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

void tfds_close(void *state)
{
    struct tfds *t = state;
    for (size_t i = 0; i < t->n_shards; i++) {
        free(t->shards[i].path);
    }
    for (size_t s = 0; s < DATASET_MAX_SOURCE_SPLITS; s++) {
        tfds_index_release(&t->splits[s]);
    }
    free(t->shards);
    free(t->names_text);
    free(t->names);
    free(t);
}

/* features.json of the folder; none gives no features. */
static int read_features(const struct tfds *t, struct tfds_features *f, struct err *e)
{
    char path[SOURCE_PATH];
    unsigned char *text;
    size_t n;
    *f = (struct tfds_features){0};
    if (file_join(path, sizeof path, t->where, "features.json", e)) {
        return -1;
    }
    if (!file_exists(path)) {
        return 0;
    }
    if (file_read(path, JSON_MAX_BYTES, &text, &n, e)) {
        return -1;
    }
    int rc = tfds_features_parse(f, (const char *)text, n, path, e);
    free(text);
    return rc;
}

int tfds_take_shape(struct tfds *t, const struct tfds_features *f, struct err *e)
{
    const struct tfds_feature *image = tfds_feature(f, t->image);
    if (!f->n) {
        return 0;
    }
    if (!image || image->kind != TFDS_IMAGE || image->repeated) {
        return err_set(e, ERR_FORMAT, "%s/features.json: feature %s is not one image", t->where,
                       t->image);
    }
    t->h = image->shape[0];
    t->w = image->shape[1];
    t->c = image->shape[2];
    return 0;
}

static int add_shard(struct tfds *t, const char *path, struct err *e)
{
    struct tfds_shard s = {0};
    void *shards = t->shards;
    int rc = mem_grow(&shards, &t->cap_shards, t->n_shards + 1, sizeof s, e);
    t->shards = shards;
    int fd = rc ? -1 : file_open(path, &s.bytes, e);
    if (fd < 0) {
        /* A part that is missing is damage, not absence. */
        return rc || !e || e->code != ERR_ABSENT
                   ? -1
                   : err_set(e, ERR_FORMAT, "%s: no such file", path);
    }
    close(fd);
    s.path = mem_strdup(path, e);
    if (!s.path) {
        return -1;
    }
    t->shards[t->n_shards++] = s;
    return 0;
}

/* All shards of a split. */
static int read_split(struct tfds *t, const struct tfds_info *info, const struct tfds_split *s,
                      struct tfds_index *x, struct err *e)
{
    for (size_t i = 0; i < s->n_shards; i++) {
        char name[TFDS_FILE], path[SOURCE_PATH];
        size_t before = x->n;
        if (tfds_shard_name(info, s, i, name, e) ||
            file_join(path, sizeof path, t->where, name, e) || add_shard(t, path, e) ||
            tfds_index_shard(x, path, (uint32_t)t->n_shards - 1, e)) {
            return -1;
        }
        if (s->lengths && x->n - before != s->lengths[i]) {
            return err_set(e, ERR_FORMAT,
                           "%s: %zu records where shardLengths says %u (dataset_info.json)", path,
                           x->n - before, s->lengths[i]);
        }
    }
    if (s->n != SIZE_MAX && x->n != s->n) {
        return err_set(e, ERR_FORMAT,
                       "%s: %zu records in split %s where dataset_info.json says %zu", t->where,
                       x->n, s->name, s->n);
    }
    return 0;
}

int tfds_read_splits(struct tfds *t, const struct tfds_info *info,
                     const struct tfds_wants *wants, struct err *e)
{
    for (size_t s = 0; s < t->desc->n_source_splits; s++) {
        const struct tfds_split *split = tfds_info_split(info, t->desc->salts[s]);
        t->splits[s].wants = wants;
        if (split && read_split(t, info, split, &t->splits[s], e)) {
            return -1;
        }
    }
    return 0;
}

/* The number at the end of an id: train_00028 is 28. False: none. */
static bool tail_number(const char *text, size_t *number)
{
    uint64_t v;
    size_t n = strlen(text), from = n;
    while (from && text[from - 1] >= '0' && text[from - 1] <= '9') {
        from--;
    }
    if (from == n || !str_to_u64(text + from, &v)) {
        return false;
    }
    *number = (size_t)v;
    return true;
}

/* The canonical order of the keys 0 .. n-1. */
static int order_numbers(const char *salt, size_t n, size_t *order, struct err *e)
{
    const struct dataset_desc desc = {.salts = {salt}, .numeric_ids = true};
    const struct source_ops source = {.name = "numbers"};
    const struct dataset d = {.desc = &desc, .source = &source, .n = {n}};
    return order_make(&d, 0, order, e);
}

/* Which number the image at each position of the shards has. */
static int find_numbers(const struct tfds *t, size_t s, size_t *number, struct err *e)
{
    const struct tfds_index *x = &t->splits[s];
    if (x->key == x->wants->n_keys) {
        return order_numbers(t->desc->salts[s], x->n, number, e);
    }
    for (size_t p = 0; p < x->n; p++) {
        const char *id = str_text(&x->keys) + x->items[p].key;
        if (!tail_number(id, &number[p]) || number[p] >= x->n) {
            return err_set(e, ERR_FORMAT, "%s: id %s ends in no number below %zu",
                           t->shards[x->items[p].shard].path, id, x->n);
        }
    }
    return 0;
}

/* Puts image number i in row i, as it is in the archive. */
static int sort_by_number(struct tfds *t, size_t s, struct err *e)
{
    struct tfds_index *x = &t->splits[s];
    size_t *number = mem_take(x->n, sizeof *number, e);
    struct tfds_item *items = mem_take(x->n, sizeof *items, e);
    int rc = number && items ? find_numbers(t, s, number, e) : -1;
    for (size_t p = 0; p < x->n && !rc; p++) {
        if (items[number[p]].bytes) {
            rc = err_set(e, ERR_FORMAT, "%s: two images of number %zu",
                         t->shards[x->items[p].shard].path, number[p]);
        } else {
            items[number[p]] = x->items[p];
        }
    }
    free(number);
    if (rc) {
        free(items);
        return rc;
    }
    free(x->items);
    x->items = items;
    x->cap = x->n;
    str_release(&x->keys);
    return 0;
}

/* Ids with the class in front must fit. */
static int check_lengths(const struct tfds *t, size_t s, struct err *e)
{
    const struct tfds_index *x = &t->splits[s];
    for (size_t i = 0; i < x->n; i++) {
        const char *text = str_text(&x->keys) + x->items[i].key;
        size_t n = strlen(t->desc->class_names[x->items[i].label]) + 1 + strlen(text);
        if (n >= DATASET_ID) {
            return err_set(e, ERR_FORMAT, "%s: record %u: an id of %zu bytes, at most %d allowed",
                           t->shards[x->items[i].shard].path, x->items[i].record, n,
                           DATASET_ID - 1);
        }
    }
    return 0;
}

static int open_row(struct tfds *t, const struct tfds_info *info, const struct tfds_features *f,
                    struct err *e)
{
    const struct tfds_row *row = t->row;
    const struct tfds_feature *label = tfds_feature(f, row->label);
    bool number = row->key_kind == TFDS_KEY_NUMBER, class = row->label_kind == TFDS_LABEL_CLASS;
    const struct tfds_wants wants = {.image = t->image,
                                     .label = row->label,
                                     .type = row->type,
                                     .label_kind = row->label_kind,
                                     .rule = class ? NULL : t->desc->rule,
                                     .n_classes = t->desc->n_classes,
                                     .keys = &row->key,
                                     .n_keys = row->key ? 1 : 0,
                                     .key_needed = !number,
                                     .key_strict = true};
    if (strcmp(info->name, row->builder) != 0) {
        return err_set(e, ERR_FORMAT, "%s/dataset_info.json: the name is %s, not %s", t->where,
                       info->name, row->builder);
    }
    if (class && label && label->n_classes && label->n_classes != t->desc->n_classes) {
        return err_set(e, ERR_FORMAT, "%s/features.json: %zu classes of %s, not %zu", t->where,
                       label->n_classes, row->label, t->desc->n_classes);
    }
    int rc = tfds_take_shape(t, f, e) || tfds_read_splits(t, info, &wants, e) ? -1 : 0;
    for (size_t s = 0; s < t->desc->n_source_splits && !rc; s++) {
        if (number) {
            rc = sort_by_number(t, s, e);
        } else if (row->key_kind != TFDS_KEY_TEXT) {
            rc = check_lengths(t, s, e);
        }
        t->splits[s].wants = NULL; /* ends with this function */
    }
    return rc;
}

/* Takes t over. */
static int open_dir(void **state, struct tfds *t, tfds_open_fn *open_it, struct err *e)
{
    struct tfds_info info = {0};
    struct tfds_features features = {0};
    char path[SOURCE_PATH];
    int rc = file_join(path, sizeof path, t->where, "dataset_info.json", e) ||
                     tfds_info_read(&info, path, e) || read_features(t, &features, e) ||
                     open_it(t, &info, &features, e)
                 ? -1
                 : 0;
    tfds_info_release(&info);
    tfds_features_release(&features);
    if (rc) {
        tfds_close(t);
        return rc;
    }
    *state = t;
    return 0;
}

int tfds_open_path(void **state, const struct dataset_desc *d, const char *path,
                   const struct dataset_dirs *where, struct err *e)
{
    (void)where; /* the path says it all */
    struct tfds *t = mem_take(1, sizeof *t, e);
    if (!t) {
        return -1;
    }
    t->desc = d;
    if (tfds_place_of_path(path, t->where, e)) {
        tfds_close(t);
        return -1;
    }
    return open_dir(state, t, tfds_open_contents, e);
}

int tfds_open_row(void **state, const struct dataset_desc *d, const char *path,
                  const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows take none */
    struct tfds *t = mem_take(1, sizeof *t, e);
    if (!t) {
        return -1;
    }
    t->desc = d;
    t->row = d->tfds;
    strcpy(t->image, "image");
    int rc = tfds_place_of_row(d->tfds, where, t->where, e);
    if (rc <= 0) {
        tfds_close(t);
        return rc ? -1
                  : err_set(e, ERR_ABSENT, "no prepared directory %s%s%s of version %u or later",
                            d->tfds->builder, d->tfds->config ? "/" : "",
                            d->tfds->config ? d->tfds->config : "", d->tfds->major);
    }
    return open_dir(state, t, open_row, e);
}
