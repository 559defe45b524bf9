/* Made-up problems for adaptations, and runs of specs on them. */
#ifndef BITBENCH_TESTS_PROPERTY_ADAPT_MADE_H
#define BITBENCH_TESTS_PROPERTY_ADAPT_MADE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "protocols/adapt.h"

enum { MAX_SPECS = 40 };

/* A made-up problem: class means plus noise, cut at 0 as a network's features are. */
struct made {
    float *x, *x_test;
    int32_t *y;
    struct probe_data p;
};

static inline double normal(uint64_t seed, uint64_t purpose, uint64_t i)
{
    return rng_normal(rng_at(seed, purpose, 2 * i), rng_at(seed, purpose, 2 * i + 1));
}

/* Values are multiples of 1/64, so that adding a small whole number is exact. */
static inline float feature(uint64_t seed, uint64_t purpose, size_t i, size_t k, size_t d,
                            size_t class)
{
    double v = 0.6 * normal(seed, 1, class * d + k) + normal(seed, purpose, i * d + k);
    return (float)(floor(fmax(v, 0) * 64) / 64);
}

static inline void make(struct made *m, uint64_t seed, size_t n, size_t d, size_t n_classes,
                        size_t n_test)
{
    m->x = calloc(n * d, sizeof *m->x);
    m->x_test = calloc(n_test * d, sizeof *m->x_test);
    m->y = calloc(n, sizeof *m->y);
    for (size_t i = 0; i < n; i++) {
        m->y[i] = (int32_t)(i % n_classes);
        for (size_t k = 0; k < d; k++) {
            m->x[i * d + k] = feature(seed, 2, i, k, d, i % n_classes);
        }
    }
    for (size_t i = 0; i < n_test * d; i++) {
        m->x_test[i] = feature(seed, 3, i / d, i % d, d, i / d % n_classes);
    }
    m->p = (struct probe_data){.x = m->x,
                               .y = m->y,
                               .n = n,
                               .d = d,
                               .n_classes = n_classes,
                               .x_test = m->x_test,
                               .n_test = n_test};
}

static inline void unmake(struct made *m)
{
    free(m->y);
    free(m->x_test);
    free(m->x);
}

/* Specs and what came of them. */
struct trial {
    const struct adapt *adapt;
    struct run_spec spec[MAX_SPECS];
    size_t n;
    double *scores; /* [n, n_test, n_classes] */
    double chosen[MAX_SPECS], value[MAX_SPECS];
    size_t n_tried, size, n_done;
    bool converged, has_prob;
    struct adapt_counters counters;
    struct err e;
};

static inline int collect(void *ctx, const struct adapt_result *r, struct err *e)
{
    (void)e;
    struct trial *t = ctx;
    assert_int_equal(r->spec, t->n_done);
    memcpy(t->scores + r->spec * t->size, r->scores, t->size * sizeof *t->scores);
    t->chosen[r->spec] = r->chosen;
    t->converged &= r->converged;
    t->has_prob = r->has_prob;
    t->n_tried = r->n_tried;
    assert_true(r->n_tried <= MAX_SPECS);
    if (r->n_tried) {
        memcpy(t->value, r->value, r->n_tried * sizeof *t->value);
        assert_true(r->tried[r->picked] == r->chosen);
    }
    t->n_done++;
    return 0;
}

static inline struct run_spec *add_spec(struct trial *t, const struct adapt *a)
{
    struct run_spec *s = &t->spec[t->n++];
    t->adapt = a;
    spec_init(s);
    snprintf(s->adapt.name, sizeof s->adapt.name, "%s", a->name);
    return s;
}

static inline struct run_spec *add_select(struct trial *t, const struct adapt *a, const char *on,
                                          const char *grid)
{
    struct run_spec *s = add_spec(t, a);
    snprintf(s->select.on, sizeof s->select.on, "%s", on);
    snprintf(s->select.grid, sizeof s->select.grid, "%s=%s", a->knob, grid);
    return s;
}

/* Runs the specs added so far; the caller frees t->scores. */
static inline int run(struct trial *t, const struct probe_data *p, size_t threads)
{
    const struct run_spec *specs[MAX_SPECS];
    struct pool *pool;
    for (size_t i = 0; i < t->n; i++) {
        specs[i] = &t->spec[i];
    }
    t->size = p->n_test * p->n_classes;
    t->scores = calloc(t->n * t->size + 1, sizeof *t->scores);
    t->n_done = 0;
    t->converged = true;
    t->counters = (struct adapt_counters){0};
    t->e = (struct err){0};
    assert_int_equal(pool_open(&pool, threads, &t->e), 0);
    int rc = t->adapt->run(p, specs, t->n, pool, &t->counters, collect, t, &t->e);
    pool_close(pool);
    if (rc == 0) {
        assert_int_equal(t->n_done, t->n);
    }
    return rc;
}

static inline void must_run(struct trial *t, const struct probe_data *p, size_t threads)
{
    if (run(t, p, threads)) {
        fail_msg("%s", t->e.text);
    }
}

static inline double largest(const double *v, size_t n)
{
    double top = 0;
    for (size_t i = 0; i < n; i++) {
        top = fmax(top, isnan(v[i]) ? (double)INFINITY : fabs(v[i]));
    }
    return top;
}

/* Largest difference, relative to the largest score, of spec `i` to `want` [n_test, n_classes]. */
static inline void assert_close(const struct trial *t, size_t i, const double *want, double bound)
{
    double top = largest(want, t->size), off = 0;
    for (size_t k = 0; k < t->size; k++) {
        off = fmax(off, fabs(t->scores[i * t->size + k] - want[k]));
    }
    if (!(off <= bound * top)) {
        fail_msg("%s %zu: off by %g of %g, bound %g of it", t->adapt->name, i, off, top, bound);
    }
}

#endif
