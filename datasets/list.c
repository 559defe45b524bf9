/* list:FILE.csv: a line an image, path,label[,split]. The first row may name the columns, then in
 * any order and among others; without it the columns stand as above. Relative paths start at the
 * folder of the csv file. Labels that are all whole numbers stay what they are (classes are 0 to
 * the largest); otherwise they are names, numbered in the order of their bytes. Splits are train,
 * val (or validation) and test; without the column all is train. No path may occur twice.
 *
 * The id is the path as written. The canonical order is not that of the lines but
 * md5(salt || id), as in TFDS. */
#include "datasets/files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "harness/base/csv.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/tensor.h"

enum column { PATH,
              LABEL,
              SPLIT,
              COLUMNS };
static const char *const column_names[COLUMNS] = {"path", "label", "split"};

struct list {
    struct files *f;
    struct csv csv;
    size_t first;           /* row behind the header */
    size_t column[COLUMNS]; /* field; SIZE_MAX: no such column */
};

static const char *field(const struct list *l, size_t row, enum column c)
{
    return l->csv.rows[row].fields[l->column[c]];
}

/* Finds the columns: by name where the first row has "path" and "label". */
static void find_columns(struct list *l)
{
    const struct csv_row *head = &l->csv.rows[0];
    for (size_t c = 0; c < COLUMNS; c++) {
        l->column[c] = SIZE_MAX;
        for (size_t i = head->n; i-- > 0;) {
            l->column[c] = strcasecmp(head->fields[i], column_names[c]) ? l->column[c] : i;
        }
    }
    l->first = 1;
    if (l->column[PATH] == SIZE_MAX || l->column[LABEL] == SIZE_MAX) {
        l->first = 0;
        l->column[PATH] = 0;
        l->column[LABEL] = 1;
        l->column[SPLIT] = head->n > 2 ? 2 : SIZE_MAX;
    }
}

static int check_rows(const struct list *l, struct err *e)
{
    size_t n = l->csv.rows[0].n;
    if (n < 2 || (!l->first && n > 3)) {
        return err_set(e, ERR_FORMAT, "%s:%zu: %zu fields, path,label[,split] expected",
                       l->f->where, l->csv.rows[0].line, n);
    }
    for (size_t i = l->first; i < l->csv.n_rows; i++) {
        const struct csv_row *row = &l->csv.rows[i];
        if (row->n != n) {
            return err_set(e, ERR_FORMAT, "%s:%zu: %zu fields, %zu in the first row", l->f->where,
                           row->line, row->n, n);
        }
    }
    return 0;
}

static int find_split(const struct list *l, size_t row, enum files_split *split, struct err *e)
{
    static const struct {
        const char *name;
        enum files_split split;
    } names[] = {{"train", FILES_TRAIN},
                 {"val", FILES_VAL},
                 {"validation", FILES_VAL},
                 {"test", FILES_TEST}};
    *split = FILES_TRAIN;
    if (l->column[SPLIT] == SIZE_MAX) {
        return 0;
    }
    const char *word = field(l, row, SPLIT);
    struct near near;
    near_init(&near, word);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!strcmp(word, names[i].name)) {
            *split = names[i].split;
            return 0;
        }
        near_add(&near, names[i].name);
    }
    return err_set(e, ERR_FORMAT, "%s:%zu: split '%.60s' is none of train, val, validation, test%s",
                   l->f->where, l->csv.rows[row].line, word, near_text(&near));
}

static int take_labels(const struct list *l, int32_t *labels, struct err *e)
{
    size_t n = l->csv.n_rows - l->first, bad;
    const char **words = mem_take(n, sizeof *words, e);
    if (!words) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        words[i] = field(l, l->first + i, LABEL);
    }
    int rc = label_words_take(words, n, labels, &l->f->classes, &bad, e);
    if (rc && bad != SIZE_MAX) {
        err_wrap(e, "%s:%zu", l->f->where, l->csv.rows[l->first + bad].line);
    }
    free(words);
    return rc;
}

struct line {
    const char *path;
    size_t row;
};

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    return order ? order : x->row < y->row ? -1
                                           : x->row > y->row;
}

/* One image in two splits would be as wrong as one twice in a split. */
static int check_distinct(const struct list *l, struct err *e)
{
    size_t n = l->csv.n_rows - l->first, second = SIZE_MAX;
    struct line *lines = mem_take(n, sizeof *lines, e);
    if (!lines) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        lines[i] = (struct line){field(l, l->first + i, PATH), l->first + i};
    }
    qsort(lines, n, sizeof *lines, compare_lines);
    for (size_t i = 1; i < n; i++) {
        if (!strcmp(lines[i].path, lines[i - 1].path)) {
            second = lines[i].row < second ? lines[i].row : second;
        }
    }
    free(lines);
    if (second == SIZE_MAX) {
        return 0;
    }
    return err_set(e, ERR_FORMAT, "%s:%zu: %.200s: a second time in the list", l->f->where,
                   l->csv.rows[second].line, field(l, second, PATH));
}

static int add_files(struct list *l, struct err *e)
{
    int32_t *labels = mem_take(l->csv.n_rows - l->first, sizeof *labels, e);
    int rc = labels ? take_labels(l, labels, e) : -1;
    for (size_t i = l->first; i < l->csv.n_rows && !rc; i++) {
        enum files_split split;
        rc = find_split(l, i, &split, e);
        if (!rc && files_add(l->f, split, field(l, i, PATH), labels[i - l->first], e)) {
            rc = err_wrap(e, "%s:%zu", l->f->where, l->csv.rows[i].line);
        }
    }
    free(labels);
    return rc;
}

static int read_list(struct list *l, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    for (size_t s = 0; s < FILES_SPLITS; s++) {
        size_t n = slash ? (size_t)(slash - path) : 1;
        memcpy(l->f->base[s], slash ? path : ".", n);
        l->f->base[s][n] = 0;
    }
    if (csv_read(&l->csv, path, 0, e)) {
        return -1;
    }
    if (!l->csv.n_rows) {
        return err_set(e, ERR_FORMAT, "%s: empty", path);
    }
    find_columns(l);
    if (l->csv.n_rows == l->first) {
        return err_set(e, ERR_FORMAT, "%s: no image", path);
    }
    return check_rows(l, e) || check_distinct(l, e) || add_files(l, e) ? -1 : 0;
}

static int list_open(void **state, const struct dataset_desc *d, const char *path,
                     const struct dataset_dirs *where, struct err *e)
{
    (void)d, (void)where; /* the path says it all */
    struct list l = {0};
    if (files_new(&l.f, path, e)) {
        return -1;
    }
    int rc = read_list(&l, path, e);
    csv_release(&l.csv);
    if (rc) {
        files_close(l.f);
        return -1;
    }
    *state = l.f;
    return 0;
}

const struct source_ops source_list = {
    .name = "list",
    .sources = "datasets/list.c datasets/files.c datasets/label_words.c",
    .open = list_open,
    .close = files_close,
    .count = files_count,
    .label = files_label,
    .key = files_copy_key,
    .encoded_bytes = files_encoded_bytes,
    .read = files_read,
    .hint = files_hint,
    .n_classes = files_n_classes,
    .class_name = files_class_name,
    .splits = files_splits,
    .where = files_where,
};
