/* Points of entry as in zlib's example zran: at a block boundary, inflate's state is the 32 KiB
 * before it and up to 7 bits of the byte there. Their distance grows with the file, so that all
 * windows together stay below 64 MiB. The pass lets zlib check each member's CRC; reads inflate
 * the bare deflate data, which was checked then. */
#include "datasets/codec/gzip_seek.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "datasets/codec/blob.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"

enum { CHUNK = 1 << 16,
       WINDOW = 1 << 15,
       LEAST_SPAN = 1 << 20,
       MAX_POINTS = 2048 };

struct point {
    uint64_t in, out; /* offsets of the first whole byte of input and of the next output */
    uint8_t *window;  /* NULL: a member begins here */
    uint32_t n_window;
    int bits; /* of the byte before `in` that belong to what follows */
};

/* Input and inflate's state. */
struct cursor {
    z_stream z;
    uint64_t in; /* offset behind the bytes in chunk */
    unsigned char chunk[CHUNK];
    unsigned char skipped[WINDOW];
};

struct gzip_seek {
    const struct blob *in;
    uint64_t span, out; /* between points; bytes that the pass has given */
    struct point *points;
    size_t n_points, cap;
    struct cursor *pass; /* NULL when it is over */
    bool fresh;          /* no point yet in this member */
};

int gzip_seek_open(struct gzip_seek **out, const struct blob *in, struct err *e)
{
    *out = NULL;
    struct gzip_seek *g = mem_take(1, sizeof *g, e);
    if (!g) {
        return -1;
    }
    g->in = in;
    g->fresh = true;
    g->span = in->size / MAX_POINTS > LEAST_SPAN ? in->size / MAX_POINTS : LEAST_SPAN;
    g->pass = mem_take(1, sizeof *g->pass, e);
    if (!g->pass || inflateInit2(&g->pass->z, 16 + MAX_WBITS) != Z_OK) {
        if (g->pass) {
            err_set(e, ERR_LIMIT, "%s: no memory for zlib", in->name);
        }
        free(g->pass);
        free(g);
        return -1;
    }
    *out = g;
    return 0;
}

static void end_pass(struct gzip_seek *g)
{
    if (g->pass) {
        inflateEnd(&g->pass->z);
        free(g->pass);
        g->pass = NULL;
    }
}

void gzip_seek_close(struct gzip_seek *g)
{
    if (!g) {
        return;
    }
    end_pass(g);
    for (size_t i = 0; i < g->n_points; i++) {
        free(g->points[i].window);
    }
    free(g->points);
    free(g);
}

static uint64_t position(const struct cursor *c)
{
    return c->in - c->z.avail_in;
}

/* Reads on where all input is used; leaves avail_in at 0 at the end. */
static int fill(const struct gzip_seek *g, struct cursor *c, struct err *e)
{
    if (c->z.avail_in || c->in == g->in->size) {
        return 0;
    }
    size_t n = g->in->size - c->in < CHUNK ? (size_t)(g->in->size - c->in) : CHUNK;
    if (blob_read(g->in, c->in, c->chunk, n, e)) {
        return -1;
    }
    c->in += n;
    c->z.next_in = c->chunk;
    c->z.avail_in = (uInt)n;
    return 0;
}

static int damaged(const struct gzip_seek *g, const struct cursor *c, int rc, struct err *e)
{
    if (rc == Z_MEM_ERROR) {
        return err_set(e, ERR_LIMIT, "%s: no memory for zlib", g->in->name);
    }
    const char *why = c->z.msg ? c->z.msg : "no valid data";
    return err_set(e, ERR_FORMAT, "%s: offset %llu: damaged gzip: %s", g->in->name,
                   (unsigned long long)position(c),
                   strcmp(why, "incorrect data check") ? why : "wrong CRC-32");
}

static int add_point(struct gzip_seek *g, struct err *e)
{
    struct cursor *c = g->pass;
    struct point p = {.in = position(c), .out = g->out, .bits = c->z.data_type & 7};
    if (!g->fresh) {
        uInt n = WINDOW;
        p.window = mem_take(WINDOW, 1, e);
        if (!p.window) {
            return -1;
        }
        inflateGetDictionary(&c->z, p.window, &n);
        p.n_window = n;
    }
    void *points = g->points;
    int rc = mem_grow(&points, &g->cap, g->n_points + 1, sizeof p, e);
    g->points = points;
    if (rc) {
        free(p.window);
        return -1;
    }
    g->points[g->n_points++] = p;
    g->fresh = false;
    return 0;
}

/* Behind a member: the end of the file, or the next member. */
static int next_member(struct gzip_seek *g, struct err *e)
{
    struct cursor *c = g->pass;
    if (fill(g, c, e)) {
        return -1;
    }
    if (!c->z.avail_in) {
        end_pass(g);
        return 0;
    }
    if (*c->z.next_in != 0x1f) {
        return err_set(e, ERR_FORMAT, "%s: offset %llu: bytes behind the end of the gzip data",
                       g->in->name, (unsigned long long)position(c));
    }
    inflateReset(&c->z);
    g->fresh = true;
    return 0;
}

/* One call of inflate, to the next block boundary at most; out [n] gets *got bytes. */
static int pass_step(struct gzip_seek *g, void *out, size_t n, size_t *got, struct err *e)
{
    struct cursor *c = g->pass;
    if (fill(g, c, e)) {
        return -1;
    }
    if (!c->z.avail_in) {
        return err_set(e, ERR_FORMAT, "%s: truncated gzip: ends at offset %llu", g->in->name,
                       (unsigned long long)position(c));
    }
    c->z.next_out = out;
    c->z.avail_out = (uInt)n;
    int rc = inflate(&c->z, Z_BLOCK);
    *got = n - c->z.avail_out;
    g->out += *got;
    if (rc == Z_STREAM_END) {
        return next_member(g, e);
    }
    if (rc != Z_OK && rc != Z_BUF_ERROR) {
        return damaged(g, c, rc, e);
    }
    bool boundary = (c->z.data_type & 128) && !(c->z.data_type & 64);
    if (boundary && (g->fresh || g->out - g->points[g->n_points - 1].out >= g->span)) {
        return add_point(g, e);
    }
    return 0;
}

int gzip_seek_scan(struct gzip_seek *g, uint64_t at, void *out, size_t n, size_t *got,
                   struct err *e)
{
    *got = 0;
    assert(at >= g->out || !g->pass);
    while (g->pass && (g->out < at || *got < n)) {
        bool skip = g->out < at;
        size_t want = skip ? (at - g->out < WINDOW ? (size_t)(at - g->out) : WINDOW) : n - *got;
        size_t made = 0;
        want = want < CHUNK ? want : CHUNK;
        void *to = skip ? (void *)g->pass->skipped : (char *)out + *got;
        if (pass_step(g, to, want, &made, e)) {
            return -1;
        }
        *got += skip ? 0 : made;
    }
    return 0;
}

int gzip_seek_finish(struct gzip_seek *g, struct err *e)
{
    size_t got;
    char byte;
    return gzip_seek_scan(g, UINT64_MAX, &byte, 0, &got, e);
}

/* Puts inflate into the state of a point. */
static int enter(const struct gzip_seek *g, struct cursor *c, const struct point *p, struct err *e)
{
    c->z.avail_in = 0;
    c->in = p->in;
    inflateReset(&c->z);
    if (p->bits) {
        unsigned char byte;
        if (blob_read(g->in, p->in - 1, &byte, 1, e)) {
            return -1;
        }
        inflatePrime(&c->z, p->bits, byte >> (8 - p->bits));
    }
    if (p->window) {
        inflateSetDictionary(&c->z, p->window, p->n_window);
    }
    return 0;
}

/* Inflates on from point i: first `skip` bytes for nothing, then n into out. */
static int inflate_from(const struct gzip_seek *g, struct cursor *c, size_t i, uint64_t skip,
                        unsigned char *out, size_t n, struct err *e)
{
    if (enter(g, c, &g->points[i], e)) {
        return -1;
    }
    uint64_t at = g->points[i].out;
    while (n) {
        if (fill(g, c, e)) {
            return -1;
        }
        size_t want = skip ? (skip < WINDOW ? (size_t)skip : WINDOW) : n < CHUNK ? n
                                                                                 : CHUNK;
        c->z.next_out = skip ? c->skipped : out;
        c->z.avail_out = (uInt)want;
        int rc = inflate(&c->z, Z_NO_FLUSH);
        size_t made = want - c->z.avail_out;
        at += made;
        if (skip) {
            skip -= made;
        } else {
            out += made;
            n -= made;
        }
        if (rc == Z_STREAM_END && n) {
            do { /* the next member's first point */
                i++;
            } while (i < g->n_points && (g->points[i].out < at || g->points[i].window));
            if (i == g->n_points) {
                return err_set(e, ERR_FORMAT, "%s: truncated", g->in->name);
            }
            if (enter(g, c, &g->points[i], e)) {
                return -1;
            }
        } else if (rc != Z_OK && rc != Z_STREAM_END) {
            return damaged(g, c, rc, e);
        }
    }
    return 0;
}

int gzip_seek_read(const struct gzip_seek *g, uint64_t at, void *out, size_t n, struct err *e)
{
    assert(!g->pass);
    if (at > g->out || n > g->out - at) {
        return err_set(e, ERR_FORMAT, "%s: truncated: %zu bytes wanted at offset %llu of %llu",
                       g->in->name, n, (unsigned long long)at, (unsigned long long)g->out);
    }
    if (!n) {
        return 0;
    }
    struct cursor *c = mem_take_raw(1, sizeof *c, e);
    if (!c) {
        return -1;
    }
    memset(&c->z, 0, sizeof c->z);
    size_t i = 0;
    for (size_t end = g->n_points; end - i > 1;) {
        size_t mid = i + (end - i) / 2;
        if (g->points[mid].out <= at) {
            i = mid;
        } else {
            end = mid;
        }
    }
    int rc;
    if (inflateInit2(&c->z, -MAX_WBITS) != Z_OK) {
        rc = err_set(e, ERR_LIMIT, "%s: no memory for zlib", g->in->name);
    } else {
        rc = inflate_from(g, c, i, at - g->points[i].out, out, n, e);
        inflateEnd(&c->z);
    }
    free(c);
    return rc;
}
