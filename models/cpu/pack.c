/* Packing, a panel of output channels at a time: gather, standardise with the kernel that the
 * reference engine uses, and for Winograd F(4x4,3x3) transform in double. */
#include "models/cpu/pack.h"

#include "harness/base/pool.h"
#include "models/cpu/simd.h"
#include "models/kernels/kernels.h"

/* Row j holds 1, point, point^2 over the product of (point - other points), for the points of
 * simd_winograd.c; the last row is the point at infinity. */
static const double transform[WINO_INPUT_TILE][3] = {
    {1, 0, 0},
    {1.0 / 3, 1.0 / 3, 1.0 / 3},
    {-1.0 / 3, 1.0 / 3, -1.0 / 3},
    {-16.0 / 15, -8.0 / 15, -4.0 / 15},
    {1.0 / 15, -2.0 / 15, 4.0 / 15},
    {0, 0, 1},
};

size_t pack_floats(const struct pack *p)
{
    return (p->winograd ? WINO_POINTS : p->k * p->k) * p->cin * p->cout;
}

static size_t rows_of(const struct pack *p)
{
    return p->k * p->k * p->cin;
}

size_t pack_scratch(const struct pack *p)
{
    return p->winograd ? rows_of(p) * p->simd->panel : 0;
}

/* The 36 points of one 3x3 kernel: tap (y, x) at g[(y * 3 + x) * step]; point p to u[p * step]. */
static void transform_kernel(const float *g, size_t step, float *u)
{
    double t[WINO_INPUT_TILE][3];
    for (size_t i = 0; i < WINO_INPUT_TILE; i++) {
        for (size_t x = 0; x < 3; x++) {
            t[i][x] = 0;
            for (size_t y = 0; y < 3; y++) {
                t[i][x] += transform[i][y] * (double)g[(y * 3 + x) * step];
            }
        }
    }
    for (size_t i = 0; i < WINO_INPUT_TILE; i++) {
        for (size_t j = 0; j < WINO_INPUT_TILE; j++) {
            double sum = 0;
            for (size_t x = 0; x < 3; x++) {
                sum += t[i][x] * transform[j][x];
            }
            u[(i * WINO_INPUT_TILE + j) * step] = (float)sum;
        }
    }
}

struct job {
    const struct pack *p;
    float *out, *scratch;
};

static void pack_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    const struct pack *p = j->p;
    size_t panel = p->simd->panel, rows = rows_of(p), n = p->cin * panel;
    float *out = j->out + item * (pack_floats(p) / (p->cout / panel));
    float *w = p->winograd ? j->scratch + worker * pack_scratch(p) : out;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < panel; i++) {
            w[r * panel + i] = p->w[r * p->cout + item * panel + i];
        }
    }
    kernel_standardize(w, rows, panel, p->ws_eps, w);
    for (size_t i = 0; i < n && p->winograd; i++) {
        transform_kernel(w + i, n, out + i);
    }
}

void pack_run(const struct pack *p, float *out, float *scratch, struct pool *pool)
{
    struct job j = {.p = p, .out = out, .scratch = scratch};
    pool_run(pool, p->cout / p->simd->panel, pack_item, &j);
}
