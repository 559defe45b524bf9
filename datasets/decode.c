/* A sample's bytes to an image of 8-bit pixels: raw layouts as views or rearranged, files by the
 * codec that their first bytes call for, whatever their name says. */
#include "datasets/transform.h"

#include <assert.h>
#include <string.h>

#include "datasets/codec/codec.h"
#include "datasets/dataset.h"
#include "harness/base/err.h"

typedef int codec_fn(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
                     struct image *out, struct err *e);

/* Known formats by their first bytes; without a codec they are named in the error. */
static const struct format {
    const char *name;
    const char *magic;
    size_t n_magic;
    codec_fn *decode;
} formats[] = {
    {"JPEG", "\xff\xd8\xff", 3, jpeg_decode},
    {"PNG", "\x89PNG\r\n\x1a\n", 8, png_decode},
    {"GIF", "GIF8", 4, gif_decode},
    {"BMP", "BM", 2, bmp_decode},
    {"TIFF", "II*\0", 4, NULL},
    {"TIFF", "MM\0*", 4, NULL},
    {"WebP", "RIFF", 4, webp_decode},
};

/* The row of formats[] that the first bytes call for, or NULL. */
static const struct format *find_format(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (n >= formats[i].n_magic && !memcmp(bytes, formats[i].magic, formats[i].n_magic)) {
            return &formats[i];
        }
    }
    return NULL;
}

const char *decode_format(const uint8_t *bytes, size_t n)
{
    const struct format *f = find_format(bytes, n);
    return f ? f->name : NULL;
}

static int decode_file(const struct sample *in, enum codec_style style, struct codec_buf *b,
                       struct image *out, struct err *e)
{
    if (in->n == 0) {
        return err_set(e, ERR_FORMAT, "the image file is empty");
    }
    const struct format *f = find_format(in->bytes, in->n);
    if (f && f->decode) {
        return f->decode(in->bytes, in->n, style, b, out, e);
    }
    if (f) {
        return err_set(e, ERR_FORMAT, "a %s image; JPEG, PNG, GIF, BMP and WebP can be read",
                       f->name);
    }
    return err_set(e, ERR_FORMAT,
                   "not an image: neither JPEG nor PNG, GIF, BMP or WebP by its first bytes");
}

static int decode_planar(const struct sample *in, struct codec_buf *b, struct err *e)
{
    if (codec_reserve(b, "planes", in->h, in->w, 3, e)) {
        return -1;
    }
    size_t n = in->h * in->w;
    for (size_t i = 0; i < n; i++) {
        b->data[3 * i] = in->bytes[i];
        b->data[3 * i + 1] = in->bytes[n + i];
        b->data[3 * i + 2] = in->bytes[2 * n + i];
    }
    return 0;
}

int decode_sample(const struct sample *in, const char *decode, struct transform_scratch *s,
                  struct image *out, struct err *e)
{
    bool tf = strcmp(decode, "tf") == 0;
    assert(tf || strcmp(decode, "pil") == 0);
    if (in->encoding == SAMPLE_FILE) {
        return decode_file(in, tf ? CODEC_TF : CODEC_PIL, &s->pixels, out, e);
    }
    size_t c = in->encoding == SAMPLE_GREY ? 1 : 3;
    if (!in->h || !in->w || in->n / c / in->w != in->h || in->n != in->h * in->w * c) {
        return err_set(e, ERR_FORMAT, "%zu bytes are no image of %zu x %zu x %zu", in->n, in->h,
                       in->w, c);
    }
    *out = (struct image){.data = in->bytes, .h = in->h, .w = in->w, .c = c};
    if (in->encoding == SAMPLE_PLANAR) {
        if (decode_planar(in, &s->pixels, e)) {
            return -1;
        }
        out->data = s->pixels.data;
    }
    return 0;
}
