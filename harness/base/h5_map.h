/* Where the values of an array lie in an HDF5 file that we did not write, so that they can be read
 * without libhdf5, from any thread. The library sees the file only in a child process with limits
 * on time and memory: a file that crashes it or keeps it busy is an error. */
#ifndef BITBENCH_BASE_H5_MAP_H
#define BITBENCH_BASE_H5_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { H5_MAP_DIMS = 4 };

struct h5_chunk {
    uint64_t offset; /* UINT64_MAX: not stored, zeros */
    uint32_t bytes;
    bool shuffled, deflated; /* the filters it went through, shuffling before deflate */
};

struct h5_map {
    bool is_float, is_signed;
    size_t item_bytes;                /* little endian where more than one */
    size_t n_dims, dims[H5_MAP_DIMS]; /* as in the file; unused ones are 1 */
    uint64_t offset;                  /* of the values where n_chunks is 0 */
    size_t chunk[H5_MAP_DIMS];        /* dimensions of a chunk */
    size_t grid[H5_MAP_DIMS];         /* chunks along each dimension */
    size_t n_chunks;
    struct h5_chunk *chunks; /* [grid], row major, owned; NULL where the values are in one piece */
};

/* Reads where the array at path `dataset` of the file fd (of file_bytes bytes; name is for
 * messages) lies. Every offset and length is within the file. Refused: other types than integers
 * and floats of up to 8 bytes, more than 4 dimensions, other filters than shuffle and deflate,
 * data kept in other files. A big-endian file is refused too. */
int h5_map_open(struct h5_map *m, int fd, uint64_t file_bytes, const char *dataset,
                const char *name, struct err *e);
void h5_map_release(struct h5_map *m);

#endif
