/* See label_rule.h. Sources: task_adaptation/data/{clevr,dmlab,dsprites,kitti,smallnorb,svhn,
 * patch_camelyon}.py. */
#include "datasets/label_rule.h"

#include <math.h>
#include "harness/base/tensor.h"

/* A whole number in 0..n-1, else -1. */
static int32_t whole(float v, int32_t n)
{
    return v >= 0 && v < (float)n && floorf(v) >= v ? (int32_t)v : -1;
}

/* The bin of d: the last k with edge[k] < d; -1 where there is none. */
static int32_t bin(const float *edge, size_t n, float d)
{
    int32_t k = -1;
    for (size_t i = 0; i < n; i++) {
        k = edge[i] - d < 0 ? (int32_t)i : k;
    }
    return k;
}

static float least(const float *v, size_t n, float start)
{
    for (size_t i = 0; i < n; i++) {
        start = v[i] < start ? v[i] : start;
    }
    return start;
}

static int32_t svhn(const float *v, size_t n)
{
    (void)n;
    int32_t digit = whole(v[0], 11);
    return digit <= 0 ? -1 : digit % 10;
}

static int32_t binary(const float *v, size_t n)
{
    (void)n;
    return whole(v[0], 2);
}

static int32_t dmlab(const float *v, size_t n)
{
    (void)n;
    return whole(v[0], 6);
}

static int32_t azimuth(const float *v, size_t n)
{
    (void)n;
    int32_t a = whole(v[0], 36);
    return a < 0 || a % 2 ? -1 : a / 2;
}

static int32_t elevation(const float *v, size_t n)
{
    (void)n;
    return whole(v[0], 9);
}

static int32_t location(const float *v, size_t n)
{
    (void)n;
    int32_t x = whole(v[0], 32);
    return x < 0 ? -1 : (int32_t)floorf((float)x / 2.0f);
}

static int32_t orientation(const float *v, size_t n)
{
    (void)n;
    int32_t o = whole(v[0], 40);
    return o < 0 ? -1 : (int32_t)floorf((float)o / 2.5f);
}

static int32_t clevr_count(const float *v, size_t n)
{
    (void)v;
    return n >= 3 && n <= 10 ? (int32_t)n - 3 : -1;
}

static int32_t clevr_distance(const float *v, size_t n)
{
    static const float edges[] = {0, 8, 8.5f, 9, 9.5f, 10, 100};
    int32_t k = bin(edges, ARRAY_LEN(edges), least(v, n, INFINITY));
    return k < 6 ? k : -1; /* beyond 100: no class */
}

static int32_t kitti_distance(const float *v, size_t n)
{
    static const float edges[] = {-100, 8, 20, 999};
    /* 1000 stands for no vehicle at all. */
    return bin(edges, ARRAY_LEN(edges), least(v, n, 1000));
}

const struct label_rule rule_svhn = {"label", "1..10", 0, svhn};
const struct label_rule rule_binary = {"label", "0..1", 0, binary};
const struct label_rule rule_dmlab = {"label", "0..5", 0, dmlab};
const struct label_rule rule_smallnorb_azimuth = {"azimuth", "0, 2 .. 34", 2, azimuth};
const struct label_rule rule_smallnorb_elevation = {"elevation", "0..8", 1, elevation};
const struct label_rule rule_dsprites_location = {"x position", "0..31", 4, location};
const struct label_rule rule_dsprites_orientation = {"orientation", "0..39", 3, orientation};
const struct label_rule rule_clevr_count = {"objects", "3..10", 0, clevr_count};
const struct label_rule rule_clevr_distance = {"depth of the nearest object", "(0, 100]", 0,
                                               clevr_distance};
const struct label_rule rule_kitti_distance = {"distance of the nearest vehicle", "above -100", 0,
                                               kitti_distance};
