/* A history as a picture: the points in order, each series a line with its intervals, a new level
 * marked by an upright line in the series' colour. */
#include "results/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/plot_private.h"
#include "results/view.h"

enum { MOST_SERIES = 12,
       WIDTH = 960,
       HEIGHT = 480,
       KEY_HEIGHT = 22,
       MOST_TICS = 40 };

/* Okabe and Ito's palette, as in plots. */
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                      "#E69F00", "#56B4E9", "#000000"};

static const char *colour(size_t i)
{
    return colours[i % ARRAY_LEN(colours)];
}

/* Blocks: a series each, place, value, low, high. */
static void add_data(const struct history *h, double scale, struct str *out)
{
    str_addf(out, "# %s: place, value, low, high; a block a series\n", h->metric);
    for (size_t s = 0; s < h->n_series; s++) {
        str_add(out, s ? "\n\n# " : "# ");
        str_add(out, h->series[s].name);
        str_add(out, "\n");
        for (size_t i = 0; i < h->n_points; i++) {
            const struct history_value *v = &h->series[s].values[i];
            if (!v->n || !isfinite(v->value)) {
                continue;
            }
            bool interval = isfinite(v->low) && isfinite(v->high);
            str_addf(out, "%zu %.10g %.10g %.10g\n", i, scale * v->value,
                     scale * (interval ? v->low : v->value),
                     scale * (interval ? v->high : v->value));
        }
    }
    str_add(out, "\n");
}

static void add_terminal(const struct plot_files *p, size_t height, struct str *out)
{
    switch (p->kind) {
    case PLOT_SVG:
        str_addf(out, "set terminal svg size %d,%zu noenhanced font 'sans-serif,%d' background "
                      "'#ffffff'\n",
                 WIDTH, height, FONT);
        break;
    case PLOT_PNG:
        str_addf(out, "set terminal png truecolor size %d,%zu noenhanced\n", WIDTH, height);
        break;
    case PLOT_PDF:
        str_addf(out, "set terminal pdfcairo size %.2fin,%.2fin noenhanced\n", WIDTH / 100.0,
                 (double)height / 100);
        break;
    }
}

/* Commits in short, else the last part of the path; not all where they are many. */
static void add_tics(const struct history *h, struct str *out)
{
    size_t every = (h->n_points + MOST_TICS - 1) / MOST_TICS;
    str_add(out, "set xtics (");
    for (size_t i = 0; i < h->n_points; i += every) {
        const struct history_point *p = &h->points[i];
        const char *slash = strrchr(p->path, '/');
        struct str text = {0};
        str_addf(&text, "%.9s", *p->commit ? p->commit : slash ? slash + 1
                                                               : p->path);
        str_add(out, i ? ", " : "");
        plot_quote_tic(out, str_text(&text));
        str_addf(out, " %zu", i);
        str_release(&text);
    }
    str_add(out, ") rotate by -60 noenhanced\n");
}

static void add_marks(const struct history *h, size_t n_series, struct str *out)
{
    for (size_t s = 0; s < n_series; s++) {
        for (size_t i = 0; i < h->n_points; i++) {
            if (h->series[s].values[i].change) {
                str_addf(out,
                         "set arrow from %zu.5, graph 0 to %zu.5, graph 1 nohead dashtype 2 "
                         "linecolor rgb '%s'\n",
                         i - 1, i - 1, colour(s));
            }
        }
    }
}

static void add_script(const struct history *h, const struct plot_files *p, struct str *out)
{
    size_t n = h->n_series < MOST_SERIES ? h->n_series : MOST_SERIES;
    struct view_metric view = view_metric(h->metric);
    str_addf(out, "# %s over commits\nif (!exists('picture')) picture = ", h->metric);
    plot_quote_name(out, str_text(&p->picture));
    str_add(out, "\n");
    add_terminal(p, HEIGHT + n * KEY_HEIGHT, out);
    str_addf(out, "set output picture\nset encoding utf8\nset key below maxcols 1 left noenhanced\n"
                  "set ylabel '%s%s%s'\nset xrange [-0.5:%zu.5]\nset grid ytics linecolor rgb "
                  "'#d0d0d0'\nset border 3\nset tics nomirror\n",
             view.title, *view.unit ? " " : "", view.unit, h->n_points - 1);
    add_tics(h, out);
    add_marks(h, n, out);
    for (size_t s = 0; s < n; s++) {
        str_add(out, s ? ", \\\n    " : "plot ");
        plot_quote_name(out, str_text(&p->data));
        str_addf(out,
                 " index %zu using 1:2:3:4 with yerrorbars pointtype 7 pointsize 0.4 linecolor "
                 "rgb '%s' notitle, '' index %zu using 1:2 with lines linewidth 2 linecolor "
                 "rgb '%s' title ",
                 s, colour(s), s, colour(s));
        plot_quote(out, h->series[s].name);
    }
    str_add(out, "\nset output\n");
}

int history_plot(const struct history *h, const char *path, struct err *e)
{
    struct plot_files p;
    struct str data = {0}, script = {0};
    if (plot_files_init(&p, path, e)) {
        return -1;
    }
    add_data(h, view_metric(h->metric).scale, &data);
    add_script(h, &p, &script);
    int rc = str_check(&data, e) || str_check(&script, e) ||
                     file_write(str_text(&p.data_path), data.data, data.len, e) ||
                     file_write(str_text(&p.script_path), script.data, script.len, e) ||
                     plot_draw(&p, NULL, path, e)
                 ? -1
                 : 0;
    str_release(&data);
    str_release(&script);
    plot_files_release(&p);
    return rc;
}
