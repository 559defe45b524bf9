/* datasets verify: counts, classes and ids of each split against known values; labels, sizes and
 * what follows for BiT's HyperRule; broken, odd, equal and nearly equal images. Counts, ids, labels
 * and broken images decide the verdict, the rest is for people. */
#include "harness/datasets_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/dataset.h"
#include "datasets/known.h"
#include "datasets/survey.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "harness/command.h"
#include "results/table.h"

enum { FEW_CLASSES = 20 }; /* so many are listed as text; JSON always has them all */

struct report {
    const struct dataset *d;
    const char *decode;
    size_t most;
    bool failed;
    struct survey survey;
    struct survey_sizes sizes;
    struct survey_equal equal;
    struct dhash_near near;
    struct table splits, classes, findings, images;
    char rule[512];
};

static const char *const part_names[] = {"train", "val", "test"};

/* SHA-256 of the ids, or of the labels in decimal, joined by newlines. */
static void split_hash(const struct split *s, bool labels, char hex[HASH_SHA256_HEX])
{
    struct sha256 sha;
    sha256_init(&sha);
    for (size_t i = 0; i < s->n; i++) {
        char text[DATASET_ID];
        if (labels) {
            snprintf(text, sizeof text, "%d", (int)s->label[i]);
        } else {
            split_id(s, i, text);
        }
        sha256_add(&sha, "\n", i != 0);
        sha256_add(&sha, text, strlen(text));
    }
    sha256_final(&sha, hex);
}

static int count_classes(const struct split *s, size_t *n, struct err *e)
{
    uint8_t *seen = mem_take(s->d->n_classes, 1, e);
    *n = 0;
    if (!seen) {
        return -1;
    }
    for (size_t i = 0; i < s->n; i++) {
        *n += !seen[s->label[i]];
        seen[s->label[i]] = 1;
    }
    free(seen);
    return 0;
}

/* What is wrong with a split, "" if nothing; *known: whether there was anything to compare with. */
static void judge_split(const struct split *s, size_t n_classes, const char *ids, char *why,
                        size_t cap, bool *known)
{
    const struct known_split *k = known_find(s->d->desc->name, s->text);
    char labels[HASH_SHA256_HEX];
    *known = s->official_n || k;
    *why = 0;
    if (s->official_n && s->official_n != s->n) {
        snprintf(why, cap, "%zu images, %zu expected", s->n, s->official_n);
    } else if (k && strcmp(k->ids, ids)) {
        snprintf(why, cap, "other ids than %.8s...", k->ids);
    } else if (k && k->n_classes && k->n_classes != n_classes) {
        snprintf(why, cap, "%zu classes, %zu expected", n_classes, k->n_classes);
    } else if (k && k->labels) {
        split_hash(s, true, labels);
        if (strcmp(k->labels, labels)) {
            snprintf(why, cap, "other labels than the official ones");
        }
    }
}

static int report_split(struct report *r, const char *name, struct err *e)
{
    struct split s;
    struct err why = {0};
    struct table *t = &r->splits;
    size_t row = t->n_rows, n_classes;
    char hex[HASH_SHA256_HEX], wrong[128];
    bool known;
    if (split_open(&s, r->d, name, &why)) {
        if (why.code != ERR_USAGE) {
            return err_set(e, why.code, "%s", why.text);
        }
        bool missing = r->d->desc->official[0] != 0; /* only sets of one's own may lack a split */
        r->failed |= missing;
        return missing &&
                       (table_row(t, e) || table_set(t, row, 0, name, e) ||
                        table_setf(t, row, 1, e, "0") || table_set(t, row, 5, "FAIL: no image", e))
                   ? -1
                   : 0;
    }
    split_hash(&s, false, hex);
    int rc = count_classes(&s, &n_classes, e);
    judge_split(&s, n_classes, hex, wrong, sizeof wrong, &known);
    r->failed |= *wrong != 0;
    rc = rc || table_row(t, e) || table_set(t, row, 0, name, e) ||
                 table_setf(t, row, 1, e, "%zu", s.n) ||
                 (s.official_n && table_setf(t, row, 2, e, "%zu", s.official_n)) ||
                 table_setf(t, row, 3, e, "%zu", n_classes) || table_set(t, row, 4, hex, e) ||
                 table_setf(t, row, 5, e, "%s%s",
                            *wrong  ? "FAIL: "
                            : known ? "PASS"
                                    : "-",
                            wrong)
             ? -1
             : 0;
    split_close(&s);
    return rc;
}

/* Images of each class in trainval and test. */
static int report_classes(struct report *r, struct err *e)
{
    const struct dataset *d = r->d;
    struct table *t = &r->classes;
    size_t *counts = mem_take(d->n_classes, 2 * sizeof *counts, e);
    int rc = counts ? 0 : -1;
    for (size_t k = 0; k < d->desc->n_source_splits && !rc; k++) {
        for (size_t i = 0; i < d->n[k]; i++) {
            int32_t label = d->source->label(d->state, k, i);
            bool test = r->survey.images[r->survey.base[k] + i].part == SURVEY_TEST;
            counts[2 * label + test]++;
        }
    }
    for (size_t c = 0; c < d->n_classes && !rc; c++) {
        rc = table_row(t, e) || table_setf(t, c, 0, e, "%zu", c) ||
                     table_set(t, c, 1, dataset_class_name(d, c), e) ||
                     table_setf(t, c, 2, e, "%zu", counts[2 * c]) ||
                     table_setf(t, c, 3, e, "%zu", counts[2 * c + 1])
                 ? -1
                 : 0;
    }
    free(counts);
    return rc;
}

/* BiT's rule looks at the size of the images; the program applies it to a set as a whole, by the
 * size in its row. */
static int report_rule(struct report *r, struct err *e)
{
    static const char preset[] = "bit-paper";
    const struct survey_sizes *z = &r->sizes;
    struct preprocess p, takes;
    bool small = 2 * z->n_small > z->n;
    if (preprocess_preset(&p, preset, e) || preprocess_resolve(&p, small, small, e) ||
        preprocess_preset(&takes, preset, e) ||
        preprocess_resolve(&takes, r->d->desc->h, r->d->desc->w, e)) {
        return -1;
    }
    int n =
        snprintf(r->rule, sizeof r->rule,
                 "%zu of %zu images are below 96 x 96 pixels: BiT's HyperRule takes its %s sizes "
                 "(%s: resize %zu, crop %zu)",
                 z->n_small, z->n, small ? "small" : "large", preset, p.resize, p.crop);
    if (p.crop != takes.crop) {
        snprintf(r->rule + n, sizeof r->rule - (size_t)n,
                 "; without a size in its table the program takes %zu, crop %zu, unless told "
                 "--preprocess %s:%zu-%zu-%s",
                 takes.resize, takes.crop, preset, p.resize, p.crop, p.kernel);
    }
    return 0;
}

static int add_image(struct report *r, const char *kind, const char *split, const char *id,
                     const char *detail, struct err *e)
{
    struct table *t = &r->images;
    size_t row = t->n_rows;
    return table_row(t, e) || table_set(t, row, 0, kind, e) || table_set(t, row, 1, split, e) ||
                   table_set(t, row, 2, id, e) || table_set(t, row, 3, detail, e)
               ? -1
               : 0;
}

static int add_count(struct report *r, const char *kind, uint64_t n, struct err *e)
{
    struct table *t = &r->findings;
    size_t row = t->n_rows;
    return table_row(t, e) || table_set(t, row, 0, kind, e) ||
                   table_setf(t, row, 1, e, "%llu", (unsigned long long)n)
               ? -1
               : 0;
}

/* Images with one of the facts: how many, and the first of them. */
static int report_fact(struct report *r, const char *kind, unsigned fact, struct err *e)
{
    const struct survey *s = &r->survey;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        char id[DATASET_ID], detail[600];
        if (!(s->images[i].facts & fact)) {
            continue;
        }
        if (n++ < r->most) {
            survey_id(s, i, id);
            survey_explain(s, i, r->decode, detail, sizeof detail);
            if (add_image(r, kind, part_names[s->images[i].part], id, detail, e)) {
                return -1;
            }
        }
    }
    r->failed |= fact == SURVEY_BROKEN && n;
    return add_count(r, kind, n, e);
}

static int report_pairs(struct report *r, bool near, const struct dhash_pair *pairs, size_t n,
                        struct err *e)
{
    const struct survey *s = &r->survey;
    for (size_t i = 0; i < n; i++) {
        char a[DATASET_ID], b[DATASET_ID], detail[DATASET_ID + 64];
        const struct dhash_pair *p = &pairs[i];
        survey_id(s, p->a, a);
        survey_id(s, p->b, b);
        int len = snprintf(detail, sizeof detail, "%s %s", part_names[s->images[p->b].part], b);
        if (near) {
            snprintf(detail + len, sizeof detail - (size_t)len, ", distance %u", p->distance);
        }
        if (add_image(r, near ? "nearly equal" : "equal", part_names[s->images[p->a].part], a,
                      detail, e)) {
            return -1;
        }
    }
    return 0;
}

static int report_copies(struct report *r, struct pool *pool, struct err *e)
{
    size_t n;
    struct dhash_item *items = mem_take(r->survey.n, sizeof *items, e);
    int rc = items ? survey_find_equal(&r->equal, &r->survey, r->most, items, &n, e) : -1;
    rc = rc ? rc : dhash_find_near(&r->near, items, n, r->most, pool, e);
    free(items);
    return rc || add_count(r, "equal to another", r->equal.n_copies, e) ||
                   add_count(r, "equal across splits", r->equal.n_across, e) ||
                   report_pairs(r, false, r->equal.pairs, r->equal.n_pairs, e) ||
                   (!r->near.too_many &&
                    (add_count(r, "nearly equal pairs", r->near.n_within + r->near.n_across, e) ||
                     add_count(r, "nearly equal pairs across splits", r->near.n_across, e))) ||
                   report_pairs(r, true, r->near.pairs, r->near.n_pairs, e)
               ? -1
               : 0;
}

static int fill(struct report *r, struct ctx *c, struct err *e)
{
    static const struct {
        const char *kind;
        unsigned fact;
    } facts[] = {{"cannot be read", SURVEY_BROKEN},
                 {"named as another format", SURVEY_WRONG_NAME},
                 {"CMYK JPEG", SURVEY_CMYK},
                 {"YCCK JPEG", SURVEY_YCCK},
                 {"turned by EXIF", SURVEY_TURNED}};
    for (size_t i = 0; i < r->d->n_splits; i++) {
        if (report_split(r, r->d->splits[i].name, e)) {
            return -1;
        }
    }
    if (survey_run(&r->survey, r->d, r->decode, c->pool, e) || report_classes(r, e) ||
        survey_sizes(&r->sizes, &r->survey, e) || report_rule(r, e)) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        if (report_fact(r, facts[i].kind, facts[i].fact, e)) {
            return -1;
        }
    }
    return report_copies(r, c->pool, e);
}

/* What the set's own lists name and the files lack, or NULL. */
static const char *lacks(const struct report *r)
{
    const struct source_ops *source = r->d->source;
    return source->incomplete ? source->incomplete(r->d->state) : NULL;
}

static void add_range(struct str *out, const char *name, const struct survey_range *v, bool json)
{
    str_addf(out,
             json ? "\"%s\": {\"min\": %llu, \"median\": %llu, \"max\": %llu}"
                  : "%s %llu / %llu / %llu",
             name, (unsigned long long)v->min, (unsigned long long)v->median,
             (unsigned long long)v->max);
}

static void add_sizes(struct str *out, const struct survey_sizes *z, bool json)
{
    add_range(out, "width", &z->w, json);
    str_add(out, ", ");
    add_range(out, "height", &z->h, json);
    str_add(out, ", ");
    add_range(out, "area", &z->area, json);
}

static void add_text_member(struct str *out, const char *key, const char *text)
{
    str_addf(out, ",\n\"%s\": ", key);
    json_add_text(out, text);
}

static void add_table_member(struct str *out, const char *key, const struct table *t)
{
    str_addf(out, ",\n\"%s\": ", key);
    context_add_json(t, out);
}

static void render_json(const struct report *r, struct str *out)
{
    str_add(out, "{\"name\": ");
    json_add_text(out, r->d->name);
    add_text_member(out, "where", dataset_where(r->d));
    add_text_member(out, "fingerprint", r->d->fingerprint);
    add_text_member(out, "verdict", r->failed ? "FAIL" : "PASS");
    add_text_member(out, "lacks", lacks(r) ? lacks(r) : "");
    add_table_member(out, "splits", &r->splits);
    add_table_member(out, "classes", &r->classes);
    str_add(out, ",\n\"sizes\": {");
    add_sizes(out, &r->sizes, true);
    str_add(out, "}");
    add_text_member(out, "rule", r->rule);
    add_table_member(out, "findings", &r->findings);
    str_addf(out, ",\n\"near_compared\": %s", r->near.too_many ? "false" : "true");
    add_table_member(out, "images", &r->images);
    str_add(out, "}\n");
}

/* One line about the classes' sizes, or all of them. */
static void add_classes(struct str *out, const struct table *t)
{
    if (t->n_rows <= FEW_CLASSES) {
        table_render(t, TABLE_TEXT, out);
        return;
    }
    static const char *const names[] = {"trainval", "test"};
    for (size_t k = 0; k < 2; k++) {
        uint64_t least = UINT64_MAX, most = 0, v = 0;
        size_t at_least = 0, at_most = 0;
        for (size_t c = 0; c < t->n_rows; c++) {
            str_to_u64(table_get(t, c, 2 + k), &v);
            at_least = v < least ? c : at_least;
            least = v < least ? v : least;
            at_most = v > most ? c : at_most;
            most = v > most ? v : most;
        }
        str_addf(out, "%zu classes in %s: %llu (%s) to %llu (%s) images\n", t->n_rows, names[k],
                 (unsigned long long)least, table_get(t, at_least, 1), (unsigned long long)most,
                 table_get(t, at_most, 1));
    }
}

static void render_text(const struct report *r, struct str *out)
{
    str_addf(out, "%s at %s\nFingerprint %s\n\n", r->d->name, dataset_where(r->d),
             r->d->fingerprint);
    table_render(&r->splits, TABLE_TEXT, out);
    str_add(out, "\n");
    add_classes(out, &r->classes);
    str_add(out, "\nPixels, smallest / middle / largest: ");
    add_sizes(out, &r->sizes, false);
    str_addf(out, "\n%s\n\n", r->rule);
    table_render(&r->findings, TABLE_TEXT, out);
    if (r->near.too_many) {
        str_addf(out,
                 "Nearly equal images were not looked for: the pictures are too much alike (%.1e "
                 "comparisons).\n",
                 (double)r->near.n_comparisons);
    }
    if (r->images.n_rows) {
        str_add(out, "\n");
        table_render(&r->images, TABLE_TEXT, out);
    }
    str_addf(out, "\n%s%s%s\n", r->failed ? "FAIL" : "PASS", lacks(r) ? ": " : "",
             lacks(r) ? lacks(r) : "");
}

static int init_tables(struct report *r, struct err *e)
{
    static const char *const splits[] = {"split", ">images", ">official",
                                         ">classes", "sha256 of the ids", "verdict"};
    static const char *const classes[] = {">label", "class", ">trainval", ">test"};
    static const char *const findings[] = {"finding", ">number"};
    static const char *const images[] = {"finding", "split", "id", "detail"};
    return table_heads(&r->splits, splits, ARRAY_LEN(splits), e) ||
                   table_heads(&r->classes, classes, ARRAY_LEN(classes), e) ||
                   table_heads(&r->findings, findings, ARRAY_LEN(findings), e) ||
                   table_heads(&r->images, images, ARRAY_LEN(images), e)
               ? -1
               : 0;
}

static void release(struct report *r)
{
    table_release(&r->splits);
    table_release(&r->classes);
    table_release(&r->findings);
    table_release(&r->images);
    dhash_near_release(&r->near);
    survey_equal_release(&r->equal);
    survey_release(&r->survey);
}

int datasets_verify(struct ctx *c, const char *name, const char *decode, size_t most, struct err *e)
{
    struct report r = {.decode = decode, .most = most};
    struct dataset *d = NULL;
    struct dataset_dirs where = context_dataset_dirs(c);
    struct str out = {0};
    int status = -1;
    where.partial = true; /* a copy that is not whole is reported, not refused */
    if (context_compute(c, e) || dataset_open(&d, name, &where, e)) {
        goto out;
    }
    r.d = d;
    r.failed = lacks(&r) != NULL;
    if (init_tables(&r, e) || fill(&r, c, e)) {
        goto out;
    }
    if (c->g.json) {
        render_json(&r, &out);
    } else {
        render_text(&r, &out);
    }
    status = str_check(&out, e);
    if (!status) {
        fputs(str_text(&out), stdout);
    }
out:
    str_release(&out);
    release(&r);
    dataset_close(d);
    return status ? -1 : r.failed ? EXIT_FOUND
                                  : EXIT_DONE;
}
