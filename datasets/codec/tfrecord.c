/* See tfrecord.h. */
#include "datasets/codec/tfrecord.h"

#include <stdlib.h>
#include "datasets/codec/crc32c.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

enum { HEAD = 12,
       TAIL = 4 };

static uint32_t u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int checksum_fits(const uint8_t *data, size_t n, const uint8_t *stored)
{
    uint32_t crc = crc32c(data, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u == u32(stored);
}

void tfrecord_init(struct tfrecord *r, int fd, uint64_t begin, uint64_t end, const char *name)
{
    *r = (struct tfrecord){.fd = fd, .name = name, .begin = begin, .end = end, .at = begin};
}

void tfrecord_release(struct tfrecord *r)
{
    free(r->buf);
    r->buf = NULL;
    r->cap = 0;
}

static int bad(const struct tfrecord *r, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: record %zu, offset %llu: %s", r->name, r->n,
                   (unsigned long long)(r->at - r->begin), what);
}

int tfrecord_next(struct tfrecord *r, const uint8_t **data, size_t *n, struct err *e)
{
    uint8_t head[HEAD];
    uint64_t left = r->end - r->at;
    if (!left) {
        return 0;
    }
    if (left < HEAD) {
        return bad(r, "truncated", e);
    }
    if (file_pread(r->fd, head, HEAD, r->at, r->name, e)) {
        return -1;
    }
    if (!checksum_fits(head, 8, head + 8)) {
        return bad(r, "wrong CRC of the length", e);
    }
    uint64_t bytes = u32(head) | (uint64_t)u32(head + 4) << 32;
    if (bytes > left || left - bytes < HEAD + TAIL) {
        return bad(r, "truncated: the record is longer than the rest of the file", e);
    }
    if (bytes > TFRECORD_MAX) {
        return bad(r, "a record of more than 256 MiB", e);
    }
    void *buf = r->buf;
    size_t want = (size_t)bytes + TAIL;
    int rc = mem_grow(&buf, &r->cap, want, 1, e);
    r->buf = buf;
    if (rc || file_pread(r->fd, r->buf, want, r->at + HEAD, r->name, e)) {
        return -1;
    }
    if (!checksum_fits(r->buf, (size_t)bytes, r->buf + bytes)) {
        return bad(r, "wrong CRC of the data", e);
    }
    r->data_at = r->at + HEAD;
    r->at += HEAD + want;
    r->n++;
    *data = r->buf;
    *n = (size_t)bytes;
    return 1;
}
