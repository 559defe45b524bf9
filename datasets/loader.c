/* The loop over images: one item of the pool is one image, read, decoded and transformed into its
 * row of the batch. Each worker has its own buffers; nothing depends on which worker took what. */
#include "datasets/loader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/tensor.h"

/* What one worker owns. first_bad and e: the first of the images it could not read. */
struct worker {
    struct sample_buf buf;
    struct transform_scratch scratch;
    size_t first_bad;
    struct err e;
};

struct loader {
    const struct split *split;
    const size_t *rows; /* NULL: all */
    size_t n_rows, next;
    const struct preprocess *p;
    struct pool *pool;
    size_t h, w;
    struct worker *workers; /* [n_workers] */
    size_t n_workers;
};

/* One batch in the making. */
struct filling {
    struct loader *l;
    float *data;
    size_t n;
};

static size_t position(const struct loader *l, size_t i)
{
    return l->rows ? l->rows[i] : i;
}

static int decode(struct loader *l, size_t i, struct worker *wk, struct image *img, struct err *e)
{
    struct sample s;
    return split_read(l->split, position(l, i), &wk->buf, &s, e) ||
                   decode_sample(&s, l->p->decode, &wk->scratch, img, e)
               ? -1
               : 0;
}

static int load_image(struct loader *l, size_t i, struct worker *wk, float *out, struct err *e)
{
    struct image img;
    if (decode(l, i, wk, &img, e)) {
        return -1;
    }
    size_t h, w;
    preprocess_size(l->p, img.h, img.w, &h, &w);
    if (h != l->h || w != l->w) {
        return err_set(e, ERR_FORMAT,
                       "%zu x %zu pixels, %zu x %zu expected: without resizing all images must "
                       "have one size",
                       h, w, l->h, l->w);
    }
    int rc = preprocess_run(l->p, &img, &wk->scratch, out, NULL, e);
    transform_scratch_trim(&wk->scratch);
    return rc;
}

/* Puts the data set and the id of image i in front of the error. */
static int name_image(const struct loader *l, size_t i, struct err *e)
{
    char id[DATASET_ID];
    split_id(l->split, position(l, i), id);
    return err_wrap(e, "%s: image %s", l->split->d->name, id);
}

static void fill_row(void *ctx, size_t item, size_t worker)
{
    struct filling *f = ctx;
    struct loader *l = f->l;
    struct worker *wk = &l->workers[worker];
    size_t ahead = l->next + f->n + item;
    if (ahead < l->n_rows) {
        split_hint(l->split, position(l, ahead));
    }
    struct err e;
    if (load_image(l, l->next + item, wk, f->data + item * l->h * l->w * 3, &e) &&
        item < wk->first_bad) {
        name_image(l, l->next + item, &e);
        wk->first_bad = item;
        wk->e = e;
    }
}

/* The size that every image will have. */
static int find_shape(struct loader *l, struct err *e)
{
    struct image img = {.h = l->split->d->desc->h, .w = l->split->d->desc->w};
    if (!img.h && !l->p->crop && l->n_rows &&
        decode(l, 0, &l->workers[0], &img, e)) {
        return name_image(l, 0, e);
    }
    preprocess_size(l->p, img.h, img.w, &l->h, &l->w);
    return 0;
}

int loader_open(struct loader **out, const struct split *s, const size_t *rows, size_t n_rows,
                const struct preprocess *p, struct pool *pool, struct err *e)
{
    *out = NULL;
    struct loader *l = mem_take(1, sizeof *l, e);
    if (!l) {
        return -1;
    }
    l->split = s;
    l->rows = rows;
    l->n_rows = rows ? n_rows : s->n;
    l->p = p;
    l->pool = pool;
    l->n_workers = pool_size(pool);
    l->workers = mem_take(l->n_workers, sizeof *l->workers, e);
    if (!l->workers || find_shape(l, e)) {
        loader_close(l);
        return -1;
    }
    *out = l;
    return 0;
}

void loader_close(struct loader *l)
{
    if (!l) {
        return;
    }
    for (size_t i = 0; l->workers && i < l->n_workers; i++) {
        free(l->workers[i].buf.data);
        transform_scratch_release(&l->workers[i].scratch);
    }
    free(l->workers);
    free(l);
}

void loader_shape(const struct loader *l, size_t *h, size_t *w)
{
    *h = l->h;
    *w = l->w;
}

int loader_next(struct loader *l, float *data, size_t max_n, struct tensor *x, struct err *e)
{
    assert(max_n);
    size_t left = l->n_rows - l->next;
    struct filling f = {l, data, left < max_n ? left : max_n};
    for (size_t i = 0; i < l->n_workers; i++) {
        l->workers[i].first_bad = SIZE_MAX;
    }
    pool_run(l->pool, f.n, fill_row, &f);
    const struct worker *bad = &l->workers[0];
    for (size_t i = 1; i < l->n_workers; i++) {
        bad = l->workers[i].first_bad < bad->first_bad ? &l->workers[i] : bad;
    }
    if (bad->first_bad != SIZE_MAX) {
        if (e) {
            *e = bad->e;
        }
        return -1;
    }
    l->next += f.n;
    *x = (struct tensor){data, f.n, l->h, l->w, 3};
    return 0;
}
