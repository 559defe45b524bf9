/* Canonical order of a source split, after TFDS (core/hashing.py, core/shuffle.py): ascending
 * md5(salt || key), the 16 bytes compared as one big-endian number. The salt is TFDS's name of
 * the split, the key its key of the example; nothing stands between them. Digests are dealt out by
 * their first 16 bits, since they are spread evenly, and each of the small heaps is sorted. */
#include "datasets/source.h"

#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"

enum { HEAPS = 1 << 16 };

struct hashed {
    uint64_t high, low; /* of the digest */
    size_t row;
};

static uint64_t big_endian(const unsigned char *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static int compare(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;
    int c = (x->high > y->high) - (x->high < y->high);
    return c ? c : (x->low > y->low) - (x->low < y->low);
}

static void hash_keys(const struct dataset *d, size_t source_split, struct hashed *h)
{
    const char *salt = d->desc->salts[source_split];
    const size_t n_salt = strlen(salt), n = d->n[source_split];
    char text[64 + DATASET_ID];
    struct md5 md5;
    memcpy(text, salt, n_salt);
    md5_init(&md5);
    for (size_t i = 0; i < n; i++) {
        unsigned char digest[HASH_MD5_BYTES];
        dataset_key(d, source_split, i, text + n_salt);
        md5_add(&md5, text, n_salt + strlen(text + n_salt));
        md5_final(&md5, digest);
        h[i] = (struct hashed){big_endian(digest), big_endian(digest + 8), i};
    }
    md5_release(&md5);
}

/* Sorts from [n] into to. */
static int sort(const struct hashed *from, struct hashed *to, size_t n, struct err *e)
{
    size_t *begin = mem_take(HEAPS + 1, sizeof *begin, e);
    if (!begin) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        begin[(from[i].high >> 48) + 1]++;
    }
    for (size_t k = 0; k < HEAPS; k++) {
        begin[k + 1] += begin[k];
    }
    for (size_t i = 0; i < n; i++) {
        to[begin[from[i].high >> 48]++] = from[i];
    }
    for (size_t k = 0, at = 0; k < HEAPS; at = begin[k++]) { /* begin[k] is now k's end */
        if (begin[k] - at > 1) {
            qsort(to + at, begin[k] - at, sizeof *to, compare);
        }
    }
    free(begin);
    return 0;
}

int order_make(const struct dataset *d, size_t source_split, size_t *order, struct err *e)
{
    const size_t n = d->n[source_split];
    if (d->source->in_order) {
        for (size_t i = 0; i < n; i++) {
            order[i] = i;
        }
        return 0;
    }
    struct hashed *h = mem_take_raw(n, sizeof *h, e);
    struct hashed *sorted = h ? mem_take_raw(n, sizeof *sorted, e) : NULL;
    int rc = -1;
    if (sorted) {
        hash_keys(d, source_split, h);
        rc = sort(h, sorted, n, e);
    }
    for (size_t i = 0; i < n && !rc; i++) {
        order[i] = sorted[i].row;
        if (i && !compare(&sorted[i - 1], &sorted[i])) {
            char key[DATASET_ID];
            dataset_key(d, source_split, sorted[i].row, key);
            rc = err_set(e, ERR_FORMAT, "split %s: duplicate id %s", d->desc->salts[source_split],
                         key);
        }
    }
    free(sorted);
    free(h);
    return rc;
}
