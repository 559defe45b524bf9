/* Rows of the table of data sets whose images are files in archives or folders. */
#ifndef BITBENCH_DATASETS_TABLE_IMAGES_H
#define BITBENCH_DATASETS_TABLE_IMAGES_H

#include "datasets/dataset.h"

extern const struct dataset_desc dataset_ilsvrc2012, dataset_caltech101, dataset_dtd,
    dataset_flowers102, dataset_pets, dataset_sun397, dataset_eurosat, dataset_resisc45,
    dataset_retinopathy, dataset_retinopathy_photos;

#endif
