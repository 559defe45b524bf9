/* The records of a shard: where each image lies, its label, its id. Only the small features are
 * read; images are passed over. */
#ifndef BITBENCH_DATASETS_TFDS_INDEX_H
#define BITBENCH_DATASETS_TFDS_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "datasets/tfds_row.h"
#include "harness/base/str.h"

struct err;
struct label_rule;

struct tfds_item {
    uint64_t at;                    /* of the record in its shard */
    uint32_t bytes;                 /* of its data */
    uint32_t image_at, image_bytes; /* in the data */
    uint32_t shard, record;
    uint32_t key; /* offset in keys */
    int32_t label;
};

/* What to take. */
struct tfds_wants {
    const char *image, *label, *type; /* features; type: of TFDS_LABEL_VEHICLES */
    enum tfds_label label_kind;
    const struct label_rule *rule; /* but for TFDS_LABEL_CLASS */
    size_t n_classes;
    const char *const *keys; /* features that may hold the id, the best first [n_keys] */
    size_t n_keys;
    bool key_needed, key_strict; /* an image without, with one that can be no id, is an error */
};

struct tfds_index {
    const struct tfds_wants *wants;
    struct tfds_item *items;
    size_t n, cap;
    struct str keys; /* NUL-terminated */
    bool key_chosen; /* after the first record: the best of those it has, */
    size_t key;      /* in wants->keys; n_keys: none */
};

enum { TFDS_MAX_OBJECTS = 256 }; /* in an image */

/* Adds the records of the file at path, which is number `shard`. ERR_FORMAT names file, record and
 * offset. The data's checksum is tested only where something is wrong, and when an image is
 * read. */
int tfds_index_shard(struct tfds_index *x, const char *path, uint32_t shard, struct err *e);
void tfds_index_release(struct tfds_index *x);

#endif
