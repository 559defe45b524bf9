/* Draws and applies training augmentations. The two samplers of boxes differ: TensorFlow's takes
 * the aspect ratio uniform and then the height uniform over all that fit (so the area is not),
 * while torchvision's takes the area uniform and the logarithm of the ratio. */
#include "datasets/augment.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/dataset.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/rng.h"

enum {
    TF_TRIES = 100, /* max_attempts of sample_distorted_bounding_box */
    RRC_TRIES = 10
};

/* Aspect ratios, width to height: TensorFlow's default, torchvision's default. */
static const double TF_RATIO[2] = {0.75, 1.33}, RRC_RATIO[2] = {3.0 / 4.0, 4.0 / 3.0};

/* The random words of one image. */
struct stream {
    uint64_t key, index, n;
};

static uint64_t word(struct stream *r)
{
    return rng_at(r->key, r->index, r->n++);
}

static double uniform(struct stream *r, double low, double high)
{
    return low + (high - low) * rng_unit(word(r));
}

/* ---- the box of TensorFlow ---- */

static long rounded(float v)
{
    return lrintf(v); /* half to even */
}

/* One try for an aspect ratio; false when the area or a side is out of bounds. */
static bool tf_try(float ratio, float area_min, long h, long w, struct stream *r,
                   struct augment_box *box)
{
    float least = area_min * (float)w * (float)h, most = (float)w * (float)h;
    long low = rounded(sqrtf(least / ratio)), high = rounded(sqrtf(most / ratio));
    if (rounded((float)high * ratio) > w) { /* the largest height whose width still fits */
        high = (long)(((double)w + 0.5 - 1e-7) / (double)ratio);
        high -= rounded((float)high * ratio) > w;
    }
    high = high < h ? high : h;
    low = low < high ? low : high;
    long bh = low + (long)rng_below(word(r), (uint64_t)(high - low + 1));
    long bw = rounded((float)bh * ratio);
    if ((float)(bw * bh) < least) {
        bh++;
        bw = rounded((float)bh * ratio);
    }
    if ((float)(bw * bh) > most) {
        bh--;
        bw = rounded((float)bh * ratio);
    }
    float area = (float)(bw * bh);
    if (area < least || area > most || bw > w || bh > h || bw <= 0 || bh <= 0) {
        return false;
    }
    *box = (struct augment_box){.h = (size_t)bh, .w = (size_t)bw};
    box->y = bh < h ? rng_below(word(r), (uint64_t)(h - bh)) : 0; /* h - bh itself never */
    box->x = bw < w ? rng_below(word(r), (uint64_t)(w - bw)) : 0;
    return true;
}

static struct augment_box tf_box(double area_min, size_t h, size_t w, struct stream *r)
{
    struct augment_box box;
    for (int i = 0; i < TF_TRIES; i++) {
        float ratio = (float)uniform(r, TF_RATIO[0], TF_RATIO[1]);
        if (tf_try(ratio, (float)area_min, (long)h, (long)w, r, &box)) {
            return box;
        }
    }
    return (struct augment_box){.h = h, .w = w};
}

/* ---- the box of torchvision ---- */

bool augment_rrc_box(double share, double log_ratio, size_t h, size_t w, struct augment_box *box)
{
    double ratio = (double)expf((float)log_ratio), area = (double)(h * w) * share;
    double bw = rint(sqrt(area * ratio)), bh = rint(sqrt(area / ratio));
    if (!(bw > 0.0 && bw <= (double)w && bh > 0.0 && bh <= (double)h)) {
        return false;
    }
    *box = (struct augment_box){.h = (size_t)bh, .w = (size_t)bw};
    return true;
}

struct augment_box augment_rrc_fallback(size_t h, size_t w, double ratio_min, double ratio_max)
{
    double ratio = (double)w / (double)h;
    struct augment_box box = {.h = h, .w = w};
    if (ratio < ratio_min) {
        box.h = (size_t)rint((double)w / ratio_min);
    } else if (ratio > ratio_max) {
        box.w = (size_t)rint((double)h * ratio_max);
    }
    box.y = (h - box.h) / 2;
    box.x = (w - box.w) / 2;
    return box;
}

static struct augment_box rrc_box(double area_min, size_t h, size_t w, struct stream *r)
{
    struct augment_box box;
    for (int i = 0; i < RRC_TRIES; i++) {
        double share = uniform(r, area_min, 1.0);
        double log_ratio = uniform(r, log(RRC_RATIO[0]), log(RRC_RATIO[1]));
        if (augment_rrc_box(share, log_ratio, h, w, &box)) {
            box.y = rng_below(word(r), h - box.h + 1);
            box.x = rng_below(word(r), w - box.w + 1);
            return box;
        }
    }
    return augment_rrc_fallback(h, w, RRC_RATIO[0], RRC_RATIO[1]);
}

/* ---- images ---- */

struct augment_draw augment_draw(const struct augment *a, const struct preprocess *p, uint64_t seed,
                                 uint64_t step, uint64_t index, size_t h, size_t w)
{
    struct stream r = {rng_at(seed, rng_fnv1a64("augment"), step), index, 0};
    struct augment_draw d = {.crop = a->crop};
    d.flip = a->flip && word(&r) >> 63;
    if (a->crop == AUGMENT_CROP) {
        size_t rh, rw;
        preprocess_train_size(p, h, w, &rh, &rw);
        d.box = (struct augment_box){.h = p->crop, .w = p->crop};
        d.box.y = rng_below(word(&r), rh - p->crop + 1);
        d.box.x = rng_below(word(&r), rw - p->crop + 1);
    } else if (a->crop == AUGMENT_INCEPTION) {
        d.box = tf_box(a->area_min, h, w, &r);
    } else if (a->crop == AUGMENT_RRC) {
        d.box = rrc_box(a->area_min, h, w, &r);
    }
    return d;
}

/* The rows of one box of in, dense, in the scratch. */
static int cut(const struct image *in, const struct augment_box *b, struct transform_scratch *s,
               struct image *out, struct err *e)
{
    if (codec_reserve(&s->cut, "box", b->h, b->w, in->c, e)) {
        return -1;
    }
    for (size_t y = 0; y < b->h; y++) {
        memcpy(s->cut.data + y * b->w * in->c, in->data + ((b->y + y) * in->w + b->x) * in->c,
               b->w * in->c);
    }
    *out = (struct image){.data = s->cut.data, .h = b->h, .w = b->w, .c = in->c};
    return 0;
}

/* Mirrors rows of w pixels of three values of `size` bytes each. */
static void mirror(void *rows, size_t h, size_t w, size_t size)
{
    unsigned char *at = rows, pixel[3 * sizeof(float)];
    size_t bytes = 3 * size;
    for (size_t y = 0; y < h; y++, at += w * bytes) {
        for (size_t x = 0; x < w / 2; x++) {
            unsigned char *left = at + x * bytes, *right = at + (w - 1 - x) * bytes;
            memcpy(pixel, left, bytes);
            memcpy(left, right, bytes);
            memcpy(right, pixel, bytes);
        }
    }
}

int augment_run(const struct augment_draw *draw, const struct preprocess *p, const struct image *in,
                struct transform_scratch *s, float *out, uint8_t *out_u8, struct err *e)
{
    struct image part = *in;
    struct resize_dims d = {.c = in->c};
    size_t h = p->crop, w = p->crop;
    if (draw->crop == AUGMENT_WHOLE) {
        preprocess_size(p, in->h, in->w, &h, &w);
        if (preprocess_run(p, in, s, out, out_u8, e)) {
            return -1;
        }
    } else {
        if (draw->crop == AUGMENT_CROP) {
            preprocess_train_size(p, in->h, in->w, &d.y.out, &d.x.out);
            d.y.first = draw->box.y;
            d.x.first = draw->box.x;
        } else {
            d.y.out = d.x.out = p->crop;
            if (cut(in, &draw->box, s, &part, e)) {
                return -1;
            }
        }
        d.y.in = part.h;
        d.x.in = part.w;
        d.y.n = d.x.n = p->crop;
        if (transform_resize(p, &part, &d, s, e)) {
            return -1;
        }
        transform_scale(p, &d, s, out, out_u8);
    }
    if (draw->flip && out) {
        mirror(out, h, w, sizeof *out);
    }
    if (draw->flip && out_u8) {
        mirror(out_u8, h, w, sizeof *out_u8);
    }
    return 0;
}

/* ---- MixUp ---- */

/* Beta(alpha, alpha) after Joehnk (Metrika 8, 1964): u^(1/alpha) and v^(1/alpha), once their sum is
 * at most 1, give the first over the sum. In logarithms, since u^(1/alpha) may underflow. */
double augment_lambda(const struct augment *a, uint64_t seed, uint64_t step)
{
    struct stream r = {rng_at(seed, rng_fnv1a64("mixup"), step), 0, 0};
    if (a->mixup <= 0.0) {
        return 1.0;
    }
    for (;;) {
        double u = log(1.0 - rng_unit(word(&r))) / a->mixup;
        double v = log(1.0 - rng_unit(word(&r))) / a->mixup;
        double larger = fmax(u, v), sum = larger + log1p(exp(fmin(u, v) - larger));
        if (sum <= 0.0) {
            return exp(u - sum);
        }
    }
}

void augment_mixup(float *x, size_t n, size_t d, double lambda)
{
    float own = (float)lambda, other = (float)(1.0 - lambda);
    for (size_t i = 0; i < (n + 1) / 2; i++) {
        float *a = x + i * d, *b = x + (n - 1 - i) * d;
        for (size_t k = 0; k < d; k++) {
            float u = a[k], v = b[k];
            a[k] = own * u + other * v;
            b[k] = own * v + other * u;
        }
    }
}

/* ---- names ---- */

static int take_value(const char *value, double least, double *out, struct err *e)
{
    char *end;
    double v = strtod(value, &end);
    if (*value < '0' || *value > '9' || *end || !(v >= least && v <= 1.0)) {
        return err_set(e, ERR_USAGE, "'%s' is no number in %g..1", value, least);
    }
    *out = v;
    return 0;
}

static const struct {
    const char *name;
    enum augment_crop crop;
    double area; /* what stands for AREA where it is left out; 0: it takes none */
    int rank;    /* of a word at most one, in rising order */
} words[] = {
    {"none", AUGMENT_WHOLE, 0.0, 3},
    {"crop", AUGMENT_CROP, 0.0, 0},
    {"inception", AUGMENT_INCEPTION, 0.05, 0},
    {"rrc", AUGMENT_RRC, 0.08, 0},
    {"flip", AUGMENT_WHOLE, 0.0, 1},
    {"mixup", AUGMENT_WHOLE, 0.0, 2},
};

static int take_word(struct augment *a, const char *name, int *rank, struct err *e)
{
    const char *value = strchr(name, ':');
    size_t n = value ? (size_t)(value - name) : strlen(name), i = 0;
    while (i < ARRAY_LEN(words) &&
           (strlen(words[i].name) != n || strncmp(words[i].name, name, n) != 0)) {
        i++;
    }
    if (i == ARRAY_LEN(words)) {
        struct near near;
        near_init(&near, name);
        for (size_t k = 0; k < ARRAY_LEN(words); k++) {
            near_add(&near, words[k].name);
        }
        return err_set(e, ERR_USAGE,
                       "unknown augmentation '%s' (crop, inception, rrc, flip, mixup, none)%s",
                       name, near_text(&near));
    }
    if (words[i].rank <= *rank || (words[i].rank == 3 && *rank >= 0)) {
        return err_set(e, ERR_USAGE,
                       "'%s': one crop, then flip, then mixup, each at most once, or "
                       "none alone",
                       name);
    }
    *rank = words[i].rank;
    if (words[i].rank == 2) {
        return value ? take_value(value + 1, 1e-3, &a->mixup, e)
                     : err_set(e, ERR_USAGE, "mixup:ALPHA, e.g. mixup:0.1");
    }
    if (value && words[i].area == 0.0) {
        return err_set(e, ERR_USAGE, "'%s' takes no value", words[i].name);
    }
    a->flip = a->flip || words[i].rank == 1;
    if (words[i].rank == 0) {
        a->crop = words[i].crop;
        a->area_min = words[i].area;
    }
    return value ? take_value(value + 1, 1e-3, &a->area_min, e) : 0;
}

int augment_parse(struct augment *a, const char *text, struct err *e)
{
    int rank = -1;
    *a = (struct augment){0};
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, "|");
        char *name = mem_strndup(at, n, e);
        if (!name || take_word(a, name, &rank, e)) {
            free(name);
            return err_wrap(e, "augmentation '%.80s'", text);
        }
        free(name);
        at += n;
        if (*at == '\0') {
            return 0;
        }
    }
}

int augment_check(const struct augment *a, const struct preprocess *p, struct err *e)
{
    return a->crop != AUGMENT_WHOLE && p->mode == PREPROCESS_NONE
               ? err_set(e, ERR_USAGE, "a training crop needs a preprocessing that resizes")
               : 0;
}

bool augment_limit(struct augment *a, const struct dataset_desc *d)
{
    bool flip = a->flip && d->no_flip, crop = a->crop != AUGMENT_WHOLE && d->no_crop;
    a->flip = a->flip && !flip;
    a->crop = crop ? AUGMENT_WHOLE : a->crop;
    return flip || crop;
}
