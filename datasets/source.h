/* Sources: where images and labels come from. Each is a const struct source_ops; what they share
 * is declared here. */
#ifndef BITBENCH_DATASETS_SOURCE_H
#define BITBENCH_DATASETS_SOURCE_H

#include <stdint.h>
#include "datasets/dataset.h"

extern const struct source_ops source_idx;       /* IDX files as MNIST's, plain or .gz */
extern const struct source_ops source_cifar;     /* CIFAR-10 and -100, binary or Python archives */
extern const struct source_ops source_folder;    /* class folders or metadata, also in archives */
extern const struct source_ops source_tar;       /* WebDataset, or class folders, in archives */
extern const struct source_ops source_list;      /* a csv of paths and labels */
extern const struct source_ops source_svhn;      /* SVHN's .mat files */
extern const struct source_ops source_smallnorb; /* its binary matrices, plain or .gz */
extern const struct source_ops source_dsprites;  /* the .hdf5 or the .npz */
extern const struct source_ops source_pcam;      /* PatchCamelyon's HDF5 files, plain or .gz */
extern const struct source_ops source_clevr;     /* CLEVR_v1.0.zip or its folder */
extern const struct source_ops source_dmlab;     /* TFRecord files, also in their .tar.gz */
extern const struct source_ops source_kitti;     /* the zips or their folders */

enum { SOURCE_PATH = 4096 };

/* Calls visit for each place where the row's files may lie (data folders x folders of the row,
 * folders innermost) until it does not return 0: 1 = found, -1 = error with e set. Returns that, or
 * 0. A place whose path is too long is an error. */
typedef int source_visit_fn(void *ctx, const char *place, struct err *e);
int source_visit(const struct dataset_desc *d, const struct dataset_dirs *where,
                 source_visit_fn *visit, void *ctx, struct err *e);
/* ERR_ABSENT: says that `what` is in none of the data folders and how to get it. Returns -1. */
int source_absent(const struct dataset_desc *d, const char *what, const struct dataset_dirs *where,
                  struct err *e);

/* Room for n bytes. */
int sample_buf_reserve(struct sample_buf *buf, size_t n, struct err *e);

/* The id of an image, which is also the key of the canonical order. */
void dataset_key(const struct dataset *d, size_t source_split, size_t i, char key[DATASET_ID]);

/* Canonical order of a source split into order [n]: ascending md5(salt || key). ERR_FORMAT names
 * a key that occurs twice. */
int order_make(const struct dataset *d, size_t source_split, size_t *order, struct err *e);

#endif
