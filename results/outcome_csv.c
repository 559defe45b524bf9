/* Rows are sorted by task, draw and id; each task is then checked to hold the same images in every
 * draw, and becomes a set of differences. */
#include "results/outcome_csv.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/csv.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/compare.h"

enum column { BASE,
              CAND,
              ID,
              TASK,
              DRAW,
              N_COLUMNS };
static const char *const names[N_COLUMNS] = {"base", "cand", "id", "task", "draw"};
#define MOST_BYTES ((size_t)2 << 30)

/* One row, parsed. task and draw are numbered in order of appearance. */
struct row {
    size_t task, draw, line, order;
    const char *id;
    bool base, cand;
};

struct table_of {
    const char *path;
    struct csv csv;
    size_t at[N_COLUMNS]; /* which field, or SIZE_MAX */
    struct row *rows;
    size_t n;
    struct lines tasks, draws;
};

static bool is_outcome(const char *text)
{
    return (text[0] == '0' || text[0] == '1') && !text[1];
}

/* ---- header ---- */

static int unknown_column(const char *path, const char *name, struct err *e)
{
    struct near near;
    near_init(&near, name);
    for (size_t k = 0; k < N_COLUMNS; k++) {
        near_add(&near, names[k]);
    }
    return err_set(e, ERR_FORMAT,
                   "%s: unknown column '%.80s'%s (columns: base, cand, id, task, draw)", path, name,
                   near_text(&near));
}

static int read_header(struct table_of *t, const struct csv_row *row, struct err *e)
{
    for (size_t i = 0; i < row->n; i++) {
        size_t k = 0;
        while (k < N_COLUMNS && strcmp(names[k], row->fields[i]) != 0) {
            k++;
        }
        if (k == N_COLUMNS) {
            return unknown_column(t->path, row->fields[i], e);
        }
        if (t->at[k] != SIZE_MAX) {
            return err_set(e, ERR_FORMAT, "%s: column %s stands twice", t->path, names[k]);
        }
        t->at[k] = i;
    }
    if (t->at[BASE] == SIZE_MAX || t->at[CAND] == SIZE_MAX) {
        return err_set(e, ERR_FORMAT, "%s: columns base and cand are needed", t->path);
    }
    return 0;
}

/* *first: the first row of data. */
static int find_columns(struct table_of *t, size_t *first, struct err *e)
{
    if (t->csv.n_rows == 0) {
        return err_set(e, ERR_FORMAT, "%s: no rows", t->path);
    }
    const struct csv_row *row = &t->csv.rows[0];
    for (size_t k = 0; k < N_COLUMNS; k++) {
        t->at[k] = SIZE_MAX;
    }
    *first = 0;
    if (row->n == 2 && is_outcome(row->fields[0]) && is_outcome(row->fields[1])) {
        t->at[BASE] = 0;
        t->at[CAND] = 1;
        return 0;
    }
    *first = 1;
    if (read_header(t, row, e)) {
        return -1;
    }
    return t->csv.n_rows == 1 ? err_set(e, ERR_FORMAT, "%s: no rows below the header", t->path) : 0;
}

/* ---- rows ---- */

/* The number of a text in a list, which grows; sought from the end, where runs of one text hit. */
static int number_of(struct lines *l, const char *text, size_t *number, struct err *e)
{
    for (size_t i = l->n; i-- > 0;) {
        if (strcmp(l->items[i], text) == 0) {
            *number = i;
            return 0;
        }
    }
    *number = l->n;
    return lines_addf(l, e, "%s", text);
}

static int read_outcome(const struct table_of *t, const struct csv_row *row, enum column k,
                        bool *right, struct err *e)
{
    const char *text = row->fields[t->at[k]];
    if (!is_outcome(text)) {
        return err_set(e, ERR_FORMAT, "%s: line %zu: %s: '%.40s' is not 0 or 1", t->path, row->line,
                       names[k], text);
    }
    *right = text[0] == '1';
    return 0;
}

static int read_row(struct table_of *t, const struct csv_row *row, size_t n_fields,
                    const char *task, struct err *e)
{
    struct row *r = &t->rows[t->n];
    if (row->n != n_fields) {
        return err_set(e, ERR_FORMAT, "%s: line %zu: %zu fields, expected %zu", t->path, row->line,
                       row->n, n_fields);
    }
    *r = (struct row){.line = row->line, .order = t->n};
    r->id = t->at[ID] != SIZE_MAX ? row->fields[t->at[ID]] : NULL;
    t->n++;
    return read_outcome(t, row, BASE, &r->base, e) || read_outcome(t, row, CAND, &r->cand, e) ||
                   number_of(&t->tasks, t->at[TASK] != SIZE_MAX ? row->fields[t->at[TASK]] : task,
                             &r->task, e) ||
                   number_of(&t->draws, t->at[DRAW] != SIZE_MAX ? row->fields[t->at[DRAW]] : "",
                             &r->draw, e)
               ? -1
               : 0;
}

static int by_place(const void *a, const void *b)
{
    const struct row *p = a, *q = b;
    if (p->task != q->task) {
        return p->task < q->task ? -1 : 1;
    }
    if (p->draw != q->draw) {
        return p->draw < q->draw ? -1 : 1;
    }
    int order = p->id ? strcmp(p->id, q->id) : 0;
    return order ? order : (p->order > q->order) - (p->order < q->order);
}

/* ---- one task ---- */

/* rows [n] of one task, sorted: n_draws draws of equally many images, the same in each. */
static int check_task(const struct table_of *t, const struct row *rows, size_t n, size_t *n_draws,
                      struct err *e)
{
    const char *task = t->tasks.items[rows[0].task];
    size_t n_images = 0;
    *n_draws = 0;
    while (n_images < n && rows[n_images].draw == rows[0].draw) {
        n_images++;
    }
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i], *last = i ? r - 1 : r;
        bool starts = i == 0 || last->draw != r->draw;
        if (starts != (i % n_images == 0)) {
            return err_set(e, ERR_USAGE,
                           "%s: task %s: draw '%s' has another number of images than '%s'", t->path,
                           task, t->draws.items[(starts ? last : r)->draw],
                           t->draws.items[rows[0].draw]);
        }
        *n_draws += starts;
        if (!starts && r->id && strcmp(r->id, last->id) == 0) {
            return err_set(e, ERR_FORMAT, "%s: line %zu: image '%.80s' stands twice (line %zu)",
                           t->path, r->line, r->id, last->line);
        }
        if (r->id && strcmp(r->id, rows[i % n_images].id) != 0) {
            return err_set(e, ERR_USAGE,
                           "%s: task %s: draws of different images: '%.80s' (line %zu)", t->path,
                           task, r->id, r->line);
        }
    }
    return n % n_images
               ? err_set(e, ERR_USAGE, "%s: task %s: the last draw has another number of images",
                         t->path, task)
               : 0;
}

static int add_task(struct comparison *c, const struct table_of *t, const struct row *rows,
                    size_t n, struct err *e)
{
    size_t n_draws, base = 0, cand = 0;
    const char *task = t->tasks.items[rows[0].task];
    if (check_task(t, rows, n, &n_draws, e)) {
        return -1;
    }
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->datasets.items[i], task) == 0) {
            return err_set(e, ERR_USAGE, "%s: task %s was there before, in another file", t->path,
                           task);
        }
    }
    struct paired_set s = {
        .n = n / n_draws, .n_blocks = n_draws, .n_pairs = n_draws, .unit = 1, .same = false};
    s.name = mem_strdup(task, e);
    s.x = mem_take(n, sizeof *s.x, e);
    if (!s.name || !s.x) {
        paired_set_release(&s);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        s.x[i] = rows[i].cand - rows[i].base;
        base += rows[i].base;
        cand += rows[i].cand;
    }
    s.base = (double)base / (double)n;
    s.cand = (double)cand / (double)n;
    return comparison_add(c, &s, task, "", "", e);
}

/* ---- the file ---- */

/* "dir/a.csv" as "a". */
static int file_title(const char *path, struct str *out, struct err *e)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    str_add_n(out, name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
    return str_check(out, e);
}

static int read_rows(struct table_of *t, struct err *e)
{
    size_t first;
    struct str title = {0};
    if (find_columns(t, &first, e) || file_title(t->path, &title, e)) {
        str_release(&title);
        return -1;
    }
    t->rows = mem_take(t->csv.n_rows, sizeof *t->rows, e);
    int rc = t->rows ? 0 : -1;
    for (size_t i = first; i < t->csv.n_rows && rc == 0; i++) {
        rc = read_row(t, &t->csv.rows[i], t->csv.rows[0].n, str_text(&title), e);
    }
    str_release(&title);
    if (rc == 0) {
        qsort(t->rows, t->n, sizeof *t->rows, by_place);
    }
    return rc;
}

/* t->csv is there, and released here. */
static int add_table(struct comparison *c, struct table_of *t, struct err *e)
{
    int rc = read_rows(t, e);
    for (size_t i = 0, n; i < t->n && rc == 0; i += n) {
        n = 1;
        while (i + n < t->n && t->rows[i + n].task == t->rows[i].task) {
            n++;
        }
        rc = add_task(c, t, t->rows + i, n, e);
    }
    free(t->rows);
    lines_release(&t->tasks);
    lines_release(&t->draws);
    csv_release(&t->csv);
    return rc;
}

int outcome_csv_add(struct comparison *c, const char *path, struct err *e)
{
    struct table_of t = {.path = path};
    return csv_read(&t.csv, path, MOST_BYTES, e) || add_table(c, &t, e) ? -1 : 0;
}

int outcome_csv_add_bytes(struct comparison *c, const char *bytes, size_t n, const char *name,
                          struct err *e)
{
    struct table_of t = {.path = name};
    return csv_parse_bytes(&t.csv, bytes, n, name, e) || add_table(c, &t, e) ? -1 : 0;
}
