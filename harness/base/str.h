/* A growing string, and the small text helpers that libc lacks. */
#ifndef BITBENCH_BASE_STR_H
#define BITBENCH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* {0} is an empty string. data is NUL-terminated once something was added (before that it is
 * NULL, and str_text gives ""). */
struct str {
    char *data;
    size_t len, cap;
    bool failed; /* an allocation failed: the text is cut; see str_check */
};

void str_add(struct str *s, const char *text);
void str_add_n(struct str *s, const char *bytes, size_t n);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The shortest decimal that parses back to the same double ("0.1", "1e-06", "nan", "inf"). */
void str_add_double(struct str *s, double v);
/* "nan", "inf" or "-inf": printf would give a NaN a sign. v is one of these. */
const char *str_not_finite(double v);
const char *str_text(const struct str *s);
void str_clear(struct str *s);
void str_release(struct str *s);
/* 0, or -1 with e set when an allocation failed on the way. */
int str_check(const struct str *s, struct err *e);

/* The whole of text as a number, nothing before or after it. True when it was one and in range. */
bool str_to_i64(const char *text, int64_t *v);
bool str_to_u64(const char *text, uint64_t *v);
bool str_to_double(const char *text, double *v); /* finite only; the C locale's dot */

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* "12.3 MiB" style, for people. buf holds at least 16 bytes; returns buf. */
const char *str_bytes(char *buf, uint64_t bytes);
/* "512M", "2G", "1048576" (whole numbers; powers of 1024: K M G T in either case, optionally
 * followed by "iB" or "B"). True when it was one and fits. */
bool str_to_bytes(const char *text, uint64_t *v);

#endif
