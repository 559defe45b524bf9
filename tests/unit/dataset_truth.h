/* What the tests of data sets share: tables of truth, folders to work in, hashes of pixels. One
 * test program is one file, so these few functions are here, in full. */
#ifndef BITBENCH_TESTS_UNIT_DATASET_TRUTH_H
#define BITBENCH_TESTS_UNIT_DATASET_TRUTH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datasets/dataset.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"

#define FIXTURES "tests/fixtures/datasets"

enum { TSV_COLUMNS = 9,
       TSV_ROWS = 1024 };

/* A table with a header line; missing cells are "". */
struct tsv {
    char *text;
    size_t n;
    char *cell[TSV_ROWS][TSV_COLUMNS];
};

static inline void tsv_read(struct tsv *t, const char *path)
{
    static char none[] = "";
    struct err e = {0};
    unsigned char *bytes;
    size_t n;
    if (file_read(path, 0, &bytes, &n, &e)) {
        fail_msg("%s", e.text);
    }
    t->text = (char *)bytes;
    t->n = 0;
    for (char *line = strchr(t->text, '\n'); line && line[1];) {
        char *start = line + 1;
        line = strchr(start, '\n');
        if (line) {
            *line = '\0';
        }
        assert_true(t->n < TSV_ROWS);
        for (size_t c = 0; c < TSV_COLUMNS; c++) {
            char *cell = start ? start : none;
            char *tab = strchr(cell, '\t');
            start = tab ? tab + 1 : NULL;
            if (tab) {
                *tab = '\0';
            }
            t->cell[t->n][c] = cell;
        }
        t->n++;
    }
    assert_true(t->n > 0);
}

static inline void tsv_free(struct tsv *t)
{
    free(t->text);
}

/* Runs a shell command that must succeed. */
static inline void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void shell(const char *fmt, ...)
{
    char command[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    int rc = system(command);
    if (rc) {
        fail_msg("%s: exit %d", command, rc);
    }
}

/* A new folder for files that a test makes. */
static inline void work_dir(char dir[256])
{
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, 256, "%s/bitbench-test-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(dir));
}

static inline void write_file(const char *dir, const char *name, const void *bytes, size_t n)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Opens a data set with one data folder; the test ends where that fails. */
static inline struct dataset *must_open(const char *name, const char *dir, bool partial)
{
    struct err e = {0};
    const char *dirs[] = {dir};
    struct dataset *d;
    if (dataset_open(&d, name, &(struct dataset_dirs){.dirs = dirs, .n = 1, .partial = partial},
                     &e)) {
        fail_msg("%s in %s: %s", name, dir, e.text);
    }
    return d;
}

/* The error of opening; the test ends where there is none. */
static inline struct err open_error(const char *name, const char *dir)
{
    struct err e = {0};
    const char *dirs[] = {dir};
    struct dataset *d;
    if (!dataset_open(&d, name, &(struct dataset_dirs){.dirs = dirs, .n = 1, .partial = true},
                      &e)) {
        dataset_close(d);
        fail_msg("%s in %s was opened", name, dir);
    }
    assert_null(d);
    return e;
}

static inline struct split must_split(const struct dataset *d, const char *text)
{
    struct err e = {0};
    struct split s;
    if (split_open(&s, d, text, &e)) {
        fail_msg("%s", e.text);
    }
    return s;
}

/* Every part of words, separated by ", ", must occur in text. "line N" may also stand as ":N:". */
static inline void assert_mentions(const char *text, const char *words)
{
    char copy[512], line[32];
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = copy; w;) {
        char *next = strstr(w, ", ");
        if (next) {
            *next = '\0';
            next += 2;
        }
        snprintf(line, sizeof line, ":%s:", strncmp(w, "line ", 5) ? "-" : w + 5);
        if (!strstr(text, w) && !strstr(text, line)) {
            fail_msg("'%s' does not mention '%s'", text, w);
        }
        w = next;
    }
}

/* SHA-256 of a raw sample's pixels as [h, w, c]. */
static inline void pixels_sha256(const struct sample *s, char hex[HASH_SHA256_HEX])
{
    static uint8_t rgb[3 * 1024];
    const uint8_t *bytes = s->bytes;
    if (s->encoding == SAMPLE_PLANAR) {
        size_t plane = s->h * s->w;
        assert_int_equal(s->n, 3 * plane);
        assert_true(s->n <= sizeof rgb);
        for (size_t i = 0; i < s->n; i++) {
            rgb[i] = s->bytes[i % 3 * plane + i / 3];
        }
        bytes = rgb;
    }
    sha256_hex(bytes, s->n, hex);
}

/* A split against truth/SET.SPLIT.tsv: ids, labels, sizes and pixels. */
static inline void check_truth(const struct split *s, const char *path)
{
    static struct tsv t;
    struct sample_buf buf = {0};
    struct err e = {0};
    tsv_read(&t, path);
    assert_int_equal(s->n, t.n);
    for (size_t i = 0; i < t.n; i++) {
        char id[DATASET_ID], hex[HASH_SHA256_HEX];
        struct sample sample;
        split_id(s, i, id);
        assert_string_equal(id, t.cell[i][1]);
        assert_int_equal(s->label[i], atoi(t.cell[i][2]));
        if (split_read(s, i, &buf, &sample, &e)) {
            fail_msg("%s", e.text);
        }
        assert_int_equal(sample.h, atoi(t.cell[i][3]));
        assert_int_equal(sample.w, atoi(t.cell[i][4]));
        pixels_sha256(&sample, hex);
        assert_string_equal(hex, t.cell[i][6]);
    }
    free(buf.data);
    tsv_free(&t);
}

#endif
