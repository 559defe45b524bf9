/* Unpacking to a disk, once: archives through libarchive, gzip files, compressed .mat files. What
 * is not finished has a name ending in ".partial", which no data set looks for. */
#ifndef BITBENCH_UNPACK_H
#define BITBENCH_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct unpack {
    const char *from; /* the packed file */
    const char *dir;  /* where the result goes */
    const char *out;  /* its name there */
    unsigned percent; /* unpacked size in per cent of the packed one, for the look at free space */
    bool files;       /* archives: see below */
};

/* Errors of all: ERR_FORMAT damaged or hostile (what, where), ERR_IO the disk, or not enough free
 * space, known beforehand; ERR_USAGE another process is at it; ERR_INTERRUPTED. More than 20 times
 * the packed size and 64 MiB is taken for a bomb (ERR_LIMIT). Everything is on the disk before the
 * result gets its name. */

/* A tar, packed by gzip or not, or a rar: the members below OUT/ become the folder dir/OUT. With
 * `files` the members whose file name begins with OUT become files of dir. Names that are absolute
 * or have a part ".." refuse the whole archive; links and devices are left out, with a warning.
 * Work goes on where an interrupted or killed one stopped, at most 256 MiB behind. */
int unpack_archive(const struct unpack *u, struct err *e);
/* NAME.gz -> NAME. */
int unpack_gzip(const struct unpack *u, struct err *e);
/* A MATLAB 5 file with compressed elements -> the same file without compression. */
int unpack_mat(const struct unpack *u, struct err *e);

/* Private to unpack*.c. */
struct unpack_out {
    int fd;
    char partial[4096], path[4096];
    uint64_t bytes, most; /* written; allowed */
};
int unpack_out_open(struct unpack_out *o, const struct unpack *u, uint64_t packed, uint64_t need,
                    struct err *e);
int unpack_out_write(struct unpack_out *o, const void *data, size_t n, struct err *e);
/* Syncs and renames where rc is 0, else leaves nothing that counts. Returns rc or -1. */
int unpack_out_close(struct unpack_out *o, int rc, struct err *e);
uint64_t unpack_limit(uint64_t packed);
/* Is there room for `need` bytes in dir? */
int unpack_check_space(const char *dir, const char *what, uint64_t need, struct err *e);
void unpack_show(const char *path, uint64_t done, uint64_t total); /* progress */

#endif
