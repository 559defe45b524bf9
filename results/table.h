/* A table of texts and its renderings. */
#ifndef BITBENCH_RESULTS_TABLE_H
#define BITBENCH_RESULTS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

enum table_format { TABLE_TEXT,
                    TABLE_MD,
                    TABLE_CSV,
                    TABLE_LATEX,
                    TABLE_HTML };
/* "text" "md" "csv" "latex" "html"; ERR_USAGE with near matches. */
int table_format_parse(enum table_format *f, const char *name, struct err *e);

/* {0} is an empty table without columns. */
struct table {
    size_t n_cols, n_rows, cap;
    char **heads; /* [n_cols] owned */
    bool *right;  /* [n_cols] right-aligned (numbers) */
    char **cells; /* [n_rows * n_cols] owned; NULL is empty */
};
/* Heads are empty and left-aligned at first. n_cols >= 1. */
/* table_init with all heads: those that begin with '>' are right-aligned. */
int table_heads(struct table *t, const char *const *heads, size_t n, struct err *e);
int table_init(struct table *t, size_t n_cols, struct err *e);
int table_head(struct table *t, size_t col, const char *text, bool right, struct err *e);
/* Appends a row of empty cells; then table_set fills them. */
int table_row(struct table *t, struct err *e);
int table_set(struct table *t, size_t row, size_t col, const char *text, struct err *e);
int table_setf(struct table *t, size_t row, size_t col, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
const char *table_get(const struct table *t, size_t row, size_t col); /* "" when empty */
void table_release(struct table *t);

/* Appends the rendering; every text is escaped for the format. csv: RFC 4180 with LF, texts as they
 * are. All others: texts as table_clean gives them. latex: a tabular with the rules of booktabs.
 * html: a <table>. */
void table_render(const struct table *t, enum table_format f, struct str *out);
/* Appends one text, cleaned (but for csv) and escaped for running text of the format; csv: as a
 * field. */
void table_escape(struct str *out, enum table_format f, const char *text);

/* Appends text as one line of valid UTF-8: runs of white space become one space; other control
 * characters and bytes that are not UTF-8 become U+FFFD. */
void table_clean(struct str *out, const char *text);
/* Columns that UTF-8 text takes on a terminal: East Asian wide characters and emoji take two,
 * combining marks none. */
size_t table_width(const char *text);

#endif
