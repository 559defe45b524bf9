/* Which training images a cell may see. The few-shot rules: nested (ours), first-k, and the two
 * that follow numpy's generators, big-vision and bit-jax (numpy_draw.c). */
#include "protocols/regime.h"
#include "protocols/numpy_draw.h"
#include "protocols/spec.h"
#include "datasets/dataset.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct keyed {
    uint64_t key;
    size_t row;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows of each class, ascending: class c owns rows[start[c] .. start[c + 1]). */
static int rows_by_class(const int32_t *labels, size_t n_labels, size_t n_classes, size_t **rows,
                         size_t **start, struct err *e)
{
    *rows = mem_take(n_labels, sizeof **rows, e);
    *start = mem_take(n_classes + 2, sizeof **start, e);
    if (!*rows || !*start) {
        return -1;
    }
    for (size_t i = 0; i < n_labels; i++) {
        assert(labels[i] >= 0 && (size_t)labels[i] < n_classes);
        (*start)[labels[i] + 2]++;
    }
    for (size_t c = 2; c < n_classes + 2; c++) {
        (*start)[c] += (*start)[c - 1];
    }
    for (size_t i = 0; i < n_labels; i++) {
        (*rows)[(*start)[labels[i] + 1]++] = i;
    }
    return 0;
}

/* Orders the rows of one class by a counter-based key: the k-shot set is the first k, so sets
 * are nested in k, and one class's draw does not depend on another's. */
static int order_nested(size_t *rows, size_t n, size_t class, uint64_t draw, struct err *e)
{
    struct keyed *keyed = mem_take(n, sizeof *keyed, e);
    if (!keyed) {
        return -1;
    }
    uint64_t purpose = rng_fnv1a64("kshot/nested") + class;
    for (size_t i = 0; i < n; i++) {
        keyed[i] = (struct keyed){rng_at(draw, purpose, rows[i]), rows[i]};
    }
    qsort(keyed, n, sizeof *keyed, by_key);
    for (size_t i = 0; i < n; i++) {
        rows[i] = keyed[i].row;
    }
    free(keyed);
    return 0;
}

static int order_all_nested(size_t *rows, const size_t *start, size_t n_classes, uint64_t draw,
                            struct err *e)
{
    for (size_t c = 0; c < n_classes; c++) {
        if (order_nested(rows + start[c], start[c + 1] - start[c], c, draw, e)) {
            return -1;
        }
    }
    return 0;
}

int regime_kshot(const char *rule, const int32_t *labels, size_t n_labels, size_t n_classes,
                 size_t k, uint64_t draw, size_t **rows, size_t *n, size_t *n_short, struct err *e)
{
    size_t *sorted = NULL, *start = NULL, *out = NULL;
    int status = -1;
    *n = *n_short = 0;
    if (rows_by_class(labels, n_labels, n_classes, &sorted, &start, e)) {
        goto out;
    }
    if (!strcmp(rule, "nested")) {
        status = order_all_nested(sorted, start, n_classes, draw, e);
    } else if (!strcmp(rule, "big-vision")) {
        numpy_draw_big_vision(sorted, start, n_classes, draw);
        status = 0;
    } else if (!strcmp(rule, "bit-jax")) {
        numpy_draw_bit_jax(sorted, start, n_classes, draw);
        status = 0;
    } else {
        assert(!strcmp(rule, "first-k"));
        status = 0;
    }
    if (status) {
        goto out;
    }
    status = -1;
    out = mem_take(n_labels, sizeof *out, e);
    if (!out) {
        goto out;
    }
    for (size_t c = 0; c < n_classes; c++) {
        size_t have = start[c + 1] - start[c];
        if (have < k && !strcmp(rule, "bit-jax")) {
            err_set(e, ERR_USAGE,
                    "class %zu has %zu images, fewer than the %zu shots that rule bit-jax demands",
                    c, have, k);
            goto out;
        }
        *n_short += have < k;
        for (size_t i = 0; i < have && i < k; i++) {
            out[(*n)++] = sorted[start[c] + i];
        }
    }
    *rows = out;
    out = NULL;
    status = 0;
out:
    if (status) {
        *n = 0;
    }
    free(out);
    free(start);
    free(sorted);
    return status;
}

const char *regime_split(const struct run_spec *s)
{
    return !strcmp(s->regime.name, "none")        ? NULL
           : !strcmp(s->regime.name, "vtab-800")  ? "train800"
           : !strcmp(s->regime.name, "vtab-1000") ? "train800val200"
                                                  : s->regime.split;
}

int regime_rows(const struct run_spec *s, const struct split *train, size_t n_classes,
                size_t **rows, size_t *n, size_t *n_short, struct err *e)
{
    *n_short = 0;
    if (!strcmp(s->regime.name, "kshot")) {
        if (regime_kshot(s->regime.rule, train->label, train->n, n_classes, (size_t)s->regime.k,
                         (uint64_t)s->regime.draw, rows, n, n_short, e)) {
            return err_wrap(e, "%s", train->text);
        }
        return 0;
    }
    *n = train->n;
    if (!strcmp(s->regime.name, "first-n")) {
        if ((size_t)s->regime.n > train->n) {
            return err_set(e, ERR_USAGE, "regime.n is %lld, but %s has %zu images",
                           (long long)s->regime.n, train->text, train->n);
        }
        *n = (size_t)s->regime.n;
    }
    *rows = mem_take(*n, sizeof **rows, e);
    if (!*rows) {
        return -1;
    }
    for (size_t i = 0; i < *n; i++) {
        (*rows)[i] = i;
    }
    return 0;
}
