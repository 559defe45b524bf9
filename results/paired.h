/* Is the candidate worse than the base? Inference on paired outcomes, one test set at a time, then
 * over all of them.
 *
 * One draw: McNemar's exact test over images. Several draws: the draw is the unit; a paired t test
 * over draws (df = draws - 1) and a test over images, and the larger p of the two counts, so that
 * neither a lucky draw nor a lucky test set makes a verdict; a two-way bootstrap (draws x images)
 * stands beside them as a second opinion. Where there is one draw but several seeds, seeds take the
 * place of draws. p values are adjusted over test sets after Holm. */
#ifndef BITBENCH_RESULTS_PAIRED_H
#define BITBENCH_RESULTS_PAIRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct pool;

enum { PAIRED_RESAMPLES = 10000,
       PAIRED_SEED = 1 };

/* Differences of outcomes of one test set. */
struct paired_set {
    char *name;         /* owned */
    size_t n, n_blocks; /* images; draws (or seeds) */
    size_t n_pairs;     /* cells of each side; more than n_blocks: several seeds a draw */
    int32_t *x;         /* [n_blocks, n] candidate - base, mean over a block's seeds, times unit */
    int32_t unit;
    double base, cand; /* accuracies: mean over blocks */
    bool same;         /* known: no prediction differs */
    size_t n_pred;     /* predictions that differ, over all cells; 0 where they are not known */
    bool blocks_are_seeds;
};
void paired_set_release(struct paired_set *s);

struct paired_rule {
    double alpha;    /* 0.05 */
    double max_drop; /* share, not per cent; nan: none */
    bool exact;      /* any change counts */
    bool inconclusive_passes;
    size_t n_resamples; /* 0: PAIRED_RESAMPLES */
};

enum paired_verdict { PAIRED_SAME,        /* no prediction differs */
                      PAIRED_BETTER,      /* at alpha, after Holm */
                      PAIRED_NO_EVIDENCE, /* of a difference */
                      PAIRED_WORSE,       /* at alpha, after Holm */
                      PAIRED_WITHIN,      /* the bound of the drop is at most max_drop */
                      PAIRED_UNDECIDED,   /* it is not, and the candidate is not worse at alpha */
                      PAIRED_CHANGED };   /* exact: something differs */
const char *paired_verdict_text(enum paired_verdict v);

struct paired_effect {
    size_t n_worse, n_better; /* outcomes lost and won, over blocks; in units of 1 / unit */
    double difference;        /* candidate - base */
    double low, high;         /* two-sided interval at 1 - alpha */
    double drop_bound;        /* one-sided upper bound of the drop at 1 - alpha */
    double p, p_holm, log10_p;
    double least_p; /* that was attainable: one draw only, else 0 */
    double mid_p;   /* one draw only, else nan */
    /* several draws only, else nan */
    double t, df, p_blocks, p_images;
    double boot_sd, boot_low, boot_high;           /* two-way bootstrap, percentile */
    double share_blocks, share_images, share_rest; /* of the variance of one difference */
    bool boot_disagrees;                           /* its interval and p_holm differ on zero */
    /* smallest difference found with 80 % power; where so few outcomes differ that none would be,
     * as if more were lost and none won; nan: none */
    double detectable;
    /* PAIRED_UNDECIDED: about so many would decide, with 80 % power; nan: these are not short */
    double needed_images, needed_blocks;
    enum paired_verdict verdict;
    bool fails;
};
/* out [n_sets]. pool may be NULL. */
int paired_analyse(const struct paired_set *sets, size_t n_sets, const struct paired_rule *rule,
                   struct paired_effect *out, struct pool *pool, struct err *e);

/* A weighted mean of differences over test sets, by the paired bootstrap. */
struct paired_mean {
    double difference, sd, low, high;
    bool bca; /* else percentile: with several draws, or where BCa does not exist */
};
/* weights [n_sets]; 0 leaves a set out. */
int paired_mean_of(const struct paired_set *sets, size_t n_sets, const double *weights,
                   const struct paired_rule *rule, struct paired_mean *out, struct pool *pool,
                   struct err *e);

#endif
