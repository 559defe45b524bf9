/* What must hold in every record that is written to a cell or read from one. */
#include "results/cell.h"

#include <math.h>
#include <string.h>

#include "harness/base/err.h"
#include "results/record.h"

int cell_outcomes_kind(const struct record *r, enum cell_outcomes *kind, struct err *e)
{
    static const char *const names[] = {"full", "pred", "none"};
    const char *v = pairs_get(&r->knobs, "outcomes");
    *kind = CELL_FULL;
    for (int i = CELL_FULL; i <= CELL_NONE; i++) {
        if (!v || !*v || strcmp(v, names[i]) == 0) {
            *kind = (enum cell_outcomes)i;
            return 0;
        }
    }
    return err_set(e, ERR_FORMAT, "outcomes=%s: expected full, pred or none", v);
}

/* Names become HDF5 attributes and lines of a list. */
static int check_keys(const struct pairs *p, const char *what, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const char *key = p->items[i].key;
        if (!*key || strpbrk(key, "\n\r\t")) {
            return err_set(e, ERR_FORMAT,
                           "%s: a name is empty or holds a tab or line break: \"%s\"", what, key);
        }
    }
    return 0;
}

static bool is_share(float v)
{
    return v >= 0 && v <= 1;
}

/* NULL, or what is wrong with row i. */
static const char *row_fault(const struct outcomes *o, size_t i)
{
    if (o->label[i] < 0 || o->pred[i] < 0) {
        return "negative class";
    }
    if (o->rank && (o->rank[i] == 0 || (o->rank[i] == 1) != (o->pred[i] == o->label[i]))) {
        return "the rank does not go with label and prediction";
    }
    if (o->margin && !(o->margin[i] >= 0)) {
        return "the margin is negative or no number";
    }
    if (o->has_prob && !(o->logp_label[i] <= 0)) {
        return "the label's ln p is positive or no number";
    }
    if (o->has_prob && !(is_share(o->p_pred[i]) && is_share(o->p_sq[i]))) {
        return "a probability is not in 0..1";
    }
    return NULL;
}

static int check_count(const struct record *r, const char *metric, size_t counted, struct err *e)
{
    double said;
    if (record_get_metric(r, metric, &said) && said != (double)counted) {
        return err_set(e, ERR_FORMAT, "metric %s is %.17g, the outcomes give %zu", metric, said,
                       counted);
    }
    return 0;
}

static int check_outcomes(const struct record *r, enum cell_outcomes kind, struct err *e)
{
    const struct outcomes *o = &r->outcomes;
    if (kind == CELL_FULL && (!o->rank || !o->margin)) {
        return err_set(e, ERR_FORMAT, "outcomes: rank and margin are missing");
    }
    size_t n_correct = 0;
    for (size_t i = 0; i < o->n; i++) {
        const char *fault = row_fault(o, i);
        if (fault) {
            return err_set(e, ERR_FORMAT, "outcome %zu: %s (label %d, prediction %d)", i, fault,
                           o->label[i], o->pred[i]);
        }
        n_correct += o->label[i] == o->pred[i];
    }
    return check_count(r, "n", o->n, e) || check_count(r, "n_correct", n_correct, e) ? -1 : 0;
}

int cell_check_as(const struct record *r, enum cell_outcomes kind, struct err *e)
{
    if (!cell_is_run_id(r->run_id)) {
        return err_set(e, ERR_FORMAT, "\"%s\" is no run id: 32 hex digits expected", r->run_id);
    }
    if (check_keys(&r->knobs, "spec", e) ||
        check_keys(&r->provenance, "provenance", e) || check_keys(&r->labels, "labels", e)) {
        return -1;
    }
    if (r->outcomes.n && check_outcomes(r, kind, e)) {
        return -1;
    }
    for (size_t i = 0; i < r->n_draw; i++) {
        if (r->draw[i] < 0) {
            return err_set(e, ERR_FORMAT, "draw: entry %zu is negative", i);
        }
    }
    if (r->selection.n && r->selection.picked >= r->selection.n) {
        return err_set(e, ERR_FORMAT, "selection: value %zu of %zu is picked",
                       r->selection.picked, r->selection.n);
    }
    return 0;
}

int cell_check(const struct record *r, struct err *e)
{
    enum cell_outcomes kind;
    return cell_outcomes_kind(r, &kind, e) || cell_check_as(r, kind, e) ? -1 : 0;
}
