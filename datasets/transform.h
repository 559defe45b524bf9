/* Preprocessing: from an image to the network's input. A transform is a short const list of
 * steps, a pure function of the image. Knows no data set.
 *
 * To add a resize kernel: one function in a file resize_x.c, one row in resize_kernels[]
 * (resize.c). To add a preset: one row in presets[] (transform.c). */
#ifndef BITBENCH_DATASETS_TRANSFORM_H
#define BITBENCH_DATASETS_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/tensor.h"

struct err;
struct str;
struct arena;

enum preprocess_mode {
    PREPROCESS_SQUASH, /* straight to crop x crop, aspect ratio lost (BiT, VTAB) */
    PREPROCESS_SHORT,  /* short edge to `resize`, then the central crop x crop (timm, big_vision) */
    PREPROCESS_NONE,   /* no resizing: every image must have one size */
};

/* Everything that decides the pixels of an evaluation image. Zero is not a default: start from
 * a preset. Training crops use resize too (PREPROCESS_SQUASH: resize x resize, then a random crop). */
struct preprocess {
    char preset[32];   /* where it came from, for messages */
    char decode[32];   /* "pil" (accurate DCT) or "tf" (fast DCT) */
    char kernel[32];   /* a row of resize_kernels */
    enum preprocess_mode mode;
    size_t resize, crop;  /* pixels; 0 = by the area rule of the preset */
    char range[32];    /* "-1..1", "0..1", "imagenet", "clip", "none" (0..255) */
    bool u8_between;   /* the resized image is rounded or truncated to 8 bits before scaling, as the code it copies does */
};

struct preset_row {
    struct preprocess p;
    /* Sizes by HyperRule where p.resize is 0: area below 96 * 96 -> small, else large. */
    size_t small_resize, small_crop, large_resize, large_crop;
    const char *help; /* what it copies, with source */
};
extern const struct preset_row presets[];
extern const size_t presets_n;

/* Sets p from a preset's name; ERR_USAGE with near matches. */
int preprocess_preset(struct preprocess *p, const char *name, struct err *e);
/* Fills sizes that are 0 for images of h x w (0 x 0 = mixed sizes: the large rule). */
int preprocess_resolve(struct preprocess *p, size_t h, size_t w, struct err *e);
/* Checks that every name is known and every size is sane (1..4096). */
int preprocess_check(const struct preprocess *p, struct err *e);
/* The part of the signature: "rs:160-128-squash-tf2bilinear|range:-1..1|decode:pil". */
void preprocess_text(const struct preprocess *p, struct str *out);
/* Source files that this preprocessing uses, space separated, for numeric_id. */
void preprocess_sources(const struct preprocess *p, struct str *out);

/* A resize kernel: in [h,w,c] u8 -> out [oh,ow,c] float, values 0..255. Integer kernels give
 * whole numbers. scratch grows as needed and belongs to the worker. */
struct resize_kernel {
    const char *name;    /* "tf2bilinear" */
    const char *sources; /* "datasets/resize_tf.c" */
    const char *help;
    int (*run)(const struct image *in, float *out, size_t oh, size_t ow, void **scratch, size_t *scratch_bytes, struct err *e);
};
extern const struct resize_kernel *const resize_kernels[];
extern const size_t resize_kernels_n;
const struct resize_kernel *resize_find(const char *name, struct err *e);

/* One worker's state for decoding and transforming. {0} to begin. */
struct transform_scratch {
    uint8_t *pixels; /* decoded image */
    size_t pixels_cap;
    void *work;
    size_t work_bytes;
    float *resized;
    size_t resized_cap;
};
void transform_scratch_release(struct transform_scratch *s);

struct sample;
/* Decodes a sample into s->pixels. Grey stays one channel here. Limits: 2^28 pixels. */
int decode_sample(const struct sample *in, const char *decode, struct transform_scratch *s, struct image *out, struct err *e);
/* Resizes, crops, replicates grey to three channels, scales: out [crop, crop, 3] (or [h, w, 3]).
 * u8: instead 8-bit values before scaling (rounded half up, clamped) into out_u8. */
int preprocess_run(const struct preprocess *p, const struct image *in, struct transform_scratch *s,
                   float *out, uint8_t *out_u8, struct err *e);
/* Height and width that preprocess_run produces for an image of h x w. */
void preprocess_size(const struct preprocess *p, size_t h, size_t w, size_t *oh, size_t *ow);

#endif
