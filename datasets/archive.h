/* Archives of files, read in place: tar, gzip-compressed tar, zip, and folders as if they were one.
 * The index is made when the archive is opened, or read back; nothing is unpacked.
 *
 * Names are paths with '/', without "./" in front. Left out: hidden names (a part beginning with
 * '.', as macOS puts beside its files) and names that end in '~', as TFDS does. A name that is
 * absolute or has a part ".." is ERR_FORMAT. */
#ifndef BITBENCH_DATASETS_ARCHIVE_H
#define BITBENCH_DATASETS_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct archive;

/* Told by its first bytes. ERR_ABSENT: no such path; ERR_FORMAT: none of these, damaged. */
int archive_open(struct archive **a, const char *path, struct err *e);
/* The same with the index of a plain tar, and of those inside it, kept in the folder `cache` (NULL:
 * nowhere), from which it is taken the next time; see index_cache.h. */
int archive_open_cached(struct archive **a, const char *path, const char *cache, struct err *e);
/* Keeps what was read anew, once all archives inside were opened: all [n] are these and those they
 * lie in, in order of opening. Where it cannot be written there is a warning. */
void archive_keep_indexes(struct archive *const *all, size_t n);
/* An archive that is a member of another, which must stay open. */
int archive_open_member(struct archive **a, const struct archive *outer, size_t i, struct err *e);
void archive_close(struct archive *a); /* accepts NULL */

const char *archive_where(const struct archive *a);
size_t archive_count(const struct archive *a);
const char *archive_name(const struct archive *a, size_t i);
uint64_t archive_bytes(const struct archive *a, size_t i);
/* Where its bytes begin in a tar that is not packed, for messages; else UINT64_MAX. */
uint64_t archive_at(const struct archive *a, size_t i);
bool archive_is_link(const struct archive *a, size_t i); /* in a tar; it has no bytes */

/* Makes archive_find possible. ERR_FORMAT names a member that occurs twice. */
int archive_sort(struct archive *a, struct err *e);
/* The member of this name, or SIZE_MAX. */
size_t archive_find(const struct archive *a, const char *name);
/* The first member whose name is tail, or ends in '/' and tail; or SIZE_MAX. No sorting needed. */
size_t archive_find_tail(const struct archive *a, const char *tail);

/* Reads a member whole into out, which holds archive_bytes of it. Thread-safe. */
int archive_read(const struct archive *a, size_t i, void *out, struct err *e);
/* The same into fresh memory with a NUL behind, at most max_bytes; the caller frees. */
int archive_read_alloc(const struct archive *a, size_t i, size_t max_bytes, unsigned char **data,
                       size_t *n, struct err *e);
void archive_hint(const struct archive *a, size_t i); /* it will be read soon */

#endif
