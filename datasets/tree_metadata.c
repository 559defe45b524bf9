/* Hugging Face's imagefolder, after datasets/packaged_modules/folder_based_builder: rows of
 * metadata.csv or metadata.jsonl are the data set, the folders' names are no labels once there is
 * such a file. It wants one kind throughout; here each folder may have its own. */
#include "datasets/tree.h"

#include <stdlib.h>
#include <string.h>
#include "harness/base/csv.h"
#include "harness/base/err.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"

enum { MAX_METADATA = 256 << 20 };

struct row {
    size_t word;         /* label: offset in text */
    uint32_t file, line; /* where the row stands */
    uint32_t member, tail;
    signed char split;
};

struct reading {
    struct tree *t; /* with one archive */
    struct row *rows;
    size_t n, cap;
    struct str text;
    uint8_t *used; /* [members] an image has one row */
    size_t file;   /* the metadata file at work: member */
    size_t folder; /* bytes of its folder with '/' */
    size_t base;   /* bytes up to the end of its split folder, with '/'; 0: none */
    signed char split;
};

static const struct archive *archive_of(const struct reading *r)
{
    return r->t->images.archives[0];
}

static int at_line(const struct reading *r, size_t line, struct err *e)
{
    const struct archive *a = archive_of(r);
    return err_wrap(e, "%s: %s:%zu", archive_where(a), archive_name(a, r->file), line);
}

/* The first folder of a path that is a split: bytes up to and with its '/', or 0. */
static size_t split_folder(const char *path, signed char *split)
{
    enum files_split s;
    const char *from = path;
    for (const char *slash; (slash = strchr(from, '/')); from = slash + 1) {
        if (tree_split_find(from, (size_t)(slash - from), &s)) {
            *split = (signed char)s;
            return (size_t)(slash - path) + 1;
        }
    }
    return 0;
}

/* The member that file_name means, or -1 with e set. */
static int find_image(struct reading *r, const char *file_name, size_t *member, struct err *e)
{
    const struct archive *a = archive_of(r);
    char path[SOURCE_PATH];
    while (!strncmp(file_name, "./", 2)) {
        file_name += 2;
    }
    size_t n = strlen(file_name);
    if (!n || n + r->folder >= sizeof path) {
        return err_set(e, ERR_FORMAT, "a file_name of %zu bytes", n);
    }
    memcpy(path, archive_name(a, r->file), r->folder);
    memcpy(path + r->folder, file_name, n + 1);
    *member = archive_find(a, path);
    if (*member == SIZE_MAX) {
        return err_set(e, ERR_ABSENT, "%.200s is not there", file_name);
    }
    if (r->used[*member]) {
        return err_set(e, ERR_FORMAT, "%.200s: a second time", file_name);
    }
    r->used[*member] = 1;
    return 0;
}

static int take_row(struct reading *r, const char *file_name, const char *label, size_t line,
                    struct err *e)
{
    size_t member;
    void *rows = r->rows;
    if (find_image(r, file_name, &member, e) ||
        mem_grow(&rows, &r->cap, r->n + 1, sizeof *r->rows, e)) {
        return -1;
    }
    r->rows = rows;
    signed char split = r->split;
    size_t tail = r->base;
    if (!tail) { /* metadata above the split folders, or without any */
        tail = split_folder(archive_name(archive_of(r), member), &split);
    }
    r->rows[r->n++] = (struct row){
        .word = r->text.len,
        .file = (uint32_t)r->file,
        .line = (uint32_t)line,
        .member = (uint32_t)member,
        .tail = (uint32_t)tail,
        .split = split,
    };
    str_add_n(&r->text, label, strlen(label) + 1);
    return str_check(&r->text, e);
}

static const char *const label_columns[] = {"label", "class"};

static size_t find_column(const struct csv_row *head, const char *name)
{
    for (size_t i = 0; i < head->n; i++) {
        if (!strcmp(head->fields[i], name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static int take_csv_rows(struct reading *r, const struct csv *csv, struct err *e)
{
    if (!csv->n_rows) {
        err_set(e, ERR_FORMAT, "no header");
        return at_line(r, 1, e);
    }
    const struct csv_row *head = &csv->rows[0];
    size_t file = find_column(head, "file_name"), label = find_column(head, label_columns[0]);
    label = label == SIZE_MAX ? find_column(head, label_columns[1]) : label;
    if (file == SIZE_MAX || label == SIZE_MAX) {
        err_set(e, ERR_FORMAT, "no column %s", file == SIZE_MAX ? "file_name" : "label");
        return at_line(r, head->line, e);
    }
    for (size_t i = 1; i < csv->n_rows; i++) {
        const struct csv_row *row = &csv->rows[i];
        if (row->n != head->n) {
            err_set(e, ERR_FORMAT, "%zu fields, %zu in the header", row->n, head->n);
            return at_line(r, row->line, e);
        }
        if (take_row(r, row->fields[file], row->fields[label], row->line, e)) {
            return at_line(r, row->line, e);
        }
    }
    return 0;
}

static int take_csv(struct reading *r, const char *text, size_t n, struct err *e)
{
    struct csv csv = {0};
    const char *name = archive_name(archive_of(r), r->file);
    if (csv_parse_bytes(&csv, text, n, name, e)) {
        return err_wrap(e, "%s", archive_where(archive_of(r)));
    }
    int rc = take_csv_rows(r, &csv, e);
    csv_release(&csv);
    return rc;
}

/* The label of a JSON row: a string, or a whole number as its decimals. */
static int json_label(const struct json *row, struct str *label, struct err *e)
{
    int64_t number;
    for (size_t i = 0; i < 2; i++) {
        const struct json *v = json_get(row, label_columns[i]);
        if (json_text(v)) {
            str_add(label, json_text(v));
            return str_check(label, e);
        }
        if (json_i64(v, &number)) {
            str_addf(label, "%lld", (long long)number);
            return str_check(label, e);
        }
        if (v) {
            return err_set(e, ERR_FORMAT, "%s is neither a whole number nor a string",
                           label_columns[i]);
        }
    }
    return err_set(e, ERR_FORMAT, "no label");
}

static int take_json_row(struct reading *r, const char *line, size_t len, size_t number,
                         struct err *e)
{
    struct str label = {0};
    struct json *row = json_parse(line, len, "JSON", e);
    const char *file_name = json_text(json_get(row, "file_name"));
    int rc = row ? 0 : -1;
    if (!rc && !file_name) {
        rc = err_set(e, ERR_FORMAT, "no string file_name");
    }
    rc = rc ? rc : json_label(row, &label, e);
    rc = rc ? rc : take_row(r, file_name, str_text(&label), number, e);
    str_release(&label);
    json_close(row);
    return rc ? at_line(r, number, e) : 0;
}

static int take_jsonl(struct reading *r, const char *text, size_t n, struct err *e)
{
    struct images_lines lines = {.text = text, .n = n};
    while (images_next_line(&lines)) {
        if (take_json_row(r, lines.line, lines.len, lines.number, e)) {
            return -1;
        }
    }
    return 0;
}

static int take_file(struct reading *r, size_t member, bool csv, struct err *e)
{
    const struct archive *a = archive_of(r);
    const char *name = archive_name(a, member), *slash = strrchr(name, '/');
    unsigned char *text;
    size_t n;
    r->file = member;
    r->folder = slash ? (size_t)(slash - name) + 1 : 0;
    r->split = FILES_TRAIN;
    r->base = split_folder(name, &r->split);
    if (archive_read_alloc(a, member, MAX_METADATA, &text, &n, e)) {
        return -1;
    }
    size_t before = r->n;
    int rc = (csv ? take_csv : take_jsonl)(r, (const char *)text, n, e);
    if (!rc && r->n == before) {
        rc = err_set(e, ERR_FORMAT, "%s: %s: no image", archive_where(a), name);
    }
    free(text);
    return rc;
}

/* Is the base name of the path this? */
static bool is_named(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    return !strcmp(slash ? slash + 1 : path, name);
}

/* 1 for a metadata file, *csv which kind; 0 for others; -1 for what cannot be read. */
static int judge(const struct archive *a, size_t member, bool *csv, struct err *e)
{
    const char *name = archive_name(a, member);
    *csv = is_named(name, "metadata.csv");
    if (is_named(name, "metadata.parquet")) {
        return err_set(e, ERR_FORMAT,
                       "%s: %s: of Hugging Face's metadata .csv and .jsonl can be read",
                       archive_where(a), name);
    }
    return *csv || is_named(name, "metadata.jsonl");
}

/* A folder has one metadata file. */
static int check_alone(const struct archive *a, size_t member, struct err *e)
{
    char other[SOURCE_PATH];
    const char *name = archive_name(a, member);
    size_t n = strlen(name) - strlen("jsonl");
    if (!is_named(name, "metadata.jsonl") || n + sizeof "csv" > sizeof other) {
        return 0;
    }
    memcpy(other, name, n);
    strcpy(other + n, "csv");
    if (archive_find(a, other) == SIZE_MAX) {
        return 0;
    }
    return err_set(e, ERR_FORMAT, "%s: %s beside metadata.csv: which of them is right?",
                   archive_where(a), name);
}

static int add_rows(struct reading *r, struct err *e)
{
    size_t bad = SIZE_MAX;
    const char **words = mem_take(r->n, sizeof *words, e);
    int32_t *labels = mem_take(r->n, sizeof *labels, e);
    int rc = words && labels ? 0 : -1;
    for (size_t i = 0; i < r->n && !rc; i++) {
        words[i] = r->text.data + r->rows[i].word;
    }
    rc = rc ? rc : label_words_take(words, r->n, labels, &r->t->classes, &bad, e);
    if (rc && bad != SIZE_MAX) {
        r->file = r->rows[bad].file;
        at_line(r, r->rows[bad].line, e);
    }
    for (size_t i = 0; i < r->n && !rc; i++) {
        const struct row *row = &r->rows[i];
        rc = images_add(&r->t->images, (size_t)row->split, 0, row->member, labels[i], row->tail, e);
    }
    free(labels);
    free(words);
    return rc;
}

/* Reads the metadata files of an archive that has some. */
static int read_files(struct reading *r, struct err *e)
{
    struct archive *a = r->t->images.archives[0];
    r->used = mem_take(archive_count(a), 1, e);
    int rc = r->used ? archive_sort(a, e) : -1;
    for (size_t i = 0; i < archive_count(a) && !rc; i++) {
        rc = check_alone(a, i, e);
    }
    for (size_t i = 0; i < archive_count(a) && !rc; i++) {
        bool csv;
        if (judge(a, i, &csv, e) > 0) {
            rc = take_file(r, i, csv, e);
        }
    }
    return rc ? rc : add_rows(r, e);
}

int tree_read_metadata(struct tree *t, bool *found, struct err *e)
{
    struct reading r = {.t = t};
    const struct archive *a = archive_of(&r);
    *found = false;
    for (size_t i = 0; i < archive_count(a); i++) {
        bool csv;
        int rc = judge(a, i, &csv, e);
        if (rc < 0) {
            return -1;
        }
        *found = *found || rc;
    }
    int rc = *found ? read_files(&r, e) : 0;
    free(r.used);
    free(r.rows);
    str_release(&r.text);
    return rc;
}
