/* The file: head, path of the archive, tables, members, names, SHA-256 of all that in hex. Numbers
 * as the machine has them; a machine that has them otherwise sees another mark. Only the hash makes
 * the contents be believed, and even then each offset is checked, since a wrong one would read
 * beyond the buffer. */
#include "datasets/index_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"

#define MAGIC "bitbench-index 1\n"
#define MARK  0x0123456789abcdefu

/* What the file system says of an archive. */
struct identity {
    uint64_t size, inode;
    int64_t changed_s, changed_ns; /* contents: mtime */
    int64_t moved_s, moved_ns;     /* anything: ctime */
};

struct head {
    char magic[24];
    uint64_t mark;
    struct identity of;
    uint64_t n_path, n_tables, n_members, n_names;
};

struct stored_table {
    uint64_t base, size, first, n, first_name, n_names;
};

struct index_cache {
    char *file, *path; /* of the index; of the archive */
    struct identity of;
    int64_t opened_s;
    bool missed;
    unsigned char *data; /* the file as read; NULL: nothing usable */
    const struct stored_table *tables;
    struct index_member *members;
    char *names;
    struct head head;
};

static int identify(struct identity *id, int fd, const char *path, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st)) {
        return err_errno(e, "%s", path);
    }
    *id = (struct identity){.size = (uint64_t)st.st_size,
                            .inode = st.st_ino,
                            .changed_s = st.st_mtim.tv_sec,
                            .changed_ns = st.st_mtim.tv_nsec,
                            .moved_s = st.st_ctim.tv_sec,
                            .moved_ns = st.st_ctim.tv_nsec};
    return 0;
}

static size_t padded(size_t n)
{
    return (n + 7) / 8 * 8;
}

/* The parts of data [n], which has the right hash. False where they do not fill it exactly. */
static bool find_parts(struct index_cache *c, size_t n)
{
    const struct head *h = &c->head;
    size_t at = sizeof *h, left = n - at;
    const uint64_t most = left; /* no count is larger, so the sums below cannot overflow */
    if (h->n_path > most || h->n_tables > most || h->n_members > most || h->n_names > most ||
        most > SIZE_MAX / 128) {
        return false;
    }
    size_t n_path = padded(h->n_path), n_tables = h->n_tables * sizeof *c->tables,
           n_members = h->n_members * sizeof *c->members;
    if (n_path + n_tables + n_members + h->n_names != left || h->n_path != strlen(c->path) ||
        memcmp(c->data + at, c->path, h->n_path)) {
        return false;
    }
    at += n_path;
    c->tables = (const void *)(c->data + at);
    c->members = (void *)(c->data + at + n_tables);
    c->names = (char *)c->data + at + n_tables + n_members;
    return true;
}

/* Does everything in a table lie where it may? */
static bool sound(const struct index_cache *c, const struct stored_table *t)
{
    const struct head *h = &c->head;
    if (t->base > c->of.size || t->size > c->of.size - t->base || t->first > h->n_members ||
        t->n > h->n_members - t->first || t->first_name > h->n_names ||
        t->n_names > h->n_names - t->first_name ||
        (t->n && (!t->n_names || c->names[t->first_name + t->n_names - 1]))) {
        return false;
    }
    for (size_t i = 0; i < t->n; i++) {
        const struct index_member *m = &c->members[t->first + i];
        if (m->name >= t->n_names || m->at > t->size || m->bytes > t->size - m->at) {
            return false;
        }
    }
    return true;
}

/* 1: an index of this archive; 0: of another or an older one, -1: damaged. */
static int judge(struct index_cache *c, size_t n)
{
    char hex[HASH_SHA256_HEX];
    struct head *h = &c->head;
    if (n < sizeof *h + HASH_SHA256_HEX - 1) {
        return -1;
    }
    n -= HASH_SHA256_HEX - 1;
    memcpy(h, c->data, sizeof *h);
    if (memcmp(h->magic, MAGIC, sizeof MAGIC) || h->mark != MARK) {
        return -1;
    }
    if (memcmp(&h->of, &c->of, sizeof c->of)) {
        return 0;
    }
    sha256_hex(c->data, n, hex);
    if (memcmp(hex, c->data + n, HASH_SHA256_HEX - 1) || !find_parts(c, n)) {
        return -1;
    }
    for (size_t i = 0; i < h->n_tables; i++) {
        if (!sound(c, &c->tables[i])) {
            return -1;
        }
    }
    return 1;
}

static int load(struct index_cache *c, struct err *e)
{
    size_t n;
    struct err why = {0};
    if (!file_exists(c->file)) {
        return 0;
    }
    int rc = 0;
    if (file_read(c->file, 0, &c->data, &n, &why)) {
        if (why.code == ERR_LIMIT) {
            return err_set(e, why.code, "%s", why.text);
        }
        note(NOTE_WARNING, "%s; reading %s instead", why.text, c->path);
    } else {
        rc = judge(c, n);
    }
    if (rc != 1) {
        if (rc < 0) {
            note(NOTE_WARNING, "%s: damaged index; reading %s instead", c->file, c->path);
        }
        free(c->data);
        c->data = NULL;
    }
    return 0;
}

int index_cache_open(struct index_cache **out, const char *folder, const char *path, int fd,
                     struct err *e)
{
    struct index_cache *c = mem_take(1, sizeof *c, e);
    char hex[HASH_SHA256_HEX], file[4096];
    char *real = realpath(path, NULL);
    *out = NULL;
    if (!c) {
        free(real);
        return -1;
    }
    c->path = mem_strdup(real ? real : path, e);
    free(real);
    c->opened_s = time(NULL);
    if (c->path) {
        sha256_hex(c->path, strlen(c->path), hex);
        int n = snprintf(file, sizeof file, "%s/indexes/%.32s.index", folder, hex);
        if (n > 0 && (size_t)n < sizeof file) {
            c->file = mem_strdup(file, e);
        } else {
            err_set(e, ERR_LIMIT, "the cache folder's name is too long");
        }
    }
    if (!c->file || identify(&c->of, fd, path, e) || load(c, e)) {
        index_cache_close(c);
        return -1;
    }
    *out = c;
    return 0;
}

void index_cache_close(struct index_cache *c)
{
    if (c) {
        free(c->data);
        free(c->file);
        free(c->path);
        free(c);
    }
}

bool index_cache_find(struct index_cache *c, uint64_t base, uint64_t size, struct index_table *t)
{
    size_t from = 0, to = c->data ? c->head.n_tables : 0;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        const struct stored_table *s = &c->tables[mid];
        if (s->base == base && s->size == size) {
            *t = (struct index_table){base, size, c->members + s->first, s->n,
                                      c->names + s->first_name, s->n_names};
            return true;
        }
        if (base < s->base) {
            to = mid;
        } else {
            from = mid + 1;
        }
    }
    c->missed = true;
    return false;
}

bool index_cache_incomplete(const struct index_cache *c)
{
    return c->missed;
}

/* A file being written and its hash. */
struct output {
    struct file_out f;
    struct sha256 sha;
};

static int put(struct output *o, const void *data, size_t n, struct err *e)
{
    sha256_add(&o->sha, data, n);
    return file_out_write(&o->f, data, n, e);
}

static int put_tables(struct output *o, const struct index_table *tables, size_t n, struct err *e)
{
    struct stored_table s = {0};
    for (size_t i = 0; i < n; i++) {
        s = (struct stored_table){tables[i].base, tables[i].size, s.first + s.n, tables[i].n,
                                  s.first_name + s.n_names, tables[i].n_names};
        if (put(o, &s, sizeof s, e)) {
            return -1;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (put(o, tables[i].members, tables[i].n * sizeof *tables[i].members, e)) {
            return -1;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (put(o, tables[i].names, tables[i].n_names, e)) {
            return -1;
        }
    }
    return 0;
}

static int put_all(const struct index_cache *c, struct output *o, const struct head *h,
                   const struct index_table *tables, size_t n, struct err *e)
{
    static const char zeros[8];
    char hex[HASH_SHA256_HEX];
    sha256_init(&o->sha);
    int rc = put(o, h, sizeof *h, e) || put(o, c->path, h->n_path, e) ||
             put(o, zeros, padded(h->n_path) - h->n_path, e) || put_tables(o, tables, n, e);
    sha256_final(&o->sha, hex);
    return rc || file_out_write(&o->f, hex, HASH_SHA256_HEX - 1, e) || file_out_commit(&o->f, e)
               ? -1
               : 0;
}

int index_cache_write(const struct index_cache *c, int fd, const struct index_table *tables,
                      size_t n, struct err *e)
{
    struct head h = {
        .magic = MAGIC, .mark = MARK, .of = c->of, .n_path = strlen(c->path), .n_tables = n};
    struct identity now;
    struct output o;
    for (size_t i = 0; i < n; i++) {
        h.n_members += tables[i].n;
        h.n_names += tables[i].n_names;
    }
    if (identify(&now, fd, c->path, e)) {
        return -1;
    }
    if (h.n_members < INDEX_LEAST || memcmp(&now, &c->of, sizeof now) ||
        c->opened_s - now.changed_s < 2) {
        return 0;
    }
    char folder[4096];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(c->file, '/') - c->file), c->file);
    if (file_make_dirs(folder, e) || file_out_open(&o.f, c->file, e)) {
        return -1;
    }
    o.f.no_sync = true; /* it can be made again and carries a checksum */
    return put_all(c, &o, &h, tables, n, e);
}
