/* See tfrecord.h. */
#include "datasets/codec/tfrecord.h"

#include <stdlib.h>
#include "datasets/codec/crc32c.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/little.h"
#include "harness/base/mem.h"

static bool checksum_fits(const uint8_t *data, size_t n, const uint8_t *stored)
{
    uint32_t crc = crc32c(data, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u == le32(stored);
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

const char tfrecord_unsound[] = "wrong checksum of the data (CRC-32C)";

bool tfrecord_sound(const uint8_t *data, size_t n)
{
    return checksum_fits(data, n, data + n);
}

int tfrecord_bad(const char *name, size_t record, uint64_t offset, const char *what,
                 struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: record %zu, offset %llu: %s", name, record,
                   (unsigned long long)offset, what);
}

const char *tfrecord_length(const uint8_t head[TFRECORD_HEAD], uint64_t left, size_t *n)
{
    if (left < TFRECORD_HEAD) {
        return "truncated record";
    }
    if (!checksum_fits(head, 8, head + 8)) {
        return "wrong checksum of the length (CRC-32C)";
    }
    uint64_t bytes = le32(head) | (uint64_t)le32(head + 4) << 32;
    if (bytes > left || left - bytes < TFRECORD_HEAD + TFRECORD_TAIL) {
        return "truncated, or a length beyond the file";
    }
    if (bytes > TFRECORD_MAX) {
        return "a record of more than 256 MiB";
    }
    *n = (size_t)bytes;
    return NULL;
}

static int bad(const struct tfrecord *r, const char *what, struct err *e)
{
    return tfrecord_bad(r->name, r->n, r->at - r->begin, what, e);
}

int tfrecord_next(struct tfrecord *r, const uint8_t **data, size_t *n, struct err *e)
{
    uint8_t head[TFRECORD_HEAD];
    uint64_t left = r->end - r->at;
    if (!left) {
        return 0;
    }
    size_t there = left < TFRECORD_HEAD ? (size_t)left : TFRECORD_HEAD;
    if (file_pread(r->fd, head, there, r->at, r->name, e)) {
        return -1;
    }
    const char *wrong = tfrecord_length(head, left, n);
    if (wrong) {
        return bad(r, wrong, e);
    }
    void *buf = r->buf;
    size_t want = *n + TFRECORD_TAIL;
    int rc = mem_grow(&buf, &r->cap, want, 1, e);
    r->buf = buf;
    if (rc || file_pread(r->fd, r->buf, want, r->at + TFRECORD_HEAD, r->name, e)) {
        return -1;
    }
    if (!tfrecord_sound(r->buf, *n)) {
        return bad(r, tfrecord_unsound, e);
    }
    r->data_at = r->at + TFRECORD_HEAD;
    r->at += TFRECORD_HEAD + want;
    r->n++;
    *data = r->buf;
    return 1;
}
