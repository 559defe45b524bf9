/* Metrics of outcomes small enough to work out by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "results/metrics.h"
#include "results/record.h"

static struct err e;

#define OK(call) assert_int_equal(call, 0)

struct row {
    int32_t label, pred;
    uint16_t rank;
    float logp, p_pred, p_sq;
};

static void fill(struct record *r, const struct row *rows, size_t n, bool has_prob)
{
    *r = (struct record){0};
    OK(outcomes_init(&r->outcomes, n, 0, has_prob, &e));
    for (size_t i = 0; i < n; i++) {
        r->outcomes.label[i] = rows[i].label;
        r->outcomes.pred[i] = rows[i].pred;
        r->outcomes.rank[i] = rows[i].rank;
        if (has_prob) {
            r->outcomes.logp_label[i] = rows[i].logp;
            r->outcomes.p_pred[i] = rows[i].p_pred;
            r->outcomes.p_sq[i] = rows[i].p_sq;
        }
    }
}

static double metric(const struct record *r, const char *name)
{
    double v = (double)NAN;
    record_get_metric(r, name, &v);
    return v;
}

static void near(double got, double want)
{
    /* sums of a handful of terms below 8 */
    if (!(fabs(got - want) <= 1e-15)) {
        fail_msg("%.17g, expected %.17g", got, want);
    }
}

static void test_by_hand(void **state)
{
    (void)state;
    /* class 0: 1 of 2, class 2: 1 of 1, class 3: 0 of 1, class 1 absent */
    static const struct row rows[] = {
        {0, 0, 1, -0.5f, 0.75f, 0.5f},
        {0, 2, 5, -1.5f, 0.5f, 0.375f},
        {2, 2, 1, -0.25f, 0.7734375f, 0.625f}, /* with 0.75 in bin (11/15, 12/15] */
        {3, 1, 6, -4, 1, 1},
    };
    struct record r;
    fill(&r, rows, 4, true);
    OK(metrics_add(&r, 4, &e));
    static const char *const order[] = {"n", "n_correct", "top1", "top5", "mean_per_class",
                                        "nll", "brier", "ece"};
    assert_int_equal(r.n_metrics, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(r.metrics[i].name, order[i]);
        assert_int_equal(r.metrics[i].whole, i < 2);
    }
    near(metric(&r, "n"), 4);
    near(metric(&r, "n_correct"), 2);
    near(metric(&r, "top1"), 0.5);
    near(metric(&r, "top5"), 0.75);
    near(metric(&r, "mean_per_class"), (0.5 + 1 + 0) / 3);
    near(metric(&r, "nll"), 6.25 / 4);
    near(metric(&r, "brier"),
         (4 + 2.5 - 2 * (exp(-0.5) + exp(-1.5) + exp(-0.25) + exp(-4))) / 4);
    near(metric(&r, "ece"), 0.5 * (1 - (0.75 + 0.7734375) / 2) + 0.25 * 0.5 + 0.25 * 1);
    record_release(&r);
}

static void test_without_probabilities(void **state)
{
    (void)state;
    static const struct row rows[] = {{1, 0, 2, 0, 0, 0}};
    struct record r;
    fill(&r, rows, 1, false);
    r.selection.n = 3;
    r.selection.tried = mem_take(3, sizeof(double), &e);
    OK(metrics_add(&r, 2, &e));
    assert_int_equal(r.n_metrics, 6);
    assert_string_equal(r.metrics[5].name, "n_configs_tried");
    near(metric(&r, "n_configs_tried"), 3);
    near(metric(&r, "top1"), 0);
    record_release(&r);
}

static void test_extremes(void **state)
{
    (void)state;
    static const struct row sure[] = {{0, 0, 1, 0, 1, 1}};
    static const struct row wrong[] = {{1, 0, 2, -HUGE_VALF, 1, 1}, {0, 0, 1, 0, 1, 1}};
    struct record r;
    fill(&r, sure, 1, true);
    OK(metrics_add(&r, 2, &e));
    assert_true(metric(&r, "nll") == 0 && !signbit(metric(&r, "nll")));
    assert_true(metric(&r, "brier") == 0 && metric(&r, "ece") == 0);
    record_release(&r);
    fill(&r, wrong, 2, true);
    OK(metrics_add(&r, 2, &e));
    assert_true(isinf(metric(&r, "nll")) && metric(&r, "nll") > 0);
    near(metric(&r, "brier"), 1);
    near(metric(&r, "ece"), 0.5);
    record_release(&r);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {{0, 0, 1, 0, 1, 1}, {4, 0, 2, 0, 1, 1}};
    struct record r = {0};
    assert_int_equal(metrics_add(&r, 4, &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    fill(&r, rows, 2, false);
    assert_int_equal(metrics_add(&r, 4, &e), -1);
    assert_string_equal(e.text, "outcome 1: label 4 not in 0..3");
    assert_int_equal(r.n_metrics, 0);
    record_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_without_probabilities),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
