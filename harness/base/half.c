/* 16-bit floats, as files of arrays and weights hold them. */
#include "harness/base/half.h"

#include <string.h>

float half_bf16_to_f32(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* IEEE 754 binary16. Every value of it, subnormals included, is a normal float; the payload of
 * a NaN is kept. */
float half_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 0x3ff;
    uint32_t bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000 | mantissa << 13;
    } else if (exponent) {
        bits = sign | (exponent + 127 - 15) << 23 | mantissa << 13;
    } else {
        float v = (float)mantissa * 0x1p-24f;
        return sign ? -v : v;
    }
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}
