/* DMLab (VTAB, storage.googleapis.com/akolesnikov-dmlab-data): dmlab.tar.gz, or its files
 * dmlab-{train,validation,test}.tfrecord* unpacked. Each record is an Example with `image` (a JPEG
 * file), `filename`, which is the key, and `label`. Packed files are unpacked into a temporary
 * file when the set is opened. */
#include "datasets/source.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "datasets/codec/example.h"
#include "datasets/codec/spool.h"
#include "datasets/codec/tar.h"
#include "datasets/codec/tfrecord.h"
#include "datasets/label_rule.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

enum { N_SPLITS = 3,
       CHUNK = 1 << 18 };

struct shard {
    char *name;
    int fd;
    bool shared; /* fd is the state's temporary file */
    size_t n_records, split;
};

struct dmlab_image {
    uint64_t at; /* of the JPEG file in fd of the shard */
    uint32_t bytes;
    uint32_t shard, record;
    int32_t label;
    size_t key; /* in keys */
};

struct dmlab {
    char where[SOURCE_PATH];
    const struct dataset_desc *desc;
    int temporary; /* holds the unpacked shards; -1: none */
    uint64_t temporary_bytes;
    struct shard *shards;
    size_t n_shards, cap_shards;
    struct dmlab_image *images[N_SPLITS];
    size_t n[N_SPLITS], cap[N_SPLITS];
    struct str keys;
};

/* The split of a file's name; -1 for other files. */
static int split_of(const char *name)
{
    static const char *const stems[] = {"dmlab-train.tfrecord", "dmlab-validation.tfrecord",
                                        "dmlab-test.tfrecord"};
    for (int i = 0; i < N_SPLITS; i++) {
        if (str_starts(name, stems[i])) {
            return i;
        }
    }
    return -1;
}

static int take_key(struct dmlab *d, const struct example_feature *f, size_t *key, struct err *e)
{
    const uint8_t *bytes;
    size_t n;
    example_bytes(f, 0, &bytes, &n);
    if (!n || n >= DATASET_ID) {
        return err_set(e, ERR_FORMAT, "filename of %zu bytes", n);
    }
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] < ' ' || bytes[i] == 0x7f) {
            return err_set(e, ERR_FORMAT, "filename with a control character");
        }
    }
    *key = d->keys.len;
    str_add_n(&d->keys, (const char *)bytes, n);
    str_add_n(&d->keys, "", 1);
    return str_check(&d->keys, e);
}

/* One record: data [n] begins at data_at of the shard's file. */
static int take_record(struct dmlab *d, size_t split, const uint8_t *data, size_t n,
                       struct dmlab_image *image, uint64_t data_at, struct err *e)
{
    const struct label_rule *rule = d->desc->rule;
    struct example_feature jpeg, name, label;
    if (example_find(data, n, "image", EXAMPLE_BYTES, &jpeg, e) ||
        example_find(data, n, "filename", EXAMPLE_BYTES, &name, e) ||
        example_find(data, n, "label", EXAMPLE_INT, &label, e) ||
        take_key(d, &name, &image->key, e)) {
        return -1;
    }
    int64_t v = example_int(&label, 0);
    image->label = rule->label(&(float){(float)v}, 1);
    if (image->label < 0) {
        return err_set(e, ERR_FORMAT, "label %lld not in %s", (long long)v, rule->range);
    }
    const uint8_t *bytes;
    size_t n_bytes;
    example_bytes(&jpeg, 0, &bytes, &n_bytes);
    image->at = data_at + (uint64_t)(bytes - data);
    image->bytes = (uint32_t)n_bytes;
    void *images = d->images[split];
    if (mem_grow(&images, &d->cap[split], d->n[split] + 1, sizeof *image, e)) {
        return -1;
    }
    d->images[split] = images;
    d->images[split][d->n[split]++] = *image;
    return 0;
}

/* Takes over name and, unless it is the temporary file, fd. */
static int add_shard(struct dmlab *d, char *name, int fd, uint64_t begin, uint64_t end,
                     struct err *e)
{
    struct shard s = {name, fd, fd == d->temporary, 0, (size_t)split_of(name)};
    void *shards = d->shards;
    if (mem_grow(&shards, &d->cap_shards, d->n_shards + 1, sizeof s, e)) {
        free(name);
        if (!s.shared) {
            close(fd);
        }
        return -1;
    }
    d->shards = shards;
    struct tfrecord r;
    tfrecord_init(&r, fd, begin, end, name);
    const uint8_t *data;
    size_t n;
    int rc;
    while ((rc = tfrecord_next(&r, &data, &n, e)) == 1) {
        struct dmlab_image image = {.shard = (uint32_t)d->n_shards, .record = (uint32_t)r.n - 1};
        if (take_record(d, s.split, data, n, &image, r.data_at, e)) {
            rc = err_wrap(e, "%s: record %zu", name, r.n - 1);
            break;
        }
    }
    tfrecord_release(&r);
    s.n_records = r.n;
    d->shards[d->n_shards++] = s;
    return rc;
}

static int unpack(struct dmlab *d, struct tar *t, uint64_t bytes, unsigned char *buf,
                  struct err *e)
{
    while (bytes) {
        size_t n = bytes < CHUNK ? (size_t)bytes : CHUNK;
        if (tar_read(t, buf, n, e) || spool_write(d->temporary, buf, n, d->where, e)) {
            return -1;
        }
        bytes -= n;
        d->temporary_bytes += n;
    }
    return 0;
}

static int read_members(struct dmlab *d, struct tar *t, unsigned char *buf, struct err *e)
{
    const char *member;
    uint64_t size;
    int rc;
    while ((rc = tar_next(t, &member, &size, e)) == 1) {
        const char *slash = strrchr(member, '/');
        char *name = mem_strdup(slash ? slash + 1 : member, e);
        uint64_t begin = d->temporary_bytes;
        if (!name) {
            return -1;
        }
        if (split_of(name) < 0) {
            free(name);
            continue;
        }
        if (unpack(d, t, size, buf, e)) {
            free(name);
            return -1;
        }
        if (add_shard(d, name, d->temporary, begin, d->temporary_bytes, e)) {
            return -1;
        }
    }
    return rc;
}

static int read_archive(struct dmlab *d, struct err *e)
{
    struct tar *t;
    uint64_t packed;
    int fd = file_open(d->where, &packed, e);
    if (fd < 0) {
        return -1;
    }
    close(fd);
    unsigned char *buf = mem_take_raw(CHUNK, 1, e);
    d->temporary = buf ? spool_temporary(d->where, packed, e) : -1;
    int rc = d->temporary < 0 || tar_open(&t, d->where, e) ? -1 : 0;
    if (!rc) {
        rc = read_members(d, t, buf, e);
        tar_close(t);
    }
    free(buf);
    return rc ? err_wrap(e, "%s", d->where) : 0;
}

static int read_files(struct dmlab *d, const char *place, const struct file_list *l, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        char path[SOURCE_PATH];
        if (split_of(l->names[i]) < 0) {
            continue;
        }
        if (file_join(path, sizeof path, place, l->names[i], e)) {
            return -1;
        }
        uint64_t bytes;
        char *name = mem_strdup(l->names[i], e);
        int fd = name ? file_open(path, &bytes, e) : -1;
        if (fd < 0) {
            free(name);
            return -1;
        }
        if (add_shard(d, name, fd, 0, bytes, e)) {
            return err_wrap(e, "%s", place);
        }
    }
    return 0;
}

/* The shard counts in the names, "-00000-of-00002", against what is there. */
static int check_shards(const struct dmlab *d, struct err *e)
{
    for (size_t i = 0; i < d->n_shards; i++) {
        const char *of = strstr(d->shards[i].name, "-of-");
        size_t n = 0;
        uint64_t want;
        for (size_t k = 0; k < d->n_shards; k++) {
            n += d->shards[k].split == d->shards[i].split;
        }
        if (of && str_to_u64(of + 4, &want) && want != n) {
            return err_set(e, ERR_FORMAT, "%s: %s: %zu shards of %llu are there", d->where,
                           d->shards[i].name, n, (unsigned long long)want);
        }
    }
    return 0;
}

static int compare_keys(const void *a, const void *b, void *ctx)
{
    const struct dmlab_image *x = a, *y = b;
    const struct dmlab *d = ctx;
    int c = strcmp(d->keys.data + x->key, d->keys.data + y->key);
    return c                      ? c
           : x->shard != y->shard ? (x->shard < y->shard ? -1 : 1)
                                  : (x->record > y->record) - (x->record < y->record);
}

/* Sorts the images of each split by key; two of one key are an error. */
static int sort_images(struct dmlab *d, struct err *e)
{
    for (size_t s = 0; s < N_SPLITS; s++) {
        struct dmlab_image *x = d->images[s];
        if (d->n[s]) {
            qsort_r(x, d->n[s], sizeof *x, compare_keys, d);
        }
        for (size_t i = 1; i < d->n[s]; i++) {
            const char *key = d->keys.data + x[i].key;
            if (!strcmp(d->keys.data + x[i - 1].key, key)) {
                return err_set(e, ERR_FORMAT, "%s: %s: record %u: duplicate filename %s", d->where,
                               d->shards[x[i].shard].name, x[i].record, key);
            }
        }
    }
    return 0;
}

/* 1 when the shards or the archive are in this place and could be read. */
static int visit(void *ctx, const char *place, struct err *e)
{
    struct dmlab *d = ctx;
    struct file_list l = {0};
    if (!file_is_dir(place)) {
        return 0;
    }
    if (file_list_read(&l, place, e)) {
        return -1;
    }
    snprintf(d->where, sizeof d->where, "%s", place);
    int rc = read_files(d, place, &l, e);
    file_list_release(&l);
    if (!rc && !d->n_shards) {
        if (file_join(d->where, sizeof d->where, place, "dmlab.tar.gz", e)) {
            return -1;
        }
        if (!file_exists(d->where)) {
            return 0;
        }
        rc = read_archive(d, e);
    }
    return rc || sort_images(d, e) || check_shards(d, e) ? -1 : 1;
}

static void dmlab_close(void *state)
{
    struct dmlab *d = state;
    for (size_t i = 0; i < d->n_shards; i++) {
        if (!d->shards[i].shared) {
            close(d->shards[i].fd);
        }
        free(d->shards[i].name);
    }
    if (d->temporary >= 0) {
        close(d->temporary);
    }
    for (size_t i = 0; i < N_SPLITS; i++) {
        free(d->images[i]);
    }
    free(d->shards);
    str_release(&d->keys);
    free(d);
}

static int dmlab_open(void **state, const struct dataset_desc *desc, const char *path,
                      const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows of this source take none */
    assert(desc->rule && desc->n_source_splits == N_SPLITS);
    struct dmlab *d = mem_take(1, sizeof *d, e);
    if (!d) {
        return -1;
    }
    d->desc = desc;
    d->temporary = -1;
    int rc = source_visit(desc, where, visit, d, e);
    if (!rc) {
        rc = source_absent(desc, "dmlab.tar.gz", where, e);
    }
    if (rc < 0) {
        dmlab_close(d);
        return -1;
    }
    *state = d;
    return 0;
}

static size_t dmlab_count(const void *state, size_t source_split)
{
    return ((const struct dmlab *)state)->n[source_split];
}

static int32_t dmlab_label(const void *state, size_t source_split, size_t i)
{
    return ((const struct dmlab *)state)->images[source_split][i].label;
}

static void dmlab_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    const struct dmlab *d = state;
    snprintf(key, DATASET_ID, "%s", d->keys.data + d->images[source_split][i].key);
}

static size_t dmlab_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    return ((const struct dmlab *)state)->images[source_split][i].bytes;
}

static int dmlab_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                      struct sample *out, struct err *e)
{
    const struct dmlab *d = state;
    const struct dmlab_image *x = &d->images[source_split][i];
    const struct shard *s = &d->shards[x->shard];
    if (sample_buf_reserve(buf, x->bytes, e) ||
        file_pread(s->fd, buf->data, x->bytes, x->at, s->name, e)) {
        return -1;
    }
    *out = (struct sample){.bytes = buf->data, .n = x->bytes, .encoding = SAMPLE_FILE};
    return 0;
}

static void dmlab_hint(const void *state, size_t source_split, size_t i)
{
    const struct dmlab *d = state;
    const struct dmlab_image *x = &d->images[source_split][i];
    posix_fadvise(d->shards[x->shard].fd, (off_t)x->at, x->bytes, POSIX_FADV_WILLNEED);
}

static const char *dmlab_where(const void *state)
{
    return ((const struct dmlab *)state)->where;
}

const struct source_ops source_dmlab = {
    .name = "dmlab",
    .sources = "datasets/dmlab.c datasets/label_rule.c datasets/codec/tfrecord.c "
               "datasets/codec/example.c datasets/codec/crc32c.c datasets/codec/tar.c",
    .open = dmlab_open,
    .close = dmlab_close,
    .count = dmlab_count,
    .label = dmlab_label,
    .key = dmlab_key,
    .encoded_bytes = dmlab_encoded_bytes,
    .read = dmlab_read,
    .hint = dmlab_hint,
    .where = dmlab_where,
};
