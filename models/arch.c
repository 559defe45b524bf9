/* The architecture's text, its table of tensors and its multiply-adds. Channels, strides and names
 * follow google-research/big_transfer bit_pytorch/models.py (ResNetV2, PreActBottleneck); the order
 * of the table is the order in which the forward pass meets the tensors. */
#include "models/arch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/tensor.h"

enum { ALIGN_FLOATS = 16 };

static const struct {
    unsigned layers;
    size_t depth[ARCH_BLOCKS];
} named[] = {
    {26, {2, 2, 2, 2}},
    {50, {3, 4, 6, 3}},
    {101, {3, 4, 23, 3}},
    {152, {3, 8, 36, 3}},
};

/* Up to five digits at *p, stepping over them; false when there are none or more. */
static bool read_count(const char **p, size_t *v)
{
    const char *start = *p;
    for (*v = 0; **p >= '0' && **p <= '9'; (*p)++) {
        *v = *v * 10 + (size_t)(**p - '0');
        if (*p - start >= 5) {
            return false;
        }
    }
    return *p > start;
}

static int read_depths(struct arch *a, const char **p, const char *text, struct err *e)
{
    for (size_t i = 0; i < ARCH_BLOCKS; i++) {
        (*p)++; /* over "(" or "," */
        if (!read_count(p, &a->depth[i]) || **p != (i + 1 < ARCH_BLOCKS ? ',' : ')')) {
            return err_set(e, ERR_USAGE,
                           "architecture '%s': expected four depths as in R(3,4,6,3)x1", text);
        }
        if (a->depth[i] < 1 || a->depth[i] > ARCH_MAX_DEPTH) {
            return err_set(e, ERR_USAGE,
                           "architecture '%s': depth %zu of block %zu is not in 1..%d", text,
                           a->depth[i], i + 1, ARCH_MAX_DEPTH);
        }
    }
    (*p)++; /* over ")" */
    return 0;
}

static int read_named(struct arch *a, const char **p, const char *text, struct err *e)
{
    size_t layers;
    bool number = read_count(p, &layers);
    for (size_t i = 0; number && i < ARRAY_LEN(named); i++) {
        if (named[i].layers == layers) {
            memcpy(a->depth, named[i].depth, sizeof a->depth);
            return 0;
        }
    }
    return err_set(e, ERR_USAGE,
                   "architecture '%s': unknown depth; known are R26, R50, R101, R152 and any "
                   "R(a,b,c,d), each followed by a width as in R50x1",
                   text);
}

static int read_width(struct arch *a, const char *p, const char *text, struct err *e)
{
    size_t whole = 0, half = 0;
    bool good = *p++ == 'x' && read_count(&p, &whole);
    if (good && *p == '.') {
        p++;
        half = *p == '5';
        good = *p == '5' || *p == '0';
        p += good;
        p += strspn(p, "0");
    }
    a->width2 = 2 * whole + half;
    if (!good || *p || !a->width2 || a->width2 > ARCH_MAX_WIDTH2) {
        return err_set(e, ERR_USAGE,
                       "architecture '%s': the width must be a multiple of 0.5 from 0.5 to %d, as "
                       "in R50x1 or R50x0.5 (32 groups must divide 64 * width)",
                       text, ARCH_MAX_WIDTH2 / 2);
    }
    return 0;
}

int arch_parse(struct arch *a, const char *text, struct err *e)
{
    struct arch out = {0};
    const char *p = text;
    if (*p != 'R') {
        return err_set(e, ERR_USAGE,
                       "architecture '%s': expected a text as R50x1 or R(3,4,6,3)x0.5", text);
    }
    p++;
    if (*p == '(' ? read_depths(&out, &p, text, e) : read_named(&out, &p, text, e)) {
        return -1;
    }
    if (read_width(&out, p, text, e)) {
        return -1;
    }
    *a = out;
    return 0;
}

void arch_name(const struct arch *a, char name[ARCH_NAME])
{
    const char *half = a->width2 % 2 ? ".5" : "";
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (!memcmp(named[i].depth, a->depth, sizeof a->depth)) {
            snprintf(name, ARCH_NAME, "R%ux%zu%s", named[i].layers, a->width2 / 2, half);
            return;
        }
    }
    snprintf(name, ARCH_NAME, "R(%zu,%zu,%zu,%zu)x%zu%s", a->depth[0], a->depth[1], a->depth[2],
             a->depth[3], a->width2 / 2, half);
}

size_t arch_root_channels(const struct arch *a)
{
    return 32 * a->width2;
}

size_t arch_features(const struct arch *a)
{
    return 1024 * a->width2;
}

struct arch_unit arch_unit_at(const struct arch *a, size_t b, size_t u)
{
    size_t mid = arch_root_channels(a) << b, before = b ? 2 * mid : mid;
    return (struct arch_unit){
        .cin = u ? 4 * mid : before,
        .mid = mid,
        .cout = 4 * mid,
        .stride = b && !u ? 2 : 1,
        .proj = !u,
    };
}

/* Appends a tensor named prefix + leaf; dims that are 0 are left out. */
static void add(struct param_table *t, enum param_kind kind, const char *prefix, const char *leaf,
                const size_t dims[4])
{
    struct param *p = &t->params[t->n++];
    *p = (struct param){.kind = kind, .n = 1, .offset = t->n_floats};
    int len = snprintf(p->name, sizeof p->name, "%s%s", prefix, leaf);
    assert(len > 0 && (size_t)len < sizeof p->name);
    for (size_t i = 0; i < 4; i++) {
        if (dims[i]) {
            p->dims[p->n_dims++] = dims[i];
            p->n *= dims[i];
        }
    }
    t->n_values += p->n;
    t->n_floats += (p->n + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

static void add_norm(struct param_table *t, const char *prefix, size_t c)
{
    add(t, PARAM_GAMMA, prefix, "group_norm/gamma", (const size_t[4]){c});
    add(t, PARAM_BETA, prefix, "group_norm/beta", (const size_t[4]){c});
}

static void add_kernel(struct param_table *t, const char *prefix, size_t k, size_t cin, size_t cout)
{
    add(t, PARAM_KERNEL, prefix, "standardized_conv2d/kernel", (const size_t[4]){k, k, cin, cout});
}

static void add_unit(struct param_table *t, struct arch_unit u, const char *unit)
{
    char a[PARAM_NAME], b[PARAM_NAME], c[PARAM_NAME], proj[PARAM_NAME];
    snprintf(a, sizeof a, "%sa/", unit);
    snprintf(b, sizeof b, "%sb/", unit);
    snprintf(c, sizeof c, "%sc/", unit);
    snprintf(proj, sizeof proj, "%sa/proj/", unit);
    add_norm(t, a, u.cin);
    if (u.proj) {
        add_kernel(t, proj, 1, u.cin, u.cout);
    }
    add_kernel(t, a, 1, u.cin, u.mid);
    add_norm(t, b, u.mid);
    add_kernel(t, b, 3, u.mid, u.mid);
    add_norm(t, c, u.mid);
    add_kernel(t, c, 1, u.mid, u.cout);
}

int param_table_init(struct param_table *t, const struct arch *a, size_t n_classes, struct err *e)
{
    enum { PER_UNIT = 9,
           OUTSIDE = 5,
           MAX_CLASSES = 100 * 1000 * 1000 };
    *t = (struct param_table){0};
    if (n_classes > MAX_CLASSES) {
        return err_set(e, ERR_LIMIT, "a head of %zu classes is more than %d", n_classes,
                       MAX_CLASSES);
    }
    size_t n = ARCH_BLOCKS + OUTSIDE; /* a projection in each block */
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        n += a->depth[b] * PER_UNIT;
    }
    t->params = mem_take(n, sizeof *t->params, e);
    if (!t->params) {
        return -1;
    }
    add_kernel(t, "resnet/root_block/", 7, 3, arch_root_channels(a));
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t u = 0; u < a->depth[b]; u++) {
            char unit[PARAM_NAME / 2];
            snprintf(unit, sizeof unit, "resnet/block%zu/unit%02zu/", b + 1, u + 1);
            add_unit(t, arch_unit_at(a, b, u), unit);
        }
    }
    size_t features = arch_features(a);
    add_norm(t, "resnet/", features);
    if (n_classes) {
        add(t, PARAM_HEAD_KERNEL, "resnet/head/conv2d/", "kernel",
            (const size_t[4]){1, 1, features, n_classes});
        add(t, PARAM_HEAD_BIAS, "resnet/head/conv2d/", "bias", (const size_t[4]){n_classes});
    }
    assert(t->n <= n);
    return 0;
}

void param_table_release(struct param_table *t)
{
    free(t->params);
    *t = (struct param_table){0};
}

const struct param *param_find(const struct param_table *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++) {
        if (!strcmp(t->params[i].name, name)) {
            return &t->params[i];
        }
    }
    return NULL;
}

size_t arch_conv_out(size_t n, size_t k, size_t stride)
{
    return (n + 2 * (k / 2) - k) / stride + 1;
}

size_t arch_conv_taps(size_t n, size_t k, size_t stride)
{
    size_t taps = 0, out = arch_conv_out(n, k, stride);
    for (size_t t = 0; t < k; t++) {
        for (size_t i = 0; i < out; i++) {
            size_t at = i * stride + t; /* in the padded input */
            if (at >= k / 2 && at < n + k / 2) {
                taps++;
                break;
            }
        }
    }
    return taps;
}

uint64_t arch_macs(const struct arch *a, size_t n_classes, size_t h, size_t w)
{
    uint64_t macs = (uint64_t)arch_conv_taps(h, 7, 2) * arch_conv_taps(w, 7, 2);
    h = arch_conv_out(h, 7, 2);
    w = arch_conv_out(w, 7, 2);
    macs *= (uint64_t)h * w * 3 * arch_root_channels(a);
    h = arch_conv_out(h, 3, 2); /* the pool */
    w = arch_conv_out(w, 3, 2);
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t i = 0; i < a->depth[b]; i++) {
            struct arch_unit u = arch_unit_at(a, b, i);
            uint64_t before = (uint64_t)h * w;
            uint64_t taps = arch_conv_taps(h, 3, u.stride) * arch_conv_taps(w, 3, u.stride);
            h = arch_conv_out(h, 3, u.stride);
            w = arch_conv_out(w, 3, u.stride);
            uint64_t after = (uint64_t)h * w;
            macs += before * u.cin * u.mid;
            macs += after * (taps * u.mid * u.mid + u.mid * u.cout + (u.proj ? u.cin * u.cout : 0));
        }
    }
    return macs + (uint64_t)arch_features(a) * n_classes;
}
