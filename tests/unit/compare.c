/* Verdicts, means and output of a comparison, on records made by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "harness/base/json.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/mcnemar.h"
#include "results/vtab.h"
#include "tests/unit/sides.h"

static void test_same(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    for (int d = 0; d < 3; d++) {
        add(&base, (struct make){.draw = d, .outcomes = (uint64_t)d});
        add(&cand, (struct make){.draw = d, .outcomes = (uint64_t)d});
    }
    struct compare_opts o = plain;
    o.rule.max_drop = 0;
    compare(&c, &base, &cand, &o);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.sets[0].n_blocks, 3);
    assert_true(c.sets[0].same && c.effects[0].p == 1 && c.effects[0].drop_bound == 0);
    assert_int_equal(c.effects[0].verdict, PAIRED_WITHIN);
    assert_false(comparison_fails(&c));
    comparison_release(&c);
    o = plain;
    o.rule.exact = true;
    compare(&c, &base, &cand, &o);
    assert_int_equal(c.effects[0].verdict, PAIRED_SAME);
    assert_false(comparison_fails(&c));
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

static void test_one_draw(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    struct mcnemar m;
    add(&base, (struct make){.outcomes = 1});
    add(&cand, (struct make){.outcomes = 1, .n_worse = 21, .n_better = 6});
    compare(&c, &base, &cand, &plain);
    mcnemar_test(21, 6, &m);
    assert_int_equal(c.effects[0].n_worse, 21);
    assert_int_equal(c.effects[0].n_better, 6);
    near("p", c.effects[0].p, m.exact, 0);
    near("difference", c.effects[0].difference, -15 / 200.0, 1e-17);
    near("accuracies", c.sets[0].cand - c.sets[0].base, -15 / 200.0, 1e-15);
    assert_int_equal(c.effects[0].verdict, PAIRED_WORSE);
    assert_true(comparison_fails(&c));
    comparison_release(&c);

    struct compare_opts o = plain; /* better the other way round */
    compare(&c, &cand, &base, &o);
    assert_int_equal(c.effects[0].verdict, PAIRED_BETTER);
    assert_false(comparison_fails(&c));
    near("bound", c.effects[0].drop_bound < 0, 1, 0);
    comparison_release(&c);

    o.rule.max_drop = 0.5; /* significant, but within a generous limit */
    compare(&c, &base, &cand, &o);
    assert_int_equal(c.effects[0].verdict, PAIRED_WITHIN);
    comparison_release(&c);

    o.rule.exact = true;
    o.rule.max_drop = (double)NAN;
    o.changes = true;
    compare(&c, &base, &cand, &o);
    assert_int_equal(c.effects[0].verdict, PAIRED_CHANGED);
    assert_int_equal(c.n_changes, 27);
    size_t n_lost = 0;
    for (size_t i = 0; i < c.n_changes; i++) {
        n_lost += c.changes[i].base == c.changes[i].label;
    }
    assert_int_equal(n_lost, 21);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

static void test_undecided(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    struct str text = {0};
    add(&base, (struct make){.outcomes = 1});
    add(&cand, (struct make){.outcomes = 1, .n_worse = 5, .n_better = 5});
    struct compare_opts o = plain;
    o.rule.max_drop = 0.005;
    compare(&c, &base, &cand, &o);
    assert_int_equal(c.effects[0].verdict, PAIRED_UNDECIDED);
    assert_true(comparison_fails(&c));
    /* q (z.95 + z.80)^2 / D^2 with q = 0.05 */
    near("images", c.effects[0].needed_images, ceil(0.05 * 6.1825572 / (0.005 * 0.005)), 1);
    comparison_sentence(&c, 0, &text);
    assert_non_null(strstr(str_text(&text), "cannot exclude a drop of 0.5 points"));
    assert_non_null(strstr(str_text(&text), "needs about 12,366 images"));
    str_release(&text);
    comparison_release(&c);
    o.rule.inconclusive_passes = true;
    compare(&c, &base, &cand, &o);
    assert_false(comparison_fails(&c));
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

/* The paired t over draws by hand: differences -2, -4, -3 and -5 of 200 images. */
static void test_draws(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    static const size_t worse[] = {12, 14, 13, 15};
    for (int d = 0; d < 4; d++) {
        uint64_t o = (uint64_t)d;
        add(&base, (struct make){.draw = d, .outcomes = o});
        add(&cand, (struct make){.draw = d, .outcomes = o, .n_worse = worse[d], .n_better = 10});
    }
    compare(&c, &base, &cand, &plain);
    const struct paired_effect *f = &c.effects[0];
    double mean = -3.5 / 200, sd = sqrt(5 / 3.0) / 200;
    near("difference", f->difference, mean, 1e-17);
    near("t", f->t, mean / (sd / 2), 1e-12);
    near("df", f->df, 3, 0);
    /* three degrees of freedom in closed form */
    double angle = atan(fabs(f->t) / sqrt(3));
    near("p over draws", f->p_blocks, 1 - (2 * angle + sin(2 * angle)) / (4 * atan(1)), 1e-14);
    assert_true(f->p == fmax(f->p_blocks, f->p_images));
    assert_true(f->boot_sd > 0 && f->boot_low < mean && f->boot_high > mean);
    near("shares", f->share_blocks + f->share_images + f->share_rest, 1, 1e-15);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

/* Two draws with equal differences have no spread: images must not let that become a verdict. */
static void test_no_spread(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    for (int d = 0; d < 2; d++) {
        uint64_t o = (uint64_t)d;
        add(&base, (struct make){.draw = d, .outcomes = o});
        add(&cand, (struct make){.draw = d, .outcomes = o, .n_worse = 3, .n_better = 2});
    }
    compare(&c, &base, &cand, &plain);
    assert_true(c.effects[0].p_blocks == 0);
    assert_true(c.effects[0].p > 0.05);
    assert_int_equal(c.effects[0].verdict, PAIRED_NO_EVIDENCE);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

/* Seeds are averaged within a draw; one draw with several seeds makes these the unit. */
static void test_seeds(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    static const int seeds[] = {1, 2, 3};
    for (int d = 0; d < 3; d++) {
        for (int s = 0; s < seeds[d]; s++) {
            add(&base, (struct make){.draw = d, .seed = s, .outcomes = 1});
            add(&cand, (struct make){.draw = d, .seed = s, .outcomes = 1, .n_worse = (size_t)s});
        }
    }
    compare(&c, &base, &cand, &plain);
    assert_int_equal(c.sets[0].n_blocks, 3);
    assert_int_equal(c.sets[0].unit, 6);
    assert_int_equal(c.sets[0].n_pairs, 6);
    /* mean losses 0, 1/2 and 1 image */
    near("difference", c.effects[0].difference, -0.5 / 200, 1e-17);
    near("accuracies", c.sets[0].cand - c.sets[0].base, -0.5 / 200, 1e-15);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
    for (int s = 0; s < 4; s++) {
        add(&base, (struct make){.seed = s, .outcomes = 1});
        add(&cand, (struct make){.seed = s, .outcomes = 1, .n_worse = 2});
    }
    compare(&c, &base, &cand, &plain);
    assert_int_equal(c.sets[0].n_blocks, 4);
    assert_true(c.sets[0].blocks_are_seeds);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

static void test_machines(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    struct str text = {0};
    struct record *a = add(&base, (struct make){0}), *b = add(&cand, (struct make){0});
    OK(pairs_set(&a->provenance, "isa", "avx2", &e));
    OK(pairs_set(&b->provenance, "isa", "avx512", &e));
    OK(pairs_set(&a->provenance, "numeric_id", "1", &e));
    OK(pairs_set(&b->provenance, "numeric_id", "2", &e));
    b->outcomes.margin[3] = 1;
    compare(&c, &base, &cand, &plain);
    OK(comparison_render(&c, TABLE_TEXT, &text, &e));
    static const char *const said[] = {
        "instruction set differs (avx2 against avx512)",
        "numbers depend on differs for 1 of 1",
        "every prediction is the same in 1 of 1 cells, but their scores",
        "one draw only",
        "pass: 0 of 1",
    };
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        if (!strstr(str_text(&text), said[i])) {
            fail_msg("\"%s\" is not said in:\n%s", said[i], str_text(&text));
        }
    }
    str_release(&text);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

/* ---- means ---- */

static void test_vtab(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    double tasks = 0, groups = 0, size[VTAB_GROUPS] = {7, 4, 8};
    for (size_t t = 0; t < VTAB_TASKS; t++) {
        struct make m = {.dataset = vtab_tasks[t].dataset, .train = "vtab-1000", .outcomes = t};
        add(&base, m);
        m.n_worse = t;
        add(&cand, m);
        tasks -= (double)t / 200 / VTAB_TASKS;
        groups -= (double)t / 200 / 3 / size[vtab_tasks[t].group];
    }
    compare(&c, &base, &cand, &plain);
    assert_int_equal(c.n_means, 2);
    near("mean of 19", c.means[0].mean.difference, tasks, 1e-15);
    near("mean of groups", c.means[1].mean.difference, groups, 1e-15);
    assert_true(c.means[0].mean.bca && c.means[0].averaged);
    assert_true(c.means[0].mean.low < tasks && tasks < c.means[0].mean.high);
    comparison_release(&c);
    for (size_t t = 17; t < 19; t++) {
        record_release(&base.records[t]);
        record_release(&cand.records[t]);
    }
    base.l.n = cand.l.n = 17;
    compare(&c, &base, &cand, &plain);
    assert_int_equal(c.n_means, 2);
    assert_false(c.means[0].averaged);
    struct str text = {0};
    OK(comparison_render(&c, TABLE_MD, &text, &e));
    assert_non_null(strstr(str_text(&text), "17/19, incomplete, not averaged"));
    str_release(&text);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

/* The images that the leaderboard counts: 200 of 207. */
static void test_leaderboard(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    struct compare_opts o = plain;
    o.as_leaderboard = true;
    add(&base, (struct make){.n = 207});
    add(&cand, (struct make){.n = 207})->outcomes.pred[203] = 5;
    compare(&c, &base, &cand, &o);
    assert_int_equal(c.sets[0].n, 200);
    assert_true(c.sets[0].same);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

/* ---- machine-readable output ---- */

static void test_json(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    struct str text = {0};
    struct compare_opts o = plain;
    o.changes = true;
    for (int d = 0; d < 2; d++) {
        add(&base, (struct make){.draw = d, .outcomes = 3, .dataset = "a<b>&\"c"});
        add(&cand, (struct make){.draw = d, .outcomes = 3, .dataset = "a<b>&\"c", .n_worse = 2});
        add(&base, (struct make){.draw = d});
    }
    compare(&c, &base, &cand, &o);
    OK(comparison_json(&c, &text, &e));
    struct json *root = json_parse(str_text(&text), text.len, "json", &e);
    if (!root) {
        fail_msg("%s\n%s", e.text, str_text(&text));
    }
    const struct json *set = json_at(json_get(root, "sets"), 0);
    double v;
    assert_string_equal(json_text(json_get(root, "result")), "fail");
    assert_int_equal(json_len(json_get(root, "missing")), 2);
    assert_int_equal(json_len(json_get(root, "changes")), 4);
    assert_string_equal(json_text(json_get(set, "name")), "a<b>&\"c");
    assert_true(json_double(json_get(set, "p_holm"), &v) && v == c.effects[0].p_holm);
    json_close(root);
    str_clear(&text);
    OK(comparison_junit(&c, &text, &e));
    assert_non_null(strstr(str_text(&text), "tests=\"3\" failures=\"2\""));
    assert_non_null(strstr(str_text(&text), "name=\"a&lt;b&gt;&amp;&quot;c\""));
    assert_null(strstr(str_text(&text), "<b>"));
    str_clear(&text);
    OK(comparison_changes(&c, &text, &e));
    size_t n_lines = 0;
    for (const char *p = str_text(&text); (p = strchr(p, '\n')); p++) {
        n_lines++;
    }
    assert_int_equal(n_lines, 5);
    str_release(&text);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_one_draw),
        cmocka_unit_test(test_undecided),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_no_spread),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_machines),
        cmocka_unit_test(test_vtab),
        cmocka_unit_test(test_leaderboard),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
