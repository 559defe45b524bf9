/* Ranges, steps and sizes of a plot, in pixels of the whole picture. */
#include "results/plot_private.h"

#include <math.h>
#include <string.h>

#include "results/table.h"

/* ---- ranges ---- */

static void widen(double v, double *low, double *high)
{
    if (isfinite(v)) {
        *low = fmin(*low, v);
        *high = fmax(*high, v);
    }
}

/* 1, 2 or 5 times a power of ten, at least v > 0. */
static double nice_step(double v)
{
    double power = pow(10, floor(log10(v)));
    return v <= power       ? power
           : v <= 2 * power ? 2 * power
           : v <= 5 * power ? 5 * power
                            : 10 * power;
}

static void value_range(const struct figure *f, struct plot_layout *l)
{
    double low = (double)INFINITY, high = (double)-INFINITY;
    for (size_t i = 0; i < f->n; i++) {
        const struct figure_line *line = &f->lines[i];
        for (size_t k = 0; k < line->n; k++) {
            widen(f->scale * line->points[k].median, &low, &high);
            for (size_t v = 0; v < line->points[k].n; v++) {
                widen(f->scale * line->points[k].values[v], &low, &high);
            }
        }
        if (line->has_reference) {
            widen(f->scale * line->reference, &low, &high);
        }
    }
    if (!(low <= high)) {
        low = high = 0;
    }
    double spread = high > low ? high - low : fmax(0.1 * fabs(high), 1e-3);
    l->step = nice_step(spread / 5);
    l->low = l->step * floor((low - 0.03 * spread) / l->step);
    l->high = l->step * ceil((high + 0.03 * spread) / l->step);
    if (f->scale > 1) { /* shares */
        l->low = fmax(l->low, 0);
        l->high = fmin(l->high, f->scale);
    }
}

static void x_range(const struct figure *f, struct plot_layout *l)
{
    double low = (double)INFINITY, high = (double)-INFINITY;
    if (f->categories.n) {
        l->x_low = -0.5;
        l->x_high = (double)f->categories.n - 0.5;
        return;
    }
    for (size_t i = 0; i < f->n; i++) {
        widen(f->lines[i].points[0].x, &low, &high);
        widen(f->lines[i].points[f->lines[i].n - 1].x, &low, &high);
    }
    l->log_x = low > 0 && high / low >= 4;
    double pad = l->log_x     ? pow(high / low, 0.06)
                 : high > low ? 0.06 * (high - low)
                              : fmax(0.2 * fabs(high), 1e-3);
    l->x_low = l->log_x ? low / pad : low - pad;
    l->x_high = l->log_x ? high * pad : high + pad;
}

/* ---- sizes ---- */

static size_t longest(const struct text_list *l)
{
    size_t most = 0;
    for (size_t i = 0; i < l->n; i++) {
        size_t width = table_width(l->items[i]);
        most = width > most ? width : most;
    }
    return most;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t plot_line_length(const struct plot_layout *l, const char *text, size_t font)
{
    size_t most = (l->width - 2 * SIDE) * FONT / (CHARACTER * font), n = 0, width = 0, space = 0;
    for (; text[n] && width <= most; n++) {
        width += ((unsigned char)text[n] & 0xc0) != 0x80;
        space = text[n] == ' ' ? n : space;
    }
    bool whole = !text[n] && width <= most;
    return whole || !space ? strlen(text) : space;
}

static size_t count_lines(const struct plot_layout *l, const char *text, size_t font)
{
    size_t n = 0;
    while (*text) {
        text += plot_line_length(l, text, font);
        text += strspn(text, " ");
        n++;
    }
    return n;
}

size_t figure_n_keys(const struct figure *f)
{
    return (f->labels.n > 1 ? f->labels.n : 0) + (f->reference_title.len != 0);
}

const char *figure_key(const struct figure *f, size_t i)
{
    return f->labels.n > 1 && i < f->labels.n ? f->labels.items[i] : str_text(&f->reference_title);
}

static size_t key_width(const struct figure *f, size_t i)
{
    return KEY_LINE + 10 + table_width(figure_key(f, i)) * CHARACTER + SIDE;
}

void plot_key_place(const struct plot_layout *l, const struct figure *f, size_t i, size_t *x,
                    size_t *row)
{
    *x = l->left;
    *row = 0;
    for (size_t k = 0; k < i; k++) {
        *x += key_width(f, k);
        if (*x + key_width(f, k + 1) > l->width) {
            *x = l->left;
            ++*row;
        }
    }
}

static size_t key_rows(const struct figure *f, struct plot_layout *l)
{
    size_t x, row, n = figure_n_keys(f);
    for (size_t i = 0; i < n; i++) {
        l->width = larger(l->width, l->left + key_width(f, i));
    }
    if (n == 0) {
        return 0;
    }
    plot_key_place(l, f, n - 1, &x, &row);
    return row + 1;
}

void plot_layout_init(struct plot_layout *l, const struct figure *f)
{
    static const struct {
        size_t w, h;
    } sizes[] = {{640, 380}, {400, 290}, {300, 240}, {250, 210}};
    size_t n = f->panels.n;
    *l = (struct plot_layout){.n_cols = n <= 3 ? n : n == 4 ? 2
                                                 : n <= 9   ? 3
                                                            : 4};
    value_range(f, l);
    x_range(f, l);
    l->n_rows = (n + l->n_cols - 1) / l->n_cols;
    l->panel_w = sizes[l->n_cols - 1].w;
    l->panel_h = sizes[l->n_cols - 1].h;
    l->panel_title = n > 1 || *f->panels.items[0] ? LINE + 6 : 0;
    l->left = SIDE + 56;
    if (f->categories.n) {
        l->left = SIDE + larger(6, longest(&f->categories)) * CHARACTER + 8;
        l->panel_h = f->categories.n * larger(36, f->labels.n * 15 + 10);
    }
    l->gap_w = f->categories.n ? 44 : 28;
    l->gap_h = LINE + 12 + l->panel_title;
    l->width = l->left + l->n_cols * l->panel_w + (l->n_cols - 1) * l->gap_w + SIDE;
    size_t n_rows = key_rows(f, l);
    l->top = 18 + count_lines(l, str_text(&f->title), TITLE_FONT) * (LINE + 4) +
             count_lines(l, str_text(&f->subtitle), SMALL_FONT) * (LINE - 3) + l->panel_title + 6;
    size_t bottom = l->top + l->n_rows * l->panel_h + (l->n_rows - 1) * l->gap_h;
    l->x_title = bottom + LINE + 10 + LINE / 2; /* below the numbers */
    l->key_top = l->x_title + LINE + 2;
    l->height = n_rows ? l->key_top + n_rows * LINE + 12 : l->x_title + LINE;
}
