/* The index of a large tar, kept between runs: reading the headers of ILSVRC's 1.28 million members
 * takes seconds to minutes, reading them back out of one file a moment.
 *
 * One file an archive, FOLDER/indexes/HASH.index, HASH being of the archive's real path. It holds
 * the members of the archive and of the archives inside it, and says to which file they belong:
 * path, size, times of the last change, inode. Where one of these differs, the file is not used and
 * is written anew; so is one whose SHA-256 is wrong, with a warning. */
#ifndef BITBENCH_DATASETS_INDEX_CACHE_H
#define BITBENCH_DATASETS_INDEX_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct index_cache;

/* A file in an archive. */
struct index_member {
    uint64_t name; /* offset in the table's names */
    uint64_t at;   /* in the archive */
    uint64_t bytes;
};

/* The members of one archive: bytes base..base+size of the file. */
struct index_table {
    uint64_t base, size;
    struct index_member *members;
    size_t n;
    char *names; /* NUL-terminated, one behind the other */
    size_t n_names;
};

enum { INDEX_LEAST = 4096 }; /* members in all, for an index to be kept */

/* Reads what is kept of the archive at path, open as fd. An index that is absent, of another file
 * or damaged gives an empty cache. -1 with e set: memory is short. */
int index_cache_open(struct index_cache **c, const char *folder, const char *path, int fd,
                     struct err *e);
void index_cache_close(struct index_cache *c); /* accepts NULL */
/* The kept table of the archive in these bytes; it lives as long as c. False: there is none, and c
 * remembers that something is missing in it. Every offset was checked. */
bool index_cache_find(struct index_cache *c, uint64_t base, uint64_t size, struct index_table *t);
/* Was something missing? */
bool index_cache_incomplete(const struct index_cache *c);
/* Keeps these tables, which must be in ascending order of base. Nothing is written where there are
 * fewer than INDEX_LEAST members, or where the archive has changed since index_cache_open or less
 * than two seconds before it, since a change within the same tick would not be noticed later. */
int index_cache_write(const struct index_cache *c, int fd, const struct index_table *tables,
                      size_t n, struct err *e);

#endif
