/* PatchCamelyon (github.com/basveeling/pcam): for each split an HDF5 file with x, bytes
 * [N, 96, 96, 3], and one with y [N, 1, 1, 1], 1 where the centre of the patch has tumour tissue.
 * Plain or .gz; packed ones are unpacked into temporary files when the set is opened. The key is
 * SPLIT_INDEX, where the validation split is called `valid`. */
#include "datasets/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "datasets/codec/spool.h"
#include "datasets/h5_array.h"
#include "datasets/label_rule.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

enum { N_SPLITS = 3,
       SIDE = 96,
       PIXELS = 3 * SIDE * SIDE };

static const char *const names[] = {"train", "valid", "test"};

struct pcam {
    char where[SOURCE_PATH];
    const struct dataset_desc *desc;
    struct h5_array *x[N_SPLITS];
    int8_t *labels[N_SPLITS];
    size_t n[N_SPLITS];
};

/* The path of a split's file as it is there, plain before .gz; false where it is not. */
static bool find_file(char path[SOURCE_PATH], const char *place, size_t split, char what)
{
    static const char *const ends[] = {"", ".gz"};
    for (size_t i = 0; i < 2; i++) {
        int n = snprintf(path, SOURCE_PATH, "%s/camelyonpatch_level_2_split_%s_%c.h5%s", place,
                         names[split], what, ends[i]);
        if (n > 0 && n < SOURCE_PATH && file_exists(path)) {
            return true;
        }
    }
    return false;
}

/* An array of a file that may be packed. */
static int open_array(struct h5_array *a, const char *path, uint64_t most, const char *dataset,
                      struct err *e)
{
    struct spool *s;
    uint64_t offset;
    if (spool_open(&s, path, most, false, e)) {
        return -1;
    }
    int rc = spool_fill(s, e);
    rc = rc ? rc : h5_array_open(a, spool_fd(s, &offset), spool_bytes(s), dataset, path, e);
    spool_close(s);
    return rc;
}

static int read_labels(struct pcam *p, size_t split, const char *path, struct err *e)
{
    const struct label_rule *rule = p->desc->rule;
    struct h5_array y;
    size_t most = p->desc->official[split];
    if (open_array(&y, path, (uint64_t)most * 64 + (1 << 20), "y", e)) {
        return -1;
    }
    const size_t *dims = y.map.dims;
    int rc = 0;
    int64_t *v = NULL;
    if (dims[0] != p->n[split] || dims[1] * dims[2] * dims[3] != 1) {
        rc = err_set(e, ERR_FORMAT, "%s: %zu images, %zu labels", path, p->n[split],
                     dims[0] * dims[1] * dims[2] * dims[3]);
    } else {
        v = h5_array_integers(&y, e);
        p->labels[split] = v ? mem_take(p->n[split], 1, e) : NULL;
        rc = p->labels[split] ? 0 : -1;
    }
    for (size_t i = 0; !rc && i < p->n[split]; i++) {
        int32_t label = rule->label(&(float){(float)v[i]}, 1);
        if (label < 0) {
            rc = err_set(e, ERR_FORMAT, "%s: item %zu: label %lld not in %s", path, i,
                         (long long)v[i], rule->range);
        }
        p->labels[split][i] = (int8_t)label;
    }
    free(v);
    h5_array_close(&y);
    return rc;
}

static int open_pixels(struct pcam *p, size_t split, const char *path, struct err *e)
{
    size_t most = p->desc->official[split];
    struct h5_array *x = mem_take(1, sizeof *x, e);
    if (!x || open_array(x, path, (uint64_t)most * (PIXELS + 1024) + (1 << 24), "x", e)) {
        free(x);
        return -1;
    }
    p->x[split] = x;
    const size_t *dims = x->map.dims;
    if (x->map.is_float || x->map.is_signed || x->map.item_bytes != 1) {
        return err_set(e, ERR_FORMAT, "%s: type of x is not byte", path);
    }
    if (x->map.n_dims != 4 || dims[1] != SIDE || dims[2] != SIDE || dims[3] != 3 ||
        dims[0] > most) {
        return err_set(e, ERR_FORMAT, "%s: shape of x is not [N, %d, %d, 3] with N at most %zu",
                       path, SIDE, SIDE, most);
    }
    p->n[split] = dims[0];
    return 0;
}

/* 1 when all files are in this place and could be read. */
static int visit(void *ctx, const char *place, struct err *e)
{
    struct pcam *p = ctx;
    char path[N_SPLITS][2][SOURCE_PATH];
    bool have[N_SPLITS][2], any = false;
    for (size_t i = 0; i < 2 * N_SPLITS; i++) {
        have[i / 2][i % 2] = find_file(path[i / 2][i % 2], place, i / 2, "xy"[i % 2]);
        any = any || have[i / 2][i % 2];
    }
    for (size_t i = 0; any && i < 2 * N_SPLITS; i++) {
        if (!have[i / 2][i % 2]) {
            return err_set(e, ERR_FORMAT, "camelyonpatch_level_2_split_%s_%c.h5[.gz] missing in %s",
                           names[i / 2], "xy"[i % 2], place);
        }
    }
    for (size_t i = 0; any && i < N_SPLITS; i++) {
        if (open_pixels(p, i, path[i][0], e) || read_labels(p, i, path[i][1], e)) {
            return -1;
        }
    }
    snprintf(p->where, sizeof p->where, "%s", place);
    return any;
}

static void pcam_close(void *state)
{
    struct pcam *p = state;
    for (size_t i = 0; i < N_SPLITS; i++) {
        if (p->x[i]) {
            h5_array_close(p->x[i]);
        }
        free(p->x[i]);
        free(p->labels[i]);
    }
    free(p);
}

static int pcam_open(void **state, const struct dataset_desc *d, const char *path,
                     const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows of this source take none */
    assert(d->rule && d->n_source_splits == N_SPLITS);
    struct pcam *p = mem_take(1, sizeof *p, e);
    if (!p) {
        return -1;
    }
    p->desc = d;
    int rc = source_visit(d, where, visit, p, e);
    if (!rc) {
        rc = source_absent(d, "camelyonpatch_level_2_split_train_x.h5[.gz]", where, e);
    }
    if (rc < 0) {
        pcam_close(p);
        return -1;
    }
    *state = p;
    return 0;
}

static size_t pcam_count(const void *state, size_t source_split)
{
    return ((const struct pcam *)state)->n[source_split];
}

static int32_t pcam_label(const void *state, size_t source_split, size_t i)
{
    return ((const struct pcam *)state)->labels[source_split][i];
}

static void pcam_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    (void)state;
    snprintf(key, DATASET_ID, "%s_%zu", names[source_split], i);
}

static size_t pcam_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    (void)state, (void)source_split, (void)i; /* all are equal */
    return PIXELS;
}

static int pcam_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                     struct sample *out, struct err *e)
{
    const struct pcam *p = state;
    if (h5_array_read(p->x[source_split], i, buf, e)) {
        return -1;
    }
    *out = (struct sample){buf->data, PIXELS, SAMPLE_RGB, SIDE, SIDE};
    return 0;
}

static const char *pcam_where(const void *state)
{
    return ((const struct pcam *)state)->where;
}

const struct source_ops source_pcam = {
    .name = "pcam",
    .sources = "datasets/pcam.c datasets/h5_array.c datasets/label_rule.c "
               "datasets/codec/spool.c datasets/codec/gzip.c harness/base/h5_map.c",
    .open = pcam_open,
    .close = pcam_close,
    .count = pcam_count,
    .label = pcam_label,
    .key = pcam_key,
    .encoded_bytes = pcam_encoded_bytes,
    .read = pcam_read,
    .where = pcam_where,
};
