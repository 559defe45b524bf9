/* What people see of knobs and metrics. Values come from the list of knobs that a record holds;
 * the conditions repeat where the knob has a meaning, so that a table is blank there and not
 * filled with defaults that nothing used. */
#include "results/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/record.h"

struct knob_view {
    const char *key, *head;
    enum view_role role;
    /* Applies where this knob has one of these values ("a|b"); NULL: everywhere. */
    const char *needs, *values;
};
static const struct knob_view knob_views[] = {
    {"model", "model", VIEW_HIDDEN, NULL, NULL}, /* has a column of its own */
    {"dataset", "dataset", VIEW_HIDDEN, NULL, NULL},
    {"regime.name", "regime", VIEW_MINOR, NULL, NULL},
    {"regime.split", "split", VIEW_MAIN, "regime.name", "full|kshot|first-n"},
    {"regime.rule", "rule", VIEW_MAIN, "regime.name", "kshot"},
    {"regime.k", "shots", VIEW_MAIN, "regime.name", "kshot"},
    {"regime.n", "train", VIEW_MAIN, "regime.name", "first-n"},
    {"regime.draw", "draw", VIEW_REPLICATE, "regime.name", "kshot"},
    {"adapt.name", "adapt", VIEW_MAIN, NULL, NULL},
    {"adapt.l2", "l2", VIEW_MAIN, "adapt.name", "ridge"},
    {"adapt.c", "C", VIEW_MAIN, "adapt.name", "logistic"},
    {"adapt.bias", "bias", VIEW_MAIN, "adapt.name", "ridge"},
    {"adapt.standardize", "std", VIEW_MAIN, "adapt.name", "ridge"},
    {"adapt.head_map", "head map", VIEW_MAIN, "adapt.name", "none"},
    {"preprocess.preset", "preset", VIEW_MINOR, NULL, NULL},
    {"preprocess.kernel", "kernel", VIEW_MAIN, NULL, NULL},
    {"preprocess.decode", "decode", VIEW_MAIN, NULL, NULL},
    {"preprocess.mode", "mode", VIEW_MAIN, NULL, NULL},
    {"preprocess.range", "range", VIEW_MAIN, NULL, NULL},
    {"preprocess.resize", "resize", VIEW_MINOR, NULL, NULL},
    {"preprocess.crop", "size", VIEW_MAIN, NULL, NULL},
    {"select.grid", "grid", VIEW_MINOR, NULL, NULL},
    {"select.on", "chosen on", VIEW_MINOR, NULL, NULL},
    {"test", "test split", VIEW_MAIN, NULL, NULL},
    {"outcomes", "outcomes", VIEW_HIDDEN, NULL, NULL},
    {"seed", "seed", VIEW_REPLICATE, NULL, NULL},
};

static const struct knob_view *find(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(knob_views); i++) {
        if (strcmp(knob_views[i].key, key) == 0) {
            return &knob_views[i];
        }
    }
    return NULL;
}

enum view_role view_role(const char *key)
{
    const struct knob_view *v = find(key);
    return v ? v->role : VIEW_MAIN;
}

const char *view_head(const char *key)
{
    const struct knob_view *v = find(key);
    return v ? v->head : key;
}

const char *view_key(const char *head)
{
    for (size_t i = 0; i < ARRAY_LEN(knob_views); i++) {
        if (strcmp(knob_views[i].head, head) == 0) {
            return knob_views[i].key;
        }
    }
    return head;
}

const char *view_axis(const char *key)
{
    static const struct {
        const char *key, *title;
    } list[] = {
        {"regime.k", "training images per class"},
        {"regime.n", "training images"},
        {"adapt.l2", "weight of L2 regularisation"},
        {"adapt.c", "C, inverse weight of regularisation"},
        {"adapt.bias", "constant feature"},
        {"preprocess.crop", "side of the network's input (pixels)"},
        {"preprocess.resize", "side before the crop (pixels)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        if (strcmp(list[i].key, key) == 0) {
            return list[i].title;
        }
    }
    return view_head(key);
}

static const char *knob(const struct record *r, const char *key)
{
    const char *value = pairs_get(&r->knobs, key);
    return value ? value : "";
}

/* Is word one of "a|b|c"? */
static bool one_of(const char *word, const char *list)
{
    size_t n = strlen(word);
    while (list) {
        if (strncmp(list, word, n) == 0 && (list[n] == '|' || list[n] == '\0')) {
            return true;
        }
        list = strchr(list, '|');
        list = list ? list + 1 : NULL;
    }
    return false;
}

/* Is the knob chosen inside the cell? select.grid is "KNOB=GRID". */
static bool is_selected(const struct record *r, const char *key)
{
    const char *grid = knob(r, "select.grid");
    size_t n = strlen(key);
    return strncmp(grid, key, n) == 0 && grid[n] == '=';
}

bool view_applies(const struct record *r, const char *key)
{
    const struct knob_view *v = find(key);
    if (strcmp(key, "select.on") == 0) {
        return *knob(r, "select.grid") != '\0';
    }
    return !v || !v->needs || one_of(knob(r, v->needs), v->values);
}

void view_knob(const struct record *r, const char *key, struct str *out)
{
    if (!view_applies(r, key)) {
        bool all = strcmp(key, "regime.k") == 0 && strcmp(knob(r, "regime.name"), "full") == 0;
        str_add(out, all ? "all" : "");
    } else if (is_selected(r, key)) {
        str_addf(out, "by %s", knob(r, "select.on"));
    } else {
        str_add(out, knob(r, key));
    }
}

/* Names of values in words; others stand for themselves. */
static const char *in_words(const char *value)
{
    static const struct {
        const char *value, *words;
    } list[] = {
        {"kshot", "few-shot"},
        {"full", "full training set"},
        {"first-n", "part of the training set"},
        {"vtab-800", "VTAB's 800 training images"},
        {"vtab-1000", "VTAB's 1,000 training images"},
        {"ridge", "ridge regression"},
        {"logistic", "logistic regression"},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        if (strcmp(list[i].value, value) == 0) {
            return list[i].words;
        }
    }
    return value;
}

const char *view_adapt(const struct record *r)
{
    const char *name = knob(r, "adapt.name");
    return strcmp(name, "none") == 0 ? "the checkpoint's own head" : in_words(name);
}

const char *view_regime(const struct record *r)
{
    const char *name = knob(r, "regime.name");
    return strcmp(name, "none") == 0 ? "no training images" : in_words(name);
}

/* ---- order ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(const char *s)
{
    size_t n = 0;
    while (is_digit(s[n])) {
        n++;
    }
    return n;
}

static int compare_natural(const char *a, const char *b)
{
    while (*a && *b) {
        if (is_digit(*a) && is_digit(*b)) {
            a += strspn(a, "0");
            b += strspn(b, "0");
            size_t na = digits(a), nb = digits(b);
            int order = na != nb ? (na < nb ? -1 : 1) : strncmp(a, b, na);
            if (order) {
                return order;
            }
            a += na;
            b += nb;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return *a ? 1 : *b ? -1
                       : 0;
}

int view_compare(const char *a, const char *b)
{
    double x, y;
    bool a_number = str_to_double(a, &x), b_number = str_to_double(b, &y);
    int order = 0;
    if (!*a || !*b) {
        return *a ? -1 : *b ? 1
                            : 0;
    }
    if (a_number != b_number) {
        return a_number ? -1 : 1;
    }
    if (a_number) {
        order = x < y ? -1 : x > y;
    } else {
        order = compare_natural(a, b);
    }
    return order ? order : strcmp(a, b);
}

/* ---- the test set ---- */

/* "n/official" to the end of text. */
static bool parse_counts(const char *text, size_t *n, size_t *official)
{
    uint64_t a, b;
    char first[24];
    size_t len = digits(text);
    if (len == 0 || len >= sizeof first || text[len] != '/') {
        return false;
    }
    memcpy(first, text, len);
    first[len] = '\0';
    if (!str_to_u64(first, &a) || !str_to_u64(text + len + 1, &b)) {
        return false;
    }
    *n = (size_t)a;
    *official = (size_t)b;
    return true;
}

bool view_test(const struct record *r, size_t *n, size_t *official)
{
    bool found = false;
    char field[SIGNATURE_PART];
    for (const char *p = r->protocol; *p;) {
        size_t len = strcspn(p, "|");
        snprintf(field, sizeof field, "%.*s", (int)len, p);
        const char *colon = strrchr(field, ':');
        found = (colon && parse_counts(colon + 1, n, official)) || found;
        p += len + (p[len] == '|');
    }
    return found;
}

/* ---- metrics ---- */

struct view_metric view_metric(const char *name)
{
    static const struct {
        const char *name;
        struct view_metric view;
    } list[] = {
        {"top1", {"top-1 accuracy", "%", 100, 2}},
        {"top5", {"top-5 accuracy", "%", 100, 2}},
        {"mean_per_class", {"mean per-class accuracy", "%", 100, 2}},
        {"nll", {"negative log-likelihood", "", 1, 4}},
        {"brier", {"Brier score", "", 1, 4}},
        {"ece", {"expected calibration error", "", 1, 4}},
        {"n", {"test images", "", 1, -1}},
        {"n_correct", {"correct test images", "", 1, -1}},
        {"n_train", {"training images", "", 1, -1}},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        if (strcmp(list[i].name, name) == 0) {
            return list[i].view;
        }
    }
    return (struct view_metric){name, "", 1, -1};
}

void view_value(const struct view_metric *m, double value, struct str *out)
{
    if (isnan(value)) {
        return;
    }
    if (isinf(value)) {
        str_add(out, value < 0 ? "-inf" : "inf");
    } else if (m->decimals < 0) {
        str_addf(out, "%.10g", value * m->scale);
    } else {
        str_addf(out, "%.*f", m->decimals, value * m->scale);
    }
}
