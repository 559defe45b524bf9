/* The check of claimed sizes that all codecs share. */
#include "datasets/codec/codec.h"

#include "harness/base/err.h"
#include "harness/base/mem.h"

int codec_check_size(const char *format, size_t h, size_t w, struct err *e)
{
    if (h == 0 || w == 0) {
        return err_set(e, ERR_FORMAT, "%s: claims a size of %zu x %zu", format, h, w);
    }
    if (h > CODEC_MAX_PIXELS / w) {
        return err_set(e, ERR_LIMIT, "%s: claims %zu x %zu, the limit is %d pixels", format, h, w,
                       CODEC_MAX_PIXELS);
    }
    return 0;
}

int codec_reserve(struct codec_buf *b, const char *format, size_t h, size_t w,
                  size_t bytes_per_pixel, struct err *e)
{
    if (codec_check_size(format, h, w, e)) {
        return -1;
    }
    void *data = b->data;
    if (mem_grow(&data, &b->cap, h * w * bytes_per_pixel, 1, e)) {
        return err_wrap(e, "%s of %zu x %zu", format, h, w);
    }
    b->data = data;
    return 0;
}
