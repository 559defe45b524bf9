/* How a row of the table looks in the directory that TFDS prepares from it: where it is, which
 * features say id and label. After tensorflow_datasets/image_classification and the like. */
#ifndef BITBENCH_DATASETS_TFDS_ROW_H
#define BITBENCH_DATASETS_TFDS_ROW_H

#include <stdbool.h>
#include <stddef.h>

/* What the id is, which is the key of the canonical order. */
enum tfds_key {
    TFDS_KEY_TEXT,   /* the feature's text */
    TFDS_KEY_NUMBER, /* the number at its end; without such a feature: the one that stands at the
                        record's position in the canonical order of as many numbers */
    TFDS_KEY_CLASS,  /* the name of the class, '_', the text */
    TFDS_KEY_FOLDER, /* the class's folder, '/', the text */
};

/* What the label is made of. */
enum tfds_label {
    TFDS_LABEL_CLASS,    /* one whole number: itself */
    TFDS_LABEL_VALUE,    /* one whole number: the row's rule, of it */
    TFDS_LABEL_DEPTHS,   /* points: the row's rule, of the third coordinate of each */
    TFDS_LABEL_VEHICLES, /* the same, of the points whose `type` is below 3 */
};

struct tfds_row {
    const char *builder, *config; /* config: NULL where there is none */
    unsigned major;               /* the oldest whose order is by md5; VTAB's */
    const char *key;              /* feature; NULL with TFDS_KEY_NUMBER: no version has one */
    enum tfds_key key_kind;
    const char *label; /* feature */
    enum tfds_label label_kind;
    const char *type;           /* feature; of TFDS_LABEL_VEHICLES */
    const char *const *folders; /* of TFDS_KEY_FOLDER: those whose name is not the class's,
                                   differing in case only; NULL behind the last */
    bool first;                 /* the task is this one: the row's source is asked only after it */
    bool encoded_again;         /* images are not the files': see dataset.raw_pixels */
    bool zero_one;              /* pixels are 0 and 1 for 0 and 255 */
};

extern const struct tfds_row tfds_fashion_mnist, tfds_cifar10, tfds_cifar100, tfds_svhn,
    tfds_smallnorb_azimuth, tfds_smallnorb_elevation, tfds_dsprites_location,
    tfds_dsprites_orientation, tfds_patch_camelyon, tfds_clevr_count, tfds_clevr_distance,
    tfds_dmlab, tfds_kitti_distance, tfds_ilsvrc2012, tfds_caltech101, tfds_dtd, tfds_flowers102,
    tfds_pets, tfds_sun397, tfds_eurosat, tfds_resisc45, tfds_retinopathy;

#endif
