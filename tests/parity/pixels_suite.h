/* What the sections of pixels.c share: reports, files of the folder and what was used of them. */
#ifndef BITBENCH_TESTS_PIXELS_SUITE_H
#define BITBENCH_TESTS_PIXELS_SUITE_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/npy.h"
#include "harness/base/tensor.h"
#include "harness/base/zip.h"

enum { FIELDS = 20,
       PATH = 1024 };

/* A name that was met, and how often; why: it is left out for this reason. */
struct met {
    char *name;
    const char *why;
    size_t n;
};
struct met_list {
    struct met *v;
    size_t n, cap;
};

static struct {
    const char *dir;
    size_t n, failed;
    double worst; /* of the section at hand */
    struct transform_scratch scratch;
    struct met_list used; /* files of the folder, and members of archives as FILE:KEY */
    struct met_list left; /* cases that are not covered, by what they are */
} suite;

__attribute__((format(printf, 4, 5))) static void report(bool ok, double error, double bound,
                                                         const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("%s %zu - ", ok ? "ok" : "not ok", ++suite.n);
    vprintf(fmt, args);
    printf(": |error| %g, bound %g\n", error, bound);
    va_end(args);
    suite.failed += !ok;
    suite.worst = error > suite.worst ? error : suite.worst;
}

static struct met *meet(struct met_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->v[i].name, name) == 0) {
            l->v[i].n++;
            return &l->v[i];
        }
    }
    if (l->n == l->cap) {
        l->cap = 2 * l->cap + 64;
        l->v = realloc(l->v, l->cap * sizeof *l->v);
    }
    l->v[l->n] = (struct met){strdup(name), NULL, 1};
    return &l->v[l->n++];
}

static void met_release(struct met_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].name);
    }
    free(l->v);
}

/* A case that has no counterpart here, for a reason. */
static void leave_out(const char *what, const char *why)
{
    meet(&suite.left, what)->why = why;
}

/* The path of a file of the folder; false when there is none. */
static bool in_folder(char path[PATH], const char *name)
{
    return file_join(path, PATH, suite.dir, name, NULL) == 0 && file_exists(path);
}

/* A file of the folder, or NULL when there is none. Damage ends the program. */
static char *slurp(const char *name, size_t *n)
{
    char path[PATH];
    unsigned char *data;
    struct err e = {0};
    if (!in_folder(path, name)) {
        return NULL;
    }
    meet(&suite.used, name);
    if (file_read(path, 0, &data, n, &e)) {
        printf("Bail out! %s\n", e.text);
        exit(1);
    }
    return (char *)data;
}

/* Calls fn for every row behind the header with its tab-separated fields, "" where missing. */
static void each_row(const char *tsv, void (*fn)(char *const field[FIELDS]))
{
    size_t n;
    char *text = slurp(tsv, &n), *line = text ? strchr(text, '\n') : NULL;
    while (line && line[1]) {
        char *start = line + 1, none[] = "", *field[FIELDS];
        line = strchr(start, '\n');
        if (line) {
            *line = '\0';
        }
        for (size_t i = 0; i < FIELDS; i++) {
            field[i] = start ? strsep(&start, "\t") : none;
        }
        fn(field);
    }
    free(text);
}

static size_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

/* Member key of an archive as floats, NULL when there is none; the caller frees. dims may be NULL.
 */
static float *stored(const char *npz, const char *key, size_t *n, size_t dims[NPY_MAX_DIMS])
{
    char path[PATH], name[PATH];
    struct err e = {0};
    struct zip z;
    struct npy a;
    unsigned char *bytes = NULL;
    float *v = NULL;
    if (!in_folder(path, npz) || zip_open(&z, path, &e)) {
        return NULL;
    }
    snprintf(name, sizeof name, "%s.npy", key);
    const struct zip_member *m = zip_find(&z, name);
    if (m && zip_read_alloc(&z, m, 0, &bytes, &e) == 0 &&
        npy_parse(&a, bytes, m->bytes, name, &e) == 0) {
        v = malloc((a.n + 1) * sizeof *v);
        *n = a.n;
        if (v && npy_to_f32(&a, v, name, &e)) {
            free(v);
            v = NULL;
        }
        for (size_t i = 0; dims && i < a.n_dims; i++) {
            dims[i] = a.dims[i];
        }
        snprintf(name, sizeof name, "%s:%s.npy", npz, key);
        meet(&suite.used, npz);
        meet(&suite.used, name);
    }
    if (e.text[0]) {
        printf("# %s\n", e.text);
    }
    free(bytes);
    zip_close(&z);
    return v;
}

/* Largest difference from what is stored of an output: the whole, or eight of its rows. NAN when
 * nothing is stored, infinite when the stored array is of another size. */
static double deviation(const char *npz, const char *key, const float *got, size_t h, size_t n_row)
{
    char rows_key[PATH];
    size_t n = 0, rows[8] = {0, 1, 2, h / 4, h / 3, h / 2, h - 2, h - 1};
    float *want = stored(npz, key, &n, NULL);
    bool whole = want != NULL;
    if (!whole) {
        snprintf(rows_key, sizeof rows_key, "%s#rows", key);
        want = stored(npz, rows_key, &n, NULL);
    }
    double worst = !want ? (double)NAN : n == (whole ? h : 8) * n_row ? 0.0
                                                                      : HUGE_VAL;
    for (size_t i = 0; want && worst < HUGE_VAL && i < n; i++) {
        size_t y = whole ? i / n_row : rows[i / n_row];
        worst = fmax(worst, fabs((double)got[y * n_row + i % n_row] - (double)want[i]));
    }
    free(want);
    return worst;
}

/* The same for an output whose hash is compared as well: 0 when nothing is stored. */
static double deviation_beside_hash(const char *npz, const char *key, const float *got, size_t h,
                                    size_t n_row)
{
    double d = deviation(npz, key, got, h, n_row);
    return isnan(d) ? 0.0 : d;
}

/* A source image; false when there is none. Release s->... with npy_release. */
static bool source_image(const char *source, struct npy *px, struct image *im)
{
    char path[PATH], name[PATH];
    struct err e = {0};
    snprintf(name, sizeof name, "resize/src/%s.npy", source);
    if (!in_folder(path, name) || npy_read(px, path, &e) || px->n_dims != 3) {
        return false;
    }
    meet(&suite.used, name);
    *im = (struct image){px->data, px->dims[0], px->dims[1], px->dims[2]};
    return true;
}

/* Hash of values in the library's type: 8-bit or floats. */
static void hash_as(const char *dtype, const float *v, size_t n, char hex[HASH_SHA256_HEX])
{
    if (strcmp(dtype, "uint8") != 0) {
        sha256_hex(v, n * sizeof *v, hex);
        return;
    }
    uint8_t *u = malloc(n);
    for (size_t i = 0; u && i < n; i++) {
        u[i] = (uint8_t)v[i];
    }
    sha256_hex(u, n, hex);
    free(u);
}

#endif
