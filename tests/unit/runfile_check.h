/* What the tests of run files share. Include after cmocka.h. */
#ifndef BITBENCH_TESTS_UNIT_RUNFILE_CHECK_H
#define BITBENCH_TESTS_UNIT_RUNFILE_CHECK_H

#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/runfile.h"

/* 2 models x 2 data sets x 2 draws x 2 entries of zip, less 1 x 2 x 2 x 1: 12 cells. */
#define SUITE                                                                         \
    "name: suite\nmodels: [a, b]\ndatasets: [d, e]\n"                                 \
    "regime: {name: kshot, rule: bit-jax, k: 3}\nadapt: {name: ridge, l2: 5}\n"       \
    "sweep:\n  regime.draw: [0, 1]\nzip:\n  - {adapt.bias: 1, preprocess.crop: 32}\n" \
    "  - {adapt.bias: 2, preprocess.crop: 64}\nexclude: [{models: a, adapt.bias: 2}]\n"

static inline int parse(struct run_plan *p, const char *text, struct err *e)
{
    const struct runfile_opts o = {.name = "t.yaml"};
    return runfile_parse(p, text, strlen(text), &o, e);
}

static inline void assert_same_cells(const struct run_plan *a, const struct run_plan *b,
                                     const char *what)
{
    if (a->n != b->n || a->n_axes != b->n_axes || strcmp(a->name, b->name) != 0) {
        fail_msg("%s: %zu cells and %zu axes, then %zu and %zu", what, a->n, a->n_axes, b->n,
                 b->n_axes);
    }
    for (size_t i = 0; i < a->n; i++) {
        if (!spec_equal(&a->specs[i], &b->specs[i])) {
            fail_msg("%s: cell %zu differs", what, i);
        }
    }
    for (size_t i = 0; i < a->n_axes; i++) {
        assert_string_equal(a->axes[i], b->axes[i]);
    }
}

/* The plan's text gives the same cells and the same text again. */
static inline void assert_text_survives(const struct run_plan *p)
{
    struct run_plan again = {0};
    struct err e = {0};
    if (parse(&again, p->text, &e)) {
        fail_msg("%s\nof\n%s", e.text, p->text);
    }
    assert_same_cells(p, &again, p->text);
    assert_string_equal(again.text, p->text);
    run_plan_release(&again);
}

static inline void join_axes(const struct run_plan *p, struct str *out)
{
    for (size_t i = 0; i < p->n_axes; i++) {
        str_addf(out, "%s%s", i ? "," : "", p->axes[i]);
    }
    str_add(out, p->n_axes ? "" : "-");
}

#endif
