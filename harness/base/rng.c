/* Counter-based randomness on splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, OOPSLA 2014; the constants are those of Vigna's public-domain splitmix64.c). */
#include "harness/base/rng.h"

#include <math.h>

#define GAMMA UINT64_C(0x9e3779b97f4a7c15)

__extension__ typedef unsigned __int128 wide;

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t rng_at(uint64_t seed, uint64_t purpose, uint64_t index)
{
    uint64_t k = mix(seed + GAMMA);
    k = mix(k + (purpose + 1) * GAMMA);
    return mix(k + (index + 1) * GAMMA);
}

double rng_unit(uint64_t word)
{
    return (double)(word >> 11) * 0x1p-53;
}

uint64_t rng_below(uint64_t word, uint64_t n)
{
    return (uint64_t)((wide)word * n >> 64);
}

double rng_normal(uint64_t word0, uint64_t word1)
{
    double u1 = (double)((word0 >> 11) + 1) * 0x1p-53;
    double u2 = rng_unit(word1);
    return sqrt(-2 * log(u1)) * cos(2 * 3.14159265358979323846 * u2);
}

uint64_t rng_fnv1a64(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV offset basis and prime for 64 bits */
    for (; *text; text++) {
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return h;
}

uint64_t rng_splitmix(uint64_t seed, uint64_t i)
{
    return mix(seed + (i + 1) * GAMMA);
}
