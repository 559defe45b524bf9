/* The binary matrices of NORB and small NORB ("The NORB Dataset", cs.nyu.edu/~ylclab): a magic
 * number for the type, the number of dimensions, the dimensions (at least three are written),
 * the values, all little endian. */
#ifndef BITBENCH_DATASETS_CODEC_NORB_H
#define BITBENCH_DATASETS_CODEC_NORB_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum { NORB_MAX_DIMS = 4,
       NORB_HEAD = 8 + 4 * NORB_MAX_DIMS };

struct norb {
    size_t item_bytes; /* 1: bytes, 4: int32 */
    size_t n_dims, dims[NORB_MAX_DIMS];
    size_t n;           /* values */
    size_t data_offset; /* of the first one */
};

/* Reads the head of a file from its first n bytes; NORB_HEAD always suffice. Matrices of bytes
 * and int32 only. Errors name `name`. */
int norb_parse(struct norb *m, const uint8_t *head, size_t n, const char *name, struct err *e);

#endif
