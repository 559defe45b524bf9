/* The images of paired cells, by id: outcomes of both sides in one order, as differences. */
#ifndef BITBENCH_RESULTS_ALIGNMENT_H
#define BITBENCH_RESULTS_ALIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cell_pair;
struct err;
struct paired_set;

/* One prediction that differs. */
struct changed_image {
    size_t pair;               /* of those given */
    size_t position;           /* in the order of the first base cell */
    size_t row_base, row_cand; /* in the two cells' outcomes */
};

struct alignment {
    struct changed_image *changed; /* predictions that differ, pair by pair, in order */
    size_t n_changed;
    size_t n_scores; /* cells whose stored scores differ although every prediction is the same */
};

/* Fills set (its name is the caller's) from pairs [n_pairs] that differ in the replicate only.
 * most: how many images count, in order; 0 = all. Draws are blocks where there are several, else
 * each cell is one. ERR_USAGE when a cell has no outcomes or the test sets differ: in size, in ids,
 * in the label of an id. */
int alignment_init(struct alignment *a, struct paired_set *set, const struct cell_pair *pairs,
                   size_t n_pairs, size_t most, struct err *e);
void alignment_release(struct alignment *a);

#endif
