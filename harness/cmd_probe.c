/* probe: an adaptation on given features, without a network. FILE.npz holds x [n, d], y [n],
 * x_test [m, d], y_test [m]; or two files of `extract`. Classes are 0..greatest label. */
#include "harness/command.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/h5.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "harness/base/zip.h"
#include "protocols/adapt.h"
#include "protocols/protocol.h"
#include "protocols/regime.h"
#include "protocols/spec.h"
#include "results/metrics.h"
#include "results/record.h"
#include "results/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct probe_args {
    const char *adapt, *rule, *predictions, *scores;
    int64_t shots, draw, classes;
    struct texts set;
    bool force;
};
static const struct opt opts[] = {
    {"adapt", 0, OPT_TEXT, offsetof(struct probe_args, adapt), "NAME", "ridge or logistic (ridge)",
     0, 0},
    {"set", 0, OPT_REPEAT, offsetof(struct probe_args, set), "KEY=VALUE",
     "a knob: adapt.l2=1, select.grid=adapt.c=log10:-6:6,\nselect.on=val ...", 0, 0},
    {"shots", 'k', OPT_INT, offsetof(struct probe_args, shots), "K", "train on K rows a class only",
     1, INT64_MAX},
    {"draw", 0, OPT_INT, offsetof(struct probe_args, draw), "D", "which few-shot draw (0)", 0, 0},
    {"rule", 0, OPT_TEXT, offsetof(struct probe_args, rule), "NAME",
     "nested, big-vision, bit-jax or first-k (nested)", 0, 0},
    {"classes", 0, OPT_INT, offsetof(struct probe_args, classes), "C",
     "number of classes (1 + the greatest label)", 1, 1000000},
    {"predictions", 0, OPT_TEXT, offsetof(struct probe_args, predictions), "F.npy",
     "write the predicted classes, int32 [m]", 0, 0},
    {"scores", 0, OPT_TEXT, offsetof(struct probe_args, scores), "F.npy",
     "write the scores, float64 [m, classes]", 0, 0},
    FORCE_OPT(probe_args, force),
};

enum { PROBE_MAX_CLASSES = 1000000 };
static const size_t PROBE_MAX_BYTES = (size_t)64 << 30;

struct given {
    float *x, *x_test;
    int64_t *y, *y_test;
    size_t n, n_test, d;
};

static void given_release(struct given *g)
{
    free(g->x);
    free(g->x_test);
    free(g->y);
    free(g->y_test);
}

/* One member of the archive as a matrix [n, d] of float or, d NULL, a vector of whole numbers. */
static int read_member(const struct zip *z, const char *name, float **x, int64_t **y, size_t *n,
                       size_t *d, struct err *e)
{
    char file[64], label[4200];
    struct npy a;
    unsigned char *bytes = NULL;
    snprintf(file, sizeof file, "%s.npy", name);
    snprintf(label, sizeof label, "%s: %s", z->path, file);
    const struct zip_member *m = zip_find(z, file);
    if (!m) {
        return err_set(e, ERR_FORMAT, "%s: no array '%s'; expected x, y, x_test and y_test",
                       z->path, name);
    }
    if (zip_read_alloc(z, m, PROBE_MAX_BYTES, &bytes, e)) {
        return -1;
    }
    int status = npy_parse(&a, bytes, (size_t)m->bytes, label, e);
    if (status == 0 && a.n_dims != (d ? 2 : 1)) {
        status = err_set(e, ERR_FORMAT, "%s: has %zu dimensions, expected %d", label, a.n_dims,
                         d ? 2 : 1);
    }
    if (status == 0 && d) {
        *n = a.dims[0];
        *d = a.dims[1];
        *x = mem_take(a.n, sizeof **x, e);
        status = *x ? npy_to_f32(&a, *x, label, e) : -1;
    } else if (status == 0) {
        *n = a.dims[0];
        *y = mem_take(a.n, sizeof **y, e);
        status = *y ? npy_to_i64(&a, *y, label, e) : -1;
    }
    free(bytes);
    return status;
}

static int read_npz(struct given *g, const char *path, struct err *e)
{
    struct zip z;
    size_t d_test, n_y, n_y_test;
    if (zip_open(&z, path, e)) {
        return -1;
    }
    int status = read_member(&z, "x", &g->x, NULL, &g->n, &g->d, e) ||
                         read_member(&z, "y", NULL, &g->y, &n_y, NULL, e) ||
                         read_member(&z, "x_test", &g->x_test, NULL, &g->n_test, &d_test, e) ||
                         read_member(&z, "y_test", NULL, &g->y_test, &n_y_test, NULL, e)
                     ? -1
                     : 0;
    if (status == 0 &&
        (n_y != g->n || n_y_test != g->n_test || d_test != g->d || !g->n || !g->n_test || !g->d)) {
        status = err_set(
            e, ERR_FORMAT,
            "%s: x [%zu, %zu], y [%zu], x_test [%zu, %zu], y_test [%zu] do not fit together", path,
            g->n, g->d, n_y, g->n_test, d_test, n_y_test);
    }
    zip_close(&z);
    return status;
}

/* One file of `extract`. */
static int read_extract(const char *path, float **x, int64_t **y, size_t *n, size_t *d,
                        struct err *e)
{
    unsigned char *bytes;
    size_t n_bytes, n_dims, dims[8], n_x, n_y;
    struct h5 *h = NULL;
    if (file_read(path, PROBE_MAX_BYTES, &bytes, &n_bytes, e)) {
        return -1;
    }
    int status =
        h5_open(&h, bytes, n_bytes, path, e) || h5_shape(h, "/features", &n_dims, dims, e) ? -1 : 0;
    if (status == 0 && n_dims != 2) {
        status =
            err_set(e, ERR_FORMAT, "%s: /features has %zu dimensions, expected 2", path, n_dims);
    }
    if (status == 0) {
        status = h5_read(h, "/features", H5_F32, (void **)x, &n_x, e) ||
                         h5_read(h, "/labels", H5_I64, (void **)y, &n_y, e)
                     ? -1
                     : 0;
    }
    if (status == 0) {
        *n = dims[0];
        *d = dims[1];
        if (n_y != *n || !*n || !*d) {
            status =
                err_set(e, ERR_FORMAT, "%s: %zu labels for %zu rows of features", path, n_y, *n);
        }
    }
    h5_close(h, NULL);
    free(bytes);
    return status;
}

static int read_given(struct given *g, char **words, size_t n_words, struct err *e)
{
    if (n_words == 1) {
        return read_npz(g, words[0], e);
    }
    size_t d_test;
    if (read_extract(words[0], &g->x, &g->y, &g->n, &g->d, e) ||
        read_extract(words[1], &g->x_test, &g->y_test, &g->n_test, &d_test, e)) {
        return -1;
    }
    return d_test == g->d ? 0
                          : err_set(e, ERR_FORMAT, "%s has %zu features an image, %s has %zu",
                                    words[0], g->d, words[1], d_test);
}

/* Labels as 32-bit class indices; *n_classes grows to hold them. */
static int32_t *labels_of(const int64_t *y, size_t n, const char *what, int64_t limit,
                          size_t *n_classes, struct err *e)
{
    int32_t *labels = mem_take(n, sizeof *labels, e);
    for (size_t i = 0; labels && i < n; i++) {
        if (y[i] < 0 || y[i] >= (limit ? limit : PROBE_MAX_CLASSES)) {
            err_set(e, ERR_FORMAT, "%s: row %zu: label %lld is outside 0..%lld", what, i,
                    (long long)y[i], (long long)(limit ? limit : PROBE_MAX_CLASSES) - 1);
            free(labels);
            return NULL;
        }
        labels[i] = (int32_t)y[i];
        if ((size_t)y[i] >= *n_classes) {
            *n_classes = (size_t)y[i] + 1;
        }
    }
    return labels;
}

struct probe_out {
    const struct ctx *c;
    const struct probe_args *args;
    const struct adapt *adapt;
    const int32_t *y_test;
    size_t n_test, n_classes, n_train;
};

static int print_result(const struct probe_out *o, const struct adapt_result *r,
                        const struct record *record, struct err *e)
{
    struct table t;
    if (table_init(&t, 2, e)) {
        return -1;
    }
    int status =
        table_head(&t, 0, "metric", false, e) || table_head(&t, 1, "value", true, e) ? -1 : 0;
    const struct metric own[] = {{"n_train", (double)o->n_train, true},
                                 {"", r->chosen, false},
                                 {"kkt_residual", r->residual, false}};
    for (size_t i = 0; i < record->n_metrics + ARRAY_LEN(own) && status == 0; i++) {
        const struct metric *m =
            i < record->n_metrics ? &record->metrics[i] : &own[i - record->n_metrics];
        struct str v = {0};
        if (m->value != m->value) { /* nan: has no meaning here */
            continue;
        }
        str_add_double(&v, m->value);
        size_t row = t.n_rows;
        status = table_row(&t, e) ||
                         table_set(&t, row, 0, m->name[0] ? m->name : o->adapt->knob, e) ||
                         table_set(&t, row, 1, str_text(&v), e)
                     ? -1
                     : 0;
        str_release(&v);
    }
    if (status == 0) {
        status = context_print(o->c, &t, e);
    }
    table_release(&t);
    return status;
}

static int on_result(void *ctx, const struct adapt_result *r, struct err *e)
{
    const struct probe_out *o = ctx;
    struct record record = {.status = CELL_OK};
    if (outcomes_init(&record.outcomes, o->n_test, 0, r->has_prob, e)) {
        return -1;
    }
    for (size_t i = 0; i < o->n_test; i++) {
        if (!outcomes_set(&record.outcomes, i, o->y_test[i], r->scores + i * o->n_classes,
                          o->n_classes)) {
            record_release(&record);
            return err_set(e, ERR_NUMERIC, "test row %zu: a score is not finite", i);
        }
    }
    int status = metrics_add(&record, o->n_classes, e);
    if (status == 0 && o->args->predictions) {
        status = npy_write(o->args->predictions, NPY_I32, 1, &o->n_test, record.outcomes.pred, e);
    }
    if (status == 0 && o->args->scores) {
        status = npy_write(o->args->scores, NPY_F64, 2, (const size_t[]){o->n_test, o->n_classes},
                           r->scores, e);
    }
    if (status == 0) {
        status = print_result(o, r, &record, e);
    }
    record_release(&record);
    return status;
}

static int make_spec(struct run_spec *s, const struct probe_args *a, struct err *e)
{
    char number[32];
    spec_init(s);
    if (spec_set(s, "adapt.name", a->adapt ? a->adapt : "ridge", e) ||
        spec_set(s, "regime.name", a->shots ? "kshot" : "full", e)) {
        return -1;
    }
    if (a->shots) {
        snprintf(number, sizeof number, "%lld", (long long)a->shots);
        if (spec_set(s, "regime.k", number, e) ||
            (a->rule && spec_set(s, "regime.rule", a->rule, e))) {
            return -1;
        }
        snprintf(number, sizeof number, "%lld", (long long)a->draw);
        if (spec_set(s, "regime.draw", number, e)) {
            return -1;
        }
    } else if (a->rule || a->draw) {
        return err_set(e, ERR_USAGE, "probe: --rule and --draw go with --shots");
    }
    for (size_t i = 0; i < a->set.n; i++) {
        const char *equals = strchr(a->set.items[i], '=');
        char key[64];
        if (!equals || equals - a->set.items[i] >= (int)sizeof key) {
            return err_set(e, ERR_USAGE, "--set '%s': expected KEY=VALUE", a->set.items[i]);
        }
        snprintf(key, sizeof key, "%.*s", (int)(equals - a->set.items[i]), a->set.items[i]);
        if (spec_set(s, key, equals + 1, e)) {
            return -1;
        }
    }
    return spec_check(s, e);
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    const struct probe_args *a = args;
    struct given g = {0};
    struct run_spec spec;
    struct adapt_counters counters = {0};
    int32_t *y = NULL, *y_test = NULL, *y_used = NULL;
    size_t *rows = NULL, n_rows, n_short = 0, n_classes = (size_t)a->classes;
    int status = -1;
    if (output_check(a->predictions, a->force, e) || output_check(a->scores, a->force, e) ||
        make_spec(&spec, a, e) || context_compute(c, e) || read_given(&g, words, n_words, e)) {
        goto out;
    }
    const struct protocol *protocol = protocol_find(spec.adapt.name, e);
    if (!protocol || !protocol->adapt) {
        err_set(e, ERR_USAGE, "probe: '%s' needs a network", spec.adapt.name);
        goto out;
    }
    y = labels_of(g.y, g.n, "y", a->classes, &n_classes, e);
    y_test = y ? labels_of(g.y_test, g.n_test, "y_test", a->classes, &n_classes, e) : NULL;
    if (!y_test) {
        goto out;
    }
    n_rows = g.n;
    if (a->shots && regime_kshot(spec.regime.rule, y, g.n, n_classes, (size_t)a->shots,
                                 (uint64_t)a->draw, &rows, &n_rows, &n_short, e)) {
        goto out;
    }
    y_used = mem_take(n_rows, sizeof *y_used, e);
    if (!y_used) {
        goto out;
    }
    for (size_t i = 0; i < n_rows; i++) {
        y_used[i] = y[rows ? rows[i] : i];
    }
    if (n_short) {
        note(NOTE_WARNING, "%zu classes have fewer than %lld rows", n_short, (long long)a->shots);
    }
    const struct probe_data data = {.x = g.x,
                                    .rows = rows,
                                    .y = y_used,
                                    .n = n_rows,
                                    .d = g.d,
                                    .n_classes = n_classes,
                                    .x_test = g.x_test,
                                    .n_test = g.n_test};
    struct probe_out o = {c, a, protocol->adapt, y_test, g.n_test, n_classes, n_rows};
    status = protocol->adapt->run(&data, &(const struct run_spec *){&spec}, 1, c->pool, &counters,
                                  on_result, &o, e);
out:
    free(y_used);
    free(rows);
    free(y_test);
    free(y);
    given_release(&g);
    return status;
}

const struct command command_probe = {
    .name = "probe",
    .args = "FILE.npz | TRAIN.h5 TEST.h5 [--adapt NAME]",
    .help = "an adaptation on given features, without a network",
    .details = "FILE.npz holds x [n, d], y [n], x_test [m, d], y_test [m]; TRAIN.h5 and TEST.h5 "
               "are made by extract.",
    .example = "probe features.npz --adapt logistic --set select.grid=adapt.c=log10:-6:6 --set "
               "select.on=val",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct probe_args),
    .min_words = 1,
    .max_words = 2,
    .computes = true,
    .run = run,
};
