/* CSV: the rules of RFC 4180 one by one, line numbers, what is refused, and fields written that
 * must read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/base/csv.h"
#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The rows as text: line:[field][field] and so on, rows joined by a space. */
static void check_rows(const char *text, const char *want)
{
    struct err e = {0};
    struct csv c;
    struct str out = {0};
    if (csv_parse_bytes(&c, text, strlen(text), "x.csv", &e)) {
        fail_msg("%s: %s", text, e.text);
    }
    for (size_t i = 0; i < c.n_rows; i++) {
        str_addf(&out, "%s%zu:", i ? " " : "", c.rows[i].line);
        for (size_t k = 0; k < c.rows[i].n; k++) {
            str_addf(&out, "[%s]", c.rows[i].fields[k]);
        }
    }
    assert_string_equal(str_text(&out), want);
    str_release(&out);
    csv_release(&c);
}

static void test_rows(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"a", "1:[a]"},
        {"a,b\nc,d\n", "1:[a][b] 2:[c][d]"},
        {"a,b\r\nc,d\r\n", "1:[a][b] 2:[c][d]"},
        {"a,b\rc,d\r", "1:[a][b] 2:[c][d]"},
        {"a,b\nc,d", "1:[a][b] 2:[c][d]"},
        {"\xef\xbb\xbf"
         "a,b\n",
         "1:[a][b]"},
        {"a\n\n\r\nb\n\n", "1:[a] 4:[b]"},
        {",\n", "1:[][]"},
        {"a,\n,b\n", "1:[a][] 2:[][b]"},
        {"\"\"\n", "1:[]"},
        {" a , b\n \n", "1:[ a ][ b] 2:[ ]"},
        {"\"a,b\",\"c\"\"d\",\"\"\"\"\n", "1:[a,b][c\"d][\"]"},
        {"\"a\nb\",c\r\n\"d\r\n\r\ne\"\nf\n", "1:[a\nb][c] 3:[d\r\n\r\ne] 6:[f]"},
        {"x\n\"\n\na\"\ny\n", "1:[x] 2:[\n\na] 5:[y]"},
        {"a;b\tc\n", "1:[a;b\tc]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check_rows(cases[i][0], cases[i][1]);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a\nb\"c\n", "x.csv:2: a quote where none may be"},
        {"a\n\n\"b\"c\n", "x.csv:3: a quote where none may be"},
        {"a,\"b\" ,c\n", "x.csv:1: a quote where none may be"},
        {"a\nb,\"c\nd\n\n", "x.csv:2: the row that begins here has an unfinished quote"},
        {"\"", "x.csv:1: the row that begins here has an unfinished quote"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        struct csv c;
        assert_int_equal(csv_parse_bytes(&c, cases[i][0], strlen(cases[i][0]), "x.csv", &e), -1);
        assert_int_equal(e.code, ERR_FORMAT);
        assert_string_equal(e.text, cases[i][1]);
    }
    struct err e = {0};
    struct csv c;
    assert_int_equal(csv_parse_bytes(&c, "a\nb\0c\n", 6, "x.csv", &e), -1);
    assert_string_equal(e.text, "x.csv:2: a NUL byte");
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/bitbench-csv-XXXXXX";
    struct err e = {0};
    struct csv c;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "path,label\na.png,3\n", 19), 19);
    close(fd);
    assert_int_equal(csv_read(&c, path, 19, &e), 0);
    assert_int_equal(c.n_rows, 2);
    assert_string_equal(c.rows[1].fields[0], "a.png");
    csv_release(&c);
    assert_int_equal(csv_read(&c, path, 18, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_non_null(strstr(e.text, path));
    unlink(path);
    assert_int_equal(csv_read(&c, path, 0, &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
}

/* Many rows: the lists of rows and fields move while they grow. */
static void test_many_rows(void **state)
{
    (void)state;
    enum { N = 50000 };
    struct str text = {0};
    struct err e = {0};
    struct csv c;
    for (size_t i = 0; i < N; i++) {
        str_addf(&text, "%zu,%zu\n", i, i * i);
    }
    assert_int_equal(csv_parse_bytes(&c, str_text(&text), text.len, "x", &e), 0);
    assert_int_equal(c.n_rows, N);
    for (size_t i = 0; i < N; i++) {
        char want[24];
        snprintf(want, sizeof want, "%zu", i * i);
        assert_int_equal(c.rows[i].n, 2);
        assert_int_equal(c.rows[i].line, i + 1);
        assert_string_equal(c.rows[i].fields[1], want);
    }
    csv_release(&c);
    str_release(&text);
}

static void test_add_field(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"a b", "a b"},
        {" a", "\" a\""},
        {"a ", "\"a \""},
        {"a,b", "\"a,b\""},
        {"a\"b", "\"a\"\"b\""},
        {"a\nb", "\"a\nb\""},
        {"a\rb", "\"a\rb\""},
        {"\"", "\"\"\"\""},
    };
    struct str row = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str out = {0};
        csv_add_field(&out, cases[i][0]);
        assert_string_equal(str_text(&out), cases[i][1]);
        str_release(&out);
        str_add(&row, i ? "," : "");
        csv_add_field(&row, cases[i][0]);
    }
    struct err e = {0};
    struct csv c;
    assert_int_equal(csv_parse_bytes(&c, str_text(&row), row.len, "x", &e), 0);
    assert_int_equal(c.n_rows, 1);
    assert_int_equal(c.rows[0].n, ARRAY_LEN(cases));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(c.rows[0].fields[i], cases[i][0]);
    }
    csv_release(&c);
    str_release(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_add_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
