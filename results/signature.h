/* The three-part signature of a score: protocol; subject; replicate. Fields inside a part are
 * joined by '|', parts by ';'. Values never hold those two characters or '%' or control
 * characters: they are written %7C, %3B, %25, %0A. */
#ifndef BITBENCH_RESULTS_SIGNATURE_H
#define BITBENCH_RESULTS_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct record;
struct str;

/* Appends "protocol;subject;replicate". */
void signature_text(const struct record *r, struct str *out);
/* Splits a whole signature into r->protocol, subject, replicate. ERR_FORMAT for anything but three
 * parts of less than SIGNATURE_PART bytes without control characters; r is then untouched. */
int signature_parse(struct record *r, const char *text, struct err *e);
/* Appends value with '|', ';', '%' and control characters escaped. */
void signature_add_value(struct str *out, const char *value);
/* Appends the first field in which two parts differ; false, and nothing appended, when they are
 * equal. Fields are compared by position: "train: k5 against k10" when both begin with the same
 * name and ':', otherwise "field 3: ridge against logistic"; a field that only one part has is
 * held against "nothing". */
bool signature_difference(const char *part_a, const char *part_b, struct str *out);

#endif
