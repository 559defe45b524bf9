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
    const float *x;        /* [*, d] */
    const size_t *rows;    /* [n] or NULL */
    const int32_t *y;      /* [n], 0..n_classes-1; classes may be absent */
    size_t n, d, n_classes;
    const float *x_test;   /* [n_test, d] */
    size_t n_test;
};

/* What the shared work cost; tests read it. */
struct adapt_counters {
    size_t eigendecompositions, logistic_fits, logistic_iterations;
};

/* One finished adaptation. Arrays stay valid during the callback only. */
struct adapt_result {
    size_t spec;            /* index in the specs given */
    const double *scores;   /* [n_test, n_classes] */
    bool has_prob;          /* scores are logits: softmax gives probabilities */
    const char *unit;       /* of score differences: "score" or "logit" */
    double chosen;          /* the value in force of the selectable knob (l2, C) */
    double residual;        /* logistic: |grad J|^2 / (2 J) at the end; nan where it has no meaning */
    bool converged;
    const double *tried, *value; /* [n_tried] selection ladder; n_tried 0: nothing selected */
    size_t n_tried, picked;
    const char *measure;    /* "loo_mse", "val_top1" */
};
typedef int adapt_emit(void *ctx, const struct adapt_result *r, struct err *e);

struct adapt {
    const char *name, *help;
    const char *sources; /* "protocols/ridge.c", for numeric_id */
    const char *knob;    /* the one that can be selected: "adapt.l2" */
    /* All specs share one training set: whatever does not depend on the knobs is done once. Emits one
     * result a spec, in order. A spec that cannot be solved is an error naming it. */
    int (*run)(const struct probe_data *p, const struct run_spec *const *specs, size_t n_specs,
               struct pool *pool, struct adapt_counters *c, adapt_emit *emit, void *ctx, struct err *e);
    /* Appends the signature part: "ridge:l2=loo,bias=100,std". */
    void (*signature)(const struct run_spec *s, struct str *out);
};
extern const struct adapt adapt_ridge, adapt_logistic;

#endif
