/* Plots through gnuplot (started by posix_spawn, no shell). Beside the picture stay the data file
 * (.dat) and the script (.gp) that made it. */
#ifndef BITBENCH_RESULTS_PLOT_H
#define BITBENCH_RESULTS_PLOT_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct record_list;

struct plot_opts {
    const char *x;       /* knob; NULL = chosen: regime.k if it varies, else the first numeric knob that varies, else model */
    const char *y;       /* metric; NULL = top1 */
    const char *by;      /* knob that makes the lines; NULL = model where that varies, else adapt.name ... */
    const char *facet;   /* knob that makes the panels; NULL = data set where that varies */
    const char *const *where; /* [n_where] "KNOB=VALUE": only these cells */
    size_t n_where;
    const char *title;   /* NULL = made from what is constant */
    const char *gnuplot; /* program; NULL = "gnuplot" on PATH */
};
/* Writes path (.svg, .png or .pdf by extension) and its .dat and .gp. Every replicate is a point, the
 * median is the line, x is logarithmic when it is a positive number knob spanning a factor of 4 or more.
 * No gnuplot: ERR_ABSENT saying how to get it, with data and script written all the same. */
int plot_write(const struct record_list *l, const struct plot_opts *o, const char *path, struct err *e);

/* "gnuplot 5.4 patchlevel 4" into text when the program (NULL: gnuplot on PATH) runs. */
bool plot_gnuplot_version(const char *gnuplot, char *text, size_t cap);

#endif
