/* Private to the archives: their state. */
#ifndef BITBENCH_DATASETS_ARCHIVE_PRIVATE_H
#define BITBENCH_DATASETS_ARCHIVE_PRIVATE_H

#include "datasets/archive.h"
#include "datasets/codec/blob.h"
#include "datasets/codec/gzip_seek.h"
#include "datasets/index_cache.h"
#include "harness/base/str.h"
#include "harness/base/zip.h"

enum archive_kind { ARCHIVE_FOLDER,
                    ARCHIVE_ZIP,
                    ARCHIVE_TAR,
                    ARCHIVE_TAR_GZ };

struct archive {
    enum archive_kind kind;
    char *where;
    struct blob blob; /* TAR, TAR_GZ */
    struct gzip_seek *gz;
    struct zip zip;
    bool has_blob, has_zip;
    struct index_cache *cache;    /* of the file it lies in, or NULL */
    bool owns_cache, borrowed;    /* names and members belong to the cache */
    struct str names;             /* NUL-terminated, one behind the other */
    struct index_member *members; /* at: in the tar; member of the zip */
    size_t n, cap;
    size_t *sorted; /* [n] by name, or NULL */
};

enum { ARCHIVE_LINK = 1 }; /* index_member.at of a link: no header fits before that */

/* Adds a member unless its name is one that is left out. */
int archive_add(struct archive *a, const char *name, uint64_t at, uint64_t bytes, struct err *e);
/* Adds everything below the folder a->where. */
int archive_walk(struct archive *a, struct err *e);

#endif
