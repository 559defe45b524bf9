/* PNG through libspng: every colour type and depth, interlaced or not, to 8-bit grey or RGB.
 * Sixteen bits keep their high byte, except that Pillow clips plain 16-bit grey at 255. */
#include "datasets/codec/codec.h"

#include <stdbool.h>
#include <string.h>
#include <spng.h>

#include "harness/base/err.h"

enum {
    MAX_CHUNK = 64 << 20, /* bytes of one chunk, and of all that libspng keeps */
    MAX_INFLATION = 1032, /* deflate's largest ratio */
};

/* What libspng is asked for: 8-bit grey, 8-bit RGB, or the samples as they are. */
struct layout {
    int format;
    size_t bytes_per_pixel, channels;
};

static struct layout layout_of(const struct spng_ihdr *h)
{
    size_t sample = h->bit_depth == 16 ? 2 : 1;
    switch (h->color_type) {
    case SPNG_COLOR_TYPE_GRAYSCALE:
        return (struct layout){sample == 2 ? SPNG_FMT_PNG : SPNG_FMT_G8, sample, 1};
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
        return (struct layout){SPNG_FMT_PNG, 2 * sample, 1};
    default:
        return (struct layout){SPNG_FMT_RGB8, 3, 3};
    }
}

/* Grey samples of 16 bits or with alpha, in the machine's byte order, to 8 bits in place. */
static void narrow_grey(uint8_t *p, size_t n, size_t stride, const struct spng_ihdr *h,
                        enum codec_style style)
{
    bool clip = style == CODEC_PIL && h->color_type == SPNG_COLOR_TYPE_GRAYSCALE;
    for (size_t i = 0; i < n; i++) {
        if (h->bit_depth == 8) {
            p[i] = p[i * stride];
            continue;
        }
        uint16_t v;
        memcpy(&v, p + i * stride, sizeof v);
        p[i] = (uint8_t)(!clip ? v >> 8 : v < 255 ? v
                                                  : 255);
    }
}

static int fail(int code, struct err *e)
{
    const char *why = spng_strerror(code);
    switch (code) { /* where libspng's own words say little */
    case SPNG_EOF:
    case SPNG_IO_EOF:
        why = "truncated";
        break;
    case SPNG_EIDAT_STREAM:
        why = "damaged pixels (zlib data or CRC)";
        break;
    case SPNG_EOVERFLOW:
        why = "the size that it claims is too large";
        break;
    }
    return err_set(e, code == SPNG_EMEM ? ERR_LIMIT : ERR_FORMAT, "PNG: %s", why);
}

static int decode(spng_ctx *ctx, const uint8_t *bytes, size_t n, enum codec_style style,
                  struct codec_buf *b, struct image *out, struct err *e)
{
    struct spng_ihdr h;
    int code = spng_set_chunk_limits(ctx, MAX_CHUNK, MAX_CHUNK);
    code = code ? code : spng_set_png_buffer(ctx, bytes, n);
    code = code ? code : spng_get_ihdr(ctx, &h);
    if (code) {
        return fail(code, e);
    }
    struct layout l = layout_of(&h);
    size_t pixels = (size_t)h.height * h.width, packed = pixels / 8 * h.bit_depth;
    if (packed / MAX_INFLATION > n) {
        return err_set(e, ERR_LIMIT, "PNG: claims %u x %u in %zu bytes", h.height, h.width, n);
    }
    if (codec_reserve(b, "PNG", h.height, h.width, l.bytes_per_pixel, e)) {
        return -1;
    }
    code = spng_decode_image(ctx, b->data, pixels * l.bytes_per_pixel, l.format, 0);
    if (code) {
        return fail(code, e);
    }
    if (l.bytes_per_pixel != l.channels) {
        narrow_grey(b->data, pixels, l.bytes_per_pixel, &h, style);
    }
    *out = (struct image){.data = b->data, .h = h.height, .w = h.width, .c = l.channels};
    return 0;
}

int png_decode(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
               struct image *out, struct err *e)
{
    spng_ctx *ctx = spng_ctx_new(0);
    if (!ctx) {
        return err_set(e, ERR_LIMIT, "PNG: out of memory");
    }
    int rc = decode(ctx, bytes, n, style, b, out, e);
    spng_ctx_free(ctx);
    return rc;
}
