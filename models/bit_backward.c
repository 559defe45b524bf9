/* The backward pass, bottom to top: the mean and the last norm, every unit, the pool, the root.
 * A unit takes two steps: its images one by one (or in bunches), which gives the gradient of its
 * input and of the raw outputs of its convolutions; then its kernels tile by tile, each tile
 * summing all images in order. With a = relu(norm(x)), b and c alike, and y = C c + shortcut:
 *   d_c = C' dy, d_b = B' norm'(d_c), d_a = A' norm'(d_b) + P' dy,
 *   dx = norm'(d_a) (+ dy where the shortcut is x itself). */
#include "models/bit_backward.h"

#include <assert.h>

#include "models/bit_backward_private.h"

struct bit_work bit_work_part(const struct bit_work *w, const struct arch_unit *u,
                              struct bit_size size, size_t first)
{
    struct bit_size out = bit_shrink(size, 3, u->stride);
    size_t px = first * size.h * size.w, out_px = first * out.h * out.w;
    return (struct bit_work){
        .normed_a = w->normed_a + px * u->cin,
        .normed_b = w->normed_b + px * u->mid,
        .normed_c = w->normed_c + out_px * u->mid,
        .d_inner_a = w->d_inner_a + px * u->mid,
        .d_inner_b = w->d_inner_b + out_px * u->mid,
        .sums_a = w->sums_a + first * 2 * u->cin,
        .sums_b = w->sums_b + first * 2 * u->mid,
        .sums_c = w->sums_c + first * 2 * u->mid,
        .d_out = w->d_out + out_px * u->cout,
        .d_in = w->d_in + px * u->cin,
    };
}

void bit_unit_backward(const struct bit_unit *u, const struct bit_kept_unit *k,
                       const struct bit_work *w, struct bit_worker *s)
{
    const struct arch_unit *shape = &u->shape;
    struct bit_size z = k->size;
    struct bit_unit_shapes at = bit_unit_shapes(shape, z);
    size_t px = z.h * z.w, out_px = at.out.h * at.out.w, mid = shape->mid;
    float *d = s->normed; /* of the normed values */
    struct norm_back a = {z.n, px, shape->cin, u->gamma_a, k->stats_a};
    struct norm_back b = {z.n, px, mid, u->gamma_b, k->stats_b};
    struct norm_back c = {z.n, out_px, mid, u->gamma_c, k->stats_c};

    kernel_norm_apply(k->x, z.n, px, a.c, u->gamma_a, u->beta_a, a.stats, &s->norm, w->normed_a);
    kernel_norm_apply(k->inner_a, z.n, px, mid, u->gamma_b, u->beta_b, b.stats, &s->norm,
                      w->normed_b);
    kernel_norm_apply(k->inner_b, z.n, out_px, mid, u->gamma_c, u->beta_c, c.stats, &s->norm,
                      w->normed_c);
    kernel_conv_backward_data(&at.c, w->d_out, u->conv_c, s->col, false, d);
    kernel_norm_relu_backward(&c, k->inner_b, w->normed_c, d, NULL, w->sums_c, w->d_inner_b);
    kernel_conv_backward_data(&at.b, w->d_inner_b, u->conv_b, s->col, false, d);
    kernel_norm_relu_backward(&b, k->inner_a, w->normed_b, d, NULL, w->sums_b, w->d_inner_a);
    kernel_conv_backward_data(&at.a, w->d_inner_a, u->conv_a, s->col, false, d);
    if (u->proj) {
        kernel_conv_backward_data(&at.proj, w->d_out, u->proj, s->col, true, d);
    }
    kernel_norm_relu_backward(&a, k->x, w->normed_a, d, u->proj ? NULL : w->d_out, w->sums_a,
                              w->d_in);
}

/* --- weights of a unit --- */
/* The place in the gradient of what lies at p in block `from`. */
static float *place(const struct bit_base *base, const float *from, const float *p)
{
    return base->gradient + (p - from);
}

size_t bit_unit_weight_items(const struct bit_unit *u, struct bit_size z)
{
    struct bit_unit_shapes s = bit_unit_shapes(&u->shape, z);
    size_t proj = u->proj ? conv_tiles(&s.proj) : 0;
    return 1 + conv_tiles(&s.a) + conv_tiles(&s.b) + conv_tiles(&s.c) + proj;
}

static void add_vectors(const struct bit_unit *u, size_t n, const struct bit_work *w,
                        const struct bit_base *base)
{
    const float *from = base->params;
    kernel_norm_gradient(w->sums_a, n, u->shape.cin, place(base, from, u->gamma_a),
                         place(base, from, u->beta_a));
    kernel_norm_gradient(w->sums_b, n, u->shape.mid, place(base, from, u->gamma_b),
                         place(base, from, u->beta_b));
    kernel_norm_gradient(w->sums_c, n, u->shape.mid, place(base, from, u->gamma_c),
                         place(base, from, u->beta_c));
}

void bit_unit_backward_weights(const struct bit_unit *u, struct bit_size z,
                               const struct bit_work *w, const struct bit_base *base, size_t item,
                               float *col)
{
    struct bit_unit_shapes s = bit_unit_shapes(&u->shape, z);
    const struct {
        const struct conv_shape *shape;
        const float *kernel, *x, *dy;
    } convs[] = {
        {&s.b, u->conv_b, w->normed_b, w->d_inner_b}, /* the largest first */
        {&s.c, u->conv_c, w->normed_c, w->d_out},
        {&s.a, u->conv_a, w->normed_a, w->d_inner_a},
        {&s.proj, u->proj, w->normed_a, w->d_out},
    };
    for (size_t i = 0; i < (u->proj ? 4 : 3); i++) {
        size_t tiles = conv_tiles(convs[i].shape);
        if (item < tiles) {
            kernel_conv_backward_weights(convs[i].shape, item, convs[i].x, convs[i].dy, col,
                                         place(base, base->kernels, convs[i].kernel));
            return;
        }
        item -= tiles;
    }
    add_vectors(u, z.n, w, base);
}

/* --- items of the whole pass --- */
static size_t first_of(const struct bit_job *j, size_t item, size_t *n)
{
    size_t first = item * j->bunch;
    *n = j->n - first < j->bunch ? j->n - first : j->bunch;
    return first;
}

static struct bit_base base_of(const struct bit_job *j)
{
    return (struct bit_base){j->net->params, j->net->kernels, j->gradient};
}

/* The mean over the pixels and the last norm. */
static void last_item(const struct bit_job *j, size_t item, struct bit_worker *s)
{
    const struct bit_pass *p = j->pass;
    const struct bit_net *net = j->net;
    size_t n, first = first_of(j, item, &n), c = arch_features(&p->arch);
    size_t px = p->last_size.h * p->last_size.w, at = first * px * c;
    const struct norm_back b = {n, px, c, net->gamma, p->last_stats + first * NORM_STATS};
    kernel_norm_apply(p->last + at, n, px, c, net->gamma, net->beta, b.stats, &s->norm,
                      p->work.normed_a + at);
    kernel_average_pool_backward(j->d_features + first * c, n, px, c, s->normed);
    kernel_norm_relu_backward(&b, p->last + at, p->work.normed_a + at, s->normed, NULL,
                              p->work.sums_a + first * 2 * c, p->work.d_out + at);
}

static void unit_item(const struct bit_job *j, size_t item, struct bit_worker *s)
{
    const struct bit_pass *p = j->pass;
    const struct bit_unit *u = &j->net->units[j->unit];
    size_t n, first = first_of(j, item, &n);
    struct bit_kept_unit k = bit_kept_part(&p->units[j->unit], &u->shape, first, n);
    struct bit_work w = bit_work_part(&p->work, &u->shape, k.size, first);
    bit_unit_backward(u, &k, &w, s);
}

static void weights_item(const struct bit_job *j, size_t item, struct bit_worker *s)
{
    struct bit_size z = j->pass->units[j->unit].size;
    struct bit_base base = base_of(j);
    z.n = j->n;
    bit_unit_backward_weights(&j->net->units[j->unit], z, &j->pass->work, &base, item, s->col);
}

/* The pool, whose input's gradient lies where the units kept normed_a. */
static void root_item(const struct bit_job *j, size_t item, struct bit_worker *s)
{
    const struct bit_pass *p = j->pass;
    size_t n, first = first_of(j, item, &n);
    struct bit_size z = {n, p->h, p->w}, inner = bit_shrink(z, 7, 2), pooled = p->units[0].size;
    struct conv_shape root = bit_root_shape(&p->arch, z);
    size_t at = first * pooled.h * pooled.w * root.cout;
    float *d_root = p->work.normed_a + first * inner.h * inner.w * root.cout;
    kernel_max_pool_backward(p->work.d_out + at, p->pool_index + at, n, inner.h, inner.w,
                             root.cout, d_root);
    if (j->d_images) {
        kernel_conv_backward_data(&root, d_root, j->net->root, s->col, false,
                                  j->d_images + first * z.h * z.w * 3);
    }
}

static void root_weights_item(const struct bit_job *j, size_t item, struct bit_worker *s)
{
    struct conv_shape root =
        bit_root_shape(&j->pass->arch, (struct bit_size){j->n, j->pass->h, j->pass->w});
    struct bit_base base = base_of(j);
    kernel_conv_backward_weights(&root, item, j->images, j->pass->work.normed_a, s->col,
                                 place(&base, base.kernels, j->net->root));
}

void bit_pass_backward(struct bit_pass *p, const struct bit_net *net, struct pool *pool,
                       const float *images, size_t n, const float *d_features, float *gradient,
                       float *d_images)
{
    assert(n <= p->max_n);
    struct bit_job j = {.pass = p,
                        .net = net,
                        .images = images,
                        .n = n,
                        .bunch = bit_bunch(p->h, p->w),
                        .d_features = d_features,
                        .gradient = gradient,
                        .d_images = d_images};
    struct bit_base base = base_of(&j);
    struct conv_shape root = bit_root_shape(&p->arch, (struct bit_size){n, p->h, p->w});
    size_t bunches = (n + j.bunch - 1) / j.bunch;
    bit_job_run(&j, pool, bunches, last_item);
    kernel_norm_gradient(p->work.sums_a, n, arch_features(&p->arch),
                         place(&base, base.params, net->gamma),
                         place(&base, base.params, net->beta));
    for (size_t i = net->n_units; i-- > 0;) {
        struct bit_size z = {n, p->units[i].size.h, p->units[i].size.w};
        j.unit = i;
        bit_job_run(&j, pool, bunches, unit_item);
        bit_job_run(&j, pool, bit_unit_weight_items(&net->units[i], z), weights_item);
        float *d = p->work.d_out;
        p->work.d_out = p->work.d_in;
        p->work.d_in = d;
    }
    bit_job_run(&j, pool, bunches, root_item);
    bit_job_run(&j, pool, conv_tiles(&root), root_weights_item);
}
