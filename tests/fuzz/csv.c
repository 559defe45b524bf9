/* Any bytes as CSV: an error with a text, or rows that written again read back the same. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "harness/base/csv.h"
#include "harness/base/err.h"
#include "harness/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A row of one empty field is written as an empty line, which readers skip. */
static bool is_blank(const struct csv_row *row)
{
    return row->n == 1 && row->fields[0][0] == '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e = {0};
    struct csv c, again;
    if (csv_parse_bytes(&c, (const char *)data, n, "x", &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
        return 0;
    }
    struct str out = {0};
    str_add(&out, "first\n"); /* so that a byte order mark in a field is not at the start */
    for (size_t i = 0; i < c.n_rows; i++) {
        assert(c.rows[i].n > 0 && c.rows[i].line > (i ? c.rows[i - 1].line : 0));
        for (size_t k = 0; k < c.rows[i].n; k++) {
            str_add(&out, k ? "," : "");
            csv_add_field(&out, c.rows[i].fields[k]);
        }
        str_add(&out, "\n");
    }
    assert(csv_parse_bytes(&again, str_text(&out), out.len, "x", &e) == 0);
    size_t next = 1;
    for (size_t i = 0; i < c.n_rows; i++) {
        if (is_blank(&c.rows[i])) {
            continue;
        }
        assert(next < again.n_rows && again.rows[next].n == c.rows[i].n);
        for (size_t k = 0; k < c.rows[i].n; k++) {
            assert(strcmp(again.rows[next].fields[k], c.rows[i].fields[k]) == 0);
        }
        next++;
    }
    assert(next == again.n_rows);
    csv_release(&again);
    csv_release(&c);
    str_release(&out);
    return 0;
}
