/* See tfds_row.h. Majors: those that VTAB pins (task_adaptation/data), ILSVRC-2012's and the rest
 * after their release notes ("new split API"): older ones were ordered by another hash. */
#include "datasets/tfds_row.h"

#define LABEL .label = "label", .label_kind = TFDS_LABEL_CLASS

const struct tfds_row tfds_fashion_mnist = {
    .builder = "fashion_mnist", .major = 3, .key_kind = TFDS_KEY_NUMBER, LABEL};

const struct tfds_row tfds_cifar10 = {
    .builder = "cifar10", .major = 3, .key = "id", .key_kind = TFDS_KEY_NUMBER, LABEL};

const struct tfds_row tfds_cifar100 = {
    .builder = "cifar100", .major = 3, .key = "id", .key_kind = TFDS_KEY_NUMBER, LABEL};

const struct tfds_row tfds_svhn = {
    .builder = "svhn_cropped", .major = 3, .key = "id", .key_kind = TFDS_KEY_NUMBER, LABEL};

/* TFDS halves the azimuth. */
const struct tfds_row tfds_smallnorb_azimuth = {.builder = "smallnorb",
                                                .major = 2,
                                                .key = "id",
                                                .key_kind = TFDS_KEY_NUMBER,
                                                .label = "label_azimuth",
                                                .label_kind = TFDS_LABEL_CLASS};

const struct tfds_row tfds_smallnorb_elevation = {.builder = "smallnorb",
                                                  .major = 2,
                                                  .key = "id",
                                                  .key_kind = TFDS_KEY_NUMBER,
                                                  .label = "label_elevation",
                                                  .label_kind = TFDS_LABEL_CLASS};

const struct tfds_row tfds_dsprites_location = {.builder = "dsprites",
                                                .major = 2,
                                                .key = "id",
                                                .key_kind = TFDS_KEY_NUMBER,
                                                .label = "label_x_position",
                                                .label_kind = TFDS_LABEL_VALUE,
                                                .zero_one = true};

const struct tfds_row tfds_dsprites_orientation = {.builder = "dsprites",
                                                   .major = 2,
                                                   .key = "id",
                                                   .key_kind = TFDS_KEY_NUMBER,
                                                   .label = "label_orientation",
                                                   .label_kind = TFDS_LABEL_VALUE,
                                                   .zero_one = true};

const struct tfds_row tfds_patch_camelyon = {
    .builder = "patch_camelyon", .major = 2, .key = "id", .key_kind = TFDS_KEY_TEXT, LABEL};

const struct tfds_row tfds_clevr_count = {.builder = "clevr",
                                          .major = 3,
                                          .key = "file_name",
                                          .key_kind = TFDS_KEY_TEXT,
                                          .label = "objects/pixel_coords",
                                          .label_kind = TFDS_LABEL_DEPTHS};

const struct tfds_row tfds_clevr_distance = {.builder = "clevr",
                                             .major = 3,
                                             .key = "file_name",
                                             .key_kind = TFDS_KEY_TEXT,
                                             .label = "objects/pixel_coords",
                                             .label_kind = TFDS_LABEL_DEPTHS};

const struct tfds_row tfds_dmlab = {
    .builder = "dmlab", .major = 2, .key = "filename", .key_kind = TFDS_KEY_TEXT, LABEL};

const struct tfds_row tfds_kitti_distance = {.builder = "kitti",
                                             .major = 3,
                                             .key = "image/file_name",
                                             .key_kind = TFDS_KEY_TEXT,
                                             .label = "objects/location",
                                             .label_kind = TFDS_LABEL_VEHICLES,
                                             .type = "objects/type"};

const struct tfds_row tfds_ilsvrc2012 = {
    .builder = "imagenet2012", .major = 5, .key = "file_name", .key_kind = TFDS_KEY_TEXT, LABEL};

static const char *const caltech_folders[] = {"BACKGROUND_Google", "Faces", "Faces_easy",
                                              "Leopards", "Motorbikes", 0};

const struct tfds_row tfds_caltech101 = {.builder = "caltech101",
                                         .major = 3,
                                         .key = "image/file_name",
                                         .key_kind = TFDS_KEY_FOLDER,
                                         LABEL,
                                         .folders = caltech_folders};

const struct tfds_row tfds_dtd = {
    .builder = "dtd", .major = 3, .key = "file_name", .key_kind = TFDS_KEY_TEXT, LABEL};

const struct tfds_row tfds_flowers102 = {.builder = "oxford_flowers102",
                                         .major = 2,
                                         .key = "file_name",
                                         .key_kind = TFDS_KEY_TEXT,
                                         LABEL};

const struct tfds_row tfds_pets = {
    .builder = "oxford_iiit_pet", .major = 3, .key = "file_name", .key_kind = TFDS_KEY_TEXT, LABEL};

const struct tfds_row tfds_sun397 = {.builder = "sun397",
                                     .config = "tfds",
                                     .major = 4,
                                     .key = "file_name",
                                     .key_kind = TFDS_KEY_TEXT,
                                     LABEL,
                                     .encoded_again = true};

const struct tfds_row tfds_eurosat = {.builder = "eurosat",
                                      .config = "rgb",
                                      .major = 2,
                                      .key = "filename",
                                      .key_kind = TFDS_KEY_CLASS,
                                      LABEL};

const struct tfds_row tfds_resisc45 = {
    .builder = "resisc45", .major = 3, .key = "filename", .key_kind = TFDS_KEY_CLASS, LABEL};

const struct tfds_row tfds_retinopathy = {.builder = "diabetic_retinopathy_detection",
                                          .config = "btgraham-300",
                                          .major = 3,
                                          .key = "name",
                                          .key_kind = TFDS_KEY_TEXT,
                                          LABEL,
                                          .first = true};
