/* models: the zoo, what a model is and costs, new and converted weight files. */
#include "harness/command.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/bit.h"
#include "models/engine.h"
#include "models/model.h"
#include "results/table.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct models_args {
    const char *output;
    int64_t size, classes, seed;
    bool force;
};
static const struct opt opts[] = {
    {"output", 'o', OPT_TEXT, offsetof(struct models_args, output), "FILE",
     "init: where the weights go (.npz or .safetensors)", 0, 0},
    {"size", 0, OPT_INT, offsetof(struct models_args, size), "PX",
     "show: side of the input for work and memory (224)", 1, 4096},
    {"classes", 0, OPT_INT, offsetof(struct models_args, classes), "N",
     "init: outputs of the head (0 = none)", 0, 1000000},
    {"seed", 0, OPT_INT, offsetof(struct models_args, seed), "S", "init: seed (0)", 0, 0},
    FORCE_OPT(models_args, force),
};

static int list(struct ctx *c, void *args, char **words, struct err *e)
{
    (void)args;
    (void)words;
    static const char *const names[] = {"name", "alias", "architecture",
                                        ">classes", "here", "trained on"};
    struct table t;
    struct model_dirs where = context_model_dirs(c);
    int status = table_heads(&t, names, ARRAY_LEN(names), e);
    for (size_t i = 0; i < zoo_n && status == 0; i++) {
        const struct zoo_row *z = &zoo[i];
        struct model *m = NULL;
        struct err why = {0};
        const char *here = model_open(&m, z->name, &where, false, &why) == 0 ? "yes"
                           : why.code == ERR_ABSENT                          ? "no"
                                                                             : "damaged";
        model_close(m);
        status = table_row(&t, e) || table_set(&t, i, 0, z->name, e) ||
                         table_set(&t, i, 1, z->alias ? z->alias : "", e) ||
                         table_set(&t, i, 2, z->arch, e) ||
                         table_setf(&t, i, 3, e, "%zu", z->n_classes) ||
                         table_set(&t, i, 4, here, e) || table_set(&t, i, 5, z->note, e)
                     ? -1
                     : 0;
    }
    if (status == 0) {
        status = context_print(c, &t, e);
    }
    table_release(&t);
    if (status == 0 && !c->g.json) {
        note(NOTE_INFO, "also: a path to .npz or .safetensors weights, random:ARCH[:SEED], pixels");
    }
    return status;
}

static int add(struct table *t, const char *what, const char *value, struct err *e)
{
    size_t row = t->n_rows;
    return table_row(t, e) || table_set(t, row, 0, what, e) || table_set(t, row, 1, value, e) ? -1
                                                                                              : 0;
}

static int addf(struct table *t, const char *what, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static int addf(struct table *t, const char *what, struct err *e, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return add(t, what, text, e);
}

/* The engine's own plan of what it and the parameters take with one thread. An engine that takes
 * the kernels over to run forward leaves none in the parameters. */
static int add_memory(struct table *t, const struct engine *engine, const struct model *m,
                      size_t px, struct err *e)
{
    const struct train_options o = {.loss = LOSS_SOFTMAX, .sgd.momentum = 0.9};
    struct engine_memory need = engine->memory(m, px, px);
    size_t kernels = bit_kernel_floats(&m->table), floats = m->table.n_floats;
    size_t bytes = (floats - (engine->open_forward ? kernels : 0)) * sizeof(float);
    char text[24];
    if (addf(t, "memory, forward", e, "%s with one thread at %zux%zu px, engine %s",
             str_bytes(text, bytes + need.once + need.per_thread), px, px, engine->name)) {
        return -1;
    }
    if (!engine->train_memory || !m->n_classes) {
        return 0;
    }
    need = engine->train_memory(m, &o, px, px);
    bytes = floats * sizeof(float) + need.once + need.per_thread;
    return addf(t, "memory, training", e,
                "%s with one thread, %d images at a time at %zux%zu px, engine %s",
                str_bytes(text, bytes), TRAIN_GROUP, px, px, engine->name);
}

static int show(struct ctx *c, void *args, char **words, struct err *e)
{
    const struct models_args *a = args;
    const char *name = words[0];
    static const char *const names[] = {"what", "value"};
    struct model *m = NULL;
    struct model_dirs where = context_model_dirs(c);
    struct table t = {0};
    size_t px = a->size ? (size_t)a->size : 224;
    const struct engine *engine = engine_find(c->g.engine, e);
    char params[24];
    int status = -1;
    if (!engine) {
        return -1;
    }
    if (model_open(&m, name, &where, false, e) || table_heads(&t, names, ARRAY_LEN(names), e)) {
        goto out;
    }
    if (add(&t, "model", m->subject, e) || add(&t, "architecture", m->arch_text, e)) {
        goto out;
    }
    if (m->kind == MODEL_BIT) {
        if (addf(&t, "depths", e, "%zu,%zu,%zu,%zu", m->arch.depth[0], m->arch.depth[1],
                 m->arch.depth[2], m->arch.depth[3]) ||
            addf(&t, "width", e, "%g", (double)m->arch.width2 / 2) ||
            addf(&t, "parameters", e, "%zu", m->table.n_values) ||
            addf(&t, "tensors", e, "%zu", m->table.n) ||
            addf(&t, "head classes", e, "%zu", m->n_classes) ||
            addf(&t, "multiply-adds", e, "%.4g G an image of %zux%zu px",
                 (double)arch_macs(&m->arch, m->n_classes, px, px) * 1e-9, px, px) ||
            addf(&t, "weights in memory", e, "%s",
                 str_bytes(params, (uint64_t)m->table.n_floats * sizeof(float))) ||
            add_memory(&t, engine, m, px, e) ||
            addf(&t, "weight standardisation eps", e, "%g", m->ws_eps)) {
            goto out;
        }
    }
    if (addf(&t, "features", e, "%zu", model_feature_dim(m, px, px)) ||
        add(&t, "publisher's preprocessing", m->preprocess[0] ? m->preprocess : "not known", e) ||
        (m->path[0] && add(&t, "weights", m->path, e)) ||
        (m->sha256[0] && add(&t, "sha256", m->sha256, e))) {
        goto out;
    }
    status = context_print(c, &t, e);
out:
    table_release(&t);
    model_close(m);
    return status;
}

static int init(struct ctx *c, void *args, char **words, struct err *e)
{
    (void)c;
    const struct models_args *a = args;
    const char *arch_text = words[0];
    struct arch arch;
    struct model m = {0};
    if (!a->output) {
        return err_set(e, ERR_USAGE, "models init: -o FILE says where the weights go");
    }
    if (output_check(a->output, a->force, e) || arch_parse(&arch, arch_text, e) ||
        model_init_random(&m, &arch, (size_t)a->classes, (uint64_t)a->seed, e)) {
        return -1;
    }
    int status = model_save(&m, a->output, e);
    model_release(&m);
    return status;
}

static int convert(struct ctx *c, void *args, char **words, struct err *e)
{
    const struct models_args *a = args;
    const char *from = words[0], *to = words[1];
    struct model *m = NULL;
    struct model_dirs where = context_model_dirs(c);
    if (output_check(to, a->force, e) || model_open(&m, from, &where, true, e)) {
        return -1;
    }
    int status = m->kind == MODEL_BIT ? model_save(m, to, e)
                                      : err_set(e, ERR_USAGE, "%s has no weights to convert", from);
    model_close(m);
    return status;
}

static int verify(struct ctx *c, void *args, char **words, struct err *e)
{
    (void)args;
    const char *name = words[0];
    struct model *m = NULL;
    struct model_dirs where = context_model_dirs(c);
    if (context_refuse_json(c, "models verify", e)) {
        return -1;
    }
    if (model_open(&m, name, &where, true, e)) {
        return -1;
    }
    printf("%s: PASS: %s, %zu tensors, %zu parameters, all finite, sha256 %s\n", m->subject,
           m->arch_text, m->table.n, m->table.n_values, m->sha256);
    model_close(m);
    return 0;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    static const struct subcommand rows[] = {
        {"list", 0, list},
        {"show", 1, show},
        {"init", 1, init},
        {"convert", 2, convert},
        {"verify", 1, verify},
    };
    return subcommand_run("models", rows, ARRAY_LEN(rows), c, args, words, n_words, e);
}

const struct command command_models = {
    .name = "models",
    .args = "[list | show MODEL | init ARCH -o FILE | convert IN OUT | verify MODEL]",
    .help = "models: the zoo, parameters, work and memory; new and converted weights",
    .details = "MODEL is a path, a zoo name, random:ARCH[:SEED] or pixels. ARCH is R50x1, R101x3 "
               "... or R(3,4,6,3)x0.5.\n"
               "convert reads and writes .npz and .safetensors, by extension.",
    .example = "models show random:R50x1 --size 128\nmodels init 'R(1,1,1,1)x0.5' -o tiny.npz",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct models_args),
    .max_words = 3,
    .run = run,
};
