/* See tfds_place.h. */
#include "datasets/tfds_place.h"

#include <stdio.h>
#include <string.h>
#include "datasets/tfds_row.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/str.h"

struct version {
    unsigned part[3];
};

/* "3.0.2", no more and no less. */
static bool read_version(const char *name, struct version *v)
{
    for (size_t i = 0; i < 3; i++) {
        size_t n = strspn(name, "0123456789");
        if (!n || n > 6) {
            return false;
        }
        v->part[i] = 0;
        for (size_t k = 0; k < n; k++) {
            v->part[i] = v->part[i] * 10 + (unsigned)(name[k] - '0');
        }
        name += n;
        if (*name != (i < 2 ? '.' : '\0')) {
            return false;
        }
        name += i < 2;
    }
    return true;
}

static int is_prepared(const char *dir, bool *yes, struct err *e)
{
    char path[SOURCE_PATH];
    if (file_join(path, sizeof path, dir, "dataset_info.json", e)) {
        return -1;
    }
    *yes = file_exists(path);
    return 0;
}

/* Prepared folders below the one the user named. */
struct below {
    char dir[SOURCE_PATH]; /* the first */
    size_t n;
    struct str names;
};

/* Adds the versions in folder/inner; inner "" is the folder itself. */
static int list_versions(const char *folder, const char *inner, struct below *b, struct err *e)
{
    char place[SOURCE_PATH], dir[SOURCE_PATH];
    struct file_list l = {0};
    int rc = inner[0] ? file_join(place, sizeof place, folder, inner, e) : 0;
    if (!inner[0]) {
        snprintf(place, sizeof place, "%s", folder);
    }
    if (rc || file_list_read(&l, place, e)) {
        return -1;
    }
    for (size_t i = 0; i < l.n && !rc; i++) {
        struct version v;
        bool yes = false;
        if (!read_version(l.names[i], &v)) {
            continue;
        }
        rc = file_join(dir, sizeof dir, place, l.names[i], e) || is_prepared(dir, &yes, e) ? -1 : 0;
        if (!rc && yes) {
            str_addf(&b->names, "%s%s%s%s", b->n ? ", " : "", inner, inner[0] ? "/" : "",
                     l.names[i]);
            if (!b->n++) {
                strcpy(b->dir, dir);
            }
        }
    }
    file_list_release(&l);
    return rc;
}

static int list_below(const char *path, struct below *b, struct err *e)
{
    struct file_list l = {0};
    int rc = list_versions(path, "", b, e);
    if (rc || file_list_read(&l, path, e)) {
        return -1;
    }
    for (size_t i = 0; i < l.n && !rc; i++) {
        char dir[SOURCE_PATH];
        struct version v;
        if (l.names[i][0] == '.' || read_version(l.names[i], &v)) {
            continue;
        }
        rc = file_join(dir, sizeof dir, path, l.names[i], e);
        if (!rc && file_is_dir(dir)) {
            rc = list_versions(path, l.names[i], b, e);
        }
    }
    file_list_release(&l);
    return rc;
}

int tfds_place_of_path(const char *path, char dir[SOURCE_PATH], struct err *e)
{
    bool yes;
    struct below b = {0};
    if (strlen(path) >= SOURCE_PATH) {
        return err_set(e, ERR_LIMIT, "%.60s...: path too long", path);
    }
    if (!file_is_dir(path)) {
        return err_set(e, file_exists(path) ? ERR_USAGE : ERR_ABSENT, "%s: no such folder", path);
    }
    if (is_prepared(path, &yes, e)) {
        return -1;
    }
    if (yes) {
        strcpy(dir, path);
        return 0;
    }
    int rc = list_below(path, &b, e);
    rc = rc ? rc : str_check(&b.names, e);
    if (!rc && b.n == 1) {
        strcpy(dir, b.dir);
    } else if (!rc && b.n) {
        rc = err_set(e, ERR_USAGE, "%s holds %zu prepared versions, name one: %.400s", path, b.n,
                     str_text(&b.names));
    } else if (!rc) {
        rc = err_set(e, ERR_ABSENT,
                     "%s: no dataset_info.json here, nor in a folder of a version below", path);
    }
    str_release(&b.names);
    return rc;
}

/* The best version in a place: 1, 0 or -1. old: one that is too old. */
static int best_version(const struct tfds_row *row, const char *place, char dir[SOURCE_PATH],
                        char old[SOURCE_PATH], struct err *e)
{
    struct file_list l = {0};
    struct version best = {{0}}, v;
    bool found = false, yes;
    int rc = 0;
    if (!file_is_dir(place)) {
        return 0;
    }
    if (file_list_read(&l, place, e)) {
        return -1;
    }
    for (size_t i = 0; i < l.n && !rc; i++) {
        char path[SOURCE_PATH];
        if (!read_version(l.names[i], &v)) {
            continue;
        }
        rc = file_join(path, sizeof path, place, l.names[i], e) || is_prepared(path, &yes, e) ? -1
                                                                                              : 0;
        if (rc || !yes) {
            continue;
        }
        if (v.part[0] < row->major) {
            strcpy(old, path);
            continue;
        }
        bool better = !found || v.part[0] < best.part[0] ||
                      (v.part[0] == best.part[0] && memcmp(&v, &best, sizeof v) &&
                       (v.part[1] > best.part[1] ||
                        (v.part[1] == best.part[1] && v.part[2] > best.part[2])));
        if (better) {
            best = v;
            found = true;
            strcpy(dir, path);
        }
    }
    file_list_release(&l);
    return rc ? rc : found;
}

int tfds_place_of_row(const struct tfds_row *row, const struct dataset_dirs *where,
                      char dir[SOURCE_PATH], struct err *e)
{
    char old[SOURCE_PATH] = "";
    for (size_t i = 0; i < where->n; i++) {
        for (int inside = 0; inside < 2; inside++) {
            char place[SOURCE_PATH];
            int n = snprintf(place, sizeof place, "%s%s/%s%s%s", where->dirs[i],
                             inside ? "/tensorflow_datasets" : "", row->builder,
                             row->config ? "/" : "", row->config ? row->config : "");
            if (n < 0 || (size_t)n >= sizeof place) {
                return err_set(e, ERR_LIMIT, "data folder %.60s...: path too long", where->dirs[i]);
            }
            int rc = best_version(row, place, dir, old, e);
            if (rc) {
                return rc;
            }
        }
    }
    return old[0] ? err_set(e, ERR_FORMAT,
                            "%s is older than version %u, from which on TFDS orders the images by "
                            "md5",
                            old, row->major)
                  : 0;
}
