/* plan.tsv: what a run directory is meant to hold, a line a cell, in the order first seen. */
#include "results/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/cell.h"
#include "results/pack_private.h"

enum { PATH_BYTES = 4096 };
#define PLAN_MOST ((size_t)1 << 30)

void plan_list_release(struct plan_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->entries[i].spec);
    }
    free(l->entries);
    *l = (struct plan_list){0};
}

static int append(struct plan_list *l, size_t *cap, const char *run_id, const char *spec,
                  size_t n_spec, struct err *e)
{
    void *entries = l->entries;
    if (mem_grow(&entries, cap, l->n + 1, sizeof *l->entries, e)) {
        return -1;
    }
    l->entries = entries;
    struct plan_entry *p = &l->entries[l->n];
    memcpy(p->run_id, run_id, RUN_ID - 1);
    p->run_id[RUN_ID - 1] = '\0';
    p->spec = mem_strndup(spec, n_spec, e);
    l->n += p->spec != NULL;
    return p->spec ? 0 : -1;
}

static int parse(struct plan_list *l, size_t *cap, const char *text, size_t n, const char *path,
                 struct err *e)
{
    const char *end = text + n;
    size_t line = 1;
    for (const char *at = text; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop ? stop : end) - at);
        char run_id[RUN_ID] = {0};
        memcpy(run_id, at, len < RUN_ID ? len : RUN_ID - 1);
        if (len < RUN_ID || at[RUN_ID - 1] != '\t' || !cell_is_run_id(run_id) ||
            memchr(at, '\0', len)) {
            return err_set(e, ERR_FORMAT, "%s: line %zu: expected RUN_ID<TAB>SPEC", path, line);
        }
        if (append(l, cap, run_id, at + RUN_ID, len - RUN_ID, e)) {
            return -1;
        }
        at += len + 1;
    }
    return 0;
}

static int by_id_then_place(const void *a, const void *b)
{
    const struct plan_entry *const *p = a, *const *q = b;
    int order = strcmp((*p)->run_id, (*q)->run_id);
    return order ? order : (*p > *q) - (*p < *q);
}

/* Keeps the first entry of each run_id. */
static int drop_repeated(struct plan_list *l, struct err *e)
{
    struct plan_entry **sorted = mem_take(l->n, sizeof *sorted, e);
    if (!sorted) {
        return -1;
    }
    for (size_t i = 0; i < l->n; i++) {
        sorted[i] = &l->entries[i];
    }
    qsort(sorted, l->n, sizeof *sorted, by_id_then_place);
    for (size_t i = 1, first = 0; i < l->n; i++) {
        if (strcmp(sorted[i]->run_id, sorted[first]->run_id) != 0) {
            first = i;
            continue;
        }
        free(sorted[i]->spec);
        sorted[i]->spec = NULL;
    }
    free(sorted);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (l->entries[i].spec) {
            l->entries[n++] = l->entries[i];
        }
    }
    l->n = n;
    return 0;
}

static int by_spec_then_place(const void *a, const void *b)
{
    const struct plan_entry *const *p = a, *const *q = b;
    int order = strcmp((*p)->spec, (*q)->spec);
    return order ? order : (*p > *q) - (*p < *q);
}

/* One line a spec: the newest id, for things given by path or not there before, at the oldest
 * place. */
static int renew_ids(struct plan_list *l, struct err *e)
{
    struct plan_entry **sorted = mem_take(l->n, sizeof *sorted, e);
    if (!sorted) {
        return -1;
    }
    for (size_t i = 0; i < l->n; i++) {
        sorted[i] = &l->entries[i];
    }
    qsort(sorted, l->n, sizeof *sorted, by_spec_then_place);
    for (size_t i = 1, first = 0; i < l->n; i++) {
        if (strcmp(sorted[i]->spec, sorted[first]->spec) == 0) {
            memcpy(sorted[first]->run_id, sorted[i]->run_id, RUN_ID);
        } else {
            first = i;
        }
    }
    free(sorted);
    return drop_repeated(l, e);
}

static int read_plan(struct plan_list *l, size_t *cap, const char *path, struct err *e)
{
    unsigned char *text;
    size_t n;
    struct err why = {0};
    if (file_read(path, PLAN_MOST, &text, &n, &why)) {
        return why.code == ERR_ABSENT ? 0 : err_set(e, why.code, "%s", why.text);
    }
    int rc = parse(l, cap, (const char *)text, n, path, e);
    free(text);
    return rc ? -1 : drop_repeated(l, e);
}

int store_plan_read(struct plan_list *l, const char *dir, struct err *e)
{
    char path[PATH_BYTES];
    size_t cap = 0;
    *l = (struct plan_list){0};
    if (pack_is(dir)) {
        return store_pack_plan(l, dir, e);
    }
    if (file_join(path, sizeof path, dir, "plan.tsv", e)) {
        return -1;
    }
    int rc = read_plan(l, &cap, path, e);
    if (rc) {
        plan_list_release(l);
    }
    return rc;
}

int store_plan_join(struct plan_list *l, const char *const *dirs, size_t n_dirs, struct err *e)
{
    size_t cap = 0;
    *l = (struct plan_list){0};
    for (size_t i = 0; i < n_dirs; i++) {
        struct plan_list more;
        void *entries = l->entries;
        if (store_plan_read(&more, dirs[i], e)) {
            plan_list_release(l);
            return -1;
        }
        if (mem_grow(&entries, &cap, l->n + more.n, sizeof *l->entries, e)) {
            plan_list_release(&more);
            plan_list_release(l);
            return -1;
        }
        l->entries = entries;
        for (size_t k = 0; k < more.n; k++) {
            l->entries[l->n++] = more.entries[k];
        }
        free(more.entries);
    }
    if (drop_repeated(l, e)) {
        plan_list_release(l);
        return -1;
    }
    return 0;
}

static void plan_text(const struct plan_list *l, struct str *text)
{
    for (size_t i = 0; i < l->n; i++) {
        str_addf(text, "%s\t%s\n", l->entries[i].run_id, l->entries[i].spec);
    }
}

/* Other processes that add to the plan wait. The descriptor, or -1 with e set. */
static int lock_plan(const char *dir, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(e, "%s", dir);
    }
    while (flock(fd, LOCK_EX)) {
        if (errno != EINTR) { /* a file system without locks: go on without */
            break;
        }
    }
    return fd;
}

int store_plan_add(const char *dir, const struct plan_entry *entries, size_t n, struct err *e)
{
    char path[PATH_BYTES];
    struct plan_list l = {0};
    struct str before = {0}, after = {0};
    size_t cap = 0;
    if (file_join(path, sizeof path, dir, "plan.tsv", e)) {
        return -1;
    }
    int lock = lock_plan(dir, e);
    int rc = lock < 0 ? -1 : read_plan(&l, &cap, path, e);
    plan_text(&l, &before);
    for (size_t i = 0; i < n && rc == 0; i++) {
        assert(cell_is_run_id(entries[i].run_id) && !strpbrk(entries[i].spec, "\t\n"));
        rc = append(&l, &cap, entries[i].run_id, entries[i].spec, strlen(entries[i].spec), e);
    }
    rc = rc || renew_ids(&l, e) ? -1 : 0;
    plan_text(&l, &after);
    rc = rc || str_check(&before, e) || str_check(&after, e) ? -1 : 0;
    if (rc == 0 && strcmp(str_text(&before), str_text(&after)) != 0) {
        rc = file_write(path, str_text(&after), after.len, e);
    }
    str_release(&after);
    str_release(&before);
    plan_list_release(&l);
    if (lock >= 0) {
        close(lock);
    }
    return rc;
}
