/* Reports as csv, Markdown, LaTeX and html. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/csv.h"
#include "harness/base/tensor.h"
#include "results/report.h"
#include "tests/unit/made_records.h"
#include "tests/unit/report_texts.h"

static const char *const models[] = {"pixels", "random:R101x1", "random:R50x1"};

static size_t column(const struct csv *c, const char *name)
{
    for (size_t i = 0; i < c->rows[0].n; i++) {
        if (strcmp(c->rows[0].fields[i], name) == 0) {
            return i;
        }
    }
    fail_msg("no column '%s'", name);
    return 0;
}

/* csv is one table: a head, a row a cell, numbers that parse back to the same doubles. */
static void test_csv(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    struct csv c;
    struct err e = {0};
    made_sweep(&l, "a,\"b\"\nc", models, 3, true);
    made_check(pairs_set(&l.records[0].labels, "commit", "abc", &e) ||
                   record_metric(&l.records[0], "adapt.l2", 0.125, false, &e),
               &e);
    made_failed(made_add(&l, &(struct made_cell){"a", "m", .k = 5}), "line 1\nline 2");
    init(&r, &l);
    char *text = render(&r, TABLE_CSV, "top1");
    made_check(csv_parse_bytes(&c, text, strlen(text), "csv", &e), &e);
    assert_int_equal(c.n_rows, 1 + l.n);
    for (size_t i = 0; i < c.n_rows; i++) {
        assert_int_equal(c.rows[i].n, c.rows[0].n);
    }
    for (size_t i = 0; i < c.rows[0].n; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(c.rows[0].fields[i], c.rows[0].fields[j]);
        }
    }
    for (size_t i = 0; i < r.n_cells; i++) {
        double v, stored = -1;
        char **row = c.rows[i + 1].fields;
        assert_string_equal(row[column(&c, "run_id")], r.cells[i]->run_id);
        assert_string_equal(row[column(&c, "protocol")], r.cells[i]->protocol);
        assert_string_equal(row[column(&c, "replicate")], r.cells[i]->replicate);
        assert_string_equal(row[column(&c, "message")], r.cells[i]->message);
        assert_string_equal(row[column(&c, "dataset")], pairs_get(&r.cells[i]->knobs, "dataset"));
        if (record_get_metric(r.cells[i], "top1", &stored)) {
            assert_true(str_to_double(row[column(&c, "top1")], &v));
            assert_memory_equal(&v, &stored, sizeof v);
        }
        /* What was selected is the knob's value; what does not apply has none. */
        bool few = strcmp(row[column(&c, "regime.name")], "kshot") == 0;
        assert_string_equal(row[column(&c, "adapt.l2")], few ? "0.125" : "");
        assert_string_equal(row[column(&c, "adapt.c")], few ? "" : "0.125");
    }
    column(&c, "label.commit");
    csv_release(&c);
    free(text);
    report_release(&r);
    made_release(&l);
}

/* Times and machines may differ between two runs that came out alike. */
static void test_csv_times(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    struct err e = {0};
    made_sweep(&l, "d", models, 2, true);
    init(&r, &l);
    char *before = render(&r, TABLE_CSV, "top1");
    report_release(&r);
    for (size_t i = 0; i < l.n; i++) {
        struct pairs *p = &l.records[i].provenance;
        made_check(pairs_setf(p, &e, "finished", "2031-01-01T00:00:%02zuZ", i) ||
                       pairs_setf(p, &e, "seconds", "%zu", i) ||
                       pairs_set(p, "threads", "64", &e) || pairs_set(p, "cpu", "another", &e),
                   &e);
    }
    init(&r, &l);
    char *after = render(&r, TABLE_CSV, "top1");
    assert_string_equal(before, after);
    free(before);
    free(after);
    report_release(&r);
    made_release(&l);
}

static void test_sections(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct report r;
    made_sweep(&l, "fashion-mnist", models, 2, true);
    init(&r, &l);
    char *text = render(&r, TABLE_TEXT, "top1");
    has(text, "top-1 accuracy, per cent\n42 cells.\n");
    has(text, "\nfashion-mnist: few-shot, ridge regression\n"
              "nested draws, l2 by leave-one-out among 31 values, preset bit-paper, 32 px\n\n"
              "model          shots  n  median top1 %");
    has(text, "\nfashion-mnist: full training set, logistic regression\n"
              "C by validation among 13 values, preset bit-paper, 32 px\n\n"
              "model          top1 %   test  sig\n");
    has(text, "\n  a: fashion-mnist|train:k1,nested|ridge:l2=loo,bias=100,std|rs:32-32-squash-"
              "tf2bilinear|range:-1..1|test:10000/10000|v1\n");
    has(text, "\n  pixels|R50x1|w:abcdefabcdef\n");
    has(text, "commit: 61a3ac9 with local changes");
    has(text, "Student's t interval");
    free(text);
    report_release(&r);
    made_release(&l);
}

static const char odd_svg[] =
    "<?xml version=\"1.0\"?><svg id=\"x\"><title>p1</title><g id='a'/><use href='#a'/>"
    "<text fill=\"url(#x)\"> id='kept' </text></svg>";

/* Names are text; the page needs nothing from outside; ids of several plots stay apart. */
static void test_html(void **state)
{
    (void)state;
    static const char *const odd[] = {"<script>alert(1)</script>", "a'b_{c} & \"d\""};
    char run[] = "name: <i>x</i>\nsweep:\n    regime.k: [1]\n";
    const struct report_plot plots[] = {{"one <b>", odd_svg}, {"two", odd_svg}};
    const struct report_run_file file = {.dir = "runs/<x>", .name = "run.yaml", .text = run};
    struct record_list l = {0};
    struct report r;
    struct str out = {0};
    struct err e = {0};
    made_sweep(&l, "</style>", odd, 2, true);
    init(&r, &l);
    const struct report_opts o = {.metric = "top1",
                                  .format = TABLE_HTML,
                                  .plots = plots,
                                  .n_plots = 2,
                                  .run_files = &file,
                                  .n_run_files = 1};
    made_check(report_render(&r, &o, &out, &e), &e);
    const char *page = str_text(&out);
    lacks(page, "<script");
    lacks(page, "<i>");
    lacks(page, "http");
    lacks(page, "<title>p1");
    lacks(page, "<?xml");
    has(page, "&lt;script&gt;alert(1)&lt;/script&gt;");
    has(page, "a&#39;b_{c} &amp; &quot;d&quot;");
    has(page, "<svg role=\"img\" aria-label=\"one &lt;b&gt;\" id=\"p1-x\">");
    has(page,
        "<g id='p2-a'/><use href='#p2-a'/><text fill=\"url(#p2-x)\"> id='kept' </text></svg>");
    has(page, "name: &lt;i&gt;x&lt;/i&gt;\nsweep:\n    regime.k: [1]\n</pre>");
    assert_null(strstr(strstr(page, "</style>") + 1, "</style>"));
    str_release(&out);
    report_release(&r);
    made_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_times),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_html),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
