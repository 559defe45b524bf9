/* Commands.
 *
 * To add a command: one file cmd_x.c with a const struct command, one declaration here, one line in
 * commands[] (command.c). Its options come from its table; so do --help and completion. */
#ifndef BITBENCH_COMMAND_H
#define BITBENCH_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include "harness/context.h"
#include "harness/options.h"

struct err;
struct str;

/* What a command returns besides -1 (an error, exit 2, or 130 when interrupted). */
enum { EXIT_DONE = 0,
       EXIT_FOUND = 1,
       EXIT_USAGE = 2,
       EXIT_INTERRUPTED = 130 };

struct command {
    const char *name, *args, *help;
    const char *details; /* more help, or NULL */
    const char *example; /* lines after "bitbench " */
    const struct opt *opts;
    size_t n_opts, opts_bytes; /* size of the struct that opts fill, zeroed before */
    size_t min_words, max_words;
    bool computes; /* needs BLAS: the right core is chosen before the command runs */
    /* opts: the filled struct; words: what is no option. */
    int (*run)(struct ctx *c, void *opts, char **words, size_t n_words, struct err *e);
};

/* The second word of commands such as `datasets show NAME`. */
struct subcommand {
    const char *name;
    size_t n_words;                                                     /* after the name */
    int (*run)(struct ctx *c, void *opts, char **words, struct err *e); /* words after the name */
};
/* Runs the row that words[0] names, the first one without a word; near matches for unknown names.
 */
int subcommand_run(const char *command, const struct subcommand *rows, size_t n_rows, struct ctx *c,
                   void *opts, char **words, size_t n_words, struct err *e);

extern const struct command *const commands[];
extern const size_t commands_n;
const struct command *command_find(const char *name, struct err *e);
void command_help(const struct command *k, struct str *out); /* NULL: of the whole program */

extern const struct command command_doctor, command_datasets, command_models, command_predict,
    command_preprocess, command_extract, command_run, command_eval, command_fewshot, command_linear,
    command_plan, command_status, command_report, command_plot, command_probe, command_bench,
    command_completion, command_help_command, command_compare, command_stats, command_pack,
    command_results, command_history;

#endif
