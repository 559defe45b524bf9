/* Files. Reading refuses all but regular files, so that a FIFO or a device cannot hang a run.
 * Writing goes through a temporary name: a reader sees the old file or the whole new one. */
#include "harness/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

void (*file_write_step)(const char *step, const char *path);

/* ---- what is wrong with a path ---- */

/* The first part of path (in front of a '/') that is missing or no folder, into part; *missing
 * says which. False when every part is a folder or path is too long. */
static bool bad_part(const char *path, char part[4096], bool *missing)
{
    for (const char *p = path; (p = strchr(p, '/')); p++) {
        size_t n = (size_t)(p - path);
        if (n == 0) {
            continue;
        }
        if (n >= 4096) {
            return false;
        }
        memcpy(part, path, n);
        part[n] = '\0';
        struct stat st;
        *missing = stat(part, &st) != 0 && errno == ENOENT;
        if (*missing || (stat(part, &st) == 0 && !S_ISDIR(st.st_mode))) {
            return true;
        }
    }
    return false;
}

/* The error for a path that could not be opened, after errno. `doing` is "read" or "write". */
static int path_error(const char *doing, const char *path, enum err_code code, struct err *e)
{
    int saved = errno;
    char part[4096];
    bool missing;
    if ((saved == ENOENT || saved == ENOTDIR) && bad_part(path, part, &missing)) {
        return missing ? err_set(e, code, "cannot %s %s: there is no folder %s", doing, path, part)
                       : err_set(e, code, "cannot %s %s: %s is not a folder", doing, path, part);
    }
    if (saved == ENOENT) {
        return err_set(e, code, "cannot %s %s: no such file or folder", doing, path);
    }
    errno = saved;
    return err_errno(e, "cannot %s %s", doing, path);
}

/* ---- reading ---- */

int file_open(const char *path, uint64_t *size, struct err *e)
{
    /* O_NONBLOCK: opening a FIFO must not wait; regular files do not heed it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return path_error("read", path, ERR_ABSENT, e);
    }
    struct stat st;
    if (fstat(fd, &st)) {
        err_errno(e, "cannot read %s", path);
        close(fd);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(e, ERR_FORMAT, "cannot read %s: it is a %s, not a regular file", path,
                       S_ISDIR(st.st_mode) ? "folder" : "special file");
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

static int too_large(const char *path, size_t max_bytes, struct err *e)
{
    char most[16];
    return err_set(e, ERR_LIMIT, "%s is larger than the %s allowed here", path,
                   str_bytes(most, max_bytes));
}

int file_read(const char *path, size_t max_bytes, unsigned char **data, size_t *n, struct err *e)
{
    *data = NULL;
    *n = 0;
    uint64_t size;
    int fd = file_open(path, &size, e);
    if (fd < 0) {
        return -1;
    }
    void *buf = NULL;
    size_t cap = 0, used = 0, most = max_bytes ? max_bytes : SIZE_MAX - 2;
    int rc = -1;
    if (size > most) {
        too_large(path, most, e);
        goto out;
    }
    /* The length is a hint: files under /proc say 0, and a file may grow. Two bytes more: the
     * NUL, and one by which a longer file shows. */
    size_t want = (size_t)size + 2;
    for (;;) {
        if (mem_grow(&buf, &cap, want, 1, e)) {
            err_wrap(e, "cannot read %s", path);
            goto out;
        }
        ssize_t got = read(fd, (char *)buf + used, cap - 1 - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            err_errno(e, "cannot read %s", path);
            goto out;
        }
        if (got == 0) {
            break;
        }
        used += (size_t)got;
        if (used > most) {
            too_large(path, most, e);
            goto out;
        }
        want = used + 2;
    }
    ((unsigned char *)buf)[used] = '\0';
    *data = buf;
    *n = used;
    buf = NULL;
    rc = 0;
out:
    free(buf);
    close(fd);
    return rc;
}

int file_pread(int fd, void *buf, size_t n, uint64_t offset, const char *name, struct err *e)
{
    size_t done = 0;
    if (offset > INT64_MAX || n > INT64_MAX - offset) {
        return err_set(e, ERR_FORMAT, "%s: no file has %zu bytes at offset %llu", name, n,
                       (unsigned long long)offset);
    }
    while (done < n) {
        ssize_t got = pread(fd, (char *)buf + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_errno(e, "%s: cannot read %zu bytes at offset %llu", name, n,
                             (unsigned long long)offset);
        }
        if (got == 0) {
            return err_set(e, ERR_FORMAT,
                           "%s: ends at byte %llu, but %zu bytes were expected at offset %llu",
                           name, (unsigned long long)(offset + done), n,
                           (unsigned long long)offset);
        }
        done += (size_t)got;
    }
    return 0;
}

/* ---- writing ---- */

static void step(const char *name, const struct file_out *f)
{
    if (file_write_step) {
        file_write_step(name, f->path);
    }
}

/* f->path = where path really points: a link's target, so that the link stays one. Refuses what
 * a rename must not replace. */
static int find_target(struct file_out *f, const char *path, struct err *e)
{
    struct stat st;
    bool link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    char *real = link ? realpath(path, NULL) : NULL;
    if (link && !real) {
        return err_errno(e, "cannot write %s: following the link", path);
    }
    int n = snprintf(f->path, sizeof f->path, "%s", real ? real : path);
    free(real);
    if (n < 0 || (size_t)n >= sizeof f->path) {
        return err_set(e, ERR_LIMIT, "cannot write %.64s...: the path is too long", path);
    }
    if (n == 0) {
        return err_set(e, ERR_USAGE, "cannot write a file with an empty name");
    }
    if (f->path[n - 1] == '/' || (stat(f->path, &st) == 0 && S_ISDIR(st.st_mode))) {
        return err_set(e, ERR_USAGE, "cannot write %s: that names a folder, not a file", path);
    }
    if (stat(f->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return err_set(e, ERR_USAGE, "cannot write %s: it is a special file", path);
    }
    return 0;
}

/* Opens the folder of f->path for the last fsync; first, so that nothing was changed if not. */
static int open_folder(struct file_out *f)
{
    char dir[sizeof f->path];
    const char *slash = strrchr(f->path, '/');
    size_t n = slash ? (size_t)(slash - f->path) + 1 : 0;
    memcpy(dir, f->path, n);
    dir[n] = '\0';
    return open(n ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int file_out_open(struct file_out *f, const char *path, struct err *e)
{
    *f = (struct file_out){.fd = -1, .dir_fd = -1};
    uint64_t word;
    if (find_target(f, path, e)) {
        return -1;
    }
    if (getrandom(&word, sizeof word, 0) != sizeof word) {
        return err_errno(e, "cannot write %s: no random number for a temporary name", path);
    }
    snprintf(f->tmp, sizeof f->tmp, "%s.tmp.%ld.%08x", f->path, (long)getpid(), (unsigned)word);
    step("open", f);
    f->dir_fd = open_folder(f);
    if (f->dir_fd < 0) {
        return path_error("write", f->path, ERR_USAGE, e);
    }
    f->fd = open(f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        err_errno(e, "cannot write %s", f->path);
        close(f->dir_fd);
        return -1;
    }
    f->active = true;
    return 0;
}

void file_out_abort(struct file_out *f)
{
    if (!f->active) {
        return;
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
    close(f->dir_fd);
    unlink(f->tmp);
    f->active = false;
}

static int out_failed(struct file_out *f, const char *doing, struct err *e)
{
    err_errno(e, "cannot write %s%s", f->path, doing);
    file_out_abort(f);
    return -1;
}

int file_write_all(int fd, const void *data, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t wrote = write(fd, (const char *)data + done, n - done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            return -1;
        }
        done += (size_t)wrote;
    }
    return 0;
}

int file_sync_folder(const char *dir, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || (fsync(fd) && errno != EINVAL) ? err_errno(e, "%s", dir) : 0;
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

uint64_t file_free_bytes(const char *dir)
{
    struct statvfs v;
    return statvfs(dir, &v) ? UINT64_MAX : (uint64_t)v.f_bavail * v.f_frsize;
}

int file_out_write(struct file_out *f, const void *data, size_t n, struct err *e)
{
    step("write", f);
    return file_write_all(f->fd, data, n) ? out_failed(f, "", e) : 0;
}

int file_out_commit(struct file_out *f, struct err *e)
{
    step("fsync", f);
    if (!f->no_sync && fsync(f->fd)) {
        return out_failed(f, " (fsync)", e);
    }
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) && errno != EINTR) {
        return out_failed(f, " (close)", e);
    }
    step("rename", f);
    if (rename(f->tmp, f->path)) {
        return out_failed(f, " (rename)", e);
    }
    f->active = false;
    step("fsync-dir", f);
    int rc = 0;
    /* EINVAL: some network file systems cannot sync a folder and need not. */
    if (!f->no_sync && fsync(f->dir_fd) && errno != EINVAL) {
        rc = err_errno(e, "%s is written, but its folder cannot be synced", f->path);
    }
    close(f->dir_fd);
    return rc;
}

int file_write(const char *path, const void *data, size_t n, struct err *e)
{
    struct file_out f;
    if (file_out_open(&f, path, e) || file_out_write(&f, data, n, e)) {
        return -1;
    }
    return file_out_commit(&f, e);
}

int file_write_cache(const char *path, const void *data, size_t n, struct err *e)
{
    struct file_out f;
    if (file_out_open(&f, path, e)) {
        return -1;
    }
    f.no_sync = true;
    return file_out_write(&f, data, n, e) || file_out_commit(&f, e) ? -1 : 0;
}

bool file_is_temporary(const char *name)
{
    const char *mark = NULL;
    for (const char *p = name; (p = strstr(p, ".tmp.")); p++) {
        mark = p + 5;
    }
    if (!mark) {
        return false;
    }
    size_t pid = strspn(mark, "0123456789");
    return pid && mark[pid] == '.' && strlen(mark + pid + 1) == 8 &&
           strspn(mark + pid + 1, "0123456789abcdef") == 8;
}

/* ---- folders and names ---- */

int file_make_dirs(const char *path, struct err *e)
{
    char part[4096];
    size_t n = strlen(path);
    if (n == 0) {
        return err_set(e, ERR_USAGE, "cannot make a folder with an empty name");
    }
    if (n >= sizeof part) {
        return err_set(e, ERR_USAGE, "cannot make folder %.64s...: the path is too long", path);
    }
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        int why = mkdir(part, 0777) ? errno : 0;
        if (why == 0 || file_is_dir(part)) {
            continue;
        }
        if (why == EEXIST) {
            return err_set(e, ERR_USAGE, "cannot make folder %s: %s is not a folder", path, part);
        }
        errno = why;
        return err_errno(e, "cannot make folder %s", part);
    }
    return 0;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_list_read(struct file_list *l, const char *dir, struct err *e)
{
    *l = (struct file_list){0};
    DIR *d = opendir(dir);
    if (!d && errno == ENOTDIR && file_exists(dir)) {
        return err_set(e, ERR_USAGE, "cannot list %s: it is not a folder", dir);
    }
    if (!d) {
        return path_error("list", dir, ERR_ABSENT, e);
    }
    void *names = NULL;
    size_t cap = 0;
    int rc = -1;
    for (;;) {
        errno = 0;
        const struct dirent *ent = readdir(d);
        if (!ent && errno) {
            err_errno(e, "cannot list %s", dir);
            goto out;
        }
        if (!ent) {
            break;
        }
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0) {
            continue;
        }
        if (mem_grow(&names, &cap, l->n + 1, sizeof *l->names, e)) {
            goto out;
        }
        l->names = names;
        l->names[l->n] = mem_strdup(ent->d_name, e);
        if (!l->names[l->n]) {
            goto out;
        }
        l->n++;
    }
    if (l->n) {
        qsort(l->names, l->n, sizeof *l->names, by_name);
    }
    rc = 0;
out:
    closedir(d);
    if (rc) {
        file_list_release(l);
    }
    return rc;
}

void file_list_release(struct file_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->names[i]);
    }
    free(l->names);
    *l = (struct file_list){0};
}

int file_join(char *out, size_t cap, const char *dir, const char *name, struct err *e)
{
    size_t n = strlen(dir);
    const char *slash = n == 0 || dir[n - 1] == '/' ? "" : "/";
    int len = snprintf(out, cap, "%s%s%s", dir, slash, name);
    if (len < 0 || (size_t)len >= cap) {
        return err_set(e, ERR_LIMIT, "the path %.64s...%s%.64s is too long", dir, slash, name);
    }
    return 0;
}
