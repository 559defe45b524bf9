/* Tables of what is stored. Averages only over replicates (draw, seed); every other difference
 * between cells is a column of its own. */
#ifndef BITBENCH_RESULTS_REPORT_H
#define BITBENCH_RESULTS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include "results/stats.h"
#include "results/table.h"

struct err;
struct record;
struct record_list;
struct str;

/* Cells equal in protocol and subject signature. */
struct series_group {
    const struct record *first;    /* the first member, or a failed cell where none is finished */
    const struct record **members; /* [n] finished cells, each replicate once, in its order */
    size_t n;
    const struct record **cells; /* [n_cells] all cells, with failed ones and repeated replicates */
    size_t n_cells, n_failed;
    const char *model; /* as shown: with the weights' hash where two subjects share the name */
    char letter[8];    /* names the protocol signature below the table: a, b, ... */
};
struct report {
    struct series_group *groups; /* sorted by data set, model, varying knobs, signature */
    size_t n;
    char **varying; /* keys of knobs that differ between groups, owned: first the main ones
                       (view_role) with several values, in the order of the knobs; then others that
                       do not follow from these */
    size_t n_varying;
    const struct record **cells; /* [n_cells] all cells, in the order of groups and replicates;
                                    those that failed before they had a signature come last */
    size_t n_cells, n_failed;
    /* Cells that repeat a replicate of another one (knobs may differ that change no score), and
     * those of them that came out differently; only the first of each is averaged. */
    size_t n_repeats, n_conflicts;
    const struct record **pool; /* what the groups' members and cells point into */
    char **models;              /* [n] what the groups' model points to */
};
/* The records must outlive r. Groups, order and letters do not depend on the records' order. */
int report_init(struct report *r, const struct record_list *l, struct err *e);
void report_release(struct report *r);

/* The metric's values of a group's members, in their order, those that have one; the caller frees.
 */
int report_values(const struct series_group *g, const char *metric, double **v, size_t *n,
                  struct err *e);
/* ERR_USAGE with near matches when no finished cell has the metric (and there is one at all). */
int report_check_metric(const struct report *r, const char *metric, struct err *e);
/* keys (owned, from mem_take) that differ among `n` groups, as for report.varying. */
int report_varying(const struct series_group *const *groups, size_t n, char ***keys, size_t *n_keys,
                   struct err *e);

/* One row a group: data set, model, varying knobs, n replicates, median, min, max, mean and half
 * the width of the 95 % interval of the mean (both blank for one replicate), test n ("21/12150"
 * where the test set is not whole), signature letter; failed cells where there are some. Shares are
 * shown in per cent. */
int report_table(const struct report *r, const char *metric, struct table *t, struct err *e);
/* One row a cell, for programs: run_id, status, every knob, every metric at full precision, labels,
 * signature, hashes, message. Without times and machines, so that equal results are equal texts. */
int report_cells(const struct report *r, struct table *t, struct err *e);

struct report_plot {
    const char *title, *svg; /* the text of an svg file */
};
struct report_run_file {
    const char *dir, *name, *text; /* "run.yaml" */
};
struct report_opts {
    const char *metric;
    enum table_format format;
    const struct report_plot *plots; /* html only */
    size_t n_plots;
    const struct report_run_file *run_files; /* html only: how to make it again */
    size_t n_run_files;
};
/* Appends the whole report. csv: report_cells alone (metric does not matter). Others: a table for
 * each data set and adaptation with the columns that vary there, signatures, failed cells, how it
 * was made. latex is a fragment for \input (package booktabs), html one page without outside parts.
 */
int report_render(const struct report *r, const struct report_opts *o, struct str *out,
                  struct err *e);

#endif
