/* A finished cell: what was asked, what came out for every test image, and how it was made.
 * Plain data; owns its arrays. Knows no tensor, no path, no protocol: knobs are texts. */
#ifndef BITBENCH_RESULTS_RECORD_H
#define BITBENCH_RESULTS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { RUN_ID = 33, SIGNATURE_PART = 512 };

enum cell_status { CELL_OK, CELL_FAILED, CELL_DIVERGED };
const char *cell_status_text(enum cell_status s); /* "ok" "failed" "diverged" */
bool cell_status_parse(const char *text, enum cell_status *s);

/* An ordered list of key = value texts. {0} is empty. */
struct pairs {
    struct pair {
        char *key, *value;
    } *items;
    size_t n, cap;
};
int pairs_set(struct pairs *p, const char *key, const char *value, struct err *e); /* replaces or appends */
int pairs_setf(struct pairs *p, struct err *e, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
const char *pairs_get(const struct pairs *p, const char *key); /* or NULL */
void pairs_release(struct pairs *p);

/* One row a test image, in canonical test order. */
struct outcomes {
    size_t n;
    bool numeric_ids;
    uint64_t *id_number;  /* [n] when numeric_ids */
    char *id_text;        /* else [n] NUL-terminated texts of id_stride bytes */
    size_t id_stride;
    int32_t *label, *pred; /* [n] class indices */
    uint16_t *rank;        /* [n] 1 + number of classes with a strictly greater score + number with an equal
                              score and a smaller index; at most 65535 */
    float *margin;         /* [n] best score less second best */
    char margin_unit[16];  /* "score", "logit" or "ln p" */
    bool has_prob;
    float *logp_label;     /* [n] natural log of the label's probability */
    float *p_pred, *p_sq;  /* [n] the prediction's probability; sum of squares over classes */
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
    size_t picked;         /* index */
};

struct record {
    char run_id[RUN_ID];
    enum cell_status status;
    char message[1024];             /* of a failed cell */
    char *spec;                     /* canonical text, owned */
    struct pairs knobs;             /* every knob with its value in force */
    char protocol[SIGNATURE_PART], subject[SIGNATURE_PART], replicate[SIGNATURE_PART]; /* signature */
    struct pairs provenance, labels;
    struct metric *metrics;
    size_t n_metrics, metrics_cap;
    struct outcomes outcomes;
    int64_t *draw; /* [n_draw] canonical positions of the training images, in order */
    size_t n_draw;
    struct selection selection; /* n == 0: nothing was selected */
};

void record_release(struct record *r);
/* Appends (or replaces) a metric. */
int record_metric(struct record *r, const char *name, double value, bool whole, struct err *e);
bool record_get_metric(const struct record *r, const char *name, double *value);
/* Room for n outcomes, zeroed. id_stride 0: numeric ids. */
int outcomes_init(struct outcomes *o, size_t n, size_t id_stride, bool has_prob, struct err *e);
void outcomes_release(struct outcomes *o);
/* Fills row i from the scores of all classes (double), by the rules above; and, when has_prob, from
 * their log-softmax. label outside 0..n_classes-1 is our fault (assert). */
void outcomes_set(struct outcomes *o, size_t i, int32_t label, const double *scores, size_t n_classes);

#endif
