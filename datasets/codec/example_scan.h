/* The features of a tf.train.Example in a file, without reading what is large: of an entry with one
 * long value only the beginning is read, and where the value lies is told. */
#ifndef BITBENCH_DATASETS_CODEC_EXAMPLE_SCAN_H
#define BITBENCH_DATASETS_CODEC_EXAMPLE_SCAN_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct example_feature;

/* Makes bytes at .. at + n of the Example readable at *p until the next call; they lie within
 * it. 0 or -1. */
typedef int example_need_fn(void *ctx, size_t at, size_t n, const uint8_t **p, struct err *e);
/* Gets each feature. at, bytes: where the only value of EXAMPLE_BYTES lies in the Example. Of a
 * value that was passed over that is all there is: f->list is NULL. Stops with -1 on not 0. */
typedef int example_scan_fn(void *ctx, const struct example_feature *f, size_t at, size_t bytes,
                            struct err *e);

struct example_scan {
    example_need_fn *need;
    void *need_ctx;
    example_scan_fn *fn;
    void *ctx;
};

/* An Example of n bytes. ERR_FORMAT: it is none. */
int example_scan(const struct example_scan *s, size_t n, struct err *e);

#endif
