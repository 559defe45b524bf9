/* dataset_info.json of a directory that TFDS prepared (tensorflow_datasets/core/proto/
 * dataset_info.proto as JSON): its name, its splits, the files they are in. */
#ifndef BITBENCH_DATASETS_TFDS_INFO_H
#define BITBENCH_DATASETS_TFDS_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { TFDS_NAME = 128,
       TFDS_FILE = 512,           /* bytes of a shard's name */
       TFDS_MAX_SHARDS = 100000,  /* of a split */
       TFDS_MAX_IMAGES = 1 << 30, /* of a split */
       TFDS_MAX_SPLITS = 256 };

struct tfds_split {
    char name[TFDS_NAME], template[TFDS_FILE];
    size_t n_shards;
    uint32_t *lengths; /* records of each shard, [n_shards]; NULL: not told */
    size_t n;          /* records of all; SIZE_MAX: not told */
};

struct tfds_info {
    char name[TFDS_NAME], config[TFDS_NAME], version[TFDS_NAME]; /* "" where not told */
    char input[TFDS_NAME], output[TFDS_NAME];                    /* supervised keys, or "" */
    struct tfds_split *splits;
    size_t n_splits;
};

/* Text [n] of the file called `file` (for messages). -1: no JSON, another format than tfrecord, a
 * name or template that leaves the directory, lengths that are none. Release also then. */
int tfds_info_parse(struct tfds_info *info, const char *text, size_t n, const char *file,
                    struct err *e);
int tfds_info_read(struct tfds_info *info, const char *file, struct err *e);
void tfds_info_release(struct tfds_info *info);
/* NULL where there is none of that name. */
const struct tfds_split *tfds_info_split(const struct tfds_info *info, const char *name);
/* The file of a shard. */
int tfds_shard_name(const struct tfds_info *info, const struct tfds_split *s, size_t shard,
                    char name[TFDS_FILE], struct err *e);

#endif
