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

/* crop <= resize in all but PREPROCESS_NONE, whose resize is 0. */
enum preprocess_mode {
    PREPROCESS_SQUASH,     /* straight to crop x crop, aspect ratio lost (BiT, VTAB); training crops
                              are cut from resize x resize */
    PREPROCESS_SHORT,      /* short edge to `resize`, long edge rounded down, then the central
                              crop x crop, its offset rounded half to even (torchvision, timm) */
    PREPROCESS_SMALL,      /* as SHORT by big_vision's resize_small and central_crop: both edges by
                              fp32(resize / short), rounded half to even; offset rounded down */
    PREPROCESS_NONE,       /* no resizing, but the central crop x crop; with crop 0 the whole, and
                              every image must have one size */
    PREPROCESS_SHORTFLOOR, /* as SHORT, the crop's offset rounded down (transformers) */
    PREPROCESS_SQUARE,     /* to resize x resize, aspect ratio lost, then the central crop */
};

/* Everything that decides the pixels of an evaluation image. Zero is not a default: start from
 * a preset. */
struct preprocess {
    char preset[128]; /* where it came from: the name in full, or a step list in canonical form */
    char decode[32];  /* as decode_check takes it: "pil", "tf", "cv-noexif", "pil-draft224"... */
    char kernel[32];  /* a row of resize_kernels */
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

/* Sets p from a preset's name; from PRESET:RESIZE-CROP-KERNEL, which is how publishers'
 * preprocessing is written ("timm:448-448-bilinear": KERNEL is a row of resize_kernels, or a method
 * of the family of the preset's kernel); or from a step list (preprocess_steps). "bit" is
 * bit-paper. p->preset is the canonical form of text, which gives the same p. ERR_USAGE, near
 * matches where a name is unknown. */
int preprocess_preset(struct preprocess *p, const char *text, struct err *e);
/* Sets p from steps joined by '|', each at most once and in this order, all but one may lack:
 *   decode:NAME                    as decode_check takes it (pil)
 *   resize:N[-MODE][-KERNEL]       MODE short, shortfloor, small or square (short), KERNEL a row of
 *                                  resize_kernels (pilbilinear); without this step no resizing
 *   u8                             clamped and truncated to 8 bits
 *   crop:N                         the centre (N of the resize step; without that the whole image)
 *   range:NAME                     a row of ranges (-1..1)
 * p->preset is the list with every step written out. ERR_USAGE. */
int preprocess_steps(struct preprocess *p, const char *text, struct err *e);
/* Does the text begin as a step list does? */
bool preprocess_is_steps(const char *text);
/* "squash", "short", "small", "none", "shortfloor", "square"; ERR_USAGE with near matches. */
int preprocess_mode_find(const char *name, enum preprocess_mode *mode, struct err *e);
const char *preprocess_mode_name(enum preprocess_mode mode);
/* Fills sizes that are 0 for images of h x w (0 x 0 = mixed sizes: the large rule). */
int preprocess_resolve(struct preprocess *p, size_t h, size_t w, struct err *e);
/* After resolving: every name is known, sizes are in 1..4096 and crop <= resize. ERR_USAGE. */
int preprocess_check(const struct preprocess *p, struct err *e);
/* The part of the signature: "rs:160-128-squash-tf2bilinear|range:-1..1|decode:tf", with "-u8"
 * behind the kernel for u8_between, "rs:none" without resizing and "rs:none-28" with a crop. */
void preprocess_text(const struct preprocess *p, struct str *out);
/* Source files that this preprocessing uses, space separated, for numeric_id. */
void preprocess_sources(const struct preprocess *p, struct str *out);

/* One worker's state for decoding and transforming. {0} to begin. */
struct transform_scratch {
    struct codec_buf pixels, upright, cut; /* the decoded image, turned by its orientation, and a
                                              box of it */
    struct resize_work work;
    float *resized;
    size_t resized_cap;
};
void transform_scratch_release(struct transform_scratch *s);
/* Gives back buffers that one large image needed, so that a worker's memory does not stay that of
 * the largest image it met. */
enum { TRANSFORM_KEEP_BYTES = 16 << 20 };
void transform_scratch_trim(struct transform_scratch *s);

/* Is there a decoder of this name? LIBRARY[-exif|-noexif][-fast|-accurate][-nofancy][-draftN] with
 * pil, tf or cv: only what is not that library's own way, in this order. ERR_USAGE. */
int decode_check(const char *name, struct err *e);
struct sample;
/* Decodes a sample. Grey stays one channel here. *out is a view of s->pixels, or of the sample's
 * bytes where they need no change. decode is checked. ERR_FORMAT, ERR_LIMIT. */
int decode_sample(const struct sample *in, const char *decode, struct transform_scratch *s,
                  struct image *out, struct err *e);

/* The format that the first of n bytes call for ("JPEG"), read or not, or NULL. */
const char *decode_format(const uint8_t *bytes, size_t n);

/* The image by a checked p: out [crop, crop, 3] (with crop 0 [h, w, 3]), grey in all three
 * channels. out_u8 gets the same before scaling, rounded half up and clamped to 8 bits. Either may
 * be NULL. ERR_LIMIT for an image so narrow that its long edge would explode, or smaller than the
 * crop without resizing. */
int preprocess_run(const struct preprocess *p, const struct image *in, struct transform_scratch *s,
                   float *out, uint8_t *out_u8, struct err *e);
/* Its two halves, for callers that choose the part themselves: the wanted pixels into s->resized,
 * then scaled into out and out_u8 as above. With PREPROCESS_NONE d resizes nothing. */
int transform_resize(const struct preprocess *p, const struct image *in,
                     const struct resize_dims *d, struct transform_scratch *s, struct err *e);
void transform_scale(const struct preprocess *p, const struct resize_dims *d,
                     struct transform_scratch *s, float *out, uint8_t *out_u8);
/* Height and width of the resized image that a training crop is cut from: resize x resize where
 * evaluation squashes, else as for evaluation. */
void preprocess_train_size(const struct preprocess *p, size_t h, size_t w, size_t *rh, size_t *rw);
/* Height and width that preprocess_run produces for an image of h x w. */
void preprocess_size(const struct preprocess *p, size_t h, size_t w, size_t *oh, size_t *ow);

/* Does a range of this name exist? ERR_USAGE with near matches. For preprocess_check. */
int preprocess_range_find(const char *name, struct err *e);

#endif
