/* Plots through gnuplot itself, where it is installed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/base/note.h"
#include "harness/base/tensor.h"
#include "results/plot.h"
#include "results/plot_private.h"
#include "results/report.h"
#include "tests/unit/made_records.h"
#include "tests/unit/plot_folder.h"

static const char *const models[] = {"pixels", "random:R50x1", "random:R101x1"};

static void need_gnuplot(void)
{
    char version[64];
    if (!plot_gnuplot_version(NULL, version, sizeof version)) {
        print_message("gnuplot is not installed\n");
        skip();
    }
}

static int run_script(const char *script)
{
    char name[] = "gnuplot", defaults[] = "-d", file[256];
    char *const argv[] = {name, defaults, file, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    snprintf(file, sizeof file, "%s", script);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addchdir_np(&actions, folder), 0);
    assert_int_equal(posix_spawnp(&pid, name, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Hostile names come out as themselves, run nothing, and the kept script draws the same again. */
static void test_hostile(void **state)
{
    (void)state;
    need_gnuplot();
    static const char *const odd[] = {"`touch made-x`", "a'b_{c}^2",
                                      "\"$(touch made-y)\"", "<b>&amp;",
                                      "\xc3\xbc \\n %d 100%", "|touch made-z"};
    static const char *const names[] = {"|touch made-w.svg", "<touch made-v.svg",
                                        "it's  `touch made-u`.svg", "-e.svg"};
    struct record_list l = {0};
    struct err e = {0};
    made_sweep(&l, "data_{set} `touch made-s`", odd, ARRAY_LEN(odd), true);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct plot_opts o = {.x = i % 2 ? "model" : NULL};
        made_check(plot_write(&l, &o, in_folder(names[i]), &e), &e);
        char *svg = read_text(names[i], NULL);
        has(svg, "</svg>");
        has(svg, ">`touch made-x`<");
        has(svg, ">a'b_{c}^2<");
        has(svg, ">\"$(touch made-y)\"<");
        has(svg, ">&lt;b>&amp;amp;<");
        has(svg, ">\xc3\xbc \\n %d 100%<");
        has(svg, ">|touch made-z<");
        has(svg, "data_{set} `touch made-s`");
        char script[64];
        snprintf(script, sizeof script, "./%.*s.gp", (int)strlen(names[i]) - 4, names[i]);
        unlink(in_folder(names[i]));
        assert_int_equal(run_script(script), 0);
        char *again = read_text(names[i], NULL);
        assert_string_equal(again, svg);
        free(again);
        free(svg);
    }
    struct file_list files;
    made_check(file_list_read(&files, folder, &e), &e);
    assert_int_equal(files.n, 3 * ARRAY_LEN(names)); /* no more than picture, data and script */
    file_list_release(&files);
    assert_false(file_exists("made-x"));
    made_release(&l);
}

static void test_kinds(void **state)
{
    (void)state;
    need_gnuplot();
    static const struct {
        const char *name, *magic;
    } kinds[] = {{"a.svg", "<?xml"}, {"a.png", "\x89PNG"}, {"a.pdf", "%PDF"}};
    struct record_list l = {0};
    struct err e = {0};
    made_sweep(&l, "cifar10", models, 3, true);
    made_sweep(&l, "cifar100", models, 3, false);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t n;
        made_check(plot_write(&l, &(struct plot_opts){0}, in_folder(kinds[i].name), &e), &e);
        char *bytes = read_text(kinds[i].name, &n);
        assert_true(n > 1000);
        assert_memory_equal(bytes, kinds[i].magic, strlen(kinds[i].magic));
        free(bytes);
    }
    made_release(&l);
}

/* A cell alone, equal values, values at 0 and 1, nothing finite: there is a picture all the same.
 */
static void test_corners(void **state)
{
    (void)state;
    need_gnuplot();
    struct record_list l = {0};
    struct err e = {0};
    made_add(&l, &(struct made_cell){"d", "m", .k = 5, .top1 = 0});
    made_check(plot_write(&l, &(struct plot_opts){0}, in_folder("one.svg"), &e), &e);
    made_check(plot_write(&l, &(struct plot_opts){.x = "shots"}, in_folder("x.svg"), &e), &e);
    made_check(record_metric(&l.records[0], "nll", (double)INFINITY, false, &e), &e);
    made_check(plot_write(&l, &(struct plot_opts){.y = "nll"}, in_folder("inf.svg"), &e), &e);
    made_add(&l, &(struct made_cell){"d", "m", .k = 10, .top1 = 1});
    made_check(plot_write(&l, &(struct plot_opts){.title = ""}, in_folder("two.svg"), &e), &e);
    made_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hostile, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_kinds, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_corners, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
