/* Random access to the members of a zip archive (stored and deflated, zip64; one part, no
 * encryption): an index from the central directory; each local header is checked when its member
 * is read. .npz is one. Errors name the file and the offset. */
#ifndef BITBENCH_BASE_ZIP_H
#define BITBENCH_BASE_ZIP_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct zip_member {
    const char *name; /* as stored, NUL-terminated; a NUL inside is an error */
    uint64_t offset;  /* of the local header */
    uint64_t limit;   /* where the next member or the central directory begins */
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
    struct zip_member **by_name; /* sorted */
    char *names;                 /* all names */
};

/* Reads the index. Duplicate names, overlapping members, offsets outside the file, a member that
 * claims more than deflate can give: errors naming the file and offset. */
int zip_open(struct zip *z, const char *path, struct err *e);
/* The same on an open file of file_bytes; name is for messages. Takes fd over, also when it
 * fails. */
int zip_open_fd(struct zip *z, int fd, uint64_t file_bytes, const char *name, struct err *e);
void zip_close(struct zip *z);
const struct zip_member *zip_find(const struct zip *z, const char *name); /* or NULL */

/* Checks the local header and gives the offset in the file of the member's packed bytes (its
 * own bytes when stored). Thread-safe. */
int zip_locate(const struct zip *z, const struct zip_member *m, uint64_t *offset, struct err *e);
/* Reads one member whole into out, which holds m->bytes. CRC-32 is checked. A member that
 * inflates to another size than it claims is an error. Thread-safe. */
int zip_read(const struct zip *z, const struct zip_member *m, void *out, struct err *e);
/* The same into fresh memory (n + 1 bytes, NUL behind), at most max_bytes (0 = no limit); the
 * caller frees. */
int zip_read_alloc(const struct zip *z, const struct zip_member *m, size_t max_bytes,
                   unsigned char **out, struct err *e);

#endif
