/* tf.train.Example (tensorflow/core/example): named lists of bytes, floats or integers, in
 * protobuf's wire format. Reads in place, allocates nothing. */
#ifndef BITBENCH_DATASETS_CODEC_EXAMPLE_H
#define BITBENCH_DATASETS_CODEC_EXAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum example_kind {
    EXAMPLE_NONE, /* a feature without values of any kind */
    EXAMPLE_BYTES,
    EXAMPLE_FLOAT,
    EXAMPLE_INT,
};

struct example_feature {
    const uint8_t *name; /* in the bytes given; not NUL-terminated */
    size_t n_name;
    enum example_kind kind;
    size_t n; /* values */
    const uint8_t *list;
    size_t n_list; /* its bytes */
};

/* Calls fn for each feature, in order of the bytes; stops with -1 where fn does not return 0.
 * ERR_FORMAT: the bytes are no Example. All value lists are checked before. */
typedef int example_fn(void *ctx, const struct example_feature *f, struct err *e);
int example_each(const uint8_t *bytes, size_t n, example_fn *fn, void *ctx, struct err *e);
/* One entry of the map of features, from its own n bytes. False: they are none. */
bool example_entry(const uint8_t *bytes, size_t n, struct example_feature *f);
/* The feature of that name and kind (of several the last, as protobuf's maps have it), with at
 * least one value. ERR_FORMAT says what is missing. */
int example_find(const uint8_t *bytes, size_t n, const char *name, enum example_kind kind,
                 struct example_feature *f, struct err *e);

/* ERR_FORMAT, naming the feature, unless its values are of that kind; none are of any. */
int example_expect(const struct example_feature *f, const char *name, enum example_kind kind,
                   struct err *e);

/* Value i (< n) of a feature of that kind. */
void example_bytes(const struct example_feature *f, size_t i, const uint8_t **bytes, size_t *n);
float example_float(const struct example_feature *f, size_t i);
int64_t example_int(const struct example_feature *f, size_t i);

#endif
