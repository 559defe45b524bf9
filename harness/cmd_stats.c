/* stats: the statistics of compare on given outcomes. */
#include "harness/command.h"
#include "harness/compare_args.h"
#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "harness/base/tensor.h"
#include "results/compare.h"
#include "results/outcome_csv.h"
#include <stdio.h>

struct stats_args {
    struct rule_args rule;
};
static const struct opt opts[] = {RULE_OPTS(stats_args, rule)};

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    const struct stats_args *a = args;
    struct comparison found = {0};
    struct pool *pool = NULL;
    int status = -1;
    if (rule_from_args(&a->rule, &found.rule, e) == 0 && compare_pool(c, &pool, e) == 0) {
        status = 0;
        snprintf(found.base, sizeof found.base, "column base");
        snprintf(found.cand, sizeof found.cand, "column cand");
        for (size_t i = 0; i < n_words && status == 0; i++) {
            status = outcome_csv_add(&found, words[i], e);
        }
        if (status == 0 && comparison_finish(&found, pool, e) == 0) {
            status = compare_output(c, &a->rule, &found, e);
        } else {
            status = -1;
        }
    }
    comparison_release(&found);
    pool_close(pool);
    return status;
}

const struct command command_stats = {
    .name = "stats",
    .args = "F.csv... [--max-drop PP] [--alpha A] [--exact] [--junit F]",
    .help = "the paired tests of `compare` on given outcomes",
    .details =
        "A row is an image. Columns, by the header: base and cand, 1 where the image was answered\n"
        "rightly and 0 where not; and if wanted id (of the image), task (the test set) and draw.\n"
        "Without a header: two columns, base and cand. A file without tasks is one test set.\n"
        "One draw: McNemar's exact test. Several: paired t over draws, and a two-way bootstrap.\n"
        "Exit status 1: worse, or what --max-drop or --exact say.",
    .example = "stats outcomes.csv\nstats a.csv b.csv --max-drop 0.5 --json",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct stats_args),
    .min_words = 1,
    .max_words = 10000,
    .run = run,
};
