/* Reports: what is averaged and what is not, columns, order, signatures. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/tensor.h"
#include "results/report.h"
#include "results/view.h"
#include "tests/unit/made_records.h"
#include "tests/unit/report_texts.h"

static const char *const models[] = {"pixels", "random:R101x1", "random:R50x1"};

/* The cell of a table below a head. */
static const char *cell(const struct table *t, size_t row, const char *head)
{
    for (size_t c = 0; c < t->n_cols; c++) {
        if (strcmp(t->heads[c], head) == 0) {
            return table_get(t, row, c);
        }
    }
    fail_msg("no column '%s'", head);
    return NULL;
}

static bool has_column(const struct table *t, const char *head)
{
    for (size_t c = 0; c < t->n_cols; c++) {
        if (strcmp(t->heads[c], head) == 0) {
            return true;
        }
    }
    return false;
}

static void table_of(const struct report *r, const char *metric, struct table *t)
{
    struct err e = {0};
    if (report_table(r, metric, t, &e)) {
        fail_msg("%s", e.text);
    }
}

/* Student's t interval by SciPy 1.17.1: mean 0.8052, interval
 * 0.7926030755 .. 0.8177969245, so half a width of 1.2597 points. */
static void test_statistics(void **state)
{
    (void)state;
    static const double top1[] = {0.8012, 0.8101, 0.7944, 0.8203, 0.8};
    struct record_list l = {0};
    struct report r;
    struct table t;
    for (int d = 0; d < 5; d++) {
        made_add(&l, &(struct made_cell){"cifar10", "pixels", .k = 5, .draw = d, .top1 = top1[d]});
    }
    init(&r, &l);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.groups[0].n, 5);
    assert_int_equal(r.n_varying, 0);
    table_of(&r, "top1", &t);
    assert_int_equal(t.n_rows, 1);
    assert_string_equal(cell(&t, 0, "dataset"), "cifar10");
    assert_string_equal(cell(&t, 0, "n"), "5");
    assert_string_equal(cell(&t, 0, "median top1 %"), "80.12");
    assert_string_equal(cell(&t, 0, "min"), "79.44");
    assert_string_equal(cell(&t, 0, "max"), "82.03");
    assert_string_equal(cell(&t, 0, "mean"), "80.52");
    assert_string_equal(cell(&t, 0,
                             "\xc2\xb1"
                             "95%"),
                        "1.26");
    assert_string_equal(cell(&t, 0, "test"), "10000");
    assert_string_equal(cell(&t, 0, "sig"), "a");
    table_release(&t);
    report_release(&r);
    made_release(&l);
}

/* One replicate has no interval; a metric that some cells lack is blank there; no share, no per
 * cent. */
static void test_blanks(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    struct table t;
    struct err e = {0};
    made_add(&l, &(struct made_cell){"d", "m", .k = 5, .top1 = 0.5});
    made_add(&l, &(struct made_cell){"d", "m", .top1 = 0.75}); /* 2.3 * 0.25 */
    init(&r, &l);
    table_of(&r, "nll", &t);
    assert_string_equal(cell(&t, 0, "shots"), "5");
    assert_string_equal(cell(&t, 0, "n"), "0");
    assert_string_equal(cell(&t, 0, "median nll"), "");
    assert_string_equal(cell(&t, 1, "shots"), "all");
    assert_string_equal(cell(&t, 1, "median nll"), "0.5750");
    assert_string_equal(cell(&t, 1,
                             "\xc2\xb1"
                             "95%"),
                        "");
    table_release(&t);
    assert_int_equal(report_table(&r, "top11", &t, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    has(e.text, "did you mean 'top1'");
    report_release(&r);
    made_release(&l);
}

/* Shots tell the rest: neither regime nor grid nor the knobs of one adaptation become columns. */
static void test_columns(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    struct table t;
    made_sweep(&l, "fashion-mnist", models, 3, true);
    init(&r, &l);
    assert_int_equal(r.n, 15);
    assert_int_equal(r.n_varying, 2);
    assert_string_equal(r.varying[0], "regime.k");
    assert_string_equal(r.varying[1], "adapt.name");
    table_of(&r, "top1", &t);
    static const char *const shots[] = {"1", "5", "10", "25", "all"};
    static const char *const order[] = {"pixels", "random:R50x1", "random:R101x1"};
    for (size_t i = 0; i < 15; i++) {
        assert_string_equal(cell(&t, i, "model"), order[i / 5]);
        assert_string_equal(cell(&t, i, "shots"), shots[i % 5]);
        const char letter[] = {(char)('a' + i % 5), '\0'};
        assert_string_equal(cell(&t, i, "sig"), letter);
    }
    assert_false(has_column(&t, "failed"));
    table_release(&t);
    report_release(&r);
    made_release(&l);
}

/* A swept knob is a column in the order of its numbers, and what was selected says so. */
static void test_swept(void **state)
{
    (void)state;
    static const char *const l2[] = {"1024", "0.5", "16", NULL, "1e-05"};
    static const char *const want[] = {"1e-05", "0.5", "16", "1024", "by loo"};
    struct record_list l = {0};
    struct report r;
    struct table t;
    for (size_t i = 0; i < ARRAY_LEN(l2); i++) {
        made_add(&l, &(struct made_cell){"d", "m", .k = 5, .l2 = l2[i], .top1 = 0.5});
    }
    init(&r, &l);
    table_of(&r, "top1", &t);
    for (size_t i = 0; i < ARRAY_LEN(l2); i++) {
        assert_string_equal(cell(&t, i, "l2"), want[i]);
    }
    assert_false(has_column(&t, "shots"));
    table_release(&t);
    report_release(&r);
    made_release(&l);
}

/* The same name with other weights is another model, and is shown to be. */
static void test_same_name(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    struct table t;
    made_add(&l, &(struct made_cell){"d", "bit", .weights = "111111111111", .k = 5, .top1 = 0.5});
    made_add(&l, &(struct made_cell){"d", "bit", .weights = "222222222222", .k = 5, .top1 = 0.6});
    made_add(&l, &(struct made_cell){"d", "other", .weights = "333333333333", .k = 5, .top1 = 0.6});
    init(&r, &l);
    assert_int_equal(r.n, 3);
    table_of(&r, "top1", &t);
    assert_string_equal(cell(&t, 0, "model"), "bit (w:111111111111)");
    assert_string_equal(cell(&t, 1, "model"), "bit (w:222222222222)");
    assert_string_equal(cell(&t, 2, "model"), "other");
    assert_string_equal(cell(&t, 0, "sig"), cell(&t, 1, "sig"));
    table_release(&t);
    report_release(&r);
    made_release(&l);
}

/* A replicate counts once, whatever knobs outside the signature say; disagreement is counted. */
static void test_repeats(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    struct err e = {0};
    const struct made_cell c = {"d", "m", .k = 5, .draw = 1, .top1 = 0.5};
    made_add(&l, &c);
    for (int i = 0; i < 2; i++) {
        struct record *again = made_add(&l, &c);
        made_check(pairs_set(&again->knobs, "outcomes", i ? "pred" : "none", &e), &e);
        snprintf(again->run_id, sizeof again->run_id, "ffffffffffffffffffffffffffffffff");
        again->run_id[0] = (char)('f' - i);
        made_check(record_metric(again, "top1", i ? 0.5 : 0.51, false, &e), &e);
    }
    init(&r, &l);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.groups[0].n, 1);
    assert_int_equal(r.n_repeats, 2);
    assert_int_equal(r.n_conflicts, 1);
    assert_int_equal(r.n_varying, 0);
    char *text = render(&r, TABLE_TEXT, "top1");
    has(text,
        "3 cells; 2 left out of the averages as repetitions of a replicate, 1 of these with other");
    free(text);
    report_release(&r);
    made_release(&l);
}

static void test_failed(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    struct table t;
    made_add(&l, &(struct made_cell){"d", "m", .k = 5, .draw = 0, .top1 = 0.5});
    made_failed(made_add(&l, &(struct made_cell){"d", "m", .k = 5, .draw = 1}), "no convergence");
    made_failed(made_add(&l, &(struct made_cell){"d", "m", .k = 9}), "class 3: only 8 images");
    struct record *bare = made_add(&l, &(struct made_cell){"d", "m", .k = 11});
    made_failed(bare, "an unknown kernel\n<b>");
    bare->protocol[0] = bare->subject[0] = bare->replicate[0] = '\0';
    init(&r, &l);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.n_failed, 3);
    assert_ptr_equal(r.cells[r.n_cells - 1], bare);
    table_of(&r, "top1", &t);
    assert_string_equal(cell(&t, 0, "failed"), "1");
    assert_string_equal(cell(&t, 0, "n"), "1");
    assert_string_equal(cell(&t, 1, "failed"), "1");
    assert_string_equal(cell(&t, 1, "n"), "0");
    assert_string_equal(cell(&t, 1, "median top1 %"), "");
    table_release(&t);
    for (int f = TABLE_TEXT; f <= TABLE_HTML; f++) {
        char *text = render(&r, (enum table_format)f, "top1");
        has(text, "no convergence");
        has(text, "class 3: only 8 images");
        has(text,
            f == TABLE_HTML || f == TABLE_MD ? "an unknown kernel &lt;b&gt;" : "an unknown kernel");
        free(text);
    }
    report_release(&r);
    made_release(&l);
}

static void test_partial(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    struct table t;
    made_add(&l, &(struct made_cell){"d", "m", .k = 5, .n_test = 21, .top1 = 0.5});
    made_add(&l, &(struct made_cell){"d", "m", .k = 5, .top1 = 0.5});
    init(&r, &l);
    assert_int_equal(r.n, 2);
    table_of(&r, "top1", &t);
    assert_string_equal(cell(&t, 0, "test"), "10000");
    assert_string_equal(cell(&t, 1, "test"), "21/10000");
    assert_string_equal(cell(&t, 1, "sig"), "b");
    table_release(&t);
    char *page = render(&r, TABLE_HTML, "top1");
    has(page, "1 of 2 rows below were scored on a part");
    free(page);
    report_release(&r);
    made_release(&l);
}

static void shuffle(struct record_list *l, uint32_t seed)
{
    for (size_t i = l->n; i > 1; i--) {
        seed = seed * 1664525u + 1013904223u;
        size_t j = (seed >> 8) % i;
        struct record other = l->records[i - 1];
        l->records[i - 1] = l->records[j];
        l->records[j] = other;
    }
}

/* The order in which cells are read must not show. */
static void test_order(void **state)
{
    (void)state;
    struct record_list l = {0};
    char *want[5];
    made_sweep(&l, "cifar10", models, 3, true);
    made_sweep(&l, "cifar100", models, 2, true);
    for (int pass = 0; pass < 4; pass++) {
        struct report r;
        init(&r, &l);
        for (int f = TABLE_TEXT; f <= TABLE_HTML; f++) {
            char *text = render(&r, (enum table_format)f, "top1");
            if (pass == 0) {
                want[f] = text;
            } else {
                assert_string_equal(text, want[f]);
                free(text);
            }
        }
        report_release(&r);
        shuffle(&l, (uint32_t)pass);
    }
    for (int f = TABLE_TEXT; f <= TABLE_HTML; f++) {
        free(want[f]);
    }
    made_release(&l);
}

static void test_nothing(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    struct table t;
    init(&r, &l);
    assert_int_equal(r.n, 0);
    table_of(&r, "top1", &t);
    assert_int_equal(t.n_rows, 0);
    table_release(&t);
    for (int f = TABLE_TEXT; f <= TABLE_HTML; f++) {
        char *text = render(&r, (enum table_format)f, "top1");
        has(text, f == TABLE_CSV ? "run_id,status," : "0 cells.");
        free(text);
    }
    report_release(&r);
}

static void test_letters(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    for (int k = 1; k <= 703; k++) {
        made_add(&l, &(struct made_cell){"d", "m", .k = k, .top1 = 0.5});
    }
    init(&r, &l);
    assert_string_equal(r.groups[0].letter, "a");
    assert_string_equal(r.groups[25].letter, "z");
    assert_string_equal(r.groups[26].letter, "aa");
    assert_string_equal(r.groups[701].letter, "zz");
    assert_string_equal(r.groups[702].letter, "aaa");
    report_release(&r);
    made_release(&l);
}

static void test_compare(void **state)
{
    (void)state;
    /* Each before the next. */
    static const char *const sorted[] = {"-3", "1e-05", "0.5", "2", "10", "1e3", "R50x1",
                                         "R50x3", "R101x1", "a", "a b", "a007", "a8", "b", ""};
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
            int order = view_compare(sorted[i], sorted[j]);
            if ((order > 0) - (order < 0) != (i > j) - (i < j)) {
                fail_msg("'%s' and '%s': %d", sorted[i], sorted[j], order);
            }
        }
    }
    assert_int_not_equal(view_compare("1", "1.0"), 0);
    assert_int_not_equal(view_compare("a01", "a1"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_blanks),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_swept),
        cmocka_unit_test(test_same_name),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_partial),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
