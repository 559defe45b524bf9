/* WebDataset archives, grouped as the webdataset package and timm's readers/reader_wds.py do it:
 * samples are runs of members of one key. What those pass over in silence is an error here: a key
 * that comes back later, a sample without image or label, two images in one sample. */
#include "datasets/tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "harness/base/err.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/tensor.h"

enum { MAX_LABEL_BYTES = 1 << 20 };

/* What a member of a sample is, by what follows the first dot of its name. */
enum role { ROLE_IMAGE,
            ROLE_CLS,
            ROLE_JSON,
            ROLE_TXT,
            ROLES };

static const struct {
    const char *suffix;
    enum role role;
} suffixes[] = {
    {"jpg", ROLE_IMAGE},
    {"jpeg", ROLE_IMAGE},
    {"png", ROLE_IMAGE},
    {"webp", ROLE_IMAGE},
    {"gif", ROLE_IMAGE},
    {"bmp", ROLE_IMAGE},
    {"tif", ROLE_IMAGE},
    {"tiff", ROLE_IMAGE},
    {"cls", ROLE_CLS},
    {"json", ROLE_JSON},
    {"txt", ROLE_TXT},
};

/* A sample: members first..first + n - 1, of which SIZE_MAX or one has each role. */
struct run {
    size_t first, n, n_key;
    size_t role[ROLES];
};

struct grouping {
    struct tree *t;
    const struct archive *a;
    size_t archive;
    struct run *runs;
    size_t n, cap;
    int32_t most; /* largest label */
};

static const char *key_of(const struct grouping *g, const struct run *r)
{
    return archive_name(g->a, r->first);
}

/* Bytes of a member's key, 0 for what belongs to no sample. */
static size_t key_bytes(const char *name)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    const char *dot = strchr(base, '.');
    size_t n = strlen(base);
    bool reserved = n > 3 && !strncmp(base, "__", 2) && !strcmp(base + n - 2, "__");
    return dot && !reserved ? (size_t)(dot - name) : 0;
}

/* An error at a member: which, and where its bytes begin. */
static int fault(const struct grouping *g, size_t member, const char *what, struct err *e)
{
    uint64_t at = archive_at(g->a, member);
    const char *where = archive_where(g->a), *name = archive_name(g->a, member);
    if (at == UINT64_MAX) {
        return err_set(e, ERR_FORMAT, "%s: %s: %s", where, name, what);
    }
    return err_set(e, ERR_FORMAT, "%s: %s at offset %llu: %s", where, name, (unsigned long long)at,
                   what);
}

static int take_role(const struct grouping *g, struct run *r, size_t member, bool strict,
                     struct err *e)
{
    const char *suffix = archive_name(g->a, member) + r->n_key + 1;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        enum role role = suffixes[i].role;
        if (strcasecmp(suffix, suffixes[i].suffix)) {
            continue;
        }
        if (strict && r->role[role] != SIZE_MAX) {
            return fault(g, member,
                         role == ROLE_IMAGE ? "two images under one key" : "a second label", e);
        }
        r->role[role] = member;
    }
    return 0;
}

/* The archive's samples into runs; without strict a second member of one role takes its place. */
static int group(struct grouping *g, bool strict, struct err *e)
{
    g->n = 0;
    for (size_t i = 0; i < archive_count(g->a); i++) {
        const char *name = archive_name(g->a, i);
        size_t n = key_bytes(name);
        if (!n) {
            continue;
        }
        struct run *last = g->n ? &g->runs[g->n - 1] : NULL;
        if (!last || last->n_key != n || strncmp(key_of(g, last), name, n)) {
            void *runs = g->runs;
            int rc = mem_grow(&runs, &g->cap, g->n + 1, sizeof *g->runs, e);
            g->runs = runs;
            if (rc) {
                return -1;
            }
            last = &g->runs[g->n++];
            *last = (struct run){i, 0, n, {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX}};
        }
        last->n = i - last->first + 1;
        if (take_role(g, last, i, strict, e)) {
            return -1;
        }
    }
    return 0;
}

/* Does it look like pairs, not like files in class folders? */
static bool has_pairs(const struct grouping *g)
{
    for (size_t i = 0; i < g->n; i++) {
        const size_t *role = g->runs[i].role;
        if (role[ROLE_CLS] != SIZE_MAX ||
            (role[ROLE_IMAGE] != SIZE_MAX &&
             (role[ROLE_JSON] != SIZE_MAX || role[ROLE_TXT] != SIZE_MAX))) {
            return true;
        }
    }
    return false;
}

static int compare_keys(const void *x, const void *y, void *ctx)
{
    const struct grouping *g = ctx;
    const struct run *a = x, *b = y;
    size_t n = a->n_key < b->n_key ? a->n_key : b->n_key;
    int c = strncmp(key_of(g, a), key_of(g, b), n);
    c = c ? c : (a->n_key > b->n_key) - (a->n_key < b->n_key);
    return c ? c : (a->first > b->first) - (a->first < b->first);
}

/* No key comes back in the archive. */
static int check_keys(struct grouping *g, struct err *e)
{
    struct run *sorted = mem_take(g->n, sizeof *sorted, e);
    if (!sorted) {
        return -1;
    }
    int rc = 0;
    if (g->n) {
        memcpy(sorted, g->runs, g->n * sizeof *sorted);
        qsort_r(sorted, g->n, sizeof *sorted, compare_keys, g);
    }
    for (size_t i = 1; i < g->n && !rc; i++) {
        const struct run *a = &sorted[i - 1], *b = &sorted[i];
        if (a->n_key == b->n_key && !strncmp(key_of(g, a), key_of(g, b), a->n_key)) {
            rc = fault(g, b->first, "duplicate key: others stand further ahead", e);
        }
    }
    free(sorted);
    return rc;
}

/* What a sample lacks, with the suffixes that it has. */
static int incomplete(const struct grouping *g, const struct run *r, const char *what,
                      struct err *e)
{
    struct str text = {0};
    str_addf(&text, "no %s in sample %.*s, which has", what, (int)r->n_key, key_of(g, r));
    for (size_t i = 0; i < r->n && i < 8; i++) {
        const char *name = archive_name(g->a, r->first + i);
        str_addf(&text, "%s .%.40s", i ? "," : "", name + r->n_key + 1);
    }
    fault(g, r->first, str_text(&text), e);
    str_release(&text);
    return -1;
}

static bool json_number(const char *text, size_t n, int64_t *v, struct err *e)
{
    struct json *j = json_parse(text, n, "JSON", e);
    bool ok = json_i64(json_get(j, "label"), v);
    if (j && !ok) {
        err_set(e, ERR_FORMAT, "no whole number \"label\"");
    }
    json_close(j);
    return ok;
}

static bool text_number(char *text, size_t n, int64_t *v, struct err *e)
{
    while (n && isspace((unsigned char)text[n - 1])) {
        text[--n] = 0;
    }
    while (isspace((unsigned char)*text)) {
        text++;
    }
    if (str_to_i64(text, v)) {
        return true;
    }
    err_set(e, ERR_FORMAT, "label '%.60s' is no whole number", text);
    return false;
}

static int read_label(struct grouping *g, const struct run *r, int32_t *label, struct err *e)
{
    enum role role = ROLE_CLS;
    while (role < ROLES && r->role[role] == SIZE_MAX) {
        role++;
    }
    if (role == ROLES) {
        return incomplete(g, r, "label (.cls, .json or .txt)", e);
    }
    size_t member = r->role[role], n;
    size_t n_classes = g->t->classes.n ? g->t->classes.n : LABEL_MAX_CLASSES;
    unsigned char *bytes;
    struct err why = {0};
    int64_t v = 0;
    if (archive_read_alloc(g->a, member, MAX_LABEL_BYTES, &bytes, &n, e)) {
        return -1;
    }
    char *text = (char *)bytes;
    bool ok = role == ROLE_JSON ? json_number(text, n, &v, &why) : text_number(text, n, &v, &why);
    free(bytes);
    if (ok && (v < 0 || v >= (int64_t)n_classes)) {
        err_set(&why, ERR_FORMAT, "label %lld not in 0..%zu", (long long)v, n_classes - 1);
        ok = false;
    }
    *label = (int32_t)v;
    return ok ? 0 : fault(g, member, why.text, e);
}

static int add_samples(struct grouping *g, struct err *e)
{
    struct tree *t = g->t;
    int own = t->archive_split[g->archive];
    for (size_t i = 0; i < g->n; i++) {
        const struct run *r = &g->runs[i];
        int32_t label;
        if (r->role[ROLE_IMAGE] == SIZE_MAX) {
            return incomplete(g, r, "image", e);
        }
        if (read_label(g, r, &label, e) ||
            images_add(&t->images, own == TREE_NO_SPLIT ? FILES_TRAIN : (size_t)own, g->archive,
                       r->role[ROLE_IMAGE], label, 0, e)) {
            return -1;
        }
        g->most = label > g->most ? label : g->most;
    }
    return 0;
}

/* Groups each archive in turn; without add only to see whether there are pairs. */
static int each_archive(struct grouping *g, bool add, bool *found, struct err *e)
{
    for (size_t i = 0; i < g->t->images.n_archives; i++) {
        g->archive = i;
        g->a = g->t->images.archives[i];
        if (group(g, add, e) || (add && (check_keys(g, e) || add_samples(g, e)))) {
            return -1;
        }
        if (!add && has_pairs(g)) {
            *found = true;
            return 0;
        }
    }
    return 0;
}

/* The member's name, of which *n bytes are the key. */
static const char *item_key(const struct images *im, const struct images_item *item, size_t *n)
{
    const char *name = archive_name(im->archives[item->archive], item->member);
    *n = key_bytes(name);
    return name;
}

static int compare_items(const void *x, const void *y, void *ctx)
{
    const struct images_item *a = x, *b = y;
    size_t n, m;
    const char *p = item_key(ctx, a, &n), *q = item_key(ctx, b, &m);
    int c = strncmp(p, q, n < m ? n : m);
    return c ? c : (n > m) - (n < m);
}

/* No key twice in a split, whichever archives it is in. */
static int check_items(struct tree *t, struct err *e)
{
    struct images *im = &t->images;
    for (size_t s = 0; s < FILES_SPLITS; s++) {
        struct images_item *items = im->items[s];
        if (im->n[s]) {
            qsort_r(items, im->n[s], sizeof *items, compare_items, im);
        }
        for (size_t i = 1; i < im->n[s]; i++) {
            if (!compare_items(&items[i - 1], &items[i], im)) {
                size_t n;
                const char *key = item_key(im, &items[i], &n);
                return err_set(e, ERR_FORMAT, "duplicate key %.*s in %s and %s", (int)n, key,
                               archive_where(im->archives[items[i - 1].archive]),
                               archive_where(im->archives[items[i].archive]));
            }
        }
    }
    return 0;
}

int tree_read_pairs(struct tree *t, bool *found, struct err *e)
{
    struct grouping g = {.t = t, .most = -1};
    *found = false;
    int rc = each_archive(&g, false, found, e);
    if (!rc && *found) {
        t->images.key = IMAGES_KEY_STEM;
        rc = each_archive(&g, true, found, e) || check_items(t, e) ? -1 : 0;
        if (!rc && !t->classes.n) {
            rc = label_set_number(&t->classes, (size_t)(g.most + 1), e);
        }
    }
    free(g.runs);
    return rc;
}
