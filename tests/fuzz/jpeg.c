/* JPEG decoding of any bytes: either an error with a text, or an image within the limit whose
 * pixels are all there and the same when decoded again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/codec/codec.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct jpeg_how how = {
        .style = n % 3 == 0 ? CODEC_PIL : n % 3 == 1 ? CODEC_TF
                                                     : CODEC_CV,
        .fast = n % 2,
        .plain = n % 5 == 0,
        .draft = n % 7 == 0 ? 8 : 0,
    };
    struct codec_buf a = {0}, b = {0};
    struct image x, y;
    struct err e = {0}, again = {0};
    int rc = jpeg_decode(data, n, &how, &a, &x, &e);
    assert(jpeg_decode(data, n, &how, &b, &y, &again) == rc);
    if (rc) {
        assert(e.code != ERR_NONE && e.text[0] && strcmp(e.text, again.text) == 0);
    } else {
        size_t bytes = x.h * x.w * x.c;
        assert((x.c == 1 || x.c == 3) && x.h && x.w && x.h <= CODEC_MAX_PIXELS / x.w);
        assert(x.h == y.h && x.w == y.w && x.c == y.c && a.cap >= bytes);
        assert(memcmp(x.data, y.data, bytes) == 0);
    }
    free(a.data);
    free(b.data);
    return 0;
}
