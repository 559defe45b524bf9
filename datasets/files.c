/* Image files as a source: paths, sizes and labels in memory, the bytes read when asked for. A file
 * whose size is no longer what it was when the data set was opened is an error, since the
 * fingerprint would no longer be true. */
#include "datasets/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/tensor.h"

#define TRAIN                       \
    {                               \
        .source_split = FILES_TRAIN \
    }
#define TRAIN90                                                \
    {                                                          \
        .source_split = FILES_TRAIN, .to = 90, .percent = true \
    }
#define LAST10                                                              \
    {                                                                       \
        .source_split = FILES_TRAIN, .from = 90, .to = 100, .percent = true \
    }

static const struct split_desc without_val[] = {
    {"train", {TRAIN90}, 1},
    {"val", {LAST10}, 1},
    {"trainval", {TRAIN}, 1},
    {"test", {{.source_split = FILES_TEST}}, 1},
};

static const struct split_desc with_val[] = {
    {"train", {TRAIN}, 1},
    {"val", {{.source_split = FILES_VAL}}, 1},
    {"trainval", {TRAIN, {.source_split = FILES_VAL}}, 2},
    {"test", {{.source_split = FILES_TEST}}, 1},
};

int files_new(struct files **out, const char *where, struct err *e)
{
    struct files *f = mem_take(1, sizeof *f, e);
    *out = f;
    if (!f) {
        return -1;
    }
    if (strlen(where) >= sizeof f->where) {
        files_close(f);
        *out = NULL;
        return err_set(e, ERR_LIMIT, "%.60s...: path too long", where);
    }
    strcpy(f->where, where);
    return 0;
}

void files_close(void *state)
{
    struct files *f = state;
    for (size_t s = 0; s < FILES_SPLITS; s++) {
        free(f->items[s]);
    }
    label_set_release(&f->classes);
    str_release(&f->text);
    free(f);
}

const char *files_key(const struct files *f, enum files_split split, size_t i)
{
    return f->text.data + f->items[split][i].key;
}

static int full_path(const struct files *f, enum files_split split, const char *key,
                     char path[SOURCE_PATH], struct err *e)
{
    if (key[0] != '/') {
        return file_join(path, SOURCE_PATH, f->base[split], key, e);
    }
    snprintf(path, SOURCE_PATH, "%s", key); /* a key is shorter than that */
    return 0;
}

static int check_key(const char *key, struct err *e)
{
    size_t n = strlen(key);
    if (!n || n >= DATASET_ID) {
        return err_set(e, ERR_FORMAT, "'%.60s%s': a path of %zu bytes, 1 to %d allowed", key,
                       n > 60 ? "..." : "", n, DATASET_ID - 1);
    }
    for (const char *p = key; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f) {
            return err_set(e, ERR_FORMAT, "'%.*s...': control character 0x%02x in a path",
                           (int)(p - key), key, (unsigned)*p);
        }
    }
    return 0;
}

int files_add(struct files *f, enum files_split split, const char *key, int32_t label,
              struct err *e)
{
    char path[SOURCE_PATH];
    struct stat st;
    if (check_key(key, e) || full_path(f, split, key, path, e)) {
        return -1;
    }
    if (stat(path, &st)) {
        int rc = err_errno(e, "%s", path);
        if (e && errno == ENOENT) {
            e->code = ERR_ABSENT;
        }
        return rc;
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(e, ERR_FORMAT, "%s: not a regular file", path);
    }
    void *items = f->items[split];
    int rc = mem_grow(&items, &f->cap[split], f->n[split] + 1, sizeof **f->items, e);
    f->items[split] = items;
    if (rc) {
        return -1;
    }
    f->items[split][f->n[split]++] =
        (struct files_item){f->text.len, (uint64_t)st.st_size, label};
    str_add_n(&f->text, key, strlen(key) + 1);
    return str_check(&f->text, e);
}

size_t files_count(const void *state, size_t source_split)
{
    return ((const struct files *)state)->n[source_split];
}

int32_t files_label(const void *state, size_t source_split, size_t i)
{
    return ((const struct files *)state)->items[source_split][i].label;
}

void files_copy_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    const char *text = files_key(state, (enum files_split)source_split, i);
    memcpy(key, text, strlen(text) + 1);
}

size_t files_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    return (size_t)((const struct files *)state)->items[source_split][i].bytes;
}

int files_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
               struct sample *out, struct err *e)
{
    const struct files *f = state;
    enum files_split split = (enum files_split)source_split;
    char path[SOURCE_PATH];
    uint64_t size, expected = f->items[split][i].bytes;
    if (full_path(f, split, files_key(f, split, i), path, e)) {
        return -1;
    }
    int fd = file_open(path, &size, e);
    if (fd < 0) {
        return -1;
    }
    int rc = 0;
    if (size != expected) {
        rc = err_set(e, ERR_FORMAT, "%s: %llu bytes, but %llu when the data set was opened", path,
                     (unsigned long long)size, (unsigned long long)expected);
    }
    rc = rc ? rc : sample_buf_reserve(buf, (size_t)size, e);
    rc = rc ? rc : file_pread(fd, buf->data, (size_t)size, 0, path, e);
    close(fd);
    *out = (struct sample){buf->data, (size_t)size, SAMPLE_FILE, 0, 0};
    return rc;
}

void files_hint(const void *state, size_t source_split, size_t i)
{
    const struct files *f = state;
    enum files_split split = (enum files_split)source_split;
    char path[SOURCE_PATH];
    if (full_path(f, split, files_key(f, split, i), path, NULL)) {
        return;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
        close(fd);
    }
}

size_t files_n_classes(const void *state)
{
    return ((const struct files *)state)->classes.n;
}

const char *files_class_name(const void *state, size_t label)
{
    return ((const struct files *)state)->classes.names[label];
}

const struct split_desc *files_split_rows(bool has_val, size_t *n_splits)
{
    *n_splits = has_val ? ARRAY_LEN(with_val) : ARRAY_LEN(without_val);
    return has_val ? with_val : without_val;
}

const struct split_desc *files_splits(const void *state, size_t *n_splits)
{
    return files_split_rows(((const struct files *)state)->n[FILES_VAL] > 0, n_splits);
}

const char *files_where(const void *state)
{
    return ((const struct files *)state)->where;
}
