/* One YAML document to a draft. Nested and dotted keys are the same thing: a walk joins keys with
 * dots until they name a knob, and hands the knob and its value to whoever reads that part. */
#include "harness/runfile_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/yaml.h"

enum { KEY_BYTES = 128 };

struct doc {
    struct draft *d;
    const char *name; /* of the file */
    struct err *e;
};

static struct place place_of(const struct doc *doc, const struct yaml_node *n)
{
    return (struct place){doc->name, n->line, n->column};
}

static int fail(const struct doc *doc, const struct yaml_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(const struct doc *doc, const struct yaml_node *n, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct place at = place_of(doc, n);
    return place_fail(doc->e, &at, "%s", text);
}

/* ---- keys ---- */

static bool is_names(const struct knob *k)
{
    return strcmp(knob_key(k), k->key) != 0;
}

/* Do keys of knobs begin with key and a dot? */
static bool is_group(const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < knobs_n; i++) {
        if (strncmp(knobs[i].key, key, n) == 0 && knobs[i].key[n] == '.') {
            return true;
        }
    }
    return false;
}

struct walk {
    struct doc *doc;
    int (*leaf)(struct doc *doc, const struct knob *k, const struct yaml_node *value, void *ctx);
    /* Takes select.KNOB; NULL where there is no such key. */
    int (*select)(struct doc *doc, const struct knob *k, const struct yaml_node *value);
    void *ctx;
};

static int walk_map(const struct walk *w, const struct yaml_node *map, const char *prefix);

static int walk_key(const struct walk *w, const struct yaml_node *node, const char *key)
{
    static const char select[] = "select.";
    const struct knob *k = knob_of_key(key);
    if (k) {
        return w->leaf(w->doc, k, node, w->ctx);
    }
    const char *selected = w->select && str_starts(key, select) ? key + strlen(select) : NULL;
    k = selected ? knob_of_key(selected) : NULL;
    if (k) {
        return w->select(w->doc, k, node);
    }
    if (!is_group(key) && !(selected && is_group(selected))) {
        struct place at = place_of(w->doc, node);
        return unknown_key(key, &at, w->doc->e);
    }
    if (node->kind == YAML_MAP) {
        return walk_map(w, node, key);
    }
    bool named = node->kind == YAML_SCALAR && strcmp(key, "select") != 0;
    return fail(w->doc, node, "%s: a map is wanted, like %s: {%s: %.40s}", key, key,
                strcmp(key, "preprocess") == 0 ? "preset" : named ? "name"
                                                                  : "KNOB",
                named ? node->text : "VALUE");
}

static int walk_map(const struct walk *w, const struct yaml_node *map, const char *prefix)
{
    for (const struct yaml_node *c = map->child; c; c = c->next) {
        char key[KEY_BYTES];
        int n = snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", c->key);
        if (n < 0 || (size_t)n >= sizeof key) {
            return fail(w->doc, c, "unknown key '%.80s...'", c->key);
        }
        if (walk_key(w, c, key)) {
            return -1;
        }
    }
    return 0;
}

/* ---- values ---- */

static int want_scalar(const struct doc *doc, const struct knob *k, const struct yaml_node *n)
{
    return n->kind == YAML_SCALAR
               ? 0
               : fail(doc, n, "%s: one value is wanted here; lists belong in sweep:", knob_key(k));
}

/* The scalars of a list, each a number, joined by sep behind what text holds. */
static int join_numbers(const struct doc *doc, const struct yaml_node *list, char sep,
                        struct str *text)
{
    if (list->kind != YAML_LIST || !list->n_children) {
        return fail(doc, list, "a list of numbers is wanted");
    }
    for (const struct yaml_node *c = list->child; c; c = c->next) {
        double v;
        if (c->kind != YAML_SCALAR || !str_to_double(c->text, &v)) {
            return fail(doc, c, "a number is wanted");
        }
        str_add(text, c->text);
        if (c->next) {
            str_add_char(text, sep);
        }
    }
    return 0;
}

static bool is_map_of(const struct yaml_node *node, const char *key)
{
    return node->kind == YAML_MAP && node->n_children == 1 && strcmp(node->child->key, key) == 0;
}

static bool is_log(const struct yaml_node *node)
{
    return is_map_of(node, "log2") || is_map_of(node, "log10");
}

/* {log2: [A, B]} as "log2:A:B", {log10: [A, B, N]} as "log10:A:B:N". */
static int log_text(const struct doc *doc, const struct yaml_node *node, struct str *text)
{
    str_addf(text, "%s:", node->child->key);
    return join_numbers(doc, node->child, ':', text);
}

/* The n values of a list into an axis of one knob. */
static int put_list(struct doc *doc, const struct knob *k, const struct yaml_node *list,
                    enum axis_kind kind)
{
    struct place at = place_of(doc, list);
    if (!list->n_children) {
        return fail(doc, list, "%s: an empty list", knob_key(k));
    }
    struct axis *a = draft_axis(doc->d, kind, &k, 1, list->n_children, &at, doc->e);
    if (!a) {
        return -1;
    }
    size_t i = 0;
    for (const struct yaml_node *c = list->child; c; c = c->next, i++) {
        at = place_of(doc, c);
        if (c->kind != YAML_SCALAR) {
            return fail(doc, c, "%s: a list of single values is wanted", knob_key(k));
        }
        if (axis_put(doc->d, a, i, 0, c->text, &at, doc->e)) {
            return -1;
        }
    }
    return 0;
}

/* {range: [A, B]}: whole numbers, both ends included. */
static int put_range(struct doc *doc, const struct knob *k, const struct yaml_node *range)
{
    int64_t low, high;
    struct place at = place_of(doc, range);
    const struct yaml_node *a = range->child, *b = a ? a->next : NULL;
    if (range->kind != YAML_LIST || range->n_children != 2 || a->kind != YAML_SCALAR ||
        b->kind != YAML_SCALAR || !str_to_i64(a->text, &low) || !str_to_i64(b->text, &high) ||
        low > high) {
        return fail(doc, range, "range wants two whole numbers that go up: {range: [0, 4]}");
    }
    uint64_t steps = (uint64_t)high - (uint64_t)low;
    if (steps >= RUNFILE_MAX_CELLS) {
        return fail(doc, range, "a range of more than %d values", RUNFILE_MAX_CELLS);
    }
    struct axis *axis = draft_axis(doc->d, AXIS_SWEEP, &k, 1, (size_t)steps + 1, &at, doc->e);
    for (size_t i = 0; axis && i < axis->n; i++) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)(low + (int64_t)i));
        if (axis_put(doc->d, axis, i, 0, text, &at, doc->e)) {
            return -1;
        }
    }
    return axis ? 0 : -1;
}

/* {log2: [A, B]} or {log10: [A, B, N]}. */
static int put_log(struct doc *doc, const struct knob *k, const struct yaml_node *node)
{
    struct place at = place_of(doc, node->child);
    struct str text = {0}, value = {0};
    double *v = NULL;
    size_t n = 0;
    struct axis *a = NULL;
    int rc = -1;
    if (log_text(doc, node, &text) || str_check(&text, doc->e)) {
        goto out;
    }
    if (grid_parse(str_text(&text), &v, &n, doc->e) ||
        grid_text(str_text(&text), &value, doc->e)) {
        place_wrap(doc->e, &at);
        goto out;
    }
    a = draft_axis(doc->d, AXIS_SWEEP, &k, 1, n, &at, doc->e);
    if (!a) {
        goto out;
    }
    a->grid = mem_strdup(str_text(&value), doc->e);
    if (!a->grid) {
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        str_clear(&value);
        if (k->type == KNOB_INT) {
            str_addf(&value, "%.15g", v[i]);
        } else {
            str_add_double(&value, v[i]);
        }
        if (axis_put(doc->d, a, i, 0, str_text(&value), &at, doc->e)) {
            goto out;
        }
    }
    rc = 0;
out:
    free(v);
    str_release(&value);
    str_release(&text);
    return rc;
}

/* ---- parts of a document ---- */

static int read_names(struct doc *doc, const struct knob *k, const struct yaml_node *node)
{
    enum axis_kind kind = strcmp(k->key, "model") == 0 ? AXIS_MODELS : AXIS_DATASETS;
    if (node->kind == YAML_LIST) {
        return put_list(doc, k, node, kind);
    }
    if (node->kind != YAML_SCALAR) {
        return fail(doc, node, "%s: a name or a list of names is wanted", knob_key(k));
    }
    struct place at = place_of(doc, node);
    struct axis *a = draft_axis(doc->d, kind, &k, 1, 1, &at, doc->e);
    return a ? axis_put(doc->d, a, 0, 0, node->text, &at, doc->e) : -1;
}

static int base_leaf(struct doc *doc, const struct knob *k, const struct yaml_node *value,
                     void *ctx)
{
    (void)ctx;
    if (is_names(k)) {
        return read_names(doc, k, value);
    }
    struct place at = place_of(doc, value);
    return want_scalar(doc, k, value) ? -1 : draft_set(doc->d, k, value->text, &at, doc->e);
}

/* select: {KNOB: GRID} */
static int select_leaf(struct doc *doc, const struct knob *k, const struct yaml_node *value)
{
    struct place at = place_of(doc, value);
    struct str grid = {0};
    int rc = -1;
    str_addf(&grid, "%s=", k->key);
    if (is_log(value)) {
        rc = log_text(doc, value, &grid);
    } else if (value->kind == YAML_LIST) {
        str_add(&grid, "list:");
        rc = join_numbers(doc, value, ',', &grid);
    } else {
        fail(doc, value,
             "select.%s: a list is wanted: [V, ...], {log2: [A, B]}, {log10: [A, B]} or "
             "{log10: [A, B, N]}",
             knob_key(k));
    }
    if (rc == 0) {
        rc = str_check(&grid, doc->e)
                 ? -1
                 : draft_set(doc->d, knob_of_key("select.grid"), str_text(&grid), &at, doc->e);
    }
    str_release(&grid);
    return rc;
}

static int refuse_names(struct doc *doc, const struct knob *k, const struct yaml_node *node)
{
    return is_names(k) ? fail(doc, node, "%s are an axis of their own: %s: [...] at the top level",
                              knob_key(k), knob_key(k))
                       : 0;
}

static int sweep_leaf(struct doc *doc, const struct knob *k, const struct yaml_node *value,
                      void *ctx)
{
    (void)ctx;
    if (refuse_names(doc, k, value)) {
        return -1;
    }
    if (value->kind == YAML_LIST) {
        return put_list(doc, k, value, AXIS_SWEEP);
    }
    if (is_log(value)) {
        return put_log(doc, k, value);
    }
    if (is_map_of(value, "range")) {
        return put_range(doc, k, value->child);
    }
    return fail(doc, value, "%s: a list is wanted: [V, ...], {range: [A, B]}, {log2: [A, B]}, "
                            "{log10: [A, B]} or {log10: [A, B, N]}",
                knob_key(k));
}

/* Knobs and values of one entry of zip or exclude. */
struct row {
    const struct knob **ks;         /* [n] of room for knobs_n */
    const struct yaml_node **nodes; /* [n] */
    size_t n;
};

static int row_leaf(struct doc *doc, const struct knob *k, const struct yaml_node *value, void *ctx)
{
    struct row *row = ctx;
    for (size_t i = 0; i < row->n; i++) {
        if (row->ks[i] == k) {
            return fail(doc, value, "%s is set here and in line %zu: leave one out", knob_key(k),
                        row->nodes[i]->line);
        }
    }
    row->ks[row->n] = k;
    row->nodes[row->n++] = value;
    return want_scalar(doc, k, value);
}

static int zip_leaf(struct doc *doc, const struct knob *k, const struct yaml_node *value, void *ctx)
{
    return refuse_names(doc, k, value) ? -1 : row_leaf(doc, k, value, ctx);
}

static int row_init(struct row *row, struct err *e)
{
    row->ks = mem_take(knobs_n, sizeof *row->ks, e);
    row->nodes = mem_take(knobs_n, sizeof *row->nodes, e);
    return row->ks && row->nodes ? 0 : -1;
}

static void row_release(struct row *row)
{
    free(row->ks);
    free(row->nodes);
}

static int read_row(struct row *row, struct doc *doc, const struct yaml_node *node,
                    const char *section)
{
    bool zip = strcmp(section, "zip") == 0;
    struct walk w = {.doc = doc, .leaf = zip ? zip_leaf : row_leaf, .ctx = row};
    row->n = 0;
    if (node->kind != YAML_MAP || !node->n_children) {
        return fail(doc, node, "%s: an entry is a map, like - {regime.k: 1}", section);
    }
    return walk_map(&w, node, "");
}

/* The row's values into the axis, by knob. */
static int put_row(struct doc *doc, struct axis *a, size_t i, const struct row *row,
                   const struct yaml_node *node)
{
    for (size_t c = 0; c < a->n_knobs; c++) {
        size_t at = 0;
        while (at < row->n && row->ks[at] != a->ks[c]) {
            at++;
        }
        if (at == row->n) {
            return fail(doc, node, "zip: %s is missing here: all entries have the same keys",
                        knob_key(a->ks[c]));
        }
        struct place where = place_of(doc, row->nodes[at]);
        if (axis_put(doc->d, a, i, c, row->nodes[at]->text, &where, doc->e)) {
            return -1;
        }
    }
    if (row->n > a->n_knobs) {
        return fail(doc, node, "zip: this entry has more keys than the first: all have the same");
    }
    return 0;
}

static int read_zip(struct doc *doc, const struct yaml_node *node)
{
    doc->d->has_zip = true;
    if (node->kind != YAML_LIST) {
        return fail(doc, node, "zip: a list of maps is wanted");
    }
    struct row row = {0};
    struct axis *a = NULL;
    int rc = row_init(&row, doc->e);
    size_t i = 0;
    for (const struct yaml_node *c = node->child; c && rc == 0; c = c->next, i++) {
        rc = read_row(&row, doc, c, "zip");
        if (rc == 0 && !a) {
            struct place at = place_of(doc, c);
            a = draft_axis(doc->d, AXIS_ZIP, row.ks, row.n, node->n_children, &at, doc->e);
        }
        rc = rc == 0 && a ? put_row(doc, a, i, &row, c) : -1;
    }
    row_release(&row);
    return rc;
}

static int read_exclude(struct doc *doc, const struct yaml_node *node)
{
    doc->d->has_exclude = true;
    if (node->kind != YAML_LIST) {
        return fail(doc, node, "exclude: a list of maps is wanted");
    }
    struct row row = {0};
    int rc = row_init(&row, doc->e);
    for (const struct yaml_node *c = node->child; c && rc == 0; c = c->next) {
        struct place at = place_of(doc, c);
        rc = read_row(&row, doc, c, "exclude");
        struct exclude *x = rc == 0 ? draft_exclude(doc->d, row.n, &at, doc->e) : NULL;
        rc = x ? 0 : -1;
        for (size_t i = 0; i < row.n && rc == 0; i++) {
            at = place_of(doc, row.nodes[i]);
            rc = exclude_put(doc->d, x, i, row.ks[i], row.nodes[i]->text, &at, doc->e);
        }
    }
    row_release(&row);
    return rc;
}

static int read_sweep(struct doc *doc, const struct yaml_node *node)
{
    struct walk w = {.doc = doc, .leaf = sweep_leaf};
    doc->d->has_sweep = true;
    return node->kind == YAML_MAP ? walk_map(&w, node, "")
                                  : fail(doc, node, "sweep: a map is wanted, KNOB: [VALUES]");
}

static int read_name(struct doc *doc, const struct yaml_node *node)
{
    struct place at = place_of(doc, node);
    return node->kind == YAML_SCALAR ? draft_name(doc->d, node->text, &at, doc->e)
                                     : fail(doc, node, "name: one word is wanted");
}

int draft_read(struct draft *d, const struct yaml_node *root, const char *name, struct err *e)
{
    struct doc doc = {d, name, e};
    struct walk base = {.doc = &doc, .leaf = base_leaf, .select = select_leaf};
    if (root->kind != YAML_MAP) {
        return fail(&doc, root, "a run file is a map of keys: name:, models:, datasets: ...");
    }
    for (const struct yaml_node *c = root->child; c; c = c->next) {
        int rc = strcmp(c->key, "include") == 0   ? 0
                 : strcmp(c->key, "name") == 0    ? read_name(&doc, c)
                 : strcmp(c->key, "sweep") == 0   ? read_sweep(&doc, c)
                 : strcmp(c->key, "zip") == 0     ? read_zip(&doc, c)
                 : strcmp(c->key, "exclude") == 0 ? read_exclude(&doc, c)
                                                  : walk_key(&base, c, c->key);
        if (rc) {
            return -1;
        }
    }
    return 0;
}
