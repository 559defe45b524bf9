/* Features of the images of a split: from the content-addressed cache, or computed and put there.
 */
#ifndef BITBENCH_PROTOCOLS_FEATURES_H
#define BITBENCH_PROTOCOLS_FEATURES_H

#include <stddef.h>

struct err;
struct group;
struct preprocess;
struct split;

/* x [n_rows, d] for the positions rows [n_rows] of the split (NULL: all, in order), caller frees.
 * Every position is computed once at most. logits [n_rows, n_classes] too when logits is not NULL.
 */
int features_get(struct group *g, const struct split *s, const size_t *rows, size_t n_rows,
                 const struct preprocess *p, float **x, size_t *d, float **logits, struct err *e);

#endif
