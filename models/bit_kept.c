/* The forward pass of training: memory of a group of images, and the pass that keeps what the
 * backward pass needs. */
#include "models/bit_backward.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "models/bit_backward_private.h"

/* --- memory --- */
static void grow(size_t *most, size_t n)
{
    *most = n > *most ? n : *most;
}

struct bit_size bit_shrink(struct bit_size z, size_t k, size_t stride)
{
    return (struct bit_size){z.n, arch_conv_out(z.h, k, stride), arch_conv_out(z.w, k, stride)};
}

struct bit_unit_shapes bit_unit_shapes(const struct arch_unit *u, struct bit_size z)
{
    struct bit_size out = bit_shrink(z, 3, u->stride);
    return (struct bit_unit_shapes){
        .a = {z.n, z.h, z.w, u->cin, u->mid, 1, 1},
        .b = {z.n, z.h, z.w, u->mid, u->mid, 3, u->stride},
        .c = {z.n, out.h, out.w, u->mid, u->cout, 1, 1},
        .proj = {z.n, z.h, z.w, u->cin, u->cout, 1, u->stride},
        .out = out,
    };
}

struct conv_shape bit_root_shape(const struct arch *a, struct bit_size z)
{
    return (struct conv_shape){z.n, z.h, z.w, 3, arch_root_channels(a), 7, 2};
}

/* Images that go through the network as one item of work: where little is left of an image in the
 * last block, several share the reading of the kernels. */
size_t bit_bunch(size_t h, size_t w)
{
    enum { FEW_PIXELS = 16,
           BUNCH = 4 };
    return ((h + 31) / 32) * ((w + 31) / 32) < FEW_PIXELS ? BUNCH : 1;
}

/* Largest sizes in floats over the whole network. */
struct sizes {
    size_t a, b, c;       /* of a group: normed_a ... */
    size_t unit;          /* of a group: a unit's input or output */
    size_t normed;        /* of a bunch */
    size_t col, channels; /* of a worker */
};

/* A convolution's scratch: of a bunch forward and backward, of the group for its weights. */
static void measure_conv(struct sizes *most, struct conv_shape s, size_t bunch)
{
    grow(&most->col, conv_gather_floats(&s));
    s.n = s.n < bunch ? s.n : bunch;
    grow(&most->col, conv_col_floats(&s));
    s.n = 1; /* the last bunch may be short */
    grow(&most->col, conv_col_floats(&s));
}

static void measure_unit(struct sizes *most, const struct arch_unit *u, struct bit_size z,
                         size_t bunch)
{
    struct bit_unit_shapes s = bit_unit_shapes(u, z);
    size_t before = z.h * z.w, after = s.out.h * s.out.w;
    grow(&most->a, z.n * before * u->cin);
    grow(&most->b, z.n * before * u->mid);
    grow(&most->c, z.n * after * u->mid);
    grow(&most->unit, z.n * before * u->cin);
    grow(&most->unit, z.n * after * u->cout);
    grow(&most->normed, bunch * before * u->cin);
    grow(&most->normed, bunch * before * u->mid);
    grow(&most->channels, u->cout);
    measure_conv(most, s.b, bunch);
    if (u->proj) {
        measure_conv(most, s.proj, bunch);
    }
}

static void take_unit(struct bit_kept_unit *k, struct arena *arena, const struct arch_unit *u,
                      struct bit_size z)
{
    struct bit_size out = bit_shrink(z, 3, u->stride);
    k->size = z;
    k->x = arena_take(arena, z.n * z.h * z.w * u->cin * sizeof *k->x);
    k->inner_a = arena_take(arena, z.n * z.h * z.w * u->mid * sizeof *k->inner_a);
    k->inner_b = arena_take(arena, z.n * out.h * out.w * u->mid * sizeof *k->inner_b);
    double **stats[] = {&k->stats_a, &k->stats_b, &k->stats_c};
    for (size_t i = 0; i < 3; i++) {
        *stats[i] = arena_take(arena, z.n * NORM_STATS * sizeof **stats[i]);
    }
}

static void take_work(struct bit_work *w, struct arena *arena, const struct sizes *most, size_t n)
{
    w->normed_a = arena_take(arena, most->a * sizeof *w->normed_a);
    w->normed_b = arena_take(arena, most->b * sizeof *w->normed_b);
    w->normed_c = arena_take(arena, most->c * sizeof *w->normed_c);
    w->d_inner_a = arena_take(arena, most->b * sizeof *w->d_inner_a);
    w->d_inner_b = arena_take(arena, most->c * sizeof *w->d_inner_b);
    w->d_out = arena_take(arena, most->unit * sizeof *w->d_out);
    w->d_in = arena_take(arena, most->unit * sizeof *w->d_in);
    double **sums[] = {&w->sums_a, &w->sums_b, &w->sums_c};
    for (size_t i = 0; i < 3; i++) {
        *sums[i] = arena_take(arena, n * 2 * most->channels * sizeof **sums[i]);
    }
}

static void take_worker(struct bit_worker *w, struct arena *arena, const struct sizes *most)
{
    w->normed = arena_take(arena, most->normed * sizeof *w->normed);
    w->col = arena_take(arena, most->col * sizeof *w->col);
    w->norm.sum = arena_take(arena, most->channels * sizeof *w->norm.sum);
    w->norm.mean = arena_take(arena, most->channels * sizeof *w->norm.mean);
    w->norm.centre = arena_take(arena, most->channels * sizeof *w->norm.centre);
    w->norm.scale = arena_take(arena, most->channels * sizeof *w->norm.scale);
    w->norm.shift = arena_take(arena, most->channels * sizeof *w->norm.shift);
}

/* The layout; p->units and p->workers may be NULL, to plan only. */
static void take_all(struct bit_pass *p)
{
    struct bit_size z = {p->max_n, p->h, p->w};
    struct sizes most = {0};
    struct conv_shape root = bit_root_shape(&p->arch, z);
    size_t bunch = bit_bunch(p->h, p->w), unit = 0;
    bunch = bunch < z.n ? bunch : z.n;
    measure_conv(&most, root, bunch);
    z = bit_shrink(z, 7, 2);
    grow(&most.a, z.n * z.h * z.w * root.cout); /* the root's gradient */
    grow(&most.normed, bunch * z.h * z.w * root.cout);
    z = bit_shrink(z, 3, 2);
    p->pool_index = arena_take(&p->arena, z.n * z.h * z.w * root.cout);
    for (size_t b = 0; b < ARCH_BLOCKS; b++) {
        for (size_t i = 0; i < p->arch.depth[b]; i++, unit++) {
            struct bit_kept_unit none;
            struct arch_unit u = arch_unit_at(&p->arch, b, i);
            measure_unit(&most, &u, z, bunch);
            take_unit(p->units ? &p->units[unit] : &none, &p->arena, &u, z);
            z = bit_shrink(z, 3, u.stride);
        }
    }
    size_t c = arch_features(&p->arch);
    grow(&most.a, z.n * z.h * z.w * c);
    grow(&most.normed, bunch * z.h * z.w * c);
    p->last_size = z;
    p->last = arena_take(&p->arena, z.n * z.h * z.w * c * sizeof *p->last);
    p->last_stats = arena_take(&p->arena, z.n * NORM_STATS * sizeof *p->last_stats);
    take_work(&p->work, &p->arena, &most, z.n);
    for (size_t i = 0; i < p->n_workers; i++) {
        struct bit_worker none;
        take_worker(p->workers ? &p->workers[i] : &none, &p->arena, &most);
    }
}

size_t bit_pass_bytes(const struct arch *a, size_t max_n, size_t h, size_t w, size_t n_workers)
{
    struct bit_pass p = {.arch = *a, .max_n = max_n, .h = h, .w = w, .n_workers = n_workers};
    arena_plan(&p.arena);
    take_all(&p);
    return p.arena.peak;
}

int bit_pass_open(struct bit_pass *p, const struct arch *a, size_t max_n, size_t h, size_t w,
                  size_t n_workers, struct err *e)
{
    size_t n_units = a->depth[0] + a->depth[1] + a->depth[2] + a->depth[3];
    *p = (struct bit_pass){.arch = *a, .max_n = max_n, .h = h, .w = w, .n_workers = n_workers};
    p->units = mem_take(n_units, sizeof *p->units, e);
    p->workers = mem_take(n_workers, sizeof *p->workers, e);
    if (!p->units || !p->workers ||
        arena_open(&p->arena, bit_pass_bytes(a, max_n, h, w, n_workers), e)) {
        bit_pass_close(p);
        return -1;
    }
    take_all(p);
    return 0;
}

void bit_pass_close(struct bit_pass *p)
{
    arena_close(&p->arena);
    free(p->units);
    free(p->workers);
    *p = (struct bit_pass){0};
}

/* --- forward --- */
struct bit_kept_unit bit_kept_part(const struct bit_kept_unit *k, const struct arch_unit *u,
                                   size_t first, size_t n)
{
    struct bit_unit_shapes s = bit_unit_shapes(u, k->size);
    size_t px = first * k->size.h * k->size.w, out_px = first * s.out.h * s.out.w;
    return (struct bit_kept_unit){
        .size = {n, k->size.h, k->size.w},
        .x = k->x + px * u->cin,
        .inner_a = k->inner_a + px * u->mid,
        .inner_b = k->inner_b + out_px * u->mid,
        .stats_a = k->stats_a + first * NORM_STATS,
        .stats_b = k->stats_b + first * NORM_STATS,
        .stats_c = k->stats_c + first * NORM_STATS,
    };
}

void bit_unit_keep(const struct bit_unit *u, const struct bit_kept_unit *k, struct bit_worker *s,
                   float *out)
{
    const struct arch_unit *shape = &u->shape;
    struct bit_size z = k->size;
    struct bit_unit_shapes at = bit_unit_shapes(shape, z);
    size_t px = z.h * z.w, out_px = at.out.h * at.out.w, mid = shape->mid;
    kernel_norm_stats(k->x, z.n, px, shape->cin, &s->norm, k->stats_a);
    kernel_norm_apply(k->x, z.n, px, shape->cin, u->gamma_a, u->beta_a, k->stats_a, &s->norm,
                      s->normed);
    if (u->proj) {
        kernel_conv(&at.proj, s->normed, u->proj, s->col, false, out);
    } else {
        memcpy(out, k->x, z.n * px * shape->cin * sizeof *out);
    }
    kernel_conv(&at.a, s->normed, u->conv_a, s->col, false, k->inner_a);
    kernel_norm_stats(k->inner_a, z.n, px, mid, &s->norm, k->stats_b);
    kernel_norm_apply(k->inner_a, z.n, px, mid, u->gamma_b, u->beta_b, k->stats_b, &s->norm,
                      s->normed);
    kernel_conv(&at.b, s->normed, u->conv_b, s->col, false, k->inner_b);
    kernel_norm_stats(k->inner_b, z.n, out_px, mid, &s->norm, k->stats_c);
    kernel_norm_apply(k->inner_b, z.n, out_px, mid, u->gamma_c, u->beta_c, k->stats_c, &s->norm,
                      s->normed);
    kernel_conv(&at.c, s->normed, u->conv_c, s->col, true, out);
}

/* Where unit i puts its output for image `first`. */
static float *output_of(const struct bit_pass *p, const struct bit_net *net, size_t i, size_t first)
{
    bool last = i + 1 == net->n_units;
    struct bit_size z = last ? p->last_size : p->units[i + 1].size;
    float *out = last ? p->last : p->units[i + 1].x;
    return out + first * z.h * z.w * net->units[i].shape.cout;
}

static void forward_item(const struct bit_job *j, size_t item, struct bit_worker *s)
{
    struct bit_pass *p = j->pass;
    const struct bit_net *net = j->net;
    size_t first = item * j->bunch, n = j->n - first < j->bunch ? j->n - first : j->bunch;
    struct bit_size z = {n, p->h, p->w};
    struct conv_shape root = bit_root_shape(&p->arch, z);
    kernel_conv(&root, j->images + first * z.h * z.w * 3, net->root, s->col, false, s->normed);
    struct bit_size pooled = p->units[0].size;
    size_t at = first * pooled.h * pooled.w * root.cout;
    z = bit_shrink(z, 7, 2);
    kernel_max_pool_index(s->normed, n, z.h, z.w, root.cout, p->units[0].x + at,
                          p->pool_index + at);
    for (size_t i = 0; i < net->n_units; i++) {
        struct bit_kept_unit k = bit_kept_part(&p->units[i], &net->units[i].shape, first, n);
        bit_unit_keep(&net->units[i], &k, s, output_of(p, net, i, first));
    }
    size_t c = arch_features(&p->arch), px = p->last_size.h * p->last_size.w;
    const float *last = p->last + first * px * c;
    double *stats = p->last_stats + first * NORM_STATS;
    kernel_norm_stats(last, n, px, c, &s->norm, stats);
    kernel_norm_apply(last, n, px, c, net->gamma, net->beta, stats, &s->norm, s->normed);
    kernel_average_pool(s->normed, n, px, c, s->norm.sum, j->features + first * c);
}

void bit_pass_forward(struct bit_pass *p, const struct bit_net *net, struct pool *pool,
                      const float *images, size_t n, float *features)
{
    assert(n <= p->max_n);
    struct bit_job j = {.pass = p,
                        .net = net,
                        .images = images,
                        .n = n,
                        .bunch = bit_bunch(p->h, p->w),
                        .features = features};
    bit_job_run(&j, pool, (n + j.bunch - 1) / j.bunch, forward_item);
}

/* --- work --- */
static void worker_item(void *ctx, size_t item, size_t worker)
{
    struct bit_job *j = ctx;
    (void)worker;
    cpu_flush_denormals();
    for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n_items;) {
        j->fn(j, i, &j->pass->workers[item]);
    }
}

void bit_job_run(struct bit_job *j, struct pool *pool, size_t n_items,
                 void (*fn)(const struct bit_job *, size_t, struct bit_worker *))
{
    j->n_items = n_items;
    j->fn = fn;
    atomic_init(&j->next, 0);
    pool_run(pool, j->pass->n_workers, worker_item, j);
}
