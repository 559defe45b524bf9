/* Any bytes as a TFRecord file of Examples: records with right checksums, or an error with a text.
 * Also as an Example on its own, since a fuzzer makes no checksums. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datasets/codec/example.h"
#include "datasets/codec/tfrecord.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Every value of a feature lies within the bytes. */
static int visit(void *ctx, const struct example_feature *f, struct err *e)
{
    (void)e;
    uint64_t sum = 0;
    size_t *n_features = ctx;
    for (size_t i = 0; i < f->n && i < 64; i++) {
        const uint8_t *bytes;
        size_t n;
        float v;
        switch (f->kind) {
        case EXAMPLE_BYTES:
            example_bytes(f, i, &bytes, &n);
            sum += n ? bytes[0] + bytes[n - 1] : 0;
            break;
        case EXAMPLE_FLOAT:
            v = example_float(f, i);
            sum += v > 0;
            break;
        case EXAMPLE_INT:
            sum += (uint64_t)example_int(f, i);
            break;
        case EXAMPLE_NONE:
            assert(false); /* no kind, no values */
        }
    }
    volatile uint64_t used = sum; /* so that every value is read */
    (void)used;
    ++*n_features;
    return 0;
}

static void read_example(const uint8_t *data, size_t n)
{
    struct err e = {0};
    size_t n_features = 0;
    struct example_feature f;
    if (example_each(data, n, visit, &n_features, &e)) {
        assert(e.code == ERR_FORMAT && e.text[0]);
    }
    e = (struct err){0};
    if (example_find(data, n, "label", EXAMPLE_INT, &f, &e)) {
        assert(e.code == ERR_FORMAT && e.text[0]);
    } else {
        assert(f.n > 0 && n_features > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int fd = memfd_create("tfrecord", MFD_CLOEXEC), rc;
    assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    struct tfrecord r;
    struct err e = {0};
    const uint8_t *record;
    size_t bytes, total = 0;
    tfrecord_init(&r, fd, 0, n, "input");
    while ((rc = tfrecord_next(&r, &record, &bytes, &e)) == 1) {
        total += bytes + 16;
        read_example(record, bytes);
    }
    assert(rc ? e.code != ERR_NONE && e.text[0] : total == n);
    tfrecord_release(&r);
    close(fd);
    read_example(data, n);
    return 0;
}
