/* NumPy's .npy arrays (format 1.0 to 3.0, C order, little endian). Errors name the file and the
 * offset: ERR_FORMAT for a file that is not as it should be, ERR_NUMERIC for a value that does
 * not fit the type wanted. */
#ifndef BITBENCH_BASE_NPY_H
#define BITBENCH_BASE_NPY_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* '<f2' '<f4' '<f8' '|u1' '<i4' '<i8' '<u2' '<u4' '<u8' '|i1' '<i2'; '|b1' is read as NPY_U8. */
enum npy_type {
    NPY_F16,
    NPY_F32,
    NPY_F64,
    NPY_U8,
    NPY_I32,
    NPY_I64,
    NPY_U16,
    NPY_U32,
    NPY_U64,
    NPY_I8,
    NPY_I16
};
enum { NPY_MAX_DIMS = 8,
       NPY_MAX_HEADER = 1 << 16 };

struct npy {
    enum npy_type type;
    size_t n_dims, dims[NPY_MAX_DIMS];
    size_t n;           /* product of dims, checked for overflow; 1 for a scalar */
    size_t data_offset; /* from the start of the file image */
    const void *data;   /* inside the bytes given; may be unaligned */
    void *owned;        /* npy_read: the file's bytes */
};

size_t npy_item_bytes(enum npy_type t);
const char *npy_type_name(enum npy_type t); /* "float32"; for messages */

/* Reads the header of a file image and checks that all data is there (more is an error too).
 * Fortran order (unless at most one dimension exceeds 1), big endian and other types are
 * errors naming `name`. Points into bytes; owns nothing. */
int npy_parse(struct npy *a, const void *bytes, size_t n, const char *name, struct err *e);
/* Only the header, for data that is not in memory: head holds the first n bytes of the file.
 * data stays NULL. A header that ends behind them is an error; NPY_MAX_HEADER bytes always
 * suffice. */
int npy_parse_header(struct npy *a, const void *head, size_t n, const char *name, struct err *e);
/* Reads a whole file; release with npy_release. */
int npy_read(struct npy *a, const char *path, struct err *e);
void npy_release(struct npy *a);

/* Converting copies of all n elements into out [n], from any type; name is for messages. What
 * the wanted type cannot hold is an error: integers must stay exact (beyond 2^63 none does), a
 * finite number finite. Floats round to nearest. */
int npy_to_f32(const struct npy *a, float *out, const char *name, struct err *e);
int npy_to_f64(const struct npy *a, double *out, const char *name, struct err *e);
int npy_to_i64(const struct npy *a, int64_t *out, const char *name, struct err *e);

/* Header bytes (a multiple of 64) for an array that is written after it. Returns their count;
 * cap must be at least 256. */
size_t npy_header(char *head, size_t cap, enum npy_type t, size_t n_dims, const size_t *dims);
/* Writes a whole array atomically (as file_write does). */
int npy_write(const char *path, enum npy_type t, size_t n_dims, const size_t *dims,
              const void *data, struct err *e);

#endif
