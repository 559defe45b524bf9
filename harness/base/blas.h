/* Linear algebra: sole includer of OpenBLAS. Every call runs on the calling thread alone; callers
 * run several calls side by side. All matrices row major unless said; sizes below 2^31.
 *
 * The same call on equal operands gives the same bits, whatever else runs and however many
 * threads call: one thread a call means a fixed order of summation. Equal means the same shapes,
 * strides and flags too: OpenBLAS picks kernels by shape, so row i of a product may differ in the
 * last bits when m or n differ. Who wants a row alone to equal that row in a batch must use tiles
 * of a fixed size. Other CPUs and OpenBLAS cores give other bits. */
#ifndef BITBENCH_BASE_BLAS_H
#define BITBENCH_BASE_BLAS_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/* c[m,n] = alpha * op(a) * op(b) + beta * c; op transposes where ta / tb: a is stored [m,k] or,
 * with ta, [k,m]; b [k,n] or, with tb, [n,k]. lda.. = elements from one stored row to the next.
 * With beta == 0, c is not read (it may hold NaN). */
struct blas_gemm {
    bool ta, tb;
    size_t m, n, k;
    size_t lda, ldb, ldc;
};
void blas_sgemm(const struct blas_gemm *g, float alpha, const float *a, const float *b,
                float beta, float *c);
void blas_dgemm(const struct blas_gemm *g, double alpha, const double *a, const double *b,
                double beta, double *c);

/* c[n,n] = a * a^T for a [n,k] (both triangles filled). trans: c = a^T * a for a [k,n].
 * lda = elements from one row of a to the next. */
void blas_dsyrk(bool trans, size_t n, size_t k, const double *a, size_t lda, double *c);

/* Eigen-decomposition of a symmetric matrix a [n,n] (dsyevd; reads the lower triangle): on return
 * row i of a is the eigenvector of w[i], of length 1 and either sign; w ascends. a must be aligned
 * to 16 bytes, as malloc and mem_take do: some old kernels sum in an order that depends on it.
 * 0, or -1 with e set: ERR_NUMERIC for an element that is not finite (a is then unchanged) or no
 * convergence, ERR_LIMIT when the 2 n^2 doubles of workspace are not to be had or n is over
 * 32766. */
int blas_eigh(size_t n, double *a, double *w, struct err *e);

double blas_ddot(size_t n, const double *a, const double *b);
void blas_daxpy(size_t n, double alpha, const double *x, double *y); /* y += alpha * x */

/* Tells OpenBLAS to use one thread a call. The functions above do it themselves. */
void blas_init(void);
const char *blas_core(void);   /* OpenBLAS's core name, e.g. "SkylakeX" */
const char *blas_config(void); /* its configuration string */

/* The value of OPENBLAS_CORETYPE that this CPU needs, or NULL when OpenBLAS's own choice is right
 * or not known to be wrong. Debian's build does not know CPUs newer than itself and falls back to
 * kernels that are 2 to 5 times slower. The library reads the variable when it is loaded. */
const char *blas_wanted_core(void);
/* The same for one of cpu.h's instruction sets, whatever the CPU; NULL: the library's choice. */
const char *blas_core_for(const char *isa);

/* Largest |error| / sum |a||b| of float GEMMs of about 100 against a plain double loop: about 1e-7
 * when all is well. */
double blas_check(void);

#endif
