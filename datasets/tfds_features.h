/* features.json of a directory that TFDS prepared: which features an example has. Nested features
 * are named as in the records: "objects/bbox". */
#ifndef BITBENCH_DATASETS_TFDS_FEATURES_H
#define BITBENCH_DATASETS_TFDS_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum tfds_kind {
    TFDS_OTHER, /* numbers, boxes ... */
    TFDS_IMAGE,
    TFDS_CLASS,
    TFDS_TEXT,
};

struct tfds_feature {
    char *name;
    enum tfds_kind kind;
    bool repeated;    /* in a sequence: any number of values */
    size_t n_classes; /* of TFDS_CLASS; 0: not told */
    size_t shape[3];  /* of TFDS_IMAGE: h, w, channels; 0: any */
};

struct tfds_features {
    struct tfds_feature *items;
    size_t n, cap;
};

/* Text [n] of the file called `file` (for messages), in any of the three forms that there were.
 * Release also after an error. */
int tfds_features_parse(struct tfds_features *f, const char *text, size_t n, const char *file,
                        struct err *e);
void tfds_features_release(struct tfds_features *f);
/* NULL where there is none. */
const struct tfds_feature *tfds_feature(const struct tfds_features *f, const char *name);

#endif
