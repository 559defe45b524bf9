/* The three-part signature of a score: protocol; subject; replicate. Fields inside a part are
 * joined by '|', parts by ';'. Values never hold those two characters: they are written %7C, %3B. */
#ifndef BITBENCH_RESULTS_SIGNATURE_H
#define BITBENCH_RESULTS_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct record;
struct str;

enum { SIGNATURE_FIELD = 256 };

void signature_text(const struct record *r, struct str *out);
/* Splits a whole signature into r->protocol, subject, replicate. */
int signature_parse(struct record *r, const char *text, struct err *e);
/* Appends value with '|', ';', '%' and control characters escaped. */
void signature_add_value(struct str *out, const char *value);
/* The first field in which two parts differ, as "name: A against B"; false when equal. */
bool signature_difference(const char *part_a, const char *part_b, struct str *out);

#endif
