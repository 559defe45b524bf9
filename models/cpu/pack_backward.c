/* Weights packed for training, which needs them forward and backward after every step: a panel of
 * output channels at a time is gathered and standardised; then it is laid out, or transformed, as
 * it is and, in squares of panel by panel, with input and output channels exchanged. */
#include "models/cpu/backward.h"

#include <string.h>

static size_t taps(const struct pack_pair *p)
{
    return p->k * p->k;
}

size_t pack_pair_floats(const struct pack_pair *p)
{
    return (p->winograd ? WINO_POINTS : taps(p)) * p->cin * p->cout;
}

size_t pack_pair_items(const struct pack_pair *p)
{
    return p->cout / p->simd->panel;
}

/* A panel of the kernel, and a square of each tap. */
size_t pack_pair_scratch(const struct pack_pair *p)
{
    size_t panel = p->simd->panel;
    return taps(p) * p->cin * panel + taps(p) * panel * panel;
}

/* Tap t of the panel w, input channels first.. of a panel: out [panel of cout][panel of cin]. */
static void turn_square(const struct pack_pair *p, const float *w, size_t t, size_t first,
                        float *out)
{
    size_t panel = p->simd->panel;
    const float *from = w + (t * p->cin + first) * panel;
    for (size_t o = 0; o < panel; o++) {
        for (size_t i = 0; i < panel; i++) {
            out[o * panel + i] = from[i * panel + o];
        }
    }
}

static void pack_back(const struct pack_pair *p, size_t item, const float *w, float *squares)
{
    size_t panel = p->simd->panel, square = panel * panel, all = taps(p);
    for (size_t first = 0; first < p->cin; first += panel) {
        for (size_t t = 0; t < all; t++) {
            turn_square(p, w, t, first, squares + t * square);
        }
        size_t planes = p->winograd ? WINO_POINTS : all, plane = p->cout * panel;
        float *out = p->back + first / panel * planes * plane + item * square;
        if (p->winograd) {
            struct simd_kernel_tiles k = {.g = squares,
                                          .u = out,
                                          .n = square,
                                          .tap = square,
                                          .point = plane,
                                          .turned = true};
            p->simd->kernel_tiles(&k);
            continue;
        }
        for (size_t t = 0; t < all; t++) {
            size_t to = p->stride == 1 ? all - 1 - t : t;
            memcpy(out + to * plane, squares + t * square, square * sizeof *out);
        }
    }
}

void pack_pair_item(const struct pack_pair *p, size_t item, float *scratch)
{
    size_t panel = p->simd->panel, rows = taps(p) * p->cin, n = p->cin * panel;
    float *out = p->forward + item * (pack_pair_floats(p) / pack_pair_items(p));
    float *w = scratch;
    const struct simd_standardize standardize = {.w = p->w + item * panel,
                                                 .out = p->winograd || p->back ? w : out,
                                                 .rows = rows,
                                                 .c = panel,
                                                 .ldw = p->cout,
                                                 .ldout = panel,
                                                 .eps = p->ws_eps};
    p->simd->standardize(&standardize);
    if (p->winograd) {
        struct simd_kernel_tiles k = {.g = w, .u = out, .n = n, .tap = n, .point = n};
        p->simd->kernel_tiles(&k);
    } else if (p->back) {
        memcpy(out, w, rows * panel * sizeof *out);
    }
    if (p->back) {
        pack_back(p, item, w, scratch + rows * panel);
    }
}
