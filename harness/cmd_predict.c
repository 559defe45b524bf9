/* predict: the checkpoint's own head on image files; or logits and features as arrays. */
#include "harness/command.h"
#include "harness/images.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"
#include "models/engine.h"
#include "models/model.h"
#include "results/table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct predict_args {
    struct preprocess_args pp;
    const char *model, *logits, *features, *input;
    int64_t top, batch;
    bool force;
};
static const struct opt opts[] = {
    {"model", 'm', OPT_TEXT, offsetof(struct predict_args, model), "MODEL",
     "path, zoo name, random:ARCH[:SEED] (required)", 0, 0},
    PREPROCESS_OPTS(predict_args, pp),
    {"top", 0, OPT_INT, offsetof(struct predict_args, top), "K", "how many classes an image (5)", 1,
     100000},
    {"logits", 0, OPT_TEXT, offsetof(struct predict_args, logits), "F.npy",
     "write all logits, float32 [n, classes]", 0, 0},
    {"features", 0, OPT_TEXT, offsetof(struct predict_args, features), "F.npy",
     "write the features before the head, float32 [n, d]", 0, 0},
    {"input", 0, OPT_TEXT, offsetof(struct predict_args, input), "F.npy",
     "take float32 [n, h, w, 3] as it is, instead of images", 0, 0},
    {"batch", 0, OPT_INT, offsetof(struct predict_args, batch), "N",
     "images a call (32); never changes a number", 1, 4096},
    FORCE_OPT(predict_args, force),
};

static int load_array(const char *path, struct tensor *x, struct err *e)
{
    struct npy a;
    if (npy_read(&a, path, e)) {
        return -1;
    }
    int status = -1;
    if (a.n_dims != 4 || a.dims[3] != 3 || a.n == 0) {
        err_set(e, ERR_FORMAT, "%s: expected an array [n, h, w, 3]", path);
        goto out;
    }
    *x = (struct tensor){.n = a.dims[0], .h = a.dims[1], .w = a.dims[2], .c = 3};
    x->data = mem_take(a.n, sizeof(float), e);
    status = x->data && npy_to_f32(&a, x->data, path, e) == 0 ? 0 : -1;
out:
    npy_release(&a);
    return status;
}

/* The K greatest logits of a row, ties to the lower index, with softmax probabilities over all. */
static int add_top(struct table *t, const char *image, const float *logits, size_t n, size_t k,
                   struct err *e)
{
    double sum = 0, greatest = -HUGE_VAL;
    bool *used = mem_take(n, sizeof *used, e);
    if (!used) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        greatest = fmax(greatest, (double)logits[i]);
    }
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)logits[i] - greatest);
    }
    int status = 0;
    for (size_t rank = 1; rank <= k && rank <= n && status == 0; rank++) {
        size_t best = SIZE_MAX, row = t->n_rows;
        for (size_t i = 0; i < n; i++) {
            if (!used[i] && (best == SIZE_MAX || logits[i] > logits[best])) {
                best = i;
            }
        }
        used[best] = true;
        status =
            table_row(t, e) || table_set(t, row, 0, image, e) ||
                    table_setf(t, row, 1, e, "%zu", rank) ||
                    table_setf(t, row, 2, e, "%zu", best) ||
                    table_setf(t, row, 3, e, "%.6g", (double)logits[best]) ||
                    table_setf(t, row, 4, e, "%.4f", exp((double)logits[best] - greatest) / sum)
                ? -1
                : 0;
    }
    free(used);
    return status;
}

static int print_top(const struct ctx *c, const struct predict_args *a, char **words, size_t n,
                     const float *logits, size_t n_classes, struct err *e)
{
    static const char *const names[] = {"image", ">rank", ">class", ">logit",
                                        ">probability"};
    struct table t;
    char index[32];
    int status = table_heads(&t, names, ARRAY_LEN(names), e);
    for (size_t i = 0; i < n && status == 0; i++) {
        snprintf(index, sizeof index, "%zu", i);
        status = add_top(&t, a->input ? index : words[i], logits + i * n_classes, n_classes,
                         (size_t)(a->top ? a->top : 5), e);
    }
    if (status == 0) {
        status = context_print(c, &t, e);
    }
    table_release(&t);
    return status;
}

static int forward(const struct ctx *c, struct model *m, const struct tensor *x, size_t batch,
                   float *features, float *logits, struct err *e)
{
    void *engine;
    size_t d = model_feature_dim(m, x->h, x->w);
    if (engine_open_forward(c->engine, &engine, m, c->pool, e)) {
        return -1;
    }
    int status = 0;
    for (size_t i = 0; i < x->n && status == 0; i += batch) {
        struct tensor part = *x;
        part.n = x->n - i < batch ? x->n - i : batch;
        part.data = x->data + i * x->h * x->w * 3;
        status = c->engine->forward(engine, &part, features + i * d,
                                    m->n_classes ? logits + i * m->n_classes : NULL, e);
        note_progress("images", i + part.n, x->n);
    }
    c->engine->close(engine);
    return status;
}

static int load(const struct predict_args *a, const struct model *m, char **words, size_t n_words,
                struct tensor *x, struct err *e)
{
    struct preprocess p;
    struct str text = {0};
    if (a->input) {
        return n_words ? err_set(e, ERR_USAGE, "predict: --input takes the place of images")
                       : load_array(a->input, x, e);
    }
    if (!n_words) {
        return err_set(e, ERR_USAGE, "predict: name at least one image, or --input F.npy");
    }
    if (preprocess_from_args(&p, &a->pp, m, 0, 0, e) ||
        images_load((const char *const *)words, n_words, &p, x, NULL, e)) {
        return -1;
    }
    preprocess_text(&p, &text);
    note(NOTE_INFO, "%s, preprocess %s", m->subject, str_text(&text));
    str_release(&text);
    return 0;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    const struct predict_args *a = args;
    struct model *m = NULL;
    struct model_dirs where = context_model_dirs(c);
    struct tensor x = {0};
    float *features = NULL, *logits = NULL;
    int status = -1;
    if (!a->model) {
        return err_set(e, ERR_USAGE, "predict: -m MODEL is required");
    }
    if (output_check(a->logits, a->force, e) || output_check(a->features, a->force, e) ||
        context_compute(c, e) || model_open(&m, a->model, &where, true, e) ||
        load(a, m, words, n_words, &x, e)) {
        goto out;
    }
    if (!m->n_classes && (a->logits || !a->features)) {
        err_set(e, ERR_USAGE, "%s has no head: only --features F.npy can be written", m->name);
        goto out;
    }
    size_t d = model_feature_dim(m, x.h, x.w);
    features = mem_take(x.n, d * sizeof *features, e);
    logits = mem_take(x.n, m->n_classes * sizeof *logits, e);
    if (!features || !logits ||
        forward(c, m, &x, (size_t)(a->batch ? a->batch : 32), features, logits, e)) {
        goto out;
    }
    status = 0;
    if (a->logits) {
        status = npy_write(a->logits, NPY_F32, 2, (const size_t[]){x.n, m->n_classes}, logits, e);
    }
    if (a->features && status == 0) {
        status = npy_write(a->features, NPY_F32, 2, (const size_t[]){x.n, d}, features, e);
    }
    if (!a->logits && !a->features && status == 0) {
        status = print_top(c, a, words, x.n, logits, m->n_classes, e);
    }
out:
    free(logits);
    free(features);
    free(x.data);
    model_close(m);
    return status;
}

const struct command command_predict = {
    .name = "predict",
    .args = "-m MODEL [OPTION...] IMAGE...",
    .help = "top classes, logits or features of image files",
    .example = "predict -m BiT-M-R50x1-ILSVRC2012.npz --preprocess model cat.jpg",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct predict_args),
    .max_words = 1000000,
    .computes = true,
    .run = run,
};
