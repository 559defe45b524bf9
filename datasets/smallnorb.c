/* Small NORB (cs.nyu.edu/~ylclab/data/norb-v1.0-small): toys under 9 elevations, 18 azimuths and 6
 * lights. Of each split the -dat matrix, bytes [N, 2, 96, 96] of which the left camera's image is
 * used, and the -info matrix, int32 [N, 4]: instance, elevation, azimuth, light. Plain or .gz. The
 * key is the index. */
#include "datasets/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/codec/gzip.h"
#include "datasets/codec/norb.h"
#include "datasets/codec/spool.h"
#include "datasets/label_rule.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/little.h"
#include "harness/base/mem.h"

enum { SIDE = 96,
       PIXELS = SIDE * SIDE };

static const char *const stems[] = {"smallnorb-5x46789x9x18x6x2x96x96-training",
                                    "smallnorb-5x01235x9x18x6x2x96x96-testing"};

struct smallnorb {
    char where[SOURCE_PATH];
    const struct dataset_desc *desc;
    struct spool *pixels[2];
    size_t pixel_offset[2], n[2];
    int8_t *labels[2];
};

/* The path of a split's matrix as it is there, plain before .gz; false where it is not. */
static bool find_file(char path[SOURCE_PATH], const char *place, size_t split, const char *what)
{
    static const char *const ends[] = {"", ".gz"};
    for (size_t i = 0; i < 2; i++) {
        int n = snprintf(path, SOURCE_PATH, "%s/%s-%s.mat%s", place, stems[split], what, ends[i]);
        if (n > 0 && n < SOURCE_PATH && file_exists(path)) {
            return true;
        }
    }
    return false;
}

/* The head of a matrix, and its values too where there is room for them. *values is fresh memory
 * (NULL where it is not asked for), *n_values how many bytes were there. */
static int read_matrix(struct norb *m, const char *path, size_t most, uint8_t **values,
                       struct err *e)
{
    uint8_t head[NORB_HEAD];
    struct gzip *g;
    size_t n, got = 0;
    if (gzip_open(&g, path, e)) {
        return -1;
    }
    int rc = gzip_read(g, head, sizeof head, &n, e);
    rc = rc ? rc : norb_parse(m, head, n, path, e);
    if (!rc && values) {
        size_t bytes = m->n * m->item_bytes, have = n - m->data_offset;
        *values = NULL;
        if (bytes > most) {
            rc = err_set(e, ERR_FORMAT, "%s: %zu values, more than the official data have", path,
                         m->n);
        }
        *values = rc ? NULL : mem_take(bytes + 1 + sizeof head, 1, e);
        rc = *values ? 0 : -1;
        if (!rc) {
            memcpy(*values, head + m->data_offset, have);
            rc = bytes >= have ? gzip_read(g, *values + have, bytes - have + 1, &got, e) : 0;
        }
        if (!rc && have + got != bytes) {
            rc = err_set(e, ERR_FORMAT, "%s: %s", path,
                         have + got < bytes ? "truncated" : "bytes behind the last value");
        }
    }
    gzip_close(g);
    return rc;
}

static int32_t i32(const uint8_t *p)
{
    return (int32_t)le32(p);
}

/* The labels of a split out of its -info matrix. */
static int read_labels(struct smallnorb *s, size_t split, const char *path, struct err *e)
{
    const struct label_rule *rule = s->desc->rule;
    struct norb m;
    uint8_t *info = NULL;
    int rc = read_matrix(&m, path, s->desc->official[split] * 16, &info, e);
    if (!rc && (m.n_dims != 2 || m.item_bytes != 4 || m.dims[1] != 4)) {
        rc = err_set(e, ERR_FORMAT, "%s: not int32 values [N, 4]", path);
    }
    if (!rc && m.dims[0] != s->n[split]) {
        rc = err_set(e, ERR_FORMAT, "%s: %zu images, %zu rows", path, s->n[split], m.dims[0]);
    }
    s->labels[split] = rc ? NULL : mem_take(s->n[split], 1, e);
    rc = s->labels[split] ? 0 : -1;
    for (size_t i = 0; !rc && i < s->n[split]; i++) {
        int32_t v = i32(info + 16 * i + 4 * rule->column);
        int32_t label = rule->label(&(float){(float)v}, 1);
        if (label < 0) {
            rc = err_set(e, ERR_FORMAT, "%s: row %zu: %s %d not in %s", path, i, rule->what, v,
                         rule->range);
        }
        s->labels[split][i] = (int8_t)label;
    }
    free(info);
    return rc;
}

static int open_pixels(struct smallnorb *s, size_t split, const char *path, struct err *e)
{
    struct norb m;
    size_t most = s->desc->official[split];
    if (read_matrix(&m, path, 0, NULL, e)) {
        return -1;
    }
    if (m.n_dims != 4 || m.item_bytes != 1 || m.dims[1] != 2 || m.dims[2] != SIDE ||
        m.dims[3] != SIDE || m.dims[0] > most) {
        return err_set(e, ERR_FORMAT, "%s: not bytes [N, 2, %d, %d] with N at most %zu", path, SIDE,
                       SIDE, most);
    }
    s->n[split] = m.dims[0];
    s->pixel_offset[split] = m.data_offset;
    return spool_open(&s->pixels[split], path, m.data_offset + m.n, true, e);
}

/* 1 when all matrices are in this place and could be read. */
static int visit(void *ctx, const char *place, struct err *e)
{
    static const char *const what[] = {"dat", "info"};
    struct smallnorb *s = ctx;
    char path[2][2][SOURCE_PATH];
    bool have[2][2], any = false;
    for (size_t i = 0; i < 4; i++) {
        have[i / 2][i % 2] = find_file(path[i / 2][i % 2], place, i / 2, what[i % 2]);
        any = any || have[i / 2][i % 2];
    }
    for (size_t i = 0; any && i < 4; i++) {
        if (!have[i / 2][i % 2]) {
            return err_set(e, ERR_FORMAT, "%s-%s.mat[.gz] missing in %s", stems[i / 2],
                           what[i % 2], place);
        }
    }
    for (size_t i = 0; any && i < 2; i++) {
        if (open_pixels(s, i, path[i][0], e) || read_labels(s, i, path[i][1], e)) {
            return -1;
        }
    }
    snprintf(s->where, sizeof s->where, "%s", place);
    return any;
}

static void smallnorb_close(void *state)
{
    struct smallnorb *s = state;
    for (size_t i = 0; i < 2; i++) {
        spool_close(s->pixels[i]);
        free(s->labels[i]);
    }
    free(s);
}

static int smallnorb_open(void **state, const struct dataset_desc *d, const char *path,
                          const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows of this source take none */
    assert(d->rule && d->n_source_splits == 2);
    struct smallnorb *s = mem_take(1, sizeof *s, e);
    if (!s) {
        return -1;
    }
    s->desc = d;
    int rc = source_visit(d, where, visit, s, e);
    if (!rc) {
        rc = source_absent(d, "smallnorb-5x46789x9x18x6x2x96x96-training-dat.mat[.gz]", where, e);
    }
    if (rc < 0) {
        smallnorb_close(s);
        return -1;
    }
    *state = s;
    return 0;
}

static size_t smallnorb_count(const void *state, size_t source_split)
{
    return ((const struct smallnorb *)state)->n[source_split];
}

static int32_t smallnorb_label(const void *state, size_t source_split, size_t i)
{
    return ((const struct smallnorb *)state)->labels[source_split][i];
}

static size_t smallnorb_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    (void)state, (void)source_split, (void)i; /* all are equal */
    return PIXELS;
}

static int smallnorb_read(const void *state, size_t source_split, size_t i,
                          struct sample_buf *buf, struct sample *out, struct err *e)
{
    const struct smallnorb *s = state;
    uint64_t at = s->pixel_offset[source_split] + (uint64_t)i * 2 * PIXELS;
    if (sample_buf_reserve(buf, PIXELS, e) ||
        spool_read(s->pixels[source_split], buf->data, PIXELS, at, e)) {
        return -1;
    }
    *out = (struct sample){buf->data, PIXELS, SAMPLE_GREY, SIDE, SIDE};
    return 0;
}

static const char *smallnorb_where(const void *state)
{
    return ((const struct smallnorb *)state)->where;
}

const struct source_ops source_smallnorb = {
    .name = "smallnorb",
    .sources = "datasets/smallnorb.c datasets/label_rule.c datasets/codec/norb.c "
               "datasets/codec/spool.c datasets/codec/gzip.c",
    .open = smallnorb_open,
    .close = smallnorb_close,
    .count = smallnorb_count,
    .label = smallnorb_label,
    .encoded_bytes = smallnorb_encoded_bytes,
    .read = smallnorb_read,
    .where = smallnorb_where,
};
