/* Reads through pread only, so that threads share a descriptor. */
#include "datasets/codec/blob.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

int blob_open(struct blob *b, const char *path, struct err *e)
{
    *b = (struct blob){.owns_fd = true};
    b->fd = file_open(path, &b->size, e);
    if (b->fd < 0) {
        return -1;
    }
    b->name = mem_strdup(path, e);
    if (!b->name) {
        close(b->fd);
        return -1;
    }
    return 0;
}

int blob_part(struct blob *b, const struct blob *whole, uint64_t at, uint64_t n, const char *name,
              struct err *e)
{
    struct str full = {0};
    str_addf(&full, "%s: %s", whole->name, name);
    int rc = str_check(&full, e);
    if (!rc && (at > whole->size || n > whole->size - at)) {
        rc = err_set(e, ERR_FORMAT, "%s: truncated: the archive ends first", full.data);
    }
    if (!rc && whole->mem) {
        rc = err_set(e, ERR_FORMAT, "%s: an archive inside a packed archive", full.data);
    }
    if (rc) {
        str_release(&full);
        return -1;
    }
    *b = (struct blob){.name = full.data, .size = n, .fd = whole->fd, .base = whole->base + at};
    return 0;
}

int blob_memory(struct blob *b, unsigned char *mem, size_t n, const char *name, struct err *e)
{
    *b = (struct blob){.name = mem_strdup(name, e), .size = n, .mem = mem, .fd = -1};
    if (!b->name) {
        free(mem);
        return -1;
    }
    return 0;
}

void blob_close(struct blob *b)
{
    if (b->owns_fd) {
        close(b->fd);
    }
    free(b->mem);
    free(b->name);
    *b = (struct blob){.fd = -1};
}

int blob_read(const struct blob *b, uint64_t at, void *out, size_t n, struct err *e)
{
    if (at > b->size || n > b->size - at) {
        return err_set(e, ERR_FORMAT, "%s: truncated: %zu bytes wanted at offset %llu of %llu",
                       b->name, n, (unsigned long long)at, (unsigned long long)b->size);
    }
    if (b->mem) {
        memcpy(out, b->mem + at, n);
        return 0;
    }
    return file_pread(b->fd, out, n, b->base + at, b->name, e);
}

void blob_hint(const struct blob *b, uint64_t at, uint64_t n)
{
    if (!b->mem) {
        posix_fadvise(b->fd, (off_t)(b->base + at), (off_t)n, POSIX_FADV_WILLNEED);
    }
}
