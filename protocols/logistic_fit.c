/* Logistic regression by L-BFGS on the centred features, in double. Each pass takes the rows tile
 * by tile: logits, probabilities, loss, and the tile's part of the gradient while it is in the
 * cache. The inverse Hessian that L-BFGS starts from (curvature.h) is built at the start and, while
 * the fit goes on, again: adr/0004 has the numbers.
 *
 * J is strongly convex in W with modulus 1, so |grad J|^2 / 2 bounds J - min J. A class without a
 * training row has no finite optimum (its b goes to minus infinity); what is left to gain there is
 * about its gradient, which must be small beside J, too. */
#include "protocols/logistic_fit.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/pool.h"
#include "harness/base/tensor.h"
#include "protocols/adapt.h"
#include "protocols/lbfgs.h"

const double logistic_tolerance = 1e-9;

enum { MEMORY = 16, /* pairs */
       MAX_STEPS = 3000,
       MAX_TERMS = 3072,
       FIRST_AGE = 25, /* steps until the curvature is built a second time, and then again */
       LATER_AGE = 150 };

/* What building may cost, in passes over the rows: a fit that needs it again is a hard one. */
static const double build_cost[] = {50, 150, 500, 1500};

/* Terms whose building has about as many operations as `passes` passes over the rows. */
static size_t term_limit(const struct logistic_fit *f, double passes)
{
    double pass = 2.0 * (double)f->n * (double)f->width * (double)f->panels * PANEL;
    size_t m = 0;
    for (size_t next = 16; next <= MAX_TERMS; next += 16) {
        double size = (double)next;
        if (size * size * (size / 3 + (double)f->width) > passes * pass) {
            break;
        }
        m = next;
    }
    return m;
}

int logistic_fit_init(struct logistic_fit *f, const struct probe_data *p, struct pool *pool,
                      struct err *e)
{
    *f = (struct logistic_fit){.n = p->n,
                               .d = p->d,
                               .n_classes = p->n_classes,
                               .y = p->y,
                               .pool = pool,
                               .width = linear_width(p->d),
                               .panels = linear_panels(p->n_classes)};
    size_t size = f->panels * f->width * PANEL, ld = f->panels * PANEL, tiles = linear_tiles(f->n);
    f->mean = mem_take(f->d, sizeof *f->mean, e);
    f->w = mem_take(size, sizeof *f->w, e);
    f->p = mem_take(tiles * TILE_ROWS * ld, sizeof *f->p, e);
    f->loss = mem_take(tiles, sizeof *f->loss, e);
    f->buffer = mem_take_raw(linear_sum_room(tiles) * size, sizeof *f->buffer, e);
    f->scratch = mem_take_raw(pool_size(pool) * TILE_ROWS * (f->width + ld), sizeof *f->scratch, e);
    f->present = mem_take(f->n_classes, sizeof *f->present, e);
    if (!f->mean || !f->w || !f->p || !f->loss || !f->buffer || !f->scratch || !f->present) {
        goto failed;
    }
    for (size_t i = 0; i < f->n; i++) {
        const float *x = p->x + (p->rows ? p->rows[i] : i) * p->d;
        for (size_t k = 0; k < f->d; k++) {
            f->mean[k] += (double)x[k];
        }
        f->present[f->y[i]] = true;
    }
    for (size_t k = 0; k < f->d; k++) {
        f->mean[k] /= (double)f->n;
    }
    f->rows = (struct linear_rows){.x = p->x,
                                   .rows = p->rows,
                                   .n = p->n,
                                   .d = p->d,
                                   .stride = p->d,
                                   .mean = f->mean,
                                   .last = 1};
    size_t limit = term_limit(f, build_cost[ARRAY_LEN(build_cost) - 1]);
    if (curvature_init(&f->curvature, &f->rows, f->n_classes, limit, pool, e)) {
        goto failed;
    }
    return 0;
failed:
    logistic_fit_release(f);
    return -1;
}

void logistic_fit_release(struct logistic_fit *f)
{
    curvature_release(&f->curvature);
    free(f->present);
    free(f->scratch);
    free(f->buffer);
    free(f->loss);
    free(f->p);
    free(f->w);
    free(f->mean);
    *f = (struct logistic_fit){0};
}

/* ---- J and its gradient ---- */

struct pass {
    struct logistic_fit *f;
    const double *w;
};

/* p [n_classes] = softmax of z; returns -ln p[label], right also where p[label] rounds to 1. */
static double softmax(const double *z, size_t n_classes, size_t label, double *p)
{
    size_t top = 0;
    double others = 0; /* sum of exp(z - z[top]) of all but top */
    for (size_t c = 1; c < n_classes; c++) {
        top = z[c] > z[top] ? c : top;
    }
    for (size_t c = 0; c < n_classes; c++) {
        p[c] = exp(z[c] - z[top]);
        others += c == top ? 0 : p[c];
    }
    for (size_t c = 0; c < n_classes; c++) {
        p[c] /= 1 + others;
    }
    return log1p(others) - (z[label] - z[top]);
}

static void pass_tile(void *ctx, size_t item, size_t worker, double *gradient)
{
    const struct pass *pass = ctx;
    struct logistic_fit *f = pass->f;
    size_t ld = f->panels * PANEL, first = item * TILE_ROWS;
    double *tile = f->scratch + worker * TILE_ROWS * (f->width + ld);
    double *z = tile + TILE_ROWS * f->width;
    linear_tile(&f->rows, first, tile);
    linear_apply(tile, f->width, pass->w, f->panels, z);
    f->loss[item] = 0;
    for (size_t i = 0; i < TILE_ROWS && first + i < f->n; i++) {
        double *p = f->p + (first + i) * ld, *at = z + i * ld;
        size_t label = (size_t)f->y[first + i];
        f->loss[item] += softmax(at, f->n_classes, label, p);
        for (size_t c = 0; c < f->n_classes; c++) {
            at[c] = f->c * p[c];
        }
        double others = 0; /* p - 1 at the label, without cancellation */
        for (size_t c = 0; c < f->n_classes; c++) {
            others += c == label ? 0 : p[c];
        }
        at[label] = -f->c * others;
    }
    linear_add_outer(tile, f->width, z, f->panels, gradient);
}

/* |W|^2; the bias is not in it. */
static double weight_norm(const struct logistic_fit *f, const double *w)
{
    double sum = 0;
    for (size_t q = 0; q < f->panels; q++, w += f->width * PANEL) {
        for (size_t i = 0; i < f->d * PANEL; i++) {
            sum += w[i] * w[i];
        }
    }
    return sum;
}

static double value(void *ctx, const double *w, double *gradient)
{
    struct logistic_fit *f = ctx;
    struct pass pass = {f, w};
    struct linear_sum sum = {.tiles = linear_tiles(f->n),
                             .size = f->panels * f->width * PANEL,
                             .add = pass_tile,
                             .ctx = &pass,
                             .buffer = f->buffer,
                             .out = gradient};
    linear_sum_run(&sum, f->pool);
    double loss = 0;
    for (size_t t = 0; t < sum.tiles; t++) {
        loss += f->loss[t];
    }
    for (size_t q = 0; q < f->panels; q++) {
        size_t from = q * f->width * PANEL;
        for (size_t i = from; i < from + f->d * PANEL; i++) {
            gradient[i] += w[i];
        }
    }
    return weight_norm(f, w) / 2 + f->c * loss;
}

/* ---- when to stop, when to look at the curvature again ---- */

/* |grad J|^2 / 2 for raw features: there the gradient in W is g_W + mean g_b. *idle gets the
 * gradient of the classes that have no row, relative to J. */
static double bound(const struct logistic_fit *f, double j, const double *gradient, double *idle)
{
    double sum = 0;
    *idle = 0;
    for (size_t c = 0; c < f->n_classes; c++) {
        const double *g = gradient + c / PANEL * f->width * PANEL + c % PANEL;
        double bias = g[f->d * PANEL];
        for (size_t k = 0; k < f->d; k++) {
            double at = g[k * PANEL] + f->mean[k] * bias;
            sum += at * at;
        }
        sum += bias * bias;
        *idle += f->present[c] ? 0 : fabs(bias);
    }
    *idle /= fmax(j, 1e-3 * f->c * (double)f->n); /* one class only: J itself goes to 0 */
    return sum / 2;
}

static enum lbfgs_next next(void *ctx, const double *w, double j, const double *gradient)
{
    struct logistic_fit *f = ctx;
    double idle, gap = bound(f, j, gradient, &idle);
    /* Where C is small J is nearly constant and says little about W: then |W|^2 is the measure. */
    double norm = weight_norm(f, w), scale = norm > 0 ? fmin(j, fmax(norm, 1e-6 * j)) : j;
    f->j = j;
    f->residual = gap > 0 ? gap / j : 0; /* one class only: J is 0 and stays so */
    f->converged = f->residual < logistic_tolerance && idle < logistic_tolerance;
    if (atomic_load(&note_interrupted)) {
        f->interrupted = true;
        return LBFGS_STOP;
    }
    if (f->converged && gap <= f->tolerance * scale) {
        return LBFGS_STOP;
    }
    size_t age = f->builds == 1 ? FIRST_AGE : LATER_AGE;
    if (f->builds && f->since++ < age) {
        return LBFGS_GO;
    }
    size_t last = ARRAY_LEN(build_cost) - 1, nth = f->builds < last ? f->builds : last;
    f->builds++;
    f->since = 1;
    f->failed =
        curvature_build(&f->curvature, f->p, f->c, term_limit(f, build_cost[nth]), f->e) != 0;
    return f->failed ? LBFGS_STOP : LBFGS_RENEWED;
}

static void precondition(void *ctx, double *r)
{
    struct logistic_fit *f = ctx;
    curvature_apply(&f->curvature, r);
}

int logistic_fit_solve(struct logistic_fit *f, double c, double tolerance,
                       struct adapt_counters *counters, struct err *e)
{
    struct lbfgs problem = {.n = f->panels * f->width * PANEL,
                            .memory = MEMORY,
                            .max_steps = MAX_STEPS,
                            .value = value,
                            .scale = precondition,
                            .next = next,
                            .ctx = f};
    enum lbfgs_end end;
    f->c = c;
    f->tolerance = tolerance;
    f->since = f->builds = 0;
    f->e = e;
    if (lbfgs_run(&problem, f->w, &end, &f->steps, e)) {
        return -1;
    }
    if (f->interrupted) {
        return err_set(e, ERR_INTERRUPTED, "interrupted");
    }
    counters->logistic_fits++;
    counters->logistic_iterations += f->steps;
    return f->failed ? -1 : 0;
}

/* ---- what comes out ---- */

int logistic_fit_scores(const struct logistic_fit *f, const float *x, const size_t *rows, size_t n,
                        const char *what, double *scores, struct err *e)
{
    struct linear_rows r = f->rows;
    r.x = x;
    r.rows = rows;
    r.n = n;
    return linear_scores(&r, f->w, 1, f->n_classes, f->pool, what, scores, e);
}

void logistic_fit_weights(const struct logistic_fit *f, double *w, double *b)
{
    double sum = 0;
    linear_from_panels(f->w, f->d, f->n_classes, f->width, w);
    for (size_t c = 0; c < f->n_classes; c++) {
        b[c] = f->w[(c / PANEL * f->width + f->d) * PANEL + c % PANEL];
        for (size_t k = 0; k < f->d; k++) {
            b[c] -= f->mean[k] * w[k * f->n_classes + c];
        }
        sum += b[c];
    }
    for (size_t c = 0; c < f->n_classes; c++) {
        b[c] -= sum / (double)f->n_classes;
    }
}
