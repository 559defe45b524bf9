/* Image files to 8-bit pixels [h, w, c]. A codec is strict: what Pillow and TensorFlow refuse (cut
 * files, wrong checksums, giant claims) is an error, what both accept is decoded to the same bits.
 * Gamma and colour profiles are ignored as both do; orientation is the caller's matter
 * (datasets/decode.c). Thread-safe: all state is the caller's.
 *
 * To add a codec: one file here, one row in formats[] (datasets/decode.c). */
#ifndef BITBENCH_DATASETS_CODEC_CODEC_H
#define BITBENCH_DATASETS_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/tensor.h"

struct err;

/* Where libraries differ, whom to follow. */
enum codec_style {
    CODEC_PIL, /* Pillow: CMYK with the Adobe marker ignored; 16-bit grey clipped */
    CODEC_TF,  /* TensorFlow: CMYK by the Adobe marker; the high byte of 16-bit grey; transparent
                  GIF colours black; palettes of BMP ignored */
    CODEC_CV,  /* OpenCV: as Pillow, with roundings of its own for CMYK, the high byte of 16-bit
                  grey, transparent GIF colours the background's */
};

struct jpeg_how {
    enum codec_style style; /* of four components */
    bool fast;              /* the fast DCT, else the accurate one; both in integers */
    bool plain;             /* coarser colours repeated, not interpolated ("fancy") */
    size_t draft;           /* by a smaller DCT to 1/2, 1/4 or 1/8 where both sides stay at least
                               this long, as Pillow's Image.draft; 0: whole */
};

enum { CODEC_MAX_PIXELS = 178956970 }; /* as Pillow: twice its MAX_IMAGE_PIXELS */

/* A worker's growing buffer. {0} to begin; free(data) at the end. */
struct codec_buf {
    uint8_t *data;
    size_t cap;
};

/* The check of the size that a file claims, before anything is allocated: 0 is ERR_FORMAT, more
 * than CODEC_MAX_PIXELS ERR_LIMIT. `format` is for messages. */
int codec_check_size(const char *format, size_t h, size_t w, struct err *e);
/* Room for h * w * bytes_per_pixel, after that check. */
int codec_reserve(struct codec_buf *b, const char *format, size_t h, size_t w,
                  size_t bytes_per_pixel, struct err *e);

/* Decodes n bytes into b; *out is a view of it, c = 1 for grey without palette, else 3. Alpha and
 * transparent colours are dropped, not blended. ERR_FORMAT, ERR_LIMIT. */
int jpeg_decode(const uint8_t *bytes, size_t n, const struct jpeg_how *how, struct codec_buf *b,
                struct image *out, struct err *e);
int png_decode(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
               struct image *out, struct err *e);
/* c is always 3. */
int webp_decode(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
                struct image *out, struct err *e);
/* The first frame. c is always 3. */
int gif_decode(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
               struct image *out, struct err *e);
int bmp_decode(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
               struct image *out, struct err *e);

#endif
