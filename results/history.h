/* One metric over commits: each run directory or pack a point, each protocol and model a series. */
#ifndef BITBENCH_RESULTS_HISTORY_H
#define BITBENCH_RESULTS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct history_value {
    size_t n;                /* replicates; 0: the point has no such cell */
    double value, low, high; /* mean, 95 % interval: of t over replicates; of one cell's top-1
                                Wilson's, over test images; else nan */
    bool change;             /* a new level begins here */
    double step;             /* from the level before, where it does */
};
struct history_series {
    char *name;                   /* what tells it from the others */
    char *protocol, *model;       /* model: its name, since a commit may change weights */
    struct history_value *values; /* [n_points] */
};
struct history_point {
    char *path, *commit, *branch, *time; /* owned; labels, "" where there are none */
    double seconds;                      /* time as seconds since 1970; nan */
};
struct history {
    struct history_point *points; /* in order of time where all have one, else as given */
    size_t n_points;
    struct history_series *series; /* [n_series] in order of appearance */
    size_t n_series, cap;
    char metric[32];
    size_t n_damaged;
};
/* paths: run directories, packs, or folders that hold some. Change points: changes.h. ERR_USAGE
 * where nothing has the metric. */
int history_init(struct history *h, const char *const *paths, size_t n, const char *metric,
                 struct err *e);
void history_release(struct history *h);

/* Draws it (.svg, .png or .pdf) through gnuplot; data and script stay beside the picture, as for
 * plot_write. */
int history_plot(const struct history *h, const char *path, struct err *e);

#endif
