/* The generator against values made by others (Python, from the published formulas): words of
 * the bootstrap's reference file stats/bootstrap/words.tsv and keys of model/formula/weights.tsv;
 * the normal against its moments. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "harness/base/rng.h"
#include "harness/base/tensor.h"

/* words.tsv has one level more than rng_at: seed, stream, resample, draw. */
static void words(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, stream, resample, draw, word, index_of_1000;
    } rows[] = {
        {0, 0, 0, 0, 0x2130748aaac80268, 129},
        {0, 0, 0, 1, 0x0cc78fb979ce5090, 49},
        {0, 0, 0, 387903, 0x5aa604fa8d03a0f8, 354},
        {0, 0, 1, 0, 0x97693bfc00425025, 591},
        {0, 3, 0, 0, 0x29809721fa15fb23, 162},
        {1, 0, 0, 0, 0xe28195ddd9ee4956, 884},
        {1, 3, 0, 0, 0xe775b595c4460ba1, 904},
        {20260101, 0, 0, 0, 0x6003d6f45f733735, 375},
        {20260101, 0, 9999, 387903, 0xfd4fb7d49a3a1f35, 989},
        {20260101, 3, 1, 1, 0xb08760ec61866354, 689},
        {20260101, 3, 0, 0, 0xadd8f440eb884b8c, 679},
        {UINT64_MAX, 0, 0, 0, 0x00fc86d80b488e96, 3},
        {UINT64_MAX, 3, 0, 0, 0x2ea16e683150ebc7, 182},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t key = rng_at(rows[i].seed, rows[i].stream, rows[i].resample);
        uint64_t word = rng_splitmix(key, rows[i].draw);
        assert_int_equal(word, rows[i].word);
        assert_int_equal(rng_below(word, 1000), rows[i].index_of_1000);
    }
}

static void keys(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t fnv1a64, first;
    } rows[] = {
        {"resnet/root_block/standardized_conv2d/kernel", 0x4d212fbe21332bc4, 0xeaffa111b97d3d72},
        {"resnet/block1/unit01/a/standardized_conv2d/kernel", 0x019a2ab3093e15c4,
         0xb8a4b3fc052a7890},
        {"resnet/block2/unit01/c/group_norm/beta", 0x0f7cb53cd736e8a8, 0xd079f56acc5fa3b7},
        {"resnet/head/conv2d/kernel", 0x80bf91d1e30f1ba0, 0x940dbb8f68f875d1},
        {"resnet/head/conv2d/bias", 0x222b3ada1faf2d2c, 0x8fd737eeec84affa},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(rng_fnv1a64(rows[i].name), rows[i].fnv1a64);
        assert_int_equal(rng_splitmix(rows[i].fnv1a64, 0), rows[i].first);
    }
    assert_int_equal(rng_fnv1a64(""), 0xcbf29ce484222325); /* the offset basis */
}

static void ranges(void **state)
{
    (void)state;
    assert_true(rng_unit(0) == 0);
    assert_true(rng_unit(UINT64_MAX) == 1 - 0x1p-53);
    assert_int_equal(rng_below(0, 7), 0);
    assert_int_equal(rng_below(UINT64_MAX, 7), 6);
    assert_int_equal(rng_below(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1);
    assert_int_equal(rng_below(12345, 1), 0);
    /* The ends of Box-Muller's log: u1 = 1 and u1 = 2^-53, sqrt(2 * 53 * ln 2). */
    assert_true(rng_normal(UINT64_MAX, 0) == 0);
    double far = rng_normal(0, 0);
    if (fabs(far - 8.5716744) > 1e-6) {
        fail_msg("the farthest normal is %.9g, expected 8.5716744", far);
    }
}

/* Bounds: 5 standard errors of each moment of n draws. */
static void normal_moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    const uint64_t seed = 7;
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    for (uint64_t i = 0; i < N; i++) {
        double x = rng_normal(rng_at(seed, 1, 2 * i), rng_at(seed, 1, 2 * i + 1));
        m1 += x / N;
        m2 += x * x / N;
        m3 += x * x * x / N;
        m4 += x * x * x * x / N;
    }
    const double got[] = {m1, m2, m3, m4}, want[] = {0, 1, 0, 3}, variance[] = {1, 2, 15, 96};
    for (size_t i = 0; i < 4; i++) {
        double bound = 5 * sqrt(variance[i] / N);
        if (!(fabs(got[i] - want[i]) <= bound)) {
            fail_msg("moment %zu is %.6f, expected %g, bound %.6f, seed %d", i + 1, got[i], want[i],
                     bound, (int)seed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(keys),
        cmocka_unit_test(ranges),
        cmocka_unit_test(normal_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
