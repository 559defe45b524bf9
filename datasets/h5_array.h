/* Rows of an array in an HDF5 file, read without libhdf5 (harness/base/h5_map.h). */
#ifndef BITBENCH_DATASETS_H5_ARRAY_H
#define BITBENCH_DATASETS_H5_ARRAY_H

#include <pthread.h>
#include "datasets/dataset.h"
#include "harness/base/h5_map.h"

struct h5_array {
    char *name; /* for messages */
    int fd;     /* duplicated */
    struct h5_map map;
    size_t row_bytes;   /* of what lies below one index of the first dimension */
    size_t chunk_bytes; /* 0: in one piece */
    /* Chunks that lie across the rows are unpacked once, into a temporary file. */
    bool across;
    int unpacked; /* -1: not yet */
    pthread_mutex_t mutex;
};

/* fd stays the caller's. Release with h5_array_close after success only. */
int h5_array_open(struct h5_array *a, int fd, uint64_t file_bytes, const char *dataset,
                  const char *name, struct err *e);
void h5_array_close(struct h5_array *a);
/* Row `row` into the first row_bytes of buf. Thread-safe, each thread with its own buf. */
int h5_array_read(struct h5_array *a, size_t row, struct sample_buf *buf, struct err *e);
/* All values as integers into fresh memory, which the caller frees; floats are an error. NULL
 * with e set. */
int64_t *h5_array_integers(struct h5_array *a, struct err *e);

#endif
