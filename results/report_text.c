/* The whole report as text, Markdown, LaTeX or CSV, and the sentences that html shares. */
#include "results/report_private.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/record.h"
#include "results/view.h"

const char *const report_notes[] = {
    "n counts replicates: cells that differ only in the draw of training images or the seed. "
    "Median, min, "
    "max and mean are over these.",
    "\xc2\xb1"
    "95% is half the width of Student's t interval of the mean over the n replicates. It covers "
    "the draw of "
    "the training images (and the seed) alone, not the choice of test images, which all replicates "
    "share, "
    "nor that of the pre-trained weights; with few replicates it leans on their being nearly "
    "normal.",
    "test is the number of test images scored; \"21/12150\" is a part of an official test set, "
    "which is not "
    "comparable with published numbers.",
    "Cells with equal sig were made under the same protocol.",
    NULL,
};

const struct report_entry report_entries[] = {
    {"version", "bitbench"},
    {"commit", "commit"},
    {"compiler", "compiler"},
    {"flags", "compiler flags"},
    {"engine", "engine"},
    {"isa", "instruction set"},
    {"cpu", "processor"},
    {"threads", "threads"},
    {"blas", "BLAS"},
    {"blas_core", "BLAS core"},
    {"numeric_id", "numeric id"},
    {"data_fingerprint", "data fingerprint"},
    {"model_sha256", "weights SHA-256"},
};
const size_t report_entries_n = ARRAY_LEN(report_entries);

/* ---- facts about all cells ---- */

void report_counts(const struct report *r, struct str *out)
{
    str_addf(out, "%zu cell%s", r->n_cells, r->n_cells == 1 ? "" : "s");
    if (r->n_failed) {
        str_addf(out, ", %zu of them failed (listed below)", r->n_failed);
    }
    if (r->n_repeats) {
        str_addf(out, "; %zu left out of the averages as repetitions of a replicate", r->n_repeats);
    }
    if (r->n_conflicts) {
        str_addf(out, ", %zu of these with other results than the one that is counted",
                 r->n_conflicts);
    }
    str_add(out, ".");
}

struct counted {
    const char *value;
    bool dirty; /* a commit with changes that are not part of it */
    size_t n;
};

static bool is_dirty(const struct record *cell, const char *key)
{
    const char *dirty = pairs_get(&cell->provenance, "dirty");
    return strcmp(key, "commit") == 0 && dirty && strcmp(dirty, "1") == 0;
}

static int count_entries(const struct report *r, const char *key, struct counted **list, size_t *n,
                         struct err *e)
{
    void *items = NULL;
    size_t cap = 0;
    *n = 0;
    for (size_t i = 0; i < r->n_cells; i++) {
        const char *value = pairs_get(&r->cells[i]->provenance, key);
        bool dirty = is_dirty(r->cells[i], key);
        struct counted *c = items;
        size_t k = 0;
        while (value && k < *n && (strcmp(c[k].value, value) != 0 || c[k].dirty != dirty)) {
            k++;
        }
        if (value && k == *n) {
            if (mem_grow(&items, &cap, *n + 1, sizeof *c, e)) {
                free(items);
                return -1;
            }
            c = items;
            c[(*n)++] = (struct counted){value, dirty, 0};
        }
        if (value) {
            c[k].n++;
        }
    }
    *list = items;
    return 0;
}

int report_provenance(const struct report *r, const char *key, struct str *out, struct err *e)
{
    struct counted *list = NULL;
    size_t n;
    if (count_entries(r, key, &list, &n, e)) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        str_addf(out, "%s%s%s", i ? ", " : "", list[i].value,
                 list[i].dirty ? " with local changes" : "");
        if (n > 1) {
            str_addf(out, " (%zu cell%s)", list[i].n, list[i].n == 1 ? "" : "s");
        }
    }
    free(list);
    return 0;
}

bool report_first_of_protocol(const struct report *r, size_t g)
{
    for (size_t i = 0; i < g; i++) {
        if (strcmp(r->groups[i].letter, r->groups[g].letter) == 0) {
            return false;
        }
    }
    return true;
}

bool report_first_of_subject(const struct report *r, size_t g)
{
    for (size_t i = 0; i < g; i++) {
        if (strcmp(r->groups[i].first->subject, r->groups[g].first->subject) == 0) {
            return false;
        }
    }
    return true;
}

/* ---- text, md, latex ---- */

struct page {
    enum table_format f;
    struct str *out;
};

/* A line of running text; in latex a comment. */
static void add_line(const struct page *p, const char *text)
{
    if (p->f == TABLE_LATEX) {
        str_add(p->out, "% ");
        table_clean(p->out, text);
    } else {
        table_escape(p->out, p->f, text);
    }
    str_add(p->out, "\n");
}

static void add_item(const struct page *p, const char *text)
{
    str_add(p->out, p->f == TABLE_MD ? "- " : p->f == TABLE_TEXT ? "  "
                                                                 : "");
    add_line(p, text);
}

/* A sentence of ours (plain words): items of a list in md, lines of at most 88 characters
 * otherwise. */
static void add_note(const struct page *p, const char *text)
{
    if (p->f == TABLE_MD) {
        add_item(p, text);
        return;
    }
    char line[128];
    while (*text) {
        size_t n = strlen(text);
        if (n > 88) {
            for (n = 88; text[n] != ' '; n--) {
            }
        }
        memcpy(line, text, n);
        line[n] = '\0';
        add_line(p, line);
        text += n + strspn(text + n, " ");
    }
}

static void add_heading(const struct page *p, const char *text)
{
    str_add(p->out, p->f == TABLE_MD ? "\n## " : "\n");
    add_line(p, text);
    str_add(p->out, p->f == TABLE_MD ? "\n" : "");
}

static int add_section(const struct page *p, const struct report_section *s, const char *metric,
                       struct err *e)
{
    struct table t = {0};
    struct str text = {0};
    report_section_title(s, &text);
    add_heading(p, str_text(&text));
    str_clear(&text);
    report_section_constants(s, &text);
    if (text.len) {
        add_line(p, str_text(&text));
    }
    int status = str_check(&text, e) || report_section_table(s, metric, &t, e) ? -1 : 0;
    if (status == 0) {
        str_add(p->out, p->f == TABLE_LATEX ? "" : "\n");
        table_render(&t, p->f, p->out);
    }
    table_release(&t);
    str_release(&text);
    return status;
}

/* Each protocol with its letter, each subject. */
static int add_signatures(const struct page *p, const struct report *r, struct err *e)
{
    struct str text = {0};
    add_heading(p, "Signatures (protocol by letter, then models)");
    for (size_t g = 0; g < r->n; g++) {
        if (report_first_of_protocol(r, g)) {
            str_clear(&text);
            str_addf(&text, "%s: %s", r->groups[g].letter, r->groups[g].first->protocol);
            add_item(p, str_text(&text));
        }
    }
    for (size_t g = 0; g < r->n; g++) {
        if (report_first_of_subject(r, g)) {
            add_item(p, r->groups[g].first->subject);
        }
    }
    int status = str_check(&text, e);
    str_release(&text);
    return status;
}

static int add_failed(const struct page *p, const struct report *r, struct err *e)
{
    struct str text = {0};
    if (r->n_failed) {
        add_heading(p, "Failed cells");
    }
    for (size_t i = 0; i < r->n_cells; i++) {
        const struct record *cell = r->cells[i];
        if (cell->status != CELL_OK) {
            str_clear(&text);
            str_addf(&text, "%s (%s): %s: %s", cell_status_text(cell->status), cell->run_id,
                     cell->spec ? cell->spec : "", cell->message);
            add_item(p, str_text(&text));
        }
    }
    int status = str_check(&text, e);
    str_release(&text);
    return status;
}

static int add_provenance(const struct page *p, const struct report *r, struct err *e)
{
    struct str text = {0};
    int status = 0;
    add_heading(p, "Made with");
    for (size_t i = 0; i < report_entries_n && status == 0; i++) {
        str_clear(&text);
        str_addf(&text, "%s: ", report_entries[i].name);
        size_t empty = text.len;
        status =
            report_provenance(r, report_entries[i].key, &text, e) || str_check(&text, e) ? -1 : 0;
        if (status == 0 && text.len > empty) {
            add_item(p, str_text(&text));
        }
    }
    str_release(&text);
    return status;
}

static int add_page(const struct page *p, const struct report *r, const struct report_sections *s,
                    const char *metric, struct err *e)
{
    const struct view_metric view = view_metric(metric);
    struct str text = {0};
    str_addf(&text, "%s%s", view.title, *view.unit ? ", per cent" : "");
    str_add(p->out, p->f == TABLE_MD ? "# " : "");
    add_line(p, str_text(&text));
    str_clear(&text);
    report_counts(r, &text);
    str_add(p->out, p->f == TABLE_MD ? "\n" : "");
    add_line(p, str_text(&text));
    int status = str_check(&text, e);
    str_release(&text);
    for (size_t i = 0; i < s->n && status == 0; i++) {
        status = add_section(p, &s->items[i], metric, e);
    }
    str_add(p->out, "\n");
    for (size_t i = 0; report_notes[i] && r->n; i++) {
        add_note(p, report_notes[i]);
    }
    if (status == 0 && r->n) {
        status = add_signatures(p, r, e);
    }
    if (status == 0) {
        status = add_failed(p, r, e);
    }
    return status == 0 && r->n_cells ? add_provenance(p, r, e) : status;
}

static int add_cells(const struct report *r, struct str *out, struct err *e)
{
    struct table t;
    if (report_cells(r, &t, e)) {
        return -1;
    }
    table_render(&t, TABLE_CSV, out);
    table_release(&t);
    return 0;
}

int report_render(const struct report *r, const struct report_opts *o, struct str *out,
                  struct err *e)
{
    struct report_sections s;
    if (o->format == TABLE_CSV) {
        return add_cells(r, out, e) || str_check(out, e) ? -1 : 0;
    }
    if (report_check_metric(r, o->metric, e) || report_sections_init(&s, r, e)) {
        return -1;
    }
    const struct page p = {o->format, out};
    int status =
        o->format == TABLE_HTML ? report_html(r, &s, o, out, e) : add_page(&p, r, &s, o->metric, e);
    report_sections_release(&s);
    return status || str_check(out, e) ? -1 : 0;
}
