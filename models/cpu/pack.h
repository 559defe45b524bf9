/* Weights of the cpu engine: standardised, then laid out for the products as
 * [cout / panel][k * k * cin][panel], which serves Winograd, too (winograd.c). */
#ifndef BITBENCH_MODELS_CPU_PACK_H
#define BITBENCH_MODELS_CPU_PACK_H

#include <stddef.h>

struct pool;
struct simd;

struct pack {
    const struct simd *simd;
    const float *w; /* [k,k,cin,cout], not standardised */
    size_t k, cin, cout;
    double ws_eps;
};

size_t pack_floats(const struct pack *p);
/* out [pack_floats] */
void pack_run(const struct pack *p, float *out, struct pool *pool);

#endif
