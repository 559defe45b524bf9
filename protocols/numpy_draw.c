/* Few-shot draws through numpy's generators (harness/base/numpy_rng.h). */
#include "protocols/numpy_draw.h"

#include "harness/base/numpy_rng.h"

void numpy_draw_big_vision(size_t *rows, const size_t *start, size_t n_classes, uint64_t draw)
{
    struct pcg64 p;
    pcg64_seed(&p, draw);
    for (size_t c = 0; c < n_classes; c++) {
        numpy_shuffle(rows + start[c], start[c + 1] - start[c], pcg64_next32, &p);
    }
}

void numpy_draw_bit_jax(size_t *rows, const size_t *start, size_t n_classes, uint64_t draw)
{
    struct mt19937 m;
    mt19937_seed(&m, (uint32_t)draw);
    for (size_t c = 0; c < n_classes; c++) {
        numpy_shuffle(rows + start[c], start[c + 1] - start[c], mt19937_next32, &m);
    }
}
