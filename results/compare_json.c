/* A comparison for programs: JSON with every number, JUnit XML for CI servers, and the list of
 * changed predictions. */
#include "results/compare.h"

#include <math.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/json.h"
#include "harness/base/str.h"

/* ---- JSON ---- */

static void key(struct str *out, const char *name)
{
    char last = out->len ? out->data[out->len - 1] : '{';
    str_add(out, last == '{' || last == '[' ? "" : ", ");
    json_add_text(out, name);
    str_add(out, ": ");
}

static void add_number(struct str *out, const char *name, double v)
{
    key(out, name);
    json_add_double(out, v);
}

static void add_count(struct str *out, const char *name, size_t n)
{
    key(out, name);
    str_addf(out, "%zu", n);
}

static void add_text(struct str *out, const char *name, const char *text)
{
    key(out, name);
    json_add_text(out, text);
}

static void add_bool(struct str *out, const char *name, bool v)
{
    key(out, name);
    str_add(out, v ? "true" : "false");
}

static void add_range(struct str *out, const char *name, double low, double high)
{
    key(out, name);
    str_add(out, "[");
    json_add_double(out, low);
    str_add(out, ", ");
    json_add_double(out, high);
    str_add(out, "]");
}

static void add_list(struct str *out, const char *name, const struct lines *l)
{
    key(out, name);
    str_add(out, "[");
    for (size_t i = 0; i < l->n; i++) {
        str_add(out, i ? ", " : "");
        json_add_text(out, l->items[i]);
    }
    str_add(out, "]");
}

static void add_replicates(const struct paired_effect *f, struct str *out)
{
    add_number(out, "t", f->t);
    add_number(out, "df", f->df);
    add_number(out, "p_draws", f->p_blocks);
    add_number(out, "p_images", f->p_images);
    add_number(out, "bootstrap_se", f->boot_sd);
    add_range(out, "bootstrap_interval", f->boot_low, f->boot_high);
    add_bool(out, "bootstrap_disagrees", f->boot_disagrees);
    add_number(out, "share_draws", f->share_blocks);
    add_number(out, "share_images", f->share_images);
    add_number(out, "share_rest", f->share_rest);
}

static void add_set(const struct comparison *c, size_t i, struct str *out)
{
    const struct paired_set *s = &c->sets[i];
    const struct paired_effect *f = &c->effects[i];
    str_add(out, "{");
    add_text(out, "name", s->name);
    add_text(out, "dataset", c->datasets.items[i]);
    if (*c->protocols.items[i]) {
        add_text(out, "protocol", c->protocols.items[i]);
    }
    add_count(out, "n", s->n);
    add_count(out, s->blocks_are_seeds ? "seeds" : "draws", s->n_blocks);
    add_count(out, "cells", s->n_pairs);
    add_number(out, "base", s->base);
    add_number(out, "candidate", s->cand);
    add_number(out, "difference", f->difference);
    add_range(out, "interval", f->low, f->high);
    add_number(out, "drop_bound", f->drop_bound);
    add_number(out, "lost", (double)f->n_worse / s->unit);
    add_number(out, "won", (double)f->n_better / s->unit);
    if (c->predictions) {
        add_count(out, "predictions_changed", s->n_pred);
    }
    add_text(out, "test", s->n_blocks > 1 ? "paired t and images" : "mcnemar exact");
    add_number(out, "p", f->p);
    add_number(out, "log10_p", f->log10_p);
    add_number(out, "p_holm", f->p_holm);
    if (s->n_blocks > 1) {
        add_replicates(f, out);
    } else {
        add_number(out, "mid_p", f->mid_p);
        add_number(out, "least_p", f->least_p);
    }
    add_number(out, "detectable", f->detectable);
    add_number(out, "needed_images", f->needed_images);
    add_number(out, "needed_draws", f->needed_blocks);
    add_text(out, "verdict", paired_verdict_text(f->verdict));
    add_bool(out, "fails", f->fails);
    str_add(out, "}");
}

static void add_mean(const struct compare_mean *m, struct str *out)
{
    double nan = (double)NAN;
    str_add(out, "{");
    add_text(out, "name", m->name);
    add_count(out, "n", m->n_sets);
    add_count(out, "of", m->n_expected);
    add_number(out, "difference", m->averaged ? m->mean.difference : nan);
    add_number(out, "se", m->averaged ? m->mean.sd : nan);
    add_range(out, "interval", m->averaged ? m->mean.low : nan, m->averaged ? m->mean.high : nan);
    add_text(out, "method", !m->averaged ? "" : m->mean.bca ? "bca"
                                                            : "percentile");
    str_add(out, "}");
}

static void add_change(const struct comparison *c, const struct compare_change *change,
                       struct str *out)
{
    str_add(out, "{");
    add_text(out, "name", c->sets[change->set].name);
    add_text(out, "replicate", change->replicate);
    add_count(out, "position", change->position);
    add_text(out, "id", change->id);
    add_number(out, "label", change->label);
    add_number(out, "base", change->base);
    add_number(out, "candidate", change->cand);
    str_add(out, "}");
}

int comparison_json(const struct comparison *c, struct str *out, struct err *e)
{
    str_add(out, "{");
    add_text(out, "base", c->base);
    add_text(out, "candidate", c->cand);
    add_text(out, "result", comparison_fails(c) ? "fail" : "pass");
    add_number(out, "alpha", c->rule.alpha);
    add_number(out, "max_drop", c->rule.max_drop);
    add_bool(out, "exact", c->rule.exact);
    add_count(out, "resamples", PAIRED_RESAMPLES);
    add_count(out, "seed", PAIRED_SEED);
    key(out, "sets");
    str_add(out, "[");
    for (size_t i = 0; i < c->n; i++) {
        str_add(out, i ? ",\n " : "\n ");
        add_set(c, i, out);
    }
    str_add(out, "]");
    key(out, "means");
    str_add(out, "[");
    for (size_t i = 0; i < c->n_means; i++) {
        str_add(out, i ? ",\n " : "\n ");
        add_mean(&c->means[i], out);
    }
    str_add(out, "]");
    add_list(out, "missing", &c->missing);
    add_list(out, "remarks", &c->remarks);
    if (c->n_changes) {
        key(out, "changes");
        str_add(out, "[");
        for (size_t i = 0; i < c->n_changes; i++) {
            str_add(out, i ? ",\n " : "\n ");
            add_change(c, &c->changes[i], out);
        }
        str_add(out, "]");
    }
    str_add(out, "}\n");
    return str_check(out, e);
}

/* ---- JUnit ---- */

/* As text and in attributes: table_escape gives valid UTF-8 without control characters. */
static void add_xml(struct str *out, const char *text)
{
    table_escape(out, TABLE_HTML, text);
}

static void add_case(struct str *out, const char *name, const char *message, bool fails)
{
    str_add(out, "  <testcase classname=\"bitbench.compare\" name=\"");
    add_xml(out, name);
    str_add(out, "\">\n    ");
    str_add(out, fails ? "<failure message=\"" : "<system-out>");
    add_xml(out, message);
    str_add(out, fails ? "\"/>\n" : "</system-out>\n");
    str_add(out, "  </testcase>\n");
}

int comparison_junit(const struct comparison *c, struct str *out, struct err *e)
{
    size_t n_fails = c->missing.n;
    for (size_t i = 0; i < c->n; i++) {
        n_fails += c->effects[i].fails;
    }
    str_addf(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<testsuite name=\"bitbench compare\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" "
             "skipped=\"0\">\n",
             c->n + c->missing.n, n_fails);
    for (size_t i = 0; i < c->n; i++) {
        struct str message = {0};
        comparison_sentence(c, i, &message);
        add_case(out, c->sets[i].name, str_text(&message), c->effects[i].fails);
        str_release(&message);
    }
    for (size_t i = 0; i < c->missing.n; i++) {
        add_case(out, c->missing.items[i], "this cell of the base is missing in the candidate",
                 true);
    }
    str_add(out, "</testsuite>\n");
    return str_check(out, e);
}

/* ---- changes ---- */

int comparison_changes(const struct comparison *c, struct str *out, struct err *e)
{
    str_add(out, "test set\treplicate\tposition\tid\tlabel\tbase\tcandidate\n");
    for (size_t i = 0; i < c->n_changes; i++) {
        const struct compare_change *change = &c->changes[i];
        table_clean(out, c->sets[change->set].name);
        str_add_char(out, '\t');
        table_clean(out, change->replicate);
        str_addf(out, "\t%zu\t", change->position);
        table_clean(out, change->id);
        str_addf(out, "\t%d\t%d\t%d\n", change->label, change->base, change->cand);
    }
    return str_check(out, e);
}
