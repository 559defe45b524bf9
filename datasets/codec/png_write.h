/* Writing of a decoded image as PNG, for people to look at. */
#ifndef BITBENCH_DATASETS_CODEC_PNG_WRITE_H
#define BITBENCH_DATASETS_CODEC_PNG_WRITE_H

struct err;
struct image;

/* 8 bits, grey or RGB. Atomic. */
int png_write(const char *path, const struct image *image, struct err *e);

#endif
