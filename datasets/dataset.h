/* Data sets: images, labels, named splits in canonical order.
 *
 * To add a data set on a source that exists: one row in datasets/table.c. To add a source: one
 * file with a const struct source_ops and one declaration in datasets/source.h. */
#ifndef BITBENCH_DATASETS_DATASET_H
#define BITBENCH_DATASETS_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/hash.h"

struct err;
struct label_rule;
struct tfds_row;

enum { DATASET_MAX_SOURCE_SPLITS = 4,
       DATASET_MAX_FOLDERS = 4,
       DATASET_ID = 256 };

/* How the bytes of a sample are to be understood. */
enum sample_encoding {
    SAMPLE_GREY,   /* h*w bytes */
    SAMPLE_RGB,    /* h*w*3, interleaved */
    SAMPLE_PLANAR, /* 3 planes R, G, B of h*w */
    SAMPLE_FILE,   /* an image file: JPEG, PNG..., told by its first bytes */
};

struct sample {
    const uint8_t *bytes; /* in the reader's buffer or memory the source owns; valid until the
                             next read with that buffer */
    size_t n;
    enum sample_encoding encoding;
    size_t h, w; /* unless SAMPLE_FILE */
};

/* A worker's growing buffer for encoded bytes. {0} to begin; free(data) at the end. */
struct sample_buf {
    uint8_t *data;
    size_t cap;
};

/* A range of one source split in canonical order: positions from..to (to == 0: the end), or per
 * cent of it, rounded half to even as TFDS does or (floor) cut to whole numbers as VTAB does for
 * fractions of its own; of these the first `most` (0: all). */
struct split_part {
    size_t source_split;
    size_t from, to;
    bool percent, floor;
    size_t most;
};
/* A named split: train, val, trainval, test, train800, val200, train800val200. */
struct split_desc {
    const char *name;
    struct split_part parts[2];
    size_t n_parts;
};
/* Images of a split when the source splits have n[] images. */
size_t split_desc_count(const struct split_desc *s, const size_t n[DATASET_MAX_SOURCE_SPLITS]);

struct dataset_desc {
    const char *name; /* "fashion-mnist" */
    const char *title, *citation, *licence;
    const char *how_to_get;         /* one or two sentences: file names, where from */
    size_t n_classes;               /* of the task; 0 = found by the source (folder, list) */
    const char *const *class_names; /* [n_classes] in label order, or NULL: the source knows */
    /* TFDS's names of the source splits = salt of the order, and their official numbers of
     * images (0 = not known: folders, lists). */
    const char *salts[DATASET_MAX_SOURCE_SPLITS];
    size_t official[DATASET_MAX_SOURCE_SPLITS];
    size_t n_source_splits;
    const struct split_desc *splits; /* NULL: the source knows */
    size_t n_splits;
    /* Where below a data folder the files may lie, in order of preference; "" = right there. */
    const char *folders[DATASET_MAX_FOLDERS];
    size_t h, w;                   /* of every image; 0 = mixed */
    bool numeric_ids;              /* the id is the running number in the source split (u64) */
    bool no_flip, no_crop;         /* augmentations that would break the label */
    const struct label_rule *rule; /* how the source makes labels, where it leaves that open */
    const struct source_ops *source;
    const struct tfds_row *tfds; /* how TFDS prepares the same set, or NULL */
};

/* Where data are looked for. */
struct dataset_dirs {
    const char *const *dirs;
    size_t n;
    bool partial;      /* --partial */
    const char *cache; /* folder for what may be made again, or NULL */
};

struct source_ops {
    const char *name;
    const char *sources; /* source files, space separated, for numeric_id */
    /* Looks for the data in where; path is what stands behind "folder:" or "list:", else NULL.
     * ERR_ABSENT when nothing is there (naming what was sought), ERR_FORMAT when it is damaged.
     * Every label is checked here. More images than official are an error; fewer are not. */
    int (*open)(void **state, const struct dataset_desc *d, const char *path,
                const struct dataset_dirs *where, struct err *e);
    void (*close)(void *state);
    size_t (*count)(const void *state, size_t source_split);
    /* Label in 0..n_classes-1. Cheap; thread-safe, as all that follow. */
    int32_t (*label)(const void *state, size_t source_split, size_t i);
    /* The key whose md5 orders the split, which is also the id, unique within the split. NULL
     * where the row has numeric_ids: the key is then the decimal running number. */
    void (*key)(const void *state, size_t source_split, size_t i, char key[DATASET_ID]);
    size_t (*encoded_bytes)(const void *state, size_t source_split, size_t i);
    /* The image's bytes, each worker with its own buffer. */
    int (*read)(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                struct sample *out, struct err *e);
    /* The image will be read soon. NULL where reading does not touch a disk. */
    void (*hint)(const void *state, size_t source_split, size_t i);
    /* For sources that find their own classes and splits; NULL otherwise. class_name may give
     * NULL: the row's name holds. */
    size_t (*n_classes)(const void *state);
    const char *(*class_name)(const void *state, size_t label);
    const struct split_desc *(*splits)(const void *state, size_t *n_splits);
    /* The folder or file that was opened, for people. */
    const char *(*where)(const void *state);
    /* For the subject of results, where the end of the path says too little; else NULL. */
    const char *(*short_name)(const void *state);
    /* Rows stand in canonical order, with ids of their own: no order is made. */
    bool in_order;
    /* What the set's own lists name and the files lack, as a sentence, or NULL: with --partial such
     * images are left out, else they are an error. NULL where there are no such lists. */
    const char *(*incomplete)(const void *state);
};

/* An opened data set. */
struct dataset {
    const struct dataset_desc *desc;
    const struct source_ops *source; /* that opened it: the row's, or of a prepared directory */
    char name[512];                  /* as the user said it */
    char subject[512];               /* for results: the name; for paths KIND:BASENAME@first 12
                                        hex of the fingerprint, characters outside [A-Za-z0-9._-]
                                        as '_' */
    size_t n_classes;
    const struct split_desc *splits;
    size_t n_splits;
    void *state;
    size_t *order[DATASET_MAX_SOURCE_SPLITS]; /* canonical position -> index in the source split */
    size_t n[DATASET_MAX_SOURCE_SPLITS];
    bool partial;                      /* fewer images than the official count somewhere */
    bool raw_pixels;                   /* the files' own, where TFDS encodes images again */
    char fingerprint[HASH_SHA256_HEX]; /* see dataset_open */
};

extern const struct dataset_desc *const datasets[];
extern const size_t datasets_n;
/* By name; NULL with e set and near matches. "folder:PATH", "list:FILE" give their own rows. */
const struct dataset_desc *dataset_find(const char *name, struct err *e);

/* Opens (the row's own source; where that finds nothing and TFDS prepares the same set, the
 * directory it leaves; see desc->tfds), checks counts against the official ones (fewer is an error
 * unless partial, more always), makes the canonical order: ascending md5(salt || key) as a 128-bit
 * number (TFDS). Two equal keys in a split are an error.
 *
 * The fingerprint is the SHA-256, in lower-case hex, of one record an image, source splits in the
 * row's order and images in canonical order, every number 8 bytes little endian: source split,
 * position, length of the id, the id's bytes, label, encoded length. It does not depend on the
 * container: the same images from any archive give the same fingerprint. */
int dataset_open(struct dataset **d, const char *name, const struct dataset_dirs *where,
                 struct err *e);
void dataset_close(struct dataset *d);                                 /* accepts NULL */
const char *dataset_class_name(const struct dataset *d, size_t label); /* "" where unnamed */
/* The folder or file that was opened. */
const char *dataset_where(const struct dataset *d);

/* Rows of a split expression, in canonical order. */
struct split {
    const struct dataset *d;
    char text[64]; /* the expression */
    size_t n;
    uint8_t *source_split; /* [n] */
    size_t *row;           /* [n] index in that source split */
    int32_t *label;        /* [n] */
    size_t official_n;     /* of the whole named split (a sum: of all of them), 0 = unknown */
    bool whole;            /* no slice was asked for */
};
/* "test", "train[:800]", "train[90%:]", "train[10%:20%]", also negative bounds as in Python, and
 * sums "train[:800]+val[:200]", one part behind the other. Per cent bounds round half to even as
 * TFDS does. A slice past the end is cut. ERR_USAGE: a word that is no split (the message names
 * those there are), nothing selected, an image selected twice. */
int split_open(struct split *s, const struct dataset *d, const char *text, struct err *e);
void split_close(struct split *s);
void split_id(const struct split *s, size_t i, char id[DATASET_ID]);
int split_read(const struct split *s, size_t i, struct sample_buf *buf, struct sample *out,
               struct err *e);
void split_hint(const struct split *s, size_t i); /* it will be read soon */

#endif
