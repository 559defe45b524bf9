/* Regimes: which training images a cell may see. */
#ifndef BITBENCH_PROTOCOLS_REGIME_H
#define BITBENCH_PROTOCOLS_REGIME_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct run_spec;
struct split;

/* The split that training images come from; NULL for a regime without training. */
const char *regime_split(const struct run_spec *s);

/* Positions in the training split, in the order of training; the caller frees *rows. A class with
 * fewer than k images: kshot fails naming the class for bit-jax, gives what there is for the other
 * rules, *n_short counts such classes. */
int regime_rows(const struct run_spec *s, const struct split *train, size_t n_classes,
                size_t **rows, size_t *n, size_t *n_short, struct err *e);
/* The few-shot rules on a bare label vector (for tests): draw and k as in run_spec. */
int regime_kshot(const char *rule, const int32_t *labels, size_t n_labels, size_t n_classes,
                 size_t k, uint64_t draw, size_t **rows, size_t *n, size_t *n_short, struct err *e);

#endif
