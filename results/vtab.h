/* VTAB's 19 tasks and their two averages: over tasks, and over the means of the three groups. Both
 * are in use, and differ by points (Zhai et al., arXiv 1910.04867). */
#ifndef BITBENCH_RESULTS_VTAB_H
#define BITBENCH_RESULTS_VTAB_H

#include <stddef.h>

enum vtab_group { VTAB_NATURAL,
                  VTAB_SPECIALIZED,
                  VTAB_STRUCTURED,
                  VTAB_GROUPS };
enum { VTAB_TASKS = 19 };

struct vtab_task {
    const char *dataset; /* the data set's name */
    const char *title;   /* as in VTAB's leaderboard */
    enum vtab_group group;
};
extern const struct vtab_task vtab_tasks[VTAB_TASKS]; /* in the order of the leaderboard's file */
const char *vtab_group_name(enum vtab_group g);       /* "natural" ... */
/* The task of a data set, or VTAB_TASKS. */
size_t vtab_find(const char *dataset);

/* How many of n test images the leaderboard's numbers were computed on: the first ones up to a
 * multiple of 8, and 632 of KITTI's 711. */
size_t vtab_scored(const char *dataset, size_t n);

struct vtab_mean {
    size_t n_tasks; /* that have a value */
    /* nan unless all tasks have one */
    double tasks, groups;       /* mean of 19; mean of the group means */
    double tasks_se, groups_se; /* standard errors from the test images alone */
    double group[VTAB_GROUPS];  /* nan unless the whole group is there */
};
/* accuracy [VTAB_TASKS] as shares, nan where there is none; n [VTAB_TASKS] test images. */
void vtab_mean(const double *accuracy, const size_t *n, struct vtab_mean *out);

#endif
