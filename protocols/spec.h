/* run_spec: one point of a sweep, every knob that can change a score. Prints to a canonical text
 * that parses back; the text's hash is the cell's id. Knobs at their default are not printed, and a
 * new knob's default means the old behaviour, so ids never change (tests/golden/run_ids.tsv).
 *
 * To add a knob: a field here, one row in knobs[] (spec.c). */
#ifndef BITBENCH_PROTOCOLS_SPEC_H
#define BITBENCH_PROTOCOLS_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;

enum { SPEC_NAME = 512, SPEC_WORD = 32, SPEC_GRID = 256, SPEC_ID = 33 };

struct run_spec {
    char model[SPEC_NAME], dataset[SPEC_NAME];
    struct {
        char name[SPEC_WORD];  /* none | full | kshot | first-n | vtab-800 | vtab-1000 */
        char split[64];        /* where training images come from: trainval */
        char rule[SPEC_WORD];  /* kshot: nested | big-vision | bit-jax | first-k */
        int64_t k, n, draw;
    } regime;
    struct {
        char name[SPEC_WORD];  /* none | ridge | logistic */
        double l2;             /* ridge: 1024 = big_vision's 2**10 */
        double c;              /* logistic: inverse regularisation */
        double bias;           /* ridge: the constant feature, 100 */
        bool standardize;      /* ridge: true */
        char head_map[SPEC_NAME]; /* none: csv head_index,class; enters the id by content hash */
    } adapt;
    struct {
        char preset[64];       /* as preprocess_preset takes it, or "model" */
        char kernel[SPEC_WORD], decode[SPEC_WORD], mode[SPEC_WORD], range[SPEC_WORD]; /* "" = the preset's */
        int64_t resize, crop;  /* 0 = the preset's */
    } preprocess;
    struct {
        char grid[SPEC_GRID];  /* "" = nothing selected; "adapt.l2=log2:-10:20" or "adapt.c=list:0.1,1,10" */
        char on[SPEC_WORD];    /* loo | val */
    } select;
    char test[64];             /* the split that is scored: test */
    char outcomes[SPEC_WORD];  /* full | pred | none: what is stored of every test image */
    int64_t seed;
};

enum knob_type { KNOB_TEXT, KNOB_INT, KNOB_REAL, KNOB_BOOL };
enum knob_role { KNOB_SUBJECT, KNOB_PROTOCOL, KNOB_REPLICATE };
struct knob {
    const char *key;           /* "regime.k" */
    enum knob_type type;
    enum knob_role role;
    size_t offset, bytes;      /* of the field in run_spec */
    const char *fallback;      /* the default, as text */
    const char *choices;       /* "nested|big-vision" or NULL */
    double low, high;          /* of numbers, inclusive */
    const char *help;
};
extern const struct knob knobs[];
extern const size_t knobs_n;
const struct knob *knob_find(const char *key, struct err *e); /* near matches */

/* Every knob at its default; model and dataset empty. */
void spec_init(struct run_spec *s);
/* Sets one knob from text, with checks of type, range and choices. */
int spec_set(struct run_spec *s, const char *key, const char *value, struct err *e);
/* The value of a knob as canonical text: shortest numbers, true/false. */
void spec_get(const struct run_spec *s, const struct knob *k, struct str *out);
/* "model=pixels dataset=fashion-mnist regime.name=kshot ..." in table order, defaults left out; values with
 * spaces, quotes, backslashes or control characters are quoted "like \"this\"". */
void spec_text(const struct run_spec *s, struct str *out);
int spec_parse(struct run_spec *s, const char *text, struct err *e);
/* First 32 hex digits of SHA-256 of the canonical text, after names of things given by path were
 * replaced by their content's (see spec_id_text in spec.c): model and dataset by `subject` texts. */
void spec_id(const struct run_spec *s, const char *model_subject, const char *dataset_subject, char id[SPEC_ID]);
/* Is the combination meaningful? e.g. kshot needs k >= 1; ridge needs a regime; none needs regime none. */
int spec_check(const struct run_spec *s, struct err *e);

/* A list of numbers: "log2:-10:20", "log10:-6:6", "log10:-6:6:97" (that many points), "list:0.1,1,10".
 * v is allocated, the caller frees it. */
int grid_parse(const char *text, double **v, size_t *n, struct err *e);

#endif
