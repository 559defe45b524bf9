/* Private to tfds.c, tfds_open.c and tfds_path.c: an opened directory that TFDS prepared. */
#ifndef BITBENCH_DATASETS_TFDS_PRIVATE_H
#define BITBENCH_DATASETS_TFDS_PRIVATE_H

#include "datasets/source.h"
#include "datasets/tfds_index.h"

struct tfds_features;
struct tfds_info;

struct tfds_shard {
    char *path;
    uint64_t bytes;
};

struct tfds {
    const struct dataset_desc *desc;
    const struct tfds_row *row; /* NULL: of tfds:PATH */
    char where[SOURCE_PATH];    /* the version's folder */
    char short_name[512];
    struct tfds_shard *shards;
    size_t n_shards, cap_shards;
    struct tfds_index splits[DATASET_MAX_SOURCE_SPLITS];
    bool keys;                   /* of tfds:PATH: images have ids of their own */
    size_t h, w, c;              /* of every image; 0: any */
    size_t n_classes;            /* of tfds:PATH */
    char *names_text;            /* class names, NUL-terminated */
    const char **names;          /* [n_classes], or NULL */
    char image[256], label[256]; /* features */
};

/* Members of the two sources. */
int tfds_open_path(void **state, const struct dataset_desc *d, const char *path,
                   const struct dataset_dirs *where, struct err *e);
int tfds_open_row(void **state, const struct dataset_desc *d, const char *path,
                  const struct dataset_dirs *where, struct err *e);
void tfds_close(void *state);

/* With t->desc, t->where and t->image set: fills the rest. */
typedef int tfds_open_fn(struct tfds *t, const struct tfds_info *info,
                         const struct tfds_features *f, struct err *e);
int tfds_open_contents(struct tfds *t, const struct tfds_info *info, const struct tfds_features *f,
                       struct err *e);
/* The shape of the images, where features.json fixes it: each is held to it when it is read. */
int tfds_take_shape(struct tfds *t, const struct tfds_features *f, struct err *e);
/* The records of all source splits; wants must live as long. */
int tfds_read_splits(struct tfds *t, const struct tfds_info *info, const struct tfds_wants *wants,
                     struct err *e);

#endif
