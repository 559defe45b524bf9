/* tfds:PATH: which features say image, label and id is found out; the classes are those of the
 * directory. */
#include "datasets/tfds_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/tfds_features.h"
#include "datasets/tfds_info.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/tensor.h"

enum { MAX_NAMES = 64 << 20 };

/* Features in which builders keep ids: the first of these that the first record has. */
static const char *const key_features[] = {"id", "file_name", "filename", "image/file_name",
                                           "name"};

/* The feature of that kind which the supervised keys or its usual name say, or the only one. */
static int choose(const struct tfds_features *f, enum tfds_kind kind, const char *told,
                  const char *usual, const char *what, char out[256], struct err *e)
{
    const struct tfds_feature *found = tfds_feature(f, told);
    struct str all = {0};
    size_t n = 0;
    found = found ? found : tfds_feature(f, usual);
    for (size_t i = 0; i < f->n && !found; i++) {
        if (f->items[i].kind == kind && !f->items[i].repeated) {
            str_addf(&all, "%s%s", n++ ? ", " : "", f->items[i].name);
        }
    }
    for (size_t i = 0; i < f->n && !found && n == 1; i++) {
        found = f->items[i].kind == kind && !f->items[i].repeated ? &f->items[i] : NULL;
    }
    int rc = str_check(&all, e);
    if (!rc && f->n && (!found || found->kind != kind || found->repeated)) {
        rc = found ? err_set(e, ERR_FORMAT, "feature %s is not %s", found->name, what)
             : n   ? err_set(e, ERR_FORMAT, "no feature %s, and several could be %s: %.300s", usual,
                             what, str_text(&all))
                   : err_set(e, ERR_FORMAT, "no feature is %s", what);
    }
    if (!rc) {
        snprintf(out, 256, "%s", found ? found->name : told[0] ? told
                                                               : usual);
    }
    str_release(&all);
    return rc;
}

/* Class names of LABEL.labels.txt, one a line. */
static int read_names(struct tfds *t, size_t *n, struct err *e)
{
    char name[300], path[SOURCE_PATH];
    unsigned char *text;
    size_t bytes, at = 0;
    snprintf(name, sizeof name, "%s.labels.txt", t->label);
    for (char *p = name; (p = strchr(p, '/'));) {
        *p = '-';
    }
    *n = 0;
    if (file_join(path, sizeof path, t->where, name, e)) {
        return -1;
    }
    if (!file_exists(path)) {
        return 0;
    }
    if (file_read(path, MAX_NAMES, &text, &bytes, e)) {
        return -1;
    }
    t->names_text = (char *)text;
    if (memchr(text, 0, bytes)) {
        return err_set(e, ERR_FORMAT, "%s: a NUL character", path);
    }
    for (size_t i = 0; i < bytes; i++) {
        *n += text[i] == '\n' || i + 1 == bytes;
    }
    t->names = mem_take(*n, sizeof *t->names, e);
    if (!t->names) {
        return -1;
    }
    for (size_t i = 0; i < *n; i++) {
        t->names[i] = t->names_text + at;
        at += strcspn(t->names_text + at, "\n");
        t->names_text[at++] = 0;
    }
    return 0;
}

static int find_classes(struct tfds *t, const struct tfds_features *f, struct err *e)
{
    const struct tfds_feature *label = tfds_feature(f, t->label);
    size_t n_told = label ? label->n_classes : 0, n_names;
    if (read_names(t, &n_names, e)) {
        return -1;
    }
    t->n_classes = n_told ? n_told : n_names;
    if (!t->n_classes) {
        return err_set(e, ERR_FORMAT,
                       "%s: neither features.json nor %s.labels.txt says how many classes there "
                       "are",
                       t->where, t->label);
    }
    if (n_names && n_told && n_names != n_told) {
        return err_set(e, ERR_FORMAT, "%s/%s.labels.txt: %zu names of %zu classes", t->where,
                       t->label, n_names, n_told);
    }
    return 0;
}

static int compare_keys(const void *a, const void *b, void *text)
{
    return strcmp((const char *)text + *(const uint32_t *)a,
                  (const char *)text + *(const uint32_t *)b);
}

/* *unique: no two images of the split have one key. */
static int check_unique(const struct tfds_index *x, bool *unique, struct err *e)
{
    uint32_t *at = mem_take(x->n, sizeof *at, e);
    if (!at) {
        return -1;
    }
    for (size_t i = 0; i < x->n; i++) {
        at[i] = x->items[i].key;
    }
    qsort_r(at, x->n, sizeof *at, compare_keys, x->keys.data);
    for (size_t i = 1; i < x->n && *unique; i++) {
        *unique = compare_keys(&at[i - 1], &at[i], x->keys.data) != 0;
    }
    free(at);
    return 0;
}

/* Ids of their own, where all images of all splits have one and none has that of another. */
static int find_keys(struct tfds *t, struct err *e)
{
    t->keys = true;
    for (size_t s = 0; s < t->desc->n_source_splits && t->keys; s++) {
        const struct tfds_index *x = &t->splits[s];
        t->keys = !x->n || x->key < ARRAY_LEN(key_features);
        if (t->keys && x->n && check_unique(x, &t->keys, e)) {
            return -1;
        }
    }
    return 0;
}

/* Splits of other names are not read: there has to be one that is. */
static int check_splits(const struct tfds *t, const struct tfds_info *info, struct err *e)
{
    struct str names = {0};
    for (size_t s = 0; s < t->desc->n_source_splits; s++) {
        if (tfds_info_split(info, t->desc->salts[s])) {
            return 0;
        }
    }
    for (size_t i = 0; i < info->n_splits; i++) {
        str_addf(&names, "%s%s", i ? ", " : "", info->splits[i].name);
    }
    int rc = str_check(&names, e);
    rc = rc ? rc
            : err_set(e, ERR_FORMAT,
                      "%s/dataset_info.json: no split train, validation or test, but: %.300s",
                      t->where, info->n_splits ? str_text(&names) : "none");
    str_release(&names);
    return rc;
}

int tfds_open_contents(struct tfds *t, const struct tfds_info *info, const struct tfds_features *f,
                       struct err *e)
{
    struct tfds_wants wants = {.image = t->image,
                               .label = t->label,
                               .label_kind = TFDS_LABEL_CLASS,
                               .keys = key_features,
                               .n_keys = ARRAY_LEN(key_features)};
    if (choose(f, TFDS_IMAGE, info->input, "image", "one image", t->image, e) ||
        choose(f, TFDS_CLASS, info->output, "label", "one class", t->label, e)) {
        return err_wrap(e, "%s/features.json", t->where);
    }
    snprintf(t->short_name, sizeof t->short_name, "%s%s%s%s%s", info->name,
             info->config[0] ? "-" : "", info->config, info->version[0] ? "-" : "", info->version);
    if (check_splits(t, info, e) || tfds_take_shape(t, f, e) || find_classes(t, f, e)) {
        return -1;
    }
    wants.n_classes = t->n_classes;
    int rc = tfds_read_splits(t, info, &wants, e) || find_keys(t, e) ? -1 : 0;
    for (size_t s = 0; s < t->desc->n_source_splits; s++) {
        t->splits[s].wants = NULL; /* ends with this function */
    }
    return rc;
}
