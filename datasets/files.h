/* Private to the source list: (and folder: and tar:, which have the same splits): image files of up
 * to three splits, read when asked for. */
#ifndef BITBENCH_DATASETS_FILES_H
#define BITBENCH_DATASETS_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "datasets/label_words.h"
#include "datasets/source.h"
#include "harness/base/str.h"

/* Source splits of these rows. */
enum files_split { FILES_TRAIN,
                   FILES_VAL,
                   FILES_TEST,
                   FILES_SPLITS };

struct files_item {
    size_t key; /* offset in text: the path below the split's base folder, which is the id */
    uint64_t bytes;
    int32_t label;
};

struct files {
    char where[SOURCE_PATH];
    char base[FILES_SPLITS][SOURCE_PATH];
    struct str text; /* keys, NUL-terminated */
    struct files_item *items[FILES_SPLITS];
    size_t n[FILES_SPLITS], cap[FILES_SPLITS];
    struct label_set classes;
};

int files_new(struct files **f, const char *where, struct err *e);
void files_close(void *state);
/* Adds an image. key: relative to the split's base folder, or absolute; at most 255 bytes without
 * control characters. The file must exist and be regular; its size is noted. */
int files_add(struct files *f, enum files_split split, const char *key, int32_t label,
              struct err *e);
const char *files_key(const struct files *f, enum files_split split, size_t i);

/* The named splits. With validation images of their own, `val` is these and `train` all of train;
 * without, `val` is the last 10 per cent of the canonical order of train and `train` the rest.
 * trainval is always everything but test. */
const struct split_desc *files_split_rows(bool has_val, size_t *n_splits);

/* Members of struct source_ops. */
size_t files_count(const void *state, size_t source_split);
int32_t files_label(const void *state, size_t source_split, size_t i);
void files_copy_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID]);
size_t files_encoded_bytes(const void *state, size_t source_split, size_t i);
int files_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
               struct sample *out, struct err *e);
void files_hint(const void *state, size_t source_split, size_t i);
size_t files_n_classes(const void *state);
const char *files_class_name(const void *state, size_t label);
const struct split_desc *files_splits(const void *state, size_t *n_splits);
const char *files_where(const void *state);

#endif
