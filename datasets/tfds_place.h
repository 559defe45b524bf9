/* Where a directory lies that TFDS prepared: NAME[/CONFIG]/VERSION, VERSION being three numbers. */
#ifndef BITBENCH_DATASETS_TFDS_PLACE_H
#define BITBENCH_DATASETS_TFDS_PLACE_H

#include "datasets/source.h"

struct tfds_row;

/* The version's folder of what the user named: that folder itself, or one above it with one
 * version below. -1: none (ERR_ABSENT) or several (ERR_USAGE, naming them). */
int tfds_place_of_path(const char *path, char dir[SOURCE_PATH], struct err *e);

/* The version's folder of a row, in the data folders or their folder tensorflow_datasets: of the
 * first place that has one of row->major or later, the lowest major's newest. 1, 0: none, -1: there
 * are only older ones (ERR_FORMAT). */
int tfds_place_of_row(const struct tfds_row *row, const struct dataset_dirs *where,
                      char dir[SOURCE_PATH], struct err *e);

#endif
