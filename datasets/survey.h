/* Every image of a data set read and decoded once, and what was seen: for `datasets verify`. */
#ifndef BITBENCH_DATASETS_SURVEY_H
#define BITBENCH_DATASETS_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "datasets/dataset.h"
#include "datasets/dhash.h"

struct err;
struct pool;

enum { SURVEY_TRAIN, /* parts, as in struct dhash_item */
       SURVEY_VAL,
       SURVEY_TEST };

/* Facts about an image, as bits. */
enum { SURVEY_BROKEN = 1,
       SURVEY_WRONG_NAME = 2, /* the extension says another format than the content */
       SURVEY_CMYK = 4,
       SURVEY_YCCK = 8,
       SURVEY_TURNED = 16 }; /* EXIF asks for a turn, which nothing here does */

enum { SURVEY_HASH = 16 };

/* 40 bytes an image. */
struct survey_image {
    uint64_t dhash;
    unsigned char hash[SURVEY_HASH]; /* first half of the SHA-256 of the file's bytes, of arrays of
                                        the pixels; zeros where they cannot be read */
    uint32_t h, w;                   /* 0 where broken */
    uint8_t facts, part;
};

struct survey {
    const struct dataset *d;
    struct survey_image *images; /* [n] source splits one behind the other, in the source's order */
    size_t n, base[DATASET_MAX_SOURCE_SPLITS];
};

/* decode: "pil" or "tf". On all of the pool's threads; the result does not depend on them. Images
 * that cannot be read are facts, not errors. ERR_INTERRUPTED, ERR_LIMIT. */
int survey_run(struct survey *s, const struct dataset *d, const char *decode, struct pool *pool,
               struct err *e);
void survey_release(struct survey *s);

void survey_id(const struct survey *s, size_t i, char id[DATASET_ID]);
/* What is wrong with, or odd about, an image: reads it again. */
void survey_explain(const struct survey *s, size_t i, const char *decode, char *text, size_t cap);

/* Images of the same bytes. pairs: an image and the first image that equals it, those across parts
 * first, at most most_pairs of them. */
struct survey_equal {
    size_t n_copies, n_across; /* images that equal an earlier one; of these, in another part */
    struct dhash_pair *pairs;
    size_t n_pairs;
};
/* Sorts out equal images; items [s->n] gets the readable images without copies (*n_items). */
int survey_find_equal(struct survey_equal *out, const struct survey *s, size_t most_pairs,
                      struct dhash_item *items, size_t *n_items, struct err *e);
void survey_equal_release(struct survey_equal *out);

/* Smallest, middle and largest of the readable images' widths, heights and areas (pixels). */
struct survey_range {
    uint64_t min, median, max;
};
struct survey_sizes {
    struct survey_range w, h, area;
    size_t n, n_small; /* readable images; those with less than 96 * 96 pixels */
};
int survey_sizes(struct survey_sizes *out, const struct survey *s, struct err *e);

#endif
