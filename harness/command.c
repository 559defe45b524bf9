/* The table of commands, their help, and shell completion. */
#include "harness/command.h"
#include "harness/base/err.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {
    &command_run,      &command_eval,    &command_fewshot, &command_linear,     &command_plan,
    &command_status,   &command_report,  &command_plot,    &command_datasets,   &command_models,
    &command_predict,  &command_preprocess, &command_extract, &command_probe,   &command_bench,
    &command_doctor,   &command_completion, &command_help_command,
};
const size_t commands_n = ARRAY_LEN(commands);

const struct command *command_find(const char *name, struct err *e)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < commands_n; i++) {
        if (!strcmp(commands[i]->name, name)) {
            return commands[i];
        }
        near_add(&near, commands[i]->name);
    }
    err_set(e, ERR_USAGE, "unknown command '%s'%s", name, near_text(&near));
    return NULL;
}

/* Appends lines of text, each after a prefix. */
static void add_lines(struct str *out, const char *prefix, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        str_add(out, prefix);
        str_add_n(out, text, n);
        str_add(out, "\n");
        text += n + (text[n] == '\n');
    }
}

void command_help(const struct command *k, struct str *out)
{
    if (!k) {
        str_add(out, "Usage: bitbench [GLOBAL OPTION...] COMMAND [ARGUMENT...]\n\n"
                     "Measures how well pre-trained vision networks transfer, on ordinary CPUs.\n\nCommands:\n");
        for (size_t i = 0; i < commands_n; i++) {
            str_addf(out, "  %-12s %s\n", commands[i]->name, commands[i]->help);
        }
        str_add(out, "\nGlobal options:\n");
        options_help(global_opts, global_opts_n, out);
        str_add(out, "\n`bitbench COMMAND --help` tells more, with an example; `man bitbench` tells all.\n");
        return;
    }
    str_addf(out, "Usage: bitbench %s%s%s\n\n%s\n", k->name, k->args[0] ? " " : "", k->args, k->help);
    if (k->details) {
        str_add(out, "\n");
        add_lines(out, "", k->details);
    }
    if (k->n_opts) {
        str_add(out, "\nOptions:\n");
        options_help(k->opts, k->n_opts, out);
    }
    str_add(out, "\nExample:\n");
    add_lines(out, "  bitbench ", k->example);
}

static int run_help(struct ctx *c, void *opts, char **words, size_t n_words, struct err *e)
{
    (void)c;
    (void)opts;
    const struct command *k = NULL;
    if (n_words && !(k = command_find(words[0], e))) {
        return -1;
    }
    struct str out = {0};
    command_help(k, &out);
    fputs(str_text(&out), stdout);
    str_release(&out);
    return EXIT_DONE;
}

const struct command command_help_command = {
    .name = "help",
    .args = "[COMMAND]",
    .help = "help on the program or on a command",
    .example = "help fewshot",
    .max_words = 1,
    .run = run_help,
};

static void add_words(struct str *out, const struct opt *opts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        str_addf(out, " --%s", opts[i].name);
    }
}

static int run_completion(struct ctx *c, void *opts, char **words, size_t n_words, struct err *e)
{
    (void)c;
    (void)opts;
    (void)n_words;
    if (strcmp(words[0], "bash") != 0) {
        return err_set(e, ERR_USAGE, "completion for '%s' is not known; known: bash", words[0]);
    }
    struct str out = {0};
    str_add(&out, "# bash completion for bitbench; made by `bitbench completion bash`\n"
                  "_bitbench() {\n"
                  "    local cur=${COMP_WORDS[COMP_CWORD]} command= i words\n"
                  "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "        case ${COMP_WORDS[i]} in -*) ;; *) command=${COMP_WORDS[i]}; break ;; esac\n"
                  "    done\n"
                  "    case $command in\n");
    for (size_t i = 0; i < commands_n; i++) {
        str_addf(&out, "    %s) words='", commands[i]->name);
        add_words(&out, commands[i]->opts, commands[i]->n_opts);
        str_add(&out, " --help' ;;\n");
    }
    str_add(&out, "    *) words='");
    for (size_t i = 0; i < commands_n; i++) {
        str_addf(&out, " %s", commands[i]->name);
    }
    str_add(&out, "' ;;\n    esac\n    words+='");
    add_words(&out, global_opts, global_opts_n);
    str_add(&out, "'\n"
                  "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                  "}\n"
                  "complete -o default -F _bitbench bitbench\n");
    fputs(str_text(&out), stdout);
    str_release(&out);
    return EXIT_DONE;
}

const struct command command_completion = {
    .name = "completion",
    .args = "SHELL",
    .help = "print completion for a shell (bash)",
    .example = "completion bash > /etc/bash_completion.d/bitbench",
    .min_words = 1,
    .max_words = 1,
    .run = run_completion,
};
