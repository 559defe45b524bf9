/* Inner loops of the cpu engine: one table of them for each instruction set, compiled from the same
 * sources (simd_*.c), chosen at start. Tensors are NHWC float32; every channel count that is given
 * here is a multiple of SIMD_CHANNELS unless said otherwise.
 *
 * Equal inputs give equal bits wherever they lie: an output is made by the same operations in the
 * same order whatever the number of rows, their place and the neighbours. The sources are compiled
 * with -ffp-contract=fast, so a sum takes in a product as one fused multiply-add where the
 * instruction set has it. That leaves the compiler no choice, hence the same bits at every place
 * where a loop is inlined, because of a rule: each product has one use, in a sum whose other term
 * is no product. No sum runs across the lanes of a vector, so all instruction sets with fused
 * multiply-add give the same bits, too. */
#ifndef BITBENCH_MODELS_CPU_SIMD_H
#define BITBENCH_MODELS_CPU_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include "models/kernels/backward.h"

enum {
    SIMD_CHANNELS = 32,  /* the network's channel counts are multiples of this */
    SIMD_DEPTH = 256,    /* products that gemm should be given at a time: longer sums round more */
    WINO_POINTS = 36,    /* of F(4x4,3x3) */
    WINO_TILE = 4,       /* output pixels along a side */
    WINO_INPUT_TILE = 6, /* input pixels along a side */
    STRIDED_TILE = 4,    /* of strided Winograd: output pixels along a side, or one less */
    STRIDED_INPUT_POINTS = 9,
    STRIDED_OUTPUT_POINTS = 5,
    STRIDED_KERNEL_POINTS = 6,
};

/* c [rows, panel] = a b (+ add). Row i of a is `runs` pieces of `length` floats, the pieces `step`
 * floats apart, and starts at a + i * lda; b [runs * length, panel] is dense. All products of an
 * output are summed from zero in order; then add [rows, panel] (NULL: nothing; may be c), laid out
 * as c, is added. */
struct simd_gemm {
    size_t rows, runs, length, step;
    const float *a, *b, *add;
    size_t lda, ldc;
    float *c;
};

/* GroupNorm's affine part and ReLU: max((x - centre) * scale + shift, 0), a channel each; with
 * centre NULL a copy. x: rows of c channels, ldx apart -> y, ldy apart. */
struct simd_affine {
    const float *centre, *scale, *shift; /* [c] each */
};
struct simd_norm {
    const float *x;
    float *y;
    size_t rows, c, ldx, ldy;
    struct simd_affine affine;
};

/* Adds the sum and the sum of squares over rows of x to sum [c] and square [c]. The variance is
 * taken from these as mean of squares less square of mean, so they must not be rounded to float:
 * at most 64 rows are summed in float, as differences from the first row, whose sum of squares is
 * at most 64 times that around their own mean; all else is double. */
struct simd_sums {
    const float *x;
    size_t rows, c, ldx;
    double *sum, *square;
};

/* Winograd F(4x4,3x3), tiles first..first+n-1 of one image, numbered along rows of tiles. The
 * value of point p, tile t of the call, channel k is at v[p * plane + t * ldv + k]. */
struct simd_tiles {
    size_t h, w;     /* of the image (input and output) */
    size_t first, n; /* tiles */
    size_t c;        /* channels at work */
    size_t ldx;      /* floats from pixel to pixel */
    size_t plane, ldv;
};
struct simd_tiles_in {
    struct simd_tiles t;
    const float *x; /* the image [h, w, c] */
    struct simd_affine affine;
    float *v;
};
/* Also adds sums as simd_sums does, over tiles in order. */
struct simd_tiles_out {
    struct simd_tiles t;
    const float *v;
    float *y; /* the image, from the first of the c channels on */
    double *sum, *square;
};

/* G g G' of n 3x3 kernels, a multiple of panel: tap t of kernel i is g[t * tap + i]; point p goes
 * to u[p * point + i]. */
struct simd_kernel_tiles {
    const float *g;
    float *u;
    size_t n, tap, point;
};

/* Winograd for 3x3 with stride 2 (strided.c): tiles first..first+n-1 of one image that make rows x
 * cols outputs each, 3 or 4 of them, or what is left of the image; numbered along rows of `across`
 * tiles, tile 0 from output pixel (y, x) on. The value of points (i, j), tile t of the call,
 * channel k is at v[(i * line + j) * plane + t * ldv + k]. */
struct simd_strided {
    size_t h, w; /* of the image at hand, input or output */
    size_t rows, cols, y, x, across;
    size_t first, n; /* tiles */
    size_t c;        /* channels at work */
    size_t ldx;      /* floats from pixel to pixel */
    size_t plane, ldv;
};
/* line: STRIDED_INPUT_POINTS */
struct simd_strided_in {
    struct simd_strided t;
    const float *x; /* the image, from the first of the c channels on */
    struct simd_affine affine;
    float *v;
};
/* line: STRIDED_OUTPUT_POINTS. Also adds sums as simd_sums does, over tiles in order. */
struct simd_strided_out {
    struct simd_strided t;
    const float *v;
    float *y; /* the image, from the first of the c channels on */
    double *sum, *square;
};
/* The points of n 3x3 kernels, a multiple of panel: tap t of kernel i is g[t * tap + i]; point
 * (i, j) to u[(i * STRIDED_KERNEL_POINTS + j) * point], save those that are taps as they are: i and
 * j of 0, 3, 5 are taps 0, 2, 1 of a side. */
struct simd_strided_kernel {
    const float *g;
    float *u;
    size_t n, tap, point;
};

/* The root's pool for output pixels first..first+n-1 of one image: 3x3 stride 2 over zero padding.
 * x [h, w, c] -> y [n, c]. NaN stays. */
struct simd_max_pool {
    const float *x;
    float *y; /* of pixel first */
    size_t h, w, c, first, n;
};

/* Mean over rows of what simd_norm makes of x [rows, c] -> y [c], summed in double. */
struct simd_average {
    const float *x;
    size_t rows, c;
    struct simd_affine affine;
    float *y;
};

/* Backward. c [rows, panel] (+)= the sum of n outer products: element i of row k of a (lda apart)
 * times row k of b (panel floats, ldb apart), summed from zero in order; start: c is not read. */
struct simd_outer {
    size_t rows, n;
    const float *a, *b;
    size_t lda, ldb, ldc;
    float *c;
    bool start;
};

/* Winograd backward: A dy A' of tiles of one image, 0 beyond it; the layout of v as in simd_tiles.
 */
struct simd_tiles_back {
    struct simd_tiles t;
    const float *dy; /* the image, from the first of the c channels on */
    float *v;
};
/* Adds G' m G to dw: m [36, rows, panel]; row r, column j of tap t is dw[t * tap + r * ldw + j]. */
struct simd_kernel_back {
    size_t rows, tap, ldw;
    const float *m;
    float *dw;
};
/* Weight standardisation over rows: w [rows, c], ldw apart -> out, ldout apart. */
struct simd_standardize {
    const float *w;
    float *out;
    size_t rows, c, ldw, ldout;
    double eps;
};

/* GroupNorm with ReLU backward: x as in simd_norm, d the gradient of what that makes of x; rows of
 * c channels, ldx apart. With g = d where that is above 0, else 0, the sums over rows of g and of
 * g * (x - centre) are added to sum [c] and cross [c]: 64 rows in float, the rest in double. */
struct simd_norm_sums {
    const float *x, *d;
    size_t rows, c, ldx;
    struct simd_affine affine;
    double *sum, *cross;
};
/* Then, once the means are known: d becomes slope * g + bend * (x - centre) + rest (+ plus; NULL:
 * nothing), a channel each; plus may be d. */
struct simd_norm_back {
    const float *x, *plus;
    float *d;
    size_t rows, c, ldx;
    struct simd_affine affine;
    const float *slope, *bend, *rest; /* [c] each */
};

/* As simd_max_pool; index [n, c] says where each value came from: 3 * row + column in the window,
 * the first of equal ones, or 9 for the padding. */
struct simd_pool_index {
    const float *x;
    float *y; /* of pixel first */
    unsigned char *index;
    size_t h, w, c, first, n;
};
/* Rows first..first+n-1 of the pool's input gradient; all arrays those of the whole image: dx
 * [h, w, c], dy and index of its output. */
struct simd_pool_back {
    const float *dy;
    const unsigned char *index;
    float *dx;
    size_t h, w, c, first, n;
};

struct simd {
    const char *isa;
    size_t panel; /* output channels of a register tile; divides SIMD_CHANNELS */
    size_t rows;  /* of a full register tile */
    void (*gemm)(const struct simd_gemm *a);
    void (*norm)(const struct simd_norm *a);
    void (*sums)(const struct simd_sums *a);
    void (*tiles_in)(const struct simd_tiles_in *a);
    void (*tiles_out)(const struct simd_tiles_out *a);
    void (*kernel_tiles)(const struct simd_kernel_tiles *a);
    void (*strided_in)(const struct simd_strided_in *a);
    void (*strided_out)(const struct simd_strided_out *a);
    void (*strided_kernel)(const struct simd_strided_kernel *a);
    void (*max_pool)(const struct simd_max_pool *a);
    void (*average)(const struct simd_average *a);
    void (*outer)(const struct simd_outer *a);
    void (*tiles_back)(const struct simd_tiles_back *a);
    void (*kernel_back)(const struct simd_kernel_back *a);
    void (*standardize)(const struct simd_standardize *a);
    void (*norm_sums)(const struct simd_norm_sums *a);
    void (*norm_back)(const struct simd_norm_back *a);
    struct train_kernels train;
    void (*pool_index)(const struct simd_pool_index *a);
    void (*pool_back)(const struct simd_pool_back *a);
    double (*peak)(size_t n); /* 2 * rows * panel * n floating-point operations, nothing else */
};

/* The table for cpu_isa(). */
const struct simd *simd_choose(void);
/* By name; NULL where this build has none. Whether the CPU runs it is cpu_has's matter. */
const struct simd *simd_find(const char *isa);

static inline size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif
