/* Linear algebra: sole includer of OpenBLAS. Every call runs on one thread; callers run
 * several calls side by side. All matrices row major unless said. */
#ifndef BITBENCH_BASE_BLAS_H
#define BITBENCH_BASE_BLAS_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/* c[m,n] = alpha * op(a) * op(b) + beta * c; op transposes where ta / tb. lda.. = row strides. */
struct blas_gemm {
    bool ta, tb;
    size_t m, n, k;
    size_t lda, ldb, ldc;
};
void blas_sgemm(const struct blas_gemm *g, float alpha, const float *a, const float *b,
                float beta, float *c);
void blas_dgemm(const struct blas_gemm *g, double alpha, const double *a, const double *b,
                double beta, double *c);

/* c[n,n] = a * a^T for a [n,k] (both triangles filled). trans: c = a^T * a for a [k,n]. */
void blas_dsyrk(bool trans, size_t n, size_t k, const double *a, size_t lda, double *c);

/* Eigen-decomposition of a symmetric matrix a [n,n] (dsyevd_): on return row i of a is the
 * eigenvector of w[i], ascending. 0, or -1 with e set (ERR_NUMERIC, ERR_LIMIT). */
int blas_eigh(size_t n, double *a, double *w, struct err *e);

double blas_ddot(size_t n, const double *a, const double *b);
void blas_daxpy(size_t n, double alpha, const double *x, double *y);

/* One thread a call; call once at start of a command that computes. */
void blas_init(void);
const char *blas_core(void);    /* OpenBLAS's core name, e.g. "SkylakeX" */
const char *blas_config(void);  /* its configuration string */
/* The core name OpenBLAS should use on this CPU, or NULL when its own choice is right or
 * unknown to be wrong (Debian's build does not know newer CPUs and falls back to SSE3). */
const char *blas_wanted_core(void);
/* Largest |error| / sum|a||b| of a small float GEMM against a plain double loop. */
double blas_check(void);

#endif
