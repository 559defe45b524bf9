/* The loops of the integer resizing with AVX2. Along x four rows go together, the three channels of
 * a pixel (and a fourth lane that is thrown away) of two rows in a vector; along y 32 values of a
 * row. */
#include "datasets/resize_fixed_pass.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

/* Eight bytes to eight integers. */
AVX2 static inline __m256i widened(uint64_t bytes)
{
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes));
}

/* Four bytes each from two places. */
AVX2 static inline __m256i two_pixels(const uint8_t *a, const uint8_t *b)
{
    int low, high;
    memcpy(&low, a, 4);
    memcpy(&high, b, 4);
    return _mm256_cvtepu8_epi32(_mm_insert_epi32(_mm_cvtsi32_si128(low), high, 1));
}

/* Sums to bytes, rounded down and clamped: 0..3 and 4..7 of a, then those of b. */
AVX2 static inline __m128i rounded(__m256i a, __m256i b, __m128i bits)
{
    __m256i words = _mm256_packs_epi32(_mm256_sra_epi32(a, bits), _mm256_sra_epi32(b, bits));
    words = _mm256_permute4x64_epi64(words, 0xd8); /* 0 2 1 3: undo the packing's lanes */
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

static void put_three(uint8_t *dst, int pixel)
{
    memcpy(dst, &pixel, 3);
}

/* Rows y..y+3 of three channels; the byte behind each row is read. */
AVX2 static void four_rows(const struct fixed_pass *p, size_t y)
{
    const struct fixed_axis *x = p->axis;
    const uint8_t *src = p->src + y * p->src_row;
    size_t row = x->n_out * 3, step = p->src_row;
    uint8_t *dst = p->dst + y * row;
    const __m256i half = _mm256_set1_epi32(1 << (x->bits - 1));
    const __m128i bits = _mm_cvtsi32_si128(x->bits);
    for (size_t i = 0; i < x->n_out; i++, dst += 3) {
        const int32_t *w = x->w + i * x->max;
        const uint8_t *s = src + (size_t)x->first[i] * 3;
        __m256i top = half, bottom = half;
        for (size_t j = 0; j < x->n[i]; j++, s += 3) {
            __m256i v = _mm256_set1_epi32(w[j]);
            __m256i a = two_pixels(s, s + step), b = two_pixels(s + 2 * step, s + 3 * step);
            top = _mm256_add_epi32(top, _mm256_mullo_epi32(a, v));
            bottom = _mm256_add_epi32(bottom, _mm256_mullo_epi32(b, v));
        }
        __m128i bytes = rounded(top, bottom, bits);
        put_three(dst, _mm_cvtsi128_si32(bytes));
        put_three(dst + row, _mm_extract_epi32(bytes, 1));
        put_three(dst + 2 * row, _mm_extract_epi32(bytes, 2));
        put_three(dst + 3 * row, _mm_extract_epi32(bytes, 3));
    }
}

/* All rows but the last, behind which no byte need be readable; the last four of them may overlap
 * rows that are done. */
size_t fixed_x_avx2(const struct fixed_pass *p)
{
    if (p->c != 3 || p->rows < 5) {
        return 0;
    }
    size_t n = p->rows - 1;
    for (size_t y = 0; y < n; y += 4) {
        four_rows(p, y + 4 <= n ? y : n - 4);
    }
    return n;
}

/* Values k..k+31 of output row i. */
AVX2 static inline void part_of_row(const struct fixed_pass *p, size_t i, size_t k)
{
    const struct fixed_axis *y = p->axis;
    const int32_t *w = y->w + i * y->max;
    const uint8_t *src = p->src + y->first[i] * p->src_row + k;
    const __m128i bits = _mm_cvtsi32_si128(y->bits);
    __m256i a = _mm256_set1_epi32(1 << (y->bits - 1)), b = a, c = a, d = a;
    for (size_t j = 0; j < y->n[i]; j++, src += p->src_row) {
        __m256i v = _mm256_set1_epi32(w[j]);
        uint64_t s[4];
        memcpy(s, src, sizeof s);
        a = _mm256_add_epi32(a, _mm256_mullo_epi32(widened(s[0]), v));
        b = _mm256_add_epi32(b, _mm256_mullo_epi32(widened(s[1]), v));
        c = _mm256_add_epi32(c, _mm256_mullo_epi32(widened(s[2]), v));
        d = _mm256_add_epi32(d, _mm256_mullo_epi32(widened(s[3]), v));
    }
    __m128i low = rounded(a, b, bits), high = rounded(c, d, bits);
    memcpy(p->dst + i * p->values + k, &low, sizeof low);
    memcpy(p->dst + i * p->values + k + 16, &high, sizeof high);
}

AVX2 size_t fixed_y_avx2(const struct fixed_pass *p)
{
    size_t done = p->values / 32 * 32;
    for (size_t i = 0; i < p->axis->n_out; i++) {
        for (size_t k = 0; k < done; k += 32) {
            part_of_row(p, i, k);
        }
    }
    return done;
}
#else
size_t fixed_x_avx2(const struct fixed_pass *p)
{
    (void)p;
    return 0;
}

size_t fixed_y_avx2(const struct fixed_pass *p)
{
    (void)p;
    return 0;
}
#endif
