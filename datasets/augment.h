/* Training augmentations: random crop, inception crop, horizontal flip, MixUp. What is random is a
 * pure function of (seed, step, index), so it does not depend on threads, batches or what was drawn
 * before; what is done with it is a pure function of the image. */
#ifndef BITBENCH_DATASETS_AUGMENT_H
#define BITBENCH_DATASETS_AUGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "datasets/transform.h"

struct dataset_desc;
struct err;

enum augment_crop {
    AUGMENT_WHOLE,     /* straight to the network's size, as for evaluation */
    AUGMENT_CROP,      /* crop x crop anywhere in the resized image (BiT: of resize x resize) */
    AUGMENT_INCEPTION, /* a box of random area and aspect ratio, to crop x crop: as TensorFlow's
                          sample_distorted_bounding_box without boxes of objects draws it */
    AUGMENT_RRC,       /* the same as torchvision's RandomResizedCrop draws it */
};

struct augment {
    enum augment_crop crop;
    bool flip;       /* left-right, with probability 1/2 */
    double area_min; /* INCEPTION, RRC: least share of the image */
    double mixup;    /* alpha of Beta(alpha, alpha), 0 < alpha <= 1; 0: none */
};

/* "crop|flip|mixup:0.1": crop, inception[:AREA] (0.05, as big_vision) or rrc[:AREA] (0.08), then
 * flip, then mixup:ALPHA; each may lack, "none" is none of them. ERR_USAGE. */
int augment_parse(struct augment *a, const char *text, struct err *e);
/* Does a fit a checked preprocessing? Crops need one that resizes. ERR_USAGE. */
int augment_check(const struct augment *a, const struct preprocess *p, struct err *e);
/* Leaves out what would break the labels of a task (BiT paper, appendix F): its no_flip, its
 * no_crop. True when something was left out. */
bool augment_limit(struct augment *a, const struct dataset_desc *d);

struct augment_box {
    size_t y, x, h, w;
};
/* What was drawn for one image. */
struct augment_draw {
    enum augment_crop crop;
    struct augment_box box; /* CROP: in the resized image; INCEPTION, RRC: in the image */
    bool flip;
};

/* For an image of h x w, the index-th of the step; a and p are checked. */
struct augment_draw augment_draw(const struct augment *a, const struct preprocess *p, uint64_t seed,
                                 uint64_t step, uint64_t index, size_t h, size_t w);
/* As preprocess_run, by what was drawn: out [crop, crop, 3]. */
int augment_run(const struct augment_draw *draw, const struct preprocess *p, const struct image *in,
                struct transform_scratch *s, float *out, uint8_t *out_u8, struct err *e);

/* The share of the image itself in a step's MixUp; 1 without MixUp. */
double augment_lambda(const struct augment *a, uint64_t seed, uint64_t step);
/* Row i of x [n, d] becomes fp32(lambda) * row i + fp32(1 - lambda) * row n - 1 - i: the batch
 * against itself in reverse, as BiT's JAX code. For images and for one-hot labels alike. */
void augment_mixup(float *x, size_t n, size_t d, double lambda);

/* torchvision's arithmetic: height and width of the box for a drawn share of the area and logarithm
 * of the aspect ratio; false where it does not fit into h x w. y and x are not set. */
bool augment_rrc_box(double share, double log_ratio, size_t h, size_t w, struct augment_box *box);
/* The box after ten that did not fit: the centre, the aspect ratio within ratio_min..ratio_max. */
struct augment_box augment_rrc_fallback(size_t h, size_t w, double ratio_min, double ratio_max);

#endif
