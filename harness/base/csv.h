/* CSV reading: sole includer of libcsv. */
#ifndef BITBENCH_BASE_CSV_H
#define BITBENCH_BASE_CSV_H

#include <stddef.h>

struct err;

struct csv_row {
    char **fields; /* [n], NUL-terminated */
    size_t n;
    size_t line; /* from 1: where the row begins */
};

struct csv {
    struct csv_row *rows;
    size_t n_rows;
};

/* Reads a whole file (RFC 4180 quoting, CRLF or LF, UTF-8 BOM dropped, blank lines skipped).
 * A NUL byte, an unfinished quote or more than max_bytes is an error naming file and line.
 * csv_parse does the same on bytes; `name` is for messages. */
int csv_read(struct csv *c, const char *path, size_t max_bytes, struct err *e);
int csv_parse(struct csv *c, const char *bytes, size_t n, const char *name, struct err *e);
void csv_release(struct csv *c);

/* Appends a field to out, quoted where needed. */
struct str;
void csv_add_field(struct str *out, const char *text);

#endif
