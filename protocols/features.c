/* Features by image, kept in blocks of 1024 source rows under a folder named by everything that
 * decides their bits. A block file:
 *   64-byte text "bitbench-features 1 <d> <n present>\n", blank padded
 *   32 bytes SHA-256 of what follows, as read back only whole and right
 *   128-byte bitmap of the rows present, then their features [n, d] f32 in row order
 * A damaged or cut block counts as empty. Two processes may write one block: the last one wins,
 * and a row that got lost is computed again. */
#include "protocols/features.h"
#include "protocols/protocol.h"
#include "datasets/dataset.h"
#include "datasets/loader.h"
#include "datasets/transform.h"
#include "harness/base/blas.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "models/engine.h"
#include "models/model.h"
#include "protocols/numeric.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_ROWS = 1024,
    BLOCK_BITMAP = BLOCK_ROWS / 8,
    BLOCK_TEXT = 64,
    BLOCK_HASH = 64,
    BLOCK_HEAD = BLOCK_TEXT + BLOCK_HASH + BLOCK_BITMAP
};

/* The folder of a (model, data set, preprocessing) under the cache; "" without a cache, and for
 * pixels, which cost less to make than to read. */
static int cache_folder(const struct group *g, const struct preprocess *p, char *folder, size_t cap,
                        struct err *e)
{
    folder[0] = '\0';
    if (!g->cache_dir || g->model->kind == MODEL_PIXELS) {
        return 0;
    }
    struct str key = {0};
    char hex[HASH_SHA256_HEX];
    if (numeric_id_features(g, p, hex, e)) {
        return -1;
    }
    str_addf(&key, "features 1|%s|%s|%s|%.17g|%s|%s|%s|%s|%s|", hex, g->model->sha256,
             g->model->arch_text, g->model->ws_eps, g->engine->name, cpu_isa(), blas_core(),
             g->dataset->fingerprint, g->dataset->name);
    preprocess_text(p, &key);
    if (str_check(&key, e)) {
        str_release(&key);
        return -1;
    }
    sha256_hex(key.data, key.len, hex);
    str_release(&key);
    char name[128];
    snprintf(name, sizeof name, "features/%.40s", hex);
    return file_join(folder, cap, g->cache_dir, name, e);
}

static int block_path(char *path, size_t cap, const char *folder, size_t source_split, size_t block,
                      struct err *e)
{
    char name[64];
    snprintf(name, sizeof name, "%zu-%06zu.features", source_split, block);
    return file_join(path, cap, folder, name, e);
}

static bool bitmap_has(const unsigned char *bitmap, size_t i)
{
    return bitmap[i / 8] >> (i % 8) & 1;
}

/* The bytes of a block file when it is whole and right, else NULL. */
static unsigned char *block_load(const char *path, size_t d)
{
    unsigned char *bytes;
    size_t n, file_d, file_n, present = 0;
    struct err ignored = {0};
    if (file_read(path, BLOCK_HEAD + (size_t)BLOCK_ROWS * d * sizeof(float), &bytes, &n,
                  &ignored)) {
        return NULL;
    }
    if (n < BLOCK_HEAD ||
        sscanf((char *)bytes, "bitbench-features 1 %zu %zu", &file_d, &file_n) != 2 ||
        file_d != d || file_n > BLOCK_ROWS || n != BLOCK_HEAD + file_n * d * sizeof(float)) {
        goto bad;
    }
    for (size_t i = 0; i < BLOCK_ROWS; i++) {
        present += bitmap_has(bytes + BLOCK_TEXT + BLOCK_HASH, i);
    }
    char hex[HASH_SHA256_HEX];
    sha256_hex(bytes + BLOCK_TEXT + BLOCK_HASH, n - BLOCK_TEXT - BLOCK_HASH, hex);
    if (present == file_n && !memcmp(hex, bytes + BLOCK_TEXT, BLOCK_HASH)) {
        return bytes;
    }
bad:
    note(NOTE_WARNING, "%s: damaged feature cache block; computing it again", path);
    free(bytes);
    return NULL;
}

/* One wanted image: where it lies in the source and where its features go. */
struct want {
    size_t source_split, row; /* row in the source split */
    size_t position;          /* in the split */
    size_t out;               /* row of x */
    bool done;
};

static int by_source(const void *a, const void *b)
{
    const struct want *x = a, *y = b;
    if (x->source_split != y->source_split) {
        return x->source_split < y->source_split ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

/* The end of the run of wants that lie in the same block as w[begin]. */
static size_t same_block(const struct want *w, size_t n, size_t begin)
{
    size_t end = begin + 1;
    while (end < n && w[end].source_split == w[begin].source_split &&
           w[end].row / BLOCK_ROWS == w[begin].row / BLOCK_ROWS) {
        end++;
    }
    return end;
}

/* Copies what the block has of w[0..n) into x. */
static void take_from_block(const unsigned char *bytes, struct want *w, size_t n, size_t d,
                            float *x, size_t *n_read)
{
    const unsigned char *bitmap = bytes + BLOCK_TEXT + BLOCK_HASH;
    size_t at = 0, row = 0;
    for (size_t i = 0; i < n; i++) {
        size_t wanted = w[i].row % BLOCK_ROWS;
        for (; row < wanted; row++) {
            at += bitmap_has(bitmap, row);
        }
        if (bitmap_has(bitmap, wanted)) {
            memcpy(x + w[i].out * d, bytes + BLOCK_HEAD + at * d * sizeof(float),
                   d * sizeof(float));
            w[i].done = true;
            (*n_read)++;
        }
    }
}

/* Writes a block that holds what the old one had and all of w[0..n). */
static int block_save(const char *path, const unsigned char *old, const struct want *w, size_t n,
                      size_t d, const float *x, struct err *e)
{
    unsigned char bitmap[BLOCK_BITMAP] = {0};
    if (old) {
        memcpy(bitmap, old + BLOCK_TEXT + BLOCK_HASH, BLOCK_BITMAP);
    }
    for (size_t i = 0; i < n; i++) {
        size_t row = w[i].row % BLOCK_ROWS;
        bitmap[row / 8] = (unsigned char)(bitmap[row / 8] | 1u << (row % 8));
    }
    size_t total = 0;
    for (size_t i = 0; i < BLOCK_ROWS; i++) {
        total += bitmap_has(bitmap, i);
    }
    size_t bytes = BLOCK_HEAD + total * d * sizeof(float);
    unsigned char *data = mem_take(bytes, 1, e);
    if (!data) {
        return -1;
    }
    memset(data, ' ', BLOCK_TEXT);
    int text = snprintf((char *)data, BLOCK_TEXT, "bitbench-features 1 %zu %zu\n", d, total);
    data[text] = ' ';
    memcpy(data + BLOCK_TEXT + BLOCK_HASH, bitmap, BLOCK_BITMAP);
    unsigned char *to = data + BLOCK_HEAD;
    const unsigned char *from = old ? old + BLOCK_HEAD : NULL;
    for (size_t row = 0, i = 0; row < BLOCK_ROWS; row++) {
        bool had = old && bitmap_has(old + BLOCK_TEXT + BLOCK_HASH, row);
        while (i + 1 < n && w[i].row % BLOCK_ROWS < row) {
            i++;
        }
        if (had) {
            memcpy(to, from, d * sizeof(float));
            from += d * sizeof(float);
            to += d * sizeof(float);
        } else if (bitmap_has(bitmap, row)) {
            assert(w[i].row % BLOCK_ROWS == row);
            memcpy(to, x + w[i].out * d, d * sizeof(float));
            to += d * sizeof(float);
        }
    }
    char hex[HASH_SHA256_HEX];
    sha256_hex(data + BLOCK_TEXT + BLOCK_HASH, bytes - BLOCK_TEXT - BLOCK_HASH, hex);
    memcpy(data + BLOCK_TEXT, hex, BLOCK_HASH);
    int status = file_write_cache(path, data, bytes, e);
    free(data);
    return status;
}

/* Runs the network over the positions at[0..n) of the split, row i into x + out[i] * d. */
static int forward(struct group *g, const struct split *s, const struct preprocess *p,
                   const size_t *at, const size_t *out, size_t n, size_t d, float *x, float *logits,
                   struct err *e)
{
    struct loader *loader = NULL;
    float *input = NULL, *features = NULL, *head = NULL;
    size_t h, w, done = 0, n_classes = logits ? g->model->n_classes : 0;
    int status = -1;
    char what[160];
    snprintf(what, sizeof what, "features of %.60s, %.60s", g->model->subject, s->text);
    if (loader_open(&loader, s, at, n, p, g->pool, e) ||
        (!g->engine_state &&
         engine_open_forward(g->engine, &g->engine_state, g->model, g->pool, e))) {
        goto out;
    }
    loader_shape(loader, &h, &w);
    if (model_feature_dim(g->model, h, w) != d) {
        err_set(e, ERR_USAGE,
                "%s: images of several sizes need resizing: choose another mode than none",
                s->text);
        goto out;
    }
    input = mem_take(g->batch * h * w, 3 * sizeof *input, e);
    features = mem_take(g->batch * d, sizeof *features, e);
    head = mem_take(g->batch * n_classes, sizeof *head, e);
    if (!input || !features || !head) {
        goto out;
    }
    for (;;) {
        struct tensor batch;
        if (loader_next(loader, input, g->batch, &batch, e)) {
            goto out;
        }
        if (batch.n == 0) {
            break;
        }
        if (g->engine->forward(g->engine_state, &batch, features, n_classes ? head : NULL, e)) {
            err_wrap(e, "%s, images from %zu on", s->text, done);
            goto out;
        }
        for (size_t i = 0; i < batch.n; i++) {
            memcpy(x + out[done + i] * d, features + i * d, d * sizeof *x);
            if (n_classes) {
                memcpy(logits + out[done + i] * n_classes, head + i * n_classes,
                       n_classes * sizeof *head);
            }
        }
        done += batch.n;
        g->counters.images_forwarded += batch.n;
        note_progress(what, done, n);
        if (note_interrupted) {
            err_set(e, ERR_INTERRUPTED, "interrupted");
            goto out;
        }
    }
    status = 0;
out:
    free(head);
    free(features);
    free(input);
    loader_close(loader);
    return status;
}

/* Forward over those of w[0..n) that are not done yet. */
static int forward_missing(struct group *g, const struct split *s, const struct preprocess *p,
                           struct want *w, size_t n, size_t d, float *x, struct err *e)
{
    size_t *at = mem_take(n, sizeof *at, e), *out = mem_take(n, sizeof *out, e), missing = 0;
    int status = at && out ? 0 : -1;
    for (size_t i = 0; i < n && status == 0; i++) {
        if (!w[i].done) {
            at[missing] = w[i].position;
            out[missing++] = w[i].out;
        }
    }
    if (status == 0 && missing) {
        status = forward(g, s, p, at, out, missing, d, x, NULL, e);
    }
    free(out);
    free(at);
    return status;
}

/* Computes what the cache lacks, block by block: each is put into the cache before the next
 * begins, so that an interrupted run keeps what was done. */
static int fill(struct group *g, const struct split *s, const struct preprocess *p,
                const char *folder, struct want *w, size_t n, size_t d, float *x, struct err *e)
{
    char path[4096];
    for (size_t begin = 0, end; begin < n; begin = end) {
        size_t n_done = 0;
        end = same_block(w, n, begin);
        for (size_t i = begin; i < end; i++) {
            n_done += w[i].done;
        }
        if (n_done == end - begin) {
            continue;
        }
        if (forward_missing(g, s, p, w + begin, end - begin, d, x, e)) {
            return -1;
        }
        if (!folder[0]) {
            continue;
        }
        if (block_path(path, sizeof path, folder, w[begin].source_split, w[begin].row / BLOCK_ROWS,
                       e)) {
            return -1;
        }
        unsigned char *old = block_load(path, d);
        struct err cache = {0};
        if (block_save(path, old, w + begin, end - begin, d, x, &cache)) {
            note(NOTE_WARNING, "the feature cache is not written: %s", cache.text);
            g->cache_dir = NULL;
            folder = "";
        }
        free(old);
    }
    return 0;
}

static int from_cache(struct group *g, const char *folder, struct want *w, size_t n, size_t d,
                      float *x, struct err *e)
{
    char path[4096];
    for (size_t begin = 0, end; begin < n; begin = end) {
        end = same_block(w, n, begin);
        if (block_path(path, sizeof path, folder, w[begin].source_split, w[begin].row / BLOCK_ROWS,
                       e)) {
            return -1;
        }
        unsigned char *bytes = file_exists(path) ? block_load(path, d) : NULL;
        if (bytes) {
            take_from_block(bytes, w + begin, end - begin, d, x, &g->counters.cache_rows_read);
            free(bytes);
        }
    }
    return 0;
}

/* Side lengths of the network's input: those of the first image where nothing is resized and the
 * data set does not know them. */
static int input_size(const struct group *g, const struct split *s, const size_t *rows, size_t n,
                      const struct preprocess *p, size_t *h, size_t *w, struct err *e)
{
    struct loader *loader;
    if (p->mode != PREPROCESS_NONE || s->d->desc->h || n == 0) {
        preprocess_size(p, s->d->desc->h, s->d->desc->w, h, w);
        return 0;
    }
    if (loader_open(&loader, s, rows, 1, p, g->pool, e)) {
        return -1;
    }
    loader_shape(loader, h, w);
    loader_close(loader);
    return 0;
}

int features_get(struct group *g, const struct split *s, const size_t *rows, size_t n_rows,
                 const struct preprocess *p, float **x, size_t *d, float **logits, struct err *e)
{
    size_t n = rows ? n_rows : s->n, h, w;
    struct want *wants = NULL;
    char folder[4096];
    struct err cache = {0};
    int status = -1;
    *x = NULL;
    if (logits) {
        *logits = NULL;
    }
    if (input_size(g, s, rows, n, p, &h, &w, e)) {
        return -1;
    }
    *d = model_feature_dim(g->model, h, w);
    *x = mem_take(n, *d * sizeof **x, e);
    wants = mem_take(n, sizeof *wants, e);
    if (!*x || !wants || cache_folder(g, p, folder, sizeof folder, e)) {
        goto out;
    }
    if (folder[0] && !logits && file_make_dirs(folder, &cache)) {
        note(NOTE_WARNING, "no feature cache: %s", cache.text);
        folder[0] = '\0';
    }
    for (size_t i = 0; i < n; i++) {
        size_t position = rows ? rows[i] : i;
        wants[i] = (struct want){s->source_split[position], s->row[position], position, i, false};
    }
    if (logits) {
        size_t *at = mem_take(n, sizeof *at, e), *out = mem_take(n, sizeof *out, e);
        *logits = mem_take(n, g->model->n_classes * sizeof **logits, e);
        for (size_t i = 0; at && out && i < n; i++) {
            at[i] = wants[i].position;
            out[i] = i;
        }
        if (at && out && *logits) {
            status = forward(g, s, p, at, out, n, *d, *x, *logits, e);
        }
        free(out);
        free(at);
        goto out;
    }
    qsort(wants, n, sizeof *wants, by_source);
    if (folder[0] && from_cache(g, folder, wants, n, *d, *x, e)) {
        goto out;
    }
    status = fill(g, s, p, folder, wants, n, *d, *x, e);
out:
    free(wants);
    if (status) {
        free(*x);
        *x = NULL;
        if (logits) {
            free(*logits);
            *logits = NULL;
        }
    }
    return status;
}
