/* EuroSAT and Resisc45: CLASS/FILE.jpg below any parent, no split of their own. After TFDS
 * (image_classification/{eurosat,resisc45}.py): the key is class '_' file. */
#include "datasets/images.h"

#include <string.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/str.h"

/* Every member that ends in ".jpg" must lie in a folder that is a class. */
static int take_all(struct images *im, const struct archive *a, struct err *e)
{
    for (size_t i = 0; i < archive_count(a); i++) {
        const char *name = archive_name(a, i);
        if (!str_ends(name, ".jpg")) {
            continue;
        }
        const char *file = strrchr(name, '/');
        if (!file) {
            return err_set(e, ERR_FORMAT, "%s: %s is in no class folder", archive_where(a), name);
        }
        const char *class = file;
        while (class > name && class[-1] != '/') {
            class --;
        }
        int32_t label = images_class(im, class, (size_t)(file - class));
        if (label < 0) {
            return err_set(e, ERR_FORMAT, "%s: %s: %.*s is not a class", archive_where(a), name,
                           (int)(file - class), class);
        }
        if (images_add(im, 0, im->n_archives - 1, i, label, (size_t)(file + 1 - name), e)) {
            return -1;
        }
    }
    return images_unique(im, e) ? -1 : 1;
}

static int fill_eurosat(struct images *im, const char *place, struct err *e)
{
    static const char *const names[] = {"2750", "EuroSAT_RGB", "EuroSAT.zip", "EuroSAT_RGB.zip",
                                        NULL};
    struct archive *a;
    int rc = images_find(im, place, names, &a, e);
    return rc == 1 ? take_all(im, a, e) : rc;
}

static int open_eurosat(void **state, const struct dataset_desc *d, const char *path,
                        const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* this row takes none */
    return images_open(state, d, IMAGES_KEY_CLASS, fill_eurosat, "EuroSAT.zip or 2750", where, e);
}

static int fill_resisc45(struct images *im, const char *place, struct err *e)
{
    static const char *const names[] = {"NWPU-RESISC45", "NWPU-RESISC45.zip", NULL};
    struct archive *a;
    int rc = images_find(im, place, names, &a, e);
    if (rc) {
        return rc == 1 ? take_all(im, a, e) : rc;
    }
    char rar[SOURCE_PATH];
    if (file_join(rar, sizeof rar, place, "NWPU-RESISC45.rar", e)) {
        return -1;
    }
    return file_exists(rar) ? err_set(e, ERR_ABSENT,
                                      "%s: a rar archive, which cannot be read in place; "
                                      "`bitbench datasets prepare resisc45` unpacks it beside it",
                                      rar)
                            : 0;
}

static int open_resisc45(void **state, const struct dataset_desc *d, const char *path,
                         const struct dataset_dirs *where, struct err *e)
{
    (void)path;
    return images_open(state, d, IMAGES_KEY_CLASS, fill_resisc45,
                       "NWPU-RESISC45 or NWPU-RESISC45.zip", where, e);
}

const struct source_ops source_eurosat = {
    .name = "eurosat",
    .sources = "datasets/images_classes.c " IMAGES_SOURCES,
    .open = open_eurosat,
    IMAGES_OPS,
};

const struct source_ops source_resisc45 = {
    .name = "resisc45",
    .sources = "datasets/images_classes.c " IMAGES_SOURCES,
    .open = open_resisc45,
    IMAGES_OPS,
};
