/* Difference hashes of images, and pairs of images whose hashes are nearly the same: scaled,
 * re-encoded or slightly changed copies. */
#ifndef BITBENCH_DATASETS_DHASH_H
#define BITBENCH_DATASETS_DHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/tensor.h"

struct err;
struct pool;

/* 64 bits: the image's luma (299 R + 587 G + 114 B) averaged over 8 rows of 9 cells, whose edges
 * are c * width / 9 and r * height / 8 cut to whole numbers and at least a pixel apart; a bit, row
 * by row, the highest first, is 1 where a cell is brighter than its left neighbour. Whole numbers
 * throughout. The idea is Krawetz's ("Kind of Like That", 2013). */
uint64_t dhash(const struct image *im);

enum {
    DHASH_NEAR = 4, /* bits */
    DHASH_PARTS = 3
};

struct dhash_item {
    uint64_t hash;
    uint32_t image; /* the caller's number */
    uint8_t part;   /* 0..DHASH_PARTS - 1: train, val, test */
};
struct dhash_pair {
    uint32_t a, b; /* images */
    unsigned distance;
};
struct dhash_near {
    uint64_t n_within, n_across; /* pairs in one part, pairs of two */
    struct dhash_pair *pairs;    /* [n_pairs] some of them, those across first; owned */
    size_t n_pairs;
    uint64_t n_comparisons; /* what it took, or would take */
    bool too_many;          /* nothing was compared: too many hashes share their bits */
};

/* All pairs of items whose hashes differ in at most DHASH_NEAR bits, and up to most_pairs of them
 * by name. Two such hashes agree in at least one of five groups of bits, so only those that share
 * one are compared. Sorts the items. The result does not depend on the threads. ERR_INTERRUPTED. */
int dhash_find_near(struct dhash_near *out, struct dhash_item *items, size_t n, size_t most_pairs,
                    struct pool *pool, struct err *e);
void dhash_near_release(struct dhash_near *out);

#endif
