/* What the parity programs share: TAP lines, tables and arrays of reference data. The functions are
 * in the header because a test program is built from one source file. Reference data that cannot
 * be read end the program with a failed check. */
#ifndef BITBENCH_TESTS_PARITY_GOLDEN_H
#define BITBENCH_TESTS_PARITY_GOLDEN_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"
#include "harness/base/zip.h"

enum { PATH = 4096,
       KEY = 256 };

static size_t n_checks, n_bad;
static struct err e;

static inline void check(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void check(bool good, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("%s %zu - ", good ? "ok" : "not ok", ++n_checks);
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    n_bad += !good;
}

static inline void check_error(const char *what, double error, double bound)
{
    check(error <= bound, "%s: error %.2g, bound %.2g, share %.3f", what, error, bound,
          error / bound);
}

/* Reference data that cannot be read end the program. */
static inline void need(bool good, const char *what)
{
    if (!good) {
        check(false, "%s: %s", what, e.text);
        exit(1);
    }
}

static inline void *take(size_t n, size_t size)
{
    void *p = mem_take(n, size, &e);
    need(p, "memory");
    return p;
}

/* --- tables: a line of names, then rows, cells between tabs --- */
struct table {
    char *text, **cells; /* [n_rows + 1, n_cols], the names first */
    size_t n_rows, n_cols;
};

static inline struct table table_read(const char *path)
{
    struct table t = {0};
    unsigned char *bytes;
    size_t n, n_cells = 1, at = 0;
    need(!file_read(path, 0, &bytes, &n, &e), path);
    t.text = (char *)bytes;
    for (size_t i = 0; i < n; i++) {
        n_cells += t.text[i] == '\t' || t.text[i] == '\n';
    }
    t.cells = take(n_cells, sizeof *t.cells);
    for (char *line = t.text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        for (char *text; (text = strsep(&line, "\t"));) {
            t.cells[at++] = text;
        }
        t.n_cols = t.n_cols ? t.n_cols : at;
        t.n_rows++;
        need(at == t.n_rows * t.n_cols, path);
    }
    t.n_rows--;
    return t;
}

static inline void table_free(struct table *t)
{
    free(t->cells);
    free(t->text);
}

/* "" where the table has no such column. */
static inline const char *cell(const struct table *t, size_t row, const char *name)
{
    for (size_t i = 0; i < t->n_cols; i++) {
        if (!strcmp(t->cells[i], name)) {
            return t->cells[(row + 1) * t->n_cols + i];
        }
    }
    return "";
}

static inline double number(const struct table *t, size_t row, const char *name)
{
    const char *text = cell(t, row, name);
    double v = 0;
    if (str_starts(text, "2^") && str_to_double(text + 2, &v)) {
        return exp2(v);
    }
    snprintf(e.text, sizeof e.text, "column %s: '%s' is no number", name, text);
    need(str_to_double(text, &v), t->cells[0]);
    return v;
}

static inline size_t count(const struct table *t, size_t row, const char *name)
{
    return (size_t)number(t, row, name);
}

/* --- arrays --- */
struct array {
    struct npy head;
    double *f64;
    float *f32;
};

static inline struct array array_of(const struct npy *a, const char *name)
{
    struct array out = {.head = *a};
    out.f64 = take(a->n, sizeof *out.f64);
    out.f32 = take(a->n, sizeof *out.f32);
    need(!npy_to_f64(a, out.f64, name, &e) && !npy_to_f32(a, out.f32, name, &e), name);
    return out;
}

static inline struct array array_read(const char *path)
{
    struct npy a;
    need(!npy_read(&a, path, &e), path);
    struct array out = array_of(&a, path);
    npy_release(&a);
    return out;
}

static inline struct array array_member(const struct zip *z, const char *name)
{
    char file[KEY];
    unsigned char *bytes = NULL;
    struct npy a;
    snprintf(file, sizeof file, "%s.npy", name);
    const struct zip_member *m = zip_find(z, file);
    snprintf(e.text, sizeof e.text, "%s is missing", file);
    need(m && !zip_read_alloc(z, m, 0, &bytes, &e) && !npy_parse(&a, bytes, m->bytes, file, &e),
         z->path);
    struct array out = array_of(&a, file);
    free(bytes);
    return out;
}

static inline void array_free(struct array *a)
{
    free(a->f64);
    free(a->f32);
}

/* Largest |have - truth| and, in *size, largest |truth|; infinite where the counts differ. */
static inline double difference(const float *have, size_t n, const struct array *truth,
                                double *size)
{
    double worst = n == truth->head.n ? 0 : (double)INFINITY;
    *size = 0;
    for (size_t i = 0; i < n && i < truth->head.n; i++) {
        double d = fabs((double)have[i] - truth->f64[i]);
        worst = isnan(d) ? (double)INFINITY : fmax(worst, d);
        *size = fmax(*size, fabs(truth->f64[i]));
    }
    return worst;
}

/* Relative to the largest truth; absolute where that is 0. */
static inline double relative(const float *have, size_t n, const struct array *truth)
{
    double size, d = difference(have, n, truth, &size);
    return size > 0 ? d / size : d;
}

#endif
