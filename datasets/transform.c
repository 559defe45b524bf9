/* From decoded pixels to the network's input: resize, central crop, 8 bits in between where the
 * code that is copied has them, then grey to three channels and the scale. */
#include "datasets/transform.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"

/* Pixels of a resized image before the crop: an image of 1 x 60,000 at a short edge of 448 would
 * have 12 thousand million. */
enum { MAX_RESIZED = 1 << 24 };

/* y = ((x - shift) / scale - mean) / sd, each operation rounded to fp32 in this order. Codes that
 * reach -1..1 in other steps differ from it by 1e-7 at most. */
struct range {
    const char *name;
    float shift, scale;
    bool normalised; /* the second half applies */
    float mean[3], sd[3];
};

static const struct range ranges[] = {
    {.name = "-1..1", .shift = 127.5f, .scale = 127.5f}, /* input_pipeline_tf2_or_jax.py */
    {.name = "0..1", .shift = 0.0f, .scale = 255.0f},
    {.name = "none", .shift = 0.0f, .scale = 1.0f},
    {.name = "imagenet", /* torchvision's pre-trained models */
     .scale = 255.0f,
     .normalised = true,
     .mean = {0.485f, 0.456f, 0.406f},
     .sd = {0.229f, 0.224f, 0.225f}},
    {.name = "clip", /* openai/CLIP, clip.py */
     .scale = 255.0f,
     .normalised = true,
     .mean = {0.48145466f, 0.4578275f, 0.40821073f},
     .sd = {0.26862954f, 0.26130258f, 0.27577711f}},
};

static const struct range *range_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        if (strcmp(ranges[i].name, name) == 0) {
            return &ranges[i];
        }
    }
    return NULL;
}

int preprocess_range_find(const char *name, struct err *e)
{
    if (range_find(name)) {
        return 0;
    }
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        near_add(&near, ranges[i].name);
    }
    return err_set(e, ERR_USAGE, "unknown range '%s' (-1..1, 0..1, imagenet, clip, none)%s", name,
                   near_text(&near));
}

/* The resized image before the crop. */
static void resized_size(const struct preprocess *p, size_t h, size_t w, size_t *rh, size_t *rw)
{
    size_t shorter = h < w ? h : w;
    *rh = h;
    *rw = w;
    if (p->mode == PREPROCESS_SQUASH) {
        *rh = *rw = p->crop;
    } else if (p->mode == PREPROCESS_SQUARE) {
        *rh = *rw = p->resize;
    } else if (p->mode == PREPROCESS_SHORT || p->mode == PREPROCESS_SHORTFLOOR) {
        *rh = p->resize * h / shorter;
        *rw = p->resize * w / shorter;
    } else if (p->mode == PREPROCESS_SMALL) {
        float k = (float)p->resize / (float)shorter;
        *rh = (size_t)rintf((float)h * k);
        *rw = (size_t)rintf((float)w * k);
    }
}

void preprocess_train_size(const struct preprocess *p, size_t h, size_t w, size_t *rh, size_t *rw)
{
    resized_size(p, h, w, rh, rw);
    if (p->mode == PREPROCESS_SQUASH) {
        *rh = *rw = p->resize;
    }
}

void preprocess_size(const struct preprocess *p, size_t h, size_t w, size_t *oh, size_t *ow)
{
    *oh = p->crop ? p->crop : h;
    *ow = p->crop ? p->crop : w;
}

/* Where the central crop begins: half of the margin, as the mode rounds it. */
static size_t crop_offset(const struct preprocess *p, size_t margin)
{
    size_t half = margin / 2;
    bool up = p->mode == PREPROCESS_SHORT && margin % 2 == 1 && half % 2 == 1;
    return half + up;
}

/* The part that is kept of in into s->resized [y.n, x.n, c]. */
int transform_resize(const struct preprocess *p, const struct image *in,
                     const struct resize_dims *d, struct transform_scratch *s, struct err *e)
{
    void *data = s->resized;
    if (mem_grow(&data, &s->resized_cap, d->y.n * d->x.n * in->c, sizeof *s->resized, e)) {
        return -1;
    }
    s->resized = data;
    if (p->mode != PREPROCESS_NONE) {
        const struct resize_kernel *kernel = resize_find(p->kernel, e);
        return kernel ? resize_run(kernel, in, d, s->resized, &s->work, e) : -1;
    }
    for (size_t y = 0; y < d->y.n; y++) {
        const uint8_t *row = in->data + ((d->y.first + y) * in->w + d->x.first) * in->c;
        for (size_t i = 0; i < d->x.n * in->c; i++) {
            s->resized[y * d->x.n * in->c + i] = row[i];
        }
    }
    return 0;
}

static void to_u8_and_back(float *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        row[i] = (float)(int)fminf(fmaxf(row[i], 0.0f), 255.0f);
    }
}

/* w pixels of c channels to w scaled pixels of three. */
static void scale_row(const struct range *r, const float *row, size_t w, size_t c, float *out)
{
    float shift = r->shift, scale = r->scale;
    if (c == 3) {
        for (size_t i = 0; i < 3 * w; i++) {
            out[i] = (row[i] - shift) / scale;
        }
    } else {
        for (size_t i = 0; i < w; i++) {
            float v = (row[i] - shift) / scale;
            out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = v;
        }
    }
    for (size_t i = 0; r->normalised && i < 3 * w; i++) {
        out[i] = (out[i] - r->mean[i % 3]) / r->sd[i % 3];
    }
}

static void round_row(const float *row, size_t w, size_t c, uint8_t *out)
{
    for (size_t i = 0; i < 3 * w; i++) {
        double v = floor((double)row[c == 3 ? i : i / 3] + 0.5);
        out[i] = (uint8_t)(v < 0.0 ? 0.0 : v > 255.0 ? 255.0
                                                     : v);
    }
}

int preprocess_run(const struct preprocess *p, const struct image *in, struct transform_scratch *s,
                   float *out, uint8_t *out_u8, struct err *e)
{
    size_t rh, rw, oh, ow;
    assert(in->h && in->w && (in->c == 1 || in->c == 3));
    resized_size(p, in->h, in->w, &rh, &rw);
    preprocess_size(p, in->h, in->w, &oh, &ow);
    if (p->mode != PREPROCESS_NONE && rh > MAX_RESIZED / rw) {
        return err_set(e, ERR_LIMIT, "%zu x %zu: with its short edge at %zu it would be %zu x %zu",
                       in->h, in->w, p->resize, rh, rw);
    }
    if (rh < oh || rw < ow) {
        return err_set(e, ERR_LIMIT, "%zu x %zu: smaller than the crop of %zu, and no resize",
                       in->h, in->w, p->crop);
    }
    const struct resize_dims d = {
        .y = {.in = in->h, .out = rh, .first = crop_offset(p, rh - oh), .n = oh},
        .x = {.in = in->w, .out = rw, .first = crop_offset(p, rw - ow), .n = ow},
        .c = in->c,
    };
    if (transform_resize(p, in, &d, s, e)) {
        return -1;
    }
    transform_scale(p, &d, s, out, out_u8);
    return 0;
}

void transform_scale(const struct preprocess *p, const struct resize_dims *d,
                     struct transform_scratch *s, float *out, uint8_t *out_u8)
{
    const struct range *range = range_find(p->range);
    size_t ow = d->x.n, c = d->c;
    assert(range);
    for (size_t y = 0; y < d->y.n; y++) {
        float *row = s->resized + y * ow * c;
        if (p->u8_between) {
            to_u8_and_back(row, ow * c);
        }
        if (out) {
            scale_row(range, row, ow, c, out + y * ow * 3);
        }
        if (out_u8) {
            round_row(row, ow, c, out_u8 + y * ow * 3);
        }
    }
}

void transform_scratch_trim(struct transform_scratch *s)
{
    struct codec_buf *kept[] = {&s->pixels, &s->upright, &s->cut};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (kept[i]->cap > TRANSFORM_KEEP_BYTES) {
            free(kept[i]->data);
            *kept[i] = (struct codec_buf){0};
        }
    }
    if (s->work.mem.cap > TRANSFORM_KEEP_BYTES) {
        resize_work_release(&s->work);
    }
}

void transform_scratch_release(struct transform_scratch *s)
{
    free(s->pixels.data);
    free(s->upright.data);
    free(s->cut.data);
    free(s->resized);
    resize_work_release(&s->work);
    *s = (struct transform_scratch){0};
}
