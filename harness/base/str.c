/* The growing string and text to and from numbers. Numbers use the C locale: the program never
 * calls setlocale, so printf and strtod write and read a dot. */
#include "harness/base/str.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"

/* Room for n more bytes and the NUL. */
static bool reserve(struct str *s, size_t n)
{
    if (s->failed) {
        return false;
    }
    void *data = s->data;
    s->failed = n > SIZE_MAX - s->len - 1 || mem_grow(&data, &s->cap, s->len + n + 1, 1, NULL);
    s->data = data;
    return !s->failed;
}

void str_add_n(struct str *s, const char *bytes, size_t n)
{
    if (reserve(s, n)) {
        if (n) {
            memcpy(s->data + s->len, bytes, n);
        }
        s->len += n;
        s->data[s->len] = '\0';
    }
}

void str_add(struct str *s, const char *text)
{
    str_add_n(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
    str_add_n(s, &c, 1);
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        s->failed = true;
    } else if (reserve(s, (size_t)n)) {
        vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

void str_add_double(struct str *s, double v)
{
    if (isnan(v)) {
        str_add(s, "nan");
        return;
    }
    /* A decimal of up to 15 digits survives the way through a normal double, so %.15g finds it
     * when there is one; below DBL_MIN fewer digits are enough. Bits are compared, because with
     * denormals flushed all small numbers would be equal. */
    char text[40];
    for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        double back = strtod(text, NULL);
        if (memcmp(&back, &v, sizeof v) == 0) {
            break;
        }
    }
    str_add(s, text);
}

const char *str_not_finite(double v)
{
    return isnan(v) ? "nan" : v < 0 ? "-inf"
                                    : "inf";
}

const char *str_text(const struct str *s)
{
    return s->data ? s->data : "";
}

void str_clear(struct str *s)
{
    s->len = 0;
    s->failed = false;
    if (s->data) {
        s->data[0] = '\0';
    }
}

void str_release(struct str *s)
{
    free(s->data);
    *s = (struct str){0};
}

int str_check(const struct str *s, struct err *e)
{
    if (s->failed) {
        return err_set(e, ERR_LIMIT, "out of memory: a text of more than %zu bytes", s->len);
    }
    return 0;
}

bool str_to_i64(const char *text, int64_t *v)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*digits)) {
        return false;
    }
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    if (*end || errno) {
        return false;
    }
    *v = x;
    return true;
}

bool str_to_u64(const char *text, uint64_t *v)
{
    if (!isdigit((unsigned char)*text)) {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long x = strtoull(text, &end, 10);
    if (*end || errno) {
        return false;
    }
    *v = x;
    return true;
}

bool str_to_double(const char *text, double *v)
{
    /* Only the characters of a decimal number: no space, hexadecimal, "inf" or "nan". */
    if (!*text || text[strspn(text, "0123456789+-.eE")]) {
        return false;
    }
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end || !isfinite(x)) {
        return false;
    }
    *v = x;
    return true;
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

const char *str_bytes(char *buf, uint64_t bytes)
{
    static const char *const unit[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(buf, 16, "%u B", (unsigned)bytes);
        return buf;
    }
    double x = (double)bytes / 1024;
    size_t i = 0;
    for (; x >= 1023.95 && i < 5; i++) {
        x /= 1024;
    }
    snprintf(buf, 16, "%.1f %s", x, unit[i]);
    return buf;
}

bool str_to_bytes(const char *text, uint64_t *v)
{
    size_t n = strspn(text, "0123456789");
    char digits[24];
    if (n == 0 || n >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, n);
    digits[n] = '\0';
    uint64_t x;
    if (!str_to_u64(digits, &x)) {
        return false;
    }
    int shift = 0;
    if (text[n]) {
        static const char letters[] = "kmgt";
        const char *letter = strchr(letters, tolower((unsigned char)text[n]));
        const char *rest = text + n + 1;
        if (!letter || (*rest && strcmp(rest, "B") && strcmp(rest, "iB"))) {
            return false;
        }
        shift = 10 * (int)(letter - letters + 1);
    }
    if (shift && x >> (64 - shift)) {
        return false;
    }
    *v = x << shift;
    return true;
}
