/* How often the gate of `compare` is wrong, by simulation: false alarms over pairs of equal models,
 * power at the smallest detectable difference that it prints, and how often --max-drop passes a
 * candidate whose true drop is exactly the limit. Prints a table; ends with 1 when a rate is
 * outside its bound. Not part of `make check`: `make gate-simulation`. Deterministic.
 *
 * A pair is made image by image: with probability `changed` the outcome differs, for the better or
 * the worse with equal chance (less the true drop). `common`: share of the images that change which
 * do so in every draw alike. `draw_sd`: each draw has a true difference of its own, of mean 0. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/rng.h"
#include "results/paired.h"

enum { PAIRS = 2000,
       MOST_SETS = 19 };

struct scene {
    const char *name;
    size_t n_sets, n[MOST_SETS], n_draws;
    double changed, common, draw_sd, max_drop;
};

static const struct scene scenes[] = {
    {"1 set of 10000", 1, {10000}, 1, 0.05, 0, 0, 0.005},
    {"1 set of 711", 1, {711}, 1, 0.1, 0, 0, 0.02},
    {"1 set of 711, few changes", 1, {711}, 1, 0.015, 0, 0, 0.01},
    {"1 set of 73728", 1, {73728}, 1, 0.02, 0, 0, 0.002},
    {"5 sets", 5, {711, 1880, 3669, 6300, 10000}, 1, 0.1, 0, 0, 0.02},
    {"19 sets",
     19,
     {1000, 608, 3277, 1500, 1500, 2274, 188, 540, 615, 71, 367, 630, 4267, 2603, 2175, 7373, 7373,
      1215, 1215},
     1,
     0.1,
     0,
     0,
     0.02},
    {"5 draws", 1, {2000}, 5, 0.1, 0, 0, 0.01},
    {"5 draws, common images", 1, {2000}, 5, 0.1, 0.5, 0, 0.01},
    {"5 draws that differ", 1, {2000}, 5, 0.1, 0, 0.01, 0.02},
    {"2 draws of 100 images", 1, {100}, 2, 0.1, 0, 0, 0.1},
    {"3 draws x 4 sets", 4, {500, 1000, 2000, 4000}, 3, 0.1, 0.2, 0.003, 0.02},
};

/* Differences of one test set in pair number `pair`, with this true drop. */
static void simulate(const struct scene *s, size_t set, size_t pair, double drop, uint64_t salt,
                     int32_t *x)
{
    uint64_t seed = rng_at(salt, pair, set);
    size_t n = s->n[set];
    for (size_t r = 0; r < s->n_draws; r++) {
        double shift = s->draw_sd * rng_normal(rng_at(seed, 1, 2 * r), rng_at(seed, 1, 2 * r + 1));
        double worse = (s->changed + drop - shift) / 2;
        for (size_t i = 0; i < n; i++) {
            uint64_t own = rng_at(seed, 3 + r, i), common = rng_at(seed, 2, i);
            bool shared = rng_unit(rng_splitmix(common, 1)) < s->common;
            double u = rng_unit(rng_splitmix(shared ? common : own, 2));
            x[r * n + i] = u < worse ? -1 : u < s->changed ? 1
                                                           : 0;
        }
    }
}

struct counts {
    size_t n_fired, n_first, n_passed; /* any set worse; the first set worse; the gate passes */
    double detectable[PAIRS];          /* printed for the first set; 0: none */
};

/* A true drop in the first set only. */
static int run(const struct scene *s, double drop, double max_drop, uint64_t salt,
               struct counts *out)
{
    const struct paired_rule rule = {.alpha = 0.05, .max_drop = max_drop, .n_resamples = 2};
    struct paired_set sets[MOST_SETS] = {0};
    struct paired_effect effects[MOST_SETS];
    struct err e = {0};
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < s->n_sets; i++) {
        sets[i] = (struct paired_set){.n = s->n[i], .n_blocks = s->n_draws, .unit = 1};
        sets[i].x = calloc(s->n[i] * s->n_draws, sizeof *sets[i].x);
    }
    for (size_t p = 0; p < PAIRS; p++) {
        bool fired = false, passed = true;
        for (size_t i = 0; i < s->n_sets; i++) {
            simulate(s, i, p, i == 0 ? drop : 0, salt, sets[i].x);
        }
        if (paired_analyse(sets, s->n_sets, &rule, effects, NULL, &e)) {
            fprintf(stderr, "gate_simulation: %s\n", e.text);
            return -1;
        }
        for (size_t i = 0; i < s->n_sets; i++) {
            bool worse = effects[i].p_holm < rule.alpha && effects[i].difference < 0;
            fired = fired || worse;
            passed = passed && (!effects[i].fails || i > 0);
            out->n_first += i == 0 && worse;
        }
        out->n_fired += fired;
        out->n_passed += passed;
        double d = effects[0].detectable;
        out->detectable[p] = isnan(d) ? 0 : d;
    }
    for (size_t i = 0; i < s->n_sets; i++) {
        free(sets[i].x);
    }
    return 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static struct counts c;
    double most = 0.05 + 3 * sqrt(0.05 * 0.95 / PAIRS);
    int bad = 0;
    printf("%d pairs a rate, alpha 0.05; false alarms and false passes at most %.4f, power at "
           "least 0.75\n\n",
           PAIRS, most);
    printf("%-28s %12s %12s %8s %12s\n", "", "false alarms", "detectable", "power", "false passes");
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        const struct scene *s = &scenes[i];
        if (run(s, 0, (double)NAN, 10 + i, &c)) {
            return 2;
        }
        double alarms = (double)c.n_fired / PAIRS, power = (double)NAN;
        qsort(c.detectable, PAIRS, sizeof *c.detectable, by_value);
        double detectable = c.detectable[PAIRS / 2]; /* the median of what is printed */
        if (detectable > 0 && detectable < s->changed) {
            if (run(s, detectable, (double)NAN, 100 + i, &c)) {
                return 2;
            }
            power = (double)c.n_first / PAIRS;
        }
        if (run(s, s->max_drop, s->max_drop, 200 + i, &c)) {
            return 2;
        }
        double passes = (double)c.n_passed / PAIRS;
        bool good = alarms <= most && passes <= most && !(power < 0.75);
        bad |= !good;
        printf("%-28s %12.4f %12.4f %8.4f %12.4f%s\n", s->name, alarms, detectable, power, passes,
               good ? "" : "  OUTSIDE");
        fflush(stdout);
    }
    return bad;
}
