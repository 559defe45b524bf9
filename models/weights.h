/* Reading and writing of weight files into the one parameter block of a model. */
#ifndef BITBENCH_MODELS_WEIGHTS_H
#define BITBENCH_MODELS_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct model;

struct weight_format {
    const char *extension; /* ".npz" */
    const char *sources;   /* "models/weights_npz.c" */
    /* Fills m->arch, n_classes, ws_eps, table and, when with_params, params, from the file at
     * path. Everything is checked before it is believed: names, shapes, duplicates, missing and
     * extra tensors, non-finite values; errors name the file, the tensor and what was expected. */
    int (*read)(struct model *m, const char *path, bool with_params, struct err *e);
    int (*write)(const struct model *m, const char *path, struct err *e); /* or NULL */
};
extern const struct weight_format weights_npz, weights_safetensors;

/* By extension; NULL with e set naming the known ones. */
const struct weight_format *weights_format(const char *path, struct err *e);

#endif
