/* BMP: 1, 4, 8 bits with a palette, 24 and 32 bits, and run lengths of 8 bits; rows from below or
 * above. Pillow looks palettes up; TensorFlow takes 8-bit entries for grey and refuses 1 and 4 bits
 * and run lengths. */
#include "datasets/codec/codec.h"

#include <stdbool.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/little.h"

struct header {
    size_t pixels_at, palette_at, palette_n, entry_bytes;
    size_t h, w, bits;
    bool from_above, runs;
};

static int read_header(const uint8_t *p, size_t n, struct header *out, struct err *e)
{
    if (n < 26) {
        return err_set(e, ERR_FORMAT, "BMP: truncated header");
    }
    size_t head = le32(p + 14);
    uint32_t compression = 0, used = 0;
    int64_t h;
    if (head == 12) {
        *out = (struct header){.w = le16(p + 18), .bits = le16(p + 24), .entry_bytes = 3};
        h = le16(p + 20);
    } else {
        if (head < 40 || n < 14 + head) {
            return err_set(e, ERR_FORMAT, "BMP: a header of %zu bytes", head);
        }
        *out = (struct header){.w = le32(p + 18), .bits = le16(p + 28), .entry_bytes = 4};
        h = (int32_t)le32(p + 22);
        compression = le32(p + 30);
        used = le32(p + 46);
    }
    /* bit fields (3) of a 32-bit file: the usual ones only */
    bool fields = compression == 3 && out->bits == 32 && n >= 66 && le32(p + 54) == 0xff0000 &&
                  le32(p + 58) == 0xff00 && le32(p + 62) == 0xff;
    out->runs = compression == 1 && out->bits == 8;
    if (compression && !fields && !out->runs) {
        return err_set(e, ERR_FORMAT, "BMP: compression %u is not supported", compression);
    }
    out->from_above = h < 0;
    out->h = (size_t)(h < 0 ? -h : h);
    out->pixels_at = le32(p + 10);
    out->palette_at = 14 + head;
    out->palette_n = out->bits > 8 ? 0 : used && used < 256 ? used
                                                            : (size_t)1 << out->bits;
    bool known = out->bits == 1 || out->bits == 4 || out->bits == 8 || out->bits == 24 ||
                 out->bits == 32;
    return known ? 0 : err_set(e, ERR_FORMAT, "BMP: %zu bits a pixel are not supported", out->bits);
}

static void unpack_row(const struct header *h, const uint8_t *row, uint8_t rgb[256][3],
                       uint8_t *out)
{
    for (size_t x = 0; x < h->w; x++) {
        if (h->bits <= 8) {
            size_t bit = x * h->bits;
            unsigned v = row[bit / 8] >> (8 - h->bits - bit % 8);
            memcpy(out + 3 * x, rgb[v & ((1u << h->bits) - 1)], 3);
            continue;
        }
        const uint8_t *p = row + x * h->bits / 8;
        out[3 * x] = p[2];
        out[3 * x + 1] = p[1];
        out[3 * x + 2] = p[0];
    }
}

/* Run lengths (RLE8): pairs of a count and an entry; count 0 is the end of a row (0), of the image
 * (1), a jump (2) or that many plain entries, padded to an even number. out [h, w, 3] starts as
 * entry 0. */
static int unpack_runs(const struct header *h, const uint8_t *p, const uint8_t *end,
                       uint8_t rgb[256][3], uint8_t *out, struct err *e)
{
    size_t x = 0, y = 0;
    for (size_t i = 0; i < h->h * h->w; i++) {
        memcpy(out + 3 * i, rgb[0], 3);
    }
    while (end - p >= 2) {
        size_t count = p[0], code = p[1], plain = 0;
        p += 2;
        if (!count && code == 1) {
            return 0;
        }
        if (!count && code == 0) {
            x = 0;
            y++;
            continue;
        }
        if (!count && code == 2) {
            if (end - p < 2) {
                break;
            }
            x += p[0];
            y += p[1];
            p += 2;
            continue;
        }
        if (!count) {
            plain = (code + 1) & ~(size_t)1;
            count = code;
        }
        if ((size_t)(end - p) < plain) {
            break;
        }
        for (size_t i = 0; i < count; i++, x++) {
            if (x < h->w && y < h->h) {
                size_t row = h->from_above ? y : h->h - 1 - y;
                memcpy(out + (row * h->w + x) * 3, rgb[plain ? p[i] : code], 3);
            }
        }
        p += plain;
    }
    return err_set(e, ERR_FORMAT, "BMP: truncated run lengths");
}

int bmp_decode(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
               struct image *out, struct err *e)
{
    struct header h = {0};
    uint8_t rgb[256][3] = {{0}};
    if (read_header(bytes, n, &h, e)) {
        return -1;
    }
    bool grey = style == CODEC_TF && h.bits == 8;
    if (style == CODEC_TF && (h.bits < 8 || h.runs)) {
        return err_set(e, ERR_FORMAT, "BMP: TensorFlow reads no %s BMP",
                       h.runs ? "run-length" : "1- or 4-bit");
    }
    size_t c = grey ? 1 : 3, row_bytes = (h.w * h.bits + 31) / 32 * 4;
    bool fits = h.pixels_at <= n &&
                (h.runs || !h.h || row_bytes <= (n - h.pixels_at) / h.h);
    if (!fits) {
        return err_set(e, ERR_FORMAT, "BMP: truncated: %zu x %zu of %zu bits in %zu bytes", h.h,
                       h.w, h.bits, n);
    }
    if (codec_reserve(b, "BMP", h.h, h.w, c, e)) {
        return -1;
    }
    for (size_t i = 0; i < h.palette_n && h.palette_at + (i + 1) * h.entry_bytes <= n; i++) {
        const uint8_t *p = bytes + h.palette_at + i * h.entry_bytes;
        rgb[i][0] = p[2];
        rgb[i][1] = p[1];
        rgb[i][2] = p[0];
    }
    *out = (struct image){.data = b->data, .h = h.h, .w = h.w, .c = c};
    if (h.runs) {
        return unpack_runs(&h, bytes + h.pixels_at, bytes + n, rgb, b->data, e);
    }
    for (size_t y = 0; y < h.h; y++) {
        const uint8_t *row = bytes + h.pixels_at + (h.from_above ? y : h.h - 1 - y) * row_bytes;
        uint8_t *to = b->data + y * h.w * c;
        if (grey) {
            memcpy(to, row, h.w);
        } else {
            unpack_row(&h, row, rgb, to);
        }
    }
    return 0;
}
