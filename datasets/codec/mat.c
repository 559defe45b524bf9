/* See mat.h. A file is 128 bytes of text and marks, then elements: type, length, content. A
 * variable is an element of type 14 or the same in zlib's format as type 15; its content is
 * again elements: flags, dimensions, name, values. */
#include "datasets/codec/mat.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "datasets/codec/spool.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/little.h"
#include "harness/base/mem.h"

enum { FILE_HEAD = 128,
       HEAD = 512, /* of an element: everything before the values of an array fits */
       MATRIX = 14,
       COMPRESSED = 15,
       COMPLEX = 0x800 };

/* The element that is being read. */
struct element {
    const char *path;
    int fd;
    uint64_t at;              /* of the element in the file, for messages */
    unsigned char head[HEAD]; /* its first bytes, inflated, from the tag on */
    size_t n_head;
    uint64_t bytes; /* of the whole, inflated, with its tag */
};

static int bad(const struct element *el, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: offset %llu: %s", el->path, (unsigned long long)el->at,
                   what);
}

/* A sub-element of the head at *at: type, length and content; *at becomes the next one's. False
 * where it does not fit the head (the content may lie behind it). */
static bool sub_element(const struct element *el, size_t *at, unsigned *type, uint32_t *bytes,
                        size_t *content)
{
    if (*at + 8 > el->n_head) {
        return false;
    }
    uint32_t word = le32(el->head + *at);
    if (word >> 16) { /* type and length in one word, up to 4 bytes behind it */
        *type = word & 0xffff;
        *bytes = word >> 16;
        *content = *at + 4;
        *at += 8;
        return *bytes <= 4;
    }
    *type = word;
    *bytes = le32(el->head + *at + 4);
    *content = *at + 8;
    *at = *content + (*bytes + (size_t)7) / 8 * 8;
    return true;
}

static bool in_head(const struct element *el, size_t content, uint32_t bytes)
{
    return content <= el->n_head && bytes <= el->n_head - content;
}

static int take_dims(const struct element *el, struct mat_array *a, size_t content, uint32_t bytes,
                     struct err *e)
{
    a->n_dims = bytes / 4;
    a->n = 1;
    if (bytes % 4 || a->n_dims < 2 || a->n_dims > MAT_MAX_DIMS) {
        return bad(el, "number of dimensions", e);
    }
    for (size_t i = 0; i < a->n_dims; i++) {
        int32_t v = (int32_t)le32(el->head + content + 4 * i);
        if (v < 0) {
            return bad(el, "negative dimensions", e);
        }
        a->dims[i] = (size_t)v;
        if (__builtin_mul_overflow(a->n, a->dims[i], &a->n)) {
            return bad(el, "product of the dimensions overflows", e);
        }
    }
    return 0;
}

/* Checks that the values are as many as the dimensions say, and all there. */
static int take_values(const struct element *el, struct mat_array *a, unsigned type,
                       uint32_t bytes, size_t content, struct err *e)
{
    static const unsigned char item[] = {0, 1, 1, 2, 2, 4, 4, 4, 0, 8};
    a->storage = type;
    a->item_bytes = type < sizeof item ? item[type] : 0;
    a->offset = content;
    size_t want;
    if (!a->item_bytes) {
        return bad(el, "values of an unknown type", e);
    }
    if (__builtin_mul_overflow(a->n, a->item_bytes, &want) || want != bytes) {
        return bad(el, "dimensions say another number of values than there is", e);
    }
    if (content > el->bytes || bytes > el->bytes - content) {
        return bad(el, "truncated: fewer values than announced", e);
    }
    return 0;
}

/* Reads the head of a variable into a. 1 when it is a whole numeric array, 0 when it is
 * something else, -1 with e set. */
static int parse_matrix(const struct element *el, struct mat_array *a, struct err *e)
{
    size_t at = 8, content;
    unsigned type;
    uint32_t bytes;
    if (!sub_element(el, &at, &type, &bytes, &content) || type != 6 || bytes != 8 ||
        !in_head(el, content, bytes)) {
        return bad(el, "no array flags", e);
    }
    uint32_t flags = le32(el->head + content), class = flags & 0xff;
    if (class < 6 || class > 13 || flags & COMPLEX) {
        return 0;
    }
    if (!sub_element(el, &at, &type, &bytes, &content) || type != 5 ||
        !in_head(el, content, bytes)) {
        return bad(el, "no dimensions", e);
    }
    if (take_dims(el, a, content, bytes, e)) {
        return -1;
    }
    if (!sub_element(el, &at, &type, &bytes, &content) || type != 1 ||
        !in_head(el, content, bytes) || bytes >= MAT_MAX_NAME) {
        return bad(el, "no name", e);
    }
    memcpy(a->name, el->head + content, bytes);
    a->name[bytes] = 0;
    if (!sub_element(el, &at, &type, &bytes, &content)) {
        return bad(el, "no values", e);
    }
    return take_values(el, a, type, bytes, content, e) ? -1 : 1;
}

/* Inflates the first bytes of a compressed element. */
static int inflate_head(struct element *el, uint32_t packed, struct err *e)
{
    unsigned char in[2 * HEAD];
    size_t n = packed < sizeof in ? packed : sizeof in;
    z_stream z = {.next_in = in, .avail_in = (uInt)n, .next_out = el->head, .avail_out = HEAD};
    if (file_pread(el->fd, in, n, el->at + 8, el->path, e)) {
        return -1;
    }
    if (inflateInit(&z) != Z_OK) {
        return err_set(e, ERR_LIMIT, "%s: no memory for zlib", el->path);
    }
    int rc = inflate(&z, Z_SYNC_FLUSH);
    el->n_head = HEAD - z.avail_out;
    inflateEnd(&z);
    if ((rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) || el->n_head < 8) {
        return bad(el, "damaged deflate data", e);
    }
    el->bytes = 8 + (uint64_t)le32(el->head + 4);
    if (le32(el->head) != MATRIX) {
        return bad(el, "no variable in the compressed element", e);
    }
    if (el->bytes > (uint64_t)packed * 1032 + 1032) { /* deflate packs no better */
        return bad(el, "compressed element announces more bytes than it can hold", e);
    }
    return 0;
}

/* One element of the file. */
static int read_element(struct mat *m, struct element *el, unsigned type, uint32_t size,
                        struct err *e)
{
    struct spool_part part = {
        .fd = el->fd, .name = m->path, .offset = el->at, .packed = size + (uint64_t)8};
    if (type == COMPRESSED) {
        if (inflate_head(el, size, e)) {
            return -1;
        }
        part.offset += 8;
        part.packed = size;
        part.window_bits = 15;
    } else if (type == MATRIX) {
        el->bytes = part.packed;
        el->n_head = el->bytes < HEAD ? (size_t)el->bytes : HEAD;
        if (file_pread(el->fd, el->head, el->n_head, el->at, el->path, e)) {
            return -1;
        }
    } else {
        return bad(el, "element of an unknown type", e);
    }
    part.bytes = el->bytes;
    struct mat_array a = {0};
    int rc = parse_matrix(el, &a, e);
    if (rc != 1) {
        return rc;
    }
    if (mat_find(m, a.name)) {
        return err_set(e, ERR_FORMAT, "%s: variable %s a second time", m->path, a.name);
    }
    if (m->n == MAT_MAX_ARRAYS) {
        return err_set(e, ERR_LIMIT, "%s: more than %d variables", m->path, MAT_MAX_ARRAYS);
    }
    if (spool_open_part(&a.bytes, &part, e)) {
        return -1;
    }
    m->arrays[m->n++] = a;
    return 0;
}

static int check_head(const unsigned char *head, const char *path, struct err *e)
{
    if (!memcmp(head, "MATLAB 7.3", 10) || (head[124] == 0 && head[125] == 2)) {
        return err_set(e, ERR_FORMAT, "%s: a MATLAB 7.3 file (HDF5), not MATLAB 5", path);
    }
    if (head[126] != 'I' || head[127] != 'M') {
        return err_set(e, ERR_FORMAT, "%s: offset 126: byte order is not little endian", path);
    }
    if (head[125] != 1) {
        return err_set(e, ERR_FORMAT, "%s: offset 124: not a MATLAB 5 file", path);
    }
    return 0;
}

static int read_elements(struct mat *m, int fd, uint64_t file_bytes, struct err *e)
{
    unsigned char head[FILE_HEAD];
    if (file_bytes < FILE_HEAD) {
        return err_set(e, ERR_FORMAT, "%s: truncated: %llu bytes", m->path,
                       (unsigned long long)file_bytes);
    }
    if (file_pread(fd, head, FILE_HEAD, 0, m->path, e) || check_head(head, m->path, e)) {
        return -1;
    }
    struct element el = {.path = m->path, .fd = fd, .at = FILE_HEAD};
    while (el.at < file_bytes) {
        unsigned char tag[8];
        uint64_t left = file_bytes - el.at;
        if (left < 8) {
            return bad(&el, "truncated", e);
        }
        if (file_pread(fd, tag, 8, el.at, m->path, e)) {
            return -1;
        }
        uint32_t size = le32(tag + 4);
        if (size > left - 8) {
            return bad(&el, "truncated: element size beyond the file", e);
        }
        if (read_element(m, &el, le32(tag), size, e)) {
            return -1;
        }
        el.at += 8 + (uint64_t)size;
    }
    return 0;
}

int mat_open(struct mat *m, const char *path, struct err *e)
{
    *m = (struct mat){.path = mem_strdup(path, e)};
    uint64_t file_bytes;
    int fd = m->path ? file_open(path, &file_bytes, e) : -1;
    int rc = fd < 0 ? -1 : read_elements(m, fd, file_bytes, e);
    if (fd >= 0) {
        close(fd);
    }
    if (rc) {
        mat_close(m);
    }
    return rc;
}

void mat_close(struct mat *m)
{
    for (size_t i = 0; i < m->n; i++) {
        spool_close(m->arrays[i].bytes);
    }
    free(m->path);
    *m = (struct mat){0};
}

const struct mat_array *mat_find(const struct mat *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!strcmp(m->arrays[i].name, name)) {
            return &m->arrays[i];
        }
    }
    return NULL;
}

int mat_read(const struct mat_array *a, void *out, size_t n, uint64_t offset, struct err *e)
{
    return spool_read(a->bytes, out, n, a->offset + offset, e);
}

/* Value i of an array stored as `storage` says. */
static double number(const unsigned char *p, unsigned storage)
{
    float f;
    double d;
    switch (storage) {
    case 1:
        return (int8_t)p[0];
    case 2:
        return p[0];
    case 3:
        return (int16_t)(p[0] | p[1] << 8);
    case 4:
        return (uint16_t)(p[0] | p[1] << 8);
    case 5:
        return (int32_t)le32(p);
    case 6:
        return le32(p);
    case 7:
        memcpy(&f, p, sizeof f);
        return (double)f;
    default:
        memcpy(&d, p, sizeof d);
        return d;
    }
}

double *mat_numbers(const struct mat_array *a, struct err *e)
{
    unsigned char *bytes = mem_take_raw(a->n, a->item_bytes, e);
    double *out = bytes ? mem_take_raw(a->n, sizeof *out, e) : NULL;
    if (out && mat_read(a, bytes, a->n * a->item_bytes, 0, e)) {
        free(out);
        out = NULL;
    }
    for (size_t i = 0; out && i < a->n; i++) {
        out[i] = number(bytes + i * a->item_bytes, a->storage);
    }
    free(bytes);
    return out;
}
