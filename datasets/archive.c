/* Opening archives of every kind into one table of members, and reading them. */
#include "datasets/archive_private.h"

#include <stdlib.h>
#include <string.h>
#include "datasets/codec/tar_index.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"

#define LARGE ((uint64_t)1 << 30) /* bytes of a .tar.gz whose opening takes seconds */

/* Is this a name to leave out (1), to keep (0), or an error (-1)? */
static int judge(const struct archive *a, const char *name, struct err *e)
{
    size_t n = strlen(name);
    int rc = n && name[n - 1] == '~';
    if (name[0] == '/') {
        return err_set(e, ERR_FORMAT, "%s: %s: an absolute name", a->where, name);
    }
    for (const char *p = name; p; p = strchr(p, '/')) {
        p += *p == '/';
        size_t len = strcspn(p, "/");
        if (len == 2 && !strncmp(p, "..", 2)) {
            return err_set(e, ERR_FORMAT, "%s: %s leaves the folder", a->where, name);
        }
        rc = rc || (p[0] == '.' && len > 1);
    }
    return rc;
}

int archive_add(struct archive *a, const char *name, uint64_t at, uint64_t bytes, struct err *e)
{
    while (!strncmp(name, "./", 2)) {
        name += 2;
    }
    int rc = judge(a, name, e);
    if (rc) {
        return rc < 0 ? -1 : 0;
    }
    if (a->n >= UINT32_MAX) {
        return err_set(e, ERR_LIMIT, "%s: more than 2^32 members", a->where);
    }
    void *members = a->members;
    rc = mem_grow(&members, &a->cap, a->n + 1, sizeof *a->members, e);
    a->members = members;
    if (rc) {
        return -1;
    }
    a->members[a->n++] = (struct index_member){a->names.len, at, bytes};
    str_add_n(&a->names, name, strlen(name) + 1);
    return str_check(&a->names, e);
}

static int add_tar_member(void *ctx, const struct tar_member *m, struct err *e)
{
    return archive_add(ctx, m->name, m->link ? ARCHIVE_LINK : m->at, m->bytes, e);
}

static int read_plain(void *ctx, uint64_t at, void *out, size_t n, size_t *got, struct err *e)
{
    const struct archive *a = ctx;
    uint64_t rest = at < a->blob.size ? a->blob.size - at : 0;
    *got = n < rest ? n : (size_t)rest;
    return blob_read(&a->blob, at, out, *got, e);
}

static int read_packed(void *ctx, uint64_t at, void *out, size_t n, size_t *got, struct err *e)
{
    const struct archive *a = ctx;
    return gzip_seek_scan(a->gz, at, out, n, got, e);
}

static int index_tar(struct archive *a, struct err *e)
{
    bool packed = a->kind == ARCHIVE_TAR_GZ;
    struct index_table t;
    if (!packed && a->cache && index_cache_find(a->cache, a->blob.base, a->blob.size, &t)) {
        a->borrowed = true;
        a->members = t.members;
        a->n = t.n;
        a->names.data = t.names;
        return 0;
    }
    if (packed && a->blob.size >= LARGE) {
        note(NOTE_INFO, "%s: inflating all of it to find what is in it; "
                        "`bitbench datasets prepare` unpacks it once",
             a->where);
    }
    struct tar_input in = {
        .name = a->where,
        .read = packed ? read_packed : read_plain,
        .ctx = a,
        .size = packed ? UINT64_MAX : a->blob.size,
    };
    if (packed && gzip_seek_open(&a->gz, &a->blob, e)) {
        return -1;
    }
    if (tar_index(&in, add_tar_member, a, e)) {
        return -1;
    }
    return packed ? gzip_seek_finish(a->gz, e) : 0;
}

static int index_zip(struct archive *a, struct err *e)
{
    if (zip_open(&a->zip, a->where, e)) {
        return -1;
    }
    a->has_zip = true;
    for (size_t i = 0; i < a->zip.n_members; i++) {
        const struct zip_member *m = &a->zip.members[i];
        size_t n = strlen(m->name);
        bool folder = n && m->name[n - 1] == '/';
        if (!folder && archive_add(a, m->name, i, m->bytes, e)) {
            return -1;
        }
    }
    return 0;
}

/* The blob is an archive of whose kind its first bytes speak. */
static int index_blob(struct archive *a, struct err *e)
{
    unsigned char magic[4] = {0};
    if (!a->blob.size) {
        return err_set(e, ERR_FORMAT, "%s: empty file", a->where);
    }
    if (blob_read(&a->blob, 0, magic, a->blob.size < 4 ? (size_t)a->blob.size : 4, e)) {
        return -1;
    }
    if (!memcmp(magic, "PK\3\4", 4) || !memcmp(magic, "PK\5\6", 4)) {
        if (a->blob.base || a->blob.mem) {
            return err_set(e, ERR_FORMAT, "%s: a zip inside an archive", a->where);
        }
        a->kind = ARCHIVE_ZIP;
        return index_zip(a, e);
    }
    bool packed = magic[0] == 0x1f && magic[1] == 0x8b;
    a->kind = packed ? ARCHIVE_TAR_GZ : ARCHIVE_TAR;
    return index_tar(a, e);
}

static struct archive *new_archive(const char *where, struct err *e)
{
    struct archive *a = mem_take(1, sizeof *a, e);
    if (a) {
        a->where = mem_strdup(where, e);
        if (a->where) {
            return a;
        }
        free(a);
    }
    return NULL;
}

static int finish(struct archive **out, struct archive *a, int rc)
{
    if (rc) {
        archive_close(a);
        return -1;
    }
    *out = a;
    return 0;
}

int archive_open(struct archive **out, const char *path, struct err *e)
{
    return archive_open_cached(out, path, NULL, e);
}

int archive_open_cached(struct archive **out, const char *path, const char *cache, struct err *e)
{
    *out = NULL;
    struct archive *a = new_archive(path, e);
    if (!a) {
        return -1;
    }
    if (file_is_dir(path)) {
        a->kind = ARCHIVE_FOLDER;
        return finish(out, a, archive_walk(a, e));
    }
    int rc = blob_open(&a->blob, path, e);
    a->has_blob = !rc;
    if (!rc && cache) {
        rc = index_cache_open(&a->cache, cache, path, a->blob.fd, e);
        a->owns_cache = !rc;
    }
    return finish(out, a, rc ? rc : index_blob(a, e));
}

/* The member's bytes as a blob: in place where they are not packed. */
static int member_blob(struct blob *b, const struct archive *outer, size_t i, const char *where,
                       struct err *e)
{
    const struct index_member *m = &outer->members[i];
    if (outer->kind == ARCHIVE_TAR && !outer->blob.mem) {
        return blob_part(b, &outer->blob, m->at, m->bytes, archive_name(outer, i), e);
    }
    if (outer->kind == ARCHIVE_FOLDER) {
        return blob_open(b, where, e);
    }
    const struct zip_member *z = outer->kind == ARCHIVE_ZIP ? &outer->zip.members[m->at] : NULL;
    if (z && !z->method) {
        uint64_t at;
        return zip_locate(&outer->zip, z, &at, e) ||
                       blob_part(b, &outer->blob, at, z->bytes, archive_name(outer, i), e)
                   ? -1
                   : 0;
    }
    unsigned char *data;
    size_t n;
    return archive_read_alloc(outer, i, SIZE_MAX, &data, &n, e) || blob_memory(b, data, n, where, e)
               ? -1
               : 0;
}

int archive_open_member(struct archive **out, const struct archive *outer, size_t i, struct err *e)
{
    *out = NULL;
    struct str where = {0};
    str_addf(&where, "%s%s%s", outer->where, outer->kind == ARCHIVE_FOLDER ? "/" : ": ",
             archive_name(outer, i));
    struct archive *a = str_check(&where, e) ? NULL : new_archive(where.data, e);
    str_release(&where);
    if (!a) {
        return -1;
    }
    int rc = member_blob(&a->blob, outer, i, a->where, e);
    a->has_blob = !rc;
    if (!rc && !a->blob.mem && a->blob.fd == outer->blob.fd) {
        a->cache = outer->cache;
    }
    return finish(out, a, rc ? rc : index_blob(a, e));
}

void archive_close(struct archive *a)
{
    if (!a) {
        return;
    }
    gzip_seek_close(a->gz);
    if (a->has_blob) {
        blob_close(&a->blob);
    }
    if (a->has_zip) {
        zip_close(&a->zip);
    }
    if (!a->borrowed) {
        str_release(&a->names);
        free(a->members);
    }
    if (a->owns_cache) {
        index_cache_close(a->cache);
    }
    free(a->sorted);
    free(a->where);
    free(a);
}

static int keep_index(const struct archive *owner, struct archive *const *all, size_t n,
                      struct err *e)
{
    size_t n_tables = 0;
    struct index_table *tables = mem_take(n, sizeof *tables, e);
    if (!tables) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        const struct archive *a = all[i];
        if (a->cache == owner->cache && a->kind == ARCHIVE_TAR) {
            tables[n_tables++] = (struct index_table){
                a->blob.base, a->blob.size, a->members, a->n, a->names.data,
                a->n ? a->members[a->n - 1].name + strlen(archive_name(a, a->n - 1)) + 1 : 0};
        }
    }
    int rc = index_cache_write(owner->cache, owner->blob.fd, tables, n_tables, e);
    free(tables);
    return rc;
}

void archive_keep_indexes(struct archive *const *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err e;
        if (all[i]->owns_cache && index_cache_incomplete(all[i]->cache) &&
            keep_index(all[i], all, n, &e)) {
            note(NOTE_WARNING, "the index of %s is not kept: %s", all[i]->where, e.text);
        }
    }
}

const char *archive_where(const struct archive *a)
{
    return a->where;
}

size_t archive_count(const struct archive *a)
{
    return a->n;
}

const char *archive_name(const struct archive *a, size_t i)
{
    return a->names.data + a->members[i].name;
}

uint64_t archive_bytes(const struct archive *a, size_t i)
{
    return a->members[i].bytes;
}

uint64_t archive_at(const struct archive *a, size_t i)
{
    return a->kind == ARCHIVE_TAR ? a->members[i].at : UINT64_MAX;
}

bool archive_is_link(const struct archive *a, size_t i)
{
    bool tar = a->kind == ARCHIVE_TAR || a->kind == ARCHIVE_TAR_GZ;
    return tar && a->members[i].at == ARCHIVE_LINK;
}

static int compare(const void *x, const void *y, void *ctx)
{
    return strcmp(archive_name(ctx, *(const size_t *)x), archive_name(ctx, *(const size_t *)y));
}

int archive_sort(struct archive *a, struct err *e)
{
    if (a->sorted) {
        return 0;
    }
    a->sorted = mem_take(a->n, sizeof *a->sorted, e);
    if (!a->sorted) {
        return -1;
    }
    for (size_t i = 0; i < a->n; i++) {
        a->sorted[i] = i;
    }
    qsort_r(a->sorted, a->n, sizeof *a->sorted, compare, a);
    for (size_t i = 1; i < a->n; i++) {
        if (!compare(&a->sorted[i - 1], &a->sorted[i], a)) {
            return err_set(e, ERR_FORMAT, "%s: duplicate %s", a->where,
                           archive_name(a, a->sorted[i]));
        }
    }
    return 0;
}

size_t archive_find(const struct archive *a, const char *name)
{
    size_t from = 0, to = a->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int c = strcmp(name, archive_name(a, a->sorted[mid]));
        if (!c) {
            return a->sorted[mid];
        }
        if (c < 0) {
            to = mid;
        } else {
            from = mid + 1;
        }
    }
    return SIZE_MAX;
}

size_t archive_find_tail(const struct archive *a, const char *tail)
{
    size_t n = strlen(tail);
    for (size_t i = 0; i < a->n; i++) {
        const char *name = archive_name(a, i);
        size_t len = strlen(name);
        if (len >= n && !strcmp(name + len - n, tail) && (len == n || name[len - n - 1] == '/')) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* An unpacked file of a folder, which must be as long as it was. */
static int read_file(const struct archive *a, size_t i, void *out, struct err *e)
{
    struct str path = {0};
    struct blob b;
    str_addf(&path, "%s/%s", a->where, archive_name(a, i));
    int rc = str_check(&path, e) || blob_open(&b, path.data, e) ? -1 : 0;
    if (!rc) {
        if (b.size != archive_bytes(a, i)) {
            rc = err_set(e, ERR_FORMAT, "%s: %llu bytes, but %llu when the data set was opened",
                         path.data, (unsigned long long)b.size,
                         (unsigned long long)archive_bytes(a, i));
        }
        rc = rc ? rc : blob_read(&b, 0, out, (size_t)b.size, e);
        blob_close(&b);
    }
    str_release(&path);
    return rc;
}

int archive_read(const struct archive *a, size_t i, void *out, struct err *e)
{
    const struct index_member *m = &a->members[i];
    if (archive_is_link(a, i)) {
        return err_set(e, ERR_FORMAT, "%s: %s is a link", a->where, archive_name(a, i));
    }
    switch (a->kind) {
    case ARCHIVE_FOLDER:
        return read_file(a, i, out, e);
    case ARCHIVE_ZIP:
        return zip_read(&a->zip, &a->zip.members[m->at], out, e);
    case ARCHIVE_TAR:
        return blob_read(&a->blob, m->at, out, (size_t)m->bytes, e);
    case ARCHIVE_TAR_GZ:
        return gzip_seek_read(a->gz, m->at, out, (size_t)m->bytes, e);
    }
    return -1;
}

int archive_read_alloc(const struct archive *a, size_t i, size_t max_bytes, unsigned char **data,
                       size_t *n, struct err *e)
{
    uint64_t bytes = archive_bytes(a, i);
    *data = NULL;
    if (bytes > max_bytes || bytes >= SIZE_MAX) {
        return err_set(e, ERR_LIMIT, "%s: %s has %llu bytes, the limit is %zu", a->where,
                       archive_name(a, i), (unsigned long long)bytes, max_bytes);
    }
    *n = (size_t)bytes;
    *data = mem_take_raw(*n + 1, 1, e);
    if (!*data) {
        return -1;
    }
    (*data)[*n] = 0;
    if (archive_read(a, i, *data, e)) {
        free(*data);
        *data = NULL;
        return -1;
    }
    return 0;
}

void archive_hint(const struct archive *a, size_t i)
{
    const struct index_member *m = &a->members[i];
    if (a->kind == ARCHIVE_TAR && !archive_is_link(a, i)) {
        blob_hint(&a->blob, m->at, m->bytes);
    } else if (a->kind == ARCHIVE_ZIP) {
        const struct zip_member *z = &a->zip.members[m->at];
        blob_hint(&a->blob, z->offset, z->packed_bytes + 512);
    }
}
