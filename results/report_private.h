/* Shared by the files of the report. */
#ifndef BITBENCH_RESULTS_REPORT_PRIVATE_H
#define BITBENCH_RESULTS_REPORT_PRIVATE_H

#include <stdbool.h>
#include "results/report.h"

/* The groups of one data set, regime kind and adaptation. */
struct report_section {
    const struct series_group **groups; /* [n] owned */
    size_t n;
    char **varying; /* [n_varying] owned */
    size_t n_varying;
};
struct report_sections {
    struct report_section *items;
    size_t n;
};
int report_sections_init(struct report_sections *s, const struct report *r, struct err *e);
void report_sections_release(struct report_sections *s);

/* Appends a group's value of a knob as it is shown; the model as g->model. */
void report_group_value(const struct series_group *g, const char *key, struct str *out);
/* Into *follows: do the groups that agree in all of mains [n_mains] agree in key too? */
int report_follows(const struct series_group *const *groups, size_t n, const char *const *mains,
                   size_t n_mains, const char *key, bool *follows, struct err *e);

/* The table of one section: model and what varies, then the columns of report_table. */
int report_section_table(const struct report_section *s, const char *metric, struct table *t,
                         struct err *e);
/* Appends "fashion-mnist: few-shot, ridge regression". */
void report_section_title(const struct report_section *s, struct str *out);
/* Appends what all groups of the section share: "rule nested, l2 by loo, size 32, ...". */
void report_section_constants(const struct report_section *s, struct str *out);

/* A provenance entry's values among all cells: "2" or "2 (60 cells), 1 (3 cells)". Appends nothing
 * where no cell has it. */
int report_provenance(const struct report *r, const char *key, struct str *out, struct err *e);
/* The provenance entries that are shown: key and what it is called. */
struct report_entry {
    const char *key, *name;
};
extern const struct report_entry report_entries[];
extern const size_t report_entries_n;

/* How the numbers are made, one sentence a line, NULL at the end. */
extern const char *const report_notes[];
/* Appends "63 cells, 2 failed" and what else must be said of all cells. */
void report_counts(const struct report *r, struct str *out);

/* Is group g the first of those with its protocol, or with its subject? */
bool report_first_of_protocol(const struct report *r, size_t g);
bool report_first_of_subject(const struct report *r, size_t g);

/* Appends the text of an svg file as an element of an html page, ids made unique by the index. */
void report_add_svg(struct str *out, const char *svg, const char *title, size_t index);
/* Appends a small picture of a group's values between low and high: points, range, median. */
int report_add_strip(struct str *out, const struct series_group *g, const char *metric, double low,
                     double high, struct err *e);

/* The page. */
int report_html(const struct report *r, const struct report_sections *s,
                const struct report_opts *o, struct str *out, struct err *e);

#endif
