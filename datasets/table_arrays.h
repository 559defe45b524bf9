/* Rows of the sets that come as arrays or records, for the table. */
#ifndef BITBENCH_DATASETS_TABLE_ARRAYS_H
#define BITBENCH_DATASETS_TABLE_ARRAYS_H

#include "datasets/dataset.h"

extern const struct dataset_desc dataset_svhn;
extern const struct dataset_desc dataset_smallnorb_azimuth, dataset_smallnorb_elevation;
extern const struct dataset_desc dataset_dsprites_location, dataset_dsprites_orientation;
extern const struct dataset_desc dataset_patch_camelyon;
extern const struct dataset_desc dataset_clevr_count, dataset_clevr_distance;
extern const struct dataset_desc dataset_dmlab, dataset_kitti_distance;

#endif
