/* Shared by h5.c, h5_write.c and h5_read.c. */
#ifndef BITBENCH_BASE_H5_PRIVATE_H
#define BITBENCH_BASE_H5_PRIVATE_H

#include <stddef.h>
#include <hdf5.h>

#include "harness/base/h5.h"

struct h5 {
    hid_t file;
    char *name;         /* for messages */
    size_t user_block;  /* bytes before the image proper */
    size_t image_bytes; /* length of the image being read; 0 when writing */
};

/* A struct h5 with its name; library messages are off from here on. NULL with e set. */
struct h5 *h5_new(const char *name, struct err *e);

/* e = "file: object: what: the library's innermost message". Call it right after the failed
 * call, since every later call clears the library's messages. Always returns -1. */
int h5_fail(const struct h5 *h, const char *object, const char *what, struct err *e);

/* The little-endian file type of t. Never to be closed. */
hid_t h5_type_id(enum h5_type t);

#endif
