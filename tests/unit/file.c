/* Files: reading with limits, writing that keeps the old file on every failure and leaves no
 * temporary one, also when the program is killed at any step. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/tensor.h"

static char dir[256];
static struct err e;

/* dir/name; valid until the fourth call after. */
static const char *at(const char *name)
{
    static char paths[4][512];
    static size_t next;
    char *path = paths[next++ % 4];
    assert_int_equal(file_join(path, sizeof paths[0], dir, name, &e), 0);
    return path;
}

static void holds(const char *path, const char *text)
{
    unsigned char *data;
    size_t n;
    assert_int_equal(file_read(path, 0, &data, &n, &e), 0);
    assert_int_equal(n, strlen(text));
    assert_string_equal((char *)data, text);
    free(data);
}

/* The number of files in dir, and of temporary ones among them. */
static void count(size_t *n_files, size_t *n_temporary)
{
    struct file_list l;
    assert_int_equal(file_list_read(&l, dir, &e), 0);
    *n_files = l.n;
    *n_temporary = 0;
    for (size_t i = 0; i < l.n; i++) {
        *n_temporary += file_is_temporary(l.names[i]);
    }
    file_list_release(&l);
}

static int make_dir(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/bitbench-file-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    struct file_list l;
    if (file_list_read(&l, dir, &e)) {
        return -1;
    }
    for (size_t i = 0; i < l.n; i++) {
        remove(at(l.names[i]));
    }
    file_list_release(&l);
    return rmdir(dir);
}

static void reading(void **state)
{
    (void)state;
    unsigned char *data;
    size_t n;
    assert_int_equal(file_write(at("five"), "a\0b\nc", 5, &e), 0);
    assert_int_equal(file_read(at("five"), 5, &data, &n, &e), 0);
    assert_int_equal(n, 5);
    assert_memory_equal(data, "a\0b\nc", 6); /* with the NUL behind */
    free(data);
    assert_int_equal(file_read(at("five"), 4, &data, &n, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_null(data);
    assert_int_equal(file_write(at("none"), NULL, 0, &e), 0);
    holds(at("none"), "");

    assert_int_equal(file_read(at("nowhere"), 0, &data, &n, &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    assert_non_null(strstr(e.text, "nowhere: no such file"));
    assert_int_equal(file_read(at("no/such/file"), 0, &data, &n, &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    assert_non_null(strstr(e.text, "there is no folder"));
    assert_null(strstr(e.text, "no/such:"));
    assert_int_equal(file_read(at("five/x"), 0, &data, &n, &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    assert_non_null(strstr(e.text, "five is not a folder"));
    assert_int_equal(file_read(dir, 0, &data, &n, &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_non_null(strstr(e.text, "folder, not a regular file"));
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_int_equal(file_read(at("fifo"), 0, &data, &n, &e), -1); /* and does not wait */
    assert_int_equal(e.code, ERR_FORMAT);
    assert_int_equal(file_read("/dev/zero", 0, &data, &n, &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);

    /* A length of 0 that is none. */
    assert_int_equal(file_read("/proc/self/status", 0, &data, &n, &e), 0);
    assert_true(n > 100 && strlen((char *)data) == n);
    free(data);
    assert_int_equal(file_read("/proc/self/status", 10, &data, &n, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    mem_set_limit(4);
    assert_int_equal(file_read(at("five"), 0, &data, &n, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    mem_set_limit(0);
}

static void reading_at_offset(void **state)
{
    (void)state;
    char buf[8];
    uint64_t size;
    assert_int_equal(file_write(at("ten"), "0123456789", 10, &e), 0);
    int fd = file_open(at("ten"), &size, &e);
    assert_true(fd >= 0);
    assert_int_equal(size, 10);
    assert_int_equal(file_pread(fd, buf, 4, 6, "ten", &e), 0);
    assert_memory_equal(buf, "6789", 4);
    assert_int_equal(file_pread(fd, buf, 0, 10, "ten", &e), 0);
    assert_int_equal(file_pread(fd, buf, 4, 7, "ten", &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_string_equal(e.text, "ten: ends at byte 10, but 4 bytes were expected at offset 7");
    assert_int_equal(file_pread(fd, buf, 8, UINT64_MAX - 2, "ten", &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    close(fd);
}

static void refused(const char *path, const char *why)
{
    e = (struct err){0};
    assert_int_equal(file_write(path, "new", 3, &e), -1);
    if (e.code != ERR_USAGE || !strstr(e.text, why)) {
        fail_msg("%s: expected \"%s\", got code %d, \"%s\"", path, why, (int)e.code, e.text);
    }
}

static void writing(void **state)
{
    (void)state;
    size_t n_files, n_temporary;
    assert_int_equal(file_write(at("f"), "old", 3, &e), 0);
    assert_int_equal(file_write(at("f"), "newer", 5, &e), 0);
    holds(at("f"), "newer");
    refused(at("f/x"), "f is not a folder");
    refused(at("f/x/y"), "f is not a folder");
    refused(at("none/x"), "there is no folder");
    refused(dir, "names a folder");
    refused(at("f/"), "names a folder");
    refused("", "empty name");
    refused("/dev/null", "special file");
    holds(at("f"), "newer");

    /* A link stays a link, one that leads nowhere is an error. */
    assert_int_equal(symlink("f", at("link")), 0);
    assert_int_equal(file_write(at("link"), "through", 7, &e), 0);
    holds(at("f"), "through");
    struct stat st;
    assert_true(lstat(at("link"), &st) == 0 && S_ISLNK(st.st_mode));
    assert_int_equal(symlink("nowhere", at("dangling")), 0);
    assert_int_equal(file_write(at("dangling"), "x", 1, &e), -1);

    /* In pieces; nothing is seen before the commit, nothing is left after an abort. */
    struct file_out f;
    assert_int_equal(file_out_open(&f, at("g"), &e), 0);
    assert_int_equal(file_out_write(&f, "ab", 2, &e), 0);
    assert_int_equal(file_out_write(&f, "c", 1, &e), 0);
    assert_false(file_exists(at("g")));
    assert_int_equal(file_out_commit(&f, &e), 0);
    file_out_abort(&f); /* nothing to do */
    holds(at("g"), "abc");
    assert_int_equal(file_out_open(&f, at("g"), &e), 0);
    assert_int_equal(file_out_write(&f, "xyz", 3, &e), 0);
    count(&n_files, &n_temporary);
    assert_int_equal(n_temporary, 1);
    file_out_abort(&f);
    holds(at("g"), "abc");
    count(&n_files, &n_temporary);
    assert_int_equal(n_files, 4);
    assert_int_equal(n_temporary, 0);

    /* Relative to the working folder, without any slash. */
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(file_write("plain", "p", 1, &e), 0);
    assert_int_equal(chdir(here), 0);
    holds(at("plain"), "p");
}

/* The process may write no more than 1000 bytes to a file: a full disk, as far as the code can
 * see. In a child, because the limit cannot be raised again without rights. */
static void writing_without_space(void **state)
{
    (void)state;
    assert_int_equal(file_write(at("full"), "old", 3, &e), 0);
    const char *path = at("full");
    pid_t pid = fork();
    if (pid == 0) {
        static char big[5000];
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
        struct err why = {0};
        int rc = file_write(path, big, sizeof big, &why);
        char want[600];
        snprintf(want, sizeof want, "cannot write %s: File too large", path);
        bool right = rc == -1 && why.code == ERR_IO && strcmp(why.text, want) == 0;
        if (!right) {
            fprintf(stderr, "rc %d, \"%s\"\n", rc, why.text);
        }
        _exit(right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    holds(path, "old");
    size_t n_files, n_temporary;
    count(&n_files, &n_temporary);
    assert_int_equal(n_files, 1);
}

static const char *die_at;

static void die(const char *step, const char *path)
{
    (void)path;
    if (strcmp(step, die_at) == 0) {
        kill(getpid(), SIGKILL);
    }
}

/* Killed before each step: the file is the old or the whole new one, never anything else. */
static void writing_killed(void **state)
{
    (void)state;
    static const char *const steps[] = {"open", "write", "fsync", "rename", "fsync-dir"};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        assert_int_equal(file_write(at("k"), "old", 3, &e), 0);
        const char *path = at("k");
        pid_t pid = fork();
        if (pid == 0) {
            die_at = steps[i];
            file_write_step = die;
            file_write(path, "new", 3, NULL);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        holds(path, strcmp(steps[i], "fsync-dir") == 0 ? "new" : "old");
    }
    size_t n_files, n_temporary;
    count(&n_files, &n_temporary);
    assert_int_equal(n_temporary, 3); /* left by "write", "fsync", "rename" */
    assert_int_equal(n_files, 4);
}

static const char *break_at;

/* Takes away what the next step needs: the temporary file. */
static void sabotage(const char *step, const char *path)
{
    (void)path;
    if (strcmp(step, break_at) == 0) {
        struct file_list l;
        assert_int_equal(file_list_read(&l, dir, &e), 0);
        for (size_t i = 0; i < l.n; i++) {
            if (file_is_temporary(l.names[i])) {
                unlink(at(l.names[i]));
            }
        }
        file_list_release(&l);
    }
}

static void writing_fails_late(void **state)
{
    (void)state;
    assert_int_equal(file_write(at("late"), "old", 3, &e), 0);
    break_at = "rename";
    file_write_step = sabotage;
    int rc = file_write(at("late"), "new", 3, &e);
    file_write_step = NULL;
    assert_int_equal(rc, -1);
    assert_int_equal(e.code, ERR_IO);
    assert_non_null(strstr(e.text, "late (rename): No such file"));
    holds(at("late"), "old");
}

static void names(void **state)
{
    (void)state;
    assert_true(file_is_temporary("a.cell.tmp.123.00ff12ab"));
    assert_true(file_is_temporary("a.tmp.b.tmp.1.00000000"));
    static const char *const not_temporary[] = {
        "a.cell", "a.tmp", "a.tmp.", "a.tmp.12", "a.tmp.12.00ff12a", "a.tmp.12.00ff12abc",
        "a.tmp..00ff12ab", "a.tmp.12.00FF12AB", ""};
    for (size_t i = 0; i < ARRAY_LEN(not_temporary); i++) {
        assert_false(file_is_temporary(not_temporary[i]));
    }
    char path[8];
    assert_int_equal(file_join(path, sizeof path, "ab", "cdef", &e), 0);
    assert_string_equal(path, "ab/cdef");
    assert_int_equal(file_join(path, sizeof path, "ab/", "cdef", &e), 0);
    assert_string_equal(path, "ab/cdef");
    assert_int_equal(file_join(path, sizeof path, "", "cdef", &e), 0);
    assert_string_equal(path, "cdef");
    assert_int_equal(file_join(path, sizeof path, "ab", "cdefg", &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
}

static void folders(void **state)
{
    (void)state;
    assert_int_equal(file_make_dirs(at("a/b//c/"), &e), 0);
    assert_int_equal(file_make_dirs(at("a/b/c"), &e), 0);
    assert_true(file_is_dir(at("a/b/c")));
    assert_int_equal(file_write(at("a/file"), "", 0, &e), 0);
    assert_false(file_is_dir(at("a/file")));
    assert_int_equal(file_make_dirs(at("a/file/x"), &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    assert_non_null(strstr(e.text, "a/file is not a folder"));
    assert_int_equal(file_make_dirs(at("a/file"), &e), -1);
    assert_int_equal(file_make_dirs("", &e), -1);
    assert_int_equal(e.code, ERR_USAGE);

    struct file_list l;
    assert_int_equal(file_write(at("a/B"), "", 0, &e), 0);
    assert_int_equal(file_list_read(&l, at("a"), &e), 0);
    assert_int_equal(l.n, 3);
    assert_string_equal(l.names[0], "B");
    assert_string_equal(l.names[1], "b");
    assert_string_equal(l.names[2], "file");
    file_list_release(&l);
    assert_int_equal(file_list_read(&l, at("a/b/c"), &e), 0);
    assert_int_equal(l.n, 0);
    file_list_release(&l);
    assert_int_equal(file_list_read(&l, at("nowhere"), &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    assert_int_equal(file_list_read(&l, at("a/file"), &e), -1);
    assert_int_equal(e.code, ERR_USAGE);

    static const char *const made[] = {"a/b/c", "a/b", "a/B", "a/file", "a"};
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        assert_int_equal(remove(at(made[i])), 0);
    }
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(reading),
        IN_DIR(reading_at_offset),
        IN_DIR(writing),
        IN_DIR(writing_without_space),
        IN_DIR(writing_killed),
        IN_DIR(writing_fails_late),
        cmocka_unit_test(names),
        IN_DIR(folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
