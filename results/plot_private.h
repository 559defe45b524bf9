/* Shared by the files of the plot: a figure as plain numbers and texts, and what draws it. */
#ifndef BITBENCH_RESULTS_PLOT_PRIVATE_H
#define BITBENCH_RESULTS_PLOT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include "harness/base/str.h"

struct err;
struct plot_opts;
struct report;
struct series_group;

struct text_list {
    char **items; /* [n] owned */
    size_t n, cap;
};
/* Appends text unless it is there; *index gets its place. */
int text_list_add(struct text_list *l, const char *text, size_t *index, struct err *e);
void text_list_release(struct text_list *l);

/* ---- what can be plotted: the groups that are left, and the axes ---- */

/* The chosen values of a group. */
struct sample {
    const struct series_group *group;
    double *values; /* [n_finite] owned */
    size_t n, n_finite;
    double median;
    bool on_axis; /* has a place on the x axis */
    double x;     /* the number, where the axis has numbers */
};
struct selection_axes {
    struct sample *samples; /* [n] owned, in the order of the groups */
    size_t n;
    const char *metric, *x, *by, *facet; /* keys (x: or a metric); by and facet may be NULL */
    bool x_is_metric, x_is_number;
};
/* Applies where, finds the axes. Errors as plot_write. */
int axes_init(struct selection_axes *a, const struct report *r, const struct plot_opts *o,
              struct err *e);
void axes_release(struct selection_axes *a);
/* Appends a group's value of a knob as it is shown; the model as report names it. */
void axes_value(const struct sample *s, const char *key, struct str *out);

/* ---- the figure ---- */

/* The replicates of one group at one place of the x axis; borrowed from its sample. */
struct figure_point {
    double x;             /* a number, or the index of a category */
    const double *values; /* [n] finite */
    size_t n;
    double median; /* of all replicates; may be infinite: then it is not drawn */
    const struct series_group *group;
};
struct figure_line {
    size_t panel, label;         /* indices into figure.panels, figure.labels */
    struct figure_point *points; /* [n] owned, x ascends */
    size_t n, cap;
    bool has_reference;
    double reference; /* median of the cells that stand beside this line */
};
struct figure {
    struct str title, subtitle, x_title, y_title, reference_title;
    struct text_list panels;     /* one with an empty name where there are no facets */
    struct text_list labels;     /* of lines; one empty text where nothing makes lines */
    struct text_list categories; /* of the x axis; none where x is a number */
    struct figure_line *lines;   /* [n] owned */
    size_t n, cap;
    double scale;                    /* of values, as drawn: 100 for shares */
    size_t n_not_finite, n_left_out; /* values; groups */
};
/* a must outlive f. Errors as plot_write; ERR_FORMAT when two protocols meet in one point. */
int figure_init(struct figure *f, const struct selection_axes *a, const char *title, struct err *e);
void figure_release(struct figure *f);

/* ---- gnuplot's files ---- */

/* Where the files are: names relative to their folder ("./shots.svg"), which begin with "./" so
 * that gnuplot takes no part of them for a pipe or an option. */
struct plot_files {
    struct str folder, picture, data, script; /* names */
    struct str data_path, script_path;
    enum plot_kind { PLOT_SVG,
                     PLOT_PNG,
                     PLOT_PDF } kind;
};
int plot_files_init(struct plot_files *p, const char *path, struct err *e);
void plot_files_release(struct plot_files *p);

/* The data file. Each line has a block of its replicates and one of its medians, in this order, but
 * for those that would be empty; blocks count from 0. */
size_t figure_count_values(const struct figure_line *line);
size_t figure_count_medians(const struct figure_line *line);
void plot_data_text(const struct figure *f, const struct plot_files *p, const char *metric,
                    struct str *out);

/* ---- layout ---- */

/* In pixels of the picture. */
enum {
    FONT = 15,
    CHARACTER = 8, /* mean width at that size, on the safe side */
    LINE = 22,     /* height of a line of text */
    SIDE = 24,     /* free space at the edges */
    KEY_LINE = 32, /* a line in the legend */
    TITLE_FONT = 18,
    SMALL_FONT = 13,
};

struct plot_layout {
    size_t width, height, n_cols, n_rows; /* of the picture; of panels */
    size_t left, top, panel_w, panel_h;   /* the first panel */
    size_t gap_w, gap_h, panel_title;     /* between panels */
    size_t x_title, key_top;              /* below the panels: middle of the title; the legend */
    double low, high, step;               /* the axis of values, as drawn */
    double x_low, x_high;
    bool log_x;
};
void plot_layout_init(struct plot_layout *l, const struct figure *f);
/* The bytes of text that stand in one line at that font, up to a space where it is longer. */
size_t plot_line_length(const struct plot_layout *l, const char *text, size_t font);
/* The legend: lines, where there are several, then the reference. */
size_t figure_n_keys(const struct figure *f);
const char *figure_key(const struct figure *f, size_t i);
/* Entry i of the legend: its left edge, and its row. */
void plot_key_place(const struct plot_layout *l, const struct figure *f, size_t i, size_t *x,
                    size_t *row);

void plot_script_text(const struct figure *f, const struct plot_files *p, struct str *out);
/* Appends text as gnuplot takes it literally: cleaned (table_clean), in single quotes. */
void plot_quote(struct str *out, const char *text);
/* The same for a file's name, which must not change: without line breaks, not cleaned. */
void plot_quote_name(struct str *out, const char *name);
/* The same for labels of tics, which go through a format: per cent signs are doubled. */
void plot_quote_tic(struct str *out, const char *text);

/* Draws the picture of the files, which are written already, at path: gnuplot writes into a
 * temporary file, which then takes the picture's name. */
int plot_draw(const struct plot_files *p, const char *gnuplot, const char *path, struct err *e);
/* Runs the script with the picture going to the file `output` (absolute), 0 when all went well. */
int plot_run(const char *gnuplot, const struct plot_files *p, const char *output, struct err *e);

#endif
