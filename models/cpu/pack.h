/* Weights of the cpu engine: standardised, then laid out for the products.
 *   direct    [cout / panel][k * k * cin][panel]
 *   winograd  [cout / panel][36][cin][panel] */
#ifndef BITBENCH_MODELS_CPU_PACK_H
#define BITBENCH_MODELS_CPU_PACK_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct pool;
struct simd;

struct pack {
    const struct simd *simd;
    const float *w; /* [k,k,cin,cout], not standardised */
    size_t k, cin, cout;
    double ws_eps;
    bool winograd;
};

size_t pack_floats(const struct pack *p);
/* Floats that each thread needs at scratch. */
size_t pack_scratch(const struct pack *p);
/* out [pack_floats]; scratch [pool_size, pack_scratch]. */
void pack_run(const struct pack *p, float *out, float *scratch, struct pool *pool);

#endif
