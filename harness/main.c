/* Entry: global options, the command, its options; then exit codes: 0 done, 1 a cell failed or a
 * difference was found, 2 usage or unusable input, 130 interrupted. */
#include "harness/command.h"
#include "harness/context.h"
#include "harness/options.h"
#include "harness/progress.h"
#include "harness/base/blas.h"
#include "harness/base/build_info.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_signal(int signal)
{
    (void)signal;
    note_interrupted = 1;
}

/* Ctrl-C and TERM ask the loops to leave (a second one kills); a full file size limit is an error
 * of write, not a death. */
static void catch_signals(void)
{
    struct sigaction leave = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &leave, NULL);
    sigaction(SIGTERM, &leave, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* OpenBLAS reads its core type when it is loaded: where its own choice is wrong, or --isa asks for
 * another, name the right one and start over, once. A value set by the user stays. */
static void choose_blas_core(const char *isa, char **argv)
{
    const char *core = isa ? blas_core_for(isa) : blas_wanted_core();
    if (!core || getenv("OPENBLAS_CORETYPE") || setenv("OPENBLAS_CORETYPE", core, 1)) {
        return;
    }
    execv("/proc/self/exe", argv);
}

static int complain(const struct err *e)
{
    progress_end();
    fprintf(stderr, "bitbench: %s\n", e->text);
    return e->code == ERR_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_USAGE;
}

static int check_words(const struct command *k, size_t n_words, struct err *e)
{
    if (n_words < k->min_words) {
        return err_set(e, ERR_USAGE, "%s: too few arguments; usage: bitbench %s %s", k->name,
                       k->name, k->args);
    }
    if (n_words > k->max_words) {
        return err_set(e, ERR_USAGE, "%s: too many arguments; usage: bitbench %s %s", k->name,
                       k->name, k->args);
    }
    return 0;
}

/* Runs the command named by argv[0]. */
static int run_command(struct ctx *c, int argc, char **argv, char **all, struct err *e)
{
    const struct command *k = command_find(argv[0], e);
    char **words = mem_take((size_t)argc + 1, sizeof *words, e);
    void *opts = k ? mem_take(1, k->opts_bytes, e) : NULL;
    size_t n_words = 0;
    bool help = false;
    int status = -1;
    if (!k || !words || !opts) {
        goto out;
    }
    const struct opt_set sets[] = {{k->opts, k->n_opts, opts}, {global_opts, global_opts_n, &c->g}};
    if (options_parse(sets, 2, argc, argv, false, words, &n_words, &help, e) < 0) {
        err_wrap(e, "%s", k->name);
        goto out_opts;
    }
    if (help) {
        struct str text = {0};
        command_help(k, &text);
        fputs(str_text(&text), stdout);
        str_release(&text);
        status = EXIT_DONE;
        goto out_opts;
    }
    if (check_words(k, n_words, e)) {
        goto out_opts;
    }
    progress_init(c->g.quiet, c->g.verbose, c->g.progress);
    if (c->g.isa && cpu_force_isa(c->g.isa, e)) {
        goto out_opts;
    }
    if (k->computes) {
        choose_blas_core(c->g.isa, all);
    }
    if (context_init(c, getenv("BITBENCH_DATA"), getenv("XDG_CACHE_HOME"), getenv("HOME"), e) ==
        0) {
        status = k->run(c, opts, words, n_words, e);
    }
out_opts:
    options_release(&sets[0]);
out:
    free(opts);
    free(words);
    return status;
}

int main(int argc, char **argv)
{
    struct ctx c = {.env = getenv};
    struct err e = {0};
    size_t n_words = 0;
    bool help = false;
    const struct opt_set globals = {global_opts, global_opts_n, &c.g};
    int at = options_parse(&globals, 1, argc, argv, true, NULL, &n_words, &help, &e);
    if (at < 0) {
        return complain(&e);
    }
    if (c.g.version) {
        printf("bitbench %s (%s%s)\n", build_version, build_commit, build_dirty ? ", changed" : "");
        return EXIT_DONE;
    }
    if (help || at >= argc) {
        struct str text = {0};
        command_help(NULL, &text);
        fputs(str_text(&text), help ? stdout : stderr);
        str_release(&text);
        return help ? EXIT_DONE : EXIT_USAGE;
    }
    catch_signals();
    int status = run_command(&c, argc - at, argv + at, argv, &e);
    progress_end();
    context_release(&c);
    if (status < 0) {
        return complain(&e);
    }
    if (fflush(stdout) == EOF || ferror(stdout)) {
        if (errno != EPIPE) { /* `| head` has seen enough */
            fprintf(stderr, "bitbench: standard output: %s\n", strerror(errno));
        }
        return EXIT_USAGE;
    }
    return note_interrupted ? EXIT_INTERRUPTED : status;
}
