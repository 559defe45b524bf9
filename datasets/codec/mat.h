/* Numeric arrays in MATLAB 5 files (.mat; "MAT-File Format", MathWorks): a directory of the
 * variables, values read when asked for. Everything but whole numeric arrays is passed over. */
#ifndef BITBENCH_DATASETS_CODEC_MAT_H
#define BITBENCH_DATASETS_CODEC_MAT_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct spool;

enum { MAT_MAX_DIMS = 8,
       MAT_MAX_NAME = 64,
       MAT_MAX_ARRAYS = 64 };

struct mat_array {
    char name[MAT_MAX_NAME];
    /* How values are stored, which is not the class of the variable: 1 int8, 2 uint8, 3 int16,
     * 4 uint16, 5 int32, 6 uint32, 7 float, 9 double. */
    unsigned storage;
    size_t n_dims, dims[MAT_MAX_DIMS]; /* the first runs fastest */
    size_t n, item_bytes;
    struct spool *bytes; /* of the element */
    uint64_t offset;     /* of the first value in it */
};

struct mat {
    char *path;
    struct mat_array arrays[MAT_MAX_ARRAYS];
    size_t n;
};

/* Little endian only. Errors name the file, the offset of the element and what is wrong. */
int mat_open(struct mat *m, const char *path, struct err *e);
void mat_close(struct mat *m);                                           /* accepts a zeroed one */
const struct mat_array *mat_find(const struct mat *m, const char *name); /* or NULL */
/* n stored bytes from offset on. Thread-safe. */
int mat_read(const struct mat_array *a, void *out, size_t n, uint64_t offset, struct err *e);
/* All values as doubles into fresh memory, which the caller frees. NULL with e set. */
double *mat_numbers(const struct mat_array *a, struct err *e);

#endif
