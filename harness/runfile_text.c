/* A draft as YAML, the way a person writes a run file: flow maps and lists a line each, ranges as
 * ranges, quotes where they are needed. */
#include "harness/runfile_private.h"

#include <string.h>

#include "harness/base/str.h"

enum { RANGE_LEAST = 4 }; /* shorter runs of whole numbers read better as lists */

/* ---- scalars ---- */

/* The code point at *p, which is UTF-8 (YAML and the callers of draft_text made sure); *p moves
 * behind it. */
static unsigned take_code_point(const char **p)
{
    unsigned char c = (unsigned char)*(*p)++;
    unsigned v = c < 0xe0 ? c & 0x1fu : c < 0xf0 ? c & 0x0fu
                                                 : c & 0x07u;
    if (c < 0x80) {
        return c;
    }
    while (((unsigned char)**p & 0xc0) == 0x80) {
        v = v << 6 | ((unsigned char)*(*p)++ & 0x3fu);
    }
    return v;
}

/* Characters that may stand inside double quotes as they are. */
static bool is_printable(unsigned v)
{
    return (v >= 0x20 && v < 0x7f) || (v > 0xa0 && v < 0x2028) || (v > 0x2029 && v < 0xd800) ||
           (v >= 0xe000 && v <= 0xfffd && v != 0xfeff) || v >= 0x10000;
}

static void add_quoted(struct str *out, const char *text)
{
    str_add_char(out, '"');
    for (const char *p = text; *p;) {
        const char *start = p;
        unsigned v = take_code_point(&p);
        if (v == '"' || v == '\\') {
            str_addf(out, "\\%c", (char)v);
        } else if (is_printable(v)) {
            str_add_n(out, start, (size_t)(p - start));
        } else {
            str_addf(out, v < 0x100 ? "\\x%02x" : "\\u%04x", v);
        }
    }
    str_add_char(out, '"');
}

static void add_scalar(struct str *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    size_t n = strlen(text);
    if (n > 0 && strspn(text, plain) == n && strspn(text, "-.+") < n) {
        str_add(out, text);
    } else {
        add_quoted(out, text);
    }
}

/* ---- knobs with one value ---- */

/* "log2:-10:20" as "{log2: [-10, 20]}", "list:1,2" as "[1, 2]". */
static void add_grid(struct str *out, const char *grid)
{
    size_t kind = strcspn(grid, ":");
    bool list = strncmp(grid, "list", kind) == 0;
    if (!list) {
        str_addf(out, "{%.*s: ", (int)kind, grid);
    }
    str_add_char(out, '[');
    for (const char *p = grid + kind + 1; *p; p++) {
        if (*p == (list ? ',' : ':')) {
            str_add(out, ", ");
        } else {
            str_add_char(out, *p);
        }
    }
    str_add(out, list ? "]" : "]}");
}

static void add_base_knob(const struct draft *d, const struct knob *k, struct str *out)
{
    if (strcmp(k->key, "select.grid") == 0 && *d->base.select.grid) {
        const char *grid = strchr(d->base.select.grid, '=') + 1;
        str_addf(out, "%.*s: ", (int)(grid - d->base.select.grid - 1), d->base.select.grid);
        add_grid(out, grid);
        return;
    }
    const char *dot = strchr(k->key, '.');
    struct str value = {0};
    spec_get(&d->base, k, &value);
    out->failed = out->failed || value.failed;
    str_addf(out, "%s: ", dot ? dot + 1 : k->key);
    add_scalar(out, str_text(&value));
    str_release(&value);
}

/* Bytes of the key up to its dot; 0 without one. */
static size_t group_of(const struct knob *k)
{
    const char *dot = strchr(k->key, '.');
    return dot ? (size_t)(dot - k->key) : 0;
}

static bool same_group(const struct knob *a, const struct knob *b)
{
    return group_of(a) == group_of(b) && strncmp(a->key, b->key, group_of(a)) == 0;
}

/* "adapt: {name: ridge, l2: 10}", a line for every group; the knobs of a group stand together. */
static void add_base(const struct draft *d, struct str *out)
{
    const struct knob *open = NULL;
    for (size_t i = 0; i < knobs_n; i++) {
        const struct knob *k = &knobs[i];
        if (d->claims[i] != CLAIM_BASE) {
            continue;
        }
        if (open && !same_group(open, k)) {
            str_add(out, "}\n");
            open = NULL;
        }
        if (open) {
            str_add(out, ", ");
        } else if (group_of(k)) {
            str_addf(out, "%.*s: {", (int)group_of(k), k->key);
            open = k;
        }
        add_base_knob(d, k, out);
        str_add(out, open ? "" : "\n");
    }
    str_add(out, open ? "}\n" : "");
}

/* ---- lists ---- */

/* Whole numbers, each one more than the last. */
static bool is_range(const struct axis *a)
{
    int64_t before = 0, now;
    for (size_t i = 0; i < a->n; i++) {
        if (a->ks[0]->type != KNOB_INT || !str_to_i64(a->values[i], &now) ||
            (i > 0 && now != before + 1)) {
            return false;
        }
        before = now;
    }
    return a->n >= RANGE_LEAST;
}

static void add_list(const struct axis *a, struct str *out)
{
    if (a->grid) {
        add_grid(out, a->grid);
    } else if (is_range(a)) {
        str_addf(out, "{range: [%s, %s]}", a->values[0], a->values[a->n - 1]);
    } else {
        str_add(out, "[");
        for (size_t i = 0; i < a->n; i++) {
            str_add(out, i ? ", " : "");
            add_scalar(out, a->values[i]);
        }
        str_add(out, "]");
    }
    str_add(out, "\n");
}

/* "{KEY: VALUE, ...}" */
static void add_row(const struct knob *const *ks, char *const *values, size_t n, struct str *out)
{
    str_add(out, "  - {");
    for (size_t i = 0; i < n; i++) {
        str_addf(out, "%s%s: ", i ? ", " : "", knob_key(ks[i]));
        add_scalar(out, values[i]);
    }
    str_add(out, "}\n");
}

static void add_axis(const struct axis *a, bool first, struct str *out)
{
    switch (a->kind) {
    case AXIS_MODELS:
    case AXIS_DATASETS:
        str_addf(out, "%s: ", knob_key(a->ks[0]));
        add_list(a, out);
        return;
    case AXIS_SWEEP:
        str_addf(out, "%s  %s: ", first ? "sweep:\n" : "", a->ks[0]->key);
        add_list(a, out);
        return;
    case AXIS_ZIP:
        str_add(out, "zip:\n");
        for (size_t i = 0; i < a->n; i++) {
            add_row(a->ks, a->values + i * a->n_knobs, a->n_knobs, out);
        }
        return;
    }
}

void draft_text(const struct draft *d, struct str *out)
{
    str_add(out, "name: ");
    add_scalar(out, d->name);
    str_add(out, "\n");
    size_t i = 0;
    for (; i < d->n_axes && d->axes[i].kind <= AXIS_DATASETS; i++) {
        add_axis(&d->axes[i], true, out);
    }
    add_base(d, out);
    for (; i < d->n_axes; i++) {
        add_axis(&d->axes[i], d->axes[i - 1].kind != d->axes[i].kind, out);
    }
    for (size_t x = 0; x < d->n_excludes; x++) {
        const struct exclude *ex = &d->excludes[x];
        str_add(out, x ? "" : "exclude:\n");
        add_row(ex->ks, ex->values, ex->n, out);
    }
}
