/* Image files named on the command line, to the network's input. */
#ifndef BITBENCH_IMAGES_H
#define BITBENCH_IMAGES_H

#include <stddef.h>
#include <stdint.h>
#include "datasets/augment.h"
#include "datasets/transform.h"
#include "harness/base/tensor.h"

struct err;
struct model;

/* Preset text or "model" (m may be NULL then refused), with the kernel, size... overrides of the
 * command line. */
struct preprocess_args {
    const char *preset, *kernel, *decode, *range, *mode; /* NULL = the preset's */
    int64_t resize, crop;                                /* 0 = the preset's */
};
/* Resolved and checked, for images of h x w (0 = mixed). */
int preprocess_from_args(struct preprocess *p, const struct preprocess_args *a,
                         const struct model *m, size_t h, size_t w, struct err *e);

/* Reads, decodes and transforms files into x [n, h, w, 3] (allocated; the caller frees x->data);
 * all outputs must have one size. u8 not NULL: instead [n, h, w, 3] bytes after resizing and before
 * scaling. */
int images_load(const char *const *paths, size_t n, const struct preprocess *p, struct tensor *x,
                uint8_t **u8, struct err *e);

/* What a step of training would make of the files, which are its batch in this order. */
struct images_augment {
    struct augment a;
    uint64_t seed, step;
};
/* As images_load, with augmentations; MixUp is done to x alone. */
int images_load_augmented(const char *const *paths, size_t n, const struct preprocess *p,
                          const struct images_augment *augment, struct tensor *x, uint8_t **u8,
                          struct err *e);

/* The options of every command that takes a preprocessing; S is the command's struct, F its field.
 */
#define PREPROCESS_OPTS(S, F)                                          \
    {"size", 0, OPT_INT, offsetof(struct S, F.crop), "PX",             \
     "side of the network's input, overriding the preset's", 1, 4096}, \
        {"preprocess",                                                 \
         0,                                                            \
         OPT_TEXT,                                                     \
         offsetof(struct S, F.preset),                                 \
         "PRESET",                                                     \
         "preset, step list, or `model` for the checkpoint's own",     \
         0,                                                            \
         0},                                                           \
        PREPROCESS_STEP_OPTS(S, F, "")
/* Those that override a preset's steps; P stands before each help text. */
#define PREPROCESS_STEP_OPTS(S, F, P)                                         \
    {"resize", 0, OPT_INT, offsetof(struct S, F.resize), "PX",                \
     P "size before the crop (default: that of --size)", 1, 4096},            \
        {"kernel", 0, OPT_TEXT, offsetof(struct S, F.kernel), "NAME",         \
         P "resize kernel, overriding the preset's", 0, 0},                   \
        {"decode", 0, OPT_TEXT, offsetof(struct S, F.decode), "NAME",         \
         P "image decoding (pil, tf, cv...), overriding the preset's", 0, 0}, \
        {"range", 0, OPT_TEXT, offsetof(struct S, F.range), "NAME",           \
         P "value range, overriding the preset's", 0, 0},                     \
    {                                                                         \
        "mode", 0, OPT_TEXT, offsetof(struct S, F.mode), "NAME",              \
            P "squash, short, small, none..., overriding the preset's", 0, 0  \
    }

#endif
