/* Counts behind the metrics of stored outcomes: by class, by pair of classes, by confidence. */
#ifndef BITBENCH_RESULTS_CALIBRATION_H
#define BITBENCH_RESULTS_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct outcomes;

enum { CALIBRATION_BINS = 15 };

struct calibration {
    struct calibration_bin {
        size_t n, n_correct;
        double confidence; /* mean; 0 in an empty bin */
    } bins[CALIBRATION_BINS];
    double ece; /* sum over bins of their share times |accuracy - mean confidence| */
};
/* Bins of equal width, (k/15, (k+1)/15], 0 in the first. The outcomes have probabilities. */
void calibration_width(const struct outcomes *o, struct calibration *c);
/* Bins of equal numbers of images in the order of confidence; ties in test order. */
int calibration_mass(const struct outcomes *o, struct calibration *c, struct err *e);
/* Brier score of the prediction alone: mean of (p_pred - correct)^2. */
double calibration_brier_top(const struct outcomes *o);

/* Largest class index among labels and predictions, plus 1. */
size_t classes_seen(const struct outcomes *o);
/* counts [n_classes, n_classes], added to: label (row) against prediction (column). Labels and
 * predictions are below n_classes. */
void confusion_add(const struct outcomes *o, size_t n_classes, uint64_t *counts);

#endif
