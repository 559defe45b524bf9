/* OpenBLAS: CBLAS for products, LAPACK's dsyevd for eigenvalues, both from libopenblas itself
 * (Debian's liblapacke would bring a second BLAS into the process). */
#include "harness/base/blas.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cblas.h>

#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"

/* LAPACK is Fortran and Debian's OpenBLAS has no header for it. The last two arguments are the
 * lengths of the strings jobz and uplo, which gfortran passes behind the others. */
extern void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda,
                    double *w, double *work, const int *lwork, int *iwork, const int *liwork,
                    int *info, size_t jobz_len, size_t uplo_len);

static void set_one_thread(void)
{
    openblas_set_num_threads(1);
}

/* Every call comes through here: how many threads OpenBLAS may use decides its order of sums. */
void blas_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_one_thread);
}

static int to_int(size_t n)
{
    assert(n <= INT_MAX);
    return (int)n;
}

/* A row stride as CBLAS wants it: at least 1, at least the row. */
static int stride(size_t ld, size_t cols)
{
    assert(ld >= cols);
    return to_int(ld ? ld : 1);
}

static enum CBLAS_TRANSPOSE op(bool transposed)
{
    return transposed ? CblasTrans : CblasNoTrans;
}

void blas_sgemm(const struct blas_gemm *g, float alpha, const float *a, const float *b,
                float beta, float *c)
{
    blas_init();
    cblas_sgemm(CblasRowMajor, op(g->ta), op(g->tb), to_int(g->m), to_int(g->n), to_int(g->k),
                alpha, a, stride(g->lda, g->ta ? g->m : g->k),
                b, stride(g->ldb, g->tb ? g->k : g->n), beta, c, stride(g->ldc, g->n));
}

void blas_dgemm(const struct blas_gemm *g, double alpha, const double *a, const double *b,
                double beta, double *c)
{
    blas_init();
    cblas_dgemm(CblasRowMajor, op(g->ta), op(g->tb), to_int(g->m), to_int(g->n), to_int(g->k),
                alpha, a, stride(g->lda, g->ta ? g->m : g->k),
                b, stride(g->ldb, g->tb ? g->k : g->n), beta, c, stride(g->ldc, g->n));
}

/* c[j][i] = c[i][j] for i > j, in tiles that stay in the cache. */
static void mirror_lower(size_t n, double *c)
{
    enum { TILE = 32 };
    for (size_t i0 = 0; i0 < n; i0 += TILE) {
        for (size_t j0 = 0; j0 <= i0; j0 += TILE) {
            for (size_t i = i0; i < n && i < i0 + TILE; i++) {
                for (size_t j = j0; j < i && j < j0 + TILE; j++) {
                    c[j * n + i] = c[i * n + j];
                }
            }
        }
    }
}

void blas_dsyrk(bool trans, size_t n, size_t k, const double *a, size_t lda, double *c)
{
    blas_init();
    cblas_dsyrk(CblasRowMajor, CblasLower, op(trans), to_int(n), to_int(k), 1, a,
                stride(lda, trans ? n : k), 0, c, stride(n, n));
    mirror_lower(n, c);
}

int blas_eigh(size_t n, double *a, double *w, struct err *e)
{
    blas_init();
    assert((uintptr_t)a % 16 == 0);
    /* Workspace for eigenvectors, after the comments of dsyevd.f: 1 + 6 n + 2 n^2 and 3 + 5 n. */
    if (n > INT16_MAX || 1 + 6 * n + 2 * n * n > INT_MAX) {
        return err_set(e, ERR_LIMIT, "eigenvalues of a %zu x %zu matrix: more than 32766 rows", n,
                       n);
    }
    for (size_t i = 0; i < n * n; i++) {
        if (!isfinite(a[i])) {
            return err_set(e, ERR_NUMERIC,
                           "eigenvalues of a %zu x %zu matrix: element (%zu, %zu) is not finite", n,
                           n, i / n, i % n);
        }
    }
    if (n == 0) {
        return 0;
    }
    int order = (int)n, n_work = (int)(1 + 6 * n + 2 * n * n), n_iwork = (int)(3 + 5 * n), info = 0;
    double *work = mem_take_raw((size_t)n_work, sizeof *work, e);
    int *iwork = work ? mem_take_raw((size_t)n_iwork, sizeof *iwork, e) : NULL;
    int rc = -1;
    if (!iwork) {
        err_wrap(e, "eigenvalues of a %zu x %zu matrix", n, n);
        goto out;
    }
    /* Column j of LAPACK's column-major result is our row j; its upper triangle our lower. */
    dsyevd_("V", "U", &order, a, &order, w, work, &n_work, iwork, &n_iwork, &info, 1, 1);
    assert(info >= 0); /* below 0: argument -info is off */
    if (info > 0) {
        err_set(e, ERR_NUMERIC, "eigenvalues of a %zu x %zu matrix: no convergence (info %d)", n, n,
                info);
        goto out;
    }
    rc = 0;
out:
    free(iwork);
    free(work);
    return rc;
}

double blas_ddot(size_t n, const double *a, const double *b)
{
    blas_init();
    return cblas_ddot(to_int(n), a, 1, b, 1);
}

void blas_daxpy(size_t n, double alpha, const double *x, double *y)
{
    blas_init();
    cblas_daxpy(to_int(n), alpha, x, 1, y, 1);
}

const char *blas_core(void)
{
    return openblas_get_corename();
}

const char *blas_config(void)
{
    return openblas_get_config();
}

const char *blas_wanted_core(void)
{
    /* Cores of OpenBLAS 0.3.21's x86 build (driver/others/dynamic.c) without AVX2 kernels. */
    static const char *const old[] = {
        "Unknown", "Generic", "Katmai", "Coppermine", "Northwood", "Prescott", "Banias", "Atom",
        "Core2", "Penryn", "Dunnington", "Nehalem", "Athlon", "Opteron", "Opteron_SSE3",
        "Barcelona", "Nano", "Bobcat", "Sandybridge", "Bulldozer", "Piledriver", "Steamroller"};
    if (!cpu_has("avx2")) {
        return NULL;
    }
    const char *core = blas_core();
    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        if (strcasecmp(core, old[i]) == 0) {
            if (cpu_has("avx512")) {
                return "SkylakeX";
            }
            return cpu_is_amd() ? "Zen" : "Haswell";
        }
    }
    return NULL;
}

#if defined(__x86_64__)
static const char *const base_core = "Prescott";
#else
static const char *const base_core = NULL;
#endif

const char *blas_core_for(const char *isa)
{
    return !strcmp(isa, "avx512") ? "SkylakeX" : !strcmp(isa, "avx2") ? "Haswell"
                                                                      : base_core;
}

/* Largest |error| / sum |a||b| of c against op(a) op(b) in double. */
static double worst_error(const struct blas_gemm *g, const float *a, const float *b,
                          const float *c)
{
    double worst = 0;
    for (size_t i = 0; i < g->m; i++) {
        for (size_t j = 0; j < g->n; j++) {
            double sum = 0, size = 0;
            for (size_t k = 0; k < g->k; k++) {
                double x = (double)a[g->ta ? k * g->lda + i : i * g->lda + k];
                double y = (double)b[g->tb ? j * g->ldb + k : k * g->ldb + j];
                sum += x * y;
                size += fabs(x * y);
            }
            double error = fabs((double)c[i * g->ldc + j] - sum) / size;
            worst = error > worst || isnan(error) ? error : worst;
        }
    }
    return worst;
}

double blas_check(void)
{
    /* No multiples of any kernel's block, so that edges are exercised. */
    enum { M = 97,
           N = 83,
           K = 161 };
    static const struct blas_gemm shapes[] = {
        {.m = M, .n = N, .k = K, .lda = K, .ldb = N, .ldc = N},
        {.ta = true, .tb = true, .m = M, .n = N, .k = K, .lda = M, .ldb = K, .ldc = N}};
    float a[M * K], b[K * N], c[M * N];
    for (size_t i = 0; i < M * K; i++) {
        a[i] = (float)(2 * rng_unit(rng_splitmix(1, i)) - 1);
    }
    for (size_t i = 0; i < K * N; i++) {
        b[i] = (float)(2 * rng_unit(rng_splitmix(2, i)) - 1);
    }
    double worst = 0;
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        blas_sgemm(&shapes[s], 1, a, b, 0, c);
        double error = worst_error(&shapes[s], a, b, c);
        worst = error > worst || isnan(error) ? error : worst;
    }
    return worst;
}
