/* Ridge and logistic regression on frozen features against references: ridge in 80-bit Cholesky,
 * logistic regression by Newton to the rounding floor.
 *
 *   probe [DIR]      DIR has the form of tests/parity/probe; its README says what each file is
 *
 * Checks every folder of DIR that holds train.npy; of it what is in ridge and logistic. Tolerances
 * are those of the README: a prediction must agree unless the reference's own margin is within the
 * rounding of the method, and counts of hits unless such samples explain the difference. One TAP
 * line a check, with error and bound. */
#include "harness/base/blas.h"
#include "protocols/logistic_fit.h"
#include "protocols/ridge_fit.h"
#include "tests/parity/probe_case.h"

static const double ridge_margin = 1e-9; /* predictions must agree above it */
static const double logistic_margin = 1e-6;
static struct array x, x_test;
static int32_t *y, *y_test;
/* ---- ridge ---- */

static void check_moments(const struct ridge_fit *f)
{
    struct array mean = array_read(path_of("ridge/mean.npy"));
    struct array std = array_read(path_of("ridge/std.npy"));
    double off = 0;
    need(mean.head.n == data.d && std.head.n == data.d, "mean and std");
    for (size_t k = 0; k < f->n_kept; k++) {
        double m = mean.f64[f->kept[k]], s = std.f64[f->kept[k]];
        off = fmax(off, fmax(fabs(f->mean[k] / m - 1), fabs(1 / f->inverse[k] / s - 1)));
    }
    check_share("ridge: mean and std of the features that count, relative", off, 1e-13);
    array_free(&std);
    array_free(&mean);
}

/* Weights for the l2 of weights.npy: 2^-10, 1, 2^10, 2^20. */
static void check_weights(const struct ridge_fit *f)
{
    struct array truth = array_read(path_of("ridge/weights.npy"));
    static const double l2[] = {0x1p-10, 1, 0x1p10, 0x1p20};
    size_t c = data.n_classes, size = (data.d + 1) * c;
    double *w = take(size, sizeof *w), *full = take(size, sizeof *full), share = 0;
    need(truth.head.n == 4 * size, "ridge/weights.npy");
    for (size_t i = 0; i < 4; i++) {
        need(!ridge_fit_weights(f, l2[i], pool, w, &e), "weights");
        memset(full, 0, size * sizeof *full);
        for (size_t k = 0; k <= f->n_kept; k++) {
            size_t to = k < f->n_kept ? f->kept[k] : data.d;
            memcpy(full + to * c, w + k * c, c * sizeof *w);
        }
        double largest = 0, off = worst_of(full, truth.f64 + i * size, size, &largest);
        share = fmax(share, off / largest);
    }
    check_share("ridge: weights, of the largest", share, 1e-10);
    free(full);
    free(w);
    array_free(&truth);
}

static void check_loo(struct ridge_fit *f, const struct table *t)
{
    struct array pred = array_read(path_of("ridge/loo_pred.npy"));
    struct array margin = array_read(path_of("ridge/loo_margin.npy"));
    double *scores = take(data.n * data.n_classes, sizeof *scores), off = 0;
    struct agreement a = {0};
    for (size_t i = 0; i < t->n_rows; i++) {
        double mse;
        need(!ridge_fit_loo(f, number(t, i, "l2"), pool, scores, &mse, NULL, &e), "loo");
        off = fmax(off, fabs(mse / number(t, i, "loo_mse") - 1));
        compare_pred(&a, scores, &pred, &margin, i, data.n, y, ridge_margin,
                     count(t, i, "loo_n_correct"));
    }
    check_share("ridge: mean square without the row itself, relative", off, 1e-9);
    report(&a, "ridge without the row itself", t->n_rows * data.n, ridge_margin);
    free(scores);
    array_free(&margin);
    array_free(&pred);
}

static void check_picked(const struct table *t)
{
    struct outcome o = run_select(&adapt_ridge, t, "l2", "loo");
    struct json *j = read_json("ridge/picked.json");
    const struct json *p = json_get(json_get(j, "picked"), "loo_mse");
    double l2 = number(t, o.picked, "l2"), off = 0;
    size_t hits = adapt_hits(o.scores, y_test, data.n_test, data.n_classes);
    for (size_t i = 0; i < t->n_rows; i++) {
        off = fmax(off, fabs(o.value[i] / number(t, i, "loo_mse") - 1));
    }
    check_share("ridge: the ladder, relative", off, 1e-9);
    check(l2 == json_number(p, "l2") && (double)hits == json_number(p, "n_correct"),
          "%s/ridge: picked l2 %g with %zu of %zu right, reference %g with %g", name, l2, hits,
          data.n_test, json_number(p, "l2"), json_number(p, "n_correct"));
    json_close(j);
    free(o.value);
    free(o.scores);
}

static void check_ridge(void)
{
    struct table t = table_read(path_of("ridge/path.tsv"));
    struct array pred = array_read(path_of("ridge/pred.npy"));
    struct array margin = array_read(path_of("ridge/margin.npy"));
    struct array truth = array_read(path_of("ridge/scores.npy"));
    struct outcome o = run_path(&adapt_ridge, &t, "l2");
    struct agreement a = {0};
    size_t size = data.n_test * data.n_classes, n_kept = 0;
    double share = 0;
    for (size_t i = 0; i < t.n_rows; i++) {
        double l2 = number(&t, i, "l2");
        compare_pred(&a, o.scores + i * size, &pred, &margin, i, data.n_test, y_test, ridge_margin,
                     count(&t, i, "n_correct"));
        if (l2 == 0x1p-10 || l2 == 1 || l2 == 0x1p10 || l2 == 0x1p20) {
            double largest = 0;
            need(truth.head.n >= (n_kept + 1) * size, "ridge/scores.npy");
            double off =
                worst_of(o.scores + i * size, truth.f64 + n_kept++ * size, size, &largest);
            share = fmax(share, off / largest);
        }
    }
    report(&a, "ridge", t.n_rows * data.n_test, ridge_margin);
    check_share("ridge: scores, of the largest", share, 1e-10);
    struct ridge_fit f;
    struct adapt_counters c = {0};
    need(!ridge_fit_init(&f, &data, true, 100, pool, &c, &e), "ridge");
    check_moments(&f);
    check_weights(&f);
    check_loo(&f, &t);
    ridge_fit_release(&f);
    check_picked(&t);
    free(o.scores);
    array_free(&truth);
    array_free(&margin);
    array_free(&pred);
    table_free(&t);
}

/* ---- logistic ---- */

/* Largest |softmax(scores) - truth|. */
static double probability_error(const double *scores, const double *truth)
{
    double off = 0;
    for (size_t i = 0; i < data.n_test; i++) {
        const double *z = scores + i * data.n_classes, top = z[best(z, data.n_classes)];
        double sum = 0;
        for (size_t c = 0; c < data.n_classes; c++) {
            sum += exp(z[c] - top);
        }
        for (size_t c = 0; c < data.n_classes; c++) {
            off = fmax(off, fabs(exp(z[c] - top) / sum - truth[i * data.n_classes + c]));
        }
    }
    return off;
}

/* J of the fit at every C, from the solution at the one before: relative to the reference. */
static void check_objective(const struct table *t)
{
    struct logistic_fit f;
    struct adapt_counters c = {0};
    double off = 0, worst = 0;
    need(!logistic_fit_init(&f, &data, pool, &e), "logistic");
    for (size_t i = 0; i < t->n_rows; i++) {
        need(!logistic_fit_solve(&f, number(t, i, "C"), logistic_tolerance, &c, &e), "logistic");
        off = fmax(off, fabs(f.j / number(t, i, "J") - 1));
        worst = fmax(worst, f.residual);
    }
    check_share("logistic: J along the path, relative", off, 1e-8);
    check_share("logistic: residual along the path", worst, 1e-9);
    logistic_fit_release(&f);
}

static void check_selected(const char *label)
{
    char file[KEY];
    snprintf(file, sizeof file, "logistic/%s.tsv", label);
    if (!file_exists(path_of(file))) {
        return;
    }
    struct table t = table_read(path_of(file));
    snprintf(file, sizeof file, "logistic/%s.json", label);
    struct json *j = read_json(file);
    const struct json *p = json_get(j, "accuracy, ties to the smaller C");
    struct outcome o = run_select(&adapt_logistic, &t, "C", "val");
    size_t wrong = 0, hits = adapt_hits(o.scores, y_test, data.n_test, data.n_classes);
    for (size_t i = 0; i < t.n_rows; i++) {
        wrong += lrint(o.value[i] * number(&t, i, "n_val")) != lrint(number(&t, i, "n_correct"));
    }
    check(wrong == 0 && o.unconverged == 0, "%s/logistic: %s, hits of %zu values of C, %zu differ",
          name, label, t.n_rows, wrong);
    check((double)o.picked == json_number(p, "index") &&
              (double)hits == json_number(p, "refit_n_correct"),
          "%s/logistic: %s picks C %g with %zu right, reference %g with %g", name, label,
          number(&t, o.picked, "C"), hits, json_number(p, "C"), json_number(p, "refit_n_correct"));
    struct logistic_fit f;
    struct adapt_counters c = {0};
    need(!logistic_fit_init(&f, &data, pool, &e) &&
             !logistic_fit_solve(&f, json_number(p, "C"), logistic_tolerance, &c, &e),
         "logistic");
    check_share("logistic: J of the refit, relative", fabs(f.j / json_number(p, "refit_J") - 1),
                1e-8);
    logistic_fit_release(&f);
    free(o.value);
    free(o.scores);
    json_close(j);
    table_free(&t);
}

static void check_logistic(void)
{
    struct table t = table_read(path_of("logistic/path.tsv"));
    struct array pred = array_read(path_of("logistic/pred.npy"));
    struct array margin = array_read(path_of("logistic/margin.npy"));
    struct array kept = array_read(path_of("logistic/kept_c.npy"));
    struct array prob = array_read(path_of("logistic/prob.npy"));
    struct outcome o = run_path(&adapt_logistic, &t, "C");
    struct agreement a = {0};
    size_t size = data.n_test * data.n_classes;
    double off = 0;
    need(prob.head.n == kept.head.n * size, "logistic/prob.npy");
    for (size_t i = 0; i < t.n_rows; i++) {
        compare_pred(&a, o.scores + i * size, &pred, &margin, i, data.n_test, y_test,
                     logistic_margin, count(&t, i, "n_correct"));
        for (size_t k = 0; k < kept.head.n; k++) {
            if (kept.f64[k] == number(&t, i, "C")) {
                off = fmax(off, probability_error(o.scores + i * size, prob.f64 + k * size));
            }
        }
    }
    check(o.unconverged == 0, "%s/logistic: %zu of %zu fits from zero did not converge", name,
          o.unconverged, t.n_rows);
    check_share("logistic: residual of fits from zero", o.residual, 1e-9);
    report(&a, "logistic", t.n_rows * data.n_test, logistic_margin);
    check_share("logistic: probabilities", off, 1e-6);
    check_objective(&t);
    check_selected("select");
    check_selected("select97");
    free(o.scores);
    array_free(&prob);
    array_free(&kept);
    array_free(&margin);
    array_free(&pred);
    table_free(&t);
}

/* ---- cases ---- */

/* Classes: the last dimension of an array that has one element a class. */
static size_t classes(void)
{
    const char *file = file_exists(path_of("ridge/weights.npy")) ? "ridge/weights.npy"
                                                                 : "logistic/weights.npy";
    struct array a = array_read(path_of(file));
    size_t n = a.head.n_dims == 3 ? a.head.dims[2] : 0;
    snprintf(e.text, sizeof e.text, "three dimensions expected");
    need(n > 0, file);
    array_free(&a);
    return n;
}

static void check_case(void)
{
    bool ridge = file_exists(path_of("ridge/path.tsv"));
    bool logistic = file_exists(path_of("logistic/path.tsv"));
    if (!ridge && !logistic) {
        return;
    }
    x = array_read(path_of("train.npy"));
    x_test = array_read(path_of("test.npy"));
    need(x.head.n_dims == 2 && x_test.head.n_dims == 2 && x.head.dims[1] == x_test.head.dims[1],
         name);
    y = labels("train_labels.npy", x.head.dims[0]);
    y_test = labels("test_labels.npy", x_test.head.dims[0]);
    data = (struct probe_data){.x = x.f32,
                               .y = y,
                               .n = x.head.dims[0],
                               .d = x.head.dims[1],
                               .n_classes = classes(),
                               .x_test = x_test.f32,
                               .n_test = x_test.head.dims[0]};
    if (ridge) {
        check_ridge();
    }
    if (logistic) {
        check_logistic();
    }
    free(y_test);
    free(y);
    array_free(&x_test);
    array_free(&x);
}

int main(int argc, char **argv)
{
    struct file_list list;
    dir = argc > 1 && *argv[1] ? argv[1] : "tests/parity/probe";
    blas_init();
    need(!pool_open(&pool, pool_cpus(), &e), "threads");
    need(!file_list_read(&list, dir, &e), dir);
    for (size_t i = 0; i < list.n; i++) {
        name = list.names[i];
        if (file_exists(path_of("train.npy"))) {
            check_case();
        }
    }
    file_list_release(&list);
    pool_close(pool);
    printf("1..%zu\n", n_checks);
    return n_bad || !n_checks;
}
