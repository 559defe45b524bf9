/* From a list of records to groups of replicates: cells are sorted by signature, equal protocols
 * and subjects become one group, and the groups are put in an order that people expect. */
#include "results/report_private.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include "results/store.h"
#include "results/view.h"

static const char *knob(const struct record *r, const char *key)
{
    const char *value = pairs_get(&r->knobs, key);
    return value ? value : "";
}

/* ---- groups ---- */

static bool has_signature(const struct record *r)
{
    return r->protocol[0] != '\0';
}

static bool same_group(const struct record *a, const struct record *b)
{
    return strcmp(a->protocol, b->protocol) == 0 && strcmp(a->subject, b->subject) == 0;
}

/* By signature, finished cells first among those of one replicate; cells without one last. */
static int by_signature(const void *a, const void *b)
{
    const struct record *p = *(const struct record *const *)a;
    const struct record *q = *(const struct record *const *)b;
    if (has_signature(p) != has_signature(q)) {
        return has_signature(p) ? -1 : 1;
    }
    int order = strcmp(p->protocol, q->protocol);
    order = order ? order : strcmp(p->subject, q->subject);
    order = order ? order : view_compare(p->replicate, q->replicate);
    order = order ? order : (p->status > q->status) - (p->status < q->status);
    return order ? order : strcmp(p->run_id, q->run_id);
}

static bool same_metrics(const struct record *a, const struct record *b)
{
    if (a->n_metrics != b->n_metrics) {
        return false;
    }
    for (size_t i = 0; i < a->n_metrics; i++) {
        double value;
        if (!record_get_metric(b, a->metrics[i].name, &value) ||
            memcmp(&value, &a->metrics[i].value, sizeof value) != 0) {
            return false;
        }
    }
    return true;
}

/* The group that begins at sorted[0] of n; its members go to members. Returns the number of its
 * cells. */
static size_t add_group(struct report *r, const struct record **sorted, size_t n,
                        const struct record **members)
{
    struct series_group *g = &r->groups[r->n++];
    *g = (struct series_group){.first = sorted[0], .members = members, .cells = sorted};
    for (; g->n_cells < n && same_group(sorted[0], sorted[g->n_cells]); g->n_cells++) {
        const struct record *cell = sorted[g->n_cells], *last = g->n ? members[g->n - 1] : NULL;
        if (cell->status != CELL_OK) {
            g->n_failed++;
        } else if (last && strcmp(last->replicate, cell->replicate) == 0) {
            r->n_repeats++;
            r->n_conflicts += !same_metrics(last, cell);
        } else {
            members[g->n++] = cell;
        }
    }
    if (g->n) {
        g->first = members[0];
    }
    return g->n_cells;
}

/* Sorts the cells by signature and cuts them into groups. */
static int make_groups(struct report *r, const struct record_list *l, struct err *e)
{
    size_t n = l->n, used = 0;
    r->n_cells = n;
    r->pool = mem_take(2 * n, sizeof(void *), e);
    r->cells = mem_take(n, sizeof(void *), e);
    r->groups = mem_take(n, sizeof *r->groups, e);
    r->models = mem_take(n, sizeof *r->models, e);
    if (!r->pool || !r->cells || !r->groups || !r->models) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        r->pool[i] = &l->records[i];
        r->n_failed += l->records[i].status != CELL_OK;
    }
    qsort(r->pool, n, sizeof(void *), by_signature);
    while (used < n && has_signature(r->pool[used])) {
        used += add_group(r, r->pool + used, n - used, r->pool + n + used);
    }
    return 0;
}

/* ---- knobs that vary ---- */

/* Every key that one of the groups has, in order of appearance. Borrowed. */
static int all_keys(const struct series_group *const *groups, size_t n, const char ***keys,
                    size_t *n_keys, struct err *e)
{
    void *list = NULL;
    size_t cap = 0, used = 0;
    for (size_t g = 0; g < n; g++) {
        const struct pairs *knobs = &groups[g]->first->knobs;
        for (size_t i = 0; i < knobs->n; i++) {
            size_t k = 0;
            while (k < used && strcmp(((const char **)list)[k], knobs->items[i].key) != 0) {
                k++;
            }
            if (k == used && mem_grow(&list, &cap, used + 1, sizeof(char *), e)) {
                free(list);
                return -1;
            }
            ((const char **)list)[k] = knobs->items[i].key;
            used += k == used;
        }
    }
    *keys = list;
    *n_keys = used;
    return 0;
}

void report_group_value(const struct series_group *g, const char *key, struct str *out)
{
    if (g->model && strcmp(key, "model") == 0) {
        str_add(out, g->model);
    } else {
        view_knob(g->first, key, out);
    }
}

/* How a knob differs between groups: in values, or only in applying to some and not to others. */
enum difference { SAME,
                  APPLIES,
                  VALUES };

static enum difference difference(const struct series_group *const *groups, size_t n,
                                  const char *key)
{
    struct str first = {0}, other = {0};
    enum difference most = SAME;
    for (size_t g = 0; g < n && most < VALUES; g++) {
        str_clear(&other);
        view_knob(groups[g]->first, key, &other);
        if (g && strcmp(str_text(&first), str_text(&other)) != 0) {
            most = first.len && other.len ? VALUES : APPLIES;
        }
        if (other.len) {
            str_clear(&first);
            str_add(&first, str_text(&other));
        }
    }
    str_release(&first);
    str_release(&other);
    return most;
}

struct determined {
    struct str main, minor;
};

static int by_main(const void *a, const void *b)
{
    const struct determined *p = a, *q = b;
    return strcmp(str_text(&p->main), str_text(&q->main));
}

int report_follows(const struct series_group *const *groups, size_t n, const char *const *mains,
                   size_t n_mains, const char *key, bool *follows, struct err *e)
{
    struct determined *list = mem_take(n, sizeof *list, e);
    if (!list) {
        return -1;
    }
    int status = 0;
    for (size_t g = 0; g < n; g++) {
        for (size_t m = 0; m < n_mains; m++) {
            report_group_value(groups[g], mains[m], &list[g].main);
            str_add(&list[g].main, "\x1f");
        }
        report_group_value(groups[g], key, &list[g].minor);
        status = status || str_check(&list[g].main, e) || str_check(&list[g].minor, e) ? -1 : 0;
    }
    qsort(list, n, sizeof *list, by_main);
    *follows = true;
    for (size_t g = 1; g < n; g++) {
        *follows =
            *follows && (by_main(&list[g - 1], &list[g]) != 0 ||
                         strcmp(str_text(&list[g - 1].minor), str_text(&list[g].minor)) == 0);
    }
    for (size_t g = 0; g < n; g++) {
        str_release(&list[g].main);
        str_release(&list[g].minor);
    }
    free(list);
    return status;
}

static int add_key(char **keys, size_t *n_keys, const char *key, struct err *e)
{
    char *own = mem_strdup(key, e);
    if (!own) {
        return -1;
    }
    keys[(*n_keys)++] = own;
    return 0;
}

/* First the main knobs with several values; then what else differs, unless it follows from these.
 */
static int add_varying(const struct series_group *const *groups, size_t n, const char *const *all,
                       size_t n_all, char **keys, size_t *n_keys, struct err *e)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t k = 0; k < n_all; k++) {
            enum view_role role = view_role(all[k]);
            enum difference d =
                role == VIEW_MAIN || role == VIEW_MINOR ? difference(groups, n, all[k]) : SAME;
            bool main = role == VIEW_MAIN && d == VALUES, follows = false;
            if (d == SAME || main != (pass == 0)) {
                continue;
            }
            if (!main && report_follows(groups, n, (const char *const *)keys, *n_keys, all[k],
                                        &follows, e)) {
                return -1;
            }
            if (!follows && add_key(keys, n_keys, all[k], e)) {
                return -1;
            }
        }
    }
    return 0;
}

int report_varying(const struct series_group *const *groups, size_t n, char ***keys, size_t *n_keys,
                   struct err *e)
{
    const char **all = NULL;
    size_t n_all = 0;
    *keys = NULL;
    *n_keys = 0;
    if (n == 0) {
        return 0;
    }
    int status = all_keys(groups, n, &all, &n_all, e);
    if (status == 0) {
        *keys = mem_take(n_all, sizeof **keys, e);
        status = *keys ? add_varying(groups, n, all, n_all, *keys, n_keys, e) : -1;
    }
    free(all);
    return status;
}

/* ---- models as shown ---- */

static int by_model(const void *a, const void *b)
{
    const struct record *p = (*(const struct series_group *const *)a)->first;
    const struct record *q = (*(const struct series_group *const *)b)->first;
    int order = strcmp(knob(p, "model"), knob(q, "model"));
    return order ? order : strcmp(p->subject, q->subject);
}

/* sorted [n] by by_model. The name alone where it means one subject, else with the subject's last
 * field, the hash of the weights. */
static int name_models(struct report *r, const struct series_group **sorted, struct err *e)
{
    for (size_t i = 0, end; i < r->n; i = end) {
        const char *name = knob(sorted[i]->first, "model");
        for (end = i; end < r->n && strcmp(knob(sorted[end]->first, "model"), name) == 0; end++) {
        }
        bool one = strcmp(sorted[i]->first->subject, sorted[end - 1]->first->subject) == 0;
        for (size_t j = i; j < end; j++) {
            struct str text = {0};
            const char *last = strrchr(sorted[j]->first->subject, '|');
            str_add(&text, name);
            if (!one && last) {
                str_addf(&text, " (%s)", last + 1);
            }
            if (str_check(&text, e)) {
                str_release(&text);
                return -1;
            }
            r->models[sorted[j] - r->groups] = text.data;
            r->groups[sorted[j] - r->groups].model = str_text(&text);
        }
    }
    return 0;
}

/* ---- order ---- */

static int by_place(const void *a, const void *b, void *ctx)
{
    const struct report *r = ctx;
    const struct series_group *p = a, *q = b;
    int order = view_compare(knob(p->first, "dataset"), knob(q->first, "dataset"));
    order = order ? order : view_compare(p->model, q->model);
    struct str x = {0}, y = {0};
    for (size_t i = 0; i < r->n_varying && order == 0; i++) {
        str_clear(&x);
        str_clear(&y);
        view_knob(p->first, r->varying[i], &x);
        view_knob(q->first, r->varying[i], &y);
        order = view_compare(str_text(&x), str_text(&y));
    }
    str_release(&x);
    str_release(&y);
    order = order ? order : strcmp(p->first->protocol, q->first->protocol);
    return order ? order : strcmp(p->first->subject, q->first->subject);
}

/* a .. z, aa .. zz and so on. */
static void write_letter(size_t index, char letter[8])
{
    char reversed[8];
    size_t n = 0;
    for (index++; index && n < 7; index = (index - 1) / 26) {
        reversed[n++] = (char)('a' + (index - 1) % 26);
    }
    for (size_t i = 0; i < n; i++) {
        letter[i] = reversed[n - 1 - i];
    }
    letter[n] = '\0';
}

/* sorted: scratch [n]. One letter a protocol, in the order in which the groups use them. */
static int by_protocol(const void *a, const void *b)
{
    const struct series_group *p = *(const struct series_group *const *)a;
    const struct series_group *q = *(const struct series_group *const *)b;
    int order = strcmp(p->first->protocol, q->first->protocol);
    return order ? order : (p > q) - (p < q);
}

static int give_letters(struct report *r, const struct series_group **sorted, struct err *e)
{
    size_t *first = mem_take(r->n, sizeof *first, e); /* the first group of the same protocol */
    size_t n_letters = 0;
    if (!first) {
        return -1;
    }
    qsort(sorted, r->n, sizeof(void *), by_protocol);
    for (size_t i = 0; i < r->n; i++) {
        size_t own = (size_t)(sorted[i] - r->groups);
        bool same = i && strcmp(sorted[i - 1]->first->protocol, sorted[i]->first->protocol) == 0;
        first[own] = same ? first[sorted[i - 1] - r->groups] : own;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (first[i] == i) {
            write_letter(n_letters++, r->groups[i].letter);
        } else {
            memcpy(r->groups[i].letter, r->groups[first[i]].letter, sizeof r->groups[i].letter);
        }
    }
    free(first);
    return 0;
}

/* All cells in the order of the groups, then those without a group. */
static void order_cells(struct report *r)
{
    size_t used = 0, n_grouped = 0;
    for (size_t g = 0; g < r->n; g++) {
        memcpy(r->cells + used, r->groups[g].cells, r->groups[g].n_cells * sizeof(void *));
        used += r->groups[g].n_cells;
    }
    n_grouped = used;
    memcpy(r->cells + n_grouped, r->pool + n_grouped, (r->n_cells - n_grouped) * sizeof(void *));
}

static int init(struct report *r, const struct record_list *l, const struct series_group ***scratch,
                struct err *e)
{
    if (make_groups(r, l, e)) {
        return -1;
    }
    *scratch = mem_take(r->n, sizeof(void *), e);
    if (!*scratch) {
        return -1;
    }
    for (size_t i = 0; i < r->n; i++) {
        (*scratch)[i] = &r->groups[i];
    }
    if (report_varying(*scratch, r->n, &r->varying, &r->n_varying, e)) {
        return -1;
    }
    qsort(*scratch, r->n, sizeof(void *), by_model);
    if (name_models(r, *scratch, e)) {
        return -1;
    }
    qsort_r(r->groups, r->n, sizeof *r->groups, by_place, r);
    for (size_t i = 0; i < r->n; i++) {
        (*scratch)[i] = &r->groups[i];
    }
    order_cells(r);
    return give_letters(r, *scratch, e);
}

int report_init(struct report *r, const struct record_list *l, struct err *e)
{
    const struct series_group **scratch = NULL;
    *r = (struct report){0};
    int status = init(r, l, &scratch, e);
    free(scratch);
    if (status) {
        report_release(r);
    }
    return status;
}

void report_release(struct report *r)
{
    for (size_t i = 0; i < r->n_varying; i++) {
        free(r->varying[i]);
    }
    for (size_t i = 0; i < r->n && r->models; i++) {
        free(r->models[i]);
    }
    free(r->varying);
    free(r->models);
    free(r->groups);
    free(r->cells);
    free(r->pool);
    *r = (struct report){0};
}

/* ---- values ---- */

int report_values(const struct series_group *g, const char *metric, double **v, size_t *n,
                  struct err *e)
{
    *n = 0;
    *v = mem_take(g->n, sizeof **v, e);
    if (!*v) {
        return -1;
    }
    for (size_t i = 0; i < g->n; i++) {
        *n += record_get_metric(g->members[i], metric, &(*v)[*n]);
    }
    return 0;
}

int report_check_metric(const struct report *r, const char *metric, struct err *e)
{
    struct near near;
    struct str known = {0};
    size_t n_finished = 0;
    near_init(&near, metric);
    for (size_t g = 0; g < r->n; g++) {
        for (size_t i = 0; i < r->groups[g].n; i++) {
            const struct record *cell = r->groups[g].members[i];
            double value;
            if (record_get_metric(cell, metric, &value)) {
                str_release(&known);
                return 0;
            }
            for (size_t m = 0; m < cell->n_metrics; m++) {
                near_add(&near, cell->metrics[m].name);
                if (n_finished == 0) {
                    str_addf(&known, "%s%s", m ? ", " : "", cell->metrics[m].name);
                }
            }
            n_finished++;
        }
    }
    int status = n_finished ? err_set(e, ERR_USAGE, "unknown metric '%.80s'%s (there are %s)",
                                      metric, near_text(&near), str_text(&known))
                            : 0;
    str_release(&known);
    return status;
}
