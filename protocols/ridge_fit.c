/* Ridge regression after big_vision's evaluators/fewshot_lsr.py: standardise with the training
 * rows, append a bias feature, decompose X^T X or, where that is smaller, X X^T, once for every l2.
 * Here in double. With eigenvalues v_k, eigenvectors V, s_k = 1 / (v_k + l2), B = V X^T or V:
 *   X^T X:  W = V^T (s B Y);  fit = B^T (s B Y);  h_i = sum_k s_k B_ki^2;  res. (y - fit) / (1 - h)
 *   X X^T:  A = B^T (s B Y);  W = X^T A;          g_i = sum_k s_k B_ki^2;  res. A_i / g_i
 * The second residual never forms 1 - h, which cancels where there are fewer rows than features. */
#include "protocols/ridge_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/blas.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "protocols/adapt.h"

static const double std_floor = 1e-5; /* added to every std: fewshot_lsr.py */

struct linear_rows ridge_rows(const struct ridge_fit *f, const struct probe_data *p)
{
    struct linear_rows r = {.x = p->x, .rows = p->rows, .n = p->n, .d = f->n_kept, .stride = p->d};
    r.columns = f->kept;
    r.mean = f->mean;
    r.inverse = f->inverse;
    r.last = f->bias;
    return r;
}

/* kept: features with two different training values. */
static int keep_columns(struct ridge_fit *f, const struct probe_data *p, struct err *e)
{
    f->kept = mem_take(p->d, sizeof *f->kept, e);
    float *low = mem_take(p->d, sizeof *low, e), *high = mem_take(p->d, sizeof *high, e);
    int rc = f->kept && low && high ? 0 : -1;
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        const float *x = p->x + (p->rows ? p->rows[i] : i) * p->d;
        for (size_t k = 0; k < p->d; k++) {
            low[k] = i == 0 || x[k] < low[k] ? x[k] : low[k];
            high[k] = i == 0 || x[k] > high[k] ? x[k] : high[k];
        }
    }
    f->n_kept = 0;
    for (size_t k = 0; k < p->d && rc == 0; k++) {
        if (low[k] < high[k]) {
            f->kept[f->n_kept++] = k;
        }
    }
    free(high);
    free(low);
    return rc;
}

/* mean and 1 / (std + floor) of the kept columns, row after row. */
static int standardise(struct ridge_fit *f, const struct probe_data *p, struct err *e)
{
    if (keep_columns(f, p, e)) {
        return -1;
    }
    f->mean = mem_take(f->n_kept, sizeof *f->mean, e);
    f->inverse = mem_take(f->n_kept, sizeof *f->inverse, e);
    if (!f->mean || !f->inverse) {
        return -1;
    }
    double n = (double)p->n;
    for (size_t i = 0; i < p->n; i++) {
        const float *x = p->x + (p->rows ? p->rows[i] : i) * p->d;
        for (size_t k = 0; k < f->n_kept; k++) {
            f->mean[k] += (double)x[f->kept[k]];
        }
    }
    for (size_t k = 0; k < f->n_kept; k++) {
        f->mean[k] /= n;
    }
    for (size_t i = 0; i < p->n; i++) {
        const float *x = p->x + (p->rows ? p->rows[i] : i) * p->d;
        for (size_t k = 0; k < f->n_kept; k++) {
            double off = (double)x[f->kept[k]] - f->mean[k];
            f->inverse[k] += off * off;
        }
    }
    for (size_t k = 0; k < f->n_kept; k++) {
        f->inverse[k] = 1 / (sqrt(f->inverse[k] / n) + std_floor);
    }
    return 0;
}

/* c = vectors b or vectors^T b, for b [m, n_classes]; c = X b or X^T b. */
static void times_vectors(const struct ridge_fit *f, bool trans, const double *b, double *c,
                          struct pool *pool)
{
    struct linear_product p = {.trans = trans,
                               .m = f->m,
                               .n = f->n_classes,
                               .k = f->m,
                               .lda = f->m,
                               .ldb = f->n_classes};
    linear_multiply(&p, f->vectors, b, c, pool);
}

static void times_features(const struct ridge_fit *f, bool trans, const double *b, double *c,
                           struct pool *pool)
{
    size_t height = f->n_kept + 1;
    struct linear_product p = {.trans = trans,
                               .m = trans ? height : f->n,
                               .n = f->n_classes,
                               .k = trans ? f->n : height,
                               .lda = f->width,
                               .ldb = f->n_classes};
    linear_multiply(&p, f->x, b, c, pool);
}

static int decompose(struct ridge_fit *f, struct pool *pool, struct adapt_counters *c,
                     struct err *e)
{
    f->values = mem_take(f->m, sizeof *f->values, e);
    f->vectors = mem_take_raw(f->m * f->m, sizeof *f->vectors, e);
    f->right = mem_take(f->m * f->n_classes, sizeof *f->right, e);
    if (!f->values || !f->vectors || !f->right) {
        return -1;
    }
    linear_gram(!f->gram, f->m, f->gram ? f->n_kept + 1 : f->n, f->x, f->width, f->vectors, pool);
    if (blas_eigh(f->m, f->vectors, f->values, e)) {
        return -1;
    }
    c->eigendecompositions++;
    for (size_t k = 0; k < f->m; k++) {
        f->values[k] = fmax(f->values[k], 0); /* below 0 by rounding only */
    }
    if (f->gram) {
        times_vectors(f, false, f->y, f->right, pool);
        return 0;
    }
    double *xy = mem_take_raw(f->m * f->n_classes, sizeof *xy, e);
    if (!xy) {
        return -1;
    }
    times_features(f, true, f->y, xy, pool);
    times_vectors(f, false, xy, f->right, pool);
    free(xy);
    return 0;
}

int ridge_fit_init(struct ridge_fit *f, const struct probe_data *p, bool standardize, double bias,
                   struct pool *pool, struct adapt_counters *c, struct err *e)
{
    *f = (struct ridge_fit){.n = p->n, .n_kept = p->d, .n_classes = p->n_classes, .bias = bias};
    if (standardize && standardise(f, p, e)) {
        goto failed;
    }
    f->gram = f->n <= f->n_kept + 1; /* where both are the same size, the one that can't cancel */
    f->m = f->gram ? f->n : f->n_kept + 1;
    f->width = linear_width(f->n_kept);
    f->x = mem_take_raw(f->n * f->width, sizeof *f->x, e);
    f->y = mem_take_raw(f->n * f->n_classes, sizeof *f->y, e);
    if (!f->x || !f->y) {
        goto failed;
    }
    for (size_t i = 0; i < f->n; i++) {
        for (size_t k = 0; k < f->n_classes; k++) {
            f->y[i * f->n_classes + k] = (size_t)p->y[i] == k ? 1 : -1;
        }
    }
    struct linear_rows rows = ridge_rows(f, p);
    if (linear_matrix(&rows, pool, f->x, e) || decompose(f, pool, c, e)) {
        goto failed;
    }
    return 0;
failed:
    ridge_fit_release(f);
    return -1;
}

void ridge_fit_release(struct ridge_fit *f)
{
    if (f->basis != f->vectors) {
        free(f->basis);
    }
    free(f->right);
    free(f->vectors);
    free(f->values);
    free(f->y);
    free(f->x);
    free(f->inverse);
    free(f->mean);
    free(f->kept);
    *f = (struct ridge_fit){0};
}

/* scaled [m, n_classes] = right_k / (value_k + l2) */
static void scale_rows(const struct ridge_fit *f, double l2, const double *right, double *scaled)
{
    for (size_t k = 0; k < f->m; k++) {
        double s = 1 / (f->values[k] + l2);
        for (size_t j = 0; j < f->n_classes; j++) {
            scaled[k * f->n_classes + j] = s * right[k * f->n_classes + j];
        }
    }
}

/* One step of refinement of u [m, n_classes], W or A: u += M^-1 (right side - M u). The bias
 * feature makes the largest eigenvalue so large that its rounding shows along directions that the
 * rows do not have: with two equal features, or two equal rows. */
static int refine(const struct ridge_fit *f, double l2, struct pool *pool, double *u,
                  struct err *e)
{
    size_t c = f->n_classes, size = f->m * c, n = f->n * c, height = (f->n_kept + 1) * c;
    double *block = mem_take_raw(size + n + height, sizeof *block, e);
    if (!block) {
        return -1;
    }
    double *rows = block, *columns = rows + n, *in_vectors = columns + height;
    if (f->gram) { /* rows = Y - X (X^T A) */
        times_features(f, true, u, columns, pool);
        times_features(f, false, columns, rows, pool);
    } else { /* columns = X^T (Y - X W) */
        times_features(f, false, u, rows, pool);
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = f->y[i] - rows[i];
    }
    if (!f->gram) {
        times_features(f, true, rows, columns, pool);
    }
    double *r = f->gram ? rows : columns;
    for (size_t i = 0; i < size; i++) {
        r[i] -= l2 * u[i];
    }
    times_vectors(f, false, r, in_vectors, pool);
    scale_rows(f, l2, in_vectors, in_vectors);
    times_vectors(f, true, in_vectors, r, pool);
    for (size_t i = 0; i < size; i++) {
        u[i] += r[i];
    }
    free(block);
    return 0;
}

int ridge_fit_weights(const struct ridge_fit *f, double l2, struct pool *pool, double *w,
                      struct err *e)
{
    size_t size = f->m * f->n_classes;
    double *scaled = mem_take_raw(2 * size, sizeof *scaled, e);
    if (!scaled) {
        return -1;
    }
    double *u = f->gram ? scaled + size : w;
    scale_rows(f, l2, f->right, scaled);
    times_vectors(f, true, scaled, u, pool);
    int rc = refine(f, l2, pool, u, e);
    if (rc == 0 && f->gram) {
        times_features(f, true, u, w, pool);
    }
    free(scaled);
    return rc;
}

/* basis [m, n], made once. */
static int take_basis(struct ridge_fit *f, struct pool *pool, struct err *e)
{
    if (f->basis) {
        return 0;
    }
    if (f->gram) {
        f->basis = f->vectors;
        return 0;
    }
    double *xt = mem_take_raw(f->m * f->n, sizeof *xt, e);
    f->basis = xt ? mem_take_raw(f->m * f->n, sizeof *f->basis, e) : NULL;
    if (f->basis) {
        for (size_t i = 0; i < f->n; i++) {
            for (size_t k = 0; k < f->m; k++) {
                xt[k * f->n + i] = f->x[i * f->width + k];
            }
        }
        struct linear_product p = {.m = f->m, .n = f->n, .k = f->m, .lda = f->m, .ldb = f->n};
        linear_multiply(&p, f->vectors, xt, f->basis, pool);
    }
    free(xt);
    return f->basis ? 0 : -1;
}

/* h [n] += sum_k basis_ki^2 / (value_k + l2) */
static void add_leverages(const struct ridge_fit *f, double l2, double *h)
{
    for (size_t k = 0; k < f->m; k++) {
        double s = 1 / (f->values[k] + l2);
        const double *b = f->basis + k * f->n;
        for (size_t i = 0; i < f->n; i++) {
            h[i] += s * (b[i] * b[i]);
        }
    }
}

int ridge_fit_loo(struct ridge_fit *f, double l2, struct pool *pool, double *scores, double *mse,
                  double *trace, struct err *e)
{
    int rc = -1;
    double *h = mem_take(f->n, sizeof *h, e);
    double *scaled = mem_take_raw(f->m * f->n_classes, sizeof *scaled, e);
    if (!scaled || !h || take_basis(f, pool, e)) {
        goto out;
    }
    scale_rows(f, l2, f->right, scaled);
    struct linear_product p = {.trans = true,
                               .m = f->n,
                               .n = f->n_classes,
                               .k = f->m,
                               .lda = f->n,
                               .ldb = f->n_classes};
    linear_multiply(&p, f->basis, scaled, scores, pool);
    add_leverages(f, l2, h);
    double sum = 0, hat = 0;
    for (size_t i = 0; i < f->n; i++) {
        for (size_t j = 0; j < f->n_classes; j++) {
            double *at = &scores[i * f->n_classes + j], y = f->y[i * f->n_classes + j];
            double residual = f->gram ? *at / h[i] : (y - *at) / (1 - h[i]);
            *at = y - residual;
            sum += residual * residual;
        }
        hat += f->gram ? 1 - l2 * h[i] : h[i];
    }
    *mse = sum / ((double)f->n * (double)f->n_classes);
    if (trace) {
        *trace = hat;
    }
    rc = 0;
out:
    free(h);
    free(scaled);
    return rc;
}
