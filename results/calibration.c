/* Calibration bins and the confusion matrix, after the definitions in
 * tests/parity/stats/README.md. Sums run in test order, in double. */
#include "results/calibration.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "results/record.h"

static void add_to_bin(struct calibration *c, size_t bin, const struct outcomes *o, size_t i)
{
    c->bins[bin].n++;
    c->bins[bin].n_correct += o->pred[i] == o->label[i];
    c->bins[bin].confidence += (double)o->p_pred[i];
}

/* From sums of confidences to means, and the error. */
static void finish(struct calibration *c, size_t n)
{
    for (size_t k = 0; k < CALIBRATION_BINS; k++) {
        struct calibration_bin *b = &c->bins[k];
        if (b->n) {
            double m = (double)b->n;
            b->confidence /= m;
            c->ece += m / (double)n * fabs((double)b->n_correct / m - b->confidence);
        }
    }
}

/* The upper edge belongs to a bin: as many bins lie below p as edges k/15 are less than p. */
static size_t width_bin(double p)
{
    size_t bin = 0;
    for (int k = 1; k < CALIBRATION_BINS; k++) {
        bin += k / (double)CALIBRATION_BINS < p;
    }
    return bin;
}

void calibration_width(const struct outcomes *o, struct calibration *c)
{
    assert(o->has_prob);
    *c = (struct calibration){0};
    for (size_t i = 0; i < o->n; i++) {
        add_to_bin(c, width_bin((double)o->p_pred[i]), o, i);
    }
    finish(c, o->n);
}

struct confidence {
    float p;
    size_t index;
};

static int by_confidence(const void *a, const void *b)
{
    const struct confidence *x = a, *y = b;
    if (x->p < y->p || x->p > y->p) {
        return x->p < y->p ? -1 : 1;
    }
    return x->index < y->index ? -1 : 1;
}

int calibration_mass(const struct outcomes *o, struct calibration *c, struct err *e)
{
    assert(o->has_prob);
    *c = (struct calibration){0};
    struct confidence *sorted = mem_take(o->n, sizeof *sorted, e);
    if (!sorted) {
        return -1;
    }
    for (size_t i = 0; i < o->n; i++) {
        sorted[i] = (struct confidence){o->p_pred[i], i};
    }
    qsort(sorted, o->n, sizeof *sorted, by_confidence);
    for (size_t k = 0; k < CALIBRATION_BINS; k++) {
        size_t end = (k + 1) * o->n / CALIBRATION_BINS;
        for (size_t i = k * o->n / CALIBRATION_BINS; i < end; i++) {
            add_to_bin(c, k, o, sorted[i].index);
        }
    }
    free(sorted);
    finish(c, o->n);
    return 0;
}

double calibration_brier_top(const struct outcomes *o)
{
    assert(o->has_prob && o->n);
    double sum = 0;
    for (size_t i = 0; i < o->n; i++) {
        double d = (double)o->p_pred[i] - (o->pred[i] == o->label[i]);
        sum += d * d;
    }
    return sum / (double)o->n;
}

size_t classes_seen(const struct outcomes *o)
{
    int32_t most = -1;
    for (size_t i = 0; i < o->n; i++) {
        most = o->label[i] > most ? o->label[i] : most;
        most = o->pred[i] > most ? o->pred[i] : most;
    }
    return (size_t)(most + 1);
}

void confusion_add(const struct outcomes *o, size_t n_classes, uint64_t *counts)
{
    for (size_t i = 0; i < o->n; i++) {
        assert((size_t)o->label[i] < n_classes && (size_t)o->pred[i] < n_classes);
        counts[(size_t)o->label[i] * n_classes + (size_t)o->pred[i]]++;
    }
}
