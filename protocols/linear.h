/* Rows of features against a weight matrix, in double: what the adaptations share. Every sum runs
 * over features (or over rows) in ascending order and every product is rounded before it is added,
 * so an element's bits depend on its own row and column only: not on the tile it is computed in, on
 * what stands beside it, on threads or on the instruction set.
 *
 * Rows are taken in tiles of TILE_ROWS, converted to double, centred and scaled. A tile row is
 * `width` long: the features, one constant (for the bias), then zeros. The width is 8 more than a
 * multiple of 16, so that the rows of a tile do not compete for the same cache sets.
 * Columns of weights are taken in panels of 4: w is [panels][width][4], the last panel filled up
 * with zeros; row d of a panel is the bias. */
#ifndef BITBENCH_PROTOCOLS_LINEAR_H
#define BITBENCH_PROTOCOLS_LINEAR_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct pool;

enum { TILE_ROWS = 32,
       PANEL = 4 };

/* A view of n rows of features: value k of row i is
 * (x[row(i) * stride + column(k)] - mean[k]) * inverse[k], and value d is `last`. */
struct linear_rows {
    const float *x;
    const size_t *rows;    /* [n], NULL: row i */
    const size_t *columns; /* [d] features that count, NULL: all */
    size_t n, d, stride;   /* stride: features of a row of x */
    const double *mean;    /* [d], NULL: 0 */
    const double *inverse; /* [d], NULL: 1 */
    double last;
};

size_t linear_width(size_t d);        /* at least d + 1 */
size_t linear_panels(size_t columns); /* panels of 4 columns */

/* tile [TILE_ROWS, width]: rows first.. of r; rows behind the last are zero. */
void linear_tile(const struct linear_rows *r, size_t first, double *tile);

/* out [TILE_ROWS, panels * 4] = tile * w. */
void linear_apply(const double *tile, size_t width, const double *w, size_t panels, double *out);

/* g [panels][width][4] += tile^T * a, for a [TILE_ROWS, panels * 4]. */
void linear_add_outer(const double *tile, size_t width, const double *a, size_t panels, double *g);

/* Column j of a [rows, columns] matrix (row stride `columns`) to its place in panels, and back. */
void linear_to_panels(const double *a, size_t rows, size_t columns, size_t width, double *w);
void linear_from_panels(const double *w, size_t rows, size_t columns, size_t width, double *a);

/* scores [n_sets][r->n][n_classes] for n_sets * n_classes columns of weights (set after set).
 * ERR_NUMERIC, naming the row as `what` and its number, where a score is not finite. */
int linear_scores(const struct linear_rows *r, const double *w, size_t n_sets, size_t n_classes,
                  struct pool *pool, const char *what, double *scores, struct err *e);

/* x [n, width]: all rows of r as doubles. */
int linear_matrix(const struct linear_rows *r, struct pool *pool, double *x, struct err *e);

/* c [n, n] = a a^T for a [n, k] (trans: a^T a for a [k, n]), in blocks of fixed size over the pool.
 * lda: the row stride of a. Both triangles. */
void linear_gram(bool trans, size_t n, size_t k, const double *a, size_t lda, double *c,
                 struct pool *pool);

/* c [m, n] = op(a) b (trans: a is [k, m]), in blocks of rows of fixed size over the pool. */
struct linear_product {
    bool trans;
    size_t m, n, k, lda, ldb; /* row strides of a and b; that of c is n */
};
void linear_multiply(const struct linear_product *p, const double *a, const double *b, double *c,
                     struct pool *pool);

/* A sum over tiles: out [size] = the sum of what `add` adds to its `sum` [size] for every tile.
 * Tiles go in at most SUM_PARTS runs, a split that depends on their number only; the runs' sums are
 * added in order. buffer: [linear_sum_room(tiles) * size]. */
enum { SUM_PARTS = 16 };
typedef void linear_add(void *ctx, size_t tile, size_t worker, double *sum);
struct linear_sum {
    size_t tiles, size;
    linear_add *add;
    void *ctx;
    double *buffer, *out;
};
size_t linear_tiles(size_t rows);
size_t linear_sum_room(size_t tiles); /* grows with tiles, at most SUM_PARTS */
void linear_sum_run(const struct linear_sum *s, struct pool *pool);

/* ERR_NUMERIC naming row and feature where one of the d = stride features is not finite. */
int linear_check(const struct linear_rows *r, struct pool *pool, const char *what, struct err *e);

#endif
