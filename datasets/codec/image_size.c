/* See image_size.h. */
#include "datasets/codec/image_size.h"

#include <stdbool.h>
#include <string.h>

static size_t big(const uint8_t *p, size_t n)
{
    size_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static size_t little(const uint8_t *p, size_t n)
{
    size_t v = 0;
    for (size_t i = n; i-- > 0;) {
        v = v << 8 | p[i];
    }
    return v;
}

static void png_size(const uint8_t *p, size_t n, size_t *h, size_t *w, size_t *c)
{
    static const uint8_t channels[] = {1, 0, 3, 3, 2, 0, 4}; /* by colour type */
    if (n < 26) {
        return;
    }
    *w = big(p + 16, 4);
    *h = big(p + 20, 4);
    *c = p[25] < sizeof channels ? channels[p[25]] : 0;
}

/* Markers up to the frame header (SOF0 to SOF15 without DHT, JPG and DAC). */
static void jpeg_size(const uint8_t *p, size_t n, size_t *h, size_t *w, size_t *c)
{
    size_t at = 2;
    while (at + 4 <= n && p[at] == 0xff) {
        uint8_t marker = p[at + 1];
        if (marker == 0xff) { /* a fill byte */
            at++;
            continue;
        }
        bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
                     marker != 0xcc;
        if (frame) {
            if (at + 10 <= n) {
                *h = big(p + at + 5, 2);
                *w = big(p + at + 7, 2);
                *c = p[at + 9];
            }
            return;
        }
        at += 2 + (marker >= 0xd0 && marker <= 0xd8 ? 0 : big(p + at + 2, 2));
    }
}

const char *image_size(const uint8_t *bytes, size_t n, size_t *h, size_t *w, size_t *c)
{
    *h = *w = *c = 0;
    if (n >= 8 && !memcmp(bytes, "\x89PNG\r\n\x1a\n", 8)) {
        png_size(bytes, n, h, w, c);
        return "PNG";
    }
    if (n >= 3 && !memcmp(bytes, "\xff\xd8\xff", 3)) {
        jpeg_size(bytes, n, h, w, c);
        return "JPEG";
    }
    if (n >= 10 && !memcmp(bytes, "GIF8", 4)) {
        *w = little(bytes + 6, 2);
        *h = little(bytes + 8, 2);
        *c = 3;
        return "GIF";
    }
    if (n >= 26 && !memcmp(bytes, "BM", 2)) {
        size_t rows = little(bytes + 22, 4); /* from the top where negative */
        *w = little(bytes + 18, 4);
        *h = rows > 0x7fffffff ? 0x100000000 - rows : rows;
        *c = 3;
        return "BMP";
    }
    return NULL;
}
