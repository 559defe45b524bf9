/* Private to the CIFAR source: its state, and the reading of single files. */
#ifndef BITBENCH_DATASETS_CIFAR_H
#define BITBENCH_DATASETS_CIFAR_H

#include "datasets/source.h"

enum { CIFAR_PIXELS = 3 * 32 * 32,
       CIFAR_MAX_PARTS = 6,
       CIFAR_NAME = 64 };
enum cifar_form { CIFAR_BINARY,
                  CIFAR_PYTHON };

/* Names of files and keys; arrays of two are indexed by form. */
struct cifar_layout {
    const char *folder[2], *archive[2];
    const char *suffix; /* of binary parts */
    struct {
        const char *name;
        size_t source_split;
    } parts[CIFAR_MAX_PARTS];
    size_t n_parts;
    const char *names[2];               /* file of class names */
    size_t label_bytes;                 /* of a binary record; the last one counts */
    const char *labels_key, *names_key; /* in the pickles */
};

/* One file of images. While it is taken, pixels points into bytes; then they are read from fd. */
struct cifar_part {
    size_t n;
    uint8_t *labels; /* [n]; NULL: the part is missing */
    uint8_t *bytes;  /* the whole file, owned */
    const uint8_t *pixels;
    size_t stride; /* bytes from image to image */
    int fd;
    char *path;
};

struct cifar {
    const struct dataset_desc *desc;
    const struct cifar_layout *layout;
    enum cifar_form form;
    char where[SOURCE_PATH];
    struct cifar_part parts[CIFAR_MAX_PARTS];
    size_t n[2];
    char (*names)[CIFAR_NAME]; /* [n_classes], or NULL: no such file */
};

/* Each reads one file of n bytes, called `name` in messages, and checks every label. */
/* Binary records: in bytes, or, where that is NULL, in the part's fd. */
int cifar_take_records(struct cifar *c, size_t part, const char *name, const uint8_t *bytes,
                       size_t n, struct err *e);
int cifar_take_pickle(struct cifar *c, size_t part, const char *name, const uint8_t *bytes,
                      size_t n, struct err *e);
/* Class names: the lines of a text file, or a list in a pickle. */
int cifar_take_names(struct cifar *c, const char *name, const uint8_t *bytes, size_t n,
                     struct err *e);

#endif
