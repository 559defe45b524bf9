/* CSV: libcsv gets the bytes line by line, so that rows and errors have line numbers. Fields are
 * collected in one block of text: with its NUL a field never takes more than its bytes and its
 * separator in the file. */
#include "harness/base/csv.h"

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

#include <csv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct csv *c;
    size_t rows_cap, fields_cap, n_fields, n_text;
    size_t row_first_field, row_line;
    bool in_row; /* a row has begun in an earlier line */
    bool failed; /* e is set */
    struct err *e;
};

static void add_field(void *text, size_t n, void *ctx)
{
    struct reader *r = ctx;
    void *fields = r->c->fields;
    r->failed = r->failed ||
                mem_grow(&fields, &r->fields_cap, r->n_fields + 1, sizeof *r->c->fields, r->e);
    r->c->fields = fields;
    if (r->failed) {
        return;
    }
    char *to = r->c->text + r->n_text;
    if (n) {
        memcpy(to, text, n);
    }
    to[n] = '\0';
    r->n_text += n + 1;
    r->c->fields[r->n_fields++] = to;
}

static void add_row(int end, void *ctx)
{
    (void)end;
    struct reader *r = ctx;
    void *rows = r->c->rows;
    r->failed = r->failed ||
                mem_grow(&rows, &r->rows_cap, r->c->n_rows + 1, sizeof *r->c->rows, r->e);
    r->c->rows = rows;
    if (r->failed) {
        return;
    }
    r->c->rows[r->c->n_rows++] =
        (struct csv_row){.n = r->n_fields - r->row_first_field, .line = r->row_line};
    r->row_first_field = r->n_fields;
    r->in_row = false;
}

static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

/* Length of the line at bytes, its end (LF, CRLF or CR) included. */
static size_t line_length(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || (bytes[i] == '\r' && !(i + 1 < n && bytes[i + 1] == '\n'))) {
            return i + 1;
        }
    }
    return n;
}

static int parse_lines(struct reader *r, struct csv_parser *p, const char *bytes, size_t n,
                       const char *name)
{
    size_t line = 1;
    for (size_t pos = 0, length; pos < n; pos += length, line++) {
        length = line_length(bytes + pos, n - pos);
        if (memchr(bytes + pos, '\0', length)) {
            return err_set(r->e, ERR_FORMAT, "%s:%zu: a NUL byte", name, line);
        }
        if (!r->in_row) {
            r->row_line = line;
        }
        r->in_row = r->in_row || (bytes[pos] != '\n' && bytes[pos] != '\r');
        size_t used = csv_parse(p, bytes + pos, length, add_field, add_row, r);
        if (r->failed) {
            return err_wrap(r->e, "%s:%zu", name, line);
        }
        if (used != length) {
            return err_set(r->e, csv_error(p) == CSV_EPARSE ? ERR_FORMAT : ERR_LIMIT,
                           "%s:%zu: %s", name, line,
                           csv_error(p) == CSV_EPARSE ? "a quote where none may be"
                                                      : csv_strerror(csv_error(p)));
        }
    }
    if (csv_fini(p, add_field, add_row, r)) {
        return err_set(r->e, ERR_FORMAT, "%s:%zu: the row that begins here has an unfinished quote",
                       name, r->row_line);
    }
    return r->failed ? err_wrap(r->e, "%s", name) : 0;
}

int csv_parse_bytes(struct csv *c, const char *bytes, size_t n, const char *name, struct err *e)
{
    *c = (struct csv){0};
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        bytes += 3;
        n -= 3;
    }
    struct csv_parser p;
    if (csv_init(&p, CSV_STRICT | CSV_STRICT_FINI)) {
        return err_set(e, ERR_LIMIT, "%s: out of memory", name);
    }
    csv_set_space_func(&p, no_space);
    struct reader r = {.c = c, .e = e};
    c->text = mem_take(n + 1, 1, e);
    int rc = c->text ? parse_lines(&r, &p, bytes, n, name) : err_wrap(e, "%s", name);
    csv_free(&p);
    if (rc) {
        csv_release(c);
        return -1;
    }
    char **fields = c->fields;
    for (size_t i = 0; i < c->n_rows; i++) { /* now that c->fields no longer moves */
        c->rows[i].fields = fields;
        fields += c->rows[i].n;
    }
    return 0;
}

int csv_read(struct csv *c, const char *path, size_t max_bytes, struct err *e)
{
    unsigned char *bytes;
    size_t n;
    if (file_read(path, max_bytes, &bytes, &n, e)) {
        return -1;
    }
    int rc = csv_parse_bytes(c, (const char *)bytes, n, path, e);
    free(bytes);
    return rc;
}

void csv_release(struct csv *c)
{
    free(c->rows);
    free(c->fields);
    free(c->text);
    *c = (struct csv){0};
}

void csv_add_field(struct str *out, const char *text)
{
    size_t n = strlen(text);
    bool spaces = n && (text[0] == ' ' || text[n - 1] == ' '); /* which some readers cut off */
    if (!spaces && !strpbrk(text, ",\"\r\n")) {
        str_add(out, text);
        return;
    }
    str_add_char(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"') {
            str_add_char(out, '"');
        }
        str_add_char(out, *p);
    }
    str_add_char(out, '"');
}
