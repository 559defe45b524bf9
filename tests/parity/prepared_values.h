/* The part of prepared.c that looks at every value of every feature of prepared/toy_features, held
 * against truth/toy_features.json: {split: [examples in order of the shards]}. Also hash_pixels.
 * The functions are in the header because a test program is built from one source file. */
#ifndef BITBENCH_TESTS_PARITY_PREPARED_VALUES_H
#define BITBENCH_TESTS_PARITY_PREPARED_VALUES_H

#include "tests/parity/golden.h"

#include <unistd.h>
#include "datasets/codec/example.h"
#include "datasets/codec/tfrecord.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"

static const char *root;
static struct transform_scratch scratch;

/* SHA-256 of pixels [h, w, channels]; grey where three channels are wanted is repeated. */
static inline void hash_pixels(const struct image *img, size_t channels, bool zero_one,
                               char hex[HASH_SHA256_HEX])
{
    size_t n = img->h * img->w * channels;
    uint8_t *pixels = malloc(n);
    need(pixels != NULL, "memory");
    for (size_t i = 0; i < n; i++) {
        pixels[i] = img->data[img->c == channels ? i : i / 3];
        pixels[i] = zero_one ? pixels[i] == 255 : pixels[i];
    }
    sha256_hex(pixels, n, hex);
    free(pixels);
}

static struct record {
    const uint8_t *data;
    size_t n, compared, bad;
    char first[KEY];
} record;

static inline void differs(const char *path)
{
    if (!record.bad++) {
        snprintf(record.first, sizeof record.first, "%s", path);
    }
}

struct looking {
    const char *path;
    struct example_feature *f;
    bool found;
};

static inline int look(void *ctx, const struct example_feature *f, struct err *err)
{
    struct looking *l = ctx;
    (void)err;
    if (f->n_name == strlen(l->path) && !memcmp(f->name, l->path, f->n_name)) {
        *l->f = *f;
        l->found = true;
    }
    return 0;
}

static inline bool find(const char *path, struct example_feature *f)
{
    struct looking l = {path, f, false};
    need(!example_each(record.data, record.n, look, &l, &e), "record");
    return l.found;
}

/* Value i of a feature against one of the JSON. */
static inline bool equal_value(const struct example_feature *f, size_t i, const struct json *v)
{
    const char *text = json_text(v);
    const uint8_t *bytes;
    size_t n;
    int64_t integer;
    double number;
    bool flag;
    if (f->kind == EXAMPLE_BYTES) {
        example_bytes(f, i, &bytes, &n);
        return text && strlen(text) == n && !memcmp(text, bytes, n);
    }
    if (f->kind == EXAMPLE_INT) {
        return json_bool(v, &flag) ? example_int(f, i) == flag
                                   : json_i64(v, &integer) && example_int(f, i) == integer;
    }
    return f->kind == EXAMPLE_FLOAT && json_double(v, &number) &&
           fabs((double)example_float(f, i) - number) <= 0;
}

/* A value or list against values from *from on. */
static inline bool equal_values(const struct example_feature *f, size_t *from, const struct json *v)
{
    bool equal = true;
    if (!json_is_array(v)) {
        record.compared++;
        return *from < f->n && equal_value(f, (*from)++, v);
    }
    for (size_t i = 0; i < json_len(v); i++) {
        equal = equal_values(f, from, json_at(v, i)) && equal;
    }
    return equal;
}

static inline bool equal_image(const struct example_feature *f, const struct json *v)
{
    char hex[HASH_SHA256_HEX];
    struct sample sample = {.encoding = SAMPLE_FILE};
    struct image img;
    int64_t channels;
    example_bytes(f, 0, &sample.bytes, &sample.n);
    if (!json_i64(json_at(json_get(v, "shape"), 2), &channels) ||
        decode_sample(&sample, "tf", &scratch, &img, &e)) {
        return false;
    }
    hash_pixels(&img, (size_t)channels, false, hex);
    record.compared++;
    return !strcmp(hex, json_text(json_get(v, "sha256")));
}

/* Lists of lists: all values in one feature, the lengths of the inner lists in another. */
static inline bool equal_ragged(const char *path, const struct json *v)
{
    char inner[2 * KEY];
    struct example_feature values, lengths;
    size_t from = 0;
    snprintf(inner, sizeof inner, "%s/ragged_flat_values", path);
    bool found = find(inner, &values);
    snprintf(inner, sizeof inner, "%s/ragged_row_lengths_0", path);
    if (!found || !find(inner, &lengths) || lengths.n != json_len(v)) {
        return false;
    }
    for (size_t i = 0; i < lengths.n; i++) {
        if ((size_t)example_int(&lengths, i) != json_len(json_at(v, i))) {
            return false;
        }
    }
    return equal_values(&values, &from, v) && from == values.n;
}

static inline void compare_feature(const char *path, const struct json *v)
{
    struct example_feature f;
    size_t from = 0;
    if (find(path, &f)) {
        bool equal = json_is_object(v) ? equal_image(&f, v)
                                       : equal_values(&f, &from, v) && from == f.n;
        if (!equal) {
            differs(path);
        }
        return;
    }
    if (json_is_array(v)) {
        if (!equal_ragged(path, v)) {
            differs(path);
        }
        return;
    }
    if (!json_is_object(v)) {
        differs(path);
    }
    for (size_t i = 0; i < json_len(v); i++) {
        char inner[KEY];
        const char *key;
        const struct json *member = json_member(v, i, &key);
        snprintf(inner, sizeof inner, "%.120s%s%.120s", path, path[0] ? "/" : "", key);
        compare_feature(inner, member);
    }
}

/* truth/toy_features.json: {split: [examples in order of the shards]}. */
static inline void values(void)
{
    char path[PATH];
    unsigned char *text;
    size_t n;
    static const char *const splits[] = {"train", "validation"};
    snprintf(path, sizeof path, "%s/truth/toy_features.json", root);
    need(!file_read(path, 0, &text, &n, &e), path);
    struct json *truth = json_parse((const char *)text, n, path, &e);
    need(truth != NULL, path);
    for (size_t s = 0; s < 2; s++) {
        const struct json *examples = json_get(truth, splits[s]);
        size_t seen = 0;
        record = (struct record){0};
        for (size_t shard = 0; shard < 2; shard++) {
            uint64_t size;
            struct tfrecord r;
            int rc;
            snprintf(path, sizeof path,
                     "%s/prepared/toy_features/1.2.3/toy_features-%s.tfrecord-%05zu-of-00002", root,
                     splits[s], shard);
            int fd = file_open(path, &size, &e);
            need(fd >= 0, path);
            tfrecord_init(&r, fd, 0, size, path);
            while ((rc = tfrecord_next(&r, &record.data, &record.n, &e)) == 1) {
                compare_feature("", json_at(examples, seen++));
            }
            need(rc == 0, path);
            tfrecord_release(&r);
            close(fd);
        }
        check(!record.bad && record.compared && seen == json_len(examples),
              "toy_features %s: %zu values of %zu examples, %zu features differ%s%s", splits[s],
              record.compared, seen, record.bad, record.bad ? ": first: " : "", record.first);
    }
    json_close(truth);
    free(text);
}

#endif
