/* What the weight formats share: the list of what a file holds and the architecture that follows
 * from it. */
#include "models/weights.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/model.h"

static const struct weight_format *const formats[] = {&weights_npz, &weights_safetensors};

const struct weight_format *weights_format(const char *path, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (str_ends(path, formats[i]->extension)) {
            return formats[i];
        }
    }
    err_set(e, ERR_USAGE, "%s: unknown weight format; known are .npz and .safetensors", path);
    return NULL;
}

int weights_list_init(struct weights_list *l, size_t cap, struct err *e)
{
    *l = (struct weights_list){.cap = cap};
    l->entries = mem_take(cap, sizeof *l->entries, e);
    return l->entries ? 0 : -1;
}

void weights_list_release(struct weights_list *l)
{
    free(l->entries);
    *l = (struct weights_list){0};
}

int weights_shown(const struct weights_list *l, const char *stored)
{
    enum { MOST = 200 };
    size_t n = strlen(stored);
    if (l->suffix && str_ends(stored, l->suffix)) {
        n -= strlen(l->suffix);
    }
    return (int)(n < MOST ? n : MOST);
}

static int foreign(const struct weights_list *l, const char *stored, const char *path,
                   struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: tensor '%.*s' is not one of a BiT network", path,
                   weights_shown(l, stored), stored);
}

int weights_add(struct weights_list *l, const char *name, const char *stored, size_t index,
                const char *path, struct err *e)
{
    if (!name || strlen(name) >= PARAM_NAME) {
        return foreign(l, stored, path, e);
    }
    assert(l->n < l->cap);
    struct weights_entry *w = &l->entries[l->n++];
    *w = (struct weights_entry){.stored = stored, .index = index};
    memcpy(w->name, name, strlen(name) + 1);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct weights_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

int weights_sort(struct weights_list *l, const char *path, struct err *e)
{
    qsort(l->entries, l->n, sizeof *l->entries, by_name);
    for (size_t i = 1; i < l->n; i++) {
        const struct weights_entry *a = &l->entries[i - 1], *b = &l->entries[i];
        if (!strcmp(a->name, b->name)) {
            return err_set(e, ERR_FORMAT, "%s: tensor %s is there twice: '%.*s' and '%.*s'", path,
                           a->name, weights_shown(l, a->stored), a->stored,
                           weights_shown(l, b->stored), b->stored);
        }
    }
    return 0;
}

struct weights_entry *weights_get(struct weights_list *l, const char *name)
{
    size_t lo = 0, hi = l->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcmp(l->entries[mid].name, name);
        if (!order) {
            return &l->entries[mid];
        }
        if (order < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

static int infer(struct arch *a, struct weights_list *l, size_t root_channels, const char *path,
                 struct err *e)
{
    *a = (struct arch){.width2 = root_channels / ARCH_GROUPS};
    if (root_channels % ARCH_GROUPS || !a->width2 || a->width2 > ARCH_MAX_WIDTH2) {
        const char *root = weights_get(l, WEIGHTS_ROOT)->stored;
        return err_set(e, ERR_FORMAT,
                       "%s: tensor '%.*s' has %zu output channels, expected a multiple of %d up to "
                       "%d: GroupNorm makes %d groups of them",
                       path, weights_shown(l, root), root, root_channels, ARCH_GROUPS,
                       ARCH_GROUPS * ARCH_MAX_WIDTH2, ARCH_GROUPS);
    }
    for (size_t i = 0; i < l->n; i++) {
        size_t block, unit;
        const char *rest;
        if (weights_npz_unit(l->entries[i].name, &block, &unit, &rest) &&
            unit > a->depth[block - 1]) {
            a->depth[block - 1] = unit;
        }
    }
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        if (!a->depth[b] || a->depth[b] > ARCH_MAX_DEPTH) {
            return err_set(e, ERR_FORMAT, "%s: block %zu has %zu units, expected 1..%d", path,
                           b + 1, a->depth[b], ARCH_MAX_DEPTH);
        }
    }
    return 0;
}

/* A head's kernel alone would pass for a tensor that nobody knows. */
static int check_head(struct weights_list *l, const char *path, struct err *e)
{
    const struct weights_entry *kernel = weights_get(l, WEIGHTS_HEAD_KERNEL);
    if (!kernel || weights_get(l, WEIGHTS_HEAD_BIAS)) {
        return 0;
    }
    return err_set(e, ERR_FORMAT, "%s: tensor " WEIGHTS_HEAD_BIAS " is missing: of the head there "
                                  "is only '%.*s'",
                   path, weights_shown(l, kernel->stored), kernel->stored);
}

int weights_bind(struct model *m, struct weights_list *l, size_t root_channels, size_t n_classes,
                 size_t **index, const char *path, struct err *e)
{
    *index = NULL;
    if (check_head(l, path, e) || infer(&m->arch, l, root_channels, path, e) ||
        param_table_init(&m->table, &m->arch, n_classes, e)) {
        return -1;
    }
    m->n_classes = n_classes;
    size_t *at = mem_take(m->table.n, sizeof *at, e);
    if (!at) {
        return -1;
    }
    for (size_t i = 0; i < m->table.n; i++) {
        struct weights_entry *w = weights_get(l, m->table.params[i].name);
        if (!w) {
            free(at);
            return err_set(e, ERR_FORMAT, "%s: tensor %s is missing", path,
                           m->table.params[i].name);
        }
        w->used = true;
        at[i] = w->index;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (!l->entries[i].used) {
            free(at);
            return foreign(l, l->entries[i].stored, path, e);
        }
    }
    *index = at;
    return 0;
}

void weights_dims(char text[WEIGHTS_DIMS], size_t n_dims, const size_t *dims)
{
    size_t at = 0;
    memcpy(text, "scalar", sizeof "scalar");
    for (size_t i = 0; i < n_dims && at < WEIGHTS_DIMS; i++) {
        int len = snprintf(text + at, WEIGHTS_DIMS - at, "%s%zu", i ? "x" : "", dims[i]);
        at += (size_t)len;
    }
}

int weights_check_finite(const struct model *m, const char *path, struct err *e)
{
    for (size_t i = 0; i < m->table.n; i++) {
        const struct param *p = &m->table.params[i];
        for (size_t j = 0; j < p->n; j++) {
            float v = m->params[p->offset + j];
            if (!isfinite(v)) {
                return err_set(e, ERR_NUMERIC, "%s: tensor %s: element %zu is %s", path, p->name, j,
                               str_not_finite((double)v));
            }
        }
    }
    return 0;
}
