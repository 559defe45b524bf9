/* The script for gnuplot. The layout is computed here, in
 * pixels of the whole picture; the script gets shares of it, so that panels line up whatever the
 * widths of labels are. Texts are placed in single quotes, where gnuplot evaluates nothing, and
 * with `noenhanced`, so that _ ^ {} are themselves. */
#include "results/plot_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/tensor.h"
#include "results/table.h"

/* Okabe and Ito's palette for all kinds of colour vision (Color Universal Design, 2008), without
 * its yellow, which is pale on white, and black last. */
static const char *const colours[] = {"0072B2", "D55E00", "009E73", "CC79A7",
                                      "E69F00", "56B4E9", "000000"};
/* gnuplot's filled circle, square, triangle, diamond, pentagon, triangle down. */
static const int marks[] = {7, 5, 9, 13, 15, 11};
static const int dashes[] = {1, 4, 3};
static const char grey[] = "#7A838C";

void plot_quote_name(struct str *out, const char *name)
{
    str_add_char(out, '\'');
    for (; *name; name++) {
        str_add(out, *name == '\'' ? "'" : "");
        str_add_char(out, *name);
    }
    str_add_char(out, '\'');
}

void plot_quote(struct str *out, const char *text)
{
    struct str clean = {0};
    table_clean(&clean, text);
    plot_quote_name(out, str_text(&clean));
    out->failed = out->failed || clean.failed;
    str_release(&clean);
}

void plot_quote_tic(struct str *out, const char *text)
{
    struct str doubled = {0};
    for (; *text; text++) {
        str_add(&doubled, *text == '%' ? "%" : "");
        str_add_char(&doubled, *text);
    }
    plot_quote(out, str_text(&doubled));
    out->failed = out->failed || doubled.failed;
    str_release(&doubled);
}

/* ---- the script ---- */

/* A place in pixels from the upper left, as gnuplot's screen coordinates. */
static void at(struct str *out, const struct plot_layout *l, double x, double y)
{
    str_addf(out, "screen %.5f, screen %.5f", x / (double)l->width, 1 - y / (double)l->height);
}

static void label(struct str *out, const struct plot_layout *l, double x, double y,
                  const char *text, const char *how)
{
    str_add(out, "set label ");
    plot_quote(out, text);
    str_add(out, " at ");
    at(out, l, x, y);
    str_addf(out, " noenhanced %s\n", how);
}

/* A text broken into lines below *y, which moves on. */
static void paragraph(struct str *out, const struct plot_layout *l, double *y, const char *text,
                      size_t font, size_t height, const char *how)
{
    struct str line = {0};
    while (*text) {
        size_t n = plot_line_length(l, text, font);
        str_clear(&line);
        str_add_n(&line, text, n);
        *y += (double)height;
        label(out, l, SIDE, *y - (double)height / 2, str_text(&line), how);
        text += n + strspn(text + n, " ");
    }
    out->failed = out->failed || line.failed;
    str_release(&line);
}

static const char *colour(size_t i)
{
    return colours[i % ARRAY_LEN(colours)];
}

static void add_terminal(const struct plot_layout *l, enum plot_kind kind, struct str *out)
{
    switch (kind) {
    case PLOT_SVG:
        str_addf(
            out,
            "set terminal svg size %zu,%zu noenhanced font 'sans-serif,%d' background '#ffffff'\n",
            l->width, l->height, FONT);
        break;
    case PLOT_PNG: /* two pixels for each */
        str_addf(
            out,
            "if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
            "    set terminal pngcairo size %zu,%zu noenhanced font 'sans-serif,%d' fontscale 1.5 "
            "linewidth 2 pointscale 2 background '#ffffff'\n"
            "} else {\n"
            "    set terminal png truecolor size %zu,%zu noenhanced font 'sans,%d' linewidth 2 "
            "background "
            "'#ffffff'\n}\n",
            2 * l->width, 2 * l->height, FONT, 2 * l->width, 2 * l->height, 3 * FONT / 2);
        break;
    case PLOT_PDF: /* 100 pixels an inch; at this scale fonts shrink as lengths do */
        str_addf(out,
                 "set terminal pdfcairo size %.2fin,%.2fin noenhanced font 'sans-serif,%d' "
                 "fontscale 0.54 background '#ffffff'\n",
                 (double)l->width / 100, (double)l->height / 100, FONT);
        break;
    }
}

static void add_texts(const struct figure *f, const struct plot_layout *l, struct str *out)
{
    char how[96];
    double y = 12, middle = (double)l->left + (double)(l->width - l->left - SIDE) / 2;
    double panels = (double)(l->n_rows * l->panel_h + (l->n_rows - 1) * l->gap_h);
    snprintf(how, sizeof how, "left font ',%d'", TITLE_FONT);
    paragraph(out, l, &y, str_text(&f->title), TITLE_FONT, LINE + 4, how);
    snprintf(how, sizeof how, "left font ',%d' textcolor rgb '%s'", SMALL_FONT, grey);
    paragraph(out, l, &y, str_text(&f->subtitle), SMALL_FONT, LINE - 3, how);
    const struct str *across = f->categories.n ? &f->y_title : &f->x_title;
    label(out, l, middle, (double)l->x_title, str_text(across), "center");
    if (!f->categories.n) {
        label(out, l, SIDE, (double)l->top + panels / 2, str_text(&f->y_title),
              "center rotate by 90");
    }
}

static void add_key(const struct figure *f, const struct plot_layout *l, struct str *out)
{
    for (size_t i = 0; i < figure_n_keys(f); i++) {
        bool reference = f->labels.n <= 1 || i >= f->labels.n;
        size_t left, row;
        plot_key_place(l, f, i, &left, &row);
        double x = (double)left, y = (double)(l->key_top + row * LINE) + LINE / 2.0;
        if (reference || !f->categories.n) {
            str_add(out, "set arrow from ");
            at(out, l, x, y);
            str_add(out, " to ");
            at(out, l, x + KEY_LINE, y);
            str_addf(out, " nohead linewidth %s linecolor rgb '#%s' dashtype %d\n",
                     reference ? "1.5" : "2", reference ? grey + 1 : colour(i),
                     reference ? 2 : dashes[i / ARRAY_LEN(colours) % ARRAY_LEN(dashes)]);
        }
        if (!reference) {
            str_add(out, "set label '' at ");
            at(out, l, x + KEY_LINE / 2.0, y);
            str_addf(out, " point pointtype %d pointsize 0.9 linecolor rgb '#%s'\n",
                     marks[i % ARRAY_LEN(marks)], colour(i));
        }
        label(out, l, x + KEY_LINE + 10, y, figure_key(f, i), "left");
    }
}

/* The next tic above x: each number that occurs or, where they are many, each power of ten. */
static double next_tic(const struct figure *f, bool decades, double x)
{
    double next = (double)INFINITY;
    if (decades) {
        double power = pow(10, ceil(log10(x)));
        return power > x * 1.0001 ? power : 10 * power;
    }
    for (size_t i = 0; i < f->n; i++) {
        for (size_t k = 0; k < f->lines[i].n; k++) {
            double v = f->lines[i].points[k].x;
            next = v > x && v < next ? v : next;
        }
    }
    return next;
}

static size_t count_numbers(const struct figure *f, const struct plot_layout *l)
{
    size_t n = 0;
    for (double x = l->x_low; isfinite(x = next_tic(f, false, x));) {
        n++;
    }
    return n;
}

/* Where labels would touch, the later one goes. Many numbers on a linear axis are left to gnuplot.
 */
static void add_number_tics(const struct figure *f, const struct plot_layout *l, struct str *out)
{
    bool many = count_numbers(f, l) > 12;
    const char *comma = "";
    double last = -1e9;
    struct str text = {0};
    if (many && !l->log_x) {
        str_add(out, "set xtics autofreq\n");
        return;
    }
    str_add(out, "set xtics (");
    for (double x = l->x_low; (x = next_tic(f, many, x)) < l->x_high;) {
        str_clear(&text);
        str_add_double(&text, x);
        double share = l->log_x ? log(x / l->x_low) / log(l->x_high / l->x_low)
                                : (x - l->x_low) / (l->x_high - l->x_low);
        double place = share * (double)l->panel_w, half = (double)(text.len * CHARACTER) / 2 + 5;
        bool fits = place - half > last && place + half < (double)l->panel_w + 20;
        str_addf(out, "%s'%s' %s", comma, fits ? str_text(&text) : "", str_text(&text));
        last = fits ? place + half : last;
        comma = ", ";
    }
    str_add(out, ")\n");
    out->failed = out->failed || text.failed;
    str_release(&text);
}

/* What all panels share. */
static void add_axes(const struct figure *f, const struct plot_layout *l, struct str *out)
{
    const char *value = f->categories.n ? "x" : "y", *other = f->categories.n ? "y" : "x";
    str_addf(out,
             "set border 3 linewidth 1 linecolor rgb '%s'\nset tics nomirror scale 0.4 textcolor "
             "rgb 'black'\n",
             grey);
    str_addf(out, "set grid %stics linetype 1 linewidth 1 linecolor rgb '#C8%s'\n", value,
             grey + 1);
    str_addf(out, "set %srange [%.10g:%.10g]\nset %stics %.10g\n", value, l->low, l->high, value,
             l->step);
    /* Categories count from the top. */
    str_addf(out, "set %srange [%.10g:%.10g]\n", other, f->categories.n ? l->x_high : l->x_low,
             f->categories.n ? l->x_low : l->x_high);
    if (l->log_x) {
        str_add(out, "set logscale x\nset mxtics 1\n");
    }
    if (!f->categories.n) {
        add_number_tics(f, l, out);
    }
    str_add(out, "unset key\n");
}

static void add_category_tics(const struct figure *f, bool with_names, struct str *out)
{
    str_add(out, "set ytics (");
    for (size_t c = 0; c < f->categories.n; c++) {
        str_add(out, c ? ", " : "");
        plot_quote_tic(out, with_names ? f->categories.items[c] : "");
        str_addf(out, " %zu", c);
    }
    str_add(out, ") noenhanced scale 0\n");
}

/* Lines of one category lie above one another. */
static double shift(const struct figure *f, size_t line_label)
{
    return f->labels.n > 1 ? ((double)line_label / (double)(f->labels.n - 1) - 0.5) * 0.6 : 0;
}

/* The plot command of a line's blocks, which begin at `block`; returns the number of them. */
static size_t add_line(const struct figure *f, const struct plot_files *p,
                       const struct figure_line *line, size_t block, bool *first, struct str *out)
{
    char using[64], style[160];
    size_t i = line->label, n = 0;
    int dash = dashes[i / ARRAY_LEN(colours) % ARRAY_LEN(dashes)],
        mark = marks[i % ARRAY_LEN(marks)];
    if (f->categories.n) {
        snprintf(using, sizeof using, "($2*%g):($1%+.3f)", f->scale, shift(f, i));
    } else {
        snprintf(using, sizeof using, "1:($2*%g)", f->scale);
    }
    for (int pass = 0; pass < 2; pass++) {
        bool medians = pass == 1;
        if (!(medians ? figure_count_medians(line) : figure_count_values(line))) {
            continue;
        }
        if (!medians) {
            snprintf(style, sizeof style, "points pointtype 7 pointsize 0.5 linecolor rgb '#90%s'",
                     colour(i));
        } else {
            snprintf(style, sizeof style,
                     "%s pointtype %d pointsize 0.9 linewidth 2 linecolor rgb '#%s' dashtype %d",
                     f->categories.n ? "points" : "linespoints", mark, colour(i), dash);
        }
        str_add(out, *first ? "plot " : ", \\\n    ");
        *first = false;
        plot_quote_name(out, str_text(&p->data));
        str_addf(out, " index %zu using %s with %s", block + n, using, style);
        n++;
    }
    return n;
}

static void add_panel(const struct figure *f, const struct plot_layout *l,
                      const struct plot_files *p, size_t panel, struct str *out)
{
    double x = (double)(l->left + panel % l->n_cols * (l->panel_w + l->gap_w));
    double y = (double)(l->top + panel / l->n_cols * (l->panel_h + l->gap_h));
    double w = (double)l->width, h = (double)l->height;
    bool first = true;
    str_addf(out, "\nset lmargin at screen %.5f\nset rmargin at screen %.5f\n", x / w,
             (x + (double)l->panel_w) / w);
    str_addf(out, "set tmargin at screen %.5f\nset bmargin at screen %.5f\n", 1 - y / h,
             1 - (y + (double)l->panel_h) / h);
    if (l->panel_title) {
        label(out, l, x, y - LINE / 2.0 - 2, f->panels.items[panel], "left");
    }
    bool leftmost = panel % l->n_cols == 0;
    if (f->categories.n) {
        add_category_tics(f, leftmost, out);
    } else {
        str_addf(out, "set format y '%s'\n", leftmost ? "%g" : "");
    }
    size_t block = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct figure_line *line = &f->lines[i];
        if (line->panel == panel) {
            block += add_line(f, p, line, block, &first, out);
        } else {
            block += (figure_count_values(line) != 0) + (figure_count_medians(line) != 0);
        }
        if (line->panel == panel && line->has_reference) {
            str_add(out, first ? "plot " : ", \\\n    ");
            first = false;
            str_addf(out, "%.10g with lines linewidth 1.5 linecolor rgb '#%s' dashtype 2",
                     f->scale * line->reference, colour(line->label));
        }
    }
    str_add(out, first ? "plot NaN\nunset label\nunset arrow\n" : "\nunset label\nunset arrow\n");
}

void plot_script_text(const struct figure *f, const struct plot_files *p, struct str *out)
{
    struct plot_layout l;
    plot_layout_init(&l, f);
    str_add(
        out,
        "# Drawn by bitbench. In this folder, gnuplot with this file draws the picture again.\n");
    str_add(out, "if (!exists('picture')) { picture = ");
    plot_quote_name(out, str_text(&p->picture));
    str_add(out, " }\nset encoding utf8\n");
    add_terminal(&l, p->kind, out);
    str_add(out, "set output picture\n");
    str_add(out, f->panels.n > 1 ? "set multiplot\n" : "");
    add_axes(f, &l, out);
    add_texts(f, &l, out);
    add_key(f, &l, out);
    for (size_t i = 0; i < f->panels.n; i++) {
        add_panel(f, &l, p, i, out);
    }
    str_add(out, f->panels.n > 1 ? "unset multiplot\n" : "");
    str_add(out, "set output\n");
}
