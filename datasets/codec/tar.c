/* libarchive's tar reader (ustar, GNU, pax) over our own gzip reader, because libarchive's gzip
 * filter does not check CRCs. */
#include "datasets/codec/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include "datasets/codec/gzip.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"

enum { CHUNK = 1 << 16 };

struct tar {
    char *path;
    struct gzip *gz;
    struct archive *a;
    struct err e; /* of the gzip reader, beneath libarchive */
    unsigned char chunk[CHUNK];
};

static la_ssize_t feed(struct archive *a, void *ctx, const void **data)
{
    struct tar *t = ctx;
    size_t got;
    if (gzip_read(t->gz, t->chunk, CHUNK, &got, &t->e)) {
        archive_set_error(a, EIO, "unreadable");
        return -1;
    }
    *data = t->chunk;
    return (la_ssize_t)got;
}

/* Reports libarchive's error, or the one beneath it. */
static int fail(struct tar *t, const char *what, struct err *e)
{
    if (t->e.code) {
        if (e) {
            *e = t->e;
        }
        return -1;
    }
    const char *why = archive_error_string(t->a);
    return err_set(e, ERR_FORMAT, "%s: %s: %s", t->path, what, why ? why : "unknown");
}

int tar_open(struct tar **out, const char *path, struct err *e)
{
    *out = NULL;
    struct tar *t = mem_take(1, sizeof *t, e);
    if (!t) {
        return -1;
    }
    t->path = mem_strdup(path, e);
    if (!t->path || gzip_open(&t->gz, path, e)) {
        tar_close(t);
        return -1;
    }
    t->a = archive_read_new();
    if (!t->a || archive_read_support_format_tar(t->a) != ARCHIVE_OK) {
        err_set(e, ERR_LIMIT, "%s: no memory for libarchive", path);
        tar_close(t);
        return -1;
    }
    if (archive_read_open(t->a, t, NULL, feed, NULL) != ARCHIVE_OK) {
        fail(t, "neither gzip nor tar", e);
        tar_close(t);
        return -1;
    }
    *out = t;
    return 0;
}

void tar_close(struct tar *t)
{
    if (!t) {
        return;
    }
    if (t->a) {
        archive_read_free(t->a);
    }
    gzip_close(t->gz);
    free(t->path);
    free(t);
}

/* The padding behind the end mark is not libarchive's concern, but a CRC may stand behind it. */
static int drain(struct tar *t, struct err *e)
{
    size_t got;
    do {
        if (gzip_read(t->gz, t->chunk, CHUNK, &got, e)) {
            return -1;
        }
    } while (got == CHUNK);
    return 0;
}

int tar_next(struct tar *t, const char **name, uint64_t *bytes, struct err *e)
{
    for (;;) {
        struct archive_entry *entry;
        int rc = archive_read_next_header(t->a, &entry);
        if (rc == ARCHIVE_EOF) {
            return drain(t, e);
        }
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) {
            return fail(t, archive_format(t->a) ? "damaged tar" : "neither gzip nor tar", e);
        }
        if (archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry)) {
            const char *text = archive_entry_pathname_utf8(entry);
            la_int64_t size = archive_entry_size(entry);
            *name = text ? text : "";
            *bytes = size > 0 ? (uint64_t)size : 0;
            return 1;
        }
    }
}

int tar_read(struct tar *t, void *out, size_t n, struct err *e)
{
    for (size_t got = 0; got < n;) {
        la_ssize_t r = archive_read_data(t->a, (char *)out + got, n - got);
        if (r < 0) {
            return fail(t, "damaged tar", e);
        }
        if (r == 0) {
            return err_set(e, ERR_FORMAT, "%s: truncated: a member ends after %zu of %zu bytes",
                           t->path, got, n);
        }
        got += (size_t)r;
    }
    return 0;
}
