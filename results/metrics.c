/* Metrics of a record from its outcomes, after the definitions in tests/parity/stats/README.md.
 * Sums run in test order, in double, over the values as they are stored. */
#include "results/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "results/calibration.h"
#include "results/record.h"

/* Mean recall over the classes that occur. */
static int mean_per_class(const struct outcomes *o, size_t n_classes, double *mean, struct err *e)
{
    size_t *count = mem_take(n_classes, 2 * sizeof *count, e);
    if (!count) {
        return -1;
    }
    size_t *correct = count + n_classes, n_present = 0;
    for (size_t i = 0; i < o->n; i++) {
        size_t label = (size_t)o->label[i];
        count[label]++;
        correct[label] += o->pred[i] == o->label[i];
    }
    double sum = 0;
    for (size_t c = 0; c < n_classes; c++) {
        if (count[c]) {
            sum += (double)correct[c] / (double)count[c];
            n_present++;
        }
    }
    *mean = sum / (double)n_present;
    free(count);
    return 0;
}

static int add_prob_metrics(struct record *r, struct err *e)
{
    const struct outcomes *o = &r->outcomes;
    struct calibration ece;
    double nll = 0, brier = 0, n = (double)o->n;
    calibration_width(o, &ece);
    for (size_t i = 0; i < o->n; i++) {
        double logp = (double)o->logp_label[i];
        nll -= logp;
        brier += 1 - 2 * exp(logp) + (double)o->p_sq[i];
    }
    return record_metric(r, "nll", nll / n, false, e) ||
                   record_metric(r, "brier", brier / n, false, e) ||
                   record_metric(r, "ece", ece.ece, false, e)
               ? -1
               : 0;
}

int metrics_add(struct record *r, size_t n_classes, struct err *e)
{
    const struct outcomes *o = &r->outcomes;
    size_t n_correct = 0, n_top5 = 0;
    double per_class;
    if (o->n == 0) {
        return err_set(e, ERR_FORMAT, "no outcomes, so no metrics");
    }
    for (size_t i = 0; i < o->n; i++) {
        if (o->label[i] < 0 || (size_t)o->label[i] >= n_classes) {
            return err_set(e, ERR_FORMAT, "outcome %zu: label %d not in 0..%zu", i, o->label[i],
                           n_classes - 1);
        }
        n_correct += o->pred[i] == o->label[i];
        n_top5 += o->rank && o->rank[i] <= 5;
    }
    double n = (double)o->n;
    if (mean_per_class(o, n_classes, &per_class, e) || record_metric(r, "n", n, true, e) ||
        record_metric(r, "n_correct", (double)n_correct, true, e) ||
        record_metric(r, "top1", (double)n_correct / n, false, e) ||
        (o->rank && record_metric(r, "top5", (double)n_top5 / n, false, e)) ||
        record_metric(r, "mean_per_class", per_class, false, e)) {
        return -1;
    }
    if (o->has_prob && add_prob_metrics(r, e)) {
        return -1;
    }
    return r->selection.n ? record_metric(r, "n_configs_tried", (double)r->selection.n, true, e)
                          : 0;
}
