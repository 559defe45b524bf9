/* Reading a tar archive forward, plain or gzip-compressed, through libarchive. Nothing is ever
 * written to a disk; harness/unpack.c does that. */
#ifndef BITBENCH_DATASETS_CODEC_TAR_H
#define BITBENCH_DATASETS_CODEC_TAR_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct tar;

int tar_open(struct tar **t, const char *path, struct err *e);
void tar_close(struct tar *t); /* accepts NULL */
/* The next regular file: 1 with its name (valid until the next call; "" where it cannot be said
 * in UTF-8) and size. 0 at the end, after everything up to the end of the file was checked. -1
 * with e set: no tar, cut, damaged. */
int tar_next(struct tar *t, const char **name, uint64_t *bytes, struct err *e);
/* Reads n bytes of the current file; ERR_FORMAT where it has fewer. */
int tar_read(struct tar *t, void *out, size_t n, struct err *e);

#endif
