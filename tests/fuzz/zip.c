/* Any bytes as a zip archive: errors with a text, or members that read the same twice. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/zip.h"

enum { MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_member(const struct zip *z, const struct zip_member *m)
{
    struct err e = {0};
    unsigned char *first, *again;
    assert(zip_find(z, m->name) == m);
    if (zip_read_alloc(z, m, MAX_BYTES, &first, &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
        return;
    }
    assert(m->bytes <= MAX_BYTES && first[m->bytes] == 0);
    assert(zip_read_alloc(z, m, MAX_BYTES, &again, &e) == 0);
    assert(memcmp(first, again, m->bytes) == 0);
    free(first);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e = {0};
    struct zip z;
    int fd = memfd_create("zip", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    if (zip_open_fd(&z, fd, n, "x", &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
        return 0;
    }
    for (size_t i = 0; i < z.n_members; i++) {
        read_member(&z, &z.members[i]);
    }
    zip_close(&z);
    return 0;
}
