/* Lists of numbers as text: powers of two, powers of ten, or every value. */
#include "protocols/spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

enum grid_kind { GRID_LIST,
                 GRID_LOG2,
                 GRID_LOG10 };

struct grid {
    enum grid_kind kind;
    double low, high; /* exponents */
    size_t n;
    bool unit_steps;  /* whole exponents, one apart */
    const char *list; /* after "list:" */
};

enum { NUMBER_TEXT = 64,
       MAX_LOG2 = 1000,
       MAX_LOG10 = 300 };

/* The number between *p and the next `end` or the end of the text; *p moves behind both. *more:
 * the separator was there. */
static bool take_number(const char **p, char end, double *v, bool *more)
{
    const char *stop = strchr(*p, end);
    size_t len = stop ? (size_t)(stop - *p) : strlen(*p);
    char text[NUMBER_TEXT];
    if (len >= sizeof text) {
        return false;
    }
    memcpy(text, *p, len);
    text[len] = '\0';
    *p += len + (stop != NULL);
    *more = stop != NULL;
    return str_to_double(text, v);
}

/* The part behind "log2:" or "log10:". */
static int parse_exponents(struct grid *g, const char *p, const char *text, struct err *e)
{
    double count = 0;
    bool more, counted;
    double limit = g->kind == GRID_LOG2 ? MAX_LOG2 : MAX_LOG10;
    if (!take_number(&p, ':', &g->low, &more) || !more ||
        !take_number(&p, ':', &g->high, &counted) ||
        (counted && (!take_number(&p, ':', &count, &more) || more))) {
        return err_set(e, ERR_USAGE,
                       "'%.80s' is not of the form log2:FIRST:LAST, log10:FIRST:LAST or "
                       "log10:FIRST:LAST:COUNT",
                       text);
    }
    if (!(g->low >= -limit && g->low <= g->high && g->high <= limit)) {
        return err_set(e, ERR_USAGE, "'%.80s': exponents go up, from %g to %g at most", text,
                       -limit, limit);
    }
    bool whole = trunc(g->low) == g->low && trunc(g->high) == g->high;
    if (counted && g->kind == GRID_LOG2) {
        return err_set(e, ERR_USAGE, "'%.80s': log2 takes two whole exponents and no count", text);
    }
    if (!counted && !whole) {
        return err_set(e, ERR_USAGE, "'%.80s': the exponents must be whole%s", text,
                       g->kind == GRID_LOG10 ? "; with others give a count" : "");
    }
    bool sane = count >= 2 && count <= GRID_MAX && trunc(count) == count && g->low < g->high;
    if (counted && !sane) {
        return err_set(e, ERR_USAGE,
                       "'%.80s': a count is a whole number in 2..%d, with two different exponents",
                       text, GRID_MAX);
    }
    double steps = g->high - g->low;
    g->n = counted ? (size_t)count : (size_t)steps + 1;
    g->unit_steps = whole && g->n == (size_t)steps + 1;
    return 0;
}

static int compare_doubles(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* The numbers behind "list:" into v [GRID_MAX]. */
static int parse_list(struct grid *g, double *v, const char *text, struct err *e)
{
    const char *p = g->list;
    bool more = true;
    for (g->n = 0; more; g->n++) {
        if (g->n == GRID_MAX) {
            return err_set(e, ERR_USAGE, "a list of more than %d numbers", GRID_MAX);
        }
        if (!take_number(&p, ',', &v[g->n], &more)) {
            return err_set(e, ERR_USAGE, "'%.80s': number %zu of the list is not a number", text,
                           g->n + 1);
        }
        v[g->n] += 0.0; /* -0 becomes 0 */
    }
    double *sorted = mem_take_raw(g->n, sizeof *sorted, e);
    if (!sorted) {
        return -1;
    }
    memcpy(sorted, v, g->n * sizeof *v);
    qsort(sorted, g->n, sizeof *sorted, compare_doubles);
    int rc = 0;
    for (size_t i = 1; i < g->n && rc == 0; i++) {
        if (!(sorted[i - 1] < sorted[i])) {
            rc = err_set(e, ERR_USAGE, "'%.80s': %g stands in the list twice", text, sorted[i]);
        }
    }
    free(sorted);
    return rc;
}

static double power_of_ten(double exponent)
{
    if (trunc(exponent) != exponent) {
        return pow(10.0, exponent);
    }
    char text[16];
    snprintf(text, sizeof text, "1e%d", (int)exponent);
    return strtod(text, NULL);
}

/* Parses text; v, where not NULL, is [GRID_MAX] and gets the values. */
static int grid_read(struct grid *g, double *v, const char *text, struct err *e)
{
    *g = (struct grid){0};
    if (str_starts(text, "list:")) {
        g->list = text + strlen("list:");
        return parse_list(g, v, text, e);
    }
    if (str_starts(text, "log2:")) {
        g->kind = GRID_LOG2;
    } else if (str_starts(text, "log10:")) {
        g->kind = GRID_LOG10;
    } else {
        return err_set(e, ERR_USAGE,
                       "'%.80s' is not a list of numbers: list:0.1,1,10, log2:-10:20, log10:-6:6 "
                       "or log10:-6:6:97",
                       text);
    }
    if (parse_exponents(g, strchr(text, ':') + 1, text, e)) {
        return -1;
    }
    for (size_t i = 0; i < g->n; i++) {
        double step = g->unit_steps ? 1 : (g->high - g->low) / (double)(g->n - 1);
        double at = i + 1 == g->n ? g->high : g->low + (double)i * step;
        v[i] = g->kind == GRID_LOG2 ? ldexp(1, (int)at) : power_of_ten(at);
    }
    return 0;
}

int grid_parse(const char *text, double **v, size_t *n, struct err *e)
{
    struct grid g;
    *v = mem_take_raw(GRID_MAX, sizeof **v, e);
    if (!*v) {
        return -1;
    }
    if (grid_read(&g, *v, text, e)) {
        free(*v);
        *v = NULL;
        return -1;
    }
    *n = g.n;
    return 0;
}

int grid_text(const char *text, struct str *out, struct err *e)
{
    struct grid g;
    double *v = mem_take_raw(GRID_MAX, sizeof *v, e);
    if (!v) {
        return -1;
    }
    int rc = grid_read(&g, v, text, e);
    if (rc == 0 && g.kind == GRID_LIST) {
        str_add(out, "list:");
        for (size_t i = 0; i < g.n; i++) {
            str_add(out, i ? "," : "");
            str_add_double(out, v[i]);
        }
    } else if (rc == 0) {
        str_add(out, g.kind == GRID_LOG2 ? "log2:" : "log10:");
        str_add_double(out, g.low + 0.0);
        str_add_char(out, ':');
        str_add_double(out, g.high + 0.0);
        if (!g.unit_steps) {
            str_addf(out, ":%zu", g.n);
        }
    }
    free(v);
    return rc;
}
