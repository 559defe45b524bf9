/* run_spec: one point of a sweep, every knob that can change a score or what is stored of it. It
 * prints to a canonical text that parses back; the hash of that text is the cell's id. Knobs at
 * their default are not printed, and the default of a new knob means the old behaviour, so ids
 * never change (tests/golden/run_ids.tsv).
 *
 * Canonical text: KEY=VALUE pairs in the order of knobs[], one space between them, knobs at their
 * default left out. Whole numbers in decimal; reals as the shortest decimal that gives the same
 * double; true or false; a list of numbers as grid_text prints it. A value that is empty or holds a
 * space, a quote, a backslash or a control character stands in double quotes with \" and \\, and
 * \xHH for control characters.
 *
 * To add a knob: a field here and a row in knobs[] (knobs.c). To add an adaptation or a regime: its
 * name in the choices of adapt.name or regime.name, its knobs, and `needs` of knobs it shares. */
#ifndef BITBENCH_PROTOCOLS_SPEC_H
#define BITBENCH_PROTOCOLS_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;

enum { SPEC_NAME = 512,
       SPEC_WORD = 32,
       SPEC_GRID = 256,
       SPEC_ID = 33 };

/* Set fields through spec_set, which checks them. */
struct run_spec {
    char model[SPEC_NAME], dataset[SPEC_NAME];
    struct {
        char name[SPEC_WORD]; /* none | full | kshot | first-n | vtab-800 | vtab-1000 */
        char split[64];       /* full, kshot, first-n: where training images come from */
        char rule[SPEC_WORD]; /* kshot: nested | big-vision | bit-jax | first-k */
        int64_t k, n, draw;   /* kshot: images a class; first-n: images in all; kshot: the draw */
    } regime;
    struct {
        char name[SPEC_WORD];     /* none | ridge | logistic */
        double l2;                /* ridge */
        double c;                 /* logistic: inverse regularisation */
        double bias;              /* ridge: the constant feature */
        bool standardize;         /* ridge */
        char head_map[SPEC_NAME]; /* none: csv head_index,class; see spec_pin */
    } adapt;
    struct {
        char preset[128];                          /* as preprocess_preset takes it, or "model" */
        char kernel[SPEC_WORD], decode[SPEC_WORD]; /* "": the preset's */
        char mode[SPEC_WORD], range[SPEC_WORD];    /* "": the preset's */
        int64_t resize, crop;                      /* 0: the preset's */
    } preprocess;
    struct {
        char grid[SPEC_GRID]; /* "": nothing selected; or KNOB=GRID, "adapt.l2=log2:-10:20" */
        char on[SPEC_WORD];   /* loo | val */
    } select;
    char test[64];            /* the split that is scored */
    char outcomes[SPEC_WORD]; /* full | pred | none: what is stored of every test image */
    int64_t seed;             /* of training; nothing in none, ridge and logistic is random */
};

enum knob_type { KNOB_TEXT,
                 KNOB_INT,
                 KNOB_REAL,
                 KNOB_BOOL };

/* What a difference in the knob means: another thing under test, another protocol, or another
 * sample of the same (reports average over replicates only). */
enum knob_role { KNOB_SUBJECT,
                 KNOB_PROTOCOL,
                 KNOB_REPLICATE };

struct knob {
    const char *key; /* "regime.k" */
    enum knob_type type;
    enum knob_role role;
    size_t offset, bytes; /* of the field in run_spec */
    const char *fallback; /* the default, as canonical text; the only place where it stands */
    const char *choices;  /* "nested|big-vision" or NULL; "" too where it is the default */
    double low, high;     /* of numbers, inclusive */
    /* Where the knob has a meaning: conditions KNOB=WORD|WORD on text knobs, space separated, or
     * NULL for everywhere. Elsewhere it must keep its default (spec_check). */
    const char *needs;
    bool selectable; /* may stand in select.grid */
    /* Appends the canonical form of a value, or fails; NULL: the value itself. Text only. */
    int (*canon)(const char *value, struct str *out, struct err *e);
    const char *help;
};
extern const struct knob knobs[];
extern const size_t knobs_n;

/* The knob of this key, or NULL with e set (ERR_USAGE, near matches named). */
const struct knob *knob_find(const char *key, struct err *e);

/* Every knob at its default; model and dataset empty. Unused bytes are zero. */
void spec_init(struct run_spec *s);
/* Sets one knob from text, after checks of type, range, length and choices. On an error (ERR_USAGE,
 * naming the knob, the value and what is allowed) *s is unchanged. */
int spec_set(struct run_spec *s, const char *key, const char *value, struct err *e);
/* Appends the value of a knob as canonical text, without quotes. */
void spec_get(const struct run_spec *s, const struct knob *k, struct str *out);
/* Is the knob at its default? What was set to its default counts as not set. */
bool spec_is_default(const struct run_spec *s, const struct knob *k);
/* The same value in every knob. */
bool spec_equal(const struct run_spec *a, const struct run_spec *b);

/* Appends the canonical text. */
void spec_text(const struct run_spec *s, struct str *out);
/* The spec of a text: pairs as above in any order, each key at most once. On an error *s is
 * undefined. */
int spec_parse(struct run_spec *s, const char *text, struct err *e);

/* Puts contents in the place of paths: adapt.head_map becomes "sha256:HEX" of the file. For a copy
 * of which the id is taken. */
int spec_pin(struct run_spec *s, struct err *e);
/* Appends the text that is hashed: the canonical text with the subject texts in the place of model
 * and dataset, so that a thing given by path enters by content. s is pinned (asserted). */
void spec_id_text(const struct run_spec *s, const char *model_subject, const char *dataset_subject,
                  struct str *out);
/* The first 32 hex digits of the SHA-256 of that text. -1 only when memory is short. */
int spec_id(const struct run_spec *s, const char *model_subject, const char *dataset_subject,
            char id[SPEC_ID], struct err *e);

/* Is the combination meaningful? Refused is what lacks a part (kshot without k) and what would be
 * read and then ignored (adapt.c with ridge, a draw of first-n). Model and dataset may be empty.
 * ERR_USAGE with a text that says what to do; *at (may be NULL) gets the knob at fault, which is
 * never at its default. */
int spec_check_at(const struct run_spec *s, const struct knob **at, struct err *e);
int spec_check(const struct run_spec *s, struct err *e);

enum { GRID_MAX = 10000 }; /* points */

/* A list of numbers: "log2:-10:20" (whole exponents, powers of two), "log10:-6:6" (powers of ten),
 * "log10:-6:6:97" (that many points, equally spaced exponents, both ends included) or
 * "list:0.1,1,10" (in this order, none twice). Powers of ten with a whole exponent are the doubles
 * nearest to them. *v [*n] is allocated, the caller frees it; n >= 1. */
int grid_parse(const char *text, double **v, size_t *n, struct err *e);
/* Appends the same list in canonical form: shortest numbers, no count where the exponents are whole
 * and one apart. */
int grid_text(const char *text, struct str *out, struct err *e);

#endif
