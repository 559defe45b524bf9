/* Plots through gnuplot (started by posix_spawn, no shell). Beside the picture stay the data file
 * (.dat) and the script (.gp) that made it; `gnuplot FILE.gp` in their folder draws it again. */
#ifndef BITBENCH_RESULTS_PLOT_H
#define BITBENCH_RESULTS_PLOT_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct record_list;

/* Knobs go by their key or by the head that tables give them ("regime.k" or "shots"). */
struct plot_opts {
    /* Knob or metric; NULL = regime.k where it varies, else the first number that varies, else
     * model; a number with more than 12 values goes before shots. */
    const char *x;
    const char *y; /* metric; NULL = top1 */
    /* The knob that makes the lines; NULL = the model where it varies. What else varies always
     * makes lines of its own, so that a line never mixes settings. */
    const char *by;
    const char *facet; /* knob that makes the panels; NULL = data set where that varies */
    /* [n_where] "KNOB=VALUE": only these cells; values of one knob are alternatives. */
    const char *const *where;
    size_t n_where;
    const char *title;   /* NULL = made from what is constant */
    const char *gnuplot; /* program; NULL = "gnuplot" on PATH */
};
/* Writes path (.svg, .png or .pdf by ending) and its .dat and .gp. Every replicate is a point, the
 * median is the line; x is logarithmic when its numbers are positive and span a factor of 4 or
 * more; a knob of words makes rows of points. Full-data cells of the same model, data set and
 * preprocessing stand beside shots as a dashed line; cells that fit nowhere are left out, which
 * note() says. ERR_USAGE for unknown names (near matches named), nothing left to draw or more lines
 * than can be told apart. No gnuplot: ERR_ABSENT saying how to get it, with data and script written
 * all the same. What gnuplot complains of is in the error. */
int plot_write(const struct record_list *l, const struct plot_opts *o, const char *path,
               struct err *e);

/* "gnuplot 5.4 patchlevel 4" into text when the program (NULL: gnuplot on PATH) runs. */
bool plot_gnuplot_version(const char *gnuplot, char *text, size_t cap);

#endif
