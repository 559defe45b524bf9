/* OpenBLAS through our calls, against plain loops in double and a matrix whose eigenvalues are
 * known; the same bits from several threads at once; the choice of OpenBLAS's core. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/blas.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"

enum { BIG = 300 };

extern int openblas_get_num_threads(void); /* only blas.c includes OpenBLAS's header */

static double value(uint64_t seed, uint64_t i)
{
    return 2 * rng_unit(rng_splitmix(seed, i)) - 1;
}

static double *doubles(size_t n, uint64_t seed)
{
    double *x = mem_take(n, sizeof *x, NULL);
    for (size_t i = 0; i < n; i++) {
        x[i] = value(seed, i);
    }
    return x;
}

static float *floats(size_t n, uint64_t seed)
{
    float *x = mem_take(n, sizeof *x, NULL);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)value(seed, i);
    }
    return x;
}

struct scale {
    double alpha, beta;
};

/* Element (i, j) of alpha op(a) op(b) + beta c, and the sum of the absolute terms. The operands
 * are given as doubles, whatever they were. */
static double naive(const struct blas_gemm *g, struct scale s, const double *a, const double *b,
                    const double *c, size_t i, size_t j, double *size)
{
    double sum = 0;
    *size = 0;
    for (size_t k = 0; k < g->k; k++) {
        double term = s.alpha * a[g->ta ? k * g->lda + i : i * g->lda + k] *
                      b[g->tb ? j * g->ldb + k : k * g->ldb + j];
        sum += term;
        *size += fabs(term);
    }
    if (s.beta != 0) {
        sum += s.beta * c[i * g->ldc + j];
        *size += fabs(s.beta * c[i * g->ldc + j]);
    }
    return sum;
}

static double *widened(const float *x, size_t n)
{
    double *y = mem_take(n, sizeof *y, NULL);
    for (size_t i = 0; i < n; i++) {
        y[i] = (double)x[i];
    }
    return y;
}

/* c was `before`, is `after`; unit = the type's rounding. The bound is the textbook one for any
 * order of summation: k + 3 roundings. The gap between a row's end and the next row stays. */
static void check_product(const struct blas_gemm *g, struct scale s, const double *a,
                          const double *b, const double *before, const double *after, double unit)
{
    for (size_t i = 0; i < g->m; i++) {
        for (size_t j = 0; j < g->ldc; j++) {
            double got = after[i * g->ldc + j], size = 0;
            double want = before[i * g->ldc + j];
            if (j < g->n) {
                want = naive(g, s, a, b, before, i, j, &size);
            }
            double bound = (double)(g->k + 3) * unit * size;
            if (!(fabs(got - want) <= bound)) {
                fail_msg("m %zu n %zu k %zu ta %d tb %d beta %g: c[%zu][%zu] is %.9g, not %.9g, "
                         "bound %.3g",
                         g->m, g->n, g->k, g->ta, g->tb, s.beta, i, j, got, want, bound);
            }
        }
    }
}

static void multiply(const struct blas_gemm *g, struct scale s)
{
    size_t n_a = (g->ta ? g->k : g->m) * g->lda, n_b = (g->tb ? g->n : g->k) * g->ldb;
    size_t n_c = g->m * g->ldc;
    float *fa = floats(n_a, 1), *fb = floats(n_b, 2), *fc = floats(n_c, 3);
    double *a = widened(fa, n_a), *b = widened(fb, n_b), *c = widened(fc, n_c);
    for (size_t i = 0; s.beta == 0 && i < n_c; i++) {
        if (i % g->ldc < g->n) {
            fc[i] = NAN; /* with beta == 0 it must not be read */
        }
    }
    blas_sgemm(g, (float)s.alpha, fa, fb, (float)s.beta, fc);
    double *after = widened(fc, n_c);
    check_product(g, s, a, b, c, after, (double)FLT_EPSILON / 2);

    memcpy(after, c, n_c * sizeof *c);
    blas_dgemm(g, s.alpha, a, b, s.beta, after);
    check_product(g, s, a, b, c, after, DBL_EPSILON / 2);
    free(after);
    free(c);
    free(b);
    free(a);
    free(fc);
    free(fb);
    free(fa);
}

static void products(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {
        {1, 1, 1},
        {3, 5, 2},
        {17, 1, 33},
        {1, 64, 100},
        {64, 96, 128},
        {61, 103, 259},
        {2, 2, 0},
        {0, 3, 3},
        {3, 0, 3},
    };
    static const struct scale scales[] = {{1, 0}, {1, 1}, {-0.5, 0.25}};
    for (size_t i = 0; i < ARRAY_LEN(sizes) * 4 * ARRAY_LEN(scales) * 2; i++) {
        const size_t *mnk = sizes[i / 24];
        struct blas_gemm g = {.ta = i & 1, .tb = i & 2, .m = mnk[0], .n = mnk[1], .k = mnk[2]};
        size_t gap = i & 4 ? 3 : 0;
        g.lda = (g.ta ? g.m : g.k) + gap;
        g.ldb = (g.tb ? g.k : g.n) + gap;
        g.ldc = g.n + gap;
        multiply(&g, scales[i / 8 % 3]);
    }
}

static void gram_matrices(void **state)
{
    (void)state;
    enum { N = 70,
           K = 45,
           LD = 75 };
    double *a = doubles(LD * LD, 4), *c = doubles(N * N, 5);
    for (int trans = 0; trans < 2; trans++) {
        blas_dsyrk(trans, N, K, a, LD, c);
        for (size_t i = 0; i < N; i++) {
            for (size_t j = 0; j < N; j++) {
                double want = 0, size = 0;
                for (size_t k = 0; k < K; k++) {
                    double x = a[trans ? k * LD + i : i * LD + k];
                    double term = x * a[trans ? k * LD + j : j * LD + k];
                    want += term;
                    size += fabs(term);
                }
                if (!(fabs(c[i * N + j] - want) <= K * DBL_EPSILON * size)) {
                    fail_msg("trans %d: c[%zu][%zu] is %.17g, not %.17g", trans, i, j, c[i * N + j],
                             want);
                }
                assert_true(c[i * N + j] == c[j * N + i]);
            }
        }
    }
    free(c);
    free(a);
}

/* The second difference, tridiagonal -1 2 -1: eigenvalue j is 2 - 2 cos(pi (j + 1) / (n + 1)), its
 * vector sin(pi (i + 1) (j + 1) / (n + 1)). Bounds: dsyevd is backward stable, so errors are a
 * small multiple of n * epsilon * |A| in w, and that over the gap (1e-4 here) in vectors. */
static void known_eigenvalues(void **state)
{
    (void)state;
    struct err e = {0};
    const double pi = 3.14159265358979323846;
    double *a = mem_take(BIG * BIG, sizeof *a, &e), *w = mem_take(BIG, sizeof *w, &e);
    for (size_t i = 0; i < BIG; i++) {
        a[i * BIG + i] = 2;
        if (i > 0) {
            a[i * BIG + i - 1] = -1;
            a[(i - 1) * BIG + i] = 99; /* the upper triangle is not read */
        }
    }
    assert_int_equal(blas_eigh(BIG, a, w, &e), 0);
    for (size_t j = 0; j < BIG; j++) {
        double want = 2 - 2 * cos(pi * (double)(j + 1) / (BIG + 1)), sign = 0;
        assert_true(fabs(w[j] - want) <= BIG * DBL_EPSILON * 4);
        for (size_t i = 0; i < BIG; i++) {
            double v = sqrt(2.0 / (BIG + 1)) * sin(pi * (double)((i + 1) * (j + 1)) / (BIG + 1));
            sign = i == 0 ? copysign(1, v * a[j * BIG]) : sign;
            if (!(fabs(sign * a[j * BIG + i] - v) <= 1e-9)) {
                fail_msg("vector %zu, element %zu: %.12g, not %.12g", j, i,
                         sign * a[j * BIG + i], v);
            }
        }
    }
    free(w);
    free(a);
}

static void eigen_errors(void **state)
{
    (void)state;
    struct err e = {0};
    double w[3], kept[] = {1, 2, 2, 3};
    _Alignas(16) double one[] = {-7}, bad[] = {1, 2, 2, (double)NAN};
    assert_int_equal(blas_eigh(0, NULL, NULL, &e), 0);
    assert_int_equal(blas_eigh(1, one, w, &e), 0);
    assert_true(w[0] == -7 && fabs(one[0]) == 1);
    assert_int_equal(blas_eigh(2, bad, w, &e), -1);
    assert_int_equal(e.code, ERR_NUMERIC);
    assert_non_null(strstr(e.text, "element (1, 1) is not finite"));
    bad[3] = 3;
    assert_memory_equal(bad, kept, sizeof bad);
    /* Refused by size alone: a is not looked at. */
    assert_int_equal(blas_eigh(32767, NULL, NULL, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(blas_eigh(SIZE_MAX, NULL, NULL, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    mem_set_limit(8);
    assert_int_equal(blas_eigh(2, bad, w, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    mem_set_limit(0);
}

static void vectors(void **state)
{
    (void)state;
    double x[] = {1, 2, 3, 4, 5}, y[] = {5, 4, 3, 2, 1};
    assert_true(blas_ddot(5, x, y) == 35);
    assert_true(blas_ddot(0, x, y) == 0);
    blas_daxpy(5, 2, x, y);
    const double want[] = {7, 8, 9, 10, 11};
    assert_memory_equal(y, want, sizeof y);
}

/* Results of one worker's round of calls. */
struct round {
    _Alignas(64) float s[BIG * BIG];
    double d[BIG * BIG], gram[BIG * BIG], w[BIG], dot;
};

struct rounds {
    const float *fa, *fb;
    const double *a;
    struct round *out;
};

static void do_round(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    struct rounds *r = ctx;
    struct round *o = &r->out[item];
    const struct blas_gemm g = {
        .tb = true, .m = BIG, .n = BIG, .k = BIG, .lda = BIG, .ldb = BIG, .ldc = BIG};
    blas_sgemm(&g, 1, r->fa, r->fb, 0, o->s);
    blas_dgemm(&g, 1, r->a, r->a, 0, o->d);
    blas_dsyrk(true, BIG, BIG, r->a, BIG, o->gram);
    o->dot = blas_ddot(BIG * BIG, r->a, o->gram);
    memcpy(o->d, o->gram, sizeof o->gram);
    assert_int_equal(blas_eigh(BIG, o->d, o->w, NULL), 0);
}

static void same_bits(void **state)
{
    (void)state;
    enum { ROUNDS = 8 };
    struct err e = {0};
    float *fa = floats(BIG * BIG + 1, 6), *fb = floats(BIG * BIG, 7);
    double *a = doubles(BIG * BIG, 8);
    struct rounds r = {fa, fb, a, mem_take(ROUNDS + 1, sizeof(struct round), &e)};
    assert_non_null(r.out);
    struct pool *p;
    assert_int_equal(pool_open(&p, 4, &e), 0);
    do_round(&r, ROUNDS, 0);           /* alone */
    pool_run(p, ROUNDS, do_round, &r); /* padding in struct round stays zero */
    for (size_t i = 0; i < ROUNDS; i++) {
        assert_memory_equal(&r.out[i], &r.out[ROUNDS], sizeof r.out[i]);
    }
    /* Wherever the operands lie: 4 bytes off a cache line. */
    memmove(fa + 1, fa, BIG * BIG * sizeof *fa);
    r.fa = fa + 1;
    do_round(&r, 0, 0);
    assert_memory_equal(&r.out[0], &r.out[ROUNDS], sizeof r.out[0]);
    pool_close(p);
    free(r.out);
    free(a);
    free(fb);
    free(fa);
}

static char self[4096];

/* What a program like this one wants when it is started with OPENBLAS_CORETYPE = core. */
static void wanted_after(const char *core, char wanted[64])
{
    char command[4200];
    snprintf(command, sizeof command, "OPENBLAS_CORETYPE=%s '%s' --wanted", core, self);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(wanted, 64, f));
    assert_int_equal(pclose(f), 0);
}

static void core_choice(void **state)
{
    (void)state;
    blas_init();
    assert_int_equal(openblas_get_num_threads(), 1);
    assert_true(strlen(blas_core()) > 0);
    assert_non_null(strstr(blas_config(), "OpenBLAS"));
    double error = blas_check();
    if (!(error > 0 && error <= 161 * (double)FLT_EPSILON / 2)) { /* k roundings */
        fail_msg("core %s: relative error %.3g of a small GEMM", blas_core(), error);
    }
    char wanted[64], again[64];
    wanted_after("Prescott", wanted);
    if (cpu_has("avx2")) {
        assert_string_not_equal(wanted, "none");
        wanted_after(wanted, again);
        assert_string_equal(again, "none"); /* OpenBLAS knows the name and takes it */
    } else {
        assert_string_equal(wanted, "none");
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--wanted") == 0) {
        const char *core = blas_wanted_core();
        fputs(core ? core : "none", stdout);
        return 0;
    }
    snprintf(self, sizeof self, "%s", argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(gram_matrices),
        cmocka_unit_test(known_eigenvalues),
        cmocka_unit_test(eigen_errors),
        cmocka_unit_test(vectors),
        cmocka_unit_test(same_bits),
        cmocka_unit_test(core_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
