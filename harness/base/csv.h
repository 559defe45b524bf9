/* CSV reading: sole includer of libcsv. */
#ifndef BITBENCH_BASE_CSV_H
#define BITBENCH_BASE_CSV_H

#include <stddef.h>

struct err;
struct str;

struct csv_row {
    char **fields; /* [n], NUL-terminated */
    size_t n;
    size_t line; /* from 1: where the row begins */
};

struct csv {
    struct csv_row *rows;
    size_t n_rows;
    char **fields; /* all rows' fields */
    char *text;    /* all fields' text */
};

/* Reads a whole file (RFC 4180 quoting, spaces belong to fields, CRLF or LF, UTF-8 byte order
 * mark dropped, empty lines skipped). A NUL byte, a quote where none may be or an unfinished one
 * is ERR_FORMAT naming file and line; more than max_bytes (0 = no limit) is ERR_LIMIT.
 * csv_parse_bytes does the same on bytes; `name` is for messages. (libcsv owns csv_parse.) */
int csv_read(struct csv *c, const char *path, size_t max_bytes, struct err *e);
int csv_parse_bytes(struct csv *c, const char *bytes, size_t n, const char *name, struct err *e);
void csv_release(struct csv *c);

/* Appends a field to out, quoted where needed. */
void csv_add_field(struct str *out, const char *text);

#endif
