/* Any bytes as Hugging Face's metadata.csv and metadata.jsonl beside two images, in a tar: rows that
 * name them, or an error with a text. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datasets/dataset.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void add_member(int fd, const char *name, const uint8_t *data, size_t n)
{
    static const uint8_t zeros[512];
    char head[512] = {0};
    unsigned sum = 0;
    snprintf(head, 100, "%s", name);
    snprintf(head + 124, 12, "%011zo", n);
    memset(head + 148, ' ', 8);
    head[156] = '0';
    for (size_t i = 0; i < sizeof head; i++) {
        sum += (unsigned char)head[i];
    }
    snprintf(head + 148, 8, "%06o", sum);
    size_t pad = (512 - n % 512) % 512;
    assert(write(fd, head, sizeof head) == (ssize_t)sizeof head);
    assert(write(fd, data, n) == (ssize_t)n && write(fd, zeros, pad) == (ssize_t)pad);
}

static void try_as(const char *member, const uint8_t *data, size_t n)
{
    int fd = memfd_create("metadata", MFD_CLOEXEC);
    char name[64];
    struct err e = {0};
    struct dataset *d;
    assert(fd >= 0);
    add_member(fd, member, data, n);
    add_member(fd, "train/1.png", data, 1 < n ? 1 : n);
    add_member(fd, "train/a/2.png", data, 0);
    snprintf(name, sizeof name, "folder:/proc/self/fd/%d", fd);
    if (dataset_open(&d, name, &(struct dataset_dirs){0}, &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
    } else {
        assert(d->n[0] >= 1 && d->n[0] <= 2 && !d->n[1] && !d->n[2] && d->n_classes);
        dataset_close(d);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    try_as("train/metadata.csv", data, n);
    try_as("metadata.jsonl", data, n);
    return 0;
}
