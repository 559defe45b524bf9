/* A table of texts and its renderings. */
#ifndef BITBENCH_RESULTS_TABLE_H
#define BITBENCH_RESULTS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

enum table_format { TABLE_TEXT, TABLE_MD, TABLE_CSV, TABLE_LATEX, TABLE_HTML };
/* "text" "md" "csv" "latex" "html"; ERR_USAGE with near matches. */
int table_format_parse(enum table_format *f, const char *name, struct err *e);

struct table {
    size_t n_cols, n_rows, cap;
    char **heads;  /* [n_cols] owned */
    bool *right;   /* [n_cols] right-aligned (numbers) */
    char **cells;  /* [n_rows * n_cols] owned */
};
int table_init(struct table *t, size_t n_cols, struct err *e);
int table_head(struct table *t, size_t col, const char *text, bool right, struct err *e);
/* Appends a row of empty cells; then table_set fills them. */
int table_row(struct table *t, struct err *e);
int table_set(struct table *t, size_t row, size_t col, const char *text, struct err *e);
int table_setf(struct table *t, size_t row, size_t col, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void table_release(struct table *t);
/* Appends the rendering; every text is escaped for the format. Column widths count UTF-8 characters. */
void table_render(const struct table *t, enum table_format f, struct str *out);
/* Appends text escaped for HTML. */
void table_html_escape(struct str *out, const char *text);

#endif
