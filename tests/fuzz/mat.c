/* Any bytes as a MATLAB 5 file: arrays whose values can be read, or an error with a text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datasets/codec/mat.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int fd = memfd_create("mat", MFD_CLOEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    struct err e = {0};
    struct mat m;
    if (mat_open(&m, path, &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
        close(fd);
        return 0;
    }
    for (size_t i = 0; i < m.n; i++) {
        const struct mat_array *a = &m.arrays[i];
        assert(mat_find(&m, a->name) == a && a->item_bytes && a->n_dims <= MAT_MAX_DIMS);
        if (a->n > 1 << 16) {
            continue; /* more than a small input holds without much inflating */
        }
        double *v = mat_numbers(a, &e);
        assert(v || e.text[0]);
        free(v);
    }
    mat_close(&m);
    close(fd);
    return 0;
}
