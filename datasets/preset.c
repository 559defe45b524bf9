/* Named preprocessings: the table, how texts are read and written, and their checks. */
#include "datasets/transform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/near.h"
#include "harness/base/str.h"

enum { MAX_SIDE = 4096,
       SMALL_AREA = 96 * 96 /* big_transfer, bit_hyperrule.py: strictly below */ };

static const char *const mode_names[] = {
    [PREPROCESS_SQUASH] = "squash",
    [PREPROCESS_SHORT] = "short",
    [PREPROCESS_SMALL] = "small",
    [PREPROCESS_NONE] = "none",
    [PREPROCESS_SHORTFLOOR] = "shortfloor",
    [PREPROCESS_SQUARE] = "square",
};

const struct preset_row presets[] = {
    {{"bit-paper", "tf", "tf2bilinear", PREPROCESS_SQUASH, .range = "-1..1"},
     {160, 128},
     {448, 384},
     "BiT paper, section 3.3: 160 to 128 below 96 x 96 pixels, else 448 to 384 (only R152x4 takes "
     "512 to 480); decoder and kernel of its code, input_pipeline_tf2_or_jax.py"},
    {{"bit-readme", "tf", "tf2bilinear", PREPROCESS_SQUASH, .range = "-1..1"},
     {160, 128},
     {512, 480},
     "big_transfer, README's tables: pixels as bit-code-jax"},
    {{"bit-code-jax", "tf", "tf2bilinear", PREPROCESS_SQUASH, .range = "-1..1"},
     {160, 128},
     {512, 480},
     "big_transfer, input_pipeline_tf2_or_jax.py and bit_hyperrule.py: 512 to 480 for all models"},
    {{"bit-code-pytorch", "pil", "pilbilinear", PREPROCESS_SQUASH, .range = "-1..1"},
     {160, 128},
     {512, 480},
     "big_transfer, bit_pytorch/train.py: those sizes, Pillow's decoder and antialiased kernel"},
    {{"timm", "pil", "pilbilinear", PREPROCESS_SHORT, .range = "-1..1"},
     {256, 224},
     {256, 224},
     "timm 1.0, create_transform for evaluation, default_cfg of resnetv2_50x1_bit.goog_in21k "
     "(224 px, crop_pct 0.875); others as timm:RESIZE-CROP-KERNEL, e.g. timm:448-448-bilinear"},
    {{"hf", "pil", "tvu8bicubicaa", PREPROCESS_SHORTFLOOR, .range = "clip"},
     {224, 224},
     {224, 224},
     "transformers 5, defaults of BitImageProcessor: Pillow's decoder, torchvision's kernel on "
     "8-bit tensors, CLIP's mean and deviation; google/bit-50 is hf:448-448-bilinear with range "
     "-1..1"},
    {{"big-vision", "tf", "tf2area", PREPROCESS_SMALL, .range = "-1..1", .u8_between = true},
     {256, 224},
     {256, 224},
     "big_vision, configs/common_fewshot.py: resize_small(256), central_crop(224), range -1..1"},
    {{"vtab", "tf", "tf1bilinear", PREPROCESS_SQUASH, .range = "0..1"},
     {224, 224},
     {224, 224},
     "task_adaptation, data_loader.py: 224 x 224 by TensorFlow 1's kernel, input_range 0..1"},
    {{"none", "pil", "", PREPROCESS_NONE, .range = "-1..1"},
     {0, 0},
     {0, 0},
     "every pixel as it is, all images of one size; copies nothing"},
};
const size_t presets_n = ARRAY_LEN(presets);

/* The row whose name is the first n bytes of text. */
static const struct preset_row *row_find(const char *text, size_t n)
{
    for (size_t i = 0; i < presets_n; i++) {
        if (strlen(presets[i].p.preset) == n && strncmp(presets[i].p.preset, text, n) == 0) {
            return &presets[i];
        }
    }
    return NULL;
}

static int unknown_preset(const char *name, struct err *e)
{
    struct near near;
    near_init(&near, name);
    struct str all = {0};
    for (size_t i = 0; i < presets_n; i++) {
        near_add(&near, presets[i].p.preset);
        str_addf(&all, "%s%s", i ? ", " : "", presets[i].p.preset);
    }
    const char *hint = near_text(&near);
    err_set(e, ERR_USAGE, "unknown preprocessing '%s'%s%s%s", name, hint,
            *hint ? "" : "; there are ", *hint ? "" : str_text(&all));
    str_release(&all);
    return -1;
}

/* The kernel that has the given method where that of p has another of these: "bicubic" makes
 * tf2bilinear tf2bicubic and tvu8bilinearaa tvu8bicubicaa. False where there is none. */
static bool same_family(const struct preprocess *p, const char *method, char kernel[64])
{
    static const char *const methods[] = {"bilinear", "bicubic", "area"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        const char *at = strstr(p->kernel, methods[i]);
        if (at) {
            snprintf(kernel, 64, "%.*s%.20s%s", (int)(at - p->kernel), p->kernel, method,
                     at + strlen(methods[i]));
            return resize_find(kernel, NULL) != NULL;
        }
    }
    return false;
}

/* "448-448-bilinear" into p. */
static int set_sizes(struct preprocess *p, const char *text, struct err *e)
{
    char resize[5], crop[5], kernel[sizeof p->kernel], family[64];
    int end = 0;
    if (sscanf(text, "%4[0-9]-%4[0-9]-%23[a-z0-9]%n", resize, crop, kernel, &end) != 3 ||
        text[end] != '\0') {
        return err_set(e, ERR_USAGE, "'%s' is not RESIZE-CROP-KERNEL, e.g. 448-448-bilinear", text);
    }
    p->resize = strtoul(resize, NULL, 10);
    p->crop = strtoul(crop, NULL, 10);
    const char *name = same_family(p, kernel, family) ? family : kernel;
    const struct resize_kernel *k = resize_find(name, e);
    if (!k) {
        return -1;
    }
    snprintf(p->kernel, sizeof p->kernel, "%s", k->name);
    return preprocess_check(p, e);
}

int preprocess_preset(struct preprocess *p, const char *text, struct err *e)
{
    size_t n = strcspn(text, ":");
    if (preprocess_is_steps(text)) {
        return preprocess_steps(p, text, e);
    }
    const struct preset_row *row = strcmp(text, "bit") ? row_find(text, n) : &presets[0];
    if (!row) {
        return unknown_preset(text, e);
    }
    *p = row->p;
    if (text[n] == '\0') { /* p->preset is the row's: "bit" is its short form */
        return 0;
    }
    if (p->mode == PREPROCESS_NONE) {
        return err_set(e, ERR_USAGE, "preprocessing '%s': 'none' takes no sizes", text);
    }
    if (strlen(text) >= sizeof p->preset) {
        return err_set(e, ERR_USAGE, "preprocessing '%s': longer than %zu characters", text,
                       sizeof p->preset - 1);
    }
    snprintf(p->preset, sizeof p->preset, "%s", text);
    if (set_sizes(p, text + n + 1, e)) {
        return err_wrap(e, "preprocessing '%s'", text);
    }
    return 0;
}

int preprocess_mode_find(const char *name, enum preprocess_mode *mode, struct err *e)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < ARRAY_LEN(mode_names); i++) {
        if (strcmp(mode_names[i], name) == 0) {
            *mode = (enum preprocess_mode)i;
            return 0;
        }
        near_add(&near, mode_names[i]);
    }
    return err_set(e, ERR_USAGE,
                   "unknown preprocessing mode '%s' (squash, short, shortfloor, small, square, "
                   "none)%s",
                   name, near_text(&near));
}

const char *preprocess_mode_name(enum preprocess_mode mode)
{
    return mode_names[mode];
}

int preprocess_resolve(struct preprocess *p, size_t h, size_t w, struct err *e)
{
    if (p->mode == PREPROCESS_NONE || (p->resize && p->crop)) {
        return 0;
    }
    const struct preset_row *row = row_find(p->preset, strcspn(p->preset, ":"));
    bool small = h && w && h < SMALL_AREA && w < SMALL_AREA && h * w < SMALL_AREA;
    if (!row || !row->large.crop) {
        return err_set(e, ERR_USAGE, "preprocessing '%s' fixes no size: give resize and crop",
                       p->preset);
    }
    const struct preset_size *size = small ? &row->small : &row->large;
    p->resize = p->resize ? p->resize : size->resize;
    p->crop = p->crop ? p->crop : size->crop;
    return 0;
}

int preprocess_check(const struct preprocess *p, struct err *e)
{
    if (decode_check(p->decode, e) || preprocess_range_find(p->range, e)) {
        return -1;
    }
    if (p->mode == PREPROCESS_NONE) {
        return p->resize || p->crop > MAX_SIDE
                   ? err_set(e, ERR_USAGE, "mode none takes no resize, and a crop of at most %d",
                             MAX_SIDE)
                   : 0;
    }
    if (!resize_find(p->kernel, e)) {
        return -1;
    }
    if (p->resize < 1 || p->resize > MAX_SIDE || p->crop < 1 || p->crop > p->resize) {
        return err_set(e, ERR_USAGE,
                       "resize %zu and crop %zu: resize must be 1 to %d, crop 1 to resize",
                       p->resize, p->crop, MAX_SIDE);
    }
    return 0;
}

void preprocess_text(const struct preprocess *p, struct str *out)
{
    if (p->mode == PREPROCESS_NONE) {
        str_add(out, "rs:none");
        if (p->crop) {
            str_addf(out, "-%zu", p->crop);
        }
    } else {
        str_addf(out, "rs:%zu-%zu-%s-%s%s", p->resize, p->crop, mode_names[p->mode], p->kernel,
                 p->u8_between ? "-u8" : "");
    }
    str_addf(out, "|range:%s|decode:%s", p->range, p->decode);
}

void preprocess_sources(const struct preprocess *p, struct str *out)
{
    str_add(out, "datasets/transform.c datasets/preset.c datasets/decode.c datasets/codec/codec.c "
                 "datasets/codec/jpeg.c datasets/codec/png.c datasets/codec/gif.c "
                 "datasets/codec/bmp.c datasets/codec/webp.c datasets/image_facts.c");
    if (p->mode != PREPROCESS_NONE) {
        const struct resize_kernel *k = resize_find(p->kernel, NULL);
        str_addf(out, " %s", k ? k->sources : "");
    }
}
