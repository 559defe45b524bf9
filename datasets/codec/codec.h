/* Image files to 8-bit pixels [h, w, c]. A codec is strict: what Pillow and TensorFlow refuse
 * (cut files, wrong checksums, giant claims) is an error, what both accept is decoded to the same
 * bits. Orientation tags, gamma and colour profiles are ignored as both do. Thread-safe: all state
 * is the caller's.
 *
 * To add a codec: one file here, one row in formats[] (datasets/decode.c). */
#ifndef BITBENCH_DATASETS_CODEC_CODEC_H
#define BITBENCH_DATASETS_CODEC_CODEC_H

#include <stddef.h>
#include <stdint.h>
#include "harness/base/tensor.h"

struct err;

/* Where the two families of decoders differ, whom to follow. */
enum codec_style {
    CODEC_PIL, /* Pillow: accurate DCT; CMYK with the Adobe marker ignored; 16-bit grey clipped */
    CODEC_TF,  /* TensorFlow: fast DCT; CMYK by the Adobe marker; the high byte of 16-bit grey */
};

enum { CODEC_MAX_PIXELS = 178956970 }; /* as Pillow: twice its MAX_IMAGE_PIXELS */

/* A worker's growing buffer. {0} to begin; free(data) at the end. */
struct codec_buf {
    uint8_t *data;
    size_t cap;
};

/* Room for h * w * bytes_per_pixel, after the check of the size that a file claims: 0 is
 * ERR_FORMAT, more than CODEC_MAX_PIXELS ERR_LIMIT. `format` is for messages. */
int codec_reserve(struct codec_buf *b, const char *format, size_t h, size_t w,
                  size_t bytes_per_pixel, struct err *e);

/* Decodes n bytes into b; *out is a view of it, c = 1 for grey without palette, else 3. Alpha and
 * transparent colours are dropped, not blended. ERR_FORMAT, ERR_LIMIT. */
int jpeg_decode(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
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
