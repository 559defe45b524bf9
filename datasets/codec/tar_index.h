/* An index of a tar archive (ustar, GNU, pax): names, sizes and offsets of its files, so that they
 * are read in place. Our own reader, because libarchive's only runs forward. Strict: a wrong
 * checksum, a size beyond the end, an end inside a header are errors with the offset. */
#ifndef BITBENCH_DATASETS_CODEC_TAR_INDEX_H
#define BITBENCH_DATASETS_CODEC_TAR_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct tar_member {
    const char *name; /* as stored, until the next call */
    uint64_t at, bytes;
    bool link; /* symbolic or hard: no bytes of its own */
};

/* Where the archive's bytes come from: up to n at `at`, fewer only at the end; offsets only grow.
 * name is for messages. */
struct tar_input {
    const char *name;
    int (*read)(void *ctx, uint64_t at, void *out, size_t n, size_t *got, struct err *e);
    void *ctx;
    uint64_t size; /* UINT64_MAX: not known before the end */
};

/* Calls visit for every file and link, in order; folders and devices are left out. Stops where
 * visit does not return 0, and returns that. -1 with e set: no tar, cut, damaged. */
typedef int tar_visit_fn(void *ctx, const struct tar_member *m, struct err *e);
int tar_index(const struct tar_input *in, tar_visit_fn *visit, void *ctx, struct err *e);

#endif
