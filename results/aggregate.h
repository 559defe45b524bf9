/* Scores over replicates and over VTAB's tasks, with where their uncertainty comes from. */
#ifndef BITBENCH_RESULTS_AGGREGATE_H
#define BITBENCH_RESULTS_AGGREGATE_H

#include <stdbool.h>
#include <stddef.h>
#include "results/stats.h"
#include "results/vtab.h"

struct err;
struct record;
struct record_list;

/* Shares of the variance of one score; nan where there are not the replicates to tell. */
struct aggregate_shares {
    double draw, seed, sampling; /* the choice of training images, the seed, the test images */
};

/* Cells equal in protocol and subject. */
struct aggregate_series {
    const struct record *first;
    const struct record **members; /* [n] by replicate; owned list */
    double *values;                /* [n] owned */
    size_t n, n_test;
    struct summary summary;
    double sampling_se; /* of one score, from the choice of test images */
    struct aggregate_shares shares;
};

/* Series of the 19 tasks that are equal in model, training images and adaptation. */
struct aggregate_vtab {
    char *name; /* "vtab-1000, ridge:..., MODEL"; owned */
    struct vtab_mean mean;
    size_t n_replicates, n_most;                    /* that all tasks have; that some task has */
    double tasks_replicate_se, groups_replicate_se; /* nan with fewer than two */
    struct aggregate_shares shares;                 /* of the mean over tasks */
};

struct aggregate {
    struct aggregate_series *series;
    size_t n_series;
    struct aggregate_vtab *vtab;
    size_t n_vtab;
};
/* top-1 accuracy of the finished cells that have one; as_leaderboard needs outcomes. The records
 * must outlive a. */
int aggregate_init(struct aggregate *a, const struct record_list *l, bool as_leaderboard,
                   struct err *e);
void aggregate_release(struct aggregate *a);

#endif
