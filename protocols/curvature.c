/* The terms of a row: with classes in descending order of p and q_k the sum of the p behind k,
 *   diag(p) - p p^T = sum_k d_k l_k l_k^T,  d_k = p_k q_k / (p_k + q_k),
 *   l_k = 1 at k, -p_j / q_k at every j behind k
 * (its factors L D L^T, with d >= 0 whatever the rounding).
 * Almost all of the weight of a row that two classes compete for is in its first term. */
#include "protocols/curvature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "protocols/cholesky.h"

enum { ROW_TERMS = 8 };                /* of one row at most */
static const double min_weight = 0.05; /* of a term beside the penalty: below it does not matter */
static const double bias_share = 1e-3; /* of the rows' weight: the bias has no penalty of its own */

/* One row's terms: the first n classes in descending order of p. */
struct row_terms {
    size_t n, class[ROW_TERMS];
    double q[ROW_TERMS], d[ROW_TERMS], weight[ROW_TERMS]; /* weight = d |l|^2 */
    double total;                                         /* trace of diag(p) - p p^T */
};

struct candidate {
    double weight;
    size_t row, term;
};

static void split_row(struct row_terms *t, const double *p, size_t n_classes)
{
    size_t top = n_classes - 1 < ROW_TERMS ? n_classes - 1 : ROW_TERMS;
    double behind = 0, squares = 0;
    t->n = 0;
    t->total = 0;
    for (size_t k = 0; k < top; k++) {
        size_t best = n_classes;
        for (size_t c = 0; c < n_classes; c++) {
            bool used = false;
            for (size_t i = 0; i < k && !used; i++) {
                used = t->class[i] == c;
            }
            if (!used && (best == n_classes || p[c] > p[best])) {
                best = c;
            }
        }
        t->class[t->n++] = best;
    }
    for (size_t c = 0; c < n_classes; c++) {
        bool used = false;
        for (size_t i = 0; i < t->n && !used; i++) {
            used = t->class[i] == c;
        }
        if (!used) {
            behind += p[c];
            squares += p[c] * p[c];
            t->total += p[c] * (1 - p[c]);
        }
    }
    for (size_t k = t->n; k-- > 0;) {
        double at = p[t->class[k]];
        bool empty = !(behind > 0) || !(at > 0);
        t->q[k] = behind;
        t->d[k] = empty ? 0 : at * behind / (at + behind);
        t->weight[k] = empty ? 0 : t->d[k] * (1 + squares / behind / behind);
        t->total += at * (k == 0 ? behind : 1 - at);
        behind += at;
        squares += at * at;
    }
}

/* side [panels * 4] = sqrt(c d_k) l_k */
static void term_side(const struct row_terms *t, size_t k, const double *p, size_t n_classes,
                      double c, double *side)
{
    double root = sqrt(c * t->d[k]);
    for (size_t j = 0; j < n_classes; j++) {
        side[j] = -root * p[j] / t->q[k];
    }
    for (size_t j = 0; j < k; j++) {
        side[t->class[j]] = 0;
    }
    side[t->class[k]] = root;
}

int curvature_init(struct curvature *v, const struct linear_rows *rows, size_t n_classes,
                   size_t limit, struct pool *pool, struct err *e)
{
    size_t all = rows->n * (n_classes - 1);
    *v = (struct curvature){.rows = *rows,
                            .n_classes = n_classes,
                            .pool = pool,
                            .width = linear_width(rows->d),
                            .panels = linear_panels(n_classes),
                            .limit = limit < all ? limit : all};
    size_t ld = v->panels * PANEL, tiles = linear_tiles(v->limit);
    size_t all_tiles = linear_tiles(rows->n);
    size_t part = v->panels * v->width * PANEL, parts = linear_sum_room(all_tiles);
    v->diagonal = mem_take(v->width, sizeof *v->diagonal, e);
    v->row = mem_take(v->limit, sizeof *v->row, e);
    v->side = mem_take(v->limit * ld, sizeof *v->side, e);
    v->kept = mem_take(tiles * TILE_ROWS * v->width, sizeof *v->kept, e);
    v->factor = mem_take_raw(v->limit * v->limit, sizeof *v->factor, e);
    v->at_rows = mem_take(tiles * TILE_ROWS * ld, sizeof *v->at_rows, e);
    v->terms = mem_take(v->limit, sizeof *v->terms, e);
    v->buffer = mem_take_raw(parts * part, sizeof *v->buffer, e);
    v->sum = mem_take(part, sizeof *v->sum, e);
    v->tile = mem_take_raw(pool_size(pool) * TILE_ROWS * v->width, sizeof *v->tile, e);
    if (!v->diagonal || !v->row || !v->side || !v->kept || !v->factor || !v->at_rows || !v->terms ||
        !v->buffer || !v->sum || !v->tile) {
        curvature_release(v);
        return -1;
    }
    return 0;
}

void curvature_release(struct curvature *v)
{
    free(v->tile);
    free(v->sum);
    free(v->buffer);
    free(v->terms);
    free(v->at_rows);
    free(v->factor);
    free(v->kept);
    free(v->side);
    free(v->row);
    free(v->diagonal);
    *v = (struct curvature){0};
}

/* ---- the diagonal, and how far a row reaches under it ---- */

struct squares {
    struct curvature *v;
    const double *weight; /* [n] of the rows */
    double *reach;        /* [n] sum_k z_k^2 / diagonal_k */
    double *length;       /* [n] sum_k z_k^2 */
};

static void add_squares(void *ctx, size_t item, size_t worker, double *sum)
{
    const struct squares *s = ctx;
    size_t width = s->v->width, first = item * TILE_ROWS;
    double *tile = s->v->tile + worker * TILE_ROWS * width;
    linear_tile(&s->v->rows, first, tile);
    for (size_t i = 0; i < TILE_ROWS && first + i < s->v->rows.n; i++) {
        const double *z = tile + i * width;
        for (size_t k = 0; k < width; k++) {
            sum[k] += s->weight[first + i] * (z[k] * z[k]);
        }
    }
}

static void reach_tile(void *ctx, size_t item, size_t worker)
{
    const struct squares *s = ctx;
    size_t width = s->v->width, first = item * TILE_ROWS;
    double *tile = s->v->tile + worker * TILE_ROWS * width;
    linear_tile(&s->v->rows, first, tile);
    for (size_t i = 0; i < TILE_ROWS && first + i < s->v->rows.n; i++) {
        const double *z = tile + i * width;
        double sum[4] = {0}, length[4] = {0};
        for (size_t k = 0; k < width; k += 4) {
            for (size_t j = 0; j < 4; j++) {
                double square = z[k + j] * z[k + j];
                sum[j] += square / s->v->diagonal[k + j];
                length[j] += square;
            }
        }
        s->reach[first + i] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        s->length[first + i] = (length[0] + length[1]) + (length[2] + length[3]);
    }
}

/* diagonal = penalty + c sum_i weight_i z_i^2 */
static void find_diagonal(struct curvature *v, const double *weight, double c, double all_weight)
{
    struct squares s = {v, weight, NULL, NULL};
    struct linear_sum sum = {.tiles = linear_tiles(v->rows.n),
                             .size = v->width,
                             .add = add_squares,
                             .ctx = &s,
                             .buffer = v->buffer,
                             .out = v->diagonal};
    linear_sum_run(&sum, v->pool);
    for (size_t k = 0; k < v->width; k++) {
        v->diagonal[k] = c * v->diagonal[k] + (k == v->rows.d ? 0 : 1);
    }
    double least = fmax(bias_share * all_weight, 1e-12 * (double)v->rows.n);
    v->diagonal[v->rows.d] += c * least;
}

/* ---- which terms ---- */

static int by_place(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->row != y->row) {
        return x->row > y->row ? 1 : -1;
    }
    return (x->term > y->term) - (x->term < y->term);
}

static int by_weight(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->weight != y->weight) {
        return x->weight < y->weight ? 1 : -1;
    }
    return by_place(a, b);
}

/* The terms of greatest weight under the first diagonal, in the order of rows. */
static size_t pick_terms(struct curvature *v, const double *p, double c, const struct squares *s,
                         size_t limit, struct candidate *list)
{
    size_t n = 0, ld = v->panels * PANEL;
    struct row_terms t;
    for (size_t i = 0; i < v->rows.n; i++) {
        split_row(&t, p + i * ld, v->n_classes);
        for (size_t k = 0; k < t.n; k++) {
            if (c * t.weight[k] * s->length[i] > min_weight) {
                list[n++] = (struct candidate){t.weight[k] * s->reach[i], i, k};
            }
        }
    }
    qsort(list, n, sizeof *list, by_weight);
    limit = limit < v->limit ? limit : v->limit;
    n = n < limit ? n : limit;
    qsort(list, n, sizeof *list, by_place);
    return n;
}

/* Sides and rows of the terms; takes their weight away from the rows'. rows: [n_terms] places. */
static void keep_terms(struct curvature *v, const double *p, double c, const struct candidate *list,
                       size_t n, double *weight, size_t *rows)
{
    size_t ld = v->panels * PANEL;
    struct row_terms t = {0};
    v->n_terms = n;
    v->n_rows = 0;
    memset(v->side, 0, n * ld * sizeof *v->side);
    for (size_t j = 0; j < n; j++) {
        size_t i = list[j].row;
        if (j == 0 || list[j - 1].row != i) {
            split_row(&t, p + i * ld, v->n_classes);
            rows[v->n_rows++] = v->rows.rows ? v->rows.rows[i] : i;
        }
        v->row[j] = v->n_rows - 1;
        term_side(&t, list[j].term, p + i * ld, v->n_classes, c, v->side + j * ld);
        weight[i] = fmax(0, weight[i] - t.weight[list[j].term] / (double)(v->n_classes - 1));
    }
}

/* ---- the factor ---- */

/* Row `item` of I + B D^-1 B^T from the products of the kept rows. */
struct join {
    struct curvature *v;
    const double *gram;
};

static void join_row(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    const struct join *g = ctx;
    struct curvature *v = g->v;
    size_t ld = v->panels * PANEL;
    const double *a = v->side + item * ld, *gram = g->gram + v->row[item] * v->n_rows;
    for (size_t j = 0; j <= item; j++) {
        const double *b = v->side + j * ld;
        double dot = 0;
        for (size_t k = 0; k < v->n_classes; k++) {
            dot += a[k] * b[k];
        }
        v->factor[item * v->n_terms + j] = gram[v->row[j]] * dot + (j == item ? 1 : 0);
    }
}

static int build_factor(struct curvature *v, const size_t *rows, struct err *e)
{
    struct linear_rows kept = v->rows;
    kept.rows = rows;
    kept.n = v->n_rows;
    kept.inverse = v->diagonal; /* 1 / sqrt(D) by now */
    kept.last = v->diagonal[v->rows.d];
    if (!v->n_terms) {
        return 0;
    }
    double *gram = mem_take_raw(v->n_rows * v->n_rows, sizeof *gram, e);
    int rc = gram ? linear_matrix(&kept, v->pool, v->kept, e) : -1;
    if (rc == 0) {
        size_t tail = linear_tiles(v->n_rows) * TILE_ROWS - v->n_rows;
        memset(v->kept + v->n_rows * v->width, 0, tail * v->width * sizeof *v->kept);
        linear_gram(false, v->n_rows, v->rows.d + 1, v->kept, v->width, gram, v->pool);
        struct join join = {v, gram};
        pool_run(v->pool, v->n_terms, join_row, &join);
        rc = cholesky_factor(v->n_terms, v->factor, v->pool, e);
    }
    free(gram);
    return rc;
}

int curvature_build(struct curvature *v, const double *p, double c, size_t limit, struct err *e)
{
    size_t n = v->rows.n, ld = v->panels * PANEL;
    double *weight = mem_take(n, sizeof *weight, e), *reach = mem_take(2 * n, sizeof *reach, e);
    double all_weight = 0;
    struct candidate *list = mem_take_raw(n * ROW_TERMS, sizeof *list, e);
    size_t *rows = mem_take(v->limit, sizeof *rows, e);
    int rc = -1;
    if (!weight || !reach || !list || !rows) {
        goto out;
    }
    for (size_t i = 0; i < n && v->n_classes > 1; i++) {
        struct row_terms t;
        split_row(&t, p + i * ld, v->n_classes);
        weight[i] = t.total / (double)(v->n_classes - 1);
        all_weight += weight[i];
    }
    find_diagonal(v, weight, c, all_weight);
    struct squares s = {v, NULL, reach, reach + n};
    pool_run(v->pool, linear_tiles(n), reach_tile, &s);
    keep_terms(v, p, c, list, pick_terms(v, p, c, &s, limit, list), weight, rows);
    find_diagonal(v, weight, c, all_weight);
    for (size_t k = 0; k < v->width; k++) {
        v->diagonal[k] = 1 / sqrt(v->diagonal[k]);
    }
    rc = build_factor(v, rows, e);
out:
    free(rows);
    free(list);
    free(reach);
    free(weight);
    return rc;
}

/* ---- applying it ---- */

static void scale_by_diagonal(const struct curvature *v, double *r)
{
    for (size_t q = 0; q < v->panels; q++) {
        for (size_t k = 0; k < v->width; k++) {
            for (size_t j = 0; j < PANEL; j++) {
                r[(q * v->width + k) * PANEL + j] *= v->diagonal[k];
            }
        }
    }
}

struct through {
    struct curvature *v;
    const double *r;
};

static void forward_tile(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    const struct through *t = ctx;
    const struct curvature *v = t->v;
    linear_apply(v->kept + item * TILE_ROWS * v->width, v->width, t->r, v->panels,
                 v->at_rows + item * TILE_ROWS * v->panels * PANEL);
}

static void add_back(void *ctx, size_t item, size_t worker, double *sum)
{
    (void)worker;
    const struct through *t = ctx;
    const struct curvature *v = t->v;
    linear_add_outer(v->kept + item * TILE_ROWS * v->width, v->width,
                     v->at_rows + item * TILE_ROWS * v->panels * PANEL, v->panels, sum);
}

void curvature_apply(struct curvature *v, double *r)
{
    size_t ld = v->panels * PANEL, tiles = linear_tiles(v->n_rows);
    scale_by_diagonal(v, r);
    if (v->n_terms) {
        struct through t = {v, r};
        pool_run(v->pool, tiles, forward_tile, &t);
        for (size_t j = 0; j < v->n_terms; j++) {
            const double *b = v->side + j * ld, *a = v->at_rows + v->row[j] * ld;
            v->terms[j] = 0;
            for (size_t k = 0; k < v->n_classes; k++) {
                v->terms[j] += b[k] * a[k];
            }
        }
        cholesky_solve(v->n_terms, v->factor, v->terms);
        memset(v->at_rows, 0, tiles * TILE_ROWS * ld * sizeof *v->at_rows);
        for (size_t j = 0; j < v->n_terms; j++) {
            for (size_t k = 0; k < v->n_classes; k++) {
                v->at_rows[v->row[j] * ld + k] += v->terms[j] * v->side[j * ld + k];
            }
        }
        struct linear_sum sum = {.tiles = tiles,
                                 .size = v->panels * v->width * PANEL,
                                 .add = add_back,
                                 .ctx = &t,
                                 .buffer = v->buffer,
                                 .out = v->sum};
        linear_sum_run(&sum, v->pool);
        for (size_t i = 0; i < sum.size; i++) {
            r[i] -= v->sum[i];
        }
    }
    scale_by_diagonal(v, r);
}
