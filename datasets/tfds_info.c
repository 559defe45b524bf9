/* See tfds_info.h. Whole numbers of 64 bits are strings in this JSON; older files have numShards
 * and statistics.numExamples in the place of shardLengths, and neither fileFormat nor
 * filepathTemplate (core/naming.py has the default). */
#include "datasets/tfds_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

static const char default_template[] = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}";

/* A whole number, also as a string. */
static bool number(const struct json *v, int64_t *out)
{
    const char *text = json_text(v);
    return text ? str_to_i64(text, out) : json_i64(v, out);
}

/* A word that becomes part of a file's name. */
static bool plain_word(const char *s)
{
    for (const char *p = s; *p; p++) {
        if (*p == '/' || *p == '\\' || (unsigned char)*p < ' ' || *p == 0x7f) {
            return false;
        }
    }
    return *s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

/* The string under key into out, "" where there is none. */
static int take_word(const struct json *object, const char *key, char *out, size_t cap,
                     struct err *e)
{
    const char *text = json_text(json_get(object, key));
    *out = 0;
    if (!text) {
        return 0;
    }
    if (strlen(text) >= cap) {
        return err_set(e, ERR_FORMAT, "%s of %zu bytes, at most %zu allowed", key, strlen(text),
                       cap - 1);
    }
    strcpy(out, text);
    return 0;
}

static int take_lengths(struct tfds_split *s, const struct json *lengths, struct err *e)
{
    s->n_shards = json_len(lengths);
    if (s->n_shards > TFDS_MAX_SHARDS) {
        return err_set(e, ERR_LIMIT, "%zu shards, at most %d allowed", s->n_shards,
                       TFDS_MAX_SHARDS);
    }
    s->lengths = mem_take(s->n_shards, sizeof *s->lengths, e);
    if (!s->lengths) {
        return -1;
    }
    s->n = 0;
    for (size_t i = 0; i < s->n_shards; i++) {
        const struct json *v = json_at(lengths, i);
        const char *text = json_text(v);
        int64_t n;
        if (!number(v, &n)) {
            return err_set(e, ERR_FORMAT, "shardLengths[%zu] is no whole number%s%.40s", i,
                           text ? ": " : "", text ? text : "");
        }
        if (n < 0 || n > TFDS_MAX_IMAGES - (int64_t)s->n) {
            return err_set(e, ERR_FORMAT, "shardLengths[%zu] is %lld", i, (long long)n);
        }
        s->lengths[i] = (uint32_t)n;
        s->n += (size_t)n;
    }
    return 0;
}

/* numShards and statistics.numExamples of older files. */
static int take_old_counts(struct tfds_split *s, const struct json *split, struct err *e)
{
    int64_t shards, n;
    if (!number(json_get(split, "numShards"), &shards)) {
        return err_set(e, ERR_FORMAT, "neither shardLengths nor numShards");
    }
    if (shards < 0 || shards > TFDS_MAX_SHARDS) {
        return err_set(e, ERR_FORMAT, "numShards is %lld", (long long)shards);
    }
    s->n_shards = (size_t)shards;
    s->n = SIZE_MAX;
    const struct json *examples = json_get(json_get(split, "statistics"), "numExamples");
    if (examples) {
        if (!number(examples, &n) || n < 0 || n > TFDS_MAX_IMAGES) {
            return err_set(e, ERR_FORMAT, "numExamples is no number of images");
        }
        s->n = (size_t)n;
    }
    return 0;
}

static int take_split(struct tfds_info *info, const struct json *split, struct err *e)
{
    struct tfds_split *s = &info->splits[info->n_splits++];
    if (take_word(split, "name", s->name, sizeof s->name, e)) {
        return -1;
    }
    if (!plain_word(s->name)) {
        return err_set(e, ERR_FORMAT, "split %zu: the name '%s' is none", info->n_splits - 1,
                       s->name);
    }
    const struct json *lengths = json_get(split, "shardLengths");
    int rc = lengths ? take_lengths(s, lengths, e) : take_old_counts(s, split, e);
    rc = rc ? rc : take_word(split, "filepathTemplate", s->template, sizeof s->template, e);
    if (!rc && !s->template[0]) {
        strcpy(s->template, default_template);
    }
    char name[TFDS_FILE];
    if (!rc && s->n_shards) {
        rc = tfds_shard_name(info, s, s->n_shards - 1, name, e);
    }
    return rc ? err_wrap(e, "split %s", s->name) : 0;
}

/* {"tuple": {"items": [{"featureKey": "image"}, ...]}}, formerly {"input": "image", ...}. */
static int take_supervised_keys(struct tfds_info *info, const struct json *keys, struct err *e)
{
    const struct json *items = json_get(json_get(keys, "tuple"), "items");
    if (json_len(items) == 2) {
        return take_word(json_at(items, 0), "featureKey", info->input, TFDS_NAME, e) ||
                       take_word(json_at(items, 1), "featureKey", info->output, TFDS_NAME, e)
                   ? -1
                   : 0;
    }
    return take_word(keys, "input", info->input, TFDS_NAME, e) ||
                   take_word(keys, "output", info->output, TFDS_NAME, e)
               ? -1
               : 0;
}

static int take_root(struct tfds_info *info, const struct json *root, struct err *e)
{
    char format[TFDS_NAME];
    const struct json *splits = json_get(root, "splits");
    if (take_word(root, "name", info->name, TFDS_NAME, e) ||
        take_word(root, "configName", info->config, TFDS_NAME, e) ||
        take_word(root, "version", info->version, TFDS_NAME, e) ||
        take_word(root, "fileFormat", format, sizeof format, e) ||
        take_supervised_keys(info, json_get(root, "supervisedKeys"), e)) {
        return -1;
    }
    if (format[0] && strcmp(format, "tfrecord") != 0) {
        return err_set(e, ERR_FORMAT, "fileFormat %s is not supported (tfrecord is)", format);
    }
    if (!plain_word(info->name)) {
        return err_set(e, ERR_FORMAT, "the name '%s' is none", info->name);
    }
    if (!json_is_array(splits)) {
        return err_set(e, ERR_FORMAT, "no list of splits");
    }
    size_t n = json_len(splits);
    if (n > TFDS_MAX_SPLITS) {
        return err_set(e, ERR_LIMIT, "%zu splits, at most %d allowed", n, TFDS_MAX_SPLITS);
    }
    info->splits = mem_take(n, sizeof *info->splits, e);
    if (!info->splits) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (take_split(info, json_at(splits, i), e)) {
            return -1;
        }
        const char *name = info->splits[i].name;
        if (tfds_info_split(info, name) != &info->splits[i]) {
            return err_set(e, ERR_FORMAT, "two splits %s", name);
        }
    }
    return 0;
}

int tfds_info_parse(struct tfds_info *info, const char *text, size_t n, const char *file,
                    struct err *e)
{
    *info = (struct tfds_info){0};
    if (!n) {
        return err_set(e, ERR_FORMAT, "%s is empty", file);
    }
    struct json *root = json_parse(text, n, file, e);
    if (!root) {
        return -1;
    }
    int rc = json_is_object(root) ? take_root(info, root, e)
                                  : err_set(e, ERR_FORMAT, "not a JSON object");
    json_close(root);
    return rc ? err_wrap(e, "%s", file) : 0;
}

int tfds_info_read(struct tfds_info *info, const char *file, struct err *e)
{
    unsigned char *text;
    size_t n;
    *info = (struct tfds_info){0};
    if (file_read(file, JSON_MAX_BYTES, &text, &n, e)) {
        return -1;
    }
    int rc = tfds_info_parse(info, (const char *)text, n, file, e);
    free(text);
    return rc;
}

void tfds_info_release(struct tfds_info *info)
{
    for (size_t i = 0; i < info->n_splits; i++) {
        free(info->splits[i].lengths);
    }
    free(info->splits);
    *info = (struct tfds_info){0};
}

const struct tfds_split *tfds_info_split(const struct tfds_info *info, const char *name)
{
    for (size_t i = 0; i < info->n_splits; i++) {
        if (!strcmp(info->splits[i].name, name)) {
            return &info->splits[i];
        }
    }
    return NULL;
}

/* Numbers in names have at least five digits, more where the count of shards has more. */
static int digits_of(size_t n_shards)
{
    int digits = snprintf(NULL, 0, "%zu", n_shards);
    return digits > 5 ? digits : 5;
}

int tfds_shard_name(const struct tfds_info *info, const struct tfds_split *s, size_t shard,
                    char name[TFDS_FILE], struct err *e)
{
    struct str t = {0};
    int width = digits_of(s->n_shards), rc = 0;
    char x[32], y[32], x_of_y[sizeof x + sizeof y + 4];
    snprintf(x, sizeof x, "%0*zu", width, shard);
    snprintf(y, sizeof y, "%0*zu", width, s->n_shards);
    snprintf(x_of_y, sizeof x_of_y, "%s-of-%s", x, y);
    const struct {
        const char *word, *value;
    } words[] = {
        {"{DATASET}", info->name},
        {"{SPLIT}", s->name},
        {"{FILEFORMAT}", "tfrecord"},
        {"{SHARD_X_OF_Y}", x_of_y},
        {"{SHARD_INDEX}", x},
        {"{NUM_SHARDS}", y},
    };
    for (const char *p = s->template; *p;) {
        size_t k = 0;
        while (k < ARRAY_LEN(words) && !str_starts(p, words[k].word)) {
            k++;
        }
        if (k < ARRAY_LEN(words)) {
            str_add(&t, words[k].value);
            p += strlen(words[k].word);
        } else {
            str_add_char(&t, *p++);
        }
    }
    if (str_check(&t, e)) {
        rc = -1;
    } else if (!plain_word(str_text(&t)) || strpbrk(t.data, "{}") || t.len >= TFDS_FILE) {
        rc = err_set(e, ERR_FORMAT, "filepathTemplate '%.200s' makes no file name of this folder",
                     s->template);
    } else {
        memcpy(name, t.data, t.len + 1);
    }
    str_release(&t);
    return rc;
}
