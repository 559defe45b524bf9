/* Archives, through libarchive, into a folder OUT.partial that nothing looks into: only regular
 * files are made there, below folders that this code made, so no name and no link leads out of it.
 * Every 256 MiB all of it is brought to the disk and a journal says how many members that were; a
 * later run passes over these and writes the rest again. At the end one rename gives the folder its
 * name. */
#include "harness/unpack.h"
#include "datasets/codec/gzip.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 18,
       PATH_CAP = 4096,
       MOST_MEMBERS = 1 << 21 };
#define MARK    ((uint64_t)256 << 20) /* bytes between two journal entries */
#define JOURNAL "bitbench-unpack 1"

struct work {
    const struct unpack *u;
    char stage[PATH_CAP], journal[PATH_CAP];
    int stage_fd;
    uint64_t packed;                 /* size of the archive */
    struct timespec changed;         /* its mtime */
    struct gzip *gz;                 /* NULL: rar */
    struct archive *a;               /* libarchive's, not ours */
    struct err feed;                 /* what the gzip reader said, beneath libarchive */
    uint64_t done, members;          /* on the disk for certain; seen so far */
    uint64_t kept, bytes, since;     /* files in the stage; their bytes; bytes since the mark */
    uint64_t n_odd;                  /* links and devices */
    unsigned char *chunk, *gz_chunk; /* [CHUNK] */
};

static la_ssize_t feed(struct archive *a, void *ctx, const void **data)
{
    struct work *w = ctx;
    size_t n;
    if (gzip_read(w->gz, w->gz_chunk, CHUNK, &n, &w->feed)) {
        archive_set_error(a, EIO, "unreadable");
        return -1;
    }
    *data = w->gz_chunk;
    return (la_ssize_t)n;
}

static int fail(struct work *w, struct err *e)
{
    if (w->feed.code) {
        *e = w->feed;
        return -1;
    }
    const char *why = archive_error_string(w->a);
    return err_set(e, ERR_FORMAT, "%s: %s", w->u->from, why ? why : "damaged archive");
}

static int open_archive(struct work *w, struct err *e)
{
    unsigned char magic[4] = {0};
    uint64_t size;
    int fd = file_open(w->u->from, &size, e);
    if (fd < 0) {
        return -1;
    }
    int rc = size < 4 ? err_set(e, ERR_FORMAT, "%s: no archive", w->u->from)
                      : file_pread(fd, magic, 4, 0, w->u->from, e);
    close(fd);
    w->a = rc ? NULL : archive_read_new();
    if (!w->a) {
        return rc ? -1 : err_set(e, ERR_LIMIT, "no memory for libarchive");
    }
    if (!memcmp(magic, "Rar!", 4)) {
        archive_read_support_format_rar(w->a);
        archive_read_support_format_rar5(w->a);
        return archive_read_open_filename(w->a, w->u->from, CHUNK) ? fail(w, e) : 0;
    }
    archive_read_support_format_tar(w->a); /* over our gzip reader, which checks every CRC */
    return gzip_open(&w->gz, w->u->from, e) || archive_read_open(w->a, w, NULL, feed, NULL)
               ? (w->gz ? fail(w, e) : -1)
               : 0;
}

/* Makes or enters the stage, for this process alone, and reads how far it is. */
static int open_stage(struct work *w, struct err *e)
{
    struct stat st;
    if (stat(w->u->from, &st)) {
        return err_errno(e, "%s", w->u->from);
    }
    w->packed = (uint64_t)st.st_size;
    w->changed = st.st_mtim;
    if (file_join(w->stage, sizeof w->stage - 64, w->u->dir, w->u->out, e)) {
        return -1;
    }
    strcat(w->stage, ".partial");
    if (mkdir(w->stage, 0700) && errno != EEXIST) {
        return err_errno(e, "cannot make folder %s", w->stage);
    }
    w->stage_fd = open(w->stage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (w->stage_fd < 0) {
        return err_errno(e, "%s", w->stage);
    }
    if (flock(w->stage_fd, LOCK_EX | LOCK_NB)) {
        return err_set(e, ERR_USAGE, "%s: another process is unpacking it", w->stage);
    }
    snprintf(w->journal, sizeof w->journal, "%.4000s/.journal", w->stage);
    unsigned char *text;
    size_t n;
    unsigned long long size, s, ns, done, kept, bytes;
    if (file_read(w->journal, 4096, &text, &n, NULL) == 0) {
        if (sscanf((char *)text, JOURNAL " %llu %llu.%llu %llu %llu %llu", &size, &s, &ns, &done,
                   &kept, &bytes) == 6 &&
            size == w->packed && s == (unsigned long long)w->changed.tv_sec &&
            ns == (unsigned long long)w->changed.tv_nsec) {
            w->done = done;
        }
        free(text);
    }
    return 0;
}

static int mark(struct work *w, struct err *e)
{
    char text[256];
    if (syncfs(w->stage_fd)) {
        return err_errno(e, "%s", w->stage);
    }
    snprintf(text, sizeof text, JOURNAL " %llu %llu.%llu %llu %llu %llu\n",
             (unsigned long long)w->packed, (unsigned long long)w->changed.tv_sec,
             (unsigned long long)w->changed.tv_nsec, (unsigned long long)w->members,
             (unsigned long long)w->kept, (unsigned long long)w->bytes);
    w->since = 0;
    return file_write(w->journal, text, strlen(text), e);
}

/* The member's path below the stage, or NULL: not wanted (rc 0) or refused (rc -1). */
static const char *wanted(struct work *w, struct archive_entry *entry, int *rc, struct err *e)
{
    const char *name = archive_entry_pathname_utf8(entry), *out = w->u->out;
    name = name ? name : archive_entry_pathname(entry);
    *rc = 0;
    while (name && !strncmp(name, "./", 2)) {
        name += 2;
    }
    if (!name || name[0] == '/' || strchr(name, '\\') || strlen(name) > 1024) {
        *rc = err_set(e, ERR_FORMAT, "%s: member %llu: %.200s: an absolute or unusable name",
                      w->u->from, (unsigned long long)w->members, name ? name : "");
        return NULL;
    }
    bool hidden = false;
    for (const char *p = name; p; p = strchr(p, '/')) {
        p += *p == '/';
        size_t len = strcspn(p, "/");
        if (len == 2 && !strncmp(p, "..", 2)) {
            *rc = err_set(e, ERR_FORMAT, "%s: %.200s leaves the folder", w->u->from, name);
            return NULL;
        }
        hidden = hidden || (p[0] == '.' && len > 1);
    }
    const char *slash = strrchr(name, '/');
    size_t n = strlen(out);
    if (hidden || str_ends(name, "~") || str_ends(name, "/")) {
        return NULL;
    }
    if (w->u->files) {
        name = slash ? slash + 1 : name;
        return strncmp(name, out, n) ? NULL : name;
    }
    return strncmp(name, out, n) || name[n] != '/' ? NULL : name;
}

static int write_data(struct work *w, int fd, const char *path, struct err *e)
{
    for (;;) {
        la_ssize_t n = archive_read_data(w->a, w->chunk, CHUNK);
        if (n < 0) {
            return fail(w, e);
        }
        if (n == 0) {
            return 0;
        }
        if (note_interrupted) {
            return err_set(e, ERR_INTERRUPTED, "interrupted; run the command again to go on");
        }
        w->bytes += (uint64_t)n;
        w->since += (uint64_t)n;
        if (w->bytes > unpack_limit(w->packed)) {
            return err_set(e, ERR_LIMIT, "%s: unpacks to more than %llu bytes, which no official "
                                         "file does",
                           w->u->from, (unsigned long long)unpack_limit(w->packed));
        }
        if (file_write_all(fd, w->chunk, (size_t)n)) {
            return err_errno(e, "%s (what is unpacked is kept; run the command again)", path);
        }
    }
}

static int write_member(struct work *w, const char *name, struct archive_entry *entry,
                        struct err *e)
{
    char path[2 * PATH_CAP];
    snprintf(path, sizeof path, "%s/%s", w->stage, name);
    w->kept++;
    if (w->members <= w->done) {
        struct stat st;
        if (!lstat(path, &st) && S_ISREG(st.st_mode) && st.st_size == archive_entry_size(entry)) {
            w->bytes += (uint64_t)st.st_size;
            return archive_read_data_skip(w->a) < ARCHIVE_WARN ? fail(w, e) : 0;
        }
    }
    char *slash = strrchr(path, '/');
    *slash = 0;
    if (file_make_dirs(path, e)) {
        return -1;
    }
    *slash = '/';
    unlink(path); /* left by a run that was killed behind its mark */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_errno(e, "cannot write %s", path);
    }
    int rc = write_data(w, fd, path, e);
    if (close(fd) && !rc) {
        rc = err_errno(e, "%s", path);
    }
    return rc;
}

static int take_members(struct work *w, struct err *e)
{
    for (;;) {
        struct archive_entry *entry;
        int rc = archive_read_next_header(w->a, &entry);
        if (rc == ARCHIVE_EOF) {
            return 0;
        }
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) {
            return fail(w, e);
        }
        if (++w->members > MOST_MEMBERS) {
            return err_set(e, ERR_LIMIT, "%s: more than %d members", w->u->from, MOST_MEMBERS);
        }
        const char *name = wanted(w, entry, &rc, e);
        if (rc) {
            return -1;
        }
        if (name && (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))) {
            if (!w->n_odd++) {
                note(NOTE_WARNING, "%s: %s is no regular file; it is left out", w->u->from, name);
            }
        } else if (name && (write_member(w, name, entry, e) ||
                            (w->since >= MARK && mark(w, e)))) {
            return -1;
        }
        unpack_show(w->u->from,
                    w->gz ? gzip_position(w->gz) : (uint64_t)archive_filter_bytes(w->a, -1),
                    w->packed);
    }
}

/* The rest behind the end of the tar, where the last CRC stands. */
static int drain(struct work *w, struct err *e)
{
    size_t n = w->gz ? 1 : 0;
    while (n) {
        if (gzip_read(w->gz, w->gz_chunk, CHUNK, &n, e)) {
            return -1;
        }
    }
    return 0;
}

/* Regular files below a folder, hidden ones aside. */
static int count_files(const char *dir, uint64_t *n, struct err *e)
{
    struct file_list l;
    int rc = file_list_read(&l, dir, e);
    for (size_t i = 0; !rc && i < l.n; i++) {
        char path[PATH_CAP];
        if (l.names[i][0] == '.') {
            continue;
        }
        rc = file_join(path, sizeof path, dir, l.names[i], e);
        if (!rc && file_is_dir(path)) {
            rc = count_files(path, n, e);
        } else {
            ++*n;
        }
    }
    file_list_release(&l);
    return rc;
}

/* As many files as members were written? Two of one name make fewer. */
static int check_stage(const struct work *w, struct err *e)
{
    uint64_t found = 0;
    if (!w->kept) {
        return err_set(e, ERR_FORMAT, "%s: nothing in it is %s%s", w->u->from, w->u->out,
                       w->u->files ? "..." : "/...");
    }
    if (count_files(w->stage, &found, e)) {
        return -1;
    }
    return found == w->kept ? 0
                            : err_set(e, ERR_FORMAT, "%s: %llu members, but %llu files: some occur "
                                                     "twice",
                                      w->u->from, (unsigned long long)w->kept,
                                      (unsigned long long)found);
}

static int give_names(struct work *w, struct err *e)
{
    struct file_list l;
    int rc = file_list_read(&l, w->stage, e);
    for (size_t i = 0; !rc && i < l.n; i++) {
        char from[PATH_CAP], to[PATH_CAP];
        if (l.names[i][0] == '.') {
            continue;
        }
        rc = file_join(from, sizeof from, w->stage, l.names[i], e) ||
                     file_join(to, sizeof to, w->u->dir, l.names[i], e)
                 ? -1
                 : 0;
        if (!rc && renameat2(AT_FDCWD, from, AT_FDCWD, to, w->u->files ? 0 : RENAME_NOREPLACE)) {
            rc = err_errno(e, "%s", to);
        }
    }
    file_list_release(&l);
    if (!rc) {
        unlink(w->journal);
        rmdir(w->stage);
    }
    return rc ? -1 : file_sync_folder(w->u->dir, e);
}

static int run(struct work *w, struct err *e)
{
    if (open_stage(w, e)) {
        return -1;
    }
    uint64_t need = w->packed / 100 * w->u->percent;
    if (!w->done && unpack_check_space(w->u->dir, w->u->from, need, e)) {
        return -1;
    }
    if (open_archive(w, e) || take_members(w, e) || drain(w, e) || check_stage(w, e)) {
        return -1;
    }
    return mark(w, e) || give_names(w, e) ? -1 : 0;
}

int unpack_archive(const struct unpack *u, struct err *e)
{
    struct work *w = mem_take(1, sizeof *w, e);
    if (!w) {
        return -1;
    }
    w->u = u;
    w->stage_fd = -1;
    w->chunk = mem_take_raw(2, CHUNK, e);
    w->gz_chunk = w->chunk ? w->chunk + CHUNK : NULL;
    int rc = w->chunk ? run(w, e) : -1;
    if (w->a) {
        archive_read_free(w->a);
    }
    gzip_close(w->gz);
    if (rc && w->stage_fd >= 0 && !w->kept && !w->done) {
        unlink(w->journal);
        rmdir(w->stage); /* nothing in it yet */
    }
    if (w->stage_fd >= 0) {
        close(w->stage_fd);
    }
    free(w->chunk);
    free(w);
    return rc;
}
