/* Any bytes as an archive behind tar: and folder:, so with WebDataset pairs or class folders: images
 * with labels in range, or an error with a text. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datasets/dataset.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try_open(const char *kind, int fd)
{
    char name[64];
    struct err e = {0};
    struct dataset *d;
    snprintf(name, sizeof name, "%s:/proc/self/fd/%d", kind, fd);
    if (dataset_open(&d, name, &(struct dataset_dirs){.partial = true}, &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
        return;
    }
    for (size_t s = 0; s < d->desc->n_source_splits; s++) {
        for (size_t i = 0; i < d->n[s]; i++) {
            int32_t label = d->source->label(d->state, s, i);
            assert(label >= 0 && (size_t)label < d->n_classes);
        }
    }
    dataset_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int fd = memfd_create("shards", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    try_open("tar", fd);
    try_open("folder", fd);
    close(fd);
    return 0;
}
