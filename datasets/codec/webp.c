/* WebP by libwebp, which Pillow uses as well: lossy pictures with its default ("fancy") upsampling,
 * lossless ones exactly. Alpha is dropped, not blended. TensorFlow's decode_image has no WebP, so
 * both styles give the same. */
#include <webp/decode.h>

#include "datasets/codec/codec.h"
#include "harness/base/err.h"

static const char *reason(VP8StatusCode code)
{
    switch (code) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return "truncated";
    case VP8_STATUS_OUT_OF_MEMORY:
        return "no memory";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return "a feature that libwebp does not read";
    default:
        return "damaged";
    }
}

int webp_decode(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
                struct image *out, struct err *e)
{
    (void)style;
    WebPDecoderConfig c;
    if (!WebPInitDecoderConfig(&c)) {
        return err_set(e, ERR_IO, "WebP: libwebp of another version than at build time");
    }
    VP8StatusCode code = WebPGetFeatures(bytes, n, &c.input);
    if (code != VP8_STATUS_OK) {
        return err_set(e, ERR_FORMAT, "WebP: %s", reason(code));
    }
    if (c.input.has_animation) {
        return err_set(e, ERR_FORMAT, "WebP: an animation");
    }
    size_t h = (size_t)c.input.height, w = (size_t)c.input.width;
    if (codec_reserve(b, "WebP", h, w, 3, e)) {
        return -1;
    }
    c.output.colorspace = MODE_RGB;
    c.output.is_external_memory = 1;
    c.output.u.RGBA.rgba = b->data;
    c.output.u.RGBA.stride = (int)(w * 3);
    c.output.u.RGBA.size = h * w * 3;
    code = WebPDecode(bytes, n, &c);
    WebPFreeDecBuffer(&c.output);
    if (code != VP8_STATUS_OK) {
        return err_set(e, ERR_FORMAT, "WebP: %s", reason(code));
    }
    *out = (struct image){.data = b->data, .h = h, .w = w, .c = 3};
    return 0;
}
