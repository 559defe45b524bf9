/* See h5_array.h. */
#include "datasets/h5_array.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "datasets/codec/spool.h"
#include "datasets/source.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

/* The most bytes of a chunk, and of the rows that one layer of chunks holds. */
enum { MAX_CHUNK = 64 << 20,
       MAX_LAYER = 128 << 20,
       GROUP = 64 /* rows that are copied at once */ };

static int measure(struct h5_array *a, struct err *e)
{
    const struct h5_map *m = &a->map;
    a->row_bytes = m->item_bytes;
    a->chunk_bytes = m->n_chunks ? m->item_bytes : 0;
    size_t touched = 1; /* chunks that a row lies in */
    for (size_t i = 0; i < H5_MAP_DIMS; i++) {
        if ((i && __builtin_mul_overflow(a->row_bytes, m->dims[i], &a->row_bytes)) ||
            a->row_bytes > MAX_LAYER) {
            return err_set(e, ERR_LIMIT, "%s: rows of more than %d bytes", a->name, MAX_LAYER);
        }
        if (!m->n_chunks) {
            continue;
        }
        if (__builtin_mul_overflow(a->chunk_bytes, m->chunk[i], &a->chunk_bytes) ||
            a->chunk_bytes > MAX_CHUNK) {
            return err_set(e, ERR_LIMIT, "%s: chunks of more than %d bytes", a->name, MAX_CHUNK);
        }
        touched *= i ? m->grid[i] : 1; /* no more than there are chunks, which is bounded */
    }
    if (touched * a->chunk_bytes > MAX_LAYER) {
        return err_set(e, ERR_LIMIT,
                       "%s: its chunks lie across too many rows; repack it with h5repack, one row "
                       "a chunk",
                       a->name);
    }
    a->across = touched * a->chunk_bytes > 16 * a->row_bytes + (1 << 20);
    return 0;
}

int h5_array_open(struct h5_array *a, int fd, uint64_t file_bytes, const char *dataset,
                  const char *name, struct err *e)
{
    *a = (struct h5_array){.unpacked = -1};
    if (h5_map_open(&a->map, fd, file_bytes, dataset, name, e)) {
        return -1;
    }
    pthread_mutex_init(&a->mutex, NULL);
    a->name = mem_strdup(name, e);
    a->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int rc = !a->name ? -1 : a->fd < 0 ? err_errno(e, "%s", name)
                                       : measure(a, e);
    if (rc) {
        h5_array_close(a);
    }
    return rc;
}

void h5_array_close(struct h5_array *a)
{
    if (a->fd >= 0) {
        close(a->fd);
    }
    if (a->unpacked >= 0) {
        close(a->unpacked);
    }
    pthread_mutex_destroy(&a->mutex);
    h5_map_release(&a->map);
    free(a->name);
}

static void unshuffle(const uint8_t *in, uint8_t *out, size_t n, size_t item)
{
    size_t items = n / item;
    for (size_t k = 0; k < item; k++) {
        for (size_t i = 0; i < items; i++) {
            out[i * item + k] = in[k * items + i];
        }
    }
}

/* A chunk's values into out [chunk_bytes]; scratch has as much and 64 bytes a KiB more. */
static int read_chunk(const struct h5_array *a, const struct h5_chunk *c, uint8_t *out,
                      uint8_t *scratch, size_t n_scratch, struct err *e)
{
    size_t n = a->chunk_bytes;
    if (c->offset == UINT64_MAX) {
        memset(out, 0, n);
        return 0;
    }
    if (!c->deflated && c->bytes != n) {
        return err_set(e, ERR_FORMAT, "%s: offset %llu: chunk of %u bytes, not %zu", a->name,
                       (unsigned long long)c->offset, c->bytes, n);
    }
    if (c->bytes > n_scratch) {
        return err_set(e, ERR_FORMAT, "%s: offset %llu: a packed chunk larger than its contents",
                       a->name, (unsigned long long)c->offset);
    }
    bool shuffled = c->shuffled && a->map.item_bytes > 1;
    uint8_t *to = c->deflated || shuffled ? scratch : out;
    if (file_pread(a->fd, to, c->bytes, c->offset, a->name, e)) {
        return -1;
    }
    if (c->deflated) {
        uLongf got = n;
        if (uncompress(out, &got, scratch, c->bytes) != Z_OK || got != n) {
            return err_set(e, ERR_FORMAT, "%s: offset %llu: damaged chunk", a->name,
                           (unsigned long long)c->offset);
        }
        if (shuffled) {
            memcpy(scratch, out, n);
        }
    }
    if (shuffled) {
        unshuffle(scratch, out, n, a->map.item_bytes);
    }
    return 0;
}

static size_t scratch_bytes(const struct h5_array *a)
{
    return a->chunk_bytes + a->chunk_bytes / 16 + 1024;
}

static void copy_run(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n == 4) { /* as HDF5's own guess of a chunk cuts dSprites; a call would cost the most */
        memcpy(to, from, 4);
    } else {
        memcpy(to, from, n);
    }
}

/* Copies what chunk `at` (its place in the grid) has of rows first..first+n-1 into out. */
static void copy_rows(const struct h5_array *a, const size_t at[H5_MAP_DIMS], const uint8_t *chunk,
                      size_t first, size_t n, uint8_t *out)
{
    const struct h5_map *m = &a->map;
    size_t from[H5_MAP_DIMS], to[H5_MAP_DIMS]; /* of the array, in this chunk */
    for (size_t i = 0; i < H5_MAP_DIMS; i++) {
        from[i] = at[i] * m->chunk[i];
        to[i] = m->dims[i] - from[i] < m->chunk[i] ? m->dims[i] : from[i] + m->chunk[i];
    }
    size_t r0 = first > from[0] ? first : from[0], r1 = first + n < to[0] ? first + n : to[0];
    size_t run = (to[3] - from[3]) * m->item_bytes;
    for (size_t r = r0; r < r1; r++) {
        for (size_t i = from[1]; i < to[1]; i++) {
            for (size_t k = from[2]; k < to[2]; k++) {
                size_t in = ((r - from[0]) * m->chunk[1] + i - from[1]) * m->chunk[2] + k - from[2];
                size_t dst = ((r - first) * m->dims[1] + i) * m->dims[2] + k;
                copy_run(out + (dst * m->dims[3] + from[3]) * m->item_bytes,
                         chunk + in * m->chunk[3] * m->item_bytes, run);
            }
        }
    }
}

/* The place in the grid of chunk i of the layer that row `first` is in. */
static void place_in_layer(const struct h5_map *m, size_t first, size_t i, size_t at[H5_MAP_DIMS])
{
    at[0] = first / m->chunk[0];
    at[1] = i / m->grid[3] / m->grid[2];
    at[2] = i / m->grid[3] % m->grid[2];
    at[3] = i % m->grid[3];
}

/* Rows first..first+n-1, all in one layer of chunks, into out; work holds a chunk and scratch. */
static int read_layer(const struct h5_array *a, size_t first, size_t n, uint8_t *out, uint8_t *work,
                      struct err *e)
{
    const struct h5_map *m = &a->map;
    size_t at[H5_MAP_DIMS], n_layer = m->grid[1] * m->grid[2] * m->grid[3];
    for (size_t i = 0; i < n_layer; i++) {
        place_in_layer(m, first, i, at);
        if (read_chunk(a, &m->chunks[at[0] * n_layer + i], work, work + a->chunk_bytes,
                       scratch_bytes(a), e)) {
            return -1;
        }
        copy_rows(a, at, work, first, n, out);
    }
    return 0;
}

/* Calls use for all rows, some at a time. A layer of chunks is unpacked whole and then copied row
 * by row: rows that are copied chunk by chunk would go through the caches once a chunk. */
typedef int rows_fn(void *ctx, const uint8_t *rows, size_t n_bytes, struct err *e);
static int use_layer(const struct h5_array *a, size_t first, size_t n, const uint8_t *chunks,
                     uint8_t *rows, rows_fn *use, void *ctx, struct err *e)
{
    const struct h5_map *m = &a->map;
    size_t n_layer = m->grid[1] * m->grid[2] * m->grid[3];
    for (size_t r = first; r < first + n; r += GROUP) {
        size_t group = first + n - r < GROUP ? first + n - r : GROUP, at[H5_MAP_DIMS];
        for (size_t i = 0; i < n_layer; i++) {
            place_in_layer(m, first, i, at);
            copy_rows(a, at, chunks + i * a->chunk_bytes, r, group, rows);
        }
        if (use(ctx, rows, group * a->row_bytes, e)) {
            return -1;
        }
    }
    return 0;
}

static int each_layer(const struct h5_array *a, rows_fn *use, void *ctx, struct err *e)
{
    const struct h5_map *m = &a->map;
    size_t n_rows = m->dims[0], n_layer = m->grid[1] * m->grid[2] * m->grid[3];
    uint8_t *chunks = mem_take_raw(n_layer, a->chunk_bytes, e);
    uint8_t *rows = chunks ? mem_take_raw(GROUP, a->row_bytes, e) : NULL;
    uint8_t *scratch = rows ? mem_take_raw(1, scratch_bytes(a), e) : NULL;
    int rc = scratch ? 0 : -1;
    for (size_t r = 0; !rc && r < n_rows; r += m->chunk[0]) {
        const struct h5_chunk *c = &m->chunks[r / m->chunk[0] * n_layer];
        for (size_t i = 0; !rc && i < n_layer; i++) {
            rc = read_chunk(a, &c[i], chunks + i * a->chunk_bytes, scratch, scratch_bytes(a), e);
        }
        size_t n = n_rows - r < m->chunk[0] ? n_rows - r : m->chunk[0];
        rc = rc ? rc : use_layer(a, r, n, chunks, rows, use, ctx, e);
    }
    free(chunks);
    free(rows);
    free(scratch);
    return rc;
}

struct unpacking {
    int fd;
    const char *name;
};

static int write_rows(void *ctx, const uint8_t *rows, size_t n_bytes, struct err *e)
{
    const struct unpacking *u = ctx;
    return spool_write(u->fd, rows, n_bytes, u->name, e);
}

static int unpack(struct h5_array *a, struct err *e)
{
    int rc = 0;
    pthread_mutex_lock(&a->mutex);
    if (a->unpacked < 0) {
        struct unpacking u = {spool_temporary(a->name, a->map.dims[0] * a->row_bytes, e), a->name};
        rc = u.fd < 0 ? -1 : each_layer(a, write_rows, &u, e);
        if (rc && u.fd >= 0) {
            close(u.fd);
        }
        a->unpacked = rc ? -1 : u.fd;
    }
    pthread_mutex_unlock(&a->mutex);
    return rc;
}

int h5_array_read(struct h5_array *a, size_t row, struct sample_buf *buf, struct err *e)
{
    size_t n = a->row_bytes;
    bool chunked = a->map.n_chunks && !a->across;
    if (sample_buf_reserve(buf, n + (chunked ? a->chunk_bytes + scratch_bytes(a) : 0), e)) {
        return -1;
    }
    if (chunked) {
        return read_layer(a, row, 1, buf->data, buf->data + n, e);
    }
    if (a->across && unpack(a, e)) {
        return -1;
    }
    uint64_t at = (a->across ? 0 : a->map.offset) + (uint64_t)row * n;
    return file_pread(a->across ? a->unpacked : a->fd, buf->data, n, at, a->name, e);
}

struct integers {
    const struct h5_map *map;
    int64_t *out;
    size_t n;
};

static int take_integers(void *ctx, const uint8_t *rows, size_t n_bytes, struct err *e)
{
    struct integers *x = ctx;
    size_t item = x->map->item_bytes;
    (void)e;
    for (size_t i = 0; i < n_bytes; i += item) {
        uint64_t v = 0;
        for (size_t k = item; k--;) {
            v = v << 8 | rows[i + k];
        }
        unsigned spare = (unsigned)(64 - 8 * item);
        x->out[x->n++] = x->map->is_signed ? (int64_t)(v << spare) >> spare : (int64_t)v;
    }
    return 0;
}

int64_t *h5_array_integers(struct h5_array *a, struct err *e)
{
    size_t n_bytes;
    if (a->map.is_float || __builtin_mul_overflow(a->map.dims[0], a->row_bytes, &n_bytes)) {
        err_set(e, ERR_FORMAT, "%s: type is not integer", a->name);
        return NULL;
    }
    struct integers x = {&a->map, mem_take_raw(n_bytes / a->map.item_bytes, sizeof *x.out, e), 0};
    int rc = x.out ? 0 : -1;
    if (!rc && a->map.n_chunks) {
        rc = each_layer(a, take_integers, &x, e);
    } else if (!rc) {
        uint8_t *rows = mem_take_raw(n_bytes, 1, e);
        rc = !rows || file_pread(a->fd, rows, n_bytes, a->map.offset, a->name, e)
                 ? -1
                 : take_integers(&x, rows, n_bytes, e);
        free(rows);
    }
    if (rc) {
        free(x.out);
        return NULL;
    }
    return x.out;
}
