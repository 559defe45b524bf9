/* HDF5: h5.c, h5_write.c and h5_read.c are the sole includers of libhdf5. Files are built in
 * memory and handed out as bytes, or parsed from bytes that the caller has verified. Main thread
 * only. Object times are off and the default format version is kept, so equal contents are equal
 * bytes. Errors name the file (or "new HDF5 image"), the object and the library's innermost
 * message: ERR_IO when writing, ERR_FORMAT or ERR_LIMIT when reading. */
#ifndef BITBENCH_BASE_H5_H
#define BITBENCH_BASE_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct h5;

enum h5_type { H5_F32,
               H5_F64,
               H5_I32,
               H5_I64,
               H5_U16,
               H5_U64,
               H5_U8 };
enum { H5_MAX_DIMS = 8 };
size_t h5_item_bytes(enum h5_type t);

/* --- writing: paths are absolute; the groups above an object must have been made --- */

/* A new image with a user block of user_block bytes (0, or 512, 1024, 2048...). */
int h5_create(struct h5 **h, size_t user_block, struct err *e);
/* A new file on disk (large extracts), written under `path` as it goes; replaces what is there. */
int h5_create_file(struct h5 **h, const char *path, struct err *e);
int h5_group(struct h5 *h, const char *path, struct err *e);
/* Attributes of the object at path ("/" = root). Text has a fixed length below 64 KiB and the
 * character set ASCII or, where that will not do, UTF-8. */
int h5_attr_text(struct h5 *h, const char *path, const char *name, const char *v, struct err *e);
int h5_attr_i64(struct h5 *h, const char *path, const char *name, int64_t v, struct err *e);
int h5_attr_f64(struct h5 *h, const char *path, const char *name, double v, struct err *e);
/* A scalar text data set. */
int h5_text(struct h5 *h, const char *path, const char *v, struct err *e);
/* A whole array, dims [n_dims], data row major; n_dims 0 is a scalar. compress: shuffle and
 * deflate level 1, one chunk of a million elements at most (arrays below 1 KiB stay plain,
 * which is smaller). */
int h5_array(struct h5 *h, const char *path, enum h5_type t, size_t n_dims, const size_t *dims,
             const void *data, bool compress, struct err *e);
/* A one-dimensional array of n texts (fixed length = the longest). */
int h5_texts(struct h5 *h, const char *path, size_t n, const char *const *texts, bool compress,
             struct err *e);
/* An empty [n_rows, n_cols] array, filled by h5_rows (for features larger than memory). */
int h5_matrix(struct h5 *h, const char *path, enum h5_type t, size_t n_rows, size_t n_cols,
              struct err *e);
/* data [n_rows, n_cols] of the matrix's own type into rows first_row ... */
int h5_rows(struct h5 *h, const char *path, size_t first_row, size_t n_rows, const void *data,
            struct err *e);
/* The finished image, the user block zeroed; the caller frees *bytes. Closes h, also when it
 * fails. */
int h5_finish(struct h5 *h, unsigned char **bytes, size_t *n, struct err *e);
/* Closes without a result (or a file on disk, flushed). Accepts NULL. */
int h5_close(struct h5 *h, struct err *e);

/* --- reading --- */

/* Opens an image (its user block included). The bytes are used in place: they stay valid and
 * unchanged until h5_close. Links to other files, external storage, virtual data sets and filter
 * plugins are refused. */
int h5_open(struct h5 **h, const unsigned char *bytes, size_t n, const char *name, struct err *e);
bool h5_has(struct h5 *h, const char *path);
/* Calls fn for each attribute of an object, in order of their names; text is its value printed.
 * Scalar integers, floats and texts only: another kind is an error. Stops with -1 when fn
 * returns anything but 0. */
typedef int h5_attr_fn(void *ctx, const char *name, const char *text, struct err *e);
int h5_attrs(struct h5 *h, const char *path, h5_attr_fn *fn, void *ctx, struct err *e);
/* A scalar text data set or a text attribute ("path@name"); the caller frees *v. Only texts of
 * fixed length. */
int h5_read_text(struct h5 *h, const char *path, char **v, struct err *e);
int h5_read_attr_i64(struct h5 *h, const char *path, const char *name, int64_t *v, struct err *e);
int h5_read_attr_f64(struct h5 *h, const char *path, const char *name, double *v, struct err *e);
/* Dimensions of an array; *n_dims = 0 for a scalar. */
int h5_shape(struct h5 *h, const char *path, size_t *n_dims, size_t dims[H5_MAX_DIMS],
             struct err *e);
/* The whole array converted to type t into fresh memory; the caller frees *data. *n = elements.
 * A value that t cannot hold (range, fraction, integer beyond a float's precision) is an error;
 * only double to float rounds. */
int h5_read(struct h5 *h, const char *path, enum h5_type t, void **data, size_t *n, struct err *e);
/* A one-dimensional text array: *block holds *n NUL-terminated texts, one every *stride bytes;
 * the caller frees it. */
int h5_read_texts(struct h5 *h, const char *path, char **block, size_t *stride, size_t *n,
                  struct err *e);
bool h5_is_text(struct h5 *h, const char *path);
const char *h5_version(void);

#endif
