/* A finished cell: what was asked, what came out for every test image, and how it was made.
 * Plain data; owns its arrays. Knows no tensor, no path, no protocol: knobs are texts. */
#ifndef BITBENCH_RESULTS_RECORD_H
#define BITBENCH_RESULTS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { RUN_ID = 33,
       SIGNATURE_PART = 512 };

enum cell_status { CELL_OK,
                   CELL_FAILED,
                   CELL_DIVERGED };
const char *cell_status_text(enum cell_status s); /* "ok" "failed" "diverged" */
bool cell_status_parse(const char *text, enum cell_status *s);

/* An ordered list of key = value texts. {0} is empty. */
struct pairs {
    struct pair {
        char *key, *value;
    } * items;
    size_t n, cap;
};
/* Replaces the value (the place stays) or appends. -1 only for want of memory. */
int pairs_set(struct pairs *p, const char *key, const char *value, struct err *e);
int pairs_setf(struct pairs *p, struct err *e, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
const char *pairs_get(const struct pairs *p, const char *key); /* or NULL */
void pairs_release(struct pairs *p);

/* One row a test image, in canonical test order. A record read from a cell that stores only
 * predictions (knob outcomes=pred) has no rank and margin: those are NULL. */
struct outcomes {
    size_t n;
    bool numeric_ids;
    uint64_t *id_number;   /* [n] when numeric_ids */
    char *id_text;         /* else [n] NUL-terminated texts, one every id_stride bytes */
    size_t id_stride;      /* 0 when numeric_ids */
    int32_t *label, *pred; /* [n] class indices; pred = the lowest index among the greatest */
    uint16_t *rank;        /* [n] 1 + number of classes with a strictly greater score + number with
                              an equal score and a smaller index; at most 65535 */
    float *margin;         /* [n] best score less second best; 0 with a single class */
    char margin_unit[16];  /* "score", "logit" or "ln p" */
    bool has_prob;
    float *logp_label;    /* [n] natural log of the label's probability; -inf where that is 0 */
    float *p_pred, *p_sq; /* [n] the prediction's probability; sum of squares over classes */
};

/* A metric; counts are whole numbers. In the order in which they are shown. */
struct metric {
    char name[32];
    double value;
    bool whole;
};

/* What was tried to select a knob, in the order tried. */
struct selection {
    char knob[32], on[32]; /* "adapt.l2", "loo" */
    char measure[32];      /* "loo_mse", "val_top1" */
    double *tried, *value; /* [n] */
    size_t n;
    size_t picked; /* index */
};

struct record {
    char run_id[RUN_ID]; /* 32 hex digits */
    enum cell_status status;
    char message[1024]; /* of a failed cell */
    char *spec;         /* canonical text, owned */
    struct pairs knobs; /* every knob with its value in force */
    /* the signature, see signature.h */
    char protocol[SIGNATURE_PART], subject[SIGNATURE_PART], replicate[SIGNATURE_PART];
    struct pairs provenance, labels;
    struct metric *metrics;
    size_t n_metrics, metrics_cap;
    struct outcomes outcomes;
    int64_t *draw; /* [n_draw] canonical positions of the training images, in order */
    size_t n_draw;
    struct selection selection; /* n == 0: nothing was selected */
};

void record_release(struct record *r);
/* Appends (or replaces) a metric. whole: value is an integer of at most 2^53. */
int record_metric(struct record *r, const char *name, double value, bool whole, struct err *e);
bool record_get_metric(const struct record *r, const char *name, double *value);
/* Room for n outcomes, zeroed, in place of what was there. id_stride 0: numeric ids. */
int outcomes_init(struct outcomes *o, size_t n, size_t id_stride, bool has_prob, struct err *e);
void outcomes_release(struct outcomes *o);
/* Fills row i (all but the id) from the scores of all classes, by the rules above; and, when
 * has_prob, from their log-softmax. A label outside 0..n_classes-1 is our fault (assert). False,
 * and the row untouched, when a score is not finite: such a cell cannot be scored. */
bool outcomes_set(struct outcomes *o, size_t i, int32_t label, const double *scores,
                  size_t n_classes);
/* Rounds margin, p_pred and p_sq to 16 significant bits, so that cells are small: a relative error
 * of at most 2^-17. Order, 0 and 1 stay; logp_label keeps every bit. Before metrics are computed,
 * which then come out the same from the stored outcomes. */
void outcomes_round(struct outcomes *o);

#endif
