/* Where data sets are to be had: official addresses with size and checksum, and instructions for
 * what no program may fetch.
 *
 * To add one: a row in downloads.c. */
#ifndef BITBENCH_DOWNLOADS_H
#define BITBENCH_DOWNLOADS_H

#include <stddef.h>
#include <stdint.h>

struct download {
    const char *name; /* of the file in the data folder */
    const char *url;
    uint64_t bytes;
    const char *sha256;
};

enum { DOWNLOADS_MOST = 6 };

struct download_set {
    const char *dataset;
    struct download files[DOWNLOADS_MOST]; /* those before the first without a name */
    const char *steps;                     /* what a person has to do, or NULL; lines */
};

extern const struct download_set download_sets[];
extern const size_t download_sets_n;
/* NULL where there is none: fashion-mnist's like have one, folder: and list: have not. */
const struct download_set *download_set_find(const char *dataset);
size_t download_set_count(const struct download_set *s);

#endif
