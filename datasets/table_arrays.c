/* Rows of the sets that come as arrays or records: VTAB's SVHN, small NORB, dSprites,
 * PatchCamelyon, CLEVR, DMLab and KITTI. Augmentations that would break the label are off: a crop
 * changes counts and distances, a flip positions and angles. */
#include "datasets/label_rule.h"
#include "datasets/source.h"
#include "datasets/table_splits.h"
#include "datasets/tfds_row.h"

#include "harness/base/tensor.h"

static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

static const char *const azimuths[] = {
    "0 degrees", "20 degrees", "40 degrees", "60 degrees", "80 degrees", "100 degrees",
    "120 degrees", "140 degrees", "160 degrees", "180 degrees", "200 degrees", "220 degrees",
    "240 degrees", "260 degrees", "280 degrees", "300 degrees", "320 degrees", "340 degrees"};

static const char *const elevations[] = {
    "30 degrees", "35 degrees", "40 degrees", "45 degrees", "50 degrees", "55 degrees",
    "60 degrees", "65 degrees", "70 degrees"};

static const char *const positions[] = {
    "x 0 to 1", "x 2 to 3", "x 4 to 5", "x 6 to 7", "x 8 to 9", "x 10 to 11",
    "x 12 to 13", "x 14 to 15", "x 16 to 17", "x 18 to 19", "x 20 to 21", "x 22 to 23",
    "x 24 to 25", "x 26 to 27", "x 28 to 29", "x 30 to 31"};

static const char *const turns[] = {
    "steps 0 to 2", "steps 3 to 4", "steps 5 to 7", "steps 8 to 9", "steps 10 to 12",
    "steps 13 to 14", "steps 15 to 17", "steps 18 to 19", "steps 20 to 22", "steps 23 to 24",
    "steps 25 to 27", "steps 28 to 29", "steps 30 to 32", "steps 33 to 34", "steps 35 to 37",
    "steps 38 to 39"};

static const char *const tissues[] = {"no tumour", "tumour"};

static const char *const counts[] = {"3 objects", "4 objects", "5 objects", "6 objects",
                                     "7 objects", "8 objects", "9 objects", "10 objects"};

static const char *const depths[] = {"up to 8", "8 to 8.5", "8.5 to 9",
                                     "9 to 9.5", "9.5 to 10", "beyond 10"};

static const char *const rewards[] = {
    "nearby apple or melon", "far apple or melon", "very far apple or melon",
    "nearby lemon", "far lemon", "very far lemon"};

static const char *const distances[] = {"up to 8 m", "8 to 20 m", "beyond 20 m", "no vehicle"};

const struct dataset_desc dataset_svhn = {
    .name = "svhn",
    .title = "SVHN: cropped digits of house numbers, 32 x 32",
    .citation = "Netzer et al.: Reading Digits in Natural Images with Unsupervised Feature "
                "Learning (2011)",
    .licence = "for non-commercial use only",
    .how_to_get = "train_32x32.mat and test_32x32.mat from ufldl.stanford.edu/housenumbers",
    .n_classes = 10,
    .class_names = digits,
    .salts = {"train", "test"},
    .official = {73257, 26032},
    .n_source_splits = 2,
    .splits = splits_90_10,
    .n_splits = TABLE_SPLITS,
    .folders = {"svhn", "svhn_cropped", ""},
    .h = 32,
    .w = 32,
    .numeric_ids = true,
    .no_flip = true,
    .rule = &rule_svhn,
    .source = &source_svhn,
    .tfds = &tfds_svhn,
};

/* What the two tasks on one source share. */
#define SMALLNORB                                                                             \
    .citation = "LeCun, Huang, Bottou: Learning Methods for Generic Object Recognition with " \
                "Invariance to Pose and Lighting (CVPR 2004)",                                \
    .licence = "for research only",                                                           \
    .how_to_get = "smallnorb-5x46789x9x18x6x2x96x96-training-{dat,info}.mat[.gz] and "        \
                  "smallnorb-5x01235x9x18x6x2x96x96-testing-{dat,info}.mat[.gz] from "        \
                  "cs.nyu.edu/~ylclab/data/norb-v1.0-small",                                  \
    .salts = {"train", "test"},                                                               \
    .official = {24300, 24300},                                                               \
    .n_source_splits = 2,                                                                     \
    .splits = splits_smallnorb,                                                               \
    .n_splits = TABLE_SPLITS,                                                                 \
    .folders = {"smallnorb", ""},                                                             \
    .h = 96,                                                                                  \
    .w = 96,                                                                                  \
    .numeric_ids = true,                                                                      \
    .source = &source_smallnorb

const struct dataset_desc dataset_smallnorb_azimuth = {
    .name = "smallnorb-azimuth",
    .title = "small NORB: from which side a toy is seen",
    .n_classes = 18,
    .class_names = azimuths,
    .no_flip = true,
    .rule = &rule_smallnorb_azimuth,
    .tfds = &tfds_smallnorb_azimuth,
    SMALLNORB,
};

const struct dataset_desc dataset_smallnorb_elevation = {
    .name = "smallnorb-elevation",
    .title = "small NORB: from which height a toy is seen",
    .n_classes = 9,
    .class_names = elevations,
    .rule = &rule_smallnorb_elevation,
    .tfds = &tfds_smallnorb_elevation,
    SMALLNORB,
};

/* Likewise. */
#define CLEVR                                                                                      \
    .citation = "Johnson et al.: CLEVR: A Diagnostic Dataset for Compositional Language and "      \
                "Elementary Visual Reasoning (CVPR 2017)",                                         \
    .licence = "CC BY 4.0",                                                                        \
    .how_to_get = "CLEVR_v1.0.zip, packed or unpacked, from cs.stanford.edu/people/jcjohns/clevr", \
    .salts = {"train", "validation"},                                                              \
    .official = {70000, 15000},                                                                    \
    .n_source_splits = 2,                                                                          \
    .splits = splits_90_10,                                                                        \
    .n_splits = TABLE_SPLITS,                                                                      \
    .folders = {"clevr", ""},                                                                      \
    .h = 320,                                                                                      \
    .w = 480,                                                                                      \
    .no_crop = true,                                                                               \
    .source = &source_clevr

const struct dataset_desc dataset_clevr_count = {
    .name = "clevr-count",
    .title = "CLEVR: how many objects are in the scene",
    .n_classes = 8,
    .class_names = counts,
    .rule = &rule_clevr_count,
    .tfds = &tfds_clevr_count,
    CLEVR,
};

const struct dataset_desc dataset_clevr_distance = {
    .name = "clevr-distance",
    .title = "CLEVR: how near the nearest object is",
    .n_classes = 6,
    .class_names = depths,
    .rule = &rule_clevr_distance,
    .tfds = &tfds_clevr_distance,
    CLEVR,
};

const struct dataset_desc dataset_kitti_distance = {
    .name = "kitti-distance",
    .title = "KITTI: how near the nearest vehicle is",
    .citation = "Geiger, Lenz, Urtasun: Are we ready for Autonomous Driving? The KITTI Vision "
                "Benchmark Suite (CVPR 2012)",
    .licence = "CC BY-NC-SA 3.0",
    .how_to_get = "data_object_image_2.zip, data_object_label_2.zip and devkit_object.zip, packed "
                  "or unpacked side by side, from www.cvlibs.net/datasets/kitti",
    .n_classes = 4,
    .class_names = distances,
    .salts = {"train", "validation", "test"},
    .official = {6347, 423, 711},
    .n_source_splits = 3,
    .splits = splits_three,
    .n_splits = TABLE_SPLITS,
    .folders = {"kitti", "Kitti/raw", ""},
    .no_crop = true,
    .rule = &rule_kitti_distance,
    .source = &source_kitti,
    .tfds = &tfds_kitti_distance,
};

const struct dataset_desc dataset_dmlab = {
    .name = "dmlab",
    .title = "DMLab: how far which kind of reward is in a maze",
    .citation = "Beattie et al.: DeepMind Lab, arXiv 1612.03801 (2016); Zhai et al.: A Large-scale "
                "Study of Representation Learning with VTAB, arXiv 1910.04867 (2019)",
    .licence = "none stated; part of VTAB (Apache 2.0)",
    .how_to_get = "dmlab.tar.gz of VTAB, packed or unpacked (dmlab-train.tfrecord and so on), from "
                  "storage.googleapis.com/akolesnikov-dmlab-data/dmlab.tar.gz",
    .n_classes = 6,
    .class_names = rewards,
    .salts = {"train", "validation", "test"},
    .official = {65550, 22628, 22735},
    .n_source_splits = 3,
    .splits = splits_three,
    .n_splits = TABLE_SPLITS,
    .folders = {"dmlab", ""},
    .h = 360,
    .w = 480,
    .no_crop = true,
    .rule = &rule_dmlab,
    .source = &source_dmlab,
    .tfds = &tfds_dmlab,
};

/* Likewise. */
#define DSPRITES                                                                                   \
    .citation = "Matthey, Higgins, Hassabis, Lerchner: dSprites: Disentanglement testing Sprites " \
                "dataset (2017)",                                                                  \
    .licence = "zlib/libpng",                                                                      \
    .how_to_get = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5 (or .npz) from "                \
                  "github.com/deepmind/dsprites-dataset",                                          \
    .n_classes = 16,                                                                               \
    .salts = {"train"},                                                                            \
    .official = {737280},                                                                          \
    .n_source_splits = 1,                                                                          \
    .splits = splits_80_10_10,                                                                     \
    .n_splits = TABLE_SPLITS,                                                                      \
    .folders = {"dsprites", ""},                                                                   \
    .h = 64,                                                                                       \
    .w = 64,                                                                                       \
    .numeric_ids = true,                                                                           \
    .no_flip = true,                                                                               \
    .source = &source_dsprites

const struct dataset_desc dataset_dsprites_location = {
    .name = "dsprites-location",
    .title = "dSprites: where from left to right a shape is",
    .class_names = positions,
    .no_crop = true,
    .rule = &rule_dsprites_location,
    .tfds = &tfds_dsprites_location,
    DSPRITES,
};

const struct dataset_desc dataset_dsprites_orientation = {
    .name = "dsprites-orientation",
    .title = "dSprites: how far a shape is turned",
    .class_names = turns,
    .rule = &rule_dsprites_orientation,
    .tfds = &tfds_dsprites_orientation,
    DSPRITES,
};

const struct dataset_desc dataset_patch_camelyon = {
    .name = "patch-camelyon",
    .title = "PatchCamelyon: tumour tissue in patches of lymph node sections",
    .citation = "Veeling et al.: Rotation Equivariant CNNs for Digital Pathology (MICCAI 2018)",
    .licence = "CC0",
    .how_to_get = "camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5[.gz] from "
                  "zenodo.org/record/2546921",
    .n_classes = 2,
    .class_names = tissues,
    .salts = {"train", "validation", "test"},
    .official = {262144, 32768, 32768},
    .n_source_splits = 3,
    .splits = splits_three,
    .n_splits = TABLE_SPLITS,
    .folders = {"patch_camelyon", "pcam", "patch-camelyon", ""},
    .h = 96,
    .w = 96,
    .rule = &rule_binary,
    .source = &source_pcam,
    .tfds = &tfds_patch_camelyon,
};
