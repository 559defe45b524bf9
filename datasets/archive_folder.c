/* A folder as an archive: everything below it, in the order of its names. Links are followed, as
 * people build such folders out of links; a folder inside itself is an error. */
#include "datasets/archive_private.h"

#include <string.h>
#include <sys/stat.h>
#include "harness/base/err.h"
#include "harness/base/file.h"

enum { PATH_CAP = 4096 };

/* The folders from the archive's down to the one at work. */
struct above {
    dev_t dev;
    ino_t ino;
    const struct above *up;
};

struct walk {
    struct archive *a;
    char path[PATH_CAP];
    size_t name_at; /* where the member's name begins in path */
};

static int walk(struct walk *w, const struct above *up, struct err *e);

static int visit(struct walk *w, const char *name, const struct above *up, struct err *e)
{
    size_t n = strlen(w->path), len = strlen(name);
    struct stat st;
    if (name[0] == '.') {
        return 0;
    }
    if (n + 1 + len >= PATH_CAP) {
        return err_set(e, ERR_LIMIT, "%.200s...: path too long", w->path);
    }
    w->path[n] = '/';
    memcpy(w->path + n + 1, name, len + 1);
    int rc = 0;
    if (stat(w->path, &st)) {
        rc = err_errno(e, "%s", w->path);
    } else if (S_ISREG(st.st_mode)) {
        rc = archive_add(w->a, w->path + w->name_at, 0, (uint64_t)st.st_size, e);
    } else if (S_ISDIR(st.st_mode)) {
        struct above here = {st.st_dev, st.st_ino, up};
        for (const struct above *p = up; p && !rc; p = p->up) {
            if (p->dev == st.st_dev && p->ino == st.st_ino) {
                rc = err_set(e, ERR_FORMAT, "%s: the folder holds itself", w->path);
            }
        }
        rc = rc ? rc : walk(w, &here, e);
    } else {
        rc = err_set(e, ERR_FORMAT, "%s: not a regular file", w->path);
    }
    w->path[n] = 0;
    return rc;
}

static int walk(struct walk *w, const struct above *up, struct err *e)
{
    struct file_list names;
    if (file_list_read(&names, w->path, e)) {
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; i < names.n && !rc; i++) {
        rc = visit(w, names.names[i], up, e);
    }
    file_list_release(&names);
    return rc;
}

int archive_walk(struct archive *a, struct err *e)
{
    struct walk w = {.a = a};
    struct stat st;
    size_t n = strlen(a->where);
    if (n + 1 >= sizeof w.path) {
        return err_set(e, ERR_LIMIT, "%.200s...: path too long", a->where);
    }
    memcpy(w.path, a->where, n + 1);
    w.name_at = n + 1;
    if (stat(w.path, &st)) {
        return err_errno(e, "%s", w.path);
    }
    struct above here = {st.st_dev, st.st_ino, NULL};
    return walk(&w, &here, e);
}
