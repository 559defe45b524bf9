/* Batches: all threads read, decode and transform straight into the rows of one tensor. */
#ifndef BITBENCH_DATASETS_LOADER_H
#define BITBENCH_DATASETS_LOADER_H

#include <stddef.h>

struct err;
struct pool;
struct preprocess;
struct split;
struct tensor;
struct loader;

/* p must be resolved. rows [n_rows] are positions in the split, in the order wanted (NULL: all,
 * in canonical order; n_rows is then not read). split, p and rows stay valid while the loader is
 * open. Without resizing (PREPROCESS_NONE) and with a data set of mixed sizes, the first image
 * tells the size of all. */
int loader_open(struct loader **l, const struct split *s, const size_t *rows, size_t n_rows,
                const struct preprocess *p, struct pool *pool, struct err *e);
void loader_close(struct loader *l); /* accepts NULL */
/* Size of every input image. */
void loader_shape(const struct loader *l, size_t *h, size_t *w);
/* Fills data (room for max_n images, [max_n,h,w,3]) with the next images and makes x its view;
 * x->n says how many: the last batch is short, 0 at the end. An image that cannot be read is an
 * error with its id; of several in a batch the first by position, whatever the threads do. */
int loader_next(struct loader *l, float *data, size_t max_n, struct tensor *x, struct err *e);

#endif
