/* Multinomial logistic regression on frozen features: a cell at a time. With a ladder of C to
 * select from, the rows that are not for validation are fitted for every C in ascending order, each
 * from the solution before, the first from zero; the chosen C is fitted to all rows, from its
 * solution on those. Nothing passes from one cell to another. */
#include "protocols/adapt.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "protocols/linear.h"
#include "protocols/logistic_fit.h"

/* Where the fit that is scored stops: the probabilities of J within 1e-9 are right to about 1e-4
 * only, and the last steps are cheap. */
static const double final_tolerance = 1e-14;

struct choice {
    double c;
    double *tried, *value, *start; /* start: w of the chosen C on the part; NULL: zero */
    size_t n_tried, picked;
    bool converged; /* at every step of the ladder */
};

/* order [n]: positions of v in ascending order of value. */
static int ascending(const double *v, size_t n, size_t **order, struct err *e)
{
    *order = mem_take(n, sizeof **order, e);
    for (size_t i = 0; *order && i < n; i++) {
        size_t at = i;
        for (; at > 0 && v[(*order)[at - 1]] > v[i]; at--) {
            (*order)[at] = (*order)[at - 1];
        }
        (*order)[at] = i;
    }
    return *order ? 0 : -1;
}

static void warn(const struct logistic_fit *f, double c, const char *where)
{
    if (!f->converged) {
        note(NOTE_WARNING, "logistic regression with C = %g %s did not converge (residual %.1e)", c,
             where, f->residual);
    }
}

/* Climbs the ladder on the part that is not for validation. Most hits; of equals the least C. */
static int climb(struct choice *o, struct logistic_fit *f, const struct adapt_holdout *h,
                 struct adapt_counters *c, struct err *e)
{
    size_t *order = NULL, best = 0, size = f->panels * f->width * PANEL;
    double *scores = mem_take_raw(h->val.n * f->n_classes, sizeof *scores, e);
    o->value = mem_take(o->n_tried, sizeof *o->value, e);
    o->start = mem_take_raw(size, sizeof *o->start, e);
    int rc = scores && o->value && o->start ? ascending(o->tried, o->n_tried, &order, e) : -1;
    for (size_t i = 0; i < o->n_tried && rc == 0; i++) {
        size_t at = order[i];
        if (logistic_fit_solve(f, o->tried[at], logistic_tolerance, c, e) ||
            logistic_fit_scores(f, h->val.x, h->val.rows, h->val.n, "validation", scores, e)) {
            rc = -1;
            break;
        }
        size_t hits = adapt_hits(scores, h->val.y, h->val.n, f->n_classes);
        o->value[at] = (double)hits / (double)h->val.n;
        o->converged &= f->converged;
        warn(f, o->tried[at], "on the part that selects it");
        if (i == 0 || hits > best) {
            best = hits;
            o->picked = at;
            memcpy(o->start, f->w, size * sizeof *o->start);
        }
    }
    free(order);
    free(scores);
    return rc;
}

static int choose(struct choice *o, const struct probe_data *p, const struct run_spec *s,
                  struct pool *pool, struct adapt_counters *c, struct err *e)
{
    *o = (struct choice){.c = s->adapt.c, .converged = true};
    if (adapt_ladder(s, "adapt.c", &o->tried, &o->n_tried, e)) {
        return -1;
    }
    if (!o->n_tried) {
        return 0;
    }
    if (strcmp(s->select.on, "val") != 0) {
        return err_set(e, ERR_USAGE, "select on %s: adapt logistic selects on val", s->select.on);
    }
    struct adapt_holdout h;
    struct logistic_fit f;
    if (adapt_holdout_init(&h, p, e)) {
        return -1;
    }
    int rc = logistic_fit_init(&f, &h.train, pool, e);
    if (rc == 0) {
        rc = climb(o, &f, &h, c, e);
        o->c = o->tried[o->picked];
        logistic_fit_release(&f);
    }
    adapt_holdout_release(&h);
    return rc;
}

/* Fits all rows and scores the test rows. */
static int finish(const struct choice *o, const struct probe_data *p, struct pool *pool,
                  struct adapt_counters *c, struct adapt_result *r, double *scores, struct err *e)
{
    struct logistic_fit f;
    if (logistic_fit_init(&f, p, pool, e)) {
        return -1;
    }
    if (o->start) {
        memcpy(f.w, o->start, f.panels * f.width * PANEL * sizeof *f.w);
    }
    int rc = logistic_fit_solve(&f, o->c, final_tolerance, c, e);
    if (rc == 0) {
        warn(&f, o->c, "on all training images");
        r->residual = f.residual;
        r->converged = f.converged && o->converged;
        rc = logistic_fit_scores(&f, p->x_test, NULL, p->n_test, "test", scores, e);
    }
    logistic_fit_release(&f);
    return rc;
}

static int logistic_run(const struct probe_data *p, const struct run_spec *const *specs,
                        size_t n_specs, struct pool *pool, struct adapt_counters *c,
                        adapt_emit *emit, void *ctx, struct err *e)
{
    if (adapt_check(p, pool, e)) {
        return -1;
    }
    double *scores = mem_take_raw(p->n_test * p->n_classes, sizeof *scores, e);
    int rc = scores ? 0 : -1;
    for (size_t i = 0; i < n_specs && rc == 0; i++) {
        struct choice o = {0};
        struct adapt_result r = {.spec = i,
                                 .scores = scores,
                                 .has_prob = true,
                                 .unit = "logit",
                                 .measure = "val_top1"};
        if (choose(&o, p, specs[i], pool, c, e) || finish(&o, p, pool, c, &r, scores, e)) {
            rc = adapt_name_spec(specs[i], e);
        } else {
            r.chosen = o.c;
            r.tried = o.tried;
            r.value = o.value;
            r.n_tried = o.n_tried;
            r.picked = o.picked;
            rc = emit(ctx, &r, e);
        }
        free(o.start);
        free(o.value);
        free(o.tried);
    }
    free(scores);
    return rc;
}

static void logistic_signature(const struct run_spec *s, struct str *out)
{
    str_add(out, "logistic:");
    adapt_sign_knob(s, "c", s->adapt.c, "log10:-6:6", out);
}

const struct adapt adapt_logistic = {
    .name = "logistic",
    .help = "multinomial logistic regression with an L2 penalty",
    .sources = "protocols/logistic.c protocols/logistic_fit.c protocols/logistic_fit.h "
               "protocols/lbfgs.c protocols/lbfgs.h protocols/curvature.c protocols/curvature.h "
               "protocols/cholesky.c protocols/cholesky.h protocols/adapt.c protocols/linear.c "
               "protocols/linear.h",
    .knob = "adapt.c",
    .run = logistic_run,
    .signature = logistic_signature,
};
