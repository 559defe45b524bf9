/* What the parity program of statistics reads and reports with: TAP lines, tables of numbers, JSON,
 * arrays. The functions are in headers because a test program is built from one source file. */
#ifndef BITBENCH_TESTS_PARITY_STATS_READ_H
#define BITBENCH_TESTS_PARITY_STATS_READ_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"

static size_t n_tests, n_bad;

static inline void report(bool good, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static inline void report(bool good, const char *what, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("%sok %zu - %s: ", good ? "" : "not ", ++n_tests, what);
    vprintf(fmt, ap);
    puts("");
    va_end(ap);
    n_bad += !good;
}

/* The greatest error in units of its bound, with both. */
struct worst {
    double share, error, bound;
};

static inline void see(struct worst *w, double got, double want, double bound)
{
    double error = got == want ? 0 : fabs(got - want); /* both may be infinite */
    double share = error <= bound ? (error > 0 ? error / bound : 0) : HUGE_VAL;
    if (share >= w->share) {
        *w = (struct worst){share, error, bound};
    }
}

static inline void report_worst(const char *what, const char *part, size_t n, const struct worst *w)
{
    char text[300];
    snprintf(text, sizeof text, "%s %s", what, part);
    report(w->share <= 1, text, "%zu values, greatest error %.3g, bound %.3g", n, w->error,
           w->bound);
}

/* ---- tables of numbers ---- */

struct table {
    double *v; /* [n_rows, n_cols]; a cell that is no number is nan */
    size_t n_rows, n_cols;
};

/* False when there is no such file. */
static inline bool read_table(struct table *t, const char *dir, const char *name)
{
    char path[4096];
    unsigned char *text;
    size_t n;
    struct err e = {0};
    *t = (struct table){0};
    if (file_join(path, sizeof path, dir, name, &e) || file_read(path, 0, &text, &n, &e)) {
        if (e.code != ERR_ABSENT) {
            report(false, name, "%s", e.text);
        }
        return false;
    }
    char *lines = NULL, *line = strtok_r((char *)text, "\n", &lines);
    for (const char *p = line ? line : ""; *p; p++) {
        t->n_cols += *p == '\t';
    }
    t->n_cols++;
    t->v = calloc(n + 1, sizeof *t->v);
    while ((line = strtok_r(NULL, "\n", &lines))) {
        char *field;
        for (size_t c = 0; c < t->n_cols && (field = strsep(&line, "\t")); c++) {
            double *v = &t->v[t->n_rows * t->n_cols + c];
            if (!str_to_double(field, v)) {
                *v = (double)NAN;
            }
        }
        t->n_rows++;
    }
    free(text);
    return true;
}

static inline struct json *read_json(const char *dir, const char *name)
{
    char path[4096];
    unsigned char *text;
    size_t n;
    struct err e = {0};
    if (file_join(path, sizeof path, dir, name, &e) || file_read(path, 0, &text, &n, &e)) {
        return NULL;
    }
    /* Python writes what JSON has no word for */
    for (char *at = (char *)text; (at = strstr(at, "Infinity"));) {
        memcpy(at, "null    ", 8);
    }
    struct json *root = json_parse((const char *)text, n, path, &e);
    if (!root) {
        report(false, name, "%s", e.text);
    }
    free(text);
    return root;
}

static inline double number(const struct json *object, const char *key)
{
    double v = (double)NAN;
    json_double(json_get(object, key), &v);
    return v;
}

/* A list of numbers into v, at most cap. */
static inline size_t numbers(const struct json *list, double *v, size_t cap)
{
    size_t n = json_len(list) < cap ? json_len(list) : cap;
    for (size_t i = 0; i < n; i++) {
        v[i] = (double)NAN;
        json_double(json_at(list, i), &v[i]);
    }
    return n;
}

static inline double *read_array(const char *dir, const char *name, size_t *n, size_t *n_cols,
                                 struct err *e)
{
    char path[4096], file[256];
    struct npy a;
    snprintf(file, sizeof file, "%s.npy", name);
    if (file_join(path, sizeof path, dir, file, e) || npy_read(&a, path, e)) {
        return NULL;
    }
    double *v = calloc(a.n + 1, sizeof *v);
    *n = a.dims[0];
    *n_cols = a.n_dims > 1 ? a.dims[1] : 1;
    if (npy_to_f64(&a, v, path, e)) {
        free(v);
        v = NULL;
    }
    npy_release(&a);
    return v;
}

#endif
