/* Resampling and intervals. The words are splitmix64's, chained over seed, stream, resample and
 * draw. Percentile intervals take quantiles of type 7 (Hyndman and Fan 1996); BCa is Efron, Better
 * Bootstrap Confidence Intervals (1987), with the acceleration of the jackknife over images. */
#include "results/bootstrap.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/pool.h"
#include "harness/base/rng.h"
#include "results/binomial.h"
#include "results/stats.h"

uint64_t bootstrap_word(uint64_t seed, uint64_t stream, uint64_t resample, uint64_t draw)
{
    return rng_splitmix(rng_at(seed, stream, resample), draw);
}

size_t bootstrap_index(uint64_t seed, uint64_t stream, uint64_t resample, uint64_t draw, size_t n)
{
    return (size_t)rng_below(bootstrap_word(seed, stream, resample, draw), n);
}

/* ---- patterns ---- */

static int compare_rows(const void *a, const void *b, void *bytes)
{
    return memcmp(a, b, *(const size_t *)bytes);
}

/* Rows of changed images [*n_rows, n_blocks] into out. */
static size_t gather(const int32_t *x, size_t n_blocks, size_t n, int32_t *out)
{
    size_t n_rows = 0;
    for (size_t i = 0; i < n; i++) {
        bool changed = false;
        for (size_t r = 0; r < n_blocks; r++) {
            out[n_rows * n_blocks + r] = x[r * n + i];
            changed |= x[r * n + i] != 0;
        }
        n_rows += changed;
    }
    return n_rows;
}

int boot_set_init(struct boot_set *s, const int32_t *x, size_t n_blocks, size_t n, int32_t unit,
                  struct err *e)
{
    assert(n > 0 && n_blocks > 0 && unit > 0);
    *s = (struct boot_set){.n = n, .n_blocks = n_blocks, .unit = unit};
    size_t row_bytes = n_blocks * sizeof *x;
    s->pattern = mem_take_raw(n + 1, row_bytes, e); /* one more: gather writes before it knows */
    s->count = s->pattern ? mem_take(n, sizeof *s->count, e) : NULL;
    if (!s->count) {
        boot_set_release(s);
        return -1;
    }
    size_t n_rows = gather(x, n_blocks, n, s->pattern);
    qsort_r(s->pattern, n_rows, row_bytes, compare_rows, &row_bytes);
    for (size_t i = 0; i < n_rows; i++) {
        const int32_t *row = s->pattern + i * n_blocks;
        int32_t *last = s->pattern + s->n_patterns * n_blocks;
        if (s->n_patterns == 0 || memcmp(row, last - n_blocks, row_bytes) != 0) {
            memmove(last, row, row_bytes);
            s->n_patterns++;
        }
        s->count[s->n_patterns - 1]++;
    }
    return 0;
}

void boot_set_release(struct boot_set *s)
{
    free(s->pattern);
    free(s->count);
    *s = (struct boot_set){0};
}

/* The sum over blocks of a pattern. */
static int64_t pattern_sum(const struct boot_set *s, size_t p)
{
    int64_t sum = 0;
    for (size_t r = 0; r < s->n_blocks; r++) {
        sum += s->pattern[p * s->n_blocks + r];
    }
    return sum;
}

double boot_set_mean(const struct boot_set *s)
{
    int64_t sum = 0;
    for (size_t p = 0; p < s->n_patterns; p++) {
        sum += pattern_sum(s, p) * (int64_t)s->count[p];
    }
    return (double)sum / ((double)s->n * (double)s->n_blocks * s->unit);
}

void boot_set_moments(const struct boot_set *s, double weight, double *squares, double *cubes)
{
    double mean = boot_set_mean(s), scale = weight / (double)s->n;
    size_t n_left = s->n;
    for (size_t p = 0; p <= s->n_patterns; p++) {
        bool zero = p == s->n_patterns; /* the images that did not change */
        size_t count = zero ? n_left : s->count[p];
        double d = zero ? 0 : (double)pattern_sum(s, p) / ((double)s->n_blocks * s->unit);
        double u = scale * (d - mean);
        *squares += (double)count * (u * u);
        *cubes += (double)count * (u * u * u);
        n_left -= zero ? 0 : count;
    }
}

/* ---- resamples ---- */

/* The sum of n draws with replacement from n values: count[v + most] of them are v, in -most..most;
 * those that are 0 are not counted. One word a value. */
static int64_t draw_sum(const size_t *count, int64_t most, size_t n, uint64_t key, uint64_t draw)
{
    size_t n_left = n, pool_left = n;
    int64_t sum = 0;
    for (int64_t v = -most; v <= most && n_left; v++) {
        size_t m = v ? count[v + most] : 0;
        if (m == 0) {
            continue;
        }
        double u = rng_unit(rng_splitmix(key, draw++));
        size_t k = binomial_draw(n_left, (double)m / (double)pool_left, u);
        sum += v * (int64_t)k;
        n_left -= k;
        pool_left -= m;
    }
    return sum;
}

struct resampling {
    const struct boot_set *s;
    uint64_t seed, stream;
    double weight, *means;
    size_t n_resamples, *scratch; /* [workers, stride] */
    size_t stride;
};
enum { RESAMPLES_AT_ONCE = 250 };

/* How often each block is drawn; by the same words as an index draw of blocks. */
static void draw_blocks(const struct boot_set *s, uint64_t key, size_t *times)
{
    memset(times, 0, s->n_blocks * sizeof *times);
    for (size_t r = 0; r < s->n_blocks; r++) {
        times[rng_below(rng_splitmix(key, r), s->n_blocks)]++;
    }
}

static double resample_mean(const struct resampling *b, size_t resample, size_t *scratch)
{
    const struct boot_set *s = b->s;
    uint64_t key = rng_at(b->seed, b->stream, resample);
    int64_t most = (int64_t)s->n_blocks * s->unit;
    size_t *times = scratch, *count = scratch + s->n_blocks;
    memset(count, 0, (size_t)(2 * most + 1) * sizeof *count);
    if (s->n_blocks > 1) {
        draw_blocks(s, key, times);
    } else {
        times[0] = 1;
    }
    for (size_t p = 0; p < s->n_patterns; p++) {
        int64_t v = 0;
        for (size_t r = 0; r < s->n_blocks; r++) {
            v += (int64_t)times[r] * s->pattern[p * s->n_blocks + r];
        }
        count[v + most] += s->count[p];
    }
    int64_t sum = draw_sum(count, most, s->n, key, s->n_blocks);
    return (double)sum / ((double)s->n * (double)most);
}

static void resample_chunk(void *ctx, size_t item, size_t worker)
{
    const struct resampling *b = ctx;
    size_t end = (item + 1) * RESAMPLES_AT_ONCE;
    end = end < b->n_resamples ? end : b->n_resamples;
    for (size_t i = item * RESAMPLES_AT_ONCE; i < end; i++) {
        b->means[i] += b->weight * resample_mean(b, i, b->scratch + worker * b->stride);
    }
}

int bootstrap_add(const struct boot_set *s, uint64_t seed, uint64_t stream, double weight,
                  double *means, size_t n_resamples, struct pool *pool, struct err *e)
{
    struct resampling b = {s, seed, stream, weight, means, n_resamples, NULL, 0};
    b.stride = s->n_blocks + 2 * s->n_blocks * (size_t)s->unit + 1;
    b.scratch = mem_take(pool_size(pool), b.stride * sizeof *b.scratch, e);
    if (!b.scratch) {
        return -1;
    }
    pool_run(pool, (n_resamples + RESAMPLES_AT_ONCE - 1) / RESAMPLES_AT_ONCE, resample_chunk, &b);
    free(b.scratch);
    return 0;
}

/* ---- intervals ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double level)
{
    double at = (double)(n - 1) * level;
    size_t i = (size_t)at < n - 2 ? (size_t)at : n - 2;
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

static double normal_cdf(double z)
{
    return erfc(-z / sqrt(2)) / 2;
}

double bootstrap_acceleration(double squares, double cubes)
{
    return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : (double)NAN;
}

static void add_bca(const double *sorted, size_t n, double acceleration, double level,
                    struct boot_interval *out)
{
    out->has_bca = true;
    out->z0 = stats_normal_quantile(out->below);
    double z = out->z0 + stats_normal_quantile((1 - level) / 2);
    out->level_low = normal_cdf(out->z0 + z / (1 - acceleration * z));
    z = out->z0 + stats_normal_quantile((1 + level) / 2);
    out->level_high = normal_cdf(out->z0 + z / (1 - acceleration * z));
    out->bca_low = quantile(sorted, n, out->level_low);
    out->bca_high = quantile(sorted, n, out->level_high);
}

void bootstrap_interval(double *resamples, size_t n, double estimate, double acceleration,
                        double level, struct boot_interval *out)
{
    assert(n >= 2 && level > 0 && level < 1);
    size_t n_less = 0, n_most = 0;
    double sum = 0, squares = 0;
    qsort(resamples, n, sizeof *resamples, by_value);
    for (size_t i = 0; i < n; i++) {
        sum += resamples[i];
        n_less += resamples[i] < estimate;
        n_most += resamples[i] <= estimate;
    }
    *out = (struct boot_interval){.mean = sum / (double)n};
    for (size_t i = 0; i < n; i++) {
        squares += (resamples[i] - out->mean) * (resamples[i] - out->mean);
    }
    out->sd = sqrt(squares / (double)(n - 1));
    out->low = quantile(resamples, n, (1 - level) / 2);
    out->high = quantile(resamples, n, (1 + level) / 2);
    out->below = (double)(n_less + n_most) / (2 * (double)n);
    if (out->below > 0 && out->below < 1 && !isnan(acceleration)) {
        add_bca(resamples, n, acceleration, level, out);
    }
}
