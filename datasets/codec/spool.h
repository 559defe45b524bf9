/* Random access to bytes that are stored as they are or deflated. What is stored as it is is read
 * in place. What is deflated is inflated once, when the first byte of it is asked for, into a file
 * without a name in /var/tmp, since neither memory nor an index of gzip serves random access to
 * gigabytes. Thread-safe after opening. */
#ifndef BITBENCH_DATASETS_CODEC_SPOOL_H
#define BITBENCH_DATASETS_CODEC_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct spool;

/* A whole file; gzip is told by its first two bytes. `most`: the most bytes that it may have
 * (inflated); more is ERR_FORMAT, as is another number where `exact` is set. */
int spool_open(struct spool **s, const char *path, uint64_t most, bool exact, struct err *e);

/* A range of a file that stays open in the spool (its descriptor is duplicated). */
struct spool_part {
    int fd;
    const char *name; /* for messages; copied */
    uint64_t offset;  /* in the file */
    uint64_t packed;  /* bytes there */
    uint64_t bytes;   /* inflated; known beforehand, another number is ERR_FORMAT */
    int window_bits;  /* for zlib: 0 stored, 15 with zlib's header, -15 bare */
    bool check_crc;   /* crc32 below holds for the inflated bytes */
    uint32_t crc32;
};
int spool_open_part(struct spool **s, const struct spool_part *part, struct err *e);
void spool_close(struct spool *s); /* accepts NULL */

/* Inflates now what is not yet. */
int spool_fill(struct spool *s, struct err *e);
/* Up to the first n bytes of a part, without inflating the rest; *got says how many. */
int spool_head(struct spool *s, void *out, size_t n, size_t *got, struct err *e);
/* Length where it is known: always after spool_fill, before only where nothing or a part is
 * inflated; else 0. */
uint64_t spool_bytes(const struct spool *s);
/* Exactly n bytes at offset; ERR_FORMAT "truncated" where there are fewer. */
int spool_read(struct spool *s, void *out, size_t n, uint64_t offset, struct err *e);
/* The descriptor and offset at which the bytes lie, after spool_fill. */
int spool_fd(const struct spool *s, uint64_t *offset);
/* An open file without a name in /var/tmp, with room for `bytes`; -1 with e set. */
int spool_temporary(const char *name, uint64_t bytes, struct err *e);
/* write() until all is written. */
int spool_write(int fd, const void *data, size_t n, const char *name, struct err *e);

#endif
