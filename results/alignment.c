/* Images are in canonical order in every cell, so ids are compared in place first, and sorted only
 * where they stand in another order. */
#include "results/alignment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "results/paired.h"
#include "results/pairing.h"
#include "results/record.h"

/* ---- ids ---- */

static int compare_ids(const struct outcomes *a, size_t i, const struct outcomes *b, size_t k)
{
    if (a->numeric_ids) {
        return (a->id_number[i] > b->id_number[k]) - (a->id_number[i] < b->id_number[k]);
    }
    return strcmp(a->id_text + i * a->id_stride, b->id_text + k * b->id_stride);
}

static bool in_place(const struct outcomes *a, const struct outcomes *b)
{
    bool same = true;
    for (size_t i = 0; i < a->n && same; i++) {
        same = compare_ids(a, i, b, i) == 0;
    }
    return same;
}

static int by_id(const void *a, const void *b, void *ctx)
{
    const struct outcomes *o = ctx;
    return compare_ids(o, *(const size_t *)a, o, *(const size_t *)b);
}

/* Rows in the order of their ids; an id that stands twice cannot be paired. */
static int sort_rows(const struct outcomes *o, size_t *rows, const char *run_id, struct err *e)
{
    for (size_t i = 0; i < o->n; i++) {
        rows[i] = i;
    }
    qsort_r(rows, o->n, sizeof *rows, by_id, (void *)(uintptr_t)o);
    for (size_t i = 1; i < o->n; i++) {
        if (compare_ids(o, rows[i - 1], o, rows[i]) == 0) {
            return err_set(e, ERR_USAGE, "cell %s has an image id twice (rows %zu and %zu)", run_id,
                           rows[i - 1], rows[i]);
        }
    }
    return 0;
}

/* How many ids two lists of sorted rows share. */
static size_t count_common(const struct outcomes *a, const size_t *rows_a,
                           const struct outcomes *b, const size_t *rows_b)
{
    size_t n = 0;
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        int order = compare_ids(a, rows_a[i], b, rows_b[k]);
        n += order == 0;
        i += order <= 0;
        k += order >= 0;
    }
    return n;
}

/* row [a->n]: where in other the image stands that is at this place in first. */
static int match_rows(const struct record *first, const struct record *other, size_t *row,
                      struct err *e)
{
    const struct outcomes *a = &first->outcomes, *b = &other->outcomes;
    size_t *sorted = mem_take(a->n, 2 * sizeof *sorted, e), *sorted_b = sorted + a->n;
    if (!sorted) {
        return -1;
    }
    int rc = sort_rows(a, sorted, first->run_id, e) || sort_rows(b, sorted_b, other->run_id, e)
                 ? -1
                 : 0;
    size_t n_common = rc ? 0 : count_common(a, sorted, b, sorted_b);
    if (rc == 0 && n_common != a->n) {
        rc = err_set(e, ERR_USAGE,
                     n_common ? "the test images differ: %zu of %zu are in both cells (%s and %s)"
                              : "no common test images: %zu of %zu are in both cells (%s and %s)",
                     n_common, a->n, first->run_id, other->run_id);
    }
    for (size_t i = 0; i < a->n && rc == 0; i++) {
        row[sorted[i]] = sorted_b[i];
    }
    free(sorted);
    return rc;
}

/* ---- one cell against the first ---- */

static int align(const struct record *first, const struct record *other, size_t *row,
                 struct err *e)
{
    const struct outcomes *a = &first->outcomes, *b = &other->outcomes;
    if (b->n == 0) {
        return err_set(e, ERR_USAGE,
                       "cell %s stores no outcomes of its test images (outcomes=none): nothing "
                       "can be paired",
                       other->run_id);
    }
    if (a->n != b->n) {
        return err_set(e, ERR_USAGE, "the test sets differ in size: %zu images in %s, %zu in %s",
                       a->n, first->run_id, b->n, other->run_id);
    }
    if (a->numeric_ids != b->numeric_ids) {
        return err_set(e, ERR_USAGE, "no common test images: ids are numbers in one of %s and %s",
                       first->run_id, other->run_id);
    }
    if (in_place(a, b)) {
        for (size_t i = 0; i < a->n; i++) {
            row[i] = i;
        }
    } else if (match_rows(first, other, row, e)) {
        return -1;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (a->label[i] != b->label[row[i]]) {
            return err_set(e, ERR_USAGE,
                           "image %zu has label %d in %s and %d in %s: not the same test set", i,
                           a->label[i], first->run_id, b->label[row[i]], other->run_id);
        }
    }
    return 0;
}

/* ---- blocks ---- */

static bool same_draw(const struct cell_pair *a, const struct cell_pair *b)
{
    size_t n = strcspn(a->base->replicate, "|");
    return n == strcspn(b->base->replicate, "|") &&
           memcmp(a->base->replicate, b->base->replicate, n) == 0;
}

static size_t common_divisor(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* block [n_pairs] and size [n_pairs] of each block; pairs of one draw stand together. */
static int make_blocks(const struct cell_pair *pairs, size_t n_pairs, size_t *block, size_t *size,
                       struct paired_set *set, struct err *e)
{
    set->n_blocks = 0;
    for (size_t i = 0; i < n_pairs; i++) {
        set->n_blocks += i == 0 || !same_draw(&pairs[i - 1], &pairs[i]);
        block[i] = set->n_blocks - 1;
        size[block[i]]++;
    }
    if (set->n_blocks == 1) { /* several seeds of one draw */
        set->n_blocks = n_pairs;
        set->blocks_are_seeds = n_pairs > 1;
        for (size_t i = 0; i < n_pairs; i++) {
            block[i] = i;
            size[i] = 1;
        }
    }
    size_t unit = 1;
    for (size_t b = 0; b < set->n_blocks && unit <= 100000; b++) {
        unit = unit / common_divisor(unit, size[b]) * size[b];
    }
    if (unit > 100000) {
        return err_set(e, ERR_USAGE, "the numbers of seeds differ too much between draws");
    }
    set->unit = (int32_t)unit;
    return 0;
}

/* ---- the whole ---- */

struct filling {
    struct alignment *a;
    struct paired_set *set;
    const struct cell_pair *pairs;
    size_t n_pairs, *row_base, *row_cand, cap;
    int64_t base, cand; /* right answers, times unit / size of the block */
};

static bool same_scores(const struct outcomes *a, const struct outcomes *b)
{
    size_t bytes = a->n * sizeof *a->margin;
    return (!a->margin || !b->margin || memcmp(a->margin, b->margin, bytes) == 0) &&
           (!a->p_pred || !b->p_pred || memcmp(a->p_pred, b->p_pred, bytes) == 0) &&
           (!a->logp_label || !b->logp_label || memcmp(a->logp_label, b->logp_label, bytes) == 0);
}

static int add_changed(struct filling *f, const struct changed_image *c, struct err *e)
{
    void *changed = f->a->changed;
    if (mem_grow(&changed, &f->cap, f->a->n_changed + 1, sizeof *c, e)) {
        return -1;
    }
    f->a->changed = changed;
    f->a->changed[f->a->n_changed++] = *c;
    return 0;
}

/* Adds one pair to its block, each image with this weight. */
static int add_pair(struct filling *f, size_t pair, size_t block, int32_t weight, struct err *e)
{
    const struct record *first = f->pairs[0].base;
    const struct record *base = f->pairs[pair].base, *cand = f->pairs[pair].cand;
    if (align(first, base, f->row_base, e) || align(first, cand, f->row_cand, e)) {
        return -1;
    }
    const struct outcomes *a = &base->outcomes, *b = &cand->outcomes;
    size_t n_before = f->a->n_changed;
    for (size_t i = 0; i < f->set->n; i++) {
        size_t ra = f->row_base[i], rb = f->row_cand[i];
        int32_t right_a = a->pred[ra] == a->label[ra], right_b = b->pred[rb] == b->label[rb];
        f->set->x[block * f->set->n + i] += weight * (right_b - right_a);
        f->base += weight * right_a;
        f->cand += weight * right_b;
        const struct changed_image c = {pair, i, ra, rb};
        if (a->pred[ra] != b->pred[rb] && add_changed(f, &c, e)) {
            return -1;
        }
    }
    f->a->n_scores += f->a->n_changed == n_before && !same_scores(a, b);
    return 0;
}

static int fill(struct filling *f, size_t *block, size_t *size, struct err *e)
{
    struct paired_set *set = f->set;
    if (make_blocks(f->pairs, f->n_pairs, block, size, set, e)) {
        return -1;
    }
    set->x = mem_take(set->n_blocks * set->n, sizeof *set->x, e);
    if (!set->x) {
        return -1;
    }
    for (size_t i = 0; i < f->n_pairs; i++) {
        if (add_pair(f, i, block[i], set->unit / (int32_t)size[block[i]], e)) {
            return -1;
        }
    }
    double cells = (double)set->n * (double)set->n_blocks * (double)set->unit;
    set->base = (double)f->base / cells;
    set->cand = (double)f->cand / cells;
    set->n_pred = f->a->n_changed;
    set->same = set->n_pred == 0;
    return 0;
}

int alignment_init(struct alignment *a, struct paired_set *set, const struct cell_pair *pairs,
                   size_t n_pairs, size_t most, struct err *e)
{
    assert(n_pairs > 0);
    size_t n = pairs[0].base->outcomes.n;
    struct filling f = {.a = a, .set = set, .pairs = pairs, .n_pairs = n_pairs};
    size_t *blocks = mem_take(n_pairs, 2 * sizeof *blocks, e);
    *a = (struct alignment){0};
    set->n = most && most < n ? most : n;
    set->n_pairs = n_pairs;
    f.row_base = mem_take(n, 2 * sizeof *f.row_base, e);
    int rc = blocks && f.row_base ? 0 : -1;
    if (rc == 0) {
        f.row_cand = f.row_base + n;
        rc = fill(&f, blocks, blocks + n_pairs, e);
    }
    free(f.row_base);
    free(blocks);
    if (rc) {
        alignment_release(a);
    }
    return rc;
}

void alignment_release(struct alignment *a)
{
    free(a->changed);
    *a = (struct alignment){0};
}
