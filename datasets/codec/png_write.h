/* Writing of a decoded image as PNG, for people to look at. */
#ifndef BITBENCH_DATASETS_CODEC_PNG_WRITE_H
#define BITBENCH_DATASETS_CODEC_PNG_WRITE_H

#include <stddef.h>

struct err;
struct image;

/* 8 bits, grey or RGB; the caller frees *bytes. */
int png_encode(const struct image *image, unsigned char **bytes, size_t *n, struct err *e);

/* The same into a file. Atomic. */
int png_write(const char *path, const struct image *image, struct err *e);

#endif
