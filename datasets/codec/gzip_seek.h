/* Random access to gzip data (RFC 1952): one pass over the whole remembers states of inflate every
 * few megabytes; a read then inflates from the state before it. */
#ifndef BITBENCH_DATASETS_CODEC_GZIP_SEEK_H
#define BITBENCH_DATASETS_CODEC_GZIP_SEEK_H

#include <stddef.h>
#include <stdint.h>

struct blob;
struct err;
struct gzip_seek;

/* in must stay open. */
int gzip_seek_open(struct gzip_seek **g, const struct blob *in, struct err *e);
void gzip_seek_close(struct gzip_seek *g); /* accepts NULL */

/* The pass: up to n bytes at `at`, which may not lie before the end of the last call's bytes.
 * *got is less than n only at the end. A cut or damaged stream, a wrong CRC and bytes behind the
 * last member are ERR_FORMAT with the offset of the packed file. */
int gzip_seek_scan(struct gzip_seek *g, uint64_t at, void *out, size_t n, size_t *got,
                   struct err *e);
/* Runs the pass to the end, so that every checksum is checked. */
int gzip_seek_finish(struct gzip_seek *g, struct err *e);

/* After the pass: exactly n bytes at `at`. Thread-safe. */
int gzip_seek_read(const struct gzip_seek *g, uint64_t at, void *out, size_t n, struct err *e);

#endif
