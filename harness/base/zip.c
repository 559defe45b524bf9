/* Zip archives after PKWARE's APPNOTE 6.3: the end record is searched from the end of the file,
 * it (or its zip64 form) gives the central directory, whose entries make the index. Sizes and
 * CRCs are taken from there, so data descriptors behind members need no attention. */
#include "harness/base/zip.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/little.h"
#include "harness/base/mem.h"

enum {
    LOCAL_BYTES = 30,
    ENTRY_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    FLAG_DESCRIPTOR = 1 << 3,
    FLAGS_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13,
    ZIP64_EXTRA = 1,
    BLOCK_BYTES = 1 << 16,
};

static bool is_record(const unsigned char *p, char third, char fourth)
{
    return p[0] == 'P' && p[1] == 'K' && p[2] == third && p[3] == fourth;
}

static int fail_at(const struct zip *z, uint64_t offset, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: offset %ju: %s", z->path, (uintmax_t)offset, what);
}

static int fail_member(const struct zip *z, uint64_t offset, const struct zip_member *m,
                       const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: offset %ju: member %s: %s", z->path, (uintmax_t)offset,
                   m->name, what);
}

/* ---- the end of the archive ---- */

struct directory {
    uint64_t offset, bytes, n_entries;
};

/* Replaces what the end record gives as "see there" (all ones) from the zip64 end record. */
static int read_end64(const struct zip *z, uint64_t end_offset, struct directory *d,
                      struct err *e)
{
    unsigned char p[END64_BYTES];
    if (end_offset < LOCATOR_BYTES) {
        return 0;
    }
    uint64_t at = end_offset - LOCATOR_BYTES;
    if (file_pread(z->fd, p, LOCATOR_BYTES, at, z->path, e)) {
        return -1;
    }
    if (!is_record(p, 6, 7)) {
        return 0; /* 65535 entries need no zip64 */
    }
    uint64_t record = le64(p + 8);
    if (le32(p + 4) != 0 || le32(p + 16) > 1) {
        return fail_at(z, at, "central directory of several parts: not supported", e);
    }
    if (at < END64_BYTES || record > at - END64_BYTES) {
        return fail_at(z, at, "the zip64 end record lies outside the file", e);
    }
    if (file_pread(z->fd, p, END64_BYTES, record, z->path, e)) {
        return -1;
    }
    if (!is_record(p, 6, 6)) {
        return fail_at(z, record, "no zip64 end record", e);
    }
    if (le32(p + 16) != 0 || le32(p + 20) != 0 || le64(p + 24) != le64(p + 32)) {
        return fail_at(z, record, "central directory of several parts: not supported", e);
    }
    if (d->n_entries == UINT16_MAX) {
        d->n_entries = le64(p + 32);
    }
    if (d->bytes == UINT32_MAX) {
        d->bytes = le64(p + 40);
    }
    if (d->offset == UINT32_MAX) {
        d->offset = le64(p + 48);
    }
    return 0;
}

/* The end record is the last one whose comment reaches to the end of the file. */
static int find_end(const struct zip *z, const unsigned char *tail, size_t n, size_t *at,
                    struct err *e)
{
    for (size_t i = n - END_BYTES + 1; i-- > 0;) {
        if (is_record(tail + i, 5, 6) && le16(tail + i + 20) == n - END_BYTES - i) {
            *at = i;
            return 0;
        }
    }
    return err_set(e, ERR_FORMAT,
                   "%s: no end record (no end of central directory) in the last %zu bytes",
                   z->path, n);
}

static int find_directory(const struct zip *z, struct directory *d, struct err *e)
{
    if (z->file_bytes < END_BYTES) {
        return err_set(e, ERR_FORMAT, "%s: %ju bytes are too few for a zip archive", z->path,
                       (uintmax_t)z->file_bytes);
    }
    unsigned char tail[END_BYTES + UINT16_MAX];
    size_t n = z->file_bytes < sizeof tail ? z->file_bytes : sizeof tail, at = 0;
    uint64_t start = z->file_bytes - n;
    if (file_pread(z->fd, tail, n, start, z->path, e) || find_end(z, tail, n, &at, e)) {
        return -1;
    }
    const unsigned char *p = tail + at;
    uint64_t end = start + at;
    if (le16(p + 4) != 0 || le16(p + 6) != 0 || le16(p + 8) != le16(p + 10)) {
        return fail_at(z, end, "central directory of several parts: not supported", e);
    }
    d->n_entries = le16(p + 10);
    d->bytes = le32(p + 12);
    d->offset = le32(p + 16);
    bool elsewhere =
        d->n_entries == UINT16_MAX || d->bytes == UINT32_MAX || d->offset == UINT32_MAX;
    if (elsewhere && read_end64(z, end, d, e)) {
        return -1;
    }
    if (d->offset > end || d->bytes > end - d->offset || d->n_entries > d->bytes / ENTRY_BYTES) {
        return fail_at(z, end,
                       "the central directory lies outside the file or cannot hold its entries", e);
    }
    return 0;
}

/* ---- the central directory ---- */

/* Replaces sizes and offset that are all ones from the zip64 extra field (extra [n]). */
static int apply_extra(const struct zip *z, uint64_t at, struct zip_member *m,
                       const unsigned char *extra, size_t n, struct err *e)
{
    uint64_t *const wanted[] = {&m->bytes, &m->packed_bytes, &m->offset}; /* in field order */
    size_t pos = 0, length;
    for (; n - pos >= 4; pos += 4 + length) {
        length = le16(extra + pos + 2);
        if (length > n - pos - 4) {
            break;
        }
        if (le16(extra + pos) != ZIP64_EXTRA) {
            continue;
        }
        size_t used = 0;
        for (size_t i = 0; i < 3; i++) {
            if (*wanted[i] != UINT32_MAX) {
                continue;
            }
            if (length - used < 8) {
                return fail_at(z, at, "zip64 field too short", e);
            }
            *wanted[i] = le64(extra + pos + 4 + used);
            used += 8;
        }
        return 0;
    }
    return 0;
}

static int check_member(const struct zip *z, uint64_t at, const struct zip_member *m,
                        uint64_t directory_offset, struct err *e)
{
    if (m->method != METHOD_STORED && m->method != METHOD_DEFLATED) {
        char what[80];
        snprintf(what, sizeof what, "only stored and deflated ones are supported, not method %u",
                 (unsigned)m->method);
        return fail_member(z, at, m, what, e);
    }
    uint64_t head = LOCAL_BYTES + strlen(m->name);
    if (m->offset > directory_offset || head > directory_offset - m->offset ||
        m->packed_bytes > directory_offset - m->offset - head) {
        return fail_member(z, at, m, "it lies outside the file", e);
    }
    /* A deflate stream grows at most 1032 times (zlib's technical notes). No overflow: the
     * packed bytes are in the file. */
    bool possible = m->method == METHOD_STORED
                        ? m->bytes == m->packed_bytes
                        : m->bytes <= m->packed_bytes * 1032 + 64;
    if (!possible) {
        return fail_member(z, at, m,
                           "it claims a length that its packed bytes cannot give (declared size)",
                           e);
    }
    return 0;
}

/* One entry at p, of which left bytes are there; *used gets its length, *names moves on. */
static int read_entry(const struct zip *z, const struct directory *d, const unsigned char *p,
                      size_t left, uint64_t at, struct zip_member *m, char **names, size_t *used,
                      struct err *e)
{
    if (left < ENTRY_BYTES || !is_record(p, 1, 2)) {
        return fail_at(z, at, "no entry of a central directory", e);
    }
    size_t n_name = le16(p + 28), n_extra = le16(p + 30), n_comment = le16(p + 32);
    *used = ENTRY_BYTES + n_name + n_extra + n_comment;
    if (*used > left) {
        return fail_at(z, at, "an entry longer than the central directory", e);
    }
    const unsigned char *name = p + ENTRY_BYTES;
    if (n_name == 0 || memchr(name, '\0', n_name)) {
        return fail_at(z, at, "a member's name is empty or has a NUL", e);
    }
    if (le16(p + 8) & FLAGS_ENCRYPTED) {
        return fail_at(z, at, "encrypted members are not supported", e);
    }
    if (le16(p + 34) != 0) {
        return fail_at(z, at, "central directory of several parts: not supported", e);
    }
    *m = (struct zip_member){
        .name = *names,
        .offset = le32(p + 42),
        .packed_bytes = le32(p + 20),
        .bytes = le32(p + 24),
        .crc32 = le32(p + 16),
        .method = le16(p + 10),
    };
    memcpy(*names, name, n_name);
    (*names)[n_name] = '\0';
    *names += n_name + 1;
    return apply_extra(z, at, m, name + n_name, n_extra, e) ||
                   check_member(z, at, m, d->offset, e)
               ? -1
               : 0;
}

static int read_entries(struct zip *z, const struct directory *d, const unsigned char *p,
                        struct err *e)
{
    size_t pos = 0, used = 0;
    char *names = z->names;
    for (; z->n_members < d->n_entries; z->n_members++, pos += used) {
        if (read_entry(z, d, p + pos, d->bytes - pos, d->offset + pos, &z->members[z->n_members],
                       &names, &used, e)) {
            return -1;
        }
    }
    if (pos != d->bytes) {
        return fail_at(z, d->offset + pos, "something behind the central directory's entries", e);
    }
    return 0;
}

static int compare_offsets(const void *a, const void *b)
{
    uint64_t x = (*(struct zip_member *const *)a)->offset;
    uint64_t y = (*(struct zip_member *const *)b)->offset;
    return (x > y) - (x < y);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(struct zip_member *const *)a)->name, (*(struct zip_member *const *)b)->name);
}

/* Sets each member's limit and refuses overlaps; ends with by_name sorted and names unique. */
static int index_members(struct zip *z, uint64_t directory_offset, struct err *e)
{
    struct zip_member **order = z->by_name;
    size_t n = z->n_members;
    for (size_t i = 0; i < n; i++) {
        order[i] = &z->members[i];
    }
    qsort(order, n, sizeof *order, compare_offsets);
    for (size_t i = 0; i < n; i++) {
        struct zip_member *m = order[i];
        m->limit = i + 1 < n ? order[i + 1]->offset : directory_offset;
        if (m->limit - m->offset < LOCAL_BYTES + strlen(m->name) + m->packed_bytes) {
            return fail_member(z, m->offset, m, "it overlaps what comes next", e);
        }
    }
    qsort(order, n, sizeof *order, compare_names);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(order[i - 1]->name, order[i]->name) == 0) {
            return fail_member(z, order[i]->offset, order[i], "its name stands twice", e);
        }
    }
    return 0;
}

static int read_index(struct zip *z, struct err *e)
{
    struct directory d = {0};
    if (find_directory(z, &d, e)) {
        return -1;
    }
    unsigned char *p = mem_take(d.bytes, 1, e);
    z->members = mem_take(d.n_entries, sizeof *z->members, e);
    z->by_name = mem_take(d.n_entries, sizeof *z->by_name, e);
    z->names = mem_take(d.bytes, 1, e); /* each entry has room for its name and a NUL */
    bool done = p && z->members && z->by_name && z->names &&
                !file_pread(z->fd, p, d.bytes, d.offset, z->path, e) &&
                !read_entries(z, &d, p, e) && !index_members(z, d.offset, e);
    free(p);
    return done ? 0 : -1;
}

int zip_open_fd(struct zip *z, int fd, uint64_t file_bytes, const char *name, struct err *e)
{
    *z = (struct zip){.fd = fd, .file_bytes = file_bytes, .path = mem_strdup(name, e)};
    if (!z->path || read_index(z, e)) {
        zip_close(z);
        return -1;
    }
    return 0;
}

int zip_open(struct zip *z, const char *path, struct err *e)
{
    uint64_t file_bytes;
    int fd = file_open(path, &file_bytes, e);
    return fd < 0 ? -1 : zip_open_fd(z, fd, file_bytes, path, e);
}

void zip_close(struct zip *z)
{
    close(z->fd);
    free(z->members);
    free(z->by_name);
    free(z->names);
    free(z->path);
    *z = (struct zip){.fd = -1};
}

const struct zip_member *zip_find(const struct zip *z, const char *name)
{
    const struct zip_member wanted = {.name = name}, *key = &wanted;
    struct zip_member **found =
        bsearch(&key, z->by_name, z->n_members, sizeof *z->by_name, compare_names);
    return found ? *found : NULL;
}

/* ---- members ---- */

int zip_locate(const struct zip *z, const struct zip_member *m, uint64_t *offset, struct err *e)
{
    unsigned char p[LOCAL_BYTES + UINT16_MAX];
    size_t n_name = strlen(m->name); /* at most UINT16_MAX: it was a 16-bit length */
    if (file_pread(z->fd, p, LOCAL_BYTES + n_name, m->offset, z->path, e)) {
        return -1;
    }
    if (!is_record(p, 3, 4) || le16(p + 26) != n_name ||
        memcmp(p + LOCAL_BYTES, m->name, n_name) != 0) {
        return fail_member(z, m->offset, m, "its local header is another one's", e);
    }
    bool sizes_behind = le16(p + 6) & FLAG_DESCRIPTOR;
    uint32_t packed = le32(p + 18), bytes = le32(p + 22);
    if (le16(p + 6) & FLAGS_ENCRYPTED || le16(p + 8) != m->method ||
        (!sizes_behind && packed != UINT32_MAX && packed != m->packed_bytes) ||
        (!sizes_behind && bytes != UINT32_MAX && bytes != m->bytes)) {
        return fail_member(z, m->offset, m, "local header and central directory differ", e);
    }
    *offset = m->offset + LOCAL_BYTES + n_name + le16(p + 28);
    if (*offset > m->limit || m->packed_bytes > m->limit - *offset) {
        return fail_member(z, m->offset, m, "it overlaps what comes next", e);
    }
    return 0;
}

/* The compressed bytes of a member, block by block. */
struct source {
    const struct zip *z;
    uint64_t offset, left;
    unsigned char block[BLOCK_BYTES];
};

static int refill(struct source *s, z_stream *stream, struct err *e)
{
    size_t n = s->left < BLOCK_BYTES ? (size_t)s->left : BLOCK_BYTES;
    if (file_pread(s->z->fd, s->block, n, s->offset, s->z->path, e)) {
        return -1;
    }
    s->offset += n;
    s->left -= n;
    stream->next_in = s->block;
    stream->avail_in = (uInt)n;
    return 0;
}

/* Inflates into out; what the stream gives beyond m->bytes lands in `beyond` and is an error. */
static int inflate_all(struct source *s, z_stream *stream, const struct zip_member *m,
                       unsigned char *out, struct err *e)
{
    unsigned char beyond;
    uint64_t done = 0;
    for (;;) {
        if (stream->avail_in == 0 && s->left && refill(s, stream, e)) {
            return -1;
        }
        bool full = done == m->bytes;
        uint64_t room = full ? 1 : m->bytes - done;
        uInt chunk = room < UINT_MAX ? (uInt)room : UINT_MAX;
        stream->next_out = full ? &beyond : out + done;
        stream->avail_out = chunk;
        int state = inflate(stream, Z_NO_FLUSH);
        uInt given = chunk - stream->avail_out;
        if (full && given) {
            return fail_member(s->z, m->offset, m, "inflates to more than it claims", e);
        }
        done += given;
        if (state == Z_STREAM_END) {
            break;
        }
        if (state == Z_MEM_ERROR) {
            return err_set(e, ERR_LIMIT, "%s: member %s: out of memory", s->z->path, m->name);
        }
        if (state != Z_OK || (stream->avail_in == 0 && s->left == 0 && given == 0)) {
            return fail_member(s->z, m->offset, m, "its packed data is damaged or cut", e);
        }
    }
    if (done != m->bytes || stream->avail_in || s->left) {
        return fail_member(s->z, m->offset, m, "inflates to another size than it claims", e);
    }
    return 0;
}

static int read_deflated(const struct zip *z, const struct zip_member *m, uint64_t offset,
                         unsigned char *out, struct err *e)
{
    struct source s = {.z = z, .offset = offset, .left = m->packed_bytes};
    z_stream stream = {0};
    int rc = -1;
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        err_set(e, ERR_LIMIT, "%s: member %s: out of memory", z->path, m->name);
    } else {
        rc = inflate_all(&s, &stream, m, out, e);
        inflateEnd(&stream);
    }
    return rc;
}

int zip_read(const struct zip *z, const struct zip_member *m, void *out, struct err *e)
{
    uint64_t offset;
    if (zip_locate(z, m, &offset, e)) {
        return -1;
    }
    int rc = m->method == METHOD_STORED ? file_pread(z->fd, out, m->bytes, offset, z->path, e)
                                        : read_deflated(z, m, offset, out, e);
    if (rc) {
        return -1;
    }
    if (crc32_z(0, out, m->bytes) != m->crc32) {
        return fail_member(z, m->offset, m, "its CRC-32 is wrong", e);
    }
    return 0;
}

int zip_read_alloc(const struct zip *z, const struct zip_member *m, size_t max_bytes,
                   unsigned char **out, struct err *e)
{
    if (max_bytes && m->bytes > max_bytes) {
        return err_set(e, ERR_LIMIT, "%s: member %s: %ju bytes, the limit is %zu", z->path,
                       m->name, (uintmax_t)m->bytes, max_bytes);
    }
    unsigned char *data = mem_take_raw(m->bytes + 1, 1, e);
    if (!data) {
        return err_wrap(e, "%s: member %s", z->path, m->name);
    }
    if (zip_read(z, m, data, e)) {
        free(data);
        return -1;
    }
    data[m->bytes] = '\0';
    *out = data;
    return 0;
}
