/* Option parsing: every kind, every way to write one, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "harness/options.h"
#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include <string.h>

struct args {
    bool flag, other;
    const char *text;
    int64_t number;
    double real;
    uint64_t size;
    struct texts list, repeat;
};
static const struct opt opts[] = {
    {"flag", 'f', OPT_FLAG, offsetof(struct args, flag), NULL, "a flag", 0, 0},
    {"other", 'g', OPT_FLAG, offsetof(struct args, other), NULL, "another", 0, 0},
    {"text", 't', OPT_TEXT, offsetof(struct args, text), "T", "a text", 0, 0},
    {"number", 'n', OPT_INT, offsetof(struct args, number), "N", "a number", 1, 10},
    {"real", 0, OPT_REAL, offsetof(struct args, real), "X", "a real", 0, 0},
    {"size", 0, OPT_SIZE, offsetof(struct args, size), "S", "a size", 0, 0},
    {"list", 'l', OPT_LIST, offsetof(struct args, list), "A[,B]", "a list", 0, 0},
    {"repeat", 'r', OPT_REPEAT, offsetof(struct args, repeat), "K=V", "taken whole", 0, 0},
};

static struct args a;
static char *words[16];
static size_t n_words;
static bool help;
static struct err e;

/* Parses NULL-ended words after a program name. */
static int parse(char **argv)
{
    int argc = 0;
    while (argv[argc]) {
        argc++;
    }
    const struct opt_set set = {opts, ARRAY_LEN(opts), &a};
    options_release(&set);
    memset(&a, 0, sizeof a);
    memset(&e, 0, sizeof e);
    n_words = 0;
    help = false;
    return options_parse(&set, 1, argc, argv, false, words, &n_words, &help, &e);
}
#define PARSE(...) parse((char *[]){(char *)(uintptr_t) "p", __VA_ARGS__, NULL})
#define W(s)       ((char *)(uintptr_t)(s))

static void test_kinds(void **state)
{
    (void)state;
    assert_true(PARSE(W("-f"), W("--text"), W("x y"), W("--number=3"), W("--real"), W("-1.5e3"),
                      W("--size=2K"), W("a"), W("--list=R(3,4)x1,b"), W("-lc"), W("-r"), W("k=1,2"),
                      W("--"), W("--flag")) > 0);
    assert_true(a.flag && !a.other && !strcmp(a.text, "x y") && a.number == 3 && a.real == -1500 &&
                a.size == 2048);
    assert_int_equal(a.list.n, 3);
    assert_string_equal(a.list.items[0], "R(3,4)x1");
    assert_string_equal(a.list.items[2], "c");
    assert_int_equal(a.repeat.n, 1);
    assert_string_equal(a.repeat.items[0], "k=1,2");
    assert_int_equal(n_words, 2);
    assert_string_equal(words[1], "--flag");
}

static void test_letters(void **state)
{
    (void)state;
    assert_true(PARSE(W("-fgn7"), W("-")) > 0);
    assert_true(a.flag && a.other && a.number == 7);
    assert_int_equal(n_words, 1); /* "-" is a word */
    assert_true(PARSE(W("-h")) > 0);
    assert_true(help);
}

static void refuses(int status, const char *fragment)
{
    if (status != -1 || !strstr(e.text, fragment)) {
        fail_msg("status %d, text '%s', expected '%s'", status, e.text, fragment);
    }
    assert_int_equal(e.code, ERR_USAGE);
}

static void test_refusals(void **state)
{
    (void)state;
    refuses(PARSE(W("--txet"), W("x")), "did you mean '--text'");
    refuses(PARSE(W("-z")), "unknown option '-z'");
    refuses(PARSE(W("--flag=1")), "--flag takes no value");
    refuses(PARSE(W("--text")), "--text needs a value: T");
    refuses(PARSE(W("-n")), "-n needs a value: N");
    refuses(PARSE(W("--number=0")), "not a whole number in 1..10");
    refuses(PARSE(W("--number=11")), "not a whole number in 1..10");
    refuses(PARSE(W("--number=99999999999999999999")), "not a whole number");
    refuses(PARSE(W("--real=nan")), "not a number");
    refuses(PARSE(W("--size=-1")), "not a size");
    refuses(PARSE(W("--list=a,,b")), "empty item");
    refuses(PARSE(W("--list=")), "empty item");
}

static void test_stop_at_word(void **state)
{
    (void)state;
    char *argv[] = {W("p"), W("-f"), W("run"), W("--no-such"), NULL};
    const struct opt_set set = {opts, ARRAY_LEN(opts), &a};
    memset(&a, 0, sizeof a);
    n_words = 0;
    assert_int_equal(options_parse(&set, 1, 4, argv, true, words, &n_words, &help, &e), 2);
    assert_true(a.flag);
}

static void test_help(void **state)
{
    (void)state;
    struct str out = {0};
    options_help(opts, ARRAY_LEN(opts), &out);
    assert_non_null(strstr(str_text(&out), "  -t, --text T              a text\n"));
    assert_non_null(strstr(str_text(&out), "      --real X              a real\n"));
    str_release(&out);
}

static int release(void **state)
{
    (void)state;
    const struct opt_set set = {opts, ARRAY_LEN(opts), &a};
    options_release(&set);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_stop_at_word),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
