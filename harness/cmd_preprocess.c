/* preprocess: the network's input as an array, to hold next to one's own pipeline; with --augment
 * as a step of training would see it. */
#include "harness/command.h"
#include "harness/images.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/note.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"
#include "datasets/dataset.h"
#include <stdlib.h>

struct preprocess_cmd_args {
    struct preprocess_args pp;
    const char *output, *augment, *dataset;
    int64_t seed, step;
    bool u8, force;
};
static const struct opt opts[] = {
    PREPROCESS_OPTS(preprocess_cmd_args, pp),
    {"output", 'o', OPT_TEXT, offsetof(struct preprocess_cmd_args, output), "F.npy",
     "where the array goes (required)", 0, 0},
    {"u8", 0, OPT_FLAG, offsetof(struct preprocess_cmd_args, u8), NULL,
     "8-bit values after resizing and before scaling", 0, 0},
    {"augment", 0, OPT_TEXT, offsetof(struct preprocess_cmd_args, augment), "LIST",
     "crop, inception[:AREA] or rrc[:AREA], then flip, then mixup:ALPHA, joined by |", 0, 0},
    {"seed", 0, OPT_INT, offsetof(struct preprocess_cmd_args, seed), "S",
     "augment: seed of all draws (0)", 0, INT64_MAX},
    {"step", 0, OPT_INT, offsetof(struct preprocess_cmd_args, step), "N",
     "augment: step of training (0); the files are its batch", 0, INT64_MAX},
    {"dataset", 'd', OPT_TEXT, offsetof(struct preprocess_cmd_args, dataset), "DATASET",
     "augment: leave out what would break this task's labels", 0, 0},
    FORCE_OPT(preprocess_cmd_args, force),
};

/* What --augment, --seed, --step and --dataset say. */
static int read_augment(const struct preprocess_cmd_args *a, const struct preprocess *p,
                        struct images_augment *g, struct err *e)
{
    if (!a->augment) {
        return a->seed || a->step || a->dataset
                   ? err_set(e, ERR_USAGE, "preprocess: --seed, --step, --dataset need --augment")
                   : 0;
    }
    g->seed = (uint64_t)a->seed;
    g->step = (uint64_t)a->step;
    if (augment_parse(&g->a, a->augment, e) || augment_check(&g->a, p, e)) {
        return -1;
    }
    if (a->u8 && g->a.mixup > 0) {
        return err_set(e, ERR_USAGE, "preprocess: MixUp mixes what is scaled: not with --u8");
    }
    const struct dataset_desc *d = a->dataset ? dataset_find(a->dataset, e) : NULL;
    if (a->dataset && !d) {
        return -1;
    }
    if (d && augment_limit(&g->a, d)) {
        note(NOTE_INFO, "%s: left out what would break its labels", d->name);
    }
    return 0;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)c;
    const struct preprocess_cmd_args *a = args;
    struct preprocess p;
    struct tensor x = {0};
    uint8_t *u8 = NULL;
    struct str text = {0};
    struct images_augment g = {0};
    if (!a->output) {
        return err_set(e, ERR_USAGE, "preprocess: -o F.npy says where the array goes");
    }
    if (output_check(a->output, a->force, e) || preprocess_from_args(&p, &a->pp, NULL, 0, 0, e) ||
        read_augment(a, &p, &g, e) ||
        images_load_augmented((const char *const *)words, n_words, &p, a->augment ? &g : NULL, &x,
                              &u8, e)) {
        return -1;
    }
    preprocess_text(&p, &text);
    note(NOTE_INFO, "%zu images, %s", x.n, str_text(&text));
    str_release(&text);
    const size_t dims[4] = {x.n, x.h, x.w, 3};
    int status = a->u8 ? npy_write(a->output, NPY_U8, 4, dims, u8, e)
                       : npy_write(a->output, NPY_F32, 4, dims, x.data, e);
    free(u8);
    free(x.data);
    return status;
}

const struct command command_preprocess = {
    .name = "preprocess",
    .args = "[OPTION...] IMAGE... -o F.npy",
    .help = "write the network's input as float32 [n, h, w, 3]",
    .details = "The default preset is bit-paper, with the large rule for sizes; --size overrides.\n"
               "A step list instead of a preset writes all out:\n"
               "decode:NAME|resize:N-MODE-KERNEL|u8|crop:N|range:NAME; see bitbench(1).",
    .example = "preprocess --preprocess timm --size 224 cat.jpg -o input.npy",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct preprocess_cmd_args),
    .min_words = 1,
    .max_words = 1000000,
    .run = run,
};
