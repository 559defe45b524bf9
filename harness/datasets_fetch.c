/* `datasets fetch`: the files of downloads.c into the folder where the data set is looked for. */
#include "harness/datasets_get.h"
#include "datasets/dataset.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "harness/command.h"
#include "harness/downloads.h"
#include "harness/fetch.h"
#include "harness/prepare.h"
#include "results/table.h"
#include <stdio.h>

enum { PATH_CAP = 4096 };

/* The folder where some file of the set is already, in part or whole; "" where there is none. */
static int find_folder(const struct ctx *c, const struct dataset_desc *d,
                       const struct download_set *set, char dir[PATH_CAP], struct err *e)
{
    for (size_t i = 0; i < c->dirs.n; i++) {
        for (size_t k = 0; k < DATASET_MAX_FOLDERS && d->folders[k]; k++) {
            if (d->folders[k][0] ? file_join(dir, PATH_CAP, c->dirs.items[i], d->folders[k], e)
                                 : file_join(dir, PATH_CAP, "", c->dirs.items[i], e)) {
                return -1;
            }
            for (size_t f = 0; f < download_set_count(set); f++) {
                uint64_t bytes;
                if (fetch_state(&set->files[f], dir, &bytes) != FETCH_ABSENT) {
                    return 0;
                }
            }
        }
    }
    dir[0] = 0;
    return 0;
}

/* Where the files go. */
static int choose_folder(const struct ctx *c, const struct dataset_desc *d,
                         const struct download_set *set, const char *to, char dir[PATH_CAP],
                         struct err *e)
{
    dir[0] = 0;
    if (!to && find_folder(c, d, set, dir, e)) {
        return -1;
    }
    if (dir[0]) {
        return 0;
    }
    if (!to && c->dirs.n < 2) { /* the last one is the system's */
        return err_set(e, ERR_USAGE, "into which folder? say --data DIR or --to DIR");
    }
    return file_join(dir, PATH_CAP, to ? to : c->dirs.items[0], d->folders[0], e);
}

static int plan(const struct ctx *c, const struct download_set *set, const char *dir,
                const char *mirror, struct err *e)
{
    static const char *const heads[] = {"file", ">bytes", "here", "address", "sha256"};
    static const char *const words[] = {"no", "part", "yes", "other size"};
    struct table t;
    if (table_heads(&t, heads, ARRAY_LEN(heads), e)) {
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; i < download_set_count(set) && !rc; i++) {
        const struct download *d = &set->files[i];
        uint64_t bytes;
        const char *here = words[fetch_state(d, dir, &bytes)];
        rc = table_row(&t, e) || table_set(&t, i, 0, d->name, e) ||
             table_setf(&t, i, 1, e, "%llu", (unsigned long long)d->bytes) ||
             table_set(&t, i, 2, here, e) ||
             (mirror ? table_setf(&t, i, 3, e, "%s/%s", mirror, d->name)
                     : table_set(&t, i, 3, d->url, e)) ||
             table_set(&t, i, 4, d->sha256, e);
    }
    rc = rc ? -1 : context_print(c, &t, e);
    table_release(&t);
    return rc;
}

static int fetch_all(const struct download_set *set, const char *dir,
                     const struct datasets_get_args *a, struct err *e)
{
    const struct fetch_options o = {
        .mirror = a->mirror, .stall_s = (unsigned)a->stall_s, .tries = (unsigned)a->tries};
    size_t n = download_set_count(set);
    if (n && file_make_dirs(dir, e)) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        char size[16];
        note(NOTE_INFO, "%s (%s)", set->files[i].name, str_bytes(size, set->files[i].bytes));
        if (fetch_file(&set->files[i], dir, &o, e)) {
            return -1;
        }
    }
    if (n) {
        printf("%s: %zu file%s, verified\n", dir, n, n == 1 ? "" : "s");
    }
    return 0;
}

int datasets_fetch(struct ctx *c, const char *name, const struct datasets_get_args *a,
                   struct err *e)
{
    const struct dataset_desc *d = dataset_find(name, e);
    const struct download_set *set = d ? download_set_find(d->name) : NULL;
    char dir[PATH_CAP];
    if (!d) {
        return -1;
    }
    if (!set) {
        return err_set(e, ERR_USAGE, "%s: your own images need no fetching", name);
    }
    if (!a->dry_run && context_refuse_json(c, "datasets fetch", e)) {
        return -1;
    }
    if (choose_folder(c, d, set, a->to, dir, e)) {
        return -1;
    }
    bool some = download_set_count(set) > 0;
    if ((some && a->dry_run && plan(c, set, dir, a->mirror, e)) ||
        (!a->dry_run && fetch_all(set, dir, a, e))) {
        return -1;
    }
    if (c->g.json) {
        return EXIT_DONE;
    }
    if (set->steps) {
        printf("%s%s: this part is yours to do.\n\n%s\n\nFolder: %s\n", some ? "\n" : "", name,
               set->steps, dir);
    } else if (!a->dry_run && prepare_has_steps(d->name)) {
        printf("Next: bitbench --data %s datasets prepare %s\n", a->to ? a->to : "DIR", name);
    }
    return set->steps && !a->dry_run ? EXIT_FOUND : EXIT_DONE;
}
