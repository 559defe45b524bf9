/* Cholesky, right-looking in blocks: factor the diagonal block, solve the panel below it row by
 * row, subtract its products from the rest in tiles. Every element is computed in the same order
 * for any number of threads. */
#include "protocols/cholesky.h"

#include <math.h>

#include "harness/base/blas.h"
#include "harness/base/err.h"
#include "harness/base/pool.h"

enum { BLOCK = 96 };

struct step {
    double *a;
    size_t n, at, end; /* the diagonal block is at..end */
};

static size_t clip(size_t first, size_t n)
{
    return first + BLOCK < n ? first + BLOCK : n;
}

static int factor_block(const struct step *s, struct err *e)
{
    size_t n = s->n;
    for (size_t j = s->at; j < s->end; j++) {
        double *row = s->a + j * n;
        for (size_t k = s->at; k < j; k++) {
            row[j] -= row[k] * row[k];
        }
        if (!(row[j] > 0) || !isfinite(row[j])) {
            return err_set(e, ERR_NUMERIC, "Cholesky: pivot %zu of %zu is %g", j, n, row[j]);
        }
        row[j] = sqrt(row[j]);
        for (size_t i = j + 1; i < s->end; i++) {
            double sum = s->a[i * n + j];
            for (size_t k = s->at; k < j; k++) {
                sum -= s->a[i * n + k] * row[k];
            }
            s->a[i * n + j] = sum / row[j];
        }
    }
    return 0;
}

/* Rows of block `item` below the diagonal block: row = row L^-T. */
static void solve_panel(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    const struct step *s = ctx;
    size_t n = s->n, first = s->end + item * BLOCK;
    for (size_t i = first; i < clip(first, n); i++) {
        double *row = s->a + i * n;
        for (size_t j = s->at; j < s->end; j++) {
            const double *l = s->a + j * n;
            row[j] = (row[j] - blas_ddot(j - s->at, row + s->at, l + s->at)) / l[j];
        }
    }
}

/* Block `item` of the lower triangle behind the diagonal block, counted row by row. */
static void subtract(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    const struct step *s = ctx;
    size_t bi = 0, n = s->n;
    while ((bi + 1) * (bi + 2) / 2 <= item) {
        bi++;
    }
    size_t i = s->end + bi * BLOCK, j = s->end + (item - bi * (bi + 1) / 2) * BLOCK;
    struct blas_gemm g = {.tb = true,
                          .m = clip(i, n) - i,
                          .n = clip(j, n) - j,
                          .k = s->end - s->at,
                          .lda = n,
                          .ldb = n,
                          .ldc = n};
    blas_dgemm(&g, -1, s->a + i * n + s->at, s->a + j * n + s->at, 1, s->a + i * n + j);
}

int cholesky_factor(size_t n, double *a, struct pool *pool, struct err *e)
{
    for (size_t at = 0; at < n; at += BLOCK) {
        struct step s = {a, n, at, clip(at, n)};
        size_t blocks = (n - s.end + BLOCK - 1) / BLOCK;
        if (factor_block(&s, e)) {
            return -1;
        }
        pool_run(pool, blocks, solve_panel, &s);
        pool_run(pool, blocks * (blocks + 1) / 2, subtract, &s);
    }
    return 0;
}

void cholesky_solve(size_t n, const double *l, double *b)
{
    for (size_t i = 0; i < n; i++) {
        b[i] = (b[i] - blas_ddot(i, l + i * n, b)) / l[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        b[i] /= l[i * n + i];
        blas_daxpy(i, -b[i], l + i * n, b);
    }
}
