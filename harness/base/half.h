/* 16-bit floats, as files of arrays and weights hold them. */
#ifndef BITBENCH_BASE_HALF_H
#define BITBENCH_BASE_HALF_H

#include <stdint.h>

/* Exact. f16: IEEE 754 binary16; bf16: the upper half of a 32-bit float. */
float half_f16_to_f32(uint16_t h);
float half_bf16_to_f32(uint16_t h);

#endif
