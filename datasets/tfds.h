/* Directories that TFDS prepared: the row tfds:PATH, and the fallback of rows with a tfds_row. */
#ifndef BITBENCH_DATASETS_TFDS_H
#define BITBENCH_DATASETS_TFDS_H

#include "datasets/dataset.h"

extern const struct source_ops source_tfds;     /* tfds:PATH */
extern const struct source_ops source_tfds_row; /* of a row that has desc->tfds */

#endif
