/* The report as one page that needs nothing else: style and plots are inside, no script. Colours
 * come from variables, so that it reads in light, in dark and on paper; plots take part in that,
 * since what gnuplot drew in black and grey is given the page's colours. */
#include "results/report_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/record.h"
#include "results/view.h"

static const char style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1d2126;--soft:#5d666f;--line:#d8dde2;"
    "--wash:#f5f7f9;--mark:#0072b2;--bad:#a33a00}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e6e9ec;--soft:#9aa4ae;--line:#"
    "363d44;"
    "--wash:#1d2125;--mark:#5bb4e5;--bad:#ff9d66}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,\"Helvetica Neue\",\"Noto Sans\",\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:62rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}\n"
    "h1{font-size:1.9rem;line-height:1.2;margin:0 0 .75rem;letter-spacing:-.01em}\n"
    "h2{font-size:1.2rem;margin:2.75rem 0 .25rem}\n"
    "p{margin:.4rem 0;max-width:46rem}\n"
    ".lead{font-size:1.05rem}\n"
    ".soft,figcaption{color:var(--soft);font-size:.9rem}\n"
    "figure{margin:1.75rem 0 0}\n"
    "figure svg{display:block;width:100%;max-width:52rem;height:auto}\n"
    /* gnuplot's paper, black and grey, as it writes them */
    "figure [fill=\"#ffffff\"]{fill:none}\n"
    "figure [color=black],figure [color=\"rgb(  0,   0,   0)\"]{color:var(--ink)}\n"
    "figure [stroke=black],figure [stroke=\"rgb(  0,   0,   0)\"]{stroke:var(--ink)}\n"
    "figure [fill=black],figure [fill=\"rgb(0,0,0)\"]{fill:var(--ink)}\n"
    "figure [fill=\"rgb(122,131,140)\"]{fill:var(--soft)}\n"
    "figure [font-family]{font-family:inherit}\n"
    ".wide{overflow-x:auto;margin:.9rem 0}\n"
    "table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}\n"
    "th{text-align:left;font-weight:600;color:var(--soft);border-bottom:1.5px solid var(--ink);"
    "white-space:nowrap;vertical-align:bottom}\n"
    "th,td{padding:.28rem .9rem .28rem 0}\n"
    "td{border-bottom:1px solid var(--line);white-space:nowrap}\n"
    ".num{text-align:right}\n"
    "tr.end>td{border-bottom-color:var(--soft)}\n"
    "td svg{display:block;width:9.5rem;height:1.1rem;color:var(--mark)}\n"
    ".facts td{white-space:normal;overflow-wrap:anywhere;vertical-align:top}\n"
    ".facts td:first-child{white-space:nowrap;color:var(--soft)}\n"
    "code,pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans "
    "Mono\",monospace}\n"
    "pre{background:var(--wash);border:1px solid var(--line);border-radius:4px;padding:.8rem 1rem;"
    "overflow-x:auto}\n"
    "ul{padding-left:1.2rem;max-width:46rem}li{margin:.25rem 0}\n"
    ".bad{border-left:3px solid var(--bad);padding:.1rem 0 .1rem .9rem}\n"
    "@media print{body{font-size:10pt}main{max-width:none;padding:0}h2{break-after:avoid}"
    "figure,tr{break-inside:avoid}.wide{overflow:visible}pre{white-space:pre-wrap}}\n"
    "@media(max-width:40rem){main{padding:1.25rem .9rem 3rem}h1{font-size:1.5rem}}\n";

static void add_text(struct str *out, const char *text)
{
    table_escape(out, TABLE_HTML, text);
}

/* ---- what was run ---- */

/* Texts, each once, in the order in which they were added. */
struct distinct {
    char **items;
    size_t n, cap;
};

static int distinct_add(struct distinct *d, const char *text, struct err *e)
{
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->items[i], text) == 0) {
            return 0;
        }
    }
    void *items = d->items;
    if (mem_grow(&items, &d->cap, d->n + 1, sizeof *d->items, e)) {
        return -1;
    }
    d->items = items;
    d->items[d->n] = mem_strdup(text, e);
    if (!d->items[d->n]) {
        return -1;
    }
    d->n++;
    return 0;
}

static void distinct_release(struct distinct *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->items[i]);
    }
    free(d->items);
    *d = (struct distinct){0};
}

/* "a, b and c", or "12 models" where there are more than 8. */
static void add_list(struct str *out, const struct distinct *d, const char *noun)
{
    if (d->n > 8) {
        str_addf(out, "%zu %s", d->n, noun);
        return;
    }
    for (size_t i = 0; i < d->n; i++) {
        str_add(out, i == 0 ? "" : i + 1 == d->n ? " and "
                                                 : ", ");
        add_text(out, d->items[i]);
    }
}

static const char *dataset_of(const struct series_group *g)
{
    const char *name = pairs_get(&g->first->knobs, "dataset");
    return name ? name : "";
}

/* "ridge regression (few-shot; shots 1, 5 and 10; 5 replicates)" for the groups of one adaptation.
 */
static int add_adaptation(const struct series_group *const *groups, size_t n, struct str *out,
                          struct err *e)
{
    char **keys;
    size_t n_keys, fewest = groups[0]->n, most = groups[0]->n;
    struct distinct values = {0};
    int status = report_varying(groups, n, &keys, &n_keys, e);
    add_text(out, view_adapt(groups[0]->first));
    str_add(out, " (");
    for (size_t g = 0; g < n && status == 0; g++) {
        status = distinct_add(&values, view_regime(groups[g]->first), e);
        fewest = groups[g]->n < fewest ? groups[g]->n : fewest;
        most = groups[g]->n > most ? groups[g]->n : most;
    }
    add_list(out, &values, "regimes");
    for (size_t k = 0; k < n_keys && status == 0; k++) {
        struct str value = {0};
        distinct_release(&values);
        for (size_t g = 0; g < n && status == 0; g++) {
            str_clear(&value);
            view_knob(groups[g]->first, keys[k], &value);
            status =
                str_check(&value, e) || (value.len && distinct_add(&values, str_text(&value), e))
                    ? -1
                    : 0;
        }
        str_release(&value);
        str_add(out, "; ");
        add_text(out, view_head(keys[k]));
        str_add(out, " ");
        add_list(out, &values, "values");
    }
    distinct_release(&values);
    if (fewest != most) {
        str_addf(out, "; %zu to %zu replicates)", fewest, most);
    } else {
        str_addf(out, "; %zu replicate%s)", most, most == 1 ? "" : "s");
    }
    for (size_t k = 0; k < n_keys; k++) {
        free(keys[k]);
    }
    free(keys);
    return status;
}

/* All adaptations, each with the groups of all data sets. */
static int add_adaptations(const struct report *r, struct str *out, struct err *e)
{
    struct distinct names = {0};
    const struct series_group **groups = mem_take(r->n, sizeof(void *), e);
    int status = groups ? 0 : -1;
    for (size_t g = 0; g < r->n && status == 0; g++) {
        status = distinct_add(&names, view_adapt(r->groups[g].first), e);
    }
    for (size_t i = 0; i < names.n && status == 0; i++) {
        size_t n = 0;
        for (size_t g = 0; g < r->n; g++) {
            if (strcmp(view_adapt(r->groups[g].first), names.items[i]) == 0) {
                groups[n++] = &r->groups[g];
            }
        }
        str_add(out, i == 0 ? "" : i + 1 == names.n ? " and "
                                                    : ", ");
        status = add_adaptation(groups, n, out, e);
    }
    free(groups);
    distinct_release(&names);
    return status;
}

static int add_summary(const struct report *r, const char *metric, struct str *out, struct err *e)
{
    struct distinct models = {0}, datasets = {0};
    struct str counts = {0};
    size_t n_partial = 0;
    int status = 0;
    for (size_t g = 0; g < r->n && status == 0; g++) {
        size_t n, official;
        status = distinct_add(&models, r->groups[g].model, e) ||
                         distinct_add(&datasets, dataset_of(&r->groups[g]), e)
                     ? -1
                     : 0;
        n_partial += view_test(r->groups[g].first, &n, &official) && n != official;
    }
    str_add(out, "<h1>Transfer to ");
    add_list(out, &datasets, "data sets");
    str_add(out, "</h1>\n<p class=\"lead\">");
    if (r->n && status == 0) {
        str_add(out, "How well ");
        add_list(out, &models, "models");
        str_add(out, models.n == 1 ? " does on " : " do on ");
        add_list(out, &datasets, "data sets");
        str_add(out, ": ");
        add_text(out, view_metric(metric).title);
        str_add(out, " by ");
        status = add_adaptations(r, out, e);
        str_add(out, ". ");
    }
    report_counts(r, &counts);
    add_text(out, str_text(&counts));
    str_add(out, "</p>\n");
    if (n_partial) {
        str_addf(out,
                 "<p class=\"bad\">%zu of %zu rows below were scored on a part of the official "
                 "test set; "
                 "the column \"test\" says on how much. They are not comparable with published "
                 "numbers.</p>\n",
                 n_partial, r->n);
    }
    str_release(&counts);
    distinct_release(&models);
    distinct_release(&datasets);
    return status;
}

/* ---- parts ---- */

static void add_plots(const struct report_opts *o, struct str *out)
{
    for (size_t i = 0; i < o->n_plots; i++) {
        str_add(out, "<figure>\n");
        report_add_svg(out, o->plots[i].svg, o->plots[i].title, i + 1);
        str_add(out, "<figcaption>");
        add_text(out, o->plots[i].title);
        str_add(out, "</figcaption>\n</figure>\n");
    }
}

/* The least and greatest value of a section; false when there is none that can be drawn. */
static bool section_range(const struct report_section *s, const char *metric, double *low,
                          double *high)
{
    *low = (double)INFINITY;
    *high = (double)-INFINITY;
    for (size_t g = 0; g < s->n; g++) {
        for (size_t i = 0; i < s->groups[g]->n; i++) {
            double v;
            if (record_get_metric(s->groups[g]->members[i], metric, &v) && isfinite(v)) {
                *low = fmin(*low, v);
                *high = fmax(*high, v);
            }
        }
    }
    return *low < *high;
}

/* Is the row the last of its model, in a table where models have several rows? */
static bool ends_model(const struct report_section *s, size_t row)
{
    bool several = false;
    for (size_t g = 1; g < s->n; g++) {
        several = several || strcmp(s->groups[g]->model, s->groups[g - 1]->model) == 0;
    }
    return several && row + 1 < s->n &&
           strcmp(s->groups[row]->model, s->groups[row + 1]->model) != 0;
}

static void add_heads(const struct table *t, const char *strips, struct str *out)
{
    str_add(out, "<thead><tr>");
    for (size_t c = 0; c < t->n_cols; c++) {
        if (strips && c + 2 == t->n_cols) {
            str_addf(out, "<th scope=\"col\">%s</th>", strips);
        }
        str_add(out, t->right[c] ? "<th scope=\"col\" class=\"num\">" : "<th scope=\"col\">");
        add_text(out, t->heads[c]);
        str_add(out, "</th>");
    }
    str_add(out, "</tr></thead>\n");
}

/* The rows of t, one a group, with a strip of the replicates before the last two columns. */
static int add_rows(const struct report_section *s, const struct table *t, const char *metric,
                    struct str *out, struct err *e)
{
    double low, high;
    bool strips = section_range(s, metric, &low, &high), several = false;
    for (size_t g = 0; g < s->n; g++) {
        several = several || s->groups[g]->n > 1;
    }
    add_heads(t, !strips ? NULL : several ? "replicates"
                                          : "",
              out);
    str_add(out, "<tbody>\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        str_add(out, ends_model(s, r) ? "<tr class=\"end\">" : "<tr>");
        for (size_t c = 0; c < t->n_cols; c++) {
            if (strips && c + 2 == t->n_cols) {
                str_add(out, "<td>");
                if (report_add_strip(out, s->groups[r], metric, low, high, e)) {
                    return -1;
                }
                str_add(out, "</td>");
            }
            str_add(out, t->right[c] ? "<td class=\"num\">" : "<td>");
            add_text(out, table_get(t, r, c));
            str_add(out, "</td>");
        }
        str_add(out, "</tr>\n");
    }
    str_add(out, "</tbody>\n");
    return 0;
}

static int add_section(const struct report_section *s, const char *metric, struct str *out,
                       struct err *e)
{
    struct table t;
    struct str text = {0};
    if (report_section_table(s, metric, &t, e)) {
        return -1;
    }
    report_section_title(s, &text);
    str_add(out, "<h2>");
    add_text(out, str_text(&text));
    str_add(out, "</h2>\n<p class=\"soft\">");
    str_clear(&text);
    report_section_constants(s, &text);
    add_text(out, str_text(&text));
    str_add(out, "</p>\n<div class=\"wide\"><table>\n");
    int status = add_rows(s, &t, metric, out, e);
    str_add(out, "</table></div>\n");
    table_release(&t);
    out->failed = out->failed || text.failed;
    str_release(&text);
    return status;
}

/* A signature, which may break between its fields. */
static void add_signature(struct str *out, const char *text)
{
    str_add(out, "<code>");
    for (size_t n; *text; text += n) {
        struct str field = {0};
        n = strcspn(text, "|");
        n += text[n] == '|';
        str_add_n(&field, text, n);
        add_text(out, str_text(&field));
        str_add(out, text[n] ? "<wbr>" : "");
        out->failed = out->failed || field.failed;
        str_release(&field);
    }
    str_add(out, "</code>");
}

static void add_signatures(const struct report *r, struct str *out)
{
    str_add(out,
            "<h2>Signatures</h2>\n<p class=\"soft\">A score means something only together with its "
            "protocol. "
            "The letters are those of the column \"sig\"; then the models, with the hash of their "
            "weights.</p>\n<div class=\"wide\"><table class=\"facts\"><tbody>\n");
    for (size_t g = 0; g < r->n; g++) {
        if (report_first_of_protocol(r, g)) {
            str_addf(out, "<tr><td>%s</td><td>", r->groups[g].letter);
            add_signature(out, r->groups[g].first->protocol);
            str_add(out, "</td></tr>\n");
        }
    }
    for (size_t g = 0; g < r->n; g++) {
        if (report_first_of_subject(r, g)) {
            str_add(out, "<tr><td>model</td><td>");
            add_signature(out, r->groups[g].first->subject);
            str_add(out, "</td></tr>\n");
        }
    }
    str_add(out, "</tbody></table></div>\n");
}

static void add_failed(const struct report *r, struct str *out)
{
    str_add(out, r->n_failed ? "<h2>Failed cells</h2>\n<ul class=\"bad\">\n" : "");
    for (size_t i = 0; i < r->n_cells; i++) {
        const struct record *cell = r->cells[i];
        if (cell->status != CELL_OK) {
            str_addf(out, "<li>%s: ", cell_status_text(cell->status));
            add_text(out, cell->message);
            str_add(out, "<br><code>");
            add_text(out, cell->spec ? cell->spec : cell->run_id);
            str_add(out, "</code></li>\n");
        }
    }
    str_add(out, r->n_failed ? "</ul>\n" : "");
}

static int add_provenance(const struct report *r, struct str *out, struct err *e)
{
    struct str value = {0};
    int status = 0;
    str_add(out, "<h2>How it was made</h2>\n<div class=\"wide\"><table class=\"facts\"><tbody>\n");
    for (size_t i = 0; i < report_entries_n && status == 0; i++) {
        str_clear(&value);
        status =
            report_provenance(r, report_entries[i].key, &value, e) || str_check(&value, e) ? -1 : 0;
        if (status == 0 && value.len) {
            str_addf(out, "<tr><td>%s</td><td>", report_entries[i].name);
            add_text(out, str_text(&value));
            str_add(out, "</td></tr>\n");
        }
    }
    str_add(out, "</tbody></table></div>\n");
    str_release(&value);
    return status;
}

/* Text with its line breaks; other control characters cannot be in a run file that was read. */
static void add_lines(struct str *out, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        struct str line = {0};
        str_add_n(&line, text, n);
        /* table_clean would fold the indentation. */
        size_t indent = strspn(str_text(&line), " ");
        str_add_n(out, text, indent);
        add_text(out, str_text(&line) + indent);
        str_add(out, "\n");
        out->failed = out->failed || line.failed;
        str_release(&line);
        text += n + (text[n] == '\n');
    }
}

static void add_run_files(const struct report_opts *o, struct str *out)
{
    if (o->n_run_files == 0) {
        return;
    }
    str_add(out, "<h2>How to make it again</h2>\n<p>Save the run file and give it to the same "
                 "version of the "
                 "program; cells that are there are not computed twice.</p>\n");
    for (size_t i = 0; i < o->n_run_files; i++) {
        str_add(out, "<pre># bitbench run ");
        add_text(out, o->run_files[i].name);
        str_add(out, " -o ");
        add_text(out, o->run_files[i].dir);
        str_add(out, "\n");
        add_lines(out, o->run_files[i].text);
        str_add(out, "</pre>\n");
    }
}

int report_html(const struct report *r, const struct report_sections *s,
                const struct report_opts *o, struct str *out, struct err *e)
{
    str_add(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                 "<title>bitbench report</title>\n<style>\n");
    str_add(out, style);
    str_add(out, "</style>\n</head>\n<body>\n<main>\n");
    int status = add_summary(r, o->metric, out, e);
    add_plots(o, out);
    for (size_t i = 0; i < s->n && status == 0; i++) {
        status = add_section(&s->items[i], o->metric, out, e);
    }
    add_failed(r, out);
    if (r->n) {
        str_add(out, "<h2>What the numbers are</h2>\n<ul>\n");
        for (size_t i = 0; report_notes[i]; i++) {
            str_add(out, "<li>");
            add_text(out, report_notes[i]);
            str_add(out, "</li>\n");
        }
        str_add(out, "</ul>\n");
        add_signatures(r, out);
    }
    if (status == 0 && r->n_cells) {
        status = add_provenance(r, out, e);
    }
    add_run_files(o, out);
    str_add(out, "</main>\n</body>\n</html>\n");
    return status;
}
