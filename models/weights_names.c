/* The names that other libraries give to the tensors of the released .npz files: timm 1.0
 * (resnetv2.py) and Hugging Face transformers (modeling_bit.py, BitForImageClassification). */
#include "models/weights.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/str.h"
#include "harness/base/tensor.h"

static const struct {
    const char *npz, *timm, *hf;
} outside[] = {
    {"resnet/root_block/standardized_conv2d/kernel", "stem.conv.weight",
     "bit.embedder.convolution.weight"},
    {"resnet/group_norm/gamma", "norm.weight", "bit.norm.weight"},
    {"resnet/group_norm/beta", "norm.bias", "bit.norm.bias"},
    {"resnet/head/conv2d/kernel", "head.fc.weight", "classifier.1.weight"},
    {"resnet/head/conv2d/bias", "head.fc.bias", "classifier.1.bias"},
};

/* Inside a unit; the same in both libraries. */
static const struct {
    const char *npz, *other;
} inside[] = {
    {"a/group_norm/gamma", "norm1.weight"},
    {"a/group_norm/beta", "norm1.bias"},
    {"a/proj/standardized_conv2d/kernel", "downsample.conv.weight"},
    {"a/standardized_conv2d/kernel", "conv1.weight"},
    {"b/group_norm/gamma", "norm2.weight"},
    {"b/group_norm/beta", "norm2.bias"},
    {"b/standardized_conv2d/kernel", "conv2.weight"},
    {"c/group_norm/gamma", "norm3.weight"},
    {"c/group_norm/beta", "norm3.bias"},
    {"c/standardized_conv2d/kernel", "conv3.weight"},
};

/* Reads "before<number>after" at *p, the number of 1 to 4 digits, and steps over it. */
static bool step(const char **p, const char *before, size_t *number, const char *after)
{
    if (!str_starts(*p, before)) {
        return false;
    }
    const char *start = *p + strlen(before), *s = start;
    size_t v = 0;
    for (; *s >= '0' && *s <= '9' && s - start < 5; s++) {
        v = v * 10 + (size_t)(*s - '0');
    }
    if (s == start || s - start > 4 || !str_starts(s, after)) {
        return false;
    }
    *number = v;
    *p = s + strlen(after);
    return true;
}

bool weights_npz_unit(const char *name, size_t *block, size_t *unit, const char **rest)
{
    *rest = name;
    return step(rest, "resnet/block", block, "/") && step(rest, "unit", unit, "/") && *block >= 1 &&
           *block <= ARCH_BLOCKS && *unit >= 1;
}

static const char *inside_other(const char *npz)
{
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        if (!strcmp(inside[i].npz, npz)) {
            return inside[i].other;
        }
    }
    return NULL;
}

static void other_name(const char *npz_name, bool hf, char out[PARAM_NAME])
{
    size_t block, unit;
    const char *rest, *name = NULL;
    if (weights_npz_unit(npz_name, &block, &unit, &rest)) {
        name = inside_other(rest);
        assert(name);
        snprintf(out, PARAM_NAME, "%s.%zu.%s.%zu.%s", hf ? "bit.encoder.stages" : "stages",
                 block - 1, hf ? "layers" : "blocks", unit - 1, name);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
        if (!strcmp(outside[i].npz, npz_name)) {
            name = hf ? outside[i].hf : outside[i].timm;
        }
    }
    assert(name);
    snprintf(out, PARAM_NAME, "%s", name);
}

void weights_timm_name(const char *npz_name, char out[PARAM_NAME])
{
    other_name(npz_name, false, out);
}

void weights_hf_name(const char *npz_name, char out[PARAM_NAME])
{
    other_name(npz_name, true, out);
}

static const char *without_bit(const char *name)
{
    return str_starts(name, "bit.") ? name + 4 : name;
}

bool weights_npz_name(const char *other, char out[PARAM_NAME])
{
    size_t block, unit;
    const char *timm = other, *hf = without_bit(other), *rest = NULL;
    if (step(&timm, "stages.", &block, ".") && step(&timm, "blocks.", &unit, ".")) {
        rest = timm;
    } else if (step(&hf, "encoder.stages.", &block, ".") && step(&hf, "layers.", &unit, ".")) {
        rest = hf;
    }
    for (size_t i = 0; rest && i < ARRAY_LEN(inside); i++) {
        if (!strcmp(inside[i].other, rest)) {
            snprintf(out, PARAM_NAME, "resnet/block%zu/unit%02zu/%s", block + 1, unit + 1,
                     inside[i].npz);
            return true;
        }
    }
    for (size_t i = 0; !rest && i < ARRAY_LEN(outside); i++) {
        if (!strcmp(outside[i].timm, other) ||
            !strcmp(without_bit(outside[i].hf), without_bit(other))) {
            memcpy(out, outside[i].npz, strlen(outside[i].npz) + 1);
            return true;
        }
    }
    return false;
}
