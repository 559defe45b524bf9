/* What the adaptations share: the ladder of values to select from, the validation rows, hits. */
#include "protocols/adapt.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "protocols/linear.h"

enum { FOLDS = 5 }; /* one row in five is for validation */

int adapt_ladder(const struct run_spec *s, const char *knob, double **v, size_t *n, struct err *e)
{
    *v = NULL;
    *n = 0;
    const char *grid = strchr(s->select.grid, '=');
    if (!*s->select.grid) {
        return 0;
    }
    size_t len = strlen(knob);
    if (!grid || (size_t)(grid - s->select.grid) != len ||
        strncmp(s->select.grid, knob, len) != 0) {
        return err_set(e, ERR_USAGE, "select '%.80s': adapt %s selects %s only", s->select.grid,
                       s->adapt.name, knob);
    }
    if (grid_parse(grid + 1, v, n, e)) {
        return err_wrap(e, "select %s", knob);
    }
    return 0;
}

int adapt_holdout_init(struct adapt_holdout *h, const struct probe_data *p, struct err *e)
{
    *h = (struct adapt_holdout){.train = *p, .val = *p};
    size_t n_val = (p->n + FOLDS - 1) / FOLDS, at[2] = {0, p->n - n_val};
    if (n_val == p->n) {
        return err_set(e, ERR_USAGE,
                       "select on val: %zu training image%s: none is left to train on", p->n,
                       p->n == 1 ? "" : "s");
    }
    h->rows = mem_take(p->n, sizeof *h->rows, e);
    h->y = mem_take(p->n, sizeof *h->y, e);
    if (!h->rows || !h->y) {
        adapt_holdout_release(h);
        return -1;
    }
    for (size_t i = 0; i < p->n; i++) {
        size_t to = at[i % FOLDS == 0]++;
        h->rows[to] = p->rows ? p->rows[i] : i;
        h->y[to] = p->y[i];
    }
    h->train.n = p->n - n_val;
    h->train.rows = h->rows;
    h->train.y = h->y;
    h->val.n = n_val;
    h->val.rows = h->rows + h->train.n;
    h->val.y = h->y + h->train.n;
    h->train.x_test = h->val.x_test = NULL;
    h->train.n_test = h->val.n_test = 0;
    return 0;
}

void adapt_holdout_release(struct adapt_holdout *h)
{
    free(h->y);
    free(h->rows);
    *h = (struct adapt_holdout){0};
}

int adapt_check(const struct probe_data *p, struct pool *pool, struct err *e)
{
    struct linear_rows train = {.x = p->x, .rows = p->rows, .n = p->n, .d = p->d, .stride = p->d};
    if (p->n == 0 || p->d == 0) {
        return err_set(e, ERR_USAGE, "%zu training rows of %zu features: nothing to learn from",
                       p->n, p->d);
    }
    return linear_check(&train, pool, "training", e);
}

int adapt_name_spec(const struct run_spec *s, struct err *e)
{
    struct str text = {0};
    spec_text(s, &text);
    err_wrap(e, "%.400s", str_text(&text));
    str_release(&text);
    return -1;
}

size_t adapt_hits(const double *scores, const int32_t *y, size_t n, size_t n_classes)
{
    size_t hits = 0;
    for (size_t i = 0; i < n; i++, scores += n_classes) {
        size_t best = 0;
        for (size_t c = 1; c < n_classes; c++) {
            best = scores[c] > scores[best] ? c : best;
        }
        hits += best == (size_t)y[i];
    }
    return hits;
}

void adapt_sign_knob(const struct run_spec *s, const char *label, double fixed, const char *usual,
                     struct str *out)
{
    str_addf(out, "%s=", label);
    if (!*s->select.grid) {
        str_add_double(out, fixed);
        return;
    }
    str_add(out, s->select.on);
    const char *grid = strchr(s->select.grid, '=');
    if (grid && strcmp(grid + 1, usual) != 0) {
        str_addf(out, "(%s)", grid + 1);
    }
}
