/* Reading gzip (RFC 1952) through zlib's inflate, several members in a row allowed. */
#include "datasets/codec/gzip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

enum { CHUNK = 1 << 16 };

struct gzip {
    char *path;
    int fd;
    uint64_t size, at; /* of the file; the next byte to read from it */
    bool packed;
    bool in_member; /* a member has begun and not ended */
    z_stream z;     /* next_in, avail_in: what was read and not yet used */
    unsigned char in[CHUNK];
};

/* Reads on where all input is used; leaves avail_in at 0 at the end of the file. */
static int fill(struct gzip *g, struct err *e)
{
    if (g->z.avail_in || g->at == g->size) {
        return 0;
    }
    size_t n = g->size - g->at < CHUNK ? (size_t)(g->size - g->at) : CHUNK;
    if (file_pread(g->fd, g->in, n, g->at, g->path, e)) {
        return -1;
    }
    g->at += n;
    g->z.next_in = g->in;
    g->z.avail_in = (uInt)n;
    return 0;
}

int gzip_open(struct gzip **out, const char *path, struct err *e)
{
    *out = NULL;
    struct gzip *g = mem_take(1, sizeof *g, e);
    if (!g) {
        return -1;
    }
    g->fd = -1;
    g->path = mem_strdup(path, e);
    if (!g->path || (g->fd = file_open(path, &g->size, e)) < 0) {
        goto fail;
    }
    if (!g->size) {
        err_set(e, ERR_FORMAT, "%s: empty file", path);
        goto fail;
    }
    if (fill(g, e)) {
        goto fail;
    }
    g->packed = g->z.avail_in >= 2 && g->in[0] == 0x1f && g->in[1] == 0x8b;
    g->in_member = g->packed;
    if (g->packed && inflateInit2(&g->z, 16 + MAX_WBITS) != Z_OK) {
        g->packed = false;
        err_set(e, ERR_LIMIT, "%s: no memory for zlib", path);
        goto fail;
    }
    *out = g;
    return 0;
fail:
    gzip_close(g);
    return -1;
}

void gzip_close(struct gzip *g)
{
    if (!g) {
        return;
    }
    if (g->packed) {
        inflateEnd(&g->z);
    }
    if (g->fd >= 0) {
        close(g->fd);
    }
    free(g->path);
    free(g);
}

/* Where in the file the next unused byte lies. */
static unsigned long long offset(const struct gzip *g)
{
    return (unsigned long long)gzip_position(g);
}

/* Between two members: the file ends, or another one begins. */
static int next_member(struct gzip *g, struct err *e)
{
    if (fill(g, e)) {
        return -1;
    }
    if (!g->z.avail_in) {
        return 0;
    }
    if (*g->z.next_in != 0x1f) {
        return err_set(e, ERR_FORMAT, "%s: offset %llu: bytes behind the end of the gzip data",
                       g->path, offset(g));
    }
    inflateReset(&g->z);
    g->in_member = true;
    return 0;
}

/* One step of inflate; ends the member where its checksums are right. */
static int step(struct gzip *g, struct err *e)
{
    if (fill(g, e)) {
        return -1;
    }
    if (!g->z.avail_in) {
        return err_set(e, ERR_FORMAT, "%s: truncated gzip: ends at offset %llu", g->path,
                       offset(g));
    }
    int rc = inflate(&g->z, Z_NO_FLUSH);
    if (rc == Z_STREAM_END) {
        g->in_member = false;
        return next_member(g, e);
    }
    if (rc == Z_MEM_ERROR) {
        return err_set(e, ERR_LIMIT, "%s: no memory for zlib", g->path);
    }
    if (rc != Z_OK) {
        bool crc = g->z.msg && !strcmp(g->z.msg, "incorrect data check");
        return err_set(e, ERR_FORMAT, "%s: offset %llu: damaged gzip: %s", g->path, offset(g),
                       crc ? "wrong CRC-32" : g->z.msg ? g->z.msg
                                                       : "no valid data");
    }
    return 0;
}

int gzip_read(struct gzip *g, void *out, size_t n, size_t *got, struct err *e)
{
    unsigned char *to = out;
    *got = 0;
    while (*got < n) {
        size_t want = n - *got < CHUNK ? n - *got : CHUNK;
        if (!g->packed) {
            if (fill(g, e)) {
                return -1;
            }
            want = want < g->z.avail_in ? want : g->z.avail_in;
            if (!want) {
                return 0;
            }
            memcpy(to + *got, g->z.next_in, want);
            g->z.next_in += want;
            g->z.avail_in -= (uInt)want;
            *got += want;
            continue;
        }
        if (!g->in_member) {
            return 0;
        }
        g->z.next_out = to + *got;
        g->z.avail_out = (uInt)want;
        if (step(g, e)) {
            return -1;
        }
        *got += want - g->z.avail_out;
    }
    return 0;
}

uint64_t gzip_most_bytes(const struct gzip *g)
{
    if (!g->packed) {
        return g->size;
    }
    return g->size < UINT64_MAX / 1032 ? g->size * 1032 : UINT64_MAX;
}

uint64_t gzip_position(const struct gzip *g)
{
    return g->at - g->z.avail_in;
}
