/* Shell completion, made from the tables: commands, their second words, options, and the values of
 * options that take one of a few words. */
#include "harness/command.h"
#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "models/engine.h"
#include "models/model.h"
#include "protocols/spec.h"
#include <stdio.h>
#include <string.h>

static const char word_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

/* ---- values ---- */

/* "full|pred" as words; false where text is not such a list. */
static bool add_choices(struct str *out, const char *text)
{
    if (!text || !strchr(text, '|')) {
        return false;
    }
    for (const char *at = text; *at; at++) {
        if (*at != '|' && !strchr(word_characters, *at)) {
            return false;
        }
    }
    for (; *text; text++) {
        str_add_char(out, *text == '|' ? ' ' : *text);
    }
    return true;
}

static void add_word(struct str *out, const char *word)
{
    str_addf(out, "%s%s", out->len ? " " : "", word);
}

static void dataset_names(struct str *out)
{
    for (size_t i = 0; i < datasets_n; i++) {
        add_word(out, datasets[i]->name);
        str_add(out, datasets[i]->n_classes ? "" : ":"); /* a path follows */
    }
}

static void model_names(struct str *out)
{
    for (size_t i = 0; i < zoo_n; i++) {
        add_word(out, zoo[i].alias && *zoo[i].alias ? zoo[i].alias : zoo[i].name);
    }
    add_word(out, "pixels random:");
}

static void preset_names(struct str *out)
{
    for (size_t i = 0; i < presets_n; i++) {
        add_word(out, presets[i].p.preset);
    }
    add_word(out, "model");
}

static void engine_names(struct str *out)
{
    for (size_t i = 0; i < engines_n; i++) {
        add_word(out, engines[i]->name);
    }
}

/* Of an option: what its placeholder lists, names of a table, or the choices of the knob that it
 * sets. */
static void add_values(struct str *out, const struct opt *o)
{
    static const struct {
        const char *name;
        void (*add)(struct str *out);
    } tables[] = {{"dataset", dataset_names},
                  {"model", model_names},
                  {"preprocess", preset_names},
                  {"engine", engine_names}};
    if (add_choices(out, o->value)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (o->value && strcmp(o->name, tables[i].name) == 0) {
            tables[i].add(out);
            return;
        }
    }
    for (size_t i = 0; i < knobs_n && o->value; i++) {
        const char *dot = strrchr(knobs[i].key, '.');
        bool same = dot && (strcmp(dot + 1, o->name) == 0 ||
                            (strcmp(dot, ".name") == 0 && str_starts(knobs[i].key, o->name) &&
                             knobs[i].key[strlen(o->name)] == '.'));
        if (same && add_choices(out, knobs[i].choices)) {
            return;
        }
    }
}

/* A case of the shell for every option with known values; command "*" for the global ones. */
static void add_value_cases(struct str *out, const char *command, const struct opt *opts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str values = {0};
        add_values(&values, &opts[i]);
        if (values.len) {
            str_addf(out, "    %s:--%s", command, opts[i].name);
            if (opts[i].letter) {
                str_addf(out, "|%s:-%c", command, opts[i].letter);
            }
            str_addf(out, ") words='%s'; known=1 ;;\n", str_text(&values));
        }
        out->failed = out->failed || values.failed;
        str_release(&values);
    }
}

/* ---- words ---- */

/* The second words of "[list | show NAME | ...]" or "check|metrics DIR...": what begins an
 * alternative there and is lower case. */
static void add_second_words(struct str *out, const char *args)
{
    bool bracket = args[0] == '[';
    size_t n = bracket ? strcspn(args, "]") : strcspn(args, " ");
    if (!bracket && !memchr(args, '|', n)) {
        return;
    }
    for (const char *at = args + bracket, *end = args + n; at < end;) {
        at += strspn(at, " |");
        size_t len = strspn(at, word_characters);
        if (len && at[0] != '-' && (at + len == end || strchr(" |]", at[len]))) {
            str_addf(out, " %.*s", (int)len, at);
        }
        at += strcspn(at, "|]");
        at += *at == '|';
    }
}

static void add_options(struct str *out, const struct opt *opts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        str_addf(out, " --%s", opts[i].name);
    }
}

static void add_command(struct str *out, const struct command *k)
{
    str_addf(out, "    %s) words='", k->name);
    if (k == &command_completion) {
        str_add(out, " bash");
    } else if (k == &command_help_command) {
        for (size_t i = 0; i < commands_n; i++) {
            str_addf(out, " %s", commands[i]->name);
        }
    } else {
        add_second_words(out, k->args);
    }
    add_options(out, k->opts, k->n_opts);
    str_add(out, " --help' ;;\n");
}

static void add_script(struct str *out)
{
    str_add(out,
            "# bash completion for bitbench; made by `bitbench completion bash`\n"
            "_bitbench() {\n"
            "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
            "    local command= known= i words\n"
            "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
            "        case ${COMP_WORDS[i]} in -*) ;; *) command=${COMP_WORDS[i]}; break ;; esac\n"
            "    done\n"
            "    case $command:$prev in\n");
    for (size_t i = 0; i < commands_n; i++) {
        add_value_cases(out, commands[i]->name, commands[i]->opts, commands[i]->n_opts);
    }
    add_value_cases(out, "*", global_opts, global_opts_n);
    str_add(out, "    esac\n"
                 "    if [ -z \"$known\" ]; then\n"
                 "    case $command in\n");
    for (size_t i = 0; i < commands_n; i++) {
        add_command(out, commands[i]);
    }
    str_add(out, "    *) words='");
    for (size_t i = 0; i < commands_n; i++) {
        str_addf(out, " %s", commands[i]->name);
    }
    str_add(out, "' ;;\n    esac\n    words+='");
    add_options(out, global_opts, global_opts_n);
    str_add(out, "'\n"
                 "    fi\n"
                 "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                 "}\n"
                 "complete -o default -F _bitbench bitbench\n");
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
    add_script(&out);
    int status = str_check(&out, e);
    if (status == 0) {
        fputs(str_text(&out), stdout);
    }
    str_release(&out);
    return status ? -1 : EXIT_DONE;
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
