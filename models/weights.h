/* Reading and writing of weight files into the one parameter block of a model. */
#ifndef BITBENCH_MODELS_WEIGHTS_H
#define BITBENCH_MODELS_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include "models/arch.h"

struct err;
struct model;

struct weight_format {
    const char *extension; /* ".npz" */
    const char *sources;   /* "models/weights_npz.c": its own source files, space separated */
    /* Fills m->arch, n_classes, ws_eps, table and, when with_params, params, from the file at
     * path. Everything is checked before it is believed: names, shapes, duplicates, missing and
     * extra tensors, non-finite values; errors name the file, the tensor and what was expected.
     * After a failure m holds what model_close releases. */
    int (*read)(struct model *m, const char *path, bool with_params, struct err *e);
    /* Atomic: after a failure an older file at path is untouched. */
    int (*write)(const struct model *m, const char *path, struct err *e);
};
extern const struct weight_format weights_npz, weights_safetensors;

/* By extension; NULL with e set naming the known ones. */
const struct weight_format *weights_format(const char *path, struct err *e);

/* Names elsewhere of a tensor that the .npz files call npz_name: timm's resnetv2 and Hugging
 * Face's BitForImageClassification. */
void weights_timm_name(const char *npz_name, char out[PARAM_NAME]);
void weights_hf_name(const char *npz_name, char out[PARAM_NAME]);
/* Back from either (HF's "bit." in front may be missing); false when it is neither. */
bool weights_npz_name(const char *other, char out[PARAM_NAME]);

/* "resnet/block2/unit03/rest" -> 2, 3, "rest"; false for other names. */
bool weights_npz_unit(const char *name, size_t *block, size_t *unit, const char **rest);

#define WEIGHTS_ROOT        "resnet/root_block/standardized_conv2d/kernel"
#define WEIGHTS_HEAD_KERNEL "resnet/head/conv2d/kernel"
#define WEIGHTS_HEAD_BIAS   "resnet/head/conv2d/bias"

/* --- for readers: what a file holds, under the names of the .npz files --- */
struct weights_entry {
    char name[PARAM_NAME];
    const char *stored; /* as the file spells it, for messages; the reader's */
    size_t index;       /* the reader's number of the tensor */
    bool used;
};
struct weights_list {
    struct weights_entry *entries; /* room for cap; sorted by name once weights_sort was called */
    size_t n, cap;
    const char *suffix; /* of stored names, left out of messages; NULL = none */
};
/* Length of a stored name without the suffix, at most 200, for "%.*s". */
int weights_shown(const struct weights_list *l, const char *stored);
int weights_list_init(struct weights_list *l, size_t cap, struct err *e);
void weights_list_release(struct weights_list *l);
/* name longer than PARAM_NAME or NULL: ERR_FORMAT, no such tensor in a BiT network. */
int weights_add(struct weights_list *l, const char *name, const char *stored, size_t index,
                const char *path, struct err *e);
int weights_sort(struct weights_list *l, const char *path, struct err *e);   /* duplicates: error */
struct weights_entry *weights_get(struct weights_list *l, const char *name); /* or NULL */
/* From the number of root channels, the classes (0 = no head's bias) and the units that the names
 * speak of: fills m->arch, n_classes and table, and gives for each row of the table the reader's
 * number of its tensor in *index [table.n], which the caller frees. Missing and extra ones:
 * ERR_FORMAT. */
int weights_bind(struct model *m, struct weights_list *l, size_t root_channels, size_t n_classes,
                 size_t **index, const char *path, struct err *e);
/* Dimensions in a text as "7x7x3x64", for messages. */
enum { WEIGHTS_DIMS = 128 };
void weights_dims(char text[WEIGHTS_DIMS], size_t n_dims, const size_t *dims);
/* ERR_NUMERIC naming the tensor and the place of the first value that is not finite. */
int weights_check_finite(const struct model *m, const char *path, struct err *e);

#endif
