/* plan.tsv: merged in the order first seen, refused line by line. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "results/store.h"

static char dir[256];
static struct err e;

#define OK(call) assert_int_equal(call, 0)

static int make_dir(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/bitbench-plan.XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/plan.tsv", dir);
    return unlink(path) || rmdir(dir);
}

static void plan_is(const char *text)
{
    struct plan_list l;
    char all[1024] = "";
    size_t n = 0;
    if (store_plan_read(&l, dir, &e)) {
        fail_msg("%s", e.text);
    }
    for (size_t i = 0; i < l.n; i++) {
        n += (size_t)snprintf(all + n, sizeof all - n, "%ld=%s,",
                              strtol(l.entries[i].run_id, NULL, 16), l.entries[i].spec);
    }
    assert_string_equal(all, text);
    plan_list_release(&l);
}

/* Cells ids[], each with the spec text PREFIX + id. */
static void plan_add(size_t n, const unsigned *ids, const char *prefix)
{
    struct plan_entry entries[8];
    char text[8][16];
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], "%s%u", prefix, ids[i]);
        snprintf(entries[i].run_id, RUN_ID, "%032x", ids[i]);
        entries[i].spec = text[i];
    }
    if (store_plan_add(dir, entries, n, &e)) {
        fail_msg("%s", e.text);
    }
}

static void test_merge(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/plan.tsv", dir);
    plan_is("");
    plan_add(3, (unsigned[]){9, 2, 5}, "a");
    plan_is("9=a9,2=a2,5=a5,");
    plan_add(5, (unsigned[]){5, 1, 9, 1, 7}, "b");
    plan_is("9=a9,2=a2,5=a5,1=b1,7=b7,");
    /* nothing new: the file is left alone */
    struct stat before, after;
    OK(stat(path, &before));
    plan_add(2, (unsigned[]){9, 2}, "a");
    OK(stat(path, &after));
    assert_true(before.st_ino == after.st_ino);
    /* the same spec under another id, as when weights have changed: the new id takes the place */
    struct plan_entry renewed = {.spec = (char[]){"a2"}};
    snprintf(renewed.run_id, RUN_ID, "%032x", 8u);
    OK(store_plan_add(dir, &renewed, 1, &e));
    plan_is("9=a9,8=a2,5=a5,1=b1,7=b7,");
}

static void test_by_hand(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/plan.tsv", dir);
    /* written by hand: a cell twice, no break at the end */
    static const char hand[] = "00000000000000000000000000000003\tx y\n"
                               "00000000000000000000000000000003\tz\n"
                               "00000000000000000000000000000004\t";
    OK(file_write(path, hand, strlen(hand), &e));
    plan_is("3=x y,4=,");
    static const struct {
        const char *text;
        size_t n;
    } bad[] = {
        {"00000000000000000000000000000003\tx\n\n", 36},
        {"00000000000000000000000000000003\tx\n0003\tx\n", 42},
        {"00000000000000000000000000000003\tx\n00000000000000000000000000000003 x\n", 70},
        {"00000000000000000000000000000003\tx\n0000000000000000000000000000000G\tx\n", 70},
        {"00000000000000000000000000000003\tx\n00000000000000000000000000000004\tx\0y\n", 72},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct plan_list l;
        OK(file_write(path, bad[i].text, bad[i].n, &e));
        assert_int_equal(store_plan_read(&l, dir, &e), -1);
        assert_int_equal(e.code, ERR_FORMAT);
        assert_non_null(strstr(e.text, "plan.tsv: line 2: expected"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_by_hand),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
