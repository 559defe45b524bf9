/* CLEVR (cs.stanford.edu/people/jcjohns/clevr): CLEVR_v1.0.zip, or the folder out of it. Images
 * images/SPLIT/CLEVR_SPLIT_NNNNNN.png of train and val; the objects in each, with their depths, in
 * scenes/CLEVR_SPLIT_scenes.json. The scenes of test are not published, so val is what tests
 * (salt `validation`, as TFDS names it). The key is the file's name. */
#include "datasets/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/archive.h"
#include "datasets/clevr_scenes.h"
#include "datasets/codec/spool.h"
#include "datasets/label_rule.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/zip.h"

enum { MAX_OBJECTS = 64,
       MAX_SCENES_BYTES = 1 << 30 }; /* of a scene file; the largest has some 250 MB */

static const char *const names[] = {"train", "val"};

struct clevr_image {
    const char *key; /* in the archive's names */
    size_t member;
    int32_t label; /* -1: no scene yet */
};

struct clevr {
    const struct dataset_desc *desc;
    struct archive *archive;
    struct clevr_image *images[2]; /* by key */
    size_t n[2], cap[2];
};

/* The image of a member's name, NULL for other members; *split gets its split. */
static const char *image_key(const char *name, size_t *split)
{
    for (size_t s = 0; s < 2; s++) {
        char folder[32];
        snprintf(folder, sizeof folder, "images/%s/CLEVR_", names[s]);
        const char *at = strstr(name, folder);
        size_t n = strlen(name);
        if (at && (at == name || at[-1] == '/') && n > 4 && !strcmp(name + n - 4, ".png")) {
            *split = s;
            const char *key = strrchr(name, '/') + 1;
            return strlen(key) < DATASET_ID ? key : NULL;
        }
    }
    return NULL;
}

static int compare_images(const void *a, const void *b)
{
    const struct clevr_image *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static int list_images(struct clevr *c, struct err *e)
{
    for (size_t i = 0; i < archive_count(c->archive); i++) {
        size_t s;
        const char *key = image_key(archive_name(c->archive, i), &s);
        if (!key) {
            continue;
        }
        void *images = c->images[s];
        if (mem_grow(&images, &c->cap[s], c->n[s] + 1, sizeof *c->images[s], e)) {
            return -1;
        }
        c->images[s] = images;
        c->images[s][c->n[s]++] = (struct clevr_image){key, i, -1};
    }
    for (size_t s = 0; s < 2; s++) {
        qsort(c->images[s], c->n[s], sizeof *c->images[s], compare_images);
        if (c->n[s] > c->desc->official[s]) {
            return err_set(e, ERR_FORMAT, "%s: %zu images in %s, official number %zu",
                           archive_where(c->archive), c->n[s], names[s], c->desc->official[s]);
        }
    }
    return 0;
}

/* Depths of the objects of a scene. */
static int read_depths(const struct json *scene, const char *key, float v[MAX_OBJECTS], size_t *n,
                       struct err *e)
{
    const struct json *objects = json_get(scene, "objects");
    *n = json_len(objects);
    if (!json_is_array(objects) || *n > MAX_OBJECTS) {
        return err_set(e, ERR_FORMAT, "%s: no list of at most %d objects", key, MAX_OBJECTS);
    }
    for (size_t i = 0; i < *n; i++) {
        const struct json *coords = json_get(json_at(objects, i), "pixel_coords");
        double depth;
        if (json_len(coords) != 3 || !json_double(json_at(coords, 2), &depth)) {
            return err_set(e, ERR_FORMAT, "%s: object %zu: pixel_coords are not three numbers", key,
                           i);
        }
        v[i] = (float)depth;
    }
    return 0;
}

static int no_label(const struct label_rule *rule, const char *key, const float *v, size_t n,
                    struct err *e)
{
    if (rule == &rule_clevr_count) {
        return err_set(e, ERR_FORMAT, "%s: %zu objects not in %s", key, n, rule->range);
    }
    float least = n ? v[0] : 0;
    for (size_t i = 1; i < n; i++) {
        least = v[i] < least ? v[i] : least;
    }
    return err_set(e, ERR_FORMAT, "%s: %zu objects, the nearest at depth %g, not in %s", key, n,
                   (double)least, rule->range);
}

struct scenes {
    struct clevr *c;
    size_t split;
};

static int take_scene(void *ctx, const struct json *scene, size_t i, struct err *e)
{
    struct scenes *x = ctx;
    struct clevr *c = x->c;
    const char *key = json_text(json_get(scene, "image_filename"));
    float v[MAX_OBJECTS];
    size_t n;
    if (!key) {
        return err_set(e, ERR_FORMAT, "scene %zu: no image_filename", i);
    }
    struct clevr_image *image =
        c->n[x->split] ? bsearch(&(struct clevr_image){.key = key}, c->images[x->split],
                                 c->n[x->split], sizeof *image, compare_images)
                       : NULL;
    if (!image) {
        return err_set(e, ERR_FORMAT, "scene %zu: image %.200s is not there", i, key);
    }
    if (image->label >= 0) {
        return err_set(e, ERR_FORMAT, "scene %zu: %s has one already", i, key);
    }
    if (read_depths(scene, key, v, &n, e)) {
        return -1;
    }
    image->label = c->desc->rule->label(v, n);
    return image->label < 0 ? no_label(c->desc->rule, key, v, n, e) : 0;
}

/* The text of a scene file, whether in the zip or the folder. */
static int open_scenes(struct spool **text, const struct archive *a, size_t member, bool folder,
                       struct err *e)
{
    const char *name = archive_name(a, member);
    char path[2 * SOURCE_PATH];
    snprintf(path, sizeof path, "%s/%s", archive_where(a), name);
    if (folder) {
        return spool_open(text, path, MAX_SCENES_BYTES, false, e);
    }
    struct zip z;
    if (zip_open(&z, archive_where(a), e)) {
        return -1;
    }
    const struct zip_member *m = zip_find(&z, name);
    struct spool_part part = {.fd = z.fd, .name = path};
    int rc = m ? zip_locate(&z, m, &part.offset, e)
               : err_set(e, ERR_FORMAT, "%s missing in %s", name, archive_where(a));
    if (!rc && m->bytes > MAX_SCENES_BYTES) {
        rc = err_set(e, ERR_LIMIT, "%s: declared size %llu", path, (unsigned long long)m->bytes);
    }
    if (!rc) {
        part.packed = m->packed_bytes;
        part.bytes = m->bytes;
        part.window_bits = m->method ? -15 : 0;
        part.check_crc = true;
        part.crc32 = m->crc32;
        rc = spool_open_part(text, &part, e);
    }
    zip_close(&z);
    return rc;
}

static int read_scenes(struct clevr *c, size_t split, bool folder, struct err *e)
{
    char file[64];
    snprintf(file, sizeof file, "scenes/CLEVR_%s_scenes.json", names[split]);
    size_t member = archive_find_tail(c->archive, file);
    struct spool *text;
    if (member == SIZE_MAX) {
        return err_set(e, ERR_FORMAT, "%s missing in %s", file, archive_where(c->archive));
    }
    if (open_scenes(&text, c->archive, member, folder, e)) {
        return -1;
    }
    struct scenes x = {c, split};
    int rc = clevr_scenes_read(text, take_scene, &x, e);
    spool_close(text);
    for (size_t i = 0; !rc && i < c->n[split]; i++) {
        if (c->images[split][i].label < 0) {
            rc = err_set(e, ERR_FORMAT, "no scene for %s", c->images[split][i].key);
        }
    }
    return rc ? err_wrap(e, "%s: %s", archive_where(c->archive), file) : 0;
}

/* 1 when the folder or the zip is in this place and could be read. */
static int visit(void *ctx, const char *place, struct err *e)
{
    static const char *const files[] = {"CLEVR_v1.0", "CLEVR_v1.0.zip"};
    struct clevr *c = ctx;
    for (size_t i = 0; i < 2; i++) {
        char path[SOURCE_PATH];
        if (file_join(path, sizeof path, place, files[i], e)) {
            return -1;
        }
        if (!file_exists(path)) {
            continue;
        }
        if (archive_open(&c->archive, path, e) || list_images(c, e) ||
            read_scenes(c, 0, i == 0, e) || read_scenes(c, 1, i == 0, e)) {
            return -1;
        }
        return 1;
    }
    return 0;
}

static void clevr_close(void *state)
{
    struct clevr *c = state;
    archive_close(c->archive);
    free(c->images[0]);
    free(c->images[1]);
    free(c);
}

static int clevr_open(void **state, const struct dataset_desc *d, const char *path,
                      const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows of this source take none */
    assert(d->rule && d->n_source_splits == 2);
    struct clevr *c = mem_take(1, sizeof *c, e);
    if (!c) {
        return -1;
    }
    c->desc = d;
    int rc = source_visit(d, where, visit, c, e);
    if (!rc) {
        rc = source_absent(d, "CLEVR_v1.0.zip", where, e);
    }
    if (rc < 0) {
        clevr_close(c);
        return -1;
    }
    *state = c;
    return 0;
}

static size_t clevr_count(const void *state, size_t source_split)
{
    return ((const struct clevr *)state)->n[source_split];
}

static int32_t clevr_label(const void *state, size_t source_split, size_t i)
{
    return ((const struct clevr *)state)->images[source_split][i].label;
}

static void clevr_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    snprintf(key, DATASET_ID, "%s", ((const struct clevr *)state)->images[source_split][i].key);
}

static size_t clevr_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    const struct clevr *c = state;
    return (size_t)archive_bytes(c->archive, c->images[source_split][i].member);
}

static int clevr_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                      struct sample *out, struct err *e)
{
    const struct clevr *c = state;
    size_t n = clevr_encoded_bytes(state, source_split, i);
    if (sample_buf_reserve(buf, n, e) ||
        archive_read(c->archive, c->images[source_split][i].member, buf->data, e)) {
        return -1;
    }
    *out = (struct sample){.bytes = buf->data, .n = n, .encoding = SAMPLE_FILE};
    return 0;
}

static void clevr_hint(const void *state, size_t source_split, size_t i)
{
    const struct clevr *c = state;
    archive_hint(c->archive, c->images[source_split][i].member);
}

static const char *clevr_where(const void *state)
{
    return archive_where(((const struct clevr *)state)->archive);
}

const struct source_ops source_clevr = {
    .name = "clevr",
    .sources = "datasets/clevr.c datasets/clevr_scenes.c datasets/label_rule.c "
               "datasets/archive.c datasets/codec/spool.c",
    .open = clevr_open,
    .close = clevr_close,
    .count = clevr_count,
    .label = clevr_label,
    .key = clevr_key,
    .encoded_bytes = clevr_encoded_bytes,
    .read = clevr_read,
    .hint = clevr_hint,
    .where = clevr_where,
};
