/* numpy's random generators and its shuffle, bit for bit: for draws that published codes made with
 * them. Not for randomness of our own (that is rng.h). */
#ifndef BITBENCH_BASE_NUMPY_RNG_H
#define BITBENCH_BASE_NUMPY_RNG_H

#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 numpy_u128;

/* numpy.random.default_rng(seed) */
struct pcg64 {
    numpy_u128 state, inc;
    uint32_t half; /* upper half of the last word, kept for the next 32-bit draw */
    int has_half;
};
void pcg64_seed(struct pcg64 *p, uint64_t seed);
uint32_t pcg64_next32(void *pcg64);

/* numpy.random.seed(seed), RandomState(seed) */
struct mt19937 {
    uint32_t mt[624];
    unsigned at;
};
void mt19937_seed(struct mt19937 *m, uint32_t seed);
uint32_t mt19937_next32(void *mt19937);

/* The shuffle of both, from the back, bounded by mask and reject; n below 2^32. Of range(n) it is
 * permutation(n), whose first k are choice(n, k, replace=False). */
void numpy_shuffle(size_t *v, size_t n, uint32_t (*next32)(void *), void *gen);

#endif
