/* A comparison for people: a table of test sets, means over them, what to know, the verdict. */
#include "results/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

/* "0.0312", "3.1e-07", "1e-439" */
static void add_p(struct str *out, double p, double log10_p)
{
    if (p >= 1) {
        str_add(out, "1");
    } else if (p >= 1e-4) {
        str_addf(out, "%.4f", p);
    } else if (p > 1e-300) {
        str_addf(out, "%.1e", p);
    } else if (isfinite(log10_p)) {
        str_addf(out, "1e%.0f", log10_p);
    } else {
        str_add(out, "0");
    }
}

/* 12345 as "12,345" */
static void add_count(struct str *out, double n)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%.0f", n);
    for (int i = 0; i < len; i++) {
        str_add(out, i && (len - i) % 3 == 0 ? "," : "");
        str_add_char(out, digits[i]);
    }
}

static void add_needed(const struct paired_effect *f, struct str *out)
{
    if (isfinite(f->needed_images)) {
        str_add(out, ": needs about ");
        add_count(out, f->needed_images);
        str_add(out, " images");
    }
    if (isfinite(f->needed_blocks)) {
        str_add(out, isfinite(f->needed_images) ? " and " : ": needs about ");
        add_count(out, f->needed_blocks);
        str_add(out, " draws");
    }
}

static void add_finding(const struct comparison *c, const struct paired_set *s,
                        const struct paired_effect *f, struct str *out)
{
    double limit = 100 * c->rule.max_drop;
    switch (f->verdict) {
    case PAIRED_SAME:
        str_addf(out, "all %zu %s are the same", s->n * s->n_pairs,
                 c->predictions ? "predictions" : "outcomes");
        return;
    case PAIRED_CHANGED:
        str_addf(out, "%zu of %zu %s differ", c->predictions ? s->n_pred : f->n_worse + f->n_better,
                 s->n * s->n_pairs, c->predictions ? "predictions" : "outcomes");
        return;
    case PAIRED_WITHIN:
        str_addf(out, "a drop of more than %.2f points is excluded (limit %g)", 100 * f->drop_bound,
                 limit);
        return;
    case PAIRED_UNDECIDED:
        str_addf(out, "cannot exclude a drop of %g points (up to %.2f)", limit,
                 100 * f->drop_bound);
        add_needed(f, out);
        return;
    case PAIRED_BETTER:
    case PAIRED_WORSE:
    case PAIRED_NO_EVIDENCE:
        str_add(out, f->n_worse + f->n_better == 0      ? "no outcome differs"
                     : f->verdict == PAIRED_NO_EVIDENCE ? "no evidence of a difference"
                                                        : paired_verdict_text(f->verdict));
        return;
    }
}

void comparison_sentence(const struct comparison *c, size_t set, struct str *out)
{
    const struct paired_set *s = &c->sets[set];
    const struct paired_effect *f = &c->effects[set];
    str_addf(out, "%s: ", s->name);
    add_finding(c, s, f, out);
    if (f->verdict == PAIRED_SAME) {
        if (!isnan(f->detectable)) {
            str_addf(out, "; a drop of %.2g points would have been found with 80 %% power",
                     100 * f->detectable);
        }
        return;
    }
    str_addf(out, "; %.2f %% to %.2f %%, %+.2f points (%g %% interval %+.2f to %+.2f), ",
             100 * s->base, 100 * s->cand, 100 * f->difference, 100 * (1 - c->rule.alpha),
             100 * f->low, 100 * f->high);
    if (s->n_blocks == 1) {
        str_addf(out, "%zu images lost and %zu won of %zu, p ", f->n_worse, f->n_better, s->n);
        add_p(out, f->p, f->log10_p);
        str_add(out, " (McNemar, exact)");
    } else {
        str_addf(out, "%zu %s of %zu images, p ", s->n_blocks,
                 s->blocks_are_seeds ? "seeds" : "draws", s->n);
        add_p(out, f->p_blocks, (double)NAN);
        str_addf(out, " over %s (paired t, df %.0f), p ", s->blocks_are_seeds ? "seeds" : "draws",
                 f->df);
        add_p(out, f->p_images, (double)NAN);
        str_add(out, " over images");
    }
    if (c->n > 1) {
        str_add(out, ", ");
        add_p(out, f->p_holm, f->log10_p);
        str_addf(out, " after Holm over %zu", c->n);
    }
    if (c->predictions && f->verdict != PAIRED_CHANGED) {
        str_addf(out, "; %zu of %zu predictions differ", s->n_pred, s->n * s->n_pairs);
    }
}

/* ---- the table ---- */

enum column { NAME,
              IMAGES,
              DRAWS,
              BASE,
              CAND,
              CHANGE,
              INTERVAL,
              LOST,
              WON,
              P,
              P_HOLM,
              P_LEAST,
              DETECTABLE,
              BOUND,
              VERDICT,
              N_COLUMNS };

static const struct {
    const char *head;
    bool right;
} columns[N_COLUMNS] = {
    [NAME] = {"test set", false},
    [IMAGES] = {"images", true},
    [DRAWS] = {"draws", true},
    [BASE] = {"base %", true},
    [CAND] = {"cand %", true},
    [CHANGE] = {"change", true},
    [INTERVAL] = {"interval", true},
    [LOST] = {"lost", true},
    [WON] = {"won", true},
    [P] = {"p", true},
    [P_HOLM] = {"p Holm", true},
    [P_LEAST] = {"least p", true},
    [DETECTABLE] = {"detectable", true},
    [BOUND] = {"drop at most", true},
    [VERDICT] = {"verdict", false},
};

static int set_p(struct table *t, size_t row, size_t col, double p, double log10_p, struct err *e)
{
    struct str text = {0};
    add_p(&text, p, log10_p);
    int rc = str_check(&text, e) || table_set(t, row, col, str_text(&text), e) ? -1 : 0;
    str_release(&text);
    return rc;
}

static int add_row(const struct comparison *c, size_t i, struct table *t, struct err *e)
{
    const struct paired_set *s = &c->sets[i];
    const struct paired_effect *f = &c->effects[i];
    size_t unit = (size_t)s->unit;
    if (table_row(t, e) || table_set(t, i, NAME, s->name, e) ||
        table_setf(t, i, IMAGES, e, "%zu", s->n) ||
        table_setf(t, i, DRAWS, e, "%zu", s->n_blocks) ||
        table_setf(t, i, BASE, e, "%.2f", 100 * s->base) ||
        table_setf(t, i, CAND, e, "%.2f", 100 * s->cand) ||
        table_setf(t, i, CHANGE, e, "%+.2f", 100 * f->difference) ||
        table_setf(t, i, INTERVAL, e, "%+.2f to %+.2f", 100 * f->low, 100 * f->high) ||
        table_setf(t, i, LOST, e, "%zu", f->n_worse / unit) ||
        table_setf(t, i, WON, e, "%zu", f->n_better / unit) ||
        set_p(t, i, P, f->p, f->log10_p, e) || set_p(t, i, P_HOLM, f->p_holm, f->log10_p, e) ||
        (s->n_blocks == 1 && set_p(t, i, P_LEAST, f->least_p, (double)NAN, e)) ||
        (!isnan(f->detectable) && table_setf(t, i, DETECTABLE, e, "%.2f", 100 * f->detectable)) ||
        table_setf(t, i, BOUND, e, "%.2f", 100 * f->drop_bound) ||
        table_set(t, i, VERDICT, paired_verdict_text(f->verdict), e)) {
        return -1;
    }
    return 0;
}

static int add_table(const struct comparison *c, enum table_format f, struct str *out,
                     struct err *e)
{
    struct table t = {0};
    int rc = table_init(&t, N_COLUMNS, e);
    for (size_t k = 0; k < N_COLUMNS && rc == 0; k++) {
        rc = table_head(&t, k, columns[k].head, columns[k].right, e);
    }
    for (size_t i = 0; i < c->n && rc == 0; i++) {
        rc = add_row(c, i, &t, e);
    }
    if (rc == 0) {
        table_render(&t, f, out);
    }
    table_release(&t);
    return rc;
}

/* ---- the rest ---- */

static void add_mean(const struct comparison *c, const struct compare_mean *m, enum table_format f,
                     struct str *out)
{
    struct str line = {0};
    if (m->averaged) {
        str_addf(&line,
                 "%s: %+.2f points (%g %% interval %+.2f to %+.2f, standard error %.2f; bootstrap "
                 "of %d, %s)",
                 m->name, 100 * m->mean.difference, 100 * (1 - c->rule.alpha), 100 * m->mean.low,
                 100 * m->mean.high, 100 * m->mean.sd, PAIRED_RESAMPLES,
                 m->mean.bca ? "BCa" : "percentile");
    } else {
        str_addf(&line, "%s: %zu/%zu, incomplete, not averaged", m->name, m->n_sets,
                 m->n_expected);
    }
    table_escape(out, f, str_text(&line));
    str_release(&line);
}

static void begin_line(enum table_format f, struct str *out)
{
    str_add(out, f == TABLE_MD ? "- " : "  ");
}

static void add_lines(const char *head, const struct lines *l, enum table_format f,
                      struct str *out)
{
    if (l->n) {
        str_addf(out, "\n%s\n%s", head, f == TABLE_MD ? "\n" : "");
    }
    for (size_t i = 0; i < l->n; i++) {
        begin_line(f, out);
        table_escape(out, f, l->items[i]);
        str_add_char(out, '\n');
    }
}

/* The sets that tell something: those that fail, or all where they are few. */
static void add_sentences(const struct comparison *c, enum table_format f, struct str *out)
{
    enum { FEW = 20 };
    str_addf(out, "\nFindings\n%s", f == TABLE_MD ? "\n" : "");
    for (size_t i = 0; i < c->n; i++) {
        struct str line = {0};
        if (c->n > FEW && !c->effects[i].fails && !c->effects[i].boot_disagrees) {
            continue;
        }
        comparison_sentence(c, i, &line);
        if (c->effects[i].boot_disagrees) {
            str_addf(&line,
                     "; the two-way bootstrap over draws and images does not agree: %+.2f to "
                     "%+.2f",
                     100 * c->effects[i].boot_low, 100 * c->effects[i].boot_high);
        }
        begin_line(f, out);
        table_escape(out, f, str_text(&line));
        str_add_char(out, '\n');
        str_release(&line);
    }
}

static void add_verdict(const struct comparison *c, enum table_format f, struct str *out)
{
    size_t n[PAIRED_CHANGED + 1] = {0}, n_fails = 0;
    for (size_t i = 0; i < c->n; i++) {
        n[c->effects[i].verdict]++;
        n_fails += c->effects[i].fails;
    }
    str_addf(out, "\n%s%s%s: %zu of %zu test sets fail", f == TABLE_MD ? "**" : "",
             comparison_fails(c) ? "FAIL" : "pass", f == TABLE_MD ? "**" : "", n_fails, c->n);
    const char *separator = " (";
    for (size_t v = 0; v < ARRAY_LEN(n); v++) {
        if (n[v]) {
            str_addf(out, "%s%zu %s", separator, n[v], paired_verdict_text((enum paired_verdict)v));
            separator = ", ";
        }
    }
    str_add(out, ")");
    if (c->missing.n) {
        str_addf(out, "; %zu cells are missing in the candidate", c->missing.n);
    }
    str_add(out, "\n");
}

static void add_rule(const struct comparison *c, struct str *out)
{
    const struct paired_rule *r = &c->rule;
    if (r->exact) {
        str_add(out, "rule: any change fails\n");
    } else if (!isnan(r->max_drop)) {
        str_addf(out, "rule: fails unless a drop of more than %g points can be excluded at %g%s\n",
                 100 * r->max_drop, r->alpha,
                 r->inconclusive_passes ? "; where that is not decided, passes" : "");
    } else {
        str_addf(out, "rule: fails where the candidate is worse at %g after Holm\n", r->alpha);
    }
}

int comparison_render(const struct comparison *c, enum table_format f, struct str *out,
                      struct err *e)
{
    const char *gap = f == TABLE_MD ? "\n" : "";
    str_add(out, "base: ");
    table_escape(out, f, c->base);
    str_addf(out, "\n%scandidate: ", gap);
    table_escape(out, f, c->cand);
    str_addf(out, "\n%s", gap);
    add_rule(c, out);
    str_add(out, "\n");
    if (add_table(c, f, out, e)) {
        return -1;
    }
    add_sentences(c, f, out);
    if (c->n_means) {
        str_addf(out, "\nMeans\n%s", gap);
    }
    for (size_t i = 0; i < c->n_means; i++) {
        begin_line(f, out);
        add_mean(c, &c->means[i], f, out);
        str_add_char(out, '\n');
    }
    add_lines("Missing in the candidate", &c->missing, f, out);
    add_lines("To know", &c->remarks, f, out);
    add_verdict(c, f, out);
    return str_check(out, e);
}
