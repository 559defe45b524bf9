/* Training augmentations: what is done with given random numbers exactly, how they are drawn by
 * their distribution. */
#ifndef BITBENCH_TESTS_PIXELS_AUGMENT_H
#define BITBENCH_TESTS_PIXELS_AUGMENT_H

#include "datasets/augment.h"
#include "tests/parity/pixels_suite.h"

/* Runs a draw on a source; -1..1 as their steps make it of ours 0..255. */
static void crop_case(char *const field[FIELDS], const char *npz, const char *preset, bool halves)
{
    struct preprocess p;
    struct err e = {0};
    struct npy px = {0};
    struct image in;
    size_t crop = number(field[3]);
    struct augment_draw draw = {
        .crop = AUGMENT_CROP,
        .box = {number(field[4]), number(field[5]), crop, crop},
        .flip = number(field[6]),
    };
    float *out = malloc(crop * crop * 3 * sizeof *out);
    if (out && source_image(field[1], &px, &in) && preprocess_preset(&p, preset, &e) == 0) {
        p.resize = number(field[2]);
        p.crop = crop;
        snprintf(p.range, sizeof p.range, "%s", halves ? "none" : "-1..1");
        if (augment_run(&draw, &p, &in, &suite.scratch, out, NULL, &e) == 0) {
            for (size_t i = 0; halves && i < crop * crop * 3; i++) {
                out[i] = (out[i] / 255.0f - 0.5f) / 0.5f;
            }
            double error = deviation(npz, field[0], out, crop, crop * 3);
            report(error == 0.0, error, 0.0, "%s %s", npz, field[0]);
        }
    } else {
        report(false, HUGE_VAL, 0.0, "%s %s: %s", npz, field[0], e.text);
    }
    free(out);
    npy_release(&px);
}

static void crop_tf_case(char *const field[FIELDS])
{
    crop_case(field, "augment/bit_crop_tf.npz", "bit-code-jax", false);
}

static void crop_pytorch_case(char *const field[FIELDS])
{
    crop_case(field, "augment/bit_crop_pytorch.npz", "resize:1-square-pil13bilinear", true);
}

/* key, source, y, x, h, w, size */
static void box_case(char *const field[FIELDS])
{
    struct preprocess p;
    struct err e = {0};
    struct npy px = {0};
    struct image in;
    size_t size = number(field[6]);
    struct augment_draw draw = {
        .crop = AUGMENT_INCEPTION,
        .box = {number(field[2]), number(field[3]), number(field[4]), number(field[5])},
    };
    float *out = malloc(size * size * 3 * sizeof *out);
    if (out && source_image(field[1], &px, &in) && preprocess_preset(&p, "bit-code-jax", &e) == 0) {
        p.resize = p.crop = size;
        snprintf(p.range, sizeof p.range, "none");
        int rc = augment_run(&draw, &p, &in, &suite.scratch, out, NULL, &e);
        double error = rc ? HUGE_VAL
                          : deviation("augment/box_resize_tf.npz", field[0], out, size, size * 3);
        report(error == 0.0, error, 0.0, "box %s", field[0]);
    }
    free(out);
    npy_release(&px);
}

/* image_h, image_w, scale_min, scale_max, ratio_min, ratio_max, tries, fallback, y, x, h, w, drawn
 */
static void rrc_case(char *const field[FIELDS])
{
    size_t h = number(field[0]), w = number(field[1]), tries = number(field[6]), fit = 0, n = 0;
    struct augment_box want = {number(field[8]), number(field[9]), number(field[10]),
                               number(field[11])},
                       got = {0};
    char *at = field[12];
    while (*at && !fit) {
        double share = strtod(at, &at), log_ratio = strtod(at + 1, &at);
        at += *at == ',';
        n++;
        fit = augment_rrc_box(share, log_ratio, h, w, &got);
    }
    if (!fit) {
        got = augment_rrc_fallback(h, w, strtod(field[4], NULL), strtod(field[5], NULL));
    } else {
        got.y = want.y; /* drawn after the box, uniform */
        got.x = want.x;
    }
    bool ok = n == tries && fit != number(field[7]) && got.h == want.h && got.w == want.w &&
              got.y == want.y && got.x == want.x;
    report(ok, 0.0, 0.0, "random resized crop of %zu x %zu: %zu x %zu after %zu", h, w, got.h,
           got.w,
           n);
}

/* A box that TensorFlow drew is one that ours could draw: the width belongs to the height by some
 * ratio in range, the area is large enough, and it does not touch the far border unless it must. */
static void inception_box_case(char *const field[FIELDS])
{
    double h = strtod(field[0], NULL), w = strtod(field[1], NULL), least = strtod(field[2], NULL);
    double y = strtod(field[5], NULL), x = strtod(field[6], NULL), bh = strtod(field[7], NULL),
           bw = strtod(field[8], NULL);
    bool ratio = (bw + 0.5) / bh >= strtod(field[3], NULL) &&
                 (bw - 0.5) / bh <= strtod(field[4], NULL);
    bool place = (bh == h ? y == 0 : y + bh < h) && (bw == w ? x == 0 : x + bw < w);
    report(ratio && place && bh * bw >= least * h * w * (1 - 1e-6), 0.0, 0.0,
           "box of TensorFlow %gx%g in %gx%g", bh, bw, h, w);
}

enum { DRAWS = 20000 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, double q)
{
    double at = q * (DRAWS - 1), below = floor(at);
    size_t i = (size_t)below;
    return i + 1 < DRAWS ? sorted[i] + (sorted[i + 1] - sorted[i]) * (at - below) : sorted[i];
}

/* image_h, image_w, area_min, ratio_min, ratio_max, draws, area quantiles 0 10 25 50 75 90 100,
 * aspect quantiles 0 10 50 90 100, mean of y and x. Theirs come from 500 draws. Bounds: the share
 * of draws below a quantile q has a deviation of sqrt(q (1 - q) / 500) <= 0.0224; four of them. The
 * means of uniform places: four times 0.2887 / sqrt(500) = 0.052. */
static void inception_stats_case(char *const field[FIELDS])
{
    static const double area_q[] = {0.1, 0.25, 0.5, 0.75, 0.9}, ratio_q[] = {0.1, 0.5, 0.9};
    size_t h = number(field[0]), w = number(field[1]);
    struct augment a = {.crop = AUGMENT_INCEPTION, .area_min = strtod(field[2], NULL)};
    struct preprocess p = {.crop = 224, .resize = 224};
    double *area = malloc(DRAWS * sizeof *area), *ratio = malloc(DRAWS * sizeof *ratio);
    double my = 0.0, mx = 0.0, worst = 0.0;
    for (size_t i = 0; i < DRAWS; i++) {
        struct augment_box b = augment_draw(&a, &p, 7, 0, i, h, w).box;
        area[i] = (double)(b.h * b.w) / (double)(h * w);
        ratio[i] = (double)b.w / (double)b.h;
        my += (double)b.y / fmax(1.0, (double)(h - b.h)) / DRAWS;
        mx += (double)b.x / fmax(1.0, (double)(w - b.w)) / DRAWS;
    }
    qsort(area, DRAWS, sizeof *area, by_value);
    qsort(ratio, DRAWS, sizeof *ratio, by_value);
    for (size_t k = 0; k < ARRAY_LEN(area_q) + ARRAY_LEN(ratio_q); k++) {
        bool of_area = k < ARRAY_LEN(area_q);
        size_t j = of_area ? k : k - ARRAY_LEN(area_q);
        double q = of_area ? area_q[j] : ratio_q[j];
        double theirs = strtod(field[of_area ? 7 + j : 14 + j], NULL);
        const double *v = of_area ? area : ratio;
        double slack = 4.0 * sqrt(q * (1.0 - q) / 500.0);
        double low = quantile(v, fmax(q - slack, 0.0)), high = quantile(v, fmin(q + slack, 1.0));
        worst = fmax(worst, fmax(low - theirs, theirs - high));
    }
    report(worst <= 0.0 && area[0] >= a.area_min * (1 - 1e-6), worst, 0.0,
           "quantiles of inception boxes in %zu x %zu, least area %g", h, w, a.area_min);
    double far = fmax(fabs(my - strtod(field[18], NULL)), fabs(mx - strtod(field[19], NULL)));
    report(far <= 0.052, far, 0.052, "places of inception boxes in %zu x %zu", h, w);
    free(area);
    free(ratio);
}

/* Every mixed/LAMBDA and labels/LAMBDA of mixup.npz. */
static void mixup_section(void)
{
    char path[PATH];
    struct zip z;
    struct err e = {0};
    const char *npz = "augment/mixup.npz";
    size_t n_x = 0, n_y = 0, n = 0, dims[NPY_MAX_DIMS] = {1};
    if (!in_folder(path, npz) || zip_open(&z, path, &e)) {
        return;
    }
    float *x = stored(npz, "x", &n_x, dims), *y = stored(npz, "onehot", &n_y, NULL);
    float *got = malloc((n_x + n_y + 1) * sizeof *got);
    for (size_t i = 0; x && y && got && i < z.n_members; i++) {
        char key[128];
        snprintf(key, sizeof key, "%.*s", (int)(strlen(z.members[i].name) - 4), z.members[i].name);
        const char *lambda = strchr(key, '/');
        if (!lambda) {
            continue;
        }
        bool labels = strncmp(key, "labels", 6) == 0;
        size_t n_from = labels ? n_y : n_x;
        memcpy(got, labels ? y : x, n_from * sizeof *got);
        augment_mixup(got, dims[0], n_from / dims[0], strtod(lambda + 1, NULL));
        float *want = stored(npz, key, &n, NULL);
        double error = n == n_from && want ? 0.0 : HUGE_VAL;
        for (size_t j = 0; error < HUGE_VAL && j < n; j++) {
            error = fmax(error, fabs((double)got[j] - (double)want[j]));
        }
        report(error == 0.0, error, 0.0, "mixup %s", key);
        free(want);
    }
    free(x);
    free(y);
    free(got);
    zip_close(&z);
}

#endif
