/* Cells in a run directory: writing, reading, listing by text block, retiring. */
#include "results/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/cell.h"
#include "results/pack_private.h"

enum { PATH_BYTES = 4096 };
#define CELL_MOST    ((size_t)1 << 30) /* the largest cell file that is read */
#define CELL_SUFFIX  ".h5"
#define STALE_SUFFIX ".h5.stale"

static int cell_path(char out[PATH_BYTES], const char *dir, const char *run_id,
                     const char *suffix, struct err *e)
{
    char cells[PATH_BYTES], name[RUN_ID + sizeof STALE_SUFFIX];
    snprintf(name, sizeof name, "%s%s", run_id, suffix);
    return file_join(cells, sizeof cells, dir, "cells", e) ||
                   file_join(out, PATH_BYTES, cells, name, e)
               ? -1
               : 0;
}

/* ---- the directory ---- */

/* What path is; -1 when the system does not let us see. */
static int look(const char *path, bool *there, bool *is_dir, struct err *e)
{
    struct stat st;
    *there = stat(path, &st) == 0;
    *is_dir = *there && S_ISDIR(st.st_mode);
    if (!*there && errno != ENOENT && errno != ENOTDIR) {
        return err_errno(e, "cannot look at %s", path);
    }
    return 0;
}

/* Is dir a run directory? cells gets the path of its folder of cells, which need not be there. */
static int check_dir(const char *dir, char cells[PATH_BYTES], bool *has_cells, struct err *e)
{
    char plan[PATH_BYTES];
    bool there, is_dir;
    if (look(dir, &there, &is_dir, e)) {
        return -1;
    }
    if (!there) {
        return err_set(e, ERR_ABSENT, "there is no run directory %s", dir);
    }
    if (!is_dir) {
        return err_set(e, ERR_USAGE, "%s is not a folder, so not a run directory", dir);
    }
    if (file_join(cells, PATH_BYTES, dir, "cells", e) || look(cells, has_cells, &is_dir, e) ||
        file_join(plan, sizeof plan, dir, "plan.tsv", e)) {
        return -1;
    }
    if (*has_cells ? !is_dir : !file_exists(plan)) {
        return err_set(e, ERR_USAGE, "%s is not a run directory: it has no folder cells", dir);
    }
    return 0;
}

int store_open(const char *dir, bool create, struct err *e)
{
    char cells[PATH_BYTES];
    bool has_cells;
    if (!create) {
        return pack_is(dir) ? 0 : check_dir(dir, cells, &has_cells, e);
    }
    return file_join(cells, sizeof cells, dir, "cells", e) || file_make_dirs(cells, e) ? -1 : 0;
}

/* ---- whole cells ---- */

int store_write(const char *dir, const struct record *r, const struct made *m, struct err *e)
{
    char path[PATH_BYTES];
    unsigned char *bytes;
    size_t n;
    if (cell_encode(r, m, &bytes, &n, e)) {
        return -1;
    }
    int rc = cell_path(path, dir, r->run_id, CELL_SUFFIX, e) || file_write(path, bytes, n, e);
    free(bytes);
    return rc ? -1 : 0;
}

int store_read_part(struct record *r, struct made *m, const char *path, bool with_outcomes,
                    struct err *e)
{
    unsigned char *bytes;
    size_t n;
    char pack[PATH_BYTES], run_id[RUN_ID];
    *r = (struct record){0};
    if (pack_split_path(path, pack, sizeof pack, run_id)) {
        return store_pack_read(r, m, pack, run_id, with_outcomes, e);
    }
    if (file_read(path, CELL_MOST, &bytes, &n, e)) {
        return -1;
    }
    int rc = cell_decode_part(r, m, bytes, n, path, with_outcomes, e);
    free(bytes);
    return rc;
}

int store_read(struct record *r, struct made *m, const char *path, struct err *e)
{
    return store_read_part(r, m, path, true, e);
}

int store_retire(const char *dir, const char *run_id, struct err *e)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    if (cell_path(from, dir, run_id, CELL_SUFFIX, e) ||
        cell_path(to, dir, run_id, STALE_SUFFIX, e)) {
        return -1;
    }
    return rename(from, to) ? err_errno(e, "cannot set %s aside as stale", from) : 0;
}

/* ---- heads ---- */

void cell_head_release(struct cell_head *h)
{
    free(h->signature);
    free(h->path);
    *h = (struct cell_head){0};
}

/* The block of h->path, which is open as fd and n_file bytes long. */
static int read_block(struct cell_head *h, int fd, uint64_t n_file, struct err *e)
{
    unsigned char bytes[CELL_BLOCK];
    struct cell_block b;
    size_t n = n_file < CELL_BLOCK ? (size_t)n_file : CELL_BLOCK;
    if (file_pread(fd, bytes, n, 0, h->path, e) || cell_block_parse(&b, bytes, n_file, e)) {
        return -1;
    }
    if (strcmp(b.run_id, h->run_id) != 0) {
        return err_set(e, ERR_FORMAT, "it holds cell %s, not the one it is named by", b.run_id);
    }
    h->status = b.status;
    h->made = b.made;
    memcpy(h->sha256, b.sha256, sizeof h->sha256);
    h->signature = mem_strdup(b.signature, e);
    return h->signature ? 0 : -1;
}

/* h->path and run_id are set. What is wrong with the file becomes h->message; *found = false when
 * there is none. -1 only for want of memory. */
static int read_head(struct cell_head *h, bool *found, struct err *e)
{
    uint64_t n_file;
    struct err why = {0};
    int fd = file_open(h->path, &n_file, &why), rc = -1;
    if (fd >= 0) {
        rc = read_block(h, fd, n_file, &why);
        close(fd);
    }
    *found = rc == 0 || why.code != ERR_ABSENT;
    if (rc && why.code == ERR_LIMIT) {
        return err_set(e, why.code, "%s", why.text);
    }
    if (rc && *found) {
        h->damaged = true;
        snprintf(h->message, sizeof h->message, "%.255s", why.text);
    }
    return 0;
}

static int fill_head(struct cell_head *h, const char *dir, const char *run_id, bool stale,
                     bool *found, struct err *e)
{
    char path[PATH_BYTES];
    *h = (struct cell_head){.stale_file = stale};
    *found = false;
    if (cell_path(path, dir, run_id, stale ? STALE_SUFFIX : CELL_SUFFIX, e)) {
        return -1;
    }
    snprintf(h->run_id, sizeof h->run_id, "%s", run_id);
    h->path = mem_strdup(path, e);
    int rc = h->path ? read_head(h, found, e) : -1;
    if (rc || !*found) {
        cell_head_release(h);
    }
    return rc;
}

int store_head(struct cell_head *h, const char *dir, const char *run_id, bool *found,
               struct err *e)
{
    return fill_head(h, dir, run_id, false, found, e);
}

/* "RUN_ID.h5" or "RUN_ID.h5.stale"? */
static bool parse_name(const char *name, char run_id[RUN_ID], bool *stale)
{
    size_t n = RUN_ID - 1;
    if (strlen(name) < n) {
        return false;
    }
    memcpy(run_id, name, n);
    run_id[n] = '\0';
    *stale = strcmp(name + n, STALE_SUFFIX) == 0;
    return cell_is_run_id(run_id) && (*stale || strcmp(name + n, CELL_SUFFIX) == 0);
}

static int list_names(struct cell_list *l, const char *dir, const struct file_list *names,
                      bool with_stale, struct err *e)
{
    l->heads = mem_take(names->n, sizeof *l->heads, e);
    if (!l->heads) {
        return -1;
    }
    /* Sorted by name is sorted by run_id, a cell before its stale one. */
    for (size_t i = 0; i < names->n; i++) {
        char run_id[RUN_ID];
        bool stale, found;
        if (!parse_name(names->names[i], run_id, &stale) || (stale && !with_stale)) {
            continue;
        }
        if (fill_head(&l->heads[l->n], dir, run_id, stale, &found, e)) {
            return -1;
        }
        l->n += found;
    }
    return 0;
}

int store_list(struct cell_list *l, const char *dir, bool with_stale, struct err *e)
{
    char cells[PATH_BYTES];
    bool has_cells;
    struct file_list names = {0};
    *l = (struct cell_list){0};
    if (pack_is(dir)) {
        return store_pack_list(l, dir, e);
    }
    if (check_dir(dir, cells, &has_cells, e)) {
        return -1;
    }
    int rc = has_cells ? file_list_read(&names, cells, e) : 0;
    if (rc == 0) {
        rc = list_names(l, dir, &names, with_stale, e);
    }
    file_list_release(&names);
    if (rc) {
        cell_list_release(l);
    }
    return rc;
}

void cell_list_release(struct cell_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        cell_head_release(&l->heads[i]);
    }
    free(l->heads);
    *l = (struct cell_list){0};
}
