/* Views: they never own what they point at. */
#ifndef BITBENCH_BASE_TENSOR_H
#define BITBENCH_BASE_TENSOR_H

#include <stddef.h>
#include <stdint.h>

struct tensor {
    float *data; /* [n, h, w, c] row major */
    size_t n, h, w, c;
};

struct image {
    const uint8_t *data; /* [h, w, c], c = 1 or 3 */
    size_t h, w, c;
};

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
