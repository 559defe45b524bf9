/* The cpu engine's GroupNorm with ReLU, forward and backward, on every instruction set that this
 * CPU runs, against float64 arithmetic where the mean is far from 0 beside the spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "harness/base/cpu.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/arch.h"
#include "models/cpu/backward.h"
#include "models/cpu/crew.h"

enum { SEED = 19,
       N = 2,
       PIXELS = 488, /* two blocks backward; chosen for test_constant */
       C = 64,
       WIDTH = C / ARCH_GROUPS,
       IMAGE = PIXELS * C };
static const double NORM_EPS = 1e-5;

static const char *const isas[] = {"avx512", "avx2", "base"};

static void *take(size_t n, size_t size)
{
    void *p = calloc(n, size);
    assert_non_null(p);
    return p;
}

/* -1 to 1 */
static double unit(uint64_t what, size_t i)
{
    return 2 * rng_unit(rng_at(SEED, what, i)) - 1;
}

/* x [N, PIXELS, C] and all that the layer makes of it. */
struct fixture {
    const struct simd *simd;
    float x[N * IMAGE], y[N * IMAGE], d[N * IMAGE], dx[N * IMAGE];
    float gamma[C], beta[C], d_gamma[C], d_beta[C];
    float affine[N * 3 * C], slopes[N * 3 * C];
    double moments[N * NORM_STATS];
};

static void draw(struct fixture *f)
{
    for (size_t k = 0; k < C; k++) {
        f->gamma[k] = (float)(1 + unit(1, k) / 2);
        f->beta[k] = (float)(unit(2, k) / 5);
        f->d_gamma[k] = f->d_beta[k] = 0;
    }
    for (size_t i = 0; i < N * IMAGE; i++) {
        f->d[i] = f->dx[i] = (float)(unit(3, i) + 0.3);
    }
}

static void forward(struct fixture *f)
{
    double *sums = take(stats_sums(N, 1, C), sizeof *sums);
    atomic_size_t left[N], bad;
    struct stats s = {.c = C,
                      .pixels = PIXELS,
                      .parts = 1,
                      .sums = sums,
                      .left = left,
                      .gamma = f->gamma,
                      .beta = f->beta,
                      .affine = f->affine,
                      .moments = f->moments,
                      .bad = &bad};
    atomic_init(&bad, N);
    stats_begin(&s, N, 1);
    for (size_t i = 0; i < N; i++) {
        double *sum = stats_at(&s, i, 0);
        const struct simd_sums add = {
            .x = f->x + i * IMAGE, .rows = PIXELS, .c = C, .ldx = C, .sum = sum, .square = sum + C};
        f->simd->sums(&add);
        stats_done(&s, i);
        const struct simd_norm norm = {.x = f->x + i * IMAGE,
                                       .y = f->y + i * IMAGE,
                                       .rows = PIXELS,
                                       .c = C,
                                       .ldx = C,
                                       .ldy = C,
                                       .affine = stats_affine_at(f->affine, i, C)};
        f->simd->norm(&norm);
    }
    assert_int_equal(atomic_load(&bad), N);
    free(sums);
}

static void backward(struct fixture *f)
{
    atomic_size_t left[N];
    const struct norm_data b = {.simd = f->simd,
                                .n = N,
                                .pixels = PIXELS,
                                .c = C,
                                .x = f->x,
                                .affine = f->affine,
                                .moments = f->moments,
                                .gamma = f->gamma,
                                .d = f->dx,
                                .d_gamma = f->d_gamma,
                                .d_beta = f->d_beta,
                                .sums = take(norm_data_sums(N, PIXELS, C), sizeof(double)),
                                .slopes = f->slopes,
                                .left = left};
    norm_data_run(&b, &(struct crew){.size = 1});
    free(b.sums);
}

static void near(const struct fixture *f, const char *what, size_t at, double have, double want,
                 double bound)
{
    if (!(fabs(have - want) <= bound)) {
        fail_msg("%s: %s %zu: %.9g, not %.9g: error %.2g, bound %.2g, seed %d", f->simd->isa, what,
                 at, have, want, fabs(have - want), bound, SEED);
    }
}

/* A channel's gradients, and the sums of the absolute terms. */
struct channel {
    double beta, gamma, abs_beta, abs_gamma;
};

/* What a group of one image should be. */
struct group {
    double mean, inverse, bound; /* of what is made, relative to the sum of its terms */
    struct channel of[WIDTH];
};

/* 64 rows are summed in float, in terms of their spread; the variance is the difference of two
 * doubles that are mean^2 / variance times as large. */
static struct group measure(const float *x)
{
    struct group g = {0};
    double variance = 0, n = PIXELS * WIDTH;
    for (size_t i = 0; i < PIXELS * WIDTH; i++) {
        g.mean += (double)x[i / WIDTH * C + i % WIDTH] / n;
    }
    for (size_t i = 0; i < PIXELS * WIDTH; i++) {
        double d = (double)x[i / WIDTH * C + i % WIDTH] - g.mean;
        variance += d * d / n;
    }
    g.inverse = 1 / sqrt(variance + NORM_EPS);
    g.bound = 64 * (double)FLT_EPSILON / 2 +
              8 * DBL_EPSILON * g.mean * g.mean / (variance + NORM_EPS);
    return g;
}

/* Channels first.. of image i: y, then the sums, then dx. */
static void check_group(const struct fixture *f, size_t image, size_t first, struct group *g)
{
    const size_t at = image * IMAGE + first;
    double m = 0, mh = 0, abs_m = 0, abs_mh = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < PIXELS * WIDTH; i++) {
            size_t k = i % WIDTH, j = at + i / WIDTH * C + k;
            double gamma = (double)f->gamma[first + k], beta = (double)f->beta[first + k];
            double h = ((double)f->x[j] - g->mean) * g->inverse, y = gamma * h + beta;
            double d = y > 0 ? (double)f->d[j] : 0, dx = gamma * d - m - h * mh;
            if (pass) {
                near(f, "dx", j, (double)f->dx[j], g->inverse * dx,
                     g->inverse * g->bound * (fabs(gamma * d) + abs_m + fabs(h) * abs_mh));
                continue;
            }
            near(f, "y", j, (double)f->y[j], y > 0 ? y : 0,
                 g->bound * (fabs(gamma * h) + fabs(beta)));
            struct channel *c = &g->of[k];
            c->beta += d;
            c->gamma += d * h;
            c->abs_beta += fabs(d);
            c->abs_gamma += fabs(d * h);
        }
        for (size_t k = 0; k < WIDTH && !pass; k++) {
            double share = (double)f->gamma[first + k] / (PIXELS * WIDTH);
            m += share * g->of[k].beta;
            mh += share * g->of[k].gamma;
            abs_m += share * g->of[k].abs_beta;
            abs_mh += share * g->of[k].abs_gamma;
        }
    }
}

static void check(const struct fixture *f)
{
    for (size_t first = 0; first < C; first += WIDTH) {
        struct channel sum[WIDTH] = {0};
        double bound = 0;
        for (size_t i = 0; i < N; i++) {
            struct group g = measure(f->x + i * IMAGE + first);
            check_group(f, i, first, &g);
            bound = fmax(bound, g.bound);
            for (size_t k = 0; k < WIDTH; k++) {
                sum[k].beta += g.of[k].beta;
                sum[k].gamma += g.of[k].gamma;
                sum[k].abs_beta += g.of[k].abs_beta;
                sum[k].abs_gamma += g.of[k].abs_gamma;
            }
        }
        for (size_t k = 0; k < WIDTH; k++) {
            near(f, "d_beta", first + k, (double)f->d_beta[first + k], sum[k].beta,
                 bound * sum[k].abs_beta);
            near(f, "d_gamma", first + k, (double)f->d_gamma[first + k], sum[k].gamma,
                 bound * sum[k].abs_gamma);
        }
    }
}

/* Values on both sides of the mean, away from it: rounding decides nowhere whether a value passes
 * ReLU. The nearest float32 to a mean like this is up to 0.004 standard deviations away. */
static void test_far_mean(void **state)
{
    static const struct {
        double mean, spread;
    } cases[] = {{0, 1}, {1000.3, 0.01}, {-77.7, 1e-3}};
    struct fixture *f = take(1, sizeof *f);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(isas); i++) {
        const char *isa = isas[i % ARRAY_LEN(isas)];
        size_t at = i / ARRAY_LEN(isas);
        if (!cpu_has(isa) || !simd_find(isa)) {
            continue;
        }
        f->simd = simd_find(isa);
        draw(f);
        for (size_t j = 0; j < N * IMAGE; j++) {
            double away = unit(4, j);
            away = away > 0 ? (1 + away) / 2 : (away - 1) / 2;
            f->x[j] = (float)(cases[at].mean + cases[at].spread * away);
        }
        forward(f);
        backward(f);
        check(f);
    }
    free(f);
}

/* Groups of one value each, up to 2^21. Of this many pixels the mean of the squares rounds to less
 * than the square for one in four values, so that the variance comes out below 0 by more than the
 * norm's epsilon. */
static void test_constant(void **state)
{
    struct fixture *f = take(1, sizeof *f);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        if (!cpu_has(isas[i]) || !simd_find(isas[i])) {
            continue;
        }
        f->simd = simd_find(isas[i]);
        draw(f);
        for (size_t j = 0; j < N * IMAGE; j++) {
            f->x[j] = (float)((1 << 21) * unit(5, j / IMAGE * C + j % C / WIDTH));
        }
        forward(f);
        for (size_t j = 0; j < N * IMAGE; j++) {
            near(f, "y", j, (double)f->y[j], fmax((double)f->beta[j % C], 0), 1e-6);
        }
    }
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_far_mean),
        cmocka_unit_test(test_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
