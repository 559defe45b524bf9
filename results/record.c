/* The record of a cell: its lists of texts and numbers, and the rule by which the scores of one
 * test image become an outcome. Ties go to the smaller class index everywhere, so the prediction
 * equals the label exactly where the rank is 1, and ties do not inflate top-5. */
#include "results/record.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"

static const char *const status_text[] = {"ok", "failed", "diverged"};

const char *cell_status_text(enum cell_status s)
{
    assert(s <= CELL_DIVERGED);
    return status_text[s];
}

bool cell_status_parse(const char *text, enum cell_status *s)
{
    for (int i = CELL_OK; i <= CELL_DIVERGED; i++) {
        if (strcmp(text, status_text[i]) == 0) {
            *s = (enum cell_status)i;
            return true;
        }
    }
    return false;
}

/* ---- pairs ---- */

static struct pair *pairs_find(const struct pairs *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->items[i].key, key) == 0) {
            return &p->items[i];
        }
    }
    return NULL;
}

/* Takes over value. */
static int pairs_take(struct pairs *p, const char *key, char *value, struct err *e)
{
    struct pair *old = pairs_find(p, key);
    if (old) {
        free(old->value);
        old->value = value;
        return 0;
    }
    void *items = p->items;
    char *own_key = mem_strdup(key, e);
    if (!own_key || mem_grow(&items, &p->cap, p->n + 1, sizeof *p->items, e)) {
        free(own_key);
        free(value);
        return -1;
    }
    p->items = items;
    p->items[p->n++] = (struct pair){.key = own_key, .value = value};
    return 0;
}

int pairs_set(struct pairs *p, const char *key, const char *value, struct err *e)
{
    char *own = mem_strdup(value, e);
    return own ? pairs_take(p, key, own, e) : -1;
}

int pairs_setf(struct pairs *p, struct err *e, const char *key, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    char *own = mem_take((size_t)n + 1, 1, e);
    if (own) {
        vsnprintf(own, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return own ? pairs_take(p, key, own, e) : -1;
}

const char *pairs_get(const struct pairs *p, const char *key)
{
    const struct pair *found = pairs_find(p, key);
    return found ? found->value : NULL;
}

void pairs_release(struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->items[i].key);
        free(p->items[i].value);
    }
    free(p->items);
    *p = (struct pairs){0};
}

/* ---- record ---- */

void record_release(struct record *r)
{
    free(r->spec);
    pairs_release(&r->knobs);
    pairs_release(&r->provenance);
    pairs_release(&r->labels);
    free(r->metrics);
    outcomes_release(&r->outcomes);
    free(r->draw);
    free(r->selection.tried);
    free(r->selection.value);
    *r = (struct record){0};
}

static struct metric *metric_find(const struct record *r, const char *name)
{
    for (size_t i = 0; i < r->n_metrics; i++) {
        if (strcmp(r->metrics[i].name, name) == 0) {
            return &r->metrics[i];
        }
    }
    return NULL;
}

int record_metric(struct record *r, const char *name, double value, bool whole, struct err *e)
{
    assert(*name && strlen(name) < sizeof r->metrics->name);
    assert(!whole || (fabs(value) <= 0x1p53 && floor(value) == value));
    struct metric *m = metric_find(r, name);
    if (!m) {
        void *metrics = r->metrics;
        if (mem_grow(&metrics, &r->metrics_cap, r->n_metrics + 1, sizeof *m, e)) {
            return -1;
        }
        r->metrics = metrics;
        m = &r->metrics[r->n_metrics++];
        *m = (struct metric){0};
        snprintf(m->name, sizeof m->name, "%s", name);
    }
    m->value = value;
    m->whole = whole;
    return 0;
}

bool record_get_metric(const struct record *r, const char *name, double *value)
{
    const struct metric *m = metric_find(r, name);
    if (m) {
        *value = m->value;
    }
    return m != NULL;
}

/* ---- outcomes ---- */

int outcomes_init(struct outcomes *o, size_t n, size_t id_stride, bool has_prob, struct err *e)
{
    outcomes_release(o);
    o->n = n;
    o->numeric_ids = id_stride == 0;
    o->id_stride = id_stride;
    o->has_prob = has_prob;
    if (id_stride) {
        o->id_text = mem_take(n, id_stride, e);
    } else {
        o->id_number = mem_take(n, sizeof *o->id_number, e);
    }
    o->label = mem_take(n, sizeof *o->label, e);
    o->pred = mem_take(n, sizeof *o->pred, e);
    o->rank = mem_take(n, sizeof *o->rank, e);
    o->margin = mem_take(n, sizeof *o->margin, e);
    bool ok = (o->id_text || o->id_number) && o->label && o->pred && o->rank && o->margin;
    if (has_prob) {
        o->logp_label = mem_take(n, sizeof *o->logp_label, e);
        o->p_pred = mem_take(n, sizeof *o->p_pred, e);
        o->p_sq = mem_take(n, sizeof *o->p_sq, e);
        ok = ok && o->logp_label && o->p_pred && o->p_sq;
    }
    if (!ok) {
        outcomes_release(o);
        return err_wrap(e, "outcomes of %zu test images", n);
    }
    return 0;
}

void outcomes_release(struct outcomes *o)
{
    free(o->id_number);
    free(o->id_text);
    free(o->label);
    free(o->pred);
    free(o->rank);
    free(o->margin);
    free(o->logp_label);
    free(o->p_pred);
    free(o->p_sq);
    *o = (struct outcomes){0};
}

/* Softmax in double, shifted by the greatest score and summed in index order. */
static void set_prob(struct outcomes *o, size_t i, size_t label, size_t best,
                     const double *scores, size_t n_classes)
{
    double sum = 0, squares = 0;
    for (size_t c = 0; c < n_classes; c++) {
        double p = exp(scores[c] - scores[best]);
        sum += p;
        squares += p * p;
    }
    o->logp_label[i] = (float)(scores[label] - scores[best] - log(sum));
    o->p_pred[i] = (float)(1 / sum);
    o->p_sq[i] = (float)(squares / (sum * sum));
}

bool outcomes_set(struct outcomes *o, size_t i, int32_t label, const double *scores,
                  size_t n_classes)
{
    assert(i < o->n && label >= 0 && (size_t)label < n_classes);
    size_t best = 0, own = (size_t)label, ahead = 0;
    double second = -HUGE_VAL;
    for (size_t c = 0; c < n_classes; c++) {
        if (!isfinite(scores[c])) {
            return false;
        }
        if (c && scores[c] > scores[best]) {
            second = scores[best];
            best = c;
        } else if (c && scores[c] > second) {
            second = scores[c];
        }
        ahead += scores[c] > scores[own] || (scores[c] == scores[own] && c < own);
    }
    o->label[i] = label;
    o->pred[i] = (int32_t)best;
    o->rank[i] = (uint16_t)(ahead < UINT16_MAX ? ahead + 1 : UINT16_MAX);
    o->margin[i] = n_classes > 1 ? (float)(scores[best] - second) : 0;
    if (o->has_prob) {
        set_prob(o, i, own, best, scores, n_classes);
    }
    return true;
}

/* 8 of 24 significant bits go, half to even; what would become infinite stays as it is. */
static void round_floats(float *v, size_t n)
{
    for (size_t i = 0; v && i < n; i++) {
        uint32_t bits;
        float rounded;
        memcpy(&bits, &v[i], sizeof bits);
        bits += 0x7f + (bits >> 8 & 1);
        bits &= ~(uint32_t)0xff;
        memcpy(&rounded, &bits, sizeof rounded);
        v[i] = isfinite(rounded) ? rounded : v[i];
    }
}

void outcomes_round(struct outcomes *o)
{
    round_floats(o->margin, o->n);
    round_floats(o->p_pred, o->n);
    round_floats(o->p_sq, o->n);
}
