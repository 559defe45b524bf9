/* numpy's PCG64 (default_rng) and MT19937 (RandomState) with their seeding, and the mask-and-reject
 * shuffle that both use. Source of every constant: numpy's documented algorithms (SeedSequence;
 * PCG XSL-RR 128/64; Matsumoto and Nishimura's MT19937). All arithmetic wraps. */
#include "harness/base/numpy_rng.h"

/* --- SeedSequence: 4 words of entropy pool from an integer seed --- */

static uint32_t seed_hash(uint32_t v, uint32_t *a)
{
    v ^= *a;
    *a *= 0x931e8875u;
    v *= *a;
    return v ^ v >> 16;
}

static uint32_t seed_mix(uint32_t x, uint32_t y)
{
    uint32_t r = 0xca01f9ddu * x - 0x4973f715u * y;
    return r ^ r >> 16;
}

static void seed_words(uint64_t seed, uint64_t words[4])
{
    const uint32_t entropy[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), 0, 0};
    uint32_t pool[4], a = 0x43b0d7e5u, b = 0x8b51f9ddu, w[8];
    for (int i = 0; i < 4; i++) {
        pool[i] = seed_hash(entropy[i], &a);
    }
    for (int src = 0; src < 4; src++) {
        for (int dst = 0; dst < 4; dst++) {
            if (src != dst) {
                pool[dst] = seed_mix(pool[dst], seed_hash(pool[src], &a));
            }
        }
    }
    for (int i = 0; i < 8; i++) {
        uint32_t v = pool[i % 4] ^ b;
        b *= 0x58f38dedu;
        v *= b;
        w[i] = v ^ v >> 16;
    }
    for (int j = 0; j < 4; j++) {
        words[j] = w[2 * j] | (uint64_t)w[2 * j + 1] << 32;
    }
}

/* --- PCG64 --- */

static void pcg64_step(struct pcg64 *p)
{
    const numpy_u128 multiplier = (numpy_u128)0x2360ED051FC65DA4u << 64 | 0x4385DF649FCCF645u;
    p->state = p->state * multiplier + p->inc;
}

void pcg64_seed(struct pcg64 *p, uint64_t seed)
{
    uint64_t q[4];
    seed_words(seed, q);
    p->inc = ((numpy_u128)q[2] << 64 | q[3]) << 1 | 1;
    p->state = 0;
    p->has_half = 0;
    pcg64_step(p);
    p->state += (numpy_u128)q[0] << 64 | q[1];
    pcg64_step(p);
}

static uint64_t pcg64_next64(struct pcg64 *p)
{
    pcg64_step(p);
    uint64_t x = (uint64_t)(p->state >> 64) ^ (uint64_t)p->state;
    unsigned r = (unsigned)(p->state >> 122);
    return x >> r | x << (-r & 63);
}

uint32_t pcg64_next32(void *gen)
{
    struct pcg64 *p = gen;
    if (p->has_half) {
        p->has_half = 0;
        return p->half;
    }
    uint64_t word = pcg64_next64(p);
    p->half = (uint32_t)(word >> 32);
    p->has_half = 1;
    return (uint32_t)word;
}

/* --- MT19937 --- */

void mt19937_seed(struct mt19937 *m, uint32_t seed)
{
    m->mt[0] = seed;
    for (uint32_t i = 1; i < 624; i++) {
        m->mt[i] = 1812433253u * (m->mt[i - 1] ^ m->mt[i - 1] >> 30) + i;
    }
    m->at = 624;
}

uint32_t mt19937_next32(void *gen)
{
    struct mt19937 *m = gen;
    if (m->at == 624) {
        for (unsigned i = 0; i < 624; i++) {
            uint32_t y = (m->mt[i] & 0x80000000u) | (m->mt[(i + 1) % 624] & 0x7fffffffu);
            m->mt[i] = m->mt[(i + 397) % 624] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
        }
        m->at = 0;
    }
    uint32_t y = m->mt[m->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

/* --- the shuffle of both: from the back, bounded by mask and reject --- */

void numpy_shuffle(size_t *v, size_t n, uint32_t (*next32)(void *), void *gen)
{
    for (size_t i = n; i-- > 1;) {
        uint32_t mask = (uint32_t)i; /* n is below 2^32 */
        for (unsigned shift = 1; shift < 32; shift *= 2) {
            mask |= mask >> shift;
        }
        uint32_t j;
        do {
            j = next32(gen) & mask;
        } while (j > i);
        size_t kept = v[i];
        v[i] = v[j];
        v[j] = kept;
    }
}
