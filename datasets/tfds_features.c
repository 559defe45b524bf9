/* See tfds_features.h. The forms, by age (core/features/feature.py, from_json):
 *   {"type": "...features_dict.FeaturesDict", "content": {"image": {"type": ...}}}
 *   the same with "proto_cls" and content a text, which is JSON of the third form's inside
 *   {"pythonClassName": "...FeaturesDict", "featuresDict": {"features": {"image": ...}}}
 * The class is told by the end of its name. */
#include "datasets/tfds_features.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

enum { MAX_DEPTH = 16,
       MAX_FEATURES = 4096,
       MAX_NAME = 256,
       MAX_CLASSES = 1 << 24 };

/* A value in the tree. */
struct place {
    char name[MAX_NAME]; /* "objects/bbox" */
    bool repeated;
    size_t depth;
};

static int read_feature(struct tfds_features *f, const struct json *v, const struct place *at,
                        struct err *e);

/* A whole number of at least 0, also as a string; 0 otherwise (-1 and null: any). */
static size_t size_of(const struct json *v)
{
    int64_t n;
    const char *text = json_text(v);
    bool ok = text ? str_to_i64(text, &n) : json_i64(v, &n);
    return ok && n > 0 ? (size_t)n : 0;
}

static const struct json *either(const struct json *v, const char *a, const char *b)
{
    const struct json *found = json_get(v, a);
    return found ? found : json_get(v, b);
}

static void take_shape(const struct json *content, size_t shape[3])
{
    const struct json *s = json_get(content, "shape"), *dims = json_get(s, "dimensions");
    dims = dims ? dims : s;
    for (size_t i = 0; i < 3 && json_len(dims) == 3; i++) {
        shape[i] = size_of(json_at(dims, i));
    }
}

static int add(struct tfds_features *f, enum tfds_kind kind, const struct json *content,
               const struct place *at, struct err *e)
{
    struct tfds_feature x = {.kind = kind, .repeated = at->repeated};
    void *items = f->items;
    if (f->n == MAX_FEATURES) {
        return err_set(e, ERR_LIMIT, "more than %d features", MAX_FEATURES);
    }
    int rc = mem_grow(&items, &f->cap, f->n + 1, sizeof x, e);
    f->items = items;
    x.name = rc ? NULL : mem_strdup(at->name, e);
    if (!x.name) {
        return -1;
    }
    if (kind == TFDS_CLASS) {
        x.n_classes = size_of(either(content, "numClasses", "num_classes"));
    } else if (kind == TFDS_IMAGE) {
        take_shape(content, x.shape);
    }
    f->items[f->n++] = x;
    if (x.n_classes > MAX_CLASSES) {
        return err_set(e, ERR_LIMIT, "%s: %zu classes", at->name, x.n_classes);
    }
    return 0;
}

static int read_members(struct tfds_features *f, const struct json *members,
                        const struct place *at, struct err *e)
{
    if (!json_is_object(members)) {
        return err_set(e, ERR_FORMAT, "%s: a dictionary without features",
                       at->name[0] ? at->name : "root");
    }
    for (size_t i = 0; i < json_len(members); i++) {
        struct place inner = {.repeated = at->repeated, .depth = at->depth + 1};
        const char *key;
        const struct json *v = json_member(members, i, &key);
        size_t n = strlen(at->name);
        if (n + strlen(key) + 2 > sizeof inner.name) {
            return err_set(e, ERR_LIMIT, "a feature's name is longer than %d bytes", MAX_NAME - 1);
        }
        memcpy(inner.name, at->name, n);
        if (n) {
            inner.name[n++] = '/';
        }
        strcpy(inner.name + n, key);
        if (read_feature(f, v, &inner, e)) {
            return -1;
        }
    }
    return 0;
}

/* A feature of that class, with what it says of itself. */
static int read_content(struct tfds_features *f, const char *class, const struct json *content,
                        const struct place *at, struct err *e)
{
    const char *dot = strrchr(class, '.');
    const char *last = dot ? dot + 1 : class;
    if (!strcmp(last, "FeaturesDict")) {
        const struct json *features = json_get(content, "features");
        /* The oldest form has them right there; a feature of the name "features" is no dictionary
         * of dictionaries. */
        bool inside = features && !json_text(json_get(features, "type"));
        return read_members(f, inside ? features : content, at, e);
    }
    if (!strcmp(last, "Sequence") || !strcmp(last, "Dataset")) {
        struct place inner = *at;
        inner.repeated = true;
        inner.depth++;
        return read_feature(f, json_get(content, "feature"), &inner, e);
    }
    enum tfds_kind kind = !strcmp(last, "Image")        ? TFDS_IMAGE
                          : !strcmp(last, "ClassLabel") ? TFDS_CLASS
                          : !strcmp(last, "Text")       ? TFDS_TEXT
                                                        : TFDS_OTHER;
    return add(f, kind, content, at, e);
}

/* Content that is a text is JSON in itself. */
static int read_text(struct tfds_features *f, const char *class, const char *text,
                     const struct place *at, struct err *e)
{
    struct json *content = json_parse(text, strlen(text), "content", e);
    if (!content) {
        return -1;
    }
    int rc = read_content(f, class, content, at, e);
    json_close(content);
    return rc;
}

/* The one member of v that holds what a feature says of itself: all but its class. */
static const struct json *inside(const struct json *v)
{
    for (size_t i = 0; i < json_len(v); i++) {
        const char *key;
        const struct json *member = json_member(v, i, &key);
        if (json_is_object(member)) {
            return member;
        }
    }
    return NULL;
}

static int read_feature(struct tfds_features *f, const struct json *v, const struct place *at,
                        struct err *e)
{
    const char *class = json_text(either(v, "pythonClassName", "type"));
    const struct json *content = json_get(v, "content");
    if (at->depth > MAX_DEPTH) {
        return err_set(e, ERR_LIMIT, "%s: features nested more than %d deep", at->name, MAX_DEPTH);
    }
    if (!class) {
        return err_set(e, ERR_FORMAT, "%s: neither pythonClassName nor type",
                       at->name[0] ? at->name : "root");
    }
    if (json_text(content)) {
        return read_text(f, class, json_text(content), at, e);
    }
    return read_content(f, class, content ? content : inside(v), at, e);
}

int tfds_features_parse(struct tfds_features *f, const char *text, size_t n, const char *file,
                        struct err *e)
{
    *f = (struct tfds_features){0};
    if (!n) {
        return err_set(e, ERR_FORMAT, "%s is empty", file);
    }
    struct json *root = json_parse(text, n, file, e);
    if (!root) {
        return -1;
    }
    int rc = read_feature(f, root, &(struct place){0}, e);
    json_close(root);
    return rc ? err_wrap(e, "%s", file) : 0;
}

void tfds_features_release(struct tfds_features *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->items[i].name);
    }
    free(f->items);
    *f = (struct tfds_features){0};
}

const struct tfds_feature *tfds_feature(const struct tfds_features *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (!strcmp(f->items[i].name, name)) {
            return &f->items[i];
        }
    }
    return NULL;
}
