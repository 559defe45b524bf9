/* Tables of what is stored. Averages only over replicates (draw, seed); every other difference
 * between cells is a column of its own. */
#ifndef BITBENCH_RESULTS_REPORT_H
#define BITBENCH_RESULTS_REPORT_H

#include <stddef.h>
#include "results/stats.h"
#include "results/table.h"

struct err;
struct record;
struct record_list;
struct str;

/* Cells that differ only in replicate, in the order of their first member. */
struct series_group {
    const struct record *first;
    const struct record **members; /* [n] owned array of borrowed records, by replicate */
    size_t n;
    size_t n_failed;
    char letter[8]; /* names the protocol signature below the table: a, b, ... */
};
struct report {
    struct series_group *groups;
    size_t n;
    char **varying;   /* knob names that differ between groups (replicate knobs left out), owned */
    size_t n_varying;
};
int report_init(struct report *r, const struct record_list *l, struct err *e);
void report_release(struct report *r);
/* One row a group: model, data set, varying knobs, n replicates, median, min, max, mean +- half width
 * of the 95 % interval (per cent points of the metric), test n, signature letter. */
int report_table(const struct report *r, const char *metric, struct table *t, struct err *e);
/* The whole report in a format: title, tables, signatures, failed cells, how it was made. svgs: texts of
 * plots to embed (html only). */
struct report_plot {
    const char *title, *svg;
};
int report_render(const struct report *r, const char *metric, enum table_format f, const struct report_plot *plots, size_t n_plots, struct str *out, struct err *e);

#endif
