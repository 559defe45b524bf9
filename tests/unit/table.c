/* Tables: layouts byte by byte, widths, and texts that mean something to a format. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "harness/base/csv.h"
#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/table.h"

static void escaped(enum table_format f, const char *text, const char *want)
{
    struct str out = {0};
    table_escape(&out, f, text);
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

static void cleaned(const char *text, const char *want)
{
    struct str out = {0};
    table_clean(&out, text);
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

static void rendered(const struct table *t, enum table_format f, const char *want)
{
    struct str out = {0};
    table_render(t, f, &out);
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

/* model | top1 %; "a|b" 9.5; "été" 10.25 */
static void small(struct table *t)
{
    assert_int_equal(table_init(t, 2, NULL), 0);
    assert_int_equal(table_head(t, 0, "model", false, NULL), 0);
    assert_int_equal(table_head(t, 1, "top1 %", true, NULL), 0);
    assert_int_equal(table_row(t, NULL), 0);
    assert_int_equal(table_set(t, 0, 0, "first", NULL), 0);
    assert_int_equal(table_set(t, 0, 0, "a|b", NULL), 0);
    assert_int_equal(table_setf(t, 0, 1, NULL, "%.1f", 9.5), 0);
    assert_int_equal(table_row(t, NULL), 0);
    assert_int_equal(table_set(t, 1, 0, "\xc3\xa9t\xc3\xa9s \xe6\x97\xa5", NULL), 0);
    assert_int_equal(table_setf(t, 1, 1, NULL, "%.2f", 10.25), 0);
    assert_int_equal(table_row(t, NULL), 0);
}

static void test_formats(void **state)
{
    (void)state;
    static const char *const names[] = {"text", "md", "csv", "latex", "html"};
    struct err e = {0};
    enum table_format f;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(table_format_parse(&f, names[i], &e), 0);
        assert_int_equal(f, i);
    }
    assert_int_equal(table_format_parse(&f, "latx", &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    assert_non_null(strstr(e.text, "did you mean 'latex'?"));
    assert_int_equal(table_format_parse(&f, "", &e), -1);
}

static void test_layouts(void **state)
{
    (void)state;
    struct table t;
    small(&t);
    /* U+65E5 is two columns wide. */
    rendered(&t, TABLE_TEXT,
             "model    top1 %\n"
             "-------  ------\n"
             "a|b         9.5\n"
             "\xc3\xa9t\xc3\xa9s \xe6\x97\xa5   10.25\n"
             "\n");
    rendered(&t, TABLE_MD,
             "| model   | top1 % |\n"
             "|---------|-------:|\n"
             "| a\\|b    |    9.5 |\n"
             "| \xc3\xa9t\xc3\xa9s \xe6\x97\xa5 |  10.25 |\n"
             "|         |        |\n");
    rendered(&t, TABLE_CSV, "model,top1 %\na|b,9.5\n\xc3\xa9t\xc3\xa9s \xe6\x97\xa5,10.25\n,\n");
    rendered(&t, TABLE_LATEX,
             "\\begin{tabular}{lr}\n\\toprule\nmodel & top1 \\% \\\\\n\\midrule\n"
             "a\\textbar{}b & 9.5 \\\\\n\xc3\xa9t\xc3\xa9s \xe6\x97\xa5 & 10.25 \\\\\n &  \\\\\n"
             "\\bottomrule\n\\end{tabular}\n");
    rendered(&t, TABLE_HTML,
             "<table>\n<thead>\n"
             "<tr><th scope=\"col\">model</th><th scope=\"col\" class=\"num\">top1 %</th></tr>\n"
             "</thead>\n<tbody>\n<tr><td>a|b</td><td class=\"num\">9.5</td></tr>\n"
             "<tr><td>\xc3\xa9t\xc3\xa9s \xe6\x97\xa5</td><td class=\"num\">10.25</td></tr>\n"
             "<tr><td></td><td class=\"num\"></td></tr>\n</tbody>\n</table>\n");
    table_release(&t);
    rendered(&t, TABLE_TEXT, "");
}

/* A column that is empty throughout still has its place. */
static void test_empty(void **state)
{
    (void)state;
    struct table t;
    assert_int_equal(table_init(&t, 1, NULL), 0);
    assert_int_equal(table_row(&t, NULL), 0);
    rendered(&t, TABLE_TEXT, "\n-\n\n");
    rendered(&t, TABLE_CSV, "\"\"\n\"\"\n");
    assert_string_equal(table_get(&t, 0, 0), "");
    table_release(&t);
}

static void test_clean(void **state)
{
    (void)state;
    cleaned("", "");
    cleaned("plain", "plain");
    cleaned("a\n\r\t b", "a b");
    cleaned("\x1b[31mred\x07\x7f", "\xef\xbf\xbd[31mred\xef\xbf\xbd\xef\xbf\xbd");
    cleaned("\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80", "\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80");
    cleaned("\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd");                 /* never, and cut short */
    cleaned("\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong NUL */
    cleaned("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
    cleaned("\xc2\x9b", "\xef\xbf\xbd");                             /* C1: begins an escape */
    cleaned("\xe2\x80\xae txt", "\xef\xbf\xbd txt");                 /* right-to-left override */
    cleaned("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_width(void **state)
{
    (void)state;
    assert_int_equal(table_width(""), 0);
    assert_int_equal(table_width("abc"), 3);
    assert_int_equal(table_width("\xc3\xa9"), 1);
    assert_int_equal(table_width("e\xcc\x81"), 1); /* e, combining acute */
    assert_int_equal(table_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
    assert_int_equal(table_width("\xf0\x9f\x98\x80"), 2);
    assert_int_equal(table_width("\xc2\xb1"
                                 "95%"),
                     4);
    assert_int_equal(table_width("\xff"), 1);
}

static void test_escapes(void **state)
{
    (void)state;
    escaped(TABLE_TEXT, "`touch x` <b>\n|", "`touch x` <b> |");
    escaped(TABLE_HTML, "<script>'&\"", "&lt;script&gt;&#39;&amp;&quot;");
    escaped(TABLE_MD, "a|b `c` *d* _e_ [f](g) <h> \\ # ~ $",
            "a\\|b \\`c\\` \\*d\\* \\_e\\_ \\[f\\](g) &lt;h&gt; \\\\ \\# \\~ \\$");
    escaped(TABLE_LATEX, "\\{}$&#^_%~",
            "\\textbackslash{}\\{\\}\\$\\&\\#\\textasciicircum{}\\_\\%\\textasciitilde{}");
    escaped(TABLE_LATEX, "a'b_{c}", "a\\textquotesingle{}b\\_\\{c\\}");
    escaped(TABLE_LATEX, "fashion-mnist --l2 ---", "fashion-mnist -{}-l2 -{}-{}-");
    escaped(TABLE_LATEX, "[x]*", "{[}x{]}{*}"); /* after \\, else an option */
    escaped(TABLE_LATEX, "<>|\"`",
            "\\textless{}\\textgreater{}\\textbar{}\\char34{}\\textasciigrave{}");
    escaped(TABLE_CSV, "a,b\nc\"d", "\"a,b\nc\"\"d\"");
    escaped(TABLE_CSV, "plain", "plain");
}

/* What csv writes, a csv reader reads back: every byte, alone and in company. */
static void test_csv_back(void **state)
{
    (void)state;
    struct table t;
    struct str out = {0};
    struct csv c;
    struct err e = {0};
    assert_int_equal(table_init(&t, 2, NULL), 0);
    for (int b = 1; b < 256; b++) {
        const char alone[] = {(char)b, '\0'}, both[] = {'x', (char)b, ',', (char)b, '\0'};
        size_t row = t.n_rows;
        assert_int_equal(table_row(&t, NULL), 0);
        assert_int_equal(table_set(&t, row, 0, alone, NULL), 0);
        assert_int_equal(table_set(&t, row, 1, both, NULL), 0);
    }
    table_render(&t, TABLE_CSV, &out);
    if (csv_parse_bytes(&c, str_text(&out), out.len, "back", &e)) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(c.n_rows, 256);
    for (size_t r = 0; r < t.n_rows; r++) {
        assert_int_equal(c.rows[r + 1].n, 2);
        assert_string_equal(c.rows[r + 1].fields[0], table_get(&t, r, 0));
        assert_string_equal(c.rows[r + 1].fields[1], table_get(&t, r, 1));
    }
    csv_release(&c);
    str_release(&out);
    table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_csv_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
