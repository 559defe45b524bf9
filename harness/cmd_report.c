/* report: tables of what is stored; html is one page with its plots inside. */
#include "harness/command.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/plot.h"
#include "results/report.h"
#include "results/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct report_args {
    const char *format, *output, *metric;
    bool force;
};
static const struct opt opts[] = {
    {"format", 'f', OPT_TEXT, offsetof(struct report_args, format),
     "text|md|csv|latex|html", "form of the tables (by the ending of -o, else text)", 0, 0},
    {"output", 'o', OPT_TEXT, offsetof(struct report_args, output), "FILE",
     "where it goes (standard output); csv has one row a cell", 0, 0},
    {"metric", 0, OPT_TEXT, offsetof(struct report_args, metric), "NAME",
     "what is tabulated (top1)", 0, 0},
    FORCE_OPT(report_args, force),
};

static int choose_format(const struct report_args *a, enum table_format *f, struct err *e)
{
    static const struct {
        const char *suffix, *name;
    } endings[] = {
        {".md", "md"}, {".csv", "csv"}, {".tex", "latex"}, {".html", "html"}, {".htm", "html"}};
    const char *name = a->format;
    for (size_t i = 0; i < ARRAY_LEN(endings) && !name && a->output; i++) {
        if (str_ends(a->output, endings[i].suffix)) {
            name = endings[i].name;
        }
    }
    return table_format_parse(f, name ? name : "text", e);
}

/* The default plot as SVG text; NULL (with a note) where none can be drawn. */
static char *default_plot(const struct record_list *l, const char *metric)
{
    char dir[] = "/tmp/bitbench-plot-XXXXXX", path[64], side[64];
    unsigned char *svg = NULL;
    size_t n;
    struct err why = {0};
    if (!mkdtemp(dir)) {
        return NULL;
    }
    snprintf(path, sizeof path, "%s/plot.svg", dir);
    const struct plot_opts o = {.y = metric};
    if (plot_write(l, &o, path, &why) || file_read(path, 64 << 20, &svg, &n, &why)) {
        note(NOTE_WARNING, "no plot in the report: %s", why.text);
        svg = NULL;
    }
    static const char *const ends[] = {"svg", "dat", "gp"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(side, sizeof side, "%s/plot.%s", dir, ends[i]);
        unlink(side);
    }
    rmdir(dir);
    return (char *)svg;
}

/* The run files of all directories and packs; files [n], names and texts owned by the lists. */
static int list_run_files(const struct run_file_list *lists, char **words, size_t n_words,
                          struct report_run_file **files, size_t *n, struct err *e)
{
    *n = 0;
    for (size_t i = 0; i < n_words; i++) {
        *n += lists[i].n;
    }
    *files = mem_take(*n, sizeof **files, e);
    if (!*files) {
        return -1;
    }
    struct report_run_file *to = *files;
    for (size_t i = 0; i < n_words; i++) {
        for (size_t k = 0; k < lists[i].n; k++) {
            const struct run_file *f = &lists[i].files[k];
            *to++ = (struct report_run_file){.dir = words[i], .name = f->name, .text = f->text};
        }
    }
    return 0;
}

static int render_page(const struct report *r, const struct record_list *l, const char *metric,
                       char **words, size_t n_words, struct str *out, struct err *e)
{
    struct run_file_list *lists = mem_take(n_words, sizeof *lists, e);
    struct report_run_file *files = NULL;
    size_t n_files = 0;
    int status = lists ? 0 : -1;
    for (size_t i = 0; i < n_words && status == 0; i++) {
        status = store_run_files(&lists[i], words[i], e);
    }
    if (status == 0) {
        status = list_run_files(lists, words, n_words, &files, &n_files, e);
    }
    if (status == 0) {
        char *svg = r->n ? default_plot(l, metric) : NULL;
        const struct report_plot plot = {
            .title = "Small points are replicates, large ones their medians; dashed lines, where "
                     "there are any, are the same models trained as the legend says.",
            .svg = svg};
        const struct report_opts o = {.metric = metric,
                                      .format = TABLE_HTML,
                                      .plots = &plot,
                                      .n_plots = svg != NULL,
                                      .run_files = files,
                                      .n_run_files = n_files};
        status = report_render(r, &o, out, e);
        free(svg);
    }
    free(files);
    for (size_t i = 0; lists && i < n_words; i++) {
        run_file_list_release(&lists[i]);
    }
    free(lists);
    return status;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    const struct report_args *a = args;
    struct record_list l = {0};
    struct report r = {0};
    struct table t = {0};
    struct str out = {0};
    enum table_format format;
    size_t n_damaged = 0;
    const char *metric = a->metric ? a->metric : "top1";
    int status = -1;
    if (choose_format(a, &format, e) || output_check(a->output, a->force, e) ||
        store_load(&l, (const char *const *)words, n_words, false, &n_damaged, e) ||
        report_init(&r, &l, e)) {
        goto out;
    }
    if (c->g.json) {
        status = report_cells(&r, &t, e) || context_print(c, &t, e) ? -1 : 0;
        goto out;
    }
    if (format == TABLE_HTML) {
        status = render_page(&r, &l, metric, words, n_words, &out, e);
    } else {
        const struct report_opts o = {.metric = metric, .format = format};
        status = report_render(&r, &o, &out, e);
    }
    if (status == 0 && a->output) {
        status = file_write(a->output, str_text(&out), out.len, e);
    } else if (status == 0) {
        fputs(str_text(&out), stdout);
    }
    if (status == 0 && a->output) {
        note(NOTE_INFO, "%s", a->output);
    }
out:
    str_release(&out);
    table_release(&t);
    report_release(&r);
    record_list_release(&l);
    return status ? -1 : n_damaged ? EXIT_FOUND
                                   : EXIT_DONE;
}

const struct command command_report = {
    .name = "report",
    .args = "DIR... [-f FORMAT] [-o FILE] [--force]",
    .help = "tables of stored cells: median, range, mean with interval",
    .example = "report runs/demo -o report.html\nreport runs/demo -f csv",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct report_args),
    .min_words = 1,
    .max_words = 10000,
    .run = run,
};
