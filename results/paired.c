/* Effects, tests and verdicts of paired outcomes. What is measured over draws and over images comes
 * from the mean squares of a crossed layout: rows are draws, columns images. */
#include "results/paired.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "results/bootstrap.h"
#include "results/holm.h"
#include "results/mcnemar.h"
#include "results/power.h"
#include "results/stats.h"
#include "results/variance.h"

static const double power = 0.8; /* of what is called detectable, needed */

void paired_set_release(struct paired_set *s)
{
    free(s->name);
    free(s->x);
    *s = (struct paired_set){0};
}

const char *paired_verdict_text(enum paired_verdict v)
{
    static const char *const texts[] = {
        [PAIRED_SAME] = "same",
        [PAIRED_BETTER] = "better",
        [PAIRED_NO_EVIDENCE] = "no evidence",
        [PAIRED_WORSE] = "worse",
        [PAIRED_WITHIN] = "within the limit",
        [PAIRED_UNDECIDED] = "cannot exclude",
        [PAIRED_CHANGED] = "changed",
    };
    return texts[v];
}

static double upper_normal(double p)
{
    return -stats_normal_quantile(p);
}

static double upper_t(double p, double df)
{
    return -stats_t_quantile(p, df);
}

static void count_outcomes(const struct paired_set *s, struct paired_effect *f)
{
    int64_t worse = 0, better = 0;
    for (size_t i = 0; i < s->n_blocks * s->n; i++) {
        worse -= s->x[i] < 0 ? s->x[i] : 0;
        better += s->x[i] > 0 ? s->x[i] : 0;
    }
    f->n_worse = (size_t)worse;
    f->n_better = (size_t)better;
    f->difference =
        (double)(better - worse) / ((double)s->n * (double)s->n_blocks * (double)s->unit);
}

/* How many images or draws, instead of n, would tell whether the drop exceeds the limit: when the
 * true drop is 0 or the measured one; or, where that is over the limit, would show it. */
static double needed(double n, double se, double drop, const struct paired_rule *rule,
                     size_t n_sets)
{
    double z_alpha = upper_normal(rule->alpha), z_power = upper_normal(1 - power), factor;
    if (drop < rule->max_drop) {
        factor = fmax((z_alpha + z_power) * se / rule->max_drop,
                      z_alpha * se / (rule->max_drop - drop));
    } else {
        factor = (upper_normal(rule->alpha / (2 * (double)n_sets)) + z_power) * se / drop;
    }
    return ceil(n * factor * factor);
}

/* One draw: over images. */
static void analyse_images(const struct paired_set *s, size_t n_sets,
                           const struct paired_rule *rule, struct paired_effect *f)
{
    size_t b = f->n_worse, c = f->n_better;
    double n = (double)s->n, changed = (double)(b + c) / n, low, high;
    struct mcnemar m;
    mcnemar_test(b, c, &m);
    f->p = m.exact;
    f->mid_p = m.mid;
    f->log10_p = m.log10_exact;
    f->least_p = mcnemar_least_p(b + c);
    mcnemar_interval(b, c, s->n, upper_normal(rule->alpha / 2), &f->low, &f->high);
    mcnemar_interval(b, c, s->n, upper_normal(rule->alpha), &low, &high);
    f->drop_bound = -low;
    double z_alpha = upper_normal(rule->alpha / (2 * (double)n_sets)),
           z_power = upper_normal(1 - power);
    f->detectable = mcnemar_detectable_exact(n, changed, z_alpha, z_power);
    if (isnan(f->detectable)) { /* too few changed for any difference to show */
        f->detectable = mcnemar_detectable_one_way(s->n, rule->alpha / (double)n_sets, power);
    }
    if (rule->max_drop > 0 && f->drop_bound > rule->max_drop) {
        double z = upper_normal(rule->alpha);
        f->needed_images =
            fmax(needed(n, sqrt(changed / n), -f->difference, rule, n_sets),
                 ceil(z * z * (1 / rule->max_drop - 1))); /* even if nothing changes */
    }
}

struct errors {
    double blocks, images; /* standard errors of the mean difference: over draws, over images */
};

static int standard_errors(const struct paired_set *s, struct errors *se, struct paired_effect *f,
                           struct err *e)
{
    size_t cells = s->n_blocks * s->n;
    double *v = mem_take_raw(cells, sizeof *v, e);
    struct variance_crossed var;
    if (!v) {
        return -1;
    }
    for (size_t i = 0; i < cells; i++) {
        v[i] = s->x[i]; /* whole numbers: sums are exact */
    }
    variance_crossed(v, s->n_blocks, s->n, &var);
    free(v);
    double scale = 1 / ((double)cells * (double)s->unit * (double)s->unit);
    *se = (struct errors){sqrt(var.ms_rows * scale), sqrt(var.ms_columns * scale)};
    double sum = var.rows + var.columns + var.error;
    f->share_blocks = var.rows / sum;
    f->share_images = var.columns / sum;
    f->share_rest = var.error / sum;
    return 0;
}

static double p_of(double difference, double se, double df)
{
    if (fabs(difference) <= 0) {
        return 1;
    }
    if (se <= 0) {
        return 0;
    }
    double z = fabs(difference) / se;
    return df > 0 ? stats_t_two_sided(z, df) : erfc(z / sqrt(2));
}

/* Several draws: the wider of both intervals, the larger of both p. */
static int analyse_blocks(const struct paired_set *s, size_t n_sets,
                          const struct paired_rule *rule, struct paired_effect *f, struct err *e)
{
    struct errors se;
    double df = (double)s->n_blocks - 1, alpha = rule->alpha, d = f->difference;
    if (standard_errors(s, &se, f, e)) {
        return -1;
    }
    f->df = df;
    f->t = d / se.blocks; /* nan without any change */
    f->p_blocks = p_of(d, se.blocks, df);
    f->p_images = p_of(d, se.images, 0);
    f->p = fmax(f->p_blocks, f->p_images);
    f->log10_p = log10(f->p);
    double half =
        fmax(upper_t(alpha / 2, df) * se.blocks, upper_normal(alpha / 2) * se.images);
    f->low = d - half;
    f->high = d + half;
    f->drop_bound = fmax(upper_t(alpha, df) * se.blocks, upper_normal(alpha) * se.images) - d;
    double each = alpha / (2 * (double)n_sets);
    double found = fmax(power_t_noncentrality(df, each, power) * power_sd_median(df) * se.blocks,
                        (upper_normal(each) + upper_normal(1 - power)) * se.images);
    f->detectable = found > 0 ? found : (double)NAN;
    if (rule->max_drop > 0 && upper_t(alpha, df) * se.blocks - d > rule->max_drop) {
        double n = needed((double)s->n_blocks, se.blocks, -d, rule, n_sets);
        f->needed_blocks = fmax(n, (double)s->n_blocks + 1);
    }
    double n_images = needed((double)s->n, se.images, -d, rule, n_sets);
    if (rule->max_drop > 0 && upper_normal(alpha) * se.images - d > rule->max_drop &&
        n_images > (double)s->n) {
        f->needed_images = n_images;
    }
    if (f->n_worse + f->n_better == 0) { /* no variance to go by: as of one draw */
        mcnemar_interval(0, 0, s->n, upper_normal(alpha / 2), &f->low, &f->high);
        mcnemar_interval(0, 0, s->n, upper_normal(alpha), &d, &f->drop_bound);
        f->detectable = mcnemar_detectable_one_way(s->n, alpha / (double)n_sets, power);
    }
    return 0;
}

static size_t resamples(const struct paired_rule *rule)
{
    return rule->n_resamples ? rule->n_resamples : PAIRED_RESAMPLES;
}

static int second_opinion(const struct paired_set *s, size_t stream,
                          const struct paired_rule *rule, struct paired_effect *f,
                          struct pool *pool, struct err *e)
{
    size_t n = resamples(rule);
    struct boot_set set;
    struct boot_interval b;
    double *means = mem_take(n, sizeof *means, e);
    if (!means || boot_set_init(&set, s->x, s->n_blocks, s->n, s->unit, e)) {
        free(means);
        return -1;
    }
    int rc =
        bootstrap_add(&set, PAIRED_SEED, stream, 1, means, n, pool, e);
    if (rc == 0) {
        bootstrap_interval(means, n, f->difference, (double)NAN, 1 - rule->alpha, &b);
        f->boot_sd = b.sd;
        f->boot_low = b.low;
        f->boot_high = b.high;
    }
    boot_set_release(&set);
    free(means);
    return rc;
}

/* Nothing differs, so there is nothing to infer: the bound of the drop is 0. */
static void settle_same(struct paired_effect *f)
{
    f->low = f->high = f->drop_bound = 0;
}

static enum paired_verdict judge(const struct paired_set *s, const struct paired_rule *rule,
                                 const struct paired_effect *f)
{
    bool differs = f->n_worse + f->n_better > 0 || s->n_pred > 0;
    if (rule->exact) {
        return differs ? PAIRED_CHANGED : PAIRED_SAME;
    }
    bool found = f->p_holm < rule->alpha;
    if (!isnan(rule->max_drop)) {
        return f->drop_bound <= rule->max_drop ? PAIRED_WITHIN
               : found && f->difference < 0    ? PAIRED_WORSE
                                               : PAIRED_UNDECIDED;
    }
    if (s->same) {
        return PAIRED_SAME;
    }
    return !found ? PAIRED_NO_EVIDENCE : f->difference < 0 ? PAIRED_WORSE
                                                           : PAIRED_BETTER;
}

static int adjust(struct paired_effect *out, size_t n, struct err *e)
{
    double *p = mem_take(n, 2 * sizeof *p, e);
    if (!p) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        p[i] = out[i].p;
    }
    holm_adjust(p, n, p + n);
    for (size_t i = 0; i < n; i++) {
        out[i].p_holm = p[n + i];
    }
    free(p);
    return 0;
}

int paired_analyse(const struct paired_set *sets, size_t n_sets, const struct paired_rule *rule,
                   struct paired_effect *out, struct pool *pool, struct err *e)
{
    double nan = (double)NAN;
    assert(rule->alpha > 0 && rule->alpha < 1);
    for (size_t i = 0; i < n_sets; i++) {
        const struct paired_set *s = &sets[i];
        struct paired_effect *f = &out[i];
        *f = (struct paired_effect){.mid_p = nan, .t = nan, .df = nan, .p_blocks = nan};
        f->p_images = f->boot_sd = f->boot_low = f->boot_high = nan;
        f->share_blocks = f->share_images = f->share_rest = f->detectable = nan;
        f->needed_images = f->needed_blocks = nan;
        if (s->n_blocks > 1 && s->n < 2) {
            return err_set(e, ERR_USAGE, "%s: one test image is not enough for several draws",
                           s->name);
        }
        count_outcomes(s, f);
        if (s->n_blocks == 1) {
            assert(s->unit == 1);
            analyse_images(s, n_sets, rule, f);
        } else if (analyse_blocks(s, n_sets, rule, f, e) ||
                   second_opinion(s, i, rule, f, pool, e)) {
            return -1;
        }
        if (s->same) {
            settle_same(f);
        }
    }
    if (adjust(out, n_sets, e)) {
        return -1;
    }
    for (size_t i = 0; i < n_sets; i++) {
        struct paired_effect *f = &out[i];
        f->verdict = judge(&sets[i], rule, f);
        f->boot_disagrees = sets[i].n_blocks > 1 && !sets[i].same &&
                            (f->boot_low > 0 || f->boot_high < 0) != (f->p_holm < rule->alpha);
        f->fails = f->verdict == PAIRED_WORSE || f->verdict == PAIRED_CHANGED ||
                   (f->verdict == PAIRED_UNDECIDED && !rule->inconclusive_passes);
    }
    return 0;
}

int paired_mean_of(const struct paired_set *sets, size_t n_sets, const double *weights,
                   const struct paired_rule *rule, struct paired_mean *out, struct pool *pool,
                   struct err *e)
{
    size_t n = resamples(rule);
    double squares = 0, cubes = 0;
    bool one_draw = true;
    double *means = mem_take(n, sizeof *means, e);
    int rc = means ? 0 : -1;
    *out = (struct paired_mean){0};
    for (size_t i = 0; i < n_sets && rc == 0; i++) {
        struct boot_set set;
        if (!(weights[i] > 0)) {
            continue;
        }
        rc = boot_set_init(&set, sets[i].x, sets[i].n_blocks, sets[i].n, sets[i].unit, e);
        if (rc == 0) {
            rc = bootstrap_add(&set, PAIRED_SEED, i, weights[i], means, n, pool, e);
            out->difference += weights[i] * boot_set_mean(&set);
            boot_set_moments(&set, weights[i], &squares, &cubes);
            one_draw = one_draw && sets[i].n_blocks == 1;
            boot_set_release(&set);
        }
    }
    if (rc == 0) {
        struct boot_interval b;
        double a = one_draw ? bootstrap_acceleration(squares, cubes) : (double)NAN;
        bootstrap_interval(means, n, out->difference, a, 1 - rule->alpha, &b);
        out->sd = b.sd;
        out->bca = b.has_bca;
        out->low = b.has_bca ? b.bca_low : b.low;
        out->high = b.has_bca ? b.bca_high : b.high;
    }
    free(means);
    return rc;
}
