/* How knobs and metrics are shown to people: short heads, what applies to a cell, units, order.
 * A knob that is not in the table of view.c is shown under its own name and value. */
#ifndef BITBENCH_RESULTS_VIEW_H
#define BITBENCH_RESULTS_VIEW_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct record;
struct str;

/* Where a knob that differs between cells is shown. */
enum view_role {
    VIEW_MAIN,      /* always a column, line or panel of its own */
    VIEW_MINOR,     /* only where main knobs do not tell the cells apart */
    VIEW_REPLICATE, /* never: differs between replicates */
    VIEW_HIDDEN,    /* never: shown otherwise, or changes no score */
};
enum view_role view_role(const char *key);
const char *view_head(const char *key); /* "shots" for regime.k; key itself where unknown */
const char *view_key(const char *head); /* the other way round */
const char *view_axis(const char *key); /* "training images per class"; the head where unknown */

/* Has the knob a meaning for this cell (adapt.c has none with ridge)? */
bool view_applies(const struct record *r, const char *key);
/* Appends a knob's value as it is shown: nothing where it does not apply,
 * "all" for the shots of the full training set, "by loo" for what was selected by leave-one-out. */
void view_knob(const struct record *r, const char *key, struct str *out);
/* Adaptation and regime in words: "ridge regression", "few-shot"; other names stand for themselves.
 */
const char *view_adapt(const struct record *r);
const char *view_regime(const struct record *r);

/* Order of two texts: numbers by value before other texts; in these, runs of digits by value
 * ("R50x1" before "R101x1"); the empty text last. Equal only when equal byte by byte. */
int view_compare(const char *a, const char *b);

/* Test images scored and the official count, from the field "SPLIT:n/official" of the protocol
 * signature; false where there is none. */
bool view_test(const struct record *r, size_t *n, size_t *official);

struct view_metric {
    const char *title; /* "top-1 accuracy" */
    const char *unit;  /* "%" or "" */
    double scale;      /* 100 for shares */
    int decimals;
};
struct view_metric view_metric(const char *name);
/* Appends a value of the metric, scaled: "81.25", or "inf". */
void view_value(const struct view_metric *m, double value, struct str *out);

#endif
