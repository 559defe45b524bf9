/* A run file on its way from YAML to cells: runfile_yaml.c fills a draft from a document,
 * runfile_draft.c lays one over another, runfile_sweep.c makes the cells, runfile_text.c prints a
 * draft; runfile.c finds the documents and calls the others. */
#ifndef BITBENCH_RUNFILE_PRIVATE_H
#define BITBENCH_RUNFILE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include "harness/runfile.h"

struct str;
struct yaml_node;

/* Where something was said. line 0: file is the whole of it, "--set regime.k=5". */
struct place {
    const char *file; /* not owned */
    size_t line, column;
};
/* Sets e to "file:line:column: ...", code ERR_USAGE. Returns -1. */
int place_fail(struct err *e, const struct place *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "file:line:column: " in front of e's text. Returns -1. */
int place_wrap(struct err *e, const struct place *at);

/* The product's order. */
enum axis_kind { AXIS_MODELS,
                 AXIS_DATASETS,
                 AXIS_SWEEP,
                 AXIS_ZIP };

/* Values that one or (zip) several knobs take in turn. */
struct axis {
    enum axis_kind kind;
    size_t n, n_knobs;
    const struct knob **ks; /* [n_knobs] */
    char **values;          /* [n, n_knobs] canonical texts, owned */
    struct place *at;       /* [n] */
    char *grid;             /* "log10:-6:6" where it was written as one; or NULL */
};

/* Cells that have all these values. */
struct exclude {
    struct place at;
    size_t n;
    const struct knob **ks; /* [n] */
    char **values;          /* [n] canonical texts, owned */
    bool overridden;        /* a document above sets one of ks: then it may match nothing */
};

enum claim { CLAIM_NONE,
             CLAIM_BASE,
             CLAIM_AXIS };

struct draft {
    char *name; /* or NULL */
    struct run_spec base;
    enum claim *claims;    /* [knobs_n] how each knob is set */
    struct place *claimed; /* [knobs_n] and where */
    struct axis *axes;
    struct exclude *excludes;
    size_t n_axes, axes_cap, n_excludes, excludes_cap;
    bool has_sweep, has_zip, has_exclude; /* the key stands in the document, perhaps with nothing */
    struct run_spec scratch;              /* to check values on */
};
int draft_init(struct draft *d, struct err *e);
void draft_release(struct draft *d); /* also of a zeroed one */
int draft_name(struct draft *d, const char *name, const struct place *at, struct err *e);
/* Sets a knob to one value. A knob that this draft sets already is an error naming both places. */
int draft_set(struct draft *d, const struct knob *k, const char *value, const struct place *at,
              struct err *e);
/* Appends an axis of n entries, all to be filled by axis_put; NULL with e set (also when a knob is
 * set already). Valid until the next call. */
struct axis *draft_axis(struct draft *d, enum axis_kind kind, const struct knob *const *ks,
                        size_t n_knobs, size_t n, const struct place *at, struct err *e);
int axis_put(struct draft *d, struct axis *a, size_t row, size_t col, const char *value,
             const struct place *at, struct err *e);
/* Appends an entry of n values; NULL with e set. */
struct exclude *draft_exclude(struct draft *d, size_t n, const struct place *at, struct err *e);
int exclude_put(struct draft *d, struct exclude *x, size_t i, const struct knob *k,
                const char *value, const struct place *at, struct err *e);
/* Reads a document, all but its include, into a draft just made. name is kept in places. */
int draft_read(struct draft *d, const struct yaml_node *root, const char *name, struct err *e);

/* Lays upper over d: what upper says of a knob, its name, and its sweep, zip or exclude as a whole
 * take the place of what d has. Takes upper over and zeroes it. */
int draft_overlay(struct draft *d, struct draft *upper, struct err *e);

/* The cells of a draft into a zeroed plan, but its text. whole is where missing keys are missed. */
int draft_expand(struct draft *d, struct run_plan *p, const struct place *whole, struct err *e);

/* Appends the draft as a run file; its axes stand in the product's order. */
void draft_text(const struct draft *d, struct str *out);
/* Drops an entry of exclude. */
void draft_drop_exclude(struct draft *d, size_t i);

/* The key that a run file uses for a knob: "models" for model. */
const char *knob_key(const struct knob *k);
/* The knob of such a key, or NULL. */
const struct knob *knob_of_key(const char *key);
/* Fails for a key that is no knob, naming near matches. Returns -1. */
int unknown_key(const char *key, const struct place *at, struct err *e);

#endif
