/* Any bytes as a shard of a prepared directory: records whose images lie within the file, or an
 * error with a text. Once as a file, once as records with right checksums, since a fuzzer makes
 * none: a length in two bytes, then so many bytes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datasets/codec/crc32c.h"
#include "datasets/codec/tfrecord.h"
#include "datasets/label_rule.h"
#include "datasets/tfds_index.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const keys[] = {"id", "file_name"};
static const struct tfds_wants wants[] = {
    {.image = "image", .label = "label", .n_classes = 7, .keys = keys, .n_keys = 2},
    {.image = "image",
     .label = "objects/pixel_coords",
     .label_kind = TFDS_LABEL_DEPTHS,
     .rule = &rule_clevr_count,
     .keys = keys,
     .n_keys = 1,
     .key_needed = true,
     .key_strict = true},
    {.image = "image",
     .label = "objects/location",
     .type = "objects/type",
     .label_kind = TFDS_LABEL_VEHICLES,
     .rule = &rule_kitti_distance,
     .n_classes = 4,
     .keys = keys,
     .n_keys = 0},
};

static void index_file(const uint8_t *data, size_t n, size_t kind)
{
    int fd = memfd_create("shard", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    char path[64];
    struct err e = {0};
    struct tfds_index x = {.wants = &wants[kind]};
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (tfds_index_shard(&x, path, 3, &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
    }
    for (size_t i = 0; i < x.n; i++) {
        const struct tfds_item *item = &x.items[i];
        assert(item->shard == 3 && item->record == i);
        assert(item->at + TFRECORD_HEAD + item->bytes + TFRECORD_TAIL <= n);
        assert((uint64_t)item->image_at + item->image_bytes <= item->bytes);
        assert(x.key == wants[kind].n_keys || item->key < x.keys.len);
    }
    tfds_index_release(&x);
    close(fd);
}

static void put(uint8_t *to, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (uint8_t)(v >> 8 * i);
    }
}

static uint32_t masked(const uint8_t *p, size_t n)
{
    uint32_t crc = crc32c(p, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* The bytes as records; *size of them. */
static uint8_t *frame(const uint8_t *data, size_t n, size_t *size)
{
    uint8_t *out = malloc(n * 16 + 64);
    size_t at = 0;
    assert(out);
    while (n >= 2) {
        size_t len = data[0] | (size_t)data[1] << 8;
        data += 2;
        n -= 2;
        len = len < n ? len : n;
        put(out + at, len, 8);
        put(out + at + 8, masked(out + at, 8), 4);
        memcpy(out + at + 12, data, len);
        put(out + at + 12 + len, masked(data, len), 4);
        at += 16 + len;
        data += len;
        n -= len;
    }
    *size = at;
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    size_t size;
    uint8_t *file = frame(data, n, &size);
    for (size_t k = 0; k < sizeof wants / sizeof *wants; k++) {
        index_file(data, n, k);
        index_file(file, size, k);
    }
    free(file);
    return 0;
}
