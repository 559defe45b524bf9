/* Where the level of a series changes. */
#ifndef BITBENCH_RESULTS_CHANGES_H
#define BITBENCH_RESULTS_CHANGES_H

#include <stddef.h>

struct err;

struct changes {
    double sigma;   /* noise of one point, from first differences; 0: the series is constant */
    double penalty; /* of one change: 2 sigma^2 ln n */
    double cost;    /* squares within segments + penalties */
    size_t *at;     /* [n] ascending: a new level begins at this point; owned */
    size_t n;
};
/* x [n], n >= 1. Segments have at least two points; among equal costs the earliest last change.
 * Takes n^2 steps. */
int changes_find(struct changes *c, const double *x, size_t n, struct err *e);
void changes_release(struct changes *c);

#endif
