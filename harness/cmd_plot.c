/* plot: a picture of stored cells through gnuplot, with its data file and script beside it. */
#include "harness/command.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/note.h"
#include "harness/base/tensor.h"
#include "results/plot.h"
#include "results/store.h"
#include <stddef.h>

struct plot_args {
    const char *x, *y, *by, *facet, *title, *output;
    struct texts where;
    bool force;
};
static const struct opt opts[] = {
    {"x", 0, OPT_TEXT, offsetof(struct plot_args, x), "KNOB",
     "the horizontal axis (shots where they vary)", 0, 0},
    {"y", 0, OPT_TEXT, offsetof(struct plot_args, y), "METRIC", "the vertical axis (top1)", 0, 0},
    {"by", 0, OPT_TEXT, offsetof(struct plot_args, by), "KNOB", "what makes the lines (model)", 0,
     0},
    {"facet", 0, OPT_TEXT, offsetof(struct plot_args, facet), "KNOB",
     "what makes the panels (data set)", 0, 0},
    {"where", 0, OPT_REPEAT, offsetof(struct plot_args, where), "KNOB=V",
     "only cells with this value; may be repeated", 0, 0},
    {"title", 0, OPT_TEXT, offsetof(struct plot_args, title), "TEXT",
     "title instead of the one made from what is constant", 0, 0},
    {"output", 'o', OPT_TEXT, offsetof(struct plot_args, output), "FILE",
     "picture: .svg, .png or .pdf (required)", 0, 0},
    FORCE_OPT(plot_args, force),
};

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)c;
    const struct plot_args *a = args;
    struct record_list l = {0};
    size_t n_damaged = 0;
    if (!a->output) {
        return err_set(e, ERR_USAGE, "plot: -o FILE.svg says where the picture goes");
    }
    if (output_check(a->output, a->force, e)) {
        return -1;
    }
    const struct plot_opts o = {.x = a->x,
                                .y = a->y,
                                .by = a->by,
                                .facet = a->facet,
                                .title = a->title,
                                .where = a->where.items,
                                .n_where = a->where.n};
    int status = store_load(&l, (const char *const *)words, n_words, false, &n_damaged, e) ||
                         plot_write(&l, &o, a->output, e)
                     ? -1
                     : 0;
    if (status == 0) {
        note(NOTE_INFO, "%s", a->output);
    }
    record_list_release(&l);
    return status ? -1 : n_damaged ? EXIT_FOUND
                                   : EXIT_DONE;
}

const struct command command_plot = {
    .name = "plot",
    .args = "DIR... [--x KNOB] [--y METRIC] [--by KNOB] [--facet KNOB] [--where KNOB=V] -o FILE",
    .help = "plot stored cells: every replicate a point, the median the line",
    .details = "Through gnuplot; the data file and the script stay beside the picture.",
    .example =
        "plot runs/demo -o shots.svg\nplot runs/demo --x adapt.l2 --where regime.k=5 -o l2.png",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct plot_args),
    .min_words = 1,
    .max_words = 10000,
    .run = run,
};
