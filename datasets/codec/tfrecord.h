/* TFRecord files (tensorflow/core/lib/io/record_writer.h): each record is its length in 8 bytes,
 * their masked CRC-32C, the data, their masked CRC-32C, all little endian. */
#ifndef BITBENCH_DATASETS_CODEC_TFRECORD_H
#define BITBENCH_DATASETS_CODEC_TFRECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* A range of an open file that is a TFRecord file, read forward. */
struct tfrecord {
    int fd;
    const char *name;        /* for messages; the caller's */
    uint64_t begin, end, at; /* of the range; of the next record. Offsets in fd */
    size_t n;                /* records read */
    uint8_t *buf;            /* the last record, owned */
    size_t cap;
    uint64_t data_at; /* offset of the last record's data in fd */
};

enum { TFRECORD_MAX = 1 << 28, /* bytes of a record's data */
       TFRECORD_HEAD = 12,     /* before the data */
       TFRECORD_TAIL = 4 };    /* behind them */

/* begin..end of fd, which stays the caller's. Release with tfrecord_release. */
void tfrecord_init(struct tfrecord *r, int fd, uint64_t begin, uint64_t end, const char *name);
void tfrecord_release(struct tfrecord *r);
/* The next record: 1 with its data (valid until the next call) and length. 0 at the end. -1: cut
 * (also within a head, which TensorFlow takes for the end), wrong checksum; the message names the
 * file, the record, counted from 0, and its offset. */
int tfrecord_next(struct tfrecord *r, const uint8_t **data, size_t *n, struct err *e);

/* The same in parts. Length of the data of a record whose file has `left` bytes from its beginning
 * on, of which head are the first (only what is there is read). NULL, or what is wrong. */
const char *tfrecord_length(const uint8_t head[TFRECORD_HEAD], uint64_t left, size_t *n);
/* Does the checksum of data [n], which stands behind them, fit? */
bool tfrecord_sound(const uint8_t *data, size_t n);
extern const char tfrecord_unsound[]; /* what is wrong where it does not */
/* ERR_FORMAT: "NAME: record N, offset O: WHAT". Returns -1. */
int tfrecord_bad(const char *name, size_t record, uint64_t offset, const char *what,
                 struct err *e);

#endif
