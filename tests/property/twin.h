/* The network's layers in double, straight from their definitions: the twins of models/kernels. */
#ifndef BITBENCH_TESTS_PROPERTY_TWIN_H
#define BITBENCH_TESTS_PROPERTY_TWIN_H

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "models/arch.h"
#include "models/kernels/kernels.h"

static inline void twin_standardize(const double *w, size_t rows, size_t cout, double eps,
                                    double *out)
{
    for (size_t j = 0; j < cout; j++) {
        double mean = 0, var = 0;
        for (size_t r = 0; r < rows; r++) {
            mean += w[r * cout + j] / (double)rows;
        }
        for (size_t r = 0; r < rows; r++) {
            var += (w[r * cout + j] - mean) * (w[r * cout + j] - mean) / (double)rows;
        }
        for (size_t r = 0; r < rows; r++) {
            out[r * cout + j] = (w[r * cout + j] - mean) / sqrt(var + eps);
        }
    }
}

/* Adds v times a row of the kernel to y [cout]. */
static inline void twin_add_row(double v, const double *w, size_t cout, double *y)
{
    for (size_t j = 0; j < cout; j++) {
        y[j] += v * w[j];
    }
}

/* Adds one tap of the kernel at output pixel (oy, ox). */
static inline void twin_tap(const struct conv_shape *s, const double *x, const double *w, size_t oy,
                            size_t ox, size_t tap, double *y)
{
    long row = (long)(oy * s->stride + tap / s->k) - (long)(s->k / 2);
    long col = (long)(ox * s->stride + tap % s->k) - (long)(s->k / 2);
    if (row < 0 || col < 0 || row >= (long)s->h || col >= (long)s->w) {
        return;
    }
    const double *px = x + ((size_t)row * s->w + (size_t)col) * s->cin;
    for (size_t c = 0; c < s->cin; c++) {
        twin_add_row(px[c], w + (tap * s->cin + c) * s->cout, s->cout, y);
    }
}

static inline void twin_conv(const struct conv_shape *s, const double *x, const double *w,
                             double *y)
{
    size_t ow = arch_conv_out(s->w, s->k, s->stride), px = conv_out_pixels(s);
    for (size_t i = 0; i < s->n; i++) {
        for (size_t p = 0; p < px; p++, y += s->cout) {
            for (size_t j = 0; j < s->cout; j++) {
                y[j] = 0;
            }
            for (size_t tap = 0; tap < s->k * s->k; tap++) {
                twin_tap(s, x + i * s->h * s->w * s->cin, w, p / ow, p % ow, tap, y);
            }
        }
    }
}

/* One group of one image. */
static inline void twin_norm_group(const double *x, size_t pixels, size_t c, size_t first,
                                   const double *gamma, const double *beta, double *y)
{
    size_t per_group = c / ARCH_GROUPS;
    double count = (double)(pixels * per_group), mean = 0, var = 0;
    for (size_t i = 0; i < pixels * per_group; i++) {
        mean += x[i / per_group * c + first + i % per_group] / count;
    }
    for (size_t i = 0; i < pixels * per_group; i++) {
        double d = x[i / per_group * c + first + i % per_group] - mean;
        var += d * d / count;
    }
    for (size_t i = 0; i < pixels * per_group; i++) {
        size_t k = first + i % per_group, at = i / per_group * c + k;
        double v = (x[at] - mean) / sqrt(var + 1e-5) * gamma[k] + beta[k];
        y[at] = v > 0 ? v : 0;
    }
}

static inline void twin_norm_relu(const double *x, size_t n, size_t pixels, size_t c,
                                  const double *gamma, const double *beta, double *y)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t g = 0; g < ARCH_GROUPS; g++) {
            twin_norm_group(x + i * pixels * c, pixels, c, g * (c / ARCH_GROUPS), gamma, beta,
                            y + i * pixels * c);
        }
    }
}

static inline double twin_window(const double *x, size_t h, size_t w, size_t c, size_t oy,
                                 size_t ox)
{
    double best = -HUGE_VAL;
    for (long i = 2 * (long)oy - 1; i < 2 * (long)oy + 2; i++) {
        for (long j = 2 * (long)ox - 1; j < 2 * (long)ox + 2; j++) {
            bool inside = i >= 0 && j >= 0 && i < (long)h && j < (long)w;
            best = fmax(best, inside ? x[((size_t)i * w + (size_t)j) * c] : 0);
        }
    }
    return best;
}

static inline void twin_max_pool(const double *x, size_t n, size_t h, size_t w, size_t c, double *y)
{
    size_t oh = arch_conv_out(h, 3, 2), ow = arch_conv_out(w, 3, 2);
    for (size_t i = 0; i < n * oh * ow * c; i++) {
        size_t k = i % c, ox = i / c % ow, oy = i / c / ow % oh, image = i / c / ow / oh;
        y[i] = twin_window(x + image * h * w * c + k, h, w, c, oy, ox);
    }
}

static inline void twin_average_pool(const double *x, size_t n, size_t pixels, size_t c, double *y)
{
    for (size_t i = 0; i < n * c; i++) {
        y[i] = 0;
        for (size_t p = 0; p < pixels; p++) {
            y[i] += x[(i / c * pixels + p) * c + i % c] / (double)pixels;
        }
    }
}

static inline void twin_head(const double *f, size_t n, size_t c, size_t n_classes, const double *w,
                             const double *bias, double *y)
{
    for (size_t i = 0; i < n; i++, y += n_classes) {
        for (size_t j = 0; j < n_classes; j++) {
            y[j] = bias[j];
        }
        for (size_t k = 0; k < c; k++) {
            twin_add_row(f[i * c + k], w + k * n_classes, n_classes, y);
        }
    }
}

/* Softmax or sigmoid cross-entropy of one image. */
static inline double twin_loss(bool softmax, const double *z, const float *labels, size_t n)
{
    double loss = 0, sum = 0;
    for (size_t k = 0; k < n; k++) {
        sum += exp(z[k]);
    }
    for (size_t k = 0; k < n; k++) {
        double y = (double)labels[k], p = 1 / (1 + exp(-z[k]));
        loss -= softmax ? y * (z[k] - log(sum)) : y * log(p) + (1 - y) * log(1 - p);
    }
    return loss;
}

/* --- one image through the network --- */
struct twin_walk {
    const double *const *in; /* parameters in table order, from the next one on */
    double *x;               /* what has come so far; replaced by each layer, which frees it */
    size_t h, w;
};

static inline double *twin_take(size_t n)
{
    double *p = calloc(n, sizeof *p);
    if (!p) {
        abort();
    }
    return p;
}

/* A convolution of x with the next kernel; x stays. */
static inline double *twin_next_conv(struct twin_walk *t, const double *x, struct conv_shape s)
{
    double *y = twin_take(conv_out_pixels(&s) * s.cout);
    twin_conv(&s, x, *t->in++, y);
    return y;
}

static inline double *twin_next_norm(struct twin_walk *t, const double *x, size_t px, size_t c)
{
    double *y = twin_take(px * c);
    twin_norm_relu(x, 1, px, c, t->in[0], t->in[1], y);
    t->in += 2;
    return y;
}

static inline void twin_unit(struct twin_walk *t, struct arch_unit u)
{
    size_t h = arch_conv_out(t->h, 3, u.stride), w = arch_conv_out(t->w, 3, u.stride);
    double *a = twin_next_norm(t, t->x, t->h * t->w, u.cin), *shortcut = t->x;
    if (u.proj) {
        free(t->x);
        shortcut = twin_next_conv(
            t, a, (struct conv_shape){1, t->h, t->w, u.cin, u.cout, 1, u.stride});
    }
    double *inner = twin_next_conv(t, a, (struct conv_shape){1, t->h, t->w, u.cin, u.mid, 1, 1});
    double *b = twin_next_norm(t, inner, t->h * t->w, u.mid);
    free(inner);
    inner = twin_next_conv(t, b, (struct conv_shape){1, t->h, t->w, u.mid, u.mid, 3, u.stride});
    double *c = twin_next_norm(t, inner, h * w, u.mid);
    t->x = twin_next_conv(t, c, (struct conv_shape){1, h, w, u.mid, u.cout, 1, 1});
    for (size_t i = 0; i < h * w * u.cout; i++) {
        t->x[i] += shortcut[i];
    }
    t->h = h;
    t->w = w;
    double *owned[] = {a, shortcut, inner, b, c};
    for (size_t i = 0; i < 5; i++) {
        free(owned[i]);
    }
}

/* params: one array a tensor, in the table's order, kernels standardised; image [h,w,3] -> logits
 * [n_classes]. */
static inline void twin_network(const struct arch *a, size_t n_classes,
                                const double *const *params, const float *image, size_t h,
                                size_t w, double *logits)
{
    struct twin_walk t = {.in = params};
    size_t c = arch_root_channels(a), features = arch_features(a);
    double *x = twin_take(h * w * 3);
    for (size_t i = 0; i < h * w * 3; i++) {
        x[i] = (double)image[i];
    }
    double *root = twin_next_conv(&t, x, (struct conv_shape){1, h, w, 3, c, 7, 2});
    h = arch_conv_out(h, 7, 2);
    w = arch_conv_out(w, 7, 2);
    t.h = arch_conv_out(h, 3, 2);
    t.w = arch_conv_out(w, 3, 2);
    t.x = twin_take(t.h * t.w * c);
    twin_max_pool(root, 1, h, w, c, t.x);
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t u = 0; u < a->depth[b]; u++) {
            twin_unit(&t, arch_unit_at(a, b, u));
        }
    }
    double *normed = twin_next_norm(&t, t.x, t.h * t.w, features), *f = twin_take(features);
    twin_average_pool(normed, 1, t.h * t.w, features, f);
    twin_head(f, 1, features, n_classes, t.in[0], t.in[1], logits);
    double *owned[] = {x, root, t.x, normed, f};
    for (size_t i = 0; i < 5; i++) {
        free(owned[i]);
    }
}

#endif
