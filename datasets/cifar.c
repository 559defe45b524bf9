/* CIFAR-10 and CIFAR-100 (www.cs.toronto.edu/~kriz/cifar.html) in the four forms people have:
 * the binary and the Python version, each as .tar.gz or unpacked. The images and their order are
 * the same in all. Binary records are one label byte (CIFAR-100: coarse, then fine) and three
 * planes of 32 x 32; unpacked ones are read in place, the pixels of all else are put into temporary
 * files when the set is opened. The label of CIFAR-100 is the fine one, as in VTAB. */
#include "datasets/cifar.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "datasets/codec/spool.h"
#include "datasets/codec/tar.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/tensor.h"

static const struct cifar_layout cifar10 = {
    .folder = {"cifar-10-batches-bin", "cifar-10-batches-py"},
    .archive = {"cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"},
    .suffix = ".bin",
    .parts = {{"data_batch_1", 0},
              {"data_batch_2", 0},
              {"data_batch_3", 0},
              {"data_batch_4", 0},
              {"data_batch_5", 0},
              {"test_batch", 1}},
    .n_parts = 6,
    .names = {"batches.meta.txt", "batches.meta"},
    .label_bytes = 1,
    .labels_key = "labels",
    .names_key = "label_names",
};

static const struct cifar_layout cifar100 = {
    .folder = {"cifar-100-binary", "cifar-100-python"},
    .archive = {"cifar-100-binary.tar.gz", "cifar-100-python.tar.gz"},
    .suffix = ".bin",
    .parts = {{"train", 0}, {"test", 1}},
    .n_parts = 2,
    .names = {"fine_label_names.txt", "meta"},
    .label_bytes = 2,
    .labels_key = "fine_labels",
    .names_key = "fine_label_names",
};

/* File name of a part: "data_batch_1.bin" or "data_batch_1". */
static void part_file(const struct cifar *c, size_t part, char name[64])
{
    snprintf(name, 64, "%s%s", c->layout->parts[part].name,
             c->form == CIFAR_BINARY ? c->layout->suffix : "");
}

/* Which file of the data set a name is: a part, n_parts for the class names, SIZE_MAX for none. */
static size_t which_file(const struct cifar *c, const char *name)
{
    for (size_t i = 0; i < c->layout->n_parts; i++) {
        char file[64];
        part_file(c, i, file);
        if (!strcmp(name, file)) {
            return i;
        }
    }
    return strcmp(name, c->layout->names[c->form]) ? SIZE_MAX : c->layout->n_parts;
}

/* The most bytes that file may have. */
static size_t most_bytes(const struct cifar *c, size_t file)
{
    if (file == c->layout->n_parts) {
        return 1 << 16;
    }
    /* One record an image; a pickle has file names and other lists beside. */
    size_t record = c->form == CIFAR_BINARY ? c->layout->label_bytes + CIFAR_PIXELS : 4096;
    return c->desc->official[c->layout->parts[file].source_split] * record;
}

static int too_large(const char *name, unsigned long long bytes, size_t most, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: %llu bytes, more than the %zu that the official data have",
                   name, bytes, most);
}

/* Moves a part's pixels into a file without a name: all parts together are 184 MB. */
static int park(struct cifar_part *p, const char *name, struct err *e)
{
    p->fd = spool_temporary(name, (uint64_t)p->n * CIFAR_PIXELS, e);
    p->path = p->fd < 0 ? NULL : mem_strdup(name, e);
    if (!p->path) {
        return -1;
    }
    size_t at_once = p->stride == CIFAR_PIXELS ? p->n : 1;
    for (size_t i = 0; i < p->n; i += at_once) {
        if (spool_write(p->fd, p->pixels + i * p->stride, at_once * CIFAR_PIXELS, name, e)) {
            return -1;
        }
    }
    free(p->bytes);
    p->bytes = NULL;
    p->pixels = NULL;
    p->stride = CIFAR_PIXELS;
    return 0;
}

/* Takes a whole file, whose bytes it then owns. */
static int take_file(struct cifar *c, size_t file, const char *name, uint8_t *bytes, size_t n,
                     struct err *e)
{
    if (file == c->layout->n_parts) {
        int rc = cifar_take_names(c, name, bytes, n, e);
        free(bytes);
        return rc;
    }
    c->parts[file].bytes = bytes;
    int rc = c->form == CIFAR_BINARY ? cifar_take_records(c, file, name, bytes, n, e)
                                     : cifar_take_pickle(c, file, name, bytes, n, e);
    return rc ? rc : park(&c->parts[file], name, e);
}

static int read_member(struct cifar *c, struct tar *t, const char *member, size_t file,
                       uint64_t size, struct err *e)
{
    char name[SOURCE_PATH];
    snprintf(name, sizeof name, "%.3000s: %.500s", c->where, member);
    bool seen = file == c->layout->n_parts ? c->names != NULL : c->parts[file].labels != NULL;
    if (seen) {
        return err_set(e, ERR_FORMAT, "%s: a second time in the archive", name);
    }
    if (size > most_bytes(c, file)) {
        return too_large(name, (unsigned long long)size, most_bytes(c, file), e);
    }
    uint8_t *bytes = mem_take((size_t)size, 1, e);
    if (!bytes) {
        return -1;
    }
    if (tar_read(t, bytes, (size_t)size, e)) {
        free(bytes);
        return -1;
    }
    return take_file(c, file, name, bytes, (size_t)size, e);
}

static int read_archive(struct cifar *c, struct err *e)
{
    struct tar *t;
    if (tar_open(&t, c->where, e)) {
        return -1;
    }
    const char *member, *folder = c->layout->folder[c->form];
    size_t n = strlen(folder);
    uint64_t size;
    int rc;
    while ((rc = tar_next(t, &member, &size, e)) == 1) {
        const char *name = member + (strncmp(member, "./", 2) ? 0 : 2);
        size_t file = SIZE_MAX;
        if (!strncmp(name, folder, n) && name[n] == '/') {
            file = which_file(c, name + n + 1);
        }
        if (file != SIZE_MAX && read_member(c, t, member, file, size, e)) {
            rc = -1;
            break;
        }
    }
    tar_close(t);
    return rc;
}

/* An unpacked binary part: only its labels are read now. */
static int open_records(struct cifar *c, size_t file, const char *path, struct err *e)
{
    struct cifar_part *p = &c->parts[file];
    uint64_t size;
    p->fd = file_open(path, &size, e);
    p->path = p->fd < 0 ? NULL : mem_strdup(path, e);
    if (!p->path) {
        return -1;
    }
    if (size > most_bytes(c, file)) {
        return too_large(path, (unsigned long long)size, most_bytes(c, file), e);
    }
    return cifar_take_records(c, file, path, NULL, (size_t)size, e);
}

static int read_folder(struct cifar *c, struct err *e)
{
    for (size_t file = 0; file <= c->layout->n_parts; file++) {
        char name[64], path[SOURCE_PATH];
        uint8_t *bytes;
        size_t n;
        if (file < c->layout->n_parts) {
            part_file(c, file, name);
        } else {
            snprintf(name, sizeof name, "%s", c->layout->names[c->form]);
        }
        if (file_join(path, sizeof path, c->where, name, e)) {
            return -1;
        }
        if (!file_exists(path)) {
            continue; /* said by visit where it matters */
        }
        if (file < c->layout->n_parts && c->form == CIFAR_BINARY) {
            if (open_records(c, file, path, e)) {
                return -1;
            }
        } else if (file_read(path, most_bytes(c, file), &bytes, &n, e) ||
                   take_file(c, file, path, bytes, n, e)) {
            return -1;
        }
    }
    return 0;
}

/* 1 when one of the four forms is in this place and could be read. */
static int visit(void *ctx, const char *place, struct err *e)
{
    struct cifar *c = ctx;
    for (int i = 0; i < 4; i++) {
        bool unpacked = i % 2 == 0;
        c->form = i < 2 ? CIFAR_BINARY : CIFAR_PYTHON;
        const char *name = unpacked ? c->layout->folder[c->form] : c->layout->archive[c->form];
        if (file_join(c->where, sizeof c->where, place, name, e)) {
            return -1;
        }
        if (!file_exists(c->where)) {
            continue;
        }
        if (unpacked ? read_folder(c, e) : read_archive(c, e)) {
            return -1;
        }
        for (size_t k = 0; k < c->layout->n_parts; k++) {
            char file[64];
            part_file(c, k, file);
            if (!c->parts[k].labels) {
                return err_set(e, ERR_FORMAT, "%s missing in %s", file, c->where);
            }
            c->n[c->layout->parts[k].source_split] += c->parts[k].n;
        }
        return 1;
    }
    return 0;
}

static void cifar_close(void *state)
{
    struct cifar *c = state;
    for (size_t i = 0; i < ARRAY_LEN(c->parts); i++) {
        struct cifar_part *p = &c->parts[i];
        if (p->fd >= 0) {
            close(p->fd);
        }
        free(p->bytes);
        free(p->labels);
        free(p->path);
    }
    free(c->names);
    free(c);
}

static int cifar_open(void **state, const struct dataset_desc *d, const char *path,
                      const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows of this source take none */
    assert((d->n_classes == 10 || d->n_classes == 100) && d->n_source_splits == 2);
    struct cifar *c = mem_take(1, sizeof *c, e);
    if (!c) {
        return -1;
    }
    c->desc = d;
    c->layout = d->n_classes == 10 ? &cifar10 : &cifar100;
    for (size_t i = 0; i < ARRAY_LEN(c->parts); i++) {
        c->parts[i].fd = -1;
    }
    int rc = source_visit(d, where, visit, c, e);
    if (!rc) {
        char what[128];
        snprintf(what, sizeof what, "%s or %s", c->layout->archive[0], c->layout->archive[1]);
        rc = source_absent(d, what, where, e);
    }
    if (rc < 0) {
        cifar_close(c);
        return -1;
    }
    *state = c;
    return 0;
}

static size_t cifar_count(const void *state, size_t source_split)
{
    return ((const struct cifar *)state)->n[source_split];
}

/* The part that holds image i of a source split; *i becomes its row there. */
static const struct cifar_part *find_part(const struct cifar *c, size_t source_split, size_t *i)
{
    size_t k = 0;
    for (;; k++) {
        assert(k < c->layout->n_parts);
        if (c->layout->parts[k].source_split == source_split) {
            if (*i < c->parts[k].n) {
                return &c->parts[k];
            }
            *i -= c->parts[k].n;
        }
    }
}

static int32_t cifar_label(const void *state, size_t source_split, size_t i)
{
    const struct cifar_part *p = find_part(state, source_split, &i);
    return p->labels[i];
}

static size_t cifar_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    (void)state, (void)source_split, (void)i; /* all are equal */
    return CIFAR_PIXELS;
}

static int cifar_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                      struct sample *out, struct err *e)
{
    const struct cifar_part *p = find_part(state, source_split, &i);
    *out = (struct sample){NULL, CIFAR_PIXELS, SAMPLE_PLANAR, 32, 32};
    uint64_t at = (uint64_t)i * p->stride + (p->stride - CIFAR_PIXELS);
    if (sample_buf_reserve(buf, CIFAR_PIXELS, e) ||
        file_pread(p->fd, buf->data, CIFAR_PIXELS, at, p->path, e)) {
        return -1;
    }
    out->bytes = buf->data;
    return 0;
}

static const char *cifar_class_name(const void *state, size_t label)
{
    const struct cifar *c = state;
    return c->names ? c->names[label] : NULL;
}

static const char *cifar_where(const void *state)
{
    return ((const struct cifar *)state)->where;
}

const struct source_ops source_cifar = {
    .name = "cifar",
    .sources = "datasets/cifar.c datasets/cifar_parts.c datasets/codec/gzip.c "
               "datasets/codec/pickle.c datasets/codec/pickle_array.c datasets/codec/spool.c "
               "datasets/codec/tar.c",
    .open = cifar_open,
    .close = cifar_close,
    .count = cifar_count,
    .label = cifar_label,
    .encoded_bytes = cifar_encoded_bytes,
    .read = cifar_read,
    .class_name = cifar_class_name,
    .where = cifar_where,
};
