/* A record's outcomes, cut where asked, through the same code that scored them first. */
#include "results/rescore.h"

#include <stdio.h>

#include "harness/base/err.h"
#include "results/calibration.h"
#include "results/metrics.h"
#include "results/record.h"
#include "results/vtab.h"

void rescore_view(const struct record *r, bool as_leaderboard, struct outcomes *view)
{
    const char *dataset = pairs_get(&r->knobs, "dataset");
    *view = r->outcomes;
    if (as_leaderboard) {
        view->n = vtab_scored(dataset ? dataset : "", view->n);
    }
}

static int add_top(struct record *scores, const struct outcomes *o, size_t top, struct err *e)
{
    char name[32];
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++) {
        n += o->rank[i] <= top;
    }
    snprintf(name, sizeof name, "top%zu", top);
    return record_metric(scores, name, (double)n / (double)o->n, false, e);
}

static int add_metrics(struct record *scores, size_t top, struct err *e)
{
    const struct outcomes *o = &scores->outcomes;
    struct calibration mass;
    if (metrics_add(scores, classes_seen(o), e) || (o->rank && add_top(scores, o, top, e))) {
        return -1;
    }
    if (!o->has_prob) {
        return 0;
    }
    return calibration_mass(o, &mass, e) ||
                   record_metric(scores, "ece_mass", mass.ece, false, e) ||
                   record_metric(scores, "brier_top", calibration_brier_top(o), false, e)
               ? -1
               : 0;
}

int rescore(const struct record *r, bool as_leaderboard, size_t top, struct record *scores,
            struct err *e)
{
    struct outcomes view;
    rescore_view(r, as_leaderboard, &view);
    if (view.n == 0) {
        return err_set(e, ERR_USAGE, "cell %s stores no outcomes", r->run_id);
    }
    *scores = (struct record){.outcomes = view};
    int rc = add_metrics(scores, top, e);
    scores->outcomes = (struct outcomes){0}; /* they are r's */
    if (rc) {
        record_release(scores);
    }
    return rc;
}
