/* KITTI's object detection set (www.cvlibs.net/datasets/kitti): data_object_image_2.zip,
 * data_object_label_2.zip and devkit_object.zip, packed or unpacked side by side. The public
 * training images training/image_2/NNNNNN.png are split by video (kitti_split.h); the objects in
 * each are lines of training/label_2/NNNNNN.txt. The key is the file's name. */
#include "datasets/source.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/archive.h"
#include "datasets/kitti_split.h"
#include "datasets/label_rule.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

enum { N_SPLITS = 3,
       MAX_TEXT = 1 << 20, /* of a label or mapping file */
       MAX_VEHICLES = 256,
       FIELDS = 15,
       FIELD_Z = 13,
       KEY = 11 };

struct kitti_image {
    char key[KEY]; /* "000000.png" */
    size_t member;
    int32_t label;
};

/* The three parts, packed or as folders. */
enum part { IMAGES,
            LABELS,
            DEVKIT,
            N_PARTS };
static const char *const packed[] = {"data_object_image_2.zip", "data_object_label_2.zip",
                                     "devkit_object.zip"};
static const char *const folders[] = {"training/image_2", "training/label_2", "mapping",
                                      "devkit_object/mapping"};

struct kitti {
    char where[SOURCE_PATH];
    const struct dataset_desc *desc;
    struct archive *parts[N_PARTS];
    struct kitti_image *images[N_SPLITS];
    size_t n[N_SPLITS], cap[N_SPLITS];
};

/* Types that count as vehicles come first. */
static const char *const types[] = {"Car", "Van", "Truck", "Pedestrian", "Person_sitting",
                                    "Cyclist", "Tram", "Misc", "DontCare"};
enum { N_VEHICLES = 3 };

static int line_error(const char *name, size_t line, const char *what, const char *word,
                      struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: line %zu: %s %.40s", name, line, what, word);
}

/* One line of a label file; *z is the object's distance. 1: a vehicle, 0: something else. */
static int read_object(char *text, const char *name, size_t line, float *z, struct err *e)
{
    size_t n = 0, type = 0;
    for (char *word; (word = strtok_r(text, " \t\r", &text)); n++) {
        double v;
        if (!n) {
            while (type < ARRAY_LEN(types) && strcmp(word, types[type])) {
                type++;
            }
            if (type == ARRAY_LEN(types)) {
                return line_error(name, line, "unknown type of object", word, e);
            }
        } else if (!str_to_double(word, &v)) {
            return line_error(name, line, "not a number:", word, e);
        } else if (n == FIELD_Z) {
            *z = (float)v;
        }
    }
    if (n != FIELDS) {
        return err_set(e, ERR_FORMAT, "%s: line %zu: %zu fields, not %d", name, line, n, FIELDS);
    }
    return type < N_VEHICLES;
}

/* The label of an image out of the text of its label file, which is changed. */
static int read_label(const struct label_rule *rule, char *text, const char *name, int32_t *label,
                      struct err *e)
{
    float z[MAX_VEHICLES];
    size_t n = 0, line = 0;
    for (char *at, *rest = text; (at = strsep(&rest, "\n"));) {
        line++;
        if (!*at && !rest) {
            break;
        }
        if (n == MAX_VEHICLES) {
            return err_set(e, ERR_FORMAT, "%s: more than %d vehicles", name, MAX_VEHICLES);
        }
        int vehicle = read_object(at, name, line, &z[n], e);
        if (vehicle < 0) {
            return -1;
        }
        n += (size_t)vehicle;
    }
    *label = rule->label(z, n);
    return *label < 0 ? err_set(e, ERR_FORMAT, "%s: %s not %s", name, rule->what, rule->range) : 0;
}

/* The text of a file of one of the parts, NUL behind; the caller frees it. */
static char *read_text(const struct kitti *k, enum part part, const char *folder, const char *name,
                       struct err *e)
{
    const struct archive *a = k->parts[part];
    char path[128];
    unsigned char *text;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    size_t i = archive_find(a, path);
    i = i == SIZE_MAX ? archive_find(a, strchr(path, '/') + 1) : i; /* devkit: mapping/NAME */
    i = i == SIZE_MAX ? archive_find(a, name) : i;
    if (i == SIZE_MAX) {
        err_set(e, ERR_FORMAT, "%s missing in %s", name, archive_where(a));
        return NULL;
    }
    if (archive_read_alloc(a, i, MAX_TEXT, &text, &n, e)) {
        return NULL;
    }
    if (strlen((char *)text) != n) {
        err_set(e, ERR_FORMAT, "%s: %s: a NUL byte", archive_where(a), name);
        free(text);
        return NULL;
    }
    return (char *)text;
}

static int add_image(struct kitti *k, size_t split, size_t member, unsigned number, struct err *e)
{
    struct kitti_image image = {.member = member};
    char name[16];
    snprintf(image.key, sizeof image.key, "%06u.png", number);
    snprintf(name, sizeof name, "%06u.txt", number);
    char *text = read_text(k, LABELS, "training/label_2", name, e);
    int rc = text ? read_label(k->desc->rule, text, name, &image.label, e) : -1;
    free(text);
    void *images = k->images[split];
    if (rc || mem_grow(&images, &k->cap[split], k->n[split] + 1, sizeof image, e)) {
        return -1;
    }
    k->images[split] = images;
    k->images[split][k->n[split]++] = image;
    return 0;
}

/* The number of a training image, by the name of its file; false for others. */
static bool image_number(const char *name, bool folder, unsigned *number)
{
    const char *below = "training/image_2/";
    size_t n = folder ? 0 : strlen(below);
    if (strncmp(name, below, n) || strspn(name + n, "0123456789") != 6 ||
        strcmp(name + n + 6, ".png")) {
        return false;
    }
    *number = (unsigned)strtoul(name + n, NULL, 10);
    return true;
}

static int list_images(struct kitti *k, struct err *e)
{
    const struct archive *a = k->parts[IMAGES];
    char *rand = read_text(k, DEVKIT, "devkit_object/mapping", "train_rand.txt", e);
    char *mapping = rand ? read_text(k, DEVKIT, "devkit_object/mapping", "train_mapping.txt", e)
                         : NULL;
    uint8_t *split = NULL;
    size_t n = 0;
    int rc = mapping ? kitti_split(rand, mapping, &split, &n, e) : -1;
    rc = rc && mapping ? err_wrap(e, "%s", archive_where(k->parts[DEVKIT])) : rc;
    bool folder = file_is_dir(archive_where(a));
    for (size_t i = 0; !rc && i < archive_count(a); i++) {
        unsigned number;
        if (!image_number(archive_name(a, i), folder, &number)) {
            continue;
        }
        if (number >= n) {
            rc = err_set(e, ERR_FORMAT, "%s: %s: train_rand.txt has %zu images only",
                         archive_where(a), archive_name(a, i), n);
        } else if (add_image(k, split[number], i, number, e)) {
            rc = err_wrap(e, "%s", archive_where(k->parts[LABELS]));
        }
    }
    free(split);
    free(mapping);
    free(rand);
    return rc;
}

/* The path of a part in this place, unpacked before packed; false where it is not there. */
static bool find_part(char path[SOURCE_PATH], const char *place, enum part part)
{
    const char *const names[] = {folders[part], part == DEVKIT ? folders[N_PARTS] : packed[part],
                                 packed[part]};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int n = snprintf(path, SOURCE_PATH, "%s/%s", place, names[i]);
        if (n > 0 && n < SOURCE_PATH && file_exists(path)) {
            return true;
        }
    }
    return false;
}

/* 1 when all parts are in this place and could be read. */
static int visit(void *ctx, const char *place, struct err *e)
{
    struct kitti *k = ctx;
    char path[N_PARTS][SOURCE_PATH];
    /* Folders named `mapping` or `training` may be somebody else's. */
    if (!find_part(path[IMAGES], place, IMAGES)) {
        return 0;
    }
    snprintf(k->where, sizeof k->where, "%s", path[IMAGES]);
    for (int i = 0; i < N_PARTS; i++) {
        if (!find_part(path[i], place, (enum part)i)) {
            return err_set(e, ERR_FORMAT, "%s missing in %s", packed[i], place);
        }
        if (archive_open(&k->parts[i], path[i], e) || archive_sort(k->parts[i], e)) {
            return -1;
        }
    }
    return list_images(k, e) ? -1 : 1;
}

static void kitti_close(void *state)
{
    struct kitti *k = state;
    for (size_t i = 0; i < N_PARTS; i++) {
        archive_close(k->parts[i]);
    }
    for (size_t i = 0; i < N_SPLITS; i++) {
        free(k->images[i]);
    }
    free(k);
}

static int kitti_open(void **state, const struct dataset_desc *d, const char *path,
                      const struct dataset_dirs *where, struct err *e)
{
    (void)path; /* rows of this source take none */
    assert(d->rule && d->n_source_splits == N_SPLITS);
    struct kitti *k = mem_take(1, sizeof *k, e);
    if (!k) {
        return -1;
    }
    k->desc = d;
    int rc = source_visit(d, where, visit, k, e);
    if (!rc) {
        rc = source_absent(d, "data_object_image_2.zip", where, e);
    }
    if (rc < 0) {
        kitti_close(k);
        return -1;
    }
    *state = k;
    return 0;
}

static size_t kitti_count(const void *state, size_t source_split)
{
    return ((const struct kitti *)state)->n[source_split];
}

static int32_t kitti_label(const void *state, size_t source_split, size_t i)
{
    return ((const struct kitti *)state)->images[source_split][i].label;
}

static void kitti_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID])
{
    memcpy(key, ((const struct kitti *)state)->images[source_split][i].key, KEY);
}

static size_t kitti_encoded_bytes(const void *state, size_t source_split, size_t i)
{
    const struct kitti *k = state;
    return (size_t)archive_bytes(k->parts[IMAGES], k->images[source_split][i].member);
}

static int kitti_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                      struct sample *out, struct err *e)
{
    const struct kitti *k = state;
    size_t n = kitti_encoded_bytes(state, source_split, i);
    if (sample_buf_reserve(buf, n, e) ||
        archive_read(k->parts[IMAGES], k->images[source_split][i].member, buf->data, e)) {
        return -1;
    }
    *out = (struct sample){.bytes = buf->data, .n = n, .encoding = SAMPLE_FILE};
    return 0;
}

static void kitti_hint(const void *state, size_t source_split, size_t i)
{
    const struct kitti *k = state;
    archive_hint(k->parts[IMAGES], k->images[source_split][i].member);
}

static const char *kitti_where(const void *state)
{
    return ((const struct kitti *)state)->where;
}

const struct source_ops source_kitti = {
    .name = "kitti",
    .sources = "datasets/kitti.c datasets/kitti_split.c datasets/label_rule.c "
               "datasets/archive.c harness/base/numpy_rng.c",
    .open = kitti_open,
    .close = kitti_close,
    .count = kitti_count,
    .label = kitti_label,
    .key = kitti_key,
    .encoded_bytes = kitti_encoded_bytes,
    .read = kitti_read,
    .hint = kitti_hint,
    .where = kitti_where,
};
