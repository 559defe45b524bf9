/* Canonical order of a source split, after TFDS (core/hashing.py, core/shuffle.py): ascending
 * md5(salt || key), the 16 bytes compared as one big-endian number. The salt is TFDS's name of
 * the split, the key its key of the example; nothing stands between them. */
#include "datasets/source.h"

#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"

struct hashed {
    unsigned char digest[HASH_MD5_BYTES];
    size_t row;
};

static int compare(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;
    return memcmp(x->digest, y->digest, sizeof x->digest);
}

int order_make(const struct dataset *d, size_t source_split, size_t *order, struct err *e)
{
    const char *salt = d->desc->salts[source_split];
    const size_t n_salt = strlen(salt), n = d->n[source_split];
    if (d->source->in_order) {
        for (size_t i = 0; i < n; i++) {
            order[i] = i;
        }
        return 0;
    }
    struct hashed *h = mem_take(n, sizeof *h, e);
    if (!h) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        char key[DATASET_ID], text[64 + DATASET_ID];
        dataset_key(d, source_split, i, key);
        memcpy(text, salt, n_salt);
        size_t n_key = strlen(key);
        memcpy(text + n_salt, key, n_key);
        md5_bytes(text, n_salt + n_key, h[i].digest);
        h[i].row = i;
    }
    qsort(h, n, sizeof *h, compare);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        order[i] = h[i].row;
        if (i && !compare(&h[i - 1], &h[i])) {
            char key[DATASET_ID];
            dataset_key(d, source_split, h[i].row, key);
            rc = err_set(e, ERR_FORMAT, "split %s: duplicate id %s", salt, key);
            break;
        }
    }
    free(h);
    return rc;
}
