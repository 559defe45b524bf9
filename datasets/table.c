/* The table of data sets. Classes are the task's, in label order, never found in the training
 * labels. Splits follow VTAB where it has the set (task_adaptation/data/cifar.py: the last 10 per
 * cent of the canonical order of upstream's train are `val`), and do the same elsewhere. */
#include "datasets/source.h"
#include "datasets/table_arrays.h"
#include "datasets/table_images.h"
#include "datasets/table_splits.h"
#include "datasets/tfds.h"
#include "datasets/tfds_row.h"

#include "harness/base/tensor.h"

static const char *const fashion_classes[] = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};

static const char *const cifar10_classes[] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

static const char *const cifar100_classes[] = {
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle",
    "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle",
    "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch",
    "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox",
    "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
    "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom",
    "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
    "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake",
    "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle",
    "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm"};

static const struct dataset_desc fashion_mnist = {
    .name = "fashion-mnist",
    .title = "Fashion-MNIST: articles of clothing, grey",
    .citation = "Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv 1708.07747 (2017)",
    .licence = "MIT",
    .how_to_get = "Debian's package dataset-fashion-mnist puts it under /usr/share/datasets; or "
                  "the four files {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz] of "
                  "github.com/zalandoresearch/fashion-mnist",
    .n_classes = 10,
    .class_names = fashion_classes,
    .salts = {"train", "test"},
    .official = {60000, 10000},
    .n_source_splits = 2,
    .splits = splits_90_10,
    .n_splits = TABLE_SPLITS,
    .folders = {"fashion-mnist", "fashion_mnist", "FashionMNIST/raw", ""},
    .h = 28,
    .w = 28,
    .numeric_ids = true,
    .source = &source_idx,
    .tfds = &tfds_fashion_mnist,
};

static const struct dataset_desc cifar10 = {
    .name = "cifar10",
    .title = "CIFAR-10: objects and animals, 32 x 32",
    .citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images (2009)",
    .licence = "none stated; its authors ask for the citation",
    .how_to_get = "cifar-10-binary.tar.gz or cifar-10-python.tar.gz, packed or unpacked, from "
                  "www.cs.toronto.edu/~kriz/cifar.html",
    .n_classes = 10,
    .class_names = cifar10_classes,
    .salts = {"train", "test"},
    .official = {50000, 10000},
    .n_source_splits = 2,
    .splits = splits_90_10,
    .n_splits = TABLE_SPLITS,
    .folders = {"cifar10", "cifar-10", ""},
    .h = 32,
    .w = 32,
    .numeric_ids = true,
    .source = &source_cifar,
    .tfds = &tfds_cifar10,
};

static const struct dataset_desc cifar100 = {
    .name = "cifar100",
    .title = "CIFAR-100: 100 fine classes of objects and animals, 32 x 32",
    .citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images (2009)",
    .licence = "none stated; its authors ask for the citation",
    .how_to_get = "cifar-100-binary.tar.gz or cifar-100-python.tar.gz, packed or unpacked, from "
                  "www.cs.toronto.edu/~kriz/cifar.html",
    .n_classes = 100,
    .class_names = cifar100_classes,
    .salts = {"train", "test"},
    .official = {50000, 10000},
    .n_source_splits = 2,
    .splits = splits_90_10,
    .n_splits = TABLE_SPLITS,
    .folders = {"cifar100", "cifar-100", ""},
    .h = 32,
    .w = 32,
    .numeric_ids = true,
    .source = &source_cifar,
    .tfds = &tfds_cifar100,
};

/* Images of one's own: counts, classes and splits are what is found. */
static const struct dataset_desc folder = {
    .name = "folder",
    .title = "image files in folders: split/class/file, class/file or Hugging Face's imagefolder",
    .citation = "your own",
    .licence = "your own",
    .how_to_get = "folder:PATH, where PATH holds one folder a class, or train, val and test with "
                  "one folder a class each, or images with metadata.csv or metadata.jsonl; a "
                  "zip or tar of such a folder will do",
    .salts = {"train", "validation", "test"},
    .n_source_splits = 3,
    .source = &source_folder,
};

static const struct dataset_desc tar = {
    .name = "tar",
    .title = "archives: WebDataset (image and .cls, .json or .txt), or class/file",
    .citation = "your own",
    .licence = "your own",
    .how_to_get = "tar:PATH, where PATH is an archive, a folder of archives (also in folders "
                  "train, val, test), or a pattern such as 'x-train-{0000..0003}.tar'",
    .salts = {"train", "validation", "test"},
    .n_source_splits = 3,
    .source = &source_tar,
};

static const struct dataset_desc list = {
    .name = "list",
    .title = "image files named by a csv file: path,label[,split]",
    .citation = "your own",
    .licence = "your own",
    .how_to_get = "list:FILE.csv with path,label[,split] a line; paths are relative to its folder",
    .salts = {"train", "validation", "test"},
    .n_source_splits = 3,
    .source = &source_list,
};

/* A directory that TFDS prepared. Order and ids are its own. */
static const struct dataset_desc tfds = {
    .name = "tfds",
    .title = "a directory that TFDS (tensorflow-datasets) prepared",
    .citation = "its own",
    .licence = "its own",
    .how_to_get = "tfds:PATH, where PATH is a version's folder (NAME[/CONFIG]/VERSION) with "
                  "dataset_info.json and tfrecord files, or a folder above one version",
    .salts = {"train", "validation", "test"},
    .n_source_splits = 3,
    .source = &source_tfds,
};

const struct dataset_desc *const datasets[] = {
    &fashion_mnist, &cifar10, &cifar100,
    /* table_arrays.c */
    &dataset_svhn, &dataset_smallnorb_azimuth, &dataset_smallnorb_elevation,
    &dataset_dsprites_location, &dataset_dsprites_orientation, &dataset_patch_camelyon,
    &dataset_clevr_count, &dataset_clevr_distance, &dataset_dmlab,
    &dataset_kitti_distance,
    /* table_images.c */
    &dataset_ilsvrc2012, &dataset_caltech101, &dataset_dtd, &dataset_flowers102, &dataset_pets,
    &dataset_sun397, &dataset_eurosat, &dataset_resisc45, &dataset_retinopathy,
    &dataset_retinopathy_photos,
    /* here */
    &folder, &tar, &list, &tfds};
const size_t datasets_n = ARRAY_LEN(datasets);
