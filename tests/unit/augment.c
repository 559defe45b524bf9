/* Augmentations: what is drawn depends on seed, step and index alone, stays inside the image and
 * has the right distribution; what would break a task's labels is left out; refused texts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/augment.h"
#include "datasets/dataset.h"
#include "harness/base/err.h"
#include "harness/base/tensor.h"

enum { SEED = 20191224 };

static struct augment parsed(const char *text)
{
    struct augment a;
    struct err e = {0};
    if (augment_parse(&a, text, &e)) {
        fail_msg("%s", e.text);
    }
    return a;
}

static struct preprocess preset(const char *text)
{
    struct preprocess p;
    struct err e = {0};
    if (preprocess_preset(&p, text, &e) || preprocess_resolve(&p, 0, 0, &e)) {
        fail_msg("%s", e.text);
    }
    return p;
}

static void texts(void **state)
{
    (void)state;
    struct augment a = parsed("crop|flip|mixup:0.1");
    assert_true(a.crop == AUGMENT_CROP && a.flip && a.mixup == 0.1);
    a = parsed("inception");
    assert_true(a.crop == AUGMENT_INCEPTION && a.area_min == 0.05 && !a.flip && a.mixup == 0.0);
    a = parsed("rrc:0.25|mixup:1");
    assert_true(a.crop == AUGMENT_RRC && a.area_min == 0.25 && a.mixup == 1.0);
    a = parsed("none");
    assert_true(a.crop == AUGMENT_WHOLE && !a.flip && a.mixup == 0.0);
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "unknown augmentation ''"},
        {"flop", "did you mean 'flip'"},
        {"flip|crop", "one crop, then flip"},
        {"crop|rrc", "one crop, then flip"},
        {"flip|flip", "at most once"},
        {"flip|none", "none alone"},
        {"none|flip", "none alone"},
        {"mixup", "mixup:ALPHA"},
        {"mixup:0", "no number in"},
        {"mixup:1.5", "no number in"},
        {"mixup:nan", "no number in"},
        {"rrc:0x1p-2x", "no number in"},
        {"flip:1", "takes no value"},
        {"crop|", "unknown augmentation ''"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        assert_int_equal(augment_parse(&a, bad[i].text, &e), -1);
        if (e.code != ERR_USAGE || !strstr(e.text, bad[i].says)) {
            fail_msg("'%s' gives '%s'", bad[i].text, e.text);
        }
    }
    struct preprocess none = preset("none");
    struct err e = {0};
    a = parsed("crop");
    assert_int_equal(augment_check(&a, &none, &e), -1);
    a = parsed("flip");
    assert_int_equal(augment_check(&a, &none, NULL), 0);
}

/* The appendix F of BiT's paper: sets without flips, without crops. */
static void limits(void **state)
{
    (void)state;
    static const struct {
        const char *task;
        bool flip, crop;
    } t[] = {
        {"dsprites-orientation", false, true},
        {"smallnorb-azimuth", false, true},
        {"dsprites-location", false, false},
        {"clevr-count", true, false},
        {"clevr-distance", true, false},
        {"dmlab", true, false},
        {"kitti-distance", true, false},
        {"pets", true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct augment a = parsed("inception|flip|mixup:0.1");
        const struct dataset_desc *d = dataset_find(t[i].task, NULL);
        assert_non_null(d);
        assert_int_equal(augment_limit(&a, d), !t[i].flip || !t[i].crop);
        assert_int_equal(a.flip, t[i].flip);
        assert_int_equal(a.crop == AUGMENT_INCEPTION, t[i].crop);
        assert_true(a.mixup == 0.1);
    }
}

/* Every crop lies in its image, odd shapes included, and is the same when drawn again. */
static void draws(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t h, w;
    } t[] = {
        {"crop", 50, 70},
        {"inception", 50, 70},
        {"inception", 1, 1},
        {"inception", 600, 10},
        {"rrc", 50, 70},
        {"rrc", 1, 900},
        {"rrc:1", 40, 600},
        {"inception:1", 7, 7},
    };
    struct preprocess p = preset("bit");
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct augment a = parsed(t[i].name);
        bool box = a.crop != AUGMENT_CROP;
        size_t h = box ? t[i].h : p.resize, w = box ? t[i].w : p.resize;
        for (uint64_t k = 0; k < 2000; k++) {
            struct augment_draw d = augment_draw(&a, &p, SEED, k / 7, k, t[i].h, t[i].w);
            struct augment_draw again = augment_draw(&a, &p, SEED, k / 7, k, t[i].h, t[i].w);
            assert_memory_equal(&d.box, &again.box, sizeof d.box);
            assert_true(d.box.h >= 1 && d.box.h <= h && d.box.y <= h - d.box.h);
            assert_true(d.box.w >= 1 && d.box.w <= w && d.box.x <= w - d.box.w);
        }
    }
}

/* Of n fair draws the share is within four deviations of a half; seed, step and index all count. */
static void flips(void **state)
{
    (void)state;
    struct augment a = parsed("flip");
    struct preprocess p = preset("bit");
    enum { N = 4000 };
    for (int what = 0; what < 3; what++) {
        size_t n = 0;
        for (uint64_t i = 0; i < N; i++) {
            n += augment_draw(&a, &p, what == 0 ? i : 1, what == 1 ? i : 2, what == 2 ? i : 3, 9, 9)
                     .flip;
        }
        if (fabs((double)n / N - 0.5) > 4 * 0.5 / sqrt(N)) {
            fail_msg("seed 1..3, %zu of %d are flipped", n, N);
        }
    }
}

/* Beta(a, a) has the mean 1/2 and the variance 1 / (4 (2a + 1)). */
static void lambdas(void **state)
{
    (void)state;
    static const double alphas[] = {0.001, 0.1, 0.4, 1.0};
    enum { N = 20000 };
    for (size_t i = 0; i < ARRAY_LEN(alphas); i++) {
        struct augment a = {.mixup = alphas[i]};
        double sum = 0.0, squares = 0.0, variance = 1.0 / (4.0 * (2.0 * alphas[i] + 1.0));
        for (uint64_t k = 0; k < N; k++) {
            double v = augment_lambda(&a, SEED, k);
            assert_true(v >= 0.0 && v <= 1.0);
            sum += v;
            squares += (v - 0.5) * (v - 0.5);
        }
        assert_true(fabs(sum / N - 0.5) < 4.0 * sqrt(variance / N));
        assert_true(fabs(squares / N - variance) < 4.0 * 0.25 / sqrt(N));
    }
    struct augment none = {0};
    assert_true(augment_lambda(&none, SEED, 0) == 1.0);
}

/* A flip mirrors what evaluation gives; a batch of three mixes its middle with itself. */
static void what_is_done(void **state)
{
    (void)state;
    uint8_t px[5 * 7 * 3], u8[3 * 3 * 3], plain_u8[3 * 3 * 3];
    float out[3 * 3 * 3], plain[3 * 3 * 3];
    for (size_t i = 0; i < sizeof px; i++) {
        px[i] = (uint8_t)(i * 37 % 256);
    }
    struct image in = {px, 5, 7, 3};
    struct preprocess p = preset("resize:3-square|range:0..1");
    struct transform_scratch s = {0};
    struct augment_draw d = {.crop = AUGMENT_WHOLE, .flip = true};
    assert_int_equal(preprocess_run(&p, &in, &s, plain, plain_u8, NULL), 0);
    assert_int_equal(augment_run(&d, &p, &in, &s, out, u8, NULL), 0);
    for (size_t i = 0; i < 27; i++) {
        size_t from = i / 9 * 9 + (2 - i / 3 % 3) * 3 + i % 3;
        assert_true(out[i] == plain[from] && u8[i] == plain_u8[from]);
    }
    transform_scratch_release(&s);
    float x[] = {1, 2, 3};
    augment_mixup(x, 3, 1, 0.75);
    assert_true(x[0] == 1.5f && x[1] == 2.0f && x[2] == 2.5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(limits),
        cmocka_unit_test(draws),
        cmocka_unit_test(flips),
        cmocka_unit_test(lambdas),
        cmocka_unit_test(what_is_done),
    };
    return cmocka_run_group_tests_name("augment", tests, NULL, NULL);
}
