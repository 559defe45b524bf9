/* See spool.h. */
#include "datasets/codec/spool.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include "datasets/codec/gzip.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

#define FOLDER "/var/tmp"
enum { CHUNK = 1 << 18 };

struct spool {
    char *name;
    /* Of the file where nothing is to inflate, else of the temporary one (-1: not yet). */
    int fd;
    uint64_t offset, bytes; /* of the content in fd; bytes 0: not known yet */
    pthread_mutex_t mutex;  /* held while inflating */
    bool ready;             /* fd may be read; changes under the mutex */
    int packed_fd;          /* of the part to inflate; -1: the gzip file `name` */
    struct spool_part part;
    uint64_t most; /* bytes of the whole file, inflated */
    bool exact;
};

int spool_temporary(const char *name, uint64_t bytes, struct err *e)
{
    int fd = open(FOLDER, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        char path[] = FOLDER "/bitbench-XXXXXX";
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0) {
            return err_errno(e, "%s: no temporary file in " FOLDER, name);
        }
        unlink(path);
    }
    if (bytes >= file_free_bytes(FOLDER)) {
        close(fd);
        return err_set(e, ERR_IO, "%s: unpacking it needs %llu bytes in " FOLDER ", more than are "
                                  "free; unpack it yourself beside the packed file",
                       name, (unsigned long long)bytes);
    }
    return fd;
}

int spool_write(int fd, const void *data, size_t n, const char *name, struct err *e)
{
    return file_write_all(fd, data, n) ? err_errno(e, "%s: unpacking into " FOLDER, name) : 0;
}

static struct spool *new_spool(const char *name, struct err *e)
{
    struct spool *s = mem_take(1, sizeof *s, e);
    if (!s) {
        return NULL;
    }
    s->fd = s->packed_fd = -1;
    pthread_mutex_init(&s->mutex, NULL);
    s->name = mem_strdup(name, e);
    if (!s->name) {
        spool_close(s);
        return NULL;
    }
    return s;
}

void spool_close(struct spool *s)
{
    if (!s) {
        return;
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    if (s->packed_fd >= 0) {
        close(s->packed_fd);
    }
    pthread_mutex_destroy(&s->mutex);
    free(s->name);
    free(s);
}

static int check_length(const struct spool *s, uint64_t bytes, struct err *e)
{
    if (bytes > s->most || (s->exact && bytes < s->most)) {
        return err_set(e, ERR_FORMAT, "%s: %s: %llu bytes, not %s%llu", s->name,
                       bytes > s->most ? "too long" : "truncated", (unsigned long long)bytes,
                       s->exact ? "" : "at most ", (unsigned long long)s->most);
    }
    return 0;
}

int spool_open(struct spool **out, const char *path, uint64_t most, bool exact, struct err *e)
{
    *out = NULL;
    struct spool *s = new_spool(path, e);
    if (!s) {
        return -1;
    }
    unsigned char magic[2] = {0};
    s->fd = file_open(path, &s->bytes, e);
    int rc = s->fd < 0 ? -1 : 0;
    if (!rc && s->bytes < 2) {
        rc = err_set(e, ERR_FORMAT, "%s: truncated: %llu bytes", path,
                     (unsigned long long)s->bytes);
    }
    rc = rc ? rc : file_pread(s->fd, magic, 2, 0, path, e);
    s->most = most;
    s->exact = exact;
    s->ready = magic[0] != 0x1f || magic[1] != 0x8b;
    rc = rc || !s->ready ? rc : check_length(s, s->bytes, e);
    if (!rc && !s->ready) {
        close(s->fd);
        s->fd = -1;
        s->bytes = 0;
    }
    if (rc) {
        spool_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

int spool_open_part(struct spool **out, const struct spool_part *part, struct err *e)
{
    *out = NULL;
    struct spool *s = new_spool(part->name, e);
    if (!s) {
        return -1;
    }
    s->part = *part;
    s->part.name = s->name;
    s->bytes = part->bytes;
    int fd = fcntl(part->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        err_errno(e, "%s", part->name);
        spool_close(s);
        return -1;
    }
    if (part->window_bits) {
        s->packed_fd = fd;
    } else {
        s->fd = fd;
        s->offset = part->offset;
        s->ready = true;
    }
    *out = s;
    return 0;
}

/* A whole gzip file into fd. */
static int inflate_file(struct spool *s, int fd, unsigned char *buf, struct err *e)
{
    struct gzip *g;
    if (gzip_open(&g, s->name, e)) {
        return -1;
    }
    uint64_t total = 0;
    size_t n;
    int rc;
    while (!(rc = gzip_read(g, buf, CHUNK, &n, e)) && n) {
        total += n;
        rc = total > s->most ? check_length(s, total, e) : 0;
        rc = rc ? rc : spool_write(fd, buf, n, s->name, e);
        if (rc) {
            break;
        }
    }
    gzip_close(g);
    s->bytes = total;
    return rc ? rc : check_length(s, total, e);
}

static int damaged(const struct spool *s, const z_stream *z, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: offset %llu: %s", s->name,
                   (unsigned long long)(s->part.offset + z->total_in), what);
}

/* Inflates the part into fd; in and out are two buffers of CHUNK bytes. */
static int inflate_stream(struct spool *s, z_stream *z, int fd, unsigned char *in,
                          unsigned char *out, struct err *e)
{
    uint64_t left = s->part.packed, at = s->part.offset, total = 0;
    uLong crc = crc32(0, NULL, 0);
    int rc = Z_OK;
    while (rc != Z_STREAM_END) {
        if (!z->avail_in && left) {
            z->avail_in = left < CHUNK ? (uInt)left : CHUNK;
            z->next_in = in;
            if (file_pread(s->packed_fd, in, z->avail_in, at, s->name, e)) {
                return -1;
            }
            left -= z->avail_in;
            at += z->avail_in;
        }
        z->next_out = out;
        z->avail_out = CHUNK;
        rc = inflate(z, Z_NO_FLUSH);
        size_t n = CHUNK - z->avail_out;
        if (rc == Z_BUF_ERROR) {
            return damaged(s, z, "truncated", e);
        }
        if (rc != Z_OK && rc != Z_STREAM_END) {
            return damaged(s, z, "damaged deflate data", e);
        }
        total += n;
        if (total > s->bytes) {
            return damaged(s, z, "inflates to more than declared", e);
        }
        crc = crc32(crc, out, (uInt)n);
        if (spool_write(fd, out, n, s->name, e)) {
            return -1;
        }
    }
    if (total != s->bytes) {
        return damaged(s, z, "truncated: inflates to less than declared", e);
    }
    return s->part.check_crc && crc != s->part.crc32 ? damaged(s, z, "wrong CRC-32", e) : 0;
}

static int inflate_part(struct spool *s, int fd, unsigned char *buf, struct err *e)
{
    z_stream z = {0};
    if (inflateInit2(&z, s->part.window_bits) != Z_OK) {
        return err_set(e, ERR_LIMIT, "%s: no memory for zlib", s->name);
    }
    int rc = inflate_stream(s, &z, fd, buf, buf + CHUNK, e);
    inflateEnd(&z);
    return rc;
}

static int inflate_all(struct spool *s, struct err *e)
{
    unsigned char *buf = mem_take_raw(2, CHUNK, e);
    int fd = buf ? spool_temporary(s->name, s->packed_fd >= 0 ? s->bytes : 0, e) : -1;
    int rc = fd < 0              ? -1
             : s->packed_fd >= 0 ? inflate_part(s, fd, buf, e)
                                 : inflate_file(s, fd, buf, e);
    free(buf);
    if (rc) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    s->fd = fd;
    s->ready = true;
    return 0;
}

int spool_fill(struct spool *s, struct err *e)
{
    pthread_mutex_lock(&s->mutex);
    int rc = s->ready ? 0 : inflate_all(s, e);
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

int spool_head(struct spool *s, void *out, size_t n, size_t *got, struct err *e)
{
    *got = n < s->bytes ? n : (size_t)s->bytes;
    if (s->packed_fd < 0) {
        return spool_read(s, out, *got, 0, e);
    }
    /* Deflate never takes more than 5 bytes a 16 KiB block more than its contents. */
    size_t n_in = n + n / 1024 + 64;
    n_in = n_in < s->part.packed ? n_in : (size_t)s->part.packed;
    unsigned char *in = mem_take_raw(n_in, 1, e);
    if (!in || file_pread(s->packed_fd, in, n_in, s->part.offset, s->name, e)) {
        free(in);
        return -1;
    }
    z_stream z = {.next_in = in, .avail_in = (uInt)n_in, .next_out = out, .avail_out = (uInt)*got};
    int rc = inflateInit2(&z, s->part.window_bits);
    if (rc == Z_OK) {
        rc = inflate(&z, Z_SYNC_FLUSH);
        *got -= z.avail_out;
        inflateEnd(&z);
    }
    free(in);
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR
               ? 0
               : err_set(e, ERR_FORMAT, "%s: damaged deflate data", s->name);
}

uint64_t spool_bytes(const struct spool *s)
{
    return s->bytes;
}

int spool_read(struct spool *s, void *out, size_t n, uint64_t offset, struct err *e)
{
    if (spool_fill(s, e)) {
        return -1;
    }
    if (offset > s->bytes || n > s->bytes - offset) {
        return err_set(e, ERR_FORMAT, "%s: truncated: %llu bytes, %zu wanted at offset %llu",
                       s->name, (unsigned long long)s->bytes, n, (unsigned long long)offset);
    }
    return file_pread(s->fd, out, n, s->offset + offset, s->name, e);
}

int spool_fd(const struct spool *s, uint64_t *offset)
{
    *offset = s->offset;
    return s->fd;
}
