/* What the fuzz targets of image decoders share: an image of sane shape, every byte of it there, or
 * an error with its words. */
#ifndef BITBENCH_TESTS_FUZZ_DECODER_H
#define BITBENCH_TESTS_FUZZ_DECODER_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "datasets/codec/codec.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In both styles. */
static inline void decode_any(int (*decode)(const uint8_t *data, size_t n, enum codec_style style,
                                            struct codec_buf *b, struct image *out, struct err *e),
                              const uint8_t *data, size_t size)
{
    struct codec_buf b = {0};
    for (int style = CODEC_PIL; style <= CODEC_TF; style++) {
        struct image im;
        struct err e = {0};
        if (decode(data, size, (enum codec_style)style, &b, &im, &e)) {
            assert(e.code != ERR_NONE && e.text[0]);
            continue;
        }
        assert(im.h && im.w && (im.c == 1 || im.c == 3) && im.h * im.w * im.c <= b.cap);
        unsigned sum = 0;
        for (size_t i = 0; i < im.h * im.w * im.c; i++) {
            sum += im.data[i];
        }
        assert(sum / 255 <= im.h * im.w * im.c);
    }
    free(b.data);
}

#endif
