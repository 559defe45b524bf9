/* Two lists of cells made by hand, for tests of what compares them. The functions are in the header
 * because a test program is built from one source file; cmocka.h comes before it. */
#ifndef BITBENCH_TESTS_UNIT_SIDES_H
#define BITBENCH_TESTS_UNIT_SIDES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "results/compare.h"
#include "results/record.h"
#include "results/store.h"

#define OK(call) assert_int_equal(call, 0)

static struct err e;

static inline void near(const char *what, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound)) {
        fail_msg("%s: %.17g, expected %.17g", what, got, want);
    }
}

/* ---- records ---- */

enum { MOST = 64 };

struct side {
    struct record records[MOST];
    char *paths[MOST];
    struct record_list l;
};

static inline void side_release(struct side *s)
{
    for (size_t i = 0; i < s->l.n; i++) {
        record_release(&s->records[i]);
    }
    s->l = (struct record_list){0};
}

#define MODEL "bit|R50x1|w:0123456789ab"

struct make {
    const char *dataset, *train, *rs, *subject; /* NULL: cifar10, k5,nested, 32, MODEL */
    int draw, seed;
    size_t n;                 /* 0: 200 */
    uint64_t outcomes;        /* which predictions; equal numbers give equal ones */
    size_t n_worse, n_better; /* images that differ from outcomes */
    bool text_ids;
};

/* Right for two of three images; the first n_worse of these are turned wrong, the first n_better of
 * the others right. */
static inline struct record *add(struct side *s, struct make m)
{
    struct record *r = &s->records[s->l.n];
    size_t n = m.n ? m.n : 200;
    assert_true(s->l.n < MOST);
    *r = (struct record){0};
    snprintf(r->run_id, sizeof r->run_id, "%032zx", s->l.n + 1);
    snprintf(r->protocol, sizeof r->protocol, "%s|train:%s|ridge:l2=loo|rs:%s|test:%zu/%zu|v1",
             m.dataset ? m.dataset : "cifar10", m.train ? m.train : "k5,nested",
             m.rs ? m.rs : "32", n, n);
    snprintf(r->subject, sizeof r->subject, "%s", m.subject ? m.subject : MODEL);
    snprintf(r->replicate, sizeof r->replicate, "draw:%d|seed:%d", m.draw, m.seed);
    OK(outcomes_init(&r->outcomes, n, m.text_ids ? 32 : 0, false, &e));
    for (size_t i = 0; i < n; i++) {
        bool right = rng_at(m.outcomes, 0, i) % 3 != 0;
        if (right && m.n_worse) {
            right = false;
            m.n_worse--;
        } else if (!right && m.n_better) {
            right = true;
            m.n_better--;
        }
        r->outcomes.label[i] = (int32_t)(i % 7);
        r->outcomes.pred[i] = right ? (int32_t)(i % 7) : 7;
        r->outcomes.rank[i] = right ? 1 : 2;
        if (m.text_ids) {
            snprintf(r->outcomes.id_text + 32 * i, 32, "image%zu.png", i);
        } else {
            r->outcomes.id_number[i] = i;
        }
    }
    r->spec = mem_strdup(r->protocol, &e);
    s->l.records = s->records;
    s->l.paths = s->paths;
    s->l.n++;
    return r;
}

static const struct compare_opts plain = {.rule = {.alpha = 0.05, .max_drop = (double)NAN}};

static inline void compare(struct comparison *c, struct side *base, struct side *cand,
                           const struct compare_opts *o)
{
    e = (struct err){0};
    if (compare_records(c, &base->l, &cand->l, o, NULL, &e)) {
        fail_msg("%s", e.text);
    }
}

#endif
