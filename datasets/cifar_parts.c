/* Single files of CIFAR: binary records, pickled batches, class names. */
#include "datasets/cifar.h"

#include <string.h>
#include <stdlib.h>
#include "datasets/codec/pickle.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

enum { RECORDS_AT_ONCE = 256 };

int cifar_take_records(struct cifar *c, size_t part, const char *name, const uint8_t *bytes,
                       size_t n, struct err *e)
{
    struct cifar_part *p = &c->parts[part];
    const size_t n_label = c->layout->label_bytes, record = n_label + CIFAR_PIXELS;
    if (n % record) {
        return err_set(e, ERR_FORMAT, "%s: %zu bytes, not a multiple of %zu", name, n, record);
    }
    p->n = n / record;
    p->stride = record;
    p->pixels = bytes ? bytes + n_label : NULL;
    p->labels = mem_take(p->n, 1, e);
    uint8_t *buf = bytes ? NULL : mem_take(RECORDS_AT_ONCE, record, e);
    int rc = p->labels && (bytes || buf) ? 0 : -1;
    for (size_t i = 0; i < p->n && !rc; i++) {
        const uint8_t *r = bytes ? bytes + i * record : buf + i % RECORDS_AT_ONCE * record;
        if (!bytes && i % RECORDS_AT_ONCE == 0) {
            size_t k = p->n - i < RECORDS_AT_ONCE ? p->n - i : RECORDS_AT_ONCE;
            if (file_pread(p->fd, buf, k * record, (uint64_t)i * record, name, e)) {
                rc = -1;
                break;
            }
        }
        p->labels[i] = r[n_label - 1];
        if (p->labels[i] >= c->desc->n_classes) {
            rc = err_set(e, ERR_FORMAT, "%s: record %zu: label %u not in 0..%zu", name, i,
                         p->labels[i], c->desc->n_classes - 1);
        }
    }
    free(buf);
    return rc;
}

static int take_labels(struct cifar *c, struct cifar_part *p, const struct pickle *pk,
                       const struct pickle_value *list, const char *name, struct err *e)
{
    p->labels = mem_take(p->n, 1, e);
    if (!p->labels) {
        return -1;
    }
    size_t i = 0;
    for (const struct pickle_value *v = pickle_first(pk, list); v; v = pickle_next(pk, v), i++) {
        if (v->kind != PICKLE_INT || v->i < 0 || (uint64_t)v->i >= c->desc->n_classes) {
            return err_set(e, ERR_FORMAT, "%s: record %zu: label %lld not in 0..%zu", name, i,
                           v->kind == PICKLE_INT ? (long long)v->i : -1LL, c->desc->n_classes - 1);
        }
        p->labels[i] = (uint8_t)v->i;
    }
    return 0;
}

int cifar_take_pickle(struct cifar *c, size_t part, const char *name, const uint8_t *bytes,
                      size_t n, struct err *e)
{
    struct cifar_part *p = &c->parts[part];
    struct pickle pk;
    int rc = pickle_parse(&pk, bytes, n, name, e);
    if (!rc) {
        const struct pickle_value *root = pickle_root(&pk);
        const struct pickle_value *data = pickle_get(&pk, root, "data");
        const struct pickle_value *labels = pickle_get(&pk, root, c->layout->labels_key);
        if (!data || data->kind != PICKLE_ARRAY || data->n != CIFAR_PIXELS) {
            rc = err_set(e, ERR_FORMAT, "%s: no array 'data' of %d columns", name, CIFAR_PIXELS);
        } else if (!labels || labels->kind != PICKLE_LIST) {
            rc = err_set(e, ERR_FORMAT, "%s: no list '%s'", name, c->layout->labels_key);
        } else if ((uint64_t)data->i != labels->n) {
            rc = err_set(e, ERR_FORMAT, "%s: %lld images, %u labels", name, (long long)data->i,
                         labels->n);
        } else {
            p->n = labels->n;
            p->stride = CIFAR_PIXELS;
            p->pixels = data->text;
            rc = take_labels(c, p, &pk, labels, name, e);
        }
    }
    pickle_release(&pk);
    return rc;
}

static int add_name(struct cifar *c, size_t i, const char *name, const uint8_t *text, size_t n,
                    struct err *e)
{
    if (i >= c->desc->n_classes || !n || n >= CIFAR_NAME) {
        return err_set(e, ERR_FORMAT, "%s: class name %zu of %zu bytes; %zu names expected", name,
                       i, n, c->desc->n_classes);
    }
    for (size_t k = 0; k < n; k++) {
        if (text[k] < ' ' || text[k] == 0x7f) {
            return err_set(e, ERR_FORMAT, "%s: class name %zu: byte 0x%02x", name, i, text[k]);
        }
    }
    memcpy(c->names[i], text, n);
    return 0;
}

/* Non-empty lines; *count gets how many. */
static int names_from_text(struct cifar *c, const char *name, const uint8_t *bytes, size_t n,
                           size_t *count, struct err *e)
{
    for (size_t at = 0; at < n;) {
        const uint8_t *nl = memchr(bytes + at, '\n', n - at);
        size_t end = nl ? (size_t)(nl - bytes) : n, len = end - at;
        len -= len && bytes[at + len - 1] == '\r';
        if (len && add_name(c, (*count)++, name, bytes + at, len, e)) {
            return -1;
        }
        at = end + 1;
    }
    return 0;
}

static int names_from_pickle(struct cifar *c, const char *name, const uint8_t *bytes, size_t n,
                             size_t *count, struct err *e)
{
    struct pickle pk;
    int rc = pickle_parse(&pk, bytes, n, name, e);
    const struct pickle_value *list = NULL;
    if (!rc) {
        list = pickle_get(&pk, pickle_root(&pk), c->layout->names_key);
    }
    if (!rc && (!list || list->kind != PICKLE_LIST)) {
        rc = err_set(e, ERR_FORMAT, "%s: no list '%s'", name, c->layout->names_key);
    }
    for (const struct pickle_value *v = rc ? NULL : pickle_first(&pk, list); v && !rc;
         v = pickle_next(&pk, v)) {
        size_t len = v->kind == PICKLE_TEXT ? v->n_text : 0;
        rc = add_name(c, (*count)++, name, v->text, len, e);
    }
    pickle_release(&pk);
    return rc;
}

int cifar_take_names(struct cifar *c, const char *name, const uint8_t *bytes, size_t n,
                     struct err *e)
{
    size_t count = 0;
    c->names = mem_take(c->desc->n_classes, sizeof *c->names, e);
    if (!c->names) {
        return -1;
    }
    int rc = c->form == CIFAR_BINARY ? names_from_text(c, name, bytes, n, &count, e)
                                     : names_from_pickle(c, name, bytes, n, &count, e);
    if (!rc && count != c->desc->n_classes) {
        rc = err_set(e, ERR_FORMAT, "%s: %zu class names, %zu expected", name, count,
                     c->desc->n_classes);
    }
    return rc;
}
