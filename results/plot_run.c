/* gnuplot as a child process: an argument vector, no shell, none of the user's start-up files. */
#include "results/plot_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/note.h"
#include "results/plot.h"
#include "results/table.h"

/* What comes out of the child is kept up to this many bytes, and read to the end. */
enum { OUTPUT = 2048 };

struct child {
    char text[OUTPUT]; /* its stdout and stderr */
    int status;        /* as of waitpid */
};

static void read_all(int fd, char text[OUTPUT])
{
    char rest[512];
    size_t used = 0;
    for (;;) {
        bool full = used == OUTPUT - 1;
        ssize_t got = read(fd, full ? rest : text + used, full ? sizeof rest : OUTPUT - 1 - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        used += full ? 0 : (size_t)got;
    }
    text[used] = '\0';
}

/* folder NULL: stay here. Returns 0 or an errno. */
static int prepare(posix_spawn_file_actions_t *actions, const char *folder, const int ends[2])
{
    int rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(actions, ends[1], STDOUT_FILENO);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(actions, ends[1], STDERR_FILENO);
    return rc || !folder ? rc : posix_spawn_file_actions_addchdir_np(actions, folder);
}

/* Starts the program in a folder and waits for its end. 0, or an errno when it could not start. */
static int run(struct child *c, const char *program, char *const *argv, const char *folder)
{
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC)) {
        return errno;
    }
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        rc = prepare(&actions, folder, ends);
        rc = rc ? rc : posix_spawnp(&pid, program, &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    if (rc == 0) {
        read_all(ends[0], c->text);
        while (waitpid(pid, &c->status, 0) < 0 && errno == EINTR) {
        }
    }
    close(ends[0]);
    return rc;
}

/* A program named by a path is found from here, also when it runs elsewhere. */
static const char *resolve(const char *gnuplot, char path[PATH_MAX])
{
    if (!gnuplot) {
        return "gnuplot";
    }
    return strchr(gnuplot, '/') && realpath(gnuplot, path) ? path : gnuplot;
}

bool plot_gnuplot_version(const char *gnuplot, char *text, size_t cap)
{
    char path[PATH_MAX], name[] = "gnuplot", flag[] = "--version";
    char *const argv[] = {name, flag, NULL};
    struct child c;
    if (run(&c, resolve(gnuplot, path), argv, NULL) || !WIFEXITED(c.status) ||
        WEXITSTATUS(c.status) || !str_starts(c.text, "gnuplot ")) {
        return false;
    }
    c.text[strcspn(c.text, "\n")] = '\0';
    snprintf(text, cap, "%s", c.text);
    return true;
}

/* What gnuplot said, as one line. */
static int complain(const struct plot_files *p, const char *how, const struct child *c,
                    struct err *e)
{
    struct str line = {0};
    table_clean(&line, c->text);
    err_set(e, ERR_IO, "gnuplot %s%s%s (script: %s)", how, line.len ? ": " : "", str_text(&line),
            str_text(&p->script_path));
    str_release(&line);
    return -1;
}

int plot_run(const char *gnuplot, const struct plot_files *p, const char *output, struct err *e)
{
    struct str picture = {0};
    struct child c = {0};
    char path[PATH_MAX], name[] = "gnuplot", defaults[] = "-d", execute[] = "-e";
    str_add(&picture, "picture = ");
    plot_quote_name(&picture, output);
    if (str_check(&picture, e)) {
        str_release(&picture);
        return -1;
    }
    char *const argv[] = {name, defaults, execute, picture.data, p->script.data, NULL};
    int rc = run(&c, resolve(gnuplot, path), argv, str_text(&p->folder));
    str_release(&picture);
    if (rc == ENOENT) {
        return err_set(
            e, ERR_ABSENT,
            "gnuplot is not installed: apt-get install gnuplot-nox; the data and the script "
            "are in %s and %s",
            str_text(&p->data_path), str_text(&p->script_path));
    }
    if (rc) {
        return err_set(e, ERR_IO, "cannot start gnuplot: %s", strerror(rc));
    }
    if (note_interrupted) {
        return err_set(e, ERR_INTERRUPTED, "interrupted while gnuplot was drawing");
    }
    if (!WIFEXITED(c.status)) {
        return complain(p, "was killed", &c, e);
    }
    if (WEXITSTATUS(c.status)) {
        return complain(p, "failed", &c, e);
    }
    /* gnuplot goes on after a warning, with a picture that lacks something. */
    if (strstr(c.text, "warning:")) {
        return complain(p, "warns", &c, e);
    }
    if (c.text[0]) {
        c.text[strcspn(c.text, "\n")] = '\0';
        note(NOTE_DETAIL, "gnuplot: %s", c.text);
    }
    return 0;
}
