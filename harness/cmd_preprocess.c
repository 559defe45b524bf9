/* preprocess: the network's input as an array, to hold next to one's own pipeline. */
#include "harness/command.h"
#include "harness/images.h"
#include "harness/base/err.h"
#include "harness/base/note.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"
#include <stdlib.h>

struct preprocess_cmd_args {
    struct preprocess_args pp;
    const char *output;
    bool u8;
};
static const struct opt opts[] = {
    PREPROCESS_OPTS(preprocess_cmd_args, pp),
    {"output", 'o', OPT_TEXT, offsetof(struct preprocess_cmd_args, output), "F.npy",
     "where the array goes (required)", 0, 0},
    {"u8", 0, OPT_FLAG, offsetof(struct preprocess_cmd_args, u8), NULL,
     "8-bit values after resizing and before scaling", 0, 0},
};

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)c;
    const struct preprocess_cmd_args *a = args;
    struct preprocess p;
    struct tensor x = {0};
    uint8_t *u8 = NULL;
    struct str text = {0};
    if (!a->output) {
        return err_set(e, ERR_USAGE, "preprocess: -o F.npy says where the array goes");
    }
    if (preprocess_from_args(&p, &a->pp, NULL, 0, 0, e) ||
        images_load((const char *const *)words, n_words, &p, &x, &u8, e)) {
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
    .details = "The default preset is bit-paper, with the large rule for sizes; --size overrides.",
    .example = "preprocess --preprocess timm --size 224 cat.jpg -o input.npy",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct preprocess_cmd_args),
    .min_words = 1,
    .max_words = 1000000,
    .run = run,
};
