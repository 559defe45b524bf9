/* The table of this instruction set. */
#include "models/cpu/simd_private.h"

#define SIMD_TEXT(a)  #a
#define SIMD_QUOTE(a) SIMD_TEXT(a)

const struct simd simd_table_x = {
    .isa = SIMD_QUOTE(SIMD_ISA),
    .panel = PANEL,
    .rows = TILE_ROWS,
    .gemm = simd_gemm_x,
    .norm = simd_norm_x,
    .sums = simd_sums_x,
    .tiles_in = simd_tiles_in_x,
    .tiles_out = simd_tiles_out_x,
    .kernel_tiles = simd_kernel_tiles_x,
    .strided_in = simd_strided_in_x,
    .strided_out = simd_strided_out_x,
    .strided_kernel = simd_strided_kernel_x,
    .max_pool = simd_max_pool_x,
    .average = simd_average_x,
    .outer = simd_outer_x,
    .tiles_back = simd_tiles_back_x,
    .kernel_back = simd_kernel_back_x,
    .standardize = simd_standardize_x,
    .norm_sums = simd_norm_sums_x,
    .norm_back = simd_norm_back_x,
    .train = {.standardize_backward = simd_standardize_back_x,
              .head = simd_head_x,
              .head_weights = simd_head_weights_x,
              .head_data = simd_head_data_x},
    .pool_index = simd_pool_index_x,
    .pool_back = simd_pool_back_x,
    .peak = simd_peak_x,
};
