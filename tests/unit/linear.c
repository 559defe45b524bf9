/* Rows against weights: the kernels against plain loops in the same order (equal bits, for every
 * instruction set), products against plain loops, sums over tiles for any number of threads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "protocols/linear.h"

static double *random_values(uint64_t seed, size_t n)
{
    double *v = calloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++) {
        v[i] = rng_unit(rng_at(seed, 5, i)) - 0.5;
    }
    return v;
}

/* Forces the instruction set back to the best one at the end. */
static void each_isa(void (*fn)(void))
{
    static const char *const sets[] = {"base", "avx2", "avx512"};
    const char *best = cpu_isa();
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        if (cpu_has(sets[i])) {
            assert_int_equal(cpu_force_isa(sets[i], &e), 0);
            fn();
        }
    }
    assert_int_equal(cpu_force_isa(best, &e), 0);
}

static void check_kernels(void)
{
    static const size_t columns[] = {1, 3, 4, 5, 8, 10, 12, 17, 100};
    static const size_t features[] = {1, 7, 8, 30, 64, 200};
    for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
        for (size_t f = 0; f < ARRAY_LEN(features); f++) {
            size_t width = linear_width(features[f]), panels = linear_panels(columns[c]);
            size_t ld = panels * PANEL, n_w = panels * width * PANEL;
            double *tile = random_values(1, TILE_ROWS * width), *w = random_values(2, n_w);
            double *out = calloc(TILE_ROWS * ld, sizeof *out), *g = calloc(n_w, sizeof *g);
            memcpy(g, w, n_w * sizeof *g);
            linear_apply(tile, width, w, panels, out);
            linear_add_outer(tile, width, out, panels, g);
            for (size_t j = 0; j < ld; j++) {
                const double *column = w + j / PANEL * width * PANEL + j % PANEL;
                for (size_t i = 0; i < TILE_ROWS; i++) {
                    double sum = 0;
                    for (size_t k = 0; k < width; k++) {
                        sum += tile[i * width + k] * column[k * PANEL];
                    }
                    assert_memory_equal(&sum, &out[i * ld + j], sizeof sum);
                }
                for (size_t k = 0; k < width; k++) {
                    double sum = column[k * PANEL];
                    for (size_t i = 0; i < TILE_ROWS; i++) {
                        sum += tile[i * width + k] * out[i * ld + j];
                    }
                    assert_memory_equal(&sum, &g[(j / PANEL * width + k) * PANEL + j % PANEL],
                                        sizeof sum);
                }
            }
            free(g);
            free(out);
            free(w);
            free(tile);
        }
    }
}

static void kernels_are_plain_sums(void **state)
{
    (void)state;
    each_isa(check_kernels);
}

static void widths(void **state)
{
    (void)state;
    for (size_t d = 1; d < 5000; d++) {
        size_t width = linear_width(d);
        assert_true(width > d && width <= d + 16 && width % 16 == 8);
    }
}

static void panels_and_back(void **state)
{
    (void)state;
    for (size_t columns = 1; columns <= 9; columns++) {
        size_t rows = 13, width = linear_width(12), n = linear_panels(columns) * width * PANEL;
        double *a = random_values(3, rows * columns), *w = random_values(4, n);
        double *b = calloc(rows * columns, sizeof *b), sum = 0, want = 0;
        linear_to_panels(a, rows, columns, width, w);
        linear_from_panels(w, rows, columns, width, b);
        assert_memory_equal(a, b, rows * columns * sizeof *a);
        for (size_t i = 0; i < n; i++) { /* the rest is filled with zeros */
            sum += fabs(w[i]);
        }
        for (size_t i = 0; i < rows * columns; i++) {
            want += fabs(a[i]);
        }
        assert_true(fabs(sum - want) < 1e-12);
        free(b);
        free(w);
        free(a);
    }
}

/* Rows chosen, columns left out, centred and scaled; a short last tile. */
static void tiles_hold_the_view(void **state)
{
    (void)state;
    enum { ALL = 50,
           STRIDE = 9,
           D = 4,
           N = 37 };
    float x[ALL * STRIDE];
    size_t rows[N], columns[D] = {0, 3, 4, 8};
    double mean[D] = {0.5, -1, 2, 0}, inverse[D] = {1, 2, 0.25, 3};
    for (size_t i = 0; i < ALL * STRIDE; i++) {
        x[i] = (float)(rng_unit(rng_at(6, 6, i)));
    }
    for (size_t i = 0; i < N; i++) {
        rows[i] = i * 7 % ALL;
    }
    struct linear_rows r = {.x = x,
                            .rows = rows,
                            .columns = columns,
                            .n = N,
                            .d = D,
                            .stride = STRIDE,
                            .mean = mean,
                            .inverse = inverse,
                            .last = 7};
    double tile[TILE_ROWS * 8];
    assert_int_equal(linear_width(D), 8);
    for (size_t first = 0; first < N; first += TILE_ROWS) {
        linear_tile(&r, first, tile);
        for (size_t i = 0; i < TILE_ROWS; i++) {
            for (size_t k = 0; k < 8; k++) {
                double want = 0;
                if (first + i < N && k < D) {
                    double v = (double)x[rows[first + i] * STRIDE + columns[k]];
                    want = (v - mean[k]) * inverse[k];
                } else if (first + i < N && k == D) {
                    want = 7;
                }
                assert_true(tile[i * 8 + k] == want);
            }
        }
    }
}

static void products_are_right(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 5, 127, 128, 129, 260};
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        size_t m = sizes[s], k = 33, n = 7;
        double *a = random_values(7, m * k), *b = random_values(8, k * n), worst = 0;
        double *c = calloc(m * n, sizeof *c), *g = calloc(m * m, sizeof *g);
        for (int trans = 0; trans < 2; trans++) {
            struct linear_product p = {
                .trans = trans, .m = m, .n = n, .k = k, .lda = trans ? m : k, .ldb = n};
            linear_multiply(&p, a, b, c, NULL);
            linear_gram(trans, m, k, a, p.lda, g, NULL);
            size_t row = trans ? 1 : k, term = trans ? m : 1;
            for (size_t i = 0; i < m * n; i++) {
                double sum = 0;
                for (size_t t = 0; t < k; t++) {
                    sum += a[i / n * row + t * term] * b[t * n + i % n];
                }
                worst = fmax(worst, fabs(sum - c[i]));
            }
            for (size_t i = 0; i < m * m; i++) {
                double sum = 0;
                for (size_t t = 0; t < k; t++) {
                    sum += a[i / m * row + t * term] * a[i % m * row + t * term];
                }
                worst = fmax(worst, fabs(sum - g[i]));
                assert_true(g[i] == g[i % m * m + i / m]);
            }
        }
        assert_true(worst < 1e-14); /* 33 terms below 1/4 */
        free(g);
        free(c);
        free(b);
        free(a);
    }
}

static void add_parts(void *ctx, size_t tile, size_t worker, double *sum)
{
    (void)worker;
    const size_t *size = ctx;
    for (size_t i = 0; i < *size; i++) {
        sum[i] += rng_unit(rng_at(9, tile, i));
    }
}

static void sums_do_not_show_threads(void **state)
{
    (void)state;
    size_t size = 5000;
    for (size_t tiles = 1; tiles < 70; tiles += 4) {
        double *first = calloc(size, sizeof *first), *out = calloc(size, sizeof *out);
        double *buffer = calloc(linear_sum_room(tiles) * size, sizeof *buffer);
        struct linear_sum s = {.tiles = tiles,
                               .size = size,
                               .add = add_parts,
                               .ctx = &size,
                               .buffer = buffer,
                               .out = first};
        linear_sum_run(&s, NULL);
        for (size_t i = 0; i < size; i += 997) {
            double want = 0;
            for (size_t t = 0; t < tiles; t++) {
                want += rng_unit(rng_at(9, t, i));
            }
            assert_true(fabs(want - first[i]) < 1e-12 * want);
        }
        s.out = out;
        for (size_t threads = 2; threads <= 3; threads++) {
            struct pool *pool;
            struct err e = {0};
            assert_int_equal(pool_open(&pool, threads, &e), 0);
            linear_sum_run(&s, pool);
            assert_memory_equal(first, out, size * sizeof *out);
            pool_close(pool);
        }
        free(buffer);
        free(out);
        free(first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_are_plain_sums),
        cmocka_unit_test(widths),
        cmocka_unit_test(panels_and_back),
        cmocka_unit_test(tiles_hold_the_view),
        cmocka_unit_test(products_are_right),
        cmocka_unit_test(sums_do_not_show_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
