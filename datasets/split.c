/* Split expressions: names, slices and sums of slices, after TFDS's split strings
 * (core/splits.py: per cent bounds are rounded half to even, negative bounds count from the end).
 * A named split is one or two ranges of source splits in canonical order; an expression selects
 * rows from them, one part behind the other. */
#include "datasets/source.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"

/* percent * n / 100 to the nearest whole number, halves to the even one. */
static size_t percent_of(size_t percent, size_t n)
{
    size_t whole = n / 100 * percent, rest = n % 100 * percent;
    whole += rest / 100;
    rest %= 100;
    return whole + (rest > 50 || (rest == 50 && whole % 2));
}

/* percent * n / 100 without its fraction, as VTAB computes with whole numbers. */
static size_t whole_percent_of(size_t percent, size_t n)
{
    return n / 100 * percent + n % 100 * percent / 100;
}

static size_t bound_of(const struct split_part *p, size_t percent, size_t n)
{
    return p->floor ? whole_percent_of(percent, n) : percent_of(percent, n);
}

/* The positions *from..*to of a part in a source split of n images. */
static void part_range(const struct split_part *p, size_t n, size_t *from, size_t *to)
{
    *from = p->percent ? bound_of(p, p->from, n) : p->from;
    *to = p->percent ? bound_of(p, p->to, n) : p->to ? p->to
                                                     : n;
    *to = *to < n ? *to : n;
    *from = *from < *to ? *from : *to;
    if (p->most && *to - *from > p->most) {
        *to = *from + p->most;
    }
}

size_t split_desc_count(const struct split_desc *s, const size_t n[DATASET_MAX_SOURCE_SPLITS])
{
    size_t sum = 0;
    for (size_t i = 0; i < s->n_parts; i++) {
        size_t from, to;
        part_range(&s->parts[i], n[s->parts[i].source_split], &from, &to);
        sum += to - from;
    }
    return sum;
}

/* One summand of an expression. */
struct term {
    const struct split_desc *split;
    size_t from, to; /* positions within it */
    bool sliced;
};

static int unknown_split(const struct dataset *d, const char *name, struct err *e)
{
    struct near near;
    struct str names = {0};
    near_init(&near, name);
    for (size_t i = 0; i < d->n_splits; i++) {
        if (split_desc_count(&d->splits[i], d->n)) {
            near_add(&near, d->splits[i].name);
            str_addf(&names, "%s%s", names.len ? ", " : "", d->splits[i].name);
        }
    }
    err_set(e, ERR_USAGE, "%s has no split '%s'%s (splits: %s)", d->name, name, near_text(&near),
            str_text(&names));
    str_release(&names);
    return -1;
}

static const struct split_desc *find_split(const struct dataset *d, const char *name)
{
    for (size_t i = 0; i < d->n_splits; i++) {
        if (!strcmp(d->splits[i].name, name) && split_desc_count(&d->splits[i], d->n)) {
            return &d->splits[i];
        }
    }
    return NULL;
}

/* Reads [-]digits[%] at *p; leaves *out alone where there is none. False: malformed. */
static bool read_bound(const char **p, size_t n, size_t *out)
{
    const char *t = *p;
    bool negative = *t == '-';
    t += negative;
    if (!isdigit((unsigned char)*t)) {
        return !negative;
    }
    size_t v = 0;
    for (; isdigit((unsigned char)*t); t++) {
        v = v < SIZE_MAX / 100 ? v * 10 + (size_t)(*t - '0') : v;
    }
    if (*t == '%') {
        if (v > 100) {
            return false;
        }
        v = percent_of(v, n);
        t++;
    }
    v = v < n ? v : n;
    *out = negative ? n - v : v;
    *p = t;
    return true;
}

/* Reads NAME or NAME[FROM:TO] at *p. */
static int read_term(const struct dataset *d, const char **p, struct term *t, struct err *e)
{
    char name[64];
    size_t n = strcspn(*p, "[+");
    assert(n < sizeof name); /* the expression fits struct split's text */
    memcpy(name, *p, n);
    name[n] = 0;
    t->split = find_split(d, name);
    if (!t->split) {
        return unknown_split(d, name, e);
    }
    *p += n;
    size_t count = split_desc_count(t->split, d->n);
    t->from = 0;
    t->to = count;
    t->sliced = **p == '[';
    if (!t->sliced) {
        return 0;
    }
    const char *q = *p + 1;
    bool ok = read_bound(&q, count, &t->from) && *q++ == ':' && read_bound(&q, count, &t->to) &&
              *q++ == ']' && (*q == 0 || *q == '+');
    if (!ok) {
        return err_set(e, ERR_USAGE,
                       "'%s' is no slice of split %s; slices look like %s[:800], %s[90%%:], "
                       "%s[-100:]",
                       *p, name, name, name, name);
    }
    t->to = t->to > t->from ? t->to : t->from;
    *p = q;
    return 0;
}

/* Appends the term's rows to s, whose arrays have room for them. */
static void take_rows(struct split *s, const struct term *t)
{
    size_t skip = t->from, want = t->to - t->from;
    for (size_t i = 0; i < t->split->n_parts; i++) {
        const struct split_part *part = &t->split->parts[i];
        size_t from, to;
        part_range(part, s->d->n[part->source_split], &from, &to);
        size_t skipped = skip < to - from ? skip : to - from;
        skip -= skipped;
        for (from += skipped; from < to && want; from++, want--) {
            s->source_split[s->n] = (uint8_t)part->source_split;
            s->row[s->n] = s->d->order[part->source_split][from];
            s->n++;
        }
    }
}

static int take_labels(struct split *s, struct err *e)
{
    s->label = mem_take(s->n, sizeof *s->label, e);
    if (!s->label) {
        return -1;
    }
    for (size_t i = 0; i < s->n; i++) {
        s->label[i] = s->d->source->label(s->d->state, s->source_split[i], s->row[i]);
    }
    return 0;
}

/* A sum must not count an image twice. */
static int check_distinct(const struct split *s, struct err *e)
{
    size_t start[DATASET_MAX_SOURCE_SPLITS + 1] = {0};
    for (size_t i = 0; i < DATASET_MAX_SOURCE_SPLITS; i++) {
        start[i + 1] = start[i] + s->d->n[i];
    }
    uint8_t *seen = mem_take(start[DATASET_MAX_SOURCE_SPLITS], 1, e);
    if (!seen) {
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; i < s->n && !rc; i++) {
        uint8_t *mark = &seen[start[s->source_split[i]] + s->row[i]];
        if (*mark) {
            char id[DATASET_ID];
            split_id(s, i, id);
            rc = err_set(e, ERR_USAGE, "'%s' selects image %s twice", s->text, id);
        }
        *mark = 1;
    }
    free(seen);
    return rc;
}

/* Room for n more rows. */
static int reserve(struct split *s, size_t *cap_source, size_t *cap_row, size_t n, struct err *e)
{
    void *source = s->source_split, *row = s->row;
    int rc = mem_grow(&source, cap_source, s->n + n, sizeof *s->source_split, e);
    s->source_split = source;
    rc = rc ? rc : mem_grow(&row, cap_row, s->n + n, sizeof *s->row, e);
    s->row = row;
    return rc;
}

static int select_rows(struct split *s, struct err *e)
{
    size_t cap_source = 0, cap_row = 0, n_terms = 0;
    bool known = true;
    s->whole = true;
    for (const char *p = s->text;; p++) {
        struct term t;
        if (read_term(s->d, &p, &t, e) || reserve(s, &cap_source, &cap_row, t.to - t.from, e)) {
            return -1;
        }
        take_rows(s, &t);
        size_t official = split_desc_count(t.split, s->d->desc->official);
        known = known && official;
        s->official_n += official;
        s->whole = s->whole && !t.sliced;
        n_terms++;
        if (!*p) {
            break;
        }
    }
    s->official_n = known ? s->official_n : 0;
    if (!s->n) {
        return err_set(e, ERR_USAGE, "'%s' selects no image", s->text);
    }
    return n_terms > 1 ? check_distinct(s, e) : 0;
}

int split_open(struct split *s, const struct dataset *d, const char *text, struct err *e)
{
    memset(s, 0, sizeof *s);
    s->d = d;
    if (strlen(text) >= sizeof s->text) {
        return err_set(e, ERR_USAGE, "the split '%.40s...' is longer than %zu characters", text,
                       sizeof s->text - 1);
    }
    strcpy(s->text, text);
    if (select_rows(s, e) || take_labels(s, e)) {
        split_close(s);
        return -1;
    }
    return 0;
}

void split_close(struct split *s)
{
    free(s->source_split);
    free(s->row);
    free(s->label);
    memset(s, 0, sizeof *s);
}

void split_id(const struct split *s, size_t i, char id[DATASET_ID])
{
    assert(i < s->n);
    dataset_key(s->d, s->source_split[i], s->row[i], id);
}

int split_read(const struct split *s, size_t i, struct sample_buf *buf, struct sample *out,
               struct err *e)
{
    assert(i < s->n);
    return s->d->source->read(s->d->state, s->source_split[i], s->row[i], buf, out, e);
}

void split_hint(const struct split *s, size_t i)
{
    assert(i < s->n);
    if (s->d->source->hint) {
        s->d->source->hint(s->d->state, s->source_split[i], s->row[i]);
    }
}
