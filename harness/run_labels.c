/* Commit, branch and time of what is measured, from the environment or from git. */
#include "harness/run_labels.h"
#include "harness/context.h"
#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In this order; GitHub, GitLab and Woodpecker, Jenkins, CircleCI, Buildkite, Travis, Bitbucket,
 * Drone, Azure. */
static const char *const commit_variables[] = {
    "GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "CIRCLE_SHA1", "BUILDKITE_COMMIT",
    "TRAVIS_COMMIT", "BITBUCKET_COMMIT", "DRONE_COMMIT_SHA", "BUILD_SOURCEVERSION"};
static const char *const branch_variables[] = {
    "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "CI_COMMIT_BRANCH", "GIT_BRANCH", "CIRCLE_BRANCH",
    "BUILDKITE_BRANCH", "TRAVIS_BRANCH", "BITBUCKET_BRANCH", "DRONE_COMMIT_BRANCH",
    "BUILD_SOURCEBRANCHNAME"};
static const char *const time_variables[] = {"CI_COMMIT_TIMESTAMP"};

static const char *first_set(const struct ctx *c, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n && c->env; i++) {
        const char *value = c->env(names[i]);
        if (value && *value) {
            return value;
        }
    }
    return NULL;
}

/* The first line of what `git ARG...` prints; false where it fails or there is no git. */
static bool git(char *const *argv, char *line, size_t cap)
{
    int ends[2], status = -1;
    pid_t pid;
    size_t n = 0;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC)) {
        return false;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    bool started = posix_spawnp(&pid, "git", &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    while (started) {
        char rest[256];
        bool full = n + 1 >= cap;
        ssize_t got = read(ends[0], full ? rest : line + n, full ? sizeof rest : cap - 1 - n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        n += full ? 0 : (size_t)got;
    }
    close(ends[0]);
    while (started && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return started && WIFEXITED(status) && WEXITSTATUS(status) == 0 && *line;
}

static bool is_given(const struct texts *given, const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < given->n; i++) {
        if (strncmp(given->items[i], key, n) == 0 && given->items[i][n] == '=') {
            return true;
        }
    }
    return false;
}

/* Unless there is one of this key. */
static int add(struct texts *all, const char *key, const char *value, struct err *e)
{
    struct str text = {0};
    if (is_given(all, key)) {
        return 0;
    }
    str_addf(&text, "%s=%s", key, value);
    int rc = str_check(&text, e) || texts_add(all, str_text(&text), text.len, e) ? -1 : 0;
    str_release(&text);
    return rc;
}

static int add_from_git(struct texts *all, struct err *e)
{
    static char name[] = "git", describe[] = "describe", always[] = "--always",
                dirty[] = "--dirty", abbrev[] = "--abbrev=40", exclude[] = "--exclude=*",
                log[] = "log", one[] = "-1", format[] = "--format=%cI", parse[] = "rev-parse",
                ref[] = "--abbrev-ref", head[] = "HEAD";
    char *const commit_args[] = {name, describe, always, dirty, abbrev, exclude, NULL};
    char *const time_args[] = {name, log, one, format, NULL};
    char *const branch_args[] = {name, parse, ref, head, NULL};
    char commit[128], branch[256], time[64];
    if (!git(commit_args, commit, sizeof commit)) {
        return 0;
    }
    if (add(all, "commit", commit, e) ||
        (git(branch_args, branch, sizeof branch) && strcmp(branch, "HEAD") != 0 &&
         add(all, "branch", branch, e))) {
        return -1;
    }
    return git(time_args, time, sizeof time) ? add(all, "time", time, e) : 0;
}

int run_labels(const struct ctx *c, const struct texts *given, struct texts *all, struct err *e)
{
    for (size_t i = 0; i < given->n; i++) {
        if (texts_add(all, given->items[i], strlen(given->items[i]), e)) {
            return -1;
        }
    }
    if (is_given(given, "commit")) {
        return 0; /* whoever names the commit names the rest */
    }
    const char *commit = first_set(c, commit_variables, ARRAY_LEN(commit_variables));
    if (!commit) {
        return add_from_git(all, e);
    }
    const char *branch = first_set(c, branch_variables, ARRAY_LEN(branch_variables));
    const char *time = first_set(c, time_variables, ARRAY_LEN(time_variables));
    char from_git[128], when[64];
    static char name[] = "git", parse[] = "rev-parse", head[] = "HEAD", log[] = "log",
                one[] = "-1", format[] = "--format=%cI";
    char *const head_args[] = {name, parse, head, NULL};
    char *const time_args[] = {name, log, one, format, NULL};
    if (!time && git(head_args, from_git, sizeof from_git) && strcmp(from_git, commit) == 0 &&
        git(time_args, when, sizeof when)) {
        time = when;
    }
    return add(all, "commit", commit, e) || (branch && add(all, "branch", branch, e)) ||
                   (time && add(all, "time", time, e))
               ? -1
               : 0;
}
