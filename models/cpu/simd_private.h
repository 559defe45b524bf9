/* For simd_*.c only: the vector of the instruction set at hand and names that carry its suffix.
 * These sources are compiled once for each instruction set with -DSIMD_ISA=name. */
#ifndef BITBENCH_MODELS_CPU_SIMD_PRIVATE_H
#define BITBENCH_MODELS_CPU_SIMD_PRIVATE_H

#include "models/cpu/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Lanes of a vector; rows of a register tile of two vectors: as many as registers hold beside the
 * two of b and one of a. */
#if defined(__AVX512F__)
enum { VL = 16,
       TILE_ROWS = 14 };
#elif defined(__AVX2__)
enum { VL = 8,
       TILE_ROWS = 6 };
#elif defined(__aarch64__)
enum { VL = 4,
       TILE_ROWS = 10 }; /* with 11 and more gcc 12 spills */
#else
enum { VL = 4,
       TILE_ROWS = 6 };
#endif
enum { PANEL = 2 * VL };

/* Loads and stores need no alignment. */
typedef float vf __attribute__((vector_size(VL * 4), aligned(4), may_alias));
typedef float vh __attribute__((vector_size(VL * 2), aligned(4), may_alias));
typedef double vd __attribute__((vector_size(VL * 4), aligned(8), may_alias));

#define SIMD_ALWAYS static inline __attribute__((always_inline))

/* Before a loop over an array of vectors: unrolled wholly, the array lives in registers. */
#if defined(__clang__)
#define SIMD_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SIMD_UNROLL _Pragma("GCC unroll 16")
#endif

SIMD_ALWAYS vf load(const float *p)
{
    return *(const vf *)p;
}

SIMD_ALWAYS void store(float *p, vf v)
{
    *(vf *)p = v;
}

/* f in all lanes. Written as 0 + f the addition would stay, for the sake of f = -0. */
SIMD_ALWAYS vf spread(float f)
{
    return f - (vf){0};
}

/* Half a vector of floats as doubles. */
SIMD_ALWAYS vd widen(const float *p)
{
    return __builtin_convertvector(*(const vh *)p, vd);
}

/* Loops over rows: so many vectors of channels at a time (more run out of registers, fewer read
 * less in a row), and so many rows whose sums stay in float. */
enum { WIDE = 4,
       SUM_ROWS = 64 };

#if defined(__AVX512F__)
SIMD_ALWAYS vf relu(vf v)
{
    return (vf)_mm512_max_ps((__m512)v, _mm512_setzero_ps());
}
#elif defined(__AVX2__)
SIMD_ALWAYS vf relu(vf v)
{
    return (vf)_mm256_max_ps((__m256)v, _mm256_setzero_ps());
}
#elif defined(__x86_64__)
SIMD_ALWAYS vf relu(vf v)
{
    return (vf)_mm_max_ps((__m128)v, _mm_setzero_ps());
}
#else
typedef int vi __attribute__((vector_size(VL * 4), aligned(4), may_alias));
SIMD_ALWAYS vf relu(vf v)
{
    return (vf)((vi)v & (v > (vf){0}));
}
#endif

/* max((x - centre) * scale + shift, 0) */
SIMD_ALWAYS vf affine_relu(vf x, vf centre, vf scale, vf shift)
{
    return relu((x - centre) * scale + shift);
}

/* The sum and the sum of squares of a vector's lanes over rows, in double. */
struct lane_sums {
    vd sum[2], square[2];
};

SIMD_ALWAYS void lane_add(struct lane_sums *s, const float *p)
{
    vd lo = widen(p), hi = widen(p + VL / 2);
    s->sum[0] += lo;
    s->sum[1] += hi;
    s->square[0] += lo * lo;
    s->square[1] += hi * hi;
}

SIMD_ALWAYS void lane_load(struct lane_sums *s, const double *sum, const double *square)
{
    s->sum[0] = *(const vd *)sum;
    s->sum[1] = *(const vd *)(sum + VL / 2);
    s->square[0] = *(const vd *)square;
    s->square[1] = *(const vd *)(square + VL / 2);
}

SIMD_ALWAYS void lane_store(const struct lane_sums *s, double *sum, double *square)
{
    *(vd *)sum = s->sum[0];
    *(vd *)(sum + VL / 2) = s->sum[1];
    *(vd *)square = s->square[0];
    *(vd *)(square + VL / 2) = s->square[1];
}

#define SIMD_PASTE(a, b)        a##_##b
#define SIMD_NAME(a, b)         SIMD_PASTE(a, b)
#define simd_gemm_x             SIMD_NAME(simd_gemm, SIMD_ISA)
#define simd_norm_x             SIMD_NAME(simd_norm, SIMD_ISA)
#define simd_sums_x             SIMD_NAME(simd_sums, SIMD_ISA)
#define simd_tiles_in_x         SIMD_NAME(simd_tiles_in, SIMD_ISA)
#define simd_tiles_out_x        SIMD_NAME(simd_tiles_out, SIMD_ISA)
#define simd_strided_in_x       SIMD_NAME(simd_strided_in, SIMD_ISA)
#define simd_strided_out_x      SIMD_NAME(simd_strided_out, SIMD_ISA)
#define simd_strided_kernel_x   SIMD_NAME(simd_strided_kernel, SIMD_ISA)
#define simd_max_pool_x         SIMD_NAME(simd_max_pool, SIMD_ISA)
#define simd_average_x          SIMD_NAME(simd_average, SIMD_ISA)
#define simd_outer_x            SIMD_NAME(simd_outer, SIMD_ISA)
#define simd_tiles_back_x       SIMD_NAME(simd_tiles_back, SIMD_ISA)
#define simd_kernel_back_x      SIMD_NAME(simd_kernel_back, SIMD_ISA)
#define simd_kernel_tiles_x     SIMD_NAME(simd_kernel_tiles, SIMD_ISA)
#define simd_standardize_x      SIMD_NAME(simd_standardize, SIMD_ISA)
#define simd_standardize_back_x SIMD_NAME(simd_standardize_back, SIMD_ISA)
#define simd_norm_sums_x        SIMD_NAME(simd_norm_sums, SIMD_ISA)
#define simd_norm_back_x        SIMD_NAME(simd_norm_back, SIMD_ISA)
#define simd_head_x             SIMD_NAME(simd_head, SIMD_ISA)
#define simd_head_weights_x     SIMD_NAME(simd_head_weights, SIMD_ISA)
#define simd_head_data_x        SIMD_NAME(simd_head_data, SIMD_ISA)
#define simd_pool_index_x       SIMD_NAME(simd_pool_index, SIMD_ISA)
#define simd_pool_back_x        SIMD_NAME(simd_pool_back, SIMD_ISA)
#define simd_peak_x             SIMD_NAME(simd_peak, SIMD_ISA)
#define simd_table_x            SIMD_NAME(simd_table, SIMD_ISA)

void simd_gemm_x(const struct simd_gemm *a);
void simd_norm_x(const struct simd_norm *a);
void simd_sums_x(const struct simd_sums *a);
void simd_tiles_in_x(const struct simd_tiles_in *a);
void simd_tiles_out_x(const struct simd_tiles_out *a);
void simd_strided_in_x(const struct simd_strided_in *a);
void simd_strided_out_x(const struct simd_strided_out *a);
void simd_strided_kernel_x(const struct simd_strided_kernel *a);
void simd_max_pool_x(const struct simd_max_pool *a);
void simd_average_x(const struct simd_average *a);
void simd_outer_x(const struct simd_outer *a);
void simd_tiles_back_x(const struct simd_tiles_back *a);
void simd_kernel_back_x(const struct simd_kernel_back *a);
void simd_kernel_tiles_x(const struct simd_kernel_tiles *a);
void simd_standardize_x(const struct simd_standardize *a);
void simd_standardize_back_x(const float *w, size_t rows, size_t cols, size_t ld, double eps,
                             float *d);
void simd_norm_sums_x(const struct simd_norm_sums *a);
void simd_norm_back_x(const struct simd_norm_back *a);
void simd_head_x(const struct head_part *p, const float *features, const float *w,
                 const float *bias, float *logits);
void simd_head_weights_x(const struct head_part *p, const float *features, const float *d_logits,
                         float *dw);
void simd_head_data_x(const struct head_part *p, const float *d_logits, const float *w,
                      float *d_features);
void simd_pool_index_x(const struct simd_pool_index *a);
void simd_pool_back_x(const struct simd_pool_back *a);
double simd_peak_x(size_t n);
extern const struct simd simd_table_x;

#endif
