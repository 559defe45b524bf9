/* Drafts of a plan: what one document says of the knobs, and one document laid over another. */
#include "harness/runfile_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"

enum { NAME_MAX_BYTES = 200 };

int place_fail(struct err *e, const struct place *at, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(e, ERR_USAGE, "%s", text);
    return place_wrap(e, at);
}

int place_wrap(struct err *e, const struct place *at)
{
    return at->line ? err_wrap(e, "%s:%zu:%zu", at->file, at->line, at->column)
                    : err_wrap(e, "%s", at->file);
}

/* ---- keys ---- */

const char *knob_key(const struct knob *k)
{
    return strcmp(k->key, "model") == 0     ? "models"
           : strcmp(k->key, "dataset") == 0 ? "datasets"
                                            : k->key;
}

static const char *const sections[] = {"name", "include", "sweep", "zip", "exclude"};

const struct knob *knob_of_key(const char *key)
{
    for (size_t i = 0; i < knobs_n; i++) {
        if (strcmp(knob_key(&knobs[i]), key) == 0) {
            return &knobs[i];
        }
    }
    return NULL;
}

int unknown_key(const char *key, const struct place *at, struct err *e)
{
    struct near near;
    near_init(&near, key);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        near_add(&near, sections[i]);
    }
    for (size_t i = 0; i < knobs_n; i++) {
        near_add(&near, knob_key(&knobs[i]));
    }
    return place_fail(e, at, "unknown key '%.80s'%s", key, near_text(&near));
}

/* ---- life ---- */

int draft_init(struct draft *d, struct err *e)
{
    *d = (struct draft){0};
    spec_init(&d->base);
    spec_init(&d->scratch);
    d->claims = mem_take(knobs_n, sizeof *d->claims, e);
    d->claimed = mem_take(knobs_n, sizeof *d->claimed, e);
    if (!d->claims || !d->claimed) {
        draft_release(d);
        return -1;
    }
    return 0;
}

static void release_texts(char **texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++) {
        free(texts[i]);
    }
    free(texts);
}

static void axis_release(struct axis *a)
{
    release_texts(a->values, a->n * a->n_knobs);
    free(a->ks);
    free(a->at);
    free(a->grid);
}

static void exclude_release(struct exclude *x)
{
    release_texts(x->values, x->n);
    free(x->ks);
}

void draft_drop_exclude(struct draft *d, size_t i)
{
    exclude_release(&d->excludes[i]);
    memmove(&d->excludes[i], &d->excludes[i + 1], (d->n_excludes - i - 1) * sizeof *d->excludes);
    d->n_excludes--;
}

static void drop_excludes(struct draft *d)
{
    while (d->n_excludes) {
        draft_drop_exclude(d, d->n_excludes - 1);
    }
}

void draft_release(struct draft *d)
{
    for (size_t i = 0; i < d->n_axes; i++) {
        axis_release(&d->axes[i]);
    }
    drop_excludes(d);
    free(d->axes);
    free(d->excludes);
    free(d->claims);
    free(d->claimed);
    free(d->name);
    *d = (struct draft){0};
}

/* ---- saying something ---- */

int draft_name(struct draft *d, const char *name, const struct place *at, struct err *e)
{
    size_t n = strlen(name);
    if (n == 0 || n > NAME_MAX_BYTES) {
        return place_fail(e, at, "a name has 1 to %d bytes, this one %zu", NAME_MAX_BYTES, n);
    }
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) {
            return place_fail(e, at, "a name without control characters is wanted");
        }
    }
    free(d->name);
    d->name = mem_strdup(name, e);
    return d->name ? 0 : -1;
}

static int claim(struct draft *d, const struct knob *k, enum claim by, const struct place *at,
                 struct err *e)
{
    size_t i = (size_t)(k - knobs);
    const struct place *before = &d->claimed[i];
    if (d->claims[i] != CLAIM_NONE && before->line) {
        return place_fail(e, at, "%s is set here and in line %zu: leave one out", knob_key(k),
                          before->line);
    }
    if (d->claims[i] != CLAIM_NONE) {
        return place_fail(e, at, "%s is set already, by %s", knob_key(k), before->file);
    }
    d->claims[i] = by;
    d->claimed[i] = *at;
    return 0;
}

int draft_set(struct draft *d, const struct knob *k, const char *value, const struct place *at,
              struct err *e)
{
    if (claim(d, k, CLAIM_BASE, at, e)) {
        return -1;
    }
    return spec_set(&d->base, k->key, value, e) ? place_wrap(e, at) : 0;
}

/* A copy of the knobs in ks. */
static const struct knob **copy_knobs(const struct knob *const *ks, size_t n, struct err *e)
{
    const struct knob **copy = mem_take(n, sizeof *copy, e);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = ks[i];
    }
    return copy;
}

struct axis *draft_axis(struct draft *d, enum axis_kind kind, const struct knob *const *ks,
                        size_t n_knobs, size_t n, const struct place *at, struct err *e)
{
    for (size_t i = 0; i < n_knobs; i++) {
        if (claim(d, ks[i], CLAIM_AXIS, at, e)) {
            return NULL;
        }
    }
    void *axes = d->axes;
    if (mem_grow(&axes, &d->axes_cap, d->n_axes + 1, sizeof *d->axes, e)) {
        return NULL;
    }
    d->axes = axes;
    struct axis *a = &d->axes[d->n_axes];
    *a = (struct axis){.kind = kind, .n = n, .n_knobs = n_knobs};
    a->ks = copy_knobs(ks, n_knobs, e);
    a->values = mem_take(n, n_knobs * sizeof *a->values, e);
    a->at = mem_take(n, sizeof *a->at, e);
    if (!a->ks || !a->values || !a->at) {
        axis_release(a);
        return NULL;
    }
    d->n_axes++;
    return a;
}

/* The canonical form of a value of k, owned by the caller; NULL with e set. */
static char *canonical(struct draft *d, const struct knob *k, const char *value,
                       const struct place *at, struct err *e)
{
    if (spec_set(&d->scratch, k->key, value, e)) {
        place_wrap(e, at);
        return NULL;
    }
    if (strcmp(knob_key(k), k->key) != 0 && !*value) {
        place_fail(e, at, "an empty name in %s", knob_key(k));
        return NULL;
    }
    struct str text = {0};
    spec_get(&d->scratch, k, &text);
    char *copy = str_check(&text, e) ? NULL : mem_strdup(str_text(&text), e);
    str_release(&text);
    return copy;
}

int axis_put(struct draft *d, struct axis *a, size_t row, size_t col, const char *value,
             const struct place *at, struct err *e)
{
    assert(row < a->n && col < a->n_knobs && !a->values[row * a->n_knobs + col]);
    if (col == 0) {
        a->at[row] = *at;
    }
    char *text = canonical(d, a->ks[col], value, at, e);
    a->values[row * a->n_knobs + col] = text;
    return text ? 0 : -1;
}

struct exclude *draft_exclude(struct draft *d, size_t n, const struct place *at, struct err *e)
{
    void *excludes = d->excludes;
    if (mem_grow(&excludes, &d->excludes_cap, d->n_excludes + 1, sizeof *d->excludes, e)) {
        return NULL;
    }
    d->excludes = excludes;
    struct exclude *x = &d->excludes[d->n_excludes];
    *x = (struct exclude){.at = *at, .n = n};
    x->ks = mem_take(n, sizeof *x->ks, e);
    x->values = mem_take(n, sizeof *x->values, e);
    if (!x->ks || !x->values) {
        exclude_release(x);
        return NULL;
    }
    d->n_excludes++;
    return x;
}

int exclude_put(struct draft *d, struct exclude *x, size_t i, const struct knob *k,
                const char *value, const struct place *at, struct err *e)
{
    for (size_t j = 0; j < i; j++) {
        if (x->ks[j] == k) {
            return place_fail(e, at, "%s stands in this entry twice", knob_key(k));
        }
    }
    x->ks[i] = k;
    x->values[i] = canonical(d, k, value, at, e);
    return x->values[i] ? 0 : -1;
}

/* ---- one over another ---- */

static void drop_axis(struct draft *d, size_t i)
{
    for (size_t c = 0; c < d->axes[i].n_knobs; c++) {
        d->claims[d->axes[i].ks[c] - knobs] = CLAIM_NONE;
    }
    axis_release(&d->axes[i]);
    memmove(&d->axes[i], &d->axes[i + 1], (d->n_axes - i - 1) * sizeof *d->axes);
    d->n_axes--;
}

static void drop_axes(struct draft *d, enum axis_kind kind)
{
    for (size_t i = d->n_axes; i-- > 0;) {
        if (d->axes[i].kind == kind) {
            drop_axis(d, i);
        }
    }
}

static void drop_column(struct axis *a, size_t col)
{
    size_t to = 0;
    for (size_t i = 0; i < a->n * a->n_knobs; i++) {
        if (i % a->n_knobs == col) {
            free(a->values[i]);
        } else {
            a->values[to++] = a->values[i];
        }
    }
    a->n_knobs--;
    memmove(&a->ks[col], &a->ks[col + 1], (a->n_knobs - col) * sizeof *a->ks);
}

/* Forgets what d says of a knob. */
static void forget(struct draft *d, const struct knob *k)
{
    enum claim *by = &d->claims[k - knobs];
    if (*by == CLAIM_BASE) {
        int rc = spec_set(&d->base, k->key, k->fallback, NULL);
        assert(rc == 0);
        (void)rc;
    }
    for (size_t i = 0; *by == CLAIM_AXIS && i < d->n_axes; i++) {
        struct axis *a = &d->axes[i];
        size_t col = 0;
        while (col < a->n_knobs && a->ks[col] != k) {
            col++;
        }
        if (col < a->n_knobs && a->n_knobs > 1) {
            drop_column(a, col);
            *by = CLAIM_NONE;
        } else if (col < a->n_knobs) {
            drop_axis(d, i);
        }
    }
    *by = CLAIM_NONE;
}

/* Moves the knobs that upper sets. */
static int overlay_knobs(struct draft *d, struct draft *upper, struct err *e)
{
    struct str value = {0};
    int rc = 0;
    for (size_t i = 0; i < knobs_n && rc == 0; i++) {
        const struct knob *k = &knobs[i];
        if (upper->claims[i] == CLAIM_NONE) {
            continue;
        }
        forget(d, k);
        if (upper->claims[i] == CLAIM_BASE) {
            str_clear(&value);
            spec_get(&upper->base, k, &value);
            rc = str_check(&value, e) || spec_set(&d->base, k->key, str_text(&value), e) ? -1 : 0;
        }
        d->claims[i] = upper->claims[i];
        d->claimed[i] = upper->claimed[i];
    }
    str_release(&value);
    return rc;
}

static int move_lists(struct draft *d, struct draft *upper, struct err *e)
{
    void *axes = d->axes, *excludes = d->excludes;
    if (mem_grow(&axes, &d->axes_cap, d->n_axes + upper->n_axes, sizeof *d->axes, e)) {
        return -1;
    }
    d->axes = axes;
    if (mem_grow(&excludes, &d->excludes_cap, d->n_excludes + upper->n_excludes,
                 sizeof *d->excludes, e)) {
        return -1;
    }
    d->excludes = excludes;
    if (upper->n_axes) {
        memcpy(&d->axes[d->n_axes], upper->axes, upper->n_axes * sizeof *d->axes);
    }
    if (upper->n_excludes) {
        memcpy(&d->excludes[d->n_excludes], upper->excludes,
               upper->n_excludes * sizeof *d->excludes);
    }
    d->n_axes += upper->n_axes;
    d->n_excludes += upper->n_excludes;
    upper->n_axes = upper->n_excludes = 0;
    return 0;
}

int draft_overlay(struct draft *d, struct draft *upper, struct err *e)
{
    if (upper->has_sweep) {
        drop_axes(d, AXIS_SWEEP);
    }
    if (upper->has_zip) {
        drop_axes(d, AXIS_ZIP);
    }
    if (upper->has_exclude) {
        drop_excludes(d);
    }
    for (size_t i = 0; i < d->n_excludes; i++) {
        struct exclude *x = &d->excludes[i];
        for (size_t c = 0; c < x->n; c++) {
            x->overridden = x->overridden || upper->claims[x->ks[c] - knobs] != CLAIM_NONE;
        }
    }
    if (overlay_knobs(d, upper, e) || move_lists(d, upper, e)) {
        return -1;
    }
    if (upper->name) {
        free(d->name);
        d->name = upper->name;
        upper->name = NULL;
    }
    draft_release(upper);
    return 0;
}
