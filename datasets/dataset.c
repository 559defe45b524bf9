/* Opening a data set: find its row, let its source open the files, hold the counts against the
 * official ones, make the canonical order, take the fingerprint. */
#include "datasets/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/tfds.h"
#include "datasets/tfds_row.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"

const struct dataset_desc *dataset_find(const char *name, struct err *e)
{
    const char *colon = strchr(name, ':');
    size_t n = colon ? (size_t)(colon - name) : strlen(name);
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < datasets_n; i++) {
        const struct dataset_desc *d = datasets[i];
        bool takes_path = !d->n_classes; /* its classes are what is found there */
        if (strlen(d->name) == n && !strncmp(d->name, name, n)) {
            if (takes_path == (colon && colon[1])) {
                return d;
            }
            err_set(e, ERR_USAGE, "data set '%s' %s: %s%s", name,
                    takes_path ? "needs a path" : "takes no path", d->name,
                    takes_path ? ":PATH" : "");
            return NULL;
        }
        near_add(&near, d->name);
    }
    err_set(e, ERR_USAGE, "unknown data set '%s'%s", name, near_text(&near));
    return NULL;
}

int source_visit(const struct dataset_desc *d, const struct dataset_dirs *where,
                 source_visit_fn *visit, void *ctx, struct err *e)
{
    for (size_t i = 0; i < where->n; i++) {
        for (size_t k = 0; k < DATASET_MAX_FOLDERS && d->folders[k]; k++) {
            char place[SOURCE_PATH];
            const char *below = d->folders[k];
            int n =
                snprintf(place, sizeof place, "%s%s%s", where->dirs[i], below[0] ? "/" : "", below);
            if (n < 0 || (size_t)n >= sizeof place) {
                return err_set(e, ERR_LIMIT, "data folder %.60s...: path too long", where->dirs[i]);
            }
            int rc = visit(ctx, place, e);
            if (rc) {
                return rc;
            }
        }
    }
    return 0;
}

int source_absent(const struct dataset_desc *d, const char *what, const struct dataset_dirs *where,
                  struct err *e)
{
    struct str places = {0};
    for (size_t i = 0; i < where->n; i++) {
        str_addf(&places, "%s%s", i ? ", " : "", where->dirs[i]);
    }
    err_set(e, ERR_ABSENT, "no %s in %.400s; %s", what, where->n ? str_text(&places) : "no folder",
            d->how_to_get);
    if (e && d->tfds && !d->tfds->first) {
        size_t n = strlen(e->text);
        snprintf(e->text + n, sizeof e->text - n, "; or as TFDS prepared it, in DIR/%s%s%s/VERSION",
                 d->tfds->builder, d->tfds->config ? "/" : "",
                 d->tfds->config ? d->tfds->config : "");
    }
    str_release(&places);
    return -1;
}

int sample_buf_reserve(struct sample_buf *buf, size_t n, struct err *e)
{
    void *data = buf->data;
    int rc = mem_grow(&data, &buf->cap, n, 1, e);
    buf->data = data;
    return rc;
}

void dataset_key(const struct dataset *d, size_t source_split, size_t i, char key[DATASET_ID])
{
    if (d->desc->numeric_ids) {
        snprintf(key, DATASET_ID, "%zu", i);
    } else {
        d->source->key(d->state, source_split, i, key);
    }
}

static int check_counts(struct dataset *d, bool partial, struct err *e)
{
    size_t n = 0;
    for (size_t s = 0; s < d->desc->n_source_splits; s++) {
        size_t have = d->n[s], official = d->desc->official[s];
        n += have;
        if (!official) {
            continue;
        }
        if (have > official || (have < official && !partial)) {
            return err_set(e, ERR_FORMAT, "%s: %zu images in %s, official number %zu%s",
                           dataset_where(d), have, d->desc->salts[s], official,
                           have < official ? " (--partial goes on with fewer)" : "");
        }
        d->partial = d->partial || have < official;
    }
    return n ? 0 : err_set(e, ERR_FORMAT, "%s: no image", dataset_where(d));
}

static void add_u64(unsigned char *out, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (unsigned char)(v >> 8 * i);
    }
}

enum { RECORD = 5 * 8 + DATASET_ID }; /* the most bytes of one image in the fingerprint */

/* The image at position i of source split s as bytes; returns how many. */
static size_t add_record(const struct dataset *d, size_t s, size_t i, unsigned char *rec)
{
    size_t row = d->order[s][i];
    char *id = (char *)rec + 24;
    dataset_key(d, s, row, id);
    size_t n = strlen(id);
    add_u64(rec, s);
    add_u64(rec + 8, i);
    add_u64(rec + 16, n);
    add_u64(rec + 24 + n, (uint64_t)d->source->label(d->state, s, row));
    add_u64(rec + 32 + n, d->source->encoded_bytes(d->state, s, row));
    return 40 + n;
}

/* Records are hashed many at a time: looking images up in canonical order waits for memory, which
 * the processor can do for several of them at once where nothing stands between. */
static void take_fingerprint(struct dataset *d)
{
    unsigned char recs[32 * RECORD];
    struct sha256 h;
    sha256_init(&h);
    for (size_t s = 0; s < d->desc->n_source_splits; s++) {
        size_t n = 0;
        for (size_t i = 0; i < d->n[s]; i++) {
            n += add_record(d, s, i, recs + n);
            if (n > sizeof recs - RECORD || i + 1 == d->n[s]) {
                sha256_add(&h, recs, n);
                n = 0;
            }
        }
    }
    sha256_final(&h, d->fingerprint);
}

static void name_subject(struct dataset *d, const char *path)
{
    if (!path) {
        strcpy(d->subject, d->name);
        return;
    }
    path = d->source->short_name ? d->source->short_name(d->state) : path;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') {
        n--;
    }
    size_t from = n;
    while (from && path[from - 1] != '/') {
        from--;
    }
    char base[128];
    size_t len = 0;
    for (; from < n && len < sizeof base - 1; from++) {
        char c = path[from];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        base[len++] = plain || c == '.' || c == '-' ? c : '_';
    }
    base[len] = 0;
    snprintf(d->subject, sizeof d->subject, "%s:%s@%.12s", d->desc->name, base, d->fingerprint);
}

/* After the source is open: everything that is the same for all sources. */
static int take_contents(struct dataset *d, const char *path, bool partial, struct err *e)
{
    const struct source_ops *source = d->source;
    d->n_classes = source->n_classes ? source->n_classes(d->state) : d->desc->n_classes;
    d->splits = d->desc->splits;
    d->n_splits = d->desc->n_splits;
    if (source->splits) {
        d->splits = source->splits(d->state, &d->n_splits);
    }
    for (size_t s = 0; s < d->desc->n_source_splits; s++) {
        d->n[s] = source->count(d->state, s);
    }
    const char *lacks = source->incomplete && !partial ? source->incomplete(d->state) : NULL;
    if (lacks) {
        return err_set(e, ERR_FORMAT, "%s (--partial goes on without)", lacks);
    }
    if (check_counts(d, partial, e)) {
        return -1;
    }
    for (size_t s = 0; s < d->desc->n_source_splits; s++) {
        d->order[s] = mem_take(d->n[s], sizeof *d->order[s], e);
        if (!d->order[s] || order_make(d, s, d->order[s], e)) {
            return -1;
        }
    }
    d->raw_pixels = d->desc->tfds && d->desc->tfds->encoded_again && source != &source_tfds_row;
    take_fingerprint(d);
    name_subject(d, path);
    return 0;
}

/* The row's source first, then what TFDS prepared; the other way round where the row says so. */
static int open_source(struct dataset *d, const char *path, const struct dataset_dirs *where,
                       struct err *e)
{
    const struct dataset_desc *desc = d->desc;
    const struct source_ops *const ways[] = {desc->source, &source_tfds_row};
    bool swapped = desc->tfds && desc->tfds->first;
    struct err first = {0}, second = {0};
    d->source = ways[swapped];
    if (!d->source->open(&d->state, desc, path, where, &first)) {
        return 0;
    }
    d->source = ways[!swapped];
    if (!desc->tfds || first.code != ERR_ABSENT) {
        second = first;
    } else if (!d->source->open(&d->state, desc, path, where, &second)) {
        return 0;
    }
    if (e) { /* of two absences the archive's says more */
        *e = second.code == ERR_ABSENT && !swapped ? first : second;
    }
    return -1;
}

int dataset_open(struct dataset **out, const char *name, const struct dataset_dirs *where,
                 struct err *e)
{
    *out = NULL;
    const struct dataset_desc *desc = dataset_find(name, e);
    struct dataset *d = desc ? mem_take(1, sizeof *d, e) : NULL;
    if (!d) {
        return -1;
    }
    d->desc = desc;
    const char *path = strchr(name, ':');
    path = path ? path + 1 : NULL;
    int rc;
    if (strlen(name) >= sizeof d->name) {
        rc = err_set(e, ERR_LIMIT, "data set '%.40s...': the name is too long", name);
    } else {
        strcpy(d->name, name);
        rc = open_source(d, path, where, e);
        rc = rc ? rc : take_contents(d, path, where->partial, e);
        rc = rc ? err_wrap(e, "data set %s", desc->name) : 0;
    }
    if (rc) {
        dataset_close(d);
        return -1;
    }
    *out = d;
    return 0;
}

void dataset_close(struct dataset *d)
{
    if (!d) {
        return;
    }
    if (d->state) {
        d->source->close(d->state);
    }
    for (size_t s = 0; s < DATASET_MAX_SOURCE_SPLITS; s++) {
        free(d->order[s]);
    }
    free(d);
}

const char *dataset_class_name(const struct dataset *d, size_t label)
{
    assert(label < d->n_classes);
    const struct source_ops *source = d->source;
    const char *name = source->class_name ? source->class_name(d->state, label) : NULL;
    if (!name && d->desc->class_names) {
        name = d->desc->class_names[label];
    }
    return name ? name : "";
}

const char *dataset_where(const struct dataset *d)
{
    return d->source->where(d->state);
}
