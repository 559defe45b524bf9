/* Tables of texts: filling them, and laying them out as text, Markdown, CSV, LaTeX and HTML. */
#include "results/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

static const char *const format_names[] = {"text", "md", "csv", "latex", "html"};

int table_format_parse(enum table_format *f, const char *name, struct err *e)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < ARRAY_LEN(format_names); i++) {
        if (strcmp(name, format_names[i]) == 0) {
            *f = (enum table_format)i;
            return 0;
        }
        near_add(&near, format_names[i]);
    }
    return err_set(e, ERR_USAGE,
                   "unknown format '%.80s'%s: text, md, csv, latex and html are known", name,
                   near_text(&near));
}

/* ---- filling ---- */

int table_init(struct table *t, size_t n_cols, struct err *e)
{
    assert(n_cols > 0);
    *t = (struct table){.n_cols = n_cols};
    t->heads = mem_take(n_cols, sizeof *t->heads, e);
    t->right = mem_take(n_cols, sizeof *t->right, e);
    if (!t->heads || !t->right) {
        table_release(t);
        return -1;
    }
    return 0;
}

static int set_text(char **place, const char *text, struct err *e)
{
    char *own = mem_strdup(text, e);
    if (!own) {
        return -1;
    }
    free(*place);
    *place = own;
    return 0;
}

int table_head(struct table *t, size_t col, const char *text, bool right, struct err *e)
{
    assert(col < t->n_cols);
    t->right[col] = right;
    return set_text(&t->heads[col], text, e);
}

int table_heads(struct table *t, const char *const *heads, size_t n, struct err *e)
{
    int rc = table_init(t, n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool right = heads[i][0] == '>';
        rc = table_head(t, i, heads[i] + right, right, e);
    }
    if (rc) {
        table_release(t);
    }
    return rc;
}

int table_row(struct table *t, struct err *e)
{
    void *cells = t->cells;
    size_t used = t->n_rows * t->n_cols;
    if (mem_grow(&cells, &t->cap, used + t->n_cols, sizeof *t->cells, e)) {
        return -1;
    }
    t->cells = cells;
    for (size_t c = 0; c < t->n_cols; c++) {
        t->cells[used + c] = NULL;
    }
    t->n_rows++;
    return 0;
}

int table_set(struct table *t, size_t row, size_t col, const char *text, struct err *e)
{
    assert(row < t->n_rows && col < t->n_cols);
    return set_text(&t->cells[row * t->n_cols + col], text, e);
}

int table_setf(struct table *t, size_t row, size_t col, struct err *e, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    char *text = mem_take((size_t)n + 1, 1, e);
    if (text) {
        vsnprintf(text, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    int status = text ? table_set(t, row, col, text, e) : -1;
    free(text);
    return status;
}

const char *table_get(const struct table *t, size_t row, size_t col)
{
    assert(row < t->n_rows && col < t->n_cols);
    const char *text = t->cells[row * t->n_cols + col];
    return text ? text : "";
}

void table_release(struct table *t)
{
    for (size_t i = 0; i < t->n_cols && t->heads; i++) {
        free(t->heads[i]);
    }
    for (size_t i = 0; i < t->n_rows * t->n_cols; i++) {
        free(t->cells[i]);
    }
    free(t->heads);
    free(t->right);
    free(t->cells);
    *t = (struct table){0};
}

/* ---- layouts: row n_rows stands for the heads ---- */

static const char *text_at(const struct table *t, size_t row, size_t col)
{
    return row < t->n_rows ? table_get(t, row, col) : t->heads[col] ? t->heads[col]
                                                                    : "";
}

/* The widest text of a column, as escaped. */
static size_t column_width(const struct table *t, size_t col, enum table_format f)
{
    struct str text = {0};
    size_t widest = 0;
    for (size_t r = 0; r <= t->n_rows; r++) {
        str_clear(&text);
        table_escape(&text, f, text_at(t, r, col));
        size_t width = table_width(str_text(&text));
        widest = width > widest ? width : widest;
    }
    str_release(&text);
    return widest;
}

static void add_repeated(struct str *out, char c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        str_add_char(out, c);
    }
}

/* The text of a cell between spaces to the given width. */
static void add_padded(const struct table *t, size_t row, size_t col, enum table_format f,
                       size_t width, struct str *out)
{
    struct str text = {0};
    table_escape(&text, f, text_at(t, row, col));
    size_t used = table_width(str_text(&text)), gap = width > used ? width - used : 0;
    add_repeated(out, ' ', t->right[col] ? gap : 0);
    str_add(out, str_text(&text));
    add_repeated(out, ' ', t->right[col] ? 0 : gap);
    out->failed = out->failed || text.failed;
    str_release(&text);
}

static void drop_trailing_spaces(struct str *out)
{
    while (out->len && out->data[out->len - 1] == ' ') {
        out->data[--out->len] = '\0';
    }
}

static void text_row(const struct table *t, size_t row, const size_t *widths, struct str *out)
{
    for (size_t c = 0; c < t->n_cols; c++) {
        str_add(out, c ? "  " : "");
        add_padded(t, row, c, TABLE_TEXT, widths[c], out);
    }
    drop_trailing_spaces(out);
    str_add(out, "\n");
}

static void render_text(const struct table *t, const size_t *widths, struct str *out)
{
    text_row(t, t->n_rows, widths, out);
    for (size_t c = 0; c < t->n_cols; c++) {
        str_add(out, c ? "  " : "");
        add_repeated(out, '-', widths[c]);
    }
    str_add(out, "\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        text_row(t, r, widths, out);
    }
}

static void md_row(const struct table *t, size_t row, const size_t *widths, struct str *out)
{
    for (size_t c = 0; c < t->n_cols; c++) {
        str_add(out, c ? " | " : "| ");
        add_padded(t, row, c, TABLE_MD, widths[c], out);
    }
    str_add(out, " |\n");
}

static void render_md(const struct table *t, const size_t *widths, struct str *out)
{
    md_row(t, t->n_rows, widths, out);
    for (size_t c = 0; c < t->n_cols; c++) {
        str_add(out, "|");
        add_repeated(out, '-', widths[c] + 1);
        str_add(out, t->right[c] ? ":" : "-");
    }
    str_add(out, "|\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        md_row(t, r, widths, out);
    }
}

static void render_csv(const struct table *t, struct str *out)
{
    for (size_t i = 0; i <= t->n_rows; i++) {
        size_t row = i ? i - 1 : t->n_rows;
        for (size_t c = 0; c < t->n_cols; c++) {
            str_add(out, c ? "," : "");
            table_escape(out, TABLE_CSV, text_at(t, row, c));
        }
        /* A single empty field: a bare line break would be an empty line, not a row. */
        str_add(out, t->n_cols == 1 && !*text_at(t, row, 0) ? "\"\"\n" : "\n");
    }
}

static void render_latex(const struct table *t, struct str *out)
{
    str_add(out, "\\begin{tabular}{");
    for (size_t c = 0; c < t->n_cols; c++) {
        str_add_char(out, t->right[c] ? 'r' : 'l');
    }
    str_add(out, "}\n\\toprule\n");
    for (size_t i = 0; i <= t->n_rows; i++) {
        for (size_t c = 0; c < t->n_cols; c++) {
            str_add(out, c ? " & " : "");
            table_escape(out, TABLE_LATEX, text_at(t, i ? i - 1 : t->n_rows, c));
        }
        str_add(out, i ? " \\\\\n" : " \\\\\n\\midrule\n");
    }
    str_add(out, "\\bottomrule\n\\end{tabular}\n");
}

static void html_row(const struct table *t, size_t row, const char *tag, struct str *out)
{
    str_add(out, "<tr>");
    for (size_t c = 0; c < t->n_cols; c++) {
        str_addf(out, "<%s%s>", tag, t->right[c] ? " class=\"num\"" : "");
        table_escape(out, TABLE_HTML, text_at(t, row, c));
        str_addf(out, "</%.2s>", tag);
    }
    str_add(out, "</tr>\n");
}

static void render_html(const struct table *t, struct str *out)
{
    str_add(out, "<table>\n<thead>\n");
    html_row(t, t->n_rows, "th scope=\"col\"", out);
    str_add(out, "</thead>\n<tbody>\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        html_row(t, r, "td", out);
    }
    str_add(out, "</tbody>\n</table>\n");
}

/* Layouts with padded columns. */
static void render_padded(const struct table *t, enum table_format f, struct str *out)
{
    size_t *widths = mem_take(t->n_cols, sizeof *widths, NULL);
    if (!widths) {
        out->failed = true;
        return;
    }
    for (size_t c = 0; c < t->n_cols; c++) {
        size_t width = column_width(t, c, f);
        widths[c] = width ? width : 1;
    }
    if (f == TABLE_TEXT) {
        render_text(t, widths, out);
    } else {
        render_md(t, widths, out);
    }
    free(widths);
}

void table_render(const struct table *t, enum table_format f, struct str *out)
{
    if (t->n_cols == 0) {
        return;
    }
    switch (f) {
    case TABLE_TEXT:
    case TABLE_MD:
        render_padded(t, f, out);
        break;
    case TABLE_CSV:
        render_csv(t, out);
        break;
    case TABLE_LATEX:
        render_latex(t, out);
        break;
    case TABLE_HTML:
        render_html(t, out);
        break;
    }
}
