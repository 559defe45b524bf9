/* A run directory after a kill at every step of a write, and after a full disk: the old cell or
 * the new one, never half of one, and the next write succeeds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "results/record.h"
#include "results/store.h"

#define ID "0123456789abcdef0123456789abcdef"
static const struct made made = {"0123456789abcdef", "avx2", "HASWELL", "fedcba9876543210", "0"};
static const char *const steps[] = {"open", "write", "fsync", "rename", "fsync-dir"};
static char root[256], dir[512];
static struct err e;

#define OK(call) assert_int_equal(call, 0)

static int make_root(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/bitbench-crash.XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void new_dir(const char *name)
{
    OK(file_join(dir, sizeof dir, root, name, &e));
    OK(store_open(dir, true, &e));
}

/* Writes the cell with `version` as its only metric and enough outcomes for several pages. */
static int put(int version, struct err *why)
{
    struct record r = {.run_id = ID, .protocol = "d|v1"};
    int rc = outcomes_init(&r.outcomes, 5000, 0, true, why);
    for (size_t i = 0; i < r.outcomes.n; i++) {
        double scores[] = {(double)(i * 7919 % 5000), (double)(i * 104729 % 5000), version};
        outcomes_set(&r.outcomes, i, (int32_t)(i % 3), scores, 3);
    }
    rc = rc || record_metric(&r, "version", version, true, why) ||
         store_write(dir, &r, &made, why);
    record_release(&r);
    return rc ? -1 : 0;
}

/* The version stored, 0 when there is no cell; a damaged one fails. */
static int version_there(void)
{
    struct cell_list l;
    struct record r;
    struct made m;
    double version = 0;
    OK(store_list(&l, dir, true, &e));
    if (l.n) {
        assert_int_equal(l.n, 1);
        if (l.heads[0].damaged || store_read(&r, &m, l.heads[0].path, &e)) {
            fail_msg("damaged: %s %s", l.heads[0].message, e.text);
        }
        assert_true(record_get_metric(&r, "version", &version));
        record_release(&r);
    }
    cell_list_release(&l);
    return (int)version;
}

static const char *fatal_step;

static void die_at_step(const char *step, const char *path)
{
    (void)path;
    if (strcmp(step, fatal_step) == 0) {
        raise(SIGKILL);
    }
}

static void killed_while(int (*write)(int version, struct err *why), int version, const char *step)
{
    fatal_step = step;
    pid_t pid = fork();
    if (pid == 0) {
        struct err why;
        file_write_step = die_at_step;
        write(version, &why);
        _exit(0);
    }
    int status;
    assert_true(waitpid(pid, &status, 0) == pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fail_msg("a write has no step \"%s\"", step);
    }
}

static void test_killed_cell(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bool renamed = strcmp(steps[i], "fsync-dir") == 0;
        for (int old = 0; old < 2; old++) {
            char name[32];
            snprintf(name, sizeof name, "cell-%zu-%d", i, old);
            new_dir(name);
            if (old) {
                OK(put(1, &e));
            }
            killed_while(put, 2, steps[i]);
            assert_int_equal(version_there(), renamed ? 2 : old);
            OK(put(3, &e));
            assert_int_equal(version_there(), 3);
        }
    }
}

/* Entry `version` of a plan. */
static int put_plan(int version, struct err *why)
{
    char spec[32];
    struct plan_entry entry = {.spec = spec};
    snprintf(spec, sizeof spec, "model=m%d", version);
    snprintf(entry.run_id, sizeof entry.run_id, "%032x", (unsigned)version);
    return store_plan_add(dir, &entry, 1, why);
}

static size_t plan_length(void)
{
    struct plan_list l;
    if (store_plan_read(&l, dir, &e)) {
        fail_msg("%s", e.text);
    }
    size_t n = l.n;
    plan_list_release(&l);
    return n;
}

static void test_killed_plan(void **state)
{
    (void)state;
    new_dir("plan");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        size_t before = plan_length();
        killed_while(put_plan, (int)i, steps[i]);
        assert_int_equal(plan_length(), before + (strcmp(steps[i], "fsync-dir") == 0));
        OK(put_plan((int)i, &e));
        assert_int_equal(plan_length(), i + 1);
    }
}

/* A limit on the length of files stands in for a full disk: the write stops in the middle. */
static void test_full_disk(void **state)
{
    (void)state;
    new_dir("full");
    for (int old = 0; old < 2; old++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct rlimit limit = {20000, 20000};
            struct err why = {0};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &limit);
            bool told = put(2, &why) == -1 && why.code == ERR_IO && strstr(why.text, dir) &&
                        strstr(why.text, ID) && strstr(why.text, "File too large");
            _exit(told ? 0 : 1);
        }
        int status;
        assert_true(waitpid(pid, &status, 0) == pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(version_there(), old);
        /* nothing half-written is left */
        char cells[600];
        struct file_list names;
        snprintf(cells, sizeof cells, "%s/cells", dir);
        OK(file_list_read(&names, cells, &e));
        assert_int_equal(names.n, old);
        file_list_release(&names);
        OK(put(1, &e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_cell),
        cmocka_unit_test(test_killed_plan),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
