/* What all unpacking shares, and files in gzip and in MATLAB's format. */
#include "harness/unpack.h"
#include "datasets/codec/gzip.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/little.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 1 << 18,
       MAT_HEAD = 128,
       MAT_COMPRESSED = 15 };

uint64_t unpack_limit(uint64_t packed)
{
    return packed > UINT64_MAX / 32 ? UINT64_MAX : 20 * packed + ((uint64_t)64 << 20);
}

int unpack_check_space(const char *dir, const char *what, uint64_t need, struct err *e)
{
    uint64_t room = file_free_bytes(dir);
    if (need >= room) {
        return err_set(e, ERR_IO,
                       "unpacking %s takes about %llu bytes, but %s has %llu free; say --to DIR "
                       "for another folder",
                       what, (unsigned long long)need, dir, (unsigned long long)room);
    }
    return 0;
}

void unpack_show(const char *path, uint64_t done, uint64_t total)
{
    char what[160];
    const char *slash = strrchr(path, '/');
    snprintf(what, sizeof what, "unpacking %.100s, MiB", slash ? slash + 1 : path);
    note_progress(what, (size_t)(done >> 20), (size_t)((total >> 20) + 1));
}

int unpack_out_open(struct unpack_out *o, const struct unpack *u, uint64_t packed, uint64_t need,
                    struct err *e)
{
    *o = (struct unpack_out){.fd = -1, .most = unpack_limit(packed)};
    if (file_join(o->path, sizeof o->path - 16, u->dir, u->out, e)) {
        return -1;
    }
    snprintf(o->partial, sizeof o->partial, "%.4080s.partial", o->path);
    if (unpack_check_space(u->dir, u->from, need, e)) {
        return -1;
    }
    o->fd = open(o->partial, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (o->fd < 0) {
        return err_errno(e, "cannot write %s", o->partial);
    }
    if (flock(o->fd, LOCK_EX | LOCK_NB)) {
        close(o->fd);
        o->fd = -1;
        return err_set(e, ERR_USAGE, "%s: another process is unpacking it", o->partial);
    }
    return ftruncate(o->fd, 0) ? err_errno(e, "%s", o->partial) : 0;
}

int unpack_out_write(struct unpack_out *o, const void *data, size_t n, struct err *e)
{
    if (note_interrupted) {
        return err_set(e, ERR_INTERRUPTED, "interrupted");
    }
    if (n > o->most - o->bytes) {
        return err_set(e, ERR_LIMIT, "%s: unpacks to more than %llu bytes, which no official file "
                                     "does",
                       o->path, (unsigned long long)o->most);
    }
    o->bytes += n;
    return file_write_all(o->fd, data, n) ? err_errno(e, "%s", o->partial) : 0;
}

int unpack_out_close(struct unpack_out *o, int rc, struct err *e)
{
    if (o->fd < 0) {
        return -1;
    }
    if (!rc && (fsync(o->fd) || rename(o->partial, o->path))) {
        rc = err_errno(e, "%s", o->partial);
    }
    if (rc) {
        unlink(o->partial);
    }
    close(o->fd);
    char dir[4096];
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(o->path, '/') - o->path), o->path);
    return rc ? -1 : file_sync_folder(dir, e);
}

int unpack_gzip(const struct unpack *u, struct err *e)
{
    struct unpack_out o = {.fd = -1};
    struct gzip *g = NULL;
    uint64_t packed;
    unsigned char *buf = mem_take_raw(CHUNK, 1, e);
    int fd = buf ? file_open(u->from, &packed, e) : -1;
    int rc = fd < 0 || gzip_open(&g, u->from, e) ||
                     unpack_out_open(&o, u, packed, packed / 100 * u->percent, e)
                 ? -1
                 : 0;
    size_t n = 1;
    while (!rc && n) {
        rc = gzip_read(g, buf, CHUNK, &n, e) || unpack_out_write(&o, buf, n, e) ? -1 : 0;
        unpack_show(u->from, gzip_position(g), packed);
    }
    gzip_close(g);
    if (fd >= 0) {
        close(fd);
    }
    free(buf);
    return unpack_out_close(&o, rc, e);
}

/* A .mat file at work. */
struct mat_copy {
    const struct unpack *u;
    struct unpack_out *o;
    int fd;
    uint64_t at, end;        /* of what is left of the element in the file */
    unsigned char *in, *out; /* [CHUNK] each */
};

static int next_input(struct mat_copy *m, size_t *n, struct err *e)
{
    *n = m->end - m->at < CHUNK ? (size_t)(m->end - m->at) : CHUNK;
    if (file_pread(m->fd, m->in, *n, m->at, m->u->from, e)) {
        return -1;
    }
    m->at += *n;
    return 0;
}

static int copy_plain(struct mat_copy *m, struct err *e)
{
    while (m->at < m->end) {
        size_t n;
        if (next_input(m, &n, e) || unpack_out_write(m->o, m->in, n, e)) {
            return -1;
        }
    }
    return 0;
}

/* Inflates a compressed element, whose content is a whole element. */
static int copy_packed(struct mat_copy *m, uint64_t packed_file, struct err *e)
{
    z_stream z = {0};
    uint64_t at = m->at;
    int rc = 0, zrc = Z_OK;
    if (inflateInit(&z) != Z_OK) {
        return err_set(e, ERR_LIMIT, "%s: no memory for zlib", m->u->from);
    }
    while (!rc && zrc != Z_STREAM_END) {
        size_t n;
        if (!z.avail_in && m->at < m->end) {
            rc = next_input(m, &n, e);
            z.next_in = m->in;
            z.avail_in = rc ? 0 : (uInt)n;
        }
        z.next_out = m->out;
        z.avail_out = CHUNK;
        zrc = rc ? Z_OK : inflate(&z, Z_NO_FLUSH);
        if (!rc && zrc != Z_OK && zrc != Z_STREAM_END) {
            rc = err_set(e, ERR_FORMAT, "%s: offset %llu: damaged or cut compressed element",
                         m->u->from, (unsigned long long)at);
        }
        rc = rc ? rc : unpack_out_write(m->o, m->out, CHUNK - z.avail_out, e);
        unpack_show(m->u->from, m->at, packed_file);
    }
    inflateEnd(&z);
    return rc;
}

static int copy_elements(struct mat_copy *m, uint64_t bytes, struct err *e)
{
    for (uint64_t at = MAT_HEAD; at < bytes;) {
        unsigned char tag[8];
        if (bytes - at < 8 || file_pread(m->fd, tag, 8, at, m->u->from, e) ||
            le32(tag + 4) > bytes - at - 8) {
            return err_set(e, ERR_FORMAT, "%s: offset %llu: truncated", m->u->from,
                           (unsigned long long)at);
        }
        bool packed = le32(tag) == MAT_COMPRESSED;
        m->at = packed ? at + 8 : at;
        m->end = at + 8 + le32(tag + 4);
        if (packed ? copy_packed(m, bytes, e) : copy_plain(m, e)) {
            return -1;
        }
        at += 8 + (uint64_t)le32(tag + 4);
    }
    return 0;
}

int unpack_mat(const struct unpack *u, struct err *e)
{
    struct unpack_out o = {.fd = -1};
    uint64_t bytes = 0;
    unsigned char head[MAT_HEAD], *buf = mem_take_raw(2, CHUNK, e);
    int fd = buf ? file_open(u->from, &bytes, e) : -1;
    struct mat_copy m = {u, &o, fd, 0, 0, buf, buf ? buf + CHUNK : NULL};
    int rc = fd < 0 ? -1 : 0;
    if (!rc && (bytes < MAT_HEAD || file_pread(fd, head, MAT_HEAD, 0, u->from, e) ||
                head[124] != 0 || head[125] != 1 || memcmp(head + 126, "IM", 2))) {
        rc = err_set(e, ERR_FORMAT, "%s: not a MATLAB 5 file", u->from);
    }
    rc = rc || unpack_out_open(&o, u, bytes, bytes / 100 * u->percent, e) ||
                 unpack_out_write(&o, head, MAT_HEAD, e) || copy_elements(&m, bytes, e)
             ? -1
             : 0;
    if (fd >= 0) {
        close(fd);
    }
    free(buf);
    return unpack_out_close(&o, rc, e);
}
