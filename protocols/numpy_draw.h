/* Few-shot draws that equal those of two published codes, bit for bit: numpy's generators and
 * shuffles, from their definition (golden draws: tests/parity/draws/README.md). */
#ifndef BITBENCH_PROTOCOLS_NUMPY_DRAW_H
#define BITBENCH_PROTOCOLS_NUMPY_DRAW_H

#include <stddef.h>
#include <stdint.h>

/* Both reorder, in place, each class's rows (ascending on entry; class c owns rows[start[c] ..
 * start[c + 1])) into drawn order; the k-shot set of a class is its first k. */

/* big_vision's fewshot_lsr: one default_rng(draw), permutation() of each class in turn. */
void numpy_draw_big_vision(size_t *rows, const size_t *start, size_t n_classes, uint64_t draw);
/* big_transfer's JAX and TF2 input pipeline: np.random.seed(draw), then choice(rows, k,
 * replace=False) for each class in turn. draw < 2^32. */
void numpy_draw_bit_jax(size_t *rows, const size_t *start, size_t n_classes, uint64_t draw);

#endif
