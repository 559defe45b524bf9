/* SVHN, cropped digits (ufldl.stanford.edu/housenumbers): train_32x32.mat and test_32x32.mat with
 * X uint8 [32, 32, 3, N], the first index running fastest, and y [N, 1] from 1 to 10, where 10 is
 * the digit 0: label = y % 10. The key is the index. */
#include "datasets/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "datasets/codec/mat.h"
#include "datasets/label_rule.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

enum { SIDE = 32,
       PLANE = SIDE * SIDE,
       PIXELS = 3 * PLANE };

static const char *const files[] = {"train_32x32.mat", "test_32x32.mat"};
/* The same without compression, as `datasets prepare` makes them: read in place. */
static const char *const unpacked[] = {"train_32x32.unpacked.mat", "test_32x32.unpacked.mat"};

struct svhn {
    char where[SOURCE_PATH];
    struct mat mat[2];
    const struct mat_array *x[2];
    int8_t *labels[2];
    size_t n[2];
    const struct label_rule *rule;
};

static int read_labels(struct svhn *s, size_t split, const struct mat_array *y, struct err *e)
{
    const struct label_rule *rule = s->rule;
    double *v = mat_numbers(y, e);
    s->labels[split] = v ? mem_take(y->n, 1, e) : NULL;
    int rc = s->labels[split] ? 0 : -1;
    for (size_t i = 0; !rc && i < y->n; i++) {
        int32_t label = rule->label(&(float){(float)v[i]}, 1);
        if (label < 0) {
            rc = err_set(e, ERR_FORMAT, "%s: item %zu: label %g not in %s", s->mat[split].path, i,
                         v[i], rule->range);
        }
        s->labels[split][i] = (int8_t)label;
    }
    free(v);
    return rc;
}

static int read_split(struct svhn *s, size_t split, const char *path, struct err *e)
{
    struct mat *m = &s->mat[split];
    if (mat_open(m, path, e)) {
        return -1;
    }
    const struct mat_array *x = mat_find(m, "X"), *y = mat_find(m, "y");
    if (!x || !y) {
        return err_set(e, ERR_FORMAT, "%s: no variable %s", path, x ? "y" : "X");
    }
    /* A last dimension of 1 is not stored. */
    size_t n = x->n_dims == 4 ? x->dims[3] : 1;
    if (x->n_dims < 3 || x->n_dims > 4 || x->dims[0] != SIDE || x->dims[1] != SIDE ||
        x->dims[2] != 3 || x->storage != 2) {
        return err_set(e, ERR_FORMAT, "%s: shape of X is not [32, 32, 3, N] in bytes", path);
    }
    if (y->n != n) {
        return err_set(e, ERR_FORMAT, "%s: %zu images, %zu labels", path, n, y->n);
    }
    s->x[split] = x;
    s->n[split] = n;
    return read_labels(s, split, y, e);
}

/* 1 when both files are in this place and could be read. */
static int visit(void *ctx, const char *place, struct err *e)
{
    struct svhn *s = ctx;
    char path[2][SOURCE_PATH];
    for (size_t i = 0; i < 2; i++) {
        if (file_join(path[i], sizeof path[i], place, unpacked[i], e)) {
            return -1;
        }
        if (!file_exists(path[i]) && file_join(path[i], sizeof path[i], place, files[i], e)) {
            return -1;
        }
    }
    bool have[2] = {file_exists(path[0]), file_exists(path[1])};
    if (!have[0] && !have[1]) {
        return 0;
    }
    for (size_t i = 0; i < 2; i++) {
        if (!have[i]) {
            return err_set(e, ERR_FORMAT, "%s missing in %s", files[i], place);
        }
        if (read_split(s, i, path[i], e)) {
            return -1;
        }
    }
    snprintf(s->where, sizeof s->where, "%s", place);
    return 1;
}

static void svhn_close(void *state)
{
    struct svhn *s = state;
    for (size_t i = 0; i < 2; i++) {
        mat_close(&s->mat[i]);
        free(s->labels[i]);
    }
    free(s);
}

static int svhn_open(void **state, const struct dataset_desc *d, const char *path,
                     const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows of this source take none */
    assert(d->n_classes == 10 && d->n_source_splits == 2);
    struct svhn *s = mem_take(1, sizeof *s, e);
    if (!s) {
        return -1;
    }
    s->rule = d->rule;
    int rc = source_visit(d, where, visit, s, e);
    if (!rc) {
        rc = source_absent(d, "train_32x32.mat", where, e);
    }
    if (rc < 0) {
        svhn_close(s);
        return -1;
    }
    *state = s;
    return 0;
}

static size_t svhn_count(const void *state, size_t source_split)
{
    return ((const struct svhn *)state)->n[source_split];
}

static int32_t svhn_label(const void *state, size_t source_split, size_t i)
{
    return ((const struct svhn *)state)->labels[source_split][i];
}

static size_t svhn_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    (void)state, (void)source_split, (void)i; /* all are equal */
    return PIXELS;
}

static int svhn_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                     struct sample *out, struct err *e)
{
    const struct svhn *s = state;
    uint8_t columns[PIXELS];
    if (sample_buf_reserve(buf, PIXELS, e) ||
        mat_read(s->x[source_split], columns, PIXELS, (uint64_t)i * PIXELS, e)) {
        return -1;
    }
    for (size_t k = 0; k < 3; k++) {
        for (size_t r = 0; r < SIDE; r++) {
            for (size_t c = 0; c < SIDE; c++) {
                buf->data[k * PLANE + r * SIDE + c] = columns[k * PLANE + c * SIDE + r];
            }
        }
    }
    *out = (struct sample){buf->data, PIXELS, SAMPLE_PLANAR, SIDE, SIDE};
    return 0;
}

static const char *svhn_where(const void *state)
{
    return ((const struct svhn *)state)->where;
}

const struct source_ops source_svhn = {
    .name = "svhn",
    .sources = "datasets/svhn.c datasets/label_rule.c datasets/codec/mat.c "
               "datasets/codec/spool.c datasets/codec/gzip.c",
    .open = svhn_open,
    .close = svhn_close,
    .count = svhn_count,
    .label = svhn_label,
    .encoded_bytes = svhn_encoded_bytes,
    .read = svhn_read,
    .where = svhn_where,
};
