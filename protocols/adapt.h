/* Adaptations on frozen features: train on [n, d], score [n_test, d]. Pure arithmetic: no model,
 * no data set, no file. The same code serves `run` and `probe FILE.npz`. */
#ifndef BITBENCH_PROTOCOLS_ADAPT_H
#define BITBENCH_PROTOCOLS_ADAPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "protocols/spec.h"

struct err;
struct pool;

/* Views; row i of the training set is x + rows[i] * d (rows NULL: row i). */
struct probe_data {
    const float *x;     /* [*, d] */
    const size_t *rows; /* [n] or NULL */
    const int32_t *y;   /* [n], 0..n_classes-1; classes may be absent */
    size_t n, d, n_classes;
    const float *x_test; /* [n_test, d] */
    size_t n_test;
};

/* What the shared work cost; tests read it. */
struct adapt_counters {
    size_t eigendecompositions, logistic_fits, logistic_iterations;
};

/* One finished adaptation. Arrays stay valid during the callback only. */
struct adapt_result {
    size_t spec;          /* index in the specs given */
    const double *scores; /* [n_test, n_classes] */
    bool has_prob;        /* scores are logits: softmax gives probabilities */
    const char *unit;     /* of score differences: "score" or "logit" */
    double chosen;        /* the value in force of the selectable knob (l2, C) */
    double residual;      /* logistic: |grad J|^2 / (2 J) at the end; nan where it has no meaning */
    bool converged;
    const double *tried, *value; /* [n_tried] selection ladder; n_tried 0: nothing selected */
    size_t n_tried, picked;
    const char *measure; /* "loo_mse", "val_top1" */
};
typedef int adapt_emit(void *ctx, const struct adapt_result *r, struct err *e);

struct adapt {
    const char *name, *help;
    const char *sources; /* for numeric_id, separated by spaces: "protocols/ridge.c ..." */
    const char *knob;    /* the one that can be selected: "adapt.l2" */
    /* All specs share one training set: whatever does not depend on the knobs is done once. Emits
     * one result a spec, in order. A spec that cannot be solved is an error naming it. */
    int (*run)(const struct probe_data *p, const struct run_spec *const *specs, size_t n_specs,
               struct pool *pool, struct adapt_counters *c, adapt_emit *emit, void *ctx,
               struct err *e);
    /* Appends the signature part: "ridge:l2=loo,bias=100,std". */
    void (*signature)(const struct run_spec *s, struct str *out);
};
extern const struct adapt adapt_ridge, adapt_logistic;

/* ---- what the adaptations share ---- */

/* The values that a spec tries of the named knob, in the order of its grid; the caller frees *v.
 * *n = 0 when it selects nothing. ERR_USAGE when it selects another knob. */
int adapt_ladder(const struct run_spec *s, const char *knob, double **v, size_t *n, struct err *e);

/* Rows 0, 5, 10, ... of the training set are for validation, the others for training. */
struct adapt_holdout {
    struct probe_data train; /* rows and y are the holdout's; x_test NULL */
    struct probe_data val;   /* the validation rows, in the same form */
    size_t *rows;
    int32_t *y;
};
/* ERR_USAGE where nothing is left to train on. */
int adapt_holdout_init(struct adapt_holdout *h, const struct probe_data *p, struct err *e);
void adapt_holdout_release(struct adapt_holdout *h);

/* ERR_NUMERIC naming the training row where a feature is not finite; ERR_USAGE where there is no
 * training row or no feature. */
int adapt_check(const struct probe_data *p, struct pool *pool, struct err *e);

/* Puts the spec's text in front of an error. Always returns -1. */
int adapt_name_spec(const struct run_spec *s, struct err *e);

/* Rows whose best score (the lowest class of equal ones) is their label. scores [n, n_classes] */
size_t adapt_hits(const double *scores, const int32_t *y, size_t n, size_t n_classes);

/* "l2=loo", "l2=loo(log2:-3:3)", "l2=1024": the selectable knob in a signature. usual: the grid
 * that is not spelled out. */
void adapt_sign_knob(const struct run_spec *s, const char *label, double fixed, const char *usual,
                     struct str *out);

#endif
