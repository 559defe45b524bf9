/* Aggregates over replicates and VTAB's tasks, and metrics again from stored outcomes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "results/aggregate.h"
#include "results/record.h"
#include "results/rescore.h"
#include "results/store.h"

#define OK(call) assert_int_equal(call, 0)

enum { MOST = 100 };

static struct err e;
static struct record records[MOST];
static struct record_list list = {.records = records};

static void near(const char *what, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound)) {
        fail_msg("%s: %.17g, expected %.17g", what, got, want);
    }
}

static void clear(void)
{
    for (size_t i = 0; i < list.n; i++) {
        record_release(&records[i]);
    }
    list.n = 0;
}

static struct record *add(const char *dataset, const char *train, int draw, int seed, double top1,
                          size_t n)
{
    struct record *r = &records[list.n++];
    assert_true(list.n <= MOST);
    *r = (struct record){0};
    snprintf(r->protocol, sizeof r->protocol, "%s|train:%s|ridge:l2=1|v1", dataset, train);
    snprintf(r->subject, sizeof r->subject, "m|R50x1|w:0");
    snprintf(r->replicate, sizeof r->replicate, "draw:%d|seed:%d", draw, seed);
    OK(pairs_set(&r->knobs, "dataset", dataset, &e));
    OK(record_metric(r, "top1", top1, false, &e));
    OK(record_metric(r, "n", (double)n, true, &e));
    return r;
}

static void test_series(void **state)
{
    (void)state;
    struct aggregate a;
    /* two draws of two seeds; out of order, one of them twice, one failed */
    add("d", "k5", 1, 0, 0.74, 1000);
    add("d", "k5", 0, 1, 0.72, 1000);
    add("d", "k5", 0, 0, 0.70, 1000);
    add("d", "k5", 1, 1, 0.76, 1000);
    add("d", "k5", 1, 1, 0.76, 1000);
    add("d", "k5", 2, 0, 0.1, 1000)->status = CELL_FAILED;
    add("d", "k10", 10, 0, 0.9, 1000);
    OK(aggregate_init(&a, &list, false, &e));
    assert_int_equal(a.n_series, 2);
    assert_int_equal(a.n_vtab, 0);
    const struct aggregate_series *one = &a.series[0], *s = &a.series[1];
    assert_int_equal(one->n, 1);
    assert_true(isnan(one->summary.sd) && isnan(one->shares.draw));
    assert_int_equal(s->n, 4);
    assert_int_equal(s->n_test, 1000);
    near("order", s->values[0], 0.70, 0);
    near("median", s->summary.median, 0.73, 1e-15);
    near("mean", s->summary.mean, 0.73, 1e-15);
    /* within: 2e-4 in each draw; between: 2 (0.02)^2 2 / 1 = 1.6e-3, so draw = 7e-4 */
    double sampling = 0.73 * 0.27 / 1000, sum = 7e-4 + 2e-4 + sampling;
    near("draw", s->shares.draw, 7e-4 / sum, 1e-12);
    near("seed", s->shares.seed, 2e-4 / sum, 1e-12);
    near("sampling", s->shares.sampling, sampling / sum, 1e-12);
    near("sampling se", s->sampling_se, sqrt(sampling), 1e-15);
    aggregate_release(&a);
    clear();
}

static void test_vtab(void **state)
{
    (void)state;
    struct aggregate a;
    static const double shift[] = {-0.01, 0, 0.025};
    double mean = 0, var = 0;
    for (size_t t = 0; t < VTAB_TASKS; t++) {
        for (int d = 0; d < 3; d++) {
            add(vtab_tasks[t].dataset, "vtab-1000", 0, d, 0.5 + 0.02 * (double)t + shift[d], 1000);
        }
        double p = 0.5 + 0.02 * (double)t + 0.005;
        mean += p / 19;
        var += p * (1 - p) / 1000 / (19 * 19);
    }
    add("cifar10", "vtab-1000", 0, 0, 0.1, 1000); /* none of the 19 */
    OK(aggregate_init(&a, &list, false, &e));
    assert_int_equal(a.n_vtab, 1);
    const struct aggregate_vtab *v = &a.vtab[0];
    assert_int_equal(v->mean.n_tasks, 19);
    assert_int_equal(v->n_replicates, 3);
    assert_int_equal(v->n_most, 3);
    near("mean of 19", v->mean.tasks, mean, 1e-15);
    near("standard error over images", v->mean.tasks_se, sqrt(var), 1e-15);
    /* each replicate moves all tasks, so both means, by the same: sd 0.018028 */
    double se = sqrt((0.015 * 0.015 + 0.005 * 0.005 + 0.02 * 0.02) / 2 / 3);
    near("standard error over replicates", v->tasks_replicate_se, se, 1e-15);
    near("of the groups' mean", v->groups_replicate_se, se, 1e-15);
    near("seed share", v->shares.seed, 3 * se * se / (3 * se * se + var), 1e-12);
    near("draw share", v->shares.draw, 0, 0);
    assert_string_equal(v->name, "train:vtab-1000, ridge:l2=1, m");
    aggregate_release(&a);
    /* without one replicate of the first task: standard errors over the other two */
    OK(aggregate_init(&a, &(struct record_list){.records = records + 1, .n = list.n - 1}, false,
                      &e));
    assert_int_equal(a.vtab[0].mean.n_tasks, 19);
    assert_int_equal(a.vtab[0].n_replicates, 2);
    assert_int_equal(a.vtab[0].n_most, 3);
    aggregate_release(&a);
    /* without the first task: no mean */
    OK(aggregate_init(&a, &(struct record_list){.records = records + 3, .n = list.n - 3}, false,
                      &e));
    assert_int_equal(a.n_vtab, 1);
    assert_int_equal(a.vtab[0].mean.n_tasks, 18);
    assert_true(isnan(a.vtab[0].mean.tasks) && isnan(a.vtab[0].mean.groups));
    assert_true(isnan(a.vtab[0].tasks_replicate_se));
    aggregate_release(&a);
    clear();
}

static void test_rescore(void **state)
{
    (void)state;
    struct record *r = add("kitti-distance", "vtab-1000", 0, 0, 0, 0), scores = {0};
    struct outcomes view;
    double v;
    OK(outcomes_init(&r->outcomes, 711, 0, true, &e));
    for (size_t i = 0; i < 711; i++) {
        double p[4] = {0};
        p[i < 316 ? 0 : 1 + i % 3] = 1; /* right for the first 316 */
        assert_true(outcomes_set(&r->outcomes, i, 0, p, 4));
    }
    rescore_view(r, true, &view);
    assert_int_equal(view.n, 632);
    OK(rescore(r, true, 2, &scores, &e));
    assert_true(record_get_metric(&scores, "top1", &v) && v == 0.5);
    assert_true(record_get_metric(&scores, "top2", &v) && v == 1);
    assert_true(record_get_metric(&scores, "ece_mass", &v));
    record_release(&scores);
    OK(rescore(r, false, 5, &scores, &e));
    assert_true(record_get_metric(&scores, "n", &v) && v == 711);
    record_release(&scores);
    /* predictions alone: what needs more is absent */
    free(r->outcomes.rank);
    r->outcomes.rank = NULL;
    r->outcomes.has_prob = false;
    OK(rescore(r, false, 5, &scores, &e));
    assert_false(record_get_metric(&scores, "top5", &v) || record_get_metric(&scores, "nll", &v));
    record_release(&scores);
    outcomes_release(&r->outcomes);
    assert_int_equal(rescore(r, false, 5, &scores, &e), -1);
    clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_vtab),
        cmocka_unit_test(test_rescore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
