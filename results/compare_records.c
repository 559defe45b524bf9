/* A comparison from stored cells: pairs them, aligns their images, names the sets, and collects
 * what a reader must know: where the two sides were computed, what differs between them. */
#include "results/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/alignment.h"
#include "results/pairing.h"
#include "results/record.h"
#include "results/signature.h"
#include "results/store.h"
#include "results/vtab.h"

enum { MOST_FIELDS = 32 };

struct comparing {
    struct comparison *c;
    const struct compare_opts *o;
    const struct record_list *base, *cand;
    struct pairing p;
};

static const struct record *group_first(const struct comparing *in, size_t g)
{
    return in->p.pairs[in->p.groups[g].first].base;
}

/* ---- names ---- */

static bool same_field(const char *a, const char *b, size_t i)
{
    struct str x = {0}, y = {0};
    pairing_field(a, i, &x);
    pairing_field(b, i, &y);
    bool same = strcmp(str_text(&x), str_text(&y)) == 0;
    str_release(&x);
    str_release(&y);
    return same;
}

static bool is_named(const char *field, const char *name)
{
    return strncmp(field, name, strlen(name)) == 0 && field[strlen(name)] == ':';
}

/* Appends what tells the group from others on the same data set; all: and what a mean keeps apart,
 * the training images and the adaptation. */
static void add_distinctions(const struct comparing *in, size_t g, bool all, struct str *out)
{
    const struct record *own = group_first(in, g);
    size_t start = out->len;
    for (size_t i = 1; i < MOST_FIELDS; i++) {
        struct str field = {0};
        pairing_field(own->protocol, i, &field);
        bool shown = all && (i == 2 || is_named(str_text(&field), "train"));
        for (size_t k = 0; k < in->p.n_groups && !shown; k++) {
            const struct record *other = group_first(in, k);
            shown = same_field(own->protocol, other->protocol, 0) &&
                    !same_field(own->protocol, other->protocol, i);
        }
        if (shown && field.len) {
            str_addf(out, "%s%s", out->len > start ? " " : "", str_text(&field));
        }
        str_release(&field);
    }
    bool several = false;
    for (size_t k = 0; k < in->p.n_groups; k++) {
        several = several || strcmp(own->subject, group_first(in, k)->subject) != 0;
    }
    if (several) {
        str_addf(out, "%s%.*s", out->len > start ? " " : "", (int)strcspn(own->subject, "|"),
                 own->subject);
    }
}

/* ---- changed images ---- */

static int add_change(struct comparing *in, const struct pair_group *g,
                      const struct changed_image *image, struct err *e)
{
    struct comparison *c = in->c;
    const struct cell_pair *pair = &in->p.pairs[g->first + image->pair];
    const struct outcomes *base = &pair->base->outcomes, *cand = &pair->cand->outcomes;
    void *changes = c->changes;
    struct str id = {0};
    if (mem_grow(&changes, &c->changes_cap, c->n_changes + 1, sizeof *c->changes, e)) {
        return -1;
    }
    c->changes = changes;
    if (base->numeric_ids) {
        str_addf(&id, "%llu", (unsigned long long)base->id_number[image->row_base]);
    } else {
        str_add(&id, base->id_text + image->row_base * base->id_stride);
    }
    struct compare_change *change = &c->changes[c->n_changes];
    *change = (struct compare_change){.set = c->n,
                                      .position = image->position,
                                      .id = mem_strdup(str_text(&id), e),
                                      .replicate = mem_strdup(pair->base->replicate, e),
                                      .label = base->label[image->row_base],
                                      .base = base->pred[image->row_base],
                                      .cand = cand->pred[image->row_cand]};
    change->margin = cand->margin ? cand->margin[image->row_cand] : (float)NAN;
    str_release(&id);
    c->n_changes++;
    return change->id && change->replicate ? 0 : -1;
}

/* ---- sets ---- */

static int remark_on_set(struct comparing *in, const struct pair_group *g, const char *name,
                         const struct alignment *a, struct err *e)
{
    const struct record *base = in->p.pairs[g->first].base, *cand = in->p.pairs[g->first].cand;
    struct str why = {0};
    int rc = 0;
    if (signature_difference(base->protocol, cand->protocol, &why)) {
        rc = lines_addf(&in->c->remarks, e, "%s: %s", name, str_text(&why));
    }
    if (rc == 0 && a->n_scores) {
        rc = lines_addf(&in->c->remarks, e,
                        "%s: every prediction is the same in %zu of %zu cells, but their scores "
                        "are not bit for bit",
                        name, a->n_scores, g->n);
    }
    if (rc == 0 && g->n == 1 && strstr(base->protocol, "|train:k")) {
        rc = lines_addf(&in->c->remarks, e,
                        "%s: one draw only, so that nothing is said about other draws of the "
                        "training images",
                        name);
    }
    str_release(&why);
    return rc;
}

static int add_group(struct comparing *in, size_t index, struct err *e)
{
    const struct pair_group *g = &in->p.groups[index];
    const struct record *first = group_first(in, index);
    struct paired_set set = {0};
    struct alignment a = {0};
    struct str name = {0}, series = {0}, dataset = {0};
    pairing_field(first->protocol, 0, &dataset);
    str_add(&name, str_text(&dataset));
    str_add_char(&name, ' ');
    add_distinctions(in, index, false, &name);
    if (name.len && name.data[name.len - 1] == ' ') {
        name.data[--name.len] = '\0';
    }
    add_distinctions(in, index, true, &series);
    size_t most = in->o->as_leaderboard ? vtab_scored(str_text(&dataset), first->outcomes.n) : 0;
    int rc = str_check(&name, e) || str_check(&series, e) ||
                     alignment_init(&a, &set, in->p.pairs + g->first, g->n, most, e)
                 ? -1
                 : 0;
    if (rc && e->code == ERR_USAGE) {
        err_wrap(e, "%s", str_text(&name));
    }
    for (size_t i = 0; i < a.n_changed && in->o->changes && rc == 0; i++) {
        rc = add_change(in, g, &a.changed[i], e);
    }
    if (rc == 0) {
        set.name = mem_strdup(str_text(&name), e);
        rc = !set.name || remark_on_set(in, g, set.name, &a, e) ||
                     comparison_add(in->c, &set, str_text(&dataset), str_text(&series),
                                    first->protocol, e)
                 ? -1
                 : 0;
    }
    paired_set_release(&set);
    alignment_release(&a);
    str_release(&name);
    str_release(&series);
    str_release(&dataset);
    return rc;
}

/* ---- where the two sides come from ---- */

static const char *value_of(const struct record *r, const char *key, bool label)
{
    return pairs_get(label ? &r->labels : &r->provenance, key);
}

/* Distinct values of a provenance key (or a label) over one side's paired cells: "avx2" or "avx2,
 * base". */
static void add_values(const struct comparing *in, bool cand, const char *key, bool label,
                       struct str *out)
{
    struct lines seen = {0};
    struct err ignored = {0};
    for (size_t i = 0; i < in->p.n; i++) {
        const struct cell_pair *pair = &in->p.pairs[i];
        const char *v = value_of(cand ? pair->cand : pair->base, key, label);
        bool known = false;
        for (size_t k = 0; k < seen.n && v; k++) {
            known = known || strcmp(seen.items[k], v) == 0;
        }
        if (v && !known && lines_addf(&seen, &ignored, "%s", v) == 0) {
            str_addf(out, "%s%s", seen.n > 1 ? ", " : "", v);
        }
    }
    lines_release(&seen);
}

/* How many pairs were made with different values of a key. */
static size_t count_different(const struct comparing *in, const char *key)
{
    size_t n = 0;
    for (size_t i = 0; i < in->p.n; i++) {
        const char *a = pairs_get(&in->p.pairs[i].base->provenance, key);
        const char *b = pairs_get(&in->p.pairs[i].cand->provenance, key);
        n += a && b && strcmp(a, b) != 0;
    }
    return n;
}

static int remark_on_machine(struct comparing *in, const char *key, const char *what,
                             struct err *e)
{
    struct str a = {0}, b = {0};
    int rc = 0;
    add_values(in, false, key, false, &a);
    add_values(in, true, key, false, &b);
    if (count_different(in, key)) {
        rc = lines_addf(&in->c->remarks, e,
                        "WARNING: the %s differs (%s against %s): sums are rounded in another "
                        "order, so predictions can change although the code did not",
                        what, str_text(&a), str_text(&b));
    }
    str_release(&a);
    str_release(&b);
    return rc;
}

static int remark_on_code(struct comparing *in, struct err *e)
{
    size_t n = count_different(in, "numeric_id");
    if (n == 0) {
        return lines_addf(&in->c->remarks, e,
                          "the code that numbers depend on is the same on both sides");
    }
    return lines_addf(&in->c->remarks, e,
                      "the code that numbers depend on differs for %zu of %zu cells", n, in->p.n);
}

static int remark_on_subjects(struct comparing *in, struct err *e)
{
    for (size_t i = 0; i < in->p.n_groups; i++) {
        const struct cell_pair *pair = &in->p.pairs[in->p.groups[i].first];
        bool known = false;
        for (size_t k = 0; k < i; k++) {
            const struct cell_pair *other = &in->p.pairs[in->p.groups[k].first];
            known = known || strcmp(other->base->subject, pair->base->subject) == 0;
        }
        if (!known && strcmp(pair->base->subject, pair->cand->subject) != 0 &&
            lines_addf(&in->c->remarks, e, "the models differ: %s against %s", pair->base->subject,
                       pair->cand->subject)) {
            return -1;
        }
    }
    return 0;
}

static int remark_on_rest(struct comparing *in, struct err *e)
{
    struct lines *remarks = &in->c->remarks;
    const struct pairing *p = &in->p;
    if ((p->n_base_failed && lines_addf(remarks, e, "%zu cells of the base failed; left out",
                                        p->n_base_failed)) ||
        (p->n_extra && lines_addf(remarks, e, "%zu cells are in the candidate only; left out",
                                  p->n_extra))) {
        return -1;
    }
    return in->o->as_leaderboard
               ? lines_addf(remarks, e,
                            "only the test images that VTAB's published numbers count: multiples "
                            "of 8, and 632 of kitti-distance")
               : 0;
}

/* What one side is, for its heading: the commits that were measured, and those of the program. */
static void name_side(const struct comparing *in, bool cand, char out[256])
{
    struct str program = {0}, measured = {0};
    const struct record_list *l = cand ? in->cand : in->base;
    add_values(in, cand, "commit", false, &program);
    add_values(in, cand, "commit", true, &measured);
    const char *name = cand ? in->o->cand : in->o->base;
    snprintf(out, 256, "%.90s%s%zu cells%s%.60s%s%.40s", name ? name : "", name ? ": " : "", l->n,
             measured.len ? " of commit " : "", str_text(&measured),
             program.len ? ", made by bitbench " : "", str_text(&program));
    str_release(&program);
    str_release(&measured);
}

/* ---- missing cells ---- */

/* The failed cell of the candidate with this spec, if that is why one is missing. */
static const struct record *failed_twin(const struct comparing *in, const struct record *base)
{
    for (size_t i = 0; i < in->cand->n; i++) {
        const struct record *r = &in->cand->records[i];
        if (r->status != CELL_OK && r->spec && base->spec && strcmp(r->spec, base->spec) == 0) {
            return r;
        }
    }
    return NULL;
}

static int list_missing(struct comparing *in, struct err *e)
{
    for (size_t i = 0; i < in->p.n_missing; i++) {
        const struct record *r = in->p.missing[i], *twin = failed_twin(in, r);
        if (lines_addf(&in->c->missing, e, "%s;%s: %s%s%s", r->protocol, r->replicate,
                       twin ? cell_status_text(twin->status) : "not there", twin ? ": " : "",
                       twin ? twin->message : "")) {
            return -1;
        }
    }
    return 0;
}

int compare_records(struct comparison *c, const struct record_list *base,
                    const struct record_list *cand, const struct compare_opts *o,
                    struct pool *pool, struct err *e)
{
    struct comparing in = {.c = c, .o = o, .base = base, .cand = cand};
    *c = (struct comparison){.rule = o->rule, .predictions = true};
    if (pairing_init(&in.p, base, cand, o->vary, o->n_vary, e)) {
        return -1;
    }
    name_side(&in, false, c->base);
    name_side(&in, true, c->cand);
    int rc = remark_on_subjects(&in, e) || remark_on_code(&in, e) ||
                     remark_on_machine(&in, "isa", "instruction set", e) ||
                     remark_on_machine(&in, "blas_core", "OpenBLAS core", e) ||
                     remark_on_rest(&in, e) || list_missing(&in, e)
                 ? -1
                 : 0;
    for (size_t i = 0; i < in.p.n_groups && rc == 0; i++) {
        rc = add_group(&in, i, e);
    }
    if (rc == 0) {
        rc = comparison_finish(c, pool, e);
    }
    pairing_release(&in.p);
    if (rc) {
        comparison_release(c);
    }
    return rc;
}
