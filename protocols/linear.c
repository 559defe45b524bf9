/* Rows of features against weights, in double, in one fixed order of summation (linear.h). The
 * micro-kernel keeps 4 rows by up to 12 columns in registers and walks the sum's index; it is
 * compiled for the baseline and for AVX2, without fused operations, so both give the same bits. */
#include "protocols/linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/blas.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"

enum { BLOCK = 128,    /* rows and columns of a block of a product */
       SLICE = 2048 }; /* elements that are added up together */

/* Four doubles, and four at any address of a double. */
typedef double quad __attribute__((vector_size(PANEL * sizeof(double))));
typedef quad quad_at __attribute__((aligned(sizeof(double))));

size_t linear_width(size_t d)
{
    return (d + 8) / 16 * 16 + 8;
}

size_t linear_panels(size_t columns)
{
    return (columns + PANEL - 1) / PANEL;
}

/* One row; the conditions do not change in the loop, so the compiler makes a loop of each case. */
static void convert(const struct linear_rows *r, const float *restrict x, double *restrict out)
{
    const size_t *columns = r->columns;
    const double *restrict mean = r->mean, *restrict inverse = r->inverse;
    for (size_t k = 0; k < r->d; k++) {
        double v = (double)(columns ? x[columns[k]] : x[k]);
        v = mean ? v - mean[k] : v;
        out[k] = inverse ? v * inverse[k] : v;
    }
}

void linear_tile(const struct linear_rows *r, size_t first, double *tile)
{
    size_t width = linear_width(r->d);
    for (size_t i = 0; i < TILE_ROWS; i++, tile += width) {
        if (first + i >= r->n) {
            memset(tile, 0, width * sizeof *tile);
            continue;
        }
        convert(r, r->x + (r->rows ? r->rows[first + i] : first + i) * r->stride, tile);
        tile[r->d] = r->last;
        for (size_t k = r->d + 1; k < width; k++) {
            tile[k] = 0;
        }
    }
}

/* ---- the micro-kernel ---- */

/* A product c [4 rows, panels * 4] (+)= a b over n terms. Element (i, p) of a is
 * a[i * row + p * term]; panel q of b begins at b + q * panel and term p is step_b further each; c
 * has row stride ldc and panel stride step_c. */
struct strides {
    size_t row, term, panel, step_b, ldc, step_c;
};

/* One block of 4 rows by n_panels * 4 columns: with n_panels constant, all in registers. */
static inline __attribute__((always_inline)) void
block(const struct strides *s, size_t n, size_t n_panels, bool add, const double *a,
      const double *b, double *c)
{
    quad sum[4][2] = {{{0}}};
    for (size_t i = 0; add && i < 4; i++) {
        for (size_t q = 0; q < n_panels; q++) {
            sum[i][q] = *(const quad_at *)(c + i * s->ldc + q * s->step_c);
        }
    }
    for (size_t p = 0; p < n; p++) {
        quad line[2];
        for (size_t q = 0; q < n_panels; q++) {
            line[q] = *(const quad_at *)(b + q * s->panel + p * s->step_b);
        }
        for (size_t i = 0; i < 4; i++) {
            double v = a[i * s->row + p * s->term];
            for (size_t q = 0; q < n_panels; q++) {
                sum[i][q] += v * line[q];
            }
        }
    }
    for (size_t i = 0; i < 4; i++) {
        for (size_t q = 0; q < n_panels; q++) {
            *(quad_at *)(c + i * s->ldc + q * s->step_c) = sum[i][q];
        }
    }
}

/* rows a multiple of 4. Panels outermost: they stay in the cache while rows pass. */
static inline __attribute__((always_inline)) void
product(const struct strides *s, size_t rows, size_t n, size_t panels, size_t at_once, bool add,
        const double *a, const double *b, double *c)
{
    for (size_t q = 0; q < panels; q += at_once) {
        for (size_t i = 0; i < rows; i += 4) {
            const double *ai = a + i * s->row, *bq = b + q * s->panel;
            double *ci = c + i * s->ldc + q * s->step_c;
            if (at_once == 2 && panels - q >= 2) {
                block(s, n, 2, add, ai, bq, ci);
            } else {
                block(s, n, 1, add, ai, bq, ci);
            }
        }
    }
}

static void product_base(const struct strides *s, size_t rows, size_t n, size_t panels, bool add,
                         const double *a, const double *b, double *c)
{
    product(s, rows, n, panels, 1, add, a, b, c);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void product_avx2(const struct strides *s, size_t rows,
                                                         size_t n, size_t panels, bool add,
                                                         const double *a, const double *b,
                                                         double *c)
{
    product(s, rows, n, panels, 2, add, a, b, c);
}
#else
#define product_avx2 product_base
#endif

static void product_run(const struct strides *s, size_t rows, size_t n, size_t panels, bool add,
                        const double *a, const double *b, double *c)
{
    if (strcmp(cpu_isa(), "base") == 0) {
        product_base(s, rows, n, panels, add, a, b, c);
    } else {
        product_avx2(s, rows, n, panels, add, a, b, c);
    }
}

void linear_apply(const double *tile, size_t width, const double *w, size_t panels, double *out)
{
    struct strides s = {.row = width,
                        .term = 1,
                        .panel = width * PANEL,
                        .step_b = PANEL,
                        .ldc = panels * PANEL,
                        .step_c = PANEL};
    product_run(&s, TILE_ROWS, width, panels, false, tile, w, out);
}

void linear_add_outer(const double *tile, size_t width, const double *a, size_t panels, double *g)
{
    struct strides s = {.row = 1,
                        .term = width,
                        .panel = PANEL,
                        .step_b = panels * PANEL,
                        .ldc = PANEL,
                        .step_c = width * PANEL};
    product_run(&s, width, TILE_ROWS, panels, true, tile, a, g);
}

void linear_to_panels(const double *a, size_t rows, size_t columns, size_t width, double *w)
{
    memset(w, 0, linear_panels(columns) * width * PANEL * sizeof *w);
    for (size_t k = 0; k < rows; k++) {
        for (size_t j = 0; j < columns; j++) {
            w[(j / PANEL * width + k) * PANEL + j % PANEL] = a[k * columns + j];
        }
    }
}

void linear_from_panels(const double *w, size_t rows, size_t columns, size_t width, double *a)
{
    for (size_t k = 0; k < rows; k++) {
        for (size_t j = 0; j < columns; j++) {
            a[k * columns + j] = w[(j / PANEL * width + k) * PANEL + j % PANEL];
        }
    }
}

/* ---- passes over all rows ---- */

/* One pass: an item is a tile. scratch: per worker a tile and TILE_ROWS rows of `wide` doubles. */
struct pass {
    const struct linear_rows *rows;
    const double *w;
    size_t width, panels, n_sets, n_classes, per_worker;
    double *scratch, *out;
    size_t *fault; /* [tiles] 1 + the first row (or value) that is not finite, 0: none */
};

size_t linear_tiles(size_t rows)
{
    return (rows + TILE_ROWS - 1) / TILE_ROWS;
}

static void score_tile(void *ctx, size_t item, size_t worker)
{
    const struct pass *p = ctx;
    double *tile = p->scratch + worker * p->per_worker, *out = tile + TILE_ROWS * p->width;
    size_t first = item * TILE_ROWS, ld = p->panels * PANEL;
    linear_tile(p->rows, first, tile);
    linear_apply(tile, p->width, p->w, p->panels, out);
    for (size_t i = 0; i < TILE_ROWS && first + i < p->rows->n; i++) {
        double sum = 0;
        for (size_t s = 0; s < p->n_sets; s++) {
            const double *from = out + i * ld + s * p->n_classes;
            memcpy(p->out + (s * p->rows->n + first + i) * p->n_classes, from,
                   p->n_classes * sizeof *from);
            for (size_t c = 0; c < p->n_classes; c++) {
                sum += from[c] * 0;
            }
        }
        if (!isfinite(sum) && !p->fault[item]) {
            p->fault[item] = first + i + 1;
        }
    }
}

int linear_scores(const struct linear_rows *r, const double *w, size_t n_sets, size_t n_classes,
                  struct pool *pool, const char *what, double *scores, struct err *e)
{
    struct pass p = {.rows = r,
                     .w = w,
                     .width = linear_width(r->d),
                     .n_sets = n_sets,
                     .panels = linear_panels(n_sets * n_classes),
                     .n_classes = n_classes,
                     .out = scores};
    size_t tiles = linear_tiles(r->n);
    int rc = 0;
    p.per_worker = TILE_ROWS * (p.width + p.panels * PANEL);
    p.scratch = mem_take_raw(pool_size(pool) * p.per_worker, sizeof *p.scratch, e);
    p.fault = mem_take(tiles, sizeof *p.fault, e);
    if (!p.scratch || !p.fault) {
        rc = -1;
        goto out;
    }
    pool_run(pool, tiles, score_tile, &p);
    for (size_t i = 0; i < tiles && rc == 0; i++) {
        if (p.fault[i]) {
            rc = err_set(e, ERR_NUMERIC, "%s row %zu: a score is not finite", what,
                         p.fault[i] - 1);
        }
    }
out:
    free(p.fault);
    free(p.scratch);
    return rc;
}

static void copy_tile(void *ctx, size_t item, size_t worker)
{
    const struct pass *p = ctx;
    double *tile = p->scratch + worker * p->per_worker;
    size_t first = item * TILE_ROWS, left = p->rows->n - first;
    linear_tile(p->rows, first, tile);
    memcpy(p->out + first * p->width, tile,
           (left < TILE_ROWS ? left : TILE_ROWS) * p->width * sizeof *tile);
}

int linear_matrix(const struct linear_rows *r, struct pool *pool, double *x, struct err *e)
{
    struct pass p = {.rows = r, .width = linear_width(r->d), .out = x};
    p.per_worker = TILE_ROWS * p.width;
    p.scratch = mem_take_raw(pool_size(pool) * p.per_worker, sizeof *p.scratch, e);
    if (!p.scratch) {
        return -1;
    }
    pool_run(pool, linear_tiles(r->n), copy_tile, &p);
    free(p.scratch);
    return 0;
}

static void check_tile(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    const struct pass *p = ctx;
    const struct linear_rows *r = p->rows;
    size_t end = (item + 1) * TILE_ROWS < r->n ? (item + 1) * TILE_ROWS : r->n;
    for (size_t i = item * TILE_ROWS; i < end && !p->fault[item]; i++) {
        const float *x = r->x + (r->rows ? r->rows[i] : i) * r->stride;
        for (size_t k = 0; k < r->d && !p->fault[item]; k++) {
            p->fault[item] = isfinite(x[k]) ? 0 : i * r->d + k + 1;
        }
    }
}

int linear_check(const struct linear_rows *r, struct pool *pool, const char *what, struct err *e)
{
    size_t tiles = linear_tiles(r->n);
    struct pass p = {.rows = r, .fault = mem_take(tiles, sizeof *p.fault, e)};
    if (!p.fault) {
        return -1;
    }
    pool_run(pool, tiles, check_tile, &p);
    int rc = 0;
    for (size_t i = 0; i < tiles && rc == 0; i++) {
        if (p.fault[i]) {
            rc = err_set(e, ERR_NUMERIC, "%s row %zu: feature %zu is not finite", what,
                         (p.fault[i] - 1) / r->d, (p.fault[i] - 1) % r->d);
        }
    }
    free(p.fault);
    return rc;
}

/* ---- sums over tiles ---- */

static size_t tiles_per_part(size_t tiles)
{
    return (tiles + SUM_PARTS - 1) / SUM_PARTS;
}

static size_t n_parts(size_t tiles)
{
    return tiles ? (tiles + tiles_per_part(tiles) - 1) / tiles_per_part(tiles) : 0;
}

size_t linear_sum_room(size_t tiles)
{
    return tiles < SUM_PARTS ? tiles : SUM_PARTS;
}

static void sum_part(void *ctx, size_t item, size_t worker)
{
    const struct linear_sum *s = ctx;
    size_t per = tiles_per_part(s->tiles), first = item * per;
    double *sum = s->buffer + item * s->size;
    memset(sum, 0, s->size * sizeof *sum);
    for (size_t t = first; t < first + per && t < s->tiles; t++) {
        s->add(s->ctx, t, worker, sum);
    }
}

static void join_parts(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    const struct linear_sum *s = ctx;
    size_t from = item * SLICE, n = s->size - from < SLICE ? s->size - from : SLICE;
    memset(s->out + from, 0, n * sizeof *s->out);
    for (size_t part = 0; part < n_parts(s->tiles); part++) {
        const double *sum = s->buffer + part * s->size + from;
        for (size_t i = 0; i < n; i++) {
            s->out[from + i] += sum[i];
        }
    }
}

void linear_sum_run(const struct linear_sum *s, struct pool *pool)
{
    struct linear_sum copy = *s;
    pool_run(pool, n_parts(s->tiles), sum_part, &copy);
    pool_run(pool, (s->size + SLICE - 1) / SLICE, join_parts, &copy);
}

/* ---- products of matrices, in blocks ---- */

struct blocks {
    struct linear_product p;
    const double *a, *b;
    double *c;
};

static size_t n_blocks(size_t n)
{
    return (n + BLOCK - 1) / BLOCK;
}

static size_t block_len(size_t n, size_t first)
{
    return n - first < BLOCK ? n - first : BLOCK;
}

/* Item: a block of the lower triangle, counted row by row; its mirror image is filled too. */
static void gram_block(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    const struct blocks *g = ctx;
    size_t bi = 0, n = g->p.n;
    while ((bi + 1) * (bi + 2) / 2 <= item) {
        bi++;
    }
    size_t i0 = bi * BLOCK, j0 = (item - bi * (bi + 1) / 2) * BLOCK;
    struct blas_gemm m = {.ta = g->p.trans,
                          .tb = !g->p.trans,
                          .m = block_len(n, i0),
                          .n = block_len(n, j0),
                          .k = g->p.k,
                          .lda = g->p.lda,
                          .ldb = g->p.lda,
                          .ldc = n};
    size_t step = g->p.trans ? 1 : g->p.lda;
    blas_dgemm(&m, 1, g->a + i0 * step, g->a + j0 * step, 0, g->c + i0 * n + j0);
    for (size_t i = i0; i < i0 + m.m; i++) {
        for (size_t j = j0; j < j0 + m.n && j < i; j++) {
            g->c[j * n + i] = g->c[i * n + j];
        }
    }
}

void linear_gram(bool trans, size_t n, size_t k, const double *a, size_t lda, double *c,
                 struct pool *pool)
{
    struct blocks g = {{.trans = trans, .n = n, .k = k, .lda = lda}, a, NULL, c};
    pool_run(pool, n_blocks(n) * (n_blocks(n) + 1) / 2, gram_block, &g);
}

static void multiply_block(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    const struct blocks *g = ctx;
    const struct linear_product *p = &g->p;
    size_t i0 = item * BLOCK;
    struct blas_gemm m = {.ta = p->trans,
                          .m = block_len(p->m, i0),
                          .n = p->n,
                          .k = p->k,
                          .lda = p->lda,
                          .ldb = p->ldb,
                          .ldc = p->n};
    blas_dgemm(&m, 1, g->a + i0 * (p->trans ? 1 : p->lda), g->b, 0, g->c + i0 * p->n);
}

void linear_multiply(const struct linear_product *p, const double *a, const double *b, double *c,
                     struct pool *pool)
{
    struct blocks g = {*p, a, b, c};
    pool_run(pool, n_blocks(p->m), multiply_block, &g);
}
