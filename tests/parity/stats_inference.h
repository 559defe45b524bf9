/* Tests, resampling, variance components, aggregates and change points against reference values. */
#ifndef BITBENCH_TESTS_PARITY_STATS_INFERENCE_H
#define BITBENCH_TESTS_PARITY_STATS_INFERENCE_H

#include <stdint.h>

#include "results/bootstrap.h"
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

/* ---- bootstrap ---- */

static void check_words(const char *dir)
{
    char path[4096];
    unsigned char *text;
    size_t n, n_rows = 0, n_wrong = 0;
    struct err e = {0};
    if (file_join(path, sizeof path, dir, "bootstrap/words.tsv", &e) ||
        file_read(path, 0, &text, &n, &e)) {
        return;
    }
    char *lines = NULL;
    strtok_r((char *)text, "\n", &lines);
    for (char *line; (line = strtok_r(NULL, "\n", &lines)); n_rows++) {
        uint64_t k[4], index;
        for (size_t i = 0; i < 4; i++) {
            k[i] = strtoull(line, &line, 10);
        }
        uint64_t word = strtoull(line, &line, 16);
        index = strtoull(line, NULL, 10);
        n_wrong += bootstrap_word(k[0], k[1], k[2], k[3]) != word ||
                   bootstrap_index(k[0], k[1], k[2], k[3], 1000) != index;
    }
    report(n_rows > 0 && n_wrong == 0, "bootstrap words", "%zu of %zu differ", n_wrong, n_rows);
    free(text);
}

/* An interval against the fields of a JSON object. */
static void see_interval(struct worst *w, const struct boot_interval *b, const struct json *want)
{
    double ends[2], levels[2];
    see(w, b->mean, number(want, "mean"), 1e-12);
    see(w, b->sd, number(want, "sd"), 1e-12);
    see(w, b->below, number(want, "proportion_below"), 1e-15);
    numbers(json_get(want, "percentile"), ends, 2);
    see(w, b->low, ends[0], 1e-12);
    see(w, b->high, ends[1], 1e-12);
    see(w, b->has_bca, json_get(want, "bca") != NULL, 0);
    if (b->has_bca) {
        numbers(json_get(want, "bca"), ends, 2);
        numbers(json_get(want, "bca_levels"), levels, 2);
        see(w, b->z0, number(want, "z0"), 1e-12);
        see(w, b->level_low, levels[0], 1e-12);
        see(w, b->level_high, levels[1], 1e-12);
        see(w, b->bca_low, ends[0], 1e-12);
        see(w, b->bca_high, ends[1], 1e-12);
    }
}

/* A task: its differences, their bootstrap set, and resampled sums by drawing every index. */
struct boot_case {
    int32_t *x;
    size_t n;
    struct boot_set set;
};

static bool read_boot_case(struct boot_case *c, const char *dir, const char *name)
{
    char file[64];
    size_t n_cols, n_other;
    struct err e = {0};
    snprintf(file, sizeof file, "%s_base", name);
    double *base = read_array(dir, file, &c->n, &n_cols, &e);
    snprintf(file, sizeof file, "%s_cand", name);
    double *cand = base ? read_array(dir, file, &n_other, &n_cols, &e) : NULL;
    bool good = cand && n_other == c->n;
    c->x = calloc(c->n + 1, sizeof *c->x);
    for (size_t i = 0; i < c->n && good; i++) {
        c->x[i] = (int32_t)(cand[i] - base[i]);
    }
    free(base);
    free(cand);
    return good && boot_set_init(&c->set, c->x, 1, c->n, 1, &e) == 0;
}

static int64_t index_sum(const struct boot_case *c, uint64_t seed, size_t stream, size_t resample)
{
    int64_t sum = 0;
    for (size_t i = 0; i < c->n; i++) {
        sum += c->x[bootstrap_index(seed, stream, resample, i, c->n)];
    }
    return sum;
}

/* Drawing counts instead of images: the same distribution, so that 100,000 resamples reach the exact
 * standard deviation and quantiles up to 3 Monte-Carlo standard errors (of a quantile: its level's,
 * and the lattice's step). */
static void check_counts(const char *name, const struct boot_case *c, const struct json *exact)
{
    enum { B = 100000 };
    double *means = calloc(B, sizeof *means), sd = number(exact, "sd");
    struct boot_interval at, low, high;
    struct worst w = {0};
    struct err e = {0};
    double mean = boot_set_mean(&c->set), step = 1.5 / (double)c->n;
    if (bootstrap_add(&c->set, 1, 0, 1, means, B, NULL, &e)) {
        report(false, name, "%s", e.text);
    }
    double slack = 3 * sqrt(0.025 * 0.975 / B);
    bootstrap_interval(means, B, mean, (double)NAN, 0.95, &at);
    bootstrap_interval(means, B, mean, (double)NAN, 0.95 + 2 * slack, &low);
    bootstrap_interval(means, B, mean, (double)NAN, 0.95 - 2 * slack, &high);
    see(&w, at.mean, mean, 3 * sd / sqrt(B));
    see(&w, at.sd, sd, 3 * sd / sqrt(2.0 * B) * (c->set.n_patterns > 1 ? 1 : 3));
    see(&w, fmax(low.low - step, fmin(high.low + step, number(exact, "q0.025"))),
        number(exact, "q0.025"), 0);
    see(&w, fmax(high.high - step, fmin(low.high + step, number(exact, "q0.975"))),
        number(exact, "q0.975"), 0);
    report_worst(name, "by counts against the exact distribution", 4, &w);
    free(means);
}

/* Percentile and BCa intervals of a task from index draws. means gets the resamples. */
static void check_task(const char *name, const struct boot_case *c, uint64_t seed, size_t stream,
                       const double *want_sums, size_t n_resamples, const struct json *want,
                       double *means)
{
    size_t n_wrong = 0;
    double squares = 0, cubes = 0;
    struct boot_interval b;
    struct worst w = {0};
    double *sorted = calloc(n_resamples, sizeof *sorted);
    for (size_t r = 0; r < n_resamples; r++) {
        int64_t sum = index_sum(c, seed, stream, r);
        n_wrong += (double)sum != want_sums[r];
        sorted[r] = means[r] = (double)sum / (double)c->n;
    }
    report(n_wrong == 0, name, "%zu of %zu resampled sums differ", n_wrong, n_resamples);
    boot_set_moments(&c->set, 1, &squares, &cubes);
    double a = bootstrap_acceleration(squares, cubes);
    see(&w, boot_set_mean(&c->set), number(want, "estimate"), 1e-15);
    if (isnan(a)) {
        see(&w, isnan(number(want, "acceleration")), 1, 0);
    } else {
        see(&w, a, number(want, "acceleration"), 1e-12);
    }
    bootstrap_interval(sorted, n_resamples, boot_set_mean(&c->set), a, 0.95, &b);
    see_interval(&w, &b, want);
    report_worst(name, "interval", 12, &w);
    free(sorted);
    check_counts(name, c, json_get(want, "exact"));
}

static void check_tasks(const char *dir)
{
    enum { TASKS = 4 };
    struct json *want = read_json(dir, "intervals.json");
    size_t n, n_cols;
    struct err e = {0};
    struct boot_case cases[TASKS] = {0};
    double *sums = want ? read_array(dir, "sums", &n, &n_cols, &e) : NULL;
    double *means = sums ? calloc(n_cols * (TASKS + 1), sizeof *means) : NULL;
    double estimate = 0, squares = 0, cubes = 0;
    for (size_t t = 0; t < TASKS && means; t++) {
        char name[32];
        snprintf(name, sizeof name, "task%zu", t);
        if (!read_boot_case(&cases[t], dir, name)) {
            report(false, name, "cannot be read");
            break;
        }
        check_task(name, &cases[t], (uint64_t)number(want, "seed"), t, sums + t * n_cols, n_cols,
                   json_at(json_get(want, "tasks"), t), means + (t + 1) * n_cols);
        estimate += boot_set_mean(&cases[t].set) / TASKS;
        boot_set_moments(&cases[t].set, 1.0 / TASKS, &squares, &cubes);
        for (size_t r = 0; r < n_cols; r++) {
            means[r] += means[(t + 1) * n_cols + r];
        }
    }
    if (means) {
        struct boot_interval b;
        struct worst w = {0};
        const struct json *mean = json_get(want, "mean_of_tasks");
        for (size_t r = 0; r < n_cols; r++) {
            means[r] /= TASKS;
        }
        bootstrap_interval(means, n_cols, number(mean, "estimate"),
                           bootstrap_acceleration(squares, cubes), 0.95, &b);
        see(&w, estimate, number(mean, "estimate"), 1e-15);
        see(&w, sqrt(squares), number(mean, "sd_exact"), 1e-12);
        see_interval(&w, &b, mean);
        report_worst("mean of tasks", "interval", 13, &w);
    }
    for (size_t t = 0; t < TASKS; t++) {
        boot_set_release(&cases[t].set);
        free(cases[t].x);
    }
    free(means);
    free(sums);
    json_close(want);
}

static void check_big(const char *dir)
{
    struct json *want = read_json(dir, "big_intervals.json");
    size_t n, n_cols;
    struct err e = {0};
    struct boot_case c = {0};
    double *sums = want ? read_array(dir, "big_sums", &n, &n_cols, &e) : NULL;
    if (sums && read_boot_case(&c, dir, "big")) {
        double *means = calloc(n, sizeof *means);
        check_task("big", &c, (uint64_t)number(want, "seed"), 0, sums, n, want, means);
        free(means);
    }
    boot_set_release(&c.set);
    free(c.x);
    free(sums);
    json_close(want);
}

static void check_blocks(const char *dir)
{
    enum { MOST = 16 };
    struct json *want = read_json(dir, "blocks.json");
    size_t n, n_cols;
    struct err e = {0};
    double *list = want ? read_array(dir, "block_means", &n, &n_cols, &e) : NULL;
    if (list) {
        double v[MOST], squares = 0, cubes = 0, estimate = number(want, "estimate");
        size_t n_v = numbers(json_get(want, "values"), v, MOST);
        uint64_t seed = (uint64_t)number(want, "seed");
        struct worst means = {0}, ends = {0};
        struct boot_interval b;
        for (size_t r = 0; r < n; r++) {
            double sum = 0;
            for (size_t i = 0; i < n_v; i++) {
                sum += v[bootstrap_index(seed, 0, r, i, n_v)];
            }
            see(&means, sum / (double)n_v, list[r], 1e-15);
        }
        for (size_t i = 0; i < n_v; i++) {
            double u = (v[i] - estimate) / (double)n_v;
            squares += u * u;
            cubes += u * u * u;
        }
        bootstrap_interval(list, n, estimate, bootstrap_acceleration(squares, cubes), 0.95, &b);
        see_interval(&ends, &b, want);
        report_worst("blocks", "means", n, &means);
        report_worst("blocks", "interval", 11, &ends);
    }
    free(list);
    json_close(want);
}

static void check_bootstrap(const char *dir)
{
    char sub[4096];
    struct err e = {0};
    check_words(dir);
    if (file_join(sub, sizeof sub, dir, "bootstrap", &e) == 0 && file_is_dir(sub)) {
        check_tasks(sub);
        check_big(sub);
        check_blocks(sub);
    }
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
