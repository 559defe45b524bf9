/* Private to the sources folder: and tar:, which read images of one's own out of folders and
 * archives: what lies where is told by the names of the files. A source opens the archives; one of
 * the three readers below then finds the images, their labels and splits. */
#ifndef BITBENCH_DATASETS_TREE_H
#define BITBENCH_DATASETS_TREE_H

#include <stdbool.h>
#include "datasets/files.h"
#include "datasets/images.h"
#include "datasets/label_words.h"

enum { TREE_NO_SPLIT = -1 };

struct tree {
    struct images images; /* first, so that a tree may stand where images_* take their state */
    struct label_set classes;
    signed char *archive_split; /* [images.n_archives]: the split that the archive's own name
                                   says, or TREE_NO_SPLIT; NULL: none says any */
    size_t n_archive_split, cap_archive_split;
};

int tree_new(struct tree **t, const struct dataset_desc *d, const char *where, struct err *e);
void tree_close(void *state);
/* Opens the archive at path; split: what its name says, or TREE_NO_SPLIT. */
int tree_add_archive(struct tree *t, const char *path, int split, struct err *e);

/* Is the word of n bytes the name of a split: train, val, validation, test? */
bool tree_split_find(const char *word, size_t n, enum files_split *split);
/* Is this the name of an image file, by its extension? */
bool tree_is_image(const char *name);

/* Class folders, as torchvision's ImageFolder reads them (torchvision/datasets/folder.py): classes
 * sorted by code point, images at any depth below, told by their extension.
 *
 * The members are either SPLIT/CLASS/.../FILE or CLASS/.../FILE. They are taken for the first where
 * a split folder has an image in a folder of its own; anything else is then left alone, and so are
 * images right in a split folder (an unlabelled test set). Class folders alone are the archive's
 * own split, or `train`. In an archive that is a file, one folder around everything is looked
 * through. Every split that has images must have some of each class, unless partial.
 *
 * The id is the path below the split folder, "class/file". */
int tree_read_folders(struct tree *t, bool partial, struct err *e);

/* Hugging Face's imagefolder: metadata.csv or metadata.jsonl with a column file_name, relative to
 * the folder of the metadata, and one called label (or class). *found says whether there is any
 * such file; if so, the names of the folders are no labels, as with Hugging Face, and images
 * without a row are left alone. Splits are told by a folder train, val, validation or test, else
 * all is train. The id is the path below the split folder. */
int tree_read_metadata(struct tree *t, bool *found, struct err *e);

/* WebDataset: members that follow each other and share their path up to the first dot of the file's
 * name are a sample; what follows the dot, in lower case, says what each of them is. A sample is an
 * image (jpg, jpeg, png, webp, gif, bmp, tif, tiff) and a label: .cls, else .json with a number
 * "label", else .txt, each a whole number. Other members are left alone. *found says whether
 * any archive holds such pairs. names may hold class names, then no label may be beyond them. The
 * id is the shared path. */
int tree_read_pairs(struct tree *t, bool *found, struct err *e);

/* Members of struct source_ops beside those of images.h. */
size_t tree_n_classes(const void *state);
const char *tree_class_name(const void *state, size_t label);
const struct split_desc *tree_splits(const void *state, size_t *n_splits);

/* The members of struct source_ops that are the same for both. */
#define TREE_OPS                                                                               \
    .close = tree_close, .count = images_count, .label = images_label, .key = images_copy_key, \
    .encoded_bytes = images_encoded_bytes, .read = images_read, .hint = images_hint,           \
    .n_classes = tree_n_classes, .class_name = tree_class_name, .splits = tree_splits,         \
    .where = images_where

#define TREE_SOURCES                                                                          \
    "datasets/tree.c datasets/tree_folders.c datasets/tree_metadata.c datasets/tree_pairs.c " \
    "datasets/files.c datasets/label_words.c " IMAGES_SOURCES

#endif
