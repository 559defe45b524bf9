/* extract: features of a split as HDF5 (/features, /labels, /ids) or as one .npy matrix. */
#include "harness/command.h"
#include "harness/images.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/h5.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"
#include "datasets/dataset.h"
#include "models/model.h"
#include "protocols/features.h"
#include "protocols/protocol.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct extract_args {
    struct preprocess_args pp;
    const char *model, *dataset, *split, *output;
    int64_t batch;
    bool force;
};
static const struct opt opts[] = {
    {"model", 'm', OPT_TEXT, offsetof(struct extract_args, model), "MODEL",
     "path, zoo name, random:ARCH[:SEED] or pixels (required)", 0, 0},
    {"dataset", 'd', OPT_TEXT, offsetof(struct extract_args, dataset), "DATASET",
     "name, or folder:, tar:, tfds:PATH, list:FILE.csv (required)", 0, 0},
    {"split", 0, OPT_TEXT, offsetof(struct extract_args, split), "SPLIT",
     "e.g. test, 'train[:800]' (test)", 0, 0},
    {"output", 'o', OPT_TEXT, offsetof(struct extract_args, output), "F.h5|F.npy",
     "where the features go (required)", 0, 0},
    PREPROCESS_OPTS(extract_args, pp),
    {"batch", 0, OPT_INT, offsetof(struct extract_args, batch), "N",
     "images a call (64); never changes a number", 1, 4096},
    FORCE_OPT(extract_args, force),
};

/* Ids and labels beside the features, and how they were made as attributes. */
static int write_h5(const char *path, const struct split *s, const struct group *g,
                    const struct preprocess *p, const float *x, size_t d, struct err *e)
{
    struct h5 *h = NULL;
    struct str pp = {0};
    unsigned char *bytes = NULL;
    size_t n_bytes;
    int status = -1;
    char *block = mem_take(s->n, DATASET_ID, e);
    const char **texts = mem_take(s->n, sizeof *texts, e);
    preprocess_text(p, &pp);
    if (!block || !texts || h5_create(&h, 0, e) ||
        h5_matrix(h, "/features", H5_F32, s->n, d, e) || h5_rows(h, "/features", 0, s->n, x, e) ||
        h5_array(h, "/labels", H5_I32, 1, &s->n, s->label, true, e)) {
        goto out;
    }
    for (size_t i = 0; i < s->n; i++) {
        split_id(s, i, block + i * DATASET_ID);
        texts[i] = block + i * DATASET_ID;
    }
    if (h5_texts(h, "/ids", s->n, texts, true, e) ||
        h5_attr_text(h, "/", "model", g->model->subject, e) ||
        h5_attr_text(h, "/", "model_sha256", g->model->sha256, e) ||
        h5_attr_text(h, "/", "dataset", g->dataset->subject, e) ||
        h5_attr_text(h, "/", "split", s->text, e) ||
        h5_attr_text(h, "/", "preprocess", str_text(&pp), e) ||
        h5_attr_text(h, "/", "data_fingerprint", g->dataset->fingerprint, e)) {
        goto out;
    }
    status = h5_finish(h, &bytes, &n_bytes, e);
    h = NULL;
    if (status == 0) {
        status = file_write(path, bytes, n_bytes, e);
    }
out:
    h5_close(h, NULL);
    free(bytes);
    str_release(&pp);
    free(texts);
    free(block);
    return status;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)words;
    (void)n_words;
    const struct extract_args *a = args;
    struct model *m = NULL;
    struct dataset *d = NULL;
    struct split s = {0};
    struct preprocess p;
    struct group g = {0};
    struct model_dirs where = context_model_dirs(c);
    struct dataset_dirs data = context_dataset_dirs(c);
    float *x = NULL;
    size_t n_cols;
    int status = -1;
    if (!a->model || !a->dataset || !a->output) {
        return err_set(e, ERR_USAGE, "extract: -m MODEL, -d DATASET and -o FILE are required");
    }
    if (!str_ends(a->output, ".npy") && !str_ends(a->output, ".h5")) {
        return err_set(e, ERR_USAGE, "extract: '%s' ends neither in .h5 nor in .npy", a->output);
    }
    if (output_check(a->output, a->force, e) || context_compute(c, e) ||
        dataset_open(&d, a->dataset, &data, e) ||
        model_open(&m, a->model, &where, true, e) ||
        split_open(&s, d, a->split ? a->split : "test", e) ||
        preprocess_from_args(&p, &a->pp, m, d->desc->h, d->desc->w, e)) {
        goto out;
    }
    g = (struct group){.model = m,
                       .dataset = d,
                       .engine = c->engine,
                       .pool = c->pool,
                       .batch = (size_t)(a->batch ? a->batch : 64),
                       .cache_dir = c->cache_dir[0] ? c->cache_dir : NULL};
    if (features_get(&g, &s, NULL, 0, &p, &x, &n_cols, NULL, e)) {
        goto out;
    }
    status = str_ends(a->output, ".npy")
                 ? npy_write(a->output, NPY_F32, 2, (const size_t[]){s.n, n_cols}, x, e)
                 : write_h5(a->output, &s, &g, &p, x, n_cols, e);
    if (status == 0) {
        note(NOTE_INFO, "%s: %zu x %zu features", a->output, s.n, n_cols);
    }
out:
    free(x);
    group_release(&g);
    split_close(&s);
    model_close(m);
    dataset_close(d);
    return status;
}

const struct command command_extract = {
    .name = "extract",
    .args = "-m MODEL -d DATASET [--split SPLIT] -o F.h5|F.npy",
    .help = "write the features of a split",
    .details =
        "F.h5 holds /features [n, d], /labels and /ids in canonical order; F.npy the matrix alone.",
    .example = "extract -m bit-m-r50x1 -d cifar10 --split test -o features.h5",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct extract_args),
    .computes = true,
    .run = run,
};
