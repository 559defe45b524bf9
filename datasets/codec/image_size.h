/* What an image file says of itself at its beginning, without decoding it. */
#ifndef BITBENCH_DATASETS_CODEC_IMAGE_SIZE_H
#define BITBENCH_DATASETS_CODEC_IMAGE_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* "PNG", "JPEG", "GIF" or "BMP" by its first bytes, or NULL. *h, *w, *c: height, width and
 * channels as stored (colours of a palette are 3); 0 where the file is too short to say. */
const char *image_size(const uint8_t *bytes, size_t n, size_t *h, size_t *w, size_t *c);

#endif
