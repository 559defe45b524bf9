/* Counter-based randomness: a value is a pure function of (seed, purpose, index), so it does
 * not depend on what was drawn before or on which thread. splitmix64's mixer, chained. */
#ifndef BITBENCH_BASE_RNG_H
#define BITBENCH_BASE_RNG_H

#include <stdint.h>

/* k = mix(seed + G); k = mix(k + (purpose + 1) * G); mix(k + (index + 1) * G), with
 * G = 0x9e3779b97f4a7c15 and mix = the splitmix64 finaliser. */
uint64_t rng_at(uint64_t seed, uint64_t purpose, uint64_t index);

double rng_unit(uint64_t word);                /* 53 bits, in [0, 1) */
uint64_t rng_below(uint64_t word, uint64_t n); /* high 64 bits of word * n */
/* Standard normal from two words (Box-Muller, cosine branch; u1 in (0, 1]). */
double rng_normal(uint64_t word0, uint64_t word1);

uint64_t rng_fnv1a64(const char *text);           /* a purpose from a name */
uint64_t rng_splitmix(uint64_t seed, uint64_t i); /* output i (from 0) of splitmix64 seeded so */

#endif
