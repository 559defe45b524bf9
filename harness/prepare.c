/* Which archives are unpacked into what; see prepare.h. */
#include "harness/prepare.h"
#include "datasets/archive.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/note.h"
#include "harness/base/tensor.h"
#include "harness/unpack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_CAP = 4096,
       STEPS = 6,
       BESIDE = 3,
       MAX_BESIDE = 64 << 20 };

/* A tar inside a zip, as Caltech101 has it: member `inner` is taken out first. */
static int unpack_inner(const struct unpack *u, struct err *e);

struct step {
    const char *from;
    int (*unpack)(const struct unpack *u, struct err *e);
    const char *out;
    unsigned percent; /* room to look for, in per cent of the packed size */
    bool files;
};

struct prepare_set {
    const char *dataset;
    struct step steps[STEPS];
    const char *beside[BESIDE]; /* needed with the unpacked form */
};

#define CALTECH "101_ObjectCategories"
#define PCAM(what, percent)                                           \
    {                                                                 \
        "camelyonpatch_level_2_split_" what ".h5.gz", unpack_gzip,    \
            "camelyonpatch_level_2_split_" what ".h5", percent, false \
    }
#define NORB(what, percent)                                                 \
    {                                                                       \
        "smallnorb-" what ".mat.gz", unpack_gzip, "smallnorb-" what ".mat", \
            percent, false                                                  \
    }
#define SMALLNORB                                               \
    {                                                           \
        NORB("5x46789x9x18x6x2x96x96-training-dat", 345),       \
            NORB("5x46789x9x18x6x2x96x96-training-cat", 2000),  \
            NORB("5x46789x9x18x6x2x96x96-training-info", 2000), \
            NORB("5x01235x9x18x6x2x96x96-testing-dat", 345),    \
            NORB("5x01235x9x18x6x2x96x96-testing-cat", 2000),   \
            NORB("5x01235x9x18x6x2x96x96-testing-info", 2000),  \
    }

static const struct prepare_set sets[] = {
    {"patch-camelyon",
     {PCAM("train_x", 115), PCAM("train_y", 2000), PCAM("valid_x", 115), PCAM("valid_y", 2000),
      PCAM("test_x", 115), PCAM("test_y", 2000)},
     {0}},
    {"smallnorb-azimuth", SMALLNORB, {0}},
    {"smallnorb-elevation", SMALLNORB, {0}},
    {"dmlab", {{"dmlab.tar.gz", unpack_archive, "dmlab-", 110, true}}, {0}},
    {"svhn",
     {{"train_32x32.mat", unpack_mat, "train_32x32.unpacked.mat", 130, false},
      {"test_32x32.mat", unpack_mat, "test_32x32.unpacked.mat", 130, false}},
     {0}},
    {"sun397",
     {{"SUN397.tar.gz", unpack_archive, "SUN397", 105, false}},
     {"sun397_tfds_tr.txt", "sun397_tfds_va.txt", "sun397_tfds_te.txt"}},
    {"resisc45", {{"NWPU-RESISC45.rar", unpack_archive, "NWPU-RESISC45", 130, false}}, {0}},
    {"flowers102",
     {{"102flowers.tgz", unpack_archive, "jpg", 110, false}},
     {"imagelabels.mat", "setid.mat"}},
    {"pets",
     {{"images.tar.gz", unpack_archive, "images", 110, false},
      {"annotations.tar.gz", unpack_archive, "annotations", 250, false}},
     {0}},
    {"dtd", {{"dtd-r1.0.1.tar.gz", unpack_archive, "dtd", 110, false}}, {0}},
    {"caltech101",
     {{CALTECH ".tar.gz", unpack_archive, CALTECH, 120, false},
      {"caltech-101.zip", unpack_inner, CALTECH, 220, false}},
     {"caltech101_train.txt"}},
};

static const struct prepare_set *find(const char *dataset)
{
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        if (!strcmp(sets[i].dataset, dataset)) {
            return &sets[i];
        }
    }
    return NULL;
}

bool prepare_has_steps(const char *dataset)
{
    return find(dataset) != NULL;
}

static int unpack_inner(const struct unpack *u, struct err *e)
{
    char name[64], path[PATH_CAP];
    struct archive *zip;
    unsigned char *data = NULL;
    size_t n;
    snprintf(name, sizeof name, "%s.tar.gz", u->out);
    if (archive_open(&zip, u->from, e)) {
        return -1;
    }
    size_t i = archive_find_tail(zip, name);
    int rc = i == SIZE_MAX ? err_set(e, ERR_FORMAT, "%s: no %s in it", u->from, name)
                           : archive_read_alloc(zip, i, (size_t)1 << 30, &data, &n, e);
    archive_close(zip);
    if (!rc) {
        snprintf(name, sizeof name, "%s.tar.gz.partial", u->out);
        rc = file_join(path, sizeof path, u->dir, name, e);
        rc = rc ? rc : file_write(path, data, n, e);
    }
    free(data);
    if (!rc) {
        struct unpack inner = *u;
        inner.from = path;
        rc = unpack_archive(&inner, e);
        unlink(path);
    }
    return rc;
}

/* Is the step's result in dir? Of several files: one of them, and no folder that waits to give them
 * their names. */
static int is_done(const struct step *s, const char *dir, bool *done, struct err *e)
{
    char path[PATH_CAP], stage[64];
    struct file_list l;
    *done = false;
    if (!s->files) {
        if (file_join(path, sizeof path, dir, s->out, e)) {
            return -1;
        }
        *done = file_exists(path);
        return 0;
    }
    snprintf(stage, sizeof stage, "%s.partial", s->out);
    if (!file_is_dir(dir)) {
        return 0;
    }
    if (file_list_read(&l, dir, e)) {
        return -1;
    }
    bool waits = false;
    for (size_t i = 0; i < l.n; i++) {
        waits = waits || !strcmp(l.names[i], stage);
        *done = *done || !strncmp(l.names[i], s->out, strlen(s->out));
    }
    *done = *done && !waits;
    file_list_release(&l);
    return 0;
}

static int copy_beside(const struct prepare_set *set, const char *place, const char *dir,
                       struct err *e)
{
    for (size_t i = 0; i < BESIDE && set->beside[i]; i++) {
        char from[PATH_CAP], to[PATH_CAP];
        unsigned char *data;
        size_t n;
        if (file_join(from, sizeof from, place, set->beside[i], e) ||
            file_join(to, sizeof to, dir, set->beside[i], e)) {
            return -1;
        }
        if (!file_exists(from) || file_exists(to)) {
            continue;
        }
        if (file_read(from, MAX_BESIDE, &data, &n, e)) {
            return -1;
        }
        int rc = file_write(to, data, n, e);
        free(data);
        if (rc) {
            return -1;
        }
    }
    return 0;
}

static int do_step(const struct step *s, const char *from, const char *dir, bool dry_run,
                   struct err *e)
{
    bool done;
    struct unpack u = {from, dir, s->out, s->percent, s->files};
    if (is_done(s, dir, &done, e)) {
        return -1;
    }
    if (done) {
        note(NOTE_INFO, "%s/%s%s is there already", dir, s->out, s->files ? "..." : "");
        return 0;
    }
    if (dry_run) {
        printf("%s -> %s/%s%s\n", from, dir, s->out, s->files ? "..." : "");
        return 0;
    }
    if (file_make_dirs(dir, e) || s->unpack(&u, e)) {
        return -1;
    }
    printf("%s/%s%s\n", dir, s->out, s->files ? "..." : "");
    return 0;
}

int prepare_place(const char *dataset, const char *place, const char *dir, bool dry_run,
                  unsigned *n, struct err *e)
{
    const struct prepare_set *set = find(dataset);
    *n = 0;
    for (size_t i = 0; set && i < STEPS && set->steps[i].from; i++) {
        char from[PATH_CAP];
        if (file_join(from, sizeof from, place, set->steps[i].from, e)) {
            return -1;
        }
        if (file_exists(from)) {
            ++*n;
            if (do_step(&set->steps[i], from, dir, dry_run, e)) {
                return -1;
            }
        }
    }
    return *n && !dry_run && strcmp(place, dir) ? copy_beside(set, place, dir, e) : 0;
}
