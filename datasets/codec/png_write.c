/* PNG through libspng into memory; a file is then one atomic write. */
#include "datasets/codec/png_write.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/tensor.h"
#include <spng.h>
#include <stdint.h>
#include <stdlib.h>

int png_encode(const struct image *image, unsigned char **bytes, size_t *n, struct err *e)
{
    struct spng_ihdr ihdr = {.width = (uint32_t)image->w,
                             .height = (uint32_t)image->h,
                             .bit_depth = 8,
                             .color_type = image->c == 1 ? SPNG_COLOR_TYPE_GRAYSCALE
                                                         : SPNG_COLOR_TYPE_TRUECOLOR};
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    *bytes = NULL;
    *n = 0;
    if (!ctx) {
        return err_set(e, ERR_LIMIT, "out of memory");
    }
    int code = spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    code = code ? code : spng_set_ihdr(ctx, &ihdr);
    code = code ? code
                : spng_encode_image(ctx, image->data, image->h * image->w * image->c, SPNG_FMT_PNG,
                                    SPNG_ENCODE_FINALIZE);
    if (code == 0) {
        *bytes = spng_get_png_buffer(ctx, n, &code);
    }
    spng_ctx_free(ctx);
    return code ? err_set(e, ERR_IO, "PNG: %s", spng_strerror(code)) : 0;
}

int png_write(const char *path, const struct image *image, struct err *e)
{
    unsigned char *bytes;
    size_t n;
    if (png_encode(image, &bytes, &n, e)) {
        return err_wrap(e, "%s", path);
    }
    int status = file_write(path, bytes, n, e);
    free(bytes);
    return status;
}
