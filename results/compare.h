/* A comparison of two sides: paired test sets, what the tests say of each, means over test sets,
 * and the verdict. Filled from stored cells or from given outcomes; rendered as text, Markdown,
 * JSON and JUnit XML. */
#ifndef BITBENCH_RESULTS_COMPARE_H
#define BITBENCH_RESULTS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "results/paired.h"
#include "results/table.h"

struct err;
struct pool;
struct record_list;
struct str;

/* A list of owned texts. */
struct lines {
    char **items;
    size_t n, cap;
};
int lines_addf(struct lines *l, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void lines_release(struct lines *l);

struct compare_mean {
    char *name; /* "mean of 19 tasks" */
    size_t n_sets, n_expected;
    bool averaged; /* false: the grid is incomplete */
    struct paired_mean mean;
};

/* A prediction that differs; texts are owned. */
struct compare_change {
    size_t set, position; /* place in canonical test order */
    char *replicate, *id;
    int32_t label, base, cand;
    float margin; /* of the candidate's prediction; nan where it is not stored */
};

struct comparison {
    struct paired_rule rule;
    char base[256], cand[256]; /* what the two sides are called */
    struct paired_set *sets;
    struct paired_effect *effects;
    size_t n, cap;
    struct lines datasets;  /* [n] of each set */
    struct lines series;    /* [n] sets of one series are averaged */
    struct lines protocols; /* [n] signatures of the base; empty for given outcomes */
    struct compare_mean *means;
    size_t n_means;
    struct lines remarks; /* what a reader must know */
    struct lines missing; /* cells of the base that the candidate lacks, with the reason */
    struct compare_change *changes;
    size_t n_changes, changes_cap;
    bool predictions; /* known, so that "same" can be told */
};
void comparison_release(struct comparison *c);

struct compare_opts {
    struct paired_rule rule;
    const char *base, *cand; /* names of the two sides */
    const char *const *vary;
    size_t n_vary;
    bool as_leaderboard; /* only the images that VTAB's published numbers count */
    bool changes;        /* list them */
};
/* Compares stored cells. ERR_USAGE where the two sides cannot be compared; see pairing.h and
 * alignment.h. */
int compare_records(struct comparison *c, const struct record_list *base,
                    const struct record_list *cand, const struct compare_opts *o,
                    struct pool *pool, struct err *e);

/* Adds a test set, whose contents are taken over (also when it fails). */
int comparison_add(struct comparison *c, struct paired_set *set, const char *dataset,
                   const char *series, const char *protocol, struct err *e);
/* Tests, means, verdicts, after the last set was added. ERR_USAGE when there is none. */
int comparison_finish(struct comparison *c, struct pool *pool, struct err *e);
/* A test set fails the rule, or a cell is missing. */
bool comparison_fails(const struct comparison *c);

/* text or md */
int comparison_render(const struct comparison *c, enum table_format f, struct str *out,
                      struct err *e);
int comparison_json(const struct comparison *c, struct str *out, struct err *e);
int comparison_junit(const struct comparison *c, struct str *out, struct err *e);
/* One line a change: test set, replicate, position, id, label, both predictions; tab separated. */
int comparison_changes(const struct comparison *c, struct str *out, struct err *e);
/* One sentence on a test set: what was found, with what it rests on. */
void comparison_sentence(const struct comparison *c, size_t set, struct str *out);

#endif
