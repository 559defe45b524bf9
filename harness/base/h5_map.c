/* See h5_map.h. The child answers through a pipe: a head, then the table of chunks. libhdf5 1.10
 * can tell where chunks are only by walking all of them for each one, so the usual index (a
 * version 1 B-tree, "HDF5 File Format Specification" III.A.1) is walked here, also in the child. */
#include "harness/base/h5_map.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/h5_private.h"
#include "harness/base/mem.h"

enum { CHILD_CPU_S = 60,
       MAX_CHUNKS = 1 << 23,
       MAX_SLOW_CHUNKS = 20000, /* where only the library can list them */
       FILTER_NAME = 1 };
#define CHILD_MEMORY ((rlim_t)1 << 30)

struct answer {
    struct err e; /* code ERR_NONE: it went well */
    struct h5_map map;
};

/* What the child works on. */
struct job {
    int fd;
    uint64_t file_bytes;
    const char *dataset, *name;
    struct h5 *h;
    hid_t set;
    struct h5_map map;
    int filters[2], n_filters; /* ids, in the order of writing */
};

static uint64_t little(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = n; i--;) {
        v = v << 8 | p[i];
    }
    return v;
}

static int refuse(const struct job *j, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: data set %s: %s", j->name, j->dataset, what);
}

static int put_chunk(struct job *j, const uint64_t *at, uint64_t offset, uint64_t bytes,
                     uint32_t mask, struct err *e)
{
    struct h5_map *m = &j->map;
    size_t index = 0;
    for (size_t i = 0; i < H5_MAP_DIMS; i++) {
        uint64_t v = i < m->n_dims ? at[i] : 0;
        if (v >= m->dims[i]) {
            return 0; /* left over from a larger array */
        }
        if (v % m->chunk[i]) {
            return refuse(j, "chunk at a wrong place", e);
        }
        index = index * m->grid[i] + (size_t)v / m->chunk[i];
    }
    if (bytes > UINT32_MAX || offset > j->file_bytes || bytes > j->file_bytes - offset) {
        return refuse(j, "truncated: chunk beyond the end of the file", e);
    }
    struct h5_chunk *c = &m->chunks[index];
    c->offset = offset;
    c->bytes = (uint32_t)bytes;
    for (int i = 0; i < j->n_filters; i++) {
        bool used = !(mask >> i & 1);
        c->shuffled = j->filters[i] == H5Z_FILTER_SHUFFLE ? used : c->shuffled;
        c->deflated = j->filters[i] == H5Z_FILTER_DEFLATE ? used : c->deflated;
    }
    return 0;
}

/* A node of the B-tree whose level must be `level` (-1: any). */
static int walk_node(struct job *j, uint64_t at, int level, size_t *budget, struct err *e)
{
    uint8_t head[24], item[8 + 8 * (H5_MAP_DIMS + 1) + 8];
    size_t key = 8 + 8 * (j->map.n_dims + 1);
    if (file_pread(j->fd, head, sizeof head, at, j->name, e)) {
        return -1;
    }
    if (memcmp(head, "TREE", 4) || head[4] != 1 || (level >= 0 && head[5] != level)) {
        return refuse(j, "damaged index of chunks", e);
    }
    size_t n = (size_t)little(head + 6, 2);
    for (size_t i = 0; i < n; i++) {
        uint64_t coords[H5_MAP_DIMS] = {0};
        if (!(*budget)--) {
            return refuse(j, "index of chunks without end", e);
        }
        if (file_pread(j->fd, item, key + 8, at + sizeof head + i * (key + 8), j->name, e)) {
            return -1;
        }
        uint64_t child = little(item + key, 8);
        for (size_t k = 0; k < j->map.n_dims; k++) {
            coords[k] = little(item + 8 + 8 * k, 8);
        }
        int rc = head[5] ? walk_node(j, child, head[5] - 1, budget, e)
                         : put_chunk(j, coords, child, little(item, 4),
                                     (uint32_t)little(item + 4, 4), e);
        if (rc) {
            return -1;
        }
    }
    return 0;
}

/* The address of the B-tree in the object header at `at` (version 1 only). 1: found, 0: another
 * kind of header or index. Reads of damaged ones fail. */
static int find_tree(struct job *j, uint64_t at, uint64_t *tree, struct err *e)
{
    uint8_t head[16], msg[8], body[16];
    if (file_pread(j->fd, head, sizeof head, at, j->name, e)) {
        return -1;
    }
    if (head[0] != 1) {
        return 0;
    }
    size_t left = (size_t)little(head + 2, 2);
    uint64_t pos = at + 16, end = pos + little(head + 8, 4), next = 0, next_bytes = 0;
    for (; left; left--) {
        if (pos + 8 > end) {
            if (!next) {
                return 0;
            }
            pos = next;
            end = next + next_bytes;
            next = 0;
        }
        if (file_pread(j->fd, msg, sizeof msg, pos, j->name, e)) {
            return -1;
        }
        uint64_t type = little(msg, 2), bytes = little(msg + 2, 2);
        if ((type == 8 || type == 16) && bytes >= 16 &&
            file_pread(j->fd, body, sizeof body, pos + 8, j->name, e)) {
            return -1;
        }
        if (type == 8 && bytes >= 16) {
            *tree = little(body + 3, 8);
            return body[0] == 3 && body[1] == 2 && body[2] == j->map.n_dims + 1;
        }
        if (type == 16 && bytes >= 16) {
            next = little(body, 8);
            next_bytes = little(body + 8, 8);
        }
        pos += 8 + bytes;
    }
    return 0;
}

/* Chunks as the library lists them. */
static int list_chunks(struct job *j, struct err *e)
{
    hid_t space = H5Dget_space(j->set);
    hsize_t n = 0;
    int rc = space < 0 || H5Dget_num_chunks(j->set, space, &n) < 0
                 ? h5_fail(j->h, j->dataset, "cannot list chunks", e)
                 : 0;
    if (!rc && n > MAX_SLOW_CHUNKS) {
        rc = refuse(j, "too many chunks for this kind of index; repack it with h5repack", e);
    }
    for (hsize_t i = 0; !rc && i < n; i++) {
        hsize_t at[H5_MAP_DIMS], bytes;
        uint64_t coords[H5_MAP_DIMS] = {0};
        unsigned mask;
        haddr_t offset;
        if (H5Dget_chunk_info(j->set, space, i, at, &mask, &offset, &bytes) < 0) {
            rc = h5_fail(j->h, j->dataset, "cannot locate a chunk", e);
            break;
        }
        for (size_t k = 0; k < j->map.n_dims; k++) {
            coords[k] = at[k];
        }
        rc = put_chunk(j, coords, offset, bytes, mask, e);
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    return rc;
}

static int find_chunks(struct job *j, struct err *e)
{
    struct h5_map *m = &j->map;
    m->n_chunks = 1;
    for (size_t i = 0; i < H5_MAP_DIMS; i++) {
        m->grid[i] = (m->dims[i] + m->chunk[i] - 1) / m->chunk[i];
        if (__builtin_mul_overflow(m->n_chunks, m->grid[i], &m->n_chunks) ||
            m->n_chunks > MAX_CHUNKS) {
            return refuse(j, "too many chunks", e);
        }
    }
    m->chunks = mem_take(m->n_chunks, sizeof *m->chunks, e);
    if (!m->chunks) {
        return -1;
    }
    for (size_t i = 0; i < m->n_chunks; i++) {
        m->chunks[i].offset = UINT64_MAX;
    }
    uint8_t super[16];
    H5O_info_t info;
    uint64_t tree = 0;
    if (file_pread(j->fd, super, sizeof super, 0, j->name, e)) {
        return -1;
    }
    /* Superblock version 0, addresses of 8 bytes from the file's beginning on. */
    bool plain = !memcmp(super, "\x89HDF\r\n\x1a\n\0", 9) && super[13] == 8 && super[14] == 8;
    int rc = 0;
    if (plain && H5Oget_info2(j->set, &info, H5O_INFO_BASIC) >= 0) {
        rc = find_tree(j, info.addr, &tree, e);
    }
    if (rc < 0) {
        return -1;
    }
    size_t budget = 2 * (size_t)MAX_CHUNKS;
    if (rc && tree == UINT64_MAX) {
        return 0; /* no chunk was ever written */
    }
    return rc ? walk_node(j, tree, -1, &budget, e) : list_chunks(j, e);
}

static int read_filters(struct job *j, hid_t dcpl, struct err *e)
{
    int n = H5Pget_nfilters(dcpl);
    for (int i = 0; i < n; i++) {
        unsigned flags, config;
        size_t n_values = 0;
        char name[FILTER_NAME];
        int id = H5Pget_filter2(dcpl, (unsigned)i, &flags, &n_values, NULL, sizeof name, name,
                                &config);
        bool known = id == H5Z_FILTER_DEFLATE || (id == H5Z_FILTER_SHUFFLE && !j->n_filters);
        if (!known || j->n_filters == 2) {
            return refuse(j, "filters other than shuffle and deflate", e);
        }
        j->filters[j->n_filters++] = id;
    }
    return 0;
}

static int read_layout(struct job *j, hid_t dcpl, struct err *e)
{
    struct h5_map *m = &j->map;
    H5D_layout_t layout = H5Pget_layout(dcpl);
    if (H5Pget_external_count(dcpl) != 0 ||
        (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)) {
        return refuse(j, "neither in one piece nor in chunks of this file", e);
    }
    if (layout == H5D_CHUNKED) {
        hsize_t chunk[H5_MAP_DIMS];
        if (H5Pget_chunk(dcpl, H5_MAP_DIMS, chunk) != (int)m->n_dims) {
            return h5_fail(j->h, j->dataset, "cannot read chunk size", e);
        }
        for (size_t i = 0; i < H5_MAP_DIMS; i++) {
            m->chunk[i] = i < m->n_dims ? (size_t)chunk[i] : 1;
            if (!m->chunk[i] || m->chunk[i] > UINT32_MAX) {
                return refuse(j, "chunk size", e);
            }
        }
        return read_filters(j, dcpl, e) ? -1 : find_chunks(j, e);
    }
    haddr_t offset = H5Dget_offset(j->set);
    size_t bytes = m->item_bytes;
    for (size_t i = 0; i < H5_MAP_DIMS; i++) {
        if (__builtin_mul_overflow(bytes, m->dims[i], &bytes)) {
            return refuse(j, "shape overflows", e);
        }
    }
    m->offset = offset;
    if (bytes && (offset == HADDR_UNDEF || offset > j->file_bytes ||
                  bytes > j->file_bytes - offset)) {
        return refuse(j, "truncated: values beyond the end of the file", e);
    }
    return 0;
}

static int read_type(struct job *j, struct err *e)
{
    struct h5_map *m = &j->map;
    hid_t type = H5Dget_type(j->set), space = H5Dget_space(j->set);
    hsize_t dims[H5_MAP_DIMS];
    int rc = type < 0 || space < 0 ? h5_fail(j->h, j->dataset, "cannot read header", e) : 0;
    if (!rc) {
        H5T_class_t class = H5Tget_class(type);
        int n_dims = H5Sget_simple_extent_ndims(space);
        m->item_bytes = H5Tget_size(type);
        m->is_float = class == H5T_FLOAT;
        m->is_signed = class == H5T_INTEGER && H5Tget_sign(type) != H5T_SGN_NONE;
        if ((class != H5T_INTEGER && class != H5T_FLOAT) || !m->item_bytes ||
            m->item_bytes > 8 || (m->item_bytes > 1 && H5Tget_order(type) != H5T_ORDER_LE)) {
            rc = refuse(j, "type is not a little-endian number", e);
        } else if (n_dims < 1 || n_dims > H5_MAP_DIMS ||
                   H5Sget_simple_extent_dims(space, dims, NULL) != n_dims) {
            rc = refuse(j, "shape is not 1 to 4 dimensions", e);
        }
        m->n_dims = rc ? 0 : (size_t)n_dims;
        for (size_t i = 0; i < H5_MAP_DIMS; i++) {
            m->dims[i] = i < m->n_dims ? (size_t)dims[i] : 1;
        }
    }
    if (type >= 0) {
        H5Tclose(type);
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    return rc;
}

/* Whether the file is as long as the superblock at its beginning announces. */
static int check_length(struct job *j, struct err *e)
{
    uint8_t super[52];
    if (j->file_bytes < sizeof super) {
        return 0;
    }
    if (file_pread(j->fd, super, sizeof super, 0, j->name, e)) {
        return -1;
    }
    /* Versions 0 and 1, then 2 and 3; addresses of 8 bytes. */
    bool old = super[8] < 2 && super[13] == 8, new = super[8] >= 2 && super[9] == 8;
    uint64_t want = memcmp(super, "\x89HDF\r\n\x1a\n", 8) ? 0
                    : old                                 ? little(super + (super[8] ? 44 : 40), 8)
                    : new                                 ? little(super + 28, 8)
                                                          : 0;
    return want <= j->file_bytes
               ? 0
               : err_set(e, ERR_FORMAT, "%s: truncated: %llu bytes, %llu announced", j->name,
                         (unsigned long long)j->file_bytes, (unsigned long long)want);
}

static int describe(struct job *j, struct err *e)
{
    char path[64];
    hid_t dcpl;
    if (check_length(j, e)) {
        return -1;
    }
    j->h = h5_new(j->name, e);
    if (!j->h) {
        return -1;
    }
    j->h->image_bytes = (size_t)j->file_bytes;
    snprintf(path, sizeof path, "/proc/self/fd/%d", j->fd);
    if (H5Fis_hdf5(path) == 0) {
        return err_set(e, ERR_FORMAT, "%s: not an HDF5 file", j->name);
    }
    /* Not the usual driver, which asks for the real path of what may have no name any more. */
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_stdio(fapl);
    j->h->file = H5Fopen(path, H5F_ACC_RDONLY, fapl);
    if (j->h->file < 0) {
        return h5_fail(j->h, "file", "cannot open", e);
    }
    if (H5Lexists(j->h->file, j->dataset, H5P_DEFAULT) <= 0) {
        return err_set(e, ERR_FORMAT, "%s: no data set %s", j->name, j->dataset);
    }
    j->set = H5Dopen2(j->h->file, j->dataset, H5P_DEFAULT);
    if (j->set < 0) {
        return h5_fail(j->h, j->dataset, "cannot open", e);
    }
    if (read_type(j, e)) {
        return -1;
    }
    dcpl = H5Dget_create_plist(j->set);
    return dcpl < 0 ? h5_fail(j->h, j->dataset, "cannot read layout", e) : read_layout(j, dcpl, e);
}

/* read() or write() of all n bytes of a pipe; false at its end or an error. */
static bool pipe_all(int fd, void *data, size_t n, bool out)
{
    char *p = data;
    while (n) {
        ssize_t k = out ? write(fd, p, n) : read(fd, p, n);
        if (k < 0 && errno == EINTR) {
            continue;
        }
        if (k <= 0) {
            return false;
        }
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static void limit(int what, rlim_t most)
{
    struct rlimit r;
    if (!getrlimit((__rlimit_resource_t)what, &r)) {
        r.rlim_cur = most < r.rlim_max ? most : r.rlim_max;
        setrlimit((__rlimit_resource_t)what, &r);
    }
}

/* Address space that the process has now. */
static rlim_t memory_now(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%lu", &pages) != 1) {
            pages = 0;
        }
        fclose(f);
    }
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void run_child(struct job *j, int out)
{
    struct answer a = {0};
    limit(RLIMIT_CPU, CHILD_CPU_S);
    limit(RLIMIT_AS, memory_now() + CHILD_MEMORY);
    limit(RLIMIT_CORE, 0);
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1); /* read-only folders */
    signal(SIGPIPE, SIG_IGN);
    describe(j, &a.e);
    a.map = j->map;
    if (pipe_all(out, &a, sizeof a, true) && a.e.code == ERR_NONE) {
        pipe_all(out, a.map.chunks, a.map.n_chunks * sizeof *a.map.chunks, true);
    }
    _exit(0); /* without the parent's exit handlers */
}

static int take_answer(struct h5_map *m, int in, const struct job *j, struct err *e)
{
    struct answer a;
    if (!pipe_all(in, &a, sizeof a, false)) {
        return err_set(e, ERR_FORMAT, "%s: libhdf5 crashed or took more than %d s or 1 GiB on it",
                       j->name, CHILD_CPU_S);
    }
    if (a.e.code != ERR_NONE) {
        a.e.text[sizeof a.e.text - 1] = 0;
        return err_set(e, a.e.code, "%s", a.e.text);
    }
    *m = a.map;
    m->chunks = NULL;
    if (!m->n_chunks) {
        return 0;
    }
    if (m->n_chunks > MAX_CHUNKS) {
        return err_set(e, ERR_LIMIT, "%s: too many chunks", j->name);
    }
    m->chunks = mem_take_raw(m->n_chunks, sizeof *m->chunks, e);
    if (m->chunks && !pipe_all(in, m->chunks, m->n_chunks * sizeof *m->chunks, false)) {
        return err_set(e, ERR_FORMAT, "%s: the list of chunks was not made", j->name);
    }
    return m->chunks ? 0 : -1;
}

int h5_map_open(struct h5_map *m, int fd, uint64_t file_bytes, const char *dataset,
                const char *name, struct err *e)
{
    struct job j = {.fd = fd, .file_bytes = file_bytes, .dataset = dataset, .name = name};
    int ends[2];
    *m = (struct h5_map){0};
    if (pipe(ends)) {
        return err_errno(e, "%s: pipe", name);
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(&j, ends[1]);
    }
    close(ends[1]);
    int rc = child < 0 ? err_errno(e, "%s: fork", name) : take_answer(m, ends[0], &j, e);
    close(ends[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    if (rc) {
        h5_map_release(m);
    }
    return rc;
}

void h5_map_release(struct h5_map *m)
{
    free(m->chunks);
    *m = (struct h5_map){0};
}
