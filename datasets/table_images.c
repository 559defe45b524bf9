/* Rows of image files. Splits after VTAB (task_adaptation/data/NAME.py); ILSVRC-2012's after BiT:
 * the last 1 per cent of train is `val`, the official validation set is `test`. */
#include "datasets/table_images.h"

#include "datasets/class_names.h"
#include "datasets/images.h"
#include "datasets/table_splits.h"
#include "datasets/tfds_row.h"
#include "harness/base/tensor.h"

const struct dataset_desc dataset_ilsvrc2012 = {
    .name = "ilsvrc2012",
    .title = "ILSVRC-2012: ImageNet's 1000 classes",
    .citation = "Russakovsky et al.: ImageNet Large Scale Visual Recognition Challenge, "
                "arXiv 1409.0575 (2014)",
    .licence = "ImageNet's terms: non-commercial research",
    .how_to_get = "ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and "
                  "ILSVRC2012_devkit_t12.tar.gz from image-net.org (account needed), as they are; "
                  "or folders train/WNID and val/WNID",
    .n_classes = 1000,
    .class_names = class_names_ilsvrc2012,
    .salts = {"train", "validation"},
    .official = {1281167, 50000},
    .n_source_splits = 2,
    .splits = splits_99_1,
    .n_splits = TABLE_SPLITS,
    .folders = {"ilsvrc2012", "imagenet2012", "imagenet", ""},
    .source = &source_ilsvrc2012,
    .tfds = &tfds_ilsvrc2012,
};

const struct dataset_desc dataset_caltech101 = {
    .name = "caltech101",
    .title = "Caltech101: objects, with the background class",
    .citation = "Fei-Fei, Fergus, Perona: Learning Generative Visual Models from Few Training "
                "Examples (2004)",
    .licence = "CC BY 4.0",
    .how_to_get = "caltech-101.zip or 101_ObjectCategories.tar.gz from "
                  "data.caltech.edu/records/mzrjq-6wc02, and beside it caltech101_train.txt, the "
                  "3060 training images of the split as CLASS/image_NNNN.jpg, one a line",
    .n_classes = 102,
    .class_names = class_names_caltech101,
    .salts = {"train", "test"},
    .official = {3060, 6084},
    .n_source_splits = 2,
    .splits = splits_90_10,
    .n_splits = TABLE_SPLITS,
    .folders = {"caltech101", "caltech-101", ""},
    .source = &source_caltech101,
    .tfds = &tfds_caltech101,
};

const struct dataset_desc dataset_dtd = {
    .name = "dtd",
    .title = "DTD: describable textures, fold 1",
    .citation = "Cimpoi, Maji, Kokkinos, Mohamed, Vedaldi: Describing Textures in the Wild (2014)",
    .licence = "research use",
    .how_to_get = "dtd-r1.0.1.tar.gz from www.robots.ox.ac.uk/~vgg/data/dtd, packed or unpacked",
    .n_classes = 47,
    .class_names = class_names_dtd,
    .salts = {"train", "validation", "test"},
    .official = {1880, 1880, 1880},
    .n_source_splits = 3,
    .splits = splits_three,
    .n_splits = TABLE_SPLITS,
    .folders = {"dtd", ""},
    .source = &source_dtd,
    .tfds = &tfds_dtd,
};

const struct dataset_desc dataset_flowers102 = {
    .name = "flowers102",
    .title = "Oxford Flowers-102: flowers common in the United Kingdom",
    .citation = "Nilsback, Zisserman: Automated Flower Classification over a Large Number of "
                "Classes (2008)",
    .licence = "research use",
    .how_to_get = "102flowers.tgz (packed, or its folder jpg), imagelabels.mat and setid.mat from "
                  "www.robots.ox.ac.uk/~vgg/data/flowers/102",
    .n_classes = 102,
    .class_names = class_names_flowers102,
    .salts = {"train", "validation", "test"},
    .official = {1020, 1020, 6149},
    .n_source_splits = 3,
    .splits = splits_three,
    .n_splits = TABLE_SPLITS,
    .folders = {"flowers102", "oxford_flowers102", "flowers-102", ""},
    .source = &source_flowers102,
    .tfds = &tfds_flowers102,
};

const struct dataset_desc dataset_pets = {
    .name = "pets",
    .title = "Oxford-IIIT Pets: breeds of cats and dogs",
    .citation = "Parkhi, Vedaldi, Zisserman, Jawahar: Cats and Dogs (2012)",
    .licence = "CC BY-SA 4.0",
    .how_to_get = "images.tar.gz and annotations.tar.gz from www.robots.ox.ac.uk/~vgg/data/pets, "
                  "packed or unpacked, in a folder pets of their own",
    .n_classes = 37,
    .class_names = class_names_pets,
    .salts = {"train", "test"},
    .official = {3680, 3669},
    .n_source_splits = 2,
    .splits = splits_80_20,
    .n_splits = TABLE_SPLITS,
    .folders = {"pets", "oxford_iiit_pet", "oxford-iiit-pet", ""},
    .source = &source_pets,
    .tfds = &tfds_pets,
};

const struct dataset_desc dataset_sun397 = {
    .name = "sun397",
    .title = "SUN397: scenes (in the archive as they are; TFDS shrinks and re-encodes them)",
    .citation = "Xiao, Hays, Ehinger, Oliva, Torralba: SUN Database: Large-scale Scene "
                "Recognition from Abbey to Zoo (2010)",
    .licence = "research use",
    .how_to_get = "SUN397.tar.gz from vision.princeton.edu/projects/2010/SUN, packed or unpacked, "
                  "and beside it TFDS's lists sun397_tfds_tr.txt, sun397_tfds_va.txt and "
                  "sun397_tfds_te.txt (in its wheel under "
                  "tensorflow_datasets/image_classification)",
    .n_classes = 397,
    .class_names = class_names_sun397,
    .salts = {"train", "validation", "test"},
    .official = {76128, 10875, 21750},
    .n_source_splits = 3,
    .splits = splits_three,
    .n_splits = TABLE_SPLITS,
    .folders = {"sun397", "SUN397", ""},
    .source = &source_sun397,
    .tfds = &tfds_sun397,
};

const struct dataset_desc dataset_eurosat = {
    .name = "eurosat",
    .title = "EuroSAT (RGB): land use in satellite images, 64 x 64",
    .citation = "Helber, Bischke, Dengel, Borth: EuroSAT, arXiv 1709.00029 (2017)",
    .licence = "MIT",
    .how_to_get = "EuroSAT.zip or EuroSAT_RGB.zip from zenodo.org/records/7711810, packed or "
                  "unpacked (2750, EuroSAT_RGB)",
    .n_classes = 10,
    .class_names = class_names_eurosat,
    .salts = {"train"},
    .official = {27000},
    .n_source_splits = 1,
    .splits = splits_60_20_20,
    .n_splits = TABLE_SPLITS,
    .folders = {"eurosat", "EuroSAT", ""},
    .h = 64,
    .w = 64,
    .source = &source_eurosat,
    .tfds = &tfds_eurosat,
};

const struct dataset_desc dataset_resisc45 = {
    .name = "resisc45",
    .title = "NWPU-RESISC45: scenes from above, 256 x 256",
    .citation = "Cheng, Han, Lu: Remote Sensing Image Scene Classification, arXiv 1703.00121 "
                "(2017)",
    .licence = "research use",
    .how_to_get = "NWPU-RESISC45.rar from its authors' page (OneDrive), unpacked to "
                  "NWPU-RESISC45/CLASS/FILE.jpg, or that folder as NWPU-RESISC45.zip",
    .n_classes = 45,
    .class_names = class_names_resisc45,
    .salts = {"train"},
    .official = {31500},
    .n_source_splits = 1,
    .splits = splits_60_20_20,
    .n_splits = TABLE_SPLITS,
    .folders = {"resisc45", ""},
    .h = 256,
    .w = 256,
    .source = &source_resisc45,
    .tfds = &tfds_resisc45,
};

static const char *const retinopathy_classes[] = {"none", "mild", "moderate", "severe",
                                                  "proliferative"};

/* What the prepared pictures and the photographs share. */
#define RETINOPATHY                                                                                \
    .citation = "Kaggle and EyePacs: Diabetic Retinopathy Detection (2015)",                       \
    .licence = "the competition's rules",                                                          \
    .n_classes = 5,                                                                                \
    .class_names = retinopathy_classes,                                                            \
    .salts = {"train", "validation", "test"},                                                      \
    .official = {35126, 10906, 42670},                                                             \
    .n_source_splits = 3,                                                                          \
    .splits = splits_three,                                                                        \
    .n_splits = TABLE_SPLITS,                                                                      \
    .folders = {"retinopathy", "diabetic_retinopathy_detection", "diabetic-retinopathy-detection", \
                ""}

const struct dataset_desc dataset_retinopathy = {
    .name = "retinopathy",
    .title = "Diabetic retinopathy, as btgraham-300 prepares the photographs",
    .how_to_get = "a directory diabetic_retinopathy_detection/btgraham-300 that TFDS prepared; "
                  "the original photographs are the row retinopathy-photos",
    .source = &source_retinopathy,
    .tfds = &tfds_retinopathy,
    RETINOPATHY,
};

const struct dataset_desc dataset_retinopathy_photos = {
    .name = "retinopathy-photos",
    .title = "Diabetic retinopathy, the original photographs: not VTAB's task",
    .how_to_get = "trainLabels.csv, retinopathy_solution.csv and the unpacked folders train and "
                  "test of kaggle.com/c/diabetic-retinopathy-detection (account needed)",
    .source = &source_retinopathy_photos,
    RETINOPATHY,
};
