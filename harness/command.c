/* The table of commands, and their help. */
#include "harness/command.h"
#include "harness/base/err.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "datasets/transform.h"
#include "models/engine.h"
#include "protocols/spec.h"
#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {
    &command_run,
    &command_eval,
    &command_fewshot,
    &command_linear,
    &command_plan,
    &command_status,
    &command_report,
    &command_plot,
    &command_compare,
    &command_stats,
    &command_pack,
    &command_history,
    &command_results,
    &command_datasets,
    &command_models,
    &command_predict,
    &command_preprocess,
    &command_extract,
    &command_probe,
    &command_bench,
    &command_doctor,
    &command_completion,
    &command_help_command,
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

int subcommand_run(const char *command, const struct subcommand *rows, size_t n_rows, struct ctx *c,
                   void *opts, char **words, size_t n_words, struct err *e)
{
    const char *name = n_words ? words[0] : rows[0].name;
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < n_rows; i++) {
        near_add(&near, rows[i].name);
        if (strcmp(rows[i].name, name) != 0) {
            continue;
        }
        if (n_words && n_words - 1 != rows[i].n_words) {
            return err_set(e, ERR_USAGE, "%s %s takes %zu arguments", command, name,
                           rows[i].n_words);
        }
        return rows[i].run(c, opts, words + (n_words != 0), e);
    }
    return err_set(e, ERR_USAGE, "%s has no '%s'%s", command, name, near_text(&near));
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
                     "Measures how well pre-trained vision networks transfer, on ordinary "
                     "CPUs.\n\nCommands:\n");
        for (size_t i = 0; i < commands_n; i++) {
            str_addf(out, "  %-12s %s\n", commands[i]->name, commands[i]->help);
        }
        str_add(out, "\nGlobal options:\n");
        options_help(global_opts, global_opts_n, out);
        str_add(out, "\nEngines:\n");
        for (size_t i = 0; i < engines_n; i++) {
            str_addf(out, "  %-12s %s\n", engines[i]->name, engines[i]->help);
        }
        str_add(
            out,
            "\n`bitbench COMMAND --help` tells more, with an example; `man bitbench` tells all.\n");
        return;
    }
    str_addf(out, "Usage: bitbench %s%s%s\n\n%s\n", k->name, k->args[0] ? " " : "", k->args,
             k->help);
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

/* Text as roff: backslashes and hyphens kept, no line begins a request. */
static void add_roff(struct str *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        if ((at == text || at[-1] == '\n') && (*at == '.' || *at == '\'')) {
            str_add(out, "\\&");
        }
        if (*at == '\\') {
            str_add(out, "\\e");
        } else if (*at == '-') {
            str_add(out, "\\-");
        } else {
            str_add_char(out, *at);
        }
    }
}

static void add_roff_options(struct str *out, const struct opt *opts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct opt *o = &opts[i];
        str_add(out, ".TP\n");
        if (o->letter) {
            str_addf(out, "\\fB\\-%c\\fR, ", o->letter);
        }
        str_add(out, "\\fB\\-\\-");
        add_roff(out, o->name);
        str_add(out, "\\fR ");
        add_roff(out, o->value ? o->value : "");
        str_add(out, "\n");
        add_roff(out, o->help);
        str_add(out, "\n");
    }
}

static void add_roff_item(struct str *out, const char *name, const char *text)
{
    str_add(out, ".TP\n\\fB");
    add_roff(out, name);
    str_add(out, "\\fR\n");
    add_roff(out, text);
    str_add(out, "\n");
}

/* The manual's sections on commands, global options and engines; harness/doc/bitbench.1.in has the
 * rest. */
static void add_manual(struct str *out)
{
    str_add(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *k = commands[i];
        str_addf(out, ".SS %s ", k->name);
        add_roff(out, k->args);
        str_add(out, "\n");
        add_roff(out, k->help);
        str_add(out, ".\n");
        if (k->details) {
            str_add(out, ".br\n");
            add_roff(out, k->details);
            str_add(out, "\n");
        }
        add_roff_options(out, k->opts, k->n_opts);
        str_add(out, ".PP\nExample:\n.PP\n.nf\n.RS 4\n");
        add_lines(out, "bitbench ", k->example);
        str_add(out, ".RE\n.fi\n");
    }
    str_add(out, ".SH GLOBAL OPTIONS\n");
    add_roff_options(out, global_opts, global_opts_n);
    str_add(out, ".SH ENGINES\n");
    for (size_t i = 0; i < engines_n; i++) {
        add_roff_item(out, engines[i]->name, engines[i]->help);
    }
}

static void add_knobs(struct str *out)
{
    for (size_t i = 0; i < knobs_n; i++) {
        struct str text = {0};
        str_add(&text, knobs[i].help);
        if (knobs[i].choices) {
            str_addf(&text, "; one of %s", knobs[i].choices);
        }
        str_addf(&text, " (%s)", knobs[i].fallback[0] ? knobs[i].fallback : "unset");
        add_roff_item(out, knobs[i].key, str_text(&text));
        str_release(&text);
    }
}

static void add_presets(struct str *out)
{
    for (size_t i = 0; i < presets_n; i++) {
        add_roff_item(out, presets[i].p.preset, presets[i].help);
    }
}

struct help_args {
    bool man, knobs, presets;
};
static const struct opt help_opts[] = {
    {"man", 0, OPT_FLAG, offsetof(struct help_args, man), NULL,
     "the manual's sections on commands, options and engines, as roff", 0, 0},
    {"knobs", 0, OPT_FLAG, offsetof(struct help_args, knobs), NULL,
     "the manual's list of knobs, as roff", 0, 0},
    {"presets", 0, OPT_FLAG, offsetof(struct help_args, presets), NULL,
     "the manual's list of preprocessing presets, as roff", 0, 0},
};

static int run_help(struct ctx *c, void *opts, char **words, size_t n_words, struct err *e)
{
    (void)c;
    const struct help_args *a = opts;
    const struct command *k = NULL;
    if (n_words && !(k = command_find(words[0], e))) {
        return -1;
    }
    struct str out = {0};
    if (a->man) {
        add_manual(&out);
    } else if (a->knobs) {
        add_knobs(&out);
    } else if (a->presets) {
        add_presets(&out);
    } else {
        command_help(k, &out);
    }
    fputs(str_text(&out), stdout);
    str_release(&out);
    return EXIT_DONE;
}

const struct command command_help_command = {
    .name = "help",
    .args = "[COMMAND]",
    .help = "help on the program or on a command",
    .example = "help fewshot",
    .opts = help_opts,
    .n_opts = ARRAY_LEN(help_opts),
    .opts_bytes = sizeof(struct help_args),
    .max_words = 1,
    .run = run_help,
};
