/* Records: lists, metrics, and the rule that makes an outcome of scores. The rule is held against a
 * sort of the classes by (score falling, index rising), which is another way to say it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/rng.h"
#include "results/record.h"

static void test_status(void **state)
{
    (void)state;
    for (int i = CELL_OK; i <= CELL_DIVERGED; i++) {
        enum cell_status s = CELL_OK;
        assert_true(cell_status_parse(cell_status_text((enum cell_status)i), &s));
        assert_int_equal(s, i);
    }
    enum cell_status s;
    assert_false(cell_status_parse("okay", &s));
    assert_false(cell_status_parse("", &s));
}

static void test_pairs(void **state)
{
    (void)state;
    struct pairs p = {0};
    struct err e = {0};
    assert_null(pairs_get(&p, "a"));
    for (int i = 0; i < 40; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        assert_int_equal(pairs_setf(&p, &e, key, "%d and %s", i, "more"), 0);
    }
    assert_int_equal(pairs_set(&p, "key3", "other", &e), 0);
    assert_int_equal(p.n, 40);
    assert_string_equal(p.items[3].key, "key3");
    assert_string_equal(pairs_get(&p, "key3"), "other");
    assert_string_equal(pairs_get(&p, "key39"), "39 and more");
    pairs_release(&p);
    assert_int_equal(p.n, 0);
}

static void test_metrics(void **state)
{
    (void)state;
    struct record r = {0};
    struct err e = {0};
    double v = -1;
    assert_false(record_get_metric(&r, "top1", &v));
    assert_int_equal(record_metric(&r, "n", 100, true, &e), 0);
    assert_int_equal(record_metric(&r, "top1", 0.25, false, &e), 0);
    assert_int_equal(record_metric(&r, "n", 200, true, &e), 0);
    assert_int_equal(r.n_metrics, 2);
    assert_string_equal(r.metrics[0].name, "n");
    assert_true(r.metrics[0].whole && !r.metrics[1].whole);
    assert_true(record_get_metric(&r, "n", &v));
    assert_true(v == 200);
    record_release(&r);
}

static void start(struct outcomes *o, size_t n, bool has_prob)
{
    struct err e = {0};
    *o = (struct outcomes){0};
    assert_int_equal(outcomes_init(o, n, 0, has_prob, &e), 0);
}

static void test_ties(void **state)
{
    (void)state;
    static const double scores[][4] = {{1, 3, 3, 2}, {5, 5, 5, 5}, {-2, -1, -3, -1}};
    static const struct {
        int row, label, pred, rank;
        float margin;
    } expect[] = {
        {0, 1, 1, 1, 0},
        {0, 2, 1, 2, 0},
        {0, 3, 1, 3, 0},
        {0, 0, 1, 4, 0},
        {1, 0, 0, 1, 0},
        {1, 3, 0, 4, 0},
        {2, 3, 1, 2, 0},
        {2, 0, 1, 3, 0},
    };
    struct outcomes o;
    start(&o, 1, false);
    for (size_t i = 0; i < sizeof expect / sizeof *expect; i++) {
        assert_true(outcomes_set(&o, 0, expect[i].label, scores[expect[i].row], 4));
        assert_int_equal(o.label[0], expect[i].label);
        assert_int_equal(o.pred[0], expect[i].pred);
        assert_int_equal(o.rank[0], expect[i].rank);
        assert_true(o.margin[0] == expect[i].margin);
    }
    assert_true(outcomes_set(&o, 0, 0, (double[]){2, 0.5}, 2));
    assert_true(o.margin[0] == 1.5f);
    assert_true(outcomes_set(&o, 0, 0, (double[]){-7}, 1));
    assert_true(o.pred[0] == 0 && o.rank[0] == 1 && o.margin[0] == 0);
    outcomes_release(&o);
}

struct ranked {
    double score;
    int index;
};

static int by_score_then_index(const void *a, const void *b)
{
    const struct ranked *p = a, *q = b;
    if (p->score != q->score) {
        return p->score > q->score ? -1 : 1;
    }
    return p->index - q->index;
}

static void test_against_sorting(void **state)
{
    (void)state;
    enum { MOST = 30,
           SEED = 5 };
    struct outcomes o;
    start(&o, 1, false);
    for (uint64_t t = 0; t < 5000; t++) {
        size_t n = 1 + rng_at(SEED, 0, t) % MOST;
        struct ranked sorted[MOST];
        double scores[MOST];
        for (size_t c = 0; c < n; c++) {
            /* few values, so that ties are common */
            scores[c] = (double)(rng_at(SEED, 1 + t, c) % 8) - 3;
            sorted[c] = (struct ranked){scores[c], (int)c};
        }
        int label = (int)(rng_at(SEED, 100000 + t, 0) % n);
        qsort(sorted, n, sizeof *sorted, by_score_then_index);
        int rank = 1;
        while (sorted[rank - 1].index != label) {
            rank++;
        }
        double margin = n > 1 ? sorted[0].score - sorted[1].score : 0;
        assert_true(outcomes_set(&o, 0, label, scores, n));
        if (o.pred[0] != sorted[0].index || o.rank[0] != rank || (double)o.margin[0] != margin) {
            fail_msg("seed %d, case %llu: prediction %d, rank %d, margin %g; sorted: %d, %d, %g",
                     SEED, (unsigned long long)t, o.pred[0], o.rank[0], (double)o.margin[0],
                     sorted[0].index, rank, margin);
        }
    }
    outcomes_release(&o);
}

/* Half an ulp of a float of size v. */
static double half_ulp(double v)
{
    return fabs(v) * 0x1p-24;
}

static void test_softmax(void **state)
{
    (void)state;
    struct outcomes o;
    start(&o, 2, true);
    /* p = 1/6, 2/6, 3/6, wherever the scores are */
    static const double shifts[] = {0, 1000, -1e6};
    for (size_t i = 0; i < 3; i++) {
        double s = shifts[i], scores[] = {s, s + log(2), s + log(3)};
        /* scores themselves are rounded to 1e-10 at 1e6 */
        double slack = fabs(s) * 0x1p-52;
        assert_true(outcomes_set(&o, 1, 0, scores, 3));
        assert_true(fabs((double)o.logp_label[1] + log(6)) <= half_ulp(log(6)) + slack);
        assert_true(fabs((double)o.p_pred[1] - 0.5) <= half_ulp(0.5) + slack);
        assert_true(fabs((double)o.p_sq[1] - 14 / 36.0) <= half_ulp(14 / 36.0) + slack);
    }
    /* ln p survives where p itself is 0 in float, and p = 1 is ln p = 0 */
    assert_true(outcomes_set(&o, 0, 1, (double[]){0, -900}, 2));
    assert_true(o.logp_label[0] == -900 && o.p_pred[0] == 1 && o.p_sq[0] == 1);
    assert_true(outcomes_set(&o, 0, 0, (double[]){0, -900}, 2));
    assert_true(o.logp_label[0] == 0);
    outcomes_release(&o);
}

static void test_not_finite(void **state)
{
    (void)state;
    struct outcomes o;
    start(&o, 1, true);
    assert_false(outcomes_set(&o, 0, 1, (double[]){0, (double)NAN, 1}, 3));
    assert_false(outcomes_set(&o, 0, 1, (double[]){0, 1, HUGE_VAL}, 3));
    assert_true(o.rank[0] == 0 && o.label[0] == 0);
    outcomes_release(&o);
}

static void test_rank_saturates(void **state)
{
    (void)state;
    enum { N = 70000 };
    double *scores = calloc(N, sizeof *scores);
    struct outcomes o;
    start(&o, 1, false);
    assert_true(outcomes_set(&o, 0, N - 1, scores, N));
    assert_int_equal(o.rank[0], 65535);
    assert_true(outcomes_set(&o, 0, 65533, scores, N));
    assert_int_equal(o.rank[0], 65534);
    outcomes_release(&o);
    free(scores);
}

static void test_text_ids(void **state)
{
    (void)state;
    struct outcomes o = {0};
    struct err e = {0};
    assert_int_equal(outcomes_init(&o, 3, 16, false, &e), 0);
    assert_false(o.numeric_ids);
    assert_null(o.id_number);
    assert_null(o.p_sq);
    assert_string_equal(o.id_text + 2 * o.id_stride, "");
    /* again: what was there is released */
    assert_int_equal(outcomes_init(&o, 0, 0, true, &e), 0);
    assert_true(o.numeric_ids && o.n == 0);
    outcomes_release(&o);
    assert_int_equal(outcomes_init(&o, SIZE_MAX / 2, 0, false, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(o.n, 0);
}

/* Against rounding to 16 significant bits by ldexp and rint, which goes half to even, too. */
static double to_16_bits(double v)
{
    int exponent;
    double part = frexp(v, &exponent);
    return ldexp(rint(ldexp(part, 16)), exponent - 16);
}

static void test_round(void **state)
{
    (void)state;
    enum { N = 2000 };
    struct outcomes o = {0};
    struct err e = {0};
    assert_int_equal(outcomes_init(&o, N, 0, true, &e), 0);
    const float edges[] = {0, 1, 0x1.0001p0f, 0x1.0003p0f, 0x1.fffffep-1f, 0x1.fffffep127f, 3e-38f};
    for (size_t i = 0; i < N; i++) {
        bool edge = i < sizeof edges / sizeof *edges;
        float v = edge ? edges[i] : (float)exp(80 * rng_unit(rng_at(11, 0, i)) - 79);
        o.margin[i] = v;
        o.p_pred[i] = o.p_sq[i] = fminf(v, 1);
        o.logp_label[i] = -v;
    }
    float before[N];
    memcpy(before, o.margin, sizeof before);
    outcomes_round(&o);
    for (size_t i = 0; i < N; i++) {
        double want = to_16_bits((double)before[i]);
        want = want > (double)FLT_MAX ? (double)before[i] : want;
        if ((double)o.margin[i] != want) {
            fail_msg("%a becomes %a, not %a", (double)before[i], (double)o.margin[i], want);
        }
        assert_true(o.p_pred[i] == o.p_sq[i] && o.p_pred[i] <= 1);
        assert_true(o.logp_label[i] == -before[i]);
    }
    memcpy(before, o.margin, sizeof before);
    outcomes_round(&o);
    assert_memory_equal(before, o.margin, sizeof before);
    outcomes_release(&o);
    outcomes_round(&o); /* nothing there */
    assert_int_equal(outcomes_init(&o, 2, 0, false, &e), 0);
    outcomes_round(&o); /* no probabilities */
    outcomes_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_against_sorting),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_rank_saturates),
        cmocka_unit_test(test_text_ids),
        cmocka_unit_test(test_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
