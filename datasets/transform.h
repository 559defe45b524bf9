/* Preprocessing: from an image to the network's input, a pure function of the image that knows no
 * data set: resize, crop, scale. What decides the pixels is one struct preprocess, started from a
 * named preset and printed into every signature.
 *
 * To add a preset: one row in presets[] (preset.c). To add a range: one row in ranges[]
 * (transform.c). Kernels: see resize.h. Image formats: see codec/codec.h. */
#ifndef BITBENCH_DATASETS_TRANSFORM_H
#define BITBENCH_DATASETS_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "datasets/codec/codec.h"
#include "datasets/resize.h"
#include "harness/base/tensor.h"

struct err;
struct str;

/* crop <= resize in all but PREPROCESS_NONE. */
enum preprocess_mode {
    PREPROCESS_SQUASH, /* straight to crop x crop, aspect ratio lost (BiT, VTAB); training crops
                          are cut from resize x resize */
    PREPROCESS_SHORT,  /* short edge to `resize`, long edge rounded down, then the central
                          crop x crop, its offset rounded half to even (torchvision, timm) */
    PREPROCESS_SMALL,  /* as SHORT by big_vision's resize_small and central_crop: both edges times
                          fp32(resize / short), rounded half to even; offset rounded down */
    PREPROCESS_NONE,   /* no resizing: every image must have one size */
};

/* Everything that decides the pixels of an evaluation image. Zero is not a default: start from
 * a preset. */
struct preprocess {
    char preset[32]; /* where it came from: as preprocess_preset took it */
    char decode[32]; /* "pil" (accurate DCT) or "tf" (fast DCT): see enum codec_style */
    char kernel[32]; /* a row of resize_kernels */
    enum preprocess_mode mode;
    size_t resize, crop; /* pixels; 0 = by the area rule of the preset */
    char range[32];      /* a row of ranges: "-1..1", "0..1", "imagenet", "clip", "none" (0..255) */
    bool u8_between;     /* the resized image is clamped and truncated to 8 bits before the crop */
};

struct preset_size {
    size_t resize, crop;
};
struct preset_row {
    struct preprocess p;
    /* Where p.resize and p.crop are 0; by BiT's HyperRule: area below 96 * 96 -> small. */
    struct preset_size small, large;
    const char *help; /* what it copies, with source */
};
extern const struct preset_row presets[];
extern const size_t presets_n;

/* Sets p from a preset's name or from PRESET:RESIZE-CROP-KERNEL, which is how publishers'
 * preprocessing is written ("timm:448-448-bilinear"). KERNEL is a row of resize_kernels, or its
 * end, for the family of the preset's kernel. ERR_USAGE, near matches where a name is unknown. */
int preprocess_preset(struct preprocess *p, const char *text, struct err *e);
/* "squash", "short", "small", "none"; ERR_USAGE with near matches. */
int preprocess_mode_find(const char *name, enum preprocess_mode *mode, struct err *e);
const char *preprocess_mode_name(enum preprocess_mode mode);
/* Fills sizes that are 0 for images of h x w (0 x 0 = mixed sizes: the large rule). */
int preprocess_resolve(struct preprocess *p, size_t h, size_t w, struct err *e);
/* After resolving: every name is known, sizes are in 1..4096 and crop <= resize. ERR_USAGE. */
int preprocess_check(const struct preprocess *p, struct err *e);
/* The part of the signature: "rs:160-128-squash-tf2bilinear|range:-1..1|decode:tf", with "-u8"
 * behind the kernel for u8_between, and "rs:none" without resizing. */
void preprocess_text(const struct preprocess *p, struct str *out);
/* Source files that this preprocessing uses, space separated, for numeric_id. */
void preprocess_sources(const struct preprocess *p, struct str *out);

/* One worker's state for decoding and transforming. {0} to begin. */
struct transform_scratch {
    struct codec_buf pixels; /* the decoded image */
    struct resize_work work;
    float *resized;
    size_t resized_cap;
};
void transform_scratch_release(struct transform_scratch *s);

struct sample;
/* Decodes a sample. Grey stays one channel here. *out is a view of s->pixels, or of the sample's
 * bytes where they need no change. decode as in struct preprocess. ERR_FORMAT, ERR_LIMIT. */
int decode_sample(const struct sample *in, const char *decode, struct transform_scratch *s,
                  struct image *out, struct err *e);

/* The format that the first of n bytes call for ("JPEG"), read or not, or NULL. */
const char *decode_format(const uint8_t *bytes, size_t n);

/* The image by a checked p: out [crop, crop, 3] (without resizing [h, w, 3]), grey in all three
 * channels. out_u8 gets the same before scaling, rounded half up and clamped to 8 bits. Either may
 * be NULL. ERR_LIMIT for an image so narrow that its long edge would explode. */
int preprocess_run(const struct preprocess *p, const struct image *in, struct transform_scratch *s,
                   float *out, uint8_t *out_u8, struct err *e);
/* Height and width that preprocess_run produces for an image of h x w. */
void preprocess_size(const struct preprocess *p, size_t h, size_t w, size_t *oh, size_t *ow);

/* Does a range of this name exist? ERR_USAGE with near matches. For preprocess_check. */
int preprocess_range_find(const char *name, struct err *e);

#endif
