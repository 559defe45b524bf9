/* Tests, variance components, aggregates and change points against reference values. */
#ifndef BITBENCH_TESTS_PARITY_STATS_INFERENCE_H
#define BITBENCH_TESTS_PARITY_STATS_INFERENCE_H

#include "results/changes.h"
#include "results/holm.h"
#include "results/mcnemar.h"
#include "results/stats.h"
#include "results/variance.h"
#include "results/vtab.h"
#include "tests/parity/stats_read.h"

static void check_mcnemar(const char *dir)
{
    enum { B,
           C,
           EXACT,
           MID,
           LOG_EXACT,
           LOG_MID };
    struct table t;
    struct worst p = {0}, logs = {0};
    if (!read_table(&t, dir, "mcnemar.tsv")) {
        return;
    }
    for (size_t i = 0; i < t.n_rows; i++) {
        const double *row = t.v + i * t.n_cols;
        struct mcnemar m;
        mcnemar_test((size_t)row[B], (size_t)row[C], &m);
        if (row[EXACT] > 1e-300) {
            see(&p, m.exact, row[EXACT], 1e-12 * row[EXACT]);
            see(&p, m.mid, row[MID], 1e-12 * row[MID]);
        }
        see(&logs, m.log10_exact, row[LOG_EXACT], 1e-12 * (1 - row[LOG_EXACT]));
        see(&logs, m.log10_mid, row[LOG_MID], 1e-12 * (1 - row[LOG_MID]));
    }
    report_worst("mcnemar", "p", 2 * t.n_rows, &p);
    report_worst("mcnemar", "log10 p", 2 * t.n_rows, &logs);
    free(t.v);
}

static void check_holm(const char *dir)
{
    enum { LIST,
           INDEX,
           P,
           ADJUSTED };
    struct table t;
    struct worst w = {0};
    if (!read_table(&t, dir, "holm.tsv")) {
        return;
    }
    for (size_t i = 0, n; i < t.n_rows; i += n) {
        double p[64], adjusted[64];
        const double *row = t.v + i * t.n_cols;
        for (n = 0; n < 64 && i + n < t.n_rows && row[n * t.n_cols + LIST] == row[LIST]; n++) {
            p[n] = row[n * t.n_cols + P];
        }
        holm_adjust(p, n, adjusted);
        for (size_t k = 0; k < n; k++) {
            see(&w, adjusted[k], row[k * t.n_cols + ADJUSTED], 1e-15);
        }
    }
    report_worst("holm", "adjusted p", t.n_rows, &w);
    free(t.v);
}

static void check_detectable(const char *dir)
{
    enum { N,
           CHANGED,
           Z_SUM,
           SIMPLE,
           CONNOR };
    struct table t;
    struct worst w = {0};
    double z_alpha = stats_normal_quantile(0.975), z_power = stats_normal_quantile(0.8);
    if (!read_table(&t, dir, "detectable.tsv")) {
        return;
    }
    for (size_t i = 0; i < t.n_rows; i++) {
        const double *row = t.v + i * t.n_cols;
        see(&w, mcnemar_detectable(row[N], row[CHANGED], z_alpha, z_power), row[CONNOR], 1e-12);
        see(&w, z_alpha + z_power, row[Z_SUM], 1e-12);
        see(&w, mcnemar_images(row[CHANGED], row[SIMPLE], z_alpha, z_power), row[N], 1);
    }
    report_worst("detectable", "difference", 3 * t.n_rows, &w);
    free(t.v);
}

/* ---- variance ---- */

static void see_nested(struct worst *w, const struct json *want)
{
    enum { MOST = 64 };
    double v[MOST], share[3];
    size_t sizes[MOST], n = 0, n_groups = json_len(json_get(want, "groups"));
    for (size_t i = 0; i < n_groups; i++) {
        sizes[i] = numbers(json_at(json_get(want, "groups"), i), v + n, MOST - n);
        n += sizes[i];
    }
    struct variance_nested got;
    variance_nested(v, sizes, n_groups, &got);
    double between = number(want, "ms_between"), within = number(want, "ms_within");
    double bound = 1e-12 * (between + within) + 1e-30;
    double sampling = got.mean * (1 - got.mean) / number(want, "n_test");
    double sum = got.draw + got.seed + sampling;
    numbers(json_get(want, "share"), share, 3);
    see(w, got.mean, number(want, "grand_mean"), 1e-15);
    see(w, got.ms_between, between, bound);
    see(w, got.ms_within, within, bound);
    see(w, got.n0, number(want, "n0"), 1e-14 * got.n0);
    see(w, got.draw_raw, number(want, "var_draw_raw"), bound);
    see(w, got.draw, number(want, "var_draw"), bound);
    see(w, got.seed, number(want, "var_seed"), bound);
    see(w, sampling, number(want, "var_sampling"), 1e-12 * sampling);
    see(w, got.draw / sum, share[0], 1e-12);
    see(w, got.seed / sum, share[1], 1e-12);
    see(w, sampling / sum, share[2], 1e-12);
}

static void see_crossed(struct worst *w, const struct json *want)
{
    enum { MOST = 64 };
    double v[MOST];
    const struct json *rows = json_get(want, "table");
    size_t n_rows = json_len(rows), n = 0;
    for (size_t i = 0; i < n_rows; i++) {
        n += numbers(json_at(rows, i), v + n, MOST - n);
    }
    struct variance_crossed got;
    variance_crossed(v, n_rows, n / n_rows, &got);
    double bound = 1e-12 * (got.ms_rows + got.ms_columns);
    see(w, got.ms_rows, number(want, "ms_rows"), 1e-12 * got.ms_rows);
    see(w, got.ms_columns, number(want, "ms_columns"), 1e-12 * got.ms_columns);
    see(w, got.ms_error, number(want, "ms_error"), 1e-12 * got.ms_error);
    see(w, got.rows_raw, number(want, "var_rows_raw"), bound);
    see(w, got.columns_raw, number(want, "var_columns_raw"), bound);
    see(w, got.rows, number(want, "var_rows"), bound);
    see(w, got.columns, number(want, "var_columns"), bound);
    see(w, got.error, number(want, "var_error"), bound);
}

static void check_variance(const char *dir)
{
    struct json *want = read_json(dir, "variance.json");
    const struct json *nested = json_get(want, "oneway"), *crossed = json_get(want, "twoway");
    struct worst one = {0}, two = {0};
    if (!want) {
        return;
    }
    for (size_t i = 0; i < json_len(nested); i++) {
        see_nested(&one, json_at(nested, i));
    }
    for (size_t i = 0; i < json_len(crossed); i++) {
        see_crossed(&two, json_at(crossed, i));
    }
    report_worst("variance", "seeds within draws", 11 * json_len(nested), &one);
    report_worst("variance", "crossed", 8 * json_len(crossed), &two);
    json_close(want);
}

/* ---- VTAB ---- */

static void check_vtab(const char *dir)
{
    enum { MEAN = 2,
           GROUPS,
           GROUP,
           SE_FULL = 7,
           SE_GROUPS_FULL,
           SE_SCORED,
           SE_GROUPS_SCORED };
    enum { N_SCORED = 4,
           PERCENT = 6 };
    static const size_t full[VTAB_TASKS] = {10000, 6084, 32768, 15000, 15000, 22735, 1880,
                                            5400, 6149, 711, 3669, 6300, 42670, 26032,
                                            21750, 73728, 73728, 12150, 12150};
    struct table means, cells;
    struct worst w = {0}, sizes = {0};
    if (!read_table(&means, dir, "vtab_aggregates.tsv")) {
        return;
    }
    if (!read_table(&cells, dir, "vtab_cells.tsv") ||
        cells.n_rows != means.n_rows * VTAB_TASKS) {
        report(false, "vtab", "the cells do not go with the aggregates");
        free(means.v);
        return;
    }
    for (size_t i = 0; i < means.n_rows; i++) {
        const double *row = means.v + i * means.n_cols;
        double p[VTAB_TASKS];
        size_t scored[VTAB_TASKS];
        struct vtab_mean on_full, on_scored;
        for (size_t t = 0; t < VTAB_TASKS; t++) {
            const double *cell = cells.v + (i * VTAB_TASKS + t) * cells.n_cols;
            p[t] = cell[PERCENT] / 100;
            scored[t] = vtab_scored(vtab_tasks[t].dataset, full[t]);
            see(&sizes, (double)scored[t], cell[N_SCORED], 0);
        }
        vtab_mean(p, full, &on_full);
        vtab_mean(p, scored, &on_scored);
        see(&w, 100 * on_full.tasks, row[MEAN], 1e-12);
        see(&w, 100 * on_full.groups, row[GROUPS], 1e-12);
        for (size_t g = 0; g < VTAB_GROUPS; g++) {
            see(&w, 100 * on_full.group[g], row[GROUP + g], 1e-12);
        }
        see(&w, 100 * on_full.tasks_se, row[SE_FULL], 1e-12);
        see(&w, 100 * on_full.groups_se, row[SE_GROUPS_FULL], 1e-12);
        see(&w, 100 * on_scored.tasks_se, row[SE_SCORED], 1e-12);
        see(&w, 100 * on_scored.groups_se, row[SE_GROUPS_SCORED], 1e-12);
    }
    report_worst("vtab", "means and standard errors", 9 * means.n_rows, &w);
    report_worst("vtab", "test images scored", cells.n_rows, &sizes);
    free(means.v);
    free(cells.v);
}

/* ---- change points ---- */

static void check_changes(const char *dir)
{
    enum { MOST = 1000 };
    struct json *want = read_json(dir, "change_points.json");
    struct worst w = {0};
    size_t n_points = 0;
    for (size_t i = 0; i < json_len(want); i++) {
        static double x[MOST], at[MOST];
        const struct json *h = json_at(want, i);
        size_t n = numbers(json_get(h, "values"), x, MOST);
        size_t n_at = numbers(json_get(h, "changes"), at, MOST);
        struct changes c;
        struct err e = {0};
        if (changes_find(&c, x, n, &e)) {
            report(false, "changes", "%s", e.text);
            break;
        }
        see(&w, c.sigma, number(h, "sigma"), 1e-12);
        see(&w, c.penalty, number(h, "beta"), 1e-12);
        see(&w, c.cost, number(h, "cost"), 1e-12);
        see(&w, (double)c.n, (double)n_at, 0);
        for (size_t k = 0; k < n_at && k < c.n; k++) {
            see(&w, (double)c.at[k], at[k], 0);
        }
        n_points += n;
        changes_release(&c);
    }
    if (want) {
        report_worst("changes", "levels of 16 histories", n_points, &w);
    }
    json_close(want);
}

#endif
