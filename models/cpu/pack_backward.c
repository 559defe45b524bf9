/* Weights packed for training, which needs them forward and backward after every step: a panel of
 * output channels at a time is gathered and standardised; then it is laid out as it is and, in
 * squares of panel by panel, with input and output channels exchanged. */
#include "models/cpu/backward.h"

static size_t taps(const struct pack_pair *p)
{
    return p->k * p->k;
}

size_t pack_pair_floats(const struct pack_pair *p)
{
    return taps(p) * p->cin * p->cout;
}

size_t pack_pair_items(const struct pack_pair *p)
{
    return p->cout / p->simd->panel;
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

static void pack_back(const struct pack_pair *p, size_t item, const float *w)
{
    size_t panel = p->simd->panel, square = panel * panel, all = taps(p), plane = p->cout * panel;
    for (size_t first = 0; first < p->cin; first += panel) {
        float *out = p->back + first / panel * all * plane + item * square;
        for (size_t t = 0; t < all; t++) {
            size_t to = p->stride == 1 ? all - 1 - t : t;
            turn_square(p, w, t, first, out + to * plane);
        }
    }
}

void pack_pair_item(const struct pack_pair *p, size_t item)
{
    size_t panel = p->simd->panel, rows = taps(p) * p->cin;
    float *w = p->forward + item * rows * panel;
    const struct simd_standardize standardize = {.w = p->w + item * panel,
                                                 .out = w,
                                                 .rows = rows,
                                                 .c = panel,
                                                 .ldw = p->cout,
                                                 .ldout = panel,
                                                 .eps = p->ws_eps};
    p->simd->standardize(&standardize);
    if (p->back) {
        pack_back(p, item, w);
    }
}
