/* The loop over all images of a data set, in the order in which they lie. A chunk of images goes to
 * the threads at a time, so that progress and Ctrl-C are looked at between chunks. Only facts are
 * kept of an image, 40 bytes; its error is read again for the few that are shown. */
#include "datasets/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/image_facts.h"
#include "datasets/source.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/pool.h"

enum { CHUNK = 512,
       AHEAD = 32, /* images between a hint and its reading */
       SMALL_AREA = 96 * 96 };

struct worker {
    struct sample_buf buf;
    struct transform_scratch scratch;
};

struct scan {
    struct survey *s;
    const char *decode;
    struct worker *workers;
    size_t from; /* of the chunk */
};

/* Source split and index in it of image i. */
static size_t locate(const struct survey *s, size_t i, size_t *row)
{
    size_t split = 0;
    while (i - s->base[split] >= s->d->n[split]) {
        split++;
    }
    *row = i - s->base[split];
    return split;
}

void survey_id(const struct survey *s, size_t i, char id[DATASET_ID])
{
    size_t row, split = locate(s, i, &row);
    dataset_key(s->d, split, row, id);
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* Facts of the encoded bytes. */
static void look_at_bytes(struct survey_image *im, const struct sample *sample, const char *id)
{
    char hex[HASH_SHA256_HEX];
    struct image_facts f;
    sha256_hex(sample->bytes, sample->n, hex);
    for (size_t i = 0; i < SURVEY_HASH; i++) {
        im->hash[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    }
    if (sample->encoding != SAMPLE_FILE) {
        return;
    }
    image_facts_read(&f, sample->bytes, sample->n);
    im->facts |= image_facts_wrong_name(&f, id) ? SURVEY_WRONG_NAME : 0;
    im->facts |= f.components != 4 ? 0 : f.ycck ? SURVEY_YCCK
                                                : SURVEY_CMYK;
    im->facts |= f.orientation > 1 ? SURVEY_TURNED : 0;
}

static void look_at(void *ctx, size_t item, size_t worker)
{
    struct scan *k = ctx;
    struct survey *s = k->s;
    const struct source_ops *source = s->d->source;
    struct worker *w = &k->workers[worker];
    size_t i = k->from + item, row, split = locate(s, i, &row);
    struct survey_image *im = &s->images[i];
    struct sample sample;
    struct image pixels;
    char id[DATASET_ID];
    if (source->hint && row + AHEAD < s->d->n[split]) {
        source->hint(s->d->state, split, row + AHEAD);
    }
    im->facts = SURVEY_BROKEN;
    if (source->read(s->d->state, split, row, &w->buf, &sample, NULL)) {
        return;
    }
    survey_id(s, i, id);
    look_at_bytes(im, &sample, id);
    if (decode_sample(&sample, k->decode, &w->scratch, &pixels, NULL)) {
        return;
    }
    im->facts &= (uint8_t)~SURVEY_BROKEN;
    im->h = (uint32_t)pixels.h;
    im->w = (uint32_t)pixels.w;
    im->dhash = dhash(&pixels);
}

/* To which part of the data an image belongs, by the named splits. */
static int mark_parts(struct survey *s, struct err *e)
{
    static const struct {
        const char *name;
        uint8_t part;
    } parts[] = {{"val", SURVEY_VAL}, {"test", SURVEY_TEST}};
    for (size_t k = 0; k < 2; k++) {
        struct split split;
        struct err none = {0};
        if (split_open(&split, s->d, parts[k].name, &none)) {
            if (none.code == ERR_USAGE) {
                continue; /* no image in it */
            }
            return err_set(e, none.code, "%s", none.text);
        }
        for (size_t i = 0; i < split.n; i++) {
            s->images[s->base[split.source_split[i]] + split.row[i]].part = parts[k].part;
        }
        split_close(&split);
    }
    return 0;
}

static int scan_all(struct scan *k, struct pool *pool, struct err *e)
{
    char what[600];
    snprintf(what, sizeof what, "verify %s", k->s->d->name);
    for (k->from = 0; k->from < k->s->n; k->from += CHUNK) {
        size_t left = k->s->n - k->from;
        if (note_interrupted) {
            return err_set(e, ERR_INTERRUPTED, "interrupted");
        }
        note_progress(what, k->from, k->s->n);
        pool_run(pool, left < CHUNK ? left : CHUNK, look_at, k);
    }
    note_progress(what, k->s->n, k->s->n);
    return 0;
}

int survey_run(struct survey *s, const struct dataset *d, const char *decode, struct pool *pool,
               struct err *e)
{
    *s = (struct survey){.d = d};
    for (size_t k = 0; k < d->desc->n_source_splits; k++) {
        s->base[k] = s->n;
        s->n += d->n[k];
    }
    if (s->n >= UINT32_MAX) {
        return err_set(e, ERR_LIMIT, "%zu images are too many to compare", s->n);
    }
    struct scan k = {.s = s, .decode = decode};
    size_t n_workers = pool_size(pool);
    s->images = mem_take(s->n, sizeof *s->images, e);
    k.workers = mem_take(n_workers, sizeof *k.workers, e);
    int rc = s->images && k.workers ? 0 : -1;
    rc = rc || mark_parts(s, e) || scan_all(&k, pool, e) ? -1 : 0;
    for (size_t i = 0; k.workers && i < n_workers; i++) {
        free(k.workers[i].buf.data);
        transform_scratch_release(&k.workers[i].scratch);
    }
    free(k.workers);
    if (rc) {
        survey_release(s);
    }
    return rc;
}

void survey_release(struct survey *s)
{
    free(s->images);
    *s = (struct survey){0};
}

void survey_explain(const struct survey *s, size_t i, const char *decode, char *text, size_t cap)
{
    size_t row, split = locate(s, i, &row);
    struct worker w = {0};
    struct sample sample;
    struct image pixels;
    struct image_facts f;
    struct err e = {0};
    if (s->d->source->read(s->d->state, split, row, &w.buf, &sample, &e) ||
        decode_sample(&sample, decode, &w.scratch, &pixels, &e)) {
        snprintf(text, cap, "%s", e.text);
    } else {
        image_facts_read(&f, sample.bytes, sample.n);
        snprintf(text, cap, "%s%s%s", f.format ? f.format : "", f.ycck ? ", YCCK" : "",
                 f.components == 4 && !f.ycck ? ", CMYK" : "");
        if (f.orientation > 1) {
            snprintf(text + strlen(text), cap - strlen(text), ", EXIF orientation %u",
                     f.orientation);
        }
    }
    free(w.buf.data);
    transform_scratch_release(&w.scratch);
}

static int compare_hashes(const void *x, const void *y, void *ctx)
{
    const struct survey *s = ctx;
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    int c = memcmp(s->images[a].hash, s->images[b].hash, SURVEY_HASH);
    return c ? c : (a > b) - (a < b);
}

/* Image i equals first; counted and named on the turn of its kind: across parts, then within. */
static void take_copy(struct survey_equal *out, const struct survey *s, uint32_t first, uint32_t i,
                      size_t most, bool turn)
{
    bool across = s->images[first].part != s->images[i].part;
    if (across != turn) {
        return;
    }
    out->n_copies++;
    out->n_across += across;
    if (out->n_pairs < most) {
        out->pairs[out->n_pairs++] = (struct dhash_pair){first, i, 0};
    }
}

int survey_find_equal(struct survey_equal *out, const struct survey *s, size_t most_pairs,
                      struct dhash_item *items, size_t *n_items, struct err *e)
{
    *out = (struct survey_equal){.pairs = mem_take(most_pairs, sizeof *out->pairs, e)};
    uint32_t *order = mem_take(s->n, sizeof *order, e);
    size_t n = 0;
    *n_items = 0;
    if (!out->pairs || !order) {
        free(order);
        survey_equal_release(out);
        return -1;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (!(s->images[i].facts & SURVEY_BROKEN)) {
            order[n++] = (uint32_t)i;
        }
    }
    if (n) {
        qsort_r(order, n, sizeof *order, compare_hashes, (void *)(uintptr_t)s);
    }
    for (int turn = 1; turn >= 0; turn--) {
        uint32_t first = 0;
        for (size_t k = 0; k < n; k++) {
            const struct survey_image *im = &s->images[order[k]];
            if (!k || memcmp(im->hash, s->images[first].hash, SURVEY_HASH)) {
                first = order[k];
                if (!turn) {
                    items[(*n_items)++] = (struct dhash_item){im->dhash, first, im->part};
                }
            } else {
                take_copy(out, s, first, order[k], most_pairs, turn);
            }
        }
    }
    free(order);
    return 0;
}

void survey_equal_release(struct survey_equal *out)
{
    free(out->pairs);
    *out = (struct survey_equal){0};
}

static int compare_numbers(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

static struct survey_range range_of(uint64_t *v, size_t n)
{
    if (!n) {
        return (struct survey_range){0};
    }
    qsort(v, n, sizeof *v, compare_numbers);
    return (struct survey_range){v[0], v[(n - 1) / 2], v[n - 1]};
}

int survey_sizes(struct survey_sizes *out, const struct survey *s, struct err *e)
{
    uint64_t *v = mem_take(s->n, sizeof *v, e);
    *out = (struct survey_sizes){0};
    if (!v) {
        return -1;
    }
    for (size_t k = 0; k < 3; k++) {
        size_t n = 0;
        for (size_t i = 0; i < s->n; i++) {
            const struct survey_image *im = &s->images[i];
            uint64_t area = (uint64_t)im->w * im->h;
            if (area) {
                v[n++] = k == 0 ? im->w : k == 1 ? im->h
                                                 : area;
                out->n_small += k == 2 && area < SMALL_AREA;
            }
        }
        *(k == 0 ? &out->w : k == 1 ? &out->h
                                    : &out->area) = range_of(v, n);
        out->n = n;
    }
    free(v);
    return 0;
}
