/* plan: the cells of a run file and what they will cost, by a short calibration. Runs nothing. */
#include "harness/command.h"
#include "harness/runfile.h"
#include "harness/suites.h"
#include "harness/base/clock.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "datasets/transform.h"
#include "models/engine.h"
#include "models/model.h"
#include "protocols/protocol.h"
#include "protocols/regime.h"
#include "results/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan_args {
    struct texts sets;
    bool cells;
};
static const struct opt opts[] = {
    {"set", 0, OPT_REPEAT, offsetof(struct plan_args, sets), "KEY=VALUE", "as for run", 0, 0},
    {"cells", 0, OPT_FLAG, offsetof(struct plan_args, cells), NULL,
     "one line a cell: its canonical text", 0, 0},
};

/* One (model, data set) of the plan. */
struct cost {
    size_t cells, images; /* images through the network, all preprocessings together */
    double macs, seconds; /* of the network */
    size_t feature_bytes;
};

/* Seconds an image takes: one call with two images for each thread. */
static int calibrate(const struct ctx *c, const struct model *m, size_t h, size_t w,
                     double *seconds, struct err *e)
{
    size_t n = 2 * pool_size(c->pool);
    struct tensor x = {.n = n, .h = h, .w = w, .c = 3};
    void *engine = NULL;
    float *features = NULL;
    int status = -1;
    x.data = mem_take(n * h * w, 3 * sizeof *x.data, e);
    features = mem_take(n, model_feature_dim(m, h, w) * sizeof *features, e);
    if (x.data && features && c->engine->open(&engine, m, c->pool, e) == 0 &&
        c->engine->forward(engine, &x, features, NULL, e) == 0) {
        double start = clock_now_s();
        status = c->engine->forward(engine, &x, features, NULL, e);
        *seconds = (clock_now_s() - start) / (double)n;
    }
    if (engine) {
        c->engine->close(engine);
    }
    free(features);
    free(x.data);
    return status;
}

/* Distinct training images of the specs, per split text; the test split once per preprocessing. */
static int count_images(const struct run_spec *const *specs, size_t n, const struct dataset *d,
                        size_t *images, struct err *e)
{
    struct split test = {0}, train = {0};
    int status = split_open(&test, d, specs[0]->test, e);
    *images = test.n;
    split_close(&test);
    const char *name = regime_split(specs[0]);
    if (status || !name) {
        return status;
    }
    if (split_open(&train, d, name, e)) {
        return -1;
    }
    bool *used = mem_take(train.n, sizeof *used, e);
    status = used ? 0 : -1;
    for (size_t i = 0; i < n && status == 0; i++) {
        size_t *rows, n_rows, n_short;
        status = regime_rows(specs[i], &train, d->n_classes, &rows, &n_rows, &n_short, e);
        for (size_t k = 0; k < n_rows && status == 0; k++) {
            *images += !used[rows[k]];
            used[rows[k]] = true;
        }
        if (status == 0) {
            free(rows);
        }
    }
    free(used);
    split_close(&train);
    return status;
}

/* Specs with one preprocessing and one kind of training split. */
static int cost_of_part(const struct ctx *c, const struct run_spec *const *specs, size_t n,
                        const struct model *m, const struct dataset *d, const struct preprocess *p,
                        struct cost *cost, struct err *e)
{
    size_t images, h, w;
    double seconds;
    preprocess_size(p, d->desc->h, d->desc->w, &h, &w);
    if (count_images(specs, n, d, &images, e) || calibrate(c, m, h, w, &seconds, e)) {
        return -1;
    }
    cost->images += images;
    cost->macs +=
        (double)images * (m->kind == MODEL_BIT ? (double)arch_macs(&m->arch, 0, h, w) : 0);
    cost->seconds += (double)images * seconds;
    cost->feature_bytes += images * model_feature_dim(m, h, w) * sizeof(float);
    return 0;
}

static int cost_of_group(const struct ctx *c, const struct run_spec *const *specs, size_t n,
                         const struct model *m, const struct dataset *d, struct cost *cost,
                         struct err *e)
{
    struct str *keys = mem_take(n, sizeof *keys, e);
    const struct run_spec **part = mem_take(n, sizeof *part, e);
    int status = keys && part ? 0 : -1;
    cost->cells = n;
    for (size_t i = 0; i < n && status == 0; i++) {
        struct preprocess p;
        status = spec_preprocess(specs[i], m, d, &p, e);
        if (status == 0) {
            preprocess_text(&p, &keys[i]);
            str_addf(&keys[i], " %s %s %s", specs[i]->test, specs[i]->regime.split,
                     str_starts(specs[i]->regime.name, "vtab") ? specs[i]->regime.name : "");
            status = str_check(&keys[i], e);
        }
    }
    for (size_t i = 0; i < n && status == 0; i++) {
        size_t n_part = 0;
        struct preprocess p;
        for (size_t k = i; k < n && keys[i].len; k++) {
            if (k == i || (keys[k].len && !strcmp(str_text(&keys[k]), str_text(&keys[i])))) {
                part[n_part++] = specs[k];
                if (k != i) {
                    str_clear(&keys[k]);
                }
            }
        }
        if (n_part && spec_preprocess(specs[i], m, d, &p, e) == 0) {
            status = cost_of_part(c, part, n_part, m, d, &p, cost, e);
        }
    }
    for (size_t i = 0; keys && i < n; i++) {
        str_release(&keys[i]);
    }
    free(part);
    free(keys);
    return status;
}

/* For people in hundredths; exact for programs. */
static int put_hours(const struct ctx *c, struct table *t, size_t row, double hours, struct err *e)
{
    enum { HOURS = 6 };
    return c->g.json      ? table_setf(t, row, HOURS, e, "%.6g", hours)
           : hours < 0.01 ? table_set(t, row, HOURS, "< 0.01", e)
                          : table_setf(t, row, HOURS, e, hours < 10 ? "%.2f" : "%.0f", hours);
}

/* A row of the table for the group of specs[0]. */
static int add_group(const struct ctx *c, const struct run_spec *const *specs, size_t n,
                     struct table *t, struct err *e)
{
    struct model_dirs models = context_model_dirs(c);
    struct dataset_dirs data = context_dataset_dirs(c);
    struct model *m = NULL;
    struct dataset *d = NULL;
    struct cost cost = {0};
    struct err why = {0};
    char size[16];
    size_t row = t->n_rows;
    int status = table_row(t, e) || table_set(t, row, 0, specs[0]->model, e) ||
                         table_set(t, row, 1, specs[0]->dataset, e) ||
                         table_setf(t, row, 2, e, "%zu", n)
                     ? -1
                     : 0;
    if (status == 0 && (dataset_open(&d, specs[0]->dataset, &data, &why) ||
                        model_open(&m, specs[0]->model, &models, true, &why) ||
                        cost_of_group(c, specs, n, m, d, &cost, &why))) {
        note(NOTE_WARNING, "%s on %s: %s", specs[0]->model, specs[0]->dataset, why.text);
        status = table_set(t, row, 3, why.code == ERR_ABSENT ? "absent" : "cannot run", e);
    } else if (status == 0) {
        status = table_setf(t, row, 3, e, "%zu", cost.images) ||
                         table_setf(t, row, 4, e, "%.4g", cost.macs * 1e-12) ||
                         table_set(t, row, 5, str_bytes(size, (uint64_t)cost.feature_bytes), e) ||
                         put_hours(c, t, row, cost.seconds / 3600, e)
                     ? -1
                     : 0;
    }
    model_close(m);
    dataset_close(d);
    return status;
}

static int print_groups(struct ctx *c, const struct run_plan *p, struct err *e)
{
    static const char *const names[] = {"model", "data set", ">cells", ">images",
                                        ">Tera multiply-adds", ">features", ">hours, about"};
    const struct run_spec **specs = mem_take(p->n, sizeof *specs, e);
    bool *taken = mem_take(p->n, sizeof *taken, e);
    struct table t = {0};
    int status = specs && taken ? table_heads(&t, names, ARRAY_LEN(names), e) : -1;
    for (size_t i = 0; i < p->n && status == 0; i++) {
        size_t n = 0;
        for (size_t k = i; k < p->n && !taken[i]; k++) {
            if (!strcmp(p->specs[k].model, p->specs[i].model) &&
                !strcmp(p->specs[k].dataset, p->specs[i].dataset)) {
                specs[n++] = &p->specs[k];
            }
        }
        for (size_t k = 0; k < n; k++) {
            taken[specs[k] - p->specs] = true;
        }
        status = n ? add_group(c, specs, n, &t, e) : 0;
    }
    if (status == 0) {
        status = context_print(c, &t, e);
    }
    table_release(&t);
    free(taken);
    free(specs);
    return status;
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)n_words;
    const struct plan_args *a = args;
    struct run_plan p = {0};
    const struct runfile_opts o = {.suites = suites_dir(), .sets = &a->sets};
    if (a->cells && context_refuse_json(c, "plan --cells", e)) {
        return -1;
    }
    int status = runfile_read(&p, words[0], &o, e);
    for (size_t i = 0; a->cells && i < p.n && status == 0; i++) {
        struct str text = {0};
        spec_text(&p.specs[i], &text);
        printf("%s\n", str_text(&text));
        status = str_check(&text, e);
        str_release(&text);
    }
    if (!a->cells && status == 0) {
        status = context_compute(c, e) || print_groups(c, &p, e) ? -1 : 0;
        if (status == 0) {
            note(NOTE_INFO,
                 "%zu cells; hours are those of the network on this machine, adaptations come on "
                 "top",
                 p.n);
        }
    }
    run_plan_release(&p);
    return status;
}

const struct command command_plan = {
    .name = "plan",
    .args = "SPEC.yaml [--set KEY=VALUE]... [--cells]",
    .help = "the cells of a run file and their cost; runs nothing",
    .example = "plan sweep.yaml\nplan sweep.yaml --cells",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct plan_args),
    .min_words = 1,
    .max_words = 1,
    .computes = true,
    .run = run,
};
