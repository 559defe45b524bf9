/* Files that may be gzip-compressed, read forward. Sole reader of gzip here: unlike libarchive's
 * filter it checks every CRC and refuses anything behind the last member. */
#ifndef BITBENCH_DATASETS_CODEC_GZIP_H
#define BITBENCH_DATASETS_CODEC_GZIP_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct gzip;

/* Opens a file; gzip is told by its first two bytes, anything else is passed through as it is.
 * An empty file is ERR_FORMAT. */
int gzip_open(struct gzip **g, const char *path, struct err *e);
void gzip_close(struct gzip *g); /* accepts NULL */
/* The next n bytes, fewer only at the end; *got says how many. ERR_FORMAT names file and offset
 * (of the compressed file) where the stream is cut, damaged or followed by something else. */
int gzip_read(struct gzip *g, void *out, size_t n, size_t *got, struct err *e);
/* How many bytes of the file have been used. */
uint64_t gzip_position(const struct gzip *g);
/* No file of this size inflates to more (deflate packs at most 1032 bytes into one). */
uint64_t gzip_most_bytes(const struct gzip *g);

#endif
