/* Random access to the members of a zip archive (stored and deflated, zip64; no encryption):
 * an index from the central directory, checked against each local header. .npz is one. */
#ifndef BITBENCH_BASE_ZIP_H
#define BITBENCH_BASE_ZIP_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct zip_member {
    char *name; /* as stored, NUL-terminated; a NUL inside is an error */
    uint64_t offset; /* of the local header */
    uint64_t packed_bytes, bytes;
    uint32_t crc32;
    uint16_t method; /* 0 stored, 8 deflated */
};

struct zip {
    char *path;
    int fd;
    uint64_t file_bytes;
    struct zip_member *members; /* in order of the central directory */
    size_t n_members;
};

/* Duplicate names, overlapping members, wrong offsets: errors naming the file and offset. */
int zip_open(struct zip *z, const char *path, struct err *e);
void zip_close(struct zip *z);
const struct zip_member *zip_find(const struct zip *z, const char *name); /* or NULL */

/* Reads one member whole into out, which holds m->bytes. CRC-32 is checked. A member that inflates
 * to another size than it claims is an error. Thread-safe. */
int zip_read(const struct zip *z, const struct zip_member *m, void *out, struct err *e);
/* The same into fresh memory (n + 1 bytes, NUL behind), at most max_bytes; the caller frees. */
int zip_read_alloc(const struct zip *z, const struct zip_member *m, size_t max_bytes,
                   unsigned char **out, struct err *e);

#endif
