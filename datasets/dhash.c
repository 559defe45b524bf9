/* Difference hashes and near pairs by the pigeonhole principle: with five groups of bits and at
 * most four differing bits one group is equal. Equal hashes are one entry with a count a part, so
 * that plain images do not cost their square. A pair is counted in the first group it shares. */
#include "datasets/dhash.h"

#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/pool.h"

enum {
    ROWS = 8,
    COLUMNS = 9,
    GROUPS = 5,
    CHUNK = 2048,
    ROUND = 64
}; /* chunks between two looks at the progress */

/* Beyond this many comparisons (about a minute) nothing is compared. */
#define MOST_COMPARISONS 30000000000u

static uint64_t luma(const uint8_t *p, size_t c)
{
    return c == 1 ? 1000u * p[0] : 299u * p[0] + 587u * p[1] + 114u * p[2];
}

uint64_t dhash(const struct image *im)
{
    uint64_t hash = 0;
    for (size_t r = 0; r < ROWS; r++) {
        size_t y0 = r * im->h / ROWS, y1 = (r + 1) * im->h / ROWS;
        uint64_t sum[COLUMNS] = {0}, area[COLUMNS];
        y1 = y1 > y0 ? y1 : y0 + 1;
        for (size_t k = 0; k < COLUMNS; k++) {
            size_t x0 = k * im->w / COLUMNS, x1 = (k + 1) * im->w / COLUMNS;
            x1 = x1 > x0 ? x1 : x0 + 1;
            area[k] = (x1 - x0) * (y1 - y0);
            for (size_t y = y0; y < y1; y++) {
                const uint8_t *p = im->data + (y * im->w + x0) * im->c;
                for (size_t x = x0; x < x1; x++, p += im->c) {
                    sum[k] += luma(p, im->c);
                }
            }
        }
        for (size_t k = 1; k < COLUMNS; k++) {
            hash = hash << 1 | (sum[k] * area[k - 1] > sum[k - 1] * area[k]);
        }
    }
    return hash;
}

/* One hash: how many images of each part have it, and the first of them. */
struct entry {
    uint64_t hash;
    uint32_t count[DHASH_PARTS], first[DHASH_PARTS];
};

/* What one chunk found. */
struct found {
    uint64_t within, across;
    struct dhash_pair *pairs[2]; /* [most] within, across */
    size_t n[2];
};

struct search {
    struct entry *entries; /* sorted by the group's bits */
    size_t n, most;
    unsigned group;
    struct found *chunks; /* [ROUND] */
    size_t first_chunk;
};

static const unsigned group_shift[GROUPS] = {0, 13, 26, 39, 52};

static unsigned group_bits(uint64_t hash, unsigned group)
{
    return (unsigned)(hash >> group_shift[group] & (group == GROUPS - 1 ? 0xfff : 0x1fff));
}

static int compare_items(const void *x, const void *y)
{
    const struct dhash_item *a = x, *b = y;
    int c = (a->hash > b->hash) - (a->hash < b->hash);
    return c ? c : (a->image > b->image) - (a->image < b->image);
}

static int compare_entries(const void *x, const void *y, void *ctx)
{
    const struct search *s = ctx;
    const struct entry *a = x, *b = y;
    unsigned p = group_bits(a->hash, s->group), q = group_bits(b->hash, s->group);
    return p != q ? (p > q) - (p < q) : (a->hash > b->hash) - (a->hash < b->hash);
}

/* Images of one hash in parts p and q as a pair, q == p: of one part. */
static void name_pair(struct found *f, size_t most, const struct entry *a, const struct entry *b,
                      unsigned distance)
{
    for (size_t p = 0; p < DHASH_PARTS; p++) {
        for (size_t q = 0; q < DHASH_PARTS; q++) {
            bool across = p != q;
            if (a->count[p] && b->count[q] && f->n[across] < most) {
                f->pairs[across][f->n[across]++] =
                    (struct dhash_pair){a->first[p], b->first[q], distance};
            }
        }
    }
}

static void count_pairs(struct found *f, const struct entry *a, const struct entry *b)
{
    uint64_t all_a = 0, all_b = 0, within = 0;
    for (size_t p = 0; p < DHASH_PARTS; p++) {
        all_a += a->count[p];
        all_b += b->count[p];
        within += (uint64_t)a->count[p] * b->count[p];
    }
    f->within += within;
    f->across += all_a * all_b - within;
}

/* Is this group the first one in which the two agree? */
static bool is_first_group(uint64_t difference, unsigned group)
{
    for (unsigned g = 0; g < group; g++) {
        if (!group_bits(difference, g)) {
            return false;
        }
    }
    return true;
}

/* Compares the entries of a chunk with all behind them in their bucket. */
static void search_chunk(void *ctx, size_t item, size_t worker)
{
    (void)worker;
    struct search *s = ctx;
    struct found *f = &s->chunks[item];
    size_t from = (s->first_chunk + item) * CHUNK, to = from + CHUNK < s->n ? from + CHUNK : s->n;
    for (size_t i = from; i < to; i++) {
        const struct entry *a = &s->entries[i];
        unsigned bits = group_bits(a->hash, s->group);
        for (size_t k = i + 1; k < s->n; k++) {
            const struct entry *b = &s->entries[k];
            uint64_t difference = a->hash ^ b->hash;
            if (group_bits(b->hash, s->group) != bits) {
                break;
            }
            unsigned distance = (unsigned)__builtin_popcountll(difference);
            if (distance <= DHASH_NEAR && is_first_group(difference, s->group)) {
                count_pairs(f, a, b);
                name_pair(f, s->most, a, b, distance);
            }
        }
    }
}

/* Takes over what a chunk found; the chunk is empty then. */
static void collect(struct found *all, struct found *f, size_t most)
{
    all->within += f->within;
    all->across += f->across;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < f->n[k] && all->n[k] < most; i++) {
            all->pairs[k][all->n[k]++] = f->pairs[k][i];
        }
        f->n[k] = 0;
    }
    f->within = f->across = 0;
}

/* Items to entries, and the pairs of equal hashes. */
static void merge(struct search *s, struct found *all, const struct dhash_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct entry *last = s->n ? &s->entries[s->n - 1] : NULL;
        if (!last || last->hash != items[i].hash) {
            last = &s->entries[s->n++];
            last->hash = items[i].hash;
        }
        for (size_t p = 0; p < DHASH_PARTS; p++) {
            bool across = p != items[i].part;
            uint64_t *sum = across ? &all->across : &all->within;
            *sum += last->count[p];
            if (last->count[p] && all->n[across] < s->most) {
                all->pairs[across][all->n[across]++] =
                    (struct dhash_pair){last->first[p], items[i].image, 0};
            }
        }
        if (!last->count[items[i].part]++) {
            last->first[items[i].part] = items[i].image;
        }
    }
}

static void sort_by_group(struct search *s, unsigned group)
{
    s->group = group;
    qsort_r(s->entries, s->n, sizeof *s->entries, compare_entries, s);
}

/* Comparisons of the group that the entries are sorted by. */
static uint64_t count_comparisons(const struct search *s)
{
    uint64_t sum = 0, in_bucket = 0;
    for (size_t i = 1; i < s->n; i++) {
        bool same = group_bits(s->entries[i].hash, s->group) ==
                    group_bits(s->entries[i - 1].hash, s->group);
        in_bucket = same ? in_bucket + 1 : 0;
        sum += in_bucket;
    }
    return sum;
}

static int search_group(struct search *s, struct found *all, struct pool *pool, struct err *e)
{
    size_t n_chunks = (s->n + CHUNK - 1) / CHUNK;
    for (size_t c = 0; c < n_chunks; c += ROUND) {
        size_t n = n_chunks - c < ROUND ? n_chunks - c : ROUND;
        if (note_interrupted) {
            return err_set(e, ERR_INTERRUPTED, "interrupted");
        }
        s->first_chunk = c;
        pool_run(pool, n, search_chunk, s);
        for (size_t i = 0; i < n; i++) {
            collect(all, &s->chunks[i], s->most);
        }
        note_progress("near duplicates", s->group * n_chunks + c + n, GROUPS * n_chunks);
    }
    return 0;
}

static int search_groups(struct dhash_near *out, struct search *s, struct found *all,
                         struct pool *pool, struct err *e)
{
    for (unsigned g = 0; g < GROUPS; g++) {
        sort_by_group(s, g);
        out->n_comparisons += count_comparisons(s);
    }
    out->too_many = out->n_comparisons > MOST_COMPARISONS;
    for (unsigned g = 0; g < GROUPS && !out->too_many; g++) {
        sort_by_group(s, g);
        if (search_group(s, all, pool, e)) {
            return -1;
        }
    }
    return 0;
}

/* The pairs by name: those across first. */
static void take_pairs(struct dhash_near *out, const struct found *all, size_t most)
{
    for (size_t k = 2; k-- > 0;) {
        for (size_t i = 0; i < all->n[k] && out->n_pairs < most; i++) {
            out->pairs[out->n_pairs++] = all->pairs[k][i];
        }
    }
    out->n_within = all->within;
    out->n_across = all->across;
}

int dhash_find_near(struct dhash_near *out, struct dhash_item *items, size_t n, size_t most_pairs,
                    struct pool *pool, struct err *e)
{
    *out = (struct dhash_near){0};
    struct found all = {0}, chunks[ROUND] = {{0}};
    struct search s = {.most = most_pairs, .chunks = chunks};
    size_t n_lists = 2 * (ROUND + 1) + 1;
    s.entries = mem_take(n, sizeof *s.entries, e);
    struct dhash_pair *lists = mem_take(n_lists * (most_pairs + 1), sizeof *lists, e);
    out->pairs = mem_take(most_pairs, sizeof *out->pairs, e);
    int rc = s.entries && lists && out->pairs ? 0 : -1;
    for (size_t k = 0; k < 2 && !rc; k++) {
        all.pairs[k] = lists + k * most_pairs;
        for (size_t c = 0; c < ROUND; c++) {
            chunks[c].pairs[k] = lists + (2 + 2 * c + k) * most_pairs;
        }
    }
    if (!rc && n) {
        qsort(items, n, sizeof *items, compare_items);
        merge(&s, &all, items, n);
        rc = search_groups(out, &s, &all, pool, e);
        take_pairs(out, &all, most_pairs);
    }
    free(lists);
    free(s.entries);
    if (rc) {
        dhash_near_release(out);
    }
    return rc;
}

void dhash_near_release(struct dhash_near *out)
{
    free(out->pairs);
    *out = (struct dhash_near){0};
}
