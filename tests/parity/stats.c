/* Outcomes, metrics, intervals, tests, resampling and aggregates against numpy, scipy and mpmath
 * (README.md beside the data). Usage: stats [DIR]; what of the form is in DIR is checked. TAP;
 * every line says the greatest error and its bound. */
#include "results/stats.h"
#include "tests/parity/stats_bootstrap.h"
#include "tests/parity/stats_inference.h"
#include "tests/parity/stats_outcomes.h"
#include "tests/parity/stats_read.h"

static void check_wilson(const char *dir)
{
    enum { K,
           N,
           LEVEL,
           Z,
           LOW,
           HIGH };
    struct table t;
    struct worst ends = {0}, z = {0};
    if (!read_table(&t, dir, "wilson.tsv")) {
        return;
    }
    for (size_t i = 0; i < t.n_rows; i++) {
        const double *row = t.v + i * t.n_cols;
        double low, high, q = (1 - row[LEVEL]) / 2, was = row[Z];
        stats_wilson((size_t)row[K], (size_t)row[N], row[LEVEL], &low, &high);
        see(&ends, low, row[LOW], 1e-15);
        see(&ends, high, row[HIGH], 1e-15);
        /* theirs is the quantile of 0.5 + level / 2, rounded to half an ulp of 1 */
        double density = exp(-was * was / 2) / sqrt(8 * atan(1));
        see(&z, -stats_normal_quantile(q), was, 0x1p-54 / density + was * 0x1p-51);
    }
    report_worst("wilson", "ends", 2 * t.n_rows, &ends);
    report_worst("wilson", "z", t.n_rows, &z);
    free(t.v);
}

static void check_t_quantiles(const char *dir)
{
    static const double p[] = {0.95, 0.975, 0.995};
    struct table t;
    struct worst w = {0};
    if (!read_table(&t, dir, "t_quantiles.tsv")) {
        return;
    }
    for (size_t i = 0; i < t.n_rows; i++) {
        const double *row = t.v + i * t.n_cols;
        for (size_t k = 0; k < 3; k++) {
            see(&w, stats_t_quantile(p[k], row[0]), row[1 + k], 1e-13 * row[1 + k]);
        }
    }
    report_worst("t", "quantiles", 3 * t.n_rows, &w);
    free(t.v);
}

static void check_t_interval(const char *dir)
{
    enum { LIST,
           N,
           MEDIAN,
           MIN,
           MAX,
           MEAN,
           SD,
           T,
           LOW,
           HIGH };
    struct table t;
    struct worst w = {0};
    if (!read_table(&t, dir, "t_interval.tsv")) {
        return;
    }
    struct json *lists = read_json(dir, "t_values.json");
    for (size_t i = 0; i < t.n_rows; i++) {
        const double *row = t.v + i * t.n_cols;
        const struct json *list = json_at(lists, (size_t)row[LIST]);
        double v[64] = {0};
        struct summary s;
        size_t n = json_len(list) < 64 ? json_len(list) : 64;
        for (size_t k = 0; k < n; k++) {
            json_double(json_at(list, k), &v[k]);
        }
        stats_summary(v, n ? n : 1, &s);
        see(&w, (double)n, row[N], 0);
        see(&w, s.median, row[MEDIAN], 1e-14);
        see(&w, s.min, row[MIN], 0);
        see(&w, s.max, row[MAX], 0);
        see(&w, s.mean, row[MEAN], 1e-14);
        see(&w, s.sd, row[SD], 1e-14);
        see(&w, s.low, row[LOW], 1e-14);
        see(&w, s.high, row[HIGH], 1e-14);
    }
    report_worst("t", "intervals", 8 * t.n_rows, &w);
    json_close(lists);
    free(t.v);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "tests/parity/stats";
    check_outcomes(dir);
    check_edges(dir);
    check_wilson(dir);
    check_t_quantiles(dir);
    check_t_interval(dir);
    check_mcnemar(dir);
    check_holm(dir);
    check_detectable(dir);
    check_bootstrap(dir);
    check_variance(dir);
    check_vtab(dir);
    check_changes(dir);
    if (n_tests == 0) {
        report(false, dir, "nothing to check there");
    }
    return n_bad != 0;
}
