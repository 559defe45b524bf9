/* The bootstrap's generator, resamples and intervals against NumPy and SciPy. */
#ifndef BITBENCH_TESTS_PARITY_STATS_BOOTSTRAP_H
#define BITBENCH_TESTS_PARITY_STATS_BOOTSTRAP_H

#include <stdint.h>

#include "results/bootstrap.h"
#include "tests/parity/stats_read.h"

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

/* Drawing counts instead of images: the same distribution, so that 100,000 resamples reach the
 * exact standard deviation and quantiles up to 3 Monte-Carlo standard errors (of a quantile: its
 * level's, and the lattice's step). */
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

#endif
