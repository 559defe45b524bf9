/* Pairing of cells by keys: the protocol without the fields that may vary, the subject as it is
 * called in the base, and the replicate. */
#include "results/pairing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/record.h"
#include "results/signature.h"
#include "results/store.h"
#include "results/view.h"

enum { DATASET_FIELD = 0,
       ADAPT_FIELD = 2 };

/* ---- fields ---- */

static const char *field_at(const char *part, size_t i, size_t *len)
{
    for (; i && *part; i--) {
        part += strcspn(part, "|");
        part += *part == '|';
    }
    *len = strcspn(part, "|");
    return part;
}

void pairing_field(const char *part, size_t i, struct str *out)
{
    size_t len;
    const char *field = field_at(part, i, &len);
    str_add_n(out, field, len);
}

/* Is field i (of len bytes) the one that is called name? */
static bool is_called(const char *field, size_t len, size_t i, const char *name)
{
    size_t n = strlen(name);
    return (i == DATASET_FIELD && strcmp(name, "dataset") == 0) ||
           (i == ADAPT_FIELD && strcmp(name, "adapt") == 0) ||
           (i != DATASET_FIELD && len > n && memcmp(field, name, n) == 0 &&
            (field[n] == ':' || field[n] == '['));
}

bool pairing_named_field(const char *part, const char *name, struct str *out)
{
    for (size_t i = 0, len; *part; i++, part += len + (part[len] == '|')) {
        len = strcspn(part, "|");
        if (is_called(part, len, i, name)) {
            str_add_n(out, part, len);
            return true;
        }
    }
    return false;
}

/* The protocol with the fields of vary left out (their places stay). */
static void add_protocol(struct str *out, const char *part, const char *const *vary, size_t n_vary)
{
    for (size_t i = 0, len; *part; i++, part += len + (part[len] == '|')) {
        bool free_field = false;
        len = strcspn(part, "|");
        for (size_t k = 0; k < n_vary; k++) {
            free_field = free_field || is_called(part, len, i, vary[k]);
        }
        str_add_n(out, part, free_field ? 0 : len);
        str_add_char(out, '|');
    }
}

static int check_vary(const struct record_list *l, const char *const *vary, size_t n_vary,
                      struct err *e)
{
    for (size_t k = 0; k < n_vary; k++) {
        bool found = false;
        struct str ignored = {0};
        for (size_t i = 0; i < l->n && !found; i++) {
            found = pairing_named_field(l->records[i].protocol, vary[k], &ignored);
        }
        str_release(&ignored);
        if (!found) {
            const char *example = l->n ? l->records[0].protocol : "";
            return err_set(e, ERR_USAGE,
                           "--vary %s: no protocol has a field of that name; fields are dataset, "
                           "adapt and what stands before a ':' in %s",
                           vary[k], example);
        }
    }
    return 0;
}

/* ---- subjects ---- */

struct subjects {
    const char **texts; /* distinct, in order of appearance */
    size_t n;
};

static size_t find_subject(const struct subjects *s, const char *text)
{
    size_t i = 0;
    while (i < s->n && strcmp(s->texts[i], text) != 0) {
        i++;
    }
    return i;
}

static int list_subjects(struct subjects *s, const struct record_list *l, struct err *e)
{
    s->texts = mem_take(l->n, sizeof *s->texts, e);
    for (size_t i = 0; s->texts && i < l->n; i++) {
        const struct record *r = &l->records[i];
        if (r->status == CELL_OK && find_subject(s, r->subject) == s->n) {
            s->texts[s->n++] = r->subject;
        }
    }
    return s->texts ? 0 : -1;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "|");
    return n == strcspn(b, "|") && memcmp(a, b, n) == 0;
}

static bool is_taken(const size_t *map, size_t n, size_t value)
{
    for (size_t i = 0; i < n; i++) {
        if (map[i] == value) {
            return true;
        }
    }
    return false;
}

/* The only j of base with the name of cand's i that is not taken; base->n when none or several. */
static size_t by_name(const struct subjects *base, const struct subjects *cand, const size_t *map,
                      size_t i)
{
    size_t found = base->n;
    for (size_t j = 0; j < base->n; j++) {
        if (!is_taken(map, cand->n, j) && same_name(base->texts[j], cand->texts[i])) {
            found = found == base->n ? j : base->n + 1;
        }
    }
    return found < base->n ? found : base->n;
}

static void add_subjects(struct str *out, const struct subjects *s, const bool *left)
{
    for (size_t i = 0, n = 0; i < s->n; i++) {
        if (left[i]) {
            str_addf(out, "%s%s", n++ ? ", " : "", s->texts[i]);
        }
    }
}

static int refuse_subjects(const struct subjects *base, const struct subjects *cand,
                           const bool *left_base, const bool *left_cand, struct err *e)
{
    struct str a = {0}, b = {0};
    add_subjects(&a, base, left_base);
    add_subjects(&b, cand, left_cand);
    err_set(e, ERR_USAGE,
            "cannot tell which models belong together: %.300s in the base, %.300s in the candidate",
            str_text(&a), str_text(&b));
    str_release(&a);
    str_release(&b);
    return -1;
}

/* What is left on both sides after equal texts and equal names. */
static int map_rest(const struct subjects *base, const struct subjects *cand, size_t *map,
                    struct err *e)
{
    bool *left = mem_take(base->n + cand->n, sizeof *left, e);
    if (!left) {
        return -1;
    }
    bool *left_cand = left + base->n;
    size_t n_base = 0, n_cand = 0, j_left = 0, i_left = 0;
    for (size_t j = 0; j < base->n; j++) {
        left[j] = !is_taken(map, cand->n, j);
        n_base += left[j];
        j_left = left[j] ? j : j_left;
    }
    for (size_t i = 0; i < cand->n; i++) {
        left_cand[i] = map[i] == base->n;
        n_cand += left_cand[i];
        i_left = left_cand[i] ? i : i_left;
    }
    int rc = 0;
    if (n_base == 1 && n_cand == 1) {
        map[i_left] = j_left;
    } else if (n_base && n_cand) {
        rc = refuse_subjects(base, cand, left, left_cand, e);
    }
    free(left);
    return rc;
}

/* map [cand->n]: the index in base, or base->n. */
static int map_subjects(const struct subjects *base, const struct subjects *cand, size_t *map,
                        struct err *e)
{
    for (size_t i = 0; i < cand->n; i++) {
        map[i] = find_subject(base, cand->texts[i]);
    }
    for (size_t i = 0; i < cand->n; i++) {
        if (map[i] == base->n) {
            map[i] = by_name(base, cand, map, i);
        }
    }
    return map_rest(base, cand, map, e);
}

/* ---- keys ---- */

struct keyed {
    const struct record *r;
    char *key;   /* "subject\nprotocol\nreplicate"; owned */
    size_t stem; /* length up to the replicate */
    size_t order;
    bool used;
};
struct keys {
    struct keyed *items;
    size_t n;
};

static void keys_release(struct keys *k)
{
    for (size_t i = 0; i < k->n; i++) {
        free(k->items[i].key);
    }
    free(k->items);
}

static int by_key(const void *a, const void *b)
{
    const struct keyed *p = a, *q = b;
    return strcmp(p->key, q->key);
}

/* Finished cells with their keys, sorted; subject: as the base calls it. */
static int make_keys(struct keys *k, const struct record_list *l, const struct subjects *own,
                     const struct subjects *base, const size_t *map, const char *const *vary,
                     size_t n_vary, struct err *e)
{
    k->items = mem_take(l->n, sizeof *k->items, e);
    if (!k->items) {
        return -1;
    }
    for (size_t i = 0; i < l->n; i++) {
        const struct record *r = &l->records[i];
        if (r->status != CELL_OK) {
            continue;
        }
        size_t s = find_subject(own, r->subject), j = map ? map[s] : s;
        struct str key = {0};
        str_addf(&key, "%s\n", j < base->n ? base->texts[j] : r->subject);
        add_protocol(&key, r->protocol, vary, n_vary);
        str_add_char(&key, '\n');
        size_t stem = key.len;
        str_add(&key, r->replicate);
        if (str_check(&key, e)) {
            str_release(&key);
            return -1;
        }
        k->items[k->n++] = (struct keyed){.r = r, .key = key.data, .stem = stem, .order = i};
    }
    qsort(k->items, k->n, sizeof *k->items, by_key);
    return 0;
}

/* The same key twice on one side: cells that differ in what may vary, or not at all. */
static int check_distinct(const struct keys *k, const char *side, struct err *e)
{
    for (size_t i = 1; i < k->n; i++) {
        const struct record *a = k->items[i - 1].r, *b = k->items[i].r;
        if (strcmp(k->items[i - 1].key, k->items[i].key) != 0) {
            continue;
        }
        struct str why = {0};
        if (!signature_difference(a->protocol, b->protocol, &why) &&
            !signature_difference(a->subject, b->subject, &why)) {
            str_addf(&why, "nothing that the signature shows (%s and %s)", a->run_id, b->run_id);
        }
        err_set(e, ERR_USAGE, "two cells of the %s could pair with one of the other side; they "
                              "differ in %.400s: %.200s",
                side, str_text(&why), a->protocol);
        str_release(&why);
        return -1;
    }
    return 0;
}

static int key_to_item(const void *key, const void *item)
{
    return strcmp(key, ((const struct keyed *)item)->key);
}

/* ---- refusals ---- */

static bool same_dataset(const char *a, const char *b)
{
    return same_name(a, b); /* the first field */
}

/* How near two cells that do not pair are: 3 the same but for the protocol, 2 but for the
 * replicate, 1 the same data set, 0 neither. Of other subjects: -1. */
static int nearness(const struct keyed *a, const struct keyed *b)
{
    size_t n = strcspn(a->key, "\n");
    if (n != strcspn(b->key, "\n") || memcmp(a->key, b->key, n) != 0) {
        return -1;
    }
    bool stem = a->stem == b->stem && memcmp(a->key, b->key, a->stem) == 0;
    if (stem) {
        return 2;
    }
    if (!same_dataset(a->r->protocol, b->r->protocol)) {
        return 0;
    }
    return strcmp(a->r->replicate, b->r->replicate) == 0 ? 3 : 1;
}

static int refuse(const struct keyed *base, const struct keyed *cand, struct err *e)
{
    struct str why = {0};
    const char *part = "protocol";
    if (!signature_difference(base->r->protocol, cand->r->protocol, &why)) {
        part = "replicate";
        signature_difference(base->r->replicate, cand->r->replicate, &why);
    }
    err_set(e, ERR_USAGE, "the %ss differ: %.400s (base %.200s)%s", part, str_text(&why),
            base->r->protocol,
            strcmp(part, "protocol") == 0 ? "; --vary FIELD pairs across a field" : "");
    str_release(&why);
    return -1;
}

/* A cell of the base without a partner, and one of the candidate that was meant to be it? */
static int check_unpaired(const struct keys *base, const struct keys *cand, bool any,
                          struct err *e)
{
    const struct keyed *a = NULL, *b = NULL;
    int best = any ? 1 : -1; /* where nothing pairs, the nearest two are told */
    for (size_t i = 0; i < base->n; i++) {
        for (size_t k = 0; k < cand->n && !base->items[i].used; k++) {
            int near = cand->items[k].used ? -1 : nearness(&base->items[i], &cand->items[k]);
            if (near > best) {
                best = near;
                a = &base->items[i];
                b = &cand->items[k];
            }
        }
    }
    if (a) {
        return refuse(a, b, e);
    }
    return any ? 0 : err_set(e, ERR_USAGE, "no cell of the base has one in the candidate");
}

/* ---- pairs ---- */

/* Replicates in their order: numbers by value. */
static int by_replicate(const void *a, const void *b)
{
    const struct cell_pair *p = a, *q = b;
    return view_compare(p->base->replicate, q->base->replicate);
}

static int by_order(const void *a, const void *b)
{
    const struct keyed *const *p = a, *const *q = b;
    return ((*p)->order > (*q)->order) - ((*p)->order < (*q)->order);
}

/* Groups in the order of the base's cells, from items that are sorted by key. */
static int collect(struct pairing *p, struct keys *base, struct keys *cand, struct err *e)
{
    const struct keyed **first = mem_take(base->n, sizeof *first, e);
    p->pairs = mem_take(base->n, sizeof *p->pairs, e);
    p->groups = mem_take(base->n, sizeof *p->groups, e);
    p->missing = mem_take(base->n, sizeof *p->missing, e);
    if (!first || !p->pairs || !p->groups || !p->missing) {
        free(first);
        return -1;
    }
    for (size_t i = 0; i < base->n; i++) { /* one cell for each stem: the earliest */
        const struct keyed *k = &base->items[i],
                           *last = p->n_groups ? first[p->n_groups - 1] : NULL;
        if (!last || last->stem != k->stem || memcmp(last->key, k->key, k->stem) != 0) {
            first[p->n_groups++] = k;
        } else if (k->order < last->order) {
            first[p->n_groups - 1] = k;
        }
    }
    qsort(first, p->n_groups, sizeof *first, by_order);
    size_t n_groups = 0;
    for (size_t g = 0; g < p->n_groups; g++) {
        struct pair_group group = {.first = p->n};
        for (size_t i = 0; i < base->n; i++) {
            struct keyed *k = &base->items[i], *partner;
            if (k->stem != first[g]->stem || memcmp(k->key, first[g]->key, k->stem) != 0) {
                continue;
            }
            partner = bsearch(k->key, cand->items, cand->n, sizeof *partner, key_to_item);
            if (partner) {
                k->used = partner->used = true;
                p->pairs[p->n++] = (struct cell_pair){k->r, partner->r};
            } else {
                p->missing[p->n_missing++] = k->r;
            }
        }
        group.n = p->n - group.first;
        qsort(p->pairs + group.first, group.n, sizeof *p->pairs, by_replicate);
        if (group.n) {
            p->groups[n_groups++] = group;
        }
    }
    p->n_groups = n_groups;
    free(first);
    return 0;
}

static int pair_lists(struct pairing *p, const struct record_list *base,
                      const struct record_list *cand, const char *const *vary, size_t n_vary,
                      struct err *e)
{
    struct subjects of_base = {0}, of_cand = {0};
    struct keys k_base = {0}, k_cand = {0};
    size_t *map = mem_take(cand->n, sizeof *map, e);
    int rc = -1;
    if (map && list_subjects(&of_base, base, e) == 0 && list_subjects(&of_cand, cand, e) == 0 &&
        map_subjects(&of_base, &of_cand, map, e) == 0 &&
        make_keys(&k_base, base, &of_base, &of_base, NULL, vary, n_vary, e) == 0 &&
        make_keys(&k_cand, cand, &of_cand, &of_base, map, vary, n_vary, e) == 0 &&
        check_distinct(&k_base, "base", e) == 0 && check_distinct(&k_cand, "candidate", e) == 0) {
        rc = collect(p, &k_base, &k_cand, e) || check_unpaired(&k_base, &k_cand, p->n > 0, e) ? -1
                                                                                              : 0;
        p->n_base_failed = base->n - k_base.n;
        p->n_extra = k_cand.n - p->n;
    }
    keys_release(&k_base);
    keys_release(&k_cand);
    free(of_base.texts);
    free(of_cand.texts);
    free(map);
    return rc;
}

int pairing_init(struct pairing *p, const struct record_list *base, const struct record_list *cand,
                 const char *const *vary, size_t n_vary, struct err *e)
{
    *p = (struct pairing){0};
    int rc = check_vary(base, vary, n_vary, e) ||
                     pair_lists(p, base, cand, vary, n_vary, e)
                 ? -1
                 : 0;
    if (rc) {
        pairing_release(p);
    }
    return rc;
}

void pairing_release(struct pairing *p)
{
    free(p->pairs);
    free(p->groups);
    free(p->missing);
    *p = (struct pairing){0};
}
